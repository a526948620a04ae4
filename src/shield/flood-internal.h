// SPDX-License-Identifier: Apache-2.0
/* What the files of the flood detection share: flood.c (rates, baselines, suspicion, sampling), flood-attack.c (one
 * attack from its first tick to its end), flood-measures.c (signatures and bits), flood-text.c (words). For nobody else.
 *
 * Terms: a 'unit' is a tenant, or the platform (the last unit, the sum of all). A 'lane' is one class of a unit. A lane
 * has at most one attack at a time. Times are in ticks; 'tick' wraps after 13 years. */
#pragma once

#include "shield/flood-hosts.h"
#include "shield/flood-windows.h"
#include "shield/flood.h"

enum {
	FLOOD_ATTACKS_MAX = 1024,
	FLOOD_RECENT = 3, /* ticks that a decision looks at */
	FLOOD_PENDING = 3, /* seconds that wait before they are learned */
	FLOOD_UNIT_TRIPS = 4, /* destinations of a tenant that are looked at in a tick */
	FLOOD_SUSPECT_MS = 2000, /* a suspicion lasts so long after its last cause */
};

/* What arrived; and what of that no static step of the shield stops. */
enum flood_metric { FLOOD_ARRIVED, FLOOD_OPEN, FLOOD_METRICS };

/* What became of a lane's packets, by its samples. */
enum flood_fate { FATE_PASSED_OPEN, FATE_PASSED_STATIC, FATE_DROPPED_OPEN, FATE_DROPPED_STATIC, FATE_COUNT };

struct lane {
	float pps[FLOOD_METRICS][FLOOD_RECENT]; /* newest first */
	float limit[FLOOD_METRICS]; /* threshold now */
	float bits; /* per second, smoothed */
	float usual; /* median of what arrives in peace */
	float high; /* and its percentile */
	float fate[FATE_COUNT];
	float second[FLOOD_METRICS]; /* packets in the running second */
	float pending[FLOOD_PENDING][FLOOD_METRICS];
	uint8_t pending_count;
	bool cold;
	uint16_t attack; /* index + 1; 0: none */
	uint32_t every; /* sampling that was asked for; 0: not yet */
	uint32_t rise_tick; /* since when it is well over its usual rate; 0: it is not */
	uint32_t warm_until, warm; /* a tick, and whether it counts */
};

enum measure_state { MEASURE_FREE, MEASURE_ENFORCED, MEASURE_WARM, MEASURE_SHADOW };

struct measure { /* an installed signature */
	struct signature_found found;
	uint32_t slot; /* the owner's name for it */
	uint32_t hot_tick, warm_until;
	uint64_t hits;
	float pps, rearm_pps;
	uint8_t state, class_id;
};

struct unit {
	uint64_t key; /* 0: bound to nobody */
	struct flood_traffic last[SHIELD_CLASS_COUNT];
	struct lane lane[SHIELD_CLASS_COUNT];
	struct measure measure[SHIELD_SIGNATURES_PER_TENANT];
	struct hosts_trip trip[FLOOD_UNIT_TRIPS];
	uint32_t trip_count;
	uint32_t measures, attacks; /* how many are in use */
	uint32_t bits;
	uint32_t suspect_until, suspect_since;
	bool suspect, captured;
	uint32_t adopt_until; /* the operator or time said: this is normal */
	float challenged, proven; /* smoothed weights of samples */
};

struct attack {
	bool used, announced, crowd;
	bool from_host; /* began with a destination over its threshold, not with the lane */
	bool wide; /* with several */
	bool open; /* more than the threshold passes the static steps */
	uint32_t unit;
	struct flood_report report;
	struct hosts_trip host; /* the destination of a host or prefix scope: where its rate is kept */
	struct packet_addr mask;
	uint32_t begin_tick, hot_tick, look_tick, report_tick;
	uint32_t learn_tick, learn_wait; /* next search, and the pause after it when it fails */
	bool wants_learn, stuck; /* the last search found nothing to enforce */
	double share; /* of the scope in its lane, by the samples */
	uint32_t bits; /* SHIELD_ATTACK_* that it wants; they stay until its end */
	uint32_t done_ever;
	float left_pps; /* open and matched by no enforced signature */
};

struct flood {
	struct flood_config config;
	struct flood_ops ops;
	struct unit *units; /* tenants_max, and the platform */
	struct baseline (*rates)[SHIELD_CLASS_COUNT][FLOOD_METRICS];
	struct hosts_tenant *host_tenants;
	struct attack attacks[FLOOD_ATTACKS_MAX];
	struct hosts_trip trips[HOSTS_TRIPS_MAX];
	struct hosts *hosts;
	struct windows *windows;
	struct signature_scratch *scratch;
	struct flood_stats stats;
	uint64_t last_ns;
	uint32_t tenants, tick, suspects, active_lanes, next_id;
	double tick_s;
	bool started;
	struct signature_sample window[WINDOWS_CAPTURE_MAX]; /* what a search for signatures looks at */
	uint8_t frame[65536 + SHIELD_SAMPLE_BYTES]; /* a sample at its full size, zeros behind what was kept */
};

#define FLOOD_PLATFORM(flood) ((flood)->config.tenants_max)

/* Ticks in so many milliseconds, at least one. */
static inline uint32_t flood_ticks(const struct flood *flood, uint64_t ms)
{
	uint64_t ticks = ms / flood->config.tick_ms;

	return ticks ? (uint32_t)ticks : 1;
}

/* Ticks may wrap. */
static inline bool flood_reached(const struct flood *flood, uint32_t tick)
{
	return (int32_t)(flood->tick - tick) >= 0;
}

static inline float lane_recent(const struct lane *lane, enum flood_metric metric)
{
	return (lane->pps[metric][0] + lane->pps[metric][1] + lane->pps[metric][2]) / 3;
}

/* flood.c */
bool lane_over(const struct lane *lane, enum flood_metric metric);
bool reason_is_static(unsigned int reason);

/* flood-attack.c: everything about the attacks of one unit in this tick. */
void unit_attacks_step(struct flood *flood, uint32_t index);
struct attack *attack_begin(struct flood *flood, uint32_t index, uint8_t class_id);
void attack_end(struct flood *flood, struct attack *attack);

/* Of its class and in its scope. */
bool attack_covers(const struct attack *attack, const struct signature_sample *sample);

/* Since the suspicion began, and not too long ago. */
bool sample_is_recent(const struct flood *flood, const struct unit *unit, const struct signature_sample *sample);

/* flood-measures.c */
void unit_measures_step(struct flood *flood, uint32_t index);
void unit_bits_step(struct flood *flood, uint32_t index);
void unit_measures_remove(struct flood *flood, uint32_t index);
double unit_measured_pps(const struct unit *unit, uint8_t class_id);
bool unit_measure_hot(const struct unit *unit, uint8_t class_id);
bool unit_sample_measured(const struct unit *unit, const struct signature_sample *sample);
void flood_learn_step(struct flood *flood);

/* flood-text.c */
void report_catalogue(struct flood_report *report);
