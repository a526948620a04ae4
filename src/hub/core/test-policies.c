// SPDX-License-Identifier: Apache-2.0
/* The standing policy on its way to edges, in a running core: what is in a bundle, when edges hear of another one, and that a restart is no
 * change. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/clock.h"
#include "base/error.h"
#include "bus/bundle.h"
#include "hub/core/core.h"
#include "hub/core/policies.h"
#include "hub/edges/csrtest.h"

#define TEXT(text) bytes_from_str(text)

enum { WAIT_MS = 3000, TEXT_SIZE = 4096 };

static const struct scope nation = { .all = true };
static char dir[64];
static struct core *core;
static uint32_t edge, second_edge, tenants[2], systems[2];
static _Atomic size_t told;

static int64_t now_us(void)
{
	return (int64_t)(clock_real_ns() / NS_PER_US);
}

static struct audit_origin origin_now(void)
{
	return (struct audit_origin){ .actor = "account:1 lan", .now_us = now_us() };
}

static void told_policy(void *context, struct bytes text)
{
	told++;
}

static void open_core(void)
{
	const struct core_options options = { .state_dir = dir, .calls = { .policy = told_policy } };
	char why[CORE_WHY_SIZE];

	if (core_open(&options, &core, why))
		fail_msg("%s", why);
}

static void add_asset(uint32_t system, const char *value)
{
	const struct audit_origin origin = origin_now();
	const struct tenants_call call = { .db = core_db(core), .scope = &nation, .origin = &origin };
	struct tenant_asset asset = { .system = system };

	snprintf(asset.value, sizeof(asset.value), "%s", value);
	assert_int_equal(tenant_asset_create(&call, &asset, &asset), 0);
}

/* The first has an address and a name, the second a prefix. */
static void make_tenants(void)
{
	const struct audit_origin origin = origin_now();
	const struct tenants_call call = { .db = core_db(core), .scope = &nation, .origin = &origin };

	for (size_t i = 0; i < 2; i++) {
		struct tenant tenant = { 0 };
		struct tenant_system system = { .level = 5 };

		snprintf(tenant.name, sizeof(tenant.name), "Sở %zu", i);
		assert_int_equal(tenant_create(&call, &tenant, &tenant), 0);
		tenants[i] = system.tenant = tenant.id;
		snprintf(system.name, sizeof(system.name), "Cổng");
		assert_int_equal(tenant_system_create(&call, &system, &system), 0);
		systems[i] = system.id;
	}
	add_asset(systems[0], "192.0.2.80");
	add_asset(systems[0], "cong.example.vn");
	add_asset(systems[1], "198.51.100.0/24");
}

static uint32_t make_edge(const uint32_t *tenant)
{
	const struct audit_origin origin = origin_now();
	const struct edges_invitation invitation = { .name = "Hà Nội",
		.bound = { .all = !tenant, .tenants = tenant, .tenant_count = tenant != NULL } };
	char token[EDGES_TOKEN_SIZE], *pem = csrtest_pem(NULL, NULL, NULL);
	struct edges_enrolled enrolled;
	uint32_t id;

	assert_int_equal(edges_token(core_edges(core), &origin, &invitation, token, &id), 0);
	assert_int_equal(
		edges_enrol(core_edges(core), &origin, TEXT(token), TEXT(pem), TEXT("luytre 0.1.0"), &enrolled), 0);
	free(enrolled.certificate.pem);
	free(pem);
	return enrolled.id;
}

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/luytre-test-policies-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	open_core();
	core_lock(core);
	make_tenants();
	edge = make_edge(NULL);
	second_edge = make_edge(&tenants[1]);
	core_unlock(core);
	core_close(core);
	open_core(); /* knows the tenants from the tables */
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	core_close(core);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* ---- Small steps ---- */

struct fetched {
	char policy[TEXT_SIZE], holds[TEXT_SIZE];
	int64_t stamp;
	uint64_t tag;
};

static void fetch(uint32_t from, struct fetched *ret)
{
	uint8_t keys[1][BUNDLE_PUBLIC_SIZE];
	struct policy_bundle packed;
	struct holdfile file;
	struct bundle bundle;
	struct bytes content;

	core_policy_key(core, keys[0]);
	assert_int_equal(core_policy_fetch(core, from, 0, now_us(), &packed), 0);
	assert_int_equal(bundle_open(bytes_of(packed.text, packed.size), keys, 1, &bundle), 0);
	assert_true(bundle_find(&bundle, POLICYFILE_NAME, &content));
	assert_true(bytes_to_str(content, ret->policy, sizeof(ret->policy)));
	assert_true(bundle_find(&bundle, HOLDFILE_NAME, &content));
	assert_true(bytes_to_str(content, ret->holds, sizeof(ret->holds)));
	assert_int_equal(holdfile_read(content, &file), 0);
	ret->stamp = file.stamp;
	ret->tag = packed.tag;
	holdfile_done(&file);
	free(packed.text);
}

