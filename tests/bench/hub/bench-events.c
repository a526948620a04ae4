// SPDX-License-Identifier: Apache-2.0
/* The event store, measured: how many events a second and for how much processor time, how many bytes each, and how long
 * the questions take that the console's pages ask.
 *
 *	luytre-bench-events [--count 1000000] [--batch 5000] [--place sqlite:DIR | --clickhouse]
 *
 * Without a place it makes a folder in /var/tmp (a disk, as the hub has) and removes it. With --clickhouse it starts a server
 * of its own, whose processor time is counted too. Questions run five times; the
 * median of the wall clock and of the processor is shown. Figures of one machine: docs/benchmarks. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "hub/events/clickhouse-own.h"
#include "hub/events/sample.h"

#define RUNS      5
#define BEGIN_US  INT64_C(1790000000000000) / EV_HOUR_US *EV_HOUR_US
#define SPAN_US   (24 * EV_HOUR_US)
#define CHUNK_MAX EV_BATCH_MAX

struct times {
	double wall_ms, cpu_ms;
};

static struct clickhouse_own own;

static double cpu_s(void)
{
	struct rusage usage;
	clockid_t server;
	double server_s =
		own.pid > 0 && clock_getcpuclockid(own.pid, &server) == 0 ? (double)clock_id_ns(server) / 1e9 : 0;

	getrusage(RUSAGE_SELF, &usage);
	return server_s + (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static struct sample sample_of(uint64_t count)
{
	return (struct sample){
		.count = count, .begin_us = BEGIN_US, .span_us = SPAN_US, .sources = 2000000, .tenants = 200
	};
}

struct chunk {
	struct ev_event events[CHUNK_MAX];
	struct sample_text texts[CHUNK_MAX];
};

static void die(const char *what, int error)
{
	fprintf(stderr, "bench-events: %s: %s\n", what, error_text(error, LUYTRE_LANG_EN));
	exit(1);
}

/* Making the events up is not counted: it costs about as much as storing them in the fastest store. */
static void fill(struct ev_store *store, uint64_t count, uint64_t batch_size)
{
	struct sample sample = sample_of(count);
	struct chunk *chunk = calloc(1, sizeof(*chunk));
	double wall = 0, cpu = 0, slowest = 0;
	struct ev_stats stats;

	for (uint64_t at = 0; chunk && at < count;) {
		size_t size = count - at < batch_size ? (size_t)(count - at) : (size_t)batch_size;
		struct ev_batch batch = { .events = chunk->events, .count = size };
		uint64_t begin;
		double begin_cpu, took;
		char id[32];
		int error;

		for (size_t i = 0; i < size; i++)
			sample_event(&sample, at + i, &chunk->texts[i], &chunk->events[i]);
		batch.arrived_us =
			chunk->events[size - 1].time_us > BEGIN_US ? chunk->events[size - 1].time_us : BEGIN_US;
		snprintf(id, sizeof(id), "edge-1:%" PRIu64, at);
		batch.id = id;
		begin = clock_mono_ns();
		begin_cpu = cpu_s();
		error = ev_append(store, &batch, NULL);
		if (error != 0)
			die("append", error);
		took = (double)(clock_mono_ns() - begin) / 1e9;
		cpu += cpu_s() - begin_cpu;
		wall += took;
		slowest = took > slowest ? took : slowest;
		at += size;
	}
	free(chunk);
	ev_stats(store, &stats);
	printf("| ingest, %" PRIu64
	       " a batch | events/s %.0f | events/CPU-s %.0f | bytes/event %.0f | slowest batch %.2f s |"
	       " segments %" PRIu64 " |\n\n",
		batch_size, (double)count / wall, (double)count / cpu, (double)stats.bytes / (double)stats.events,
		slowest, stats.segments);
}

static int take_event(void *context, const struct ev_event *event)
{
	++*(uint64_t *)context;
	return 0;
}

static int take_count(void *context, const struct ev_count *count)
{
	++*(uint64_t *)context;
	return 0;
}

static int take_ranked(void *context, const struct ev_ranked *ranked)
{
	++*(uint64_t *)context;
	return 0;
}

