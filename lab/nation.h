// SPDX-License-Identifier: Apache-2.0
/* The second part of the play: one is hit, all are guarded. Attackers go from organisation to organisation behind two edges; the
 * hub hears of it and tells both.
 *
 *	exploit		attackers use a known hole of one organisation behind the first edge, one after the other. Then each tries
 *			another organisation behind the second edge: its first packet must be dropped
 *	scan		one asks all twenty for a file that nobody offers
 *	guess		one tries passwords at three organisations
 *	hold		a scanner's report comes in: a hole of one organisation. It is tried until the gate there stops it; elsewhere it goes
 *			on. Left out where there is no gate
 *	undo		everything is lifted; the first attacker must pass again
 *
 * The steps run in a process of their own, in the attackers' namespace, while the lab's loop goes on; results are read from memory
 * that both share. Times go from before the first packet of the attack to the moment at which the decision stands in the tables
 * of an edge, as its control socket tells. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "lab/clients.h"
#include "lab/topology.h"

enum nation_step {
	NATION_READY,
	NATION_EXPLOIT,
	NATION_SCAN,
	NATION_GUESS,
	NATION_HOLD,
	NATION_UNDO,
	NATION_STEP_COUNT
};

enum { NATION_ROUNDS_MAX = 10 };

enum nation_state { NATION_WAITING, NATION_RUNNING, NATION_DONE };

struct nation_record {
	_Atomic int state; /* enum nation_state; what follows is whole when it is done */
	bool good;
	uint64_t start_ns, end_ns; /* monotonic */
	unsigned int count,
		of; /* exploit: attackers whose first packet was dropped; scan, guess: organisations that were reached; hold:
			tries that worked, tries */
	double ms[NATION_ROUNDS_MAX]; /* of each attacker; else the first alone is used */
};

struct nation {
	const struct topology *topology; /* borrowed */
	bool is_short;
	bool stays; /* attacks go on afterwards, a few a minute, until nation_stop */
	struct nation_record *records; /* shared with the process; null before nation_start */
	pid_t pid;
};

struct nation_figures {
	bool good; /* every step, and the clients */
	double p50_ms, longest_ms; /* of the exploits */
	struct clients_figures clients; /* of all organisations, from the first step to the last */
};

const char *nation_step_name(enum nation_step step);
const struct lab_text *nation_step_title(enum nation_step step);

/* What came of a step, in a sentence; "" until it is done. */
void nation_tell(const struct nation *nation, enum nation_step step, enum luytre_lang lang, char *ret, size_t size);
/* Of all steps, about. */
uint64_t nation_length_ms(bool is_short);

/* Starts the process; the sensors have been started (topology_start_sensors). 0 or an error that has been logged. */
MUST_CHECK int nation_start(struct nation *nation);
/* True when all steps are done. */
bool nation_is_over(const struct nation *nation);
/* True when the process is gone although it should run. */
bool nation_has_failed(struct nation *nation);
/* The step that runs, or ran last. */
enum nation_step nation_current(const struct nation *nation);
void nation_figures(const struct nation *nation, const struct clients *clients, struct nation_figures *ret);
void nation_stop(struct nation *nation);
void nation_done(struct nation *nation); /* frees the records */
