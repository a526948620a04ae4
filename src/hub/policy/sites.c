// SPDX-License-Identifier: Apache-2.0
/* The gate's modes by places of web servers. All assets are looked at, for whose a host is does not depend on what is set. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/siphash.h"
#include "hub/policy/policy.h"
#include "hub/tenants/canon.h"

enum { GROW_MIN = 256, NOT_SET = -1 };
/* Of a row in the file: its members with numbers as long as they get, without the place. */
enum { ROW_BYTES = 110 };

/* An asset at its place. */
struct candidate {
	struct policy_site site;
	enum asset_kind kind;
	int mode; /* enum holdfile_site, or NOT_SET */
};

struct making {
	const struct policy_now *now;
	struct candidate *items;
	size_t count, room, with_mode;
	char *names;
	size_t names_size, names_room;
	uint32_t last; /* asset */
	size_t seen;
};

/* ---- All assets ---- */

static int add_name(struct making *making, struct bytes name, size_t *ret)
{
	size_t room = making->names_room ? making->names_room : 4096;

	while (making->names_size + name.size + 1 > room)
		room *= 2;
	if (room != making->names_room) {
		char *grown = realloc(making->names, room);

		if (!grown)
			return LUYTRE_E_NOMEM;
		making->names = grown;
		making->names_room = room;
	}
	*ret = making->names_size;
	memcpy(making->names + making->names_size, name.ptr, name.size);
	making->names[making->names_size + name.size] = '\0';
	making->names_size += name.size + 1;
	return 0;
}

static int add_candidate(struct making *making, const struct candidate *candidate)
{
	making->with_mode += candidate->mode != NOT_SET; /* the others only say whose a place is */
	if (making->with_mode > POLICY_ROWS_MAX)
		return LUYTRE_E_FULL;
	if (making->count == making->room) {
		size_t room = making->room ? 2 * making->room : GROW_MIN;
		struct candidate *grown = reallocarray(making->items, room, sizeof(*grown));

		if (!grown)
			return LUYTRE_E_NOMEM;
		making->items = grown;
		making->room = room;
	}
	making->items[making->count++] = *candidate;
	return 0;
}

static int take_asset(void *context, const struct tenant_asset *asset)
{
	static const int modes[ASSET_MODE_COUNT] = { [ASSET_MODE_OFF] = HOLDFILE_SITE_OFF,
		[ASSET_MODE_SHADOW] = HOLDFILE_SITE_SHADOW,
		[ASSET_MODE_ENFORCE] = HOLDFILE_SITE_ENFORCE };
	struct making *making = context;
	struct candidate candidate = {
		.site = { .tenant = asset->tenant, .asset = asset->id }, .kind = asset->kind, .mode = NOT_SET
	};
	struct policy_asset resolved;
	struct bytes name;
	int error = 0;

	making->last = asset->id;
	making->seen++;
	candidate.site.edge_only = policy_now_edge_only(making->now, asset->system);
	policy_asset_resolve(making->now, asset, &resolved);
	if (resolved.settings.modes[ASSET_PART_GATE] != POLICYFILE_UNSET)
		candidate.mode = modes[resolved.settings.modes[ASSET_PART_GATE]];
	candidate.site.has_prefix =
		asset_place(asset->kind, bytes_from_str(asset->value), &candidate.site.prefix, &name);
	if (!candidate.site.has_prefix && (bytes_empty(name) || name.size >= HOLDFILE_NAME_SIZE))
		return 0;
	if (!candidate.site.has_prefix)
		error = add_name(making, name, &candidate.site.name);
	return error ? error : add_candidate(making, &candidate);
}

static bool sets_gate(const struct policy_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++)
		if (entries->items[i].settings.modes[ASSET_PART_GATE] != POLICYFILE_UNSET)
			return true;
	return false;
}

static int take_assets(struct db *db, struct making *making)
{
	const struct scope nation = { .all = true };
	const struct tenants_call call = { .db = db, .scope = &nation };
	int error = 0;

	if (!making->now->edge_only_count && !sets_gate(&making->now->entries))
		return 0;
	do {
		making->seen = 0;
		error = tenant_asset_each(&call, 0, making->last, TENANTS_PAGE_MAX, take_asset, making);
	} while (!error && making->seen);
	return error;
}

