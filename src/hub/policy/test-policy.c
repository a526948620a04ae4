// SPDX-License-Identifier: Apache-2.0
/* Versions of the policy with either database: who may move them on, what they become for an edge, what differs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/error.h"
#include "hub/policy/policy.h"
#include "hub/store/pgtest.h"

enum { AN = 7, BINH = 8 };

static const struct audit_origin origin = { .actor = "account:7 an", .now_us = 1000 };
static const struct scope nation = { .all = true };
static char postgres_place[PGTEST_PLACE_SIZE], postgres_missing[DB_WHY_SIZE];

/* Two tenants; the first has two systems: web with a /28 and a /48 (IPv6), mail with an address and a name. The second has a /24 and a URL on
 * the first one's name. */
static struct fixture {
	struct db *db;
	struct policy_why why;
	struct policy_call an, binh;
	uint32_t tenants[2], web, mail, other, prefix, prefix6, address, name, theirs, url;
} f;

static uint32_t add_asset(uint32_t system, const char *value)
{
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &origin };
	struct tenant_asset asset = { .system = system };

	snprintf(asset.value, sizeof(asset.value), "%s", value);
	assert_int_equal(tenant_asset_create(&call, &asset, &asset), 0);
	return asset.id;
}

static uint32_t add_system(uint32_t tenant, const char *name)
{
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &origin };
	struct tenant_system system = { .tenant = tenant, .level = 3 };

	snprintf(system.name, sizeof(system.name), "%s", name);
	assert_int_equal(tenant_system_create(&call, &system, &system), 0);
	return system.id;
}

static void make_tenants(void)
{
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &origin };

	for (size_t i = 0; i < 2; i++) {
		struct tenant tenant = { 0 };

		snprintf(tenant.name, sizeof(tenant.name), "Sở %zu", i);
		assert_int_equal(tenant_create(&call, &tenant, &tenant), 0);
		f.tenants[i] = tenant.id;
	}
	f.web = add_system(f.tenants[0], "web");
	f.mail = add_system(f.tenants[0], "mail");
	f.other = add_system(f.tenants[1], "web");
	f.prefix = add_asset(f.web, "203.0.113.0/28");
	f.prefix6 = add_asset(f.web, "2001:db8:5::/48");
	f.address = add_asset(f.mail, "203.0.113.64");
	f.name = add_asset(f.mail, "mail.example.vn");
	f.theirs = add_asset(f.other, "198.51.100.0/24");
	f.url = add_asset(f.other, "https://mail.example.vn/list");
}

static int setup(void **state, const char *place)
{
	char why[DB_WHY_SIZE];

	if (db_open(place, &f.db, why))
		return -1;
	if (db_is_postgres(f.db) && (db_run(f.db, "drop schema public cascade", DB_NO_ARGS, NULL) ||
					    db_run(f.db, "create schema public", DB_NO_ARGS, NULL)))
		return -1;
	if (db_is_postgres(f.db)) {
		db_close(f.db);
		if (db_open(place, &f.db, why))
			return -1;
	}
	if (audit_setup(f.db) || tenants_setup(f.db) || policy_setup(f.db, 500) || policy_setup(f.db, 600)) {
		print_error("%s\n", db_why(f.db));
		return -1;
	}
	f.an = (struct policy_call){
		.db = f.db, .scope = &nation, .origin = &origin, .person = AN, .name = "An", .why = &f.why
	};
	f.binh = f.an;
	f.binh.person = BINH;
	f.binh.name = "Bình";
	make_tenants();
	*state = &f;
	return 0;
}

static int setup_sqlite(void **state)
{
	return setup(state, "sqlite::memory:");
}

static int setup_postgres(void **state)
{
	*state = NULL;
	return postgres_place[0] ? setup(state, postgres_place) : 0;
}

static int teardown(void **state)
{
	if (*state)
		db_close(f.db);
	return 0;
}

#define NEED_DB(state)                                                                                                 \
	if (!*(state)) {                                                                                               \
		print_message("%s\n", postgres_missing);                                                               \
		skip();                                                                                                \
	}

/* ---- Helpers ---- */

static struct policy_change change_of(enum policy_kind kind, uint32_t id, uint32_t tenant)
{
	struct policy_change change = { .entry = { .kind = kind, .id = id, .tenant = tenant } };

	policy_settings_init(&change.entry.settings);
	return change;
}

static struct policy_change mode_of(enum policy_kind kind, uint32_t id, uint32_t tenant, enum asset_mode mode)
{
	struct policy_change change = change_of(kind, id, tenant);

	change.entry.settings.modes[ASSET_PART_SHIELD] = (int8_t)mode;
	return change;
}

static struct policy_change part_of(
	enum policy_kind kind, uint32_t id, uint32_t tenant, enum asset_part part, enum asset_mode mode)
{
	struct policy_change change = change_of(kind, id, tenant);

	change.entry.settings.modes[part] = (int8_t)mode;
	return change;
}

static void set_edge_only(uint32_t id, bool edge_only)
{
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &origin };
	struct tenant_system system;

	assert_int_equal(tenant_system_get(&call, id, &system), 0);
	system.edge_only = edge_only;
	assert_int_equal(tenant_system_update(&call, &system, &system), 0);
}

static int propose(const struct policy_call *call, const struct policy_change *changes, size_t count, uint32_t *ret)
{
	struct policy_version version;
	uint32_t base;
	int error;

	f.why = (struct policy_why){ 0 };
	assert_int_equal(policy_standing(f.db, &base), 0);
	error = policy_propose(call, base, "two weeks in shadow", changes, count, &version);
	if (!error) {
		*ret = version.id;
		assert_int_equal(version.state, POLICY_PROPOSED);
		assert_int_equal(version.base, base);
		policy_version_done(&version);
	}
	return error;
}

static int approve(const struct policy_call *call, uint32_t id)
{
	struct policy_version version;
	int error;

	f.why = (struct policy_why){ 0 };
	error = policy_approve(call, id, 1, "agreed", &version);
	if (!error)
		policy_version_done(&version);
	return error;
}

static uint32_t stand(const struct policy_change *changes, size_t count)
{
	uint32_t id = 0;

	assert_int_equal(propose(&f.an, changes, count, &id), 0);
	assert_int_equal(approve(&f.binh, id), 0);
	return id;
}

