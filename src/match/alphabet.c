// SPDX-License-Identifier: Apache-2.0
/* A recursive descent over the syntax of pcre2pattern(3): a sequence can match when each of its parts can, an alternation when one
 * of its branches can, and a part that may be left out always can. What has no width (anchors, assertions) is taken to hold.
 *
 * What is read is copied at once, and taken back when it turns out that it cannot match. Groups may lose their numbers that way, so an
 * expression that refers to groups is copied whole, and so are assertions. */
#include "match/alphabet.h"

#include <ctype.h>
#include <string.h>

#define DEPTH_MAX 100

struct reader {
	const uint8_t *at, *end;
	const struct alphabet *alphabet;
	unsigned int depth;
	bool unsure; /* something was not understood: nothing can be said */
	bool whole; /* the copy would mean something else: groups are referred to */
	unsigned int kept; /* inside this many assertions nothing is taken back */
	unsigned int flags; /* settings like (?i) that were read: they hold for the branches behind theirs too */
	char *out; /* null: no copy is wanted */
	size_t size;
};

static bool alternation(struct reader *reader);

static int peek(const struct reader *reader)
{
	return reader->at < reader->end ? *reader->at : -1;
}

static int next(struct reader *reader)
{
	return reader->at < reader->end ? *reader->at++ : -1;
}

static bool give_up(struct reader *reader)
{
	reader->unsure = true;
	reader->at = reader->end;
	return true;
}

/* ---- escapes ---- */

static void add_range(bool set[256], unsigned int first, unsigned int last)
{
	for (unsigned int i = first; i <= last; i++)
		set[i] = true;
}

/* \d, \w, \s and their opposites. False for any other letter. */
static bool add_category(bool set[256], int letter)
{
	bool category[256] = { false };

	switch (letter | 0x20) {
	case 'd':
		add_range(category, '0', '9');
		break;
	case 'w':
		add_range(category, '0', '9');
		add_range(category, 'A', 'Z');
		add_range(category, 'a', 'z');
		category['_'] = true;
		break;
	case 's':
		add_range(category, '\t', '\r');
		category[' '] = true;
		break;
	default:
		return false;
	}
	for (unsigned int i = 0; i < 256; i++)
		set[i] |= category[i] == (letter >= 'a');
	return true;
}

