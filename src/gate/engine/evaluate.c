// SPDX-License-Identifier: Apache-2.0
/* Rules, one by one, in the order of the files; what matched is written down and acted upon. The order of things within a rule is
 * ModSecurity v3's: setvar acts for each value that matches, the other actions once, when the whole chain has matched. */
#include "base/clock.h"
#include "gate/engine/internal.h"
#include "gate/engine/keys.h"

/* A rule that runs. The draft is what will be told of it: each match overwrites it, as v3 does. */
struct run {
	const struct plan_rule *first;
	const struct gate_armed *armed; /* a hold that is armed here; null: none */
	struct gate_match draft;
	struct bytes parameter; /* of the operator that runs */
	bool drafted;
	bool told; /* multiMatch: told already */
};

static bool is_excluded(struct gate_tx *tx, const struct plan_rule *link, const struct item *item)
{
	struct match_scratch *scratch = tx->worker->scratch;
	const struct gate_site *site = tx->site;

	if (link->flags & PLAN_EXCLUDES) {
		for (uint32_t i = 0; i < link->target_count; i++) {
			if (link->targets[i].target->exclude && variables_named(link->targets[i].target, item, scratch))
				return true;
		}
	}
	for (const struct tx_removal *removal = tx->removals; removal; removal = removal->next) {
		if (bit_get(removal->rules, link->index) && variables_named(removal->target, item, scratch))
			return true;
	}
	for (uint32_t i = 0; i < site->target_count; i++) {
		if (bit_get(site->targets[i].rules, link->index) &&
			variables_named(site->targets[i].target, item, scratch))
			return true;
	}
	return false;
}

static void expand_tags(struct gate_tx *tx, const struct plan_rule *rule, struct gate_match *match)
{
	struct bytes *tags = tx_alloc(tx, (rule->rule->tag_count + 1) * sizeof(*tags));

	if (!tags)
		return;
	for (size_t i = 0; i < rule->rule->tag_count; i++) {
		tags[i] = macro_expand(tx, &rule->tags[i]);
		TRACE(tx, 9, "Rule tag: %.*s", (int)tags[i].size, (const char *)tags[i].ptr);
	}
	match->tags = tags;
	match->tag_count = rule->rule->tag_count;
}

static struct gate_match *write_match(struct gate_tx *tx, const struct run *run)
{
	struct gate_match *match = tx_add_match(tx);

	if (match) {
		*match = run->draft;
		expand_tags(tx, run->first, match);
	}
	return match;
}

/* With the first match: what a rule has to say is not looked at before. */
static void start_draft(struct run *run, uint8_t phase)
{
	const struct sec_rule *rule = run->first->rule;

	if (run->drafted)
		return;
	run->drafted = true;
	run->draft = (struct gate_match){
		.rule_id = rule->id,
		.phase = phase,
		.severity = rule->severity,
		.log = (rule->flags & SEC_LOG) || run->armed,
		.audit_log = rule->flags & SEC_AUDITLOG,
		.ver = rule->ver,
		.rev = rule->rev,
		.file = rule->file,
		.line = rule->line,
		.maturity = rule->maturity,
		.accuracy = rule->accuracy,
		.hold = run->armed ? run->armed->hold : 0,
		.enforced = run->armed && run->armed->enforce,
	};
}

static void describe(struct gate_tx *tx, struct run *run, const struct plan_rule *link)
{
	struct gate_match *draft = &run->draft;

	start_draft(run, tx->phase);
	draft->variable = tx->matched_name;
	draft->value = tx->matched_value;
	draft->operator_name = link->rule->operator? link->rule->operator->name : NULL;
	draft->parameter = run->parameter;
	draft->negated = link->rule->flags & SEC_NEGATED;
	if (link->rule->msg.size != 0)
		draft->msg = macro_expand(tx, &link->msg);
	if (link->rule->logdata.size != 0)
		draft->data = macro_expand(tx, &link->logdata);
	if (tx->trace && link->rule->msg.size != 0)
		TRACE(tx, 9, "Saving msg: %.*s", (int)draft->msg.size, draft->msg.ptr);
	if (link->rule->severity >= 0 && (tx->highest_severity < 0 || link->rule->severity < tx->highest_severity))
		tx->highest_severity = link->rule->severity;
}

/* MATCHED_VAR and MATCHED_VARS, then what is done for each value. */
static void on_value(
	struct gate_tx *tx, struct run *run, const struct plan_rule *link, const struct item *item, struct bytes value)
{
	tx->matched_name = item_label(tx, item);
	tx->matched_value = value;
	entries_add(tx, &tx->collections[VARIABLE_MATCHED_VARS], tx->matched_name, value);
	actions_on_value(tx, link);
	describe(tx, run, link);
	if (tx->trace)
		run->draft.ref = trace_reference(tx, run->draft.ref, link, item);
	if ((link->rule->flags & SEC_MULTIMATCH) && (run->first->rule->flags & SEC_LOG) && !link->chain) {
		write_match(tx, run);
		run->told = true;
	}
}

