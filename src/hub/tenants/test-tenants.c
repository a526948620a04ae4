// SPDX-License-Identifier: Apache-2.0
/* Tenants, systems and assets with either database; overlap, tree and index against the plainest way to find out.
 * Sizes of a nation with LUYTRE_BENCH set in the environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "hub/store/pgtest.h"
#include "hub/tenants/canon.h"
#include "hub/tenants/index.h"
#include "hub/tenants/tenants.h"
#include "hub/tenants/tree.h"

static const struct audit_origin origin = { .actor = "account:1 admin", .now_us = 1000 };
static const struct scope nation = { .all = true };

struct fixture {
	struct db *db;
	struct tenants_why why;
	struct tenants_call call;
};

static char postgres_place[PGTEST_PLACE_SIZE], postgres_missing[DB_WHY_SIZE];

static int setup(void **state, const char *place)
{
	static struct fixture fixture;
	char why[DB_WHY_SIZE];

	if (db_open(place, &fixture.db, why) != 0 ||
		(db_is_postgres(fixture.db) &&
			(db_run(fixture.db, "drop schema public cascade", DB_NO_ARGS, NULL) != 0 ||
				db_run(fixture.db, "create schema public", DB_NO_ARGS, NULL) != 0)))
		return -1;
	if (db_is_postgres(fixture.db)) {
		db_close(fixture.db);
		if (db_open(place, &fixture.db, why) != 0)
			return -1;
	}
	if (audit_setup(fixture.db) != 0 || tenants_setup(fixture.db) != 0) {
		print_error("%s\n", db_why(fixture.db));
		return -1;
	}
	fixture.call =
		(struct tenants_call){ .db = fixture.db, .scope = &nation, .origin = &origin, .why = &fixture.why };
	*state = &fixture;
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
		db_close(((struct fixture *)*state)->db);
	return 0;
}

static struct fixture *given(void **state)
{
	if (!*state) {
		print_message("skipped: %s\n", postgres_missing);
		skip();
	}
	return *state;
}

static struct tenant tenant_named(uint32_t parent, const char *name)
{
	struct tenant tenant = { .parent = parent };

	snprintf(tenant.name, sizeof(tenant.name), "%s", name);
	return tenant;
}

static uint32_t add_tenant(struct fixture *fixture, uint32_t parent, const char *name)
{
	struct tenant tenant = tenant_named(parent, name);

	assert_int_equal(tenant_create(&fixture->call, &tenant, &tenant), 0);
	assert_int_equal(tenant.revision, 1);
	return tenant.id;
}

static uint32_t add_system(struct fixture *fixture, uint32_t tenant, const char *name)
{
	struct tenant_system system = { .tenant = tenant, .level = 3 };

	snprintf(system.name, sizeof(system.name), "%s", name);
	assert_int_equal(tenant_system_create(&fixture->call, &system, &system), 0);
	return system.id;
}

static int try_asset(struct fixture *fixture, uint32_t system, const char *value, struct tenant_asset *ret)
{
	struct tenant_asset asset = { .system = system };

	snprintf(asset.value, sizeof(asset.value), "%s", value);
	return tenant_asset_create(&fixture->call, &asset, ret);
}

static void refused(struct fixture *fixture, int error, int expected, enum tenants_reason reason, const char *field)
{
	assert_int_equal(error, expected);
	assert_int_equal(fixture->why.reason, reason);
	if (field)
		assert_string_equal(fixture->why.field, field);
}

static void test_tenants(void **state)
{
	struct fixture *fixture = given(state);
	struct tenant row, ministry = tenant_named(0, "Bộ Y tế");
	uint32_t hospital;

	ministry.kind = TENANT_KIND_MINISTRY;
	ministry.sector = TENANT_SECTOR_HEALTH;
	ministry.province = 1;
	assert_int_equal(tenant_create(&fixture->call, &ministry, &ministry), 0);
	hospital = add_tenant(fixture, ministry.id, "Bệnh viện");
	assert_int_equal(tenant_get(&fixture->call, ministry.id, &row), 0);
	assert_string_equal(row.name, "Bộ Y tế");
	assert_string_equal(row.contact, "");
	assert_int_equal(row.kind, TENANT_KIND_MINISTRY);
	assert_int_equal(row.sector, TENANT_SECTOR_HEALTH);
	assert_int_equal(row.province, 1);
	assert_int_equal(row.parent, 0);
	assert_int_equal(row.updated_us, origin.now_us);
	assert_int_equal(tenant_get(&fixture->call, 99, &row), LUYTRE_E_NOT_FOUND);

	row = tenant_named(ministry.id, "Bệnh viện");
	refused(fixture, tenant_create(&fixture->call, &row, &row), LUYTRE_E_EXISTS, TENANTS_WHY_NAME, "name");
	row.parent = 99;
	refused(fixture, tenant_create(&fixture->call, &row, &row), LUYTRE_E_NOT_FOUND, TENANTS_WHY_ABSENT, "parent");
	row = tenant_named(0, "");
	refused(fixture, tenant_create(&fixture->call, &row, &row), LUYTRE_E_INVALID, TENANTS_WHY_FIELD, "name");
	row = tenant_named(0, "x");
	row.province = 2;
	refused(fixture, tenant_create(&fixture->call, &row, &row), LUYTRE_E_INVALID, TENANTS_WHY_FIELD, "province");
	row.province = 0;
	row.kind = TENANT_KIND_COUNT;
	refused(fixture, tenant_create(&fixture->call, &row, &row), LUYTRE_E_INVALID, TENANTS_WHY_FIELD, "kind");
	row.kind = 0;
	row.sector = TENANT_SECTOR_COUNT;
	refused(fixture, tenant_create(&fixture->call, &row, &row), LUYTRE_E_INVALID, TENANTS_WHY_FIELD, "sector");

	row = ministry;
	snprintf(row.contact, sizeof(row.contact), "ứng cứu: 024 1234 5678");
	assert_int_equal(tenant_update(&fixture->call, &row, &row), 0);
	assert_int_equal(row.revision, 2);
	refused(fixture, tenant_update(&fixture->call, &ministry, &row), LUYTRE_E_CONFLICT, TENANTS_WHY_REVISION, NULL);
	refused(fixture, tenant_remove(&fixture->call, ministry.id, 1), LUYTRE_E_CONFLICT, TENANTS_WHY_REVISION, NULL);
	refused(fixture, tenant_remove(&fixture->call, ministry.id, 2), LUYTRE_E_CONFLICT, TENANTS_WHY_IN_USE, NULL);
	assert_int_equal(tenant_remove(&fixture->call, hospital, 1), 0);
	assert_int_equal(tenant_remove(&fixture->call, hospital, 1), LUYTRE_E_NOT_FOUND);
	assert_int_equal(tenant_remove(&fixture->call, ministry.id, 2), 0);
}

static void test_tree_shape(void **state)
{
	struct fixture *fixture = given(state);
	uint32_t chain[TENANT_DEPTH_MAX], side;
	struct tenant row;

	for (uint32_t i = 0; i < TENANT_DEPTH_MAX; i++)
		chain[i] = add_tenant(fixture, i ? chain[i - 1] : 0, "same name, other parent");
	row = tenant_named(chain[TENANT_DEPTH_MAX - 1], "too deep");
	refused(fixture, tenant_create(&fixture->call, &row, &row), LUYTRE_E_RANGE, TENANTS_WHY_DEPTH, "parent");
	for (uint32_t i = 0; i < TENANT_DEPTH_MAX; i++) {
		assert_int_equal(tenant_get(&fixture->call, chain[0], &row), 0);
		row.parent = chain[i];
		refused(fixture, tenant_update(&fixture->call, &row, &row), LUYTRE_E_CONFLICT, TENANTS_WHY_CYCLE,
			"parent");
	}
	side = add_tenant(fixture, 0, "side");
	assert_int_equal(tenant_get(&fixture->call, chain[0], &row), 0);
	row.parent = side;
	refused(fixture, tenant_update(&fixture->call, &row, &row), LUYTRE_E_RANGE, TENANTS_WHY_DEPTH, "parent");
	assert_int_equal(tenant_get(&fixture->call, chain[1], &row), 0);
	row.parent = side;
	assert_int_equal(tenant_update(&fixture->call, &row, &row), 0);
}

/* What stands outside of the scope does not exist, whatever is done with it. */
static void test_scope(void **state)
{
	struct fixture *fixture = given(state);
	uint32_t mine = add_tenant(fixture, 0, "mine"), below = add_tenant(fixture, mine, "below");
	uint32_t other = add_tenant(fixture, 0, "other"), other_system = add_system(fixture, other, "s");
	uint32_t my_system = add_system(fixture, mine, "s");
	const uint32_t ids[] = { mine, below };
	const struct scope scope = { .tenants = ids, .tenant_count = 2 };
	struct tenants_call call = fixture->call;
	struct tenant tenant;
	struct tenant_system system;
	struct tenant_asset asset, mine_asset;

	assert_int_equal(try_asset(fixture, other_system, "192.0.2.0/24", &asset), 0);
	assert_int_equal(try_asset(fixture, my_system, "198.51.100.0/24", &mine_asset), 0);
	call.scope = NULL;
	assert_int_equal(tenant_get(&call, mine, &tenant), LUYTRE_E_INVALID);
	assert_int_equal(tenant_system_get(&call, my_system, &system), LUYTRE_E_INVALID);
	assert_int_equal(tenant_asset_get(&call, asset.id, &asset), LUYTRE_E_INVALID);
	assert_int_equal(tenant_remove(&call, below, 1), LUYTRE_E_INVALID);
	call.scope = &scope;
	assert_int_equal(tenant_get(&call, below, &tenant), 0);
	assert_int_equal(tenant_get(&call, other, &tenant), LUYTRE_E_NOT_FOUND);
	assert_int_equal(tenant_system_get(&call, other_system, &system), LUYTRE_E_NOT_FOUND);
	assert_int_equal(tenant_asset_get(&call, asset.id, &asset), LUYTRE_E_NOT_FOUND);
	assert_int_equal(tenant_remove(&call, other, 1), LUYTRE_E_NOT_FOUND);
	assert_int_equal(tenant_system_remove(&call, other_system, 1), LUYTRE_E_NOT_FOUND);
	assert_int_equal(tenant_asset_remove(&call, asset.id, 1), LUYTRE_E_NOT_FOUND);
	asset.system = my_system; /* neither taken away */
	assert_int_equal(tenant_asset_update(&call, &asset, &asset), LUYTRE_E_NOT_FOUND);
	mine_asset.system = other_system; /* nor foisted on somebody */
	refused(fixture, tenant_asset_update(&call, &mine_asset, &asset), LUYTRE_E_NOT_FOUND, TENANTS_WHY_ABSENT,
		"system");
	assert_int_equal(tenant_get(&call, below, &tenant), 0);
	tenant.parent = other;
	refused(fixture, tenant_update(&call, &tenant, &tenant), LUYTRE_E_NOT_FOUND, TENANTS_WHY_ABSENT, "parent");
	tenant.parent = 0;
	refused(fixture, tenant_update(&call, &tenant, &tenant), LUYTRE_E_NOT_FOUND, TENANTS_WHY_ABSENT, "parent");
	tenant = tenant_named(0, "top");
	refused(fixture, tenant_create(&call, &tenant, &tenant), LUYTRE_E_NOT_FOUND, TENANTS_WHY_ABSENT, "parent");
	assert_int_equal(tenant_system_get(&call, my_system, &system), 0);
	system.tenant = other;
	refused(fixture, tenant_system_update(&call, &system, &system), LUYTRE_E_NOT_FOUND, TENANTS_WHY_ABSENT,
		"tenant");
	assert_int_equal(tenant_remove(&call, below, 1), 0);
	refused(fixture, tenant_remove(&call, mine, 1), LUYTRE_E_NOT_FOUND, TENANTS_WHY_ABSENT, "parent");
}

