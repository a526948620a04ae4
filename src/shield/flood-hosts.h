// SPDX-License-Identifier: Apache-2.0
/* The rates of single destinations and of their /24s, each with a baseline of its own: a part of the flood detection.
 *
 * A table of sets of eight keys (one cache line) with one entry for each key. It never grows: a new destination takes a
 * free place of its set, or that of the entry with the lowest usual rate and the longest silence. An update is two cache
 * misses; the /24 of the destination before is remembered. IPv6 destinations are known by a hash and have no prefix
 * level here.
 *
 * One thread; all memory is taken in hosts_new(). */
#pragma once

#include "shield/baseline.h"
#include "shield/flood.h"

enum {
	HOSTS_TRIPS_MAX = 1024,
};

enum hosts_level { HOSTS_HOST, HOSTS_PREFIX };

/* A destination over its threshold in the newest tick. */
struct hosts_trip {
	uint32_t address; /* as in flood_destination; PREFIX: last byte 0 */
	uint16_t tenant;
	uint8_t family, level;
	bool lasting; /* two of the last three ticks over it, and their mean */
	float pps, threshold, baseline;
};

/* What the table must know of a tenant. */
struct hosts_tenant {
	float unknown_pps; /* threshold of destinations without a baseline */
	bool calm; /* learn */
};

struct hosts;

/* Null without memory. */
struct hosts *hosts_new(uint32_t hosts_max, uint64_t seed);
void hosts_free(struct hosts *hosts);

/* The counts of one tick of 'tick_s' seconds; 'tick' grows by one. 'tenants' has an entry for every slot. Fills 'trips'
 * (HOSTS_TRIPS_MAX) and returns how many. */
size_t hosts_tick(struct hosts *hosts, const struct flood_input *input, uint32_t tick, double tick_s,
	const struct flood_config *config, const struct hosts_tenant *tenants, struct hosts_trip *trips);

/* Packets a second over the last three ticks before 'tick'; 0 when not known. '*ret_baseline' is its percentile. */
double hosts_rate(
	const struct hosts *hosts, const struct hosts_trip *which, uint32_t tick, double tick_s, double *ret_baseline);

/* Destinations of slot i move to slot new_slot[i]; UINT16_MAX forgets them. */
void hosts_rebind(struct hosts *hosts, const uint16_t *new_slot, uint32_t count);

/* All IPv4 baselines that are warm; 'owner' gives the key of a slot, 0 for none. */
void hosts_save(const struct hosts *hosts, struct baseline_writer *writer, uint64_t (*owner)(const void *, uint32_t),
	const void *context);
size_t hosts_count(const struct hosts *hosts, enum hosts_level level);
void hosts_load(struct hosts *hosts, uint16_t tenant, const struct baseline_quick_key *saved,
	const struct baseline_quick *quick, uint32_t tick);
uint64_t hosts_evicted(const struct hosts *hosts);
