// SPDX-License-Identifier: Apache-2.0
/* What the verbs of `luytre gate` share: their options, and the rules as a plan with one site and one worker. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"
#include "cli/gate-request.h"
#include "gate/gate.h"
#include "gate/seclang/rules.h"

enum { GATE_TOOL_RULES_MAX = 256 };

/* Which verb takes an option. */
enum { GATE_CHECK = 1 << 0, GATE_EXPLAIN = 1 << 1, GATE_RULES = 1 << 2 };

struct hold_places; /* gate/hold/places.h */

struct gate_arguments {
	struct cli_options cli; /* with --json and --lang of this verb */
	const char *rules[GATE_TOOL_RULES_MAX];
	unsigned int rules_count;
	const char *file; /* null: not given */
	const char *cache_dir, *uri, *rule, *holds;
	uint64_t rule_id; /* of --rule */
	bool json, shadow, no_prefilter, trace, all, cost;
};

/* What is read once and used for every request. */
struct gate_tool {
	const struct sec_rules *rules; /* belong to the plan */
	struct gate_plan *plan;
	struct gate_site *site;
	struct gate_worker *worker;
	struct hold_places *places; /* of --holds; null: holds are rules as any other */
};

/* The language that the words ask for, so that help and errors are in it; else that of 'options'. */
enum luytre_lang gate_tool_lang(const struct cli_options *options);
/* 'verb' is one of the three above. CLI_DONE, or CLI_USAGE when the reason has been said. */
int gate_tool_arguments(const struct cli_options *options, unsigned int verb, struct gate_arguments *ret);
/* Loads the rules and the file of holds; says with file and line what is wrong with them. Warnings are said with 'warn' only. 0 or an error that has been
 * said; gate_tool_close() in any case. */
MUST_CHECK int gate_tool_open(
	const struct gate_arguments *arguments, bool warn, size_t memory_max, struct gate_tool *ret);
void gate_tool_close(struct gate_tool *tool);
/* Holds that the file of --holds arms for the request's Host: there is no server that has an address. Before gate_request_run(). */
void gate_tool_arm(const struct gate_tool *tool, const struct gate_request *request, struct gate_tx *tx);
