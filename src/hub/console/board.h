// SPDX-License-Identifier: Apache-2.0
/* What the situation board counts: attacks over time by what was done about them, and tenants that were hit.
 *
 * For a few tenants it is asked of the roll-ups each time. For the nation those are large, so what each hour adds up to is kept
 * (BOARD_HOURS of them): a thread works out hours that are not known yet, the newest first, and again those that may have changed: the
 * one that runs, and those for which events came late (an edge catches up), every BOARD_RUNNING_S while somebody looks, the one before
 * each minute, older ones (another hub may have taken events) each quarter of an hour. Nobody waits for it but who asks in the first moments of the hub. It does not matter which hub took the events.
 *
 * Threads: boards_* may be called from any; a struct board belongs to its caller. */
#pragma once

#include "hub/console/desk.h"

enum {
	BOARD_HOURS = 168 + 1, /* and the one that runs */
	BOARD_STEPS_MAX = 192,
	BOARD_RUNNING_S = 5,
	BOARD_OLD_S = 10, /* a running hour older than this is worked out before an answer */
};

struct board_tenant {
	uint32_t tenant;
	uint8_t severity; /* the gravest */
	uint64_t events;
};

/* All zeros, then board_scope or boards_nation. */
struct board {
	int64_t from_us; /* on a whole hour; ends with the hour that runs */
	uint32_t hours, step_s;
	size_t steps;
	uint64_t stopped[BOARD_STEPS_MAX], passed[BOARD_STEPS_MAX], unknown[BOARD_STEPS_MAX];
	uint32_t trend_s; /* of 'hit' */
	size_t trend_steps;
	uint32_t hit[BOARD_HOURS + 1]; /* how many tenants */
	struct board_tenant *tenants; /* owned; ascending */
	size_t tenant_count, tenant_room;
	/* While rows come. */
	int64_t last_time_us;
	size_t step_first; /* of 'tenants' in this trend step */
	bool no_memory;
};

void board_done(struct board *board); /* not the struct itself */

/* The last 'hours', 1 to BOARD_HOURS - 1, of these tenants. */
MUST_CHECK int board_scope(
	struct desk *desk, const struct scope *scope, uint32_t hours, int64_t now_us, struct board *ret);

/* Starts the thread. */
MUST_CHECK int boards_open(struct desk *desk, struct boards **ret);
void boards_close(struct boards *boards); /* accepts null */
MUST_CHECK int boards_nation(struct boards *boards, uint32_t hours, int64_t now_us, struct board *ret);
/* These were stored: their hours are to be worked out again. Quick; takes no lock. */
void boards_events(struct boards *boards, const struct ev_event *events, size_t count);
/* The store was changed otherwise than by time: everything is worked out again. */
void boards_forget(struct boards *boards);