static void test_systems(void **state)
{
	struct fixture *fixture = given(state);
	uint32_t tenant = add_tenant(fixture, 0, "t");
	struct tenant_system row, system = { .tenant = tenant,
		.level = 5,
		.edge_only = true,
		.name = "Cổng dịch vụ công",
		.owner = "Văn phòng",
		.operator_ = "Trung tâm",
		.contact = "1022" };
	struct tenant_asset asset;

	assert_int_equal(tenant_system_create(&fixture->call, &system, &system), 0);
	assert_int_equal(tenant_system_get(&fixture->call, system.id, &row), 0);
	assert_string_equal(row.name, system.name);
	assert_string_equal(row.owner, "Văn phòng");
	assert_string_equal(row.operator_, "Trung tâm");
	assert_string_equal(row.contact, "1022");
	assert_int_equal(row.tenant, tenant);
	assert_int_equal(row.level, 5);
	assert_true(row.edge_only);
	refused(fixture, tenant_system_create(&fixture->call, &system, &row), LUYTRE_E_EXISTS, TENANTS_WHY_NAME,
		"name");
	row.level = 6;
	refused(fixture, tenant_system_update(&fixture->call, &row, &row), LUYTRE_E_INVALID, TENANTS_WHY_FIELD,
		"level");
	row.level = 4;
	assert_int_equal(tenant_system_update(&fixture->call, &row, &row), 0);
	assert_int_equal(row.revision, 2);
	refused(fixture, tenant_system_update(&fixture->call, &system, &row), LUYTRE_E_CONFLICT, TENANTS_WHY_REVISION,
		NULL);
	assert_int_equal(try_asset(fixture, row.id, "www.example.vn", &asset), 0);
	refused(fixture, tenant_system_remove(&fixture->call, row.id, 2), LUYTRE_E_CONFLICT, TENANTS_WHY_IN_USE, NULL);
	refused(fixture, tenant_remove(&fixture->call, tenant, 1), LUYTRE_E_CONFLICT, TENANTS_WHY_IN_USE, NULL);
	assert_int_equal(tenant_asset_remove(&fixture->call, asset.id, 1), 0);
	assert_int_equal(tenant_system_remove(&fixture->call, row.id, 2), 0);
}

