// SPDX-License-Identifier: Apache-2.0
/* The operators of SecLang (`@rx`, `@pm`, `@ipMatch`, ...): is something true of one value?
 *
 * What each does is said by ModSecurity's reference manual (v3, "Operators"). Each is a row of a table (operator.c) and a
 * file, or a few similar ones share a file. Names are compared without case.
 *
 * An operator with a constant parameter is compiled once, with the rules; the compiled form is immutable and shared by all
 * threads. One whose parameter has a macro (`%{tx.allowed_methods}`) gets the expanded text with each call; operators that
 * cannot do without compiling (OPERATOR_NO_MACRO) are refused with a macro by the compiler of rules.
 *
 * Whether an operator is negated (`!@rx`) is the engine's business, not the operator's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/compiler.h"
#include "match/regex.h"
#include "match/scratch.h"

#define OPERATOR_CAPTURES_MAX 10
#define OPERATOR_MESSAGE_SIZE 256

/* Where a rule stands and what limits its compilation has. */
struct operator_setup {
	const char *file; /* of the rule: @pmFromFile and the like look for their files beside it */
	uint32_t steps_max,
		depth_max; /* SecPcreMatchLimit, SecPcreMatchLimitRecursion; 0: the default of match/regex.h */
};

/* What the engine does for an operator. Functions may be null. */
struct operator_hooks {
	/* @geoLookup: looks an address up and fills GEO; whether it is known. Without it nothing is known. */
	bool (*geo_lookup)(void *context, struct bytes address);
	/* A line for the debug log: why an XML document is not valid. */
	void (*trace)(void *context, const char *text);
};

/* What a call works with and what it finds out besides yes or no. Belongs to one request. */
struct operator_call {
	struct match_scratch *scratch; /* of the thread */
	struct arena *arena; /* of the request */
	bool capture; /* fill 'captures' (the rule has the action `capture`) */
	void *xml; /* xmlDoc of the request's body; null when it has none or is not well-formed */
	const struct operator_hooks *hooks; /* may be null */
	void *hooks_context;

	/* Written by the call: */
	uint32_t capture_count; /* captures[0] is the whole match: TX.0 */
	struct bytes captures
		[OPERATOR_CAPTURES_MAX]; /* views into the value or the arena; a null pointer where a group took no part */
	struct bytes matched; /* the bytes of the value that made it true, as far as the operator knows; for logs */
	bool limit; /* a match limit was reached: the answer is "no", but it is not known */
};

enum operator_flags {
	OPERATOR_NO_MACRO = 1 << 0, /* the parameter must be constant */
	OPERATOR_NO_VALUE = 1 << 1, /* @unconditionalMatch, @noMatch: the value is not looked at */
	OPERATOR_LITERALS = 1 << 2, /* operator_literals() says what must stand in the value for a yes */
	OPERATOR_REGEX = 1 << 3, /* the parameter is a pattern of PCRE2, unanchored */
	OPERATOR_OPTIONAL = 1 << 4, /* may stand without a parameter */
	OPERATOR_ASKS_MORE = 1 << 5, /* the answer depends on more than parameter and value */
};

struct operator
{
	const char *name; /* "rx", "pm", ...; without @ */
	uint32_t flags; /* an or of operator_flags */
	/* 'parameter' is constant. LUYTRE_E_SYNTAX or another error with a sentence in 'message'. Null: nothing to compile, 'match'
	 * gets a null 'compiled'. */
	int (*compile)(const struct operator_setup *setup, struct bytes parameter, char message[OPERATOR_MESSAGE_SIZE],
		void **ret);
	void (*free)(void *compiled);
	/* 'parameter': as written, or expanded. 'compiled' is null where the parameter has a macro. */
	bool (*match)(const void *compiled, struct bytes parameter, struct bytes value, struct operator_call *call);
};

/* How @rx, @rxGlobal and the verify operators read their pattern: flags of match/regex.h. As ModSecurity v3 (2.9 has ^ and $ at the
 * ends of the value only). */
#define OPERATOR_REGEX_FLAGS (REGEX_DOT_ALL | REGEX_MULTILINE)

/* Null when there is none of that name. */
const struct operator* operator_find(struct bytes name);

extern const struct operator operators[];
extern const size_t operator_count;

/* Each thread calls it for every compiled operator before its first match. LUYTRE_E_NOMEM. */
MUST_CHECK int operator_prepare(const struct operator* operator, const void * compiled, struct match_scratch *scratch);

/* For OPERATOR_LITERALS (@pm, @pmFromFile and their aliases): calls 'each' with every literal of which one must stand in the
 * value, without regard to case. */
void operator_literals(const struct operator* operator, const void * compiled,
	void (*each)(void *context, struct bytes literal), void *context);

/* The integer with which @eq, @lt and the like read a text: leading blanks, a sign and digits; 0 for anything else. */
int64_t operator_number(struct bytes text);
