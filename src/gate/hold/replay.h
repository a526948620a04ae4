// SPDX-License-Identifier: Apache-2.0
/* Proof that the holds of a table stand: each rule's attack and benign twin are played through the compiled rules with this hold alone
 * armed to enforce, in a site that is in shadow, so that nothing else can stop them; and the report of it, an event of the gate:
 *
 *	{"timestamp":...,"event_type":"holds","stamp":S,"gate":"<which nginx>","worker":0,"workers":2,
 *	 "holds":[{"hold":81,"rule":8100010,"mode":"enforce","known":true,"attack":"stopped","twin":"passed"},...],
 *	 "sites":[{"asset":9,"mode":"off","edge_only":true,"stands":true},...],"part":1,"parts":1}
 *
 * known: each plan that serves places where the hold can be armed has the rule as a hold (gate/hold/servers.h); where no server of the
 * configuration is known to be at its places, any plan has. attack, twin: stopped, passed, none (there is no sample, or it is not known).
 * Where plans differ the worst is told: an attack that passed, a twin that was stopped.
 *
 * sites: what the policy says of them, those that are edge-only first; left out when it says nothing. stands: requests to its places get this
 * mode at all locations that are known to be there.
 *
 * It runs in steps, between which the caller does other work. One thread; table, samples and duty outlive it. */
#pragma once

#include "base/jsonw.h"
#include "gate/hold/places.h"
#include "gate/hold/samples.h"
#include "gate/hold/servers.h"

enum { HOLD_REPORT_ROWS = 200 }; /* of a part, and as many sites */

enum hold_outcome { HOLD_NONE, HOLD_STOPPED, HOLD_PASSED };

struct hold_result {
	bool known;
	enum hold_outcome attack, twin;
};

struct hold_replay;

/* 'places' (no hold is armed) and 'samples' may be null; 'duty' is of these places and plans. LUYTRE_E_NOMEM and what gate_site_new() says. */
MUST_CHECK int hold_replay_new(const struct hold_places *places, const struct hold_samples *samples,
	const struct hold_duty *duty, struct gate_plan *const *plans, size_t plan_count, struct hold_replay **ret);
void hold_replay_free(struct hold_replay *replay); /* accepts null */

/* Goes on for about 'budget_ns', at least with one rule in one plan. True when everything was played. */
bool hold_replay_step(struct hold_replay *replay, uint64_t budget_ns);
/* By number of the row in the table. */
struct hold_result hold_replay_result(const struct hold_replay *replay, size_t row);

/* Who reports. */
struct hold_reporter {
	const char *gate;
	unsigned int worker, workers;
};

/* At least 1: no row is an empty list. Sites may take more than the holds, whose list is empty then. */
size_t hold_report_parts(const struct hold_replay *replay);
/* Part 0, 1, ..., after the last step. */
void hold_report_write(
	const struct hold_replay *replay, const struct hold_reporter *reporter, size_t part, struct jsonw *json);