static enum policy_state state_of(uint32_t id)
{
	struct policy_version version;

	assert_int_equal(policy_get(&f.an, id, &version), 0);
	policy_version_done(&version);
	return version.state;
}

/* ---- The tests ---- */

static void test_life(void **state)
{
	const struct policy_change change = mode_of(POLICY_KIND_TENANT, f.tenants[0], f.tenants[0], ASSET_MODE_ENFORCE);
	const struct policy_change later = mode_of(POLICY_KIND_SYSTEM, f.web, f.tenants[0], ASSET_MODE_SHADOW);
	struct policy_version version;
	uint32_t first, one, two, standing;

	NEED_DB(state);
	assert_int_equal(policy_standing(f.db, &first), 0);
	assert_int_equal(state_of(first), POLICY_STANDING);
	assert_int_equal(propose(&f.an, &change, 1, &one), 0);
	assert_int_equal(propose(&f.an, &later, 1, &two), 0);
	assert_int_equal(approve(&f.an, one), LUYTRE_E_PERMISSION);
	assert_int_equal(f.why.reason, POLICY_WHY_AUTHOR);
	assert_int_equal(policy_approve(&f.binh, one, 2, "agreed", &version), LUYTRE_E_CONFLICT);
	assert_int_equal(approve(&f.binh, 99), LUYTRE_E_NOT_FOUND);
	assert_int_equal(approve(&f.binh, one), 0);
	assert_int_equal(policy_standing(f.db, &standing), 0);
	assert_int_equal(standing, one);
	assert_int_equal(state_of(first), POLICY_REPLACED);
	assert_int_equal(state_of(two), POLICY_REJECTED);
	assert_int_equal(approve(&f.binh, two), LUYTRE_E_CONFLICT);
	assert_int_equal(f.why.reason, POLICY_WHY_STATE);
	assert_int_equal(policy_get(&f.an, one, &version), 0);
	assert_string_equal(version.author, "An");
	assert_string_equal(version.approver, "Bình");
	assert_int_equal(version.approver_id, BINH);
	assert_int_equal(version.revision, 2);
	assert_int_equal(version.change_count, 1);
	assert_int_equal(version.changes[0].entry.settings.modes[ASSET_PART_SHIELD], ASSET_MODE_ENFORCE);
	policy_version_done(&version);
	assert_int_equal(policy_propose(&f.an, first, "late", &later, 1, &version), LUYTRE_E_CONFLICT);
	assert_int_equal(f.why.reason, POLICY_WHY_BASE);
}

static void test_refused(void **state)
{
	struct policy_change changes[] = {
		mode_of(POLICY_KIND_TENANT, 99, 99, ASSET_MODE_ENFORCE),
		mode_of(POLICY_KIND_TENANT, f.tenants[1], f.tenants[0], ASSET_MODE_ENFORCE),
		mode_of(POLICY_KIND_SYSTEM, f.other, f.tenants[0], ASSET_MODE_ENFORCE),
		mode_of(POLICY_KIND_ASSET, f.theirs, f.tenants[0], ASSET_MODE_ENFORCE),
		mode_of(POLICY_KIND_ASSET, f.name, f.tenants[0], ASSET_MODE_ENFORCE),
		mode_of(POLICY_KIND_ASSET, f.prefix, f.tenants[0], ASSET_MODE_OFF),
		part_of(POLICY_KIND_ASSET, f.name, f.tenants[0], ASSET_PART_SENSOR, ASSET_MODE_OFF),
		part_of(POLICY_KIND_ASSET, f.url, f.tenants[1], ASSET_PART_GATE, ASSET_MODE_OFF),
		change_of(POLICY_KIND_ASSET, f.prefix, f.tenants[0]),
		change_of(POLICY_KIND_ASSET, f.prefix, f.tenants[0]),
	};
	static const enum policy_reason reasons[] = { POLICY_WHY_TENANT, POLICY_WHY_TENANT, POLICY_WHY_SYSTEM,
		POLICY_WHY_ASSET, POLICY_WHY_KIND, POLICY_WHY_SHIELD_OFF, POLICY_WHY_KIND, POLICY_WHY_HOST,
		POLICY_WHY_NOTHING, POLICY_WHY_SAME };
	struct policy_change two[2] = { mode_of(POLICY_KIND_ASSET, f.prefix, f.tenants[0], ASSET_MODE_ENFORCE) };
	uint32_t id = 0;

	NEED_DB(state);
	changes[9].reset = true; /* of what is not there */
	for (size_t i = 0; i < ARRAY_COUNT(changes); i++) {
		two[1] = changes[i];
		assert_true(propose(&f.an, two + (i == 9), 2 - (i == 9), &id) < 0);
		assert_int_equal(f.why.reason, reasons[i]);
		assert_int_equal(f.why.change, i == 9 ? 0 : 1);
		assert_true(strlen(policy_why_text(&f.why, LUYTRE_LANG_EN)) > 10);
		assert_string_not_equal(
			policy_why_text(&f.why, LUYTRE_LANG_EN), policy_why_text(&f.why, LUYTRE_LANG_VI));
	}
	assert_int_equal(id, 0);
}

/* The gate is never ordered to look into what may only be watched at the edge; off, and whole tenants, are no such order. */
static void test_refused_edge_only(void **state)
{
	const struct {
		struct policy_change change;
		enum policy_reason reason;
	} cases[] = {
		{ part_of(POLICY_KIND_SYSTEM, f.web, f.tenants[0], ASSET_PART_GATE, ASSET_MODE_ENFORCE),
			POLICY_WHY_EDGE_ONLY },
		{ part_of(POLICY_KIND_SYSTEM, f.web, f.tenants[0], ASSET_PART_GATE, ASSET_MODE_SHADOW),
			POLICY_WHY_EDGE_ONLY },
		{ part_of(POLICY_KIND_ASSET, f.prefix, f.tenants[0], ASSET_PART_GATE, ASSET_MODE_SHADOW),
			POLICY_WHY_EDGE_ONLY },
		{ part_of(POLICY_KIND_SYSTEM, f.web, f.tenants[0], ASSET_PART_GATE, ASSET_MODE_OFF), POLICY_NO_REASON },
		{ part_of(POLICY_KIND_SYSTEM, f.web, f.tenants[0], ASSET_PART_SENSOR, ASSET_MODE_ENFORCE),
			POLICY_NO_REASON },
		{ part_of(POLICY_KIND_TENANT, f.tenants[0], f.tenants[0], ASSET_PART_GATE, ASSET_MODE_ENFORCE),
			POLICY_NO_REASON },
		{ part_of(POLICY_KIND_ASSET, f.name, f.tenants[0], ASSET_PART_GATE, ASSET_MODE_ENFORCE),
			POLICY_NO_REASON },
	};
	uint32_t id = 0;

	NEED_DB(state);
	set_edge_only(f.web, true);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int error = propose(&f.an, &cases[i].change, 1, &id);

		assert_int_equal(error, cases[i].reason ? LUYTRE_E_INVALID : 0);
		assert_int_equal(f.why.reason, cases[i].reason);
	}
	set_edge_only(f.web, false);
	assert_int_equal(propose(&f.an, &cases[0].change, 1, &id), 0);
}

