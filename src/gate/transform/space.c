// SPDX-License-Identifier: Apache-2.0
/* White space: blank, \t \n \v \f \r; removeWhitespace also takes the bytes of a no-break space, 0xa0 in Latin-1 and 0xc2 0xa0
 * in UTF-8, wherever they stand. */
#include "gate/transform/transform-internal.h"

size_t transform_compress_whitespace(struct bytes in, uint8_t *out)
{
	size_t used = 0;
	bool before = false;

	for (size_t i = 0; i < in.size; i++) {
		bool space = is_space(in.ptr[i]);

		/* Written in any case and kept or overwritten: cheaper than a branch that cannot be predicted. */
		out[used] = space ? ' ' : in.ptr[i];
		used += !(space && before);
		before = space;
	}
	return used;
}

size_t transform_remove_whitespace(struct bytes in, uint8_t *out)
{
	size_t used = 0;

	for (size_t i = 0; i < in.size; i++) {
		out[used] = in.ptr[i];
		used += !is_space(in.ptr[i]) && in.ptr[i] != 0xa0 && in.ptr[i] != 0xc2;
	}
	return used;
}

static size_t trim(struct bytes in, bool left, bool right, uint8_t *out)
{
	size_t start = 0, end = in.size;

	while (left && start < end && is_space(in.ptr[start]))
		start++;
	while (right && end > start && is_space(in.ptr[end - 1]))
		end--;
	return transform_copy(in, start, end, out, 0);
}

size_t transform_trim(struct bytes in, uint8_t *out)
{
	return trim(in, true, true, out);
}

size_t transform_trim_left(struct bytes in, uint8_t *out)
{
	return trim(in, true, false, out);
}

size_t transform_trim_right(struct bytes in, uint8_t *out)
{
	return trim(in, false, true, out);
}

/* What cmdLine does with a byte. Everything else is copied, as lower case. */
enum cmd_line_kind { CMD_COPY, CMD_DROP, CMD_SPACE, CMD_CLOSE };

/* A command line as shells see it: without quotes, escapes and carets, words apart by one blank, none before / and (. */
size_t transform_cmd_line(struct bytes in, uint8_t *out)
{
	static const uint8_t kinds[256] = {
		['"'] = CMD_DROP,
		['\''] = CMD_DROP,
		['\\'] = CMD_DROP,
		['^'] = CMD_DROP,
		[' '] = CMD_SPACE,
		[','] = CMD_SPACE,
		[';'] = CMD_SPACE,
		['\t'] = CMD_SPACE,
		['\r'] = CMD_SPACE,
		['\n'] = CMD_SPACE,
		['/'] = CMD_CLOSE,
		['('] = CMD_CLOSE,
	};
	size_t used = 0;
	bool space = false;

	for (size_t i = 0; i < in.size; i++) {
		uint8_t kind = kinds[in.ptr[i]];

		if (kind == CMD_DROP)
			continue;
		if (kind == CMD_SPACE) {
			out[used] = ' ';
			used += !space;
			space = true;
			continue;
		}
		used -= kind == CMD_CLOSE && space;
		out[used++] = ascii_lower(in.ptr[i]);
		space = false;
	}
	return used;
}
