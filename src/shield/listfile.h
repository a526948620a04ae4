// SPDX-License-Identifier: Apache-2.0
/* Reads a list file: addresses and prefixes, one a line (docs/lists.md).
 *
 *	192.0.2.1		# a comment, also behind ';'
 *	198.51.100.0/24 tag other-tag
 *	203.0.113.7-203.0.113.9	; a range, split into prefixes
 *	2001:db8::/32
 *
 * The words behind the first are tags of the list's maker and not read. Lines may end with CR LF; a byte order mark at
 * the beginning is skipped. A file with any fault is refused whole: what was found, what was expected, and the line.
 * The reader knows nothing of decisions; duplicates and overlaps are none of its business. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/net.h"

#define LISTFILE_SIZE_MAX    (512u << 20)
#define LISTFILE_LINE_MAX    1024 /* bytes, comment included */
#define LISTFILE_LINES_MAX   16000000u
#define LISTFILE_ENTRIES_MAX 8000000u /* prefixes, after ranges were split */

struct listfile {
	struct ip_prefix *items; /* owned, in the order of the file */
	size_t count;
	size_t lines;
};

struct listfile_error {
	char file[256];
	size_t line; /* from 1; 0 when no line is to blame */
	char found[96]; /* safe to print: anything but printable ASCII is shown as '?' */
	char expected[160];
};

/* Reads the file. 0, LUYTRE_E_IO (cannot be read), LUYTRE_E_SYNTAX, LUYTRE_E_RANGE, LUYTRE_E_HOST_BITS, LUYTRE_E_FULL
 * (a ceiling above) or LUYTRE_E_NOMEM. '*ret' is written on success only and freed with listfile_done, '*ret_error' on
 * failure only. */
MUST_CHECK int listfile_read(const char *path, struct listfile *ret, struct listfile_error *ret_error);

/* The same from memory; 'name' is for the error. */
MUST_CHECK int listfile_parse(
	struct bytes text, const char *name, struct listfile *ret, struct listfile_error *ret_error);

void listfile_done(struct listfile *list);

/* One line: "FILE:LINE: found X, expected Y". Returns 'text'. */
const char *listfile_error_text(const struct listfile_error *error, char *text, size_t text_size);