/* Who rules one tenant sees and moves nothing of another. */
static void test_scope(void **state)
{
	const struct scope second = { .tenants = &f.tenants[1], .tenant_count = 1 };
	const struct policy_change changes[] = { mode_of(POLICY_KIND_TENANT, f.tenants[0], f.tenants[0],
							 ASSET_MODE_ENFORCE),
		mode_of(POLICY_KIND_TENANT, f.tenants[1], f.tenants[1], ASSET_MODE_ENFORCE) };
	struct policy_call theirs = f.binh;
	struct policy_version version;
	uint32_t mine, both, first;

	NEED_DB(state);
	theirs.scope = &second;
	assert_int_equal(policy_standing(f.db, &first), 0);
	assert_true(propose(&theirs, changes, 1, &mine) < 0);
	assert_int_equal(f.why.reason, POLICY_WHY_TENANT);
	assert_int_equal(propose(&f.an, changes, 1, &mine), 0);
	assert_int_equal(policy_get(&theirs, mine, &version), LUYTRE_E_NOT_FOUND);
	assert_int_equal(approve(&theirs, mine), LUYTRE_E_NOT_FOUND);
	assert_int_equal(propose(&f.an, changes, 2, &both), 0);
	assert_int_equal(policy_get(&theirs, both, &version), 0);
	assert_int_equal(version.change_count, 1);
	assert_int_equal(version.changes[0].entry.tenant, f.tenants[1]);
	policy_version_done(&version);
	assert_int_equal(approve(&theirs, both), LUYTRE_E_PERMISSION);
	assert_int_equal(f.why.reason, POLICY_NO_REASON);
	assert_int_equal(approve(&f.binh, both), 0);
	assert_int_equal(policy_roll_back(&theirs, first, "back", &version), LUYTRE_E_PERMISSION);
}

static void test_rollback(void **state)
{
	struct policy_change change = mode_of(POLICY_KIND_ASSET, f.prefix, f.tenants[0], ASSET_MODE_ENFORCE);
	struct policy_change reset = change_of(POLICY_KIND_ASSET, f.prefix, f.tenants[0]);
	struct policy_version version;
	struct policy_entries then, now;
	uint32_t one, two, three, pending, standing;

	NEED_DB(state);
	reset.reset = true;
	one = stand(&change, 1);
	change.entry.settings.limits[POLICYFILE_LIMIT_source_pps] = 100;
	two = stand(&change, 1);
	three = stand(&reset, 1);
	assert_int_equal(policy_entries_get(f.db, three, &now), 0);
	assert_int_equal(now.count, 0);
	policy_entries_done(&now);
	assert_int_equal(propose(&f.an, &change, 1, &pending), 0);
	f.why = (struct policy_why){ 0 };
	assert_int_equal(policy_roll_back(&f.an, pending, "never stood", &version), LUYTRE_E_CONFLICT);
	assert_int_equal(f.why.reason, POLICY_WHY_NEVER_STOOD);
	assert_int_equal(policy_roll_back(&f.an, three, "stands", &version), LUYTRE_E_CONFLICT);
	assert_int_equal(f.why.reason, POLICY_WHY_SAME);
	assert_int_equal(policy_roll_back(&f.an, 99, "none", &version), LUYTRE_E_NOT_FOUND);
	assert_int_equal(policy_roll_back(&f.an, two, "it was better", &version), 0);
	assert_int_equal(version.state, POLICY_STANDING);
	assert_int_equal(version.base, three);
	assert_true(version.id > pending);
	assert_int_equal(version.change_count, 1);
	policy_version_done(&version);
	assert_int_equal(policy_standing(f.db, &standing), 0);
	assert_int_equal(standing, version.id);
	assert_int_equal(state_of(pending), POLICY_REJECTED);
	assert_int_equal(policy_entries_get(f.db, standing, &now), 0);
	assert_int_equal(policy_entries_get(f.db, two, &then), 0);
	assert_int_equal(now.count, 1);
	assert_memory_equal(now.items, then.items, sizeof(*now.items));
	policy_entries_done(&now);
	policy_entries_done(&then);
	assert_int_equal(policy_roll_back(&f.an, one, "further back", &version), 0);
	policy_version_done(&version);
}

struct list {
	uint32_t ids[16];
	size_t count;
};

static int list_one(void *context, const struct policy_version *version)
{
	struct list *list = context;

	list->ids[list->count++] = version->id;
	return 0;
}

static void test_each(void **state)
{
	const struct policy_change modes[] = { mode_of(POLICY_KIND_TENANT, f.tenants[0], f.tenants[0],
						       ASSET_MODE_ENFORCE),
		mode_of(POLICY_KIND_TENANT, f.tenants[0], f.tenants[0], ASSET_MODE_SHADOW) };
	struct list list = { 0 };
	uint32_t ids[3];

	NEED_DB(state);
	ids[0] = stand(&modes[0], 1);
	ids[1] = stand(&modes[1], 1);
	assert_int_equal(propose(&f.an, &modes[0], 1, &ids[2]), 0);
	assert_int_equal(policy_each(&f.an, 0, POLICY_STATE_COUNT, 10, list_one, &list), 0);
	assert_int_equal(list.count, 4);
	assert_int_equal(list.ids[0], ids[2]);
	assert_int_equal(list.ids[2], ids[0]);
	list.count = 0;
	assert_int_equal(policy_each(&f.an, ids[2], POLICY_STATE_COUNT, 1, list_one, &list), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.ids[0], ids[1]);
	list.count = 0;
	assert_int_equal(policy_each(&f.an, 0, POLICY_REPLACED, 10, list_one, &list), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.ids[0], ids[0]);
}

