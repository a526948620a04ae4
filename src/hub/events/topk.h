// SPDX-License-Identifier: Apache-2.0
/* The heaviest of very many keys in little memory: the "space-saving" sketch.
 *
 * It keeps 'capacity' counters. A key without one takes over the smallest counter, with what that one had counted as
 * its possible error. So for a total weight of N: a kept sum is too high by at most its 'error', never too low; every
 * key with more than N / capacity is kept; and a key that is not kept has at most topk_floor().
 *
 * A. Metwally, D. Agrawal, A. El Abbadi: "Efficient computation of frequent and top-k elements in data streams", ICDT
 * 2005. Sketches are merged by hub/events/rank.h. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum {
	TOPK_KEY_SIZE = 20,
	TOPK_CAPACITY_MAX = 16384,
};

/* Zero bytes fill up a shorter key. */
struct topk_key {
	uint8_t bytes[TOPK_KEY_SIZE];
};

struct topk_entry {
	struct topk_key key;
	uint32_t hash; /* its low bits */
	uint64_t sum, error;
};

/* The fields are for topk.c; readers walk entries[0 .. count). */
struct topk {
	struct topk_entry *entries; /* owned; a heap, the smallest sum first */
	uint16_t *slots; /* owned; position + 1 in 'entries', 0 empty; linear probing */
	uint32_t count, room, capacity, slot_mask;
	bool evicted; /* a key has lost its counter: there may be more than is kept */
};

/* Takes no memory yet. 'capacity': 1 to TOPK_CAPACITY_MAX. */
void topk_init(struct topk *topk, uint32_t capacity);
void topk_done(struct topk *topk);

/* 'hash' of the key: keyed, and the same for the same key. 0 or LUYTRE_E_NOMEM, which leaves the sketch as it was. */
MUST_CHECK int topk_add(struct topk *topk, const struct topk_key *key, uint64_t hash, uint64_t weight);

/* Null when the key has no counter. */
const struct topk_entry *topk_find(const struct topk *topk, const struct topk_key *key, uint64_t hash);

/* What a key without counter may have been seen at most. */
uint64_t topk_floor(const struct topk *topk);
