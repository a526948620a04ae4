// SPDX-License-Identifier: Apache-2.0
/* Holds in the running hub: findings to holds, holds to edges, what web servers say of them back (hub/posture/hold.h).
 *
 * A thread of its own does the work, over a handle of its own: at once when it is told that something has changed, and at least once a
 * second. The core's lock is held only to swap what edges get. It keeps the clocks of findings too (finding_expire, finding_reclock).
 *
 *	hub -> edge	the file "holds.json" in the bundle of the policy (base/holdfile.h); its stamp is the time of the newest change of
 *			any hold, or of the gate's modes, of whom the edge serves, so the same content has the same stamp after a restart too
 *	edge -> hub	lines of its batches with event_type "holds", one for each part of what a worker of a web server says:
 *			{"timestamp":...,"event_type":"holds","stamp":S,"gate":"...","worker":0,"workers":2,"part":1,"parts":1,
 *			 "holds":[{"hold":81,"rule":8100010,"mode":"enforce","known":true,"attack":"stopped","twin":"passed"}]}
 *
 * Such lines are no events. An edge may speak about holds of organisations that it serves; what it says about others is left out and counted. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/jsonw.h"
#include "hub/core/unmapped.h"
#include "hub/policy/policy.h"
#include "hub/posture/hold.h"

struct core;

/* Findings have changed: an import, evidence, a person; or a hold by a person. Cheap, from any thread, within the core's lock or without it; to be
 * called after the change is committed. */
void core_findings_changed(struct core *core);
/* Catalogues of CVEs have changed: the clocks of findings follow without pause. As above. */
void core_catalogues_changed(struct core *core);

/* The rules that can hold something; given back with holdrules_unref. Takes no lock of the core's. */
struct holdrules *core_hold_rules(struct core *core);
/* Time in shadow after the proof, before a rule is enforced. The setter is for settings; at once in force. */
int64_t core_hold_budget_us(struct core *core);
void core_set_hold_budget(struct core *core, int64_t budget_us);

/* ---- For the core's own files ---- */

struct holds;

/* Reads rules and holds, and begins the thread. 'folder' null: no rules, so no holds. */
MUST_CHECK int holds_open(
	struct core *core, const char *folder, int64_t budget_us, struct holds **ret, char *why, size_t why_size);
/* Accepts null. Ends the thread; without the core's lock. */
void holds_stop(struct holds *holds);
void holds_free(struct holds *holds); /* stopped; accepts null */

/* Under the core's lock. Grows when some edge would get another file. */
uint64_t holds_generation(const struct holds *holds);
/* Writes the file of an edge, with the gate's modes there; the view lives as long as 'json'. LUYTRE_E_NOMEM, LUYTRE_E_FULL. */
MUST_CHECK int holds_file(const struct holds *holds, uint32_t edge, const struct serving *serving,
	const struct policy_sites *sites, struct jsonw *json, struct bytes *ret_text);

/* Whether a line of a batch is a report of a web server. If it is and '*ret_valid' is true, '*report' holds it. No state; any thread. */
bool holds_read(const json_t *line, struct hold_report *report, bool *ret_valid);
/* Under the core's lock: notes a report, so that it is on the disk when the batch is acknowledged. '*ret_refused': rows about others. */
MUST_CHECK int holds_take(struct holds *holds, uint32_t edge, const struct serving *serving, struct hold_report *report,
	int64_t now_us, size_t *ret_refused);
