// SPDX-License-Identifier: Apache-2.0
/* Percent encoding of forms (application/x-www-form-urlencoded), and the %uXXXX of IIS. A percent sign without its digits
 * stands for itself. */
#include "gate/transform/transform-internal.h"

/* Decodes %XX at 'position'. Returns the bytes of input it took: 3, or 0 when the digits are not there. */
static size_t decode_byte(struct bytes in, size_t position, uint8_t *ret)
{
	if (hex_run(in, position + 1, 2) != 2)
		return 0;
	*ret = hex_pair(in.ptr + position + 1);
	return 3;
}

/* The byte that a program which thinks in bytes makes of a character. */
static uint8_t narrow(const uint8_t digits[4], bool best_fit)
{
	uint8_t high = hex_pair(digits), low = hex_pair(digits + 2);
	int ascii = best_fit ? transform_best_fit((uint16_t)(high << 8 | low)) : -1;

	return ascii < 0 ? full_width(high, low) : (uint8_t)ascii;
}

/* Decodes %uXXXX, as above: 6 or 0. */
static size_t decode_character(struct bytes in, size_t position, bool best_fit, uint8_t *ret)
{
	if (position + 1 >= in.size || (in.ptr[position + 1] | 0x20) != 'u' || hex_run(in, position + 2, 4) != 4)
		return 0;
	*ret = narrow(in.ptr + position + 2, best_fit);
	return 6;
}

enum decode_kind { DECODE_BYTES, DECODE_CHARACTERS, DECODE_BEST_FIT };

static inline size_t decode(struct bytes in, enum decode_kind kind, uint8_t *out)
{
	size_t used = 0, i = 0;

	for (;;) {
		size_t special = transform_index_any(in, i, '%', '+', '+');
		size_t taken = 0;

		used = transform_copy(in, i, special, out, used);
		i = special;
		if (i == in.size)
			return used;
		if (in.ptr[i] == '+') {
			out[used++] = ' ';
			i++;
			continue;
		}
		if (kind != DECODE_BYTES)
			taken = decode_character(in, i, kind == DECODE_BEST_FIT, out + used);
		if (taken == 0)
			taken = decode_byte(in, i, out + used);
		if (taken == 0) {
			out[used] = '%';
			taken = 1;
		}
		used++;
		i += taken;
	}
}

size_t transform_url_decode(struct bytes in, uint8_t *out)
{
	return decode(in, DECODE_BYTES, out);
}

size_t transform_url_decode_uni(struct bytes in, uint8_t *out)
{
	return decode(in, DECODE_CHARACTERS, out);
}

size_t transform_url_decode_best_fit(struct bytes in, uint8_t *out)
{
	return decode(in, DECODE_BEST_FIT, out);
}

size_t transform_url_encode(struct bytes in, uint8_t *out)
{
	static const uint8_t digits[] = "0123456789abcdef";
	size_t used = 0;

	for (size_t i = 0; i < in.size; i++) {
		uint8_t byte = in.ptr[i], lower = byte | 0x20;

		if (byte == ' ') {
			out[used++] = '+';
		} else if (ascii_is_digit(byte) || (lower >= 'a' && lower <= 'z') || byte == '*') {
			out[used++] = byte;
		} else {
			out[used++] = '%';
			out[used++] = digits[byte >> 4];
			out[used++] = digits[byte & 15];
		}
	}
	return used;
}
