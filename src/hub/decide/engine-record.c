// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "hub/decide/engine-internal.h"

#define EVICTION_LOOKS 64 /* slots looked at to find room */

uint32_t record_find(const struct engine *engine, const struct observable_key *key)
{
	const uint32_t *slot = table_find(engine->index, key);

	return slot ? *slot : SLAB_NONE;
}

uint64_t record_id(const struct engine *engine, uint32_t slot)
{
	return record_at(engine, slot)->serial << SLOT_BITS | slot;
}

uint32_t record_find_id(const struct engine *engine, uint64_t id)
{
	uint32_t slot = (uint32_t)(id & ((1u << SLOT_BITS) - 1));
	const struct record *record = slab_find(&engine->records, slot);

	if (!record || record->serial != id >> SLOT_BITS || record->level == DECIDE_NONE)
		return SLAB_NONE;
	return slot;
}

static void heap_put(struct engine *engine, uint32_t at, uint32_t slot)
{
	engine->heap[at] = slot;
	record_at(engine, slot)->heap_at = at;
}

static int64_t heap_due(const struct engine *engine, uint32_t at)
{
	return record_at(engine, engine->heap[at])->due_us;
}

/* Moves the entry at 'at' to where it belongs. */
static void heap_settle(struct engine *engine, uint32_t at)
{
	uint32_t slot = engine->heap[at];
	int64_t due_us = record_at(engine, slot)->due_us;

	while (at > 0 && heap_due(engine, (at - 1) / 2) > due_us) {
		heap_put(engine, at, engine->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (uint32_t child = 2 * at + 1; child < engine->heap_count; child = 2 * at + 1) {
		if (child + 1 < engine->heap_count && heap_due(engine, child + 1) < heap_due(engine, child))
			child++;
		if (heap_due(engine, child) >= due_us)
			break;
		heap_put(engine, at, engine->heap[child]);
		at = child;
	}
	heap_put(engine, at, slot);
}

static bool heap_push(struct engine *engine, uint32_t slot)
{
	if (engine->heap_count == engine->heap_capacity) {
		uint32_t capacity = engine->heap_capacity ? 2 * engine->heap_capacity : 1024;
		uint32_t *grown = realloc(engine->heap, capacity * sizeof(*grown));

		if (!grown)
			return false;
		engine->heap = grown;
		engine->heap_capacity = capacity;
	}
	heap_put(engine, engine->heap_count++, slot);
	heap_settle(engine, engine->heap_count - 1);
	return true;
}

static void heap_remove(struct engine *engine, uint32_t slot)
{
	uint32_t at = record_at(engine, slot)->heap_at, last = engine->heap[--engine->heap_count];

	if (last == slot)
		return;
	heap_put(engine, at, last);
	heap_settle(engine, at);
}

void record_set_due(struct engine *engine, uint32_t slot, int64_t due_us)
{
	record_at(engine, slot)->due_us = due_us;
	heap_settle(engine, record_at(engine, slot)->heap_at);
}

/* Frees a record that matters least among the next few, never one that blocks. */
static bool evict(struct engine *engine)
{
	uint32_t chosen = SLAB_NONE;

	for (uint32_t i = 0; i < EVICTION_LOOKS && engine->records.taken_count != 0; i++) {
		uint32_t slot = engine->hand++ % engine->records.taken_count;
		const struct record *record = slab_find(&engine->records, slot), *best;

		if (!record || record->level > DECIDE_CHALLENGE)
			continue;
		best = chosen == SLAB_NONE ? NULL : record_at(engine, chosen);
		if (!best || record->level < best->level ||
			(record->level == best->level && record->due_us < best->due_us))
			chosen = slot;
	}
	if (chosen == SLAB_NONE)
		return false;
	level_set(engine, chosen, DECIDE_NONE, 0);
	record_free(engine, chosen);
	engine->stats.evicted++;
	return true;
}

bool record_enter(struct engine *engine, uint32_t slot)
{
	const struct record *record = record_at(engine, slot);
	bool created;
	uint32_t *indexed = table_insert(engine->index, &record->key, &created);

	if (!indexed || !created)
		return false;
	*indexed = slot;
	if (!heap_push(engine, slot)) {
		table_remove(engine->index, &record->key);
		return false;
	}
	return true;
}

static bool begin_record(struct engine *engine, uint32_t slot, const struct observable *observable)
{
	struct record *record = record_at(engine, slot);

	record->key = observable->key;
	record->refs = SLAB_NONE;
	record->due_us = INT64_MAX;
	if (observable->key.kind >= OBSERVABLE_DOMAIN) {
		record->text = strdup(observable->text);
		if (!record->text)
			return false;
	}
	if (!record_enter(engine, slot)) {
		free(record->text);
		return false;
	}
	return true;
}

uint32_t record_make(struct engine *engine, const struct observable *observable)
{
	uint32_t slot = slab_take(&engine->records);

	if (slot == SLAB_NONE && evict(engine))
		slot = slab_take(&engine->records);
	if (slot == SLAB_NONE)
		return SLAB_NONE;
	if (!begin_record(engine, slot, observable)) {
		slab_give(&engine->records, slot);
		return SLAB_NONE;
	}
	return slot;
}

void record_free(struct engine *engine, uint32_t slot)
{
	struct record *record = record_at(engine, slot);

	journal_forget(engine, slot);
	record_drop_refs(engine, slot);
	heap_remove(engine, slot);
	table_remove(engine->index, &record->key);
	free(record->text);
	slab_give(&engine->records, slot);
}

struct ref *record_add_ref(struct engine *engine, uint32_t slot)
{
	struct record *record = record_at(engine, slot);
	uint32_t index = slab_take(&engine->refs);

	if (index == SLAB_NONE)
		return NULL;
	ref_at(engine, index)->next = record->refs;
	record->refs = index;
	record->ref_count++;
	return ref_at(engine, index);
}

void record_remove_ref(struct engine *engine, uint32_t slot, const struct ref *gone)
{
	struct record *record = record_at(engine, slot);
	uint32_t *link = &record->refs, index;

	while (*link != SLAB_NONE && ref_at(engine, *link) != gone)
		link = &ref_at(engine, *link)->next;
	index = *link;
	if (index == SLAB_NONE)
		return;
	if (gone->flags & REF_ALONE)
		voice_count_alone(engine, gone, -1);
	*link = gone->next;
	record->ref_count--;
	slab_give(&engine->refs, index);
}

void record_drop_refs(struct engine *engine, uint32_t slot)
{
	const struct record *record = record_at(engine, slot);

	while (record->refs != SLAB_NONE)
		record_remove_ref(engine, slot, ref_at(engine, record->refs));
}

bool engine_overlaps_decoy(const struct engine *engine, const struct observable_key *key)
{
	struct ip_prefix prefix;

	if (table_find(engine->decoys, key))
		return true;
	if (!observable_prefix(key, &prefix))
		return false;
	for (size_t i = 0; i < engine->decoy_prefix_count && key->kind == OBSERVABLE_PREFIX; i++) {
		if (ip_prefix_covers(&prefix, &engine->decoy_prefixes[i]))
			return true;
	}
	return false;
}

bool engine_is_allowed(const struct engine *engine, const struct observable_key *key, const char *text)
{
	struct observable observable;

	if (!engine->shared)
		return false;
	if (!text)
		return shared_prefix_allowed(engine->shared, key, NULL);
	observable.key = *key;
	memccpy(observable.text, text, '\0', sizeof(observable.text));
	observable.text[sizeof(observable.text) - 1] = '\0';
	return shared_allowed(engine->shared, &observable, NULL);
}
