// SPDX-License-Identifier: Apache-2.0
/* Sizes of the shield's tables, and the tables in ordinary memory. See maps.h. */
#include "shield/maps.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include "base/error.h"

enum {
	WORDS = SHIELD_LINE_WORDS,
	V6_PER_LINE_WANTED = 1, /* three fit; keys of a table in use cannot move, so lines fill unevenly */
	TRIE_NODES_PER_PREFIX = 2,
	FILTER_DECISIONS_PER_LINE = 64, /* eight bits each */
	HOSTS_PER_LINE_WANTED = 4, /* eight fit */
};

static uint32_t round_up_power(uint64_t value)
{
	uint32_t power = 1;

	while (power < value && power < 1u << 30)
		power <<= 1;
	return power;
}

static uint32_t lines_for(uint32_t entries)
{
	uint32_t lines = round_up_power((entries + WORDS - 1) / WORDS);

	return lines < 8 ? 8 : lines;
}

void shield_maps_layout(const struct shield_sizes *sizes, struct shield_maps *ret)
{
	uint32_t slots = sizes->tenants + 1;

	memset(ret, 0, sizeof(*ret));
	ret->globals_count = 1;
	ret->tenants_count = 2 * slots;
	ret->names_count = slots;
	ret->tenant_states_count = slots;
	ret->tenant_root_count = 2 * 4096;
	ret->tenant_nodes_count = 2 * (sizes->tenant_prefixes * TRIE_NODES_PER_PREFIX + 1) * 16;
	ret->tenant6_count = 2 * round_up_power(sizes->tenant_prefixes / V6_PER_LINE_WANTED + 1);
	ret->port_sets_count = 2 * sizes->port_sets * 128;
	ret->list_hosts_count = 2 * round_up_power(sizes->decisions / HOSTS_PER_LINE_WANTED + 8);
	ret->list_filter_count = 2 * round_up_power(sizes->decisions / FILTER_DECISIONS_PER_LINE + 1);
	ret->list_cover_count = 2 * 128;
	ret->list_root_count = 2u << 20;
	/* Only prefixes of /25 to /31 take chunks: of those, a quarter of all decisions may be each alone in
	 * its /24, or as many as there are in a few. */
	ret->list_chunks_count = 2 * (uint32_t)((uint64_t)sizes->decisions / 4 + 1024);
	ret->list_nodes_count = 2 * (sizes->decisions + sizes->decisions_v6 + 64);
	ret->list6_count = 2 * round_up_power(sizes->decisions_v6 / V6_PER_LINE_WANTED + 1);
	ret->signatures_count = sizes->signatures;
	ret->sources_count = lines_for(sizes->sources);
	ret->proven_count = lines_for(sizes->proven);
	ret->flows_count = lines_for(sizes->flows);
	ret->fragments_count = lines_for(sizes->fragments);
	ret->destinations_count = lines_for(sizes->destinations * 2); /* two words each */
	ret->counters_count = sizes->cpus * slots * SHIELD_REASON_SLOTS * 2;
	ret->traffic_count = sizes->cpus * slots * SHIELD_CLASS_COUNT;
	ret->cpus_count = sizes->cpus;
}

int shield_maps_format(struct shield_maps *maps, const struct shield_sizes *sizes, uint64_t now_ns)
{
	struct shield_globals *g = maps->globals;
	struct timespec tick;

	if (getrandom(g->hash_key, sizeof(g->hash_key), 0) != sizeof(g->hash_key) ||
		getrandom(g->cookie_key, sizeof(g->cookie_key), 0) != sizeof(g->cookie_key))
		return LUYTRE_E_SYSTEM;
	/* The coarse clock steps once a timer interrupt, and says how far (HZ). */
	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || tick.tv_sec || tick.tv_nsec <= 0)
		return LUYTRE_E_SYSTEM;
	g->clock_tick_ns = (uint64_t)tick.tv_nsec;
	g->clock_second_ticks = 1000000000 / g->clock_tick_ns;
	g->expiry_base_tick = now_ns >> 30;
	g->tenants = sizes->tenants + 1;
	g->tenant_nodes = maps->tenant_nodes_count / 32;
	g->list_hosts_mask = maps->list_hosts_count / 2 - 1;
	g->list_filter_mask = maps->list_filter_count / 2 - 1;
	g->list_chunks = maps->list_chunks_count / 2;
	g->list_nodes = maps->list_nodes_count / 2;
	g->list6_mask = maps->list6_count / 2 - 1;
	g->tenant6_mask = maps->tenant6_count / 2 - 1;
	g->port_sets = sizes->port_sets;
	g->signatures = sizes->signatures;
	g->cpus = sizes->cpus;
	return 0;
}

/* Fresh anonymous pages: zero already, and an unused table costs next to nothing. */
static void *map_pages(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

static int allocate(struct shield_maps *maps)
{
#define X(name, type)                                                                                                  \
	maps->name = map_pages((size_t)maps->name##_count * sizeof(type));                                             \
	if (!maps->name)                                                                                               \
		return LUYTRE_E_NOMEM;
	SHIELD_MAPS(X)
#undef X
	return 0;
}

struct shield_maps *shield_maps_new(const struct shield_sizes *sizes, uint64_t now_ns)
{
	struct shield_maps *maps = malloc(sizeof(*maps));

	if (!maps)
		return NULL;
	shield_maps_layout(sizes, maps);
	if (allocate(maps) || shield_maps_format(maps, sizes, now_ns)) {
		shield_maps_free(maps);
		return NULL;
	}
	return maps;
}

void shield_maps_free(struct shield_maps *maps)
{
	if (!maps)
		return;
#define X(name, type)                                                                                                  \
	if (maps->name)                                                                                                \
		munmap(maps->name, (size_t)maps->name##_count * sizeof(type));
	SHIELD_MAPS(X)
#undef X
	free(maps);
}
