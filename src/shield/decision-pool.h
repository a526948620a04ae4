// SPDX-License-Identifier: Apache-2.0
/* Hands out the numbers of table entries, and holds returned ones back until no packet can still be reading them.
 *
 * A returned number waits for DECISIONS_GRACE_NS at least: the numbers returned since the last turn form one list that
 * begins to wait at the next decision_pool_turn(), which is always after the store that took them out of the tables.
 * Two classes share one range of numbers: single entries, and runs of consecutive ones. Runs that are free are split
 * when singles run out; singles never become runs again before the next reset.
 *
 * Private to the decisions. One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

enum decision_pool_class { DECISION_POOL_SINGLE, DECISION_POOL_RUN, DECISION_POOL_CLASSES };

struct decision_pool_list {
	uint32_t head, tail, count; /* linked through decision_pool.link; 0 ends it */
};

struct decision_pool {
	uint32_t *link; /* owned; one for each number */
	uint32_t limit; /* numbers are 1 .. limit - 1 */
	uint32_t next; /* never handed out from here on */
	uint32_t run_size;
	struct decision_pool_list free[DECISION_POOL_CLASSES];
	struct decision_pool_list returned[DECISION_POOL_CLASSES];
	struct decision_pool_list waiting[DECISION_POOL_CLASSES];
	uint64_t waiting_since_ns;
	uint32_t used; /* numbers that are not free, the waiting ones included */
};

/* 0 or LUYTRE_E_NOMEM. 'run_size' 0: no runs. */
MUST_CHECK int decision_pool_init(struct decision_pool *pool, uint32_t limit, uint32_t run_size);
void decision_pool_done(struct decision_pool *pool);

/* Everything is free again. */
void decision_pool_reset(struct decision_pool *pool);

/* Frees what has waited long enough. Call it before each change, with the time of the change. */
void decision_pool_turn(struct decision_pool *pool, uint64_t now_ns);

/* True when 'count' (of RUN: one) can be taken. */
bool decision_pool_has(const struct decision_pool *pool, enum decision_pool_class class_id, uint32_t count);

/* A number, or 0 when there is none. */
uint32_t decision_pool_take(struct decision_pool *pool, enum decision_pool_class class_id);

/* Returns a number; it must be out of the tables when the next turn comes. */
void decision_pool_return(struct decision_pool *pool, enum decision_pool_class class_id, uint32_t number);
