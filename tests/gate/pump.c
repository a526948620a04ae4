// SPDX-License-Identifier: Apache-2.0
/* See pump.h. One pass over the expression, which writes down what each part of it could match. */
#include "tests/gate/pump.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { REPEATS_MAX = 32 };

struct reader {
	const uint8_t *at, *end;
	size_t choice;
	struct pumps *out;
	bool mute; /* nothing is written: look-around, alternatives that are not taken */
};

static void put(struct reader *reader, char byte)
{
	if (!reader->mute && reader->out->size < PUMP_TEXT_MAX)
		reader->out->text[reader->out->size++] = byte;
}

static int peek(const struct reader *reader)
{
	return reader->at < reader->end ? *reader->at : -1;
}

static int next(struct reader *reader)
{
	return reader->at < reader->end ? *reader->at++ : -1;
}

static int hex_digit(int byte)
{
	return isdigit(byte) ? byte - '0' : isxdigit(byte) ? (byte | 0x20) - 'a' + 10 : -1;
}

/* Behind "\x": two digits, or any in braces. */
static int read_hex(struct reader *reader)
{
	bool braces = peek(reader) == '{';
	int value = 0;

	reader->at += braces;
	for (int i = 0; (braces || i < 2) && hex_digit(peek(reader)) >= 0; i++)
		value = (value * 16 + hex_digit(next(reader))) & 0xff;
	if (braces && peek(reader) == '}')
		reader->at++;
	return value;
}

/* A byte that the escape stands for; -1 for one that stands for no text. Behind the backslash. */
static int read_escape(struct reader *reader)
{
	static const char letters[] = "dDwWsSnrtfvhRae", meanings[] = "1aa! a\n\r\t\f\v \n\a\x1b";
	int byte = next(reader);
	const char *known = byte > 0 ? strchr(letters, byte) : NULL;

	if (byte == 'x')
		return read_hex(reader);
	if (known)
		return (unsigned char)meanings[known - letters];
	return isalnum(byte) ? -1 : byte;
}

/* The first byte of a class; of a negated one, a byte that it does not name. Behind the bracket. */
static void read_class(struct reader *reader)
{
	static const char others[] = "a1 ~;<";
	bool named[256] = { false }, negated = peek(reader) == '^';
	int first = -1;

	reader->at += negated;
	for (bool any = false; peek(reader) >= 0 && (peek(reader) != ']' || !any); any = true) {
		int byte = next(reader);

		if (byte == '[' && peek(reader) == ':') {
			while (peek(reader) >= 0 && next(reader) != ']')
				;
			byte = 'a';
		} else if (byte == '\\') {
			byte = read_escape(reader);
		}
		first = first < 0 ? byte : first;
		if (byte >= 0)
			named[byte] = true;
	}
	(void)next(reader);
	for (size_t i = 0; negated && i + 1 < sizeof(others); i++) {
		first = others[i];
		if (!named[(unsigned char)first])
			break;
	}
	if (first >= 0)
		put(reader, (char)first);
}

static void read_alternatives(struct reader *reader);

/* "?:" and the like. Whether what follows stands for text. */
static bool read_group_kind(struct reader *reader)
{
	bool text = true;

	if (peek(reader) != '?')
		return true;
	reader->at++;
	if (peek(reader) == '=' || peek(reader) == '!' || peek(reader) == '#') {
		text = false;
	} else if (peek(reader) == '<' && reader->at + 1 < reader->end &&
		   (reader->at[1] == '=' || reader->at[1] == '!')) {
		reader->at++;
		text = false;
	}
	/* Flags and names end with one of these. */
	while (text && peek(reader) >= 0 && peek(reader) != ')' && !strchr(":>'", peek(reader)))
		reader->at++;
	if (peek(reader) != ')')
		reader->at += reader->at < reader->end;
	return text;
}

static void read_group(struct reader *reader)
{
	bool was_mute = reader->mute;

	if (!read_group_kind(reader))
		reader->mute = true;
	read_alternatives(reader);
	reader->mute = was_mute;
	if (peek(reader) == ')')
		reader->at++;
}

static void read_atom(struct reader *reader)
{
	int byte = next(reader);

	if (byte == '(') {
		read_group(reader);
	} else if (byte == '[') {
		read_class(reader);
	} else if (byte == '\\') {
		byte = read_escape(reader);
		if (byte >= 0)
			put(reader, (char)byte);
	} else if (byte == '.') {
		put(reader, 'a');
	} else if (byte != '^' && byte != '$') {
		put(reader, (char)byte);
	}
}

/* How often at least; 'many' when there is no end to it, or it is far. */
static unsigned int read_count(struct reader *reader, bool *many)
{
	unsigned int least = 0, most = 0;
	bool open = false;

	for (int byte = next(reader); byte >= 0 && byte != '}'; byte = next(reader)) {
		if (byte == ',')
			open = true;
		else if (isdigit(byte) && !open)
			least = (least * 10 + (unsigned int)(byte - '0')) % 10000;
		else if (isdigit(byte))
			most = (most * 10 + (unsigned int)(byte - '0')) % 10000;
	}
	*many = open && (most == 0 || most > least + 8);
	return least;
}

static void repeat(struct reader *reader, size_t start, unsigned int least, bool many)
{
	struct pumps *out = reader->out;
	size_t size = out->size - start;

	if (reader->mute || size == 0)
		return;
	if (many && out->count < PUMPS_MAX) {
		out->of[out->count].start = start;
		out->of[out->count++].size = size;
	}
	for (unsigned int i = 1; i < least && i < REPEATS_MAX && out->size + size <= PUMP_TEXT_MAX; i++) {
		memmove(out->text + out->size, out->text + start, size);
		out->size += size;
	}
}

static void read_repeat(struct reader *reader, size_t start)
{
	int byte = peek(reader);
	unsigned int least = 1;
	bool many = byte == '*' || byte == '+';

	if (byte == '{' && reader->at + 1 < reader->end && isdigit(reader->at[1])) {
		reader->at++;
		least = read_count(reader, &many);
	} else if (many || byte == '?') {
		reader->at++;
	} else {
		return;
	}
	if (peek(reader) == '?' || peek(reader) == '+')
		reader->at++;
	repeat(reader, start, least, many);
}

static void read_sequence(struct reader *reader)
{
	while (peek(reader) >= 0 && peek(reader) != '|' && peek(reader) != ')') {
		size_t start = reader->out->size;

		read_atom(reader);
		read_repeat(reader, start);
	}
}

/* From here to the end of the group. */
static size_t count_alternatives(struct reader reader)
{
	size_t count = 1;

	reader.mute = true;
	for (read_sequence(&reader); peek(&reader) == '|'; read_sequence(&reader)) {
		reader.at++;
		count++;
	}
	return count;
}

static void read_alternatives(struct reader *reader)
{
	bool was_mute = reader->mute;
	/* Counting reads ahead: what is not written need not be counted. */
	size_t taken = was_mute ? 0 : reader->choice % count_alternatives(*reader);

	for (size_t i = 0;; i++) {
		reader->mute = was_mute || i != taken;
		read_sequence(reader);
		if (peek(reader) != '|')
			break;
		reader->at++;
	}
	reader->mute = was_mute;
}

void pump_read(struct bytes expression, size_t choice, struct pumps *ret)
{
	struct reader reader = {
		.at = expression.ptr, .end = expression.ptr + expression.size, .choice = choice, .out = ret
	};

	ret->size = ret->count = 0;
	while (reader.at < reader.end) {
		read_alternatives(&reader);
		/* A closing parenthesis without its other. */
		reader.at += reader.at < reader.end;
	}
}
