// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "hub/decide/engine-internal.h"
#include "hub/events/event.h"

#define CONFIRM_WITHIN_S 86400
#define FUTURE_S         300 /* clocks of edges may run ahead by this; more is taken for now */
#define PUBLIC_LEVEL     DECIDE_CHALLENGE /* from here on others may know it from us */
#define ALARM_PAUSE_US   (3600 * US_PER_S)

void engine_limits_default(struct engine_limits *ret)
{
	*ret = (struct engine_limits){
		.records_max = 1200000,
		.evidence_max = 4000000,
		.changes_max = 65536,
		.reporters = { .tenants_max = 65536,
			.rules_max = 65536,
			.pairs_max = 262144,
			.blocks_per_minute = 30,
			.blocks_per_day = 500,
			.challenges_per_minute = 300,
			.challenges_per_day = 5000,
			.alone_max = 30 },
		.change_share = 0.0005,
		.total_share = 0.005,
		.pace_factor = 8,
		.pace_floor = 600,
		.two_persons_v4 = 24,
		.two_persons_v6 = 48,
	};
}

static bool make_tables(struct engine *engine, struct siphash_key key)
{
	const struct engine_limits *limits = &engine->limits;

	engine->index = table_new(sizeof(struct observable_key), sizeof(uint32_t), limits->records_max, key);
	engine->parents =
		table_new(sizeof(struct observable_key), sizeof(struct parent), 2 * (size_t)limits->records_max, key);
	engine->decoys = table_new(sizeof(struct observable_key), 0, ENGINE_DECOYS_MAX, key);
	engine->edges_alone = table_new(sizeof(uint32_t), sizeof(uint32_t), ENGINE_EDGES_MAX, key);
	engine->decoy_prefixes = calloc(ENGINE_DECOYS_MAX, sizeof(*engine->decoy_prefixes));
	engine->proposals = calloc(ENGINE_PROPOSALS_MAX, sizeof(*engine->proposals));
	engine->ring = calloc(limits->changes_max, sizeof(*engine->ring));
	engine->reporters = reporters_new(&limits->reporters, key, journal_emit, engine);
	return engine->index && engine->parents && engine->decoys && engine->edges_alone && engine->decoy_prefixes &&
	       engine->proposals && engine->ring && engine->reporters;
}

struct engine *engine_new(const struct engine_limits *limits, const struct engine_callbacks *callbacks,
	const struct shared *shared, const struct users *users, struct siphash_key key)
{
	struct engine *engine;

	if (limits->records_max == 0 || limits->records_max >= 1u << SLOT_BITS || limits->changes_max == 0)
		return NULL;
	engine = calloc(1, sizeof(*engine));
	if (!engine)
		return NULL;
	engine->limits = *limits;
	if (callbacks)
		engine->callbacks = *callbacks;
	engine->shared = shared;
	engine->users = users;
	engine->epoch = 1;
	engine->seq_oldest = 1;
	slab_init(&engine->records, sizeof(struct record), limits->records_max);
	slab_init(&engine->refs, sizeof(struct ref), limits->evidence_max);
	if (!make_tables(engine, key)) {
		engine_free(engine);
		return NULL;
	}
	return engine;
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	for (uint32_t slot = 0; slot < engine->records.taken_count; slot++) {
		struct record *record = slab_find(&engine->records, slot);

		if (record)
			free(record->text);
	}
	if (engine->ring)
		stream_clear(engine);
	free(engine->ring);
	slab_done(&engine->records);
	slab_done(&engine->refs);
	table_free(engine->index);
	table_free(engine->parents);
	table_free(engine->decoys);
	table_free(engine->edges_alone);
	reporters_free(engine->reporters);
	free(engine->decoy_prefixes);
	free(engine->proposals);
	free(engine->heap);
	free(engine);
}

struct reporters *engine_reporters(struct engine *engine)
{
	return engine->reporters;
}

int64_t engine_hold_time(struct engine *engine, int64_t now_us)
{
	if (now_us > engine->now_us)
		engine->now_us = now_us;
	return engine->now_us;
}

void engine_raise_alarm(
	struct engine *engine, enum engine_alarm alarm, uint32_t tenant, const struct observable_key *key)
{
	if (engine->callbacks.alarm && !engine->loading)
		engine->callbacks.alarm(engine->callbacks.context, alarm, tenant, key);
}

