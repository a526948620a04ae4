// SPDX-License-Identifier: Apache-2.0
/* See scenario.h. */
#include "lab/scenario.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "lab/process.h"

enum {
	PAUSE_FULL_MS = 1500,
	PAUSE_SHORT_MS = 400,
	SETTLE_MS = 1000, /* of the first phase: programs warm up, not measured as peace */
	QUIET_LOOKS = 3,
	LOOK_MS = 100,
	STOP_GRACE_MS = 300,
};

#define LEAK_SHARE      0.05 /* less than this of an attack may pass when it is called filtered */
#define VISIBLE_SHARE   0.3 /* of its nominal rate */
#define PROMISE_CLIENTS 0.99
#define PROMISE_DROPPED 0.95

/* First what needs no learning, all against the first organisation. Meanwhile the detection gets to know the second one
 * (it wants about fourteen seconds of peace), which then meets the floods that only a learned baseline and a learned
 * signature tell from ordinary traffic. */
static const struct scenario_phase phases[] = {
	{ .name = "peace-before",
		.title = { "Peace: ordinary clients", "Bình yên: chỉ có người dùng" },
		.site = CLIENTS_ANY,
		.catalogue = "",
		.full_ms = 11000,
		.short_ms = 5000 },
	{ .name = "syn-unprotected",
		.title = { "SYN flood, shield only watches", "Tràn ngập SYN, chỉ quan sát" },
		.catalogue = "A1",
		.full_ms = 5000,
		.short_ms = 2000,
		.rate_pps = 50000,
		.templates = { "syn:src=5.0.0.0/8,dst=103.200.64.10,weight=2", "syn:src=177.0.0.0/8,dst=103.200.64.10",
			"syn:src=2a00:1000::/20,dst=2400:6540:64::10" } },
	{ .name = "syn",
		.title = { "The same SYN flood, enforced", "Vẫn đợt SYN đó, có ngăn chặn" },
		.catalogue = "A1,A15",
		.enforce = true,
		.full_ms = 7000,
		.short_ms = 2500,
		.rate_pps = 50000,
		.templates = { "syn:src=5.0.0.0/8,dst=103.200.64.10,weight=2", "syn:src=177.0.0.0/8,dst=103.200.64.10",
			"syn:src=2a00:1000::/20,dst=2400:6540:64::10" },
		.expect = { "challenged", "proven" } },
	{ .name = "reflection",
		.title = { "DNS and NTP reflection", "Phản xạ DNS và NTP" },
		.catalogue = "C1,C2",
		.enforce = true,
		.full_ms = 5000,
		.short_ms = 1500,
		.rate_pps = 30000,
		.templates = { "dnsamp:src=8.0.0.0/9,dst=103.200.64.10", "ntpamp:src=91.0.0.0/8,dst=103.200.64.10" },
		.expect = { "reflect-dns", "reflect-ntp-monlist" } },
	{ .name = "scan",
		.title = { "A scan of hosts and ports", "Dò quét máy và cổng" },
		.catalogue = "H9",
		.enforce = true,
		.full_ms = 4000,
		.short_ms = 1500,
		.rate_pps = 20000,
		.templates = { "syn:src=185.220.101.0/24,srcs=24,dst=103.200.64.0/24,dport=81-65535" },
		.expect = { "port" } },
	{ .name = "listed",
		.title = { "Listed and just blocked sources", "Nguồn trong danh sách, vừa chặn" },
		.catalogue = "H10",
		.enforce = true,
		.full_ms = 4000,
		.short_ms = 1500,
		.rate_pps = 30000,
		.templates = { "pshack:src=45.95.147.0/24,dst=103.200.64.10",
			"pshack:src=2a10:9700:1::/48,dst=2400:6540:64::10",
			"pshack:src=193.32.162.0/24,dst=103.200.64.10" },
		.expect = { "listed" },
		.block = "block 193.32.162.0/24 for=5m reason=lab" },
	{ .name = "udp",
		.title = { "UDP flood to an open port", "Tràn ngập UDP vào cổng mở" },
		.site = 1,
		.catalogue = "B2,C51",
		.enforce = true,
		.full_ms = 7000,
		.short_ms = 3000,
		.rate_pps = 40000,
		.templates = { "udp:src=41.0.0.0/8,dst=103.200.65.10,dport=5000,size=260" },
		.expect = { "signature" } },
	{ .name = "carpet",
		.title = { "Carpet bombing of a /24", "Rải thảm cả dải /24" },
		.site = 1,
		.catalogue = "F1",
		.enforce = true,
		.full_ms = 7000,
		.short_ms = 3000,
		.rate_pps = 40000,
		.templates = { "udp:src=62.0.0.0/8,dst=103.200.65.0/24,dport=5000,size=420" },
		.expect = { "signature" } },
	{ .name = "fragments",
		.title = { "Fragments, tiny ones too", "Gói phân mảnh, cả mảnh tí hon" },
		.site = 1,
		.catalogue = "D1,D3",
		.enforce = true,
		.full_ms = 5000,
		.short_ms = 2000,
		.rate_pps = 40000,
		.templates = { "frag:src=101.0.0.0/8,dst=103.200.65.10", "tinyfrag:src=101.0.0.0/8,dst=103.200.65.10" },
		.expect = { "fragment-tiny", "fragment-unknown" } },
	{ .name = "peace-after",
		.title = { "Peace again", "Bình yên trở lại" },
		.site = CLIENTS_ANY,
		.catalogue = "",
		.enforce = true,
		.full_ms = 5000,
		.short_ms = 2000 },
};
_Static_assert(ARRAY_COUNT(phases) <= SCENARIO_PHASES_MAX, "raise SCENARIO_PHASES_MAX");

