// SPDX-License-Identifier: Apache-2.0
/* The variables of a rule: `ARGS|!ARGS:token|&REQUEST_HEADERS:Host|TX:/^score_/`. They are separated by '|' or ','; a
 * selector stands behind ':' or '.', as a name, a pattern between slashes, either within single quotes, or an XPath
 * expression for XML. */
#include "gate/seclang/internal.h"

struct reader {
	struct sec_rules *rules;
	const struct sec_line *line;
	const struct sec_arg *arg;
	size_t at, end; /* in arg->text */
};

static uint8_t peek(const struct reader *reader)
{
	return reader->at < reader->end ? reader->arg->text.ptr[reader->at] : 0;
}

static bool is_separator(uint8_t byte)
{
	return byte == '|' || byte == ',';
}

static bool refuse(const struct reader *reader, size_t at, const char *hint)
{
	sec_error_rest(reader->rules, reader->line, sec_arg_position(reader->line, reader->arg, at),
		SEC_EXPECTING_VARIABLE, hint);
	return false;
}

/* Behind the first quote: up to the closing one. */
static bool read_quoted(struct reader *reader, struct bytes *ret)
{
	size_t start = ++reader->at;

	for (; reader->at < reader->end; reader->at++) {
		if (peek(reader) == '\\')
			reader->at++;
		else if (peek(reader) == '\'')
			break;
	}
	if (reader->at >= reader->end)
		return refuse(reader, start - 1, "the closing ' of the selector is missing");
	*ret = bytes_of(reader->arg->text.ptr + start, reader->at - start);
	reader->at++;
	return true;
}

/* /pattern/: the last slash before a separator or the end; a pattern without the closing slash ends at the separator.
 * */
static void read_slashes(struct reader *reader, struct bytes *ret)
{
	const uint8_t *text = reader->arg->text.ptr;
	size_t start = reader->at, first = 0;

	for (size_t at = start + 1; at < reader->end; at++) {
		if (text[at] == '\\')
			at++;
		else if (text[at] == '/' && (at + 1 == reader->end || is_separator(text[at + 1]))) {
			reader->at = at + 1;
			*ret = bytes_of(text + start, reader->at - start);
			return;
		} else if (is_separator(text[at]) && !first) {
			first = at;
		}
	}
	reader->at = first ? first : reader->end;
	*ret = bytes_of(text + start, reader->at - start);
}

/* Up to a separator outside of brackets and macros. */
static void read_plain(struct reader *reader, struct bytes *ret)
{
	size_t start = reader->at;
	int depth = 0;

	for (; reader->at < reader->end && (depth > 0 || !is_separator(peek(reader))); reader->at++) {
		uint8_t byte = peek(reader);

		depth += (byte == '[' || byte == '(' || byte == '{') - (byte == ']' || byte == ')' || byte == '}');
	}
	*ret = bytes_of(reader->arg->text.ptr + start, reader->at - start);
}

static bool compile(struct reader *reader, struct sec_target *target, size_t at)
{
	char message[REGEX_MESSAGE_SIZE];
	struct regex_limits limits = { 0 };
	struct regex **owner = sec_append(reader->rules, &reader->rules->regexes, sizeof(struct regex *));

	if (!owner)
		return false;
	if (regex_compile(target->selector, REGEX_NOCASE | REGEX_DOT_ALL, limits, message, owner) < 0) {
		*owner = NULL;
		sec_error(reader->rules, reader->line, sec_arg_position(reader->line, reader->arg, at),
			"The pattern /%.*s/ cannot be used: %s",
			(int)(target->selector.size < 200 ? target->selector.size : 200),
			(const char *)target->selector.ptr, message);
		return false;
	}
	target->regex = *owner;
	return true;
}

static bool read_selector(struct reader *reader, struct sec_target *target)
{
	size_t at = reader->at;
	struct bytes text = { 0 };

	if (peek(reader) == '\'') {
		if (!read_quoted(reader, &text))
			return false;
	} else if (peek(reader) == '/' && target->variable != VARIABLE_XML) {
		read_slashes(reader, &text);
	} else {
		read_plain(reader, &text);
	}
	if (text.size == 0)
		return refuse(reader, at, "behind ':' stands a name or /pattern/");
	target->selector = text;
	target->select = SEC_SELECT_NAME;
	if (target->variable == VARIABLE_XML)
		return true;
	if (text.size >= 2 && text.ptr[0] == '/' && text.ptr[text.size - 1] == '/') {
		target->select = SEC_SELECT_REGEX;
		target->selector = bytes_of(text.ptr + 1, text.size - 2);
		return compile(reader, target, at);
	}
	if (sec_macro_has(text)) {
		target->select = SEC_SELECT_MACRO;
		return sec_macro_check(
			reader->rules, reader->line, reader->arg, (size_t)(text.ptr - reader->arg->text.ptr), text);
	}
	return true;
}

static bool read_name(struct reader *reader, struct sec_target *target)
{
	size_t start = reader->at;
	struct bytes name;

	while (reader->at < reader->end && !is_separator(peek(reader)) && peek(reader) != ':' && peek(reader) != '.')
		reader->at++;
	name = sec_trim(bytes_of(reader->arg->text.ptr + start, reader->at - start));
	target->variable = variable_find(name);
	if (target->variable == VARIABLE_COUNT)
		return refuse(reader, start, "there is no variable of this name");
	if (target->variable == VARIABLE_WEBSERVER_ERROR_LOG) {
		sec_error(reader->rules, reader->line, sec_arg_position(reader->line, reader->arg, reader->at),
			"Variable VARIABLE_WEBSERVER_ERROR_LOG is not supported by libModSecurity, nor here: the "
			"engine does not see the server's log");
		return false;
	}
	return true;
}

static bool read_target(struct reader *reader, struct sec_target *target)
{
	while (peek(reader) == ' ' || peek(reader) == '\t')
		reader->at++;
	if (peek(reader) == '!') {
		target->exclude = true;
		reader->at++;
	}
	if (peek(reader) == '&') {
		if (target->exclude)
			return refuse(reader, reader->at, "'!' and '&' cannot stand together");
		target->count = true;
		reader->at++;
	}
	if (!read_name(reader, target))
		return false;
	if (peek(reader) == ':' || peek(reader) == '.') {
		if (variables[target->variable].shape == VARIABLE_SCALAR)
			return refuse(reader, reader->at, "this variable has one value, which takes no selector");
		reader->at++;
		if (!read_selector(reader, target))
			return false;
	}
	while (peek(reader) == ' ' || peek(reader) == '\t')
		reader->at++;
	if (reader->at < reader->end && !is_separator(peek(reader)))
		return refuse(reader, reader->at, "variables are separated by '|'");
	return true;
}

bool sec_targets_parse(struct sec_rules *rules, const struct sec_line *line, const struct sec_arg *arg, size_t offset,
	size_t end, struct sec_list *list)
{
	struct reader reader = { rules, line, arg, offset, end };

	do {
		struct sec_target *target = sec_append(rules, list, sizeof(*target));

		if (!target || !read_target(&reader, target))
			return false;
	} while (reader.at++ < end);
	return true;
}