struct differences {
	char text[2048];
};

static void tell(void *context, const struct policy_difference *d)
{
	struct differences *all = context;
	size_t at = strlen(all->text);

	if (d->number_before != POLICYFILE_UNSET || d->number_after != POLICYFILE_UNSET)
		snprintf(all->text + at, sizeof(all->text) - at, "%s %lld>%lld ", d->pointer,
			(long long)d->number_before, (long long)d->number_after);
	else
		snprintf(all->text + at, sizeof(all->text) - at, "%s %s>%s ", d->pointer,
			d->word_before ? d->word_before : "-", d->word_after ? d->word_after : "-");
}

static void test_diff(void **state)
{
	struct policy_entries from = { 0 }, to = { 0 };
	struct differences all = { 0 };
	struct policy_change change = mode_of(POLICY_KIND_TENANT, 17, 17, ASSET_MODE_SHADOW);

	assert_int_equal(policy_entries_apply(&from, &change), 0);
	assert_int_equal(policy_entries_apply(&to, &change), 0);
	change.entry.settings.modes[ASSET_PART_SHIELD] = ASSET_MODE_ENFORCE;
	change.entry.settings.fail = ASSET_FAIL_CLOSED;
	assert_int_equal(policy_entries_apply(&to, &change), 0);
	change = change_of(POLICY_KIND_ASSET, 9, 17);
	change.entry.settings.limits[POLICYFILE_LIMIT_udp_pps] = 100;
	assert_int_equal(policy_entries_apply(&to, &change), 0);
	change.entry.id = 8;
	change.entry.settings.limits[POLICYFILE_LIMIT_udp_pps] = 0;
	assert_int_equal(policy_entries_apply(&from, &change), 0);
	policy_diff(&from, &to, tell, &all);
	assert_string_equal(all.text,
		"/tenants/17/shield shadow>enforce /tenants/17/fail ->closed /assets/8/limits/udp_pps 0>-1 "
		"/assets/9/limits/udp_pps -1>100 ");
	policy_diff(&to, &to, tell, memset(&all, 0, sizeof(all)));
	assert_string_equal(all.text, "");
	policy_entries_done(&from);
	policy_entries_done(&to);
}

static const struct policyfile_row *row_of(const struct policyfile *file, uint32_t asset)
{
	for (size_t i = 0; i < file->row_count; i++)
		if (file->rows[i].asset == asset)
			return &file->rows[i];
	return NULL;
}

/* The narrower beats the wider, setting by setting. */
static void test_resolve(void **state)
{
	struct policy_change changes[] = {
		mode_of(POLICY_KIND_TENANT, f.tenants[0], f.tenants[0], ASSET_MODE_ENFORCE),
		mode_of(POLICY_KIND_SYSTEM, f.web, f.tenants[0], ASSET_MODE_SHADOW),
		change_of(POLICY_KIND_ASSET, f.prefix, f.tenants[0]),
		mode_of(POLICY_KIND_ASSET, f.theirs, f.tenants[1], ASSET_MODE_ENFORCE),
	};
	struct policyfile file;
	uint32_t id;

	NEED_DB(state);
	assert_int_equal(policy_resolve(f.db, &file), 0);
	assert_int_equal(file.row_count, 0);
	policyfile_done(&file);
	changes[0].entry.settings.limits[POLICYFILE_LIMIT_total_pps] = 50000;
	changes[2].entry.settings.fail = ASSET_FAIL_CLOSED;
	changes[2].entry.settings.limits[POLICYFILE_LIMIT_source_pps] = 10;
	id = stand(changes, ARRAY_COUNT(changes));
	assert_int_equal(policy_resolve(f.db, &file), 0);
	assert_int_equal(file.version, id);
	assert_int_equal(file.row_count, 4); /* not the name */
	assert_int_equal(row_of(&file, f.prefix)->shield, POLICYFILE_MODE_SHADOW);
	assert_int_equal(row_of(&file, f.prefix)->fail, POLICYFILE_FAIL_CLOSED);
	assert_int_equal(row_of(&file, f.prefix)->limits[POLICYFILE_LIMIT_source_pps], 10);
	assert_int_equal(row_of(&file, f.prefix)->limits[POLICYFILE_LIMIT_total_pps], 50000);
	assert_memory_equal(row_of(&file, f.prefix)->group, "asset-", 6);
	assert_int_equal(row_of(&file, f.prefix6)->shield, POLICYFILE_MODE_SHADOW);
	assert_memory_equal(row_of(&file, f.prefix6)->group, "tenant-", 7);
	assert_int_equal(row_of(&file, f.address)->shield, POLICYFILE_MODE_ENFORCE);
	assert_int_equal(row_of(&file, f.address)->fail, POLICYFILE_UNSET);
	assert_int_equal(row_of(&file, f.theirs)->tenant, f.tenants[1]);
	assert_string_equal(row_of(&file, f.theirs)->group, "");
	policyfile_done(&file);
}

/* Modes of the sensor, and what is edge-only whether or not anything is set. */
static void test_resolve_parts(void **state)
{
	const struct policy_change changes[] = {
		part_of(POLICY_KIND_TENANT, f.tenants[0], f.tenants[0], ASSET_PART_SENSOR, ASSET_MODE_ENFORCE),
		part_of(POLICY_KIND_ASSET, f.prefix, f.tenants[0], ASSET_PART_SENSOR, ASSET_MODE_OFF),
		part_of(POLICY_KIND_TENANT, f.tenants[1], f.tenants[1], ASSET_PART_GATE, ASSET_MODE_ENFORCE),
	};
	struct policyfile file;

	NEED_DB(state);
	set_edge_only(f.web, true);
	assert_int_equal(policy_resolve(f.db, &file), 0);
	assert_int_equal(file.row_count, 2);
	assert_true(row_of(&file, f.prefix)->edge_only && row_of(&file, f.prefix6)->edge_only);
	assert_int_equal(row_of(&file, f.prefix)->system, f.web);
	assert_int_equal(row_of(&file, f.prefix)->sensor, POLICYFILE_UNSET);
	policyfile_done(&file);
	(void)stand(changes, ARRAY_COUNT(changes));
	assert_int_equal(policy_resolve(f.db, &file), 0);
	assert_int_equal(file.row_count, 3); /* nothing of the second: the gate is not the packets' */
	assert_int_equal(row_of(&file, f.prefix)->sensor, POLICYFILE_SENSOR_OFF);
	assert_int_equal(row_of(&file, f.prefix6)->sensor, POLICYFILE_SENSOR_ENFORCE);
	assert_int_equal(row_of(&file, f.address)->sensor, POLICYFILE_SENSOR_ENFORCE);
	assert_int_equal(row_of(&file, f.address)->system, f.mail);
	assert_int_equal(row_of(&file, f.address)->shield, POLICYFILE_UNSET);
	assert_true(row_of(&file, f.prefix)->edge_only && !row_of(&file, f.address)->edge_only);
	policyfile_done(&file);
	set_edge_only(f.web, false);
	assert_int_equal(policy_resolve(f.db, &file), 0);
	assert_false(row_of(&file, f.prefix)->edge_only);
	policyfile_done(&file);
}

