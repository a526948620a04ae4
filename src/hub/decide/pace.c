// SPDX-License-Identifier: Apache-2.0
#include "hub/decide/pace.h"

#include <stdlib.h>
#include <string.h>

#define JUDGE_AFTER_MINUTES 60

static void end_minute(struct pace *pace)
{
	pace->counts[pace->minute % PACE_MINUTES] = pace->now < UINT16_MAX ? (uint16_t)pace->now : UINT16_MAX;
	if (pace->known < PACE_MINUTES)
		pace->known++;
	pace->now = 0;
	pace->minute++;
}

void pace_tick(struct pace *pace, int64_t minute)
{
	if (pace->minute == 0 || minute - pace->minute > PACE_MINUTES) {
		memset(pace, 0, sizeof(*pace));
		pace->minute = minute;
	}
	while (pace->minute < minute)
		end_minute(pace);
}

void pace_add(struct pace *pace)
{
	pace->now++;
}

void pace_restore(struct pace *pace, int64_t minute, uint16_t count)
{
	pace_tick(pace, minute);
	if (pace->minute == minute)
		pace->now = count;
}

static int compare_counts(const void *left, const void *right)
{
	return (int)*(const uint16_t *)left - (int)*(const uint16_t *)right;
}

uint32_t pace_median(struct pace *pace)
{
	static const int64_t hour = 60;
	uint16_t *sorted;
	uint32_t start;

	if (pace->known < JUDGE_AFTER_MINUTES)
		return 0;
	if (pace->median_minute != 0 && pace->minute - pace->median_minute < hour)
		return pace->median;
	sorted = malloc(pace->known * sizeof(*sorted));
	if (!sorted)
		return pace->median;
	start = (uint32_t)((pace->minute - pace->known) % PACE_MINUTES);
	for (uint32_t i = 0; i < pace->known; i++)
		sorted[i] = pace->counts[(start + i) % PACE_MINUTES];
	qsort(sorted, pace->known, sizeof(*sorted), compare_counts);
	pace->median = sorted[pace->known / 2];
	pace->median_minute = pace->minute;
	free(sorted);
	return pace->median;
}
