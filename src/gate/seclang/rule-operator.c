// SPDX-License-Identifier: Apache-2.0
/* The operator of a rule: "@rx pattern", "!@within a b", or a pattern alone, which is @rx. */
#include "gate/seclang/internal.h"

/* Operators that open the files their parameter names. */
static const char *const file_operators[] = { "fuzzyHash", "inspectFile", "ipMatchF", "ipMatchFromFile", "pmf",
	"pmFromFile", "validateDTD", "validateSchema" };

static size_t name_size(struct bytes text)
{
	size_t size = 0;

	while (size < text.size && text.ptr[size] != ' ' && text.ptr[size] != '\t')
		size++;
	return size;
}

/* What stands behind '@'. */
static bool read_named(struct sec_rules *rules, const struct sec_line *line, const struct sec_arg *arg,
	struct bytes text, struct sec_rule *rule)
{
	size_t size = name_size(text), offset = (size_t)(text.ptr - arg->text.ptr);

	rule->operator= operator_find(bytes_first(text, size));
	if (!rule->operator) {
		sec_error(rules, line, sec_arg_position(line, arg, offset + size),
			"There is no operator @%.*s; to look for this very text write \"@rx @...\"",
			(int)(size < 64 ? size : 64), (const char *)text.ptr);
		return false;
	}
	rule->parameter = bytes_skip(text, size + 1);
	if (size >= text.size && !(rule->operator->flags &(OPERATOR_OPTIONAL | OPERATOR_NO_VALUE))) {
		sec_error(rules, line, sec_arg_position(line, arg, offset + size), "@%s takes a parameter",
			rule->operator->name);
		return false;
	}
	return true;
}

bool sec_operator_parse(
	struct sec_rules *rules, const struct sec_line *line, const struct sec_arg *arg, struct sec_rule *rule)
{
	struct bytes text = arg->text, behind;

	if (text.size && text.ptr[0] == '!') {
		rule->flags |= SEC_NEGATED;
		text = bytes_skip(text, 1);
	}
	behind = text;
	while (behind.size && (behind.ptr[0] == ' ' || behind.ptr[0] == '\t'))
		behind = bytes_skip(behind, 1);
	if (text.size == 0) {
		sec_error(rules, line, sec_arg_position(line, arg, arg->text.size),
			"The operator is empty; write \"@rx pattern\" or another operator");
		return false;
	}
	if (behind.size && behind.ptr[0] == '@') {
		behind = bytes_of(behind.ptr + 1, behind.size - 1);
		if (!read_named(rules, line, arg, behind, rule))
			return false;
	} else {
		rule->operator= operator_find(bytes_from_str("rx"));
		rule->parameter = text;
		rules->column_shift++;
	}
	if (!sec_macro_has(rule->parameter))
		return true;
	rule->flags |= SEC_MACRO;
	if (rule->operator&& rule->operator->flags & OPERATOR_NO_MACRO) {
		sec_error(rules, line, line->end,
			"@%s takes no %%{...}: its parameter must be constant (\\%%{ stands for itself)",
			rule->operator->name);
		return false;
	}
	return sec_macro_check(rules, line, arg, (size_t)(rule->parameter.ptr - arg->text.ptr), rule->parameter);
}

static bool opens_files(const struct operator* operator)
{
	for (size_t i = 0; i < ARRAY_COUNT(file_operators); i++)
		if (sec_same(bytes_from_str(operator->name), file_operators[i]))
			return true;
	return false;
}

bool sec_operator_compile(struct sec_rules *rules, struct sec_rule *rule)
{
	char message[OPERATOR_MESSAGE_SIZE] = "";
	struct operator_setup setup = {
		.file = rule->file, .steps_max = rules->settings.steps_max, .depth_max = rules->settings.depth_max
	};
	struct sec_rule **owner;

	if (!rule->operator|| !rule->operator->compile || rule->flags & SEC_MACRO)
		return true;
	if (rules->no_files && opens_files(rule->operator)) {
		sec_error_rule(rules, rule, "@%s reads files, which is forbidden here", rule->operator->name);
		return false;
	}
	owner = sec_append(rules, &rules->compiled, sizeof(struct sec_rule *));
	if (!owner)
		return false;
	if (rule->operator->compile(&setup, rule->parameter, message, &rule->compiled) < 0) {
		rule->compiled = NULL;
		rules->compiled.count--;
		sec_error_rule(rules, rule, "@%s: %s", rule->operator->name, message);
		return false;
	}
	*owner = rule;
	return true;
}