static struct tenant_asset asset_of(uint32_t id)
{
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &origin };
	struct tenant_asset asset;

	assert_int_equal(tenant_asset_get(&call, id, &asset), 0);
	return asset;
}

/* Each setting comes with who has said it. */
static void test_origins(void **state)
{
	struct policy_change changes[] = {
		mode_of(POLICY_KIND_TENANT, f.tenants[0], f.tenants[0], ASSET_MODE_ENFORCE),
		part_of(POLICY_KIND_SYSTEM, f.web, f.tenants[0], ASSET_PART_SENSOR, ASSET_MODE_SHADOW),
		part_of(POLICY_KIND_ASSET, f.prefix, f.tenants[0], ASSET_PART_GATE, ASSET_MODE_ENFORCE),
		part_of(POLICY_KIND_ASSET, f.name, f.tenants[0], ASSET_PART_GATE, ASSET_MODE_SHADOW),
	};
	const struct tenant_asset prefix = asset_of(f.prefix), name = asset_of(f.name), theirs = asset_of(f.theirs);
	uint32_t closed[] = { f.web };
	struct policy_now now = { .edge_only = closed };
	struct policy_asset asset;

	changes[0].entry.settings.fail = ASSET_FAIL_CLOSED;
	for (size_t i = 0; i < ARRAY_COUNT(changes); i++)
		assert_int_equal(policy_entries_apply(&now.entries, &changes[i]), 0);
	policy_asset_resolve(&now, &prefix, &asset);
	assert_int_equal(asset.modes[ASSET_PART_SHIELD], POLICY_ORIGIN_TENANT);
	assert_int_equal(asset.modes[ASSET_PART_SENSOR], POLICY_ORIGIN_SYSTEM);
	assert_int_equal(asset.modes[ASSET_PART_GATE], POLICY_ORIGIN_ASSET);
	assert_int_equal(asset.fail, POLICY_ORIGIN_TENANT);
	assert_int_equal(asset.settings.modes[ASSET_PART_GATE], ASSET_MODE_ENFORCE);
	now.edge_only_count = 1;
	policy_asset_resolve(&now, &prefix, &asset);
	assert_int_equal(asset.modes[ASSET_PART_GATE], POLICY_ORIGIN_EDGE_ONLY);
	assert_int_equal(asset.settings.modes[ASSET_PART_GATE], ASSET_MODE_OFF);
	policy_asset_resolve(&now, &name, &asset);
	assert_int_equal(asset.modes[ASSET_PART_SHIELD], POLICY_ORIGIN_NONE);
	assert_int_equal(asset.fail, POLICY_ORIGIN_NONE);
	assert_int_equal(asset.settings.modes[ASSET_PART_SHIELD], POLICYFILE_UNSET);
	assert_int_equal(asset.settings.modes[ASSET_PART_GATE], ASSET_MODE_SHADOW);
	policy_asset_resolve(&now, &theirs, &asset);
	assert_int_equal(asset.modes[ASSET_PART_SHIELD], POLICY_ORIGIN_EDGE);
	assert_true(policy_settings_empty(&asset.settings));
	policy_entries_done(&now.entries);
}

/* ---- Sites ---- */

static bool serves_one(const void *context, uint32_t tenant)
{
	return tenant == *(const uint32_t *)context;
}

/* The "modes" of an edge that serves one tenant (0: all): "PLACE=mode ", edge-only with "!". */
static int64_t sites_of(uint32_t tenant, int64_t now_us, char text[1024])
{
	struct policy_sites sites;
	struct holdfile file = { 0 };
	char prefix[IP_PREFIX_TEXT_SIZE];
	int64_t stamp;
	size_t size = 0;

	assert_int_equal(policy_sites_resolve(f.db, now_us, &sites), 0);
	assert_int_equal(policy_sites_put(&sites, tenant ? serves_one : NULL, &tenant, &file), 0);
	text[0] = '\0';
	for (size_t i = 0; i < file.mode_count; i++) {
		const struct holdfile_row *row = &file.modes[i];

		assert_int_equal(row->prefix_count + row->name_count, 1);
		size += (size_t)snprintf(text + size, 1024 - size, "%s=%s%s ",
			row->prefix_count ? ip_prefix_format(&file.prefixes[row->prefix_first], prefix)
					  : file.names[row->name_first],
			holdfile_sites[row->mode], row->edge_only ? "!" : "");
	}
	stamp = file.stamp;
	holdfile_done(&file);
	policy_sites_done(&sites);
	return stamp;
}

static void check_sites(const char *expected)
{
	char text[1024];

	(void)sites_of(0, 5000, text);
	assert_string_equal(text, expected);
}

