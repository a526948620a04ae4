// SPDX-License-Identifier: Apache-2.0
/* The standard's states that lead to the same token are one function here; a function either yields a token or leaves the reader
 * in another state. */
#include "gate/inject/html.h"

#include <string.h>
#include <strings.h>

void html_init(struct html_reader *reader, struct bytes value, enum html_context context)
{
	static const uint8_t quotes[] = {
		[HTML_VALUE_SINGLE] = '\'',
		[HTML_VALUE_DOUBLE] = '"',
		[HTML_VALUE_BACK] = '`',
	};

	*reader = (struct html_reader){ .value = value, .state = HTML_IN_VALUE };
	if (context == HTML_TEXT)
		reader->state = HTML_IN_TEXT;
	else if (context == HTML_VALUE_UNQUOTED)
		reader->state = HTML_BEFORE_ATTRIBUTE;
	else
		reader->quote = quotes[context];
}

static int peek(const struct html_reader *reader, size_t at)
{
	return at < reader->value.size ? reader->value.ptr[at] : -1;
}

static bool is_blank(int byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* NUL is a blank between attributes and ends their names and values, not those of tags. */
static bool is_gap(int byte)
{
	return is_blank(byte) || byte == 0;
}

static bool is_letter(int byte)
{
	return byte >= 0 && (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

static void skip_gap(struct html_reader *reader)
{
	while (is_gap(peek(reader, reader->at)))
		reader->at++;
}

/* A token from 'from' to 'to'; reading goes on at 'next'. */
static bool yield(struct html_reader *reader, struct html_token *token, enum html_token_type type, size_t from,
	size_t to, size_t next, enum html_state state)
{
	token->type = type;
	token->text = bytes_of(reader->value.ptr + from, to - from);
	reader->at = next < reader->value.size ? next : reader->value.size;
	reader->state = state;
	return true;
}

/* A token up to an ending text, or to the end of the value. */
static bool yield_until(
	struct html_reader *reader, struct html_token *token, enum html_token_type type, size_t from, const char *end)
{
	size_t size = reader->value.size;
	const uint8_t *found;

	from = from < size ? from : size;
	found = memmem(reader->value.ptr + from, size - from, end, strlen(end));
	if (!found)
		return yield(reader, token, type, from, size, size, HTML_IN_TEXT);
	size = (size_t)(found - reader->value.ptr);
	return yield(reader, token, type, from, size, size + strlen(end), HTML_IN_TEXT);
}

/* <!-- ends with --> or -!>, also with NULs behind the first dash. */
static bool read_comment(struct html_reader *reader, struct html_token *token, size_t from)
{
	size_t size = reader->value.size;

	from = from < size ? from : size;
	for (size_t at = from; at < size; at++) {
		size_t end;

		at += bytes_index(bytes_skip(reader->value, at), '-');
		if (at >= size)
			break;
		for (end = at + 1; peek(reader, end) == 0;)
			end++;
		if (peek(reader, end) != '-' && peek(reader, end) != '!')
			continue;
		if (peek(reader, end + 1) == '>')
			return yield(reader, token, HTML_COMMENT, from, at, end + 2, HTML_IN_TEXT);
	}
	return yield(reader, token, HTML_COMMENT, from, size, size, HTML_IN_TEXT);
}

/* Behind "<!". */
static bool read_declaration(struct html_reader *reader, struct html_token *token)
{
	struct bytes rest = bytes_skip(reader->value, reader->at);

	if (rest.size >= 7 && strncasecmp((const char *)rest.ptr, "doctype", 7) == 0)
		return yield_until(reader, token, HTML_DOCTYPE, reader->at, ">");
	if (bytes_starts_with(rest, bytes_of("[CDATA[", 7)))
		return yield_until(reader, token, HTML_OTHER, reader->at + 7, "]]>");
	if (bytes_starts_with(rest, bytes_of("--", 2)))
		return read_comment(reader, token, reader->at + 2);
	return yield_until(reader, token, HTML_COMMENT, reader->at, ">");
}

/* The name of a tag; 'closing': behind "</". */
static bool read_tag(struct html_reader *reader, struct html_token *token, bool closing)
{
	size_t from = reader->at, end = from;

	while (peek(reader, end) >= 0 && !is_blank(peek(reader, end)) && peek(reader, end) != '/' &&
		peek(reader, end) != '>')
		end++;
	if (closing && peek(reader, end) == '>')
		return yield(reader, token, HTML_OTHER, from, end, end + 1, HTML_IN_TEXT);
	return yield(reader, token, HTML_TAG, from, end, end, HTML_BEFORE_ATTRIBUTE);
}

/* Behind "<", if something comes of it. */
static bool read_markup(struct html_reader *reader, struct html_token *token)
{
	int byte = peek(reader, reader->at);

	switch (byte) {
	case '!':
		reader->at++;
		return read_declaration(reader, token);
	case '/':
		reader->at++;
		byte = peek(reader, reader->at);
		if (byte == '>') {
			reader->at++;
			return false;
		}
		if (is_letter(byte))
			return read_tag(reader, token, true);
		return byte >= 0 && yield_until(reader, token, HTML_COMMENT, reader->at, ">");
	case '?':
		return yield_until(reader, token, HTML_COMMENT, reader->at + 1, ">");
	case '%':
		return yield_until(reader, token, HTML_COMMENT, reader->at + 1, "%>");
	case 0:
		return read_tag(reader, token, false);
	default:
		return is_letter(byte) && read_tag(reader, token, false);
	}
}

/* The end of a tag, a slash in it, or the name of an attribute. */
static bool read_attribute(struct html_reader *reader, struct html_token *token)
{
	size_t from, end;
	int byte;

	skip_gap(reader);
	from = reader->at;
	byte = peek(reader, from);
	if (byte == '/') {
		reader->at++;
		if (peek(reader, reader->at) == '>')
			return yield(reader, token, HTML_OTHER, from, from + 1, from + 2, HTML_IN_TEXT);
		reader->state = HTML_BEFORE_ATTRIBUTE;
		return false;
	}
	if (byte == '>')
		return yield(reader, token, HTML_OTHER, from, from + 1, from + 1, HTML_IN_TEXT);
	if (byte < 0)
		return false;
	/* The first byte is part of the name, whatever it is. */
	for (end = from + 1; peek(reader, end) >= 0; end++) {
		byte = peek(reader, end);
		if (is_gap(byte) || byte == '/' || byte == '=' || byte == '>')
			break;
	}
	return yield(reader, token, HTML_ATTRIBUTE, from, end, end, HTML_AFTER_ATTRIBUTE);
}

/* An equals sign and the kind of the value, or the next attribute. */
static void read_equals(struct html_reader *reader)
{
	int byte;

	skip_gap(reader);
	reader->state = HTML_BEFORE_ATTRIBUTE;
	if (peek(reader, reader->at) != '=')
		return;
	reader->at++;
	skip_gap(reader);
	reader->state = HTML_BEFORE_VALUE;
	byte = peek(reader, reader->at);
	if (byte == '"' || byte == '\'' || byte == '`') {
		reader->at++;
		reader->quote = (uint8_t)byte;
		reader->state = HTML_IN_VALUE;
	}
}

static bool read_value(struct html_reader *reader, struct html_token *token)
{
	size_t from = reader->at, end = from;

	if (reader->state == HTML_IN_VALUE) {
		end += bytes_index(bytes_skip(reader->value, from), reader->quote);
		return yield(reader, token, HTML_VALUE, from, end, end + 1, HTML_BEFORE_ATTRIBUTE);
	}
	while (peek(reader, end) >= 0 && !is_gap(peek(reader, end)) && peek(reader, end) != '>')
		end++;
	return yield(reader, token, HTML_VALUE, from, end, end, HTML_BEFORE_ATTRIBUTE);
}

static bool read_text(struct html_reader *reader, struct html_token *token)
{
	reader->at += bytes_index(bytes_skip(reader->value, reader->at), '<');
	if (reader->at >= reader->value.size)
		return false;
	reader->at++;
	return read_markup(reader, token);
}

bool html_read(struct html_reader *reader, struct html_token *ret)
{
	while (reader->at < reader->value.size || reader->state == HTML_IN_VALUE) {
		switch (reader->state) {
		case HTML_IN_TEXT:
			if (read_text(reader, ret))
				return true;
			break;
		case HTML_BEFORE_ATTRIBUTE:
			if (read_attribute(reader, ret))
				return true;
			break;
		case HTML_AFTER_ATTRIBUTE:
			read_equals(reader);
			break;
		case HTML_BEFORE_VALUE:
		case HTML_IN_VALUE:
			return read_value(reader, ret);
		}
	}
	return false;
}
