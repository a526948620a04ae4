// SPDX-License-Identifier: Apache-2.0
/* The table of destinations (see flood-hosts.h). */
#include "shield/flood-hosts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 8, AHEAD = 16 };

/* A key of 0 is a free place. */
#define KEY_USED      (1ull << 63)
#define KEY_LEVEL(k)  ((enum hosts_level)((k) >> 56 & 1))
#define KEY_FAMILY(k) ((uint8_t)((k) >> 48 & 15))
#define KEY_TENANT(k) ((uint16_t)((k) >> 32))
#define KEY_OWNER     (0xffffull << 32)

struct entry {
	struct baseline_quick quick;
	float pending; /* the last whole second, learned when the next one was calm too; below 0: none */
	uint32_t tick; /* of 'now' */
	uint32_t now, before[2];
	uint32_t second_tick, second_packets;
};

struct hosts {
	uint64_t *keys;
	struct entry *entries;
	uint32_t *touched; /* prefixes that got packets in this tick */
	size_t touched_count;
	uint64_t seed, evicted;
	uint32_t mask; /* of sets */
	size_t count[2];
};

static uint64_t key_of(uint32_t address, uint16_t tenant, uint8_t family, enum hosts_level level)
{
	return KEY_USED | (uint64_t)level << 56 | (uint64_t)family << 48 | (uint64_t)tenant << 32 | address;
}

/* The owner is not hashed, so that a tenant can change its slot. The finisher of MurmurHash3 around a secret. */
static uint32_t set_of(const struct hosts *hosts, uint64_t key)
{
	uint64_t hash = (key & ~KEY_OWNER) ^ hosts->seed;

	hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdull;
	hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53ull + hosts->seed;
	hash ^= hash >> 33;
	return (uint32_t)hash & hosts->mask;
}

struct hosts *hosts_new(uint32_t hosts_max, uint64_t seed)
{
	struct hosts *hosts = calloc(1, sizeof(*hosts));
	size_t sets = 1;

	if (!hosts)
		return NULL;
	while (sets * WAYS < (uint64_t)hosts_max * 3 / 2)
		sets *= 2;
	hosts->mask = (uint32_t)(sets - 1);
	hosts->seed = seed * 0x9e3779b97f4a7c15ull + 1;
	hosts->keys = aligned_alloc(64, sets * WAYS * sizeof(*hosts->keys));
	hosts->entries = calloc(sets * WAYS, sizeof(*hosts->entries));
	hosts->touched = calloc(sets * WAYS, sizeof(*hosts->touched));
	if (!hosts->keys || !hosts->entries || !hosts->touched) {
		hosts_free(hosts);
		return NULL;
	}
	memset(hosts->keys, 0, sets * WAYS * sizeof(*hosts->keys));
	return hosts;
}

void hosts_free(struct hosts *hosts)
{
	if (!hosts)
		return;
	free(hosts->keys);
	free(hosts->entries);
	free(hosts->touched);
	free(hosts);
}

static struct entry *hosts_find(const struct hosts *hosts, uint64_t key)
{
	size_t base = (size_t)set_of(hosts, key) * WAYS;

	for (size_t i = 0; i < WAYS; i++) {
		if (hosts->keys[base + i] == key)
			return &hosts->entries[base + i];
	}
	return NULL;
}

static struct entry *hosts_insert(struct hosts *hosts, uint64_t key, uint32_t tick)
{
	size_t base = (size_t)set_of(hosts, key) * WAYS, victim = base;
	float least = -1;

	assert(hosts->keys && hosts->entries);

	for (size_t i = base; i < base + WAYS; i++) {
		float worth;

		if (!hosts->keys[i]) {
			victim = i;
			break;
		}
		worth = (hosts->entries[i].quick.mean + 1) / (float)(tick - hosts->entries[i].tick + 1);
		if (least < 0 || worth < least) {
			least = worth;
			victim = i;
		}
	}
	if (hosts->keys[victim]) {
		hosts->evicted++;
		hosts->count[KEY_LEVEL(hosts->keys[victim])]--;
	}
	hosts->count[KEY_LEVEL(key)]++;
	hosts->keys[victim] = key;
	hosts->entries[victim] = (struct entry){ .tick = tick, .second_tick = tick, .pending = -1 };
	return &hosts->entries[victim];
}

