// SPDX-License-Identifier: Apache-2.0
/* Which patterns are searched together, and for whom.
 *
 *	pattern	one operator with its parameter; rules that ask the same share it
 *	source	the values it is looked for in: a variable, or one member of a collection
 *	group	rules of one phase under the same skipAfter conditions: they are reached together or not at all
 *	set	the patterns of one or several similar sources of a group: one automaton
 *
 * Within a group, sources are clustered greedily, the richest first: `ARGS` and `REQUEST_COOKIES` have nearly the same patterns and
 * share an automaton, `REQUEST_HEADERS:User-Agent` has its own. A source with a single pattern gets none: the operator itself is as quick. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "gate/engine/keys.h"
#include "match/obtain.h"

/* A source joins a set when at least this share (in percent) of the set that they would be together is its own. */
#define SHARE_MIN_PERCENT 50
#define SET_PATTERNS_MIN  2
/* A condition of skipAfter as text; longer ones are cut, which only makes groups that could be one into two. */
#define GUARD_SIZE 128
#define GUARDS_MAX 64

struct text_list {
	char (*items)[GUARD_SIZE];
	size_t count;
};

struct pattern_use {
	const struct operator* operator;
	const void *compiled;
	struct bytes parameter;
};

/* What one source of one group needs. */
struct need {
	uint16_t group, source;
	uint16_t *patterns; /* ascending */
	uint32_t pattern_count;
	uint16_t set;
};

struct set_draft {
	uint16_t *patterns; /* ascending */
	uint32_t pattern_count;
	uint16_t group;
	uint16_t final; /* index in plan->sets */
};

struct build {
	struct gate_plan *plan;
	const struct gate_plan_options *options;
	struct pattern_use *patterns;
	uint32_t pattern_count;
	uint16_t *rule_patterns; /* by rule */
	char (*group_keys)[GUARD_SIZE * 4];
	struct need *needs;
	uint32_t need_count;
	struct set_draft *drafts;
	uint32_t draft_count;
	int error;
};

static void *take(struct build *build, size_t size)
{
	void *memory = arena_alloc(&build->plan->arena, size);

	if (!memory)
		build->error = LUYTRE_E_NOMEM;
	return memory;
}

/* ---- which rules ---- */

/* Values that are given by the request and stay what they are during a phase. */
static bool is_steady(enum variable variable)
{
	switch (variable) {
	case VARIABLE_DURATION:
	case VARIABLE_ENV:
	case VARIABLE_GEO:
	case VARIABLE_HIGHEST_SEVERITY:
	case VARIABLE_MATCHED_VAR:
	case VARIABLE_MATCHED_VARS:
	case VARIABLE_MATCHED_VARS_NAMES:
	case VARIABLE_MATCHED_VAR_NAME:
	case VARIABLE_MSC_PCRE_ERROR:
	case VARIABLE_MSC_PCRE_LIMITS_EXCEEDED:
	case VARIABLE_REQBODY_PROCESSOR:
	case VARIABLE_RULE:
	case VARIABLE_SESSIONID:
	case VARIABLE_USERID:
		return false;
	default:
		return variables[variable].shape != VARIABLE_STORE;
	}
}

static bool can_prefilter(const struct plan_rule *rule)
{
	const struct sec_rule *source = rule->rule;
	bool any = false;

	if (source->kind != SEC_RULE || (source->flags & (SEC_NEGATED | SEC_MACRO)) || !source->compiled ||
		!(source->operator->flags &(OPERATOR_REGEX | OPERATOR_LITERALS)))
		return false;
	for (size_t i = 0; i < source->target_count; i++) {
		const struct sec_target *target = &source->targets[i];

		if (target->exclude)
			continue;
		if (target->count || target->select == SEC_SELECT_MACRO || !is_steady(target->variable))
			return false;
		any = true;
	}
	return any;
}

static uint16_t pattern_number(struct build *build, const struct sec_rule *rule)
{
	for (uint32_t i = 0; i < build->pattern_count; i++) {
		if (build->patterns[i].operator== rule->operator&&
			bytes_equal(build->patterns[i].parameter, rule->parameter))
			return (uint16_t)i;
	}
	build->patterns[build->pattern_count] = (struct pattern_use){ rule->operator, rule->compiled, rule->parameter };
	return (uint16_t)build->pattern_count++;
}

