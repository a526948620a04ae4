// SPDX-License-Identifier: Apache-2.0
/* A value is read as it stands and as the rest of a string that its own quotes end; where MySQL would read other comments than
 * the others it is read a second time. The first reading whose fingerprint is that of an attack decides, unless it is one of the
 * short ones that honest values have too, which get a closer look. */
#include <string.h>

#include "gate/inject/inject.h"
#include "gate/inject/sql-fold.h"
#include "gate/inject/sql-grammar.h"

struct reading {
	struct bytes value;
	struct sql_reader reader;
	struct sql_folded folded;
	char types[INJECT_FINGERPRINT_SIZE];
};

/* One token and a comment: "C#", "admin --", "5-- x", "x'--". */
static bool comment_is_attack(const struct reading *reading)
{
	const struct sql_token *first = &reading->folded.tokens[0];
	const struct bytes comment = reading->folded.tokens[1].text;
	size_t behind = first->text.size;

	if (comment.ptr[0] == '#')
		return false;
	if (comment.ptr[0] == '/')
		return true;
	if (first->type == 'n')
		return false;
	/* Behind a string or a variable a comment with a text is prose. */
	if (first->type != '1')
		return comment.size <= 2;
	/* Arithmetic before it was folded away. */
	if (reading->reader.tokens > 2)
		return true;
	/* Nothing may stand before the number, and a blank or the dashes behind it. */
	return behind < reading->value.size && (reading->value.ptr[behind] <= 32 || reading->value.ptr[behind] == '-');
}

/* A value between two strings, "a' or 'b": an attack when the quotes of the query outside fit. */
static bool strings_are_attack(const struct reading *reading)
{
	const struct sql_token *left = &reading->folded.tokens[0], *right = &reading->folded.tokens[2];

	return left->open == 0 && right->close == 0 && left->close == right->open;
}

static bool triple_is_attack(const struct reading *reading)
{
	static const char *const prose[] = { "s&n", "n&1", "1&1", "1&v", "1&s" };
	const struct sql_token *tokens = reading->folded.tokens;

	if (strcmp(reading->types, "sos") == 0 || strcmp(reading->types, "s&s") == 0)
		return strings_are_attack(reading);
	for (size_t i = 0; i < sizeof(prose) / sizeof(prose[0]); i++) {
		if (strcmp(reading->types, prose[i]) == 0)
			return reading->reader.tokens != 3;
	}
	/* INTO OUTFILE and INTO DUMPFILE, but no other word in between */
	if (tokens[1].type == 'k')
		return tokens[1].text.size > 4 && strncasecmp((const char *)tokens[1].text.ptr, "INTO", 4) == 0;
	return true;
}

static bool is_attack(const struct reading *reading)
{
	size_t count = reading->folded.count;
	const struct sql_token *last = &reading->folded.tokens[count - 1];

	if (!sql_grammar_is_attack(reading->types, count))
		return false;
	if (count == 2 && last->type == 'U')
		return reading->reader.tokens > 2;
	if (count == 2 && last->type == 'c')
		return comment_is_attack(reading);
	return count != 3 || triple_is_attack(reading);
}

/* True: an attack. 'ret_dialects': MySQL reads it in another way. */
static bool read_as(struct bytes value, char quote, bool mysql, char *ret_fingerprint, bool *ret_dialects)
{
	struct reading reading = { .value = value, .reader = { .value = value, .quote = quote, .mysql = mysql } };

	sql_fold(&reading.reader, &reading.folded);
	*ret_dialects = reading.reader.dialects;
	if (reading.folded.evil) {
		memcpy(ret_fingerprint, "X", 2);
		return true;
	}
	for (size_t i = 0; i < reading.folded.count; i++)
		reading.types[i] = reading.folded.tokens[i].type;
	if (reading.folded.count < 2 || !is_attack(&reading))
		return false;
	memcpy(ret_fingerprint, reading.types, sizeof(reading.types));
	return true;
}

static bool read_quoted(struct bytes value, char quote, char *ret_fingerprint)
{
	bool dialects;

	return read_as(value, quote, false, ret_fingerprint, &dialects) ||
	       (dialects && read_as(value, quote, true, ret_fingerprint, &dialects));
}

/* One word or number: no reading of it has two tokens. */
static bool is_plain(struct bytes value)
{
	for (size_t i = 0; i < value.size; i++) {
		uint8_t byte = value.ptr[i];

		if ((byte | 0x20) < 'a' || (byte | 0x20) > 'z') {
			if ((byte < '0' || byte > '9' || (value.ptr[0] | 0x20) < 'a') && byte != '_')
				return false;
		}
	}
	return true;
}

bool inject_is_sql(struct bytes value, char ret_fingerprint[INJECT_FINGERPRINT_SIZE])
{
	bool dialects;

	if (value.size == 0 || is_plain(value))
		return false;
	if (read_quoted(value, 0, ret_fingerprint))
		return true;
	if (bytes_index(value, '\'') != value.size && read_quoted(value, '\'', ret_fingerprint))
		return true;
	return bytes_index(value, '"') != value.size && read_as(value, '"', true, ret_fingerprint, &dialects);
}
