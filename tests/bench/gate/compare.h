// SPDX-License-Identifier: Apache-2.0
/* The engines alone, without a server: processor time of each request, at each paranoia level, for each class of requests.
 *
 * Both engines live in this process. In a run they take turns for every level and class, who is first changes from run to run; the first request
 * of a turn is not counted. Time is the thread's own (CLOCK_THREAD_CPUTIME_ID), so other work on the machine disturbs caches at most. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "tests/bench/gate/engine.h"
#include "tests/bench/gate/rulefiles.h"
#include "tests/bench/report.h"

enum { ENGINE_OURS, ENGINE_RIVAL, ENGINE_COUNT };

struct compare_cell {
	struct report_row median_us; /* a value a run */
	double *pooled_us; /* owned; of all runs */
	size_t pooled_count, pooled_room;
	unsigned int told; /* messages of all variants of the class */
};

struct compare {
	struct engine
		*engines[ENGINE_COUNT][LEVEL_COUNT]; /* owned; those of the rival are null when it is not installed */
	struct request_list lists[REQUEST_CLASS_COUNT];
	struct compare_cell cells[ENGINE_COUNT][LEVEL_COUNT][REQUEST_CLASS_COUNT];
	struct report_row ratios[LEVEL_COUNT][REQUEST_CLASS_COUNT]; /* rival by ours, a value a run */
	bool has_rival;
	unsigned int levels; /* a bit for each level that is measured */
	unsigned int classes; /* a bit for each class that is measured */
};

/* Opens the engines and makes the requests; 'levels', 'classes' and 'has_rival' (wanted) are set by the caller. */
MUST_CHECK int compare_init(struct compare *compare, const struct rulefiles *files, const char *cache_dir);
void compare_done(struct compare *compare);

/* One run; 'number' from 0. */
MUST_CHECK int compare_run(struct compare *compare, unsigned int number);

/* The 99th percentile of all runs, 0 without any. */
double compare_p99(struct compare_cell *cell);

void compare_print(struct compare *compare, FILE *out);
