// SPDX-License-Identifier: Apache-2.0
/* Where lines of a message's head end. Requests end lines with LF or CRLF. In responses, where browsers are more
 * tolerant, a CR alone ends a header line too, and LF CR counts as one line end.
 *
 * Pure functions; run over the same bytes again, a scan finds the same lines, wherever the input was cut. */
#pragma once

#include "base/bytes.h"

struct line_scan {
	bool response; /* set by the caller */
	bool bare_lf; /* the line before ended with LF alone */
	bool lf_cr; /* ... and the CR behind it was counted to it */
};

enum line_status { LINE_FOUND, LINE_MORE };

/* The line that starts at 'start': *ret_end is behind its end. 'final': no further input comes, what is there is the last
 * line. */
enum line_status line_next(struct line_scan *scan, struct bytes in, size_t start, bool final, size_t *ret_end);

/* The first line of a response, which ends with LF or with a CR before another byte. */
enum line_status line_first(struct bytes in, bool final, size_t *ret_end);

/* The empty line behind the headers. 'next' is the byte behind it, -1 when it is not known. LINE_MORE: depends on it. */
enum line_status line_ends_headers(const struct line_scan *scan, struct bytes line, int next, bool *ret_ends);

static inline bool line_is_folded(struct bytes line)
{
	return line.size != 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t' || line.ptr[0] == 0);
}
