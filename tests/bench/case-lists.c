// SPDX-License-Identifier: Apache-2.0
/* Lists that change while packets flow.
 *
 * The exchange: 1,000,000 addresses are replaced by 1,000,000 others that share half of them. Four tenants receive
 * traffic the whole time, each from one kind of source: listed before and after (every packet must be dropped), never
 * listed (every packet must pass), leaving the list, and coming to it. A table that is seen half built would let a
 * packet of the first kind through, or drop one of the second.
 *
 * The single decision: from the call to the first packet that meets it, and back. */
#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "packet/build.h"
#include "tests/bench/bench.h"

enum { HALF = OURS_LISTED_MAX / 2, SINGLES = 1000, TRIES_MAX = 1000 };

/* The first list is 'leaving' and 'both', the second 'both' and 'coming'. */
static const struct part {
	uint32_t net;
	uint8_t length;
} leaving = { 0x10000000, 6 }, both = { 0x14000000, 6 }, coming = { 0x18000000, 6 };

static const struct burst traffic = {
	.templates = { "synbare:src=20.0.0.0/6,srcs=500000,dst=198.19.2.7",
		"synbare:src=" OURS_FRESH_NET ",srcs=1000000,dst=198.19.3.7",
		"synbare:src=16.0.0.0/6,srcs=500000,dst=198.19.4.7",
		"synbare:src=24.0.0.0/6,srcs=500000,dst=198.19.5.7" },
	.seconds = 3,
	.rate_pps = 1e6,
};

static int put_part(struct ours *ours, const struct part *part)
{
	struct decision decision = { .action = SHIELD_ACTION_BLOCK, .list = 2, .expiry_ns = DECISIONS_NEVER };
	int error = 0;

	for (uint32_t k = 0; k < HALF && !error; k++) {
		struct ip_addr addr = ours_address(part->net, part->length, k);

		decision.prefix = ip_prefix_of_addr(&addr);
		error = decisions_put(ours->decisions, &decision);
	}
	return error;
}

static int load_parts(struct ours *ours, const struct part *one, const struct part *other)
{
	int error = decisions_begin(ours->decisions, DECISIONS_ALL, clock_mono_ns());

	if (!error)
		error = put_part(ours, one);
	if (!error)
		error = put_part(ours, other);
	return error ? error : decisions_commit(ours->decisions, clock_mono_ns());
}

/* So far. */
struct judged {
	uint64_t both_passed, never_dropped, leaving_passed, coming_dropped, all;
};

static struct judged read_judged(const struct ours *ours)
{
	struct judged j = {
		.both_passed = ours_counted(ours, "both", SHIELD_REASON_PASSED),
		.never_dropped = ours_counted(ours, "never", SHIELD_REASON_LISTED),
		.leaving_passed = ours_counted(ours, "leaving", SHIELD_REASON_PASSED),
		.coming_dropped = ours_counted(ours, "coming", SHIELD_REASON_LISTED),
	};

	ours_traffic(ours, &j.all, &(uint64_t){ 0 });
	return j;
}

static int swap_once(struct bench *bench, double *ret_s, uint64_t *ret_wrong)
{
	struct judged before, after;
	struct burst_result result;
	uint64_t began;
	int error = load_parts(&bench->ours, &leaving, &both);

	if (error)
		return error;
	before = read_judged(&bench->ours);
	error = rig_burst_begin(&bench->rig, &traffic);
	if (error)
		return error;
	for (int i = 0; i < TRIES_MAX && read_judged(&bench->ours).all == before.all; i++)
		usleep(1000);
	began = clock_mono_ns();
	error = load_parts(&bench->ours, &both, &coming);
	*ret_s = (double)(clock_mono_ns() - began) / NS_PER_S;
	if (rig_burst_end(&bench->rig, &result) || error)
		return LUYTRE_E_SYSTEM;
	after = read_judged(&bench->ours);
	*ret_wrong = after.both_passed - before.both_passed + after.never_dropped - before.never_dropped;
	/* The exchange must be seen, or nothing was proven. */
	if (after.leaving_passed == before.leaving_passed || after.coming_dropped == before.coming_dropped) {
		log_error("the exchange took %.2f s and was not over before the traffic", *ret_s);
		return LUYTRE_E_TIMEOUT;
	}
	return 0;
}

