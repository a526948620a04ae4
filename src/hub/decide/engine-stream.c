// SPDX-License-Identifier: Apache-2.0
/* What goes out: a ring of the last changes for consumers that kept up, and a walk over everything for those that did
 * not. */
#include <stdlib.h>
#include <string.h>

#include "hub/decide/engine-internal.h"

#define US_ROUND(seconds) ((int64_t)((seconds) / 60) * US_PER_MINUTE)

static uint8_t bucket(size_t tenants)
{
	static const uint8_t floors[] = { 10, 5, 2, 1 };

	for (size_t i = 0; i < ARRAY_COUNT(floors); i++) {
		if (tenants >= floors[i])
			return floors[i];
	}
	return 0;
}

void stream_decision(const struct engine *engine, uint32_t slot, struct engine_decision *ret)
{
	const struct record *record = record_at(engine, slot);
	size_t tenants = 0;

	REFS_FOR(engine, record, ref)
	tenants += !(ref->flags & REF_VETO);
	*ret = (struct engine_decision){ .id = record_id(engine, slot),
		.key = record->key,
		.text = record->text,
		.first_us = US_ROUND(record->first_s),
		.last_us = US_ROUND(record->last_s),
		.started_us = record->started_us,
		.expires_us = record->expires_us,
		.belief = record->belief,
		.users = record->users,
		.campaign = record->campaign,
		.level = record->level,
		.class = record->class,
		.evidence = record->evidence,
		.reporters = bucket(tenants),
		.by_person = (record->flags & RECORD_PERSON) != 0,
		.by_list = (record->flags & RECORD_LIST) != 0 };
}

static void push(struct engine *engine, enum engine_op op, const struct engine_decision *decision)
{
	struct change_slot *place;

	engine->seq++;
	place = &engine->ring[engine->seq % engine->limits.changes_max];
	free(place->text);
	place->text = NULL;
	place->change = (struct engine_change){
		.epoch = engine->epoch, .seq = engine->seq, .op = (uint8_t)op, .decision = *decision
	};
	if (decision->text) {
		place->text = strdup(decision->text);
		place->change.decision.text = place->text ? place->text : "";
	}
	if (engine->seq - engine->seq_oldest >= engine->limits.changes_max)
		engine->seq_oldest = engine->seq - engine->limits.changes_max + 1;
	if (engine->callbacks.changed)
		engine->callbacks.changed(engine->callbacks.context);
}

void stream_push(struct engine *engine, uint32_t slot, enum engine_op op, enum decide_level level)
{
	struct engine_decision decision;

	if (engine->loading)
		return;
	stream_decision(engine, slot, &decision);
	decision.level = (uint8_t)level;
	push(engine, op, &decision);
}

void engine_announce(struct engine *engine, int64_t now_us, enum engine_op op, const struct engine_decision *decision)
{
	engine_tick(engine, now_us);
	push(engine, op, decision);
	journal_state(engine);
}

void stream_clear(struct engine *engine)
{
	for (size_t i = 0; i < engine->limits.changes_max; i++) {
		free(engine->ring[i].text);
		engine->ring[i].text = NULL;
	}
	engine->seq_oldest = engine->seq + 1;
}

void engine_renew(struct engine *engine, int64_t now_us)
{
	engine_tick(engine, now_us);
	engine->seq++;
	stream_clear(engine);
	journal_state(engine);
}

void engine_position(const struct engine *engine, uint64_t *ret_epoch, uint64_t *ret_seq)
{
	*ret_epoch = engine->epoch;
	*ret_seq = engine->seq;
}

int engine_changes(const struct engine *engine, uint64_t epoch, uint64_t seq, size_t max, engine_change_fn fn,
	void *context, uint64_t *ret_seq)
{
	if (epoch != engine->epoch || seq > engine->seq || seq + 1 < engine->seq_oldest)
		return LUYTRE_E_CONFLICT;
	for (; seq < engine->seq && max > 0; max--) {
		struct engine_change change = engine->ring[++seq % engine->limits.changes_max].change;

		if (change.op != ENGINE_DELETE && engine_is_allowed(engine, &change.decision.key, change.decision.text))
			change.op = ENGINE_DELETE;
		fn(context, &change);
	}
	*ret_seq = seq;
	return 0;
}

uint32_t engine_walk(const struct engine *engine, uint32_t from, uint32_t count, engine_change_fn fn, void *context)
{
	struct engine_change change = { .epoch = engine->epoch, .seq = engine->seq, .op = ENGINE_ADD };
	uint32_t end = engine->records.taken_count;

	if (from < end && count < end - from)
		end = from + count;
	for (uint32_t slot = from; slot < end; slot++) {
		const struct record *record = slab_find(&engine->records, slot);

		if (!record || record->level == DECIDE_NONE || engine_is_allowed(engine, &record->key, record->text))
			continue;
		stream_decision(engine, slot, &change.decision);
		fn(context, &change);
	}
	return end < engine->records.taken_count ? end : 0;
}

void engine_each(const struct engine *engine, engine_change_fn fn, void *context)
{
	(void)engine_walk(engine, 0, UINT32_MAX, fn, context);
}

int engine_find(const struct engine *engine, uint64_t id, struct engine_decision *ret)
{
	uint32_t slot = record_find_id(engine, id);

	if (slot == SLAB_NONE)
		return LUYTRE_E_NOT_FOUND;
	stream_decision(engine, slot, ret);
	return 0;
}

int engine_find_key(const struct engine *engine, const struct observable_key *key, struct engine_decision *ret)
{
	uint32_t slot = record_find(engine, key);

	if (slot == SLAB_NONE || record_at(engine, slot)->level == DECIDE_NONE)
		return LUYTRE_E_NOT_FOUND;
	stream_decision(engine, slot, ret);
	return 0;
}

size_t engine_evidence(const struct engine *engine, uint64_t id, struct engine_evidence *ret, size_t max)
{
	uint32_t slot = record_find_id(engine, id);
	size_t count = 0;

	if (slot == SLAB_NONE)
		return 0;
	REFS_FOR(engine, record_at(engine, slot), ref)
	{
		if (count == max)
			break;
		ret[count++] = (struct engine_evidence){ .rule = ref->rule,
			.tenant = ref->tenant,
			.edge = ref->edge,
			.time_us = ref->time_s * US_PER_S,
			.seen_us = ref->seen_s * US_PER_S,
			.weight = (double)ref->weight / UINT16_MAX,
			.evidence = ref->evidence,
			.veto = (ref->flags & REF_VETO) != 0,
			.confirmed = (ref->flags & REF_CONFIRMED) != 0,
			.refuted = (ref->flags & REF_REFUTED) != 0,
			.fingerprint = (ref->flags & REF_FINGERPRINT) != 0 };
	}
	return count;
}