int64_t engine_due(const struct engine *engine)
{
	return engine->heap_count == 0 ? INT64_MAX : record_at(engine, engine->heap[0])->due_us;
}

/* IPv6 at /64, IPv4 at /32, other kinds as they are. False for a prefix that is wider. */
static bool counted_form(const struct observable *in, struct observable *ret)
{
	struct ip_prefix prefix;

	if (!observable_prefix(&in->key, &prefix)) {
		*ret = *in;
		return in->key.kind != OBSERVABLE_NONE;
	}
	if (prefix.addr.family == IP_V4 ? prefix.length != 32 : prefix.length < 64)
		return false;
	if (prefix.addr.family == IP_V6)
		prefix = ip_prefix_around(&prefix.addr, 64);
	observable_of_prefix(&prefix, ret);
	return true;
}

/* The tenant loses its weight, and what rests on it loses that too. */
static void punish(struct engine *engine, uint32_t tenant, const struct observable_key *decoy)
{
	reporters_silence(engine->reporters, tenant, true);
	engine_raise_alarm(engine, ENGINE_ALARM_DECOY, tenant, decoy);
	for (uint32_t slot = 0; slot < engine->records.taken_count; slot++) {
		const struct record *record = slab_find(&engine->records, slot);
		struct ref *found = NULL;

		if (!record)
			continue;
		REFS_FOR(engine, record, ref)
		found = ref->tenant == tenant ? ref : found;
		if (!found)
			continue;
		record_remove_ref(engine, slot, found);
		level_reweigh(engine, slot);
	}
}

/* What does not need a record. ENGINE_TAKEN: go on. */
static enum engine_outcome screen(
	struct engine *engine, const struct engine_report *report, const struct observable *counted, int64_t time_us)
{
	const struct decide_class_row *row = formula_class((enum decide_class)report->class);
	uint32_t slot;

	if (report->evidence == EV_E0)
		return ENGINE_PATTERN;
	if (reporters_trust(engine->reporters, engine->now_us, report->tenant) <= 0)
		return ENGINE_SILENT;
	if (engine_overlaps_decoy(engine, &report->observable->key) || engine_overlaps_decoy(engine, &counted->key)) {
		punish(engine, report->tenant, &counted->key);
		return ENGINE_DECOY;
	}
	if ((engine->shared && shared_allowed(engine->shared, report->observable, NULL)) ||
		engine_is_allowed(
			engine, &counted->key, counted->key.kind >= OBSERVABLE_DOMAIN ? counted->text : NULL)) {
		/* Who meets an allowed address each day is no liar each time: a list is a witness like another. */
		reporters_refute(engine->reporters, engine->now_us, report->tenant, report->rule, UINT32_MAX, 1);
		engine->stats.refuted++;
		slot = record_find(engine, &counted->key);
		if (slot != SLAB_NONE) {
			level_set(engine, slot, DECIDE_NONE, 0);
			record_free(engine, slot);
		}
		return ENGINE_SPARED;
	}
	return (double)(engine->now_us - time_us) / (double)US_PER_S >= row->age_s ? ENGINE_OLD : ENGINE_TAKEN;
}

/* Credits the earlier report, and the new one when it cannot have been copied from us. */
static void confirm(struct engine *engine, struct ref *ref, const struct ref *witness)
{
	if (ref->flags & (REF_CONFIRMED | REF_LATE | REF_VETO))
		return;
	ref->flags |= REF_CONFIRMED;
	engine->stats.confirmed++;
	reporters_confirm(engine->reporters, engine->now_us, ref->tenant, ref->rule, witness->tenant,
		reporters_is_decoy(engine->reporters, witness->tenant)
			? 1
			: reporters_trust(engine->reporters, engine->now_us, witness->tenant));
}

static void confirm_each_other(struct engine *engine, const struct record *record, struct ref *latest)
{
	REFS_FOR(engine, record, ref)
	{
		if (ref == latest || ref->flags & REF_VETO || latest->seen_s > ref->seen_s + CONFIRM_WITHIN_S ||
			voice_same(engine, ref, latest->tenant, latest->edge))
			continue;
		confirm(engine, ref, latest);
		confirm(engine, latest, ref);
	}
}

