// SPDX-License-Identifier: Apache-2.0
/* Packets a second: races between the shield and what else could stand in its place.
 *
 * In each run of a race every contender has one burst, in turn, on the same devices. What a filter drops it drops where
 * it stands. What passes must end somewhere without costing more than the filter itself: ours is sent on to an
 * interface that takes no XDP frames (the redirect fails and the page is used again), and the nftables rule for the
 * same job drops behind its limit. Neither pays for a network stack, and the redirect is at our expense. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "tests/bench/bench.h"
#include "tests/bench/rivals.h"

enum { CONTENDERS_MAX = 5 };

#define PASSING_UDP "udp:src=" OURS_FRESH_NET ",srcs=1000000,dst=198.18.0.0/16,dport=" OURS_UDP_PORT
#define PASSING_TCP "pshack:src=" OURS_FRESH_NET ",srcs=1000000,dst=198.18.0.0/16,dport=443"

struct race {
	const char *title;
	const char *packets; /* template of pktblast */
	struct rival *contender[CONTENDERS_MAX];
	enum shield_reason reason; /* with which ours must end them; PASSED: all of them pass */
};

static const struct race races[] = {
	{ "1,000,000 listed sources", "synbare:src=" OURS_LISTED_NET ",srcs=1000000,dst=198.18.0.0/16",
		{ &rival_limit, &rival_ours, &rival_nft_list, &rival_ipset }, SHIELD_REASON_LISTED },
	{ "10,000 listed sources, all that xdp-filter holds",
		"synbare:src=" OURS_LISTED_NET ",srcs=10000,dst=198.18.0.0/16",
		{ &rival_limit, &rival_ours, &rival_xdp_filter, &rival_nft_list }, SHIELD_REASON_LISTED },
	{ "16 listed sources", "synbare:src=" OURS_LISTED_NET ",srcs=16,dst=198.18.1.7",
		{ &rival_limit, &rival_ours, &rival_xdp_filter, &rival_nft_list }, SHIELD_REASON_LISTED },
	{ "16 sources, impossible TCP flags", "null:src=" OURS_FRESH_NET ",srcs=16,dst=198.18.1.7",
		{ &rival_limit, &rival_ours }, SHIELD_REASON_TCP_FLAGS },
	{ "16 sources, closed port", "synbare:src=" OURS_FRESH_NET ",srcs=16,dst=198.18.1.7,dport=81",
		{ &rival_limit, &rival_ours }, SHIELD_REASON_PORT },
	{ "everything passes: 256 tenants, 1,000,000 sources, UDP", PASSING_UDP,
		{ &rival_limit, &rival_ours, &rival_nft_limit }, SHIELD_REASON_PASSED },
	{ "everything passes: 256 tenants, 1,000,000 sources, TCP data", PASSING_TCP,
		{ &rival_limit, &rival_ours, &rival_nft_limit }, SHIELD_REASON_PASSED },
	{ "SYN flood from 1,000,000 sources, answered with a challenge",
		"synbare:src=" OURS_FRESH_NET ",srcs=1000000,dst=198.19.0.7",
		{ &rival_limit, &rival_ours, &rival_synproxy }, SHIELD_REASON_CHALLENGED },
};

/* ---- running ----------------------------------------------------------------------------------*/

static uint64_t count_reason(const struct bench *bench, enum shield_reason reason)
{
	uint64_t sum = 0;

	for (uint32_t i = (uint32_t)reason * 2; i < bench->ours.maps->counters_count; i += SHIELD_REASON_SLOTS * 2)
		sum += bench->ours.maps->counters[i].packets;
	return sum;
}

static int burst(
	struct bench *bench, const struct race *race, const struct rival *rival, double seconds, double *ret_pps)
{
	struct burst wanted = { .templates = { race->packets }, .seconds = seconds };
	struct burst_result result = { 0 };
	uint64_t before = count_reason(bench, race->reason), judged;
	int error = rival_on(rival, &bench->rig, bench->ours.program);

