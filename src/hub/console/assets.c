// SPDX-License-Identifier: Apache-2.0
/* What organisations own, whose an address is, and what is nobody's. A change here reaches the index of the core within a second. */
#include "hub/console/fold.h"
#include "hub/console/registry.h"
#include "hub/policy/policy.h"
#include "hub/tenants/canon.h"

/* A single address is a prefix to whoever asks. */
static const char *kind_word(enum asset_kind kind)
{
	return asset_kinds[kind == ASSET_KIND_ADDRESS ? ASSET_KIND_PREFIX : kind].word;
}

/* Of a list of words; null: nobody has said. */
static void write_word(struct jsonw *json, const char *key, const struct tenants_word *words, int8_t which)
{
	if (which == POLICYFILE_UNSET)
		jsonw_kv_null(json, key);
	else
		jsonw_kv_string(json, key, words[which].word);
}

/* What stands for it, and who says so. */
static void write_policy(const struct policy_now *now, struct jsonw *json, const struct tenant_asset *asset)
{
	struct policy_asset resolved;

	policy_asset_resolve(now, asset, &resolved);
	write_word(json, "fail", asset_fails, resolved.settings.fail);
	jsonw_kv_object_begin(json, "modes");
	for (size_t i = 0; i < ASSET_PART_COUNT; i++)
		write_word(json, asset_parts[i].word, asset_modes, resolved.settings.modes[i]);
	jsonw_object_end(json);
	jsonw_kv_object_begin(json, "origins");
	for (size_t i = 0; i < ASSET_PART_COUNT; i++)
		jsonw_kv_string(json, asset_parts[i].word, policy_origins[resolved.modes[i]]);
	jsonw_kv_string(json, "fail", policy_origins[resolved.fail]);
	jsonw_object_end(json);
}

static int write_asset(const struct api_request *request, struct registry *registry, struct jsonw *json,
	const struct tenant_asset *asset)
{
	struct tenant tenant;
	int error = tenant_get(&registry->call, asset->tenant, &tenant);

	if (error)
		return error;
	jsonw_object_begin(json);
	console_kv_id(json, "id", asset->id);
	jsonw_kv_i64(json, "revision", asset->revision);
	console_kv_id(json, "tenant", asset->tenant);
	jsonw_kv_string(json, "tenant_name", tenant.name);
	console_kv_id(json, "system", asset->system);
	jsonw_kv_string(json, "kind", kind_word(asset->kind));
	jsonw_kv_string(json, "value", asset->value);
	write_policy(registry->policy, json, asset);
	console_kv_time(json, "updated", asset->updated_us);
	jsonw_object_end(json);
	return 0;
}

static void reply_asset(const struct api_request *request, struct api_reply *reply, struct registry *registry,
	int status, const struct tenant_asset *asset)
{
	struct policy_now now;
	int error = policy_now_read(registry->call.db, &now);

	if (!error) {
		registry->policy = &now;
		error = write_asset(request, registry, api_reply_json(reply, status), asset);
		policy_now_done(&now);
		registry->policy = NULL;
	}
	if (error)
		api_reply_error(reply, error, NULL);
	else
		api_reply_etag(reply, (uint64_t)asset->revision);
}

/* ---- Lists: by system, then by id ---- */

static int list_one(void *context, const struct tenant_asset *asset)
{
	struct registry_page *page = context;
	int answer = registry_page_take(page, asset->system, asset->id);

	return answer ? answer : write_asset(page->request, page->registry, page->json, asset);
}

static int list_of_system(struct registry_page *page, uint32_t system, uint32_t after)
{
	const struct tenants_call *call = &page->registry->call;
	int error = tenant_asset_each(call, system, after, TENANTS_PAGE_MAX, list_one, page);

	if (!error && page->left == 0) /* is there another? */
		error = tenant_asset_each(call, system, (uint32_t)page->last.id, 1, list_one, page);
	return error;
}

struct system_walk {
	struct registry_page *page;
	uint32_t system; /* the last one */
	uint32_t seen;
};

static int list_system(void *context, const struct tenant_system *system)
{
	struct system_walk *walk = context;
	bool begun = walk->page->last.key == system->id; /* the page before ended in it */

	walk->seen++;
	walk->system = system->id;
	return list_of_system(walk->page, system->id, begun ? (uint32_t)walk->page->last.id : 0);
}

static int list_tenant(struct registry_page *page, uint32_t tenant)
{
	struct system_walk walk = { .page = page, .system = page->last.key ? (uint32_t)page->last.key - 1 : 0 };
	int error = 0;

	do {
		walk.seen = 0;
		error = tenant_system_each(
			&page->registry->call, tenant, walk.system, TENANTS_PAGE_MAX, list_system, &walk);
	} while (!error && walk.seen == TENANTS_PAGE_MAX);
	return error;
}

