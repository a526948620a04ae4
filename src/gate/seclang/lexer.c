// SPDX-License-Identifier: Apache-2.0
/* Text into directives: a name and its arguments, up to the end of the line. A backslash at a line's end joins it
 * with the next, also within quotes. Comments begin with '#' where an argument could. Within double quotes, and single
 * quotes around a whole argument, a backslash keeps the next byte from ending it; it stays in the text, as in
 * ModSecurity v3. */
#include "gate/seclang/internal.h"

struct scan {
	const uint8_t *at, *end, *begin;
	uint32_t line;
};

/* How many bytes a quoted line end takes at 'at'; 0: there is none. */
static size_t joint(const uint8_t *at, const uint8_t *end)
{
	if (end - at >= 2 && at[0] == '\\' && at[1] == '\n')
		return 2;
	if (end - at >= 3 && at[0] == '\\' && at[1] == '\r' && at[2] == '\n')
		return 3;
	return 0;
}

static void skip_blanks(struct scan *scan)
{
	size_t size;

	while (scan->at < scan->end) {
		if (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r') {
			scan->at++;
		} else if ((size = joint(scan->at, scan->end)) > 0) {
			scan->at += size;
			scan->line++;
		} else {
			return;
		}
	}
}

static void skip_line(struct scan *scan)
{
	while (scan->at < scan->end && *scan->at != '\n')
		scan->at++;
}

/* True at a byte that ends an argument without quotes. */
static bool ends_word(const struct scan *scan)
{
	return *scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r' ||
	       joint(scan->at, scan->end) != 0;
}

/* ARGS:'/with blanks/' inside a word: where its closing quote stands on the same line, or null. */
static const uint8_t *find_quote(const struct scan *scan)
{
	for (const uint8_t *at = scan->at + 1; at < scan->end && *at != '\n'; at++) {
		if (*at == '\\' && at + 1 < scan->end && at[1] != '\n' && at[1] != '\r')
			at++;
		else if (*at == '\'')
			return at;
	}
	return NULL;
}

static void scan_word(struct scan *scan)
{
	const uint8_t *start = scan->at;

	while (scan->at < scan->end && !ends_word(scan)) {
		const uint8_t *close =
			*scan->at == '\'' && scan->at > start && scan->at[-1] == ':' ? find_quote(scan) : NULL;

		scan->at = close ? close + 1 : scan->at + 1;
	}
}

/* Up to the quote that ends the argument, or the end of the line where there is none. Counts the joints. */
static size_t scan_quoted(struct scan *scan, uint8_t quote)
{
	size_t joints = 0, size;

	while (scan->at < scan->end && *scan->at != quote && *scan->at != '\n') {
		if ((size = joint(scan->at, scan->end)) > 0) {
			scan->at += size;
			scan->line++;
			joints++;
		} else if (*scan->at == '\\' && scan->end - scan->at > 1 && scan->at[1] != '\n') {
			scan->at += 2;
		} else {
			scan->at++;
		}
	}
	return joints;
}

/* A copy without the joints; the whole text when there is no memory, which the reader will notice. */
static struct bytes join(struct sec_rules *rules, struct bytes text)
{
	uint8_t *copy = sec_alloc(rules, text.size);
	size_t size = 0;

	if (!copy)
		return text;
	for (size_t i = 0; i < text.size;) {
		size_t skip = joint(text.ptr + i, text.ptr + text.size);

		i += skip;
		if (!skip)
			copy[size++] = text.ptr[i++];
	}
	return bytes_of(copy, size);
}

static void scan_arg(struct sec_rules *rules, struct scan *scan, struct sec_line *line)
{
	struct sec_arg *arg = &line->args[line->arg_count++];
	uint8_t quote = *scan->at;
	size_t joints = 0;

	*arg = (struct sec_arg){ .quoted = quote == '"' || quote == '\'' };
	scan->at += arg->quoted;
	arg->start = (size_t)(scan->at - scan->begin);
	if (arg->quoted)
		joints = scan_quoted(scan, quote);
	else
		scan_word(scan);
	arg->text = bytes_of(scan->begin + arg->start, (size_t)(scan->at - scan->begin) - arg->start);
	if (joints) {
		arg->text = join(rules, arg->text);
		arg->joined = true;
	}
	if (arg->quoted && scan->at < scan->end && *scan->at == quote)
		scan->at++;
	else if (arg->quoted)
		sec_warn(rules, line, "the closing %c is missing; the end of the line takes its place", quote);
	line->end = (size_t)(scan->at - scan->begin);
}

bool sec_lex(struct sec_rules *rules, struct sec_source *source, struct sec_line *ret)
{
	struct scan scan = { .begin = source->text.ptr,
		.at = source->text.ptr + source->position,
		.end = source->text.ptr + source->text.size,
		.line = source->line };

	for (; scan.at < scan.end; scan.at++, scan.line++) {
		skip_blanks(&scan);
		if (scan.at < scan.end && *scan.at == '#')
			skip_line(&scan);
		if (scan.at < scan.end && *scan.at != '\n')
			break;
	}
	ret->source = source;
	ret->start = (size_t)(scan.at - scan.begin);
	ret->number = scan.line;
	ret->arg_count = 0;
	ret->excess = 0;
	while (scan.at < scan.end && *scan.at != '\n' && *scan.at != '#') {
		if (ret->arg_count == SEC_ARGS_MAX) {
			ret->excess = (size_t)(scan.at - scan.begin);
			break;
		}
		scan_arg(rules, &scan, ret);
		skip_blanks(&scan);
	}
	skip_line(&scan);
	source->position = (size_t)(scan.at - scan.begin);
	source->line = scan.line;
	return ret->arg_count != 0;
}

size_t sec_arg_position(const struct sec_line *line, const struct sec_arg *arg, size_t offset)
{
	const uint8_t *end = line->source->text.ptr + line->source->text.size;
	const uint8_t *at = line->source->text.ptr + arg->start;
	size_t size;

	if (!arg->joined)
		return arg->start + offset;
	for (;; offset--, at++) {
		while ((size = joint(at, end)) > 0)
			at += size;
		if (offset == 0 || at == end)
			return (size_t)(at - line->source->text.ptr);
	}
}

struct bytes sec_rest(const struct sec_line *line, size_t position)
{
	struct bytes rest = bytes_skip(line->source->text, position);

	rest = bytes_first(rest, bytes_index(rest, '\n'));
	if (rest.size && rest.ptr[rest.size - 1] == '\r')
		rest.size--;
	return rest;
}