static void test_overlap(void **state)
{
	static const struct {
		const char *value;
		int error;
		const char *owner;
	} rows[] = {
		{ "10.1.0.0/16", 0, NULL },
		{ "10.1.2.0/24", LUYTRE_E_EXISTS, "10.1.0.0/16 (web, Sở Y tế)" },
		{ "10.0.0.0/8", LUYTRE_E_EXISTS, "10.1.0.0/16 (web, Sở Y tế)" },
		{ "10.1.0.0/16", LUYTRE_E_EXISTS, "10.1.0.0/16 (web, Sở Y tế)" },
		{ "10.1.0.0", LUYTRE_E_EXISTS, "10.1.0.0/16 (web, Sở Y tế)" },
		{ "10.1.255.255", LUYTRE_E_EXISTS, "10.1.0.0/16 (web, Sở Y tế)" },
		{ "::ffff:10.1.2.3", LUYTRE_E_EXISTS, "10.1.0.0/16 (web, Sở Y tế)" },
		{ "10.2.0.0", 0, NULL },
		{ "10.0.255.255", 0, NULL },
		{ "2001:db8::/32", 0, NULL },
		{ "2001:db8:ffff::1", LUYTRE_E_EXISTS, "2001:db8::/32 (web, Sở Y tế)" },
		{ "2001:db9::1", 0, NULL },
		{ "WWW.example.vn", 0, NULL },
		{ "www.example.vn.", LUYTRE_E_EXISTS, "www.example.vn (web, Sở Y tế)" },
		{ "https://www.example.vn", 0, NULL },
		{ "https://WWW.example.vn:443/", LUYTRE_E_EXISTS, "https://www.example.vn/ (web, Sở Y tế)" },
	};
	struct fixture *fixture = given(state);
	uint32_t system = add_system(fixture, add_tenant(fixture, 0, "Sở Y tế"), "web");
	uint32_t other = add_system(fixture, add_tenant(fixture, 0, "other"), "web");
	struct tenant_asset asset;
	char text[1200];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		int error = try_asset(fixture, rows[i].error ? other : system, rows[i].value, &asset);

		assert_int_equal(error, rows[i].error);
		if (!error)
			continue;
		assert_int_equal(fixture->why.reason, TENANTS_WHY_OVERLAP);
		assert_string_equal(fixture->why.owner, rows[i].owner);
		assert_int_equal(fixture->why.system, system);
	}
	assert_string_equal(tenants_why_text(&fixture->why, LUYTRE_LANG_EN, text, sizeof(text)),
		"It overlaps with https://www.example.vn/ (web, Sở Y tế).");
	assert_string_equal(tenants_why_text(&fixture->why, LUYTRE_LANG_VI, text, sizeof(text)),
		"Trùng với https://www.example.vn/ (web, Sở Y tế).");
	assert_string_equal(tenants_why_slug(&fixture->why), "overlap");

	/* An asset is not in its own way, and grows only into what is free. */
	assert_int_equal(tenant_asset_get(&fixture->call, 2, &asset), 0);
	assert_string_equal(asset.value, "10.2.0.0");
	snprintf(asset.value, sizeof(asset.value), "10.2.0.0/16");
	assert_int_equal(tenant_asset_update(&fixture->call, &asset, &asset), 0);
	assert_int_equal(asset.kind, ASSET_KIND_PREFIX);
	snprintf(asset.value, sizeof(asset.value), "10.0.0.0/14");
	refused(fixture, tenant_asset_update(&fixture->call, &asset, &asset), LUYTRE_E_EXISTS, TENANTS_WHY_OVERLAP,
		"value");
	asset.revision = 1;
	refused(fixture, tenant_asset_update(&fixture->call, &asset, &asset), LUYTRE_E_CONFLICT, TENANTS_WHY_REVISION,
		NULL);
	refused(fixture, tenant_asset_remove(&fixture->call, asset.id, 1), LUYTRE_E_CONFLICT, TENANTS_WHY_REVISION,
		NULL);
	asset.revision = 2;
	snprintf(asset.value, sizeof(asset.value), "no value");
	refused(fixture, tenant_asset_update(&fixture->call, &asset, &asset), LUYTRE_E_INVALID, TENANTS_WHY_FIELD,
		"value");
}

