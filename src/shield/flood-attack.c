// SPDX-License-Identifier: Apache-2.0
/* One attack, from its first tick to its end: scope, vector, and what it needs (see flood.h).
 *
 * A lane over its threshold begins an attack; so does a single destination or /24 over its own, once the samples have
 * said which class it is. Every few ticks the attack looks at the samples of its tenant again: where the excess goes
 * (one host, one prefix, all of the tenant), what it is, whether static steps stop it already, and whether it could be
 * a crowd of real users. The excess is the window scaled to the present rate, minus peace scaled to the usual rate. */
#include <math.h>
#include <string.h>

#include "shield/flood-internal.h"

enum {
	LOOK_SAMPLES = 48, /* enough for a first look */
	LOOK_WAIT_MS = 400, /* or so long, with whatever there is */
	LOOK_EVERY_MS = 500,
	WINDOW_MS = 2000, /* older samples of the window say nothing about now */
	REPORT_EVERY_MS = 1000,
	TRIP_SAMPLES = 24,
	TALLY_SLOTS = 2048,
	PLATFORM_WAIT_MS = 1000,
	CARPET_HOSTS = 4,
	CROWD_RISE_MS = 3000,
	ADOPT_COLD_S = 60, /* without a baseline, what lasts so long is taken for normal */
};

#define SCOPE_SHARE    0.8 /* of the excess */
#define STATIC_SHARE   0.5
#define TRIP_SHARE     0.2 /* of a destination's excess, to blame a class */
#define CROWD_DISTANCE 0.3 /* total variation between the mixes of peace and window */
#define CROWD_BALANCE  0.4 /* growth of SYN and of other TCP may differ by this factor */
#define CROWD_PROVEN   0.3

static bool prefix_covers(
	const struct packet_addr *address, const struct packet_addr *mask, const struct packet_addr *other)
{
	return ((address->half[0] ^ other->half[0]) & mask->half[0]) == 0 &&
	       ((address->half[1] ^ other->half[1]) & mask->half[1]) == 0;
}

bool attack_covers(const struct attack *attack, const struct signature_sample *sample)
{
	if (sample->class_id != attack->report.class_id)
		return false;
	return !attack->report.family || (sample->family == attack->report.family &&
						 prefix_covers(&attack->report.address, &attack->mask, &sample->dst));
}

bool sample_is_recent(const struct flood *flood, const struct unit *unit, const struct signature_sample *sample)
{
	return (int32_t)(sample->tick - unit->suspect_since) >= 0 &&
	       flood->tick - sample->tick <= flood_ticks(flood, WINDOW_MS);
}

/* ---- Where the excess goes ---- */

struct tally_slot {
	struct packet_addr address;
	double excess;
	uint8_t family; /* 0: free */
};

struct tally {
	struct tally_slot slots[TALLY_SLOTS];
	uint32_t used;
};

static void tally_add(struct tally *tally, const struct packet_addr *address, uint8_t family, double excess)
{
	uint64_t hash = (address->half[0] * 0x9e3779b97f4a7c15ull ^ address->half[1]) * 0xff51afd7ed558ccdull;

	for (uint32_t i = 0; i < TALLY_SLOTS; i++) {
		struct tally_slot *slot = &tally->slots[((hash >> 40) + i) % TALLY_SLOTS];

		if (!slot->family) {
			if (tally->used >= TALLY_SLOTS * 3 / 4)
				return; /* so many that none of them is the one */
			tally->used++;
			slot->family = family;
			slot->address = *address;
		}
		if (slot->family == family && !memcmp(&slot->address, address, sizeof(*address))) {
			slot->excess += excess;
			return;
		}
	}
}

static const struct tally_slot *tally_top(const struct tally *tally)
{
	const struct tally_slot *top = &tally->slots[0];

	for (uint32_t i = 1; i < TALLY_SLOTS; i++)
		top = tally->slots[i].excess > top->excess ? &tally->slots[i] : top;
	return top;
}

static struct packet_addr mask_of(uint8_t family, enum flood_scope scope)
{
	struct packet_addr mask = { 0 };

	memset(mask.byte, 0xff, scope == FLOOD_SCOPE_HOST ? (family == 4 ? 4 : 16) : (family == 4 ? 3 : 8));
	if (scope != FLOOD_SCOPE_HOST && scope != FLOOD_SCOPE_PREFIX)
		memset(&mask, 0, sizeof(mask));
	return mask;
}

