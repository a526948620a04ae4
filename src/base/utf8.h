// SPDX-License-Identifier: Apache-2.0
/* Characters as UTF-8 (RFC 3629): writing them, and telling them from broken ones.
 *
 * For readers of formats that name a character by its number or keep text as UTF-16. Only the bits are laid out here: what a
 * number that is no character means, such as half of a surrogate pair, each format says for itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* Writes the character with the number 'code', at most 0x10ffff, and returns its size: 1 below 0x80, 2 below 0x800, 3 below
 * 0x10000, else 4. No more than that is written. A surrogate (0xd800 to 0xdfff) is written as any other number of three bytes,
 * though UTF-8 has none: who does not want that asks before. */
static inline size_t utf8_put(uint32_t code, uint8_t *out)
{
	if (code < 0x80) {
		out[0] = (uint8_t)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (uint8_t)(0xc0 | code >> 6);
		out[1] = (uint8_t)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (uint8_t)(0xe0 | code >> 12);
		out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | code >> 18);
	out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (code & 0x3f));
	return 4;
}

/* Size of the character that 'in', not empty, begins with. When it is broken '*ret_valid' is false, and the size is that of the part to
 * be replaced by one U+FFFD: as much as could still have become a character (Unicode 15, section 3.9). */
size_t utf8_sequence(struct bytes in, bool *ret_valid);