/* Names and addresses, the narrower before the wider, and what is edge-only before all. */
static void test_sites(void **state)
{
	struct policy_change changes[] = {
		part_of(POLICY_KIND_TENANT, f.tenants[0], f.tenants[0], ASSET_PART_GATE, ASSET_MODE_SHADOW),
		part_of(POLICY_KIND_SYSTEM, f.mail, f.tenants[0], ASSET_PART_GATE, ASSET_MODE_ENFORCE),
		part_of(POLICY_KIND_ASSET, f.prefix6, f.tenants[0], ASSET_PART_GATE, ASSET_MODE_OFF),
		part_of(POLICY_KIND_TENANT, f.tenants[1], f.tenants[1], ASSET_PART_SENSOR, ASSET_MODE_OFF),
	};

	NEED_DB(state);
	check_sites("");
	(void)stand(changes, ARRAY_COUNT(changes));
	check_sites("203.0.113.0/28=shadow 2001:db8:5::/48=off 203.0.113.64/32=enforce mail.example.vn=enforce ");
	set_edge_only(f.mail, true);
	check_sites("203.0.113.0/28=shadow 2001:db8:5::/48=off 203.0.113.64/32=off! mail.example.vn=off! ");
	set_edge_only(f.other, true); /* their URL on a name of others closes nothing */
	check_sites("203.0.113.0/28=shadow 2001:db8:5::/48=off 203.0.113.64/32=off! mail.example.vn=off! "
		    "198.51.100.0/24=off! ");
	set_edge_only(f.mail, false);
	set_edge_only(f.other, false);
	check_sites("203.0.113.0/28=shadow 2001:db8:5::/48=off 203.0.113.64/32=enforce mail.example.vn=enforce ");
}

/* One host, one mode: whose it is, and of the owner's URLs the most careful one. */
static void test_sites_urls(void **state)
{
	uint32_t one, two, late, literal, inside;

	NEED_DB(state);
	one = add_asset(f.web, "https://cong.example.vn/a");
	two = add_asset(f.web, "http://cong.example.vn:8080/b?c");
	late = add_asset(f.other, "https://cong.example.vn/z");
	literal = add_asset(f.other, "https://203.0.113.65/");
	inside = add_asset(f.web, "https://203.0.113.64:8443/admin");
	{
		const struct policy_change changes[] = {
			part_of(POLICY_KIND_ASSET, one, f.tenants[0], ASSET_PART_GATE, ASSET_MODE_ENFORCE),
			part_of(POLICY_KIND_ASSET, two, f.tenants[0], ASSET_PART_GATE, ASSET_MODE_SHADOW),
			part_of(POLICY_KIND_ASSET, late, f.tenants[1], ASSET_PART_GATE, ASSET_MODE_OFF),
			part_of(POLICY_KIND_ASSET, literal, f.tenants[1], ASSET_PART_GATE, ASSET_MODE_SHADOW),
			part_of(POLICY_KIND_ASSET, inside, f.tenants[0], ASSET_PART_GATE, ASSET_MODE_ENFORCE),
			part_of(POLICY_KIND_TENANT, f.tenants[1], f.tenants[1], ASSET_PART_GATE, ASSET_MODE_OFF),
		};

		(void)stand(changes, ARRAY_COUNT(changes));
	}
	check_sites("cong.example.vn=shadow 203.0.113.64/32=enforce 198.51.100.0/24=off 203.0.113.65/32=shadow ");
	set_edge_only(f.mail, true); /* has 203.0.113.64: the URL in another system does not open it */
	check_sites("203.0.113.64/32=off! mail.example.vn=off! cong.example.vn=shadow 198.51.100.0/24=off "
		    "203.0.113.65/32=shadow ");
	set_edge_only(f.web, true);
	check_sites("203.0.113.0/28=off! 2001:db8:5::/48=off! 203.0.113.64/32=off! mail.example.vn=off! "
		    "cong.example.vn=off! 198.51.100.0/24=off 203.0.113.65/32=shadow ");
}

/* The stamp moves when what an edge gets moves, and only then; a restart is no such thing. */
static void test_sites_stamp(void **state)
{
	const struct policy_change changes[] = {
		part_of(POLICY_KIND_TENANT, f.tenants[0], f.tenants[0], ASSET_PART_GATE, ASSET_MODE_SHADOW),
		mode_of(POLICY_KIND_TENANT, f.tenants[0], f.tenants[0], ASSET_MODE_ENFORCE),
		part_of(POLICY_KIND_TENANT, f.tenants[0], f.tenants[0], ASSET_PART_GATE, ASSET_MODE_ENFORCE),
	};
	struct policy_change reset = change_of(POLICY_KIND_TENANT, f.tenants[0], f.tenants[0]);
	char text[1024];

	NEED_DB(state);
	assert_int_equal(sites_of(0, 1000, text), 0);
	(void)stand(&changes[0], 1);
	assert_int_equal(sites_of(f.tenants[0], 2000, text), 2000);
	assert_int_equal(sites_of(f.tenants[0], 3000, text), 2000);
	assert_int_equal(sites_of(f.tenants[1], 3000, text), 0);
	(void)stand(&changes[1], 1); /* the shield's mode is not in this file */
	assert_int_equal(sites_of(0, 4000, text), 2000);
	(void)stand(&changes[2], 1);
	assert_int_equal(sites_of(f.tenants[0], 5000, text), 5000);
	set_edge_only(f.web, true);
	assert_int_equal(sites_of(f.tenants[0], 4999, text), 5001); /* a clock that went back */
	assert_int_equal(sites_of(f.tenants[1], 6000, text), 0);
	set_edge_only(f.web, false);
	reset.reset = true;
	(void)stand(&reset, 1);
	assert_int_equal(sites_of(f.tenants[0], 7000, text), 7000);
	assert_string_equal(text, "");
	assert_int_equal(sites_of(f.tenants[0], 8000, text), 7000);
}

/* More than a file may have is said, not cut off. */
static void test_sites_full(void **state)
{
	struct policy_site site = { .tenant = 1, .asset = 1, .mode = HOLDFILE_SITE_OFF, .edge_only = true };
	struct policy_sites sites = { .items = &site, .count = 1, .names = (char[]){ "a.vn" }, .names_size = 5 };
	struct holdfile file = { .mode_count = HOLDFILE_ROWS_MAX };

	assert_int_equal(policy_sites_put(&sites, NULL, NULL, &file), LUYTRE_E_FULL);
	file = (struct holdfile){ .name_count = HOLDFILE_PLACES_ALL_MAX };
	assert_int_equal(policy_sites_put(&sites, NULL, NULL, &file), LUYTRE_E_FULL);
	file = (struct holdfile){ 0 };
	assert_int_equal(policy_sites_put(&sites, NULL, NULL, &file), 0);
	assert_string_equal(file.names[0], "a.vn");
	holdfile_done(&file);
}

