// SPDX-License-Identifier: Apache-2.0
/* What the console keeps for events: readers of the store, and the news for consoles.
 *
 * A reader has connections open, so it is lent and given back rather than made for each request; any thread may lend one.
 *
 * News: events come by thousands a second, consoles want to know that there is something and what it looks like. Whatever was stored is
 * summed for each tenant and told at most DESK_TELLS_PER_S times a second each, the newest few as a sample; where very many tenants
 * have news, each waits for its turn and its sum grows. Once a second those who may see the nation hear its sum (topic "overview").
 *
 *	events		{"count":37,"stopped":12,"severity":1,"items":[events as GET /events has them, at most DESK_ITEMS_MAX]}
 *	overview	{"time":"...","events":120,"attacks":40,"stopped":38}
 *
 * A tenant beyond DESK_TENANTS_MAX with news at the same moment is counted as left out: its consoles read anew when they like. */
#pragma once

#include "hub/console/internal.h"

enum {
	DESK_READERS_MAX = 16, /* kept open; more are closed when they are given back */
	DESK_TENANTS_MAX = 4096,
	DESK_TELLS_PER_S = 10,
	DESK_TELLS_AT_ONCE = 20, /* messages each tenth of a second */
	DESK_ITEMS_MAX = 5,
	DESK_GRAVE_MAX = 128, /* of each rank */
	DESK_SIGNATURE_SIZE = 160,
};

/* A bit for each kind that is an attack, whatever was done about it: alerts, floods, web attacks, guesses. */
#define DESK_ATTACKS (1U << EV_ATTACK | 1U << EV_ALERT | 1U << EV_GATE | 1U << EV_GUARD)

struct desk;
struct boards; /* board.h */

struct boards *desk_boards(struct desk *desk);

/* Makes the tables of acknowledgements in console->db; console->stream must stand. */
MUST_CHECK int desk_new(struct console *console, struct desk **ret);
/* The thread ends; before the stream is freed. */
void desk_stop(struct desk *desk); /* accepts null */
void desk_free(struct desk *desk); /* after all handlers; accepts null */

MUST_CHECK int desk_reader_take(struct desk *desk, struct ev_reader **ret);
void desk_reader_give(struct desk *desk, struct ev_reader *reader);

/* Events were stored. Quick; any thread. */
void desk_events(struct desk *desk, const struct ev_event *events, size_t count);

/* An event without what it borrows; longer signatures are cut. */
struct desk_sample {
	struct ev_event event; /* its signature is to be taken from 'signature' */
	char signature[DESK_SIGNATURE_SIZE];
};

/* The gravest attacks of late, one for each tenant and rule, those first that nobody stopped, then the newest: at most 'max'. What came
 * before this start of the hub is known for one hour. */
size_t desk_gravest(struct desk *desk, const struct scope *scope, struct desk_sample *ret, size_t max);

struct desk_stats {
	uint64_t told, left_out; /* messages; events whose tenant found no room */
};
void desk_stats(struct desk *desk, struct desk_stats *ret);

/* The members of an event but its detail, into an open object. */
void desk_write_event(struct jsonw *json, const struct ev_event *event, bool acknowledged);