static void attack_set_scope(struct flood *flood, struct attack *attack, enum flood_scope scope,
	const struct packet_addr *address, uint8_t family)
{
	struct flood_report *report = &attack->report;
	bool v6_host = family == 6 && scope == FLOOD_SCOPE_HOST && flood->ops.hash_v6;

	report->scope = scope;
	report->family = family;
	attack->mask = mask_of(family, scope);
	memset(&report->address, 0, sizeof(report->address));
	if (!family)
		return;
	report->address.half[0] = address->half[0] & attack->mask.half[0];
	report->address.half[1] = address->half[1] & attack->mask.half[1];
	report->prefix_length = scope == FLOOD_SCOPE_HOST ? (family == 4 ? 32 : 128) : (family == 4 ? 24 : 64);
	attack->host = (struct hosts_trip){
		.tenant = (uint16_t)attack->unit,
		.family = family,
		.level = scope == FLOOD_SCOPE_HOST ? HOSTS_HOST : HOSTS_PREFIX,
		.address = v6_host ? flood->ops.hash_v6(flood->ops.user, address) : report->address.word[0],
	};
}

struct totals {
	double window, peace; /* weights of the lane */
	size_t window_count;
};

static struct totals lane_totals(const struct flood *flood, const struct attack *attack)
{
	const struct unit *unit = &flood->units[attack->unit];
	struct totals totals = { 0 };
	size_t window_count, peace_count;
	const struct signature_sample *window = windows_captured(flood->windows, attack->unit, &window_count);
	const struct signature_sample *peace = windows_peace(flood->windows, attack->unit, &peace_count);

	for (size_t i = 0; i < window_count; i++) {
		if (window[i].class_id == attack->report.class_id && sample_is_recent(flood, unit, &window[i])) {
			totals.window += window[i].weight;
			totals.window_count++;
		}
	}
	for (size_t i = 0; i < peace_count; i++)
		totals.peace += peace[i].class_id == attack->report.class_id ? peace[i].weight : 0;
	return totals;
}

static void tally_samples(const struct flood *flood, const struct attack *attack, const struct totals *totals,
	enum flood_scope scope, struct tally *tally)
{
	const struct unit *unit = &flood->units[attack->unit];
	const struct lane *lane = &unit->lane[attack->report.class_id];
	double window_scale = lane_recent(lane, FLOOD_ARRIVED) / totals->window;
	double peace_scale = totals->peace > 0 ? lane->usual / totals->peace : 0;
	size_t counts[2];
	const struct signature_sample *sets[2] = {
		windows_captured(flood->windows, attack->unit, &counts[0]),
		windows_peace(flood->windows, attack->unit, &counts[1]),
	};

	memset(tally, 0, sizeof(*tally));
	for (int set = 0; set < 2; set++) {
		for (size_t i = 0; i < counts[set]; i++) {
			const struct signature_sample *sample = &sets[set][i];
			struct packet_addr mask = mask_of(sample->family, scope);
			struct packet_addr address = { .half = { sample->dst.half[0] & mask.half[0],
							       sample->dst.half[1] & mask.half[1] } };

			if (sample->class_id != attack->report.class_id ||
				(set == 0 && !sample_is_recent(flood, unit, sample)))
				continue;
			tally_add(tally, &address, sample->family,
				set == 0 ? window_scale * sample->weight : -peace_scale * sample->weight);
		}
	}
}

static void look_scope(struct flood *flood, struct attack *attack, const struct totals *totals)
{
	const struct lane *lane = &flood->units[attack->unit].lane[attack->report.class_id];
	double excess = lane_recent(lane, FLOOD_ARRIVED) - (totals->peace > 0 ? lane->usual : 0);
	static const enum flood_scope scopes[] = { FLOOD_SCOPE_HOST, FLOOD_SCOPE_PREFIX };
	const struct tally_slot *top;
	struct tally tally;
	size_t hosts = 0;

	attack->report.carpet = false;
	for (size_t i = 0; i < ARRAY_COUNT(scopes); i++) {
		tally_samples(flood, attack, totals, scopes[i], &tally);
		top = tally_top(&tally);
		if (scopes[i] == FLOOD_SCOPE_HOST) {
			for (uint32_t j = 0; j < TALLY_SLOTS; j++)
				hosts += tally.slots[j].family && tally.slots[j].excess > 0;
		}
		if (top->family && top->excess >= SCOPE_SHARE * excess) {
			attack_set_scope(flood, attack, scopes[i], &top->address, top->family);
			attack->report.carpet = scopes[i] == FLOOD_SCOPE_PREFIX && hosts >= CARPET_HOSTS;
			return;
		}
	}
	attack_set_scope(flood, attack, FLOOD_SCOPE_TENANT, NULL, 0);
	attack->report.carpet = hosts >= CARPET_HOSTS;
}

