// SPDX-License-Identifier: Apache-2.0
/* One function per kind of token, chosen by the token's first byte.
 *
 * Where databases differ, the reading is the one an attacker would count on: a word followed by a dot is two tokens when the
 * first is a reserved word, a string without an end is a string, an unclosed comment goes to the end. */
#include "gate/inject/sql-tokens.h"

#include <string.h>

enum byte_class {
	IN_WORD = 1 << 0,
	IN_VARIABLE = 1 << 1,
	BLANK = 1 << 2,
	DIGIT = 1 << 3,
	HEX = 1 << 4,
	LETTER = 1 << 5,
	IN_BOTH = IN_WORD | IN_VARIABLE,
};

/* Control characters are blanks between tokens but do not end a word; bytes above 127 are letters of words, except the
 * no-break space of Latin-1. */
static const uint8_t classes[256] = {
	[0] = IN_VARIABLE | BLANK,
	[1 ... 8] = IN_BOTH | BLANK,
	[9 ... 13] = BLANK,
	[14 ... 31] = IN_BOTH | BLANK,
	[' '] = BLANK,
	['$'] = IN_BOTH,
	['.'] = IN_BOTH,
	['0' ... '9'] = IN_BOTH | DIGIT | HEX,
	['A' ... 'F'] = IN_BOTH | LETTER | HEX,
	['G' ... 'Z'] = IN_BOTH | LETTER,
	['['] = IN_VARIABLE,
	[']'] = IN_VARIABLE,
	['_'] = IN_BOTH,
	['`'] = IN_WORD,
	['a' ... 'f'] = IN_BOTH | LETTER | HEX,
	['g' ... 'z'] = IN_BOTH | LETTER,
	['{'] = IN_VARIABLE,
	['}'] = IN_VARIABLE,
	[127] = IN_BOTH | BLANK,
	[128 ... 159] = IN_BOTH,
	[160] = IN_VARIABLE | BLANK,
	[161 ... 255] = IN_BOTH,
};

static bool is(const struct sql_reader *reader, size_t at, unsigned int class)
{
	return at < reader->value.size && (classes[reader->value.ptr[at]] & class) != 0;
}

/* The byte at a place, -1 behind the end. */
static int peek(const struct sql_reader *reader, size_t at)
{
	return at < reader->value.size ? reader->value.ptr[at] : -1;
}

/* The first place from 'at' whose byte is not of the class. */
static size_t span(const struct sql_reader *reader, size_t at, unsigned int class)
{
	while (is(reader, at, class))
		at++;
	return at;
}

static struct bytes cut(const struct sql_reader *reader, size_t from, size_t to)
{
	return bytes_of(reader->value.ptr + from, to - from);
}

static void take(struct sql_reader *reader, struct sql_token *token, char type, size_t size)
{
	token->type = type;
	token->text = cut(reader, reader->at, reader->at + size);
	reader->at += size;
}

/* A string whose content begins at 'from'. A quote after an odd number of backslashes or doubled does not end it. */
static void take_string(struct sql_reader *reader, struct sql_token *token, uint8_t quote, size_t from)
{
	const uint8_t *ptr = reader->value.ptr;
	size_t size = reader->value.size;

	token->type = 's';
	for (size_t at = from; at < size; at++) {
		const uint8_t *found = memchr(ptr + at, quote, size - at);
		size_t escapes = 0;

		if (!found)
			break;
		at = (size_t)(found - ptr);
		while (at - escapes > from && ptr[at - escapes - 1] == '\\')
			escapes++;
		if (escapes % 2 == 1)
			continue;
		if (at + 1 < size && ptr[at + 1] == quote) {
			at++;
			continue;
		}
		token->text = cut(reader, from, at);
		token->close = (char)quote;
		reader->at = at + 1;
		return;
	}
	token->text = cut(reader, from, size);
	reader->at = size;
}

