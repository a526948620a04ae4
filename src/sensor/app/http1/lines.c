// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/http1/lines.h"

static enum line_status next_in_request(struct bytes in, size_t start, bool final, size_t *ret_end)
{
	size_t end = start + bytes_index(bytes_skip(in, start), '\n');

	if (end < in.size) {
		*ret_end = end + 1;
		return LINE_FOUND;
	}
	*ret_end = in.size;
	return final ? LINE_FOUND : LINE_MORE;
}

/* Does the CR at 'at' of a line from 'start' end it? The byte behind it is there. */
static bool cr_ends(struct bytes in, size_t start, size_t at)
{
	return in.ptr[at + 1] != '\r' && at != start;
}

enum line_status line_next(struct line_scan *scan, struct bytes in, size_t start, bool final, size_t *ret_end)
{
	size_t at = start, end;

	if (!scan->response)
		return next_in_request(in, start, final, ret_end);
	if (scan->bare_lf && start < in.size && in.ptr[start] == '\r')
		at++; /* LF CR was one line end */
	end = at + bytes_index(bytes_skip(in, at), '\n');
	for (size_t cr = at;; cr++) {
		cr += bytes_index(bytes_first(bytes_skip(in, cr), end - cr), '\r');
		if (cr >= end || cr + 1 >= in.size)
			break;
		if (in.ptr[cr + 1] == '\n') {
			scan->lf_cr = at != start;
			scan->bare_lf = false;
			*ret_end = cr + 2;
			return LINE_FOUND;
		}
		if (cr_ends(in, at, cr)) {
			scan->bare_lf = scan->lf_cr = false;
			*ret_end = cr + 1;
			return LINE_FOUND;
		}
	}
	if (end < in.size) {
		scan->lf_cr = at != start;
		scan->bare_lf = true;
		*ret_end = end + 1;
		return LINE_FOUND;
	}
	*ret_end = in.size;
	return final ? LINE_FOUND : LINE_MORE;
}

enum line_status line_first(struct bytes in, bool final, size_t *ret_end)
{
	size_t end = bytes_index(in, '\n');
	size_t cr = bytes_index(bytes_first(in, end), '\r');

	if (cr < end && cr + 1 < in.size && in.ptr[cr + 1] != '\n') {
		*ret_end = cr + 1;
		return LINE_FOUND;
	}
	if (end < in.size) {
		*ret_end = end + 1;
		return LINE_FOUND;
	}
	*ret_end = in.size;
	return final ? LINE_FOUND : LINE_MORE;
}

enum line_status line_ends_headers(const struct line_scan *scan, struct bytes line, int next, bool *ret_ends)
{
	if (scan->lf_cr && line.size != 0 && line.ptr[0] == '\r')
		line = bytes_skip(line, 1);
	*ret_ends = (line.size == 1 && (line.ptr[0] == '\n' || line.ptr[0] == '\r')) ||
		    (line.size == 2 && line.ptr[0] == '\r' && line.ptr[1] == '\n');
	if (*ret_ends || !scan->response || line.size != 2 || line.ptr[1] != '\n' ||
		(line.ptr[0] != ' ' && line.ptr[0] != '\t'))
		return LINE_FOUND;
	/* A blank and LF: the end when it is not followed by a real one. */
	if (next < 0)
		return LINE_MORE;
	*ret_ends = next != '\n';
	return LINE_FOUND;
}