/* ---- What it is ---- */

/* Weights by what tells vectors apart: the window minus what peace explains. */
struct kinds {
	double total, fixed;
	double flags[256];
	double reason[SHIELD_REASON_COUNT];
	double port[256]; /* destination ports by their low byte: enough to tell one from many */
};

static void kinds_add(struct kinds *kinds, const struct signature_sample *sample, double scale)
{
	double weight = sample->weight * scale;

	kinds->total += weight;
	kinds->flags[sample->tcp_flags] += weight;
	kinds->port[sample->dport & 255] += weight;
	kinds->reason[sample->reason] += weight;
	kinds->fixed += reason_is_static(sample->reason) ? weight : 0;
}

static void kinds_sum(const struct flood *flood, const struct attack *attack, struct kinds *kinds)
{
	const struct unit *unit = &flood->units[attack->unit];
	const struct lane *lane = &unit->lane[attack->report.class_id];
	struct totals totals = lane_totals(flood, attack);
	double scale = totals.window > 0 ? lane_recent(lane, FLOOD_ARRIVED) / totals.window : 0;
	size_t count;
	const struct signature_sample *samples = windows_captured(flood->windows, attack->unit, &count);

	memset(kinds, 0, sizeof(*kinds));
	for (size_t i = 0; i < count; i++) {
		if (attack_covers(attack, &samples[i]) && sample_is_recent(flood, unit, &samples[i]))
			kinds_add(kinds, &samples[i], scale);
	}
	samples = windows_peace(flood->windows, attack->unit, &count);
	scale = totals.peace > 0 ? lane->usual / totals.peace : 0;
	for (size_t i = 0; i < count; i++) {
		if (attack_covers(attack, &samples[i]))
			kinds_add(kinds, &samples[i], -scale);
	}
}

static enum flood_vector tcp_vector(const struct kinds *kinds)
{
	double sums[FLOOD_VECTOR_COUNT] = { 0 };
	unsigned int best = FLOOD_VECTOR_ACK;

	for (unsigned int flags = 0; flags < 256; flags++) {
		enum flood_vector vector = flags & (PACKET_RST | PACKET_FIN) ? FLOOD_VECTOR_RST_FIN
					   : flags & PACKET_SYN              ? FLOOD_VECTOR_SYN_ACK
					   : flags & PACKET_PSH              ? FLOOD_VECTOR_PUSH_ACK
									     : FLOOD_VECTOR_ACK;

		sums[vector] += kinds->flags[flags];
		best = sums[vector] > sums[best] ? vector : best;
	}
	return (enum flood_vector)best;
}

static enum flood_vector class_vector(uint8_t class_id, const struct kinds *kinds)
{
	static const uint8_t vectors[SHIELD_CLASS_COUNT] = {
		[SHIELD_CLASS_SYN] = FLOOD_VECTOR_SYN,
		[SHIELD_CLASS_TCP] = FLOOD_VECTOR_ACK,
		[SHIELD_CLASS_UDP] = FLOOD_VECTOR_UDP_PORTS,
		[SHIELD_CLASS_ICMP] = FLOOD_VECTOR_ICMP,
		[SHIELD_CLASS_FRAGMENT] = FLOOD_VECTOR_FRAGMENT,
		[SHIELD_CLASS_REPLY] = FLOOD_VECTOR_REPLY,
		[SHIELD_CLASS_OTHER] = FLOOD_VECTOR_OTHER,
	};

	if (class_id == SHIELD_CLASS_TCP && kinds->total > 0)
		return tcp_vector(kinds);
	if (class_id == SHIELD_CLASS_UDP) {
		for (int i = 0; i < 256; i++) {
			if (kinds->port[i] > kinds->total / 2 && kinds->total > 0)
				return FLOOD_VECTOR_UDP;
		}
	}
	return (enum flood_vector)vectors[class_id];
}

