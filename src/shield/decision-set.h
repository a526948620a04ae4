// SPDX-License-Identifier: Apache-2.0
/* The decisions of one IP version in order, in blocks: a directory of sorted arrays of at most 128 records.
 *
 * The order puts a prefix right before everything inside it, so "all below a prefix" is one stretch, "what covers it" is
 * one search for each shorter length in use, and a listing can go on from any key. An insert moves half a block; a bulk
 * load appends.
 *
 * Pointers to records are valid until the next insert or erase. Private to the decisions. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

#define DECISION_TICK_NEVER UINT32_MAX

struct decision_record {
	uint64_t high, low; /* address in host order; IPv4 in the upper half of 'high' */
	uint32_t expiry; /* ticks of the monotonic clock; DECISION_TICK_NEVER */
	uint32_t reason; /* number of its text (decision-text.h) */
	uint32_t node; /* in list_nodes of the active generation; 0: none, it stands in a leaf */
	uint16_t tenant;
	uint8_t length, action, list;
	uint8_t pad[3];
};

struct decision_block {
	uint64_t high, low; /* of the first record: keeps the search in this array */
	struct decision_record *records; /* owned */
	uint32_t count;
	uint32_t expiry_min; /* none of the block expires earlier */
};

struct decision_set {
	struct decision_block *blocks; /* owned */
	uint32_t block_count, block_size;
	uint32_t count; /* records */
	uint32_t of_length[129]; /* records with each prefix length */
	uint32_t expiry_min; /* none expires earlier */
};

struct decision_pos {
	uint32_t block, at;
};

/* A set of zeros is empty. */
void decision_set_done(struct decision_set *set);

/* By address, length, tenant, action, list; as for qsort. */
int decision_record_compare(const struct decision_record *left, const struct decision_record *right);

/* Brings records into this order. The array may be replaced by another one; it belongs to the caller as before. */
void decision_records_sort(struct decision_record **records, size_t count);

/* The first record that is not before 'key'. */
struct decision_pos decision_set_find(const struct decision_set *set, const struct decision_record *key);

/* The record there, or null at the end. */
static inline struct decision_record *decision_set_at(const struct decision_set *set, struct decision_pos pos)
{
	return pos.block < set->block_count ? &set->blocks[pos.block].records[pos.at] : NULL;
}

static inline struct decision_pos decision_set_next(const struct decision_set *set, struct decision_pos pos)
{
	if (++pos.at >= set->blocks[pos.block].count) {
		pos.block++;
		pos.at = 0;
	}
	return pos;
}

/* The record with this key, or null. */
struct decision_record *decision_set_get(const struct decision_set *set, const struct decision_record *key);

/* Takes in a record whose key is not there. 0 or LUYTRE_E_NOMEM. */
MUST_CHECK int decision_set_insert(struct decision_set *set, const struct decision_record *record);

/* Takes in a record behind all others. 0 or LUYTRE_E_NOMEM. */
MUST_CHECK int decision_set_append(struct decision_set *set, const struct decision_record *record);

/* Removes the record with this key, which must be there. */
void decision_set_erase(struct decision_set *set, const struct decision_record *key);

/* To be told when a record's expiry was changed in place. */
void decision_set_expiry_changed(struct decision_set *set, const struct decision_record *record);

/* A record with expiry at or before 'tick', or null; searching costs a look at each block at most, and nothing before
 * the first expiry. */
const struct decision_record *decision_set_expired(struct decision_set *set, uint32_t tick);