void engine_refute_vetoes(struct engine *engine, uint32_t slot)
{
	const struct record *record = record_at(engine, slot);
	bool changed = false;

	REFS_FOR(engine, record, ref)
	{
		if (!(ref->flags & REF_VETO) || ref->flags & REF_REFUTED)
			continue;
		ref->flags |= REF_REFUTED;
		changed = true;
		reporters_refute(
			engine->reporters, engine->now_us, ref->tenant, 0, UINT32_MAX - 1, (double)record->belief);
	}
	if (changed)
		journal_record(engine, slot);
}

static struct ref *weakest_ref(struct engine *engine, const struct record *record)
{
	struct ref *weakest = NULL;

	REFS_FOR(engine, record, ref)
	{
		if (!weakest || ref->weight < weakest->weight)
			weakest = ref;
	}
	return weakest;
}

/* The report is that of the edge whose evidence counts. */
static void set_edge(struct engine *engine, struct ref *ref, uint32_t edge)
{
	if (ref->flags & REF_ALONE) { /* its count goes with it; the level is worked out next, which counts anew */
		voice_count_alone(engine, ref, -1);
		ref->flags &= (uint8_t)~REF_ALONE;
	}
	ref->edge = edge;
}

static bool speaks_beside(
	const struct engine *engine, const struct record *record, const struct ref *but, uint32_t edge)
{
	REFS_FOR(engine, record, ref)
	{
		if (ref != but && ref->edge == edge && !(ref->flags & REF_VETO))
			return true;
	}
	return false;
}

/* The same report by an edge that has said nothing yet, where the one before speaks for others as well: who captured that one must not
 * take the words out of the mouths of all whom it serves. */
static bool makes_a_voice(
	const struct engine *engine, const struct record *record, const struct ref *ref, uint32_t edge)
{
	return ref->edge != edge && speaks_beside(engine, record, ref, ref->edge) &&
	       !speaks_beside(engine, record, ref, edge);
}

/* The tenant's report on the record, new or made younger; null without room. One report a tenant: repeating gains
 * nothing. */
static struct ref *place_report(
	struct engine *engine, uint32_t slot, const struct engine_report *report, uint32_t time_s)
{
	const struct record *record = record_at(engine, slot);
	const struct decide_class_row *row = formula_class((enum decide_class)record->class);
	struct ref *found = NULL;

	REFS_FOR(engine, record, ref)
	{
		if (ref->tenant == report->tenant && !(ref->flags & REF_VETO))
			found = ref;
	}
	if (found) {
		if (report->evidence > found->evidence || time_s >= found->time_s + row->age_s) {
			found->time_s = time_s;
			found->evidence = report->evidence;
			found->rule = report->rule;
			found->flags &= (uint8_t)~REF_CONFIRMED;
			set_edge(engine, found, report->edge);
		} else if (report->evidence == found->evidence && makes_a_voice(engine, record, found, report->edge)) {
			set_edge(engine, found, report->edge);
		}
		if (time_s > found->seen_s)
			found->seen_s = time_s;
		return found;
	}
	if (record->ref_count >= ENGINE_EVIDENCE_MAX) {
		engine->stats.evidence_dropped++;
		record_remove_ref(engine, slot, weakest_ref(engine, record));
	}
	found = record_add_ref(engine, slot);
	if (!found)
		return NULL;
	found->tenant = report->tenant;
	found->edge = report->edge;
	found->rule = report->rule;
	found->time_s = found->seen_s = time_s;
	found->evidence = report->evidence;
	found->flags = record->level >= PUBLIC_LEVEL ? REF_LATE : 0;
	return found;
}

static uint32_t find_or_make(struct engine *engine, const struct observable *observable, uint8_t class)
{
	uint32_t slot = record_find(engine, &observable->key);
	const struct shared_entry *entry = NULL;
	struct record *record;
	struct ip_prefix prefix;

	if (slot != SLAB_NONE)
		return slot;
	slot = record_make(engine, observable);
	if (slot == SLAB_NONE)
		return SLAB_NONE;
	record = record_at(engine, slot);
	record->class = class;
	if (engine->shared && observable_prefix(&observable->key, &prefix))
		entry = shared_find(engine->shared, &prefix.addr);
	if (entry && entry->kind == SHARED_RESIDENTIAL)
		record->flags |= RECORD_RESIDENTIAL;
	return slot;
}

