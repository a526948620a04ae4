// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/compiler.h"

/* Both ends of each size; the examples of RFC 3629, section 7. */
static void characters_take_as_many_bytes_as_they_need(void **state)
{
	static const struct {
		uint32_t code;
		const char *bytes;
		size_t size;
	} rows[] = {
		{ 0, "", 1 },
		{ 'A', "A", 1 },
		{ 0x7f, "\x7f", 1 },
		{ 0x80, "\xc2\x80", 2 },
		{ 0x391, "\xce\x91", 2 },
		{ 0x7ff, "\xdf\xbf", 2 },
		{ 0x800, "\xe0\xa0\x80", 3 },
		{ 0x1ebf, "ế", 3 },
		{ 0x2262, "\xe2\x89\xa2", 3 },
		{ 0xd800, "\xed\xa0\x80", 3 }, /* not refused */
		{ 0xfffd, "\xef\xbf\xbd", 3 },
		{ 0xffff, "\xef\xbf\xbf", 3 },
		{ 0x10000, "\xf0\x90\x80\x80", 4 },
		{ 0x233b4, "\xf0\xa3\x8e\xb4", 4 },
		{ 0x10ffff, "\xf4\x8f\xbf\xbf", 4 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint8_t out[5] = { 0xee, 0xee, 0xee, 0xee, 0xee };

		assert_int_equal(utf8_put(rows[i].code, out), rows[i].size);
		assert_memory_equal(out, rows[i].bytes, rows[i].size);
		for (size_t k = rows[i].size; k < sizeof(out); k++)
			assert_int_equal(out[k], 0xee);
	}
}

/* What to take as one broken character: Unicode 15, table 3-8 and those after it. */
static void broken_characters_are_told(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		bool valid;
	} rows[] = {
		{ "a", 1, true },
		{ "\x01", 1, true },
		{ "\x7f\x80", 1, true },
		{ "\xc2\x80", 2, true },
		{ "\xe1\xba\xbfx", 3, true },
		{ "\xf4\x8f\xbf\xbf", 4, true },
		{ "\x80", 1, false },
		{ "\xc0\xaf", 1, false },
		{ "\xc2", 1, false },
		{ "\xe0\x80\xaf", 1, false },
		{ "\xed\xa0\x80", 1, false },
		{ "\xe1\xba", 2, false },
		{ "\xe1\xba"
		  "a",
			2, false },
		{ "\xf0\x80\x80\x80", 1, false },
		{ "\xf1\x80\x80"
		  "a",
			3, false },
		{ "\xf4\x90\x80\x80", 1, false },
		{ "\xf5\x80", 1, false },
		{ "\xff", 1, false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		bool valid = !rows[i].valid;

		assert_int_equal(utf8_sequence(bytes_from_str(rows[i].bytes), &valid), rows[i].size);
		assert_int_equal(valid, rows[i].valid);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_take_as_many_bytes_as_they_need),
		cmocka_unit_test(broken_characters_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