static uint16_t source_number(struct build *build, const struct sec_rule *rule, const struct sec_target *target)
{
	struct gate_plan *plan = build->plan;
	enum sec_select select = target->select == SEC_SELECT_NAME ? SEC_SELECT_NAME : SEC_SELECT_ALL;
	struct bytes selector = select == SEC_SELECT_NAME ? target->selector : (struct bytes){ 0 };

	for (uint32_t i = 0; i < plan->source_count; i++) {
		const struct plan_source *source = &plan->sources[i];

		if (source->variable == target->variable && source->select == select &&
			key_equal(source->selector, selector) &&
			(source->variable != VARIABLE_XML || bytes_equal(source->rule->xmlns, rule->xmlns)))
			return (uint16_t)i;
	}
	plan->sources[plan->source_count] = (struct plan_source){ target->variable, select, selector, rule };
	return (uint16_t)plan->source_count++;
}

/* ---- groups ---- */

static int compare_text(const void *left, const void *right)
{
	return strcmp(left, right);
}

/* The conditions that are open at a rule, in one line. The same ones from different files look the same. */
static void group_key(
	const struct plan_phase *phase, unsigned int phase_number, uint32_t position, char *ret, size_t size)
{
	char guards[GUARDS_MAX][GUARD_SIZE];
	size_t count = 0, used;

	for (uint32_t i = 0; i < position && count < GUARDS_MAX; i++) {
		const struct plan_rule *rule = phase->rules[i];
		struct bytes name = { 0 };

		if (rule->skip_to == NONE32 || rule->skip_to <= position)
			continue;
		if (rule->target_count != 0)
			name = rule->targets[0].target->selector;
		snprintf(guards[count++], GUARD_SIZE, "%u%d.%.*s.%s.%.*s", rule->rule->flags & SEC_NEGATED,
			rule->target_count ? (int)rule->targets[0].target->variable : -1, (int)(name.size & 63),
			name.size ? (const char *)name.ptr : "",
			rule->rule->operator? rule->rule->operator->name : "", (int)(rule->rule->parameter.size & 63),
			rule->rule->parameter.size ? (const char *)rule->rule->parameter.ptr : "");
	}
	qsort(guards, count, GUARD_SIZE, compare_text);
	used = (size_t)snprintf(ret, size, "%u", phase_number);
	for (size_t i = 0; i < count && used < size; i++) {
		if (i == 0 || strcmp(guards[i], guards[i - 1]) != 0)
			used += (size_t)snprintf(ret + used, size - used, "|%s", guards[i]);
	}
}

static uint16_t group_number(struct build *build, const char *key)
{
	struct gate_plan *plan = build->plan;

	for (uint32_t i = 0; i < plan->group_count; i++) {
		if (strcmp(build->group_keys[i], key) == 0)
			return (uint16_t)i;
	}
	snprintf(build->group_keys[plan->group_count], sizeof(build->group_keys[0]), "%s", key);
	return (uint16_t)plan->group_count++;
}

static void choose_rules(struct build *build)
{
	struct gate_plan *plan = build->plan;

	for (unsigned int phase = 1; phase <= 5; phase++) {
		for (uint32_t i = 0; i < plan->phases[phase].count; i++) {
			struct plan_rule *rule = plan->phases[phase].rules[i];
			char key[sizeof(build->group_keys[0])];

			build->rule_patterns[rule->index] = NONE16;
			if (!can_prefilter(rule))
				continue;
			group_key(&plan->phases[phase], phase, i, key, sizeof(key));
			rule->group = group_number(build, key);
			build->rule_patterns[rule->index] = pattern_number(build, rule->rule);
		}
	}
}

/* ---- what each source needs ---- */

static struct need *need_of(struct build *build, uint16_t group, uint16_t source)
{
	struct need *need;

	for (uint32_t i = 0; i < build->need_count; i++) {
		if (build->needs[i].group == group && build->needs[i].source == source)
			return &build->needs[i];
	}
	need = &build->needs[build->need_count];
	*need = (struct need){ .group = group, .source = source, .set = NONE16 };
	need->patterns = take(build, (build->pattern_count + 1) * sizeof(*need->patterns));
	if (!need->patterns)
		return NULL;
	build->need_count++;
	return need;
}

/* Adds to an ascending list. */
static void add_number(uint16_t *list, uint32_t *count, uint16_t number)
{
	uint32_t at = *count;

	while (at > 0 && list[at - 1] > number)
		at--;
	if (at > 0 && list[at - 1] == number)
		return;
	memmove(list + at + 1, list + at, (*count - at) * sizeof(*list));
	list[at] = number;
	(*count)++;
}

