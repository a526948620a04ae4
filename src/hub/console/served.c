// SPDX-License-Identifier: Apache-2.0
#include "hub/console/served.h"

#include <stdio.h>
#include <stdlib.h>

/* Scopes reach down to the leaves, so it is enough to look upwards from each. */
static bool lies_behind(const struct tenants_tree *tree, uint32_t tenant, const struct edges_bound *bound)
{
	for (; tenant; tenant = tenants_tree_parent(tree, tenant))
		if (edges_bound_names(bound, tenant))
			return true;
	return false;
}

bool served_visible(const struct tenants_tree *tree, const struct scope *scope, const struct edges_bound *bound)
{
	if (scope->all || (bound->all && scope->tenant_count))
		return true;
	for (size_t i = 0; i < scope->tenant_count; i++)
		if (lies_behind(tree, scope->tenants[i], bound))
			return true;
	return false;
}

void served_write(
	struct jsonw *json, const struct tenants_tree *tree, const struct scope *scope, const struct edges_bound *bound)
{
	char text[16];

	jsonw_kv_array_begin(json, "tenants");
	for (size_t i = 0; i < bound->tenant_count; i++) {
		if (!scope_has(scope, bound->tenants[i]) || !tenants_tree_has(tree, bound->tenants[i]))
			continue;
		snprintf(text, sizeof(text), "%u", bound->tenants[i]);
		jsonw_string(json, text);
	}
	jsonw_array_end(json);
	jsonw_kv_bool(json, "all_tenants", bound->all);
}

static uint32_t read_tenant(const struct tenants_tree *tree, const struct jsonr *item)
{
	const char *text = json_string_value(item->value);
	unsigned long long id = text ? strtoull(text, NULL, 10) : 0;

	if (id > 0 && id <= UINT32_MAX && tenants_tree_has(tree, (uint32_t)id))
		return (uint32_t)id;
	jsonr_fail(item, JSONR_UNKNOWN, 0, 0);
	return 0;
}

void served_read(const struct api_request *request, const struct jsonr *body, struct edges_bound *bound)
{
	const struct tenants_tree *tree = console_worker_of(request)->tree;
	bool all = false, listed;
	struct jsonr items;
	uint32_t *tenants;
	size_t count;

	(void)jsonr_bool(body, "all_tenants", JSONR_OPTIONAL, &all);
	listed = jsonr_array(body, "tenants", JSONR_OPTIONAL, EDGES_TENANTS_MAX, &items);
	if (listed && all) {
		jsonr_fail(&items, JSONR_CONFLICT, 0, 0);
	} else if (all) {
		*bound = (struct edges_bound){ .all = true };
	} else if (listed) {
		count = json_array_size(items.value);
		tenants = arena_take(request->arena, (count + 1) * sizeof(*tenants));
		if (!tenants) {
			jsonr_fail(&items, JSONR_MEMORY, 0, 0);
			return;
		}
		for (size_t i = 0; i < count; i++) {
			const struct jsonr item = jsonr_item(&items, i);

			tenants[i] = read_tenant(tree, &item);
		}
		*bound = (struct edges_bound){ .tenants = tenants, .tenant_count = count };
	}
}