/* Not that which spoke last. */
static bool is_other_voice(
	const struct engine *engine, const struct record *record, const struct engine_report *report, uint32_t group)
{
	if (record->sighting_group == 0 || record->sighting_group == group)
		return false;
	REFS_FOR(engine, record, ref)
	{
		if (!(ref->flags & REF_VETO) && ref->edge != 0 && ref->edge == report->edge &&
			reporters_group(engine->reporters, ref->tenant) == record->sighting_group)
			return false;
	}
	return true;
}

static void take_in(
	struct engine *engine, uint32_t slot, const struct engine_report *report, struct ref *ref, uint32_t time_s)
{
	struct record *record = record_at(engine, slot);
	uint32_t group = reporters_group(engine->reporters, report->tenant);
	bool other_voice = is_other_voice(engine, record, report, group);

	if (report->fingerprint)
		ref->flags |= REF_FINGERPRINT;
	if (record->level == DECIDE_NONE)
		record->class = report->class;
	if (record->first_s == 0 || time_s < record->first_s)
		record->first_s = time_s;
	if (time_s > record->last_s)
		record->last_s = time_s;
	record->sighting_group = group;
	if (report->campaign != 0)
		record->campaign = report->campaign;
	if (reporters_is_decoy(engine->reporters, report->tenant))
		record->flags |= RECORD_VERIFIED;
	confirm_each_other(engine, record, ref);
	/* Something must be due even if the level stays: or records that order nothing would never end. */
	if (record->level == DECIDE_NONE)
		record_set_due(engine, slot, engine->now_us + CONFIRM_WITHIN_S * US_PER_S);
	level_reconsider(engine, slot, other_voice);
	if (record->level >= DECIDE_BLOCK)
		engine_refute_vetoes(engine, slot);
}

static enum engine_outcome no_room(struct engine *engine, uint32_t tenant, const struct observable_key *key)
{
	if (engine->alarm_full_us == 0 || engine->now_us - engine->alarm_full_us >= ALARM_PAUSE_US) {
		engine->alarm_full_us = engine->now_us;
		engine_raise_alarm(engine, ENGINE_ALARM_FULL, tenant, key);
	}
	return ENGINE_NO_ROOM;
}

static enum engine_outcome work_on(
	struct engine *engine, const struct engine_report *report, const struct observable *counted)
{
	int64_t time_us = report->time_us;
	enum engine_outcome outcome;
	struct ref *ref;
	uint32_t slot;

	if (time_us > engine->now_us + FUTURE_S * US_PER_S || time_us <= 0)
		time_us = engine->now_us;
	outcome = screen(engine, report, counted, time_us);
	if (outcome != ENGINE_TAKEN)
		return outcome;
	slot = find_or_make(engine, counted, report->class);
	if (slot == SLAB_NONE)
		return no_room(engine, report->tenant, &counted->key);
	ref = place_report(engine, slot, report, (uint32_t)(time_us / US_PER_S));
	if (!ref) {
		if (record_at(engine, slot)->ref_count == 0 && record_at(engine, slot)->level == DECIDE_NONE)
			record_free(engine, slot);
		return no_room(engine, report->tenant, &counted->key);
	}
	take_in(engine, slot, report, ref, (uint32_t)(time_us / US_PER_S));
	return ENGINE_TAKEN;
}

int engine_report(struct engine *engine, int64_t now_us, const struct engine_report *report, enum engine_outcome *ret)
{
	struct observable counted;
	enum engine_outcome outcome;

	engine_tick(engine, now_us);
	if (!reporters_known(engine->reporters, report->tenant)) {
		engine->stats.unknown++;
		return LUYTRE_E_NOT_FOUND;
	}
	if (report->class >= DECIDE_CLASS_COUNT || report->evidence >= EV_EVIDENCE_COUNT ||
		!counted_form(report->observable, &counted))
		return LUYTRE_E_INVALID;
	outcome = work_on(engine, report, &counted);
	engine->stats.reports[outcome]++;
	if (ret)
		*ret = outcome;
	return 0;
}

void engine_stats(const struct engine *engine, struct engine_stats *ret)
{
	*ret = engine->stats;
	ret->records = engine->records.used_count;
	ret->evidence = engine->refs.used_count;
}
