// SPDX-License-Identifier: Apache-2.0
/* Merges many top lists (hub/events/topk.h) into one, and takes single observations as well.
 *
 * A list that has evicted keys says of a key it does not hold only "at most its floor". So the merged sum of a key is
 * what the lists that hold it say, plus the floors of those that do not; its error likewise. It is an upper bound, too
 * high by at most 'error'. When RANK_KEYS_MAX keys are held, the lighter half is dropped and its heaviest becomes one
 * more floor: memory is bounded, the bounds still hold.
 *
 * Tenants: each list belongs to one tenant, or to all with a number for each key. Lists are given epoch by epoch (a
 * segment), tenant by tenant within; the answer is the largest number of any epoch: at least so many.
 *
 * One thread at a time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "hub/events/topk.h"

enum { RANK_KEYS_MAX = 1 << 19, RANK_NO_TENANT = -1 };

struct rank;

struct rank_entry {
	struct topk_key key;
	uint32_t tenant_count;
	uint64_t sum, error;
};

/* Null without memory. */
struct rank *rank_new(void);
void rank_free(struct rank *rank);

/* What follows belongs to another segment. */
void rank_next_epoch(struct rank *rank);

/* A list follows: its tenant (RANK_NO_TENANT: of all) and its floor. */
void rank_list(struct rank *rank, int64_t tenant, uint64_t floor);

/* A key of the list. 'tenant_count' counts for lists of all tenants only. 0 or LUYTRE_E_NOMEM. */
MUST_CHECK int rank_add(
	struct rank *rank, const struct topk_key *key, uint64_t sum, uint64_t error, uint32_t tenant_count);

/* One observation, in any order of tenants. 0 or LUYTRE_E_NOMEM. */
MUST_CHECK int rank_observe(struct rank *rank, const struct topk_key *key, uint32_t tenant, uint64_t weight);

/* The heaviest 'limit', heaviest first, equal ones by key. '*ret' is freed by the caller with free(). */
MUST_CHECK int rank_finish(struct rank *rank, uint32_t limit, struct rank_entry **ret, size_t *ret_count);
