// SPDX-License-Identifier: Apache-2.0
/* From rules as they are written to rules as they are walked. Everything that does not depend on the request is decided here. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "gate/engine/keys.h"

/* A plan is made of rules that an administrator gives: the ceiling is against accidents. */
#define PLAN_MEMORY_MAX ((size_t)1 << 30)

struct build {
	struct gate_plan *plan;
	struct sec_rule *const *list;
	size_t list_count;
	uint32_t *positions; /* by place in the list: position in its phase, or what comes next there */
	int error;
};

static void *take(struct build *build, size_t size)
{
	void *memory = arena_alloc(&build->plan->arena, size);

	if (!memory)
		build->error = LUYTRE_E_NOMEM;
	return memory;
}

static const void *copy(struct build *build, const void *from, size_t size)
{
	const void *memory = arena_dup(&build->plan->arena, bytes_of(from, size));

	if (!memory)
		build->error = LUYTRE_E_NOMEM;
	return memory;
}

static struct macro parse(struct build *build, struct bytes text)
{
	struct macro macro = { .constant = true };
	int error = macro_parse(&build->plan->arena, build->plan->keys, text, &macro);

	if (error < 0)
		build->error = error;
	return macro;
}

/* ---- chains of transformations ---- */

static uint16_t transform_number(struct gate_plan *plan, const struct transform *transform)
{
	for (uint32_t i = 0; i < plan->transform_count; i++) {
		if (plan->transforms[i] == transform)
			return (uint16_t)i;
	}
	plan->transforms[plan->transform_count] = transform;
	return (uint16_t)plan->transform_count++;
}

static uint16_t node_after(struct build *build, uint16_t parent, const struct transform *transform)
{
	struct gate_plan *plan = build->plan;
	uint16_t number = transform_number(plan, transform);
	struct plan_node *node;

	for (uint32_t i = 1; i < plan->node_count; i++) {
		if (plan->nodes[i].parent == parent && plan->nodes[i].transform == number)
			return (uint16_t)i;
	}
	if (plan->node_count == PLAN_NODES_MAX) {
		build->error = LUYTRE_E_FULL;
		return 0;
	}
	node = &plan->nodes[plan->node_count];
	*node = (struct plan_node){ .parent = parent, .transform = number };
	node->acts_on = plan->nodes[parent].acts_on | transform->acts_on;
	node->always = plan->nodes[parent].always || transform->acts_on == CLASS_ANY;
	return (uint16_t)plan->node_count++;
}

static void add_nodes(struct build *build, struct plan_rule *rule)
{
	const struct sec_rule *source = rule->rule;
	uint16_t *steps = take(build, (source->transform_count + 1) * sizeof(*steps));

	if (!steps)
		return;
	for (size_t i = 0; i < source->transform_count; i++) {
		steps[i] = rule->node;
		rule->node = node_after(build, rule->node, source->transforms[i]);
	}
	steps[source->transform_count] = rule->node;
	rule->steps = steps;
	rule->step_count = (uint32_t)source->transform_count + 1;
}

/* ---- one rule ---- */

static void add_targets(struct build *build, struct plan_rule *rule)
{
	const struct sec_rule *source = rule->rule;
	struct plan_target *targets = take(build, source->target_count * sizeof(*targets));
	const struct sec_target *copies = copy(build, source->targets, source->target_count * sizeof(*source->targets));

	for (size_t i = 0; targets && copies && i < source->target_count; i++) {
		const struct sec_target *target = &copies[i];

		targets[i] = (struct plan_target){ .target = target,
			.slot = NONE32,
			.source = NONE16,
			.question = SEEN_NONE,
			.set = NONE16,
			.bit = NONE16 };
		if (target->variable == VARIABLE_TX && target->select == SEC_SELECT_NAME)
			targets[i].slot = key_intern(build->plan->keys, target->selector);
		if (target->select == SEC_SELECT_MACRO)
			targets[i].selector = parse(build, target->selector);
		build->plan->reads_files |= target->variable == VARIABLE_FILES_TMP_CONTENT;
		if (target->exclude)
			rule->flags |= PLAN_EXCLUDES;
	}
	rule->targets = targets;
	rule->target_count = targets ? (uint32_t)source->target_count : 0;
}

