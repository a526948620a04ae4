// SPDX-License-Identifier: Apache-2.0
/* ctl:option=value, and lists of rule ids. */
#include <stdio.h>

#include "base/ascii.h"
#include "gate/seclang/internal.h"

enum check { CHECK_WORDS, CHECK_PARTS, CHECK_RANGES, CHECK_TEXT, CHECK_ID_TARGET, CHECK_TEXT_TARGET };

static const struct {
	const char *name;
	enum sec_ctl ctl;
	enum check check;
	const char *words;
} options[] = {
	{ "auditEngine", SEC_CTL_AUDIT_ENGINE, CHECK_WORDS, "On Off RelevantOnly" },
	{ "auditLogParts", SEC_CTL_AUDIT_LOG_PARTS, CHECK_PARTS, NULL },
	{ "forceRequestBodyVariable", SEC_CTL_FORCE_REQUEST_BODY_VARIABLE, CHECK_WORDS, "On Off" },
	{ "parseXmlIntoArgs", SEC_CTL_PARSE_XML_INTO_ARGS, CHECK_WORDS, "On Off OnlyArgs" },
	{ "requestBodyAccess", SEC_CTL_REQUEST_BODY_ACCESS, CHECK_WORDS, "On Off" },
	{ "requestBodyProcessor", SEC_CTL_REQUEST_BODY_PROCESSOR, CHECK_WORDS, "JSON MULTIPART URLENCODED XML" },
	{ "ruleEngine", SEC_CTL_RULE_ENGINE, CHECK_WORDS, "On Off DetectionOnly" },
	{ "ruleRemoveById", SEC_CTL_RULE_REMOVE_BY_ID, CHECK_RANGES, NULL },
	{ "ruleRemoveByMsg", SEC_CTL_RULE_REMOVE_BY_MSG, CHECK_TEXT, NULL },
	{ "ruleRemoveByTag", SEC_CTL_RULE_REMOVE_BY_TAG, CHECK_TEXT, NULL },
	{ "ruleRemoveTargetById", SEC_CTL_RULE_REMOVE_TARGET_BY_ID, CHECK_ID_TARGET, NULL },
	{ "ruleRemoveTargetByMsg", SEC_CTL_RULE_REMOVE_TARGET_BY_MSG, CHECK_TEXT_TARGET, NULL },
	{ "ruleRemoveTargetByTag", SEC_CTL_RULE_REMOVE_TARGET_BY_TAG, CHECK_TEXT_TARGET, NULL },
};

static bool is_one_of(struct bytes text, const char *words)
{
	for (;;) {
		size_t size = strcspn(words, " ");

		if (ascii_equal_nocase(text, bytes_of(words, size)))
			return true;
		if (words[size] == '\0')
			return false;
		words += size + 1;
	}
}

static bool is_parts(struct bytes text)
{
	if (text.size && (text.ptr[0] == '+' || text.ptr[0] == '-'))
		text = bytes_skip(text, 1);
	for (size_t i = 0; i < text.size; i++)
		if ((text.ptr[i] | 0x20) < 'a' || (text.ptr[i] | 0x20) > 'z')
			return false;
	return text.size != 0;
}

static bool is_range_separator(uint8_t byte)
{
	return byte == ' ' || byte == ',' || byte == '\t';
}

static bool parse_range(struct bytes word, struct sec_range *ret, char message[SEC_RANGES_MESSAGE_SIZE])
{
	size_t dash = bytes_index(word, '-');
	int shown = (int)(word.size < 64 ? word.size : 64);

	if (!sec_number(bytes_first(word, dash), INT64_MAX, &ret->first) ||
		(dash < word.size && !sec_number(bytes_skip(word, dash + 1), INT64_MAX, &ret->last))) {
		snprintf(
			message, SEC_RANGES_MESSAGE_SIZE, "Not a number or range: %.*s", shown, (const char *)word.ptr);
		return false;
	}
	if (dash == word.size)
		ret->last = ret->first;
	if (ret->last < ret->first) {
		snprintf(message, SEC_RANGES_MESSAGE_SIZE, "Invalid range: %.*s", shown, (const char *)word.ptr);
		return false;
	}
	return true;
}

