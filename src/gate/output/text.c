// SPDX-License-Identifier: Apache-2.0
/* A growing text (text.h). */
#include "gate/output/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ROOM_MIN 512

static bool reserve(struct out_text *text, size_t size)
{
	size_t room = text->room ? text->room : ROOM_MIN;
	char *grown;

	if (text->failed || size >= OUT_TEXT_MAX - text->size) {
		text->failed = true;
		return false;
	}
	if (text->size + size < text->room)
		return true;
	while (room <= text->size + size)
		room *= 2;
	grown = realloc(text->chars, room);
	if (!grown) {
		text->failed = true;
		return false;
	}
	text->chars = grown;
	text->room = room;
	return true;
}

void out_add(struct out_text *text, struct bytes piece)
{
	if (!reserve(text, piece.size))
		return;
	if (piece.size != 0)
		memcpy(text->chars + text->size, piece.ptr, piece.size);
	text->size += piece.size;
	text->chars[text->size] = '\0';
}

void out_str(struct out_text *text, const char *piece)
{
	out_add(text, bytes_from_str(piece));
}

void out_format(struct out_text *text, const char *format, ...)
{
	char piece[1024];
	va_list list;
	int size;

	va_start(list, format);
	size = vsnprintf(piece, sizeof(piece), format, list);
	va_end(list);
	if (size > 0)
		out_add(text, bytes_of(piece, (size_t)size < sizeof(piece) ? (size_t)size : sizeof(piece) - 1));
}

void out_quoted(struct out_text *text, struct bytes piece)
{
	for (size_t i = 0; i < piece.size; i++) {
		uint8_t byte = piece.ptr[i];

		if (byte >= ' ' && byte < 127 && byte != '"')
			out_add(text, bytes_of(piece.ptr + i, 1));
		else
			out_format(text, "\\x%02x", byte);
	}
}

char *out_take(struct out_text *text)
{
	char *chars;

	if (text->failed || !reserve(text, 0)) {
		out_done(text);
		return NULL;
	}
	chars = text->chars;
	chars[text->size] = '\0';
	*text = (struct out_text){ 0 };
	return chars;
}

void out_done(struct out_text *text)
{
	free(text->chars);
	*text = (struct out_text){ 0 };
}
