// SPDX-License-Identifier: Apache-2.0
/* The information systems of an organisation. The scope of each call is the organisation of the path alone. */
#include "hub/console/registry.h"

static int write_system(const struct api_request *request, struct jsonw *json, const struct tenant_system *system)
{
	uint64_t assets;
	int error = registry_count(request, "select count(*) from asset where system = ?1", system->id, &assets);

	if (error)
		return error;
	jsonw_object_begin(json);
	console_kv_id(json, "id", system->id);
	jsonw_kv_i64(json, "revision", system->revision);
	console_kv_id(json, "tenant", system->tenant);
	jsonw_kv_string(json, "name", system->name);
	jsonw_kv_u64(json, "level", system->level);
	console_kv_text_or_null(json, "owner", system->owner);
	console_kv_text_or_null(json, "operator", system->operator_);
	console_kv_text_or_null(json, "contact", system->contact);
	jsonw_kv_bool(json, "edge_only", system->edge_only);
	jsonw_kv_u64(json, "assets", assets);
	console_kv_time(json, "updated", system->updated_us);
	jsonw_object_end(json);
	return 0;
}

static void reply_system(
	const struct api_request *request, struct api_reply *reply, int status, const struct tenant_system *system)
{
	int error = write_system(request, api_reply_json(reply, status), system);

	if (error)
		api_reply_error(reply, error, NULL);
	else
		api_reply_etag(reply, (uint64_t)system->revision);
}

static int list_one(void *context, const struct tenant_system *system)
{
	struct registry_page *page = context;
	int answer = registry_page_take(page, 0, system->id);

	return answer ? answer : write_system(page->request, page->json, system);
}

void handle_list_systems(struct api_request *request, struct api_reply *reply)
{
	struct registry_tenant of;
	struct registry_page page;
	struct registry registry;
	int error;

	if (!registry_tenant(request, reply, &of))
		return;
	registry_call(request, &of.scope, &registry);
	if (!registry_page_begin(request, reply, &registry, &page))
		return;
	error = tenant_system_each(&registry.call, of.id, (uint32_t)page.last.id, page.left, list_one, &page);
	if (!error && page.left == 0) /* is there another? */
		error = tenant_system_each(&registry.call, of.id, (uint32_t)page.last.id, 1, list_one, &page);
	registry_page_end(reply, &page, error);
}

static bool read_system(
	const struct api_request *request, struct api_reply *reply, enum jsonr_need need, struct tenant_system *system)
{
	int64_t level = system->level;
	struct jsonr_errors errors;
	struct jsonr body;

	api_body(request, &errors, &body);
	registry_text(&body, "name", need, system->name, sizeof(system->name));
	registry_text(&body, "owner", JSONR_OPTIONAL, system->owner, sizeof(system->owner));
	registry_text(&body, "operator", JSONR_OPTIONAL, system->operator_, sizeof(system->operator_));
	registry_text(&body, "contact", JSONR_OPTIONAL, system->contact, sizeof(system->contact));
	(void)jsonr_i64(&body, "level", need, 1, 5, &level);
	(void)jsonr_bool(&body, "edge_only", JSONR_OPTIONAL, &system->edge_only);
	system->level = (uint32_t)level;
	if (errors.count)
		api_reply_invalid(reply, &errors);
	return errors.count == 0;
}

/* It turns gates and their holds off, or on, within a second and without the policy's two people: for who works at the nation. */
static bool may_set_edge_only(const struct api_request *request, struct api_reply *reply)
{
	if (auth_check(console_principal(request), console_worker_of(request)->tree, AUTH_TENANTS_WRITE, 0))
		return true;
	api_reply_problem(reply, API_PROBLEM_FORBIDDEN,
		request->lang == LUYTRE_LANG_VI
			? "Chỉ quản trị quốc gia được đặt hoặc bỏ chế độ chỉ giám sát tại điểm biên của hệ thống."
			: "That a system is watched at the edge only is for the national administrator to set and to "
			  "end.");
	return false;
}

void handle_create_system(struct api_request *request, struct api_reply *reply)
{
	struct tenant_system system = { 0 };
	struct registry_tenant of;
	struct registry registry;
	int error;

	if (!registry_tenant(request, reply, &of) || !read_system(request, reply, JSONR_NEEDED, &system))
		return;
	if (system.edge_only && !may_set_edge_only(request, reply))
		return;
	system.tenant = of.id;
	registry_call(request, &of.scope, &registry);
	error = tenant_system_create(&registry.call, &system, &system);
	if (error) {
		registry_refuse(request, reply, &registry, error);
		return;
	}
	registry_told(request, "system", system.id, of.id, "created");
	api_reply_header_format(reply, "Location", "/api/v1/tenants/%u/systems/%u", of.id, system.id);
	reply_system(request, reply, 201, &system);
}

static bool find_system(const struct api_request *request, struct api_reply *reply, struct registry_tenant *of,
	struct registry *registry, struct tenant_system *ret)
{
	uint32_t id;
	int error;

	if (!registry_tenant(request, reply, of) || !console_path_id32(request, reply, "system", &id))
		return false;
	registry_call(request, &of->scope, registry);
	error = tenant_system_get(&registry->call, id, ret);
	if (error)
		api_reply_error(reply, error, NULL);
	return !error;
}

void handle_get_system(struct api_request *request, struct api_reply *reply)
{
	struct tenant_system system;
	struct registry_tenant of;
	struct registry registry;

	if (find_system(request, reply, &of, &registry, &system))
		reply_system(request, reply, 200, &system);
}

void handle_update_system(struct api_request *request, struct api_reply *reply)
{
	struct tenant_system system;
	struct registry_tenant of;
	struct registry registry;
	bool edge_only;
	int error;

	if (!find_system(request, reply, &of, &registry, &system) ||
		!api_reply_matches(reply, (uint64_t)system.revision))
		return;
	edge_only = system.edge_only;
	if (!read_system(request, reply, JSONR_OPTIONAL, &system) ||
		(system.edge_only != edge_only && !may_set_edge_only(request, reply)))
		return;
	error = tenant_system_update(&registry.call, &system, &system);
	if (error) {
		registry_refuse(request, reply, &registry, error);
		return;
	}
	registry_told(request, "system", system.id, of.id, "updated");
	reply_system(request, reply, 200, &system);
}

void handle_delete_system(struct api_request *request, struct api_reply *reply)
{
	struct tenant_system system;
	struct registry_tenant of;
	struct registry registry;
	int error;

	if (!find_system(request, reply, &of, &registry, &system) ||
		!api_reply_matches(reply, (uint64_t)system.revision))
		return;
	error = tenant_system_remove(&registry.call, system.id, system.revision);
	if (error) {
		registry_refuse(request, reply, &registry, error);
		return;
	}
	registry_told(request, "system", system.id, of.id, "deleted");
	api_reply_empty(reply, 204);
}
