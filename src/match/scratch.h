// SPDX-License-Identifier: Apache-2.0
/* Working memory of the searches of one thread.
 *
 * Compiled patterns (literal sets, regexes) are immutable and shared by all threads; whatever a search writes lies here.
 * One scratch serves every set and every regex of its thread, one search at a time: a callback of a running scan must not
 * start another literal scan with the same scratch (a regex match it may).
 *
 * A scratch grows only in literal_set_prepare(), when a thread takes over a new policy, never while it searches. */
#pragma once

#include <stdint.h>

struct match_scratch;

/* Freed with match_scratch_free. Null without memory. */
struct match_scratch *match_scratch_new(void);

/* Accepts null. */
void match_scratch_free(struct match_scratch *scratch);

/* How much processor time the regex matches with this scratch may take from now on, together; none of them is limited before the first
 * call, or with MATCH_NO_LIMIT. See match/regex.h. */
#define MATCH_NO_LIMIT UINT64_MAX
void match_scratch_allow(struct match_scratch *scratch, uint64_t ns);
/* What is left of it. */
uint64_t match_scratch_allowance(const struct match_scratch *scratch);