/* Who has more than there is room for loses of its own, and no edge-only one; everybody else gets all. */
static void test_sites_share(void **state)
{
	const size_t many = HOLDFILE_ROWS_MAX + 5, few = 3;
	struct policy_site *items = calloc(many + few, sizeof(*items));
	struct policy_sites sites = {
		.items = items, .count = many + few, .names = (char[]){ "a.vn" }, .names_size = 5
	};
	struct holdfile file = { 0 };
	size_t left_out, of_few = 0;
	bool has_edge_only = false;

	assert_non_null(items);
	for (size_t i = 0; i < many + few; i++)
		items[i] = (struct policy_site){ .tenant = i < many ? 1 : 2,
			.asset = (uint32_t)i + 1,
			.mode = HOLDFILE_SITE_SHADOW,
			.edge_only = i == many - 1,
			.has_prefix = true,
			.prefix = { .addr = { IP_V4, { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i } },
				.length = 32 } };
	assert_int_equal(policy_sites_left_out(&sites, NULL, NULL, &left_out), 0);
	assert_int_equal(policy_sites_put(&sites, NULL, NULL, &file), 0);
	assert_int_equal(file.mode_count + left_out, many + few);
	assert_true(left_out >= 5 + few);
	for (size_t i = 0; i < file.mode_count; i++) {
		of_few += file.modes[i].tenant == 2;
		has_edge_only |= file.modes[i].edge_only;
	}
	assert_int_equal(of_few, few);
	assert_true(has_edge_only);
	holdfile_done(&file);
	free(items);
}

static void test_share(void **state)
{
	static const struct {
		size_t rows_max, size_max, left_out;
		const char *fits;
	} rows[] = {
		{ 8, 80, 0, "111110" }, /* the last is not this edge's */
		{ 5, 80, 0, "111110" },
		{ 4, 80, 1, "110110" },
		{ 3, 80, 2, "100110" },
		{ 3, 39, 2, "100110" },
		{ 8, 20, 3, "000110" },
		{ 0, 80, 5, "000000" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct policy_want wants[] = {
			{ .tenant = 7, .size = 10, .served = true, .first = true },
			{ .tenant = 7, .size = 10, .served = true },
			{ .tenant = 7, .size = 10, .served = true },
			{ .tenant = 3, .size = 10, .served = true },
			{ .tenant = 5, .size = 10, .served = true },
			{ .tenant = 2, .size = 10 },
		};
		char fits[ARRAY_COUNT(wants) + 1] = "";
		size_t left_out;

		assert_int_equal(
			policy_share(wants, ARRAY_COUNT(wants), rows[i].rows_max, rows[i].size_max, &left_out), 0);
		for (size_t k = 0; k < ARRAY_COUNT(wants); k++)
			fits[k] = wants[k].fits ? '1' : '0';
		assert_string_equal(fits, rows[i].fits);
		assert_int_equal(left_out, rows[i].left_out);
	}
}

/* The same of assets in the policy's own file: the bundle is made, and says how many it lacks. */
static void test_pack_share(void **state)
{
	const size_t count = POLICYFILE_ROWS_MAX + 2;
	struct policyfile all = { .version = 4, .row_count = count }, file;
	uint8_t keys[1][BUNDLE_PUBLIC_SIZE], secret[BUNDLE_SECRET_SIZE];
	struct policy_bundle packed;
	struct bundle bundle;
	struct bytes text;

	assert_int_equal(bundle_keys(keys[0], secret), 0);
	all.rows = calloc(count, sizeof(*all.rows));
	assert_non_null(all.rows);
	for (size_t i = 0; i < count; i++) {
		policyfile_row_init(&all.rows[i]);
		all.rows[i].prefix =
			(struct ip_prefix){ .addr = { IP_V4, { 10, 0, (uint8_t)(i >> 8), (uint8_t)i } }, .length = 32 };
		all.rows[i].prefix.addr.bytes[1] = (uint8_t)(i >> 16);
		all.rows[i].tenant = i == count - 1 ? 2 : 1;
		all.rows[i].system = 1;
		all.rows[i].asset = (uint32_t)i + 1;
		all.rows[i].sensor = POLICYFILE_SENSOR_SHADOW;
	}
	assert_int_equal(policy_pack(&all, bytes_from_str(""), 3, NULL, NULL, 1, secret, &packed), 0);
	assert_int_equal(packed.left_out, 2);
	assert_int_equal(bundle_open(bytes_of(packed.text, packed.size), keys, 1, &bundle), 0);
	assert_true(bundle_find(&bundle, POLICYFILE_NAME, &text));
	assert_int_equal(policyfile_read(text, &file), 0);
	assert_int_equal(file.row_count, POLICYFILE_ROWS_MAX);
	assert_int_equal(file.rows[file.row_count - 1].tenant, 2);
	policyfile_done(&file);
	free(packed.text);
	free(all.rows);
}

static void pack(uint32_t tenant, int64_t now_us, const uint8_t *secret, struct policy_bundle *ret)
{
	struct policyfile all;

	assert_int_equal(policy_resolve(f.db, &all), 0);
	assert_int_equal(
		policy_pack(&all, (struct bytes){ 0 }, 3, tenant ? serves_one : NULL, &tenant, now_us, secret, ret), 0);
	policyfile_done(&all);
}

/* Holds ride along: another tag, the version may be the same. */
static void test_pack_holds(void **state)
{
	static const char *const texts[] = { "", "{\"stamp\":1,\"holds\":[]}", "{\"stamp\":2,\"holds\":[]}" };
	uint8_t keys[1][BUNDLE_PUBLIC_SIZE], secret[BUNDLE_SECRET_SIZE];
	struct policy_bundle packed[ARRAY_COUNT(texts)], again;
	struct policyfile all;
	struct bundle bundle;
	struct bytes content;

	NEED_DB(state);
	assert_int_equal(bundle_keys(keys[0], secret), 0);
	assert_int_equal(policy_resolve(f.db, &all), 0);
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		assert_int_equal(
			policy_pack(&all, bytes_from_str(texts[i]), 3, NULL, NULL, 1000, secret, &packed[i]), 0);
		assert_int_equal(bundle_open(bytes_of(packed[i].text, packed[i].size), keys, 1, &bundle), 0);
		assert_int_equal(bundle_find(&bundle, "holds.json", &content), texts[i][0] != '\0');
		if (texts[i][0])
			assert_true(bytes_equal_str(content, texts[i]));
		assert_true(bundle_find(&bundle, POLICYFILE_NAME, &content));
	}
	assert_int_equal(policy_pack(&all, bytes_from_str(texts[1]), 3, NULL, NULL, 2000, secret, &again), 0);
	assert_true(packed[0].tag != packed[1].tag && packed[1].tag != packed[2].tag && packed[1].tag == again.tag);
	assert_int_equal(packed[1].version, packed[2].version);
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
		free(packed[i].text);
	free(again.text);
	policyfile_done(&all);
}