static void look_vector(struct flood *flood, struct attack *attack)
{
	struct flood_report *report = &attack->report;
	struct kinds kinds;
	unsigned int top = 0;

	if (attack->unit == FLOOD_PLATFORM(flood))
		memset(&kinds, 0, sizeof(kinds));
	else
		kinds_sum(flood, attack, &kinds);
	report->vector = class_vector(report->class_id, &kinds);
	report->reason = SHIELD_REASON_NONE;
	for (unsigned int i = 1; i < SHIELD_REASON_COUNT; i++)
		top = reason_is_static(i) && kinds.reason[i] > kinds.reason[top] * (top != 0) ? i : top;
	if (top && kinds.reason[top] > STATIC_SHARE * kinds.total && kinds.total > 0) {
		report->reason = (uint16_t)top;
		if (top >= SHIELD_REASON_REFLECT_FIRST)
			report->vector = FLOOD_VECTOR_REFLECTION;
		else if (report->vector != FLOOD_VECTOR_SYN_ACK && top <= SHIELD_REASON_LISTED)
			report->vector = FLOOD_VECTOR_STATIC;
	}
	if (attack->crowd) {
		report->vector = FLOOD_VECTOR_CROWD;
		report->carpet = false;
	}
}

/* ---- A crowd? ---- */

enum { MIX_KINDS = 5, MIX_SIZES = 12, MIX_SLOTS = MIX_KINDS * MIX_SIZES };

static unsigned int mix_slot(const struct signature_sample *sample)
{
	unsigned int flags = sample->tcp_flags, size = 0;
	unsigned int kind = flags & (PACKET_RST | PACKET_FIN) ? 0
			    : flags & PACKET_SYN              ? 1
			    : flags & PACKET_PSH              ? 2
			    : flags & PACKET_ACK              ? 3
							      : 4;

	while (size < MIX_SIZES - 1 && sample->size >> (size + 5))
		size++;
	return kind * MIX_SIZES + size;
}

static bool mix_add(double mix[MIX_SLOTS], const struct signature_sample *samples, size_t count)
{
	double total = 0;

	for (size_t i = 0; i < count; i++) {
		if (samples[i].class_id <= SHIELD_CLASS_TCP) {
			mix[mix_slot(&samples[i])] += samples[i].weight;
			total += samples[i].weight;
		}
	}
	for (int i = 0; i < MIX_SLOTS; i++)
		mix[i] /= total > 0 ? total : 1;
	return total > 0;
}

/* Half the sum of differences between the shares: 0 for the same mix, 1 for nothing in common. */
static double mix_distance(const struct flood *flood, uint32_t unit)
{
	double window[MIX_SLOTS] = { 0 }, peace[MIX_SLOTS] = { 0 }, distance = 0;
	size_t window_count, peace_count;
	const struct signature_sample *window_samples = windows_captured(flood->windows, unit, &window_count);
	const struct signature_sample *peace_samples = windows_peace(flood->windows, unit, &peace_count);

	if (!mix_add(window, window_samples, window_count) || !mix_add(peace, peace_samples, peace_count))
		return 1;
	for (int i = 0; i < MIX_SLOTS; i++)
		distance += fabs(window[i] - peace[i]) / 2;
	return distance;
}

/* Real users come one after the other, open connections and then use them, and look like those of every day. When
 * they are challenged, most of them answer. */
static bool looks_like_crowd(const struct flood *flood, const struct attack *attack)
{
	const struct unit *unit = &flood->units[attack->unit];
	const struct lane *syn = &unit->lane[SHIELD_CLASS_SYN], *tcp = &unit->lane[SHIELD_CLASS_TCP];
	double syn_growth, tcp_growth;
	bool slow;

	if (attack->unit == FLOOD_PLATFORM(flood) || attack->report.class_id > SHIELD_CLASS_TCP || syn->cold ||
		tcp->cold)
		return false;
	if (unit->challenged > 0 && unit->proven < CROWD_PROVEN * unit->challenged)
		return false;
	syn_growth = lane_recent(syn, FLOOD_ARRIVED) / (syn->usual + 1);
	tcp_growth = lane_recent(tcp, FLOOD_ARRIVED) / (tcp->usual + 1);
	if (syn_growth < tcp_growth * CROWD_BALANCE || tcp_growth < syn_growth * CROWD_BALANCE)
		return false;
	slow = attack->crowd || (unit->lane[attack->report.class_id].rise_tick &&
					flood->tick - unit->lane[attack->report.class_id].rise_tick >=
						flood_ticks(flood, CROWD_RISE_MS));
	return slow && mix_distance(flood, attack->unit) <= CROWD_DISTANCE;
}