/* ---- Whose a place is, and which mode it has ---- */

static int compare_places(const struct candidate *a, const struct candidate *b, const char *names)
{
	if (a->site.has_prefix != b->site.has_prefix)
		return a->site.has_prefix ? -1 : 1;
	if (a->site.has_prefix)
		return ip_prefix_compare(&a->site.prefix, &b->site.prefix);
	return strcmp(names + a->site.name, names + b->site.name);
}

/* By place; there the asset that is the place before its URLs, and these by age. */
static int compare_candidates(const void *left, const void *right, void *names)
{
	const struct candidate *a = left, *b = right;
	int order = compare_places(a, b, names);

	if (order)
		return order;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return (a->site.asset > b->site.asset) - (a->site.asset < b->site.asset);
}

/* Of those of the owner, or null. */
static const struct candidate *choose(const struct candidate *items, size_t count, uint32_t owner)
{
	const struct candidate *best = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct candidate *item = &items[i];

		if (item->site.tenant != owner || item->mode == NOT_SET)
			continue;
		if (item->site.edge_only)
			return item;
		if (!best || (best->kind == ASSET_KIND_URL && item->mode < best->mode))
			best = item;
	}
	return best;
}
_Static_assert(HOLDFILE_SITE_OFF < HOLDFILE_SITE_SHADOW && HOLDFILE_SITE_SHADOW < HOLDFILE_SITE_ENFORCE,
	"the more careful mode is the smaller one");

/* One site for each place that has a mode; 'sites->items' has room for all. */
static void decide(const struct making *making, struct policy_sites *sites)
{
	const struct candidate *around = NULL; /* the asset that may hold the addresses that follow */

	for (size_t first = 0, end; first < making->count; first = end) {
		const struct candidate *items = &making->items[first], *best;
		uint32_t owner = items->site.tenant;

		end = first + 1;
		while (end < making->count && !compare_places(items, &making->items[end], making->names))
			end++;
		if (items->site.has_prefix && items->kind != ASSET_KIND_URL)
			around = items;
		else if (items->site.has_prefix && around &&
			 ip_prefix_covers(&around->site.prefix, &items->site.prefix)) {
			owner = around->site.tenant;
			if (around->site.edge_only) /* nothing narrower opens what it closes */
				continue;
		}
		best = choose(items, end - first, owner);
		if (!best)
			continue;
		sites->items[sites->count] = best->site;
		sites->items[sites->count++].mode = (uint8_t)best->mode;
	}
}

static int compare_sites(const void *left, const void *right)
{
	const struct policy_site *a = left, *b = right;

	if (a->tenant != b->tenant)
		return a->tenant < b->tenant ? -1 : 1;
	return (a->asset > b->asset) - (a->asset < b->asset);
}

static int make_sites(struct making *making, struct policy_sites *sites)
{
	sites->items = calloc(making->count + 1, sizeof(*sites->items));
	if (!sites->items)
		return LUYTRE_E_NOMEM;
	if (making->count)
		qsort_r(making->items, making->count, sizeof(*making->items), compare_candidates, making->names);
	decide(making, sites);
	if (sites->count)
		qsort(sites->items, sites->count, sizeof(*sites->items), compare_sites);
	sites->names = making->names;
	sites->names_size = making->names_size;
	making->names = NULL;
	return 0;
}

/* ---- Since when ---- */

/* What was known before, and what is now; 0: no sites. */
struct content {
	uint32_t tenant;
	int64_t before, now, changed_us;
};

struct noting {
	struct db *db;
	int64_t now_us;
	struct content *items; /* those of the database first, by tenant */
	size_t count, room;
};

static int add_content(struct noting *noting, const struct content *content)
{
	if (noting->count == noting->room) {
		size_t room = noting->room ? 2 * noting->room : GROW_MIN;
		struct content *grown = reallocarray(noting->items, room, sizeof(*grown));

		if (!grown)
			return LUYTRE_E_NOMEM;
		noting->items = grown;
		noting->room = room;
	}
	noting->items[noting->count++] = *content;
	return 0;
}

static int row_content(void *context, const struct db_value *columns, size_t column_count)
{
	return add_content(context, &(struct content){ .tenant = (uint32_t)columns[0].integer,
					    .before = columns[1].integer,
					    .changed_us = columns[2].integer });
}

