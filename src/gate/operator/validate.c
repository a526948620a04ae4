// SPDX-License-Identifier: Apache-2.0
/* Operators that are true of a value which is not as it should be: bytes, percent encoding, UTF-8. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "gate/operator/operator-internal.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* The allowed bytes: bit r of half[h][c] for the byte with the column c (its low half) in the row 8 * h + r. */
struct byte_range {
	_Alignas(16) uint8_t half[2][16];
};

static bool is_allowed(const struct byte_range *range, uint8_t byte)
{
	return range->half[byte >> 7][byte & 15] >> (byte >> 4 & 7) & 1;
}

/* One to three digits; -1 for anything else. */
static int parse_byte(struct bytes text)
{
	int number = 0;

	if (text.size == 0 || text.size > 3)
		return -1;
	for (size_t i = 0; i < text.size; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -1;
		number = number * 10 + text.ptr[i] - '0';
	}
	return number <= 255 ? number : -1;
}

static bool add_range(struct byte_range *range, struct bytes text)
{
	size_t dash = bytes_index(text, '-');
	int first = parse_byte(operator_trim(bytes_first(text, dash)));
	int last = dash == text.size ? first : parse_byte(operator_trim(bytes_skip(text, dash + 1)));

	if (first < 0 || last < first)
		return false;
	for (int byte = first; byte <= last; byte++)
		range->half[byte >> 7][byte & 15] |= (uint8_t)(1 << (byte >> 4 & 7));
	return true;
}

/* "10, 13, 32-126"; nothing at all allows no byte. */
OPERATOR_COMPILE(operator_byte_range_compile)
{
	struct byte_range *range = aligned_alloc(_Alignof(struct byte_range), sizeof(*range));
	struct bytes rest = parameter, text;
	bool formed = true;

	if (!range)
		return LUYTRE_E_NOMEM;
	*range = (struct byte_range){ 0 };
	while (operator_next(&rest, ",", &text)) {
		formed = add_range(range, text);
		if (!formed)
			break;
	}
	if (!formed) {
		snprintf(message, OPERATOR_MESSAGE_SIZE, "expected bytes and ranges such as 10,13,32-126");
		free(range);
		return LUYTRE_E_SYNTAX;
	}
	*ret = range;
	return 0;
}

#if defined(__x86_64__)

/* How many bytes at the start are allowed, in steps of 16 and as far as it can tell. */
__attribute__((target("ssse3"))) static size_t skip_allowed(const struct byte_range *range, struct bytes value)
{
	const __m128i low_rows = _mm_load_si128((const __m128i *)(const void *)range->half[0]);
	const __m128i high_rows = _mm_load_si128((const __m128i *)(const void *)range->half[1]);
	const __m128i row_bits = _mm_set_epi8(-128, 64, 32, 16, 8, 4, 2, 1, -128, 64, 32, 16, 8, 4, 2, 1);
	const __m128i nibble = _mm_set1_epi8(15), zero = _mm_setzero_si128();
	size_t i = 0;

	for (; i + 16 <= value.size; i += 16) {
		__m128i here = _mm_loadu_si128((const __m128i *)(const void *)(value.ptr + i));
		__m128i column = _mm_and_si128(here, nibble), high = _mm_cmplt_epi8(here, zero);
		__m128i rows = _mm_or_si128(_mm_andnot_si128(high, _mm_shuffle_epi8(low_rows, column)),
			_mm_and_si128(high, _mm_shuffle_epi8(high_rows, column)));
		__m128i bit = _mm_shuffle_epi8(row_bits, _mm_and_si128(_mm_srli_epi16(here, 4), nibble));

		if (_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_and_si128(rows, bit), zero)) != 0)
			break;
	}
	return i;
}

static size_t first_forbidden(const struct byte_range *range, struct bytes value)
{
	size_t i = __builtin_cpu_supports("ssse3") ? skip_allowed(range, value) : 0;

	while (i < value.size && is_allowed(range, value.ptr[i]))
		i++;
	return i;
}

#else

static size_t first_forbidden(const struct byte_range *range, struct bytes value)
{
	size_t i = 0;

	while (i < value.size && is_allowed(range, value.ptr[i]))
		i++;
	return i;
}

#endif

/* Tells no captures: there is nothing in a single byte to go on with. */
static bool wrong_at(struct operator_call *call, struct bytes value, size_t place)
{
	if (place >= value.size)
		return false;
	call->matched = bytes_of(value.ptr + place, 1);
	return true;
}

OPERATOR_MATCH(operator_byte_range_match)
{
	return wrong_at(call, value, first_forbidden(compiled, value));
}

static bool is_hex(uint8_t byte)
{
	uint8_t lower = byte | 0x20;

	return (byte >= '0' && byte <= '9') || (lower >= 'a' && lower <= 'f');
}

/* Each percent sign has two hex digits behind it. */
OPERATOR_MATCH(operator_validate_url)
{
	size_t i = bytes_index(value, '%');

	while (i < value.size) {
		if (i + 2 >= value.size || !is_hex(value.ptr[i + 1]) || !is_hex(value.ptr[i + 2]))
			return wrong_at(call, value, i);
		i += 3;
		i += bytes_index(bytes_skip(value, i), '%');
	}
	return false;
}

/* Bytes of the character at the start of 'in' (RFC 3629, section 4); 0 when there is none. */
static size_t character_size(struct bytes in)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t first = in.ptr[0];
	size_t size = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
	uint32_t character = first & (0x7fU >> size);

	if (size < 2 || size > in.size)
		return size == 1 ? 1 : 0;
	for (size_t i = 1; i < size; i++) {
		if ((in.ptr[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (in.ptr[i] & 0x3f);
	}
	if (character < smallest[size] || (character >= 0xd800 && character < 0xe000) || character > 0x10ffff)
		return 0;
	return size;
}

OPERATOR_MATCH(operator_validate_utf8)
{
	size_t i = 0;

	while (i < value.size) {
		size_t size = character_size(bytes_skip(value, i));

		if (size == 0)
			break;
		i += size;
	}
	return wrong_at(call, value, i);
}