/* Content up to a text that ends it, or to the end of the value. */
static void take_until(struct sql_reader *reader, struct sql_token *token, size_t from, struct bytes end)
{
	const uint8_t *found = NULL;

	if (from < reader->value.size)
		found = memmem(reader->value.ptr + from, reader->value.size - from, end.ptr, end.size);
	if (found) {
		size_t to = (size_t)(found - reader->value.ptr);

		token->text = cut(reader, from, to);
		token->close = (char)end.ptr[end.size - 1];
		reader->at = to + end.size;
	} else {
		token->text = cut(reader, from < reader->value.size ? from : reader->value.size, reader->value.size);
		reader->at = reader->value.size;
	}
}

/* A word. `SELECT.1` and SELECT`x` are two tokens; `a.b` and `schema.table` are one. */
static void read_word(struct sql_reader *reader, struct sql_token *token)
{
	size_t end = span(reader, reader->at, IN_WORD);

	for (size_t at = reader->at; at < end; at++) {
		uint8_t byte = reader->value.ptr[at];

		if (byte != '.' && byte != '`')
			continue;
		token->word = sql_word_find(cut(reader, reader->at, at));
		if (token->word && token->word->type != 'n') {
			take(reader, token, token->word->type, at - reader->at);
			return;
		}
	}
	token->word = sql_word_find(cut(reader, reader->at, end));
	take(reader, token, token->word ? token->word->type : 'n', end - reader->at);
}

/* b'01' and x'1f' are numbers. */
static bool read_quoted_digits(struct sql_reader *reader, struct sql_token *token, bool binary)
{
	size_t at = reader->at + 2;

	if (peek(reader, reader->at + 1) != '\'')
		return false;
	while (binary ? peek(reader, at) == '0' || peek(reader, at) == '1' : is(reader, at, HEX))
		at++;
	if (peek(reader, at) != '\'')
		return false;
	take(reader, token, '1', at + 1 - reader->at);
	return true;
}

/* Oracle's q'[text]', behind 'skip' bytes; a bracket is closed by its counterpart. */
static bool read_own_quote(struct sql_reader *reader, struct sql_token *token, size_t skip)
{
	static const char pairs[] = "()[]{}<>";
	size_t at = reader->at + skip;
	int q = peek(reader, at);
	int quote = peek(reader, at + 2);
	const char *pair;
	uint8_t end[2];

	if ((q != 'q' && q != 'Q') || peek(reader, at + 1) != '\'' || quote < 33)
		return false;
	pair = strchr(pairs, quote);
	end[0] = pair && (pair - pairs) % 2 == 0 ? (uint8_t)pair[1] : (uint8_t)quote;
	end[1] = '\'';
	token->type = 's';
	token->open = 'q';
	take_until(reader, token, at + 3, bytes_of(end, 2));
	if (token->close != 0)
		token->close = 'q';
	return true;
}

/* Strings with a letter in front: e'..', n'..', u&'..', q'[..]', nq'[..]', b'..', x'..'. False: it is just a word. */
static bool read_prefixed(struct sql_reader *reader, struct sql_token *token)
{
	uint8_t first = reader->value.ptr[reader->at] | 0x20;
	int next = peek(reader, reader->at + 1);

	if (first == 'b' || first == 'x')
		return read_quoted_digits(reader, token, first == 'b');
	if (first == 'q')
		return read_own_quote(reader, token, 0);
	if ((first == 'e' || first == 'n') && next == '\'' && reader->at + 2 < reader->value.size) {
		take_string(reader, token, '\'', reader->at + 2);
		token->open = '\'';
		return true;
	}
	if (first == 'n')
		return read_own_quote(reader, token, 1);
	if (first == 'u' && next == '&' && peek(reader, reader->at + 2) == '\'') {
		take_string(reader, token, '\'', reader->at + 3);
		token->open = 'u';
		token->close = token->close == '\'' ? 'u' : token->close;
		return true;
	}
	return false;
}

static void read_letter(struct sql_reader *reader, struct sql_token *token)
{
	if (!read_prefixed(reader, token))
		read_word(reader, token);
}

/* 0x1f and 0b01, behind the x or b. */
static bool read_based_number(struct sql_reader *reader, struct sql_token *token)
{
	int base = peek(reader, reader->at + 1) | 0x20;
	size_t end = reader->at + 2;

	if (peek(reader, reader->at) != '0' || (base != 'x' && base != 'b'))
		return false;
	while (base == 'b' ? peek(reader, end) == '0' || peek(reader, end) == '1' : is(reader, end, HEX))
		end++;
	take(reader, token, end == reader->at + 2 ? 'n' : '1', end - reader->at);
	return true;
}