void handle_list_assets(struct api_request *request, struct api_reply *reply)
{
	uint64_t system = console_query_id(request, "system");
	struct registry_tenant of;
	struct policy_now now = { 0 };
	struct registry_page page;
	struct registry registry;
	int error;

	if (!registry_tenant(request, reply, &of))
		return;
	registry_call(request, &of.scope, &registry);
	if (!registry_page_begin(request, reply, &registry, &page))
		return;
	error = policy_now_read(registry.call.db, &now);
	registry.policy = &now;
	if (!error && !api_query(request, "system")->given)
		error = list_tenant(&page, of.id);
	else if (!error && system && system <= UINT32_MAX)
		error = list_of_system(&page, (uint32_t)system, (uint32_t)page.last.id);
	policy_now_done(&now);
	registry_page_end(reply, &page, error);
}

/* ---- One ---- */

/* What the value is must be what the caller takes it for. */
static void read_value(const struct jsonr *body, struct tenant_asset *asset)
{
	const struct jsonr member = jsonr_member(body, "value");
	struct asset_value value;
	struct bytes kind;

	registry_text(body, "value", JSONR_NEEDED, asset->value, sizeof(asset->value));
	if (!jsonr_string(body, "kind", JSONR_NEEDED, 0, 16, &kind))
		return;
	if (asset_value_parse(bytes_from_str(asset->value), &value) || !bytes_equal_str(kind, kind_word(value.kind)))
		jsonr_fail(&member, JSONR_FORM, 0, 0);
}

static bool read_asset(
	const struct api_request *request, struct api_reply *reply, enum jsonr_need need, struct tenant_asset *asset)
{
	struct jsonr_errors errors;
	struct jsonr body;

	api_body(request, &errors, &body);
	if (jsonr_member(&body, "modes").value || jsonr_member(&body, "fail").value) {
		api_reply_problem(reply, API_PROBLEM_INVALID,
			request->lang == LUYTRE_LANG_VI ? "Chế độ và cách xử lý khi không kiểm tra được do chính sách "
							  "quy định: hãy đề xuất một phiên bản "
							  "chính sách (POST /policies)."
							: "Modes, and what becomes of traffic that cannot be "
							  "inspected, are set by the policy: propose a "
							  "version of it (POST /policies).");
		return false;
	}
	if (need == JSONR_NEEDED)
		read_value(&body, asset);
	(void)registry_id(&body, "system", need, &asset->system);
	if (errors.count)
		api_reply_invalid(reply, &errors);
	return errors.count == 0;
}

void handle_create_asset(struct api_request *request, struct api_reply *reply)
{
	struct tenant_asset asset = { 0 };
	struct registry_tenant of;
	struct registry registry;
	int error;

	if (!registry_tenant(request, reply, &of) || !read_asset(request, reply, JSONR_NEEDED, &asset))
		return;
	registry_call(request, &of.scope, &registry);
	error = tenant_asset_create(&registry.call, &asset, &asset);
	if (error) {
		registry_refuse(request, reply, &registry, error);
		return;
	}
	registry_told(request, "asset", asset.id, of.id, "created");
	api_reply_header_format(reply, "Location", "/api/v1/tenants/%u/assets/%u", of.id, asset.id);
	reply_asset(request, reply, &registry, 201, &asset);
}

void handle_get_asset(struct api_request *request, struct api_reply *reply)
{
	struct tenant_asset asset;
	struct registry_tenant of;
	struct registry registry;

	if (registry_asset(request, reply, &of, &registry, &asset))
		reply_asset(request, reply, &registry, 200, &asset);
}

void handle_update_asset(struct api_request *request, struct api_reply *reply)
{
	struct tenant_asset asset;
	struct registry_tenant of;
	struct registry registry;
	int error;

	if (!registry_asset(request, reply, &of, &registry, &asset) ||
		!api_reply_matches(reply, (uint64_t)asset.revision) ||
		!read_asset(request, reply, JSONR_OPTIONAL, &asset))
		return;
	error = tenant_asset_update(&registry.call, &asset, &asset);
	if (error) {
		registry_refuse(request, reply, &registry, error);
		return;
	}
	registry_told(request, "asset", asset.id, of.id, "updated");
	reply_asset(request, reply, &registry, 200, &asset);
}

void handle_delete_asset(struct api_request *request, struct api_reply *reply)
{
	struct tenant_asset asset;
	struct registry_tenant of;
	struct registry registry;
	int error;

	if (!registry_asset(request, reply, &of, &registry, &asset) ||
		!api_reply_matches(reply, (uint64_t)asset.revision))
		return;
	error = tenant_asset_remove(&registry.call, asset.id, asset.revision);
	if (error) {
		registry_refuse(request, reply, &registry, error);
		return;
	}
	registry_told(request, "asset", asset.id, of.id, "deleted");
	api_reply_empty(reply, 204);
}

/* ---- Whose is it? ---- */

struct search {
	struct registry_page page;
	uint32_t seen;
	uint64_t last;
};