size_t scenario_count(void)
{
	return ARRAY_COUNT(phases);
}
const struct scenario_phase *scenario_phase(size_t index)
{
	return &phases[index];
}

static uint64_t phase_ms(size_t index, bool is_short)
{
	return is_short ? phases[index].short_ms : phases[index].full_ms;
}

static uint64_t pause_ms(bool is_short)
{
	return is_short ? PAUSE_SHORT_MS : PAUSE_FULL_MS;
}

uint64_t scenario_length_ms(bool is_short)
{
	/* Phases and pauses begin and end with a look, so each lasts half a look longer. */
	uint64_t sum = (ARRAY_COUNT(phases) - 1) * (pause_ms(is_short) + LOOK_MS);

	for (size_t i = 0; i < ARRAY_COUNT(phases); i++)
		sum += phase_ms(i, is_short);
	return sum;
}

bool scenario_is_over(const struct scenario *scenario)
{
	return scenario->index == ARRAY_COUNT(phases);
}

/* ---- one phase --------------------------------------------------------------------------------------------------- */

static int start_attack(struct scenario *scenario, const struct scenario_phase *phase)
{
	const char *argv[17 + 2 * SCENARIO_TEMPLATES_MAX] = { scenario->pktblast, "tx", "-i", "lt-internet", "-D",
		LAB_ATTACK_MAC, "-m", "ring", "-e", "4711", "-p", "8000" };
	char seconds[16], rate[16], log[128];
	size_t used = 12;

	snprintf(seconds, sizeof(seconds), "%.1f", (double)phase_ms(scenario->index, scenario->is_short) / 1000);
	snprintf(rate, sizeof(rate), "%u", phase->rate_pps);
	snprintf(log, sizeof(log), "%s/pktblast.log", scenario->topology->names->dir);
	argv[used++] = "-S";
	argv[used++] = seconds;
	argv[used++] = "-r";
	argv[used++] = rate;
	for (size_t i = 0; phase->templates[i]; i++) {
		argv[used++] = "-t";
		argv[used++] = phase->templates[i];
	}
	argv[used] = NULL;
	return process_start(topology_netns(scenario->topology, LAB_ATTACKER), log, argv, &scenario->attacker);
}

static int start_phase(struct scenario *scenario, const struct control_stats *stats)
{
	const struct scenario_phase *phase = &phases[scenario->index];
	struct scenario_record *record = &scenario->records[scenario->index];
	int error = 0;

	if (phase->block)
		error = control_command(scenario->topology->control, phase->block);
	if (!error && phase->rate_pps)
		error = start_attack(scenario, phase);
	record->start_ns = stats->now_ns;
	record->first = *stats;
	scenario->running = true;
	scenario->until_ns = stats->now_ns + phase_ms(scenario->index, scenario->is_short) * NS_PER_MS;
	return error;
}