	if (!error)
		error = rig_burst(&bench->rig, &wanted, &result);
	if (rival_off(rival, &bench->rig) || error)
		return LUYTRE_E_SYSTEM;
	*ret_pps = result.pps;
	if (rival->program != RIVAL_OURS)
		return 0;
	/* A rate means nothing when the packets went another way than the race is about. A /16 has addresses for
	 * networks and broadcasts, one in 128, which are dropped as such. */
	judged = count_reason(bench, race->reason) - before;
	if ((double)judged >= 0.98 * (double)result.sent)
		return 0;
	log_error("%s: only %llu of %llu packets ended as they should", race->title, (unsigned long long)judged,
		(unsigned long long)result.sent);
	return LUYTRE_E_INVALID;
}

static int warm_up(struct bench *bench, const struct race *race)
{
	double pps;

	for (size_t i = 0; i < CONTENDERS_MAX && race->contender[i]; i++) {
		struct rival *rival = race->contender[i];
		int error = 0;

		if (rival_prepare(rival, &bench->rig))
			error = burst(bench, race, rival, rival->warm_s > 0 ? rival->warm_s : bench->burst_s, &pps);
		if (error)
			return error;
	}
	return 0;
}

static int run_race(struct bench *bench, const struct race *race)
{
	struct report_row *rows[CONTENDERS_MAX] = { NULL };
	int error = warm_up(bench, race);

	for (size_t i = 0; i < CONTENDERS_MAX && race->contender[i] && !error; i++) {
		rows[i] = report_row(&bench->report, race->title, race->contender[i]->name, "Mpps");
		if (!rows[i])
			return LUYTRE_E_FULL;
		if (race->contender[i]->why_not)
			snprintf(rows[i]->note, sizeof(rows[i]->note), "%s", race->contender[i]->why_not);
	}
	for (unsigned int run = 0; run < bench->runs && !error; run++)
		for (size_t i = 0; i < CONTENDERS_MAX && race->contender[i] && !error; i++) {
			double pps;

			if (!race->contender[i]->ready)
				continue;
			error = burst(bench, race, race->contender[i], bench->burst_s, &pps);
			if (!error)
				report_value(rows[i], pps / 1e6);
		}
	return error;
}

/* ---- bars -------------------------------------------------------------------------------------*/

static double median_of(const struct bench *bench, size_t race, const struct rival *rival)
{
	for (size_t i = 0; i < bench->report.row_count; i++) {
		const struct report_row *row = &bench->report.row[i];

		if (!strcmp(row->section, races[race].title) && !strcmp(row->name, rival->name))
			return report_median(row);
	}
	return 0;
}

static void bar_times(struct bench *bench, const char *name, size_t race, const struct rival *rival, double wanted)
{
	double theirs = median_of(bench, race, rival);

	if (theirs > 0)
		report_bar(&bench->report, name, REPORT_AT_LEAST, median_of(bench, race, &rival_ours) / theirs, wanted,
			"x");
	else
		report_unmeasured(&bench->report, name, wanted, "x", "the other tool is missing");
}

static void bar_limit(struct bench *bench, const char *name, size_t race)
{
	double limit = median_of(bench, race, &rival_limit);

	report_bar(&bench->report, name, REPORT_AT_LEAST,
		limit > 0 ? 100 * median_of(bench, race, &rival_ours) / limit : 0, 80, "%");
}

static void add_bars(struct bench *bench)
{
	struct report *report = &bench->report;

	report_bar(report, "drop from 1M listed sources", REPORT_AT_LEAST, median_of(bench, 0, &rival_ours), 5, "Mpps");
	bar_times(bench, "... against nft ingress with the same list", 0, &rival_nft_list, 3);
	report_bar(report, "full pipeline, 256 tenants, 1M sources, UDP", REPORT_AT_LEAST,
		median_of(bench, 5, &rival_ours), 3.5, "Mpps");
	bar_times(bench, "... against nft ingress with a limit a source", 5, &rival_nft_limit, 2);
	bar_limit(bench, "hot sources, listed: share of an empty XDP_DROP", 2);
	bar_limit(bench, "hot sources, impossible flags: share of an empty XDP_DROP", 3);
	bar_limit(bench, "hot sources, closed port: share of an empty XDP_DROP", 4);
}

int case_rates(struct bench *bench)
{
	int error = 0;

	ours_end_passed(&bench->ours, true);
	for (size_t i = 0; i < ARRAY_COUNT(races) && !error; i++) {
		fprintf(stderr, "%s\n", races[i].title);
		error = run_race(bench, &races[i]);
	}
	ours_end_passed(&bench->ours, false);
	if (!error)
		add_bars(bench);
	return error;
}
