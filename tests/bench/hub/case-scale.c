// SPDX-License-Identifier: Apache-2.0
/* The size of a nation: how long a hub with all of it takes to start, how much memory, how large and how quick the snapshot is that an
 * edge takes, and that a report still reaches the others as quickly. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "bus/bundle.h"
#include "bus/delta.h"
#include "tests/bench/hub/cases.h"
#include "tests/bench/hub/fleet.h"
#include "tests/bench/hub/program.h"

enum { EDGES = 20, TENANTS = 10000, ASSETS_EACH = 10, DECISIONS = 1000000, ROUNDS = 20, HOLD = 8100010 };

static void measure_snapshot(struct bench *bench, const struct nation *nation)
{
	struct core *core = nation_core(nation);
	struct core_bundle *bundle = NULL;
	struct delta_snapshot snapshot;
	struct delta_change change;
	struct bundle_file file;
	struct bundle opened;
	uint8_t key[1][BUNDLE_PUBLIC_SIZE];
	uint64_t began_ns = clock_mono_ns();
	size_t pos = 0, count = 0;

	if (core_snapshot(core, (int64_t)(clock_real_ns() / NS_PER_US), &bundle))
		abort();
	bench_row(bench, "snapshot of all decisions: made and signed in", "ms",
		(double)(clock_mono_ns() - began_ns) / 1e6, "");
	bench_row(bench, "its size", "MB", (double)bundle->text.size / 1e6, "");
	core_policy_key(core, key[0]);
	began_ns = clock_mono_ns();
	if (bundle_open(bundle->text, (const uint8_t(*)[BUNDLE_PUBLIC_SIZE])key, 1, &opened) ||
		!bundle_next(&opened, &pos, &file) || delta_snapshot_open(file.content, &snapshot))
		abort();
	for (pos = 0; delta_snapshot_next(&snapshot, &pos, &change);)
		count++;
	bench_row(bench, "checked and read by an edge in", "ms", (double)(clock_mono_ns() - began_ns) / 1e6, "");
	bench_row(bench, "decisions in it", "", (double)count, "");
	core_bundle_unref(bundle);
	core_close(core);
}

static void measure_rounds(struct bench *bench, const struct nation *nation, struct fleet *fleet, uint16_t port)
{
	struct sender *sender = sender_new(nation, 0, port);
	struct sample_set times = { 0 };

	for (unsigned int round = 0; round < ROUNDS && sender; round++) {
		struct ip_addr target = nation_target(nation, round * 37 % TENANTS, round % ASSETS_EACH);
		struct ip_prefix prefix = { .addr = { .family = IP_V4, .bytes = { 46, 1, 1, (uint8_t)(round + 1) } },
			.length = 32 };
		char source[IP_ADDR_TEXT_SIZE], line[1024];
		uint64_t began_ns;

		fleet_line(line, sizeof(line), ip_addr_format(&prefix.addr, source), 4711, &target, HOLD);
		fleet_watch(fleet, &prefix);
		began_ns = clock_mono_ns();
		if (sender_send(sender, round + 1, line) != 200 || !fleet_wait(fleet, 30000)) {
			fprintf(stderr, "bench-hub: a report did not reach all edges\n");
			bench->failed = true;
		}
		for (size_t i = 0; i < nation->edge_count; i++)
			sample_add(&times, (double)(fleet_times_of(fleet, i).heard_ns - began_ns) / 1e6);
	}
	sender_free(sender);
	bench_bar(bench, "report to the table of another edge, p99 of 20 edges", "ms", sample_share(&times, 0.99), true,
		1000);
	sample_done(&times);
}

void case_scale(struct bench *bench)
{
	uint32_t tenants = (uint32_t)(TENANTS * bench->scale), decisions = (uint32_t)(DECISIONS * bench->scale);
	struct nation nation;
	struct program hub;
	struct fleet *fleet;
	uint64_t began_ns = clock_mono_ns();

	nation_make(&nation, bench->parent, EDGES, tenants, ASSETS_EACH, false);
	bench_row(bench, "tenants and assets written (checked, audited)", "s",
		(double)(clock_mono_ns() - began_ns) / 1e9, "");
	began_ns = clock_mono_ns();
	nation_decide(&nation, decisions);
	bench_row(bench, "decisions ordered and journalled", "s", (double)(clock_mono_ns() - began_ns) / 1e9, "");
	measure_snapshot(bench, &nation);
	program_start(&hub, bench->luytre, nation.dir);
	bench_row(bench, "start of the hub", "ms", hub.start_ms, "");
	bench_row(bench, "memory of the hub", "MB", program_memory_mb(&hub), "");
	fleet = fleet_new(&nation, hub.port);
	measure_rounds(bench, &nation, fleet, hub.port);
	bench_row(bench, "memory of the hub, peak", "MB", program_memory_peak_mb(&hub), "");
	fleet_free(fleet);
	program_end(&hub, SIGTERM);
	nation_done(&nation);
}
