// SPDX-License-Identifier: Apache-2.0
#include "sensor/rules/order.h"

#include <stdlib.h>

#include "base/error.h"

struct key {
	uint64_t rank; /* smaller is asked first */
	uint32_t position;
	struct rule *rule;
};

/* The kind of action by which rules are ordered; configuration rules come first of all. */
static uint64_t action_rank(const struct rule *rule, const uint8_t *action_order)
{
	uint8_t action = ACTION_ALERT;

	if ((rule->action & ACTION_CONFIG) != 0)
		return 0;
	if ((rule->action & ACTION_PASS) != 0)
		action = ACTION_PASS;
	else if ((rule->action & ACTION_REJECT_ANY) != 0)
		action = ACTION_REJECT;
	else if ((rule->action & ACTION_DROP) != 0)
		action = ACTION_DROP;
	for (uint64_t i = 0; i < RULE_ACTIONS_MAX; i++)
		if (action_order[i] == action)
			return i + 1;
	return RULE_ACTIONS_MAX + 1;
}

static uint64_t rank_of(const struct rule *rule, const uint8_t *action_order)
{
	uint64_t rank = action_rank(rule, action_order);

	/* Ranks grow from "unused" to "sets"; setters come first. */
	for (int i = 0; i < RULE_ORDER_COUNT; i++)
		rank = rank << 2 | (uint64_t)(RULE_RANK_SETS - rule->order[i]);
	return rank << 8 | rule->priority;
}

static int compare(const void *left, const void *right)
{
	const struct key *a = left, *b = right;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return (a->position > b->position) - (a->position < b->position);
}

int rule_order_sort(struct rule **rules, uint32_t count, const uint8_t action_order[RULE_ACTIONS_MAX])
{
	struct key *keys = malloc((count ? count : 1) * sizeof(*keys));

	if (!keys)
		return LUYTRE_E_NOMEM;
	for (uint32_t i = 0; i < count; i++)
		keys[i] = (struct key){ rank_of(rules[i], action_order), i, rules[i] };
	qsort(keys, count, sizeof(*keys), compare);
	for (uint32_t i = 0; i < count; i++) {
		rules[i] = keys[i].rule;
		rules[i]->index = i;
	}
	free(keys);
	return 0;
}
