// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/error.h"

static int parse_pps(struct bytes text, uint64_t *ret)
{
	return units_parse_rate(text, "pps", ret);
}

typedef int (*parse_fn)(struct bytes text, uint64_t *ret);

static const struct {
	parse_fn parse;
	const char *text;
	uint64_t value;
} good_rows[] = {
	{ units_parse_duration, "0", 0 },
	{ units_parse_duration, "0s", 0 },
	{ units_parse_duration, "5ns", 5 },
	{ units_parse_duration, "20us", 20 * NS_PER_US },
	{ units_parse_duration, "1500ms", 1500 * NS_PER_MS },
	{ units_parse_duration, "10s", 10 * NS_PER_S },
	{ units_parse_duration, "3m", 180 * NS_PER_S },
	{ units_parse_duration, "2h", 7200 * NS_PER_S },
	{ units_parse_duration, "7d", 604800 * NS_PER_S },
	{ units_parse_duration, "007s", 7 * NS_PER_S },
	{ units_parse_duration, "18446744073709551615ns", UINT64_MAX },
	{ units_parse_size, "0", 0 },
	{ units_parse_size, "512", 512 },
	{ units_parse_size, "512B", 512 },
	{ units_parse_size, "64K", 65536 },
	{ units_parse_size, "1M", 1048576 },
	{ units_parse_size, "2G", UINT64_C(2147483648) },
	{ units_parse_size, "1T", UINT64_C(1099511627776) },
	{ units_parse_size, "18446744073709551615", UINT64_MAX },
	{ units_parse_size, "16777215T", UINT64_C(16777215) << 40 },
	{ units_parse_count, "250", 250 },
	{ units_parse_count, "10k", 10000 },
	{ units_parse_count, "10K", 10000 },
	{ units_parse_count, "1M", 1000000 },
	{ units_parse_count, "2G", 2000000000 },
	{ parse_pps, "0pps", 0 },
	{ parse_pps, "1000pps", 1000 },
	{ parse_pps, "10kpps", 10000 },
	{ parse_pps, "2Mpps", 2000000 },
};

static const struct {
	parse_fn parse;
	const char *text;
	int error;
} bad_rows[] = {
	{ units_parse_duration, "", LUYTRE_E_SYNTAX },
	{ units_parse_duration, "s", LUYTRE_E_SYNTAX },
	{ units_parse_duration, "-1s", LUYTRE_E_SYNTAX },
	{ units_parse_duration, "+1s", LUYTRE_E_SYNTAX },
	{ units_parse_duration, " 1s", LUYTRE_E_SYNTAX },
	{ units_parse_duration, "10", LUYTRE_E_UNIT },
	{ units_parse_duration, "00", LUYTRE_E_UNIT },
	{ units_parse_duration, "10 s", LUYTRE_E_UNIT },
	{ units_parse_duration, "10s ", LUYTRE_E_UNIT },
	{ units_parse_duration, "10S", LUYTRE_E_UNIT },
	{ units_parse_duration, "10sx", LUYTRE_E_UNIT },
	{ units_parse_duration, "1.5s", LUYTRE_E_UNIT },
	{ units_parse_duration, "1h30m", LUYTRE_E_UNIT },
	{ units_parse_duration, "18446744073709551616ns", LUYTRE_E_RANGE },
	{ units_parse_duration, "18446744074s", LUYTRE_E_RANGE },
	{ units_parse_duration, "99999999999999999999d", LUYTRE_E_RANGE },
	{ units_parse_size, "K", LUYTRE_E_SYNTAX },
	{ units_parse_size, "0x10", LUYTRE_E_UNIT },
	{ units_parse_size, "64k", LUYTRE_E_UNIT },
	{ units_parse_size, "64KB", LUYTRE_E_UNIT },
	{ units_parse_size, "16777216T", LUYTRE_E_RANGE },
	{ units_parse_count, "1m", LUYTRE_E_UNIT },
	{ units_parse_count, "1T", LUYTRE_E_UNIT },
	{ units_parse_count, "1,000", LUYTRE_E_UNIT },
	{ units_parse_count, "18446744073710M", LUYTRE_E_RANGE },
	{ parse_pps, "pps", LUYTRE_E_SYNTAX },
	{ parse_pps, "1000", LUYTRE_E_UNIT },
	{ parse_pps, "1000bps", LUYTRE_E_UNIT },
	{ parse_pps, "1000pp", LUYTRE_E_UNIT },
	{ parse_pps, "1000ppsx", LUYTRE_E_UNIT },
	{ parse_pps, "10xpps", LUYTRE_E_UNIT },
	{ parse_pps, "18446744073710Mpps", LUYTRE_E_RANGE },
};

