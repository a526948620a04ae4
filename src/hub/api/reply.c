// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "hub/api/request.h"

struct bytes api_path(const struct api_request *request, const char *name)
{
	for (size_t i = 0; i < request->operation->path_count; i++) {
		if (strcmp(request->operation->params[i].name, name) == 0)
			return request->path_values[i];
	}
	assert(!"a parameter of the path that the description does not have");
	return (struct bytes){ 0 };
}

const struct api_value *api_query(const struct api_request *request, const char *name)
{
	static const struct api_value none;

	for (size_t i = request->operation->path_count; i < request->operation->param_count; i++) {
		if (strcmp(request->operation->params[i].name, name) == 0)
			return &request->values[i];
	}
	assert(!"a parameter of the query that the description does not have");
	return &none;
}

void api_body(const struct api_request *request, struct jsonr_errors *errors, struct jsonr *ret)
{
	*errors = (struct jsonr_errors){ 0 };
	jsonr_root(ret, request->json, errors);
}

/* A cursor is 32 bytes: the position, a hash of the question (8) and a MAC over both (8). */
enum { CURSOR_BYTES = 32, CURSOR_HASH_AT = 16, CURSOR_MAC_AT = 24 };

/* The operation and all parameters but the two that turn pages. */
static void hash_question(const struct api_request *request, uint8_t ret[8])
{
	uint8_t digest[crypto_generichash_BYTES_MIN];
	const struct api_operation *operation = request->operation;
	crypto_generichash_state state;

	crypto_generichash_init(&state, request->cursor_key, API_CURSOR_KEY_SIZE, sizeof(digest));
	crypto_generichash_update(&state, request->path.ptr, request->path.size);
	for (size_t i = operation->path_count; i < operation->param_count; i++) {
		const struct api_value *value = &request->values[i];
		uint32_t head[2] = { (uint32_t)i, (uint32_t)value->text.size };

		if (!value->text.ptr || strcmp(operation->params[i].name, "cursor") == 0 ||
			strcmp(operation->params[i].name, "limit") == 0)
			continue;
		crypto_generichash_update(&state, (const uint8_t *)head, sizeof(head));
		crypto_generichash_update(&state, value->text.ptr, value->text.size);
	}
	crypto_generichash_final(&state, digest, sizeof(digest));
	memcpy(ret, digest, 8);
}

static void mac_cursor(const struct api_request *request, const uint8_t *cursor, uint8_t ret[8])
{
	uint8_t digest[crypto_generichash_BYTES_MIN];

	crypto_generichash(digest, sizeof(digest), cursor, CURSOR_MAC_AT, request->cursor_key, API_CURSOR_KEY_SIZE);
	memcpy(ret, digest, 8);
}

