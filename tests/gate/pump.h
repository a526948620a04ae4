// SPDX-License-Identifier: Apache-2.0
/* From an expression, a text that it nearly matches and the pieces of it that it may repeat: said many thousand times, they are what makes it
 * backtrack.
 *
 * Not all of PCRE2 is read: what is not understood gives a text that is less like a match, which only makes it a weaker test. */
#pragma once

#include <stddef.h>

#include "base/bytes.h"

enum { PUMP_TEXT_MAX = 4096, PUMPS_MAX = 16 };

struct pumps {
	char text[PUMP_TEXT_MAX];
	size_t size;
	struct {
		size_t start, size; /* in the text */
	} of[PUMPS_MAX];
	size_t count;
};

/* 'choice' says which alternatives are taken: of n, the one with the number choice % n. */
void pump_read(struct bytes expression, size_t choice, struct pumps *ret);
