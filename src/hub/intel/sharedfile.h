// SPDX-License-Identifier: Apache-2.0
/* Reads lists of known addresses and names into a set (hub/intel/shared.h): our own text format and the JSON of MISP's
 * warning lists. Both formats and what is taken from them: docs/intel.md.
 *
 *	# kind PREFIX-or-NAME [users=N]		comments behind '#'
 *	nat 203.0.113.0/24 users=500
 *	allow 198.51.100.7
 *	allow example.vn			that name
 *	allow .example.vn			and all below
 *
 * Readers are functions of bytes. A text with any fault is refused whole, but what stood before the fault may already
 * be in the set: throw the set away. Of a warning list's entries those that this program cannot compare (regular
 * expressions, parts of strings, bare host names) are skipped and counted, for such a list is made by others. */
#pragma once

#include <stddef.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "hub/intel/shared.h"

#define SHAREDFILE_SIZE_MAX (64u << 20)
#define SHAREDFILE_LINE_MAX 1024

struct sharedfile_error {
	char name[256]; /* of the list */
	size_t line; /* from 1; 0 when no line is to blame */
	char found[96]; /* safe to print: anything but printable ASCII is shown as '?' */
	char expected[160];
};

struct sharedfile_counts {
	size_t prefixes, names, skipped;
};

/* Our own format. 0, LUYTRE_E_SYNTAX, LUYTRE_E_RANGE, LUYTRE_E_FULL, LUYTRE_E_NOMEM. '*ret' on success only,
 * '*ret_error' on failure only; each may be null. */
MUST_CHECK int sharedfile_parse(struct shared *shared, struct bytes text, const char *name,
	struct sharedfile_counts *ret, struct sharedfile_error *ret_error);

/* A warning list of MISP; all its entries get 'kind' and 'users' (0: as usual), as the format has no such words. Names
 * are taken with SHARED_ALLOW only. The list's own "name" is its name in the set. */
MUST_CHECK int sharedfile_parse_misp(struct shared *shared, struct bytes text, const char *name, enum shared_kind kind,
	uint32_t users, struct sharedfile_counts *ret, struct sharedfile_error *ret_error);

/* "NAME:LINE: found X, expected Y". Returns 'text'. */
const char *sharedfile_error_text(const struct sharedfile_error *error, char *text, size_t text_size);
