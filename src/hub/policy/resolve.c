// SPDX-License-Identifier: Apache-2.0
/* What a version says of one asset, and who says it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "hub/policy/policy.h"

#define X(id, word) word,
const char *const policy_origins[POLICY_ORIGIN_COUNT] = { POLICY_ORIGINS(X) };
#undef X

static bool sets_limits(const struct policy_settings *settings)
{
	for (size_t i = 0; i < POLICYFILE_LIMIT_COUNT; i++)
		if (settings->limits[i] != POLICYFILE_UNSET)
			return true;
	return false;
}

/* Packets have no names. */
static void leave_gate(struct policy_asset *asset)
{
	int8_t gate = asset->settings.modes[ASSET_PART_GATE];

	policy_settings_init(&asset->settings);
	asset->settings.modes[ASSET_PART_GATE] = gate;
	asset->modes[ASSET_PART_SHIELD] = asset->modes[ASSET_PART_SENSOR] = asset->fail = POLICY_ORIGIN_NONE;
	asset->group[0] = '\0';
}

void policy_asset_resolve(const struct policy_now *now, const struct tenant_asset *asset, struct policy_asset *ret)
{
	static const enum policy_origin origins[POLICY_KIND_COUNT] = { [POLICY_KIND_TENANT] = POLICY_ORIGIN_TENANT,
		[POLICY_KIND_SYSTEM] = POLICY_ORIGIN_SYSTEM,
		[POLICY_KIND_ASSET] = POLICY_ORIGIN_ASSET };
	const uint32_t ids[POLICY_KIND_COUNT] = { asset->tenant, asset->system, asset->id };

	*ret = (struct policy_asset){ .fail = POLICY_ORIGIN_EDGE };
	policy_settings_init(&ret->settings);
	for (int kind = 0; kind < POLICY_KIND_COUNT; kind++) {
		const struct policy_entry *entry =
			policy_entries_find(&now->entries, (enum policy_kind)kind, ids[kind]);

		if (!entry)
			continue;
		policy_settings_put(&ret->settings, &entry->settings);
		for (size_t i = 0; i < ASSET_PART_COUNT; i++)
			if (entry->settings.modes[i] != POLICYFILE_UNSET)
				ret->modes[i] = origins[kind];
		if (entry->settings.fail != POLICYFILE_UNSET)
			ret->fail = origins[kind];
		/* Limits are shared by whom the narrowest that sets any is for. */
		if (sets_limits(&entry->settings))
			snprintf(ret->group, sizeof(ret->group), "%s-%u", policy_kinds[kind], ids[kind]);
	}
	if (policy_now_edge_only(now, asset->system)) {
		ret->settings.modes[ASSET_PART_GATE] = ASSET_MODE_OFF;
		ret->modes[ASSET_PART_GATE] = POLICY_ORIGIN_EDGE_ONLY;
	}
	if (asset->kind != ASSET_KIND_ADDRESS && asset->kind != ASSET_KIND_PREFIX)
		leave_gate(ret);
}

/* ---- What stands ---- */

static int row_system(void *context, const struct db_value *columns, size_t column_count)
{
	struct policy_now *now = context;

	now->edge_only[now->edge_only_count++] = (uint32_t)columns[0].integer;
	return 0;
}

static int read_systems(struct db *db, struct policy_now *now)
{
	int64_t count = 0;
	int error = db_integer(db, "select count(*) from system where edge_only <> 0", DB_NO_ARGS, &count);

	if (error)
		return error;
	now->edge_only = calloc((size_t)count + 1, sizeof(*now->edge_only));
	if (!now->edge_only)
		return LUYTRE_E_NOMEM;
	/* Not more than were counted: when others write meanwhile it is all read again. */
	return db_each(db, "select id from system where edge_only <> 0 order by id limit ?1", DB_ARGS(db_i64(count)),
		row_system, now);
}

int policy_now_read(struct db *db, struct policy_now *ret)
{
	struct policy_now now = { 0 };
	int error = policy_standing(db, &now.version);

	if (!error)
		error = policy_entries_get(db, now.version, &now.entries);
	if (!error)
		error = read_systems(db, &now);
	if (error) {
		policy_now_done(&now);
		return error;
	}
	*ret = now;
	return 0;
}

void policy_now_done(struct policy_now *now)
{
	policy_entries_done(&now->entries);
	free(now->edge_only);
	*now = (struct policy_now){ 0 };
}

static int compare_ids(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

bool policy_now_edge_only(const struct policy_now *now, uint32_t system)
{
	return now->edge_only_count &&
	       bsearch(&system, now->edge_only, now->edge_only_count, sizeof(system), compare_ids);
}
