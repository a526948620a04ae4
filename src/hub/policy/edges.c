// SPDX-License-Identifier: Apache-2.0
/* The standing version as one edge gets it, and how far it is there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/siphash.h"
#include "base/holdfile.h"
#include "hub/policy/policy.h"

enum { ROWS_GROW = 256 };

struct resolver {
	const struct policy_entries *entries;
	struct policyfile *file;
	size_t capacity;
	uint32_t last; /* asset */
	size_t seen;
};

static bool sets_limits(const struct policy_settings *settings)
{
	for (size_t i = 0; i < POLICYFILE_LIMIT_COUNT; i++)
		if (settings->limits[i] != POLICYFILE_UNSET)
			return true;
	return false;
}

/* From the wider to the narrower; limits are shared by whom the narrowest that sets any is for. */
static void settings_of(const struct resolver *resolver, const struct tenant_asset *asset, struct policy_settings *ret,
	char group[POLICYFILE_GROUP_SIZE])
{
	const uint32_t ids[POLICY_KIND_COUNT] = { asset->tenant, asset->system, asset->id };

	policy_settings_init(ret);
	group[0] = '\0';
	for (int kind = 0; kind < POLICY_KIND_COUNT; kind++) {
		const struct policy_entry *entry =
			policy_entries_find(resolver->entries, (enum policy_kind)kind, ids[kind]);

		if (!entry)
			continue;
		policy_settings_put(ret, &entry->settings);
		if (sets_limits(&entry->settings))
			snprintf(group, POLICYFILE_GROUP_SIZE, "%s-%u", policy_kinds[kind], ids[kind]);
	}
}

static int add_row(struct resolver *resolver, const struct policyfile_row *row)
{
	struct policyfile *file = resolver->file;

	if (file->row_count >= POLICY_ROWS_MAX)
		return LUYTRE_E_FULL;
	if (file->row_count == resolver->capacity) {
		struct policyfile_row *grown = reallocarray(file->rows, resolver->capacity + ROWS_GROW, sizeof(*grown));

		if (!grown)
			return LUYTRE_E_NOMEM;
		file->rows = grown;
		resolver->capacity += ROWS_GROW;
	}
	file->rows[file->row_count++] = *row;
	return 0;
}

/* The shield's part; sensor and gate have none yet, and no proposal can set it. */
static int resolve_asset(void *context, const struct tenant_asset *asset)
{
	static const int8_t modes[ASSET_MODE_COUNT] = { [ASSET_MODE_OFF] = POLICYFILE_UNSET,
		[ASSET_MODE_SHADOW] = POLICYFILE_MODE_SHADOW,
		[ASSET_MODE_ENFORCE] = POLICYFILE_MODE_ENFORCE };
	static const int8_t fails[ASSET_FAIL_COUNT] = {
		[ASSET_FAIL_OPEN] = POLICYFILE_FAIL_OPEN, [ASSET_FAIL_CLOSED] = POLICYFILE_FAIL_CLOSED
	};
	struct resolver *resolver = context;
	struct policy_settings settings;
	struct policyfile_row row;

	resolver->last = asset->id;
	resolver->seen++;
	if (asset->kind != ASSET_KIND_ADDRESS && asset->kind != ASSET_KIND_PREFIX)
		return 0;
	policyfile_row_init(&row);
	settings_of(resolver, asset, &settings, row.group);
	if (policy_settings_empty(&settings))
		return 0;
	if (ip_prefix_parse(bytes_from_str(asset->value), 0, &row.prefix))
		return LUYTRE_E_CORRUPT;
	row.tenant = asset->tenant;
	row.asset = asset->id;
	if (settings.modes[ASSET_PART_SHIELD] != POLICYFILE_UNSET)
		row.shield = modes[settings.modes[ASSET_PART_SHIELD]];
	if (settings.fail != POLICYFILE_UNSET)
		row.fail = fails[settings.fail];
	for (size_t i = 0; i < POLICYFILE_LIMIT_COUNT; i++)
		row.limits[i] = settings.limits[i];
	return add_row(resolver, &row);
}

int policy_resolve(struct db *db, struct policyfile *ret)
{
	const struct scope nation = { .all = true };
	const struct tenants_call call = { .db = db, .scope = &nation };
	struct policy_entries entries = { 0 };
	struct policyfile file = { 0 };
	struct resolver resolver = { .entries = &entries, .file = &file };
	uint32_t standing = 0;
	int error = policy_standing(db, &standing);

	if (!error)
		error = policy_entries_get(db, standing, &entries);
	do {
		resolver.seen = 0;
		if (!error && entries.count)
			error = tenant_asset_each(&call, 0, resolver.last, TENANTS_PAGE_MAX, resolve_asset, &resolver);
	} while (!error && resolver.seen);
	policy_entries_done(&entries);
	if (error) {
		policyfile_done(&file);
		return error;
	}
	file.version = standing;
	*ret = file;
	return 0;
}

