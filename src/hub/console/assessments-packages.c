// SPDX-License-Identifier: Apache-2.0
/* An assessment as a sealed file (hub/assess/package.h): each recipient opens his own part. Views: "all" has every answer with its note, the
 * staff and whether the signature of each sheet is good; "sums" has what is added up, and nobody's answers, staff or systems. */
#include "hub/console/assessments.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "hub/assess/package.h"
#include "hub/console/registry.h"

#define FORMAT "luytre-assessment 1"

enum view { VIEW_ALL, VIEW_SUMS, VIEW_COUNT };
static const char *const view_words[VIEW_COUNT] = { [VIEW_ALL] = "all", [VIEW_SUMS] = "sums" };

struct recipient {
	uint8_t key[PACKAGE_KEY_SIZE];
	enum view view;
};

struct wish {
	struct recipient recipients[PACKAGE_PARTS_MAX];
	size_t count;
	uint32_t tenant; /* of the query, with all below it; 0: all that the caller may */
};

/* ---- In ---- */

static void read_key(const struct jsonr *item, uint8_t *key)
{
	const struct jsonr at = jsonr_member(item, "key");
	struct bytes text;
	size_t size = 0;

	if (!jsonr_string(item, "key", JSONR_NEEDED, 2 * PACKAGE_KEY_SIZE, 2 * PACKAGE_KEY_SIZE, &text))
		return;
	if (sodium_hex2bin(key, PACKAGE_KEY_SIZE, (const char *)text.ptr, text.size, NULL, &size, NULL) ||
		size != PACKAGE_KEY_SIZE)
		jsonr_fail(&at, JSONR_FORM, 0, 0);
}

static bool read_wish(const struct api_request *request, struct api_reply *reply, struct wish *ret)
{
	struct jsonr_errors errors;
	struct jsonr body, items;

	*ret = (struct wish){ 0 };
	api_body(request, &errors, &body);
	ret->tenant = (uint32_t)console_query_id(request, "tenant");
	if (jsonr_array(&body, "recipients", JSONR_NEEDED, PACKAGE_PARTS_MAX, &items))
		for (; ret->count < json_array_size(items.value); ret->count++) {
			const struct jsonr item = jsonr_item(&items, ret->count);
			size_t view = VIEW_SUMS;

			read_key(&item, ret->recipients[ret->count].key);
			jsonr_word(&item, "view", JSONR_NEEDED, view_words, VIEW_COUNT, &view);
			ret->recipients[ret->count].view = (enum view)view;
		}
	if (errors.count)
		api_reply_invalid(reply, &errors);
	return errors.count == 0;
}

/* ---- The views ---- */

struct writing {
	const struct api_request *request;
	const struct assessments_call *call;
	const struct assessment *assessment;
	const struct law_profile *profile, *second; /* second: null without one */
	struct jsonw *json;
	const struct assess_sheet *sheet; /* that is written */
};

static int write_judged(void *context, const struct judged *judged)
{
	struct writing *writing = context;

	assessments_write_judged(
		writing->request, writing->json, writing->profile, NULL, judged, writing->sheet->level);
	return 0;
}

static int write_second(void *context, const struct judged *judged)
{
	struct writing *writing = context;

	assessments_write_judged(writing->request, writing->json, writing->second, NULL, judged, writing->sheet->level);
	return 0;
}

static int skip(void *context, const struct judged *judged)
{
	return 0;
}

/* Of the second profile, behind the first. */
static int write_second_items(struct writing *writing, const struct assess_sheet *sheet)
{
	int error;

	if (!writing->second)
		return 0;
	jsonw_kv_array_begin(writing->json, "second");
	error = assess_judge(&writing->call->call, writing->assessment, sheet, skip, write_second, writing);
	jsonw_array_end(writing->json);
	return error;
}

/* A text that is full already, or a hub that stops, ends it here: the other sheets would be judged for nothing. */
static int write_sheet(void *context, const struct assess_sheet *sheet)
{
	struct writing *writing = context;
	struct jsonw *json = writing->json;
	int error = jsonw_error(writing->json);

	if (!error && console_stopping(console_of(writing->request)))
		error = LUYTRE_E_CLOSED;
	if (error)
		return error;
	writing->sheet = sheet;
	jsonw_object_begin(json);
	assessments_kv_sheet(json, sheet);
	jsonw_kv_array_begin(json, "items");
	error = assess_judge(&writing->call->call, writing->assessment, sheet, write_judged, NULL, writing);
	jsonw_array_end(json);
	if (!error)
		error = write_second_items(writing, sheet);
	if (!bytes_empty(sheet->staff))
		console_kv_json(json, "staff", sheet->staff);
	jsonw_object_end(json);
	return error;
}

static int write_groups(struct writing *writing)
{
	static const enum assess_group groups[] = { ASSESS_BY_NATION, ASSESS_BY_LEVEL, ASSESS_BY_SECTOR,
		ASSESS_BY_PROVINCE, ASSESS_BY_GROUP, ASSESS_BY_PART };
	int error = 0;

	jsonw_kv_array_begin(writing->json, "groups");
	for (size_t i = 0; i < ARRAY_COUNT(groups) && !error; i++) {
		jsonw_object_begin(writing->json);
		error = assessments_kv_sums(
			writing->request, writing->json, writing->call, writing->assessment, groups[i], 0);
		jsonw_object_end(writing->json);
	}
	jsonw_array_end(writing->json);
	return error;
}

