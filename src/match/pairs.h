// SPDX-License-Identifier: Apache-2.0
/* Searches for many byte strings at once without an automaton: for the part of a literal set that would slow one down.
 *
 * For match/literals.c only. Of each literal the two neighbouring bytes that are rarest in traffic are its pair. A map of
 * 64 KiB (of which traffic touches a small part) tells for each two bytes of the buffer whether any literal has them for its
 * pair; where one does, the few literals of that pair are compared. Literals of one byte have no pair: they are
 * looked for one by one with memchr(), which reads some 30 bytes a nanosecond; so are up to four longer ones without others,
 * with match/finder.h.
 *
 * Immutable once made: threads share it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct pairs;

struct pairs_literal {
	struct bytes bytes; /* borrowed, at least one byte; lower case when 'nocase' */
	uint32_t id; /* what the callback is told */
	bool nocase;
	bool first_only; /* the caller has no use for any place but the first; later ones may still be told */
};

/* 'end' is the offset behind the last byte of the literal. False ends the scan. */
typedef bool (*pairs_hit_fn)(void *context, uint32_t id, size_t end);

/* Copies the array, not the bytes of the literals. '*ret' is freed with pairs_free. 0 or LUYTRE_E_NOMEM. */
MUST_CHECK int pairs_new(const struct pairs_literal *literals, size_t count, struct pairs **ret);

/* Accepts null. */
void pairs_free(struct pairs *pairs);

/* Tells every place of every literal in 'in', in no order. False when the callback ended it. */
bool pairs_scan(const struct pairs *pairs, struct bytes in, pairs_hit_fn hit, void *context);

/* Bytes of memory. */
size_t pairs_memory(const struct pairs *pairs);
