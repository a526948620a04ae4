// SPDX-License-Identifier: Apache-2.0
/* What rules cost, and what the plan makes of them: for `luytre gate rules`. Nothing is measured until gate_worker_profile(). */
#include <stdlib.h>

#include "base/error.h"
#include "gate/engine/internal.h"

int gate_worker_profile(struct gate_worker *worker, const struct gate_plan *plan)
{
	struct cost *cost = calloc(1, sizeof(*cost) + plan->rule_count * sizeof(*cost->rules));

	if (!cost)
		return LUYTRE_E_NOMEM;
	free(worker->cost);
	cost->plan = plan;
	worker->cost = cost;
	return 0;
}

struct gate_rule_cost gate_worker_rule_cost(const struct gate_worker *worker, size_t index)
{
	return worker->cost->rules[index];
}

struct gate_search_cost gate_worker_search_cost(const struct gate_worker *worker)
{
	return worker->cost->search;
}

size_t gate_plan_rule_count(const struct gate_plan *plan)
{
	return plan->rule_count;
}

/* Bit 'bit' of set 'set' stands for a pattern that the automaton could not take. */
static bool is_named_always(const struct gate_plan *plan, const struct plan_rule *rule)
{
	for (uint32_t i = 0; i < rule->target_count; i++) {
		const struct plan_target *target = &rule->targets[i];

		if (target->set != NONE16 && pattern_set_is_always(plan->sets[target->set].patterns, target->bit))
			return true;
	}
	return false;
}

struct gate_plan_rule gate_plan_rule(const struct gate_plan *plan, size_t index)
{
	const struct plan_rule *rule = plan->rules[index];
	struct gate_plan_rule ret = { .rule = rule->rule, .group = rule->group == NONE16 ? -1 : rule->group };

	for (const struct plan_rule *link = rule; link; link = link->chain)
		ret.link_count++;
	if (rule->flags & PLAN_PREFILTERED)
		ret.search = is_named_always(plan, rule) ? GATE_SEARCH_ALWAYS : GATE_SEARCH_ALL;
	else if (rule->group != NONE16)
		ret.search = GATE_SEARCH_SOME;
	else if (rule->rule->kind == SEC_ACTION)
		ret.search = GATE_SEARCH_ACTION;
	else if (!(rule->rule->operator->flags &(OPERATOR_REGEX | OPERATOR_LITERALS)))
		ret.search = GATE_SEARCH_OPERATOR;
	else
		ret.search = GATE_SEARCH_FORM;
	return ret;
}