static void add_actions(struct build *build, struct plan_rule *rule)
{
	const struct sec_rule *source = rule->rule;
	struct plan_action *actions = take(build, source->action_count * sizeof(*actions));

	for (size_t i = 0; actions && i < source->action_count; i++) {
		struct plan_action *action = &actions[i];

		action->action = &source->actions[i];
		action->slot = NONE32;
		action->name = parse(build, action->action->name);
		action->value = parse(build, action->action->value);
		if ((action->action->kind == SEC_ACTION_SETVAR || action->action->kind == SEC_ACTION_EXPIREVAR) &&
			action->action->collection == VARIABLE_TX && action->name.constant)
			action->slot = key_intern(build->plan->keys, action->action->name);
	}
	rule->actions = actions;
	rule->action_count = actions ? (uint32_t)source->action_count : 0;
}

static void add_texts(struct build *build, struct plan_rule *rule)
{
	const struct sec_rule *source = rule->rule;
	struct macro *tags = take(build, source->tag_count * sizeof(*tags));

	for (size_t i = 0; tags && i < source->tag_count; i++)
		tags[i] = parse(build, source->tags[i]);
	rule->tags = tags;
	rule->parameter = parse(build, source->parameter);
	rule->msg = parse(build, source->msg);
	rule->logdata = parse(build, source->logdata);
	rule->redirect = parse(build, source->redirect);
}

/* What is looked at when the rule is asked stands together, so that all of it can be fetched at once (evaluate.c). */
static struct plan_rule *make_rule(struct build *build, const struct sec_rule *source, uint32_t index)
{
	struct plan_rule *rule = take(build, sizeof(*rule));
	const struct sec_rule *beside = copy(build, source, sizeof(*source));

	if (!rule || !beside)
		return NULL;
	rule->rule = beside;
	rule->index = index;
	rule->group = NONE16;
	rule->question = SEEN_NONE;
	rule->skip_to = NONE32;
	add_targets(build, rule);
	add_nodes(build, rule);
	add_actions(build, rule);
	add_texts(build, rule);
	return rule;
}

static struct plan_rule *make_chain(struct build *build, const struct sec_rule *source, uint32_t index)
{
	struct plan_rule *first = NULL, **link = &first;

	for (; source && build->error == 0; source = source->chain) {
		*link = make_rule(build, source, index);
		if (*link)
			link = &(*link)->chain;
	}
	return first;
}

/* ---- phases ---- */

static void count_rules(struct build *build)
{
	struct gate_plan *plan = build->plan;

	for (size_t i = 0; i < build->list_count; i++) {
		const struct sec_rule *rule = build->list[i];

		if (rule->kind == SEC_MARKER)
			continue;
		plan->phases[rule->phase].count++;
		plan->rule_count++;
	}
	plan->rule_words = (plan->rule_count + 63) / 64;
	plan->rules = take(
		build, (plan->rule_count + 1) * sizeof(struct plan_rule *)); /* NOLINT(bugprone-sizeof-expression) */
	for (unsigned int phase = 0; phase < 6; phase++)
		plan->phases[phase].rules =
			take(build, (plan->phases[phase].count + 1) *
					    sizeof(struct plan_rule *)); /* NOLINT(bugprone-sizeof-expression) */
}

static void make_rules(struct build *build)
{
	struct gate_plan *plan = build->plan;
	uint32_t counts[6] = { 0 }, index = 0;

	for (size_t i = 0; i < build->list_count && build->error == 0; i++) {
		const struct sec_rule *source = build->list[i];
		struct plan_rule *rule;

		if (source->kind == SEC_MARKER)
			continue;
		rule = make_chain(build, source, index);
		plan->rules[index++] = rule;
		plan->phases[source->phase].rules[counts[source->phase]++] = rule;
	}
}

/* Where each skipAfter goes on: at the first rule of the same phase behind the next marker of that name. */
static void resolve_skips(struct build *build)
{
	struct gate_plan *plan = build->plan;
	size_t index = 0;

	for (size_t i = 0; i < build->list_count; i++) {
		const struct sec_rule *source = build->list[i];
		uint32_t later = 0;
		size_t marker;

		if (source->kind == SEC_MARKER)
			continue;
		index++;
		if (source->skip_after.size == 0)
			continue;
		for (marker = i + 1; marker < build->list_count; marker++) {
			if (build->list[marker]->kind == SEC_MARKER &&
				bytes_equal(build->list[marker]->marker, source->skip_after))
				break;
		}
		for (size_t k = marker; k < build->list_count; k++)
			later += build->list[k]->kind != SEC_MARKER && build->list[k]->phase == source->phase;
		plan->rules[index - 1]->skip_to = plan->phases[source->phase].count - later;
	}
}