/* A refusal inside of the caller's transaction leaves the transaction usable, and nothing behind. */
static void test_in_transaction(void **state)
{
	struct fixture *fixture = given(state);
	uint32_t system = add_system(fixture, add_tenant(fixture, 0, "t"), "s");
	struct tenant_asset asset;
	int64_t before, after, generation[2];

	assert_int_equal(tenants_generation(fixture->db, &generation[0]), 0);
	assert_int_equal(db_integer(fixture->db, "select count(*) from audit", DB_NO_ARGS, &before), 0);
	assert_int_equal(db_begin(fixture->db), 0);
	assert_int_equal(try_asset(fixture, system, "192.0.2.0/24", &asset), 0);
	assert_int_equal(try_asset(fixture, system, "192.0.2.0/25", &asset), LUYTRE_E_EXISTS);
	assert_int_equal(try_asset(fixture, system, "192.0.3.0/25", &asset), 0);
	db_rollback(fixture->db);
	assert_int_equal(db_integer(fixture->db, "select count(*) from audit", DB_NO_ARGS, &after), 0);
	assert_int_equal(after, before);
	assert_int_equal(db_begin(fixture->db), 0);
	assert_int_equal(try_asset(fixture, system, "192.0.2.0/24", &asset), 0);
	assert_int_equal(try_asset(fixture, system, "192.0.2.0/25", &asset), LUYTRE_E_EXISTS);
	assert_int_equal(db_commit(fixture->db), 0);
	assert_int_equal(db_integer(fixture->db, "select count(*) from audit", DB_NO_ARGS, &after), 0);
	assert_int_equal(after, before + 1);
	assert_int_equal(tenants_generation(fixture->db, &generation[1]), 0);
	assert_int_equal(generation[1], generation[0] + 1);
}