/* Moves the three newest ticks on to 'tick'. */
static void entry_advance(struct entry *entry, uint32_t tick)
{
	uint32_t age = tick - entry->tick;

	if (!age)
		return;
	entry->before[1] = age == 1 ? entry->before[0] : age == 2 ? entry->now : 0;
	entry->before[0] = age == 1 ? entry->now : 0;
	entry->now = 0;
	entry->tick = tick;
}

/* Closes the running second when it is over. A second is learned one second late: what was the beginning of a flood is
 * known by then. */
static void entry_second(
	struct entry *entry, uint32_t tick, double tick_s, const struct flood_config *config, bool calm)
{
	double seconds = (tick - entry->second_tick) * tick_s;

	if (seconds < 1 - tick_s / 2)
		return;
	if (calm) {
		if (entry->pending >= 0)
			baseline_quick_add(&entry->quick, entry->pending, config->floor_pps / config->factor);
		if (seconds >= 3)
			baseline_quick_idle(&entry->quick, (uint32_t)seconds - 2);
	}
	entry->pending = calm ? (float)(entry->second_packets / (seconds < 2 ? seconds : 1)) : -1;
	entry->second_packets = 0;
	entry->second_tick = tick;
}

static float entry_threshold(
	const struct entry *entry, const struct flood_config *config, const struct hosts_tenant *tenant)
{
	float own =
		baseline_quick_is_warm(&entry->quick) ? (float)config->factor * entry->quick.high : tenant->unknown_pps;

	return own > (float)config->floor_pps ? own : (float)config->floor_pps;
}

/* Adds the trip when the entry is over its threshold in its newest tick. */
static size_t entry_judge(const struct hosts *hosts, size_t index, const struct flood_config *config,
	const struct hosts_tenant *tenants, double tick_s, struct hosts_trip *trips, size_t count)
{
	const struct entry *entry = &hosts->entries[index];
	uint64_t key = hosts->keys[index];
	float threshold = entry_threshold(entry, config, &tenants[KEY_TENANT(key)]);
	float limit = threshold * (float)tick_s,
	      sum = (float)entry->now + (float)entry->before[0] + (float)entry->before[1];

	/* The /24s come last and find a quarter of the list kept for them. */
	if ((float)entry->now <= limit ||
		count >= (KEY_LEVEL(key) == HOSTS_HOST ? HOSTS_TRIPS_MAX / 4 * 3 : HOSTS_TRIPS_MAX))
		return count;
	trips[count] = (struct hosts_trip){
		.address = (uint32_t)key,
		.tenant = KEY_TENANT(key),
		.family = KEY_FAMILY(key),
		.level = (uint8_t)KEY_LEVEL(key),
		.lasting = sum > 3 * limit && ((float)entry->before[0] > limit || (float)entry->before[1] > limit),
		.pps = (float)(entry->now / tick_s),
		.threshold = threshold,
		.baseline = entry->quick.high,
	};
	return count + 1;
}

static struct entry *hosts_count_packets(struct hosts *hosts, uint64_t key, uint32_t packets, uint32_t tick,
	double tick_s, const struct flood_config *config, bool calm)
{
	struct entry *entry = hosts_find(hosts, key);

	if (!entry)
		entry = hosts_insert(hosts, key, tick);
	entry_second(entry, tick, tick_s, config, calm);
	entry_advance(entry, tick);
	entry->now += packets;
	entry->second_packets += packets;
	return entry;
}

