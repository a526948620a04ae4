// SPDX-License-Identifier: Apache-2.0
/* The play: phases of peace and attack one after the other, and what was measured in each.
 *
 * The phases are rows of one table (scenario.c). An attack is a run of pktblast with the templates of its row. The
 * rates of the first phase, peace, are what ordinary clients cause; what arrives above them is taken for the attack,
 * and what passes above them for its leak. The time to filter goes from the moment the attack shows in the counters to
 * the first of three looks (100 ms each) in which less than a twentieth of it passes.
 *
 * scenario_tick() is called with fresh counters about ten times a second and does everything. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "lab/clients.h"
#include "lab/control.h"
#include "lab/topology.h"

enum { SCENARIO_TEMPLATES_MAX = 5, SCENARIO_EXPECT_MAX = 3, SCENARIO_PHASES_MAX = 12 };

struct scenario_phase {
	const char *name; /* for programs */
	struct lab_text title;
	const char *catalogue; /* ids of the attack catalogue; "" in peace */
	bool enforce; /* the organisations' mode: shadow or enforce */
	unsigned int full_ms, short_ms;
	unsigned int rate_pps; /* 0: peace */
	const char *templates[SCENARIO_TEMPLATES_MAX + 1]; /* of pktblast */
	const char *expect[SCENARIO_EXPECT_MAX + 1]; /* reasons that must have counted packets */
	int site; /* the organisation that is attacked, or CLIENTS_ANY */
	const char *block; /* a request that the operator sends as it begins; may be null */
};

struct scenario_record {
	uint64_t start_ns, end_ns; /* 0: not yet */
	struct control_stats first, last; /* counters at both ends */
	uint64_t visible_ns; /* the attack shows; 0: never */
	uint64_t filter_ns; /* and is filtered; 0: never */
	struct control_stats at_filter;
	unsigned int quiet_count; /* looks without a leak, in a row */
};

/* What is told of a phase. Shares are 0..1. */
struct scenario_figures {
	double seconds;
	double arrived_pps, arrived_bps;
	double dropped_share; /* of all packets */
	double attack_dropped_share; /* of the attack's, once it was filtered; 0 when it never was */
	double filter_s; /* time to filter; negative: never */
	struct clients_figures
		clients; /* of the attacked organisation in the whole phase, HTTP and UDP; times are of HTTP */
	struct clients_figures clients_filtered; /* from the time of filtering on, of both organisations */
	struct clients_figures clients_translated; /* the same, behind the NAT alone */
	const char *missing; /* the first expected reason without packets, or null */
	bool good; /* all that the lab promises of such a phase */
};

struct scenario {
	const struct topology *topology; /* borrowed */
	const char *pktblast; /* the program; borrowed */
	bool is_short;
	size_t index; /* of the phase that runs, or comes next */
	bool running; /* false: between two phases */
	bool enforcing; /* the mode that is set */
	uint64_t until_ns; /* end of the phase, or of the pause before it */
	pid_t attacker; /* 0: none */
	struct control_stats peace_from; /* where the measuring of peace began */
	double peace_pps, peace_passed_pps; /* measured in the first phase */
	struct control_stats previous;
	struct scenario_record records[SCENARIO_PHASES_MAX];
};

size_t scenario_count(void);
const struct scenario_phase *scenario_phase(size_t index);

/* Of the whole play with its pauses. */
uint64_t scenario_length_ms(bool is_short);

/* Sets the first phase up; 'stats' are the counters now. */
void scenario_begin(struct scenario *scenario, const struct control_stats *stats);

/* Leaves the whole play out, with what it leads to: all organisations are protected. 0 or an error, logged. */
MUST_CHECK int scenario_skip(struct scenario *scenario);

/* Goes on. 0 or an error, logged. */
MUST_CHECK int scenario_tick(struct scenario *scenario, const struct control_stats *stats);

bool scenario_is_over(const struct scenario *scenario);

/* Ends the attack that may be running. */
void scenario_stop(struct scenario *scenario);

/* True, and figures, when the phase is over. */
bool scenario_figures(
	const struct scenario *scenario, size_t index, const struct clients *clients, struct scenario_figures *ret);

/* Packets that a phase added to a reason, enforced or shadow. */
uint64_t scenario_reason_packets(const struct scenario_record *record, enum shield_reason reason);