bool sec_ranges_parse(struct sec_rules *rules, struct bytes text, const struct sec_range **ret, size_t *ret_count,
	char message[SEC_RANGES_MESSAGE_SIZE])
{
	struct sec_list list = { 0 };

	while (text.size) {
		size_t size = 0;

		while (size < text.size && !is_range_separator(text.ptr[size]))
			size++;
		if (size) {
			struct sec_range *range = sec_append(rules, &list, sizeof(*range));

			if (!range || !parse_range(bytes_first(text, size), range, message))
				return false;
		}
		text = bytes_skip(text, size + 1);
	}
	*ret = list.items;
	*ret_count = list.count;
	if (!list.count)
		snprintf(message, SEC_RANGES_MESSAGE_SIZE, "Not a number or range: nothing there");
	return list.count != 0;
}

/* What stands behind ';'. */
static bool read_target(const struct sec_item *item, size_t offset, size_t size, struct sec_action *action)
{
	struct sec_list list = { 0 };
	const struct sec_target *target;

	if (!sec_targets_parse(item->rules, item->line, item->arg, offset, offset + size, &list))
		return false;
	if (list.count != 1)
		return sec_item_refuse(item, "one variable only; repeat the action for others");
	target = list.items;
	if (target->count || target->exclude)
		return sec_item_refuse(item, "the variable takes neither '!' nor '&' here");
	action->target = target;
	return true;
}

static bool read_with_target(
	const struct sec_item *item, struct bytes value, size_t offset, bool by_id, struct sec_action *action)
{
	size_t semicolon = bytes_index(value, ';');
	struct bytes what = sec_trim(bytes_first(value, semicolon)), target = bytes_skip(value, semicolon + 1);
	char message[SEC_RANGES_MESSAGE_SIZE];
	int shown = (int)(value.size < 64 ? value.size : 64);

	if (what.size == 0 || sec_trim(target).size == 0 || bytes_index(target, '!') == 0)
		return sec_item_error(item, "%.*s is not a valid `%s;VARIABLE'", shown, (const char *)value.ptr,
			by_id ? "ID" : "TAG");
	if (!by_id)
		action->pattern = what;
	else if (!sec_ranges_parse(item->rules, what, &action->ranges, &action->range_count, message))
		return sec_item_error(item, "Not able to convert '%.*s' into a number (%s)",
			(int)(what.size < 64 ? what.size : 64), (const char *)what.ptr, message);
	return read_target(item, offset + semicolon + 1, target.size, action);
}

static bool read_value(
	const struct sec_item *item, size_t row, struct bytes value, size_t offset, struct sec_action *action)
{
	char message[SEC_RANGES_MESSAGE_SIZE];

	switch (options[row].check) {
	case CHECK_WORDS:
		if (is_one_of(value, options[row].words))
			return true;
		sec_error_rest(item->rules, item->line, sec_arg_position(item->line, item->arg, offset),
			SEC_EXPECTING_ACTION, options[row].words);
		return false;
	case CHECK_PARTS:
		return is_parts(value) || sec_item_refuse(item, "letters of audit log parts, with + or - before them");
	case CHECK_RANGES:
		return sec_ranges_parse(item->rules, value, &action->ranges, &action->range_count, message) ||
		       sec_item_error(item, "%s", message);
	case CHECK_TEXT:
		action->pattern = value;
		return true;
	case CHECK_ID_TARGET:
	case CHECK_TEXT_TARGET:
		break;
	}
	return read_with_target(item, value, offset, options[row].check == CHECK_ID_TARGET, action);
}

bool sec_read_ctl(const struct sec_item *item, struct sec_draft *draft, int number)
{
	size_t equals = bytes_index(item->value, '='), offset;
	struct bytes name = sec_trim(bytes_first(item->value, equals)), raw = bytes_skip(item->value, equals + 1),
		     value;
	struct sec_action *action;

	value = sec_unquote(sec_trim(raw));
	if (value.size == 0)
		return sec_item_refuse(item, "ctl takes option=value");
	offset = (size_t)(value.ptr - item->arg->text.ptr);
	for (size_t row = 0; row < ARRAY_COUNT(options); row++) {
		if (!sec_same(name, options[row].name))
			continue;
		action = sec_append(item->rules, &draft->actions, sizeof(*action));
		if (!action)
			return false;
		*action = (struct sec_action){
			.kind = SEC_ACTION_CTL, .ctl = options[row].ctl, .name = name, .value = value
		};
		return read_value(item, row, value, offset, action);
	}
	return sec_item_refuse(item, "ctl has no such option");
}