size_t hosts_tick(struct hosts *hosts, const struct flood_input *input, uint32_t tick, double tick_s,
	const struct flood_config *config, const struct hosts_tenant *tenants, struct hosts_trip *trips)
{
	const struct flood_destination *all = input->destinations;
	struct entry *prefix = NULL;
	uint64_t prefix_key = 0;
	size_t count = 0;

	hosts->touched_count = 0;
	for (size_t i = 0; i < input->destination_count; i++) {
		uint64_t key = key_of(all[i].address, all[i].tenant, all[i].family, HOSTS_HOST);
		bool calm;
		struct entry *entry;

		if (i + AHEAD < input->destination_count) {
			const struct flood_destination *later = &all[i + AHEAD];
			size_t set = set_of(hosts, key_of(later->address, later->tenant, later->family, HOSTS_HOST));

			__builtin_prefetch(&hosts->keys[set * WAYS]);
			__builtin_prefetch(&hosts->entries[set * WAYS]);
		}
		if (all[i].tenant >= input->tenants || !all[i].packets)
			continue;
		calm = tenants[all[i].tenant].calm;
		entry = hosts_count_packets(hosts, key, all[i].packets, tick, tick_s, config, calm);
		count = entry_judge(hosts, (size_t)(entry - hosts->entries), config, tenants, tick_s, trips, count);
		if (all[i].family != 4)
			continue;
		key = key_of(all[i].address & 0x00ffffff, all[i].tenant, 4, HOSTS_PREFIX);
		if (prefix && key == prefix_key && hosts->keys[prefix - hosts->entries] == key) {
			prefix->now += all[i].packets;
			prefix->second_packets += all[i].packets;
			continue;
		}
		prefix = hosts_count_packets(hosts, key, all[i].packets, tick, tick_s, config, calm);
		prefix_key = key;
		if (prefix->now == all[i].packets)
			hosts->touched[hosts->touched_count++] = (uint32_t)(prefix - hosts->entries);
	}
	for (size_t i = 0; i < hosts->touched_count; i++)
		count = entry_judge(hosts, hosts->touched[i], config, tenants, tick_s, trips, count);
	return count;
}

double hosts_rate(
	const struct hosts *hosts, const struct hosts_trip *which, uint32_t tick, double tick_s, double *ret_baseline)
{
	const struct entry *found =
		hosts_find(hosts, key_of(which->address, which->tenant, which->family, (enum hosts_level)which->level));
	struct entry entry;

	*ret_baseline = 0;
	if (!found)
		return 0;
	entry = *found;
	entry_advance(&entry, tick);
	*ret_baseline = entry.quick.high;
	return ((double)entry.now + entry.before[0] + entry.before[1]) / (3 * tick_s);
}

void hosts_rebind(struct hosts *hosts, const uint16_t *new_slot, uint32_t count)
{
	for (size_t i = 0; i < ((size_t)hosts->mask + 1) * WAYS; i++) {
		uint64_t key = hosts->keys[i];
		uint16_t to = key && KEY_TENANT(key) < count ? new_slot[KEY_TENANT(key)] : UINT16_MAX;

		if (!key)
			continue;
		if (to == UINT16_MAX) {
			hosts->keys[i] = 0;
			hosts->count[KEY_LEVEL(key)]--;
		} else {
			hosts->keys[i] = (key & ~KEY_OWNER) | (uint64_t)to << 32;
		}
	}
}

void hosts_save(const struct hosts *hosts, struct baseline_writer *writer, uint64_t (*owner)(const void *, uint32_t),
	const void *context)
{
	for (size_t i = 0; i < ((size_t)hosts->mask + 1) * WAYS; i++) {
		uint64_t key = hosts->keys[i];
		const struct entry *entry = &hosts->entries[i];
		struct baseline_quick_key saved = {
			.address = (uint32_t)key,
			.level = (uint8_t)KEY_LEVEL(key),
			.family = KEY_FAMILY(key),
		};

		if (!key || saved.family != 4 || !baseline_quick_is_warm(&entry->quick))
			continue;
		saved.owner = owner(context, KEY_TENANT(key));
		if (saved.owner)
			baseline_write_quick(writer, &saved, &entry->quick);
	}
}

size_t hosts_count(const struct hosts *hosts, enum hosts_level level)
{
	return hosts->count[level];
}

void hosts_load(struct hosts *hosts, uint16_t tenant, const struct baseline_quick_key *saved,
	const struct baseline_quick *quick, uint32_t tick)
{
	uint64_t key = key_of(saved->address, tenant, saved->family, (enum hosts_level)saved->level);
	struct entry *entry = hosts_find(hosts, key);

	if (!entry)
		entry = hosts_insert(hosts, key, tick);
	entry->quick = *quick;
}

uint64_t hosts_evicted(const struct hosts *hosts)
{
	return hosts->evicted;
}
