// SPDX-License-Identifier: Apache-2.0
/* What edges say of themselves: once every ten seconds each sends, as a line of a batch, a record with the counters of its shield and
 * how it is (src/edge/link/report.c writes it):
 *
 *	{"timestamp":"...","event_type":"stats","edge_status":{"version":"0.1.0","cpu":0.12,"spool":0,"spool_bytes":0,"lost":0,
 *	 "failing_open":false,"drift":["configuration"],"shield":{"arrived":[packets,bytes],"passed":[...],"dropped":[...],
 *	 "challenged":[...],"shadow":[...],"steps":{"parse":[packets,shadow]},"reasons":{"land":[packets,shadow]}}}}
 *
 * Counters only grow; one that is smaller than before has begun anew, and what it lost is not guessed. Kept are the newest record of
 * each edge, a ring of minutes for trends and six times ten minutes for the funnel. Nothing is on a disk: after a restart edges tell
 * again within ten seconds.
 *
 * An edge is believed about itself only: its number is that of its certificate, a record changes nothing but its own place. Records
 * are not events and are not stored as such. Values out of bounds make a record void, which is counted. Records come at most once a
 * second of the edge's own time, which may not run ahead of ours. What a delta says is cut at what no network card can carry.
 *
 * Bounded by EDGES_MAX places and EDGESTATE_WORDS_TOTAL words; what does not fit is counted. One thread at a time: the core's lock. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "hub/edges/edges.h"
#include "hub/store/scope.h"

enum {
	EDGESTATE_MINUTES = 60, /* of the ring for trends */
	EDGESTATE_DRIFT_MAX = 8,
	EDGESTATE_DRIFT_SIZE = 32,
	EDGESTATE_WORD_SIZE = 32,
	EDGESTATE_WORDS_MAX = 256, /* steps and reasons of one edge */
	EDGESTATE_WORDS_TOTAL = 500000, /* of all edges: some 80 MB */
	EDGESTATE_LATE_S = 30, /* without a word for so long: late */
	EDGESTATE_DOWN_S = 300,
};

struct edgestate;

/* X(field): what came of packets. Each that arrived has passed, was dropped or was answered with a challenge; 'shadow' of those that
 * passed would have been dropped or challenged if the policy were enforced. */
#define EDGESTATE_COUNTERS(X)                                                                                          \
	X(arrived)                                                                                                     \
	X(passed)                                                                                                      \
	X(dropped)                                                                                                     \
	X(challenged)                                                                                                  \
	X(shadow)

struct edgestate_counter {
	uint64_t packets, bytes;
};

struct edgestate_counters {
#define X(field) struct edgestate_counter field;
	EDGESTATE_COUNTERS(X)
#undef X
};

enum edgestate_kind { EDGESTATE_STEP, EDGESTATE_REASON };

/* A step of the pipeline or a reason, as the edge names it. */
struct edgestate_word {
	char word[EDGESTATE_WORD_SIZE];
	uint8_t kind; /* enum edgestate_kind */
	uint64_t packets, shadow;
};

/* One record, checked. */
struct edgestate_record {
	int64_t made_us; /* by the edge's clock */
	char version[EDGES_VERSION_MAX + 1];
	bool has_shield, failing_open;
	double cpu; /* share of all processors that was busy, 0 to 1; negative: not known */
	uint64_t spool, spool_bytes, lost; /* batches that wait; their size; events given up since the edge's start */
	size_t drift_count;
	char drift[EDGESTATE_DRIFT_MAX][EDGESTATE_DRIFT_SIZE];
	struct edgestate_counters counters; /* since the shield was loaded */
	size_t word_count;
	struct edgestate_word words[EDGESTATE_WORDS_MAX];
};

/* What is known of one edge. */
struct edgestate_view {
	int64_t made_us, received_us;
	double lag_s; /* of the newest record on its way; 0 where the edge's clock is ahead */
	char version[EDGES_VERSION_MAX + 1];
	bool has_shield, failing_open;
	double cpu; /* negative: not known */
	uint64_t spool, spool_bytes, lost;
	size_t drift_count;
	char drift[EDGESTATE_DRIFT_MAX][EDGESTATE_DRIFT_SIZE];
	/* Between the two newest records; zero when the newest is older than EDGESTATE_LATE_S. */
	double packets_ps, drops_ps;
};

/* The funnel of the last hour, of some edges or all together. */
struct edgestate_funnel {
	int64_t from_us;
	size_t edge_count; /* that said something in this time */
	struct edgestate_counters counters;
	size_t word_count; /* steps first, in the order in which edges named them */
	struct edgestate_word words[EDGESTATE_WORDS_MAX];
};

/* Null without memory. */
struct edgestate *edgestate_new(void);
void edgestate_free(struct edgestate *state); /* accepts null */

/* Whether a line of a batch is such a record. If it is and '*ret_valid' is true, '*record' holds it. No state; any thread. */
bool edgestate_read(const json_t *line, int64_t made_us, struct edgestate_record *ret, bool *ret_valid);
/* A record came from this edge. 'record' null: it was not valid. */
void edgestate_take(struct edgestate *state, uint32_t edge, const struct edgestate_record *record, int64_t now_us);

/* False: it has said nothing since this start of the hub. */
bool edgestate_find(const struct edgestate *state, uint32_t edge, int64_t now_us, struct edgestate_view *ret);
/* Sums over a set of edges, written like a scope: all, or ascending numbers. That of all is kept as records come and costs nothing; one
 * of a list is made here, some 6 microseconds an edge. Packets and bytes of each of the last EDGESTATE_MINUTES minutes, the oldest
 * first; */
void edgestate_minutes(const struct edgestate *state, const struct scope *edges, int64_t now_us,
	struct edgestate_counters ret[EDGESTATE_MINUTES]);
/* and the funnel of the last hour, begun on ten minutes. '*ret' is large: from the heap or an arena. */
void edgestate_funnel(
	const struct edgestate *state, const struct scope *edges, int64_t now_us, struct edgestate_funnel *ret);

/* "up", "late" (EDGESTATE_LATE_S without a request), "down" (EDGESTATE_DOWN_S) or "revoked". */
const char *edgestate_state(const struct edge_view *edge, int64_t now_us);

struct edgestate_stats {
	uint64_t taken, invalid, refused; /* refused: too soon, or from the past */
	uint64_t words_left_out;
};
void edgestate_stats(const struct edgestate *state, struct edgestate_stats *ret);