/* ---- Rates and state ---- */

static void attack_rates(struct flood *flood, struct attack *attack)
{
	const struct unit *unit = &flood->units[attack->unit];
	const struct lane *lane = &unit->lane[attack->report.class_id];
	struct flood_report *report = &attack->report;
	double pps = lane_recent(lane, FLOOD_ARRIVED), open = lane_recent(lane, FLOOD_OPEN), baseline = lane->high;
	double host_baseline = 0, open_share = pps > 0 ? open / pps : 0, host_pps = 0;

	if (report->family)
		host_pps = hosts_rate(flood->hosts, &attack->host, flood->tick, flood->tick_s, &host_baseline);
	if (attack->from_host && host_pps > 0) {
		baseline = host_baseline;
		report->pps = (uint64_t)host_pps;
		open = host_pps * open_share;
		attack->open = open > attack->host.threshold || (attack->open && open > attack->host.threshold / 2);
	} else {
		report->pps = (uint64_t)(pps * attack->share);
		open *= attack->share;
		attack->open = lane_over(lane, FLOOD_OPEN) || (attack->wide && open_share > STATIC_SHARE) ||
			       (attack->open && lane_recent(lane, FLOOD_OPEN) > lane->limit[FLOOD_OPEN] / 2);
	}
	report->baseline_pps = (uint64_t)baseline;
	report->bps = pps > 0 ? (uint64_t)(lane->bits * fmin((double)report->pps / pps, 1)) : 0;
	report->peak_pps = report->pps > report->peak_pps ? report->pps : report->peak_pps;
	report->cold = lane->cold;
	report->attack_bits = unit->bits;
	report->now_ns = flood->last_ns;
	open -= unit_measured_pps(unit, report->class_id);
	attack->left_pps = open > 0 ? (float)open : 0;
}

static bool attack_is_hot(const struct flood *flood, const struct attack *attack)
{
	const struct unit *unit = &flood->units[attack->unit];
	const struct lane *lane = &unit->lane[attack->report.class_id];
	double baseline;

	if (lane->pps[FLOOD_ARRIVED][0] > 0.8f * lane->limit[FLOOD_ARRIVED])
		return true;
	if (attack->from_host && hosts_rate(flood->hosts, &attack->host, flood->tick, flood->tick_s, &baseline) >
					 0.8 * attack->host.threshold)
		return true;
	for (uint32_t i = 0; i < unit->trip_count; i++) {
		if (attack->wide && unit->trip[i].lasting)
			return true;
	}
	return unit_measure_hot(unit, attack->report.class_id);
}

static void attack_report(struct flood *flood, struct attack *attack, enum flood_phase phase)
{
	struct flood_report *report = &attack->report;

	report->phase = phase;
	report->multi = flood->units[attack->unit].attacks > 1;
	report_catalogue(report);
	attack->report_tick = flood->tick;
	attack->announced = true;
	flood->ops.report(flood->ops.user, report);
}

struct attack *attack_begin(struct flood *flood, uint32_t index, uint8_t class_id)
{
	struct unit *unit = &flood->units[index];
	struct lane *lane = &unit->lane[class_id];
	uint32_t at = 0;
	struct attack *attack;

	while (at < FLOOD_ATTACKS_MAX && flood->attacks[at].used)
		at++;
	if (at == FLOOD_ATTACKS_MAX)
		return NULL;
	attack = &flood->attacks[at];
	*attack = (struct attack){ .used = true, .unit = index, .share = 1 };
	attack->begin_tick = attack->hot_tick = attack->look_tick = attack->learn_tick = flood->tick;
	attack->report.id = flood->next_id++;
	attack->report.tenant = index == FLOOD_PLATFORM(flood) ? SHIELD_TENANT_UNMAPPED : index;
	attack->report.class_id = class_id;
	attack->report.scope = index == FLOOD_PLATFORM(flood) ? FLOOD_SCOPE_PLATFORM : FLOOD_SCOPE_TENANT;
	attack->report.warm = lane->warm && !flood_reached(flood, lane->warm_until);
	attack->report.started_ns = flood->last_ns;
	lane->attack = (uint16_t)(at + 1);
	unit->attacks++;
	flood->stats.attacks++;
	flood->stats.attacks_begun++;
	return attack;
}

