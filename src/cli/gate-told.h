// SPDX-License-Identifier: Apache-2.0
/* What the engine tells of a request while one looks on (gate/gate.h, gate_tx_watch), kept by rule for `luytre gate explain`.
 *
 * Kept are the rules that matched, with the values that made them match, and everything about the one rule that is asked about.
 * Views are the transaction's; all else lies in the arena. */
#pragma once

#include "base/arena.h"
#include "gate/gate.h"
#include "gate/seclang/rules.h"

struct told {
	struct told *next;
	struct gate_look look; /* with steps and found of its own */
};

struct told_rule {
	struct told_rule *next;
	const struct sec_rule *rule;
	uint8_t phase;
	bool matched;
	bool adds; /* something to a variable: a score */
	struct told *first, **end;
};

/* What a variable whose name has "score" in it held last, when rules added to it or it is a threshold. */
struct told_score {
	struct told_score *next;
	bool shown;
	struct bytes variable, value;
};

struct told_request {
	struct arena *arena;
	uint64_t wanted; /* rule that is asked about; 0: none */
	struct told_rule *rules, **rules_end; /* that matched, in order */
	struct told_rule *running;
	struct told_rule *asked; /* the wanted one; null when it was not evaluated */
	struct told *skipped; /* why it was not; null otherwise */
	struct told_score *scores, **scores_end;
	bool no_memory;
};

void told_init(struct told_request *told, struct arena *arena, uint64_t wanted);
/* For gate_tx_watch; 'context' is a struct told_request. */
void told_look(void *context, const struct gate_look *look);
/* Whether people want to read of it: it logs, decides or adds to a score; the others set things up. */
bool told_is_telling(const struct told_rule *rule);
/* "paranoia-level/1"; empty without. */
struct bytes told_paranoia(const struct sec_rule *rule);
