// SPDX-License-Identifier: Apache-2.0
#include "base/ascii.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/compiler.h"

/* All bytes, against the digits written out. */
static void every_byte_is_a_digit_or_not(void **state)
{
	static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";

	for (unsigned int byte = 0; byte < 256; byte++) {
		const char *low = byte ? strchr(lower, (int)byte) : NULL, *up = byte ? strchr(upper, (int)byte) : NULL;
		int wanted = low ? (int)(low - lower) : up ? (int)(up - upper) : -1;

		assert_int_equal(ascii_hex_value((uint8_t)byte), wanted);
		assert_int_equal(ascii_is_digit((uint8_t)byte), wanted >= 0 && wanted < 10);
	}
}

static void every_capital_letter_has_a_small_one(void **state)
{
	static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", lower[] = "abcdefghijklmnopqrstuvwxyz";

	for (unsigned int byte = 0; byte < 256; byte++) {
		const char *up = byte ? strchr(upper, (int)byte) : NULL;

		assert_int_equal(ascii_lower((uint8_t)byte), up ? (unsigned int)lower[up - upper] : byte);
	}
}

static void only_the_case_of_letters_is_passed_over(void **state)
{
	static const struct {
		const char *left, *right;
		size_t left_size, right_size;
		bool equal, starts; /* left begins with right */
	} rows[] = {
		{ "", "", 0, 0, true, true }, { "Host", "hOST", 4, 4, true, true },
		{ "Host", "host:", 4, 5, false, false }, { "Host:", "hosT", 5, 4, false, true },
		{ "a", "", 1, 0, false, true }, { "", "a", 0, 1, false, false },
		{ "@[`{", "`{@[", 4, 4, false, false }, /* what stands beside the letters, 0x20 apart */
		{ "\xc3\x80", "\xe3\xa0", 2, 2, false, false },
		{ "\xe1", "\xc1", 1, 1, false, false }, /* letters of Latin-1 */
		{ "k", "\xe2\x84\xaa", 1, 3, false, false }, /* the sign of the kelvin */
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct bytes left = bytes_of(rows[i].left, rows[i].left_size);

		assert_int_equal(ascii_equal_nocase(left, bytes_of(rows[i].right, rows[i].right_size)), rows[i].equal);
		assert_int_equal(ascii_equal_nocase_str(left, rows[i].right), rows[i].equal);
		assert_int_equal(ascii_starts_nocase_str(left, rows[i].right), rows[i].starts);
	}
}

static void a_nul_is_a_byte(void **state)
{
	assert_true(ascii_equal_nocase(bytes_of("a\0B", 3), bytes_of("A\0b", 3)));
	assert_false(ascii_equal_nocase(bytes_of("a\0b", 3), bytes_of("a\0c", 3)));
	assert_false(ascii_equal_nocase_str(bytes_of("a\0", 2), "a"));
	assert_true(ascii_starts_nocase_str(bytes_of("A\0", 2), "a"));
	assert_true(ascii_equal_nocase(bytes_of(NULL, 0), bytes_of(NULL, 0)));
}

static void every_byte_is_of_base64_or_not(void **state)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (unsigned int byte = 0; byte < 256; byte++) {
		const char *place = byte ? strchr(alphabet, (int)byte) : NULL;

		assert_int_equal(ascii_base64_value((uint8_t)byte), place ? (int)(place - alphabet) : -1);
	}
}

/* The test vectors of RFC 4648, section 10; then what is cut off or not of the alphabet. */
static void base64_ends_where_it_ends(void **state)
{
	static const struct {
		const char *in, *out;
		size_t used;
	} rows[] = {
		{ "", "", 0 },
		{ "Zg==", "f", 2 },
		{ "Zm8=", "fo", 3 },
		{ "Zm9v", "foo", 4 },
		{ "Zm9vYg==", "foob", 6 },
		{ "Zm9vYmE=", "fooba", 7 },
		{ "Zm9vYmFy", "foobar", 8 },
		{ "Z", "", 1 },
		{ "Zm9vYmF", "fooba", 7 },
		{ "Zm9v\nYmFy", "foo", 4 },
		{ "=Zm9v", "", 0 },
		{ "Zm9-", "fo", 3 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint8_t out[16];
		size_t used = 99, size = ascii_base64_decode(bytes_from_str(rows[i].in), out, &used);

		assert_true(bytes_equal_str(bytes_of(out, size), rows[i].out));
		assert_int_equal(used, rows[i].used);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_is_a_digit_or_not),
		cmocka_unit_test(every_capital_letter_has_a_small_one),
		cmocka_unit_test(only_the_case_of_letters_is_passed_over),
		cmocka_unit_test(a_nul_is_a_byte),
		cmocka_unit_test(every_byte_is_of_base64_or_not),
		cmocka_unit_test(base64_ends_where_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
