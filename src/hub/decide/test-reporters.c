// SPDX-License-Identifier: Apache-2.0
#include "hub/decide/reporters.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "hub/decide/formula.h"
#include "hub/decide/pace.h"

#define DAY   (INT64_C(86400) * 1000000)
#define START (INT64_C(1790000000) * 1000000)

static struct reporters *start(uint32_t tenants, enum reporter_enrolment enrolment)
{
	const struct reporters_limits limits = { .tenants_max = 100,
		.rules_max = 100,
		.pairs_max = 1000,
		.blocks_per_minute = 30,
		.blocks_per_day = 500,
		.challenges_per_minute = 3,
		.challenges_per_day = 5,
		.alone_max = 2 };
	const struct reporter_attributes attributes = { .enrolment = (uint8_t)enrolment };
	const struct siphash_key key = { 1, 2 };
	struct reporters *reporters = reporters_new(&limits, key, NULL, NULL);

	assert_non_null(reporters);
	for (uint32_t tenant = 1; tenant <= tenants; tenant++)
		assert_int_equal(reporters_set(reporters, tenant, &attributes), 0);
	return reporters;
}

static bool close_to(double left, double right)
{
	return fabs(left - right) < 1e-9;
}

static void enrolment_gives_the_first_counts(void **state)
{
	static const struct {
		enum reporter_enrolment enrolment;
		double confirmed, refuted;
	} rows[] = { { REPORTER_SELF, 1, 0 }, { REPORTER_VERIFIED, 9, 1 }, { REPORTER_VETTED, 50, 0 } };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct reporters *reporters = start(1, rows[i].enrolment);

		assert_true(close_to(
			reporters_trust(reporters, START, 1), formula_wilson(rows[i].confirmed, rows[i].refuted)));
		/* What enrolment gave does not fade. */
		assert_true(close_to(reporters_trust(reporters, START + 900 * DAY, 1),
			formula_wilson(rows[i].confirmed, rows[i].refuted)));
		assert_true(close_to(reporters_trust(reporters, START, 2), 0));
		reporters_free(reporters);
	}
}

static void earned_counts_halve_in_90_days(void **state)
{
	struct reporters *reporters = start(2, REPORTER_VERIFIED);

	for (int i = 0; i < 8; i++)
		reporters_refute(reporters, START, 1, 0, 0, 1);
	assert_true(close_to(reporters_trust(reporters, START, 1), formula_wilson(9, 9)));
	assert_true(close_to(reporters_trust(reporters, START + 90 * DAY, 1), formula_wilson(9, 5)));
	assert_true(close_to(reporters_trust(reporters, START + 180 * DAY, 1), formula_wilson(9, 3)));
	reporters_confirm(reporters, START + 90 * DAY, 1, 0, 0, 1);
	assert_true(close_to(reporters_trust(reporters, START + 90 * DAY, 1), formula_wilson(10, 5)));
	reporters_free(reporters);
}

static void the_same_witness_is_worth_less_each_time(void **state)
{
	struct reporters *reporters = start(10, REPORTER_SELF);

	for (int i = 0; i < 3; i++)
		reporters_confirm(reporters, START, 1, 0, 2, 1);
	assert_true(close_to(reporters_trust(reporters, START, 1), formula_wilson(1 + 1 + 0.5 + 1.0 / 3, 0)));
	for (uint32_t witness = 4; witness < 7; witness++)
		reporters_confirm(reporters, START, 3, 0, witness, 1);
	assert_true(close_to(reporters_trust(reporters, START, 3), formula_wilson(4, 0)));
	/* A thousand mutual confirmations of two who enrolled themselves do not make them trusted. */
	for (int i = 0; i < 1000; i++) {
		reporters_confirm(reporters, START, 8, 0, 9, reporters_trust(reporters, START, 9));
		reporters_confirm(reporters, START, 9, 0, 8, reporters_trust(reporters, START, 8));
	}
	assert_true(reporters_trust(reporters, START, 8) < 0.7);
	reporters_free(reporters);
}