static int find_one(void *context, const struct tenant_asset *asset)
{
	struct search *search = context;
	struct registry_page *page = &search->page;
	int answer;

	search->seen++;
	search->last = asset->id;
	if (!fold_has(bytes_from_str(asset->value), page->text))
		return 0;
	answer = registry_page_take(page, 0, asset->id);
	return answer ? answer : write_asset(page->request, page->registry, page->json, asset);
}

/* The one asset that holds an address or prefix: assets do not overlap. */
static int find_holder(struct search *search, struct bytes text)
{
	struct registry *registry = search->page.registry;
	uint8_t first[ASSET_KEY_SIZE], last[ASSET_KEY_SIZE];
	struct tenant_asset asset = { 0 };
	struct asset_value value;
	int64_t id = 0;
	int error;

	if (asset_value_parse(text, &value) || value.kind > ASSET_KIND_PREFIX)
		return 0; /* wider than any asset may be */
	asset_key_first(&value.prefix, first);
	asset_key_last(&value.prefix, last);
	error = db_integer(registry->call.db,
		"select id from asset where first_key <= ?1 and last_key >= ?2 order by first_key desc limit 1",
		DB_ARGS(db_blob(bytes_of(first, sizeof(first))), db_blob(bytes_of(last, sizeof(last)))), &id);
	if (!error && (uint64_t)id <= search->page.last.id)
		return 0;
	if (!error)
		error = tenant_asset_get(&registry->call, (uint32_t)id, &asset);
	if (!error)
		error = find_one(search, &asset);
	return error == LUYTRE_E_NOT_FOUND ? 0 : error;
}

void handle_find_assets(struct api_request *request, struct api_reply *reply)
{
	const struct api_value *address = api_query(request, "address");
	struct search search = { 0 };
	struct policy_now now = { 0 };
	struct registry registry;
	struct auth_scope scope;
	int error;

	if (!console_scope(request, reply, AUTH_TENANTS_READ, &scope))
		return;
	registry_call(request, &scope.scope, &registry);
	if (registry_page_begin(request, reply, &registry, &search.page)) {
		search.page.text = api_query(request, "text")->text;
		search.last = search.page.last.id;
		error = policy_now_read(registry.call.db, &now);
		registry.policy = &now;
		if (!error && address->given)
			error = find_holder(&search, address->text);
		else if (!error)
			do {
				search.seen = 0;
				error = tenant_asset_each(
					&registry.call, 0, (uint32_t)search.last, TENANTS_PAGE_MAX, find_one, &search);
			} while (!error && search.seen == TENANTS_PAGE_MAX);
		policy_now_done(&now);
		registry_page_end(reply, &search.page, error);
	}
	auth_scope_done(&scope);
}

/* ---- Nobody's ---- */

/* An address behind an edge may be anybody's whom the edge serves: who may not see all of them does not see it. */
static bool may_see(const struct edges *edges, uint32_t edge, const struct scope *scope)
{
	const struct edge_view *view = edges_find(edges, edge);

	if (scope->all)
		return true;
	if (!view || view->bound->all || view->bound->tenant_count == 0)
		return false;
	for (size_t i = 0; i < view->bound->tenant_count; i++)
		if (!scope_has(scope, view->bound->tenants[i]))
			return false;
	return true;
}

/* One more than the page has room for, if there is one. */
static size_t copy_unmapped(
	struct core *core, const struct scope *scope, uint64_t after, struct unmapped_row *rows, size_t max)
{
	const struct unmapped_row *row;
	size_t count = 0;

	core_lock(core);
	while (count < max && (row = unmapped_next(core_unmapped(core), after))) {
		after = row->id;
		if (may_see(core_edges(core), row->edge, scope))
			rows[count++] = *row;
	}
	core_unlock(core);
	return count;
}

static void write_unmapped(struct jsonw *json, const struct unmapped_row *row)
{
	char text[IP_ADDR_TEXT_SIZE];

	jsonw_object_begin(json);
	jsonw_kv_string(json, "address", ip_addr_format(&row->addr, text));
	console_kv_id(json, "edge", row->edge);
	console_kv_time(json, "first", row->first_us);
	console_kv_time(json, "last", row->last_us);
	jsonw_kv_u64(json, "packets", row->packets);
	jsonw_object_end(json);
}

void handle_list_unmapped(struct api_request *request, struct api_reply *reply)
{
	struct registry_page page;
	struct registry registry;
	struct auth_scope scope;
	struct unmapped_row *rows;
	size_t count, i = 0;

	if (!console_scope(request, reply, AUTH_EDGES_READ, &scope))
		return;
	registry_call(request, &scope.scope, &registry);
	if (registry_page_begin(request, reply, &registry, &page)) {
		rows = arena_take(request->arena, (page.left + 1) * sizeof(*rows));
		count = rows ? copy_unmapped(console_core(request), &scope.scope, page.last.id, rows, page.left + 1)
			     : 0;
		while (i < count && !registry_page_take(&page, 0, rows[i].id))
			write_unmapped(page.json, &rows[i++]);
		registry_page_end(reply, &page, rows ? 0 : LUYTRE_E_NOMEM);
	}
	auth_scope_done(&scope);
}
