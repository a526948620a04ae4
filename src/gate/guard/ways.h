// SPDX-License-Identifier: Apache-2.0
/* A table that forgets: fixed memory, keys that are already keyed hashes, the oldest of eight gives way.
 *
 * For counters about clients, names and sessions, where losing one costs little and growing costs much. A key belongs to one bucket
 * of eight places (an eight-way cache): a new key takes an empty place, else one that has expired, else the one that was used longest
 * ago, which is counted as an eviction. So nothing grows and no call takes longer than eight comparisons.
 *
 * Keys must come from a keyed hash (base/siphash.h), or an outsider could fill one bucket. The table lies in memory that the caller
 * gives and holds no pointers: it may be shared between processes at different addresses. The caller locks. Values are plain bytes,
 * aligned to 8. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ways;

struct ways_counters {
	uint64_t created;
	uint64_t expired; /* places taken over from entries whose time was over */
	uint64_t evicted; /* entries thrown out before their time */
};

/* Bytes for a table of at least 'count' values. */
size_t ways_size(size_t value_size, size_t count);

/* Makes an empty table in 'memory' (ways_size bytes, aligned to 8). An entry not used for 'ttl_ns' is gone. */
struct ways *ways_place(void *memory, size_t value_size, size_t count, uint64_t ttl_ns);

/* The value under 'key', or null. Counts as use when 'now_ns' is later than the last. */
void *ways_find(struct ways *table, uint64_t key, uint64_t now_ns);

/* The same, made with zeros when there is none; never null. */
void *ways_get(struct ways *table, uint64_t key, uint64_t now_ns);

struct ways_counters ways_counters(const struct ways *table);

/* How many entries there are room for. */
size_t ways_places(const struct ways *table);