static void rules_learn_from_all_tenants(void **state)
{
	struct reporters *reporters = start(10, REPORTER_VETTED);

	assert_true(close_to(reporters_precision(reporters, START, 5), formula_wilson(9, 1)));
	assert_int_equal(reporters_rule_set(reporters, 5, 200, 2), 0);
	assert_true(close_to(reporters_precision(reporters, START, 5), formula_wilson(200, 2)));
	reporters_refute(reporters, START, 1, 5, 2, 1);
	reporters_refute(reporters, START, 3, 5, 4, 1);
	assert_true(close_to(reporters_precision(reporters, START, 5), formula_wilson(200, 4)));
	/* One tenant that abuses a rule does not ruin it for all. */
	for (int i = 0; i < 100; i++)
		reporters_refute(reporters, START, 1, 5, 0, 1);
	assert_true(reporters_precision(reporters, START, 5) > 0.9);
	assert_int_equal(reporters_rule_set(reporters, 5, -1, 2), LUYTRE_E_INVALID);
	assert_int_equal(reporters_rule_set(reporters, 5, NAN, 2), LUYTRE_E_INVALID);
	reporters_free(reporters);
}

static void common_owners_make_groups(void **state)
{
	struct reporters *reporters = start(8, REPORTER_VETTED);
	struct reporter_attributes attributes = { .enrolment = REPORTER_VETTED, .owner = 60 };

	for (uint32_t tenant = 1; tenant <= 2; tenant++)
		assert_int_equal(reporters_set(reporters, tenant, &attributes), 0);
	attributes = (struct reporter_attributes){ .enrolment = REPORTER_VETTED, .operator= 2 };
	assert_int_equal(reporters_set(reporters, 3, &attributes), 0);
	attributes = (struct reporter_attributes){ .enrolment = REPORTER_VETTED, .upstream = 60 };
	assert_int_equal(reporters_set(reporters, 4, &attributes), 0);
	for (uint32_t tenant = 2; tenant <= 4; tenant++)
		assert_int_equal(reporters_group(reporters, tenant), reporters_group(reporters, 1));
	assert_int_not_equal(reporters_group(reporters, 5), reporters_group(reporters, 1));
	assert_false(reporters_known(reporters, 60)); /* a name above others, not enrolled itself */
	/* Live counts are those of the group, and move with it. */
	reporters_alone_add(reporters, 1, 1);
	reporters_alone_add(reporters, 3, 1);
	assert_false(reporters_alone_room(reporters, 4));
	attributes = (struct reporter_attributes){ .enrolment = REPORTER_VETTED };
	assert_int_equal(reporters_set(reporters, 3, &attributes), 0);
	assert_int_equal(reporters_alone(reporters, 4), 1);
	assert_int_equal(reporters_alone(reporters, 3), 1);
	reporters_free(reporters);
}

static void count_frame(void *context, struct bytes frame)
{
	++*(size_t *)context;
}

/* All tenants are told of whenever one has changed: the journal hears of that one. */
static void the_same_again_changes_nothing(void **state)
{
	const struct reporters_limits limits = { .tenants_max = 100, .rules_max = 100, .pairs_max = 1000 };
	struct reporter_attributes attributes = { .enrolment = REPORTER_SELF };
	const struct siphash_key key = { 1, 2 };
	size_t frames = 0;
	struct reporters *reporters = reporters_new(&limits, key, count_frame, &frames);

	assert_non_null(reporters);
	for (int round = 0; round < 3; round++)
		for (uint32_t tenant = 1; tenant <= 10; tenant++)
			assert_int_equal(reporters_set(reporters, tenant, &attributes), 0);
	assert_int_equal(frames, 10);
	attributes.upstream = 3;
	assert_int_equal(reporters_set(reporters, 7, &attributes), 0);
	assert_int_equal(frames, 11);
	assert_int_equal(reporters_group(reporters, 7), reporters_group(reporters, 3));
	attributes = (struct reporter_attributes){ .enrolment = REPORTER_SELF, .decoy = true };
	assert_int_equal(reporters_set(reporters, 8, &attributes), 0);
	assert_int_equal(frames, 12);
	reporters_free(reporters);
}

