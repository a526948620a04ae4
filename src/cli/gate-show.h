// SPDX-License-Identifier: Apache-2.0
/* Bytes of a request for people's eyes: what a terminal might act upon, or what is not UTF-8, stands as \xHH; what matched is marked,
 * by colour on a terminal and by »« elsewhere; of long values the part around the marks is shown. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/bytes.h"

/* Bytes that are shown of a long value. */
#define SHOW_SIZE_MAX 160

enum show_style { SHOW_PLAIN, SHOW_BOLD, SHOW_DIM, SHOW_RED, SHOW_GREEN };

struct show {
	FILE *out;
	bool colour;
};

void show_style(const struct show *show, enum show_style style);
/* 'marks' are views into 'value'; none: 'mark_count' 0. */
void show_bytes(const struct show *show, struct bytes value, const struct bytes *marks, size_t mark_count);
/* The size of the character of UTF-8 that 'in' begins with when it may be shown as it is, else 0. */
size_t show_printable(struct bytes in);
/* First offset and end of all marks together. */
void show_extent(struct bytes value, const struct bytes *marks, size_t mark_count, size_t *ret_from, size_t *ret_to);
