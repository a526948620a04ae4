// SPDX-License-Identifier: Apache-2.0
/* Query strings, bodies of forms, and cookies.
 *
 * As ModSecurity splits them: pieces between separators, an empty last piece is none, an empty one before is an argument without
 * name and value; the first '=' parts name and value; a broken percent escape stays as it is. */
#include "base/ascii.h"
#include "gate/body/internal.h"

static size_t percent_decode(struct bytes in, uint8_t *out, bool *ret_error)
{
	size_t out_size = 0;

	for (size_t i = 0; i < in.size; i++) {
		uint8_t byte = in.ptr[i];

		if (byte == '+') {
			byte = ' ';
		} else if (byte == '%') {
			int high = i + 2 < in.size ? ascii_hex_value(in.ptr[i + 1]) : -1;
			int low = i + 2 < in.size ? ascii_hex_value(in.ptr[i + 2]) : -1;

			if (high >= 0 && low >= 0) {
				byte = (uint8_t)(high << 4 | low);
				i += 2;
			} else {
				*ret_error = true;
			}
		}
		out[out_size++] = byte;
	}
	return out_size;
}

/* False when the arena refuses. */
static bool decoded(struct bytes *text, struct arena *arena, bool *ret_error)
{
	uint8_t *out;

	if (text->size == 0 || (!memchr(text->ptr, '%', text->size) && !memchr(text->ptr, '+', text->size)))
		return true;
	out = arena_alloc(arena, text->size);
	if (!out)
		return false;
	*text = bytes_of(out, percent_decode(*text, out, ret_error));
	return true;
}

size_t body_urlencoded(struct bytes in, const struct body_limits *limits, const struct body_sink *sink,
	struct arena *arena, bool *ret_error)
{
	uint8_t separator = limits->separator ? limits->separator : '&';
	size_t told = 0;

	*ret_error = false;
	while (in.size != 0 && told < limits->args_max) {
		struct bytes piece = bytes_first(in, bytes_index(in, separator));
		struct bytes name = bytes_first(piece, bytes_index(piece, '='));
		struct bytes value = bytes_skip(piece, name.size + 1);

		in = bytes_skip(in, piece.size + 1);
		if (!decoded(&name, arena, ret_error) || !decoded(&value, arena, ret_error))
			break;
		if (sink->arg)
			sink->arg(sink->context, name, value);
		told++;
	}
	return told;
}

static bool is_space(uint8_t byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

void body_cookies(struct bytes in, const struct body_sink *sink, struct arena *arena)
{
	while (in.size != 0) {
		struct bytes piece = bytes_first(in, bytes_index(in, ';'));
		struct bytes name;

		in = bytes_skip(in, piece.size + 1);
		while (piece.size != 0 && is_space(piece.ptr[0]))
			piece = bytes_skip(piece, 1);
		name = bytes_first(piece, bytes_index(piece, '='));
		if (name.size != 0 && sink->arg)
			sink->arg(sink->context, name, bytes_skip(piece, name.size + 1));
	}
}