/* ---- ctl ---- */

bool plan_rule_has_tag(const struct plan_rule *rule, struct bytes tag)
{
	for (const struct plan_rule *link = rule; link; link = link->chain) {
		for (size_t i = 0; i < link->rule->tag_count; i++) {
			if (bytes_equal(link->rule->tags[i], tag))
				return true;
		}
	}
	return false;
}

static bool rule_is_meant(const struct plan_rule *rule, const struct sec_action *action)
{
	switch (action->ctl) {
	case SEC_CTL_RULE_REMOVE_BY_ID:
	case SEC_CTL_RULE_REMOVE_TARGET_BY_ID:
		for (size_t i = 0; i < action->range_count; i++) {
			if (rule->rule->id >= action->ranges[i].first && rule->rule->id <= action->ranges[i].last)
				return true;
		}
		return false;
	case SEC_CTL_RULE_REMOVE_BY_TAG:
	case SEC_CTL_RULE_REMOVE_TARGET_BY_TAG:
		return plan_rule_has_tag(rule, action->pattern);
	case SEC_CTL_RULE_REMOVE_BY_MSG:
	case SEC_CTL_RULE_REMOVE_TARGET_BY_MSG:
		return bytes_equal(rule->rule->msg, action->pattern);
	default:
		return false;
	}
}

static void resolve_ctl(struct build *build, const struct plan_rule *rule)
{
	struct gate_plan *plan = build->plan;

	for (uint32_t i = 0; i < rule->action_count; i++) {
		/* Made above, in this arena. */
		struct plan_action *action = (struct plan_action *)(uintptr_t)&rule->actions[i];

		if (action->action->kind != SEC_ACTION_CTL || action->action->ctl < SEC_CTL_RULE_REMOVE_BY_ID)
			continue;
		action->rules = take(build, (plan->rule_words + 1) * sizeof(*action->rules));
		for (uint32_t k = 0; action->rules && k < plan->rule_count; k++) {
			if (rule_is_meant(plan->rules[k], action->action))
				bit_set(action->rules, k);
		}
	}
}

static void resolve_all_ctl(struct build *build)
{
	for (uint32_t i = 0; i < build->plan->rule_count; i++) {
		for (const struct plan_rule *link = build->plan->rules[i]; link; link = link->chain)
			resolve_ctl(build, link);
	}
}

/* ---- questions ---- */

static uint16_t next_question(struct gate_plan *plan, uint32_t limit)
{
	return plan->question_count < limit ? plan->question_count++ : SEEN_NONE;
}

/* Nothing but the text of a value and what is written in the rule has a say in the operator's answer. */
static bool asks_text_only(const struct sec_rule *rule)
{
	return rule->kind == SEC_RULE && !(rule->flags & SEC_MACRO) &&
	       !(rule->operator->flags &(OPERATOR_ASKS_MORE | OPERATOR_NO_VALUE)) &&
	       !((rule->flags & SEC_CAPTURE) && (rule->flags & SEC_NEGATED));
}

static void number_search(struct gate_plan *plan, uint16_t group, struct plan_scan *scan)
{
	scan->question = next_question(plan, SEEN_SEARCHES);
	for (uint32_t i = 0; i < plan->rule_count; i++) {
		/* Made above, in this arena. */
		struct plan_target *targets = (struct plan_target *)(uintptr_t)plan->rules[i]->targets;

		for (uint32_t k = 0; k < plan->rules[i]->target_count; k++) {
			if (plan->rules[i]->group == group && targets[k].source == scan->source)
				targets[k].question = scan->question;
		}
	}
}