/* One setting, in force at once. */
static void stand(enum policy_kind kind, uint32_t id, uint32_t tenant, enum asset_part part, enum asset_mode mode)
{
	const struct audit_origin origin = origin_now();
	struct policy_call call = {
		.db = core_db(core), .scope = &nation, .origin = &origin, .person = 1, .name = "Lan"
	};
	struct policy_change change = { .entry = { .kind = kind, .id = id, .tenant = tenant } };
	struct policy_version version;
	uint32_t base;

	policy_settings_init(&change.entry.settings);
	change.entry.settings.modes[part] = (int8_t)mode;
	core_lock(core);
	assert_int_equal(policy_standing(core_db(core), &base), 0);
	assert_int_equal(policy_propose(&call, base, "test", &change, 1, &version), 0);
	policy_version_done(&version);
	call.person = 2;
	assert_int_equal(policy_approve(&call, version.id, 1, "agreed", &version), 0);
	policy_version_done(&version);
	core_unlock(core);
	core_policy_changed(core);
}

static void set_edge_only(uint32_t id, bool edge_only)
{
	const struct audit_origin origin = origin_now();
	const struct tenants_call call = { .db = core_db(core), .scope = &nation, .origin = &origin };
	struct tenant_system system;

	core_lock(core);
	assert_int_equal(tenant_system_get(&call, id, &system), 0);
	system.edge_only = edge_only;
	assert_int_equal(tenant_system_update(&call, &system, &system), 0);
	core_unlock(core);
}

static int64_t wait_told(size_t before)
{
	int64_t begin_us = now_us();

	while (told == before) {
		if (now_us() - begin_us > WAIT_MS * INT64_C(1000))
			fail_msg("edges were not told");
		usleep(5000);
	}
	return (now_us() - begin_us) / 1000;
}

/* ---- The tests ---- */

/* Modes of the sensor ride with the addresses, the gate's with the sites; an edge gets its own only. */
static void test_modes(void **state)
{
	struct fetched before, after, theirs;

	fetch(edge, &before);
	assert_string_equal(before.holds, "{\"stamp\":0,\"holds\":[]}");
	stand(POLICY_KIND_TENANT, tenants[0], tenants[0], ASSET_PART_SENSOR, ASSET_MODE_ENFORCE);
	stand(POLICY_KIND_TENANT, tenants[0], tenants[0], ASSET_PART_GATE, ASSET_MODE_SHADOW);
	stand(POLICY_KIND_TENANT, tenants[1], tenants[1], ASSET_PART_SENSOR, ASSET_MODE_OFF);
	fetch(edge, &after);
	assert_non_null(strstr(after.policy, "\"sensor\":\"enforce\""));
	assert_non_null(strstr(after.policy, "\"sensor\":\"off\""));
	assert_non_null(strstr(after.holds, "\"mode\":\"shadow\""));
	assert_non_null(strstr(after.holds, "\"prefixes\":[\"192.0.2.80/32\"]"));
	assert_non_null(strstr(after.holds, "\"names\":[\"cong.example.vn\"]"));
	assert_null(strstr(after.holds, "198.51.100.0"));
	assert_true(after.stamp > before.stamp && after.tag != before.tag);
	fetch(second_edge, &theirs);
	assert_string_equal(theirs.holds, "{\"stamp\":0,\"holds\":[]}");
	assert_null(strstr(theirs.policy, "192.0.2.80"));
	assert_non_null(strstr(theirs.policy, "\"sensor\":\"off\""));
}

/* Edges hear of it without anybody telling the core; and the same content has the same stamp after a restart. */
static void test_edge_only(void **state)
{
	struct fetched before, on, again, theirs, off;
	size_t told_before;

	fetch(edge, &before);
	assert_null(strstr(before.policy, "edge_only"));
	told_before = told;
	set_edge_only(systems[1], true);
	print_message("edges were told after %lld ms\n", (long long)wait_told(told_before));
	fetch(edge, &on);
	assert_non_null(strstr(on.policy, "\"edge_only\":true"));
	assert_non_null(strstr(on.holds, "{\"mode\":\"off\",\"edge_only\":true"));
	assert_true(on.tag != before.tag && on.stamp > before.stamp);
	fetch(second_edge, &theirs);
	assert_int_equal(theirs.stamp, on.stamp);
	assert_non_null(strstr(theirs.policy, "\"edge_only\":true"));
	core_close(core);
	open_core();
	fetch(edge, &again);
	assert_int_equal(again.stamp, on.stamp);
	assert_true(again.tag == on.tag);
	told_before = told;
	set_edge_only(systems[1], false);
	(void)wait_told(told_before);
	fetch(edge, &off);
	assert_null(strstr(off.policy, "edge_only"));
	assert_string_not_equal(off.holds, before.holds); /* the stamp goes on */
	assert_true(off.stamp > on.stamp);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_modes), cmocka_unit_test(test_edge_only) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
