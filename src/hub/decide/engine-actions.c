// SPDX-License-Identifier: Apache-2.0
/* What edges and people do to decisions. */
#include <stdlib.h>
#include <string.h>

#include "hub/decide/engine-internal.h"

#define SPARED_S 86400

/* Only a veto that prevails refutes the reports; or whoever vetoes everything would ruin all reporters. One that stands
 * against many witnesses is refuted itself. */
static void judge_veto(struct engine *engine, uint32_t slot, uint32_t tenant, double trust)
{
	const struct record *record = record_at(engine, slot);
	struct assessment in;

	if (record->level != DECIDE_NONE) {
		level_assess(engine, slot, &in);
		if (record->level >= DECIDE_BLOCK && in.witnesses >= VERIFIED_WITNESSES)
			engine_refute_vetoes(engine, slot);
		return;
	}
	REFS_FOR(engine, record, ref)
	{
		if (ref->flags & REF_VETO)
			continue;
		ref->flags |= REF_REFUTED;
		engine->stats.refuted++;
		reporters_refute(engine->reporters, engine->now_us, ref->tenant, ref->rule, tenant, trust);
	}
	journal_record(engine, slot);
}

int engine_veto(struct engine *engine, int64_t now_us, uint64_t id, uint32_t tenant, uint32_t edge)
{
	uint32_t slot;
	double trust;
	struct ref *veto;

	engine_tick(engine, now_us);
	slot = record_find_id(engine, id);
	if (slot == SLAB_NONE || !reporters_known(engine->reporters, tenant))
		return LUYTRE_E_NOT_FOUND;
	trust = reporters_trust(engine->reporters, engine->now_us, tenant);
	if (trust <= 0)
		return 0;
	REFS_FOR(engine, record_at(engine, slot), ref)
	{
		if (ref->flags & REF_VETO && voice_same(engine, ref, tenant, edge))
			return 0; /* one voice */
	}
	engine->stats.vetoes++;
	veto = record_at(engine, slot)->ref_count < ENGINE_EVIDENCE_MAX ? record_add_ref(engine, slot) : NULL;
	if (veto) {
		uint32_t next = veto->next, now_s = (uint32_t)(engine->now_us / US_PER_S);

		*veto = (struct ref){ .tenant = tenant,
			.edge = edge,
			.time_s = now_s,
			.seen_s = now_s,
			.next = next,
			.flags = REF_VETO };
	}
	level_reweigh(engine, slot);
	judge_veto(engine, slot, tenant, trust);
	return 0;
}

int engine_lift(struct engine *engine, int64_t now_us, uint64_t id, uint32_t person, bool upheld)
{
	struct record *record;
	uint32_t slot;

	engine_tick(engine, now_us);
	slot = record_find_id(engine, id);
	if (slot == SLAB_NONE)
		return LUYTRE_E_NOT_FOUND;
	record = record_at(engine, slot);
	REFS_FOR(engine, record, ref)
	{
		if (!upheld || ref->flags & REF_VETO)
			continue;
		engine->stats.refuted++;
		reporters_refute(engine->reporters, engine->now_us, ref->tenant, ref->rule, 0, 1);
	}
	if (upheld) {
		record->spared_until_s = (uint32_t)(engine->now_us / US_PER_S) + SPARED_S;
		record->offences = 0;
	}
	record->flags &= (uint8_t) ~(RECORD_PERSON | RECORD_LIST | RECORD_VERIFIED);
	level_set(engine, slot, DECIDE_NONE, 0);
	record_drop_refs(engine, slot);
	journal_record(engine, slot);
	engine->stats.lifted++;
	return 0;
}

int engine_confirm(struct engine *engine, int64_t now_us, uint64_t id, uint32_t person)
{
	struct record *record;
	uint32_t slot;

	engine_tick(engine, now_us);
	slot = record_find_id(engine, id);
	if (slot == SLAB_NONE)
		return LUYTRE_E_NOT_FOUND;
	record = record_at(engine, slot);
	record->flags |= RECORD_VERIFIED;
	REFS_FOR(engine, record, ref)
	{
		if (ref->flags & (REF_VETO | REF_CONFIRMED | REF_LATE))
			continue;
		ref->flags |= REF_CONFIRMED;
		engine->stats.confirmed++;
		reporters_confirm(engine->reporters, engine->now_us, ref->tenant, ref->rule, 0, 1);
	}
	level_clear_alone(engine, slot);
	engine_refute_vetoes(engine, slot);
	journal_record(engine, slot);
	return 0;
}