static struct plan_target *targets_of(struct plan_rule *rule)
{
	return (struct plan_target *)(uintptr_t)rule->targets; /* made by plan.c in the plan's arena */
}

static void collect_needs(struct build *build)
{
	struct gate_plan *plan = build->plan;

	for (uint32_t i = 0; i < plan->rule_count; i++) {
		struct plan_rule *rule = plan->rules[i];

		if (rule->group == NONE16)
			continue;
		for (uint32_t k = 0; k < rule->target_count; k++) {
			struct plan_target *target = &targets_of(rule)[k];
			struct need *need;

			if (target->target->exclude)
				continue;
			target->source = source_number(build, rule->rule, target->target);
			need = need_of(build, rule->group, target->source);
			if (!need)
				return;
			add_number(need->patterns, &need->pattern_count, build->rule_patterns[i]);
		}
	}
}

/* ---- sets ---- */

static uint32_t common(const uint16_t *left, uint32_t left_count, const uint16_t *right, uint32_t right_count)
{
	uint32_t count = 0, i = 0, k = 0;

	while (i < left_count && k < right_count) {
		if (left[i] < right[k]) {
			i++;
		} else if (left[i] > right[k]) {
			k++;
		} else {
			count++;
			i++;
			k++;
		}
	}
	return count;
}

static int compare_needs(const void *left, const void *right)
{
	const struct need *a = left, *b = right;

	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	if (a->pattern_count != b->pattern_count)
		return a->pattern_count > b->pattern_count ? -1 : 1;
	return (a->source > b->source) - (a->source < b->source);
}

static void join_set(struct build *build, struct need *need)
{
	struct set_draft *draft;

	for (uint32_t i = 0; i < build->draft_count; i++) {
		uint32_t shared, together;

		draft = &build->drafts[i];
		if (draft->group != need->group)
			continue;
		shared = common(draft->patterns, draft->pattern_count, need->patterns, need->pattern_count);
		together = draft->pattern_count + need->pattern_count - shared;
		if (need->pattern_count * 100 < together * SHARE_MIN_PERCENT ||
			draft->pattern_count * 100 < together * SHARE_MIN_PERCENT)
			continue;
		for (uint32_t k = 0; k < need->pattern_count; k++)
			add_number(draft->patterns, &draft->pattern_count, need->patterns[k]);
		need->set = (uint16_t)i;
		return;
	}
	draft = &build->drafts[build->draft_count];
	*draft = (struct set_draft){ .group = need->group, .final = NONE16 };
	draft->patterns = take(build, (build->pattern_count + 1) * sizeof(*draft->patterns));
	if (!draft->patterns)
		return;
	memcpy(draft->patterns, need->patterns, need->pattern_count * sizeof(*draft->patterns));
	draft->pattern_count = need->pattern_count;
	need->set = (uint16_t)build->draft_count++;
}

static void cluster(struct build *build)
{
	qsort(build->needs, build->need_count, sizeof(*build->needs), compare_needs);
	for (uint32_t i = 0; i < build->need_count && build->error == 0; i++) {
		if (build->needs[i].pattern_count >= SET_PATTERNS_MIN)
			join_set(build, &build->needs[i]);
	}
}

struct literal_context {
	struct pattern_set_builder *builder;
	uint32_t id;
	int error;
};

static void add_literal(void *context, struct bytes literal)
{
	struct literal_context *add = context;
	struct pattern pattern = { .text = literal, .literal = true, .id = add->id };
	int error = literal.size ? pattern_set_builder_add(add->builder, &pattern) : 0;

	if (error < 0)
		add->error = error;
}

static int add_pattern(struct pattern_set_builder *builder, const struct pattern_use *use, uint32_t id)
{
	struct literal_context context = { builder, id, 0 };
	struct pattern pattern = { .text = use->parameter, .id = id };

	if (use->operator->flags & OPERATOR_REGEX)
		return pattern_set_builder_add(builder, &pattern);
	operator_literals(use->operator, use->compiled, add_literal, &context);
	return context.error;
}

