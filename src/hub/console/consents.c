// SPDX-License-Identifier: Apache-2.0
/* Consents to be probed: who gave which, from when to when. Without one nothing is sent to anybody's server. */
#include <stdio.h>
#include <string.h>

#include "hub/api/moment.h"
#include "hub/console/posture.h"
#include "hub/posture/probe/consent.h"

static void write_kinds(struct jsonw *json, uint32_t kinds)
{
	jsonw_kv_array_begin(json, "kinds");
	for (int i = 0; i < CONSENT_KIND_COUNT; i++)
		if (kinds >> i & 1)
			jsonw_string(json, consent_kinds[i]);
	jsonw_array_end(json);
}

static void write_consent(struct jsonw *json, const struct consent *consent)
{
	struct bytes who = bytes_from_str(consent->who);
	size_t blank = bytes_index(who, ' ');

	jsonw_object_begin(json);
	console_kv_id(json, "id", (uint64_t)consent->id);
	console_kv_id(json, "tenant", consent->tenant);
	console_kv_id_or_null(json, "asset", consent->asset);
	write_kinds(json, consent->kinds);
	console_kv_time(json, "from", consent->from_us);
	console_kv_time(json, "until", consent->until_us);
	console_kv_time(json, "given", consent->given_us);
	jsonw_kv_string_bytes(json, "who", blank < who.size ? bytes_skip(who, blank + 1) : who);
	jsonw_kv_string(json, "note", consent->note);
	jsonw_object_end(json);
}

struct listing {
	struct jsonw *json;
	size_t limit, count;
	uint64_t last;
	bool more;
};

static int list_one(void *context, const struct consent *consent)
{
	struct listing *listing = context;

	listing->more = listing->count == listing->limit;
	if (listing->more)
		return 1;
	write_consent(listing->json, consent);
	listing->last = (uint64_t)consent->id;
	listing->count++;
	return 0;
}

void handle_list_consents(struct api_request *request, struct api_reply *reply)
{
	struct listing listing = { .limit = (size_t)console_query_i64(request, "limit", 100) };
	struct api_position from;
	struct auth_scope scope;
	int error;

	if (!api_page_begin(request, reply, &from) ||
		!console_scope_of_query(request, reply, AUTH_FINDINGS_JUDGE, &scope))
		return;
	listing.json = api_reply_json(reply, 200);
	jsonw_object_begin(listing.json);
	jsonw_kv_array_begin(listing.json, "items");
	error = consent_each(console_db(request), &scope.scope, 0, (int64_t)from.id, (uint32_t)listing.limit + 1,
		list_one, &listing);
	jsonw_array_end(listing.json);
	api_page_end(request, listing.json, listing.more, (struct api_position){ .id = listing.last });
	jsonw_object_end(listing.json);
	if (error < 0)
		api_reply_error(reply, error, NULL);
	auth_scope_done(&scope);
}

static uint32_t read_kinds(const json_t *words)
{
	uint32_t kinds = 0;
	const json_t *word;
	size_t i;

	json_array_foreach (words, i, word)
		for (int kind = 0; kind < CONSENT_KIND_COUNT; kind++)
			if (strcmp(json_string_value(word), consent_kinds[kind]) == 0)
				kinds |= 1U << kind;
	return kinds;
}

static int64_t read_time(const struct api_request *request, const char *key)
{
	const char *text = console_body_text(request, key);
	int64_t time_us = 0;

	return text && !moment_parse(bytes_from_str(text), &time_us) ? time_us : 0;
}

static uint32_t small_id(uint64_t id)
{
	return id > UINT32_MAX ? UINT32_MAX : (uint32_t)id; /* nothing has the largest number */
}

void handle_create_consent(struct api_request *request, struct api_reply *reply)
{
	struct consent consent = { .tenant = small_id(console_body_id(request, "tenant", 0)),
		.asset = small_id(console_body_id(request, "asset", 0)),
		.kinds = read_kinds(json_object_get(request->json, "kinds")),
		.from_us = read_time(request, "from"),
		.until_us = read_time(request, "until") };
	struct console_call call;
	int error;

	if (!console_body_copy(request, reply, "note", consent.note, sizeof(consent.note)) ||
		!console_allowed(request, reply, AUTH_FINDINGS_JUDGE, consent.tenant))
		return;
	console_call(request, &call);
	error = consent_give(console_db(request), &call.origin, &consent);
	if (error)
		api_reply_error(reply, error == LUYTRE_E_RANGE ? LUYTRE_E_INVALID : error, NULL);
	else
		write_consent(api_reply_json(reply, 201), &consent);
}

void handle_delete_consent(struct api_request *request, struct api_reply *reply)
{
	struct auth_scope scope;
	struct console_call call;
	uint64_t id;
	int error;

	if (!console_path_id(request, reply, "consent", &id) ||
		!console_scope(request, reply, AUTH_FINDINGS_JUDGE, &scope))
		return;
	console_call(request, &call);
	error = consent_take_back(console_db(request), &call.origin, &scope.scope, (int64_t)id);
	if (error)
		api_reply_error(reply, error, NULL);
	else
		api_reply_empty(reply, 204);
	auth_scope_done(&scope);
}
