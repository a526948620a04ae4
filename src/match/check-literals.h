// SPDX-License-Identifier: Apache-2.0
/* What must hold for every scan of a literal set: exactly the hits that a search of one literal after another finds. For
 * tests and fuzz targets only. */
#pragma once

#include "match/literals.h"

/* Whether 'literal' stands in 'in' with its last byte before 'end', and counts there. */
bool check_literal_ends_at(const struct literal *literal, struct bytes in, size_t end);

/* Scans 'in' with 'set' and compares with the literals that the set was made of. Null when all is right, else a sentence
 * that says what is wrong. 'count' is at most CHECK_LITERALS_MAX, in.size at most CHECK_SIZE_MAX; ids are indices in
 * 'literals'. */
#define CHECK_LITERALS_MAX 64
#define CHECK_SIZE_MAX     512
const char *check_literal_scan(const struct literal_set *set, struct match_scratch *scratch,
	const struct literal *literals, size_t count, struct bytes in);
