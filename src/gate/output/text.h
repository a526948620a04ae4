// SPDX-License-Identifier: Apache-2.0
/* A text that grows while it is written, with a ceiling. The first failure is remembered: what follows is left out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

#define OUT_TEXT_MAX ((size_t)64 << 20)

struct out_text {
	char *chars; /* owned; null while empty */
	size_t size, room;
	bool failed; /* no memory, or the ceiling */
};

void out_add(struct out_text *text, struct bytes piece);
void out_str(struct out_text *text, const char *piece);
void out_format(struct out_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* As out_add, but bytes that are not printable, quotes and backslashes as \xHH: for text inside quotes. */
void out_quoted(struct out_text *text, struct bytes piece);
/* The text as a string that the caller frees; null after a failure. The text is empty then. */
char *out_take(struct out_text *text);
void out_done(struct out_text *text);

static inline struct bytes out_view(const struct out_text *text)
{
	return bytes_of(text->chars, text->size);
}
