// SPDX-License-Identifier: Apache-2.0
/* Finds one byte string in a buffer, exact or without regard to the case of ASCII letters.
 *
 * For confirming a single pattern where a set (match/literals.h) has said that it may be there, and for walking through
 * all its places. 32 places a step with AVX2, 16 with SSE2, one elsewhere: the two rarest bytes of the needle are compared
 * at all of them at once, the whole needle where both fit. The cost is at most needle size * buffer size, reached only by
 * a buffer made of almost-matches.
 *
 * A finder is a value without memory of its own; the needle is borrowed. After finder_init() it is only read: any number of
 * threads may share it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* What finder_find() answers when the needle is not there. */
#define FINDER_NONE SIZE_MAX

/* The fields belong to finder.c. */
struct finder {
	struct bytes needle; /* borrowed */
	size_t rare
		[2]; /* offsets in the needle of the two bytes that are compared first; equal for a needle of one byte */
	uint8_t rare_value[2]; /* those bytes, as lower case when the case does not matter */
	uint8_t rare_fold[2]; /* or-ed to a byte before it is compared: 0x20 for a letter without case, else 0 */
	bool nocase;
};

/* 'needle' may be in any case, also with 'nocase'; it stays where it is as long as the finder is used. An empty needle is
 * found at the start of any buffer. */
void finder_init(struct finder *finder, struct bytes needle, bool nocase);

/* Where the needle first begins in 'in', or FINDER_NONE. For the next place, search bytes_skip(in, place + 1). */
size_t finder_find(const struct finder *finder, struct bytes in);

/* Whether both are the same but for the case of ASCII letters. */
bool finder_equal_nocase(struct bytes left, struct bytes right);
