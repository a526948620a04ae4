// SPDX-License-Identifier: Apache-2.0
#include "hub/console/registry.h"

#include <stdio.h>
#include <stdlib.h>

#include "hub/tenants/provinces.h"

void registry_call(const struct api_request *request, const struct scope *scope, struct registry *ret)
{
	console_call(request, &ret->who);
	ret->why = (struct tenants_why){ 0 };
	ret->call = (struct tenants_call){
		.db = console_db(request), .scope = scope, .origin = &ret->who.origin, .why = &ret->why
	};
}

bool registry_tenant(const struct api_request *request, struct api_reply *reply, struct registry_tenant *ret)
{
	if (!console_path_id32(request, reply, "tenant", &ret->id))
		return false;
	if (!tenants_tree_has(console_worker_of(request)->tree, ret->id)) {
		api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
		return false;
	}
	ret->scope = (struct scope){ .tenants = &ret->id, .tenant_count = 1 };
	return true;
}

bool registry_asset(const struct api_request *request, struct api_reply *reply, struct registry_tenant *of,
	struct registry *registry, struct tenant_asset *ret)
{
	uint32_t id;
	int error;

	if (!registry_tenant(request, reply, of) || !console_path_id32(request, reply, "asset", &id))
		return false;
	registry_call(request, &of->scope, registry);
	error = tenant_asset_get(&registry->call, id, ret);
	if (error)
		api_reply_error(reply, error, NULL);
	return !error;
}

static void refuse_field(const struct api_request *request, struct api_reply *reply, const char *field)
{
	struct jsonr_errors errors;
	struct jsonr body, member;

	api_body(request, &errors, &body);
	member = jsonr_member(&body, field);
	jsonr_fail(&member, JSONR_FORM, 0, 0);
	api_reply_invalid(reply, &errors);
}

void registry_refuse(
	const struct api_request *request, struct api_reply *reply, const struct registry *registry, int error)
{
	const struct tenants_why *why = &registry->why;
	char text[TENANTS_OWNER_SIZE + 128];
	const char *detail = why->reason ? tenants_why_text(why, request->lang, text, sizeof(text)) : NULL;

	if (why->reason == TENANTS_WHY_ABSENT && !request->json) /* of what it stands below */
		api_reply_problem(reply, API_PROBLEM_FORBIDDEN, NULL);
	else if (why->reason == TENANTS_WHY_FIELD || why->reason == TENANTS_WHY_ABSENT)
		refuse_field(request, reply, why->field);
	else if (why->reason == TENANTS_WHY_OVERLAP)
		api_reply_problem(reply, API_PROBLEM_OVERLAP, detail);
	else if (why->reason == TENANTS_WHY_REVISION)
		api_reply_problem(reply, API_PROBLEM_CHANGED, NULL);
	else if (why->reason == TENANTS_WHY_DEPTH)
		api_reply_problem(reply, API_PROBLEM_CONFLICT, detail);
	else
		api_reply_error(reply, error, detail);
}

void registry_told(const struct api_request *request, const char *kind, uint32_t id, uint32_t visible, const char *op)
{
	char text[96];

	snprintf(text, sizeof(text), "{\"object\":\"%s\",\"id\":\"%u\",\"op\":\"%s\"}", kind, id, op);
	console_publish(console_of(request), CONSOLE_TOPIC_TENANTS, visible, bytes_from_str(text));
}

/* ---- Members of a body ---- */

/* Whether it is there as null, which the readers of jsonr.h take for not there. */
static bool is_null(const struct jsonr *body, const char *key)
{
	return json_is_null(jsonr_member(body, key).value);
}

void registry_text(const struct jsonr *body, const char *key, enum jsonr_need need, char *text, size_t text_size)
{
	struct bytes value;

	if (is_null(body, key)) {
		text[0] = '\0';
	} else if (jsonr_string(body, key, need, 0, text_size, &value) && !bytes_to_str(value, text, text_size)) {
		const struct jsonr member = jsonr_member(body, key);

		jsonr_fail(&member, JSONR_SIZE, (int64_t)text_size - 1, 0);
	}
}

bool registry_id(const struct jsonr *body, const char *key, enum jsonr_need need, uint32_t *ret)
{
	const struct jsonr member = jsonr_member(body, key);
	unsigned long long id;
	struct bytes value;
	char text[24];

	if (is_null(body, key)) {
		*ret = 0;
		return true;
	}
	if (!jsonr_string(body, key, need, 1, sizeof(text) - 1, &value) || !bytes_to_str(value, text, sizeof(text)))
		return false;
	id = strtoull(text, NULL, 10);
	*ret = (uint32_t)id;
	if (id > 0 && id <= UINT32_MAX)
		return true;
	jsonr_fail(&member, JSONR_FORM, 0, 0);
	return false;
}

void registry_word(const struct jsonr *body, const char *key, const struct tenants_word *words, size_t count, int *ret)
{
	const struct jsonr member = jsonr_member(body, key);
	struct bytes value;
	int place;

	if (!jsonr_string(body, key, JSONR_OPTIONAL, 0, 64, &value))
		return;
	place = tenants_word_find(words, count, value);
	if (place < 0)
		jsonr_fail(&member, JSONR_ENUM, 0, 0);
	else
		*ret = place;
}

void registry_province(const struct jsonr *body, uint32_t *ret)
{
	const struct jsonr member = jsonr_member(body, "province");
	struct bytes value;
	char text[8];

	if (is_null(body, "province"))
		*ret = 0;
	if (!jsonr_string(body, "province", JSONR_OPTIONAL, 2, 2, &value) || !bytes_to_str(value, text, sizeof(text)))
		return;
	*ret = (uint32_t)strtoul(text, NULL, 10);
	if (!province_find(*ret))
		jsonr_fail(&member, JSONR_ENUM, 0, 0);
}

void registry_kv_province(struct jsonw *json, uint32_t province)
{
	char text[8] = "";

	if (province)
		snprintf(text, sizeof(text), "%02u", province % 100);
	console_kv_text_or_null(json, "province", text);
}

int registry_count(const struct api_request *request, const char *sql, uint32_t id, uint64_t *ret)
{
	int64_t count = 0;
	int error = db_integer(console_db(request), sql, DB_ARGS(db_i64(id)), &count);

	*ret = (uint64_t)count;
	return error;
}

/* ---- Pages ---- */

bool registry_page_begin(const struct api_request *request, struct api_reply *reply, struct registry *registry,
	struct registry_page *ret)
{
	*ret = (struct registry_page){ .request = request, .registry = registry };
	if (!api_page_begin(request, reply, &ret->last))
		return false;
	ret->left = (uint32_t)api_query(request, "limit")->integer;
	ret->json = api_reply_json(reply, 200);
	jsonw_object_begin(ret->json);
	jsonw_kv_array_begin(ret->json, "items");
	return true;
}

int registry_page_take(struct registry_page *page, uint64_t key, uint64_t id)
{
	if (page->left == 0) {
		page->more = true;
		return REGISTRY_FULL;
	}
	page->left--;
	page->last = (struct api_position){ key, id };
	return 0;
}

void registry_page_end(struct api_reply *reply, struct registry_page *page, int error)
{
	if (error && error != REGISTRY_FULL) {
		api_reply_error(reply, error, NULL);
		return;
	}
	jsonw_array_end(page->json);
	api_page_end(page->request, page->json, page->more, page->last);
	jsonw_object_end(page->json);
}
