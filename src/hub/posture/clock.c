// SPDX-License-Identifier: Apache-2.0
#include "hub/posture/clock.h"

#include "base/compiler.h"

const struct clock_step_text clock_steps[CLOCK_STEP_COUNT] = {
#define X(id, word, days, en, vi) { word, days, en, vi },
	CLOCK_STEPS(X)
#undef X
};

struct leaf {
	enum clock_step step;
	bool forensic;
};

/* In the order of the published table: KEV, exposed, automatable, total as the bits 8, 4, 2, 1. */
static const struct leaf tree[16] = {
	{ CLOCK_UPGRADE, false }, /* nothing */
	{ CLOCK_UPGRADE, false }, /* total */
	{ CLOCK_DAYS_60, false }, /* automatable */
	{ CLOCK_DAYS_60, false }, /* automatable, total */
	{ CLOCK_DAYS_60, false }, /* exposed */
	{ CLOCK_DAYS_14, false }, /* exposed, total */
	{ CLOCK_DAYS_14, false }, /* exposed, automatable */
	{ CLOCK_DAYS_3, false }, /* exposed, automatable, total */
	{ CLOCK_DAYS_14, false }, /* KEV */
	{ CLOCK_DAYS_14, false }, /* KEV, total */
	{ CLOCK_DAYS_14, false }, /* KEV, automatable */
	{ CLOCK_DAYS_3, true }, /* KEV, automatable, total */
	{ CLOCK_DAYS_14, false }, /* KEV, exposed */
	{ CLOCK_DAYS_3, true }, /* KEV, exposed, total */
	{ CLOCK_DAYS_3, false }, /* KEV, exposed, automatable */
	{ CLOCK_DAYS_3, true }, /* all */
};

int64_t clock_due(enum clock_step step, int64_t start_us, int64_t set_us)
{
	int64_t due_us = clock_steps[step].days ? start_us + clock_steps[step].days * CLOCK_DAY_US : CLOCK_NO_DATE_US;

	return set_us && set_us < due_us ? set_us : due_us;
}

struct clock_answer clock_of(const struct clock_input *input)
{
	const struct leaf *leaf = &tree[(input->kev ? 8 : 0) + (input->exposed ? 4 : 0) + (input->automatable ? 2 : 0) +
					(input->total ? 1 : 0)];
	struct clock_answer answer = { .step = leaf->step, .forensic = leaf->forensic };

	if (input->level >= CLOCK_TIGHT_LEVEL && answer.step + 1 < CLOCK_STEP_COUNT)
		answer.step++;
	answer.due_us = clock_due(answer.step, input->start_us, input->set_us);
	return answer;
}

/* Metrics that count, as they stand in vectors; those of one question have one bit each. Versions write the same with other letters. */
static const struct {
	const char *text;
	uint8_t automatable, total;
} metrics[] = {
	{ "AV:N", 1, 0 },
	{ "AC:L", 2, 0 },
	{ "PR:N", 4, 0 },
	{ "Au:N", 4 | 8, 0 }, /* version 2 does not ask for somebody's help */
	{ "UI:N", 8, 0 },
	{ "C:H", 0, 1 },
	{ "C:C", 0, 1 },
	{ "VC:H", 0, 1 },
	{ "I:H", 0, 2 },
	{ "I:C", 0, 2 },
	{ "VI:H", 0, 2 },
	{ "A:H", 0, 4 },
	{ "A:C", 0, 4 },
	{ "VA:H", 0, 4 },
};

bool clock_of_vector(struct bytes vector, bool *ret_automatable, bool *ret_total)
{
	uint8_t automatable = 0, total = 0;
	bool hard = false, any = false; /* version 4: attack requirements */

	while (!bytes_empty(vector)) {
		struct bytes metric = bytes_first(vector, bytes_index(vector, '/'));

		vector = bytes_skip(vector, metric.size + 1);
		hard = hard || bytes_equal_str(metric, "AT:P");
		any = any || bytes_starts_with(metric, bytes_from_str("AV:"));
		for (size_t i = 0; i < ARRAY_COUNT(metrics); i++) {
			if (!bytes_equal_str(metric, metrics[i].text))
				continue;
			automatable |= metrics[i].automatable;
			total |= metrics[i].total;
		}
	}
	if (!any)
		return false;
	*ret_automatable = automatable == 15 && !hard;
	*ret_total = total == 7;
	return true;
}
