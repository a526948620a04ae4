// SPDX-License-Identifier: Apache-2.0
/* Comments of C, SQL, shells and HTML, with which words of an attack are torn apart.
 *
 * removeComments has two peculiarities of ModSecurity, kept so that rules mean the same: the byte behind a comment is taken
 * as it is, even if another comment begins there (a NUL when the value ends there), and a comment without end leaves a blank. */
#include "gate/transform/transform-internal.h"

static bool stands_at(struct bytes in, size_t position, const char *mark)
{
	return position < in.size && bytes_starts_with(bytes_skip(in, position), bytes_from_str(mark));
}

/* Where, from 'start' on, the first byte stands with which a mark begins. */
static size_t next_mark(struct bytes in, size_t start)
{
	static const bool begins[256] = { ['/'] = true, ['*'] = true, ['-'] = true, ['#'] = true, ['<'] = true };
	size_t i = start;

	while (i < in.size && !begins[in.ptr[i]])
		i++;
	return i;
}

/* The size of the mark out of 'marks' that stands at 'position', or 0. */
static size_t mark_at(struct bytes in, size_t position, const char *const *marks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (stands_at(in, position, marks[i]))
			return strlen(marks[i]);
	}
	return 0;
}

/* Where the first of two marks stands, whose last bytes and sizes differ; in.size when neither does. */
static size_t comment_end(struct bytes in, size_t position, size_t *ret_mark_size)
{
	static const char *const ends[] = { "*/", "-->" };

	for (;; position++) {
		position = transform_index_any(in, position, '*', '-', '-');
		if (position >= in.size)
			return in.size;
		*ret_mark_size = mark_at(in, position, ends, ARRAY_COUNT(ends));
		if (*ret_mark_size != 0)
			return position;
	}
}

size_t transform_remove_comments(struct bytes in, uint8_t *out)
{
	static const char *const starts[] = { "/*", "<!--" };
	size_t used = 0, i = 0;

	while (i < in.size) {
		size_t mark = next_mark(in, i), mark_size;

		used = transform_copy(in, i, mark, out, used);
		i = mark;
		if (i == in.size)
			break;
		mark_size = mark_at(in, i, starts, ARRAY_COUNT(starts));
		if (mark_size != 0) {
			i = comment_end(in, i + mark_size, &mark_size);
			if (i == in.size) {
				out[used++] = ' ';
				break;
			}
			i += mark_size;
			out[used++] = i < in.size ? in.ptr[i] : 0;
			i++;
			continue;
		}
		if (in.ptr[i] == '#' || stands_at(in, i, "--"))
			break;
		out[used++] = in.ptr[i++];
	}
	return used;
}

size_t transform_remove_comments_char(struct bytes in, uint8_t *out)
{
	static const char *const marks[] = { "/*", "*/", "<!--", "-->", "--", "#" };
	size_t used = 0, i = 0;

	while (i < in.size) {
		size_t mark = next_mark(in, i), mark_size;

		used = transform_copy(in, i, mark, out, used);
		i = mark;
		if (i == in.size)
			break;
		mark_size = mark_at(in, i, marks, ARRAY_COUNT(marks));
		if (mark_size != 0)
			i += mark_size;
		else
			out[used++] = in.ptr[i++];
	}
	return used;
}

/* Comments of C only, each by one blank; a lone end mark stays. */
size_t transform_replace_comments(struct bytes in, uint8_t *out)
{
	size_t used = 0, i = 0;

	for (;;) {
		size_t slash = transform_index_any(in, i, '/', '/', '/');

		used = transform_copy(in, i, slash, out, used);
		i = slash;
		if (i == in.size)
			return used;
		if (!stands_at(in, i, "/*")) {
			out[used++] = in.ptr[i++];
			continue;
		}
		out[used++] = ' ';
		for (i += 2; i < in.size && !stands_at(in, i, "*/"); i++)
			i = transform_index_any(in, i + 1, '*', '*', '*') - 1;
		i = i < in.size ? i + 2 : in.size;
	}
}