static int entry_copy(void *context, const struct audit_entry *entry)
{
	char *text = context;

	snprintf(text, 1024, "%.*s %.*s %u %.*s", (int)entry->action.size, (const char *)entry->action.ptr,
		(int)entry->subject.size, (const char *)entry->subject.ptr, entry->tenant, (int)entry->detail.size,
		(const char *)entry->detail.ptr);
	return 1;
}

static void audited(struct fixture *fixture, const char *expected)
{
	char text[1024];

	assert_int_equal(audit_each(fixture->db, &nation, 0, 1, entry_copy, text, NULL), 1);
	assert_string_equal(text, expected);
}

static void test_audited(void **state)
{
	struct fixture *fixture = given(state);
	struct tenant tenant = tenant_named(0, "a");
	struct tenant_asset asset;
	struct audit_result result;

	assert_int_equal(tenant_create(&fixture->call, &tenant, &tenant), 0);
	audited(fixture, "tenant.create tenant:1 1 {\"parent\":0,\"kind\":\"organisation\",\"sector\":\"other\","
			 "\"province\":0,\"name\":\"a\",\"contact\":\"\"}");
	snprintf(tenant.name, sizeof(tenant.name), "b");
	assert_int_equal(tenant_update(&fixture->call, &tenant, &tenant), 0);
	audited(fixture, "tenant.update tenant:1 1 {\"name\":\"b\",\"name_before\":\"a\"}");
	assert_int_equal(try_asset(fixture, add_system(fixture, 1, "s"), "192.0.2.1", &asset), 0);
	snprintf(asset.value, sizeof(asset.value), "192.0.2.2");
	assert_int_equal(tenant_asset_update(&fixture->call, &asset, &asset), 0);
	audited(fixture, "asset.update asset:1 1 {\"value\":\"192.0.2.2\",\"value_before\":\"192.0.2.1\"}");
	assert_int_equal(tenant_asset_remove(&fixture->call, asset.id, 2), 0);
	assert_int_equal(tenant_system_remove(&fixture->call, 1, 1), 0);
	assert_int_equal(tenant_remove(&fixture->call, 1, 2), 0);
	audited(fixture,
		"tenant.remove tenant:1 1 {\"parent_before\":0,\"kind_before\":\"organisation\","
		"\"sector_before\":\"other\",\"province_before\":0,\"name_before\":\"b\",\"contact_before\":\"\"}");
	assert_int_equal(audit_verify(fixture->db, NULL, (struct bytes){ 0 }, &result), 0);
	assert_int_equal(result.fault, AUDIT_WHOLE);
	assert_int_equal(result.record_count, 8);
}

struct seen {
	uint32_t ids[64];
	size_t count;
};

static int tenant_seen(void *context, const struct tenant *tenant)
{
	struct seen *seen = context;

	seen->ids[seen->count++] = tenant->id;
	return 0;
}

static int asset_stop(void *context, const struct tenant_asset *asset)
{
	return asset->id == 3 ? 77 : 0;
}

static int system_seen(void *context, const struct tenant_system *system)
{
	struct seen *seen = context;

	seen->ids[seen->count++] = system->id;
	return 0;
}