static void keep_captures(struct gate_tx *tx, const struct plan_rule *link, const struct operator_call *call)
{
	if (!(link->rule->flags & SEC_CAPTURE))
		return;
	for (uint32_t i = 0; i < OPERATOR_CAPTURES_MAX; i++) {
		if (i >= call->capture_count) {
			tx->slots[i] = (struct bytes){ 0 };
			continue;
		}
		tx->slots[i] = call->captures[i].ptr ? call->captures[i] : bytes_of("", 0);
		if (tx->trace)
			trace_capture(tx, link, i, tx->slots[i]);
	}
}

static void operator_trace(void *context, const char *text)
{
	TRACE((struct gate_tx *)context, 4, "%s", text);
}

static bool ask(struct gate_tx *tx, const struct plan_rule *link, struct bytes parameter, struct bytes value)
{
	static const struct operator_hooks hooks = { .geo_lookup = geo_lookup, .trace = operator_trace };
	const struct sec_rule *rule = link->rule;
	struct operator_call call = {
		.scratch = tx->worker->scratch,
		.arena = &tx->arena,
		.capture = (rule->flags & SEC_CAPTURE) || tx->trace,
		.xml = tx->xml,
		.hooks = &hooks,
		.hooks_context = tx,
	};
	bool matched = rule->operator->match(rule->compiled, parameter, value, &call);

	if (call.limit) {
		tx->pcre_limits++;
		tx->worker->counters.regex_limits++;
		tx->spent |= !tx->trace && match_scratch_allowance(call.scratch) == 0;
	}
	if (matched)
		keep_captures(tx, link, &call);
	if (tx->trace)
		trace_found(tx, link, &call, value);
	if (tx->worker->cost)
		tx->worker->cost->rules[link->index].values++;
	return matched != !!(rule->flags & SEC_NEGATED);
}

static bool is_candidate(struct gate_tx *tx, const struct plan_rule *link, const struct plan_target *target,
	struct gate_value *value, uint8_t output)
{
	return target->set == NONE16 || link->group == NONE16 || scan_may_match(tx, target, value, output);
}

/* One value through one chain of transformations. */
static bool ask_node(struct gate_tx *tx, struct run *run, const struct plan_rule *link,
	const struct plan_target *target, const struct item *item, uint16_t node, struct bytes parameter)
{
	uint8_t output = value_output(tx, item->value, node);
	struct bytes value = output ? item->value->outputs[output].bytes : item->value->bytes;
	bool matched;

	if (!tx->trace && !is_candidate(tx, link, target, item->value, output))
		return false;
	if (!allowance_take(tx, value.size))
		return false;
	if (tx->trace) {
		struct bytes label = item_label(tx, item);
		struct bytes shown = trace_text(tx, value);

		trace_transforms(tx, link, item->value);
		TRACE(tx, 9, "Target value: \"%.*s\" (Variable: %.*s)", (int)shown.size, shown.ptr, (int)label.size,
			label.ptr);
	}
	matched = ask(tx, link, parameter, value);
	if (tx->watch)
		watch_value(tx, link, target, item, node, matched);
	if (link->flags & PLAN_PREFILTERED) {
		tx->worker->counters.confirmed += matched;
		tx->worker->counters.refuted += !matched;
	}
	if (matched)
		on_value(tx, run, link, item, value);
	return matched;
}

static bool ask_forms(struct gate_tx *tx, struct run *run, const struct plan_rule *link,
	const struct plan_target *target, const struct item *item, struct bytes parameter)
{
	bool matched = false;
	uint8_t last = UINT8_MAX;

	if (!(link->rule->flags & SEC_MULTIMATCH))
		return ask_node(tx, run, link, target, item, link->node, parameter);
	for (uint32_t i = 0; i < link->step_count; i++) {
		uint8_t output = value_output(tx, item->value, link->steps[i]);

		if (output == last)
			continue; /* this step changed nothing */
		last = output;
		matched |= ask_node(tx, run, link, target, item, link->steps[i], parameter);
	}
	return matched;
}

