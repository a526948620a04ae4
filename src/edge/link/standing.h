// SPDX-License-Identifier: Apache-2.0
/* The decisions of the hub as this edge knows them: by number, and what follows from them for the shield.
 *
 * The shield names a decision by prefix and tenant; the hub may have several about the same. The shield gets the one that lasts longest,
 * and loses it when the last of them is lifted. Only blocks are given to the shield: it cannot do less. A prefix that is wider than a
 * registry gives out at once (IPv4 /8, IPv6 /16) is not placed, nor is a block that overlaps with what this edge never blocks (its
 * veto). What comes out is told to a function, as changes.
 *
 * Bounded; one thread at a time. Times are real ones, in microseconds. */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "bus/delta.h"
#include "edge/link/message.h"

enum { STANDING_WIDEST_V4 = 8, STANDING_WIDEST_V6 = 16 };

struct standing_stats {
	uint64_t count; /* decisions */
	uint64_t refused; /* beyond the ceiling, since the start */
	uint64_t unplaced; /* known, but not for the shield, since the start */
	uint64_t vetoed; /* blocks that this edge refuses, since the start */
};

struct standing;

typedef void (*standing_emit_fn)(void *context, const struct link_change *change);
typedef void (*standing_veto_fn)(void *context, uint64_t id);

struct standing *standing_new(size_t max_count); /* null without memory */
void standing_free(struct standing *standing); /* accepts null */

/* What is never blocked here; borrowed. 'veto' hears of each block that is refused for it, when it comes or comes anew. Before anything is
 * applied. */
void standing_set_never(struct standing *standing, const struct ip_prefix *prefixes, size_t count,
	standing_veto_fn veto, void *context);

/* A change of the hub. One that has ended already counts as lifted. 'emit' may be null. */
void standing_apply(struct standing *standing, const struct delta_change *change, int64_t now_us, standing_emit_fn emit,
	void *context);
/* Forgets everything and emits nothing. */
void standing_clear(struct standing *standing);
/* Emits all that the shield should have. */
void standing_each(const struct standing *standing, int64_t now_us, standing_emit_fn emit, void *context);
/* Forgets some of those that have ended, a slice at each call. The shield knows their end itself. */
void standing_expire(struct standing *standing, int64_t now_us, size_t slots_budget);
/* The number of a decision about exactly this address, or 0. */
uint64_t standing_find(const struct standing *standing, const struct ip_addr *addr);

void standing_read_stats(const struct standing *standing, struct standing_stats *ret);
