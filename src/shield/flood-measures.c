// SPDX-License-Identifier: Apache-2.0
/* What the detection does about an attack: attack bits, and signatures with their lives (see flood.h).
 *
 * A signature is enforced as soon as it is found within the limits. It counts its hits from then on. When they stay low
 * for hold_s it is no longer enforced but stays installed, warm, for warm_s; one tick of hits above its re-arm rate
 * enforces it again (F2). One that would hit too much peace traffic is installed to count only, at most one for a class,
 * and is removed when it is quiet. When all places of a tenant are taken, the warm one that is next to expire gives way,
 * then one that only counts; enforced ones never do. */
#include <math.h>
#include <string.h>

#include "shield/flood-internal.h"

enum {
	LEARN_SAMPLES = 192, /* in the window; later SIGNATURE_WINDOW_MIN must do */
	LEARN_PATIENCE_MS = 800,
	LEARN_AGAIN_MS = 500, /* until the hits of a new signature show */
	LEARN_WAIT_MAX_MS = 60000,
};

#define REARM_MIN_PPS 10

static struct measure *measure_find(struct unit *unit, enum measure_state state)
{
	struct measure *best = NULL;

	for (int i = 0; i < SHIELD_SIGNATURES_PER_TENANT; i++) {
		struct measure *measure = &unit->measure[i];

		if (measure->state == state && (!best || (int32_t)(measure->warm_until - best->warm_until) < 0))
			best = measure;
	}
	return best;
}

static void measure_remove(struct flood *flood, uint32_t index, struct measure *measure)
{
	flood->ops.remove_signature(flood->ops.user, index, measure->slot);
	memset(measure, 0, sizeof(*measure));
	flood->units[index].measures--;
}

static struct measure *measure_place(struct flood *flood, uint32_t index)
{
	static const enum measure_state order[] = { MEASURE_WARM, MEASURE_SHADOW };
	struct unit *unit = &flood->units[index];
	struct measure *place = measure_find(unit, MEASURE_FREE);

	for (size_t i = 0; i < ARRAY_COUNT(order) && !place; i++) {
		place = measure_find(unit, order[i]);
		if (place)
			measure_remove(flood, index, place);
	}
	return place;
}

static void measure_enforce(struct flood *flood, uint32_t index, struct measure *measure, bool enforce)
{
	measure->state = enforce ? MEASURE_ENFORCED : MEASURE_WARM;
	measure->warm_until = flood->tick + flood_ticks(flood, flood->config.warm_s * 1000ull);
	flood->ops.set_enforce(flood->ops.user, index, measure->slot, enforce);
}

static void measure_rearm(struct flood *flood, uint32_t index, struct measure *measure)
{
	struct lane *lane = &flood->units[index].lane[measure->class_id];

	measure_enforce(flood, index, measure, true);
	flood->stats.signatures_rearmed++;
	if (!lane->attack)
		(void)attack_begin(flood, index, measure->class_id);
}

static void measure_step(struct flood *flood, uint32_t index, struct measure *measure)
{
	uint64_t hits = flood->ops.read_hits(flood->ops.user, index, measure->slot);
	float now = (float)((double)(hits - measure->hits) / flood->tick_s);
	bool hot = now > measure->rearm_pps, quiet;

	measure->hits = hits;
	measure->pps += (now - measure->pps) * 0.5f;
	if (hot)
		measure->hot_tick = flood->tick;
	quiet = flood->tick - measure->hot_tick >= flood_ticks(flood, flood->config.hold_s * 1000ull);
	if (measure->state == MEASURE_ENFORCED && quiet)
		measure_enforce(flood, index, measure, false);
	else if (measure->state == MEASURE_WARM && hot)
		measure_rearm(flood, index, measure);
	else if ((measure->state == MEASURE_WARM && flood_reached(flood, measure->warm_until)) ||
		 (measure->state == MEASURE_SHADOW && quiet))
		measure_remove(flood, index, measure);
}

void unit_measures_step(struct flood *flood, uint32_t index)
{
	for (int i = 0; i < SHIELD_SIGNATURES_PER_TENANT; i++) {
		if (flood->units[index].measure[i].state != MEASURE_FREE)
			measure_step(flood, index, &flood->units[index].measure[i]);
	}
}

void unit_measures_remove(struct flood *flood, uint32_t index)
{
	for (int i = 0; i < SHIELD_SIGNATURES_PER_TENANT; i++) {
		if (flood->units[index].measure[i].state != MEASURE_FREE)
			measure_remove(flood, index, &flood->units[index].measure[i]);
	}
}

