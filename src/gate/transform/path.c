// SPDX-License-Identifier: Apache-2.0
/* Paths without what means nothing: double slashes, "." and, together with the folder before it, "..". A relative path keeps
 * the ".." that lead out of it, an absolute one cannot be left. A path ends with a slash when it did so before, except that
 * nothing at all stays nothing.
 *
 * A longer name that ends in ".." goes away alone, unless it is one of three bytes at the very start: a peculiarity of
 * ModSecurity, kept so that rules mean the same. */
#include "gate/transform/transform-internal.h"

static bool is_slash(uint8_t byte, bool windows)
{
	return byte == '/' || (windows && byte == '\\');
}

static size_t segment_end(struct bytes in, size_t start, bool windows)
{
	return transform_index_any(in, start, '/', windows ? '\\' : '/', '/');
}

/* Takes the last segment of 'out' away, with the slash before it; 'floor' bytes stay in any case. */
static size_t without_last(const uint8_t *out, size_t used, size_t floor)
{
	while (used > floor && out[used - 1] != '/')
		used--;
	return used > floor ? used - 1 : floor;
}

static bool is_dotted_name(struct bytes segment, bool first_of_relative)
{
	return segment.size > (first_of_relative ? 3 : 2) && segment.ptr[segment.size - 1] == '.' &&
	       segment.ptr[segment.size - 2] == '.';
}

static size_t normalise(struct bytes in, bool windows, uint8_t *out)
{
	bool absolute = in.size != 0 && is_slash(in.ptr[0], windows);
	bool closed = in.size != 0 && is_slash(in.ptr[in.size - 1], windows);
	size_t used = 0;
	size_t floor = 0; /* behind the ".." that stay */

	for (size_t i = 0, end; i < in.size; i = end + 1) {
		struct bytes segment;

		end = segment_end(in, i, windows);
		segment = bytes_of(in.ptr + i, end - i);
		if (segment.size == 0 || bytes_equal_str(segment, ".") ||
			is_dotted_name(segment, !absolute && used == 0))
			continue;
		if (bytes_equal_str(segment, "..") && (absolute || used > floor)) {
			used = without_last(out, used, floor);
			continue;
		}
		if (absolute || used != 0)
			out[used++] = '/';
		used = transform_copy(in, i, end, out, used);
		if (bytes_equal_str(segment, ".."))
			floor = used;
	}
	if (closed && (absolute || used != 0))
		out[used++] = '/';
	return used;
}

size_t transform_normalise_path(struct bytes in, uint8_t *out)
{
	return normalise(in, false, out);
}

size_t transform_normalise_path_win(struct bytes in, uint8_t *out)
{
	return normalise(in, true, out);
}
