// SPDX-License-Identifier: Apache-2.0
/* Texts for people, in both languages side by side, and how wide they are on a terminal. */
#pragma once

#include <stddef.h>

#include "base/error.h"

struct lab_text {
	const char *en;
	const char *vi;
};

static inline const char *text_of(const struct lab_text *text, enum luytre_lang lang)
{
	return lang == LUYTRE_LANG_VI ? text->vi : text->en;
}

/* Characters of a UTF-8 text; every character the lab prints is one column wide. */
static inline size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* Bytes of the longest beginning that is at most 'width' characters wide. */
static inline size_t text_cut(const char *text, size_t width)
{
	size_t at = 0;

	for (; text[at]; at++)
		if (((unsigned char)text[at] & 0xc0) != 0x80 && width-- == 0)
			break;
	return at;
}
