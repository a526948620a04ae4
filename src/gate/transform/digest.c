// SPDX-License-Identifier: Apache-2.0
/* What a value is replaced by as a whole: its digest, its length, its hex digits or the bytes for which they stand. */
#include <stdio.h>

#include "base/digest.h"
#include "gate/transform/transform-internal.h"

/* A digest that the crypto library refuses (a lack of memory, or MD5 in a strict mode) is the empty value: a rule that
 * compares it with another one does not match. */
size_t transform_md5(struct bytes in, uint8_t *out)
{
	return digest_md5(in, out) < 0 ? 0 : DIGEST_MD5_SIZE;
}

size_t transform_sha1(struct bytes in, uint8_t *out)
{
	return digest_sha1(in, out) < 0 ? 0 : DIGEST_SHA1_SIZE;
}

size_t transform_length(struct bytes in, uint8_t *out)
{
	char text[24];
	int size = snprintf(text, sizeof(text), "%zu", in.size);

	memcpy(out, text, (size_t)size);
	return (size_t)size;
}

size_t transform_hex_encode(struct bytes in, uint8_t *out)
{
	static const uint8_t digits[] = "0123456789abcdef";

	for (size_t i = 0; i < in.size; i++) {
		out[2 * i] = digits[in.ptr[i] >> 4];
		out[2 * i + 1] = digits[in.ptr[i] & 15];
	}
	return 2 * in.size;
}

/* What is not hex from end to end has no bytes. */
size_t transform_hex_decode(struct bytes in, uint8_t *out)
{
	if (in.size % 2 != 0 || hex_run(in, 0, in.size) != in.size)
		return 0;
	for (size_t i = 0; i < in.size; i += 2)
		out[i / 2] = hex_pair(in.ptr + i);
	return in.size / 2;
}

/* 0x414243 in SQL is the text ABC. A last single digit is not part of it. */
size_t transform_sql_hex_decode(struct bytes in, uint8_t *out)
{
	size_t used = 0, i = 0;

	while (i < in.size) {
		size_t zero = transform_index_any(in, i, '0', '0', '0');
		size_t digits;

		used = transform_copy(in, i, zero, out, used);
		i = zero;
		if (i == in.size)
			break;
		digits =
			i + 1 < in.size && (in.ptr[i + 1] | 0x20) == 'x' ? hex_run(in, i + 2, in.size) & ~(size_t)1 : 0;
		if (digits == 0) {
			out[used++] = in.ptr[i++];
			continue;
		}
		for (i += 2; digits != 0; digits -= 2, i += 2)
			out[used++] = hex_pair(in.ptr + i);
	}
	return used;
}
