// SPDX-License-Identifier: Apache-2.0
/* Stored events are searched by themselves when a weakness arrives: was anybody hit before we knew (hub/posture/retro.h)?
 *
 * A thread of its own at the lowest priority, over handles of its own, looks once a second for findings whose CVE was not searched yet, and searches
 * RETRO_DAYS. What it finds becomes a proof at the findings of organisations that were hit. A CVE is searched again when other rules cover it, when KEV
 * lists it anew, and, at most once an hour, when findings at further organisations have joined.
 *
 * One search at a time, and a pause as long as the search took. What a rule covers or KEV lists comes first. The queue is the database: nothing
 * waits in memory, and after a restart it goes on where it stood. What fails is tried again with the next walk over all CVEs, after
 * RETROWATCH_WALK_S at the latest.
 *
 * Threads: retrowatch_stats from any; the rest from one. Takes no lock of the core's. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
	RETROWATCH_WALK_S = 600, /* between walks over all CVEs when nothing has changed */
	RETROWATCH_PAUSE_MS = 1000, /* between looks at what is new */
	RETROWATCH_PAUSE_MAX_MS = 10000, /* after a search */
};

/* X(name of the counter) */
#define RETRO_COUNTERS(X)                                                                                              \
	X(searched) /* CVEs */                                                                                         \
	X(hit) /* of those, somebody was attacked */                                                                   \
	X(attached) /* proofs at findings */                                                                           \
	X(partial) /* answers with a ceiling in the way */                                                             \
	X(failed) /* searches, or what the database did not take; to be tried again */                                 \
	X(search_ms) /* that searches took */

struct retro_stats {
#define X(name) uint64_t name;
	RETRO_COUNTERS(X)
#undef X
};

struct core;
struct retrowatch;

/* After holds_open, whose rules it asks for; makes the table. On an error '*ret' is still to be closed. */
MUST_CHECK int retrowatch_open(struct core *core, struct retrowatch **ret, char *why, size_t why_size);
/* Ends the thread, within a few seconds where a search is on its way; before holds_free. Accepts null. */
void retrowatch_close(struct retrowatch *watch);

void retrowatch_stats(struct retrowatch *watch, struct retro_stats *ret);
