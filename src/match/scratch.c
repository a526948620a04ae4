// SPDX-License-Identifier: Apache-2.0
#include "match/scratch.h"

#include <stdlib.h>

#include "match/internal.h"
#include "match/regex.h"

/* The compiled code of a regex runs on this stack, not on the thread's. */
#define REGEX_STACK_START ((size_t)32 << 10)
#define REGEX_STACK_MAX   ((size_t)1 << 20)

struct match_scratch *match_scratch_new(void)
{
	struct match_scratch *scratch = calloc(1, sizeof(*scratch));

	if (!scratch)
		return NULL;
	scratch->regex_left_ns = MATCH_NO_LIMIT;
	scratch->regex_data = pcre2_match_data_create(REGEX_CAPTURES_MAX, NULL);
	scratch->regex_context = pcre2_match_context_create(NULL);
	/* Null where PCRE2 has no compiler for this processor: its interpreter needs no such stack. */
	scratch->regex_stack = pcre2_jit_stack_create(REGEX_STACK_START, REGEX_STACK_MAX, NULL);
	if (!scratch->regex_data || !scratch->regex_context) {
		match_scratch_free(scratch);
		return NULL;
	}
	if (scratch->regex_stack)
		pcre2_jit_stack_assign(scratch->regex_context, NULL, scratch->regex_stack);
	return scratch;
}

void match_scratch_free(struct match_scratch *scratch)
{
	if (!scratch)
		return;
	hs_free_scratch(scratch->automaton);
	free(scratch->seen);
	pcre2_match_data_free(scratch->regex_data);
	pcre2_match_context_free(scratch->regex_context);
	pcre2_jit_stack_free(scratch->regex_stack);
	free(scratch);
}

void match_scratch_allow(struct match_scratch *scratch, uint64_t ns)
{
	scratch->regex_left_ns = ns;
}

uint64_t match_scratch_allowance(const struct match_scratch *scratch)
{
	return scratch->regex_left_ns;
}
