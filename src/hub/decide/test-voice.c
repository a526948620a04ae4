// SPDX-License-Identifier: Apache-2.0
/* An edge is one voice, whatever organisations it speaks for. */
#include "hub/decide/test-kit.h"

static struct kit kit;

static int setup(void **state)
{
	kit_init(&kit, 8, NULL);
	return 0;
}

static int teardown(void **state)
{
	kit_done(&kit);
	return 0;
}

static void report(uint32_t tenant, uint32_t edge, const char *addr, uint8_t evidence)
{
	struct observable observable = kit_observable(addr);
	const struct engine_report one = { .time_us = kit.now_us,
		.tenant = tenant,
		.edge = edge,
		.observable = &observable,
		.rule = RULE_SURE,
		.evidence = evidence,
		.class = DECIDE_WEB };

	assert_int_equal(engine_report(kit.engine, kit.now_us, &one, NULL), 0);
}

static void lie_about_all(uint32_t edge, uint32_t tenants, const char *addr)
{
	for (uint32_t tenant = 1; tenant <= tenants; tenant++)
		report(tenant, edge, addr, EV_E3);
}

/* Three tenants that one captured edge names make no quorum; a second edge does. */
static void one_edge_is_no_quorum(void **state)
{
	struct engine_decision decision;

	lie_about_all(7, 3, "203.0.113.1");
	assert_int_equal(kit_level(&kit, "203.0.113.1", &decision), DECIDE_PROVISIONAL);
	report(1, 7, "203.0.113.2", EV_E3);
	assert_int_equal(kit_level(&kit, "203.0.113.2", NULL), DECIDE_PROVISIONAL);
	report(4, 8, "203.0.113.1", EV_E3);
	assert_int_equal(kit_level(&kit, "203.0.113.1", &decision), DECIDE_BLOCK);
	report(5, 8, "203.0.113.1", EV_E3);
	assert_int_equal(kit_level(&kit, "203.0.113.1", &decision), DECIDE_BLOCK);
	report(6, 9, "203.0.113.1", EV_E3);
	assert_int_equal(kit_level(&kit, "203.0.113.1", &decision), DECIDE_LONG);
}

/* Nor do they keep a provisional block alive, or earn trust of each other. */
static void one_edge_gains_nothing(void **state)
{
	double before = reporters_trust(kit.reporters, kit.now_us, 1);
	struct engine_decision decision;

	report(1, 7, "203.0.113.1", EV_E3);
	kit_level(&kit, "203.0.113.1", &decision);
	for (int i = 0; i < 13; i++) {
		kit_advance(&kit, 10 * SECOND);
		for (uint32_t tenant = 1; tenant <= 8; tenant++) {
			report(tenant, 7, "203.0.113.1", EV_E3);
			(void)!engine_hit(kit.engine, kit.now_us, decision.id, tenant, 7);
		}
	}
	assert_true(kit_level(&kit, "203.0.113.1", NULL) < DECIDE_PROVISIONAL);
	assert_true(reporters_trust(kit.reporters, kit.now_us, 1) <= before);
}

/* Its tenants taking turns are not "another one saw it too"; a tenant behind another edge is. */
static void one_edge_keeps_nothing_alive(void **state)
{
	report(1, 7, "203.0.113.1", EV_E3);
	report(1, 7, "203.0.113.2", EV_E3);
	for (uint32_t i = 0; i < 4; i++) {
		kit_advance(&kit, 25 * SECOND);
		report(2 + i % 2, 7, "203.0.113.1", EV_E2);
	}
	report(4, 8, "203.0.113.2", EV_E1);
	kit_advance(&kit, 25 * SECOND);
	assert_true(kit_level(&kit, "203.0.113.1", NULL) < DECIDE_PROVISIONAL);
	assert_true(kit_level(&kit, "203.0.113.2", NULL) >= DECIDE_PROVISIONAL);
}

/* A tenant behind two edges is one voice; each of the two edges with another tenant is one too. */
static void groups_and_edges_cross(void **state)
{
	report(1, 7, "203.0.113.1", EV_E3);
	report(2, 7, "203.0.113.1", EV_E2);
	report(3, 8, "203.0.113.1", EV_E2);
	assert_int_equal(kit_level(&kit, "203.0.113.1", NULL), DECIDE_BLOCK);
	report(1, 8, "203.0.113.2", EV_E2);
	assert_int_not_equal(kit_level(&kit, "203.0.113.2", NULL), DECIDE_BLOCK);
	report(1, 7, "203.0.113.2", EV_E3); /* stronger, by another edge: it is that edge's word now */
	report(2, 7, "203.0.113.2", EV_E3);
	assert_int_equal(kit_level(&kit, "203.0.113.2", NULL), DECIDE_PROVISIONAL);
	report(3, 8, "203.0.113.2", EV_E3);
	assert_int_equal(kit_level(&kit, "203.0.113.2", NULL), DECIDE_BLOCK);
}