static uint64_t digest(const struct policy_sites *sites, const struct policy_site *site, uint64_t before)
{
	static const struct siphash_key fixed = { 0x6c75797472650005ull, 0x7369746573000001ull };
	char text[IP_PREFIX_TEXT_SIZE];
	const char *place = site->has_prefix ? ip_prefix_format(&site->prefix, text) : sites->names + site->name;
	const uint64_t marks[] = { before, (uint64_t)site->asset << 32 | (uint64_t)site->mode << 1 | site->edge_only,
		siphash24(fixed, place, strlen(place)) };

	return siphash24(fixed, marks, sizeof(marks));
}

static int compare_content(const void *left, const void *right)
{
	const struct content *a = left, *b = right;

	return (a->tenant > b->tenant) - (a->tenant < b->tenant);
}

/* What the sites of each tenant come to. */
static int digest_all(const struct policy_sites *sites, struct noting *noting)
{
	size_t known = noting->count;
	int error = 0;

	for (size_t first = 0, end; first < sites->count && !error; first = end) {
		struct content fresh = { .tenant = sites->items[first].tenant }, *old;
		uint64_t sum = 0;

		for (end = first; end < sites->count && sites->items[end].tenant == fresh.tenant; end++)
			sum = digest(sites, &sites->items[end], sum);
		fresh.now = (int64_t)(sum >> 1 | 1);
		old = known ? bsearch(&fresh, noting->items, known, sizeof(fresh), compare_content) : NULL;
		if (old)
			old->now = fresh.now;
		else
			error = add_content(noting, &fresh);
	}
	if (noting->count)
		qsort(noting->items, noting->count, sizeof(*noting->items), compare_content);
	return error;
}

static int note_work(void *context)
{
	struct noting *noting = context;
	int error = 0;

	for (size_t i = 0; i < noting->count && !error; i++) {
		struct content *item = &noting->items[i];

		if (item->now == item->before)
			continue;
		item->changed_us = noting->now_us > item->changed_us ? noting->now_us : item->changed_us + 1;
		error = db_run(noting->db,
			"insert into policy_site (tenant, content, changed_us) values (?1, ?2, ?3)"
			" on conflict (tenant) do update set content = ?2, changed_us = ?3",
			DB_ARGS(db_i64(item->tenant), db_i64(item->now), db_i64(item->changed_us)), NULL);
	}
	return error;
}

static bool all_known(const struct noting *noting)
{
	for (size_t i = 0; i < noting->count; i++)
		if (noting->items[i].now != noting->items[i].before)
			return false;
	return true;
}

static int note(struct db *db, int64_t now_us, struct policy_sites *sites)
{
	struct noting noting = { .db = db, .now_us = now_us };
	int error = db_each(db, "select tenant, content, changed_us from policy_site order by tenant", DB_NO_ARGS,
		row_content, &noting);

	if (!error)
		error = digest_all(sites, &noting);
	if (!error && !all_known(&noting))
		error = db_atomically(db, note_work, &noting);
	if (!error && !(sites->marks = calloc(noting.count + 1, sizeof(*sites->marks))))
		error = LUYTRE_E_NOMEM;
	for (size_t i = 0; i < noting.count && !error; i++)
		sites->marks[sites->mark_count++] = (struct policy_site_mark){ .tenant = noting.items[i].tenant,
			.changed_us = noting.items[i].changed_us };
	free(noting.items);
	return error;
}

/* ---- From the outside ---- */

int policy_sites_resolve(struct db *db, int64_t now_us, struct policy_sites *ret)
{
	struct policy_now now = { 0 };
	struct making making = { .now = &now };
	struct policy_sites sites = { 0 };
	int error = policy_now_read(db, &now);

	if (!error)
		error = take_assets(db, &making);
	if (!error)
		error = make_sites(&making, &sites);
	if (!error)
		error = note(db, now_us, &sites);
	policy_now_done(&now);
	free(making.items);
	free(making.names);
	if (error) {
		policy_sites_done(&sites);
		return error;
	}
	*ret = sites;
	return 0;
}

void policy_sites_done(struct policy_sites *sites)
{
	free(sites->items);
	free(sites->names);
	free(sites->marks);
	*sites = (struct policy_sites){ 0 };
}

