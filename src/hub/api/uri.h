// SPDX-License-Identifier: Apache-2.0
/* The target of a request (RFC 9112, section 3.2.1): a path and a query, decoded and checked.
 *
 * Strict on purpose: what two readers could understand differently (a slash written %2F, empty or dot segments, a
 * backslash, control characters, bytes that are not UTF-8) is refused, so that a proxy before us and the checks behind
 * us always mean the same path. Allocates from the arena only; views live as long as the arena. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/compiler.h"

enum { URI_SIZE_MAX = 8192, URI_QUERY_MAX = 64 };

struct uri_pair {
	struct bytes name, value; /* decoded, with a NUL behind each */
};

struct uri {
	struct bytes path; /* begins with '/', decoded, with a NUL behind it */
	struct uri_pair query[URI_QUERY_MAX];
	size_t query_count;
};

/* 0, LUYTRE_E_SYNTAX, LUYTRE_E_RANGE (too long, too many pairs), LUYTRE_E_NOMEM. */
MUST_CHECK int uri_parse(struct arena *arena, struct bytes target, struct uri *ret);

/* Whether the bytes are UTF-8 (RFC 3629), without surrogates and overlong forms. */
bool uri_is_utf8(struct bytes text);
