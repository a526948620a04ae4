// SPDX-License-Identifier: Apache-2.0
/* Between the files of the leak guard: what stands at a place of a text, and which words are before it. Pure functions. */
#pragma once

#include "gate/guard/leak.h"

/* How far before and behind the first digit of a value its recognition looks. */
#define LEAK_BEFORE 96
#define LEAK_BEHIND 160

struct leak_value {
	enum leak_kind kind;
	bool strong;
	uint8_t digits[20];
	uint8_t digit_count;
	uint16_t size; /* bytes in the text, from the first digit on */
};

/* What the digits at 'at' (the first of a run) are. When it is nothing, the size is that of the run, and '*ret_tested' has a bit for each
 * kind that the number's length would have allowed. 'text' is read from LEAK_BEFORE before to LEAK_BEHIND behind 'at' at most. */
bool leak_value_at(struct bytes text, size_t at, uint16_t year, struct leak_value *ret, uint32_t *ret_tested);

/* The kinds, one bit each, that a word in 'before' speaks of. */
uint32_t leak_words_before(struct bytes before);