/* Lists with room for so much more; what they had stays. */
static int make_room(struct holdfile *file, size_t modes, size_t prefixes, size_t names)
{
	struct holdfile_row *rows = reallocarray(file->modes, file->mode_count + modes + 1, sizeof(*rows));
	struct ip_prefix *prefix_list;
	char(*name_list)[HOLDFILE_NAME_SIZE];

	if (!rows)
		return LUYTRE_E_NOMEM;
	file->modes = rows;
	prefix_list = reallocarray(file->prefixes, file->prefix_count + prefixes + 1, sizeof(*prefix_list));
	if (!prefix_list)
		return LUYTRE_E_NOMEM;
	file->prefixes = prefix_list;
	name_list = reallocarray(file->names, file->name_count + names + 1, sizeof(*name_list));
	if (!name_list)
		return LUYTRE_E_NOMEM;
	file->names = name_list;
	return 0;
}

static void put_site(const struct policy_sites *sites, const struct policy_site *site, struct holdfile *file)
{
	struct holdfile_row *row = &file->modes[file->mode_count++];
	const char *name = sites->names + site->name;

	*row = (struct holdfile_row){ .tenant = site->tenant,
		.asset = site->asset,
		.mode = site->mode,
		.edge_only = site->edge_only,
		.prefix_first = (uint32_t)file->prefix_count,
		.name_first = (uint32_t)file->name_count };
	if (site->has_prefix) {
		file->prefixes[file->prefix_count++] = site->prefix;
		row->prefix_count = 1;
	} else {
		memcpy(file->names[file->name_count++], name, strlen(name) + 1);
		row->name_count = 1;
	}
}

static int fit(const struct policy_sites *sites, policy_serves_fn serves, const void *context,
	struct policy_want **ret_wants, size_t *ret_left_out)
{
	struct policy_want *wants = calloc(sites->count + 1, sizeof(*wants));
	int error;

	if (!wants)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < sites->count; i++) {
		const struct policy_site *site = &sites->items[i];

		wants[i] = (struct policy_want){ .tenant = site->tenant,
			.size = ROW_BYTES +
				(uint32_t)(site->has_prefix ? IP_PREFIX_TEXT_SIZE : strlen(sites->names + site->name)),
			.served = !serves || serves(context, site->tenant),
			.first = site->edge_only };
	}
	error = policy_share(wants, sites->count, HOLDFILE_ROWS_MAX, HOLDFILE_SIZE_MAX / 2, ret_left_out);
	if (error)
		free(wants);
	else
		*ret_wants = wants;
	return error;
}

int policy_sites_left_out(const struct policy_sites *sites, policy_serves_fn serves, const void *context, size_t *ret)
{
	struct policy_want *wants;
	int error = fit(sites, serves, context, &wants, ret);

	if (!error)
		free(wants);
	return error;
}

int policy_sites_put(
	const struct policy_sites *sites, policy_serves_fn serves, const void *context, struct holdfile *file)
{
	size_t prefixes = 0, names = 0, left_out;
	struct policy_want *wants;
	int error = fit(sites, serves, context, &wants, &left_out);

	if (error)
		return error;
	for (size_t i = 0; i < sites->count; i++) {
		prefixes += wants[i].fits && sites->items[i].has_prefix;
		names += wants[i].fits && !sites->items[i].has_prefix;
	}
	if (file->mode_count + prefixes + names > HOLDFILE_ROWS_MAX ||
		file->prefix_count + prefixes > HOLDFILE_PLACES_ALL_MAX ||
		file->name_count + names > HOLDFILE_PLACES_ALL_MAX)
		error = LUYTRE_E_FULL;
	if (!error)
		error = make_room(file, prefixes + names, prefixes, names);
	for (size_t i = 0; i < sites->count && !error; i++)
		if (wants[i].fits)
			put_site(sites, &sites->items[i], file);
	free(wants);
	if (error)
		return error;
	for (size_t i = 0; i < sites->mark_count; i++)
		if (sites->marks[i].changed_us > file->stamp && (!serves || serves(context, sites->marks[i].tenant)))
			file->stamp = sites->marks[i].changed_us;
	return 0;
}
