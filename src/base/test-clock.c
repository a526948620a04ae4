// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/compiler.h"

static void since_never_goes_below_zero(void **state)
{
	static const struct {
		uint64_t now_ns, then_ns, since_ns;
	} rows[] = {
		{ 0, 0, 0 },
		{ 5, 3, 2 },
		{ 3, 5, 0 },
		{ UINT64_MAX, 0, UINT64_MAX },
		{ 0, UINT64_MAX, 0 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(clock_since_ns(rows[i].now_ns, rows[i].then_ns), rows[i].since_ns);
}

static void real_time_of_moments_around_now(void **state)
{
	struct clock now = { .mono_ns = 10 * NS_PER_S, .real_ns = 1000 * NS_PER_S };

	assert_int_equal(clock_real_of_mono(now, 10 * NS_PER_S), 1000 * NS_PER_S);
	assert_int_equal(clock_real_of_mono(now, 7 * NS_PER_S), 997 * NS_PER_S);
	assert_int_equal(clock_real_of_mono(now, 12 * NS_PER_S), 1002 * NS_PER_S);
}

static void the_clocks_of_the_system_are_sane(void **state)
{
	uint64_t first_ns = clock_mono_ns();
	struct clock now = clock_now();

	assert_true(now.mono_ns >= first_ns);
	/* Boot time counts sleep as well, so it is never behind. */
	assert_true(clock_boot_ns() >= first_ns);
	/* Later than 2020: seconds were not taken for nanoseconds. */
	assert_true(now.real_ns > UINT64_C(1577836800) * NS_PER_S);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(since_never_goes_below_zero),
		cmocka_unit_test(real_time_of_moments_around_now),
		cmocka_unit_test(the_clocks_of_the_system_are_sane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