static int compare_doubles(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

typedef int (*question_fn)(struct ev_reader *reader, struct ev_filter *filter, uint64_t *ret_count);

static void measure(struct ev_reader *reader, struct ev_filter filter, const char *name, question_fn ask)
{
	double wall[RUNS], cpu[RUNS];
	uint64_t count = 0;

	for (unsigned int i = 0; i < RUNS; i++) {
		uint64_t begin = clock_mono_ns();
		double begin_cpu = cpu_s();
		int error;

		count = 0;
		error = ask(reader, &filter, &count);
		if (error == LUYTRE_E_TIMEOUT) {
			printf("| %s | over the limit of 10 s | | %" PRIu64 " |\n", name, count);
			return;
		}
		if (error != 0)
			die(name, error);
		wall[i] = (double)(clock_mono_ns() - begin) / 1e6;
		cpu[i] = (cpu_s() - begin_cpu) * 1e3;
	}
	qsort(wall, RUNS, sizeof(*wall), compare_doubles);
	qsort(cpu, RUNS, sizeof(*cpu), compare_doubles);
	printf("| %s | %.2f | %.2f | %" PRIu64 " |\n", name, wall[RUNS / 2], cpu[RUNS / 2], count);
}

static int page_newest(struct ev_reader *reader, struct ev_filter *filter, uint64_t *ret_count)
{
	return ev_page(reader, filter, NULL, 100, take_event, ret_count);
}

static int count_kinds(struct ev_reader *reader, struct ev_filter *filter, uint64_t *ret_count)
{
	return ev_count_by(reader, filter, EV_DIM_KIND, 300, take_count, ret_count);
}

static int count_tenants(struct ev_reader *reader, struct ev_filter *filter, uint64_t *ret_count)
{
	return ev_count_by(reader, filter, EV_DIM_TENANT, 3600, take_count, ret_count);
}

static int top_sources(struct ev_reader *reader, struct ev_filter *filter, uint64_t *ret_count)
{
	return ev_top(reader, filter, EV_TOP_SRC, 20, take_ranked, ret_count);
}

static int top_rules(struct ev_reader *reader, struct ev_filter *filter, uint64_t *ret_count)
{
	return ev_top(reader, filter, EV_TOP_RULE, 20, take_ranked, ret_count);
}

static int distinct(struct ev_reader *reader, struct ev_filter *filter, uint64_t *ret_count)
{
	return ev_distinct_sources(reader, filter, ret_count);
}

static void ask_all(struct ev_store *store, uint64_t count)
{
	static const struct scope nation = { .all = true };
	static const uint32_t some[] = { 3, 17, 44, 91, 150 };
	static const struct scope few = { .tenants = some, .tenant_count = ARRAY_COUNT(some) };
	struct sample sample = sample_of(count);
	struct ev_filter day = { .scope = &nation, .from_us = BEGIN_US, .until_us = BEGIN_US + SPAN_US };
	struct ev_filter hour = day, filter;
	struct sample_text text;
	struct ev_event event = { 0 };
	struct ev_reader *reader;
	int error = ev_reader_open(store, &reader);

	if (error != 0)
		die("reader", error);
	hour.from_us = hour.until_us - EV_HOUR_US;
	for (uint64_t i = count / 2; event.src.family == 0; i++)
		sample_event(&sample, i, &text, &event);
	printf("| question | wall ms | CPU ms | rows |\n|---|---|---|---|\n");
	measure(reader, day, "newest 100, nation", page_newest);
	filter = day;
	filter.tenant = 3;
	measure(reader, filter, "newest 100 of a tenant", page_newest);
	filter.severity_max = 1;
	measure(reader, filter, "newest 100 of a tenant, severity 1", page_newest);
	filter = day;
	filter.scope = &few;
	measure(reader, filter, "newest 100 of five tenants", page_newest);
	filter = day;
	filter.src = ip_prefix_of_addr(&event.src);
	measure(reader, filter, "newest 100 of a source, 24 h", page_newest);
	measure(reader, day, "nation, 24 h by 5 min and kind", count_kinds);
	filter = day;
	filter.tenant = 3;
	measure(reader, filter, "a tenant, 24 h by 5 min and kind", count_kinds);
	measure(reader, day, "all tenants by hour, 24 h", count_tenants);
	measure(reader, day, "top 20 sources with their tenants, 24 h", top_sources);
	measure(reader, hour, "top 20 sources with their tenants, last hour", top_sources);
	measure(reader, filter, "top 20 sources of a tenant, 24 h", top_sources);
	measure(reader, day, "top 20 rules, 24 h", top_rules);
	measure(reader, day, "number of sources, nation, 24 h", distinct);
	measure(reader, filter, "number of sources, a tenant, 24 h", distinct);
	filter = hour;
	filter.kinds = 1u << EV_ALERT;
	measure(reader, filter, "top 20 sources of alerts, last hour (reads events)", top_sources);
	filter = hour;
	filter.text = bytes_from_str("id=4321\"");
	measure(reader, filter, "100 with a text, last hour (reads events)", page_newest);
	ev_reader_close(reader);
}

static uint64_t number_of(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	if (*end != '\0' || value == 0) {
		fprintf(stderr, "bench-events: \"%s\" is not a number above 0\n", text);
		exit(2);
	}
	return value;
}

struct settings {
	uint64_t count, batch;
	const char *place;
	bool clickhouse;
};

static bool read_settings(int argc, char **argv, struct settings *ret)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'c' },
		{ "batch", required_argument, NULL, 'b' },
		{ "place", required_argument, NULL, 'p' },
		{ "clickhouse", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	*ret = (struct settings){ .count = 1000000, .batch = 5000 };
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'c')
			ret->count = number_of(optarg);
		else if (option == 'b')
			ret->batch = number_of(optarg);
		else if (option == 'p')
			ret->place = optarg;
		else if (option == 'h')
			ret->clickhouse = true;
		else
			return false;
	}
	if (ret->batch > EV_BATCH_MAX)
		ret->batch = EV_BATCH_MAX;
	return true;
}

int main(int argc, char **argv)
{
	char dir[] = "/var/tmp/luytre-events.XXXXXX", place[128] = "", command[160], why[256] = "";
	struct settings settings;
	struct ev_store *store;
	int error;

	if (!read_settings(argc, argv, &settings))
		return 2;
	if (settings.clickhouse) {
		error = clickhouse_own_start(&own);
		if (error != 0)
			die("clickhouse-server", error);
		clickhouse_own_place(&own, "bench", place, sizeof(place));
	} else if (!settings.place) {
		if (!mkdtemp(dir)) {
			perror(dir);
			return 1;
		}
		snprintf(place, sizeof(place), "sqlite:%s", dir);
	}
	error = ev_store_open(settings.place ? settings.place : place, &store, why, sizeof(why));
	if (error != 0) {
		fprintf(stderr, "bench-events: %s\n", why);
		return 1;
	}
	printf("%" PRIu64 " events over 24 h, %s\n\n", settings.count,
		settings.clickhouse ? "ClickHouse" : "SQLite segments");
	fill(store, settings.count, settings.batch);
	ask_all(store, settings.count);
	ev_store_close(store);
	if (settings.clickhouse)
		clickhouse_own_stop(&own);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return settings.clickhouse || settings.place || system(command) == 0 ? 0 : 1;
}
