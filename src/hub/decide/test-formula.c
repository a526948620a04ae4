// SPDX-License-Identifier: Apache-2.0
#include "hub/decide/formula.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/compiler.h"
#include "hub/events/event.h"

#define DAY 86400.0

/* To as many digits as the reference prints. */
#define assert_printed(value, format, text)                                                                            \
	do {                                                                                                           \
		char printed_[64];                                                                                     \
                                                                                                                       \
		snprintf(printed_, sizeof(printed_), format, value);                                                   \
		assert_string_equal(printed_, text);                                                                   \
	} while (0)

static void trust_is_the_wilson_lower_bound(void **state)
{
	static const struct {
		double confirmed, refuted;
		const char *bound;
	} rows[] = { { 1, 0, "0.2065" }, { 3, 0, "0.4385" }, { 9, 1, "0.5958" }, { 50, 0, "0.9286" },
		{ 50, 5, "0.8042" }, { 200, 2, "0.9646" }, { 5, 5, "0.2366" }, { 0, 5, "0.0000" }, { 0, 0, "0.0000" } };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_printed(formula_wilson(rows[i].confirmed, rows[i].refuted), "%.4f", rows[i].bound);
}

static void scores_age_by_the_polynomial(void **state)
{
	static const struct {
		double age_s, delta;
		const char *scores[6];
		const char *days_until_30;
	} rows[] = {
		{ 120 * DAY, 2, { "80.000", "54.702", "40.000", "23.431", "10.718", "0.000" }, "46.8750" },
		{ 3 * DAY, 2.3, { "80.000", "50.603", "36.215", "20.816", "9.406", "0.000" }, "1.0178" },
	};
	static const double parts[] = { 0, 0.1, 0.25, 0.5, 0.75, 1 };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		for (size_t j = 0; j < ARRAY_COUNT(parts); j++)
			assert_printed(80 * formula_age(parts[j] * rows[i].age_s, rows[i].age_s, rows[i].delta), "%.3f",
				rows[i].scores[j]);
		assert_printed(
			formula_age_until(80, 30, rows[i].age_s, rows[i].delta) / DAY, "%.4f", rows[i].days_until_30);
	}
	assert_true(formula_age(-5, DAY, 2) == 1 && formula_age(2 * DAY, DAY, 2) == 0);
	assert_true(formula_age_until(20, 30, DAY, 2) == 0 && formula_age_until(20, 0, DAY, 2) == DAY);
}

static void belief_joins_the_groups(void **state)
{
	static const struct {
		size_t count;
		double weights[5];
		const char *belief;
	} rows[] = { { 1, { 0.2 }, "0.1800" }, { 1, { 0.95 }, "0.8550" }, { 2, { 0.6, 0.6 }, "0.7884" },
		{ 3, { 0.6, 0.6, 0.6 }, "0.9027" }, { 3, { 0.2, 0.2, 0.2 }, "0.4486" },
		{ 5, { 0.2, 0.2, 0.2, 0.2, 0.2 }, "0.6293" }, { 2, { 0.8, 0.5 }, "0.8460" }, { 0, { 0 }, "0.0000" } };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_printed(formula_belief(rows[i].weights, rows[i].count), "%.4f", rows[i].belief);
}

static void harm_bound_grows_with_the_users(void **state)
{
	static const struct {
		double users;
		const char *bound;
	} rows[] = { { 1, "0.500" }, { 3, "0.750" }, { 10, "0.909" }, { 100, "0.990" }, { 1000, "0.999" } };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_printed(formula_harm_bound(rows[i].users), "%.3f", rows[i].bound);
}

static void evidence_weighs_by_class(void **state)
{
	assert_true(formula_evidence(EV_E0) == 0 && formula_evidence(EV_E1) == 0.4);
	assert_true(formula_evidence(EV_E2) == 0.7 && formula_evidence(EV_E3) == 1);
	assert_true(formula_evidence(200) == 0);
}

/* The worked examples of the reference, which start from trust as it is printed. */
static void worked_examples_hold(void **state)
{
	double strong = formula_weight(0.9286, formula_evidence(EV_E3), 0.95, 1);
	double ordinary = formula_weight(0.5958, formula_evidence(EV_E2), 0.95, 1);
	double four[4] = { ordinary, ordinary, ordinary, ordinary };
	struct formula_case in = { .belief = formula_belief(&strong, 1),
		.groups = 1,
		.users = 1,
		.proven = true,
		.trust = 0.9286,
		.precision = 0.95 };

	assert_printed(strong, "%.4f", "0.8822");
	assert_printed(in.belief, "%.4f", "0.7940");
	assert_int_equal(formula_level(&in), DECIDE_PROVISIONAL);
	in.users = 10;
	assert_int_equal(formula_level(&in), DECIDE_CHALLENGE);

	assert_printed(ordinary, "%.4f", "0.3962");
	in = (struct formula_case){ .belief = formula_belief(four, 2), .groups = 2, .users = 1 };
	assert_printed(in.belief, "%.4f", "0.5860");
	assert_int_equal(formula_level(&in), DECIDE_CHALLENGE);
	in = (struct formula_case){ .belief = formula_belief(four, 4), .groups = 4, .users = 1 };
	assert_printed(in.belief, "%.4f", "0.8286");
	assert_int_equal(formula_level(&in), DECIDE_BLOCK);
}

