// SPDX-License-Identifier: Apache-2.0
#include "hub/decide/engine.h"

#include "hub/decide/test-kit.h"

#define BAD "203.0.113.66"

static void one_trusted_witness_blocks_for_two_minutes(void **state)
{
	struct engine_decision decision;
	struct kit kit;

	kit_init(&kit, 3, NULL);
	assert_int_equal(kit_report(&kit, 1, BAD, EV_E3), ENGINE_TAKEN);
	assert_int_equal(kit_level(&kit, BAD, &decision), DECIDE_PROVISIONAL);
	assert_int_equal(decision.expires_us - decision.started_us, 120 * SECOND);
	assert_int_equal(decision.reporters, 1);
	assert_int_equal(decision.first_us % MINUTE, 0);
	kit_advance(&kit, 119 * SECOND);
	assert_int_equal(kit_level(&kit, BAD, NULL), DECIDE_PROVISIONAL);
	kit_advance(&kit, 1 * SECOND);
	assert_int_equal(kit_level(&kit, BAD, NULL), DECIDE_WATCH);
	/* The same group does not get the same block again at once. */
	kit_report(&kit, 1, BAD, EV_E3);
	assert_int_equal(kit_level(&kit, BAD, NULL), DECIDE_CHALLENGE);
	kit_done(&kit);
}

static void a_second_group_makes_a_block_and_a_third_a_long_one(void **state)
{
	struct engine_decision decision;
	struct kit kit;

	kit_init(&kit, 4, NULL);
	kit_report(&kit, 1, BAD, EV_E3);
	kit_advance(&kit, 30 * SECOND);
	kit_report(&kit, 2, BAD, EV_E3);
	assert_int_equal(kit_level(&kit, BAD, &decision), DECIDE_BLOCK);
	assert_int_equal(decision.expires_us - decision.started_us, 4 * HOUR);
	assert_int_equal(decision.reporters, 2);
	kit_report(&kit, 3, BAD, EV_E3);
	assert_int_equal(kit_level(&kit, BAD, &decision), DECIDE_LONG);
	/* Ages out before the longest lifetime of seven days. */
	assert_in_range(decision.expires_us - decision.started_us, 3 * DAY, 4 * DAY);
	kit_advance(&kit, 4 * DAY);
	assert_int_equal(kit_level(&kit, BAD, NULL), DECIDE_NONE);
	kit_done(&kit);
}

static void spoofable_evidence_decides_nothing(void **state)
{
	struct engine_stats stats;
	struct kit kit;

	kit_init(&kit, 20, NULL);
	for (uint32_t tenant = 1; tenant <= 20; tenant++)
		assert_int_equal(kit_report(&kit, tenant, BAD, EV_E0), ENGINE_PATTERN);
	engine_stats(kit.engine, &stats);
	assert_true(stats.records == 0 && stats.reports[ENGINE_PATTERN] == 20);
	kit_done(&kit);
}

static void tenants_of_one_owner_count_once(void **state)
{
	struct reporter_attributes owned = { .enrolment = REPORTER_VETTED, .owner = 50 };
	struct kit kit;

	kit_init(&kit, 6, NULL);
	for (uint32_t tenant = 1; tenant <= 4; tenant++) {
		owned.owner = tenant < 4 ? 50 : 0;
		owned.operator= tenant == 4 ? 3 : 0; /* run by tenant 3 */
		assert_int_equal(reporters_set(kit.reporters, tenant, &owned), 0);
	}
	for (uint32_t tenant = 1; tenant <= 4; tenant++)
		kit_report(&kit, tenant, BAD, EV_E2);
	assert_int_equal(kit_level(&kit, BAD, NULL), DECIDE_CHALLENGE);
	kit_report(&kit, 5, BAD, EV_E2);
	assert_int_equal(kit_level(&kit, BAD, NULL), DECIDE_BLOCK);
	kit_done(&kit);
}

static void accounts_without_standing_make_no_quorum(void **state)
{
	const struct reporter_attributes self = { .enrolment = REPORTER_SELF };
	struct kit kit;

	kit_init(&kit, 1, NULL);
	for (uint32_t tenant = 10; tenant < 40; tenant++) {
		assert_int_equal(reporters_set(kit.reporters, tenant, &self), 0);
		kit_report(&kit, tenant, "192.0.2.1", EV_E3);
	}
	assert_true(kit_level(&kit, "192.0.2.1", NULL) <= DECIDE_CHALLENGE);
	kit_report(&kit, 1, "192.0.2.1", EV_E3);
	assert_int_equal(kit_level(&kit, "192.0.2.1", NULL), DECIDE_PROVISIONAL);
	kit_done(&kit);
}

