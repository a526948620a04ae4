// SPDX-License-Identifier: Apache-2.0
/* One automaton of libhs, made of rows of expressions, for the tiers of a set of patterns (patterns.h). Of this folder only.
 *
 *	draft	sorted rows: what the automaton is to be made of, and its key
 *	automaton	compiled out of a draft, or loaded out of a file; counted, so that sets and plans share it
 *
 * The automaton names rows by numbers that depend on nothing but the rows themselves; whose rows they are, the set keeps. So a set in which
 * another pattern came or went still finds the automatons of the tiers that this one is not in. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "match/internal.h"

struct automaton_row {
	char *text; /* owned; as hs_compile_multi() wants it */
	unsigned int flags;
	unsigned int number; /* given by automaton_draft_finish(); several rows of one id may share one */
	uint16_t id; /* the set's */
};

struct automaton_draft {
	struct automaton_row *rows; /* owned */
	size_t count, room;
	size_t text_size; /* bytes of all texts */
	size_t weight; /* about as the time that compiling takes: a string is nothing beside an expression */
	uint64_t key[2];
};

/* Takes over 'text', also on failure. LUYTRE_E_NOMEM. */
MUST_CHECK int automaton_draft_add(struct automaton_draft *draft, char *text, unsigned int flags, uint16_t id);
/* Sorts, numbers and makes the key, once all rows are there. */
void automaton_draft_finish(struct automaton_draft *draft);
void automaton_draft_done(struct automaton_draft *draft);
/* Numbers are below this. */
unsigned int automaton_draft_numbers(const struct automaton_draft *draft);

struct automaton {
	_Atomic uint32_t references;
	uint64_t key[2];
	hs_database_t *database; /* owned; null: of no row */
	uint32_t *refused; /* owned; numbers of rows that libhs did not take */
	uint32_t refused_count;
};

/* Any thread. '*ret' has one reference. LUYTRE_E_NOMEM, LUYTRE_E_UNSUPPORTED. */
MUST_CHECK int automaton_compile(const struct automaton_draft *draft, struct automaton **ret);
/* LUYTRE_E_VERSION, LUYTRE_E_CORRUPT, LUYTRE_E_CONFLICT (made of other rows), LUYTRE_E_NOMEM. */
MUST_CHECK int automaton_load(const struct automaton_draft *draft, struct bytes saved, struct automaton **ret);
/* The caller frees '*ret' with free(). LUYTRE_E_NOMEM. */
MUST_CHECK int automaton_save(const struct automaton *automaton, uint8_t **ret, size_t *ret_size);

struct automaton *automaton_ref(struct automaton *automaton);
void automaton_unref(struct automaton *automaton); /* accepts null */