/* A text that the rule did not match before is not asked about again. */
static bool ask_item(struct gate_tx *tx, struct run *run, const struct plan_rule *link,
	const struct plan_target *target, const struct item *item, struct bytes parameter)
{
	struct seen *seen = tx->worker->seen;
	struct seen_asked *asked = &item->value->asked;
	uint32_t limits = tx->pcre_limits;
	bool matched;

	if (!asked->named || link->question == SEEN_NONE || tx->trace || tx->worker->cost)
		return ask_forms(tx, run, link, target, item, parameter);
	if (seen_answer(seen, asked, link->question))
		return false;
	matched = ask_forms(tx, run, link, target, item, parameter);
	if (!matched && !tx->spent && !tx->memory_refused && tx->pcre_limits == limits)
		seen_keep(seen, asked, link->question, NULL, 0);
	return matched;
}

/* &COLLECTION: the number of values, also 0. */
static bool ask_count(struct gate_tx *tx, struct run *run, const struct plan_rule *link,
	const struct plan_target *target, struct bytes parameter)
{
	uint32_t count = 0;
	struct item item = { .collection = target->target->variable, .name = target->target->selector };

	for (uint32_t i = 0; i < tx->item_count; i++)
		count += !is_excluded(tx, link, &tx->items[i]);
	item.value = tx_value(tx, tx_printf(tx, "%u", count));
	return item.value && ask_item(tx, run, link, target, &item, parameter);
}

static bool ask_target(struct gate_tx *tx, struct run *run, const struct plan_rule *link,
	const struct plan_target *target, struct bytes parameter)
{
	const struct sec_target *named = target->target;
	struct bytes selector = named->selector;
	bool exclusions = (link->flags & PLAN_EXCLUDES) || tx->removals || tx->site->target_count != 0;
	bool matched = false;

	if (named->select == SEC_SELECT_MACRO)
		selector = macro_expand(tx, &target->selector);
	variables_collect(tx, named->variable, named->select, selector, named->regex, target->slot, link->rule);
	if (tx->watch)
		watch_target(tx, link, named);
	if (named->count)
		return ask_count(tx, run, link, target, parameter);
	for (uint32_t i = 0; i < tx->item_count && !tx->spent; i++) {
		struct item item = tx->items[i];

		if (exclusions && is_excluded(tx, link, &item)) {
			if (tx->watch)
				watch_left_out(tx, link, &item);
			continue;
		}
		matched |= ask_item(tx, run, link, target, &item, parameter);
	}
	return matched;
}

/* The operator on all targets. */
static bool ask_rule(struct gate_tx *tx, struct run *run, const struct plan_rule *link)
{
	const struct sec_rule *rule = link->rule;
	struct bytes parameter = rule->flags & SEC_MACRO ? macro_expand(tx, &link->parameter) : rule->parameter;
	bool matched = false;

	run->parameter = parameter;
	if (tx->watch)
		watch_rule(tx, link, parameter);
	if (rule->kind == SEC_ACTION) {
		TRACE(tx, 4, "(Rule: %llu) Executing unconditional rule...", (unsigned long long)rule->id);
		actions_on_value(tx, link);
		describe(tx, run, link);
		return true;
	}
	if (tx->trace)
		trace_operator(tx, link, parameter);
	for (uint32_t i = 0; i < link->target_count; i++) {
		if (!link->targets[i].target->exclude)
			matched |= ask_target(tx, run, link, &link->targets[i], parameter);
	}
	TRACE(tx, 4, "Rule returned %d.", matched);
	return matched;
}

static bool run_chain(struct gate_tx *tx, struct run *run, const struct plan_rule *link)
{
	tx->rule = link;
	if (!ask_rule(tx, run, link))
		return false;
	if (link->chain) {
		TRACE(tx, 4, "Executing chained rule.");
		if (!run_chain(tx, run, link->chain))
			return false;
	}
	tx->rule = link;
	actions_on_rule(tx, link);
	return true;
}

/* Returns whether it matched. */
static bool run_rule(struct gate_tx *tx, const struct plan_rule *rule)
{
	struct run run = { .first = rule };
	struct gate_match *match = NULL;

	if (tx->holds && (rule->flags & PLAN_HOLD))
		run.armed = holds_armed(tx, rule);
	tx->collections[VARIABLE_MATCHED_VARS].count = 0;
	tx->matched_name = tx->matched_value = (struct bytes){ 0 };
	if (!run_chain(tx, &run, rule))
		return false;
	if (tx->watch)
		watch_matched(tx, rule);
	if (!run.told && (run.armed || (rule->rule->flags & (SEC_LOG | SEC_AUDITLOG))))
		match = write_match(tx, &run);
	if (rule->rule->disruptive != SEC_PASS && (!run.armed || run.armed->enforce)) {
		bool was = tx->verdict.wanted != GATE_PASS && !run.armed;

		actions_disrupt(tx, rule, run.armed ? SEC_ON : tx->mode);
		if (match)
			match->disruptive = !was && tx->verdict.wanted != GATE_PASS;
	}
	return true;
}

