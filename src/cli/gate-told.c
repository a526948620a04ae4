// SPDX-License-Identifier: Apache-2.0
#include "cli/gate-told.h"

#include <string.h>

#include "base/ascii.h"
#include "gate/operator/operator.h"
#include "match/finder.h"

void told_init(struct told_request *told, struct arena *arena, uint64_t wanted)
{
	*told = (struct told_request){ .arena = arena, .wanted = wanted };
	told->rules_end = &told->rules;
	told->scores_end = &told->scores;
}

static void *take(struct told_request *told, size_t size)
{
	void *memory = arena_alloc(told->arena, size);

	told->no_memory |= !memory;
	return memory;
}

static struct told *copy_look(struct told_request *told, const struct gate_look *look)
{
	struct told *made = take(told, sizeof(*made));

	if (!made)
		return NULL;
	made->look = *look;
	made->look.steps = arena_dup(told->arena, bytes_of(look->steps, look->step_count * sizeof(*look->steps)));
	made->look.found = arena_dup(told->arena, bytes_of(look->found, look->found_count * sizeof(*look->found)));
	if (!made->look.steps || !made->look.found) {
		told->no_memory = true;
		return NULL;
	}
	return made;
}

static void begin_rule(struct told_request *told, const struct gate_look *look)
{
	struct told_rule *rule = told->running;

	/* One that did not match is forgotten: its room is taken again, but for the one that is asked about. */
	if (!rule || rule->matched || rule == told->asked)
		rule = take(told, sizeof(*rule));
	told->running = rule;
	if (!rule)
		return;
	*rule = (struct told_rule){ .rule = look->rule, .phase = look->phase };
	rule->end = &rule->first;
	if (look->rule->id == told->wanted && told->wanted != 0)
		told->asked = rule;
}

static bool has_word(struct bytes variable, const char *word)
{
	struct finder finder;

	finder_init(&finder, bytes_from_str(word), true);
	return finder_find(&finder, variable) != FINDER_NONE;
}

static bool is_change(const struct gate_look *look)
{
	return look->adds && operator_number(look->before) != operator_number(look->value);
}

static void keep_score(struct told_request *told, const struct gate_look *look)
{
	struct told_score *score;

	if (!has_word(look->variable, "score"))
		return;
	for (score = told->scores; score; score = score->next) {
		if (ascii_equal_nocase(score->variable, look->variable))
			break;
	}
	if (!score) {
		score = take(told, sizeof(*score));
		if (!score)
			return;
		score->variable = look->variable;
		*told->scores_end = score;
		told->scores_end = &score->next;
	}
	score->value = look->value;
	score->shown |= is_change(look) || has_word(look->variable, "threshold");
}

/* Values that did not match are many, and only wanted of the rule that is asked about. */
static bool is_kept(const struct told_request *told, const struct gate_look *look)
{
	if (told->running == told->asked)
		return true;
	return look->kind == GATE_LOOK_RULE || look->kind == GATE_LOOK_SET ||
	       (look->kind == GATE_LOOK_VALUE && look->matched);
}

static void end_rule(struct told_request *told)
{
	told->running->matched = true;
	*told->rules_end = told->running;
	told->rules_end = &told->running->next;
}

void told_look(void *context, const struct gate_look *look)
{
	struct told_request *told = context;
	struct told *made;

	if (look->kind == GATE_LOOK_SKIPPED) {
		if (look->rule->id == told->wanted && !told->asked)
			told->skipped = copy_look(told, look);
		return;
	}
	if (look->kind == GATE_LOOK_RULE && look->rule == look->link)
		begin_rule(told, look);
	if (!told->running)
		return;
	if (look->kind == GATE_LOOK_MATCHED) {
		end_rule(told);
		return;
	}
	if (look->kind == GATE_LOOK_SET) {
		keep_score(told, look);
		told->running->adds |= is_change(look);
	}
	made = is_kept(told, look) ? copy_look(told, look) : NULL;
	if (made) {
		*told->running->end = made;
		told->running->end = &made->next;
	}
}

bool told_is_telling(const struct told_rule *rule)
{
	return (rule->rule->flags & SEC_LOG) || (rule->rule->disruptive != SEC_PASS) ||
	       (rule->adds && rule->phase != 5);
}

struct bytes told_paranoia(const struct sec_rule *rule)
{
	for (size_t i = 0; i < rule->tag_count; i++) {
		if (bytes_starts_with(rule->tags[i], bytes_from_str("paranoia-level/")))
			return rule->tags[i];
	}
	return (struct bytes){ 0 };
}