static void shared_addresses_need_more_belief(void **state)
{
	struct kit kit;

	kit_init(&kit, 8, "nat 198.51.100.0/24 users=10\nnat 198.51.101.0/24 users=1000\n");
	kit_report(&kit, 1, "198.51.100.1", EV_E3);
	assert_int_equal(kit_level(&kit, "198.51.100.1", NULL), DECIDE_CHALLENGE);
	/* Two are believed enough for two minutes, but a block of hours needs a third. */
	kit_report(&kit, 2, "198.51.100.1", EV_E3);
	assert_int_equal(kit_level(&kit, "198.51.100.1", NULL), DECIDE_PROVISIONAL);
	kit_report(&kit, 3, "198.51.100.1", EV_E3);
	assert_int_equal(kit_level(&kit, "198.51.100.1", NULL), DECIDE_LONG);
	for (uint32_t tenant = 1; tenant <= 4; tenant++)
		kit_report(&kit, tenant, "198.51.101.1", EV_E3);
	assert_int_equal(kit_level(&kit, "198.51.101.1", NULL), DECIDE_CHALLENGE);
	kit_done(&kit);
}

static void learned_users_count_as_well(void **state)
{
	struct ip_addr addr;
	struct kit kit;

	kit_init(&kit, 3, NULL);
	assert_int_equal(ip_addr_parse(bytes_from_str(BAD), &addr), 0);
	for (uint64_t user = 0; user < 20; user++)
		assert_int_equal(users_add(kit.users, kit.now_us, &addr, 5 + (uint32_t)(user % 2), user), 0);
	kit_report(&kit, 1, BAD, EV_E3);
	assert_int_equal(kit_level(&kit, BAD, NULL), DECIDE_CHALLENGE);
	kit_done(&kit);
}

static void allow_lists_and_decoys_are_never_blocked(void **state)
{
	struct observable decoy = kit_observable("192.0.2.99");
	struct shared *wider = shared_new(10);
	double before;
	struct kit kit;

	kit_init(&kit, 4, "allow 198.51.100.0/24\n");
	before = reporters_trust(kit.reporters, kit.now_us, 1);
	assert_int_equal(kit_report(&kit, 1, "198.51.100.7", EV_E3), ENGINE_SPARED);
	assert_true(reporters_trust(kit.reporters, kit.now_us, 1) < before);
	assert_int_equal(kit_level(&kit, "198.51.100.7", NULL), DECIDE_NONE);

	/* A list that comes later ends what it forbids. */
	kit_report(&kit, 2, BAD, EV_E3);
	kit_report(&kit, 3, BAD, EV_E3);
	assert_int_equal(kit_level(&kit, BAD, NULL), DECIDE_BLOCK);
	assert_int_equal(sharedfile_parse(wider, bytes_from_str("allow 203.0.113.0/24\n"), "l", NULL, NULL), 0);
	shared_seal(wider);
	engine_set_shared(kit.engine, kit.now_us, wider);
	assert_int_equal(kit_level(&kit, BAD, NULL), DECIDE_NONE);

	/* Who reports a decoy loses its weight, with what rested on it. */
	assert_int_equal(engine_decoy_add(kit.engine, &decoy), 0);
	kit_report(&kit, 4, "192.0.2.5", EV_E3);
	assert_int_equal(kit_level(&kit, "192.0.2.5", NULL), DECIDE_PROVISIONAL);
	assert_int_equal(kit_report(&kit, 4, "192.0.2.99", EV_E1), ENGINE_DECOY);
	assert_true(kit.alarms[ENGINE_ALARM_DECOY] == 1 && kit.alarm_tenant == 4);
	assert_int_equal(kit_level(&kit, "192.0.2.5", NULL), DECIDE_NONE);
	assert_int_equal(kit_report(&kit, 4, "192.0.2.6", EV_E3), ENGINE_SILENT);
	assert_true(reporters_silence(kit.reporters, 4, false));
	assert_int_equal(kit_report(&kit, 4, "192.0.2.6", EV_E3), ENGINE_TAKEN);
	kit_done(&kit);
	shared_free(wider);
}

static void lifetimes_double_for_repeat_offenders(void **state)
{
	struct engine_decision decision;
	struct kit kit;

	kit_init(&kit, 2, NULL);
	for (int time = 0; time < 3; time++) {
		kit_report(&kit, 1, BAD, EV_E3);
		kit_report(&kit, 2, BAD, EV_E3);
		assert_int_equal(kit_level(&kit, BAD, &decision), DECIDE_BLOCK);
		assert_int_equal(decision.expires_us - decision.started_us, (4 << time) * HOUR);
		kit_advance(&kit, (4 << time) * HOUR);
		assert_int_equal(kit_level(&kit, BAD, NULL), DECIDE_NONE);
		kit_advance(&kit, 8 * DAY); /* the old reports are worth nothing then */
	}
	kit_done(&kit);
}

