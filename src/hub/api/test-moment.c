// SPDX-License-Identifier: Apache-2.0
#include "hub/api/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/error.h"

static const struct {
	const char *text;
	int error;
	int64_t us;
	const char *again; /* as it is written; null: the same */
} rows[] = {
	{ "1970-01-01T00:00:00.000000Z", 0, 0, NULL },
	{ "1969-12-31T23:59:59.999999Z", 0, -1, NULL },
	{ "2026-11-22T08:00:00.000001Z", 0, INT64_C(1795334400000001), NULL },
	{ "2026-11-22T15:00:00+07:00", 0, INT64_C(1795334400000000), "2026-11-22T08:00:00.000000Z" },
	{ "2026-11-22t08:00:00z", 0, INT64_C(1795334400000000), "2026-11-22T08:00:00.000000Z" },
	{ "2024-02-29T00:00:00.5Z", 0, INT64_C(1709164800500000), "2024-02-29T00:00:00.500000Z" },
	{ "2000-02-29T00:00:00.123456789Z", 0, INT64_C(951782400123456), "2000-02-29T00:00:00.123456Z" },
	{ "2016-12-31T23:59:60Z", 0, INT64_C(1483228800000000), "2017-01-01T00:00:00.000000Z" },
	{ "0000-01-01T00:00:00.000000Z", 0, INT64_C(-62167219200000000), NULL },
	{ "9999-12-31T23:59:59.999999Z", 0, INT64_C(253402300799999999), NULL },
	{ "9999-12-31T23:59:59-01:00", LUYTRE_E_RANGE, 0, NULL },
	{ "2023-02-29T00:00:00Z", LUYTRE_E_RANGE, 0, NULL },
	{ "1900-02-29T00:00:00Z", LUYTRE_E_RANGE, 0, NULL },
	{ "2026-13-01T00:00:00Z", LUYTRE_E_RANGE, 0, NULL },
	{ "2026-04-31T00:00:00Z", LUYTRE_E_RANGE, 0, NULL },
	{ "2026-01-01T24:00:00Z", LUYTRE_E_RANGE, 0, NULL },
	{ "2026-01-01T00:00:00", LUYTRE_E_SYNTAX, 0, NULL },
	{ "2026-01-01T00:00:00.Z", LUYTRE_E_SYNTAX, 0, NULL },
	{ "2026-01-01T00:00:00.1234567890Z", LUYTRE_E_SYNTAX, 0, NULL },
	{ "2026-01-01 00:00:00Z", LUYTRE_E_SYNTAX, 0, NULL },
	{ "2026-01-01T00:00:00+0700", LUYTRE_E_SYNTAX, 0, NULL },
	{ "2026-01-01T00:00:00+24:00", LUYTRE_E_SYNTAX, 0, NULL },
	{ "2026-01-01T00:00:00ZZ", LUYTRE_E_SYNTAX, 0, NULL },
	{ "2026\r01-01T00:00:00Z", LUYTRE_E_SYNTAX, 0, NULL },
	{ "", LUYTRE_E_SYNTAX, 0, NULL },
};

static void test_rows(void **state)
{
	char text[MOMENT_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		int64_t us = 0;
		int error = moment_parse(bytes_from_str(rows[i].text), &us);

		if (error != rows[i].error || (error == 0 && us != rows[i].us))
			fail_msg("%s: %s %lld", rows[i].text, error_name(error), (long long)us);
		if (error == 0)
			assert_string_equal(moment_format(us, text), rows[i].again ? rows[i].again : rows[i].text);
	}
	assert_string_equal(moment_format(INT64_MIN, text), "0000-01-01T00:00:00.000000Z");
	assert_string_equal(moment_format(INT64_MAX, text), "9999-12-31T23:59:59.999999Z");
}

/* Every day of two leap cycles reads back as it was written. */
static void test_days(void **state)
{
	char text[MOMENT_TEXT_SIZE];

	for (int64_t day = -200000; day < 200000; day += 7) {
		int64_t us = day * 86400 * INT64_C(1000000) + 43200000001, again;

		assert_int_equal(moment_parse(bytes_from_str(moment_format(us, text)), &again), 0);
		assert_true(us == again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_days) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