static void test_lists(void **state)
{
	struct fixture *fixture = given(state);
	uint32_t top = add_tenant(fixture, 0, "top"), ids[3];
	const struct scope some = { .tenants = ids, .tenant_count = 3 };
	struct tenants_call call = fixture->call;
	struct tenant_asset asset;
	struct seen seen = { 0 };

	for (uint32_t i = 0; i < 20; i++) {
		char name[16];
		uint32_t id;

		snprintf(name, sizeof(name), "t%u", i);
		id = add_tenant(fixture, i % 2 ? top : 0, name);
		if (i % 7 == 0)
			ids[i / 7] = id;
	}
	assert_int_equal(tenant_each(&call, 0, 0, 5, tenant_seen, &seen), 0);
	assert_int_equal(seen.count, 5);
	assert_int_equal(tenant_each(&call, 0, seen.ids[4], TENANTS_PAGE_MAX, tenant_seen, &seen), 0);
	assert_int_equal(seen.count, 21);
	for (size_t i = 1; i < seen.count; i++)
		assert_true(seen.ids[i] > seen.ids[i - 1]);
	seen.count = 0;
	assert_int_equal(tenant_each(&call, top, 0, 100, tenant_seen, &seen), 0);
	assert_int_equal(seen.count, 10);
	call.scope = &some;
	seen.count = 0;
	assert_int_equal(tenant_each(&call, 0, 0, 100, tenant_seen, &seen), 0);
	assert_int_equal(seen.count, 3);
	assert_memory_equal(seen.ids, ids, sizeof(ids));
	seen.count = 0;
	assert_int_equal(tenant_each(&call, 0, 0, 2, tenant_seen, &seen), 0);
	assert_int_equal(seen.count, 2);
	call.scope = NULL;
	assert_int_equal(tenant_each(&call, 0, 0, 2, tenant_seen, &seen), LUYTRE_E_INVALID);
	call.scope = &nation;
	add_system(fixture, ids[0], "s");
	add_system(fixture, ids[1], "s");
	seen.count = 0;
	assert_int_equal(tenant_system_each(&call, ids[1], 0, 100, system_seen, &seen), 0);
	assert_int_equal(seen.count, 1);
	for (int i = 0; i < 5; i++) {
		char value[32];

		snprintf(value, sizeof(value), "192.0.2.%d", i);
		assert_int_equal(try_asset(fixture, 1, value, &asset), 0);
	}
	assert_int_equal(tenant_asset_each(&call, 1, 0, 100, asset_stop, NULL), 77);
	assert_int_equal(tenant_asset_each(&call, 1, 3, 100, asset_stop, NULL), 0);
}

static uint64_t random_state = 88172645463325252;

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % limit;
}

/* Prefixes from a small space, so that many meet. */
static struct ip_prefix random_prefix(void)
{
	struct ip_prefix prefix = { 0 };
	bool six = random_below(2) != 0;

	prefix.addr.family = six ? IP_V6 : IP_V4;
	if (six)
		memcpy(prefix.addr.bytes, "\x20\x01\x0d\xb8", 4);
	else
		prefix.addr.bytes[0] = 10;
	for (size_t i = six ? 4 : 1; i < (six ? 16U : 4U); i++)
		prefix.addr.bytes[i] = (uint8_t)(random_below(3) * 85);
	prefix.length = (uint8_t)(six ? 24 + random_below(105) : 10 + random_below(23));
	ip_prefix_mask(&prefix);
	return prefix;
}

enum { TRIED = 1500 };

struct kept {
	struct ip_prefix prefixes[TRIED];
	uint32_t assets[TRIED];
	size_t count;
};

static void find_naively(const struct kept *kept, const struct tenants_index *index, const struct ip_addr *addr)
{
	const struct tenants_place *place = tenants_index_find(index, addr);
	uint32_t expected = 0;

	for (size_t i = 0; i < kept->count; i++)
		if (ip_prefix_contains(&kept->prefixes[i], addr))
			expected = kept->assets[i];
	assert_int_equal(place ? place->asset : 0, expected);
	if (place)
		assert_int_equal(place->level, 3);
}

static void find_all(const struct kept *kept, const struct tenants_index *index)
{
	for (int i = 0; i < 20000; i++) {
		struct ip_prefix near = random_prefix();

		find_naively(kept, index, &near.addr);
	}
	for (size_t i = 0; i < kept->count; i++) { /* both ends, and one beyond */
		struct ip_prefix prefix = kept->prefixes[i];
		uint8_t key[ASSET_KEY_SIZE];

		find_naively(kept, index, &prefix.addr);
		asset_key_last(&prefix, key);
		memcpy(prefix.addr.bytes, key + 1, 16);
		find_naively(kept, index, &prefix.addr);
		for (size_t k = ip_addr_bits(&prefix.addr) / 8; k-- > 0 && ++prefix.addr.bytes[k] == 0;)
			;
		find_naively(kept, index, &prefix.addr);
	}
}