/* The automatons of all sets: those of the plan before, which rules mostly leave as they are; of the cache; or compiled. */
static void obtain_sets(struct build *build)
{
	struct gate_plan *plan = build->plan;
	const struct gate_plan *old = build->options->before;
	const struct obtain_options options = { .cache_dir = build->options->cache_dir,
		.threads = build->options->threads,
		.wait_ms = build->options->wait_ms,
		.progress = build->options->progress,
		.context = build->options->context };
	uint32_t old_count = old ? old->set_count : 0;
	struct pattern_set **sets = calloc(plan->set_count + 1, sizeof(struct pattern_set *));
	const struct pattern_set **before = calloc(old_count + 1, sizeof(const struct pattern_set *));
	struct obtain_info info = { 0 };

	if (sets && before) {
		for (uint32_t i = 0; i < plan->set_count; i++)
			sets[i] = plan->sets[i].patterns;
		for (uint32_t i = 0; i < old_count; i++)
			before[i] = old->sets[i].patterns;
		build->error = pattern_sets_obtain(sets, plan->set_count, before, old_count, &options, &info);
	} else {
		build->error = LUYTRE_E_NOMEM;
	}
	free(sets);
	free(before);
	plan->info.cached = options.cache_dir && info.compiled_count == 0;
	plan->info.automaton_count = info.part_count;
	plan->info.compiled_count = info.compiled_count;
	for (uint32_t i = 0; i < plan->set_count && build->error == 0; i++)
		plan->info.memory_bytes += pattern_set_info(plan->sets[i].patterns).memory_bytes;
}

/* What matches the empty value is found out by asking the operators themselves. */
static void mark_empty(struct build *build, const struct set_draft *draft, struct plan_set *set)
{
	struct match_scratch *scratch = match_scratch_new();

	for (uint32_t i = 0; i < draft->pattern_count; i++) {
		const struct pattern_use *use = &build->patterns[draft->patterns[i]];
		struct operator_call call = { .scratch = scratch, .arena = &build->plan->arena };

		if (use->operator->flags & OPERATOR_LITERALS)
			continue;
		if (!scratch || use->operator->match(use->compiled, use->parameter, (struct bytes){ 0 }, &call) ||
			call.limit)
			bit_set(set->empty, i);
	}
	match_scratch_free(scratch);
}

static void make_set(struct build *build, struct set_draft *draft)
{
	struct gate_plan *plan = build->plan;
	struct plan_set *set = &plan->sets[plan->set_count];
	struct pattern_set_builder *builder;

	for (uint32_t i = 0; i < build->draft_count; i++) {
		const struct set_draft *other = &build->drafts[i];

		if (other != draft && other->final != NONE16 && other->pattern_count == draft->pattern_count &&
			memcmp(other->patterns, draft->patterns, draft->pattern_count * sizeof(*draft->patterns)) ==
				0) {
			draft->final = other->final;
			return;
		}
	}
	builder = pattern_set_builder_new();
	if (!builder)
		build->error = LUYTRE_E_NOMEM;
	for (uint32_t i = 0; i < draft->pattern_count && build->error == 0; i++)
		build->error = add_pattern(builder, &build->patterns[draft->patterns[i]], i);
	if (build->error == 0)
		build->error = pattern_set_new(builder, &set->patterns);
	pattern_set_builder_free(builder);
	if (build->error < 0)
		return;
	draft->final = (uint16_t)plan->set_count++;
	set->words = PATTERN_SET_WORDS(draft->pattern_count);
	set->empty = take(build, set->words * sizeof(*set->empty));
	if (!set->empty)
		return;
	mark_empty(build, draft, set);
	plan->info.pattern_count += draft->pattern_count;
}

/* ---- what is scanned for whom ---- */

static uint16_t bit_of(const struct set_draft *draft, uint16_t pattern)
{
	for (uint32_t i = 0; i < draft->pattern_count; i++) {
		if (draft->patterns[i] == pattern)
			return (uint16_t)i;
	}
	return NONE16;
}

static void bind_targets(struct build *build)
{
	struct gate_plan *plan = build->plan;

	for (uint32_t i = 0; i < plan->rule_count; i++) {
		struct plan_rule *rule = plan->rules[i];
		bool all = rule->group != NONE16;

		for (uint32_t k = 0; k < rule->target_count; k++) {
			struct plan_target *target = &targets_of(rule)[k];
			const struct need *need;

			if (target->source == NONE16)
				continue;
			need = need_of(build, rule->group, target->source);
			if (!need || need->set == NONE16) {
				all = false;
				continue;
			}
			target->set = build->drafts[need->set].final;
			target->bit = bit_of(&build->drafts[need->set], build->rule_patterns[i]);
		}
		if (all)
			rule->flags |= PLAN_PREFILTERED;
		plan->info.prefiltered_count += all;
	}
}

