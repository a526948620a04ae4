// SPDX-License-Identifier: Apache-2.0
#include "base/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/compiler.h"

static void known_days(void **state)
{
	static const struct {
		int year, month, day;
		int64_t days;
	} rows[] = {
		{ 1970, 1, 1, 0 }, { 1970, 3, 1, 59 }, { 1969, 12, 31, -1 }, { 2000, 2, 29, 11016 },
		{ 2000, 3, 1, 11017 }, { 1900, 3, 1, -25508 }, /* 1900 had no leap day */
		{ 2026, 11, 22, 20779 }, { 0, 1, 1, -719528 }, { 9999, 12, 31, 2932896 },
		{ 2026, 2, 29, 20513 }, /* the first of March */
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (date_days(rows[i].year, rows[i].month, rows[i].day) != rows[i].days)
			fail_msg("%d-%d-%d", rows[i].year, rows[i].month, rows[i].day);
}

static void each_day_is_one_more(void **state)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t expected = date_days(1583, 1, 1);

	for (int year = 1583; year < 2500; year++)
		for (int month = 1; month <= 12; month++) {
			bool leap = month == 2 && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0);

			for (int day = 1; day <= lengths[month - 1] + leap; day++)
				assert_int_equal(date_days(year, month, day), expected++);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(known_days), cmocka_unit_test(each_day_is_one_more) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