static void test_overlap_naive(void **state)
{
	static struct kept kept;
	struct fixture *fixture = given(state);
	uint32_t system = add_system(fixture, add_tenant(fixture, 0, "t"), "s");
	struct tenants_index *index = NULL, *same;
	struct tenant_asset asset;

	kept.count = 0;
	assert_int_equal(tenants_index_refresh(fixture->db, &index), 0);
	assert_null(tenants_index_find(index, &(struct ip_addr){ .family = IP_V4 }));
	assert_int_equal(db_begin(fixture->db), 0);
	for (int i = 0; i < TRIED; i++) {
		struct ip_prefix prefix = random_prefix();
		char text[IP_PREFIX_TEXT_SIZE];
		bool overlaps = false;

		for (size_t k = 0; k < kept.count; k++)
			if (ip_prefix_covers(&kept.prefixes[k], &prefix) ||
				ip_prefix_covers(&prefix, &kept.prefixes[k]))
				overlaps = true;
		assert_int_equal(try_asset(fixture, system, ip_prefix_format(&prefix, text), &asset),
			overlaps ? LUYTRE_E_EXISTS : 0);
		if (overlaps)
			continue;
		kept.prefixes[kept.count] = prefix;
		kept.assets[kept.count++] = asset.id;
	}
	assert_int_equal(db_commit(fixture->db), 0);
	assert_true(kept.count > 100 && kept.count < TRIED);
	same = index;
	assert_int_equal(tenants_index_refresh(fixture->db, &index), 0);
	assert_ptr_not_equal(index, same);
	assert_int_equal(tenants_index_count(index), kept.count);
	find_all(&kept, index);
	same = tenants_index_ref(index);
	assert_int_equal(tenants_index_refresh(fixture->db, &index), 0);
	assert_ptr_equal(index, same);
	tenants_index_unref(same);
	tenants_index_unref(index);
}

enum { NODES = 400 };

static void test_tree_naive(void **state)
{
	struct fixture *fixture = given(state);
	uint32_t parents[NODES + 1] = { 0 };
	struct tenants_tree *tree = NULL;
	uint32_t depths[NODES + 1] = { 0 };

	assert_int_equal(tenants_tree_refresh(fixture->db, &tree), 0);
	assert_int_equal(tenants_tree_count(tree), 0);
	assert_int_equal(db_begin(fixture->db), 0);
	for (uint32_t i = 1; i <= NODES; i++) {
		char name[16];

		parents[i] = i < 4 ? 0 : random_below(i);
		if (depths[parents[i]] >= TENANT_DEPTH_MAX)
			parents[i] = 0;
		depths[i] = depths[parents[i]] + 1;
		snprintf(name, sizeof(name), "%u", i);
		assert_int_equal(add_tenant(fixture, parents[i], name), i);
	}
	assert_int_equal(db_commit(fixture->db), 0);
	assert_int_equal(tenants_tree_refresh(fixture->db, &tree), 0);
	for (uint32_t above = 1; above <= NODES; above++) {
		size_t count, expected = 0;
		const uint32_t *below = tenants_tree_below(tree, above, &count);

		assert_int_equal(tenants_tree_parent(tree, above), parents[above]);
		assert_int_equal(below[0], above);
		for (uint32_t id = 1; id <= NODES; id++) {
			bool inside = false;

			for (uint32_t up = id; up; up = parents[up])
				inside |= up == above;
			assert_int_equal(tenants_tree_inside(tree, id, above), inside);
			expected += inside;
		}
		assert_int_equal(count, expected);
		for (size_t i = 0; i < count; i++)
			assert_true(tenants_tree_inside(tree, below[i], above));
	}
	assert_false(tenants_tree_has(tree, NODES + 1));
	assert_false(tenants_tree_inside(tree, NODES + 1, NODES + 1));
	assert_true(db_run(fixture->db, "update tenant set parent = 5 where id = 5", DB_NO_ARGS, NULL) == 0);
	{
		struct tenants_tree *broken;

		assert_int_equal(tenants_tree_load(fixture->db, &broken), LUYTRE_E_CORRUPT);
	}
	tenants_tree_unref(tree);
}

static void fill_nation(struct fixture *fixture, uint32_t tenants, uint32_t assets)
{
	struct tenant_asset asset;
	char text[64];

	assert_int_equal(db_begin(fixture->db), 0);
	for (uint32_t i = 1; i <= tenants; i++) {
		snprintf(text, sizeof(text), "tenant %u", i);
		add_tenant(fixture, i < 100 ? 0 : i / 50, text);
		add_system(fixture, i, "web");
	}
	for (uint32_t i = 0; i < assets; i++) {
		if (i % 4 == 0)
			snprintf(text, sizeof(text), "2405:%x:%x::/48", i >> 16, i & 0xffff);
		else if (i % 4 == 1)
			snprintf(text, sizeof(text), "%u.%u.%u.0/24", 100 + (i >> 16), i >> 8 & 255, i & 255);
		else
			snprintf(text, sizeof(text), "%u.%u.%u.%u", 20 + (i >> 18), i >> 10 & 255, i >> 2 & 255, i & 3);
		assert_int_equal(try_asset(fixture, i % tenants + 1, text, &asset), 0);
	}
	assert_int_equal(db_commit(fixture->db), 0);
}

