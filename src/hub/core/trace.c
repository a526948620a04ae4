// SPDX-License-Identifier: Apache-2.0
#include "hub/core/trace.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"

enum { ACKS_FIRST = 64 };

struct ack {
	uint64_t number;
	int64_t time_us;
};

/* A ring: numbers ascend. */
struct acks {
	uint64_t epoch, last; /* where the edge stands */
	uint64_t dropped; /* the highest number whose time was forgotten, or never known */
	struct ack *items; /* owned; null: none yet */
	uint32_t capacity, first, count;
};

struct mark_key {
	uint64_t id;
	uint32_t edge, zero;
};

struct mark {
	int64_t vetoed_us, hit_us;
};

struct trace {
	struct trace_decision decisions[TRACE_DECISIONS_MAX]; /* a ring; texts are owned; id 0: empty */
	uint32_t next; /* place of the next decision */
	uint64_t start_epoch, start_number;
	struct table *by_id; /* owned: id to place */
	struct table *edges; /* owned: edge to struct acks */
	struct table *marks; /* owned: struct mark_key to struct mark */
	struct mark_key mark_ring[TRACE_MARKS_MAX]; /* in the order they came */
	uint32_t mark_next;
	size_t acks_room; /* of all rings */
	struct trace_stats stats;
};

struct trace *trace_new(uint64_t epoch, uint64_t number)
{
	struct trace *trace = calloc(1, sizeof(*trace));
	struct siphash_key key;

	if (!trace || siphash_key_random(&key)) {
		free(trace);
		return NULL;
	}
	trace->start_epoch = epoch;
	trace->start_number = number;
	trace->by_id = table_new(sizeof(uint64_t), sizeof(uint32_t), TRACE_DECISIONS_MAX, key);
	trace->edges = table_new(sizeof(uint32_t), sizeof(struct acks), TRACE_EDGES_MAX, key);
	trace->marks = table_new(sizeof(struct mark_key), sizeof(struct mark), TRACE_MARKS_MAX, key);
	if (!trace->by_id || !trace->edges || !trace->marks) {
		trace_free(trace);
		return NULL;
	}
	return trace;
}

void trace_free(struct trace *trace)
{
	size_t pos = 0;
	void *value;

	if (!trace)
		return;
	for (size_t i = 0; i < TRACE_DECISIONS_MAX; i++)
		free((char *)(uintptr_t)trace->decisions[i].decision.text);
	while (trace->edges && table_next(trace->edges, &pos, NULL, &value))
		free(((struct acks *)value)->items);
	table_free(trace->by_id);
	table_free(trace->edges);
	table_free(trace->marks);
	free(trace);
}

/* ---- Decisions ---- */

static struct trace_decision *find(const struct trace *trace, uint64_t id)
{
	const uint32_t *place = table_find(trace->by_id, &id);

	return place ? (struct trace_decision *)(uintptr_t)&trace->decisions[*place] : NULL;
}

const struct trace_decision *trace_find(const struct trace *trace, uint64_t id)
{
	return find(trace, id);
}

/* The oldest gives way. */
static struct trace_decision *make(struct trace *trace, uint64_t id)
{
	struct trace_decision *place = &trace->decisions[trace->next];
	uint32_t *index;

	if (place->decision.id) {
		table_remove(trace->by_id, &place->decision.id);
		free((char *)(uintptr_t)place->decision.text);
	}
	memset(place, 0, sizeof(*place));
	index = table_insert(trace->by_id, &id, NULL);
	if (!index)
		return NULL;
	*index = trace->next;
	trace->next = (trace->next + 1) % TRACE_DECISIONS_MAX;
	return place;
}

/* What was told last; a deletion says what it was before. */
static void remember(struct trace_decision *place, const struct engine_decision *decision)
{
	char *old = (char *)(uintptr_t)place->decision.text, *text = old;

	if (!text && decision->text)
		text = strdup(decision->text);
	place->decision = *decision;
	place->decision.text = text;
}

void trace_change(struct trace *trace, const struct engine_change *change, int64_t now_us)
{
	struct trace_decision *place = find(trace, change->decision.id);

	if (!place) {
		place = make(trace, change->decision.id);
		if (!place)
			return;
		place->epoch = change->epoch;
		place->number = change->seq;
		place->told_us = now_us;
	}
	remember(place, &change->decision);
	if (change->op == ENGINE_DELETE) {
		place->ended_us = now_us;
		place->expired = change->decision.expires_us <= now_us;
	}
}

void trace_void(struct trace *trace, uint64_t epoch, int64_t now_us)
{
	for (size_t i = 0; i < TRACE_DECISIONS_MAX; i++) {
		struct trace_decision *place = &trace->decisions[i];

		if (!place->decision.id || place->ended_us)
			continue;
		if (place->decision.by_person || place->decision.by_list) { /* in the first snapshot of the new epoch */
			place->epoch = epoch;
			place->number = 0;
		} else {
			place->ended_us = now_us;
		}
	}
}

uint32_t trace_ended(const struct trace *trace, uint32_t from, uint32_t count, trace_decision_fn fn, void *context)
{
	uint32_t end = count < TRACE_DECISIONS_MAX - from ? from + count : TRACE_DECISIONS_MAX;

	for (uint32_t i = from; i < end; i++) {
		uint32_t at = (trace->next + TRACE_DECISIONS_MAX - 1 - i) % TRACE_DECISIONS_MAX;

		if (trace->decisions[at].decision.id && trace->decisions[at].ended_us)
			fn(context, &trace->decisions[at]);
	}
	return end < TRACE_DECISIONS_MAX ? end : 0;
}

/* ---- Edges ---- */

static struct ack *ack_at(const struct acks *acks, uint32_t index)
{
	return &acks->items[(acks->first + index) % acks->capacity];
}

