// SPDX-License-Identifier: Apache-2.0
/* When each edge had a decision standing, what became of decisions, and what edges did with them.
 *
 * A decision is known from the moment edges were told of it: the number of that change, and when. An edge says again and again which
 * number stands in its shield; each number it had not said before is kept with the time, by the hub's clock, when the hub heard it. So
 * the first of them at or above the number of a decision says since when it stands there: never too early, late by the way of the
 * acknowledgement. An edge that refuses a decision for its own clients (a veto), and the first time it stopped a packet for it, are noted
 * beside.
 *
 * Bounded: the newest TRACE_DECISIONS_MAX decisions, live or ended; TRACE_ACKS_MAX acknowledgements of an edge and TRACE_ACKS_ALL of all
 * together, the oldest of an edge giving way; TRACE_MARKS_MAX vetoes and hits. What was forgotten is said to be unknown, never guessed.
 * All of it is in memory: after a restart what stood before is known to stand, not since when. One thread at a time: the core's lock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "hub/decide/engine.h"

enum {
	TRACE_DECISIONS_MAX = 10000,
	TRACE_ACKS_MAX = 4096,
	TRACE_ACKS_ALL = 4 << 20, /* 16 bytes each */
	TRACE_MARKS_MAX = 65536,
	TRACE_EDGES_MAX = 10000,
};

struct trace;

struct trace_decision {
	struct engine_decision decision; /* as it was told last; its text is borrowed until the next change */
	uint64_t epoch, number; /* of the change that told of it first */
	int64_t told_us; /* when edges were told */
	int64_t ended_us; /* 0: stands */
	bool expired; /* ended by its time, not by anybody */
	uint64_t hits; /* packets that edges stopped for it */
};

/* X(identifier, word) */
#define TRACE_STATES(X)                                                                                                \
	X(WAITING, "waiting") /* told, not yet acknowledged */                                                         \
	X(STANDING, "standing")                                                                                        \
	X(VETOED, "vetoed") /* this edge refuses it */                                                                 \
	X(VOID, "void") /* everything was lifted, or it had ended, before it stood here */

enum trace_state {
#define X(id, word) TRACE_##id,
	TRACE_STATES(X)
#undef X
		TRACE_STATE_COUNT
};

struct trace_edge {
	enum trace_state state;
	int64_t standing_us; /* 0: not known, or it does not stand */
	int64_t vetoed_us, first_hit_us; /* 0: not */
};

/* Everything before (epoch, number) stands in the journal already. Null without memory. */
struct trace *trace_new(uint64_t epoch, uint64_t number);
void trace_free(struct trace *trace); /* accepts null */

/* Edges were told of this change, now. */
void trace_change(struct trace *trace, const struct engine_change *change, int64_t now_us);
/* A new epoch: what no person and no list ordered is void. */
void trace_void(struct trace *trace, uint64_t epoch, int64_t now_us);
/* An edge says what stands. */
void trace_stands(struct trace *trace, uint32_t edge, uint64_t epoch, uint64_t number, int64_t now_us);
void trace_veto(struct trace *trace, uint64_t id, uint32_t edge, int64_t now_us);
/* An edge stopped 'packets' for it, first at 'time_us'. */
void trace_hit(struct trace *trace, uint64_t id, uint32_t edge, uint32_t packets, int64_t time_us);

/* Null: not among the newest. Lives until the next call that changes anything. */
const struct trace_decision *trace_find(const struct trace *trace, uint64_t id);
/* What one edge did with it; 'known' null: one of before the start that lives. */
void trace_edge_of(const struct trace *trace, uint64_t id, const struct trace_decision *known, uint32_t edge,
	struct trace_edge *ret);
typedef void (*trace_decision_fn)(void *context, const struct trace_decision *decision);
/* Those that have ended, the newest first; looks at 'count' places from 'from' (at first 0) on and returns where to go on; 0: the end. */
uint32_t trace_ended(const struct trace *trace, uint32_t from, uint32_t count, trace_decision_fn fn, void *context);
const char *trace_state_name(enum trace_state state);

struct trace_stats {
	size_t decisions, acks, marks;
	uint64_t vetoes, acks_dropped, marks_dropped;
};
void trace_stats(const struct trace *trace, struct trace_stats *ret);
