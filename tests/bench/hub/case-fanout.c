// SPDX-License-Identifier: Apache-2.0
/* One edge reports an attacker whom a hold has seen; how long until each of the others has him in its table, and the hub knows that?
 * And how long until all of them have lifted everything. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "tests/bench/hub/cases.h"
#include "tests/bench/hub/fleet.h"
#include "tests/bench/hub/program.h"

enum { TENANTS = 20, REPORTERS = 8, WAIT_MS = 30000, PAUSE_MS = 150, UNDO_ROUNDS = 5, HOLD = 8100010 };

struct figures {
	struct sample_set heard, told, last_heard, last_told;
	size_t missed;
};

static void note(struct figures *figures, struct fleet *fleet, size_t edges, uint64_t began_ns)
{
	double last_heard = 0, last_told = 0;

	for (size_t i = 0; i < edges; i++) {
		struct fleet_times times = fleet_times_of(fleet, i);
		double heard_ms = (double)(times.heard_ns - began_ns) / 1e6,
		       told_ms = (double)(times.told_ns - began_ns) / 1e6;

		if (!times.heard_ns || !times.told_ns) {
			figures->missed++;
			continue;
		}
		sample_add(&figures->heard, heard_ms);
		sample_add(&figures->told, told_ms);
		last_heard = heard_ms > last_heard ? heard_ms : last_heard;
		last_told = told_ms > last_told ? told_ms : last_told;
	}
	sample_add(&figures->last_heard, last_heard);
	sample_add(&figures->last_told, last_told);
}

struct stage {
	struct bench *bench;
	struct nation nation;
	struct program hub;
	struct fleet *fleet;
	struct sender *senders[REPORTERS];
};

/* Reports an attacker who was never seen before, by one edge after the other. Returns when that began. */
static uint64_t report(struct stage *stage, size_t round)
{
	struct ip_addr target = nation_target(&stage->nation, (uint32_t)(round % TENANTS), 0);
	struct ip_prefix prefix = { .addr = { .family = IP_V4,
					    .bytes = { 45, 1, (uint8_t)(round / 250), (uint8_t)(1 + round % 250) } },
		.length = 32 };
	char source[IP_ADDR_TEXT_SIZE], line[1024];
	uint64_t began_ns;

	fleet_line(line, sizeof(line), ip_addr_format(&prefix.addr, source), 4711, &target, HOLD);
	fleet_watch(stage->fleet, &prefix);
	began_ns = clock_mono_ns();
	if (sender_send(stage->senders[round % REPORTERS], round / REPORTERS + 1, line) != 200) {
		fprintf(stderr, "bench-hub: a batch was not taken\n");
		stage->bench->failed = true;
	}
	if (!fleet_wait(stage->fleet, WAIT_MS))
		fprintf(stderr, "bench-hub: round %zu: not all edges have it\n", round);
	return began_ns;
}

static void report_rounds(struct stage *stage, struct figures *figures)
{
	for (size_t round = 0; round < stage->bench->rounds; round++) {
		note(figures, stage->fleet, stage->nation.edge_count, report(stage, round));
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000 }, NULL);
	}
}

static void figures_done(struct figures *figures)
{
	sample_done(&figures->heard);
	sample_done(&figures->told);
	sample_done(&figures->last_heard);
	sample_done(&figures->last_told);
}

static void undo_rounds(struct stage *stage)
{
	struct figures figures = { 0 };

	for (size_t i = 0; i < UNDO_ROUNDS; i++) {
		uint64_t began_ns;

		report(stage, stage->bench->rounds + i); /* with nothing to lift there is no new epoch */
		fleet_watch_epoch(stage->fleet);
		began_ns = clock_mono_ns();
		free(program_ask(&stage->hub, "undo-all"));
		if (!fleet_wait(stage->fleet, WAIT_MS))
			fprintf(stderr, "bench-hub: undo-all did not reach all edges\n");
		note(&figures, stage->fleet, stage->nation.edge_count, began_ns);
	}
	bench_bar(stage->bench, "undo-all: the last of all edges has lifted everything, slowest of 5", "ms",
		sample_share(&figures.last_heard, 1), true, 1000);
	stage->bench->failed |= figures.missed > 0;
	figures_done(&figures);
}

static void stage_open(struct stage *stage)
{
	nation_make(&stage->nation, stage->bench->parent, stage->bench->edges, TENANTS, 1, false);
	program_start(&stage->hub, stage->bench->luytre, stage->nation.dir);
	stage->fleet = fleet_new(&stage->nation, stage->hub.port);
	for (size_t i = 0; i < REPORTERS; i++)
		stage->senders[i] = sender_new(&stage->nation, i % stage->nation.edge_count, stage->hub.port);
}

static void stage_close(struct stage *stage)
{
	for (size_t i = 0; i < REPORTERS; i++)
		sender_free(stage->senders[i]);
	fleet_free(stage->fleet);
	program_end(&stage->hub, SIGTERM);
	nation_done(&stage->nation);
}

void case_fanout(struct bench *bench)
{
	struct figures figures = { 0 };
	struct stage stage = { .bench = bench };
	double cpu_s;

	stage_open(&stage);
	cpu_s = program_cpu_s(&stage.hub);
	report_rounds(&stage, &figures);
	cpu_s = (program_cpu_s(&stage.hub) - cpu_s) / (double)bench->rounds;
	bench_row(
		bench, "report sent, change in the table of an edge, p50", "ms", sample_share(&figures.heard, 0.5), "");
	bench_bar(bench, "the same, p99 of all edges and rounds", "ms", sample_share(&figures.heard, 0.99), true, 1000);
	bench_row(bench, "the same, slowest", "ms", sample_share(&figures.heard, 1), "");
	bench_row(bench, "report sent, the edge's acknowledgement taken by the hub, p50", "ms",
		sample_share(&figures.told, 0.5), "");
	bench_bar(bench, "the same, p99", "ms", sample_share(&figures.told, 0.99), true, 1000);
	bench_row(bench, "the last edge of a round has it, median", "ms", sample_share(&figures.last_heard, 0.5), "");
	bench_row(bench, "processor of the hub for one decision to all edges and their acknowledgements", "ms",
		cpu_s * 1e3, "");
	bench_bar(bench, "edges that missed a change", "", (double)(figures.missed + fleet_gaps(stage.fleet)), true, 0);
	undo_rounds(&stage);
	bench_row(bench, "memory of the hub", "MB", program_memory_mb(&stage.hub), "");
	figures_done(&figures);
	stage_close(&stage);
}
