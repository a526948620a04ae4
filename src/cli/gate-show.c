// SPDX-License-Identifier: Apache-2.0
#include "cli/gate-show.h"

#include <stdint.h>

#define CONTEXT 48

void show_style(const struct show *show, enum show_style style)
{
	static const char *const codes[] = { "\033[0m", "\033[1m", "\033[2m", "\033[31m", "\033[32m" };

	if (show->colour)
		fputs(codes[style], show->out);
}

/* RFC 3629, without the long forms and surrogates. */
static size_t decode(struct bytes in, uint32_t *ret)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t least;
	} forms[] = { { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };

	for (size_t form = 0; form < 3; form++) {
		uint32_t code = in.ptr[0] & (uint8_t)~forms[form].mask;

		if ((in.ptr[0] & forms[form].mask) != forms[form].lead || in.size < form + 2)
			continue;
		for (size_t i = 1; i <= form + 1; i++) {
			if ((in.ptr[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (in.ptr[i] & 0x3f);
		}
		*ret = code;
		return code >= forms[form].least && code < 0x110000 && (code & ~UINT32_C(0x7ff)) != 0xd800 ? form + 2
													   : 0;
	}
	return 0;
}

/* Controls, and what changes the direction of writing, would hide what is there. */
size_t show_printable(struct bytes in)
{
	uint32_t code = 0;
	size_t size;

	if (in.size == 0 || in.ptr[0] < ' ' || in.ptr[0] == 0x7f)
		return 0;
	if (in.ptr[0] < 0x80)
		return 1;
	size = decode(in, &code);
	if (code < 0xa0 || code == 0xad || (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
		(code >= 0x2060 && code <= 0x206f) || code == 0xfeff)
		return 0;
	return size;
}

static bool is_marked(const uint8_t *at, const struct bytes *marks, size_t mark_count)
{
	for (size_t i = 0; i < mark_count; i++) {
		if (at >= marks[i].ptr && at < marks[i].ptr + marks[i].size)
			return true;
	}
	return false;
}

void show_extent(struct bytes value, const struct bytes *marks, size_t mark_count, size_t *ret_from, size_t *ret_to)
{
	*ret_from = value.size;
	*ret_to = 0;
	for (size_t i = 0; i < mark_count; i++) {
		size_t from = (size_t)(marks[i].ptr - value.ptr), to = from + marks[i].size;

		*ret_from = from < *ret_from ? from : *ret_from;
		*ret_to = to > *ret_to ? to : *ret_to;
	}
}

static void set_mark(const struct show *show, bool on)
{
	if (show->colour)
		fputs(on ? "\033[1;41m" : "\033[0m", show->out);
	else
		fputs(on ? "»" : "«", show->out);
}

static void window(struct bytes value, const struct bytes *marks, size_t mark_count, size_t *ret_from, size_t *ret_to)
{
	size_t from, to;

	show_extent(value, marks, mark_count, &from, &to);
	if (mark_count == 0)
		from = 0;
	from = value.size <= SHOW_SIZE_MAX || from < CONTEXT ? 0 : from - CONTEXT;
	while (from != 0 && (value.ptr[from] & 0xc0) == 0x80)
		from--;
	to = from + SHOW_SIZE_MAX < value.size ? from + SHOW_SIZE_MAX : value.size;
	while (to < value.size && to > from && (value.ptr[to] & 0xc0) == 0x80)
		to--;
	*ret_from = from;
	*ret_to = to;
}

void show_bytes(const struct show *show, struct bytes value, const struct bytes *marks, size_t mark_count)
{
	size_t from, to;
	bool marked = false;

	window(value, marks, mark_count, &from, &to);
	if (from != 0)
		fputs("…", show->out);
	for (size_t i = from; i < to;) {
		size_t size = show_printable(bytes_of(value.ptr + i, to - i));

		if (is_marked(value.ptr + i, marks, mark_count) != marked) {
			marked = !marked;
			set_mark(show, marked);
		}
		if (size)
			fwrite(value.ptr + i, 1, size, show->out);
		else
			fprintf(show->out, "\\x%02x", value.ptr[i]);
		i += size ? size : 1;
	}
	if (marked)
		set_mark(show, false);
	if (to != value.size)
		fputs("…", show->out);
}
