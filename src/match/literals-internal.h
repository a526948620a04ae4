// SPDX-License-Identifier: Apache-2.0
/* What a literal set is made of, for literals.c (search), literals-build.c (from what was added to strings) and
 * literals-file.c (saved automatons). */
#pragma once

#include <hs.h>

#include "match/literals.h"

enum literal_searcher {
	LITERAL_SEARCHER_AUTOMATON,
	LITERAL_SEARCHER_PAIRS,
	LITERAL_SEARCHER_HEAD,
	LITERAL_SEARCHER_PLACES
};
#define LITERAL_SEARCHER_COUNT 4

/* Its ids are those from 'id' up to the 'id' of the next entry. */
struct literal_entry {
	uint32_t min_end, max_end; /* both always set */
	uint32_t flags; /* without LITERAL_NOCASE, which is the string's */
	uint32_t id; /* index in literal_set.ids */
};

/* Its entries are those from 'entry' up to the 'entry' of the next string. */
struct literal_string {
	struct bytes bytes; /* in literal_set.text; lower case when 'nocase' */
	uint32_t entry; /* index in literal_set.entries */
	uint32_t skipped; /* leading NULs that the automaton does not know of */
	uint8_t searcher; /* enum literal_searcher */
	bool nocase;
};

struct literal_set {
	hs_database_t *automaton; /* owned; null when no string needs one; its ids are indices in 'strings' */
	struct places *places; /* owned; null when empty, as 'head' and 'pairs' */
	struct pairs *pairs; /* owned */
	struct pairs *head; /* owned; searched in the first head_size bytes only */
	size_t head_size;
	struct literal_string *strings; /* owned; one more at the end, for the run of the last */
	struct literal_entry *entries; /* owned; likewise */
	uint32_t *ids; /* owned */
	uint8_t *text; /* owned */
	size_t string_count, entry_count, id_count, text_size;
	size_t longest_size; /* of the strings */
	size_t searcher_count[LITERAL_SEARCHER_COUNT];
	struct literal_set_key key;
};

/* literals-build.c: a set with all tables filled and without searchers. LUYTRE_E_NOMEM. */
MUST_CHECK int literal_set_sort(const struct literal_set_builder *builder, struct literal_set **ret);

/* literals-file.c: fills set->automaton; errors as those of literal_set_load(). */
MUST_CHECK int literal_set_read_automaton(struct literal_set *set, struct bytes saved);