static double seconds(uint64_t since_ns)
{
	return (double)(clock_mono_ns() - since_ns) / (double)NS_PER_S;
}

static void find_nation(const struct tenants_index *index, uint8_t family, uint32_t assets, const char *what)
{
	enum { LOOKUPS = 2000000, SAMPLE = 4096 };
	static struct ip_addr sample[SAMPLE];
	uint64_t begin_ns, found = 0;

	for (size_t k = 0; k < SAMPLE; k++) {
		uint32_t i = random_below(assets) & ~3U;
		struct ip_addr *addr = &sample[k];

		*addr = (struct ip_addr){ .family = family };
		if (family == IP_V6) {
			const uint8_t bytes[] = { 0x24, 0x05, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };

			memcpy(addr->bytes, bytes, sizeof(bytes));
			addr->bytes[15] = (uint8_t)k;
		} else {
			i += 1 + random_below(3);
			addr->bytes[0] = (uint8_t)(i % 4 == 1 ? 100 + (i >> 16) : 20 + (i >> 18));
			addr->bytes[1] = (uint8_t)(i % 4 == 1 ? i >> 8 : i >> 10);
			addr->bytes[2] = (uint8_t)(i % 4 == 1 ? i : i >> 2);
			addr->bytes[3] = (uint8_t)(i & 3);
		}
	}
	begin_ns = clock_mono_ns();
	for (uint32_t i = 0; i < LOOKUPS; i++)
		found += tenants_index_find(index, &sample[i % SAMPLE]) != NULL;
	print_message("  %s: %.0f ns each, %.1f %% mapped\n", what, seconds(begin_ns) * 1e9 / LOOKUPS,
		100.0 * (double)found / LOOKUPS);
	assert_int_equal(found, LOOKUPS);
}

static void test_nation(void **state)
{
	struct fixture *fixture = given(state);
	bool bench = getenv("LUYTRE_BENCH") != NULL;
	uint32_t tenants = bench ? 10000 : 200, assets = bench ? 100000 : 2000;
	struct tenants_index *index = NULL;
	struct tenants_tree *tree = NULL;
	struct audit_result result;
	uint64_t begin_ns = clock_mono_ns();

	fill_nation(fixture, tenants, assets);
	print_message(
		"%u tenants and systems, %u assets, checked and audited: %.1f s\n", tenants, assets, seconds(begin_ns));
	begin_ns = clock_mono_ns();
	assert_int_equal(tenants_index_refresh(fixture->db, &index), 0);
	print_message("  index: %.3f s, %.1f MB\n", seconds(begin_ns), (double)tenants_index_size(index) / 1e6);
	begin_ns = clock_mono_ns();
	assert_int_equal(tenants_tree_refresh(fixture->db, &tree), 0);
	print_message("  tree: %.3f s\n", seconds(begin_ns));
	assert_int_equal(tenants_index_count(index), assets);
	find_nation(index, IP_V4, assets, "IPv4");
	find_nation(index, IP_V6, assets, "IPv6");
	begin_ns = clock_mono_ns();
	assert_int_equal(audit_verify(fixture->db, NULL, (struct bytes){ 0 }, &result), 0);
	print_message(
		"  audit chain of %lld records verified: %.3f s\n", (long long)result.record_count, seconds(begin_ns));
	assert_int_equal(result.fault, AUDIT_WHOLE);
	assert_int_equal(result.record_count, 2 * tenants + assets);
	tenants_tree_unref(tree);
	tenants_index_unref(index);
}

static int start(void **state)
{
	if (!pgtest_start(postgres_place, postgres_missing))
		postgres_place[0] = '\0';
	return 0;
}

static int stop(void **state)
{
	pgtest_stop();
	return 0;
}

#define BOTH(test)                                                                                                     \
	{ #test " (sqlite)", test, setup_sqlite, teardown, NULL },                                                     \
	{                                                                                                              \
#test " (postgres)", test, setup_postgres, teardown, NULL                                              \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_tenants),
		BOTH(test_tree_shape),
		BOTH(test_scope),
		BOTH(test_systems),
		BOTH(test_overlap),
		BOTH(test_in_transaction),
		BOTH(test_audited),
		BOTH(test_lists),
		BOTH(test_overlap_naive),
		cmocka_unit_test_setup_teardown(test_tree_naive, setup_sqlite, teardown),
		cmocka_unit_test_setup_teardown(test_nation, setup_sqlite, teardown),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