static int hex_value(int digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit |= 0x20;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Behind \x: one or two digits, or any number in braces. -1 when it is no byte. */
static int hex_escape(struct reader *reader)
{
	unsigned int count;
	int value = 0;

	if (peek(reader) == '{') {
		reader->at++;
		while (peek(reader) != '}') {
			int digit = hex_value(next(reader));

			if (digit < 0 || value > 255)
				return -1;
			value = value * 16 + digit;
		}
		reader->at++;
		return value > 255 ? -1 : value;
	}
	for (count = 0; count < 2 && hex_value(peek(reader)) >= 0; count++)
		value = value * 16 + hex_value(next(reader));
	reader->whole |= count < 2; /* a digit that came to stand behind it would be its own */
	return value;
}

/* The byte that an escape stands for; -1: it stands for something else. The letter was read. */
static int escaped_byte(struct reader *reader, int letter)
{
	static const char names[] = "abefnrt";
	static const char bytes[] = "\a\b\x1b\f\n\r\t";
	const char *name;

	if (letter == 'x')
		return hex_escape(reader);
	if (letter == '0') {
		unsigned int count;
		int value = 0;

		for (count = 0; count < 2 && peek(reader) >= '0' && peek(reader) <= '7'; count++)
			value = value * 8 + next(reader) - '0';
		reader->whole |= count < 2; /* a digit that came to stand behind it would be its own */
		return value;
	}
	if (letter >= 0 && !isalnum(letter))
		return letter;
	name = letter > 0 ? strchr(names, letter) : NULL;
	return name ? (unsigned char)bytes[name - names] : -1;
}

static bool meets(const struct reader *reader, const bool set[256])
{
	for (unsigned int i = 0; i < 256; i++) {
		if (set[i] && reader->alphabet->has[i])
			return true;
	}
	return false;
}

static bool escape(struct reader *reader)
{
	int letter = next(reader), byte;
	bool set[256] = { false };

	if (letter < 0)
		return give_up(reader);
	if (add_category(set, letter))
		return meets(reader, set);
	if (letter >= '1' && letter <= '9') {
		/* A group's number or a byte in octal: which, and how many of the digits belong to it, is not known here. */
		while (isdigit(peek(reader)))
			reader->at++;
		reader->whole = true;
		return true;
	}
	if (strchr("ABGKZbzhHvVNRXC", letter)) /* no width, or nearly anything */
		return true;
	byte = escaped_byte(reader, letter);
	return byte < 0 ? give_up(reader) : reader->alphabet->has[byte];
}

/* ---- classes ---- */

/* One end of a range, or a category, which is added at once (-2). -1: not understood. */
static int class_member(struct reader *reader, bool set[256])
{
	int byte = next(reader);

	if (byte == '[' && (peek(reader) == ':' || peek(reader) == '.' || peek(reader) == '='))
		return -1;
	if (byte != '\\')
		return byte;
	byte = next(reader);
	if (byte >= 0 && add_category(set, byte))
		return -2;
	return escaped_byte(reader, byte);
}

static bool class(struct reader *reader)
{
	bool set[256] = { false };
	bool opposite = peek(reader) == '^';
	bool first = true;

	if (opposite)
		reader->at++;
	while (first || peek(reader) != ']') {
		int from = class_member(reader, set), to = from;

		first = false;
		if (from == -1)
			return give_up(reader);
		if (from >= 0 && peek(reader) == '-' && reader->at + 1 < reader->end && reader->at[1] != ']') {
			reader->at++;
			to = class_member(reader, set);
			if (to < from)
				return give_up(reader);
		}
		if (from >= 0)
			add_range(set, (unsigned int)from, (unsigned int)to);
	}
	reader->at++;
	/* Without regard to case: the alphabet has letters in both. */
	for (unsigned int i = 'a'; i <= 'z'; i++)
		set[i] = set[i - 0x20] = opposite ? set[i] && set[i - 0x20] : set[i] || set[i - 0x20];
	for (unsigned int i = 0; opposite && i < 256; i++)
		set[i] = !set[i];
	return meets(reader, set);
}

/* ---- groups ---- */

/* What stands behind "(?". 'ret_width': it takes up bytes; false for assertions, whose inside does not matter. 'ret_done': there
 * is no inside. */
static bool group_kind(struct reader *reader, bool *ret_width, bool *ret_done)
{
	int kind = next(reader);

	*ret_width = true;
	*ret_done = false;
	if (kind == 'P') {
		/* (?P=name) and (?P>name) stand for what is written elsewhere. */
		kind = next(reader);
		if (kind != '<')
			return false;
	}
	if (kind == ':' || kind == '>' || kind == '|')
		return true;
	if (kind == '=' || kind == '!') {
		*ret_width = false;
		return true;
	}
	if (kind == '<' && (peek(reader) == '=' || peek(reader) == '!')) {
		reader->at++;
		*ret_width = false;
		return true;
	}
	if (kind == '<' || kind == '\'') {
		while (isalnum(peek(reader)) || peek(reader) == '_')
			reader->at++;
		return next(reader) == (kind == '<' ? '>' : '\'');
	}
	/* Flags; x changes what blanks mean. */
	for (; kind >= 0 && strchr("imsU-", kind); kind = next(reader))
		;
	*ret_done = kind == ')';
	return kind == ')' || kind == ':';
}

static void copy(struct reader *reader, const uint8_t *from)
{
	size_t size = (size_t)(reader->at - from);

	if (reader->out && !reader->unsure)
		memcpy(reader->out + reader->size, from, size);
	reader->size += size;
}

/* Its '(' was read, not yet copied. */
static bool group(struct reader *reader)
{
	const uint8_t *start = reader->at - 1;
	bool width = true, done = false, can;

	if (peek(reader) == '*')
		return give_up(reader);
	if (peek(reader) == '?') {
		reader->at++;
		if (!group_kind(reader, &width, &done))
			return give_up(reader);
	}
	copy(reader, start);
	if (done) {
		reader->flags++;
		return true;
	}
	reader->kept += !width;
	can = alternation(reader);
	reader->kept -= !width;
	start = reader->at;
	if (next(reader) != ')')
		return give_up(reader);
	copy(reader, start);
	return can || !width;
}

/* ---- sequences ---- */

static bool simple_atom(struct reader *reader, int byte)
{
	switch (byte) {
	case '[':
		return class(reader);
	case '\\':
		return escape(reader);
	case '.':
	case '^':
	case '$':
		return true;
	default:
		return reader->alphabet->has[byte];
	}
}

static bool atom(struct reader *reader)
{
	const uint8_t *start = reader->at;
	int byte = next(reader);
	bool can;

	if (byte == '(')
		return group(reader);
	can = simple_atom(reader, byte);
	copy(reader, start);
	return can;
}

/* A quantifier in braces, which begins at the reader's place; false: it is none, and stands for itself. '*ret_zero': it begins with
 * {0. */
static bool counted(struct reader *reader, bool *ret_zero)
{
	const uint8_t *digits = reader->at + 1, *at = digits;

	*ret_zero = true;
	for (; at < reader->end && isdigit(*at); at++)
		*ret_zero &= *at == '0';
	/* {,3} and { 3 } are quantifiers since PCRE2 10.43 only. */
	if (at < reader->end && (*at == ' ' || *at == '\t' || (at == digits && *at == ',')))
		return give_up(reader);
	if (at == digits)
		return false;
	if (at < reader->end && *at == ',') {
		for (at++; at < reader->end && (isdigit(*at) || *at == ' ');)
			at++;
	}
	if (at >= reader->end || *at != '}')
		return false;
	reader->at = at + 1;
	return true;
}

/* True when what stands before may be left out. Quantifiers may follow each other. */
static bool optional(struct reader *reader)
{
	bool left_out = false;

	for (;;) {
		int byte = peek(reader);
		bool zero = byte != '+';

		if (byte == '*' || byte == '?' || byte == '+')
			reader->at++;
		else if (byte != '{' || !counted(reader, &zero))
			return left_out;
		left_out |= zero;
		if (peek(reader) == '?' || peek(reader) == '+')
			reader->at++;
	}
}

static bool sequence(struct reader *reader)
{
	bool can = true;

	while (reader->at < reader->end && peek(reader) != '|' && peek(reader) != ')') {
		size_t before = reader->size;
		bool part = atom(reader);
		const uint8_t *quantifier = reader->at;
		bool left_out = optional(reader);

		copy(reader, quantifier);
		if (!part && left_out && !reader->kept)
			reader->size = before;
		can &= part || left_out;
	}
	return can;
}

static void copy_bar(struct reader *reader)
{
	if (reader->out && !reader->unsure)
		reader->out[reader->size] = '|';
	reader->size++;
}

/* Settings in front of all branches, which stay when the first branch goes. */
static void leading_settings(struct reader *reader)
{
	while (reader->end - reader->at > 2 && reader->at[0] == '(' && reader->at[1] == '?') {
		const uint8_t *at = reader->at + 2;

		while (at < reader->end && strchr("imsU-", *at))
			at++;
		if (at == reader->end || *at != ')')
			return;
		(void)atom(reader);
	}
}

static bool alternation(struct reader *reader)
{
	bool any = false, can = false;

	if (++reader->depth > DEPTH_MAX)
		return give_up(reader);
	leading_settings(reader);
	for (;;) {
		size_t before = reader->size;
		unsigned int flags = reader->flags;
		bool branch;

		if (any)
			copy_bar(reader);
		branch = sequence(reader);
		can |= branch;
		if (branch || reader->kept) {
			any = true;
		} else {
			reader->size = before;
			reader->whole |= reader->flags != flags;
		}
		if (peek(reader) != '|')
			break;
		reader->at++;
	}
	reader->depth--;
	return can;
}

static bool read_all(struct reader *reader)
{
	bool can = alternation(reader);

	/* A ')' without its '(' is not understood either. */
	reader->unsure |= reader->at != reader->end;
	return can || reader->unsure;
}

bool alphabet_can_match(const struct alphabet *alphabet, struct bytes expression)
{
	struct reader reader = { .at = expression.ptr, .end = expression.ptr, .alphabet = alphabet };

	if (expression.size) /* else the pointer may be null */
		reader.end += expression.size;
	return read_all(&reader);
}

bool alphabet_restrict(const struct alphabet *alphabet, struct bytes expression, char *out, size_t *ret_size)
{
	struct reader reader = {
		.at = expression.ptr, .end = expression.ptr + expression.size, .alphabet = alphabet, .out = out
	};
	bool can = read_all(&reader);

	*ret_size = reader.size;
	if (reader.unsure || reader.whole) {
		if (expression.size != 0)
			memcpy(out, expression.ptr, expression.size);
		*ret_size = expression.size;
	}
	return can;
}

bool alphabet_can_spell(const struct alphabet *alphabet, struct bytes literal)
{
	for (size_t i = 0; i < literal.size; i++) {
		if (!alphabet->has[literal.ptr[i]])
			return false;
	}
	return true;
}