/* From watching to filtering. What was found while watching is forgotten, so that the time to filter is told from the
 * beginning of an attack. */
static int change_mode(struct scenario *scenario, bool enforce)
{
	char request[128];
	int error = 0;

	for (size_t i = 0; i < LAB_FLOOD_SITES && !error; i++) {
		snprintf(request, sizeof(request), "withdraw %s", lab_sites[i].name);
		error = control_command(scenario->topology->control, request);
		snprintf(request, sizeof(request), "mode %s %s", lab_sites[i].name, enforce ? "enforce" : "shadow");
		if (!error)
			error = control_command(scenario->topology->control, request);
	}
	scenario->enforcing = enforce;
	return error;
}

static double rate(uint64_t count, uint64_t ns)
{
	return ns ? (double)count * 1e9 / (double)ns : 0;
}

static int end_phase(struct scenario *scenario, const struct control_stats *stats)
{
	struct scenario_record *record = &scenario->records[scenario->index];

	process_stop(&scenario->attacker, STOP_GRACE_MS);
	record->end_ns = stats->now_ns;
	record->last = *stats;
	scenario->running = false;
	scenario->until_ns = stats->now_ns + pause_ms(scenario->is_short) * NS_PER_MS;
	scenario->index++;
	return 0;
}

/* The first phase says what is ordinary, once everything has warmed up. */
static void learn_peace(struct scenario *scenario, const struct control_stats *stats)
{
	const struct control_stats *from = &scenario->peace_from;
	uint64_t ns = stats->now_ns - from->now_ns;

	if (stats->now_ns - scenario->records[0].start_ns < SETTLE_MS * NS_PER_MS) {
		scenario->peace_from = *stats;
		return;
	}
	scenario->peace_pps = rate(stats->arrived_packets - from->arrived_packets, ns);
	scenario->peace_passed_pps = rate(stats->passed_packets - from->passed_packets, ns);
}

/* One look: does the attack show, and does it leak? */
static void watch_filter(struct scenario *scenario, const struct control_stats *stats)
{
	struct scenario_record *record = &scenario->records[scenario->index];
	const struct control_stats *before = &scenario->previous;
	double seconds = (double)(stats->now_ns - before->now_ns) / 1e9;
	double attack = (double)(stats->arrived_packets - before->arrived_packets) - scenario->peace_pps * seconds;
	double leak = (double)(stats->passed_packets - before->passed_packets) - scenario->peace_passed_pps * seconds;
	double noise = scenario->peace_passed_pps * seconds;

	if (record->filter_ns ||
		(!record->visible_ns && attack < VISIBLE_SHARE * phases[scenario->index].rate_pps * seconds))
		return;
	if (!record->visible_ns)
		record->visible_ns = before->now_ns;
	if (leak > LEAK_SHARE * attack && leak > noise) {
		record->quiet_count = 0;
		return;
	}
	if (record->quiet_count++ == 0)
		record->at_filter = *before;
	if (record->quiet_count == QUIET_LOOKS)
		record->filter_ns = record->at_filter.now_ns;
}

void scenario_begin(struct scenario *scenario, const struct control_stats *stats)
{
	scenario->previous = *stats;
	scenario->until_ns = stats->now_ns;
}

int scenario_skip(struct scenario *scenario)
{
	scenario->index = ARRAY_COUNT(phases);
	return change_mode(scenario, true);
}

int scenario_tick(struct scenario *scenario, const struct control_stats *stats)
{
	int error = 0;

	if (scenario_is_over(scenario))
		return 0;
	if (!scenario->running && phases[scenario->index].enforce != scenario->enforcing)
		error = change_mode(scenario, phases[scenario->index].enforce);
	if (!error && scenario->running) {
		if (scenario->index == 0)
			learn_peace(scenario, stats);
		else if (phases[scenario->index].rate_pps)
			watch_filter(scenario, stats);
	}
	if (!error && stats->now_ns >= scenario->until_ns)
		error = scenario->running ? end_phase(scenario, stats) : start_phase(scenario, stats);
	scenario->previous = *stats;
	return error;
}