/* Twice as large, where there is room for that. */
static bool grow(struct trace *trace, struct acks *acks)
{
	uint32_t capacity = acks->capacity ? 2 * acks->capacity : ACKS_FIRST;
	struct ack *items;

	if (capacity > TRACE_ACKS_MAX || trace->acks_room + capacity - acks->capacity > TRACE_ACKS_ALL)
		return false;
	items = malloc(capacity * sizeof(*items));
	if (!items)
		return false;
	for (uint32_t i = 0; i < acks->count; i++)
		items[i] = *ack_at(acks, i);
	free(acks->items);
	trace->acks_room += capacity - acks->capacity;
	acks->items = items;
	acks->capacity = capacity;
	acks->first = 0;
	return true;
}

static void push(struct trace *trace, struct acks *acks, uint64_t number, int64_t now_us)
{
	if (acks->count == acks->capacity && !grow(trace, acks)) {
		trace->stats.acks_dropped++;
		if (!acks->capacity) {
			acks->dropped = number;
			return;
		}
		acks->dropped = ack_at(acks, 0)->number;
		acks->first = (acks->first + 1) % acks->capacity;
		acks->count--;
	}
	*ack_at(acks, acks->count++) = (struct ack){ .number = number, .time_us = now_us };
}

void trace_stands(struct trace *trace, uint32_t edge, uint64_t epoch, uint64_t number, int64_t now_us)
{
	bool created;
	struct acks *acks = table_insert(trace->edges, &edge, &created);

	if (!acks || epoch < acks->epoch || (!created && epoch == acks->epoch && number <= acks->last))
		return;
	if (created || epoch > acks->epoch) {
		acks->count = 0;
		acks->dropped = epoch == trace->start_epoch ? trace->start_number : 0;
		acks->epoch = epoch;
	}
	acks->last = number;
	push(trace, acks, number, now_us);
}

/* The first number at or above; 0: not known when. */
static int64_t stood_since(const struct acks *acks, uint64_t number)
{
	uint32_t low = 0, high = acks->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ack_at(acks, middle)->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == acks->count || (low == 0 && acks->dropped && acks->dropped >= number))
		return 0;
	return ack_at(acks, low)->time_us;
}

static void judge(const struct trace_decision *known, const struct acks *acks, uint64_t epoch, uint64_t number,
	struct trace_edge *ret)
{
	ret->state = known && known->ended_us ? TRACE_VOID : TRACE_WAITING;
	if (!acks || acks->epoch < epoch)
		return;
	if (acks->epoch > epoch) {
		ret->state = TRACE_VOID;
		return;
	}
	if (acks->last < number)
		return;
	ret->state = TRACE_STANDING;
	ret->standing_us = stood_since(acks, number);
	/* It reached the edge together with its end. */
	if (known && known->ended_us && ret->standing_us > known->ended_us) {
		ret->state = TRACE_VOID;
		ret->standing_us = 0;
	}
}

static void read_mark(const struct trace *trace, uint64_t id, uint32_t edge, struct trace_edge *ret)
{
	const struct mark_key key = { .id = id, .edge = edge };
	const struct mark *mark = table_find(trace->marks, &key);

	if (!mark)
		return;
	ret->vetoed_us = mark->vetoed_us;
	ret->first_hit_us = mark->hit_us;
	if (mark->vetoed_us) {
		ret->state = TRACE_VETOED;
		ret->standing_us = 0;
	}
}

void trace_edge_of(const struct trace *trace, uint64_t id, const struct trace_decision *known, uint32_t edge,
	struct trace_edge *ret)
{
	const struct acks *acks = table_find(trace->edges, &edge);

	*ret = (struct trace_edge){ 0 };
	judge(known, acks, known ? known->epoch : trace->start_epoch, known ? known->number : trace->start_number, ret);
	read_mark(trace, id, edge, ret);
}

/* ---- Vetoes and hits ---- */

static struct mark *mark_of(struct trace *trace, uint64_t id, uint32_t edge)
{
	struct mark_key key = { .id = id, .edge = edge };
	struct mark *mark = table_find(trace->marks, &key);

	if (mark)
		return mark;
	if (table_count(trace->marks) == TRACE_MARKS_MAX) {
		table_remove(trace->marks, &trace->mark_ring[trace->mark_next]);
		trace->stats.marks_dropped++;
	}
	mark = table_insert(trace->marks, &key, NULL);
	if (!mark)
		return NULL;
	trace->mark_ring[trace->mark_next] = key;
	trace->mark_next = (trace->mark_next + 1) % TRACE_MARKS_MAX;
	return mark;
}

void trace_veto(struct trace *trace, uint64_t id, uint32_t edge, int64_t now_us)
{
	struct mark *mark = mark_of(trace, id, edge);

	trace->stats.vetoes++;
	if (mark && !mark->vetoed_us)
		mark->vetoed_us = now_us;
}

void trace_hit(struct trace *trace, uint64_t id, uint32_t edge, uint32_t packets, int64_t time_us)
{
	struct mark *mark = mark_of(trace, id, edge);
	struct trace_decision *place = find(trace, id);

	if (place)
		place->hits += packets;
	if (mark && (!mark->hit_us || time_us < mark->hit_us))
		mark->hit_us = time_us;
}

const char *trace_state_name(enum trace_state state)
{
	static const char *const names[] = {
#define X(id, word) [TRACE_##id] = word,
		TRACE_STATES(X)
#undef X
	};

	return state < TRACE_STATE_COUNT ? names[state] : "";
}

void trace_stats(const struct trace *trace, struct trace_stats *ret)
{
	*ret = trace->stats;
	ret->decisions = table_count(trace->by_id);
	ret->acks = trace->acks_room;
	ret->marks = table_count(trace->marks);
}