void attack_end(struct flood *flood, struct attack *attack)
{
	struct unit *unit = &flood->units[attack->unit];
	struct lane *lane = &unit->lane[attack->report.class_id];

	lane->attack = 0;
	lane->warm = 1;
	lane->warm_until = flood->tick + flood_ticks(flood, flood->config.warm_s * 1000ull);
	unit->attacks--;
	flood->stats.attacks--;
	attack->report.now_ns = flood->last_ns;
	attack->report.done = attack->done_ever;
	if (attack->announced)
		attack_report(flood, attack, FLOOD_END);
	attack->used = false;
}

static void attack_look(struct flood *flood, struct attack *attack, const struct totals *totals)
{
	const struct unit *unit = &flood->units[attack->unit];
	size_t count;
	const struct signature_sample *window = windows_captured(flood->windows, attack->unit, &count);
	double inside = 0;

	attack->look_tick = flood->tick;
	if (totals->window > 0 && !attack->from_host && !attack->wide)
		look_scope(flood, attack, totals);
	for (size_t i = 0; totals->window > 0 && i < count; i++) {
		if (attack_covers(attack, &window[i]) && sample_is_recent(flood, unit, &window[i]))
			inside += window[i].weight / totals->window;
	}
	attack->share = totals->window > 0 ? inside : 1;
	attack->crowd = looks_like_crowd(flood, attack);
	look_vector(flood, attack);
}

/* What is done about it, as the report has it. */
static uint32_t attack_done(const struct flood *flood, const struct attack *attack)
{
	const struct unit *unit = &flood->units[attack->unit];
	uint32_t done = attack->crowd ? FLOOD_DONE_SPARED : 0, shadow = 0;

	if (!attack->open && attack->report.reason != SHIELD_REASON_NONE)
		done |= FLOOD_DONE_STATIC;
	if ((attack->report.class_id == SHIELD_CLASS_SYN && unit->bits & SHIELD_ATTACK_SYN) ||
		(attack->report.class_id == SHIELD_CLASS_TCP && unit->bits & SHIELD_ATTACK_TCP) ||
		(attack->report.class_id == SHIELD_CLASS_FRAGMENT && unit->bits & SHIELD_ATTACK_FRAGMENT))
		done |= FLOOD_DONE_BITS;
	for (int i = 0; i < SHIELD_SIGNATURES_PER_TENANT; i++) {
		if (unit->measure[i].class_id != attack->report.class_id)
			continue;
		done |= unit->measure[i].state == MEASURE_ENFORCED ? FLOOD_DONE_SIGNATURE : 0;
		shadow |= unit->measure[i].state == MEASURE_SHADOW;
	}
	if (shadow && !(done & FLOOD_DONE_SIGNATURE))
		done |= FLOOD_DONE_SHADOW;
	if (attack->stuck && attack->open && !(done & FLOOD_DONE_SIGNATURE))
		done |= FLOOD_DONE_NO_SIGNATURE;
	return done;
}

static bool class_is_learned(uint8_t class_id)
{
	return class_id != SHIELD_CLASS_SYN && class_id != SHIELD_CLASS_FRAGMENT;
}

static void attack_wants(struct flood *flood, struct attack *attack)
{
	const struct lane *lane = &flood->units[attack->unit].lane[attack->report.class_id];
	float limit = attack->from_host ? attack->host.threshold
		      : attack->wide    ? (float)flood->config.floor_pps
					: lane->limit[FLOOD_OPEN];

	attack->wants_learn = attack->announced && attack->open && !attack->crowd && !lane->cold &&
			      attack->unit != FLOOD_PLATFORM(flood) && attack->unit != SHIELD_TENANT_UNMAPPED &&
			      class_is_learned(attack->report.class_id) && attack->left_pps > limit &&
			      flood_reached(flood, attack->learn_tick);
}

/* A tenant seen for the first time in the middle of its day is over the floor and has no baseline: after a while that is
 * normal for it. With a baseline, nothing becomes normal by lasting. */
