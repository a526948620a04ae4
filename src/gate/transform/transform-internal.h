// SPDX-License-Identifier: Apache-2.0
/* What the files of this folder share: the run functions that transform.c lists, and small helpers for them.
 *
 * A run function copies what it does not change in blocks: transform_index_any() tells where the next byte stands that it
 * has to look at. Such a byte is rare in what people send, so most of a value goes through one memcpy(). */
#pragma once

#include "base/ascii.h"
#include "base/compiler.h"
#include "gate/transform/transform.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* From two hex digits, which the caller has seen to be such. */
static inline uint8_t hex_pair(const uint8_t *digits)
{
	return (uint8_t)((unsigned int)ascii_hex_value(digits[0]) << 4 | (unsigned int)ascii_hex_value(digits[1]));
}

static inline bool is_octal(uint8_t byte)
{
	return byte >= '0' && byte <= '7';
}

/* Blank, \t \n \v \f \r. */
static inline bool is_space(uint8_t byte)
{
	return byte == ' ' || (uint8_t)(byte - '\t') <= '\r' - '\t';
}

/* How many hex digits stand at 'position', at most 'most'. */
static inline size_t hex_run(struct bytes in, size_t position, size_t most)
{
	size_t count = 0;

	while (count < most && position + count < in.size && ascii_hex_value(in.ptr[position + count]) >= 0)
		count++;
	return count;
}

/* U+FF01 to U+FF5E are ASCII in the width of Chinese characters, and decoders that keep one byte of two make ASCII of them. */
static inline uint8_t full_width(uint8_t high, uint8_t low)
{
	return high == 0xff && low > 0x00 && low < 0x5f ? (uint8_t)(low + 0x20) : low;
}

/* The byte for which \a \b \f \n \r \t \v stand; 0 for any other letter. */
uint8_t transform_control_of(uint8_t letter);

/* Reads one to three octal digits at 'position'. Returns how many. */
size_t transform_octal(struct bytes in, size_t position, unsigned int *ret);

/* ASCII for a character, by code page 20127; -1 when it has none. */
int transform_best_fit(uint16_t character);

/* Where, from 'start' on, the first of three bytes stands (which may be equal); in.size when there is none. */
static inline size_t transform_index_any(struct bytes in, size_t start, uint8_t a, uint8_t b, uint8_t c)
{
	size_t i = start;

#if defined(__x86_64__)
	const __m128i all_a = _mm_set1_epi8((char)a), all_b = _mm_set1_epi8((char)b), all_c = _mm_set1_epi8((char)c);

	for (; i + 16 <= in.size; i += 16) {
		__m128i here = _mm_loadu_si128((const __m128i *)(const void *)(in.ptr + i));
		__m128i equal = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(here, all_a), _mm_cmpeq_epi8(here, all_b)),
			_mm_cmpeq_epi8(here, all_c));
		unsigned int found = (unsigned int)_mm_movemask_epi8(equal);

		if (found != 0)
			return i + (size_t)__builtin_ctz(found);
	}
#endif
	while (i < in.size && in.ptr[i] != a && in.ptr[i] != b && in.ptr[i] != c)
		i++;
	return i;
}

/* Copies in[start, end) behind the 'used' bytes of 'out'. Returns the new number of used bytes. */
static inline size_t transform_copy(struct bytes in, size_t start, size_t end, uint8_t *out, size_t used)
{
	if (end > start)
		memcpy(out + used, in.ptr + start, end - start);
	return used + (end - start);
}

size_t transform_base64_decode(struct bytes in, uint8_t *out);
size_t transform_base64_decode_ext(struct bytes in, uint8_t *out);
size_t transform_base64_encode(struct bytes in, uint8_t *out);
size_t transform_cmd_line(struct bytes in, uint8_t *out);
size_t transform_compress_whitespace(struct bytes in, uint8_t *out);
size_t transform_css_decode(struct bytes in, uint8_t *out);
size_t transform_escape_seq_decode(struct bytes in, uint8_t *out);
size_t transform_hex_decode(struct bytes in, uint8_t *out);
size_t transform_hex_encode(struct bytes in, uint8_t *out);
size_t transform_html_entity_decode(struct bytes in, uint8_t *out);
size_t transform_js_decode(struct bytes in, uint8_t *out);
size_t transform_length(struct bytes in, uint8_t *out);
size_t transform_lowercase(struct bytes in, uint8_t *out);
size_t transform_md5(struct bytes in, uint8_t *out);
size_t transform_normalise_path(struct bytes in, uint8_t *out);
size_t transform_normalise_path_win(struct bytes in, uint8_t *out);
size_t transform_parity_even(struct bytes in, uint8_t *out);
size_t transform_parity_odd(struct bytes in, uint8_t *out);
size_t transform_parity_zero(struct bytes in, uint8_t *out);
size_t transform_remove_comments(struct bytes in, uint8_t *out);
size_t transform_remove_comments_char(struct bytes in, uint8_t *out);
size_t transform_remove_nulls(struct bytes in, uint8_t *out);
size_t transform_remove_whitespace(struct bytes in, uint8_t *out);
size_t transform_replace_comments(struct bytes in, uint8_t *out);
size_t transform_replace_nulls(struct bytes in, uint8_t *out);
size_t transform_sha1(struct bytes in, uint8_t *out);
size_t transform_sql_hex_decode(struct bytes in, uint8_t *out);
size_t transform_trim(struct bytes in, uint8_t *out);
size_t transform_trim_left(struct bytes in, uint8_t *out);
size_t transform_trim_right(struct bytes in, uint8_t *out);
size_t transform_uppercase(struct bytes in, uint8_t *out);
size_t transform_url_decode(struct bytes in, uint8_t *out);
size_t transform_url_decode_uni(struct bytes in, uint8_t *out);
size_t transform_url_decode_best_fit(struct bytes in, uint8_t *out);
size_t transform_url_encode(struct bytes in, uint8_t *out);
size_t transform_utf8_to_unicode(struct bytes in, uint8_t *out);
