// SPDX-License-Identifier: Apache-2.0
/* Flood detection: rates, baselines, suspicion and sampling (see flood.h; attacks themselves are in flood-attack.c).
 *
 * A tick goes: counters to rates; destinations to trips; suspicion; signatures; attacks; bits; one search for a signature
 * at most. Work per tick is linear in tenants and in destinations that got packets; what costs more (quantiles,
 * learning, sampling rates) is done for a tenth of the tenants in each tick. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "packet/parse.h"
#include "shield/flood-internal.h"

#define PERCENTILE     0.95
#define SUSPECT_SHARE  0.75 /* of the threshold: sampling rises, learning stops */
#define UNUSUAL        1.5f /* x percentile: learned slowly */
#define PLATFORM_EASE  0.6f /* the factor of tenants shrinks by this while the whole edge is flooded in that class */
#define FATE_FADE      0.8f
#define ATTACK_SAMPLES 0.75 /* of samples_pps for suspected tenants, the rest for peace */
#define IDLE_SHARE     0.025 /* of the floor: what an idle lane is taken to have */
#define DELTA_MAX      1000000000000ull
#define TICK_MIN_NS    1000000 /* two calls nearer than this are one tick */
#define EVERY_MAX      (1u << 20)

static const uint8_t reason_static[SHIELD_REASON_COUNT] = {
#define X(id, name, step, verdict, ...)                                                                                \
	[SHIELD_REASON_##id] = SHIELD_##verdict == SHIELD_DROP && SHIELD_STEP_##step <= SHIELD_STEP_REFLECT,
	SHIELD_PLAIN_REASONS(X)
#undef X
#define X(id, ...) [SHIELD_REASON_REFLECT_##id] = 1,
		SHIELD_REFLECT_ROWS(X)
#undef X
};

bool reason_is_static(unsigned int reason)
{
	return reason < SHIELD_REASON_COUNT && reason_static[reason];
}

static bool config_ok(const struct flood_config *config)
{
	return config->tick_ms >= 10 && config->tick_ms <= 1000 && config->factor > 1 && config->tenants_max >= 1 &&
	       config->tenants_max <= SHIELD_TENANTS_MAX && config->destinations_max >= 1 &&
	       config->destinations_max <= 16u << 20 && config->signature_budget >= 0;
}

/* Zeroed; aligned for the signatures inside, which calloc() is not. */
static struct unit *units_new(size_t count)
{
	struct unit *units = aligned_alloc(_Alignof(struct unit), count * sizeof(*units));

	if (units)
		memset(units, 0, count * sizeof(*units));
	return units;
}

struct flood *flood_new(const struct flood_config *config, const struct flood_ops *ops)
{
	struct flood *flood;
	size_t units = (size_t)config->tenants_max + 1;

	if (!config_ok(config))
		return NULL;
	flood = calloc(1, sizeof(*flood));
	if (!flood)
		return NULL;
	flood->config = *config;
	flood->ops = *ops;
	flood->units = units_new(units);
	flood->rates = calloc(units, sizeof(*flood->rates));
	flood->host_tenants = calloc(units, sizeof(*flood->host_tenants));
	flood->hosts = hosts_new(config->destinations_max, config->seed);
	flood->windows = windows_new((uint32_t)units, config->tick_ms, config->seed); /* the platform's stays empty */
	flood->scratch = signature_scratch_new();
	if (!flood->units || !flood->rates || !flood->host_tenants || !flood->hosts || !flood->windows ||
		!flood->scratch) {
		flood_free(flood);
		return NULL;
	}
	flood->next_id = 1;
	return flood;
}

void flood_free(struct flood *flood)
{
	if (!flood)
		return;
	free(flood->units);
	free(flood->rates);
	free(flood->host_tenants);
	hosts_free(flood->hosts);
	windows_free(flood->windows);
	signature_scratch_free(flood->scratch);
	free(flood);
}

int flood_configure(struct flood *flood, const struct flood_config *config)
{
	struct flood_config next = *config;

	if (!config_ok(config))
		return LUYTRE_E_RANGE;
	next.tenants_max = flood->config.tenants_max;
	next.destinations_max = flood->config.destinations_max;
	next.seed = flood->config.seed;
	flood->config = next;
	return 0;
}

/* ---- Samples ---- */

/* Cut samples are parsed at their full size, zeros behind what was kept: the decoder compares lengths. */
static bool sample_parse(struct flood *flood, const struct shield_sample *sample, struct packet *ret)
{
	uint32_t size = sample->data_size < SHIELD_SAMPLE_BYTES ? sample->data_size : SHIELD_SAMPLE_BYTES;
	uint32_t full = sample->frame_size > size ? sample->frame_size : size;

	memcpy(flood->frame, sample->data, size);
	memset(flood->frame + size, 0, SHIELD_SAMPLE_BYTES - size);
	(void)packet_parse(flood->frame, flood->frame + full, ret); /* what is broken was found by the shield */
	return ret->family != 0;
}

static uint32_t source_hash(const struct packet_addr *address)
{
	uint64_t hash = (address->half[0] ^ address->half[1] * 0x9e3779b97f4a7c15ull) * 0xff51afd7ed558ccdull;

	return (uint32_t)(hash >> 32);
}

static void unit_count_fate(struct unit *unit, const struct signature_sample *sample)
{
	bool fixed = reason_is_static(sample->reason);

	unit->lane[sample->class_id].fate[(sample->dropped ? FATE_DROPPED_OPEN : FATE_PASSED_OPEN) + fixed] +=
		sample->weight;
	if (sample->reason == SHIELD_REASON_CHALLENGED)
		unit->challenged += sample->weight;
	if (sample->reason == SHIELD_REASON_PROVEN)
		unit->proven += sample->weight;
}

void flood_sample(struct flood *flood, const struct shield_sample *sample)
{
	struct signature_sample kept;
	struct packet packet = { 0 };

	flood->stats.samples++;
	if (sample->tenant >= flood->config.tenants_max || sample->class_id >= SHIELD_CLASS_COUNT ||
		sample->reason >= SHIELD_REASON_COUNT || !sample->weight || !sample_parse(flood, sample, &packet)) {
		flood->stats.samples_bad++;
		return;
	}
	kept = (struct signature_sample){
		.dst = packet.dst,
		.head = { packet.head[0], packet.head[1] },
		.weight = (float)sample->weight,
		.source = source_hash(&packet.src),
		.tick = flood->tick,
		.sport = packet.sport,
		.dport = packet.dport,
		.size = packet.ip_size,
		.reason = sample->reason,
		.family = packet.family,
		.protocol = packet.protocol,
		.ttl = packet.ttl,
		.tcp_flags = packet.tcp_flags,
		.class_id = sample->class_id,
		.dropped = !sample->shadow && sample->reason != SHIELD_REASON_PASSED &&
			   sample->reason != SHIELD_REASON_UNMAPPED && sample->reason != SHIELD_REASON_NONE,
	};
	unit_count_fate(&flood->units[sample->tenant], &kept);
	windows_add(flood->windows, sample->tenant, &kept);
}

/* ---- Rates ---- */

/* How much of what arrived no static step stops: exact for what passed, by samples for what was dropped. */
static double lane_open_share(const struct unit *unit, const struct lane *lane, double arrived, double passed)
{
	double passed_weight = lane->fate[FATE_PASSED_OPEN] + lane->fate[FATE_PASSED_STATIC];
	double dropped_weight = lane->fate[FATE_DROPPED_OPEN] + lane->fate[FATE_DROPPED_STATIC];
	double passed_open = passed_weight > 0 ? lane->fate[FATE_PASSED_OPEN] / passed_weight : 1;
	double dropped_open = unit->bits || unit->measures ? 1 : 0;

	if (dropped_weight > 0)
		dropped_open = lane->fate[FATE_DROPPED_OPEN] / dropped_weight;
	return arrived > 0 ? (passed * passed_open + (arrived - passed) * dropped_open) / arrived : 0;
}

static void lane_push(struct lane *lane, double arrived_pps, double open_pps, double tick_s)
{
	const double value[FLOOD_METRICS] = { arrived_pps, open_pps };

	for (int metric = 0; metric < FLOOD_METRICS; metric++) {
		for (int i = FLOOD_RECENT - 1; i > 0; i--)
			lane->pps[metric][i] = lane->pps[metric][i - 1];
		lane->pps[metric][0] = (float)value[metric];
		lane->second[metric] += (float)(value[metric] * tick_s);
	}
	for (int i = 0; i < FATE_COUNT; i++)
		lane->fate[i] *= FATE_FADE;
}

/* Counters that went back start anew. No link brings DELTA_MAX packets or bytes in a tick: such a jump is a fault of the
 * caller's, and must not overflow anything here. */
static double delta(uint64_t now, uint64_t before)
{
	uint64_t grown = now >= before ? now - before : now;

	return grown < DELTA_MAX ? (double)grown : (double)DELTA_MAX;
}

static void unit_rates(struct flood *flood, uint32_t index, const struct flood_traffic *now, struct unit *platform)
{
	struct unit *unit = &flood->units[index];

	for (int class_id = 0; class_id < SHIELD_CLASS_COUNT; class_id++) {
		struct lane *lane = &unit->lane[class_id], *sum = &platform->lane[class_id];
		double arrived = delta(now[class_id].packets, unit->last[class_id].packets);
		double passed = delta(now[class_id].passed_packets, unit->last[class_id].passed_packets);
		double bits = delta(now[class_id].bytes, unit->last[class_id].bytes) * 8 / flood->tick_s;
		double open;

		passed = passed < arrived ? passed : arrived;
		open = arrived * lane_open_share(unit, lane, arrived, passed);
		lane_push(lane, arrived / flood->tick_s, open / flood->tick_s, flood->tick_s);
		lane->bits += ((float)bits - lane->bits) * 0.5f;
		/* The platform's newest tick is summed up in the part of its second that is still to be pushed. */
		sum->pending[0][FLOOD_ARRIVED] += lane->pps[FLOOD_ARRIVED][0];
		sum->pending[0][FLOOD_OPEN] += lane->pps[FLOOD_OPEN][0];
		sum->bits += lane->bits;
		unit->last[class_id] = now[class_id];
	}
	unit->challenged *= FATE_FADE;
	unit->proven *= FATE_FADE;
}

bool lane_over(const struct lane *lane, enum flood_metric metric)
{
	const float *pps = lane->pps[metric], limit = lane->limit[metric];

	return pps[0] > limit && (pps[1] > limit || pps[2] > limit) && lane_recent(lane, metric) > limit;
}

/* ---- Baselines ---- */

static void lane_limits(struct flood *flood, uint32_t index, int class_id)
{
	struct lane *lane = &flood->units[index].lane[class_id];
	struct lane *platform = &flood->units[FLOOD_PLATFORM(flood)].lane[class_id];
	bool eased = index != FLOOD_PLATFORM(flood) && platform->attack;
	float factor = (float)flood->config.factor * (eased ? PLATFORM_EASE : 1);
	float floor_pps = (float)flood->config.floor_pps;

	factor = factor > 1.5f || !eased ? factor : 1.5f;
	for (int metric = 0; metric < FLOOD_METRICS; metric++) {
		const struct baseline *rates = &flood->rates[index][class_id][metric];
		float high = (float)baseline_quantile(rates, PERCENTILE);

		if (metric == FLOOD_ARRIVED) {
			lane->cold = !baseline_is_warm(rates);
			lane->usual = (float)baseline_quantile(rates, 0.5);
			lane->high = high;
		}
		lane->limit[metric] = !lane->cold && high * factor > floor_pps ? high * factor : floor_pps;
	}
}

static bool unit_adopts(const struct flood *flood, const struct unit *unit)
{
	return unit->adopt_until && !flood_reached(flood, unit->adopt_until);
}

static bool unit_is_calm(const struct flood *flood, const struct unit *unit)
{
	return unit_adopts(flood, unit) || (!unit->suspect && !unit->attacks);
}

/* A second of a calm unit is learned FLOOD_PENDING seconds later; a suspicion in between throws it away. */
static void lane_learn(struct flood *flood, uint32_t index, int class_id, double seconds)
{
	struct unit *unit = &flood->units[index];
	struct lane *lane = &unit->lane[class_id];

	if (!unit_is_calm(flood, unit) && (unit->attacks || !lane->cold)) {
		lane->pending_count = 0;
	} else {
		if (lane->pending_count == FLOOD_PENDING) {
			bool unusual = !lane->cold && !unit_adopts(flood, unit) &&
				       lane->pending[0][FLOOD_ARRIVED] > UNUSUAL * lane->high &&
				       lane->pending[0][FLOOD_ARRIVED] > (float)flood->config.floor_pps;

			for (int metric = 0; metric < FLOOD_METRICS; metric++)
				baseline_add(&flood->rates[index][class_id][metric], lane->pending[0][metric], unusual);
			memmove(lane->pending[0], lane->pending[1], sizeof(lane->pending[0]) * (FLOOD_PENDING - 1));
			lane->pending_count--;
		}
		for (int metric = 0; metric < FLOOD_METRICS; metric++)
			lane->pending[lane->pending_count][metric] = lane->second[metric] / (float)seconds;
		lane->pending_count++;
	}
	lane->second[FLOOD_ARRIVED] = lane->second[FLOOD_OPEN] = 0;
}

/* ---- Sampling ---- */

static double lane_sample_target(const struct flood *flood, const struct unit *unit, bool hot, uint32_t hot_lanes)
{
	double all = flood->config.samples_pps;

	if (unit->suspect && hot)
		return all * ATTACK_SAMPLES / (flood->suspects ? flood->suspects : 1) / (hot_lanes ? hot_lanes : 1);
	return all * (1 - ATTACK_SAMPLES) / (flood->active_lanes ? flood->active_lanes : 1);
}

static bool lane_is_hot(const struct unit *unit, const struct lane *lane)
{
	return lane->pps[FLOOD_ARRIVED][0] > SUSPECT_SHARE * lane->limit[FLOOD_ARRIVED] || lane->attack ||
	       (unit->trip_count && lane->pps[FLOOD_ARRIVED][0] > 0);
}

static void unit_sampling(struct flood *flood, uint32_t index)
{
	struct unit *unit = &flood->units[index];
	uint32_t hot_lanes = 0;

	for (int class_id = 0; class_id < SHIELD_CLASS_COUNT; class_id++)
		hot_lanes += lane_is_hot(unit, &unit->lane[class_id]);
	for (uint32_t class_id = 0; class_id < SHIELD_CLASS_COUNT; class_id++) {
		struct lane *lane = &unit->lane[class_id];
		double target = lane_sample_target(flood, unit, lane_is_hot(unit, lane), hot_lanes);
		double pps = lane_recent(lane, FLOOD_ARRIVED), wanted;
		uint32_t every = 0;

		/* An idle lane is sampled as if it had a little: nobody knows what comes in the next tick. */
		if (pps < lane->pps[FLOOD_ARRIVED][0])
			pps = lane->pps[FLOOD_ARRIVED][0];
		if (pps < flood->config.floor_pps * IDLE_SHARE)
			pps = flood->config.floor_pps * IDLE_SHARE;
		wanted = target > 0 ? pps / target : 0;
		if (target > 0)
			every = wanted < 1 ? 1 : wanted > EVERY_MAX ? EVERY_MAX : (uint32_t)wanted;
		if (lane->every && every && every * 10ull > lane->every * 7ull && every * 10ull < lane->every * 14ull)
			continue;
		if (every == lane->every)
			continue;
		lane->every = every;
		flood->ops.set_sample_every(flood->ops.user, index, class_id, every);
	}
}

/* ---- Suspicion ---- */

static void unit_trips_add(struct unit *unit, const struct hosts_trip *trip)
{
	uint32_t at = unit->trip_count;

	/* Lasting ones first, then the largest excess. */
	if (at == FLOOD_UNIT_TRIPS) {
		at = 0;
		for (uint32_t i = 1; i < FLOOD_UNIT_TRIPS; i++) {
			const struct hosts_trip *a = &unit->trip[i], *least = &unit->trip[at];

			if (a->lasting < least->lasting || (a->lasting == least->lasting && a->pps < least->pps))
				at = i;
		}
		if (trip->lasting < unit->trip[at].lasting ||
			(trip->lasting == unit->trip[at].lasting && trip->pps <= unit->trip[at].pps))
			return;
	} else {
		unit->trip_count++;
	}
	unit->trip[at] = *trip;
}

static void unit_suspicion(struct flood *flood, uint32_t index)
{
	struct unit *unit = &flood->units[index];
	bool cause = unit->trip_count > 0 || unit->attacks > 0;

	for (int class_id = 0; class_id < SHIELD_CLASS_COUNT; class_id++) {
		struct lane *lane = &unit->lane[class_id];
		bool risen = lane->pps[FLOOD_ARRIVED][0] > UNUSUAL * (lane->high > 1 ? lane->high : 1);

		cause |= lane->pps[FLOOD_ARRIVED][0] > (lane->cold ? 1 : SUSPECT_SHARE) * lane->limit[FLOOD_ARRIVED];
		lane->rise_tick = !risen ? 0 : lane->rise_tick ? lane->rise_tick : flood->tick;
	}
	if (unit_adopts(flood, unit))
		cause = false;
	if (cause) {
		if (!unit->suspect)
			unit->suspect_since = flood->tick;
		unit->suspect = true;
		unit->suspect_until = flood->tick + flood_ticks(flood, FLOOD_SUSPECT_MS);
	} else if (unit->suspect && flood_reached(flood, unit->suspect_until)) {
		unit->suspect = false;
	}
	flood->suspects += unit->suspect;
	if (index == FLOOD_PLATFORM(flood) || unit->suspect == unit->captured)
		return;
	if (unit->suspect)
		unit->captured = windows_capture(flood->windows, index);
	else
		windows_release(flood->windows, index);
	unit->captured = unit->suspect && unit->captured;
}

/* ---- The tick ---- */

static void unit_second(struct flood *flood, uint32_t index)
{
	struct unit *unit = &flood->units[index];
	double seconds = flood_ticks(flood, 1000) * flood->config.tick_ms / 1000.0;
	double usual = 0;
	bool cold = true;

	for (int class_id = 0; class_id < SHIELD_CLASS_COUNT; class_id++) {
		lane_learn(flood, index, class_id, seconds);
		lane_limits(flood, index, class_id);
		usual += unit->lane[class_id].high;
		cold &= unit->lane[class_id].cold;
	}
	/* An unknown destination must get a good part of what the tenant usually gets; while that is not known either, only
	 * the tenant as a whole is judged. */
	flood->host_tenants[index].unknown_pps = cold ? INFINITY : (float)(usual * flood->config.factor / 4);
	if (index != FLOOD_PLATFORM(flood))
		windows_mature(flood->windows, index, flood->tick);
}

static void tick_rates(struct flood *flood, const struct flood_input *input)
{
	struct unit *platform = &flood->units[FLOOD_PLATFORM(flood)];
	struct lane sum[SHIELD_CLASS_COUNT];
	struct unit total;

	memset(&total, 0, sizeof(total));
	flood->active_lanes = 0;
	for (uint32_t i = 0; i < flood->tenants; i++) {
		unit_rates(flood, i, input->traffic[i], &total);
		for (int class_id = 0; class_id < SHIELD_CLASS_COUNT; class_id++)
			flood->active_lanes += lane_recent(&flood->units[i].lane[class_id], FLOOD_ARRIVED) > 0;
		flood->host_tenants[i].calm = unit_is_calm(flood, &flood->units[i]);
		flood->units[i].trip_count = 0;
	}
	memcpy(sum, total.lane, sizeof(sum));
	for (int class_id = 0; class_id < SHIELD_CLASS_COUNT; class_id++) {
		lane_push(&platform->lane[class_id], sum[class_id].pending[0][FLOOD_ARRIVED],
			sum[class_id].pending[0][FLOOD_OPEN], flood->tick_s);
		platform->lane[class_id].bits = sum[class_id].bits;
	}
}

static void tick_destinations(struct flood *flood, const struct flood_input *input)
{
	size_t trips = hosts_tick(
		flood->hosts, input, flood->tick, flood->tick_s, &flood->config, flood->host_tenants, flood->trips);

	for (size_t i = 0; i < trips; i++)
		unit_trips_add(&flood->units[flood->trips[i].tenant], &flood->trips[i]);
}

static void tick_unit(struct flood *flood, uint32_t index)
{
	struct unit *unit = &flood->units[index];
	bool second = (flood->tick + index) % flood_ticks(flood, 1000) == 0;

	unit_suspicion(flood, index);
	if (second)
		unit_second(flood, index);
	if (unit->measures)
		unit_measures_step(flood, index);
	if (unit->suspect || unit->attacks)
		unit_attacks_step(flood, index);
	if (index == FLOOD_PLATFORM(flood))
		return;
	if (unit->attacks || unit->bits)
		unit_bits_step(flood, index);
	if (second || unit->suspect)
		unit_sampling(flood, index);
}

static void flood_start(struct flood *flood, const struct flood_input *input)
{
	for (uint32_t i = 0; i < flood->tenants; i++)
		memcpy(flood->units[i].last, input->traffic[i], sizeof(flood->units[i].last));
	for (uint32_t i = 0; i <= FLOOD_PLATFORM(flood); i++) {
		for (int class_id = 0; class_id < SHIELD_CLASS_COUNT; class_id++)
			lane_limits(flood, i, class_id);
		flood->host_tenants[i].unknown_pps = INFINITY;
	}
	flood->started = true;
	flood->last_ns = input->now_ns;
}

void flood_tick(struct flood *flood, const struct flood_input *input)
{
	uint32_t tenants = input->tenants < flood->config.tenants_max ? input->tenants : flood->config.tenants_max;

	flood->tenants = tenants;
	if (!flood->started) {
		flood_start(flood, input);
		return;
	}
	if (input->now_ns < flood->last_ns + TICK_MIN_NS)
		return;
	flood->tick_s = (double)(input->now_ns - flood->last_ns) / 1e9;
	flood->last_ns = input->now_ns;
	flood->tick++;
	tick_rates(flood, input);
	tick_destinations(flood, input);
	flood->suspects = 0;
	for (uint32_t i = 0; i < tenants; i++)
		tick_unit(flood, i);
	tick_unit(flood, FLOOD_PLATFORM(flood));
	flood_learn_step(flood);
}

/* ---- For the owner ---- */

void flood_withdraw(struct flood *flood, uint32_t tenant, bool forget)
{
	struct unit *unit;

	if (tenant >= flood->config.tenants_max)
		return;
	unit = &flood->units[tenant];
	for (int class_id = 0; class_id < SHIELD_CLASS_COUNT; class_id++) {
		if (unit->lane[class_id].attack)
			attack_end(flood, &flood->attacks[unit->lane[class_id].attack - 1]);
		unit->lane[class_id].warm = 0;
		unit->lane[class_id].pending_count = 0;
	}
	unit_measures_remove(flood, tenant);
	unit_bits_step(flood, tenant);
	windows_release(flood->windows, tenant);
	unit->suspect = unit->captured = false;
	if (!forget)
		return;
	memset(flood->rates[tenant], 0, sizeof(flood->rates[tenant]));
	windows_forget(flood->windows, tenant);
	unit->adopt_until = flood->tick + flood_ticks(flood, (BASELINE_WARM + FLOOD_PENDING + 2) * 1000);
}

/* A permutation: whoever keeps or changes a slot goes there, the rest fill what is free. False without memory. */
static bool rebind_plan(const struct flood *flood, const uint64_t *keys, uint32_t count, uint16_t *to, bool *taken)
{
	uint32_t size = flood->config.tenants_max, free_slot = 0;

	for (uint32_t i = 0; i < size; i++) {
		uint64_t key = flood->units[i].key;

		to[i] = UINT16_MAX;
		/* Most stay where they are. */
		if (key && i < count && keys[i] == key) {
			to[i] = (uint16_t)i;
			taken[i] = true;
		}
	}
	for (uint32_t i = 0; i < size; i++) {
		for (uint32_t j = 0; flood->units[i].key && to[i] == UINT16_MAX && j < count; j++) {
			if (keys[j] == flood->units[i].key && !taken[j]) {
				to[i] = (uint16_t)j;
				taken[j] = true;
			}
		}
	}
	for (uint32_t i = 0; i < size; i++) {
		if (to[i] != UINT16_MAX)
			continue;
		while (taken[free_slot])
			free_slot++;
		to[i] = (uint16_t)free_slot;
		taken[free_slot] = true;
	}
	return true;
}

static void rebind_apply(struct flood *flood, const uint64_t *keys, uint32_t count, uint16_t *to, struct unit *units,
	struct baseline (*rates)[SHIELD_CLASS_COUNT][FLOOD_METRICS])
{
	uint32_t size = flood->config.tenants_max;

	to[size] = (uint16_t)size; /* the platform */
	windows_rebind(flood->windows, to);
	for (uint32_t i = 0; i < size; i++) {
		units[to[i]] = flood->units[i];
		memcpy(rates[to[i]], flood->rates[i], sizeof(rates[0]));
	}
	for (uint32_t i = 0; i < size; i++) {
		uint64_t key = to[i] < count ? keys[to[i]] : 0;
		uint64_t old = flood->units[i].key;
		struct unit *unit = &units[to[i]];

		if (key && key == old)
			continue;
		memset(rates[to[i]], 0, sizeof(rates[0]));
		memset(unit, 0, sizeof(*unit));
		unit->key = key;
		windows_forget(flood->windows, to[i]);
		to[i] = UINT16_MAX; /* its destinations are forgotten */
	}
	hosts_rebind(flood->hosts, to, size);
	memcpy(flood->units, units, size * sizeof(*units));
	memcpy(flood->rates, rates, size * sizeof(*rates));
	for (uint32_t i = 0; i < size; i++) {
		/* The counters and the sampling belong to the slot: both start anew. */
		memset(flood->units[i].last, 0, sizeof(flood->units[i].last));
		flood->units[i].captured = false;
		for (int class_id = 0; class_id < SHIELD_CLASS_COUNT; class_id++)
			flood->units[i].lane[class_id].every = 0;
	}
}

int flood_rebind(struct flood *flood, const uint64_t *keys, uint32_t count)
{
	uint32_t size = flood->config.tenants_max;
	uint16_t *to = calloc((size_t)size + 1, sizeof(*to));
	bool *taken = calloc(size, sizeof(*taken));
	struct unit *units = units_new(size);
	struct baseline(*rates)[SHIELD_CLASS_COUNT][FLOOD_METRICS] = calloc(size, sizeof(*rates));
	int error = count > size ? LUYTRE_E_FULL : 0;

	if (!to || !taken || !units || !rates)
		error = LUYTRE_E_NOMEM;
	if (!error && rebind_plan(flood, keys, count, to, taken)) {
		for (uint32_t i = 0; i < size; i++) {
			if (to[i] != i || i >= count || keys[i] != flood->units[i].key)
				flood_withdraw(flood, i, false);
		}
		rebind_apply(flood, keys, count, to, units, rates);
		flood->started = false; /* the next tick takes start values */
	}
	free(to);
	free(taken);
	free(units);
	free(rates);
	return error;
}

void flood_stats(const struct flood *flood, struct flood_stats *ret)
{
	*ret = flood->stats;
	for (uint32_t i = 0; i < flood->config.tenants_max; i++) {
		const struct unit *unit = &flood->units[i];

		ret->signatures += unit->measures;
		for (int j = 0; j < SHIELD_SIGNATURES_PER_TENANT; j++)
			ret->signatures_enforced += unit->measure[j].state == MEASURE_ENFORCED;
	}
	ret->hosts = (uint32_t)hosts_count(flood->hosts, HOSTS_HOST);
	ret->prefixes = (uint32_t)hosts_count(flood->hosts, HOSTS_PREFIX);
	ret->hosts_evicted = hosts_evicted(flood->hosts);
	ret->samples_skipped = windows_skipped(flood->windows);
	ret->captures_refused = windows_refused(flood->windows);
}

size_t flood_list(const struct flood *flood, struct flood_report *reports, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < FLOOD_ATTACKS_MAX && count < max; i++) {
		if (flood->attacks[i].used && flood->attacks[i].announced)
			reports[count++] = flood->attacks[i].report;
	}
	return count;
}

