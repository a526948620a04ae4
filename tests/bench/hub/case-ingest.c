// SPDX-License-Identifier: Apache-2.0
/* Events in: edges send full batches as fast as they are acknowledged. Acknowledged means on the disk. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "tests/bench/hub/cases.h"
#include "tests/bench/hub/fleet.h"
#include "tests/bench/hub/program.h"

enum { EDGES = 8, TENANTS = 200, LINES = 1000, SECONDS = 20, LINE_SIZE = 700 };

struct load {
	const struct nation *nation;
	size_t edge;
	uint16_t port;
	uint64_t until_ns;
	pthread_t thread;
	uint64_t batches, failed;
	struct sample_set times;
};

/* Alerts of everyday scanning: many sources, all tenants, a few hundred rules. */
static void fill(char *text, size_t text_size, const struct nation *nation, uint64_t *random)
{
	char stamp[40], target[IP_ADDR_TEXT_SIZE];
	time_t now = time(NULL);
	struct tm parts;
	size_t size = 0;

	gmtime_r(&now, &parts);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S.000001Z", &parts);
	for (int i = 0; i < LINES; i++) {
		uint64_t r = *random = *random * 6364136223846793005U + 1442695040888963407U;
		struct ip_addr addr = nation_target(nation, (uint32_t)(r >> 33) % TENANTS, 0);
		unsigned int rule = 2000000 + (unsigned int)(r >> 20) % 300;

		size += (size_t)snprintf(text + size, text_size - size,
			"%s{\"timestamp\":\"%s\",\"flow_id\":%llu,\"event_type\":\"alert\",\"src_ip\":\"45.%u.%u.%u\","
			"\"src_port\":%u,"
			"\"dest_ip\":\"%s\",\"dest_port\":443,\"proto\":\"TCP\",\"alert\":{\"action\":\"allowed\","
			"\"gid\":1,"
			"\"signature_id\":%u,\"rev\":1,\"signature\":\"SCAN of kind %u\",\"category\":\"Attempted "
			"Information "
			"Leak\",\"severity\":3},\"flow\":{\"pkts_toserver\":4,\"pkts_toclient\":3,\"bytes_toserver\":%"
			"u}}",
			i ? "\n" : "", stamp, (unsigned long long)(r >> 12), (unsigned int)(r >> 40) & 31,
			(unsigned int)(r >> 48) & 255, (unsigned int)(r >> 56) & 255,
			1024 + (unsigned int)(r >> 24) % 60000, ip_addr_format(&addr, target), rule, rule,
			(unsigned int)(r >> 30) & 4095);
	}
}

static void *run(void *context)
{
	struct load *load = context;
	struct sender *sender = sender_new(load->nation, load->edge, load->port);
	char *text = malloc((size_t)LINES * LINE_SIZE);
	uint64_t random = load->edge + 1;

	while (sender && text && clock_mono_ns() < load->until_ns) {
		uint64_t began_ns;

		fill(text, (size_t)LINES * LINE_SIZE, load->nation, &random);
		began_ns = clock_mono_ns();
		if (sender_send(sender, load->batches + 1, text) != 200) {
			load->failed++;
			break;
		}
		load->batches++;
		sample_add(&load->times, (double)(clock_mono_ns() - began_ns) / 1e6);
	}
	free(text);
	sender_free(sender);
	return NULL;
}

static double folder_bytes(const char *dir)
{
	char command[256], answer[64] = "";
	FILE *pipe;

	snprintf(command, sizeof(command), "du -sb '%s/events'", dir);
	pipe = popen(command, "re");
	if (pipe && !fgets(answer, sizeof(answer), pipe))
		answer[0] = '\0';
	if (pipe)
		pclose(pipe);
	return strtod(answer, NULL);
}

void case_ingest(struct bench *bench)
{
	struct load loads[EDGES];
	struct sample_set times = { 0 };
	struct nation nation;
	struct program hub;
	uint64_t batches = 0, began_ns, failed = 0;
	double cpu_s, wall_s, events;

	nation_make(&nation, bench->parent, EDGES, TENANTS, 1, false);
	program_start(&hub, bench->luytre, nation.dir);
	cpu_s = program_cpu_s(&hub);
	began_ns = clock_mono_ns();
	for (size_t i = 0; i < EDGES; i++) {
		loads[i] = (struct load){ .nation = &nation,
			.edge = i,
			.port = hub.port,
			.until_ns = began_ns + (uint64_t)(SECONDS * bench->scale * (double)NS_PER_S) };
		if (pthread_create(&loads[i].thread, NULL, run, &loads[i]))
			abort();
	}
	for (size_t i = 0; i < EDGES; i++) {
		pthread_join(loads[i].thread, NULL);
		batches += loads[i].batches;
		failed += loads[i].failed;
		for (size_t k = 0; k < loads[i].times.count; k++)
			sample_add(&times, loads[i].times.values[k]);
		sample_done(&loads[i].times);
	}
	wall_s = (double)(clock_mono_ns() - began_ns) / 1e9;
	cpu_s = program_cpu_s(&hub) - cpu_s;
	events = (double)batches * LINES;
	bench_row(bench, "events acknowledged a second, 8 edges, this machine", "", events / wall_s, "");
	bench_row(bench, "events for a second of the hub's processor", "", events / cpu_s, "");
	bench_row(bench, "answer to a batch of 1,000, p50", "ms", sample_share(&times, 0.5), "");
	bench_row(bench, "the same, p99", "ms", sample_share(&times, 0.99), "");
	bench_row(bench, "memory of the hub, peak", "MB", program_memory_peak_mb(&hub), "");
	bench_bar(bench, "batches that were not taken", "", (double)failed, true, 0);
	bench_row(bench, "stopped in", "ms", program_end(&hub, SIGTERM), "");
	bench_row(bench, "bytes an event on the disk", "", folder_bytes(nation.dir) / events, "");
	nation_done(&nation);
	sample_done(&times);
}
