// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include "base/compiler.h"

/* Well-formed UTF-8 beyond ASCII by first byte: RFC 3629, section 4. The bounds of the second byte keep out overlong forms, surrogates
 * and what lies behind U+10FFFF. */
static const struct {
	uint8_t first_min, first_max;
	uint8_t second_min, second_max;
	uint8_t size;
} rows[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

size_t utf8_sequence(struct bytes in, bool *ret_valid)
{
	size_t row, size;

	*ret_valid = in.ptr[0] < 0x80;
	for (row = 0; row < ARRAY_COUNT(rows); row++) {
		if (in.ptr[0] >= rows[row].first_min && in.ptr[0] <= rows[row].first_max)
			break;
	}
	if (row == ARRAY_COUNT(rows))
		return 1;
	if (in.size < 2 || in.ptr[1] < rows[row].second_min || in.ptr[1] > rows[row].second_max)
		return 1;
	for (size = 2; size < rows[row].size; size++) {
		if (size == in.size || (in.ptr[size] & 0xc0) != 0x80)
			return size;
	}
	*ret_valid = true;
	return size;
}
