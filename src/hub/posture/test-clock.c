// SPDX-License-Identifier: Apache-2.0
/* All rows of the tree as the directive prints them, tightening, ceilings, and what vectors say. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "hub/posture/clock.h"

enum { START_DAY = 20000 };

/* The published table, typed from it and not from the program: "no next" is 0 days. */
static const struct row {
	bool kev, exposed, automatable, total;
	int days;
	bool forensic;
	int tight_days; /* one step less */
} rows[16] = {
	{ 0, 0, 0, 0, 0, 0, 60 },
	{ 0, 0, 0, 1, 0, 0, 60 },
	{ 0, 0, 1, 0, 60, 0, 14 },
	{ 0, 0, 1, 1, 60, 0, 14 },
	{ 0, 1, 0, 0, 60, 0, 14 },
	{ 0, 1, 0, 1, 14, 0, 3 },
	{ 0, 1, 1, 0, 14, 0, 3 },
	{ 0, 1, 1, 1, 3, 0, 3 },
	{ 1, 0, 0, 0, 14, 0, 3 },
	{ 1, 0, 0, 1, 14, 0, 3 },
	{ 1, 0, 1, 0, 14, 0, 3 },
	{ 1, 0, 1, 1, 3, 1, 3 },
	{ 1, 1, 0, 0, 14, 0, 3 },
	{ 1, 1, 0, 1, 3, 1, 3 },
	{ 1, 1, 1, 0, 3, 0, 3 },
	{ 1, 1, 1, 1, 3, 1, 3 },
};

static int64_t after(int days)
{
	return days ? (START_DAY + days) * CLOCK_DAY_US : CLOCK_NO_DATE_US;
}

static void test_tree(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct row *row = &rows[i];

		for (uint8_t level = 1; level <= 5; level++) {
			const struct clock_input input = { row->kev, row->exposed, row->automatable, row->total, level,
				START_DAY * CLOCK_DAY_US, 0 };
			const struct clock_answer answer = clock_of(&input);
			int days = level >= 4 ? row->tight_days : row->days;

			assert_int_equal(answer.due_us, after(days));
			assert_int_equal(clock_steps[answer.step].days, days);
			assert_int_equal(answer.forensic, row->forensic);
		}
	}
}

static void test_set_date(void **state)
{
	struct clock_input input = { .level = 3, .start_us = START_DAY * CLOCK_DAY_US };

	input.set_us = after(1);
	assert_int_equal(clock_of(&input).due_us, after(1)); /* an upgrade gets a date */
	input.kev = input.exposed = input.automatable = input.total = true;
	assert_int_equal(clock_of(&input).due_us, after(1));
	input.set_us = after(30);
	assert_int_equal(clock_of(&input).due_us, after(3)); /* nothing is put off */
}

static void test_vectors(void **state)
{
	static const struct {
		const char *vector;
		bool known, automatable, total;
	} cases[] = {
		{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", true, true, true },
		{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:H/I:H/A:H", true, false, true },
		{ "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:H/A:N", true, true, false },
		{ "CVSS:3.1/AV:A/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", true, false, true },
		{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", true, true, true },
		{ "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:H/VA:N/SC:H/SI:H/SA:H", true, false, false },
		{ "AV:N/AC:L/Au:N/C:C/I:C/A:C", true, true, true },
		{ "AV:N/AC:L/Au:S/C:P/I:P/A:P", true, false, false },
		{ "", false, false, false },
		{ "critical", false, false, false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		bool automatable = false, total = false;

		assert_int_equal(
			clock_of_vector(bytes_from_str(cases[i].vector), &automatable, &total), cases[i].known);
		assert_int_equal(automatable, cases[i].automatable);
		assert_int_equal(total, cases[i].total);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_tree), cmocka_unit_test(test_set_date),
		cmocka_unit_test(test_vectors) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
