// SPDX-License-Identifier: Apache-2.0
/* Reports a second, memory and the slow calls at a number of live decisions (1,000,000 unless told).
 *
 *	bench-decide [DECISIONS]
 *
 * Each source is reported by three trusted tenants, so each ends as a long block with three reports as evidence. Times
 * are of the process' own processor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "hub/decide/engine.h"
#include "hub/events/event.h"

#define TENANTS 20
#define RULE    7
#define START   (INT64_C(1790000000) * 1000000)

static double cpu_s(void)
{
	return (double)clock_id_ns(CLOCK_PROCESS_CPUTIME_ID) / (double)NS_PER_S;
}

static double resident_mib(void)
{
	char line[256];
	long kib = 0;
	FILE *file = fopen("/proc/self/status", "re");

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	}
	if (file)
		fclose(file);
	return (double)kib / 1024;
}

static int count_bytes(void *context, struct bytes frame)
{
	*(uint64_t *)context += frame.size;
	return 0;
}

struct copy {
	uint8_t *bytes;
	size_t size, capacity;
};

static int keep(void *context, struct bytes frame)
{
	struct copy *copy = context;

	if (copy->size + frame.size > copy->capacity)
		return LUYTRE_E_FULL;
	memcpy(copy->bytes + copy->size, frame.ptr, frame.size);
	copy->size += frame.size;
	return 0;
}

static void count_change(void *context, const struct engine_change *change)
{
	++*(size_t *)context;
}

static struct engine *make_engine(uint32_t decisions, uint64_t *journal_size)
{
	const struct engine_callbacks callbacks = { .context = journal_size, .journal = count_bytes };
	const struct siphash_key key = { 1, 2 };
	struct engine_limits limits;

	engine_limits_default(&limits);
	limits.records_max = decisions + decisions / 10 + 1000;
	limits.evidence_max = 4 * limits.records_max;
	limits.pace_floor = UINT32_MAX;
	return engine_new(&limits, &callbacks, NULL, NULL, key);
}

static bool report(struct engine *engine, int64_t now_us, uint32_t source, uint32_t tenant)
{
	const uint8_t bytes[4] = { (uint8_t)(11 + (source >> 24)), (uint8_t)(source >> 16), (uint8_t)(source >> 8),
		(uint8_t)source };
	struct ip_addr addr = ip_addr_v4(bytes);
	struct observable observable;
	struct engine_report in = { .time_us = now_us,
		.tenant = tenant,
		.edge = tenant,
		.rule = RULE,
		.evidence = EV_E3,
		.class = DECIDE_WEB,
		.observable = &observable };

	observable_of_addr(&addr, &observable);
	return engine_report(engine, now_us, &in, NULL) == 0;
}

static void print_rate(const char *what, double count, double seconds)
{
	printf("%-44s %10.0f /s\n", what, count / seconds);
}

static void measure_lists(struct engine *engine, uint32_t decisions)
{
	struct copy copy = { .capacity = (size_t)decisions * 400 + (1 << 20) };
	struct engine *again = make_engine(decisions, NULL);
	size_t valid = 0, live = 0;
	double begin = cpu_s();

	engine_each(engine, count_change, &live);
	printf("%-44s %10.3f s for %zu\n", "snapshot of all decisions", cpu_s() - begin, live);
	copy.bytes = malloc(copy.capacity);
	if (!copy.bytes || !again)
		exit(1);
	begin = cpu_s();
	if (engine_save(engine, keep, &copy) != 0)
		exit(1);
	printf("%-44s %10.3f s, %zu bytes a decision\n", "journal written anew", cpu_s() - begin,
		copy.size / (live + 1));
	begin = cpu_s();
	if (engine_load(again, bytes_of(copy.bytes, copy.size), &valid) != 0)
		exit(1);
	printf("%-44s %10.3f s\n", "journal loaded", cpu_s() - begin);
	engine_free(again);
	free(copy.bytes);
}

int main(int argc, char **argv)
{
	uint32_t decisions = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
	uint64_t journal_size = 0;
	double before_mib = resident_mib(), begin;
	struct engine *engine = make_engine(decisions, &journal_size);
	const struct reporter_attributes vetted = { .enrolment = REPORTER_VETTED };
	struct engine_stats stats;
	int64_t now_us = START;

	if (!engine || decisions == 0 || reporters_rule_set(engine_reporters(engine), RULE, 200, 2) != 0)
		return 1;
	for (uint32_t tenant = 1; tenant <= TENANTS; tenant++) {
		if (reporters_set(engine_reporters(engine), tenant, &vetted) != 0)
			return 1;
	}
	begin = cpu_s();
	for (uint32_t i = 0; i < decisions; i++) {
		now_us += 1000;
		for (uint32_t j = 0; j < 3; j++) {
			if (!report(engine, now_us, i, 1 + (i + j * 7) % TENANTS))
				return 1;
		}
	}
	print_rate("reports of new sources, with journal frames", 3.0 * decisions, cpu_s() - begin);
	engine_stats(engine, &stats);
	printf("%-44s %10zu\n", "live blocks",
		stats.live[DECIDE_PROVISIONAL] + stats.live[DECIDE_BLOCK] + stats.live[DECIDE_LONG]);
	printf("%-44s %10.0f MiB, %.0f bytes a decision\n", "memory", resident_mib() - before_mib,
		(resident_mib() - before_mib) * 1048576 / decisions);
	printf("%-44s %10.0f bytes a report\n", "journal", (double)journal_size / (3.0 * decisions));
	begin = cpu_s();
	for (uint32_t i = 0; i < 200000; i++) {
		if (!report(engine, now_us, (i * 7919u) % decisions, 1 + i % TENANTS))
			return 1;
	}
	print_rate("reports of known sources, in random order", 200000, cpu_s() - begin);
	measure_lists(engine, decisions);
	begin = cpu_s();
	printf("%-44s %10zu lifted in ", "undo-all", engine_undo_all(engine, now_us, 1));
	printf("%.3f s\n", cpu_s() - begin);
	engine_free(engine);
	return 0;
}
