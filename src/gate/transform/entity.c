// SPDX-License-Identifier: Apache-2.0
/* HTML character references: decimal, hexadecimal and the five names with which markup is hidden. The final semicolon may
 * lack, as browsers allow. Of a number's character its lowest byte stays. */
#include "gate/transform/transform-internal.h"

static const struct {
	const char *name;
	uint8_t byte;
} entities[] = {
	{ "amp", '&' },
	{ "gt", '>' },
	{ "lt", '<' },
	{ "nbsp", 0xa0 },
	{ "quot", '"' },
};

/* The digits of a number at 'position'. Returns how many; a number beyond 63 bits is the largest. */
static size_t number_at(struct bytes in, size_t position, unsigned int base, uint64_t *ret)
{
	size_t i = position;

	*ret = 0;
	for (; i < in.size; i++) {
		int digit = ascii_hex_value(in.ptr[i]);

		if (digit < 0 || (unsigned int)digit >= base)
			break;
		if (*ret > ((uint64_t)INT64_MAX - 15) / base)
			*ret = INT64_MAX;
		else
			*ret = *ret * base + (unsigned int)digit;
	}
	return i - position;
}

static bool is_alnum(uint8_t byte)
{
	uint8_t lower = byte | 0x20;

	return ascii_is_digit(byte) || (lower >= 'a' && lower <= 'z');
}

/* Decodes a reference; 'position' is that of the '&'. Returns the size without semicolon, or 0 when it is none. */
static size_t reference_at(struct bytes in, size_t position, uint8_t *ret)
{
	bool hex = position + 2 < in.size && (in.ptr[position + 2] | 0x20) == 'x';
	size_t size = 0;
	uint64_t number;

	if (position + 1 < in.size && in.ptr[position + 1] == '#') {
		size_t start = hex ? 3 : 2;

		size = number_at(in, position + start, hex ? 16 : 10, &number);
		*ret = (uint8_t)number;
		return size == 0 ? 0 : start + size;
	}
	while (position + 1 + size < in.size && is_alnum(in.ptr[position + 1 + size]) && size < 5)
		size++;
	for (size_t i = 0; i < ARRAY_COUNT(entities); i++) {
		if (ascii_equal_nocase(bytes_of(in.ptr + position + 1, size), bytes_from_str(entities[i].name))) {
			*ret = entities[i].byte;
			return 1 + size;
		}
	}
	return 0;
}

size_t transform_html_entity_decode(struct bytes in, uint8_t *out)
{
	size_t used = 0, i = 0;

	for (;;) {
		size_t ampersand = transform_index_any(in, i, '&', '&', '&');
		size_t taken;

		used = transform_copy(in, i, ampersand, out, used);
		i = ampersand;
		if (i == in.size)
			return used;
		taken = reference_at(in, i, out + used);
		if (taken == 0) {
			out[used] = '&';
			taken = 1;
		} else if (i + taken < in.size && in.ptr[i + taken] == ';') {
			taken++;
		}
		used++;
		i += taken;
	}
}
