// SPDX-License-Identifier: Apache-2.0
/* How long a weakness may stay: four yes/no questions, sixteen rows, four times.
 *
 * The tree is that of CISA's directive BOD 26-04 (10 June 2026, table 1.0.0): is the weakness known to be exploited (KEV), is its place
 * exposed to the public, can its use be automated, does it give all or a part of the system. Two rules are ours: systems of
 * level 4 and 5 have one step less time (the shortest stays), and a date that an authority sets is a ceiling, never a prolongation.
 *
 * Pure functions, any thread. Times are microseconds since 1970. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define CLOCK_DAY_US INT64_C(86400000000)
/* "With the next upgrade of the system": no date. Sorts behind all dates. */
#define CLOCK_NO_DATE_US INT64_MAX
#define CLOCK_TREE       "cisa-bod-26-04 1.0.0"

enum { CLOCK_TIGHT_LEVEL = 4 };

/* X(identifier, word, days, English, Vietnamese); from the longest to the shortest, which is the order of tightening. Numbers are stored. */
#define CLOCK_STEPS(X)                                                                                                 \
	X(UPGRADE, "next-upgrade", 0, "with the next system upgrade", "trong lần nâng cấp hệ thống kế tiếp")           \
	X(DAYS_60, "60-days", 60, "within 60 days", "trong 60 ngày")                                                   \
	X(DAYS_14, "14-days", 14, "within 14 days", "trong 14 ngày")                                                   \
	X(DAYS_3, "3-days", 3, "within 3 days", "trong 3 ngày")

enum clock_step {
#define X(id, ...) CLOCK_##id,
	CLOCK_STEPS(X)
#undef X
		CLOCK_STEP_COUNT
};

struct clock_step_text {
	const char *word;
	int64_t days; /* 0: no date */
	const char *en, *vi;
};
extern const struct clock_step_text clock_steps[CLOCK_STEP_COUNT];

struct clock_input {
	bool kev, exposed, automatable, total; /* total: technical impact, else partial */
	uint8_t level; /* of the system, 1 to 5 */
	int64_t start_us;
	int64_t set_us; /* date set by an authority; 0: none */
};

struct clock_answer {
	enum clock_step step; /* after tightening */
	bool forensic; /* look for traces of a break-in too */
	int64_t due_us; /* CLOCK_NO_DATE_US: none */
};

struct clock_answer clock_of(const struct clock_input *input);

/* The date of a step that began at 'start_us', under the ceiling 'set_us' (0: none). */
int64_t clock_due(enum clock_step step, int64_t start_us, int64_t set_us);

/* What a CVSS vector (2, 3 or 4) says about two of the questions, for where nobody else has answered them: automatable is what needs
 * network access alone (AV:N, AC:L, no rights, nobody's help), total is a high loss of all three of C, I and A. False: the text has no metric of
 * CVSS, and nothing is written. */
bool clock_of_vector(struct bytes vector, bool *ret_automatable, bool *ret_total);
