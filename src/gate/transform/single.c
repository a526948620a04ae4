// SPDX-License-Identifier: Apache-2.0
/* Transformations that look at one byte at a time: letters, NULs, parity bits. */
#include "gate/transform/transform-internal.h"

/* Flips bit 5 of the bytes from 'first' on, 26 letters long. */
static size_t change_case(struct bytes in, uint8_t first, uint8_t *out)
{
	size_t i = 0;

#if defined(__x86_64__)
	/* As signed numbers, the letters are the 26 smallest after this subtraction. */
	const __m128i shift = _mm_set1_epi8((char)(first + 0x80)), end = _mm_set1_epi8(-128 + 26);
	const __m128i bit = _mm_set1_epi8(0x20);

	for (; i + 16 <= in.size; i += 16) {
		__m128i here = _mm_loadu_si128((const __m128i *)(const void *)(in.ptr + i));
		__m128i letter = _mm_cmplt_epi8(_mm_sub_epi8(here, shift), end);

		_mm_storeu_si128((__m128i *)(void *)(out + i), _mm_xor_si128(here, _mm_and_si128(letter, bit)));
	}
#endif
	for (; i < in.size; i++)
		out[i] = in.ptr[i] ^ ((uint8_t)(in.ptr[i] - first) < 26 ? 0x20 : 0);
	return in.size;
}

size_t transform_lowercase(struct bytes in, uint8_t *out)
{
	return change_case(in, 'A', out);
}

size_t transform_uppercase(struct bytes in, uint8_t *out)
{
	return change_case(in, 'a', out);
}

size_t transform_remove_nulls(struct bytes in, uint8_t *out)
{
	size_t used = 0, i = 0;

	for (;;) {
		size_t nul = transform_index_any(in, i, 0, 0, 0);

		used = transform_copy(in, i, nul, out, used);
		if (nul == in.size)
			return used;
		i = nul + 1;
	}
}

size_t transform_replace_nulls(struct bytes in, uint8_t *out)
{
	for (size_t i = 0; i < in.size; i++)
		out[i] = in.ptr[i] == 0 ? ' ' : in.ptr[i];
	return in.size;
}

/* Bit 7 becomes the parity of the whole byte, or its opposite. */
static size_t set_parity(struct bytes in, int odd, uint8_t *out)
{
	for (size_t i = 0; i < in.size; i++)
		out[i] = (uint8_t)((in.ptr[i] & 0x7f) | (__builtin_parity(in.ptr[i]) != odd ? 0x80 : 0));
	return in.size;
}

size_t transform_parity_even(struct bytes in, uint8_t *out)
{
	return set_parity(in, 0, out);
}

size_t transform_parity_odd(struct bytes in, uint8_t *out)
{
	return set_parity(in, 1, out);
}

size_t transform_parity_zero(struct bytes in, uint8_t *out)
{
	for (size_t i = 0; i < in.size; i++)
		out[i] = in.ptr[i] & 0x7f;
	return in.size;
}