static bool attack_adopt(struct flood *flood, struct attack *attack)
{
	struct unit *unit = &flood->units[attack->unit];

	if (!unit->lane[attack->report.class_id].cold ||
		flood->tick - attack->begin_tick < flood_ticks(flood, ADOPT_COLD_S * 1000))
		return false;
	unit->adopt_until = flood->tick + flood_ticks(flood, (BASELINE_WARM + FLOOD_PENDING + 2) * 1000);
	return true;
}

static void attack_step(struct flood *flood, struct attack *attack)
{
	struct totals totals = { 0 };
	uint32_t done, age = flood->tick - attack->begin_tick;
	bool look;

	if (attack_is_hot(flood, attack))
		attack->hot_tick = flood->tick;
	attack_rates(flood, attack);
	if (attack_adopt(flood, attack) ||
		flood->tick - attack->hot_tick >= flood_ticks(flood, flood->config.hold_s * 1000ull)) {
		attack_end(flood, attack);
		return;
	}
	if (attack->unit != FLOOD_PLATFORM(flood))
		totals = lane_totals(flood, attack);
	look = attack->announced ? flood->tick - attack->look_tick >= flood_ticks(flood, LOOK_EVERY_MS)
				 : totals.window_count >= LOOK_SAMPLES || age >= flood_ticks(flood, LOOK_WAIT_MS);
	/* Nothing new is learned about an attack that pauses: its last description stands. */
	if (look && (attack->hot_tick == flood->tick || !attack->announced)) {
		attack_look(flood, attack, &totals);
		attack_rates(flood, attack);
	}
	done = attack_done(flood, attack);
	/* The end tells what was done: what helped, not what was tried before. */
	attack->done_ever |= done;
	if (done & (FLOOD_DONE_SIGNATURE | FLOOD_DONE_BITS))
		attack->done_ever &= ~(uint32_t)(FLOOD_DONE_SHADOW | FLOOD_DONE_NO_SIGNATURE);
	attack_wants(flood, attack);
	if (!attack->announced && look) {
		attack->report.done = done;
		attack_report(flood, attack, FLOOD_BEGIN);
	} else if (attack->announced && (done != attack->report.done || flood->tick - attack->report_tick >=
										flood_ticks(flood, REPORT_EVERY_MS))) {
		attack->report.done = done;
		attack_report(flood, attack, FLOOD_UPDATE);
	}
}

/* ---- Beginnings ---- */

static bool trip_covers(const struct flood *flood, const struct hosts_trip *trip, const struct signature_sample *sample)
{
	if (sample->family != trip->family)
		return false;
	if (trip->family == 6)
		return flood->ops.hash_v6 && flood->ops.hash_v6(flood->ops.user, &sample->dst) == trip->address;
	return ((sample->dst.word[0] ^ trip->address) & (trip->level == HOSTS_PREFIX ? 0x00ffffff : UINT32_MAX)) == 0;
}

/* Which classes make up the excess of one destination: a bit for each; 0 when the samples do not say yet. */
static uint32_t trip_classes(
	const struct flood *flood, uint32_t index, const struct hosts_trip *trip, struct packet_addr *ret_address)
{
	const struct unit *unit = &flood->units[index];
	double weights[SHIELD_CLASS_COUNT] = { 0 }, peace[SHIELD_CLASS_COUNT] = { 0 }, total = 0, peace_total = 0;
	size_t count, seen = 0;
	const struct signature_sample *samples = windows_captured(flood->windows, index, &count);
	uint32_t classes = 0;

	for (size_t i = 0; i < count; i++) {
		if (!sample_is_recent(flood, unit, &samples[i]) || !trip_covers(flood, trip, &samples[i]))
			continue;
		weights[samples[i].class_id] += samples[i].weight;
		total += samples[i].weight;
		*ret_address = samples[i].dst;
		seen++;
	}
	if (seen < TRIP_SAMPLES)
		return 0;
	samples = windows_peace(flood->windows, index, &count);
	for (size_t i = 0; i < count; i++) {
		if (trip_covers(flood, trip, &samples[i])) {
			peace[samples[i].class_id] += samples[i].weight;
			peace_total += samples[i].weight;
		}
	}
	for (int i = 0; i < SHIELD_CLASS_COUNT; i++) {
		double usual = peace_total > 0 ? peace[i] / peace_total * trip->baseline : 0;

		if (weights[i] / total * trip->pps - usual >= TRIP_SHARE * (trip->pps - trip->baseline))
			classes |= 1u << i;
	}
	return classes;
}