/* A decimal number with Oracle's suffixes, 1d and 1f; 1e, which MySQL takes for one, is a name here as elsewhere. */
static void read_number(struct sql_reader *reader, struct sql_token *token)
{
	size_t end;
	bool exponent = false, exponent_digits = false;
	int suffix;

	if (read_based_number(reader, token))
		return;
	end = span(reader, reader->at, DIGIT);
	if (peek(reader, end) == '.') {
		end = span(reader, end + 1, DIGIT);
		if (end - reader->at == 1) {
			take(reader, token, '.', 1);
			return;
		}
	}
	if ((peek(reader, end) | 0x20) == 'e') {
		size_t digits;

		exponent = true;
		end++;
		if (peek(reader, end) == '+' || peek(reader, end) == '-')
			end++;
		digits = span(reader, end, DIGIT);
		exponent_digits = digits > end;
		end = digits;
	}
	suffix = peek(reader, end) | 0x20;
	if (suffix == 'd' || suffix == 'f') {
		int next = peek(reader, end + 1);

		if (next < 0 || next == ';' || (next | 0x20) == 'u' || is(reader, end + 1, BLANK))
			end++;
	}
	take(reader, token, exponent && !exponent_digits ? 'n' : '1', end - reader->at);
}

/* $1.50 is money, $$text$$ and $tag$text$tag$ are strings. */
static void read_dollar(struct sql_reader *reader, struct sql_token *token)
{
	size_t at = reader->at + 1, end = at;

	while (is(reader, end, DIGIT) || peek(reader, end) == '.' || peek(reader, end) == ',')
		end++;
	if (end == at + 1 && peek(reader, at) == '.') {
		read_word(reader, token);
		return;
	}
	if (end > at) {
		take(reader, token, '1', end - reader->at);
		return;
	}
	end = span(reader, at, LETTER);
	if (peek(reader, end) != '$') {
		take(reader, token, 'n', 1);
		return;
	}
	token->type = 's';
	token->open = '$';
	take_until(reader, token, end + 1, cut(reader, reader->at, end + 1));
}

static void read_variable(struct sql_reader *reader, struct sql_token *token)
{
	size_t at = reader->at + 1;
	int next;

	if (peek(reader, at) == '@')
		at++;
	next = peek(reader, at);
	if (next == '`' || next == '\'' || next == '"') {
		take_string(reader, token, (uint8_t)next, at + 1);
		token->open = (char)next;
	} else {
		size_t end = span(reader, at, IN_VARIABLE);

		token->text = cut(reader, at, end);
		reader->at = end;
	}
	token->type = 'v';
}

/* `name`: a name, or a function where it is the name of one. */
static void read_backquote(struct sql_reader *reader, struct sql_token *token)
{
	take_string(reader, token, '`', reader->at + 1);
	token->open = '`';
	token->word = sql_word_find(token->text);
	token->type = token->word && token->word->type == 'f' ? 'f' : 'n';
	if (token->type == 'n')
		token->word = NULL;
}

/* [name], SQL Server's. */
static void read_bracket(struct sql_reader *reader, struct sql_token *token)
{
	size_t end = reader->at + bytes_index(bytes_skip(reader->value, reader->at), ']');

	if (end < reader->value.size)
		end++;
	take(reader, token, 'n', end - reader->at);
	token->open = '[';
}

static void read_line_comment(struct sql_reader *reader, struct sql_token *token)
{
	struct bytes rest = bytes_skip(reader->value, reader->at);

	take(reader, token, 'c', bytes_index(rest, '\n'));
	if (reader->at < reader->value.size)
		reader->at++;
}

static void read_sign(struct sql_reader *reader, struct sql_token *token)
{
	token->word = sql_word_find(cut(reader, reader->at, reader->at + 1));
	take(reader, token, 'o', 1);
}

