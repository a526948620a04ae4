// SPDX-License-Identifier: Apache-2.0
/* Catalogues of CVEs: taken from files that people bring, since a hub may stand where no network is. */
#include "hub/posture/catalogues.h"

#include <stdio.h>

#include "hub/console/posture.h"
#include "hub/core/holds.h"

static int write_state(void *context, const struct catalogue_state *state)
{
	struct jsonw *json = context;
	const char *name = strchr(state->by, ' ');

	jsonw_object_begin(json);
	jsonw_kv_string(json, "catalogue", state->word);
	jsonw_kv_i64(json, "entries", state->rows);
	console_kv_text_or_null(json, "version", state->version);
	console_kv_time_or_null(json, "taken", state->taken_us);
	console_kv_text_or_null(json, "by", name ? name + 1 : state->by);
	jsonw_object_end(json);
	return 0;
}

void handle_list_catalogues(struct api_request *request, struct api_reply *reply)
{
	struct jsonw *json = api_reply_json(reply, 200);
	int error;

	jsonw_object_begin(json);
	jsonw_kv_array_begin(json, "items");
	error = catalogues_each(console_db(request), write_state, json);
	jsonw_array_end(json);
	jsonw_object_end(json);
	if (error)
		api_reply_error(reply, error, NULL);
}

/* What is wrong with a file, for who brought it. */
static void refuse_file(const struct api_request *request, struct api_reply *reply, int error)
{
	static const struct {
		int error;
		enum api_problem problem;
		const char *en, *vi;
	} rows[] = {
		{ LUYTRE_E_PERMISSION, API_PROBLEM_FORBIDDEN,
			"The bundle is not signed with a key that this hub trusts.",
			"Gói không được ký bằng khóa mà trung tâm này tin cậy." },
		{ LUYTRE_E_CONFLICT, API_PROBLEM_CONFLICT,
			"A bundle of this revision or a newer one was taken already.",
			"Đã nhận gói có số phiên bản này hoặc mới hơn." },
		{ LUYTRE_E_SYNTAX, API_PROBLEM_INVALID, "The file is not in the form of this catalogue.",
			"Tệp không đúng dạng của danh mục này." },
		{ LUYTRE_E_CORRUPT, API_PROBLEM_INVALID, "The file is empty, altered or not whole.",
			"Tệp rỗng, bị sửa hoặc không đầy đủ." },
		{ LUYTRE_E_TRUNCATED, API_PROBLEM_INVALID, "The end of the file is missing.", "Tệp thiếu phần cuối." },
		{ LUYTRE_E_NOT_FOUND, API_PROBLEM_INVALID, "The record has no answers that are looked for.",
			"Bản ghi không có thông tin cần tìm." },
		{ LUYTRE_E_UNSUPPORTED, API_PROBLEM_INVALID, "The bundle has a file that is no catalogue.",
			"Gói chứa tệp không phải danh mục." },
		{ LUYTRE_E_VERSION, API_PROBLEM_INVALID, "The bundle is of another version.",
			"Gói thuộc phiên bản khác." },
		{ LUYTRE_E_FULL, API_PROBLEM_TOO_LARGE, "The file is too large.", "Tệp quá lớn." },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (rows[i].error != error)
			continue;
		api_reply_problem(reply, rows[i].problem, request->lang == LUYTRE_LANG_VI ? rows[i].vi : rows[i].en);
		return;
	}
	api_reply_error(reply, error, NULL);
}

/* The description has only words that are kinds. */
static enum catalogue_kind kind_of_query(const struct api_request *request)
{
	int kind = 0;

	while (kind < CATALOGUE_KIND_COUNT - 1 &&
		!bytes_equal_str(api_query(request, "catalogue")->text, catalogue_words[kind]))
		kind++;
	return (enum catalogue_kind)kind;
}

void handle_take_catalogue(struct api_request *request, struct api_reply *reply)
{
	enum catalogue_kind kind = kind_of_query(request);
	struct catalogue_result result = { 0 };
	struct console_call call;
	struct jsonw *json;
	int error;

	console_call(request, &call);
	error = catalogues_take(console_db(request), &call.origin, kind, request->body_file,
		posture_keys_path(console_of(request)->posture), &result);
	if (error) {
		refuse_file(request, reply, error);
		return;
	}
	core_catalogues_changed(console_core(request));
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	jsonw_kv_string(json, "catalogue", catalogue_words[kind]);
	jsonw_kv_u64(json, "entries", result.rows);
	jsonw_kv_u64(json, "refused", result.refused);
	if (result.first_refused)
		jsonw_kv_u64(json, "first_refused", result.first_refused);
	else
		jsonw_kv_null(json, "first_refused");
	console_kv_text_or_null(json, "version", result.version);
	jsonw_object_end(json);
}