static void sightings_of_another_group_start_the_life_anew(void **state)
{
	struct engine_decision decision, later;
	struct kit kit;

	kit_init(&kit, 3, NULL);
	kit_report(&kit, 1, BAD, EV_E2);
	kit_report(&kit, 2, BAD, EV_E2);
	assert_int_equal(kit_level(&kit, BAD, &decision), DECIDE_BLOCK);
	kit_advance(&kit, HOUR);
	kit_report(&kit, 2, BAD, EV_E2); /* again the one that spoke last */
	assert_int_equal(kit_level(&kit, BAD, &later), DECIDE_BLOCK);
	assert_int_equal(later.expires_us, decision.expires_us);
	kit_report(&kit, 1, BAD, EV_E2);
	kit_level(&kit, BAD, &later);
	assert_int_equal(later.expires_us, decision.expires_us + HOUR);
	assert_int_equal(later.id, decision.id);
	kit_done(&kit);
}

static void hits_elsewhere_keep_a_provisional_block(void **state)
{
	struct engine_decision decision;
	struct kit kit;

	kit_init(&kit, 3, NULL);
	kit_report(&kit, 1, BAD, EV_E3);
	kit_level(&kit, BAD, &decision);
	for (int i = 0; i < 10; i++) {
		kit.now_us += 100 * SECOND;
		/* The reporter's own hits change nothing. */
		(void)!engine_hit(kit.engine, kit.now_us, decision.id, 1, 1);
		(void)!engine_hit(kit.engine, kit.now_us, decision.id, 2, 2);
		engine_tick(kit.engine, kit.now_us);
		assert_int_equal(kit_level(&kit, BAD, NULL), i < 5 ? DECIDE_PROVISIONAL : DECIDE_WATCH);
	}
	assert_int_equal(engine_hit(kit.engine, kit.now_us, 12345, 2, 2), LUYTRE_E_NOT_FOUND);
	kit_done(&kit);
}

static void budgets_bound_what_one_tenant_can_do(void **state)
{
	struct engine_stats stats;
	struct engine_limits limits;
	struct kit kit;
	char addr[32];

	kit_limits(&limits);
	limits.reporters.alone_max = 10000;
	kit_init_with(&kit, &limits, 2, NULL);
	for (int i = 0; i < 40; i++) {
		snprintf(addr, sizeof(addr), "192.0.2.%d", i);
		kit_report(&kit, 1, addr, EV_E3);
		assert_int_equal(kit_level(&kit, addr, NULL), i < 30 ? DECIDE_PROVISIONAL : DECIDE_CHALLENGE);
	}
	/* The minute slides: not one more before it is over. */
	kit_advance(&kit, 59 * SECOND);
	kit_report(&kit, 1, "192.0.2.100", EV_E3);
	assert_int_equal(kit_level(&kit, "192.0.2.100", NULL), DECIDE_CHALLENGE);
	kit_advance(&kit, SECOND);
	kit_report(&kit, 1, "192.0.2.101", EV_E3);
	assert_int_equal(kit_level(&kit, "192.0.2.101", NULL), DECIDE_PROVISIONAL);
	for (int i = 0; i < 1000; i++) {
		snprintf(addr, sizeof(addr), "10.0.%d.%d", i / 200, i % 200);
		kit_advance(&kit, 4 * SECOND);
		kit_report(&kit, 1, addr, EV_E3);
	}
	engine_stats(kit.engine, &stats);
	assert_int_equal(stats.budget_refused, 10 + 1 + 1000 - (500 - 31));
	kit_done(&kit);
}

static void two_who_agree_alone_hold_few(void **state)
{
	struct engine_stats stats;
	struct kit kit;
	char addr[32];

	kit_init(&kit, 3, NULL);
	for (int i = 0; i < 200; i++) {
		snprintf(addr, sizeof(addr), "10.0.0.%d", i);
		kit_report(&kit, 1, addr, EV_E3);
		kit_report(&kit, 2, addr, EV_E3);
	}
	engine_stats(kit.engine, &stats);
	assert_int_equal(stats.live[DECIDE_PROVISIONAL] + stats.live[DECIDE_BLOCK], 30);
	/* A third who saw them too frees their hands. */
	for (int i = 0; i < 200; i++) {
		snprintf(addr, sizeof(addr), "10.0.0.%d", i);
		kit_report(&kit, 3, addr, EV_E3);
	}
	engine_stats(kit.engine, &stats);
	assert_int_equal(stats.live[DECIDE_LONG], 200);
	assert_int_equal(reporters_alone(kit.reporters, 1), 0);
	kit_done(&kit);
}

