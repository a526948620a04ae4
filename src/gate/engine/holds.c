// SPDX-License-Identifier: Apache-2.0
/* Holds that are armed place by place: which rules of a plan they are, and which of them judge a request. What is not armed is left out in
 * the way of a site's exclusions, by a bit that is looked at before the rule. */
#include <stdlib.h>

#include "base/error.h"
#include "gate/engine/internal.h"

static int compare_ids(const void *left, const void *right)
{
	const struct plan_hold *a = left, *b = right;

	return (a->id > b->id) - (a->id < b->id);
}

int holds_build(struct gate_plan *plan)
{
	struct plan_hold *holds;
	uint32_t count = 0;

	for (uint32_t i = 0; i < plan->rule_count; i++) {
		if (!plan_rule_has_tag(plan->rules[i], bytes_from_str(GATE_HOLD_TAG)))
			continue;
		plan->rules[i]->flags |= PLAN_HOLD;
		count++;
	}
	holds = arena_alloc(&plan->arena, (count + 1) * sizeof(*holds));
	if (!holds)
		return LUYTRE_E_NOMEM;
	for (uint32_t i = 0; i < plan->rule_count; i++) {
		const struct plan_rule *rule = plan->rules[i];

		if (rule->flags & PLAN_HOLD)
			holds[plan->hold_count++] = (struct plan_hold){ rule->rule->id, i, rule->rule->phase };
	}
	qsort(holds, count, sizeof(*holds), compare_ids);
	plan->holds = holds;
	return 0;
}

static const struct plan_hold *find(const struct gate_plan *plan, uint64_t id)
{
	struct plan_hold wanted = { .id = id };

	return bsearch(&wanted, plan->holds, plan->hold_count, sizeof(*plan->holds), compare_ids);
}

bool gate_plan_has_hold(const struct gate_plan *plan, uint64_t rule_id)
{
	return find(plan, rule_id) != NULL;
}

int holds_leave_out(struct gate_site *site)
{
	const struct gate_plan *plan = site->plan;
	uint64_t *bits;

	if (plan->hold_count == 0) {
		site->without_holds = site->removed;
		return 0;
	}
	bits = arena_alloc(&site->arena, (plan->rule_words + 1) * sizeof(*bits));
	if (!bits)
		return LUYTRE_E_NOMEM;
	for (uint32_t i = 0; i < plan->rule_words && site->removed; i++)
		bits[i] = site->removed[i];
	for (uint32_t i = 0; i < plan->hold_count; i++)
		bit_set(bits, plan->holds[i].rule);
	site->without_holds = bits;
	return 0;
}

/* With the first one that is armed. */
static struct tx_holds *take_holds(struct gate_tx *tx)
{
	const struct gate_plan *plan = tx->plan;
	size_t bits_size = (plan->rule_words + 1) * sizeof(uint64_t);
	struct tx_holds *holds = tx_alloc(tx, sizeof(*holds) + plan->hold_count * sizeof(*holds->armed));
	uint64_t *bits = holds ? tx_alloc(tx, bits_size) : NULL;

	if (!bits)
		return NULL;
	memcpy(bits, tx->left_out, plan->rule_words * sizeof(uint64_t));
	holds->left_out = bits;
	tx->left_out = bits;
	tx->holds = holds;
	return holds;
}

static void arm(struct gate_tx *tx, const struct gate_armed *armed)
{
	const struct plan_hold *hold = find(tx->plan, armed->rule);
	struct gate_armed *row;

	if (!hold || (tx->site->removed && bit_get(tx->site->removed, hold->rule)))
		return;
	if (!tx->holds && !take_holds(tx))
		return;
	tx->holds->left_out[hold->rule / 64] &= ~(UINT64_C(1) << (hold->rule % 64));
	row = &tx->holds->armed[hold - tx->plan->holds];
	if (row->rule == 0 || (armed->enforce && !row->enforce))
		*row = *armed;
	if (armed->enforce && tx->holds->last_phase < hold->phase)
		tx->holds->last_phase = hold->phase;
}

void gate_tx_arm(struct gate_tx *tx, const struct gate_armed *armed, size_t count)
{
	if (!tx->holds)
		tx->left_out = tx->site->without_holds;
	for (size_t i = 0; i < count; i++)
		arm(tx, &armed[i]);
}

const struct gate_armed *holds_armed(const struct gate_tx *tx, const struct plan_rule *rule)
{
	const struct plan_hold *hold = find(tx->plan, rule->rule->id);

	return hold && tx->holds->armed[hold - tx->plan->holds].rule != 0 ? &tx->holds->armed[hold - tx->plan->holds]
									  : NULL;
}
