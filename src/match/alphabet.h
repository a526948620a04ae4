// SPDX-License-Identifier: Apache-2.0
/* Can a regular expression match anything that is written with certain bytes only?
 *
 * Most values of a web request are words and numbers, and most expressions that look for attacks want a quote, a bracket or a
 * slash somewhere. A set of patterns (match/patterns.h) searches plain values with an automaton of those few that could match them.
 *
 * The answer errs on one side: "no" is certain, "yes" is given whenever the expression says something that is not understood here. */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

struct alphabet {
	bool has[256]; /* by byte value; letters always in both cases */
};

/* Whether 'expression' (as PCRE2 reads it, without any option that changes what bytes mean) might match within 'alphabet'. */
bool alphabet_can_match(const struct alphabet *alphabet, struct bytes expression);

/* As alphabet_can_match(), and writes what of the expression is left for such a subject: branches and optional parts that cannot match
 * are gone, which makes of an expression full of evasions a plain one. '*ret_size' bytes go to 'out', which has room for as many as the
 * expression has. What is not understood is copied whole. */
bool alphabet_restrict(const struct alphabet *alphabet, struct bytes expression, char *out, size_t *ret_size);

/* The same for a string that is compared without regard to case. */
bool alphabet_can_spell(const struct alphabet *alphabet, struct bytes literal);