static void vetoes_weigh_against_reports(void **state)
{
	struct engine_decision decision;
	double trust;
	struct kit kit;

	kit_init(&kit, 6, NULL);
	kit_report(&kit, 1, BAD, EV_E3);
	kit_level(&kit, BAD, &decision);
	trust = reporters_trust(kit.reporters, kit.now_us, 1);
	assert_int_equal(engine_veto(kit.engine, kit.now_us, decision.id, 5, 5), 0);
	assert_int_equal(kit_level(&kit, BAD, NULL), DECIDE_NONE);
	assert_true(reporters_trust(kit.reporters, kit.now_us, 1) < trust);
	/* One veto does not stand against three witnesses, and is refuted by them. */
	trust = reporters_trust(kit.reporters, kit.now_us, 5);
	for (uint32_t tenant = 1; tenant <= 3; tenant++)
		kit_report(&kit, tenant, BAD, EV_E3);
	assert_true(kit_level(&kit, BAD, NULL) >= DECIDE_BLOCK);
	assert_true(reporters_trust(kit.reporters, kit.now_us, 5) < trust);
	assert_int_equal(engine_veto(kit.engine, kit.now_us, 999, 5, 5), LUYTRE_E_NOT_FOUND);
	kit_done(&kit);
}

static void appeals_teach_and_spare(void **state)
{
	struct engine_decision decision;
	double trust, precision;
	struct kit kit;

	kit_init(&kit, 4, NULL);
	kit_report(&kit, 1, BAD, EV_E3);
	kit_report(&kit, 2, BAD, EV_E3);
	kit_level(&kit, BAD, &decision);
	trust = reporters_trust(kit.reporters, kit.now_us, 1);
	precision = reporters_precision(kit.reporters, kit.now_us, RULE_SURE);
	assert_int_equal(engine_lift(kit.engine, kit.now_us, decision.id, 77, true), 0);
	assert_int_equal(kit_level(&kit, BAD, NULL), DECIDE_NONE);
	assert_true(reporters_trust(kit.reporters, kit.now_us, 1) < trust);
	assert_true(reporters_precision(kit.reporters, kit.now_us, RULE_SURE) < precision);
	kit_report(&kit, 3, BAD, EV_E3);
	kit_report(&kit, 4, BAD, EV_E3);
	assert_int_equal(kit_level(&kit, BAD, NULL), DECIDE_WATCH);
	kit_advance(&kit, DAY + SECOND);
	kit_report(&kit, 3, BAD, EV_E3);
	kit_report(&kit, 4, BAD, EV_E3);
	assert_true(kit_level(&kit, BAD, &decision) >= DECIDE_BLOCK);
	assert_int_equal(engine_lift(kit.engine, kit.now_us, decision.id, 77, false), 0);
	assert_int_equal(engine_lift(kit.engine, kit.now_us, decision.id, 77, false), LUYTRE_E_NOT_FOUND);
	kit_done(&kit);
}

static void a_person_who_confirms_vouches(void **state)
{
	struct engine_decision decision;
	struct engine_evidence evidence[4];
	double trust;
	struct kit kit;

	kit_init(&kit, 2, NULL);
	kit_report(&kit, 1, BAD, EV_E3);
	kit_level(&kit, BAD, &decision);
	assert_int_equal(reporters_alone(kit.reporters, 1), 1);
	trust = reporters_trust(kit.reporters, kit.now_us, 1);
	assert_int_equal(engine_confirm(kit.engine, kit.now_us, decision.id, 77), 0);
	assert_true(reporters_trust(kit.reporters, kit.now_us, 1) > trust);
	assert_int_equal(reporters_alone(kit.reporters, 1), 0);
	assert_int_equal(engine_evidence(kit.engine, decision.id, evidence, 4), 1);
	assert_true(evidence[0].tenant == 1 && evidence[0].confirmed && evidence[0].rule == RULE_SURE);
	assert_true(evidence[0].weight > 0.8 && evidence[0].evidence == EV_E3);
	kit_done(&kit);
}

static void reading_our_list_earns_no_trust(void **state)
{
	double first, second;
	struct kit kit;

	kit_init(&kit, 2, NULL);
	first = reporters_trust(kit.reporters, kit.now_us, 1);
	second = reporters_trust(kit.reporters, kit.now_us, 2);
	kit_report(&kit, 1, BAD, EV_E3); /* public from here on */
	kit_report(&kit, 2, BAD, EV_E3);
	assert_true(reporters_trust(kit.reporters, kit.now_us, 1) > first);
	assert_true(reporters_trust(kit.reporters, kit.now_us, 2) == second);
	kit_done(&kit);
}