static void budgets_run_out_and_come_back(void **state)
{
	struct reporters *reporters = start(1, REPORTER_VETTED);
	struct reporters_stats stats;
	int64_t now_us = START;

	for (int i = 0; i < 3; i++)
		assert_true(reporters_take_challenge(reporters, now_us, 1));
	assert_false(reporters_take_challenge(reporters, now_us, 1));
	now_us += 60 * 1000000;
	assert_true(reporters_take_challenge(reporters, now_us, 1));
	assert_true(reporters_take_challenge(reporters, now_us, 1));
	assert_false(reporters_take_challenge(reporters, now_us + 60 * 1000000, 1)); /* five a day */
	assert_true(reporters_take_challenge(reporters, now_us + 2 * DAY, 1));
	assert_false(reporters_take_challenge(reporters, now_us, 99));
	reporters_stats(reporters, &stats);
	assert_int_equal(stats.budget_refused, 2);
	reporters_free(reporters);
}

static void tables_have_ceilings(void **state)
{
	struct reporters *reporters = start(100, REPORTER_VETTED);
	const struct reporter_attributes attributes = { .enrolment = REPORTER_VETTED };
	struct reporters_stats stats;

	assert_int_equal(reporters_set(reporters, 101, &attributes), LUYTRE_E_FULL);
	assert_int_equal(reporters_set(reporters, 0, &attributes), LUYTRE_E_INVALID);
	for (uint64_t rule = 1; rule <= 200; rule++)
		assert_int_equal(reporters_rule_set(reporters, rule, 1, 1), rule <= 100 ? 0 : LUYTRE_E_FULL);
	for (uint32_t i = 0; i < 5000; i++)
		reporters_confirm(reporters, START, 1 + i % 100, 0, 1 + i / 50, 1);
	reporters_stats(reporters, &stats);
	assert_true(stats.tenants == 100 && stats.rules == 100 && stats.pairs == 1000);
	reporters_free(reporters);
	reporters_free(NULL);
}

static void the_pace_is_the_median_of_a_week(void **state)
{
	static struct pace pace;

	for (int64_t minute = 1000000; minute < 1000000 + 59; minute++) {
		pace_tick(&pace, minute);
		pace_add(&pace);
	}
	assert_int_equal(pace_median(&pace), 0); /* not yet an hour */
	for (int64_t minute = 1000059; minute < 1000000 + 3 * PACE_MINUTES; minute++) {
		pace_tick(&pace, minute);
		for (int i = 0; i < (minute % 10 == 0 ? 1000 : 7); i++)
			pace_add(&pace);
	}
	assert_int_equal(pace_median(&pace), 7);
	pace_tick(&pace, 5); /* the clock went back */
	assert_int_equal(pace.minute, 1000000 + 3 * PACE_MINUTES - 1);
	pace_tick(&pace, pace.minute + 2 * PACE_MINUTES); /* and far ahead */
	assert_int_equal(pace_median(&pace), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(enrolment_gives_the_first_counts),
		cmocka_unit_test(earned_counts_halve_in_90_days),
		cmocka_unit_test(the_same_witness_is_worth_less_each_time),
		cmocka_unit_test(rules_learn_from_all_tenants),
		cmocka_unit_test(common_owners_make_groups),
		cmocka_unit_test(the_same_again_changes_nothing),
		cmocka_unit_test(budgets_run_out_and_come_back),
		cmocka_unit_test(tables_have_ceilings),
		cmocka_unit_test(the_pace_is_the_median_of_a_week),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