static void read_hash(struct sql_reader *reader, struct sql_token *token)
{
	reader->dialects = true;
	if (reader->mysql)
		read_line_comment(reader, token);
	else
		read_sign(reader, token);
}

static void read_dash(struct sql_reader *reader, struct sql_token *token)
{
	if (peek(reader, reader->at + 1) != '-') {
		read_sign(reader, token);
		return;
	}
	if (reader->at + 2 == reader->value.size || is(reader, reader->at + 2, BLANK)) {
		read_line_comment(reader, token);
		return;
	}
	reader->dialects = true;
	if (reader->mysql)
		read_sign(reader, token);
	else
		read_line_comment(reader, token);
}

/* Comments inside comments, and those whose content MySQL runs, are there to deceive. */
static void read_slash(struct sql_reader *reader, struct sql_token *token)
{
	size_t begin = reader->at;
	struct bytes inside;

	if (peek(reader, begin + 1) != '*') {
		read_sign(reader, token);
		return;
	}
	token->type = 'c';
	take_until(reader, token, begin + 2, bytes_of("*/", 2));
	inside = token->text;
	/* the star of the end may be that of another beginning */
	if ((token->close != 0 && memmem(inside.ptr, inside.size + 1, "/*", 2)) ||
		(inside.size != 0 && inside.ptr[0] == '!'))
		token->type = 'X';
	token->text = cut(reader, begin, reader->at);
	token->close = 0;
}

/* Operators of one to three signs. */
static void read_operator(struct sql_reader *reader, struct sql_token *token)
{
	struct bytes rest = bytes_skip(reader->value, reader->at);

	if (rest.size >= 3 && memcmp(rest.ptr, "<=>", 3) == 0) {
		take(reader, token, 'o', 3);
		return;
	}
	if (rest.size >= 2)
		token->word = sql_word_find(bytes_first(rest, 2));
	if (token->word && !is(reader, reader->at + 1, IN_WORD))
		take(reader, token, token->word->type, 2);
	else
		take(reader, token, rest.size > 1 && rest.ptr[0] == ':' ? ':' : 'o', 1);
}

static void read_token(struct sql_reader *reader, struct sql_token *token)
{
	uint8_t first = reader->value.ptr[reader->at];

	switch (first) {
	case '\'':
	case '"':
		token->open = (char)first;
		take_string(reader, token, first, reader->at + 1);
		break;
	case '`':
		read_backquote(reader, token);
		break;
	case '0' ... '9':
	case '.':
		read_number(reader, token);
		break;
	case '$':
		read_dollar(reader, token);
		break;
	case '@':
		read_variable(reader, token);
		break;
	case '[':
		read_bracket(reader, token);
		break;
	case '#':
		read_hash(reader, token);
		break;
	case '-':
		read_dash(reader, token);
		break;
	case '/':
		read_slash(reader, token);
		break;
	case '%':
	case '+':
	case '^':
	case '~':
		read_sign(reader, token);
		break;
	case '!':
	case '&':
	case '*':
	case ':':
	case '<':
	case '=':
	case '>':
	case '|':
		read_operator(reader, token);
		break;
	case '(':
	case ')':
	case ',':
	case ';':
	case '{':
	case '}':
		take(reader, token, (char)first, 1);
		break;
	case '\\':
		/* \N is MySQL's NULL */
		if (peek(reader, reader->at + 1) == 'N')
			take(reader, token, '1', 2);
		else
			take(reader, token, '\\', 1);
		break;
	case '?':
	case ']':
		take(reader, token, '?', 1);
		break;
	default:
		read_letter(reader, token);
	}
}

bool sql_read(struct sql_reader *reader, struct sql_token *ret)
{
	struct sql_token token = { 0 };

	if (reader->value.size == 0)
		return false;
	if (reader->at == 0 && reader->quote != 0 && reader->tokens == 0) {
		take_string(reader, &token, (uint8_t)reader->quote, 0);
	} else {
		reader->at = span(reader, reader->at, BLANK);
		if (reader->at >= reader->value.size)
			return false;
		token.at = reader->at;
		read_token(reader, &token);
	}
	reader->tokens++;
	*ret = token;
	return true;
}
