// SPDX-License-Identifier: Apache-2.0
#include "sensor/detect/base64.h"

#include "base/ascii.h"

/* Whole groups, '=' only as the last or the last two bytes. */
static bool is_strict(struct bytes in)
{
	size_t size = in.size;

	if (size % 4 != 0)
		return false;
	for (int i = 0; i < 2 && size > 0 && in.ptr[size - 1] == '='; i++)
		size--;
	for (size_t i = 0; i < size; i++)
		if (ascii_base64_value(in.ptr[i]) < 0)
			return false;
	return true;
}

bool base64_decode(struct bytes in, enum base64_mode mode, uint8_t *out, size_t *ret_size)
{
	uint32_t value = 0;
	unsigned int bits = 0;
	size_t size = 0;

	*ret_size = 0;
	if (mode == BASE64_STRICT && !is_strict(in))
		return false;
	for (size_t i = 0; i < in.size; i++) {
		int digit = ascii_base64_value(in.ptr[i]);

		if (digit < 0 && mode == BASE64_RFC2045 && in.ptr[i] != '=')
			continue;
		if (digit < 0)
			break;
		value = value << 6 | (uint32_t)digit;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[size++] = (uint8_t)(value >> bits);
		}
	}
	*ret_size = size;
	return true;
}
