// SPDX-License-Identifier: Apache-2.0
/* Which events people have marked as seen, by whom and why. Kept in the control database beside the events, so that it is the same
 * whatever store the events are in, and a store's closed segments are never written again.
 *
 * One act of marking is a row; what it marked are rows of 1,024 neighbouring ids with a bit each, since what is marked at once mostly
 * came at once. At most ACKS_BLOCKS_MAX such rows are kept: the oldest acts go first, their events count as not seen again, long after
 * the store has forgotten most of them. A handle belongs to its thread. */
#pragma once

#include "hub/store/audit.h"
#include "hub/store/db.h"

enum {
	ACKS_BLOCK_BITS = 10,
	ACKS_BLOCKS_MAX = 262144, /* some 50 MB */
	ACKS_BLOCKS_ONE_MAX = ACKS_BLOCKS_MAX / 2, /* of one act */
	ACKS_AT_ONCE = 64, /* rows of a transaction: others want to write, too */
	ACKS_TEXT_SIZE = 2048 * 4 + 1,
};

/* Makes the tables. */
MUST_CHECK int acks_setup(struct db *db);

struct acks_act {
	uint64_t id;
	int64_t time_us;
	char reason[32], actor[128], note[ACKS_TEXT_SIZE]; /* note: "" without one */
};

struct acks_block {
	uint64_t block;
	uint8_t bits[(1 << ACKS_BLOCK_BITS) / 8];
};

/* Being written. Ids that lie in one block come one after the other, as they do in the order of ids. */
struct acks_writer {
	struct db *db;
	uint64_t act;
	struct acks_block blocks[ACKS_AT_ONCE]; /* not written yet; the last one is being filled */
	size_t count;
	uint64_t written, events;
};

MUST_CHECK int acks_begin(struct db *db, const struct audit_origin *origin, const char *reason, const char *note,
	struct acks_writer *ret);
/* In descending or ascending order. LUYTRE_E_FULL: the events lie too far apart for one act. */
MUST_CHECK int acks_add(struct acks_writer *writer, uint64_t event);
/* Writes the last block, and forgets the oldest acts when there are too many rows. */
MUST_CHECK int acks_end(struct acks_writer *writer);
/* Instead: nothing of it stays. */
void acks_drop(struct acks_writer *writer);

/* Which of these are marked. */
MUST_CHECK int acks_marked(struct db *db, const uint64_t *events, size_t count, bool *ret);
/* The newest act that marked this one. LUYTRE_E_NOT_FOUND. */
MUST_CHECK int acks_find(struct db *db, uint64_t event, struct acks_act *ret);