static void ipv6_is_blocked_by_64_and_lifted_to_its_parents(void **state)
{
	struct kit kit;

	kit_init(&kit, 3, NULL);
	for (int net = 0; net < 3; net++) {
		char addr[64];

		assert_int_equal(kit_level(&kit, "2001:db8::/56", NULL), DECIDE_NONE);
		for (uint32_t tenant = 1; tenant <= 3; tenant++) {
			snprintf(addr, sizeof(addr), "2001:db8:0:%x::%x", net, tenant);
			kit_report(&kit, tenant, addr, EV_E3);
		}
		snprintf(addr, sizeof(addr), "2001:db8:0:%x::/64", net);
		assert_int_equal(kit_level(&kit, addr, NULL), DECIDE_LONG);
	}
	assert_true(kit_level(&kit, "2001:db8::/56", NULL) >= DECIDE_BLOCK);
	assert_int_equal(kit_level(&kit, "2001:db8::/48", NULL), DECIDE_NONE);
	for (uint32_t tenant = 1; tenant <= 3; tenant++)
		kit_report(&kit, tenant, "2001:db8:0:ff00::1", EV_E3);
	assert_true(kit_level(&kit, "2001:db8::/48", NULL) >= DECIDE_BLOCK);
	kit_done(&kit);
}

static void ipv4_networks_need_a_person(void **state)
{
	struct observable net = kit_observable("203.0.113.0/24");
	struct engine_order order = {
		.observable = &net, .level = DECIDE_BLOCK, .class = DECIDE_SCAN, .lifetime_s = 3600, .person = 7
	};
	struct engine_proposal proposal;
	char addr[32];
	struct kit kit;

	kit_init(&kit, 3, NULL);
	for (int i = 1; i <= 8; i++) {
		assert_int_equal(kit.proposals, 0);
		snprintf(addr, sizeof(addr), "203.0.113.%d", i);
		kit_report(&kit, 1, addr, EV_E3);
		kit_report(&kit, 2, addr, EV_E3);
	}
	assert_int_equal(kit.proposals, 1);
	assert_int_equal(engine_proposals(kit.engine, &proposal, 1), 1);
	assert_true(proposal.prefix.length == 24 && proposal.reported == 8);
	assert_int_equal(kit_level(&kit, "203.0.113.0/24", NULL), DECIDE_NONE);
	assert_int_equal(engine_order(kit.engine, kit.now_us, &order, NULL), 0);
	assert_int_equal(kit_level(&kit, "203.0.113.0/24", NULL), DECIDE_BLOCK);
	assert_int_equal(engine_proposals(kit.engine, &proposal, 1), 0);
	kit_done(&kit);
}

static void orders_have_bounds(void **state)
{
	static const struct {
		const char *value;
		uint32_t person, second;
		bool from_list;
		int error;
	} rows[] = {
		{ "192.0.2.1", 1, 0, false, 0 },
		{ "192.0.2.1", 0, 0, false, LUYTRE_E_INVALID },
		{ "0.0.0.0/0", 1, 2, false, LUYTRE_E_INVALID },
		{ "::/0", 1, 2, false, LUYTRE_E_INVALID },
		{ "10.0.0.0/16", 1, 0, false, LUYTRE_E_PERMISSION },
		{ "10.0.0.0/16", 1, 1, false, LUYTRE_E_PERMISSION },
		{ "10.0.0.0/16", 1, 2, false, 0 },
		{ "2001:db8::/40", 1, 0, false, LUYTRE_E_PERMISSION },
		{ "2001:db8::/40", 1, 2, false, 0 },
		{ "198.51.100.0/24", 1, 0, false, LUYTRE_E_CONFLICT },
		{ "198.51.0.0/16", 1, 2, false, LUYTRE_E_CONFLICT },
		{ "203.0.113.0/24", 1, 0, false, LUYTRE_E_CONFLICT },
		{ "172.16.0.0/16", 0, 0, true, 0 },
		{ "172.0.0.0/8", 0, 0, true, LUYTRE_E_PERMISSION },
	};
	struct observable decoy = kit_observable("203.0.113.5");
	struct kit kit;

	kit_init(&kit, 1, "allow 198.51.100.7\ndrop 172.16.0.0/16\n");
	assert_int_equal(engine_decoy_add(kit.engine, &decoy), 0);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct observable observable = kit_observable(rows[i].value);
		struct engine_order order = { .observable = &observable,
			.level = DECIDE_BLOCK,
			.class = DECIDE_SCAN,
			.lifetime_s = 60,
			.person = rows[i].person,
			.second_person = rows[i].second,
			.from_list = rows[i].from_list };

		assert_int_equal(engine_order(kit.engine, kit.now_us, &order, NULL), rows[i].error);
	}
	kit_advance(&kit, 60 * SECOND);
	assert_int_equal(kit_level(&kit, "192.0.2.1", NULL), DECIDE_NONE);
	kit_done(&kit);
}