void scenario_stop(struct scenario *scenario)
{
	process_stop(&scenario->attacker, STOP_GRACE_MS);
}

/* ---- figures ----------------------------------------------------------------------------------------------------- */

uint64_t scenario_reason_packets(const struct scenario_record *record, enum shield_reason reason)
{
	const struct control_reason *first = &record->first.reasons[reason], *last = &record->last.reasons[reason];

	return last->packets - first->packets + last->shadow_packets - first->shadow_packets;
}

static const char *find_missing(const struct scenario_phase *phase, const struct scenario_record *record)
{
	for (size_t i = 0; phase->expect[i]; i++) {
		enum shield_reason reason = control_reason_find(phase->expect[i]);

		if (reason == SHIELD_REASON_COUNT || !scenario_reason_packets(record, reason))
			return phase->expect[i];
	}
	return NULL;
}

static double attack_dropped(const struct scenario *scenario, const struct scenario_record *record)
{
	double seconds = (double)(record->end_ns - record->filter_ns) / 1e9;
	double attack = (double)(record->last.arrived_packets - record->at_filter.arrived_packets) -
			scenario->peace_pps * seconds;
	double leak = (double)(record->last.passed_packets - record->at_filter.passed_packets) -
		      scenario->peace_passed_pps * seconds;

	if (!record->filter_ns || attack <= 0)
		return 0;
	return leak <= 0 ? 1 : 1 - leak / attack;
}

static void client_figures(const struct scenario_phase *phase, const struct scenario_record *record,
	const struct clients *clients, struct scenario_figures *ret)
{
	struct clients_range range = { CLIENTS_BY_START, record->start_ns, record->end_ns, CLIENTS_ANY, phase->site,
		CLIENTS_ANY };
	struct clients_figures http;

	clients_figures(clients, &range, &ret->clients);
	range.kind = TRAFFIC_HTTP;
	clients_figures(clients, &range, &http);
	ret->clients.p50_ms = http.p50_ms;
	ret->clients.p99_ms = http.p99_ms;
	range.kind = CLIENTS_ANY;
	range.site = CLIENTS_ANY;
	range.from_ns = record->filter_ns ? record->filter_ns : record->start_ns;
	clients_figures(clients, &range, &ret->clients_filtered);
	range.translated = 1;
	clients_figures(clients, &range, &ret->clients_translated);
}

static bool is_good(const struct scenario_phase *phase, const struct scenario_figures *figures)
{
	if (figures->missing)
		return false;
	if (!phase->rate_pps)
		return figures->clients.good_share >= PROMISE_CLIENTS;
	if (!phase->enforce)
		return true;
	return figures->filter_s >= 0 && figures->attack_dropped_share >= PROMISE_DROPPED &&
	       figures->clients_filtered.good_share >= PROMISE_CLIENTS;
}

bool scenario_figures(
	const struct scenario *scenario, size_t index, const struct clients *clients, struct scenario_figures *ret)
{
	const struct scenario_record *record = &scenario->records[index];
	uint64_t arrived = record->last.arrived_packets - record->first.arrived_packets;
	uint64_t passed = record->last.passed_packets - record->first.passed_packets;
	uint64_t ns = record->end_ns - record->start_ns;

	if (!record->end_ns)
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->seconds = (double)ns / 1e9;
	ret->arrived_pps = rate(arrived, ns);
	ret->arrived_bps = rate((record->last.arrived_bytes - record->first.arrived_bytes) * 8, ns);
	ret->dropped_share = arrived ? 1 - (double)passed / (double)arrived : 0;
	ret->filter_s = -1;
	if (phases[index].rate_pps && record->filter_ns) {
		ret->filter_s = (double)(record->filter_ns - record->visible_ns) / 1e9;
		ret->attack_dropped_share = attack_dropped(scenario, record);
	}
	client_figures(&phases[index], record, clients, ret);
	ret->missing = find_missing(&phases[index], record);
	ret->good = is_good(&phases[index], ret);
	return true;
}