/* What an edge does not serve it does not get. */
static void test_pack(void **state)
{
	const struct policy_change change = mode_of(POLICY_KIND_ASSET, f.prefix, f.tenants[0], ASSET_MODE_ENFORCE);
	uint8_t keys[1][BUNDLE_PUBLIC_SIZE], secret[BUNDLE_SECRET_SIZE];
	struct policy_bundle one, again, two, theirs;
	struct policyfile file;
	struct bundle bundle;
	struct bytes content;
	uint32_t id;

	NEED_DB(state);
	assert_int_equal(bundle_keys(keys[0], secret), 0);
	pack(0, 1000, secret, &one);
	pack(0, 2000, secret, &again);
	id = stand(&change, 1);
	pack(f.tenants[0], 3000, secret, &two);
	pack(f.tenants[1], 3000, secret, &theirs);
	assert_true(one.tag == again.tag && one.tag != two.tag);
	assert_int_equal(two.version, id);
	assert_int_equal(bundle_open(bytes_of(two.text, two.size), keys, 1, &bundle), 0);
	assert_int_equal(bundle.revision, id);
	assert_int_equal(bundle.edge, 3);
	assert_true(bundle_find(&bundle, POLICYFILE_NAME, &content));
	assert_int_equal(policyfile_read(content, &file), 0);
	assert_int_equal(file.row_count, 1);
	assert_int_equal(file.rows[0].shield, POLICYFILE_MODE_ENFORCE);
	policyfile_done(&file);
	assert_true(theirs.size < two.size);
	assert_int_equal(bundle_open(bytes_of(theirs.text, theirs.size), keys, 1, &bundle), 0);
	assert_true(bundle_find(&bundle, POLICYFILE_NAME, &content));
	assert_int_equal(policyfile_read(content, &file), 0);
	assert_int_equal(file.version, id);
	assert_int_equal(file.row_count, 0);
	policyfile_done(&file);
	two.text[two.size / 2] ^= 1;
	assert_int_equal(bundle_open(bytes_of(two.text, two.size), keys, 1, &bundle), LUYTRE_E_PERMISSION);
	free(one.text);
	free(again.text);
	free(two.text);
	free(theirs.text);
}

static void check_rollout(
	uint64_t version, uint64_t stands, enum policy_rollout state, int64_t since_us, const char *why)
{
	struct policy_rollout_view view;

	assert_int_equal(policy_rollout_get(f.db, 3, version, stands, &view), 0);
	assert_int_equal(view.state, state);
	assert_int_equal(view.since_us, since_us);
	assert_string_equal(view.why, why);
}

static void test_rollout(void **state)
{
	NEED_DB(state);
	check_rollout(4, 0, POLICY_ROLLOUT_WAITING, 0, "");
	assert_int_equal(policy_rollout_note(f.db, 3, 4, POLICY_ROLLOUT_SENT, NULL, 100), 0);
	check_rollout(4, 2, POLICY_ROLLOUT_SENT, 100, "");
	assert_int_equal(policy_rollout_note(f.db, 3, 4, POLICY_ROLLOUT_FAILED, "no room", 200), 0);
	assert_int_equal(policy_rollout_note(f.db, 3, 4, POLICY_ROLLOUT_FAILED, "no room", 300), 0);
	assert_int_equal(policy_rollout_note(f.db, 3, 4, POLICY_ROLLOUT_SENT, NULL, 400), 0);
	check_rollout(4, 2, POLICY_ROLLOUT_FAILED, 200, "no room");
	assert_int_equal(policy_rollout_note(f.db, 3, 4, POLICY_ROLLOUT_STANDING, NULL, 500), 0);
	check_rollout(4, 4, POLICY_ROLLOUT_STANDING, 500, "");
	assert_int_equal(policy_rollout_note(f.db, 3, 4, POLICY_ROLLOUT_SENT, "not all", 600), 0);
	check_rollout(4, 4, POLICY_ROLLOUT_STANDING, 500, "not all"); /* assets have come since */
	assert_int_equal(policy_rollout_note(f.db, 3, 4, POLICY_ROLLOUT_STANDING, NULL, 700), 0);
	check_rollout(4, 4, POLICY_ROLLOUT_STANDING, 500, "not all");
	assert_int_equal(policy_rollout_note(f.db, 3, 4, POLICY_ROLLOUT_SENT, "", 800), 0);
	check_rollout(4, 4, POLICY_ROLLOUT_STANDING, 500, "");
	check_rollout(5, 4, POLICY_ROLLOUT_WAITING, 0, "");
	check_rollout(2, 4, POLICY_ROLLOUT_WAITING, 0, "");
}

#define BOTH(test)                                                                                                     \
	cmocka_unit_test_setup_teardown(test, setup_sqlite, teardown),                                                 \
		cmocka_unit_test_setup_teardown(test, setup_postgres, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { BOTH(test_life), BOTH(test_refused), BOTH(test_scope), BOTH(test_rollback),
		BOTH(test_each), cmocka_unit_test(test_diff), BOTH(test_resolve), BOTH(test_pack),
		BOTH(test_refused_edge_only), BOTH(test_resolve_parts), BOTH(test_origins), BOTH(test_sites),
		BOTH(test_sites_urls), BOTH(test_sites_stamp), cmocka_unit_test(test_sites_full),
		cmocka_unit_test(test_sites_share), cmocka_unit_test(test_share), cmocka_unit_test(test_pack_share),
		BOTH(test_pack_holds), BOTH(test_rollout) };
	int failed;

	if (!pgtest_start(postgres_place, postgres_missing))
		postgres_place[0] = '\0';
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pgtest_stop();
	return failed;
}
