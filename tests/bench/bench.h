// SPDX-License-Identifier: Apache-2.0
/* What the cases of the benchmark share. A case measures, adds rows and bars to the report, and leaves the rig as it
 * found it. It returns an error only when it could not measure; a bar that is missed is a result. */
#pragma once

#include "base/compiler.h"
#include "tests/bench/ours.h"
#include "tests/bench/report.h"
#include "tests/bench/rig.h"

#define BENCH_LIMIT "empty XDP_DROP (the limit)"
#define BENCH_OURS  "luytre"

struct bench {
	struct rig rig;
	struct ours ours;
	struct report report;
	unsigned int runs; /* of which the median counts */
	double burst_s;
};

/* case-rates.c: packets a second, against other tools, on the same devices. */
MUST_CHECK int case_rates(struct bench *bench);
/* case-steps.c: nanoseconds of a packet that ends at each step. */
MUST_CHECK int case_steps(struct bench *bench);
/* case-lists.c: a list exchanged under traffic; one decision added and removed. */
MUST_CHECK int case_lists(struct bench *bench);
/* case-full.c: forged sources fill one tenant's table; what does its neighbour lose? */
MUST_CHECK int case_full(struct bench *bench);
/* case-live.c: the figures of tests/live. */
MUST_CHECK int case_live(struct bench *bench);