static int check_order(const struct engine *engine, const struct engine_order *order)
{
	const struct observable *observable = order->observable;
	struct ip_prefix prefix;
	bool is_prefix = observable_prefix(&observable->key, &prefix);

	if (order->level == DECIDE_NONE || order->level >= DECIDE_LEVEL_COUNT || order->class >= DECIDE_CLASS_COUNT ||
		order->lifetime_s == 0 || (order->person == 0 && !order->from_list) ||
		(is_prefix && prefix.length == 0) || observable->key.kind == OBSERVABLE_NONE)
		return LUYTRE_E_INVALID;
	if (order->from_list) {
		if (!is_prefix || !engine->shared || !shared_dropped(engine->shared, &prefix))
			return LUYTRE_E_PERMISSION;
	} else if (is_prefix && (order->second_person == 0 || order->second_person == order->person) &&
		   prefix.length < (prefix.addr.family == IP_V4 ? engine->limits.two_persons_v4
								: engine->limits.two_persons_v6)) {
		return LUYTRE_E_PERMISSION;
	}
	if (engine_overlaps_decoy(engine, &observable->key) ||
		engine_is_allowed(engine, &observable->key, is_prefix ? NULL : observable->text))
		return LUYTRE_E_CONFLICT;
	return 0;
}

/* The proposal that this order answers is done with. */
static void drop_proposal(struct engine *engine, const struct observable_key *key)
{
	struct ip_prefix prefix;

	if (!observable_prefix(key, &prefix))
		return;
	for (size_t i = 0; i < engine->proposal_count; i++) {
		if (!ip_prefix_equal(&engine->proposals[i].prefix, &prefix))
			continue;
		engine->proposals[i] = engine->proposals[--engine->proposal_count];
		return;
	}
}

int engine_order_try(const struct engine *engine, const struct engine_order *order, size_t *ret_good)
{
	const struct record *record;
	uint32_t slot;
	size_t all, good;
	int error = check_order(engine, order);

	if (error)
		return error;
	slot = record_find(engine, &order->observable->key);
	record = slot == SLAB_NONE ? NULL : record_at(engine, slot);
	all = engine->users ? users_count(engine->users) : 0;
	good = all ? users_count_in(engine->users, &order->observable->key) : 0;
	if (ret_good)
		*ret_good = good;
	if (order->level < DECIDE_PROVISIONAL || good == 0 || (record && record->level >= DECIDE_PROVISIONAL))
		return 0;
	return (double)good > engine->limits.change_share * (double)all ||
			       (double)(engine->stats.good_matched + good) > engine->limits.total_share * (double)all
		       ? LUYTRE_E_RANGE
		       : 0;
}

void engine_set_two_persons(struct engine *engine, uint8_t v4, uint8_t v6)
{
	engine->limits.two_persons_v4 = v4;
	engine->limits.two_persons_v6 = v6;
}

int engine_order(struct engine *engine, int64_t now_us, const struct engine_order *order, uint64_t *ret_id)
{
	int error = check_order(engine, order);
	struct record *record;
	uint32_t slot;

	engine_tick(engine, now_us);
	if (error)
		return error;
	slot = record_find(engine, &order->observable->key);
	slot = slot == SLAB_NONE ? record_make(engine, order->observable) : slot;
	if (slot == SLAB_NONE)
		return LUYTRE_E_FULL;
	record = record_at(engine, slot);
	if (order->level >= DECIDE_PROVISIONAL && level_too_wide(engine, record)) {
		if (record->level == DECIDE_NONE && record->ref_count == 0)
			record_free(engine, slot);
		return LUYTRE_E_RANGE;
	}
	level_clear_alone(engine, slot);
	record->flags &= (uint8_t) ~(RECORD_PERSON | RECORD_LIST);
	record->flags |= order->from_list ? RECORD_LIST : RECORD_PERSON;
	record->class = order->class;
	record->belief = 1;
	record->users = record->users ? record->users : 1;
	if (record->first_s == 0)
		record->first_s = record->last_s = (uint32_t)(engine->now_us / US_PER_S);
	level_set(engine, slot, (enum decide_level)order->level, engine->now_us + order->lifetime_s * US_PER_S);
	journal_record(engine, slot);
	drop_proposal(engine, &record->key);
	if (ret_id)
		*ret_id = record_id(engine, slot);
	return 0;
}

