// SPDX-License-Identifier: Apache-2.0
/* Looking on: what happens to each rule, told to `explain` piece by piece. Nothing here runs for an ordinary request. */
#include "base/error.h"
#include "gate/engine/internal.h"

static void ignore_trace(void *context, int level, const char *text)
{
	(void)context, (void)level, (void)text;
}

int gate_tx_watch(struct gate_tx *tx, gate_watch_fn watch, void *context)
{
	struct watch *made = tx_alloc(tx, sizeof(*made));

	if (!made)
		return LUYTRE_E_NOMEM;
	made->removed_by = tx_alloc(tx, (tx->plan->rule_count + 1) * sizeof(*made->removed_by));
	if (!made->removed_by)
		return LUYTRE_E_NOMEM;
	made->tell = watch;
	made->context = context;
	tx->watch = made;
	if (!tx->trace) /* every rule on every value, as for the trace */
		tx->trace = ignore_trace;
	return 0;
}

static struct gate_look look_at(const struct gate_tx *tx, enum gate_look_kind kind, const struct plan_rule *link)
{
	return (struct gate_look){
		.kind = kind, .phase = tx->phase, .rule = tx->plan->rules[link->index]->rule, .link = link->rule
	};
}

static void tell(struct gate_tx *tx, const struct gate_look *look)
{
	tx->watch->tell(tx->watch->context, look);
}

static uint64_t id_of(const struct gate_tx *tx, const struct plan_rule *link)
{
	return link ? tx->plan->rules[link->index]->rule->id : 0;
}

void watch_rule(struct gate_tx *tx, const struct plan_rule *link, struct bytes parameter)
{
	struct gate_look look = look_at(tx, GATE_LOOK_RULE, link);

	look.parameter = parameter;
	tell(tx, &look);
}

void watch_found(struct gate_tx *tx, const struct operator_call *call, struct bytes value)
{
	struct watch *watch = tx->watch;

	watch->found_count = 0;
	for (uint32_t i = 0; i < (call->capture_count ? call->capture_count : 1); i++) {
		struct bytes part = call->capture_count ? call->captures[i] : call->matched;

		if (part.ptr && part.ptr >= value.ptr && part.ptr + part.size <= value.ptr + value.size)
			watch->found[watch->found_count++] = part;
	}
}

/* From the value itself to 'node'; of a chain longer than there is room its end. */
static size_t fill_steps(struct gate_tx *tx, struct gate_value *value, uint16_t node, struct gate_step *steps)
{
	const struct plan_node *nodes = tx->plan->nodes;
	size_t count = 1, at;

	for (uint16_t n = node; n != 0 && count < GATE_STEPS_MAX; n = nodes[n].parent)
		count++;
	at = count;
	for (uint16_t n = node; at > 0; n = nodes[n].parent) {
		const char *name = n == 0 ? NULL : tx->plan->transforms[nodes[n].transform]->name;

		steps[--at] = (struct gate_step){ name, value_bytes(tx, value, n) };
	}
	return count;
}

void watch_value(struct gate_tx *tx, const struct plan_rule *link, const struct plan_target *target,
	const struct item *item, uint16_t node, bool matched)
{
	struct gate_look look = look_at(tx, GATE_LOOK_VALUE, link);
	struct bytes label = item_label(tx, item);

	if (target->target->count)
		label = tx_join(tx, (struct bytes[]){ bytes_of("&", 1), label }, 2);
	look.variable = label;
	look.steps = tx->watch->steps;
	look.step_count = fill_steps(tx, item->value, node, tx->watch->steps);
	look.matched = matched;
	look.found = tx->watch->found;
	look.found_count = tx->watch->found_count;
	tell(tx, &look);
}

void watch_target(struct gate_tx *tx, const struct plan_rule *link, const struct sec_target *target)
{
	struct gate_look look = look_at(tx, GATE_LOOK_NOTHING, link);

	if (tx->item_count != 0 || target->count)
		return;
	look.variable = trace_target(tx, target);
	tell(tx, &look);
}

void watch_left_out(struct gate_tx *tx, const struct plan_rule *link, const struct item *item)
{
	struct match_scratch *scratch = tx->worker->scratch;
	struct gate_look look = look_at(tx, GATE_LOOK_LEFT_OUT, link);

	look.variable = item_label(tx, item);
	look.cause = GATE_BY_SITE;
	for (const struct tx_removal *removal = tx->removals; removal; removal = removal->next) {
		if (bit_get(removal->rules, link->index) && variables_named(removal->target, item, scratch)) {
			look.cause = GATE_BY_CTL;
			look.by_rule = id_of(tx, removal->by);
		}
	}
	for (uint32_t i = 0; i < link->target_count; i++) {
		const struct sec_target *target = link->targets[i].target;

		if (target->exclude && variables_named(target, item, scratch))
			look.cause = GATE_BY_ITSELF;
	}
	tell(tx, &look);
}

void watch_set(
	struct gate_tx *tx, const struct sec_action *action, struct bytes name, struct bytes before, struct bytes value)
{
	struct gate_look look = look_at(tx, GATE_LOOK_SET, tx->rule);

	look.variable = tx_join(
		tx, (struct bytes[]){ bytes_from_str(variables[action->collection].name), bytes_of(":", 1), name }, 3);
	look.adds = action->setvar == SEC_SETVAR_ADD || action->setvar == SEC_SETVAR_SUBTRACT;
	look.before = before;
	look.value = value;
	tell(tx, &look);
}

void watch_matched(struct gate_tx *tx, const struct plan_rule *rule)
{
	struct gate_look look = look_at(tx, GATE_LOOK_MATCHED, rule);

	look.matched = true;
	tell(tx, &look);
}

void watch_ctl(struct gate_tx *tx, const struct plan_action *action)
{
	for (uint32_t i = 0; action->rules && i < tx->plan->rule_count; i++) {
		if (bit_get(action->rules, i) && tx->watch->removed_by[i] == 0)
			tx->watch->removed_by[i] = id_of(tx, tx->rule);
	}
}

void watch_removed(struct gate_tx *tx, const struct plan_rule *rule)
{
	struct gate_look look = look_at(tx, GATE_LOOK_SKIPPED, rule);
	bool site = tx->site->removed && bit_get(tx->site->removed, rule->index);
	bool ctl = !tx->left_out || !bit_get(tx->left_out, rule->index);

	look.cause = site ? GATE_BY_SITE : ctl ? GATE_BY_CTL : GATE_BY_PLACE;
	look.by_rule = ctl ? tx->watch->removed_by[rule->index] : 0;
	tell(tx, &look);
}

void watch_skipped(struct gate_tx *tx, const struct plan_rule *rule, const struct plan_rule *by, struct bytes marker)
{
	struct gate_look look = look_at(tx, GATE_LOOK_SKIPPED, rule);

	look.cause = marker.size ? GATE_BY_SKIP_AFTER : GATE_BY_SKIP;
	look.by_rule = id_of(tx, by);
	look.value = marker;
	tell(tx, &look);
}

void watch_ended(struct gate_tx *tx, const struct plan_phase *list, uint32_t from)
{
	for (uint32_t i = from; i < list->count; i++) {
		struct gate_look look = look_at(tx, GATE_LOOK_SKIPPED, list->rules[i]);

		look.cause = tx->mode == SEC_OFF ? GATE_BY_ENGINE_OFF : tx->stopped ? GATE_BY_VERDICT : GATE_BY_ALLOW;
		look.by_rule = tx->stopped ? tx->verdict.rule_id : id_of(tx, tx->rule);
		tell(tx, &look);
	}
}