double unit_measured_pps(const struct unit *unit, uint8_t class_id)
{
	double pps = 0;

	for (int i = 0; i < SHIELD_SIGNATURES_PER_TENANT; i++) {
		if (unit->measure[i].state == MEASURE_ENFORCED && unit->measure[i].class_id == class_id)
			pps += unit->measure[i].pps;
	}
	return pps;
}

bool unit_measure_hot(const struct unit *unit, uint8_t class_id)
{
	for (int i = 0; i < SHIELD_SIGNATURES_PER_TENANT; i++) {
		const struct measure *measure = &unit->measure[i];

		if (measure->state == MEASURE_ENFORCED && measure->class_id == class_id &&
			measure->pps > measure->rearm_pps)
			return true;
	}
	return false;
}

bool unit_sample_measured(const struct unit *unit, const struct signature_sample *sample)
{
	for (int i = 0; i < SHIELD_SIGNATURES_PER_TENANT; i++) {
		if (unit->measure[i].state == MEASURE_ENFORCED &&
			signature_matches(&unit->measure[i].found.signature, sample))
			return true;
	}
	return false;
}

/* ---- Bits ---- */

/* What an attack asks for. TCP comes with SYN, because a source can only become proven by a challenge. A challenge does a
 * real user no harm: it is used against a crowd and without a baseline too; the rest is not. */
static uint32_t attack_bits(const struct attack *attack)
{
	const struct flood_report *report = &attack->report;
	uint32_t bits = attack->bits;
	bool sure = attack->announced && !report->cold;

	if (attack->crowd)
		bits &= (uint32_t)SHIELD_ATTACK_SYN;
	if (!attack->open)
		return bits;
	if (report->class_id == SHIELD_CLASS_SYN)
		bits |= SHIELD_ATTACK_SYN;
	if (report->class_id == SHIELD_CLASS_TCP && sure && !attack->crowd)
		bits |= SHIELD_ATTACK_SYN | SHIELD_ATTACK_TCP;
	if (report->class_id == SHIELD_CLASS_FRAGMENT && sure)
		bits |= SHIELD_ATTACK_FRAGMENT;
	if (report->family == 6 && report->scope == FLOOD_SCOPE_PREFIX && sure)
		bits |= SHIELD_ATTACK_DESTINATION;
	return bits;
}

void unit_bits_step(struct flood *flood, uint32_t index)
{
	struct unit *unit = &flood->units[index];
	uint32_t bits = 0;

	for (int class_id = 0; class_id < SHIELD_CLASS_COUNT; class_id++) {
		struct attack *attack =
			unit->lane[class_id].attack ? &flood->attacks[unit->lane[class_id].attack - 1] : NULL;

		if (attack)
			attack->bits = attack_bits(attack);
		bits |= attack ? attack->bits : 0;
	}
	if (index == SHIELD_TENANT_UNMAPPED || bits == unit->bits)
		return;
	unit->bits = bits;
	flood->ops.set_attack(flood->ops.user, index, bits);
}

/* ---- Learning ---- */

static size_t learn_window(struct flood *flood, const struct attack *attack, uint8_t *ret_family)
{
	const struct unit *unit = &flood->units[attack->unit];
	size_t count, kept = 0, v6 = 0;
	const struct signature_sample *samples = windows_captured(flood->windows, attack->unit, &count);

	for (size_t i = 0; i < count; i++) {
		if (!attack_covers(attack, &samples[i]) || !sample_is_recent(flood, unit, &samples[i]) ||
			reason_is_static(samples[i].reason) || unit_sample_measured(unit, &samples[i]))
			continue;
		flood->window[kept++] = samples[i];
		v6 += samples[i].family == 6;
	}
	*ret_family = v6 * 2 > kept ? 6 : 4;
	return kept;
}