static void wide_changes_are_refused(void **state)
{
	struct observable net = kit_observable("10.0.0.0/24");
	struct engine_order order = {
		.observable = &net, .level = DECIDE_BLOCK, .class = DECIDE_SCAN, .lifetime_s = 3600, .person = 7
	};
	struct engine_limits limits;
	struct kit kit;
	char addr[32];

	kit_limits(&limits);
	limits.reporters.alone_max = 1000;
	limits.reporters.blocks_per_minute = 60;
	kit_init_with(&kit, &limits, 2, NULL);
	for (uint32_t i = 0; i < 10000; i++) {
		uint8_t bytes[4] = { 10, 0, (uint8_t)(i / 200), (uint8_t)(i % 200) };
		struct ip_addr client = ip_addr_v4(bytes);

		assert_int_equal(users_add(kit.users, kit.now_us, &client, 1, i), 0);
	}
	/* 200 of 10,000 are more than 0.05 %. */
	assert_int_equal(engine_order(kit.engine, kit.now_us, &order, NULL), LUYTRE_E_RANGE);
	assert_int_equal(kit.alarms[ENGINE_ALARM_CHANGE_TOO_WIDE], 1);
	assert_false(engine_stopped(kit.engine));
	/* Single ones add up: 50 of 10,000 are 0.5 %. */
	for (int i = 0; i < 60; i++) {
		snprintf(addr, sizeof(addr), "10.0.0.%d", i);
		kit_report(&kit, 1, addr, EV_E3);
		assert_int_equal(kit_level(&kit, addr, NULL), i < 50 ? DECIDE_PROVISIONAL : DECIDE_CHALLENGE);
	}
	assert_int_equal(kit.alarms[ENGINE_ALARM_TOTAL_TOO_WIDE], 1);
	assert_true(engine_stopped(kit.engine));
	engine_resume(kit.engine, kit.now_us, 7);
	kit_report(&kit, 2, "192.0.2.1", EV_E3);
	assert_int_equal(kit_level(&kit, "192.0.2.1", NULL), DECIDE_PROVISIONAL);
	kit_done(&kit);
}

static void too_many_new_decisions_stop_the_engine(void **state)
{
	struct engine_limits limits;
	struct kit kit;
	char addr[32];
	int blocked = 0;

	kit_limits(&limits);
	limits.pace_floor = 100;
	kit_init_with(&kit, &limits, 20, NULL);
	for (int i = 0; i < 200; i++) {
		snprintf(addr, sizeof(addr), "10.0.%d.%d", i / 20, i % 20);
		kit_report(&kit, (uint32_t)(1 + i % 20), addr, EV_E3);
		blocked += kit_level(&kit, addr, NULL) == DECIDE_PROVISIONAL;
	}
	assert_int_equal(blocked, 100);
	assert_int_equal(kit.alarms[ENGINE_ALARM_PACE], 1);
	assert_true(engine_stopped(kit.engine));
	kit_done(&kit);
}

static void undo_all_begins_a_new_epoch(void **state)
{
	struct observable ordered = kit_observable("192.0.2.200");
	struct engine_order order = {
		.observable = &ordered, .level = DECIDE_BLOCK, .class = DECIDE_SCAN, .lifetime_s = 3600, .person = 7
	};
	uint64_t epoch, seq, later;
	struct engine_stats stats;
	struct kit kit;
	char addr[32];

	kit_init(&kit, 3, NULL);
	for (int i = 0; i < 100; i++) {
		snprintf(addr, sizeof(addr), "10.0.0.%d", i);
		for (uint32_t tenant = 1; tenant <= 3; tenant++)
			kit_report(&kit, tenant, addr, EV_E3);
	}
	assert_int_equal(engine_order(kit.engine, kit.now_us, &order, NULL), 0);
	engine_position(kit.engine, &epoch, &seq);
	assert_int_equal(engine_undo_all(kit.engine, kit.now_us, 7), 100);
	engine_stats(kit.engine, &stats);
	assert_true(stats.records == 1 && stats.live[DECIDE_LONG] == 0 && stats.live[DECIDE_BLOCK] == 1);
	assert_int_equal(kit_level(&kit, "192.0.2.200", NULL), DECIDE_BLOCK);
	assert_int_equal(engine_changes(kit.engine, epoch, seq, 10, NULL, NULL, &later), LUYTRE_E_CONFLICT);
	engine_position(kit.engine, &later, &seq);
	assert_true(later == epoch + 1 && seq == 0);
	kit_advance(&kit, MINUTE);
	kit_report(&kit, 1, "10.0.0.1", EV_E3);
	assert_int_equal(kit_level(&kit, "10.0.0.1", NULL), DECIDE_PROVISIONAL);
	kit_done(&kit);
}