/* With the clock, for `luytre gate rules --cost`. */
static bool run_measured(struct gate_tx *tx, const struct plan_rule *rule)
{
	struct gate_rule_cost *cost = &tx->worker->cost->rules[rule->index];
	uint64_t start_ns = clock_mono_ns();
	bool matched = run_rule(tx, rule);

	cost->ns += clock_mono_ns() - start_ns;
	cost->runs++;
	cost->matched += matched;
	return matched;
}

static bool is_removed(struct gate_tx *tx, const struct plan_step *step)
{
	bool here = tx->left_out && bit_get(tx->left_out, step->rule);
	const struct plan_rule *rule;

	if (!here && (!tx->removed || !bit_get(tx->removed, step->rule)))
		return false;
	rule = tx->plan->rules[step->rule];
	if (tx->watch)
		watch_removed(tx, rule);
	if (here)
		return true;
	if (tx->trace)
		trace_removed_now(tx, rule);
	return true;
}

static bool is_impossible(struct gate_tx *tx, const struct plan_step *step)
{
	if (step->group == NONE16 || tx->trace)
		return false;
	if (!tx->groups_scanned[step->group])
		scan_group(tx, step->group);
	return !tx->candidates[step->rule];
}

static bool is_allowed(const struct gate_tx *tx, uint8_t phase)
{
	return phase != 5 && (tx->allow == SEC_ALLOW || (tx->allow == SEC_ALLOW_REQUEST && phase <= 2) ||
				     (tx->allow == SEC_ALLOW_PHASE && tx->allow_phase == phase));
}

/* Whether the phase goes on: looked at before each rule. */
static bool goes_on(struct gate_tx *tx, const struct plan_phase *list, uint8_t phase, uint32_t at)
{
	if (tx->mode != SEC_OFF && !is_allowed(tx, phase) && !tx->spent && (!tx->stopped || phase == 5))
		return true;
	if (tx->trace && is_allowed(tx, phase))
		trace_allowed(tx, list, at);
	if (tx->watch)
		watch_ended(tx, list, at);
	return false;
}

static void skip_one(struct gate_tx *tx, const struct plan_rule *rule)
{
	tx->skip--;
	if (tx->trace)
		trace_skip(tx, rule);
	if (tx->watch)
		watch_skipped(tx, rule, tx->rule, (struct bytes){ 0 });
}

/* Whether it matched. */
static bool take_rule(struct gate_tx *tx, const struct plan_step *step, const struct plan_rule *rule)
{
	enum step_answer answer;

	if (is_removed(tx, step) || is_impossible(tx, step))
		return false;
	answer = step_take(tx, step);
	if (answer != STEP_UNKNOWN)
		return answer == STEP_MATCHED;
	return tx->worker->cost ? run_measured(tx, rule) : run_rule(tx, rule);
}

/* So many steps before a rule is asked its memory is asked for. */
#define AHEAD_STEPS 12
#define LINE_SIZE   64
/* Rule, source and the first targets. */
#define RULE_SIZE 576

/* After a pause rules come from main memory, each line after the one that points to it: sooner if all are asked for before. */
static uint32_t expect_rules(const struct plan_phase *list, uint32_t done, uint32_t at)
{
	uint32_t end = list->count - at > AHEAD_STEPS ? at + AHEAD_STEPS : list->count, i = done > at ? done : at;

	for (; i < end; i++) {
		const struct plan_step *step = &list->steps[i];

		if (step->group != NONE16 || (step->flags & STEP_PLAIN) || step->ask == STEP_ASK_PRESENT)
			continue;
		for (size_t k = 0; k < RULE_SIZE; k += LINE_SIZE)
			__builtin_prefetch((const uint8_t *)list->rules[i] + k);
	}
	return i;
}

void evaluate_phase(struct gate_tx *tx, uint8_t phase)
{
	const struct plan_phase *list = &tx->plan->phases[phase];
	uint32_t i = 0, expected = 0;

	tx->skip = 0;
	if (tx->trace)
		trace_removed(tx, phase);
	while (i < list->count) {
		const struct plan_step *step = &list->steps[i];
		const struct plan_rule *rule = list->rules[i];

		expected = expect_rules(list, expected, i++);
		if (!goes_on(tx, list, phase, i - 1))
			return;
		if (tx->skip != 0) {
			skip_one(tx, rule);
			continue;
		}
		if (!take_rule(tx, step, rule))
			continue;
		tx->skip = step->skip;
		if (step->skip_to != NONE32) {
			trace_skipped(tx, list, i, rule);
			i = step->skip_to;
		}
	}
}