static size_t blocked;

static void count_blocked(void *context, const struct engine_change *change)
{
	blocked += change->decision.level >= DECIDE_PROVISIONAL;
}

/* Who speaks first in the name of all does not silence their own edges. */
static void one_edge_silences_nobody(void **state)
{
	lie_about_all(7, 8, "203.0.113.1");
	report(2, 8, "203.0.113.1", EV_E3);
	assert_int_equal(kit_level(&kit, "203.0.113.1", NULL), DECIDE_BLOCK);
	report(3, 7, "203.0.113.1", EV_E3);
	report(3, 9, "203.0.113.1", EV_E3);
	assert_int_equal(kit_level(&kit, "203.0.113.1", NULL), DECIDE_LONG);
}

/* However many tenants it names, an edge holds as many innocents as one organisation may. */
static void one_edge_holds_few(void **state)
{
	struct engine_limits limits;
	char addr[64];

	engine_limits_default(&limits);
	for (unsigned int i = 0; i < 200; i++) {
		snprintf(addr, sizeof(addr), "198.18.%u.1", i);
		report(1 + i % 8, 7, addr, EV_E3);
		report(1 + (i + 1) % 8, 7, addr, EV_E3);
	}
	blocked = 0;
	engine_each(kit.engine, count_blocked, NULL);
	assert_int_equal(blocked, limits.reporters.alone_max);
	report(1, 8, "198.19.0.1", EV_E3); /* not the fault of the organisation's other edge */
	assert_int_equal(kit_level(&kit, "198.19.0.1", NULL), DECIDE_PROVISIONAL);
	kit_advance(&kit, 3 * MINUTE); /* they lapse, and there is room again */
	report(1, 7, "198.19.0.2", EV_E3);
	assert_int_equal(kit_level(&kit, "198.19.0.2", NULL), DECIDE_PROVISIONAL);
}

/* The counts are the same after a restart. */
static void one_edge_holds_few_over_a_restart(void **state)
{
	struct engine_limits limits;
	struct kit again = { .now_us = kit.now_us, .users = kit.users, .shared = kit.shared };
	size_t valid;
	char addr[64];

	engine_limits_default(&limits);
	for (unsigned int i = 0; i < limits.reporters.alone_max; i++) {
		snprintf(addr, sizeof(addr), "198.18.%u.1", i);
		report(1 + i % 8, 7, addr, EV_E3);
	}
	kit_limits(&limits);
	kit_open(&again, &limits);
	assert_int_equal(engine_load(again.engine, bytes_of(kit.journal, kit.journal_size), &valid), 0);
	assert_int_equal(
		kit_report(&again, 7, "198.18.200.1", EV_E3), ENGINE_TAKEN); /* by an edge of the same number */
	assert_int_equal(kit_level(&again, "198.18.200.1", NULL), DECIDE_CHALLENGE);
	assert_int_equal(kit_report(&again, 8, "198.18.200.2", EV_E3), ENGINE_TAKEN);
	assert_int_equal(kit_level(&again, "198.18.200.2", NULL), DECIDE_PROVISIONAL);
	engine_free(again.engine);
	free(again.journal);
}

/* An edge vetoes once, whatever tenants it names. */
static void one_edge_vetoes_once(void **state)
{
	struct engine_decision decision;

	report(1, 7, "203.0.113.1", EV_E3);
	report(2, 8, "203.0.113.1", EV_E3);
	assert_int_equal(kit_level(&kit, "203.0.113.1", &decision), DECIDE_BLOCK);
	for (uint32_t tenant = 3; tenant <= 8; tenant++)
		assert_int_equal(engine_veto(kit.engine, kit.now_us, decision.id, tenant, 9), 0);
	assert_int_equal(kit_level(&kit, "203.0.113.1", NULL), DECIDE_BLOCK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = { TEST(one_edge_is_no_quorum), TEST(one_edge_gains_nothing),
		TEST(one_edge_keeps_nothing_alive), TEST(groups_and_edges_cross), TEST(one_edge_silences_nobody),
		TEST(one_edge_holds_few), TEST(one_edge_holds_few_over_a_restart), TEST(one_edge_vetoes_once) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
