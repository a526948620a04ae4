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
	const struct policy_now *now;
	struct policyfile *file;
	size_t capacity;
	uint32_t last; /* asset */
	size_t seen;
};

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

/* Of shield and sensor: the gate's modes are of sites. */
static bool sets_packets(const struct policy_settings *settings)
{
	struct policy_settings rest = *settings;

	rest.modes[ASSET_PART_GATE] = POLICYFILE_UNSET;
	return !policy_settings_empty(&rest);
}

static void fill_row(const struct policy_asset *resolved, struct policyfile_row *row)
{
	static const int8_t shields[ASSET_MODE_COUNT] = { [ASSET_MODE_OFF] = POLICYFILE_UNSET,
		[ASSET_MODE_SHADOW] = POLICYFILE_MODE_SHADOW,
		[ASSET_MODE_ENFORCE] = POLICYFILE_MODE_ENFORCE };
	static const int8_t sensors[ASSET_MODE_COUNT] = { [ASSET_MODE_OFF] = POLICYFILE_SENSOR_OFF,
		[ASSET_MODE_SHADOW] = POLICYFILE_SENSOR_SHADOW,
		[ASSET_MODE_ENFORCE] = POLICYFILE_SENSOR_ENFORCE };
	static const int8_t fails[ASSET_FAIL_COUNT] = {
		[ASSET_FAIL_OPEN] = POLICYFILE_FAIL_OPEN, [ASSET_FAIL_CLOSED] = POLICYFILE_FAIL_CLOSED
	};
	const struct policy_settings *settings = &resolved->settings;

	if (settings->modes[ASSET_PART_SHIELD] != POLICYFILE_UNSET)
		row->shield = shields[settings->modes[ASSET_PART_SHIELD]];
	if (settings->modes[ASSET_PART_SENSOR] != POLICYFILE_UNSET)
		row->sensor = sensors[settings->modes[ASSET_PART_SENSOR]];
	if (settings->fail != POLICYFILE_UNSET)
		row->fail = fails[settings->fail];
	for (size_t i = 0; i < POLICYFILE_LIMIT_COUNT; i++)
		row->limits[i] = settings->limits[i];
	memcpy(row->group, resolved->group, sizeof(row->group));
}

static int resolve_asset(void *context, const struct tenant_asset *asset)
{
	struct resolver *resolver = context;
	bool edge_only = policy_now_edge_only(resolver->now, asset->system);
	struct policy_asset resolved;
	struct policyfile_row row;

	resolver->last = asset->id;
	resolver->seen++;
	if (asset->kind != ASSET_KIND_ADDRESS && asset->kind != ASSET_KIND_PREFIX)
		return 0;
	policy_asset_resolve(resolver->now, asset, &resolved);
	if (!sets_packets(&resolved.settings) && !edge_only)
		return 0;
	policyfile_row_init(&row);
	if (ip_prefix_parse(bytes_from_str(asset->value), 0, &row.prefix))
		return LUYTRE_E_CORRUPT;
	row.tenant = asset->tenant;
	row.system = asset->system;
	row.asset = asset->id;
	row.edge_only = edge_only;
	fill_row(&resolved, &row);
	return add_row(resolver, &row);
}

int policy_resolve(struct db *db, struct policyfile *ret)
{
	const struct scope nation = { .all = true };
	const struct tenants_call call = { .db = db, .scope = &nation };
	struct policyfile file = { 0 };
	struct policy_now now = { 0 };
	struct resolver resolver = { .now = &now, .file = &file };
	int error = policy_now_read(db, &now);

	do {
		resolver.seen = 0;
		if (!error && (now.entries.count || now.edge_only_count))
			error = tenant_asset_each(&call, 0, resolver.last, TENANTS_PAGE_MAX, resolve_asset, &resolver);
	} while (!error && resolver.seen);
	file.version = now.version;
	policy_now_done(&now);
	if (error) {
		policyfile_done(&file);
		return error;
	}
	*ret = file;
	return 0;
}

static int rows_of(const struct policyfile *all, policy_serves_fn serves, const void *context, struct policyfile *ret,
	size_t *ret_left_out)
{
	struct policyfile file = { .version = all->version };
	struct policy_want *wants = calloc(all->row_count + 1, sizeof(*wants));
	int error = wants ? 0 : LUYTRE_E_NOMEM;

	for (size_t i = 0; i < all->row_count && !error; i++) {
		const struct policyfile_row *row = &all->rows[i];

		wants[i] = (struct policy_want){ .tenant = row->tenant,
			.served = !serves || serves(context, row->tenant),
			.first = row->edge_only };
		file.row_count += wants[i].served;
	}
	if (!error)
		error = policy_share(wants, all->row_count, POLICYFILE_ROWS_MAX, SIZE_MAX, ret_left_out);
	if (!error && !(file.rows = calloc(file.row_count - *ret_left_out + 1, sizeof(*file.rows))))
		error = LUYTRE_E_NOMEM;
	file.row_count = 0;
	for (size_t i = 0; i < all->row_count && !error; i++)
		if (wants[i].fits)
			file.rows[file.row_count++] = all->rows[i];
	free(wants);
	if (!error)
		*ret = file;
	return error;
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
	int error = rows_of(all, serves, context, &file, &bundle.left_out);

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

	if (error)
		return error;
	if (before.version == version && before.since_us) {
		if (!why && state == POLICY_ROLLOUT_STANDING && before.state != POLICY_ROLLOUT_FAILED)
			why = before.why;
		/* What stands or has failed is not "sent" because it is asked for once more. */
		if (state == POLICY_ROLLOUT_SENT && before.state != POLICY_ROLLOUT_SENT) {
			state = before.state;
			now_us = before.since_us;
			why = state == POLICY_ROLLOUT_FAILED ? before.why : why;
		}
		if (before.state == state && strcmp(before.why, why ? why : "") == 0) /* edges say it again and again */
			return 0;
	}
	why = why ? why : "";
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