/* ---- Saving ---- */

size_t flood_save_size(const struct flood *flood)
{
	size_t rates = ((size_t)flood->config.tenants_max + 1) * SHIELD_CLASS_COUNT * FLOOD_METRICS;
	size_t quick = hosts_count(flood->hosts, HOSTS_HOST) + hosts_count(flood->hosts, HOSTS_PREFIX);

	return BASELINE_HEADER_SIZE + rates * BASELINE_RATES_SIZE_MAX + quick * BASELINE_QUICK_SIZE;
}

/* The platform has no key of its own; nobody's hash is all ones but once in 2^64. */
#define PLATFORM_KEY UINT64_MAX

static uint64_t unit_key(const void *context, uint32_t index)
{
	const struct flood *flood = context;

	return index == FLOOD_PLATFORM(flood) ? PLATFORM_KEY : flood->units[index].key;
}

int flood_save(const struct flood *flood, uint8_t *data, size_t size, size_t *ret_used)
{
	struct baseline_writer writer;

	baseline_write_begin(&writer, data, size);
	for (uint32_t i = 0; i <= FLOOD_PLATFORM(flood); i++) {
		for (uint8_t class_id = 0; class_id < SHIELD_CLASS_COUNT; class_id++) {
			for (uint8_t metric = 0; metric < FLOOD_METRICS; metric++) {
				struct baseline_rates_key key = { unit_key(flood, i), class_id, metric };

				if (key.owner && flood->rates[i][class_id][metric].total)
					baseline_write_rates(&writer, &key, &flood->rates[i][class_id][metric]);
			}
		}
	}
	hosts_save(flood->hosts, &writer, unit_key, flood);
	return baseline_write_end(&writer, ret_used);
}