static int measure_swap(struct bench *bench)
{
	struct report_row *time = report_row(&bench->report, "lists under traffic", "1M addresses exchanged", "s");
	uint64_t wrong = 0, worst = 0;
	int error = rig_attach(&bench->rig, bench->ours.program);

	ours_end_passed(&bench->ours, true);
	for (unsigned int run = 0; run < bench->runs && !error; run++) {
		double seconds = 0;

		error = swap_once(bench, &seconds, &wrong);
		report_value(time, seconds);
		if (wrong > worst)
			worst = wrong;
	}
	ours_end_passed(&bench->ours, false);
	if (error)
		return error;
	report_bar(&bench->report, "list of 1M exchanged while forwarding 1 Mpps", REPORT_AT_MOST, report_median(time),
		2, "s");
	report_bar(&bench->report, "... packets judged by half a list", REPORT_AT_MOST, (double)worst, 0, "");
	report_assert(&bench->report, 0);
	return rig_attach(&bench->rig, bench->rig.drop_program);
}

/* ---- one decision -----------------------------------------------------------------------------*/

static int until(struct bench *bench, const uint8_t *frame, size_t size, enum shield_verdict verdict)
{
	struct shield_test result;

	for (int i = 0; i < TRIES_MAX; i++) {
		int error = shield_test_run(bench->ours.shield, frame, size, 1, NULL, 0, &result);

		if (error || result.verdict == verdict)
			return error;
	}
	return LUYTRE_E_TIMEOUT;
}

struct change_times {
	double added_us, removed_us; /* a packet's own way through the system call is in them */
};

static int single(struct bench *bench, uint32_t k, struct change_times *ret)
{
	struct decision decision = { .action = SHIELD_ACTION_BLOCK, .expiry_ns = DECISIONS_NEVER };
	struct ip_addr source = ours_address(0x30000000, 4, k);
	struct ip_addr dst = ip_addr_v4(&(uint32_t){ htonl(0xc6130107) }); /* 198.19.1.7 */
	struct packet_spec spec = {
		.src_addr = &source, .dst_addr = &dst, .protocol = PACKET_UDP, .dport = 5000, .payload_size = 18
	};
	uint64_t began, there = 0;
	uint8_t frame[128];
	size_t size;
	int error = packet_build(&spec, frame, sizeof(frame), &size);

	decision.prefix = ip_prefix_of_addr(&source);
	began = clock_mono_ns();
	if (!error)
		error = decisions_add(bench->ours.decisions, &decision, began);
	if (!error)
		error = until(bench, frame, size, SHIELD_DROP);
	there = clock_mono_ns();
	if (!error)
		error = decisions_remove(bench->ours.decisions, &decision, there);
	if (!error)
		error = until(bench, frame, size, SHIELD_PASS);
	ret->added_us = (double)(there - began) / NS_PER_US;
	ret->removed_us = (double)(clock_mono_ns() - there) / NS_PER_US;
	return error;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

/* 1,000 decisions beside a list of a million; each run gives the worst of its share. */
static int measure_single(struct bench *bench)
{
	static const char section[] = "one decision beside 1M others, until packets meet it";
	struct report_row *added = report_row(&bench->report, section, "added, the slowest of a run", "us");
	struct report_row *removed = report_row(&bench->report, section, "removed, the slowest of a run", "us");
	int error = ours_list(&bench->ours, OURS_LISTED_MAX);
	uint32_t k = 0;

	for (unsigned int run = 0; run < bench->runs && !error; run++) {
		struct change_times one = { 0 }, worst = { 0 };

		for (; k < (run + 1) * SINGLES / bench->runs && !error; k++) {
			error = single(bench, k, &one);
			worst.added_us = larger(worst.added_us, one.added_us);
			worst.removed_us = larger(worst.removed_us, one.removed_us);
		}
		report_value(added, worst.added_us);
		report_value(removed, worst.removed_us);
	}
	if (error)
		return error;
	report_bar(&bench->report, "one decision added, slowest, until packets meet it", REPORT_AT_MOST,
		report_median(added), 1000, "us");
	report_bar(&bench->report, "one decision removed, slowest, until packets meet it", REPORT_AT_MOST,
		report_median(removed), 1000, "us");
	return 0;
}

int case_lists(struct bench *bench)
{
	int error;

	fprintf(stderr, "lists under traffic\n");
	error = measure_swap(bench);
	return error ? error : measure_single(bench);
}