static void bad_reports_are_refused(void **state)
{
	struct observable net = kit_observable("10.0.0.0/24"), addr = kit_observable(BAD);
	struct engine_report report = { .time_us = START, .tenant = 1, .observable = &net, .evidence = EV_E3 };
	enum engine_outcome outcome;
	struct kit kit;

	kit_init(&kit, 1, NULL);
	assert_int_equal(engine_report(kit.engine, kit.now_us, &report, NULL), LUYTRE_E_INVALID);
	report.observable = &addr;
	report.class = DECIDE_CLASS_COUNT;
	assert_int_equal(engine_report(kit.engine, kit.now_us, &report, NULL), LUYTRE_E_INVALID);
	report.class = DECIDE_WEB;
	report.evidence = EV_EVIDENCE_COUNT;
	assert_int_equal(engine_report(kit.engine, kit.now_us, &report, NULL), LUYTRE_E_INVALID);
	report.evidence = EV_E3;
	report.tenant = 99;
	assert_int_equal(engine_report(kit.engine, kit.now_us, &report, NULL), LUYTRE_E_NOT_FOUND);
	report.tenant = 1;
	report.time_us = START - 8 * DAY;
	assert_int_equal(engine_report(kit.engine, kit.now_us, &report, &outcome), 0);
	assert_int_equal(outcome, ENGINE_OLD);
	kit_done(&kit);
}

static void fingerprints_are_never_blocked_and_campaigns_need_no_rule(void **state)
{
	struct observable ja4, addr = kit_observable(BAD);
	struct engine_report report = { .time_us = START,
		.tenant = 1,
		.observable = &addr,
		.rule = 5,
		.evidence = EV_E1,
		.class = DECIDE_WEB,
		.fingerprint = true,
		.campaign = 42 };
	struct engine_decision decision;
	char text[512];
	struct kit kit;

	kit_init(&kit, 4, NULL);
	assert_int_equal(
		observable_parse(OBSERVABLE_JA4, bytes_from_str("t13d1516h2_8daaf6152771_b186095e22b6"), &ja4), 0);
	for (uint32_t tenant = 1; tenant <= 4; tenant++)
		kit_report_as(&kit, tenant, &ja4, EV_E3, RULE_SURE);
	assert_int_equal(engine_find_key(kit.engine, &ja4.key, &decision), 0);
	assert_int_equal(decision.level, DECIDE_CHALLENGE);
	/* A weak sign of a new source that shows the pair of a confirmed campaign. */
	assert_int_equal(engine_report(kit.engine, kit.now_us, &report, NULL), 0);
	assert_int_equal(kit_level(&kit, BAD, &decision), DECIDE_PROVISIONAL);
	assert_int_equal(decision.campaign, 42);
	assert_int_equal(engine_explain(kit.engine, decision.id, LUYTRE_LANG_EN, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "part of campaign 42"));
	kit_done(&kit);
}

static void each_decision_explains_itself(void **state)
{
	static const struct {
		enum luytre_lang lang;
		const char *text;
	} rows[] = {
		{ LUYTRE_LANG_EN, "Blocked: address 203.0.113.66 was reported by 2-4 organisations for web "
				  "exploitation with proof of high "
				  "precision (belief 0.96, about 1 legitimate users), until 2026-09-21 18:13 UTC." },
		{ LUYTRE_LANG_VI, "Chặn địa chỉ 203.0.113.66: 2-4 tổ chức báo cáo khai thác lỗ hổng web với bằng chứng "
				  "có độ chính xác cao "
				  "(độ tin cậy 0.96, ước tính 1 người dùng hợp lệ), đến 2026-09-21 18:13 UTC." },
	};
	struct engine_decision decision;
	char text[512], small[20];
	struct kit kit;

	kit_init(&kit, 2, NULL);
	kit_report(&kit, 1, BAD, EV_E3);
	kit_report(&kit, 2, BAD, EV_E3);
	kit_level(&kit, BAD, &decision);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_int_equal(engine_explain(kit.engine, decision.id, rows[i].lang, text, sizeof(text)), 0);
		assert_string_equal(text, rows[i].text);
	}
	assert_int_equal(engine_explain(kit.engine, decision.id, LUYTRE_LANG_EN, small, sizeof(small)), LUYTRE_E_FULL);
	assert_int_equal(engine_explain(kit.engine, 1, LUYTRE_LANG_EN, text, sizeof(text)), LUYTRE_E_NOT_FOUND);
	kit_done(&kit);
}

static void memory_is_bounded_and_blocks_are_kept(void **state)
{
	struct engine_limits limits;
	struct engine_stats stats;
	struct kit kit;
	char addr[32];

	kit_limits(&limits);
	limits.records_max = 100;
	limits.evidence_max = 300;
	kit_init_with(&kit, &limits, 3, NULL);
	for (int i = 0; i < 20; i++) {
		snprintf(addr, sizeof(addr), "203.0.113.%d", i);
		for (uint32_t tenant = 1; tenant <= 3; tenant++)
			kit_report(&kit, tenant, addr, EV_E3);
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(addr, sizeof(addr), "10.0.%d.%d", i / 200, i % 200);
		kit_report(&kit, 1, addr, EV_E1); /* at most watched */
	}
	engine_stats(kit.engine, &stats);
	assert_true(stats.records <= 100 && stats.evidence <= 300);
	assert_int_equal(stats.live[DECIDE_LONG], 20);
	assert_true(stats.evicted > 4000);
	kit_done(&kit);
}

