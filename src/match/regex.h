// SPDX-License-Identifier: Apache-2.0
/* Regular expressions in Perl's syntax, over PCRE2 (pcre2pattern(3)), compiled to machine code where PCRE2 can.
 *
 * Patterns and subjects are bytes, not characters; a pattern that begins with (*UTF) matches only subjects that are valid
 * UTF-8. A regex is immutable and shared by all threads; each match writes to the caller's scratch (match/scratch.h).
 *
 * Backtracking can take time that grows exponentially with the subject. Each match therefore has a limit, and reaching it is
 * an answer of its own, REGEX_LIMIT, for the caller to count: it means neither yes nor no.
 *
 * Steps are counted anew for each place where a match is tried, so they do not bound the whole: a pattern that reads to the end from
 * every place takes time that grows with the square of the subject. What does is match_scratch_allow(): processor time for all matches
 * until it is set anew. It is looked at between places; one match may exceed what is left by some milliseconds. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct match_scratch;
struct regex;

enum regex_flags {
	REGEX_NOCASE = 1 << 0, /* /i */
	REGEX_MULTILINE = 1 << 1, /* /m: ^ and $ also at line ends */
	REGEX_DOT_ALL = 1 << 2, /* /s: a dot matches also a line end */
	REGEX_EXTENDED = 1 << 3, /* /x: white space and comments in the pattern */
	REGEX_ANCHORED = 1 << 4, /* /A: only where the search begins */
	REGEX_DOLLAR_END_ONLY = 1 << 5, /* /E: $ not before a final line end */
	REGEX_UNGREEDY = 1 << 6, /* /U (Suricata: /G): repetitions are lazy, "?" makes them greedy */
};

enum regex_status { REGEX_MATCH, REGEX_NO_MATCH, REGEX_LIMIT };

/* 0 takes the default below. */
struct regex_limits {
	uint32_t steps; /* calls of PCRE2's match function, or the like of it in machine code */
	uint32_t depth; /* nested backtracking points, of the interpreter only; about 200 bytes each */
};

/* Large enough for every sane pattern on 64 KiB, small enough to end within some 10 ms. */
#define REGEX_STEPS_DEFAULT 100000
#define REGEX_DEPTH_DEFAULT 10000

/* Whole match and groups that a match can report. Groups from this number on work in the pattern but are not reported. */
#define REGEX_CAPTURES_MAX 32

#define REGEX_MESSAGE_SIZE 256

/* What a match found. Views point into the subject and live as long as it does. */
struct regex_captures {
	uint32_t
		count; /* filled entries of 'group': one more than the highest group that took part, at most the maximum */
	struct bytes group[REGEX_CAPTURES_MAX]; /* 0: the whole match; a group that took no part has a null pointer */
};

/* Compiles 'pattern' with an or of regex_flags. '*ret' is freed with regex_free. LUYTRE_E_SYNTAX: '*message' (may be null)
 * says what is wrong and at which byte; LUYTRE_E_NOMEM. */
MUST_CHECK int regex_compile(struct bytes pattern, unsigned int flags, struct regex_limits limits,
	char message[REGEX_MESSAGE_SIZE], struct regex **ret);

/* Accepts null. */
void regex_free(struct regex *regex);

/* Searches from 'start' (a byte offset; look-behind and \b see what stands before it; behind the end: no match).
 * 'ret_captures' may be null and is written on REGEX_MATCH only. */
enum regex_status regex_match(const struct regex *regex, struct match_scratch *scratch, struct bytes subject,
	size_t start, struct regex_captures *ret_captures);

/* Number of groups in the pattern, the whole match not counted. */
uint32_t regex_group_count(const struct regex *regex);

/* The number of the group (?<name>...), for regex_captures.group; LUYTRE_E_NOT_FOUND when there is none, LUYTRE_E_CONFLICT
 * when several have this name. */
MUST_CHECK int regex_find_group(const struct regex *regex, const char *name, uint32_t *ret);

/* False when matches are interpreted: no compiler for this processor, or a pattern that it does not know. */
bool regex_is_jit(const struct regex *regex);

/* Bytes of memory of the pattern and its machine code. */
size_t regex_memory(const struct regex *regex);
