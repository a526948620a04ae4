// SPDX-License-Identifier: Apache-2.0
/* The table of roles and permissions as it is meant to be, and the check against a walk up a random tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "hub/auth/role.h"
#include "hub/tenants/tenants.h"

enum { NODES = 250, ROUNDS = 120 };

/* Written out a second time: who changes one of them is asked whether it is meant. */
static const char golden[] =
	"nation-admin tenants.read tenants.write events.read events.write decisions.read decisions.write"
	" policy.read policy.write campaigns.read campaigns.write indicators.read indicators.write"
	" edges.read edges.write drills.read drills.write users.read users.write audit.read"
	" settings.read settings.write undo-all"
	" findings.read findings.write findings.judge assessments.read"
	" assessments.write assessments.sign assessments.run catalogues.write\n"
	"analyst tenants.read events.read events.write decisions.read decisions.write policy.read"
	" policy.write campaigns.read campaigns.write indicators.read indicators.write edges.read"
	" drills.read undo-all"
	" findings.read findings.write assessments.read catalogues.write\n"
	"auditor tenants.read events.read decisions.read policy.read campaigns.read indicators.read"
	" edges.read drills.read users.read audit.read settings.read"
	" findings.read assessments.read\n"
	"tenant-owner tenants.read tenants.write events.read events.write decisions.read decisions.write"
	" policy.read policy.write campaigns.read indicators.read edges.read drills.read users.read"
	" users.write audit.read"
	" findings.read findings.write findings.judge"
	" assessments.read assessments.write assessments.sign\n"
	"tenant-operator tenants.read events.read events.write decisions.read decisions.write policy.read"
	" campaigns.read indicators.read edges.read drills.read"
	" findings.read findings.write assessments.read assessments.write\n"
	"tenant-viewer tenants.read events.read decisions.read policy.read campaigns.read indicators.read"
	" edges.read drills.read"
	" findings.read assessments.read\n"
	"drill-master tenants.read events.read decisions.read campaigns.read drills.read drills.write\n";

static void test_golden(void **state)
{
	char text[4096];
	size_t size = 0;

	for (int role = 0; role < AUTH_ROLE_COUNT; role++) {
		size += (size_t)snprintf(text + size, sizeof(text) - size, "%s", auth_roles[role].word);
		for (int i = 0; i < AUTH_PERMISSION_COUNT; i++)
			if (auth_role_permissions((enum auth_role)role) >> i & 1)
				size += (size_t)snprintf(text + size, sizeof(text) - size, " %s",
					auth_permission_name((enum auth_permission)i));
		size += (size_t)snprintf(text + size, sizeof(text) - size, "\n");
	}
	assert_string_equal(text, golden);
}

static void test_words(void **state)
{
	for (int i = 0; i < AUTH_PERMISSION_COUNT; i++)
		assert_int_equal(
			auth_permission_find(bytes_from_str(auth_permission_name((enum auth_permission)i))), i);
	for (int i = 0; i < AUTH_ROLE_COUNT; i++)
		assert_int_equal(auth_role_find(bytes_from_str(auth_roles[i].word)), i);
	assert_int_equal(auth_permission_find(bytes_from_str("tenants.rea")), -1);
	assert_int_equal(auth_role_find(bytes_from_str("root")), -1);
	assert_true(auth_permission_national(AUTH_UNDO_ALL));
	assert_false(auth_permission_national(AUTH_AUDIT_READ));
}

static uint64_t random_state = 2463534242;

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % limit;
}

struct fixture {
	struct db *db;
	struct tenants_tree *tree;
	uint32_t parents[NODES + 1];
};

static int setup(void **state)
{
	static struct fixture fixture;
	char why[DB_WHY_SIZE];

	if (db_open("sqlite::memory:", &fixture.db, why) || audit_setup(fixture.db) || tenants_setup(fixture.db) ||
		db_begin(fixture.db))
		return -1;
	for (uint32_t i = 1; i <= NODES; i++) {
		fixture.parents[i] = random_below(i < 8 ? i : i / 2);
		if (db_run(fixture.db,
			    "insert into tenant (id, parent, kind, sector, province, name, contact, revision, "
			    "updated_us)"
			    " values (?1, ?2, 0, 0, 0, cast(?1 as text), '', 1, 0)",
			    DB_ARGS(db_i64(i), fixture.parents[i] ? db_i64(fixture.parents[i]) : db_null()), NULL))
			return -1;
	}
	if (db_commit(fixture.db) || tenants_tree_load(fixture.db, &fixture.tree))
		return -1;
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	tenants_tree_unref(fixture->tree);
	db_close(fixture->db);
	return 0;
}

