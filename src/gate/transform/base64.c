// SPDX-License-Identifier: Apache-2.0
/* Base64 (RFC 4648, section 4). Two decoders: base64Decode stops at the first byte that does not belong (line ends do) and
 * keeps what stands before it, padding or not; base64DecodeExt passes over such bytes, as PHP does, and like PHP has nothing at
 * all for a text whose padding follows on a single digit of a group. */
#include "gate/transform/transform-internal.h"

static const uint8_t alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t transform_base64_encode(struct bytes in, uint8_t *out)
{
	size_t used = 0;

	for (size_t i = 0; i < in.size; i += 3) {
		size_t left = in.size - i;
		uint32_t group = (uint32_t)in.ptr[i] << 16;

		if (left > 1)
			group |= (uint32_t)in.ptr[i + 1] << 8;
		if (left > 2)
			group |= in.ptr[i + 2];
		out[used++] = alphabet[group >> 18];
		out[used++] = alphabet[group >> 12 & 63];
		out[used++] = left > 1 ? alphabet[group >> 6 & 63] : '=';
		out[used++] = left > 2 ? alphabet[group & 63] : '=';
	}
	return used;
}

static size_t decode(struct bytes in, bool pass_over, uint8_t *out)
{
	size_t used = 0;
	uint32_t group = 0;
	unsigned int count = 0;

	for (size_t i = 0; i < in.size; i++) {
		int value = ascii_base64_value(in.ptr[i]);
		bool padding_ends = in.ptr[i] == '=' && (i + 1 == in.size || in.ptr[i + 1] != '=');

		if (pass_over && padding_ends && count == 1)
			return 0;
		if (value < 0 && (pass_over || in.ptr[i] == '\r' || in.ptr[i] == '\n'))
			continue;
		if (value < 0)
			break;
		group = group << 6 | (uint32_t)value;
		if (++count < 4)
			continue;
		out[used++] = (uint8_t)(group >> 16);
		out[used++] = (uint8_t)(group >> 8);
		out[used++] = (uint8_t)group;
		count = 0;
	}
	/* What is left is 12 or 18 bits, of which the last do not count. Six bits are no byte. */
	if (count == 2)
		out[used++] = (uint8_t)(group >> 4);
	if (count == 3) {
		out[used++] = (uint8_t)(group >> 10);
		out[used++] = (uint8_t)(group >> 2);
	}
	return used;
}

size_t transform_base64_decode(struct bytes in, uint8_t *out)
{
	return decode(in, false, out);
}

size_t transform_base64_decode_ext(struct bytes in, uint8_t *out)
{
	return decode(in, true, out);
}