bool api_page_begin(const struct api_request *request, struct api_reply *reply, struct api_position *ret)
{
	struct bytes text = api_query(request, "cursor")->text;
	uint8_t cursor[CURSOR_BYTES], hash[8], mac[8];
	size_t size;

	*ret = (struct api_position){ 0 };
	if (bytes_empty(text))
		return true;
	hash_question(request, hash);
	if (sodium_base642bin(cursor, sizeof(cursor), (const char *)text.ptr, text.size, NULL, &size, NULL,
		    sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
		size == CURSOR_BYTES) {
		mac_cursor(request, cursor, mac);
		if (sodium_memcmp(mac, cursor + CURSOR_MAC_AT, 8) == 0 &&
			sodium_memcmp(hash, cursor + CURSOR_HASH_AT, 8) == 0) {
			memcpy(&ret->key, cursor, 8);
			memcpy(&ret->id, cursor + 8, 8);
			return true;
		}
	}
	api_reply_problem(reply, API_PROBLEM_CURSOR, NULL);
	return false;
}

void api_page_end(const struct api_request *request, struct jsonw *json, bool more, struct api_position last)
{
	uint8_t cursor[CURSOR_BYTES];
	char text[API_CURSOR_SIZE];

	if (!more) {
		jsonw_kv_null(json, "next");
		return;
	}
	memcpy(cursor, &last.key, 8);
	memcpy(cursor + 8, &last.id, 8);
	hash_question(request, cursor + CURSOR_HASH_AT);
	mac_cursor(request, cursor, cursor + CURSOR_MAC_AT);
	sodium_bin2base64(text, sizeof(text), cursor, sizeof(cursor), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	jsonw_kv_string(json, "next", text);
}

void api_reply_init(struct api_reply *reply, const struct api_request *request)
{
	*reply = (struct api_reply){ .request = request, .file = -1 };
	jsonw_init(&reply->json, API_REPLY_SIZE_MAX);
}

void api_reply_done(struct api_reply *reply)
{
	jsonw_done(&reply->json);
	if (reply->release)
		reply->release(reply->release_context);
	reply->release = NULL;
	if (reply->file >= 0)
		close(reply->file);
	reply->file = -1;
}

struct jsonw *api_reply_json(struct api_reply *reply, int status)
{
	jsonw_reset(&reply->json);
	reply->status = status;
	reply->content_type = "application/json";
	reply->body = (struct bytes){ 0 };
	return &reply->json;
}

void api_reply_empty(struct api_reply *reply, int status)
{
	reply->status = status;
	reply->content_type = NULL;
	reply->body = (struct bytes){ 0 };
}

void api_reply_bytes(struct api_reply *reply, int status, const char *content_type, struct bytes body)
{
	jsonw_reset(&reply->json);
	reply->status = status;
	reply->content_type = content_type;
	reply->body = body;
}

void api_reply_shared(struct api_reply *reply, int status, const char *content_type, struct bytes body,
	void (*release)(void *context), void *context)
{
	api_reply_bytes(reply, status, content_type, body);
	reply->release = release;
	reply->release_context = context;
}

void api_reply_file(struct api_reply *reply, int status, const char *content_type, int fd, uint64_t size)
{
	api_reply_bytes(reply, status, content_type, bytes_from_str(""));
	reply->file = fd;
	reply->file_size = size;
}

void api_reply_header(struct api_reply *reply, const char *name, const char *value)
{
	if (reply->header_count < API_REPLY_HEADERS_MAX)
		reply->headers[reply->header_count++] = (struct api_header){ name, value };
}

void api_reply_header_format(struct api_reply *reply, const char *name, const char *format, ...)
{
	char text[512];
	char *copy;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	copy = arena_strdup(reply->request->arena, text);
	if (copy)
		api_reply_header(reply, name, copy);
}

static void write_errors(struct jsonw *json, const struct jsonr_errors *errors, enum luytre_lang lang)
{
	char sentence[JSONR_SENTENCE_SIZE];

	jsonw_kv_array_begin(json, "errors");
	for (size_t i = 0; i < errors->count; i++) {
		const struct jsonr_error *error = &errors->items[i];

		jsonw_object_begin(json);
		if (error->pointer[0] == '?')
			jsonw_kv_string(json, "parameter", error->pointer + 1);
		else
			jsonw_kv_string(json, "pointer", error->pointer);
		jsonw_kv_string(json, "code", jsonr_fault_code(error->fault));
		jsonw_kv_string(json, "detail", jsonr_error_text(error, lang, sentence));
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void write_problem(
	struct api_reply *reply, enum api_problem problem, const char *detail, const struct jsonr_errors *errors)
{
	const struct api_problem_row *row = api_problem_row(problem);
	struct jsonw *json = api_reply_json(reply, row->status);

	reply->content_type = "application/problem+json";
	jsonw_object_begin(json);
	jsonw_kv_string(json, "type", row->word);
	jsonw_kv_string(json, "title", row->title[reply->request->lang]);
	jsonw_kv_i64(json, "status", row->status);
	if (detail)
		jsonw_kv_string(json, "detail", detail);
	jsonw_kv_string(json, "instance", reply->request->trace);
	if (errors)
		write_errors(json, errors, reply->request->lang);
	jsonw_object_end(json);
}

void api_reply_problem(struct api_reply *reply, enum api_problem problem, const char *detail)
{
	write_problem(reply, problem, detail, NULL);
	if (problem == API_PROBLEM_UNAUTHENTICATED)
		api_reply_header(reply, "WWW-Authenticate", "Bearer realm=\"luytre\"");
	if (problem == API_PROBLEM_OVERLOADED || problem == API_PROBLEM_IN_PROGRESS)
		api_reply_header(reply, "Retry-After", "1");
}

void api_reply_error(struct api_reply *reply, int error, const char *detail)
{
	enum api_problem problem = api_problem_of_error(error);

	if (problem == API_PROBLEM_INTERNAL)
		log_error("api: %s: %s (%s)", reply->request->operation ? reply->request->operation->id : "request",
			error_name(error), reply->request->trace);
	api_reply_problem(reply, problem, detail);
}

void api_reply_invalid(struct api_reply *reply, const struct jsonr_errors *errors)
{
	write_problem(reply, API_PROBLEM_INVALID, NULL, errors);
}

void api_reply_etag(struct api_reply *reply, uint64_t revision)
{
	api_reply_header_format(reply, "ETag", "\"r%llu\"", (unsigned long long)revision);
}

/* Whether a list of entity tags (RFC 9110, section 8.8.3) names the tag. Weak ones count only in a weak comparison. */
static bool list_has(const char *list, const char *tag, bool weak)
{
	size_t size = strlen(tag);

	while (*list) {
		bool is_weak;

		list += strspn(list, " \t,");
		if (*list == '*')
			return true;
		is_weak = list[0] == 'W' && list[1] == '/';
		if (is_weak)
			list += 2;
		if ((weak || !is_weak) && strncmp(list, tag, size) == 0 && strchr(" \t,", list[size]))
			return true;
		/* To the end of this tag: its closing quote. */
		list += *list == '"';
		list += strcspn(list, "\"");
		list += *list == '"';
	}
	return false;
}

bool api_reply_unmodified(struct api_reply *reply, uint64_t revision)
{
	const char *wanted = reply->request->headers.if_none_match;
	char tag[API_ETAG_SIZE];

	api_reply_etag(reply, revision);
	snprintf(tag, sizeof(tag), "\"r%llu\"", (unsigned long long)revision);
	if (!wanted || !list_has(wanted, tag, true))
		return false;
	api_reply_empty(reply, 304);
	return true;
}

bool api_reply_matches(struct api_reply *reply, uint64_t revision)
{
	const char *wanted = reply->request->headers.if_match;
	char tag[API_ETAG_SIZE];

	snprintf(tag, sizeof(tag), "\"r%llu\"", (unsigned long long)revision);
	if (wanted && list_has(wanted, tag, false))
		return true;
	api_reply_problem(reply, wanted ? API_PROBLEM_CHANGED : API_PROBLEM_REVISION, NULL);
	return false;
}

void api_reply_finish(struct api_reply *reply)
{
	const struct api_request *request = reply->request;

	if (reply->status == 0) {
		log_error("api: %s wrote no reply (%s)", request->operation ? request->operation->id : "request",
			request->trace);
		api_reply_problem(reply, API_PROBLEM_INTERNAL, NULL);
	}
	if (!reply->content_type || reply->body.ptr)
		return;
	if (jsonw_text(&reply->json, &reply->body) == 0)
		return;
	log_error("api: the answer of %s is broken (%s)", request->operation ? request->operation->id : "request",
		request->trace);
	reply->header_count = 0;
	api_reply_problem(reply, API_PROBLEM_INTERNAL, NULL);
	if (jsonw_text(&reply->json, &reply->body) < 0)
		api_reply_empty(reply, 500);
}