static void good_texts_give_their_value(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(good_rows); i++) {
		uint64_t value = 99;

		assert_int_equal(good_rows[i].parse(bytes_from_str(good_rows[i].text), &value), 0);
		assert_int_equal(value, good_rows[i].value);
	}
}

static void bad_texts_are_refused_with_the_reason(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(bad_rows); i++) {
		uint64_t value = 99;

		assert_int_equal(bad_rows[i].parse(bytes_from_str(bad_rows[i].text), &value), bad_rows[i].error);
		assert_int_equal(value, 99);
	}
}

static void a_nul_inside_is_junk_as_well(void **state)
{
	uint64_t value;

	assert_int_equal(units_parse_duration(bytes_of("10s\0", 4), &value), LUYTRE_E_UNIT);
	assert_int_equal(units_parse_count(bytes_of("10\0", 3), &value), LUYTRE_E_UNIT);
	assert_int_equal(units_parse_size(bytes_of(NULL, 0), &value), LUYTRE_E_SYNTAX);
}

typedef const char *(*format_fn)(uint64_t value, char text[UNITS_TEXT_SIZE]);

static const struct {
	format_fn format;
	uint64_t value;
	const char *text;
	parse_fn parse; /* null: not meant to be read back */
} format_rows[] = {
	{ units_format_duration, 0, "0s", units_parse_duration },
	{ units_format_duration, 1, "1ns", units_parse_duration },
	{ units_format_duration, 1500 * NS_PER_MS, "1500ms", units_parse_duration },
	{ units_format_duration, 90 * NS_PER_S, "90s", units_parse_duration },
	{ units_format_duration, 120 * NS_PER_S, "2m", units_parse_duration },
	{ units_format_duration, 86400 * NS_PER_S, "1d", units_parse_duration },
	{ units_format_duration, UINT64_MAX, "18446744073709551615ns", units_parse_duration },
	{ units_format_size, 0, "0", units_parse_size },
	{ units_format_size, 1000, "1000", units_parse_size },
	{ units_format_size, 65536, "64K", units_parse_size },
	{ units_format_size, 1048576, "1M", units_parse_size },
	{ units_format_size, UINT64_MAX, "18446744073709551615", units_parse_size },
	{ units_format_count, 0, "0", units_parse_count },
	{ units_format_count, 1234, "1234", units_parse_count },
	{ units_format_count, 10000, "10k", units_parse_count },
	{ units_format_count, 1000000, "1M", units_parse_count },
	{ units_human_count, 0, "0", NULL },
	{ units_human_count, 999, "999", NULL },
	{ units_human_count, 1000, "1.0k", NULL },
	{ units_human_count, 1299, "1.2k", NULL },
	{ units_human_count, 999999, "999.9k", NULL },
	{ units_human_count, 1234567, "1.2M", NULL },
	{ units_human_count, UINT64_C(45000000000), "45.0G", NULL },
	{ units_human_count, UINT64_MAX, "18.4E", NULL },
	{ units_human_size, 0, "0B", NULL },
	{ units_human_size, 1023, "1023B", NULL },
	{ units_human_size, 1024, "1.0KiB", NULL },
	{ units_human_size, 1048575, "1023.9KiB", NULL },
	{ units_human_size, 1288490, "1.2MiB", NULL },
	{ units_human_size, UINT64_MAX, "15.9EiB", NULL },
};

static void numbers_are_written_and_read_back(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(format_rows); i++) {
		char text[UNITS_TEXT_SIZE];
		uint64_t value;

		assert_string_equal(format_rows[i].format(format_rows[i].value, text), format_rows[i].text);
		if (!format_rows[i].parse)
			continue;
		assert_int_equal(format_rows[i].parse(bytes_from_str(text), &value), 0);
		assert_int_equal(value, format_rows[i].value);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_texts_give_their_value),
		cmocka_unit_test(bad_texts_are_refused_with_the_reason),
		cmocka_unit_test(a_nul_inside_is_junk_as_well),
		cmocka_unit_test(numbers_are_written_and_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