static void learn_install(struct flood *flood, struct attack *attack, const struct signature_found *found)
{
	struct unit *unit = &flood->units[attack->unit];
	struct flood_report *report = &attack->report;
	struct measure *measure = measure_place(flood, attack->unit);
	struct signature_found mine = *found;
	double usual = 0;

	mine.signature.id = report->id;
	if (!measure || flood->ops.install_signature(flood->ops.user, attack->unit, &mine.signature, &measure->slot)) {
		flood->stats.signatures_refused++;
		return;
	}
	for (int i = 0; i < SHIELD_CLASS_COUNT; i++)
		usual += unit->lane[i].usual;
	measure->found = mine;
	measure->state = mine.signature.enforce ? MEASURE_ENFORCED : MEASURE_SHADOW;
	measure->class_id = report->class_id;
	measure->hits = 0;
	measure->hot_tick = flood->tick;
	measure->warm_until = flood->tick + flood_ticks(flood, flood->config.warm_s * 1000ull);
	measure->rearm_pps =
		(float)fmax(REARM_MIN_PPS, fmax(flood->config.floor_pps / 2.0, 2 * mine.peace_share * usual));
	unit->measures++;
	flood->stats.signatures_learned++;
	(void)signature_text(&mine.signature, report->signature, sizeof(report->signature));
	report->peace_share = mine.peace_share;
	report->peace_share_bound = mine.peace_share_bound;
}

/* Nothing to enforce: one signature may count, and the next search waits twice as long. */
static void learn_failed(struct flood *flood, struct attack *attack, const struct signature_found *found, size_t count)
{
	const struct unit *unit = &flood->units[attack->unit];
	uint32_t longest = flood_ticks(flood, LEARN_WAIT_MAX_MS);
	bool counting = false;

	attack->stuck = true;
	attack->learn_wait = attack->learn_wait ? attack->learn_wait * 2 : flood_ticks(flood, LEARN_AGAIN_MS);
	attack->learn_wait = attack->learn_wait < longest ? attack->learn_wait : longest;
	attack->learn_tick = flood->tick + attack->learn_wait;
	for (int i = 0; i < SHIELD_SIGNATURES_PER_TENANT; i++)
		counting |= unit->measure[i].state == MEASURE_SHADOW &&
			    unit->measure[i].class_id == attack->report.class_id;
	if (count && !counting && unit->measures < SHIELD_SIGNATURES_PER_TENANT)
		learn_install(flood, attack, found);
}

static void learn(struct flood *flood, struct attack *attack)
{
	struct signature_found found[SHIELD_SIGNATURES_PER_TENANT];
	struct unit *unit = &flood->units[attack->unit];
	struct signature_problem problem = {
		.window = flood->window,
		.class_id = attack->report.class_id,
		.dst = attack->report.address,
		.dst_mask = attack->mask,
		.window_pps = attack->left_pps,
		.peace_pps = unit->lane[attack->report.class_id].usual,
		.budget = flood->config.signature_budget,
	};
	uint32_t enforced = 0;
	size_t count;

	problem.window_count = learn_window(flood, attack, &problem.family);
	if (problem.window_count < SIGNATURE_WINDOW_MIN ||
		(problem.window_count < LEARN_SAMPLES &&
			flood->tick - attack->begin_tick < flood_ticks(flood, LEARN_PATIENCE_MS)))
		return;
	problem.peace = windows_peace(flood->windows, attack->unit, &problem.peace_count);
	for (int i = 0; i < SHIELD_SIGNATURES_PER_TENANT; i++) {
		if (unit->measure[i].state == MEASURE_ENFORCED)
			problem.spent += unit->measure[i].found.peace_share;
		enforced += unit->measure[i].state == MEASURE_ENFORCED;
	}
	flood->stats.learn_runs++;
	count = signature_learn(flood->scratch, &problem, found, SHIELD_SIGNATURES_PER_TENANT - enforced);
	if (!count || !found[0].signature.enforce) {
		learn_failed(flood, attack, found, count);
		return;
	}
	attack->report.coverage = 0;
	for (size_t i = 0; i < count; i++) {
		learn_install(flood, attack, &found[i]);
		attack->report.coverage += found[i].coverage;
	}
	attack->stuck = false;
	attack->learn_wait = 0;
	attack->learn_tick = flood->tick + flood_ticks(flood, LEARN_AGAIN_MS);
}

void flood_learn_step(struct flood *flood)
{
	struct attack *first = NULL;

	for (size_t i = 0; flood->stats.attacks && i < FLOOD_ATTACKS_MAX; i++) {
		struct attack *attack = &flood->attacks[i];

		if (attack->used && attack->wants_learn &&
			(!first || (int32_t)(attack->learn_tick - first->learn_tick) < 0))
			first = attack;
	}
	if (!first)
		return;
	learn(flood, first);
	/* One search a tick: whoever could not be helped goes to the end of the queue. */
	if (flood_reached(flood, first->learn_tick))
		first->learn_tick = flood->tick + 1;
}
