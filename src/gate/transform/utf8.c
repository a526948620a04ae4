// SPDX-License-Identifier: Apache-2.0
/* utf8toUnicode: each character of UTF-8 (RFC 3629) as %uXXXX, so that rules can name it in ASCII.
 *
 * What is not UTF-8 goes as ModSecurity has it: a byte that cannot begin a character stays; one that does begin a character
 * whose other bytes lack is dropped; an overlong form or a surrogate is decoded and its first byte put behind it; the first byte
 * of a number beyond Unicode is put before it. NULs are dropped. */
#include "gate/transform/transform-internal.h"

#define FIRST_BEYOND_UNICODE 0xf5

/* Bytes of the character that begins with this one; 0 when none does. */
static size_t character_size(uint8_t first)
{
	if ((first & 0xe0) == 0xc0)
		return 2;
	if ((first & 0xf0) == 0xe0)
		return 3;
	return (first & 0xf8) == 0xf0 ? 4 : 0;
}

static bool continues(struct bytes in, size_t position, size_t size)
{
	if (position + size > in.size)
		return false;
	for (size_t i = 1; i < size; i++) {
		if ((in.ptr[position + i] & 0xc0) != 0x80)
			return false;
	}
	return true;
}

static uint32_t character_at(const uint8_t *bytes, size_t size)
{
	uint32_t character = bytes[0] & (0x7fU >> size);

	for (size_t i = 1; i < size; i++)
		character = character << 6 | (bytes[i] & 0x3f);
	return character;
}

/* Four digits, or as many as the number has. */
static size_t put_character(uint32_t character, uint8_t *out)
{
	static const uint8_t digits[] = "0123456789abcdef";
	unsigned int count = 4;
	size_t used = 2;

	while (count < 6 && character >> (4 * count) != 0)
		count++;
	out[0] = '%';
	out[1] = 'u';
	while (count-- > 0)
		out[used++] = digits[character >> (4 * count) & 15];
	return used;
}

/* Writes the character of 'size' bytes at 'in'; returns the bytes written. */
static size_t convert(const uint8_t *in, size_t size, uint8_t *out)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t character = character_at(in, size);
	size_t used = put_character(character, out);

	if (character >= 0xd800 && character <= 0xdfff)
		out[used++] = in[0];
	if (character < smallest[size])
		out[used++] = in[0];
	return used;
}

/* Where, from 'start' on, the first byte stands that is not ASCII, or a NUL. */
static size_t next_other(struct bytes in, size_t start)
{
	size_t i = start;

#if defined(__x86_64__)
	for (; i + 16 <= in.size; i += 16) {
		__m128i here = _mm_loadu_si128((const __m128i *)(const void *)(in.ptr + i));
		__m128i nul = _mm_cmpeq_epi8(here, _mm_setzero_si128());
		unsigned int found = (unsigned int)_mm_movemask_epi8(_mm_or_si128(here, nul));

		if (found != 0)
			return i + (size_t)__builtin_ctz(found);
	}
#endif
	while (i < in.size && in.ptr[i] != 0 && in.ptr[i] < 0x80)
		i++;
	return i;
}

size_t transform_utf8_to_unicode(struct bytes in, uint8_t *out)
{
	size_t used = 0, i = 0;

	while (i < in.size) {
		size_t other = next_other(in, i), size;

		used = transform_copy(in, i, other, out, used);
		i = other;
		if (i == in.size)
			break;
		size = character_size(in.ptr[i]);

		if (size == 0) {
			out[used] = in.ptr[i++];
			used += out[used] != 0;
			continue;
		}
		if (in.ptr[i] >= FIRST_BEYOND_UNICODE)
			out[used++] = in.ptr[i];
		if (!continues(in, i, size)) {
			i++;
			continue;
		}
		used += convert(in.ptr + i, size, out + used);
		i += size;
	}
	return used;
}