struct follower {
	size_t adds, changes, deletes;
	uint64_t seq;
};

static void follow(void *context, const struct engine_change *change)
{
	struct follower *follower = context;

	if (change->op == ENGINE_ADD)
		follower->adds++;
	else if (change->op == ENGINE_CHANGE)
		follower->changes++;
	else
		follower->deletes++;
	if (follower->seq != 0)
		assert_int_equal(change->seq, follower->seq + 1);
	follower->seq = change->seq;
}

static void count_one(void *context, const struct engine_change *change)
{
	++*(size_t *)context;
}

static void consumers_follow_or_start_again(void **state)
{
	struct follower follower = { 0 };
	struct engine_limits limits;
	uint64_t epoch, seq, at = 0;
	size_t live = 0;
	struct kit kit;
	char addr[32];

	kit_limits(&limits);
	limits.changes_max = 64;
	kit_init_with(&kit, &limits, 3, NULL);
	for (int i = 0; i < 20; i++) {
		snprintf(addr, sizeof(addr), "203.0.113.%d", i);
		kit_report(&kit, 1, addr, EV_E3);
		kit_report(&kit, 2, addr, EV_E3);
		engine_position(kit.engine, &epoch, &seq);
		while (at < seq)
			assert_int_equal(engine_changes(kit.engine, epoch, at, 1, follow, &follower, &at), 0);
	}
	assert_true(follower.adds == 20 && follower.changes == 20 && follower.deletes == 0);
	engine_each(kit.engine, count_one, &live);
	assert_int_equal(live, 20);
	kit_advance(&kit, DAY);
	assert_int_equal(engine_changes(kit.engine, epoch, at, 1000, follow, &follower, &at), 0);
	assert_int_equal(follower.deletes, 20);
	/* 60 changes so far: all of the ring's 64 can still be had; after 20 more the first are gone. */
	assert_int_equal(engine_changes(kit.engine, epoch, 0, 1000, count_one, &live, &at), 0);
	for (int i = 0; i < 20; i++) {
		snprintf(addr, sizeof(addr), "198.51.100.%d", i);
		kit_report(&kit, 3, addr, EV_E3);
	}
	assert_int_equal(engine_changes(kit.engine, epoch, 0, 1000, count_one, &live, &at), LUYTRE_E_CONFLICT);
	engine_position(kit.engine, &epoch, &seq);
	assert_int_equal(engine_changes(kit.engine, epoch, seq + 1, 1, count_one, &live, &at), LUYTRE_E_CONFLICT);
	assert_int_equal(engine_changes(kit.engine, epoch, seq - 64, 1000, count_one, &live, &at), 0);
	kit_done(&kit);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_trusted_witness_blocks_for_two_minutes),
		cmocka_unit_test(a_second_group_makes_a_block_and_a_third_a_long_one),
		cmocka_unit_test(spoofable_evidence_decides_nothing),
		cmocka_unit_test(tenants_of_one_owner_count_once),
		cmocka_unit_test(accounts_without_standing_make_no_quorum),
		cmocka_unit_test(shared_addresses_need_more_belief),
		cmocka_unit_test(learned_users_count_as_well),
		cmocka_unit_test(allow_lists_and_decoys_are_never_blocked),
		cmocka_unit_test(lifetimes_double_for_repeat_offenders),
		cmocka_unit_test(sightings_of_another_group_start_the_life_anew),
		cmocka_unit_test(hits_elsewhere_keep_a_provisional_block),
		cmocka_unit_test(budgets_bound_what_one_tenant_can_do),
		cmocka_unit_test(two_who_agree_alone_hold_few),
		cmocka_unit_test(vetoes_weigh_against_reports),
		cmocka_unit_test(appeals_teach_and_spare),
		cmocka_unit_test(a_person_who_confirms_vouches),
		cmocka_unit_test(reading_our_list_earns_no_trust),
		cmocka_unit_test(ipv6_is_blocked_by_64_and_lifted_to_its_parents),
		cmocka_unit_test(ipv4_networks_need_a_person),
		cmocka_unit_test(orders_have_bounds),
		cmocka_unit_test(wide_changes_are_refused),
		cmocka_unit_test(too_many_new_decisions_stop_the_engine),
		cmocka_unit_test(undo_all_begins_a_new_epoch),
		cmocka_unit_test(bad_reports_are_refused),
		cmocka_unit_test(fingerprints_are_never_blocked_and_campaigns_need_no_rule),
		cmocka_unit_test(each_decision_explains_itself),
		cmocka_unit_test(memory_is_bounded_and_blocks_are_kept),
		cmocka_unit_test(consumers_follow_or_start_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
