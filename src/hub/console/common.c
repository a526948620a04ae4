// SPDX-License-Identifier: Apache-2.0
/* What handlers share: who calls, what may be seen, ids and times in and out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "hub/api/moment.h"
#include "hub/console/internal.h"

enum { ID_TEXT_SIZE = 24 };

void console_call(const struct api_request *request, struct console_call *ret)
{
	const struct auth_principal *principal = console_principal(request);
	const struct console_worker *worker = console_worker_of(request);

	*ret = (struct console_call){ .actor = "system" };
	if (principal)
		auth_actor(principal, ret->actor);
	if (request->client.family)
		ip_addr_format(&request->client, ret->address);
	ret->origin = (struct audit_origin){
		.actor = ret->actor, .address = ret->address[0] ? ret->address : NULL, .now_us = console_now_us(request)
	};
	ret->auth = (struct auth_call){ .auth = console_of(request)->auth,
		.db = worker->db,
		.principal = principal,
		.tree = worker->tree,
		.origin = &ret->origin };
}

/* ---- Rights ---- */

bool console_scope(const struct api_request *request, struct api_reply *reply, enum auth_permission permission,
	struct auth_scope *ret)
{
	int error = auth_scope(console_principal(request), console_worker_of(request)->tree, permission, ret);

	if (error)
		api_reply_error(reply, error, NULL);
	return !error;
}

static int compare_ids(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

/* Rights at a tenant are rights at all below it. */
static int scope_below(const struct tenants_tree *tree, uint32_t tenant, struct auth_scope *ret)
{
	size_t count = 0;
	const uint32_t *below = tenants_tree_below(tree, tenant, &count);
	uint32_t *copy;

	if (count == 0)
		return LUYTRE_E_NOT_FOUND;
	copy = malloc(count * sizeof(*copy));
	if (!copy)
		return LUYTRE_E_NOMEM;
	memcpy(copy, below, count * sizeof(*copy));
	qsort(copy, count, sizeof(*copy), compare_ids);
	*ret = (struct auth_scope){ .scope = { .tenants = copy, .tenant_count = count }, .tenants = copy };
	return 0;
}

bool console_scope_of_query(const struct api_request *request, struct api_reply *reply, enum auth_permission permission,
	struct auth_scope *ret)
{
	uint64_t tenant = console_query_id(request, "tenant");
	int error;

	if (!api_query(request, "tenant")->given)
		return console_scope(request, reply, permission, ret);
	if (tenant == 0 || tenant > UINT32_MAX) {
		api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
		return false;
	}
	if (!console_allowed(request, reply, permission, (uint32_t)tenant))
		return false;
	error = scope_below(console_worker_of(request)->tree, (uint32_t)tenant, ret);
	if (error)
		api_reply_error(reply, error, NULL);
	return !error;
}

bool console_allowed(
	const struct api_request *request, struct api_reply *reply, enum auth_permission permission, uint32_t tenant)
{
	if (auth_check(console_principal(request), console_worker_of(request)->tree, permission, tenant))
		return true;
	api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
	return false;
}

/* ---- In ---- */

static bool read_id(struct bytes text, uint64_t max, uint64_t *ret)
{
	char copy[ID_TEXT_SIZE], *end;

	if (!bytes_to_str(text, copy, sizeof(copy)) || copy[0] < '0' || copy[0] > '9')
		return false;
	errno = 0;
	*ret = strtoull(copy, &end, 10);
	return !errno && !*end && *ret <= max;
}

bool console_path_id(const struct api_request *request, struct api_reply *reply, const char *name, uint64_t *ret)
{
	if (read_id(api_path(request, name), INT64_MAX, ret))
		return true;
	api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
	return false;
}

bool console_path_id32(const struct api_request *request, struct api_reply *reply, const char *name, uint32_t *ret)
{
	uint64_t id;

	if (!console_path_id(request, reply, name, &id))
		return false;
	*ret = (uint32_t)id;
	if (id <= UINT32_MAX)
		return true;
	api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
	return false;
}

uint64_t console_query_id(const struct api_request *request, const char *name)
{
	const struct api_value *value = api_query(request, name);
	uint64_t id = 0;

	/* What has too many digits is the id of nothing. */
	return value->given && !read_id(value->text, INT64_MAX, &id) ? INT64_MAX : id;
}

int64_t console_query_i64(const struct api_request *request, const char *name, int64_t fallback)
{
	const struct api_value *value = api_query(request, name);

	return value->text.ptr ? value->integer : fallback;
}

int64_t console_query_time(const struct api_request *request, const char *name, int64_t fallback)
{
	return console_query_i64(request, name, fallback);
}

/* ---- Out ---- */

void console_kv_id(struct jsonw *json, const char *key, uint64_t id)
{
	char text[ID_TEXT_SIZE];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
	jsonw_kv_string(json, key, text);
}

void console_kv_id_or_null(struct jsonw *json, const char *key, uint64_t id)
{
	if (id)
		console_kv_id(json, key, id);
	else
		jsonw_kv_null(json, key);
}

void console_kv_time(struct jsonw *json, const char *key, int64_t time_us)
{
	char text[MOMENT_TEXT_SIZE];

	jsonw_kv_string(json, key, moment_format(time_us, text));
}

void console_kv_time_or_null(struct jsonw *json, const char *key, int64_t time_us)
{
	if (time_us)
		console_kv_time(json, key, time_us);
	else
		jsonw_kv_null(json, key);
}

void console_kv_text_or_null(struct jsonw *json, const char *key, const char *text)
{
	if (text && text[0])
		jsonw_kv_string(json, key, text);
	else
		jsonw_kv_null(json, key);
}

void console_kv_json(struct jsonw *json, const char *key, struct bytes text)
{
	struct jsonr_errors errors = { 0 };
	json_t *value = NULL;

	jsonw_key(json, key);
	if (jsonr_parse(text, &jsonr_limits_default, &errors, &value) == 0) {
		jsonr_write(value, jsonr_limits_default.depth_max, json);
	} else {
		jsonw_object_begin(json);
		jsonw_object_end(json);
	}
	json_decref(value);
}

/* ---- The body ---- */

const char *console_body_text(const struct api_request *request, const char *key)
{
	return json_string_value(json_object_get(request->json, key));
}

bool console_body_copy(
	const struct api_request *request, struct api_reply *reply, const char *key, char *ret, size_t ret_size)
{
	const char *text = console_body_text(request, key);

	if (!text)
		return true;
	if (strlen(text) < ret_size) {
		snprintf(ret, ret_size, "%s", text);
		return true;
	}
	api_reply_problem(reply, API_PROBLEM_INVALID,
		request->lang == LUYTRE_LANG_EN ? "A text is too long." : "Một đoạn văn bản quá dài.");
	return false;
}

uint64_t console_body_id(const struct api_request *request, const char *key, uint64_t fallback)
{
	const char *text = console_body_text(request, key);
	uint64_t id;

	if (!text)
		return fallback;
	return read_id(bytes_from_str(text), INT64_MAX, &id) ? id : INT64_MAX;
}

bool console_has_text(const char *text, struct bytes part)
{
	size_t size = strlen(text);

	for (size_t i = 0; i + part.size <= size; i++)
		if (part.size == 0 || strncasecmp(text + i, (const char *)part.ptr, part.size) == 0)
			return true;
	return false;
}
