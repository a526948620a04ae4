// SPDX-License-Identifier: Apache-2.0
/* ASCII letters and digits in bytes that came from outside, and Base64, which is written with them.
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
static inline bool ascii_is_alnum(uint8_t byte)
{
	return ascii_is_digit(byte) || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
}

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

/* What a byte stands for in Base64 (RFC 4648, section 4), 0 to 63; -1 when it does not belong, the padding included. */
static inline int ascii_base64_value(uint8_t byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return byte - 'A';
	if (byte >= 'a' && byte <= 'z')
		return byte - 'a' + 26;
	if (ascii_is_digit(byte))
		return byte - '0' + 52;
	return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

/* Decodes Base64 up to the first byte that does not belong, with what there is of the last group. 'out' takes in.size bytes and
 * may be in.ptr. Returns how many were written; '*ret_used' is how many were read. */
static inline size_t ascii_base64_decode(struct bytes in, uint8_t *out, size_t *ret_used)
{
	uint32_t group = 0;
	unsigned int bits = 0;
	size_t size = 0, i = 0;

	for (; i < in.size; i++) {
		int value = ascii_base64_value(in.ptr[i]);

		if (value < 0)
			break;
		group = group << 6 | (uint32_t)value;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[size++] = (uint8_t)(group >> bits);
		}
	}
	*ret_used = i;
	return size;
}