static int write_view(struct writing *writing, enum view view)
{
	struct jsonw *json = writing->json;
	int error;

	jsonw_object_begin(json);
	jsonw_kv_string(json, "format", FORMAT);
	jsonw_kv_string(json, "view", view_words[view]);
	console_kv_time(json, "made", writing->call->who.origin.now_us);
	jsonw_kv_object_begin(json, "assessment");
	assessments_kv(json, writing->assessment);
	jsonw_object_end(json);
	error = write_groups(writing);
	if (!error && view == VIEW_ALL) {
		jsonw_kv_array_begin(json, "systems");
		error = assess_sheet_each(
			&writing->call->call, writing->assessment->id, 0, UINT32_MAX, write_sheet, writing);
		jsonw_array_end(json);
	}
	jsonw_object_end(json);
	return error;
}

/* ---- Out ---- */

static int audit(const struct assessments_call *call, const struct assessment *assessment, const struct wish *wish)
{
	char subject[32], hex[DIGEST_HEX_SIZE];
	int error = 0;

	snprintf(subject, sizeof(subject), "assessment:%u", assessment->id);
	for (size_t i = 0; i < wish->count && !error; i++) {
		const struct recipient *to = &wish->recipients[i];
		const struct audit_field fields[] = { { "view", db_str(view_words[to->view]) },
			{ "recipient", db_str(digest_hex(bytes_of(to->key, PACKAGE_KEY_SIZE), hex)) } };

		error = audit_append(call->call.db, call->call.origin,
			&(struct audit_record){
				"assessment.package", subject, wish->tenant, fields, ARRAY_COUNT(fields) });
	}
	return error;
}

/* Both views, each written once however many recipients it has. */
static int pack(struct writing *writing, const struct wish *wish, uint8_t **ret, size_t *ret_size)
{
	struct package_part parts[PACKAGE_PARTS_MAX];
	struct jsonw views[VIEW_COUNT];
	struct bytes texts[VIEW_COUNT];
	bool written[VIEW_COUNT] = { false };
	int error = 0;

	for (size_t i = 0; i < VIEW_COUNT; i++)
		jsonw_init(&views[i], PACKAGE_TEXT_MAX);
	for (size_t i = 0; i < wish->count && !error; i++) {
		enum view view = wish->recipients[i].view;

		if (!written[view]) {
			writing->json = &views[view];
			error = write_view(writing, view);
			if (!error)
				error = jsonw_text(&views[view], &texts[view]);
			written[view] = true;
		}
		if (!error) {
			parts[i] = (struct package_part){ wish->recipients[i].key, texts[view] };
			if (package_size(parts, i + 1) > PACKAGE_SIZE_MAX)
				error = LUYTRE_E_FULL; /* before the other view is written */
		}
	}
	if (!error)
		error = package_make(parts, wish->count, writing->call->call.key, ret, ret_size);
	for (size_t i = 0; i < VIEW_COUNT; i++)
		jsonw_done(&views[i]);
	return error;
}

static void reply_package(struct api_request *request, struct api_reply *reply, struct assessments_call *call,
	const struct assessment *assessment, const struct wish *wish)
{
	struct writing writing = { .request = request,
		.call = call,
		.assessment = assessment,
		.profile = law_profile_find(call->call.law, assessment->profile),
		.second = law_profile_find(call->call.law, assessment->second) };
	uint8_t *made = NULL;
	size_t size = 0;
	int error = writing.profile ? pack(&writing, wish, &made, &size) : LUYTRE_E_VERSION;

	if (!error)
		error = audit(call, assessment, wish);
	if (error) {
		free(made);
		if (error == LUYTRE_E_FULL)
			api_reply_problem(reply, API_PROBLEM_TOO_LARGE,
				assessments_text(
					request, "Make it of a part of the tree.", "Hãy lập cho một nhánh đơn vị."));
		else
			api_reply_error(reply, error, NULL);
		return;
	}
	api_reply_header(reply, "Content-Disposition", "attachment; filename=\"assessment.luytre\"");
	api_reply_shared(reply, 200, "application/octet-stream", bytes_of(made, size), free, made);
}

void handle_create_package(struct api_request *request, struct api_reply *reply)
{
	struct assessment assessment;
	struct assessments_call call;
	struct auth_scope below = { 0 };
	struct wish wish;

	if (!read_wish(request, reply, &wish) || !assessments_begin(request, reply, AUTH_ASSESSMENTS_SIGN, &call))
		return;
	if (assessments_find(request, reply, &call, &assessment) &&
		console_scope_of_query(request, reply, AUTH_ASSESSMENTS_SIGN, &below)) {
		call.call.scope = &below.scope; /* the subtree that was asked for */
		reply_package(request, reply, &call, &assessment, &wish);
		auth_scope_done(&below);
	}
	assessments_end(&call);
}

void handle_get_package_key(struct api_request *request, struct api_reply *reply)
{
	struct assessments_call call;
	char hex[2 * AUDIT_PUBLIC_KEY_SIZE + 1];
	struct jsonw *json;

	if (!assessments_begin(request, reply, AUTH_ASSESSMENTS_READ, &call))
		return;
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	jsonw_kv_string(json, "key", digest_hex(bytes_of(call.call.key->public_key, AUDIT_PUBLIC_KEY_SIZE), hex));
	jsonw_object_end(json);
	assessments_end(&call);
}
