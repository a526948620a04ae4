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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_take_as_many_bytes_as_they_need),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
