// SPDX-License-Identifier: Apache-2.0
/* SecRule, SecAction, SecMarker and SecDefaultAction into drafts, and drafts into chains. */
#include "gate/seclang/internal.h"

static struct sec_draft *new_draft(struct sec_rules *rules, const struct sec_line *line, enum sec_kind kind)
{
	struct sec_draft *draft = sec_alloc(rules, sizeof(*draft));

	if (!draft)
		return NULL;
	draft->rule = (struct sec_rule){ .kind = kind,
		.phase = 1, /* as ModSecurity v3 does where a rule names none */
		.file = line->source->name,
		.line = line->number,
		.severity = -1,
		.maturity = -1,
		.accuracy = -1,
		.text = bytes_of(line->source->text.ptr + line->start, line->end - line->start) };
	return draft;
}

static void check_chain_member(struct sec_rules *rules, const struct sec_line *line, struct sec_draft *draft)
{
	if (!draft->said_disruptive)
		return;
	sec_error(rules, line, line->end,
		"Disruptive actions can only be specified by chain starter rules. Move it to the rule with `chain` at "
		"line %u",
		rules->chain_end->rule.line);
	draft->broken = true;
}

static void check_id(struct sec_rules *rules, const struct sec_line *line, struct sec_draft *draft)
{
	const struct sec_rule *rule = &draft->rule;
	bool created;

	if (!(rule->flags & SEC_HAS_ID)) {
		if (rule->kind == SEC_ACTION)
			sec_warn(rules, line, "SecAction without an id: nothing can refer to it");
		else if (!draft->broken)
			sec_error(rules, line, line->end, "Rules must have an ID. File: %s at line: %u", rule->file,
				rule->line);
		draft->broken |= rule->kind == SEC_RULE;
		return;
	}
	if (!table_insert(rules->ids, &rule->id, &created)) {
		rules->no_memory = true;
	} else if (!created && rule->kind == SEC_RULE) {
		sec_error(rules, line, line->end, "Rule id: %llu is duplicated", (unsigned long long)rule->id);
		draft->broken = true;
	} else if (!created) {
		sec_warn(rules, line, "Rule id: %llu is duplicated; both stay, as it is a SecAction",
			(unsigned long long)rule->id);
	}
}

/* Puts a rule behind the chain that waits for it, or at the end of the list. */
static void add(struct sec_rules *rules, const struct sec_line *line, struct sec_draft *draft)
{
	struct sec_draft **place;

	if (rules->chain_end) {
		check_chain_member(rules, line, draft);
		rules->chain_end->next = draft;
	} else {
		check_id(rules, line, draft);
		place = rules->drafts.count < SEC_RULES_MAX
				? sec_append(rules, &rules->drafts, sizeof(struct sec_draft *))
				: NULL;
		if (!place)
			rules->no_memory = true;
		else
			*place = draft;
	}
	rules->chain_end = draft->chained ? draft : NULL;
}

static bool check_count(
	struct sec_rules *rules, const struct sec_line *line, size_t least, size_t most, const char *form)
{
	if (line->arg_count < least) {
		sec_error(rules, line, line->end, "syntax error, unexpected end of line: %s", form);
		return false;
	}
	if (line->arg_count > most) {
		sec_error_rest(rules, line, line->args[most].start, SEC_INVALID_INPUT, form);
		return false;
	}
	return true;
}

void sec_read_rule(struct sec_rules *rules, const struct sec_line *line)
{
	const struct sec_arg *args = line->args;
	struct sec_draft *draft = new_draft(rules, line, SEC_RULE);

	if (!draft)
		return;
	if (line->arg_count > 4 && !args[3].quoted) {
		sec_error_rest(rules, line, args[3].start, SEC_EXPECTING_ACTION, "actions stand in double quotes");
		return;
	}
	if (!check_count(rules, line, 3, 4, "SecRule VARIABLES OPERATOR [ACTIONS]"))
		return;
	if (!sec_targets_parse(rules, line, &args[1], 0, args[1].text.size, &draft->targets) ||
		!sec_operator_parse(rules, line, &args[2], &draft->rule))
		draft->broken = true;
	if (line->arg_count == 4 && !sec_actions_parse(rules, line, &args[3], SEC_USE_RULE, draft))
		draft->broken = true;
	add(rules, line, draft);
}

void sec_read_action(struct sec_rules *rules, const struct sec_line *line)
{
	struct sec_draft *draft = new_draft(rules, line, SEC_ACTION);

	if (!draft || !check_count(rules, line, 2, 2, "SecAction ACTIONS"))
		return;
	if (!sec_actions_parse(rules, line, &line->args[1], SEC_USE_RULE, draft))
		draft->broken = true;
	add(rules, line, draft);
}

void sec_read_marker(struct sec_rules *rules, const struct sec_line *line)
{
	struct sec_draft *draft = new_draft(rules, line, SEC_MARKER), **place;

	if (!draft || !check_count(rules, line, 2, 2, "SecMarker NAME"))
		return;
	draft->rule.marker = sec_unquote(line->args[1].text);
	draft->rule.phase = 0;
	place = sec_append(rules, &rules->drafts, sizeof(struct sec_draft *));
	if (place)
		*place = draft;
}

void sec_read_default_action(struct sec_rules *rules, const struct sec_line *line)
{
	struct sec_draft *draft = new_draft(rules, line, SEC_ACTION);
	unsigned int phase;

	if (!draft || !check_count(rules, line, 2, 2, "SecDefaultAction ACTIONS") ||
		!sec_actions_parse(rules, line, &line->args[1], SEC_USE_DEFAULT, draft))
		return;
	phase = draft->rule.phase;
	if (!draft->said_disruptive) {
		sec_error(rules, line, line->end,
			"SecDefaultAction must specify a disruptive action. Such as pass or deny");
	} else if (rules->defaults[phase]) {
		sec_error(rules, line, line->end,
			"SecDefaultActions can only be placed once per phase and configuration context. Phase %u was "
			"informed already.",
			phase);
	} else {
		rules->defaults[phase] = draft;
	}
}
