// SPDX-License-Identifier: Apache-2.0
/* What can be known of a rule without looking at it.
 *
 * A rule set asks the same small questions again and again: is the paranoia level below 2, is a threshold set, has the request such a
 * header? Three of four rules that run are of this kind and do nothing, or set a variable to a constant and skip. A rule is some ten
 * lines of cache in as many places, each of them read after the one before; when a worker has been idle for some milliseconds they all come
 * from main memory, and that is most of what a request takes. So a phase has one table of steps, read from its beginning to its end: a step answers
 * such questions by itself, and the rule is asked only where the step does not know.
 *
 * What a step does is what the rule would have done, but for what nobody sees: MATCHED_VAR and its like, which the next rule begins
 * with anew. With a trace, with somebody looking on, and while costs are measured, every rule is asked. */
#include "base/error.h"
#include "gate/engine/internal.h"
#include "gate/engine/keys.h"

#define SETS_MAX UINT16_MAX

/* ---- making ---- */

static bool is_stored(enum variable variable)
{
	return variable != VARIABLE_MATCHED_VARS && variables_are_stored(variable);
}

static bool compare_of(const struct sec_rule *rule, uint8_t *ret)
{
	static const struct {
		const char *name;
		enum step_compare compare;
	} rows[] = {
		{ "eq", STEP_EQ },
		{ "ge", STEP_GE },
		{ "gt", STEP_GT },
		{ "le", STEP_LE },
		{ "lt", STEP_LT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rule->operator->name, rows[i].name) == 0) {
			*ret = (uint8_t)rows[i].compare;
			return true;
		}
	}
	return false;
}

/* What a value is compared with: a number, or what a slot holds. */
static bool take_number(const struct plan_rule *rule, struct plan_step *step)
{
	const struct macro *parameter = &rule->parameter;
	int64_t number;

	if (rule->rule->flags & SEC_MACRO) {
		if (parameter->count != 1 || parameter->pieces[0].slot == NONE32)
			return false;
		step->flags |= STEP_BY_SLOT;
		step->number = (int32_t)parameter->pieces[0].slot;
		return true;
	}
	number = operator_number(rule->rule->parameter);
	step->number = (int32_t)number;
	return step->number == number;
}

/* TX:name, &TX:name. */
static bool ask_slot(const struct plan_rule *rule, struct plan_step *step)
{
	const struct plan_target *target = &rule->targets[0];

	if (target->slot == NONE32 || rule->node != 0 || !compare_of(rule->rule, &step->compare) ||
		!take_number(rule, step))
		return false;
	step->what = target->slot;
	step->ask = target->target->count ? STEP_ASK_SLOT_COUNT : STEP_ASK_SLOT;
	return true;
}

/* REQUEST_HEADERS:name and the like: whether there is one, or how many there are. */
static bool ask_members(struct gate_plan *plan, const struct plan_rule *rule, struct plan_step *step)
{
	const struct sec_target *target = rule->targets[0].target;
	struct step_members *members = &plan->step_members[plan->step_members_count];

	if (target->select != SEC_SELECT_NAME || !is_stored(target->variable) || target->selector.size == 0)
		return false;
	step->ask = STEP_ASK_PRESENT;
	if (target->count) {
		if (rule->node != 0 || !compare_of(rule->rule, &step->compare) || !take_number(rule, step))
			return false;
		step->ask = STEP_ASK_COUNT;
	}
	members->variable = target->variable;
	members->name = bytes_of(arena_dup(&plan->arena, target->selector), target->selector.size);
	step->what = plan->step_members_count++;
	return members->name.ptr != NULL;
}

static bool ask_target(struct gate_plan *plan, const struct plan_rule *rule, struct plan_step *step)
{
	const struct sec_rule *source = rule->rule;

	if (rule->target_count != 1 || (source->flags & SEC_MULTIMATCH) || rule->targets[0].target->exclude)
		return false;
	/* A negated operator keeps what it captured although the rule does not match. */
	if ((source->flags & SEC_CAPTURE) && (source->flags & SEC_NEGATED))
		return false;
	if (rule->targets[0].target->variable == VARIABLE_TX)
		return ask_slot(rule, step);
	return ask_members(plan, rule, step);
}

/* Whether a match does nothing but give slots constant values, and skip. */
static bool is_plain(const struct plan_rule *rule)
{
	const struct sec_rule *source = rule->rule;

	if (rule->chain || (source->flags & (SEC_LOG | SEC_AUDITLOG | SEC_CAPTURE | SEC_MULTIMATCH)) ||
		source->severity >= 0 || source->disruptive != SEC_PASS || rule->action_count > SETS_MAX)
		return false;
	for (uint32_t i = 0; i < rule->action_count; i++) {
		const struct plan_action *action = &rule->actions[i];

		if (action->action->kind != SEC_ACTION_SETVAR || action->action->setvar != SEC_SETVAR_SET ||
			action->action->collection != VARIABLE_TX || action->slot == NONE32 || !action->value.constant)
			return false;
	}
	return true;
}

static int take_sets(struct gate_plan *plan, const struct plan_rule *rule, struct plan_step *step)
{
	step->sets = plan->step_set_count;
	step->set_count = (uint16_t)rule->action_count;
	for (uint32_t i = 0; i < rule->action_count; i++) {
		const struct plan_action *action = &rule->actions[i];
		struct bytes value = action->value.count ? action->value.pieces[0].literal : (struct bytes){ 0 };
		void *text = arena_dup(&plan->arena, value);

		if (!text)
			return LUYTRE_E_NOMEM;
		plan->step_sets[plan->step_set_count++] = (struct step_set){ action->slot, bytes_of(text, value.size) };
	}
	return 0;
}