/* A second destination over its threshold in a class that is attacked already: the same traffic seen at another level, a
 * prefix around the host, or a reason to speak of the whole tenant. */
static void trip_join(
	struct flood *flood, struct attack *attack, const struct hosts_trip *trip, const struct packet_addr *address)
{
	const struct packet_addr mask = mask_of(trip->family, FLOOD_SCOPE_PREFIX);
	bool near = attack->report.family == trip->family && prefix_covers(&attack->report.address, &mask, address);

	if (!attack->from_host || (attack->report.family == trip->family &&
					  prefix_covers(&attack->report.address, &attack->mask, address)))
		return;
	if (near && trip->level == HOSTS_PREFIX) {
		if (trip->pps - (float)attack->report.pps < trip->threshold)
			return;
		attack_set_scope(flood, attack, FLOOD_SCOPE_PREFIX, address, trip->family);
		attack->host = *trip;
		attack->report.carpet = true;
		return;
	}
	attack_set_scope(flood, attack, FLOOD_SCOPE_TENANT, NULL, 0);
	attack->from_host = false;
	attack->wide = true;
	attack->report.carpet = false;
}

static void trip_step(struct flood *flood, uint32_t index, const struct hosts_trip *trip)
{
	struct unit *unit = &flood->units[index];
	struct packet_addr address;
	uint32_t classes = trip_classes(flood, index, trip, &address);
	enum flood_scope scope = trip->level == HOSTS_HOST ? FLOOD_SCOPE_HOST : FLOOD_SCOPE_PREFIX;

	for (uint8_t class_id = 0; class_id < SHIELD_CLASS_COUNT; class_id++) {
		struct attack *attack;

		if (!(classes >> class_id & 1))
			continue;
		if (unit->lane[class_id].attack) {
			trip_join(flood, &flood->attacks[unit->lane[class_id].attack - 1], trip, &address);
			continue;
		}
		attack = attack_begin(flood, index, class_id);
		if (!attack)
			return;
		attack_set_scope(flood, attack, scope, &address, trip->family);
		attack->host = *trip;
		attack->from_host = true;
		attack->report.carpet = scope == FLOOD_SCOPE_PREFIX;
	}
}

static void unit_trips_step(struct flood *flood, uint32_t index)
{
	static const enum hosts_level order[] = { HOSTS_HOST, HOSTS_PREFIX };
	struct unit *unit = &flood->units[index];

	for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
		for (uint32_t j = 0; j < unit->trip_count; j++) {
			if (unit->trip[j].level == order[i] && unit->trip[j].lasting)
				trip_step(flood, index, &unit->trip[j]);
		}
	}
}

/* The flood of one or two tenants is theirs and not the platform's; they get the time to find it. */
static bool platform_may_begin(const struct flood *flood, uint8_t class_id)
{
	const struct unit *platform = &flood->units[FLOOD_PLATFORM(flood)];
	uint32_t attacked = 0;

	if (platform->lane[class_id].cold ||
		flood->tick - platform->suspect_since < flood_ticks(flood, PLATFORM_WAIT_MS))
		return false;
	for (uint32_t i = 0; i < flood->tenants; i++)
		attacked += flood->units[i].lane[class_id].attack != 0;
	return attacked == 0 || attacked > 2;
}

void unit_attacks_step(struct flood *flood, uint32_t index)
{
	struct unit *unit = &flood->units[index];
	bool adopting = unit->adopt_until && !flood_reached(flood, unit->adopt_until);

	for (uint8_t class_id = 0; class_id < SHIELD_CLASS_COUNT; class_id++) {
		struct lane *lane = &unit->lane[class_id];
		bool pulse = lane->warm && !flood_reached(flood, lane->warm_until) &&
			     lane->pps[FLOOD_ARRIVED][0] > lane->limit[FLOOD_ARRIVED];

		if (lane->attack || adopting || !(lane_over(lane, FLOOD_ARRIVED) || pulse))
			continue;
		if (index != FLOOD_PLATFORM(flood) || platform_may_begin(flood, class_id))
			(void)attack_begin(flood, index, class_id);
	}
	if (!adopting && unit->trip_count)
		unit_trips_step(flood, index);
	for (int class_id = 0; class_id < SHIELD_CLASS_COUNT; class_id++) {
		if (unit->lane[class_id].attack)
			attack_step(flood, &flood->attacks[unit->lane[class_id].attack - 1]);
	}
}