struct load {
	struct flood *flood;
	uint64_t owner; /* the records of one owner follow each other */
	uint32_t unit;
	bool known;
};

static bool load_find(struct load *load, uint64_t owner)
{
	struct flood *flood = load->flood;

	if (load->owner == owner && owner)
		return load->known;
	load->owner = owner;
	load->known = false;
	for (uint32_t i = 0; owner && i <= FLOOD_PLATFORM(flood) && !load->known; i++) {
		load->known = unit_key(flood, i) == owner;
		load->unit = i;
	}
	return load->known;
}

static void load_rates(void *user, const struct baseline_rates_key *key, const struct baseline *baseline)
{
	struct load *load = user;

	if (key->class_id < SHIELD_CLASS_COUNT && key->metric < FLOOD_METRICS && load_find(load, key->owner))
		load->flood->rates[load->unit][key->class_id][key->metric] = *baseline;
}

static void load_quick(void *user, const struct baseline_quick_key *key, const struct baseline_quick *quick)
{
	struct load *load = user;

	if (key->level <= HOSTS_PREFIX && key->family == 4 && load_find(load, key->owner) &&
		load->unit != FLOOD_PLATFORM(load->flood))
		hosts_load(load->flood->hosts, (uint16_t)load->unit, key, quick, load->flood->tick);
}

int flood_load(struct flood *flood, struct bytes data)
{
	struct load load = { .flood = flood };
	const struct baseline_reader reader = { .user = &load, .rates = load_rates, .quick = load_quick };
	int error = baseline_read(data, &reader);

	for (uint32_t i = 0; !error && i <= FLOOD_PLATFORM(flood); i++) {
		for (int class_id = 0; class_id < SHIELD_CLASS_COUNT; class_id++)
			lane_limits(flood, i, class_id);
	}
	return error;
}
