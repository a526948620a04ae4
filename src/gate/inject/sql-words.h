// SPDX-License-Identifier: Apache-2.0
/* What a word means in some SQL dialect.
 *
 * The words of MySQL, PostgreSQL, SQL Server, Oracle and SQLite are one vocabulary, since nobody knows which database
 * stands behind a value. A word has one meaning, the one that matters most in an attack. A phrase ("ORDER BY") is a word with a blank.
 *
 * Reentrant: the vocabulary is laid out at the first question (pthread_once) and never changes after. */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

/* Longer words have no meaning. */
#define SQL_WORD_SIZE_MAX 31

struct sql_word {
	char type; /* see sql-tokens.h */
	uint8_t size;
	bool starts_phrase; /* a phrase begins with it */
	char text[SQL_WORD_SIZE_MAX + 1]; /* capitals */
};

/* The word, without regard to case, or null. */
const struct sql_word *sql_word_find(struct bytes text);

/* The phrase of two words or a phrase and a word, or null. */
const struct sql_word *sql_phrase_find(const struct sql_word *first, struct bytes second);
