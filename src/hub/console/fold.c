// SPDX-License-Identifier: Apache-2.0
#include "hub/console/fold.h"

/* Small letters of blocks where they alternate with the large ones: even numbers are large (Unicode 15, Latin Extended-A and
 * Additional; the horns stand alone). */
static uint32_t small(uint32_t code)
{
	if ((code >= 'A' && code <= 'Z') || (code >= 0xc0 && code <= 0xde && code != 0xd7))
		return code + 0x20;
	if ((code >= 0x100 && code <= 0x137) || (code >= 0x1ea0 && code <= 0x1eff))
		return code | 1;
	if (code == 0x1a0 || code == 0x1af) /* O and U with a horn */
		return code + 1;
	return code;
}

/* The next character, and how many bytes it takes. */
static uint32_t next(struct bytes text, size_t at, size_t *ret_size)
{
	uint8_t first = text.ptr[at];
	size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
	uint32_t code = size == 1 ? first : first & (0x7fu >> size);

	*ret_size = 1;
	if (size > text.size - at)
		return first;
	for (size_t i = 1; i < size; i++) {
		if ((text.ptr[at + i] & 0xc0) != 0x80)
			return first;
		code = code << 6 | (text.ptr[at + i] & 0x3f);
	}
	*ret_size = size;
	return code;
}

static bool begins(struct bytes text, size_t at, struct bytes wanted)
{
	for (size_t pos = 0; pos < wanted.size;) {
		size_t size, wanted_size;

		if (at == text.size || small(next(text, at, &size)) != small(next(wanted, pos, &wanted_size)))
			return false;
		at += size;
		pos += wanted_size;
	}
	return true;
}

bool fold_has(struct bytes text, struct bytes wanted)
{
	size_t size;

	for (size_t at = 0; at < text.size; at += size) {
		if (begins(text, at, wanted))
			return true;
		next(text, at, &size);
	}
	return wanted.size == 0;
}