static int compare_users(const void *left, const void *right)
{
	const struct plan_user *a = left, *b = right;

	return (a->bit > b->bit) - (a->bit < b->bit);
}

static void fill_scan(struct build *build, const struct need *need, struct plan_scan *scan)
{
	struct gate_plan *plan = build->plan;
	struct plan_user *users = take(build, (plan->rule_count + 1) * sizeof(*users));
	uint16_t *nodes = take(build, (plan->node_count + 1) * sizeof(*nodes));

	*scan = (struct plan_scan){ .source = need->source, .set = build->drafts[need->set].final };
	scan->mask = take(build, plan->sets[scan->set].words * sizeof(*scan->mask));
	if (!users || !nodes || !scan->mask)
		return;
	for (uint32_t i = 0; i < plan->rule_count; i++) {
		const struct plan_rule *rule = plan->rules[i];

		for (uint32_t k = 0; rule->group == need->group && k < rule->target_count; k++) {
			if (rule->targets[k].source != need->source)
				continue;
			bit_set(scan->mask, rule->targets[k].bit);
			users[scan->user_count++] = (struct plan_user){ rule->index, rule->targets[k].bit };
			for (uint32_t s = 0; s < rule->step_count; s++) {
				if (s + 1 == rule->step_count || (rule->rule->flags & SEC_MULTIMATCH))
					add_number(nodes, &scan->node_count, rule->steps[s]);
			}
			break;
		}
	}
	qsort(users, scan->user_count, sizeof(*users), compare_users);
	scan->users = users;
	scan->nodes = nodes;
}

static void make_scans(struct build *build)
{
	struct gate_plan *plan = build->plan;

	for (uint32_t g = 0; g < plan->group_count && build->error == 0; g++) {
		struct plan_scan *scans = take(build, (build->need_count + 1) * sizeof(*scans));

		plan->groups[g].scans = scans;
		for (uint32_t i = 0; scans && i < build->need_count && build->error == 0; i++) {
			if (build->needs[i].group == g && build->needs[i].set != NONE16)
				fill_scan(build, &build->needs[i], &scans[plan->groups[g].scan_count++]);
		}
	}
}

static size_t count_targets(const struct gate_plan *plan)
{
	size_t count = 1;

	for (uint32_t i = 0; i < plan->rule_count; i++)
		count += plan->rules[i]->target_count;
	return count;
}

static void build_sets(struct build *build)
{
	struct gate_plan *plan = build->plan;

	choose_rules(build);
	collect_needs(build);
	if (build->error < 0)
		return;
	cluster(build);
	plan->sets = take(build, (build->draft_count + 1) * sizeof(*plan->sets));
	for (uint32_t i = 0; i < build->draft_count && build->error == 0; i++)
		make_set(build, &build->drafts[i]);
	if (build->error == 0)
		obtain_sets(build);
	if (build->error < 0)
		return;
	bind_targets(build);
	plan->groups = take(build, (plan->group_count + 1) * sizeof(*plan->groups));
	if (build->error == 0)
		make_scans(build);
	plan->info.pattern_set_count = plan->set_count;
}

int prefilter_build(struct gate_plan *plan, const struct gate_plan_options *options)
{
	struct build build = { .plan = plan, .options = options };
	size_t targets = count_targets(plan), rules = plan->rule_count + 1;

	if (options->no_prefilter)
		return 0;
	/* Patterns, sources and sets are numbered with 16 bits, and NONE16 is none. */
	if (targets >= NONE16 || rules >= NONE16)
		return LUYTRE_E_FULL;
	plan->sources = take(&build, targets * sizeof(*plan->sources));
	build.patterns = calloc(rules, sizeof(*build.patterns));
	build.rule_patterns = calloc(rules, sizeof(*build.rule_patterns));
	build.group_keys = calloc(rules, sizeof(*build.group_keys));
	build.needs = calloc(targets, sizeof(*build.needs));
	build.drafts = calloc(targets, sizeof(*build.drafts));
	if (!build.patterns || !build.rule_patterns || !build.group_keys || !build.needs || !build.drafts)
		build.error = LUYTRE_E_NOMEM;
	if (build.error == 0)
		build_sets(&build);
	free(build.patterns);
	free(build.rule_patterns);
	free(build.group_keys);
	free(build.needs);
	free(build.drafts);
	return build.error;
}
