// SPDX-License-Identifier: Apache-2.0
/* Which services of an asset may answer to the world, and which were seen to. The list is part of the asset: it has the asset's revision. */
#include "hub/console/registry.h"
#include "hub/posture/evidence/perimeter.h"

static int write_seen(void *context, const struct perimeter_service *service)
{
	struct jsonw *json = context;

	jsonw_object_begin(json);
	jsonw_kv_string(json, "host", service->host);
	jsonw_kv_u64(json, "protocol", service->protocol);
	jsonw_kv_u64(json, "port", service->port);
	jsonw_kv_bool(json, "listed", service->listed);
	console_kv_time(json, "first_seen", service->first_us);
	console_kv_time(json, "last_seen", service->last_us);
	console_kv_id_or_null(json, "event", service->event);
	jsonw_object_end(json);
	return 0;
}

static int write_services(
	const struct api_request *request, struct jsonw *json, const struct tenant_asset *asset, bool seen)
{
	struct perimeter_list list;
	int error = perimeter_list_get(console_db(request), asset->id, &list);

	if (error)
		return error;
	jsonw_object_begin(json);
	console_kv_id(json, "asset", asset->id);
	jsonw_kv_i64(json, "revision", asset->revision);
	jsonw_kv_array_begin(json, "ports");
	for (size_t i = 0; i < list.count; i++)
		jsonw_u64(json, list.ports[i]);
	jsonw_array_end(json);
	if (seen) {
		jsonw_kv_array_begin(json, "seen");
		error = perimeter_service_each(console_db(request), asset->id, write_seen, json);
		jsonw_array_end(json);
	}
	jsonw_object_end(json);
	return error;
}

/* What was seen is for those who may read findings; who sets the list is answered the list. */
static void reply_services(
	const struct api_request *request, struct api_reply *reply, const struct tenant_asset *asset, bool seen)
{
	int error = write_services(request, api_reply_json(reply, 200), asset, seen);

	if (error)
		api_reply_error(reply, error, NULL);
	else
		api_reply_etag(reply, (uint64_t)asset->revision);
}

void handle_get_asset_services(struct api_request *request, struct api_reply *reply)
{
	struct tenant_asset asset;
	struct registry_tenant of;
	struct registry registry;

	if (registry_asset(request, reply, &of, &registry, &asset))
		reply_services(request, reply, &asset, true);
}

/* The description holds them to ports, once each, and to no more than fit. */
static void read_ports(const struct api_request *request, struct perimeter_list *ret)
{
	const json_t *ports = json_object_get(request->json, "ports"), *port;
	size_t i;

	ret->count = 0;
	json_array_foreach (ports, i, port)
		if (ret->count < PERIMETER_SERVICES_MAX)
			ret->ports[ret->count++] = (uint16_t)json_integer_value(port);
}

void handle_set_asset_services(struct api_request *request, struct api_reply *reply)
{
	struct perimeter_list list;
	struct tenant_asset asset;
	struct registry_tenant of;
	struct registry registry;
	int error;

	if (!registry_asset(request, reply, &of, &registry, &asset) ||
		!api_reply_matches(reply, (uint64_t)asset.revision))
		return;
	read_ports(request, &list);
	error = perimeter_list_set(console_db(request), &registry.who.origin, asset.id, asset.revision, &list);
	if (error == LUYTRE_E_CONFLICT) {
		api_reply_problem(reply, API_PROBLEM_CHANGED, NULL);
		return;
	}
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	asset.revision++;
	registry_told(request, "asset", asset.id, of.id, "updated");
	reply_services(request, reply, &asset, false);
}
