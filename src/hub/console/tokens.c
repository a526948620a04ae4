// SPDX-License-Identifier: Apache-2.0
/* One's own API tokens. They are made and taken back in a session only: who has found a token cannot make others with it. */
#include <stdio.h>

#include "hub/console/internal.h"

#define DAY_US (INT64_C(86400) * 1000000)

struct listing {
	struct jsonw *json;
	size_t limit, count;
	struct api_position last;
	bool more;
};

static void write_scopes(struct jsonw *json, uint64_t scopes)
{
	jsonw_kv_array_begin(json, "permissions");
	for (int i = 0; i < AUTH_PERMISSION_COUNT; i++)
		if (scopes >> i & 1)
			jsonw_string(json, auth_permission_name((enum auth_permission)i));
	jsonw_array_end(json);
}

static int list_token(void *context, const struct auth_token *token)
{
	struct listing *listing = context;

	if (token->id <= listing->last.id)
		return 0;
	listing->more = listing->count == listing->limit;
	if (listing->more)
		return 1;
	jsonw_object_begin(listing->json);
	console_kv_id(listing->json, "id", token->id);
	jsonw_kv_string(listing->json, "name", token->name);
	write_scopes(listing->json, token->scopes);
	console_kv_time(listing->json, "created", token->created_us);
	console_kv_time(listing->json, "expires", token->expires_us);
	console_kv_time_or_null(listing->json, "last_used", token->used_us);
	jsonw_object_end(listing->json);
	listing->last.id = token->id;
	listing->count++;
	return 0;
}

/* A token sees no tokens. */
static bool by_session(const struct api_request *request, struct api_reply *reply)
{
	if (console_principal(request)->kind == AUTH_BY_SESSION)
		return true;
	api_reply_error(reply, LUYTRE_E_PERMISSION, NULL);
	return false;
}

void handle_list_tokens(struct api_request *request, struct api_reply *reply)
{
	struct listing listing = { .limit = (size_t)console_query_i64(request, "limit", 100) };
	struct console_call call;
	int error;

	if (!by_session(request, reply) || !api_page_begin(request, reply, &listing.last))
		return;
	console_call(request, &call);
	listing.json = api_reply_json(reply, 200);
	jsonw_object_begin(listing.json);
	jsonw_kv_array_begin(listing.json, "items");
	error = auth_token_each(&call.auth, call.auth.principal->account, list_token, &listing);
	jsonw_array_end(listing.json);
	api_page_end(request, listing.json, listing.more, listing.last);
	jsonw_object_end(listing.json);
	if (error < 0)
		api_reply_error(reply, error, NULL);
}

/* The description has only words that are permissions. */
static uint64_t read_scopes(const struct api_request *request)
{
	const json_t *words = json_object_get(request->json, "permissions"), *word;
	uint64_t scopes = 0;
	size_t i;

	json_array_foreach (words, i, word) {
		int number = auth_permission_find(bytes_from_str(json_string_value(word)));

		if (number >= 0)
			scopes |= UINT64_C(1) << number;
	}
	return scopes;
}

void handle_create_token(struct api_request *request, struct api_reply *reply)
{
	int64_t days = json_integer_value(json_object_get(request->json, "days"));
	int64_t expires_us = console_now_us(request) + days * DAY_US;
	char name[AUTH_TEXT_SIZE] = "", text[AUTH_TOKEN_SIZE];
	struct console_call call;
	struct jsonw *json;
	uint32_t id;
	int error;

	if (!by_session(request, reply) || !console_body_copy(request, reply, "name", name, sizeof(name)))
		return;
	console_call(request, &call);
	error = auth_token_create(&call.auth, name, read_scopes(request), expires_us, text, &id);
	if (error) {
		api_reply_error(reply, error == LUYTRE_E_FULL ? LUYTRE_E_CONFLICT : error, NULL);
		return;
	}
	json = api_reply_json(reply, 201);
	jsonw_object_begin(json);
	console_kv_id(json, "id", id);
	jsonw_kv_string(json, "name", name);
	jsonw_kv_string(json, "secret", text);
	console_kv_time(json, "expires", expires_us);
	jsonw_object_end(json);
}

void handle_delete_token(struct api_request *request, struct api_reply *reply)
{
	struct console_call call;
	uint32_t id;
	int error;

	if (!by_session(request, reply) || !console_path_id32(request, reply, "token", &id))
		return;
	console_call(request, &call);
	error = auth_token_remove(&call.auth, call.auth.principal->account, id);
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	console_forget(console_of(request), call.auth.principal->account);
	api_reply_empty(reply, 204);
}
