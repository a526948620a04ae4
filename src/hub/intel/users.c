// SPDX-License-Identifier: Apache-2.0
#include "hub/intel/users.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/table.h"

#define MAP_BITS 256

struct source {
	uint64_t tenants; /* a bit for each, by hash */
	uint64_t maps[2][MAP_BITS / 64]; /* users of this period and the last */
};

struct users {
	struct table *sources; /* owned: struct observable_key to struct source */
	struct table *parents; /* owned: struct observable_key to uint32_t, good clients inside */
	struct siphash_key key;
	int64_t period_end_us; /* 0 before the first call */
	uint64_t seen;
};

/* The lengths that decisions take, besides those of a source itself. */
static const struct {
	uint8_t family, length;
} parent_rows[] = { { IP_V4, 24 }, { IP_V6, 56 }, { IP_V6, 48 } };

struct users *users_new(size_t max_sources, struct siphash_key key)
{
	struct users *users = calloc(1, sizeof(*users));

	if (!users)
		return NULL;
	users->key = key;
	users->sources = table_new(sizeof(struct observable_key), sizeof(struct source), max_sources, key);
	users->parents = table_new(sizeof(struct observable_key), sizeof(uint32_t), 2 * max_sources, key);
	if (!users->sources || !users->parents) {
		users_free(users);
		return NULL;
	}
	return users;
}

void users_free(struct users *users)
{
	if (!users)
		return;
	table_free(users->sources);
	table_free(users->parents);
	free(users);
}

static struct observable_key key_around(const struct ip_addr *addr, uint8_t length)
{
	struct ip_prefix prefix = ip_prefix_around(addr, length);

	return observable_key_of_prefix(&prefix);
}

static void count_parents(struct users *users, const struct observable_key *source, int step)
{
	struct ip_prefix prefix;

	if (!observable_prefix(source, &prefix))
		return;
	for (size_t i = 0; i < ARRAY_COUNT(parent_rows); i++) {
		struct observable_key key;
		uint32_t *count;

		if (parent_rows[i].family != prefix.addr.family)
			continue;
		key = key_around(&prefix.addr, parent_rows[i].length);
		count = step > 0 ? table_insert(users->parents, &key, NULL) : table_find(users->parents, &key);
		if (!count)
			continue;
		*count += (uint32_t)step;
		if (*count == 0)
			table_remove(users->parents, &key);
	}
}

static bool map_empty(const uint64_t *map)
{
	return (map[0] | map[1] | map[2] | map[3]) == 0;
}

static bool end_period(const void *key, void *value, void *context)
{
	struct source *source = value;

	memcpy(source->maps[1], source->maps[0], sizeof(source->maps[1]));
	memset(source->maps[0], 0, sizeof(source->maps[0]));
	if (!map_empty(source->maps[1]))
		return false;
	count_parents(context, key, -1);
	return true;
}

void users_tick(struct users *users, int64_t now_us)
{
	const int64_t period_us = (int64_t)USERS_PERIOD_S * 1000000;
	size_t pos = 0;

	if (users->period_end_us == 0)
		users->period_end_us = now_us + period_us;
	/* After two periods nothing is left. */
	for (int i = 0; i < 2 && now_us >= users->period_end_us; i++) {
		table_sweep(users->sources, &pos, SIZE_MAX, end_period, users);
		users->period_end_us += period_us;
	}
	if (now_us >= users->period_end_us)
		users->period_end_us = now_us + period_us;
}

int users_add(struct users *users, int64_t now_us, const struct ip_addr *addr, uint32_t tenant, uint64_t user)
{
	struct ip_addr folded = observable_fold(addr);
	struct observable_key key = key_around(&folded, folded.family == IP_V4 ? 32 : 64);
	const uint64_t seed[2] = { tenant, user };
	struct source *source;
	uint64_t bit;
	bool created;

	users_tick(users, now_us);
	source = table_insert(users->sources, &key, &created);
	if (!source)
		return LUYTRE_E_FULL;
	bit = siphash24(users->key, seed, sizeof(seed)) % MAP_BITS;
	source->maps[0][bit / 64] |= UINT64_C(1) << bit % 64;
	source->tenants |= UINT64_C(1) << siphash24(users->key, &tenant, sizeof(tenant)) % 64;
	users->seen++;
	if (created)
		count_parents(users, &key, 1);
	return 0;
}

uint32_t users_estimate(const struct users *users, const struct observable_key *key)
{
	const struct source *source = table_find(users->sources, key);
	unsigned int set = 0;
	uint32_t estimate;

	if (!source)
		return 0;
	for (size_t i = 0; i < MAP_BITS / 64; i++)
		set += (unsigned int)__builtin_popcountll(source->maps[0][i] | source->maps[1][i]);
	estimate = set >= MAP_BITS ? USERS_ESTIMATE_MAX
				   : (uint32_t)lround(-(double)MAP_BITS * log(1 - (double)set / MAP_BITS));
	if (__builtin_popcountll(source->tenants) < 2 && estimate > USERS_ONE_TENANT_MAX)
		return USERS_ONE_TENANT_MAX;
	return estimate;
}

static size_t count_by_walk(const struct users *users, const struct ip_prefix *prefix)
{
	size_t pos = 0, count = 0;
	const void *key;
	struct ip_prefix inner;

	while (table_next(users->sources, &pos, &key, NULL))
		count += observable_prefix(key, &inner) && ip_prefix_covers(prefix, &inner);
	return count;
}

size_t users_count_in(const struct users *users, const struct observable_key *key)
{
	struct ip_prefix prefix;
	uint8_t finest;
	uint32_t *count;

	if (!observable_prefix(key, &prefix))
		return 0;
	finest = prefix.addr.family == IP_V4 ? 32 : 64;
	if (prefix.length >= finest) {
		struct observable_key source = key_around(&prefix.addr, finest);

		return table_find(users->sources, &source) ? 1 : 0;
	}
	for (size_t i = 0; i < ARRAY_COUNT(parent_rows); i++) {
		if (parent_rows[i].family == prefix.addr.family && parent_rows[i].length == prefix.length) {
			count = table_find(users->parents, key);
			return count ? *count : 0;
		}
	}
	return count_by_walk(users, &prefix);
}

size_t users_count(const struct users *users)
{
	return table_count(users->sources);
}

void users_stats(const struct users *users, struct users_stats *ret)
{
	*ret = (struct users_stats){
		.sources = table_count(users->sources), .seen = users->seen, .refused = table_refused(users->sources)
	};
}
