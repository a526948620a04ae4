// SPDX-License-Identifier: Apache-2.0
/* Organisations. The tree decides what a caller sees: rights at one are rights at all below it. */
#include <stdio.h>

#include "hub/console/fold.h"
#include "hub/console/registry.h"

enum { PATH_MAX_DEPTH = TENANT_DEPTH_MAX };

static void write_path(const struct api_request *request, struct jsonw *json, uint32_t parent)
{
	const struct tenants_tree *tree = console_worker_of(request)->tree;
	uint32_t path[PATH_MAX_DEPTH];
	size_t count = 0;
	char text[16];

	for (; parent && count < PATH_MAX_DEPTH; parent = tenants_tree_parent(tree, parent))
		path[count++] = parent;
	jsonw_kv_array_begin(json, "path");
	while (count) {
		snprintf(text, sizeof(text), "%u", path[--count]);
		jsonw_string(json, text);
	}
	jsonw_array_end(json);
}

static int write_counts(const struct api_request *request, struct jsonw *json, uint32_t id)
{
	static const struct {
		const char *key, *sql;
	} rows[] = { { "children", "select count(*) from tenant where parent = ?1" },
		{ "systems", "select count(*) from system where tenant = ?1" },
		{ "assets", "select count(*) from asset join system on system.id = asset.system where system.tenant = "
			    "?1" } };
	uint64_t count;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		int error = registry_count(request, rows[i].sql, id, &count);

		if (error)
			return error;
		jsonw_kv_u64(json, rows[i].key, count);
	}
	return 0;
}

/* The end of the object is the caller's. */
static int begin_tenant(const struct api_request *request, struct jsonw *json, const struct tenant *tenant)
{
	jsonw_object_begin(json);
	console_kv_id(json, "id", tenant->id);
	jsonw_kv_i64(json, "revision", tenant->revision);
	jsonw_kv_string(json, "name", tenant->name);
	console_kv_id_or_null(json, "parent", tenant->parent);
	write_path(request, json, tenant->parent);
	registry_kv_province(json, tenant->province);
	jsonw_kv_string(json, "kind", tenant_kinds[tenant->kind].word);
	jsonw_kv_string(json, "sector", tenant_sectors[tenant->sector].word);
	console_kv_text_or_null(json, "contact", tenant->contact);
	console_kv_time(json, "updated", tenant->updated_us);
	return write_counts(request, json, tenant->id);
}

static void reply_tenant(
	const struct api_request *request, struct api_reply *reply, int status, const struct tenant *tenant)
{
	struct core *core = console_core(request);
	struct jsonw *json = api_reply_json(reply, status);
	int error = begin_tenant(request, json, tenant);
	double trust;

	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	core_lock(core);
	trust = reporters_trust(engine_reporters(core_engine(core)), console_now_us(request), tenant->id);
	core_unlock(core);
	jsonw_kv_double(json, "trust", trust);
	jsonw_object_end(json);
	api_reply_etag(reply, (uint64_t)tenant->revision);
}

/* ---- Lists ---- */

struct listing {
	struct registry_page page;
	uint32_t province;
	uint32_t seen; /* rows of this walk */
	uint64_t last; /* the last row that was seen */
};

static int list_one(void *context, const struct tenant *tenant)
{
	struct listing *listing = context;
	struct registry_page *page = &listing->page;
	int answer;

	listing->seen++;
	listing->last = tenant->id;
	if ((listing->province && tenant->province != listing->province) ||
		!fold_has(bytes_from_str(tenant->name), page->text))
		return 0;
	answer = registry_page_take(page, 0, tenant->id);
	if (answer)
		return answer;
	answer = begin_tenant(page->request, page->json, tenant);
	jsonw_object_end(page->json);
	return answer;
}

void handle_list_tenants(struct api_request *request, struct api_reply *reply)
{
	uint64_t parent = console_query_id(request, "parent");
	struct listing listing = { 0 };
	struct registry registry;
	struct auth_scope scope;
	int error = 0;

	if (!console_scope(request, reply, AUTH_TENANTS_READ, &scope))
		return;
	registry_call(request, &scope.scope, &registry);
	if (registry_page_begin(request, reply, &registry, &listing.page)) {
		listing.page.text = api_query(request, "text")->text;
		listing.province = (uint32_t)console_query_id(request, "province");
		listing.last = listing.page.last.id;
		if (!api_query(request, "parent")->given || (parent && parent <= UINT32_MAX))
			do {
				listing.seen = 0;
				error = tenant_each(&registry.call, (uint32_t)parent, (uint32_t)listing.last,
					TENANTS_PAGE_MAX, list_one, &listing);
			} while (!error && listing.seen == TENANTS_PAGE_MAX);
		registry_page_end(reply, &listing.page, error);
	}
	auth_scope_done(&scope);
}

