// SPDX-License-Identifier: Apache-2.0
/* How many new decisions a minute are usual: the median over the last week, against which a flood of decisions is told
 * from work as usual. Storage belongs to the caller, 20 KiB; all zeros is a pace that was not used. Minutes are counted
 * since 1970. One thread at a time. */
#pragma once

#include <stdint.h>

#define PACE_MINUTES 10080 /* a week */

struct pace {
	uint16_t counts[PACE_MINUTES]; /* by minute modulo PACE_MINUTES; the present one is not in the median */
	int64_t minute; /* present one; 0 before the first use */
	uint32_t now; /* in the present minute */
	uint32_t known; /* full minutes in counts */
	uint32_t median; /* worked out once an hour */
	int64_t median_minute;
};

/* Moves on to 'minute'; a minute that lies back is taken for the present one. */
void pace_tick(struct pace *pace, int64_t minute);

/* One more in the present minute. */
void pace_add(struct pace *pace);

/* Puts a count of the past in its place, as read from a journal, in ascending order. */
void pace_restore(struct pace *pace, int64_t minute, uint16_t count);

/* 0 before there is an hour to judge by. */
uint32_t pace_median(struct pace *pace);
