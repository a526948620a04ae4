// SPDX-License-Identifier: Apache-2.0
/* Messages about rules: where, what, what would be right. */
#include <stdarg.h>
#include <stdio.h>

#include "gate/seclang/internal.h"

#define MESSAGE_SIZE 1024
#define REST_MAX     400

/* Bytes of a rule file go to terminals and logs: control characters become '?'. */
static void add(struct sec_rules *rules, const char *file, uint32_t line, uint32_t column, bool warning, char *text)
{
	struct sec_message *message;

	rules->error_count += !warning;
	if (rules->messages.count >= SEC_MESSAGES_MAX)
		return;
	for (char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	message = sec_append(rules, &rules->messages, sizeof(*message));
	if (!message)
		return;
	message->file = file;
	message->line = line;
	message->column = column;
	message->warning = warning;
	message->text = arena_strdup(&rules->arena, text);
	if (!message->text) {
		rules->no_memory = true;
		rules->messages.count--;
	}
}

/* 'position' and 'column_extra' columns further right. */
static void add_at(
	struct sec_rules *rules, const struct sec_line *line, size_t position, uint32_t column_extra, char *message)
{
	struct bytes text = line->source->text;
	size_t begin = line->start;
	uint32_t number = line->number;

	while (begin > 0 && text.ptr[begin - 1] != '\n')
		begin--;
	for (size_t i = line->start; i < position && i < text.size; i++) {
		if (text.ptr[i] == '\n') {
			number++;
			begin = i + 1;
		}
	}
	add(rules, line->source->name, number, (uint32_t)(position - begin) + column_extra, false, message);
}

void sec_error(struct sec_rules *rules, const struct sec_line *line, size_t position, const char *format, ...)
{
	char text[MESSAGE_SIZE];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	add_at(rules, line, position, 0, text);
}

void sec_warn(struct sec_rules *rules, const struct sec_line *line, const char *format, ...)
{
	char text[MESSAGE_SIZE];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	add(rules, line->source->name, line->number, 0, true, text);
}

void sec_error_rule(struct sec_rules *rules, const struct sec_rule *rule, const char *format, ...)
{
	char text[MESSAGE_SIZE];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	add(rules, rule->file, rule->line, 0, false, text);
}

void sec_warn_rule(struct sec_rules *rules, const struct sec_rule *rule, const char *format, ...)
{
	char text[MESSAGE_SIZE];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	add(rules, rule->file, rule->line, 0, true, text);
}

void sec_error_rest(
	struct sec_rules *rules, const struct sec_line *line, size_t position, const char *what, const char *hint)
{
	struct bytes rest = sec_rest(line, position);
	size_t shown = rest.size < REST_MAX ? rest.size : REST_MAX;
	char text[MESSAGE_SIZE];

	snprintf(text, sizeof(text), "%s%.*s%s%s", what, (int)shown, rest.size ? (const char *)rest.ptr : "",
		hint ? ". " : "", hint ? hint : "");
	add_at(rules, line, position + rest.size, 1 + rules->column_shift, text);
}

const struct sec_message *sec_rules_messages(const struct sec_rules *rules, size_t *ret_count)
{
	*ret_count = rules->messages.count;
	return rules->messages.items;
}

void sec_message_format(const struct sec_message *message, char *text, size_t size)
{
	const char *kind = message->warning ? "warning" : "error";

	if (message->column)
		snprintf(text, size, "Rules %s. File: %s. Line: %u. Column: %u. %s", kind, message->file, message->line,
			message->column, message->text);
	else
		snprintf(text, size, "Rules %s. File: %s. Line: %u. %s", kind, message->file, message->line,
			message->text);
}
