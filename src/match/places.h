// SPDX-License-Identifier: Apache-2.0
/* Finds byte strings that can begin at a few known places of a buffer only: for the part of a literal set whose windows leave
 * no choice, such as "the third byte on", which is how rules for binary protocols mostly look.
 *
 * For match/literals.c only. Each string is filed under the offset and the value of one of its first bytes. A search looks
 * at the byte of each offset that any string is filed under, some dozens at most, and compares the few strings
 * filed there; the rest of the buffer is not touched, however long it is.
 *
 * Immutable once made: threads share it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct places;

struct places_literal {
	struct bytes bytes; /* borrowed, at least one byte; lower case when 'nocase' */
	uint32_t id; /* what the callback is told */
	uint32_t first, last; /* offsets at which it may begin; each costs memory */
	bool nocase;
};

/* 'end' is the offset behind the last byte of the literal. False ends the scan. */
typedef bool (*places_hit_fn)(void *context, uint32_t id, size_t end);

/* Copies the array, not the bytes of the literals. '*ret' is freed with places_free. 0 or LUYTRE_E_NOMEM. */
MUST_CHECK int places_new(const struct places_literal *literals, size_t count, struct places **ret);

/* Accepts null. */
void places_free(struct places *places);

/* Tells every place of every literal in 'in', in no order. False when the callback ended it. */
bool places_scan(const struct places *places, struct bytes in, places_hit_fn hit, void *context);

/* Bytes of memory. */
size_t places_memory(const struct places *places);