/* Searches first: their answers lie together. */
static void number_questions(struct gate_plan *plan)
{
	for (uint32_t i = 0; i < plan->group_count; i++) {
		/* Made by the prefilter, in this arena. */
		struct plan_scan *scans = (struct plan_scan *)(uintptr_t)plan->groups[i].scans;

		for (uint32_t k = 0; k < plan->groups[i].scan_count; k++)
			number_search(plan, (uint16_t)i, &scans[k]);
	}
	plan->question_count = SEEN_SEARCHES;
	for (uint32_t i = 0; i < plan->rule_count; i++) {
		const struct sec_rule *rule = plan->rules[i]->rule;

		if (asks_text_only(rule) && (rule->target_count != 1 || rule->targets[0].variable != VARIABLE_TX))
			plan->rules[i]->question = next_question(plan, SEEN_QUESTIONS);
	}
}

/* ---- the whole ---- */

static void make_nodes(struct build *build)
{
	struct gate_plan *plan = build->plan;

	plan->nodes = take(build, PLAN_NODES_MAX * sizeof(*plan->nodes));
	plan->node_count = 1;
	plan->keys = key_table_new(&plan->arena);
	if (!plan->keys)
		build->error = LUYTRE_E_NOMEM;
}

/* TX:0 to TX:9 are the first slots: captures are written there. */
static void make_capture_keys(struct build *build)
{
	static const char digits[OPERATOR_CAPTURES_MAX + 1] = "0123456789";

	for (unsigned int i = 0; i < OPERATOR_CAPTURES_MAX; i++)
		(void)key_intern(build->plan->keys, bytes_of(digits + i, 1));
}

static void name_slots(struct build *build)
{
	struct gate_plan *plan = build->plan;
	struct bytes *names;

	plan->slot_count = key_count(plan->keys);
	names = take(build, (plan->slot_count + 1) * sizeof(*names));
	if (names)
		key_names(plan->keys, names);
	plan->slot_names = names;
}

static void build_all(struct build *build, const struct gate_plan_options *options)
{
	make_nodes(build);
	if (build->error < 0)
		return;
	make_capture_keys(build);
	count_rules(build);
	if (build->error < 0)
		return;
	make_rules(build);
	if (build->error < 0)
		return;
	resolve_skips(build);
	resolve_all_ctl(build);
	if (build->error == 0)
		build->error = holds_build(build->plan);
	name_slots(build);
	if (build->error == 0)
		build->error = prefilter_build(build->plan, options);
	if (build->error == 0)
		build->error = steps_build(build->plan);
	if (build->error == 0)
		number_questions(build->plan);
}

static _Atomic uint64_t last_number;

int gate_plan_build(struct sec_rules *rules, const struct gate_plan_options *options, struct gate_plan **ret)
{
	struct gate_plan *plan = calloc(1, sizeof(*plan));
	struct build build = { .plan = plan };
	uint64_t start_ns = clock_mono_ns();

	if (!plan) {
		sec_rules_free(rules);
		return LUYTRE_E_NOMEM;
	}
	plan->references = 1;
	plan->number = ++last_number;
	plan->source = rules;
	plan->settings = sec_rules_settings(rules);
	arena_init(&plan->arena, PLAN_MEMORY_MAX);
	build.list = sec_rules_list(rules, &build.list_count);
	build_all(&build, options);
	if (build.error == 0 && plan->settings->geo_db.size != 0)
		build.error = geo_open(plan->settings->geo_db, &plan->geo);
	if (build.error < 0) {
		gate_plan_unref(plan);
		return build.error;
	}
	plan->info.rule_count = plan->rule_count;
	plan->info.memory_bytes += arena_taken(&plan->arena);
	plan->info.build_ms = (uint32_t)((clock_mono_ns() - start_ns) / 1000000);
	*ret = plan;
	return 0;
}

struct gate_plan *gate_plan_ref(struct gate_plan *plan)
{
	plan->references++;
	return plan;
}

void gate_plan_unref(struct gate_plan *plan)
{
	if (!plan || --plan->references != 0)
		return;
	for (uint32_t i = 0; i < plan->set_count; i++)
		pattern_set_free(plan->sets[i].patterns);
	key_table_done(plan->keys);
	geo_close(plan->geo);
	sec_rules_free(plan->source);
	arena_done(&plan->arena);
	free(plan);
}

struct gate_plan_info gate_plan_info(const struct gate_plan *plan)
{
	return plan->info;
}
