// SPDX-License-Identifier: Apache-2.0
#include "hub/events/rank.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/table.h"

#define PAIRS_MAX (1 << 20)

struct merged {
	uint64_t sum, error;
	uint64_t floors; /* of the lists that hold it */
	uint64_t forgiven; /* floors of keys that were dropped while this one was kept: it loses nothing by them */
	int64_t last_tenant;
	uint32_t epoch, tenants_run, tenants_best;
};

struct pair {
	struct topk_key key;
	uint32_t tenant;
};

struct rank {
	struct table *keys; /* struct topk_key to struct merged */
	struct table *pairs; /* struct pair: who was observed where */
	uint64_t floor, floors; /* of this list, of all lists */
	int64_t tenant;
	uint32_t epoch;
};

struct rank *rank_new(void)
{
	struct rank *rank = calloc(1, sizeof(*rank));
	struct siphash_key key;

	if (!rank)
		return NULL;
	if (siphash_key_random(&key) == 0) {
		rank->keys = table_new(sizeof(struct topk_key), sizeof(struct merged), RANK_KEYS_MAX, key);
		rank->pairs = table_new(sizeof(struct pair), 0, PAIRS_MAX, key);
	}
	if (!rank->keys || !rank->pairs) {
		rank_free(rank);
		return NULL;
	}
	rank->tenant = RANK_NO_TENANT;
	return rank;
}

void rank_free(struct rank *rank)
{
	if (!rank)
		return;
	table_free(rank->keys);
	table_free(rank->pairs);
	free(rank);
}

void rank_next_epoch(struct rank *rank)
{
	rank->epoch++;
}

void rank_list(struct rank *rank, int64_t tenant, uint64_t floor)
{
	rank->tenant = tenant;
	rank->floor = floor;
	rank->floors += floor;
}

static int compare_u64(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

struct prune {
	uint64_t threshold;
};

static bool is_light(const void *key, void *value, void *context)
{
	const struct merged *merged = value;
	const struct prune *prune = context;

	return merged->sum - merged->floors <= prune->threshold;
}

/* What was dropped may have had 'threshold' above the floors of the lists that did not hold it. */
static int prune_lighter_half(struct rank *rank)
{
	size_t count = table_count(rank->keys), pos = 0, round = 0, at = 0;
	uint64_t *excess = malloc(count * sizeof(*excess));
	struct prune prune;
	void *value;

	if (!excess)
		return LUYTRE_E_NOMEM;
	while (at < count && table_next(rank->keys, &pos, NULL, &value))
		excess[at++] = ((struct merged *)value)->sum - ((struct merged *)value)->floors;
	qsort(excess, at, sizeof(*excess), compare_u64);
	prune.threshold = excess[at / 2];
	free(excess);
	table_sweep(rank->keys, &round, SIZE_MAX, is_light, &prune);
	rank->floors += prune.threshold;
	pos = 0;
	while (table_next(rank->keys, &pos, NULL, &value))
		((struct merged *)value)->forgiven += prune.threshold;
	return 0;
}

static struct merged *merged_of(struct rank *rank, const struct topk_key *key)
{
	bool created;
	struct merged *merged;

	if (table_count(rank->keys) >= RANK_KEYS_MAX && !table_find(rank->keys, key) && prune_lighter_half(rank) != 0)
		return NULL;
	merged = table_insert(rank->keys, key, &created);
	if (merged && created)
		merged->last_tenant = RANK_NO_TENANT;
	if (merged && merged->epoch != rank->epoch) {
		merged->epoch = rank->epoch;
		merged->tenants_run = 0;
		merged->last_tenant = RANK_NO_TENANT;
	}
	return merged;
}

static void count_tenants(struct merged *merged, uint32_t count)
{
	merged->tenants_run += count;
	if (merged->tenants_run > merged->tenants_best)
		merged->tenants_best = merged->tenants_run;
}

int rank_add(struct rank *rank, const struct topk_key *key, uint64_t sum, uint64_t error, uint32_t tenant_count)
{
	struct merged *merged = merged_of(rank, key);

	if (!merged)
		return LUYTRE_E_NOMEM;
	merged->sum += sum;
	merged->error += error;
	merged->floors += rank->floor;
	if (rank->tenant == RANK_NO_TENANT) {
		if (tenant_count > merged->tenants_best)
			merged->tenants_best = tenant_count;
	} else if (merged->last_tenant != rank->tenant) {
		merged->last_tenant = rank->tenant;
		count_tenants(merged, 1);
	}
	return 0;
}

int rank_observe(struct rank *rank, const struct topk_key *key, uint32_t tenant, uint64_t weight)
{
	struct merged *merged = merged_of(rank, key);
	struct pair pair = { .key = *key, .tenant = tenant };
	bool created = false;

	if (!merged)
		return LUYTRE_E_NOMEM;
	merged->sum += weight;
	/* A set that is full refuses: the number is a lower bound. */
	if (table_insert(rank->pairs, &pair, &created) && created)
		count_tenants(merged, 1);
	return 0;
}

static int compare_entries(const void *left, const void *right)
{
	const struct rank_entry *a = left, *b = right;

	if (a->sum != b->sum)
		return a->sum < b->sum ? 1 : -1;
	return memcmp(&a->key, &b->key, sizeof(a->key));
}

int rank_finish(struct rank *rank, uint32_t limit, struct rank_entry **ret, size_t *ret_count)
{
	size_t count = table_count(rank->keys), pos = 0, at = 0;
	struct rank_entry *entries = calloc(count + 1, sizeof(*entries));
	const void *key;
	void *value;

	if (!entries)
		return LUYTRE_E_NOMEM;
	while (at < count && table_next(rank->keys, &pos, &key, &value)) {
		const struct merged *merged = value;
		uint64_t unheard = rank->floors - merged->floors - merged->forgiven;
		struct rank_entry *entry = &entries[at++];

		memcpy(&entry->key, key, sizeof(entry->key));
		entry->sum = merged->sum + unheard;
		entry->error = merged->error + unheard;
		entry->tenant_count = merged->tenants_best;
	}
	qsort(entries, at, sizeof(*entries), compare_entries);
	*ret = entries;
	*ret_count = at < limit ? at : limit;
	return 0;
}
