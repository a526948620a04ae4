// SPDX-License-Identifier: Apache-2.0
/* What belongs to nobody: events that an edge may not speak about, and the addresses behind edges that are not registered.
 *
 * An edge reports for the organisations that lie behind it (hub/edges/bound.h: subtrees). An event about another one's asset is stored
 * without an owner and without a sighting, so it is no voice in a decision. Whose an event is follows from the address that was
 * attacked, before this check: an event about the asset of another is never taken for one of the edge's own.
 *
 * The table of unregistered addresses is for people who complete the register: it has a row for each address and edge, at most
 * UNMAPPED_MAX; the row that was made first makes room. It begins empty at each start. Under the core's lock, but for serving_check. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/net.h"
#include "hub/edges/edges.h"
#include "hub/ingest/eve.h"
#include "hub/tenants/tree.h"

enum { UNMAPPED_MAX = 10000 };

/* Whom an edge serves while one of its batches is read; any thread. */
struct serving {
	const struct edges_bound *bound; /* null: an edge that is not known, which serves nobody */
	struct tenants_tree *tree;
};

void serving_begin(const struct edges *edges, uint32_t edge, struct tenants_tree *tree, struct serving *ret);
void serving_end(struct serving *serving);
bool serving_has(const struct serving *serving, uint32_t tenant);
/* True when the event was about somebody else: it is nobody's then. */
bool serving_check(const struct serving *serving, struct ingest *in);

struct unmapped;

struct unmapped_row {
	uint64_t id; /* ascending with the time of the first event */
	struct ip_addr addr;
	uint32_t edge;
	int64_t first_us, last_us;
	uint64_t packets; /* what the events count */
};

/* Null without memory, or without random numbers. */
struct unmapped *unmapped_new(void);
void unmapped_free(struct unmapped *unmapped); /* accepts null */

/* An event without an owner: its target is noted. */
void unmapped_note(struct unmapped *unmapped, const struct ev_event *event);
/* The row with the smallest id above 'after'; null at the end. */
const struct unmapped_row *unmapped_next(const struct unmapped *unmapped, uint64_t after);
uint64_t unmapped_evicted(const struct unmapped *unmapped);
