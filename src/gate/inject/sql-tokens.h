// SPDX-License-Identifier: Apache-2.0
/* The tokens of a value that is read as SQL.
 *
 * A tokenizer that never fails: whatever a database might make of the bytes, there is a token for it. A token's type is a letter:
 *
 *	s string      1 number      v variable, NULL     n name, any other word
 *	E statement that brings values (SELECT)          U UNION and its like       B GROUP BY, HAVING, LIMIT, ORDER BY
 *	T statement for its own sake (DROP, DECLARE)     f function                 k other reserved word
 *	t name of a type                                 A COLLATE
 *	o operator    & AND, OR     c comment            X comment no honest value has (nested, or run by MySQL)
 *	( ) { } . , : ; \ themselves                     ? any other sign
 *
 * Not threaded, no allocation; every byte is looked at a small number of times. */
#pragma once

#include "base/bytes.h"
#include "gate/inject/sql-words.h"

struct sql_token {
	char type;
	char open, close; /* the quotes of a string, variable or name; 0: none seen */
	struct bytes text; /* a view of the value without quotes, or of a known phrase */
	size_t at; /* where in the value it begins */
	const struct sql_word *word; /* the known word or phrase, or null */
};

struct sql_reader {
	struct bytes value; /* borrowed */
	size_t at;
	char quote; /* the value begins inside a string of this quote; 0: it does not */
	bool mysql; /* '#' begins a comment and "--" only does before a blank */
	uint32_t tokens; /* how many were read */
	bool dialects; /* something was read that MySQL and the others read differently */
};

/* False at the end of the value. */
bool sql_read(struct sql_reader *reader, struct sql_token *ret);
