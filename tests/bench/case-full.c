// SPDX-License-Identifier: Apache-2.0
/* Forged sources without end fill one tenant's tables, and both tenants are set to drop when a table is full: the
 * hardest setting. What does the neighbour lose, whose 5,000 sources keep far below their limits? The same is measured
 * without the flood, because those are more than its share of the table holds. */
#include <stdio.h>

#include "base/error.h"
#include "tests/bench/bench.h"

#define GOOD "udp:weight=1,src=80.0.0.0/4,srcs=5000,dst=198.19.7.7,dport=" OURS_UDP_PORT

static const struct burst calm = { .templates = { GOOD }, .seconds = 1, .rate_pps = 1.5e5 };
static const struct burst flood = {
	.templates = { "udp:weight=9,src=" OURS_FRESH_NET ",dst=198.19.6.7,dport=" OURS_UDP_PORT, GOOD },
	.seconds = 2,
	.rate_pps = 1.5e6,
};

struct judged {
	uint64_t lost, passed;
};

static struct judged read_judged(const struct bench *bench, const char *tenant)
{
	static const enum shield_reason losses[] = { SHIELD_REASON_TABLE_FULL, SHIELD_REASON_LIMIT_SOURCE,
		SHIELD_REASON_LIMIT_PREFIX };
	struct judged j = { .passed = ours_counted(&bench->ours, tenant, SHIELD_REASON_PASSED) };

	for (size_t i = 0; i < ARRAY_COUNT(losses); i++)
		j.lost += ours_counted(&bench->ours, tenant, losses[i]);
	return j;
}

static double percent_lost(struct judged before, struct judged after)
{
	uint64_t lost = after.lost - before.lost, all = lost + after.passed - before.passed;

	return all ? 100.0 * (double)lost / (double)all : 100;
}

static int run_once(
	struct bench *bench, const struct burst *burst, struct report_row *neighbour, struct report_row *victim)
{
	struct judged neighbour_before = read_judged(bench, "neighbour"), victim_before = read_judged(bench, "victim");
	struct burst_result result;
	int error = rig_burst(&bench->rig, burst, &result);

	if (error)
		return error;
	report_value(neighbour, percent_lost(neighbour_before, read_judged(bench, "neighbour")));
	if (victim)
		report_value(victim, percent_lost(victim_before, read_judged(bench, "victim")));
	return 0;
}

int case_full(struct bench *bench)
{
	static const char section[] = "forged sources fill the table of one tenant";
	struct report_row *before =
		report_row(&bench->report, section, "lost by its neighbour, without the flood", "%");
	struct report_row *neighbour = report_row(&bench->report, section, "lost by its neighbour", "%");
	struct report_row *victim = report_row(&bench->report, section, "dropped of the flood itself", "%");
	int error = rig_attach(&bench->rig, bench->ours.program);
	double lost;

	fprintf(stderr, "%s\n", section);
	ours_end_passed(&bench->ours, true);
	for (unsigned int run = 0; run < bench->runs && !error; run++) {
		error = run_once(bench, &calm, before, NULL);
		if (!error)
			error = run_once(bench, &flood, neighbour, victim);
	}
	ours_end_passed(&bench->ours, false);
	if (error)
		return error;
	/* Of the rate that it has without the flood: what is over the neighbour's own limits is lost either way. */
	lost = 100 * (report_median(neighbour) - report_median(before)) / (100 - report_median(before));
	report_bar(&bench->report, "forged sources fill one tenant's table: its neighbour loses", REPORT_AT_MOST,
		lost > 0 ? lost : 0, 10, "%");
	return rig_attach(&bench->rig, bench->rig.drop_program);
}