size_t engine_forget_collective(struct engine *engine)
{
	size_t lifted = 0;

	/* Orders are not counted in their parents, and nothing else stays. Index and heap are made anew: taking a
	 * million out one by one would take most of a second. */
	table_clear(engine->parents);
	table_clear(engine->index);
	engine->heap_count = 0;
	engine->proposal_count = 0;
	for (uint32_t slot = 0; slot < engine->records.taken_count; slot++) {
		struct record *record = slab_find(&engine->records, slot);

		if (!record)
			continue;
		record_drop_refs(engine, slot);
		if (record->flags & (RECORD_PERSON | RECORD_LIST)) {
			record_enter(engine, slot);
			continue;
		}
		lifted += record->level != DECIDE_NONE;
		level_count(engine, slot, -1);
		free(record->text);
		slab_give(&engine->records, slot);
	}
	engine->epoch++;
	engine->seq = 0;
	stream_clear(engine);
	engine->seq_oldest = 1;
	return lifted;
}

size_t engine_undo_all(struct engine *engine, int64_t now_us, uint32_t person)
{
	size_t lifted;

	engine_tick(engine, now_us);
	journal_undo(engine);
	engine->loading = true; /* one frame says it all */
	lifted = engine_forget_collective(engine);
	engine->loading = false;
	engine->stats.lifted += lifted;
	if (engine->callbacks.changed)
		engine->callbacks.changed(engine->callbacks.context);
	return lifted;
}

bool engine_stopped(const struct engine *engine)
{
	return engine->stopped;
}

void engine_resume(struct engine *engine, int64_t now_us, uint32_t person)
{
	engine_tick(engine, now_us);
	engine->stopped = false;
	journal_state(engine);
}

int engine_decoy_add(struct engine *engine, const struct observable *decoy)
{
	struct ip_prefix prefix;
	bool created;

	if (decoy->key.kind == OBSERVABLE_NONE)
		return LUYTRE_E_INVALID;
	if (!table_insert(engine->decoys, &decoy->key, &created) && !table_find(engine->decoys, &decoy->key))
		return LUYTRE_E_FULL;
	if (created && observable_prefix(&decoy->key, &prefix))
		engine->decoy_prefixes[engine->decoy_prefix_count++] = prefix;
	return 0;
}

void engine_set_shared(struct engine *engine, int64_t now_us, const struct shared *shared)
{
	engine_tick(engine, now_us);
	engine->shared = shared;
	for (uint32_t slot = 0; slot < engine->records.taken_count; slot++) {
		struct record *record = slab_find(&engine->records, slot);

		if (!record || !engine_is_allowed(engine, &record->key, record->text))
			continue;
		REFS_FOR(engine, record, ref)
		{
			if (ref->flags & REF_VETO)
				continue;
			engine->stats.refuted++;
			reporters_refute(engine->reporters, engine->now_us, ref->tenant, ref->rule, UINT32_MAX, 1);
		}
		record->flags &= (uint8_t) ~(RECORD_PERSON | RECORD_LIST);
		level_set(engine, slot, DECIDE_NONE, 0);
		record_free(engine, slot);
	}
}

size_t engine_proposals(const struct engine *engine, struct engine_proposal *ret, size_t max)
{
	size_t count = engine->proposal_count < max ? engine->proposal_count : max;

	if (count != 0)
		memcpy(ret, engine->proposals, count * sizeof(*ret));
	return count;
}
