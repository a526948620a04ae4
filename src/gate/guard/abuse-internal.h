// SPDX-License-Identifier: Apache-2.0
/* Between the files of the abuse guard: windows, distinct counts and the entries of its tables. */
#pragma once

#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "gate/guard/abuse.h"
#include "gate/guard/ways.h"

/* Counts in a sliding window: the present one and what is left of the one before. Zeros are a valid start. */
struct window {
	uint64_t number; /* of the present window */
	uint32_t present, before;
};

static inline void window_turn(struct window *window, uint64_t now_ns, uint64_t size_ns)
{
	uint64_t number = now_ns / size_ns + 1;

	if (window->number == number)
		return;
	window->before = window->number + 1 == number ? window->present : 0;
	window->present = 0;
	window->number = number;
}

static inline void window_add(struct window *window, uint32_t count, uint64_t now_ns, uint64_t size_ns)
{
	window_turn(window, now_ns, size_ns);
	if (window->present <= UINT32_MAX - count)
		window->present += count;
}

static inline uint32_t window_sum(struct window *window, uint64_t now_ns, uint64_t size_ns)
{
	uint64_t passed;

	window_turn(window, now_ns, size_ns);
	passed = now_ns % size_ns;
	return (uint32_t)(window->present + window->before * (size_ns - passed) / size_ns);
}

/* How many distinct hashes: linear counting in 256 bits, up to some 700. Begins again with each window. */
struct distinct {
	uint64_t number;
	uint64_t bits[4];
	uint32_t set, before; /* bits set now; the count of the window before */
};

void distinct_add(struct distinct *distinct, uint64_t hash, uint64_t now_ns, uint64_t size_ns);
uint32_t distinct_sum(struct distinct *distinct, uint64_t now_ns, uint64_t size_ns);

enum { WALK_IDS = 8, SPREAD_IDS = 64, NAME_ADDRESSES = 8 };

/* An address or a fingerprint. */
struct client_entry {
	uint64_t arrival_ns; /* theoretical arrival time of GCRA */
	uint64_t held_until_ns;
	enum abuse_reason held_reason;
	enum abuse_action held_action;
	uint64_t struck_until_ns;
	enum abuse_reason struck_reason;
	uint32_t open, open_age; /* requests; those of another age are forgotten */
	struct window logins, failures, steps, ids, strikes;
	struct distinct failed_names, good_names;
	uint64_t last_ids[WALK_IDS];
	uint32_t last_id;
};

struct name_entry {
	struct window failures;
	uint64_t good_addresses[NAME_ADDRESSES]; /* it has logged in from there */
	uint32_t good_next;
};

struct site_entry {
	uint64_t number; /* of the window that is counted */
	uint32_t logins, failures;
	uint32_t learned; /* failures in a thousand, times 16 */
	bool known;
	struct distinct failing;
};

struct spread {
	uint64_t id, address, cluster;
	bool near, next; /* a neighbour of one seen lately; the one that comes behind it */
};

struct endpoint_entry {
	struct spread ring[SPREAD_IDS];
	uint32_t next, count, near, ordered;
	uint64_t held_until_ns;
};

struct abuse {
	struct siphash_key key;
	uint64_t window_ns;
	uint64_t verdicts[ABUSE_REASON_COUNT];
	size_t tables_at[ABUSE_TABLE_COUNT]; /* offsets from this */
	uint32_t open_age;
};

static inline struct ways *abuse_table(struct abuse *abuse, enum abuse_table table)
{
	return (struct ways *)((uint8_t *)abuse + abuse->tables_at[table]);
}

static inline uint64_t abuse_mix(uint64_t left, uint64_t right)
{
	uint64_t hash = (left ^ (right << 31 | right >> 33)) * UINT64_C(0x9e3779b97f4a7c15);

	return hash ^ hash >> 32;
}

struct client_entry *abuse_address(struct abuse *abuse, const struct abuse_client *client, uint64_t now_ns);
struct client_entry *abuse_cluster(struct abuse *abuse, const struct abuse_client *client, uint64_t now_ns);

/* Sets '*ret' and counts it. */
void abuse_say(struct abuse *abuse, enum abuse_action action, enum abuse_reason reason, uint64_t until_ns,
	struct abuse_verdict *ret);
