// SPDX-License-Identifier: Apache-2.0
/* Looking findings up by what people ask for, soonest due first, and following what has changed.
 *
 * A page costs what it finds, not how many findings there are: everything that is asked for but the text stands in an index, and only rows
 * that fit are read. A question whose answer is rare may end before it has found a full page, after FINDING_LOOK_MAX rows were read; then it
 * says from where to go on.
 *
 * Every change of a row has a number of its own, larger than all before (column 'change'), so that who keeps sums (facts.h) reads nothing but
 * what is new. A handle belongs to its thread. */
#pragma once

#include "hub/posture/finding.h"

enum {
	FINDING_LOOK_MAX = 20000, /* rows that one question reads whole */
	FINDING_SKIP = 1, /* what a row function says of a row that it does not want after all */
};

enum finding_flag { FINDING_EITHER, FINDING_WITHOUT, FINDING_WITH };

struct finding_filter {
	uint32_t system, asset; /* 0: any */
	int state; /* enum finding_state; -1: any */
	enum finding_flag live, kev, exposed, held; /* exposed: not measured counts as exposed */
	uint8_t severity; /* this grave or graver */
	char cve[FINDING_CVE_SIZE]; /* "": any */
	int64_t due_before_us; /* 0: any */
	int64_t after_due_us, after_id; /* the last of the page before; id 0: from the beginning */
	uint32_t limit; /* at most FINDING_PAGE_MAX */
};

/* Where the next page begins. */
struct finding_next {
	bool more;
	int64_t due_us, id;
};

/* 'fn' says 0 (taken), FINDING_SKIP, or something else that stops and is returned. */
MUST_CHECK int finding_search(const struct finding_call *call, const struct finding_filter *filter, finding_fn fn,
	void *context, struct finding_next *ret);

/* Indexes and the column 'change'; after the tables are there. Done by posture_setup. */
MUST_CHECK int finding_search_setup(struct db *db);