static int rows_of(const struct policyfile *all, policy_serves_fn serves, const void *context, struct policyfile *ret)
{
	struct policyfile file = { .version = all->version };

	for (size_t i = 0; i < all->row_count; i++)
		file.row_count += !serves || serves(context, all->rows[i].tenant);
	if (file.row_count > POLICYFILE_ROWS_MAX)
		return LUYTRE_E_FULL;
	file.rows = calloc(file.row_count + 1, sizeof(*file.rows));
	if (!file.rows)
		return LUYTRE_E_NOMEM;
	file.row_count = 0;
	for (size_t i = 0; i < all->row_count; i++)
		if (!serves || serves(context, all->rows[i].tenant))
			file.rows[file.row_count++] = all->rows[i];
	*ret = file;
	return 0;
}

int policy_pack(const struct policyfile *all, struct bytes holds, uint32_t edge, policy_serves_fn serves,
	const void *context, int64_t now_us, const uint8_t secret_key[BUNDLE_SECRET_SIZE], struct policy_bundle *ret)
{
	static const struct siphash_key fixed = { 0x6c75797472650002ull, 0x706f6c6963790001ull };
	struct bundle_file files[] = { { .name = bytes_from_str(POLICYFILE_NAME) },
		{ .name = bytes_from_str(HOLDFILE_NAME), .content = holds } };
	struct policy_bundle bundle = { .version = all->version };
	struct policyfile file;
	struct jsonw json;
	int error = rows_of(all, serves, context, &file);

	if (error)
		return error;
	jsonw_init(&json, POLICYFILE_SIZE_MAX);
	policyfile_write(&json, &file);
	error = jsonw_text(&json, &files[0].content);
	if (!error)
		error = bundle_pack(bundle.version, now_us, edge, files, bytes_empty(holds) ? 1 : 2, secret_key,
			&bundle.text, &bundle.size);
	if (!error) {
		const uint64_t tags[] = { siphash24(fixed, files[0].content.ptr, files[0].content.size),
			siphash24(fixed, holds.ptr, holds.size) };

		bundle.tag = (bytes_empty(holds) ? tags[0] : siphash24(fixed, tags, sizeof(tags))) >> 1;
		*ret = bundle;
	}
	jsonw_done(&json);
	policyfile_done(&file);
	return error;
}

/* ---- Rollout ---- */

static int row_rollout(void *context, const struct db_value *columns, size_t column_count)
{
	struct policy_rollout_view *view = context;

	view->version = (uint64_t)columns[0].integer;
	view->state = (enum policy_rollout)columns[1].integer;
	view->since_us = columns[2].integer;
	snprintf(view->why, sizeof(view->why), "%.*s", (int)columns[3].bytes.size, (const char *)columns[3].bytes.ptr);
	return 1;
}

static int noted(struct db *db, uint32_t edge, struct policy_rollout_view *ret)
{
	int error = db_each(db, "select version, state, since_us, why from policy_edge where edge = ?1",
		DB_ARGS(db_i64(edge)), row_rollout, ret);

	return error == 1 ? 0 : error;
}

int policy_rollout_note(
	struct db *db, uint32_t edge, uint64_t version, enum policy_rollout state, const char *why, int64_t now_us)
{
	struct policy_rollout_view before = { 0 };
	int error = noted(db, edge, &before);

	why = why ? why : "";
	if (error)
		return error;
	/* Edges say it again and again; and what stands or has failed is not "sent" because it is asked for once more. */
	if (before.version == version && before.since_us &&
		((before.state == state && strcmp(before.why, why) == 0) || state == POLICY_ROLLOUT_SENT))
		return 0;
	return db_run(db,
		"insert into policy_edge (edge, version, state, since_us, why) values (?1, ?2, ?3, ?4, ?5)"
		" on conflict (edge) do update set version = ?2, state = ?3, since_us = ?4, why = ?5",
		DB_ARGS(db_i64(edge), db_i64((int64_t)version), db_i64(state), db_i64(now_us), db_str(why)), NULL);
}

int policy_rollout_get(struct db *db, uint32_t edge, uint64_t version, uint64_t stands, struct policy_rollout_view *ret)
{
	struct policy_rollout_view view = { 0 };
	int error = noted(db, edge, &view);

	if (error)
		return error;
	if (view.version != version)
		view = (struct policy_rollout_view){ .version = version };
	if (stands == version)
		view.state = POLICY_ROLLOUT_STANDING;
	*ret = view;
	return 0;
}
