// SPDX-License-Identifier: Apache-2.0
/* Any text as a rule file: each rule is loaded or refused with a message, and what is loaded holds what rules.h
 * promises. */
#include <assert.h>

#include "gate/seclang/rules.h"

static void check_target(const struct sec_target *target)
{
	assert(target->variable < VARIABLE_COUNT);
	assert((target->select == SEC_SELECT_REGEX) == (target->regex != NULL));
	assert(target->select == SEC_SELECT_ALL || variables[target->variable].shape != VARIABLE_SCALAR);
	assert(!(target->exclude && target->count));
}

static void check_action(const struct sec_action *action)
{
	if (action->kind == SEC_ACTION_SETVAR)
		assert(variables[action->collection].shape == VARIABLE_STORE && action->name.size > 0);
	for (size_t i = 0; i < action->range_count; i++)
		assert(action->ranges[i].first <= action->ranges[i].last);
	if (action->target)
		check_target(action->target);
}

static void check_rule(const struct sec_rule *rule, unsigned int phase)
{
	assert(rule->line > 0 && rule->text.size > 0 && rule->file);
	if (rule->kind == SEC_MARKER)
		return;
	assert(rule->phase >= 1 && rule->phase <= 5 && rule->phase == phase);
	assert(rule->severity >= -1 && rule->severity <= 7);
	assert(rule->status >= 100 && rule->status <= 999);
	assert((rule->kind == SEC_RULE) == (rule->operator!= NULL) &&
		(rule->kind == SEC_RULE) == (rule->target_count > 0));
	for (size_t i = 0; i < rule->target_count; i++)
		check_target(&rule->targets[i]);
	for (size_t i = 0; i < rule->action_count; i++)
		check_action(&rule->actions[i]);
	for (size_t i = 0; i < rule->transform_count; i++)
		assert(rule->transforms[i]);
	if (rule->chain)
		check_rule(rule->chain, phase);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sec_rules *rules;
	const struct sec_message *messages;
	size_t count, errors = 0;
	int loaded, finished;
	char line[256];

	if (size > 1 << 16)
		return 0;
	rules = sec_rules_new();
	assert(rules);
	sec_rules_forbid_files(rules);
	loaded = sec_rules_load_text(rules, bytes_of(data, size), "fuzz");
	finished = sec_rules_finish(rules);
	messages = sec_rules_messages(rules, &count);
	for (size_t i = 0; i < count; i++) {
		errors += !messages[i].warning;
		sec_message_format(&messages[i], line, sizeof(line));
	}
	assert(count == SEC_MESSAGES_MAX || (errors == 0) == (loaded == 0 && finished == 0));
	for (size_t i = 0; i < (sec_rules_list(rules, &count), count); i++) {
		const struct sec_rule *rule = sec_rules_list(rules, &count)[i];

		check_rule(rule, rule->phase);
	}
	sec_rules_free(rules);
	return 0;
}