static bool may_naively(const struct fixture *fixture, const struct auth_principal *principal,
	enum auth_permission permission, uint32_t tenant)
{
	if (principal->limits || !(principal->scopes >> permission & 1))
		return false;
	for (size_t i = 0; i < principal->grant_count; i++) {
		const struct auth_grant *grant = &principal->grants[i];

		if (!(auth_role_permissions(grant->role) >> permission & 1))
			continue;
		if (grant->tenant == 0)
			return true;
		if (auth_permission_national(permission) || tenant == 0 || tenant > NODES)
			continue;
		for (uint32_t up = tenant; up; up = fixture->parents[up])
			if (up == grant->tenant)
				return true;
	}
	return false;
}

static struct auth_principal random_principal(void)
{
	struct auth_principal principal = { .scopes = AUTH_ALL_PERMISSIONS, .grant_count = random_below(6) };

	if (random_below(4) == 0)
		principal.scopes = random_state & AUTH_ALL_PERMISSIONS;
	if (random_below(16) == 0)
		principal.limits = AUTH_LIMIT_TOTP;
	for (size_t i = 0; i < principal.grant_count; i++) {
		enum auth_role role = (enum auth_role)random_below(AUTH_ROLE_COUNT);
		bool national = auth_roles[role].level == AUTH_AT_NATION;

		/* Sometimes a tenant that is gone. */
		principal.grants[i] =
			(struct auth_grant){ role, national && random_below(3) ? 0 : 1 + random_below(NODES + 5) };
	}
	return principal;
}

static void check_all(
	const struct fixture *fixture, const struct auth_principal *principal, enum auth_permission permission)
{
	struct auth_scope scope;
	bool anywhere = false;

	assert_int_equal(auth_scope(principal, fixture->tree, permission, &scope), 0);
	for (size_t i = 1; i < scope.scope.tenant_count; i++)
		assert_true(scope.scope.tenants[i] > scope.scope.tenants[i - 1]);
	assert_int_equal(scope.scope.all, may_naively(fixture, principal, permission, 0));
	for (uint32_t tenant = 0; tenant <= NODES + 3; tenant++) {
		bool may = may_naively(fixture, principal, permission, tenant);

		anywhere |= may;
		assert_int_equal(auth_check(principal, fixture->tree, permission, tenant), may);
		if (tenant > 0)
			assert_int_equal(scope_has(&scope.scope, tenant), may);
	}
	assert_int_equal(auth_check_anywhere(principal, fixture->tree, permission), anywhere);
	auth_scope_done(&scope);
}

static void test_naive(void **state)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct auth_principal principal = random_principal();

		for (int permission = 0; permission < AUTH_PERMISSION_COUNT; permission++)
			check_all(*state, &principal, (enum auth_permission)permission);
	}
}

/* Whoever is given something by somebody can do nothing that the giver cannot. */
static void test_grants(void **state)
{
	const struct fixture *fixture = *state;
	int allowed = 0;

	for (int i = 0; i < 20000; i++) {
		struct auth_principal giver = random_principal(),
				      taker = { .scopes = AUTH_ALL_PERMISSIONS, .grant_count = 1 };
		enum auth_role role = (enum auth_role)random_below(AUTH_ROLE_COUNT);

		taker.grants[0] = (struct auth_grant){ role, random_below(8) ? 1 + random_below(NODES) : 0 };
		if (!auth_may_grant(&giver, fixture->tree, &taker.grants[0]))
			continue;
		allowed++;
		assert_true(auth_check(&giver, fixture->tree, AUTH_USERS_WRITE, taker.grants[0].tenant));
		for (int k = 0; k < 60; k++) {
			enum auth_permission permission = (enum auth_permission)random_below(AUTH_PERMISSION_COUNT);
			uint32_t tenant = random_below(NODES + 1);

			if (auth_check(&taker, fixture->tree, permission, tenant))
				assert_true(auth_check(&giver, fixture->tree, permission, tenant));
		}
	}
	assert_true(allowed > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_words),
		cmocka_unit_test_setup_teardown(test_naive, setup, teardown),
		cmocka_unit_test_setup_teardown(test_grants, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