static int make_step(struct gate_plan *plan, const struct plan_rule *rule, struct plan_step *step)
{
	*step = (struct plan_step){
		.rule = rule->index, .group = NONE16, .skip = rule->rule->skip, .skip_to = rule->skip_to
	};
	if (rule->rule->flags & SEC_NEGATED)
		step->flags |= STEP_NEGATED;
	if (rule->flags & PLAN_PREFILTERED)
		step->group = rule->group;
	else if (rule->rule->kind == SEC_ACTION)
		step->ask = STEP_ASK_NOTHING;
	else if (!ask_target(plan, rule, step))
		step->ask = STEP_RUN;
	if (step->group != NONE16 || step->ask == STEP_RUN || step->ask == STEP_ASK_PRESENT || !is_plain(rule))
		return 0;
	step->flags |= STEP_PLAIN;
	return take_sets(plan, rule, step);
}

static size_t count_actions(const struct gate_plan *plan)
{
	size_t count = 1;

	for (uint32_t i = 0; i < plan->rule_count; i++)
		count += plan->rules[i]->action_count;
	return count;
}

int steps_build(struct gate_plan *plan)
{
	int error = 0;

	plan->step_members = arena_alloc(&plan->arena, (plan->rule_count + 1) * sizeof(*plan->step_members));
	plan->step_sets = arena_alloc(&plan->arena, count_actions(plan) * sizeof(*plan->step_sets));
	if (!plan->step_members || !plan->step_sets)
		return LUYTRE_E_NOMEM;
	for (unsigned int number = 1; number <= 5; number++) {
		struct plan_phase *phase = &plan->phases[number];
		struct plan_step *steps = arena_alloc(&plan->arena, (phase->count + 1) * sizeof(*steps));

		if (!steps)
			return LUYTRE_E_NOMEM;
		for (uint32_t i = 0; i < phase->count && error == 0; i++)
			error = make_step(plan, phase->rules[i], &steps[i]);
		phase->steps = steps;
	}
	return error;
}

/* ---- asking ---- */

/* A site or a rule has taken targets away from this one. */
static bool has_exclusion(const struct gate_tx *tx, uint32_t rule)
{
	for (const struct tx_removal *removal = tx->removals; removal; removal = removal->next) {
		if (bit_get(removal->rules, rule))
			return true;
	}
	for (uint32_t i = 0; i < tx->site->target_count; i++) {
		if (bit_get(tx->site->targets[i].rules, rule))
			return true;
	}
	return false;
}

static uint32_t count_members(const struct gate_tx *tx, const struct step_members *members)
{
	const struct entries *entries = &tx->collections[members->variable];
	uint32_t count = 0;

	for (uint32_t i = 0; i < entries->count; i++) {
		const struct entry *entry = &entries->items[i];

		count += entry->name.size == members->name.size && key_equal(members->name, entry->name);
	}
	return count;
}

static bool compare(const struct gate_tx *tx, const struct plan_step *step, int64_t value)
{
	int64_t number = step->flags & STEP_BY_SLOT ? operator_number(tx->slots[step->number]) : step->number;
	bool result = false;

	switch ((enum step_compare)step->compare) {
	case STEP_EQ:
		result = value == number;
		break;
	case STEP_GE:
		result = value >= number;
		break;
	case STEP_GT:
		result = value > number;
		break;
	case STEP_LE:
		result = value <= number;
		break;
	case STEP_LT:
		result = value < number;
		break;
	}
	return result != !!(step->flags & STEP_NEGATED);
}

/* Whether the rule matches; STEP_ASK_PRESENT: whether it can. */
static bool matches(struct gate_tx *tx, const struct plan_step *step)
{
	struct bytes value;

	switch ((enum step_ask)step->ask) {
	case STEP_ASK_SLOT:
		value = tx->slots[step->what];
		return value.ptr && allowance_take(tx, value.size) && compare(tx, step, operator_number(value));
	case STEP_ASK_SLOT_COUNT:
		return allowance_take(tx, 1) && compare(tx, step, tx->slots[step->what].ptr != NULL);
	case STEP_ASK_COUNT:
		return allowance_take(tx, 1) &&
		       compare(tx, step, count_members(tx, &tx->plan->step_members[step->what]));
	case STEP_ASK_PRESENT:
		return count_members(tx, &tx->plan->step_members[step->what]) != 0;
	case STEP_ASK_NOTHING:
	case STEP_RUN:
		break;
	}
	return true;
}

enum step_answer step_take(struct gate_tx *tx, const struct plan_step *step)
{
	const struct step_set *sets = &tx->plan->step_sets[step->sets];

	if (step->ask == STEP_RUN || tx->trace || tx->worker->cost || has_exclusion(tx, step->rule))
		return STEP_UNKNOWN;
	if (!matches(tx, step))
		return STEP_NO_MATCH;
	if (!(step->flags & STEP_PLAIN))
		return STEP_UNKNOWN;
	for (uint32_t i = 0; i < step->set_count; i++)
		tx_set_slot(tx, sets[i].slot, (struct bytes){ 0 }, sets[i].value, false);
	return STEP_MATCHED;
}
