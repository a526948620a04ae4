// SPDX-License-Identifier: Apache-2.0
/* ASCII letters and digits in bytes that came from outside.
 *
 * What <ctype.h> and <strings.h> do for text of the user's language, these do for protocols: the same in every locale, bytes from
 * 0x80 on are no letters, and a NUL is a byte like any other. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

static inline bool ascii_is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

/* What a hexadecimal digit of either case stands for; -1 when the byte is none. */
static inline int ascii_hex_value(uint8_t byte)
{
	uint8_t digit = (uint8_t)(byte - '0'), letter = (uint8_t)((byte | 0x20) - 'a');

	return digit < 10 ? digit : letter < 6 ? letter + 10 : -1;
}

static inline uint8_t ascii_lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

/* Same size, and the same content but for the case of letters. */
static inline bool ascii_equal_nocase(struct bytes left, struct bytes right)
{
	if (left.size != right.size)
		return false;
	for (size_t i = 0; i < left.size; i++) {
		uint8_t a = left.ptr[i], b = right.ptr[i];

		if (a != b && ascii_lower(a) != ascii_lower(b))
			return false;
	}
	return true;
}

static inline bool ascii_equal_nocase_str(struct bytes left, const char *right)
{
	return ascii_equal_nocase(left, bytes_from_str(right));
}

static inline bool ascii_starts_nocase_str(struct bytes in, const char *prefix)
{
	size_t size = strlen(prefix);

	return size <= in.size && ascii_equal_nocase(bytes_first(in, size), bytes_of(prefix, size));
}
