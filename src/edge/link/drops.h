// SPDX-License-Identifier: Apache-2.0
/* Dropped packets, counted for each source, reason and minute: what a flood becomes before it is told.
 *
 * Bounded: when the table is full, the smallest of a few goes, and its packets are counted as evicted. So the large ones
 * stay whatever else comes, and memory and messages have a ceiling under any flood. One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/net.h"

enum { DROPS_WORD_SIZE = 48, DROPS_LATE_S = 2 };

/* One row: also what is added. */
struct drops_row {
	struct ip_addr src, dst; /* dst: the first that was seen */
	char reason[DROPS_WORD_SIZE], tenant[DROPS_WORD_SIZE];
	uint8_t protocol;
	bool shadow; /* would have been dropped */
	bool estimated; /* from samples */
	uint64_t packets, bytes;
	uint64_t decision; /* the hub's, when one named the source; 0: none */
	int64_t minute; /* since 1970 */
};

struct drops;

typedef void (*drops_fn)(void *context, const struct drops_row *row);

struct drops *drops_new(size_t max_count); /* null without memory */
void drops_free(struct drops *drops); /* accepts null */

/* Adds to the row of its source, reason, shadow and minute. */
void drops_add(struct drops *drops, const struct drops_row *row);
/* Gives out and forgets the rows of minutes that ended before 'now_us' (a few seconds are left for what comes late); all of them at
 * INT64_MAX. */
void drops_flush(struct drops *drops, int64_t now_us, drops_fn fn, void *context);
/* Packets whose row was evicted, since the start. */
uint64_t drops_evicted(const struct drops *drops);