static void levels_need_witnesses_and_belief(void **state)
{
	static const struct {
		struct formula_case in;
		enum decide_level level;
	} rows[] = {
		{ { .belief = 0.29, .groups = 1, .users = 1 }, DECIDE_NONE },
		{ { .belief = 0.30, .groups = 1, .users = 1 }, DECIDE_WATCH },
		{ { .belief = 0.50, .groups = 1, .users = 1 }, DECIDE_CHALLENGE },
		{ { .belief = 0.60, .groups = 1, .users = 1, .proven = true, .trust = 0.7, .precision = 0.9 },
			DECIDE_PROVISIONAL },
		{ { .belief = 0.60, .groups = 1, .users = 1, .proven = false, .trust = 0.7, .precision = 0.9 },
			DECIDE_CHALLENGE },
		{ { .belief = 0.60, .groups = 1, .users = 1, .proven = true, .trust = 0.69, .precision = 0.9 },
			DECIDE_CHALLENGE },
		{ { .belief = 0.60, .groups = 1, .users = 1, .proven = true, .trust = 0.7, .precision = 0.89 },
			DECIDE_CHALLENGE },
		{ { .belief = 0.99, .groups = 1, .users = 1 }, DECIDE_CHALLENGE },
		{ { .belief = 0.75, .groups = 2, .users = 1 }, DECIDE_BLOCK },
		{ { .belief = 0.75, .groups = 2, .users = 4 }, DECIDE_CHALLENGE },
		{ { .belief = 0.80, .groups = 2, .users = 4 }, DECIDE_BLOCK },
		{ { .belief = 0.95, .groups = 2, .users = 8 }, DECIDE_CHALLENGE },
		{ { .belief = 0.95, .groups = 3, .users = 8 }, DECIDE_LONG },
		{ { .belief = 0.89, .groups = 3, .users = 8 }, DECIDE_BLOCK },
		{ { .belief = 0.89, .groups = 3, .users = 1 }, DECIDE_BLOCK },
		{ { .belief = 0.90, .groups = 3, .users = 1 }, DECIDE_LONG },
		{ { .belief = 0.998, .groups = 9, .users = 1000 }, DECIDE_CHALLENGE },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(formula_level(&rows[i].in), rows[i].level);
}

static void lifetimes_double_up_to_a_ceiling(void **state)
{
	static const struct {
		enum decide_class class;
		unsigned int times;
		uint32_t lifetime_s;
	} rows[] = { { DECIDE_LOGIN, 0, 3600 }, { DECIDE_LOGIN, 1, 3600 }, { DECIDE_SCAN, 3, 14400 },
		{ DECIDE_SCAN, 6, 86400 }, { DECIDE_WEB, 1, 14400 }, { DECIDE_WEB, 60000, 604800 },
		{ DECIDE_DDOS, 1, 900 }, { DECIDE_DDOS, 4, 7200 }, { DECIDE_RESIDENTIAL, 9, 21600 },
		{ DECIDE_C2, 1, 86400 }, { DECIDE_C2, 6, 2592000 }, { DECIDE_PHISHING, 5, 1209600 } };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(formula_lifetime_s(rows[i].class, rows[i].times), rows[i].lifetime_s);
	assert_ptr_equal(formula_class((enum decide_class)99), formula_class(DECIDE_SCAN));
	assert_string_equal(decide_level_name(DECIDE_LONG), "long");
	assert_string_equal(decide_level_name((enum decide_level)99), "none");
}

/* Whatever the numbers: bounds are kept, more evidence never lowers the belief, age never raises it. */
static void properties_hold_over_a_grid(void **state)
{
	for (int s = 0; s <= 100; s += 4) {
		for (int f = 0; f <= 100; f += 4) {
			double w = formula_wilson(s, f);

			assert_true(w >= 0 && w < 1);
			assert_true(formula_wilson(s + 1, f) >= w);
			assert_true(formula_wilson(s, f + 1) <= w + 1e-12);
		}
	}
	for (int i = 0; i <= 20; i++) {
		double m = i / 20.0, pair[2] = { m, m / 2 };

		assert_true(formula_belief(pair, 2) >= formula_belief(pair, 1));
		assert_true(formula_belief(pair, 2) < 1);
		for (int t = 0; t < 100; t += 7)
			assert_true(formula_age(t + 7, 90, 1 + m) <= formula_age(t, 90, 1 + m));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(trust_is_the_wilson_lower_bound),
		cmocka_unit_test(scores_age_by_the_polynomial),
		cmocka_unit_test(belief_joins_the_groups),
		cmocka_unit_test(harm_bound_grows_with_the_users),
		cmocka_unit_test(evidence_weighs_by_class),
		cmocka_unit_test(worked_examples_hold),
		cmocka_unit_test(levels_need_witnesses_and_belief),
		cmocka_unit_test(lifetimes_double_up_to_a_ceiling),
		cmocka_unit_test(properties_hold_over_a_grid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