/* ---- One ---- */

static bool read_tenant(
	const struct api_request *request, struct api_reply *reply, enum jsonr_need need, struct tenant *tenant)
{
	int kind = (int)tenant->kind, sector = (int)tenant->sector;
	struct jsonr_errors errors;
	struct jsonr body;

	api_body(request, &errors, &body);
	registry_text(&body, "name", need, tenant->name, sizeof(tenant->name));
	registry_text(&body, "contact", JSONR_OPTIONAL, tenant->contact, sizeof(tenant->contact));
	registry_word(&body, "kind", tenant_kinds, TENANT_KIND_COUNT, &kind);
	registry_word(&body, "sector", tenant_sectors, TENANT_SECTOR_COUNT, &sector);
	registry_province(&body, &tenant->province);
	(void)registry_id(&body, "parent", need, &tenant->parent);
	tenant->kind = (enum tenant_kind)kind;
	tenant->sector = (enum tenant_sector)sector;
	if (errors.count)
		api_reply_invalid(reply, &errors);
	return errors.count == 0;
}

void handle_create_tenant(struct api_request *request, struct api_reply *reply)
{
	struct tenant tenant = { 0 };
	struct registry registry;
	struct auth_scope scope;
	int error;

	if (!read_tenant(request, reply, JSONR_NEEDED, &tenant) ||
		!console_allowed(request, reply, AUTH_TENANTS_WRITE, tenant.parent) ||
		!console_scope(request, reply, AUTH_TENANTS_WRITE, &scope))
		return;
	registry_call(request, &scope.scope, &registry);
	error = tenant_create(&registry.call, &tenant, &tenant);
	auth_scope_done(&scope);
	if (error) {
		registry_refuse(request, reply, &registry, error);
		return;
	}
	/* The tree of who listens may not have it yet. */
	registry_told(request, "tenant", tenant.id, tenant.parent, "created");
	api_reply_header_format(reply, "Location", "/api/v1/tenants/%u", tenant.id);
	reply_tenant(request, reply, 201, &tenant);
}

/* Of the path; the server has asked whether the caller may. */
static bool find_tenant(const struct api_request *request, struct api_reply *reply, struct tenant *ret)
{
	struct registry_tenant of;
	struct registry registry;
	int error;

	if (!registry_tenant(request, reply, &of))
		return false;
	registry_call(request, &of.scope, &registry);
	error = tenant_get(&registry.call, of.id, ret);
	if (error)
		api_reply_error(reply, error, NULL);
	return !error;
}

void handle_get_tenant(struct api_request *request, struct api_reply *reply)
{
	struct tenant tenant;

	/* What is counted for it has no revision, so it is never "unmodified". */
	if (find_tenant(request, reply, &tenant))
		reply_tenant(request, reply, 200, &tenant);
}

void handle_update_tenant(struct api_request *request, struct api_reply *reply)
{
	struct tenant tenant;
	struct registry registry;
	struct auth_scope scope;
	uint32_t before;
	int error;

	if (!find_tenant(request, reply, &tenant) || !api_reply_matches(reply, (uint64_t)tenant.revision))
		return;
	before = tenant.parent;
	if (!read_tenant(request, reply, JSONR_OPTIONAL, &tenant) ||
		(tenant.parent != before && !console_allowed(request, reply, AUTH_TENANTS_WRITE, tenant.parent)) ||
		!console_scope(request, reply, AUTH_TENANTS_WRITE, &scope))
		return;
	registry_call(request, &scope.scope, &registry);
	error = tenant_update(&registry.call, &tenant, &tenant);
	auth_scope_done(&scope);
	if (error) {
		registry_refuse(request, reply, &registry, error);
		return;
	}
	registry_told(request, "tenant", tenant.id, tenant.id, "updated");
	reply_tenant(request, reply, 200, &tenant);
}

void handle_delete_tenant(struct api_request *request, struct api_reply *reply)
{
	struct tenant tenant;
	struct registry registry;
	struct auth_scope scope;
	int error;

	if (!find_tenant(request, reply, &tenant) || !api_reply_matches(reply, (uint64_t)tenant.revision) ||
		!console_scope(request, reply, AUTH_TENANTS_WRITE, &scope))
		return;
	registry_call(request, &scope.scope, &registry);
	error = tenant_remove(&registry.call, tenant.id, tenant.revision);
	auth_scope_done(&scope);
	if (error) {
		registry_refuse(request, reply, &registry, error);
		return;
	}
	registry_told(request, "tenant", tenant.id, tenant.parent, "deleted");
	api_reply_empty(reply, 204);
}
