// SPDX-License-Identifier: Apache-2.0
/* `make bench-gate`: the gate against libmodsecurity, alone and in nginx, with the same rules and requests; prints one report and writes it
 * to docs/benchmarks/gate.md. README.md beside this file says how it is measured. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "lab/process.h"
#include "tests/bench/gate/compare.h"
#include "tests/bench/gate/load.h"
#include "tests/bench/gate/servers.h"
#include "tests/bench/sensor/measure.h"

enum { RUNS = 5, QUIET_S = 300, MORE_SITES = 999 };

static const struct bar {
	unsigned int level;
	double wanted;
} bars[] = { { 0, 20 }, { 3, 10 } };

struct bench {
	const char *dir, *output;
	unsigned int runs;
	double quiet_s;
	bool engines, servers, loads; /* which parts are measured */
	struct rulefiles files;
	struct compare compare;
	struct servers nginx;
	struct report report;
	struct report_row *cold, *cached, *one_site, *more_sites, *site_ratio, *rival_load, *rival_one, *rival_more;
	char cache[PATH_MAX];
};

static void add_load_rows(struct bench *b)
{
	static const char section[] = "Loading the rules, paranoia level 1";

	b->cold = report_row(&b->report, section, "ours, nothing in the cache", "ms");
	b->cached = report_row(&b->report, section, "ours, from the cache", "ms");
	b->rival_load = report_row(&b->report, section, "libmodsecurity", "ms");
	b->one_site = report_row(&b->report, "Memory", "ours, 1 site", "MB");
	b->more_sites = report_row(&b->report, "Memory", "ours, 1,000 sites", "MB");
	b->site_ratio = report_row(&b->report, "Memory", "ours, 1,000 sites by 1 site", "x");
	b->rival_one = report_row(&b->report, "Memory", "libmodsecurity, 1 site", "MB");
	b->rival_more = report_row(&b->report, "Memory", "libmodsecurity, 1,000 sites", "MB");
}

static int clear_cache(const struct bench *b)
{
	const char *const argv[] = { "rm", "-rf", b->cache, NULL };
	int error = process_run(NULL, NULL, argv);

	return error == 0 && mkdir(b->cache, 0700) != 0 ? LUYTRE_E_IO : error;
}

static int run_cold_load(struct bench *b)
{
	struct load_cost cost;
	int error = clear_cache(b);

	if (error == 0)
		error = load_measure(&engine_ours, b->files.level[0], b->cache, 0, &cost);
	if (error == 0)
		report_value(b->cold, cost.load_ms);
	return error;
}

static int run_loads(struct bench *b)
{
	struct load_cost cost;
	int error = load_measure(&engine_ours, b->files.level[0], b->cache, MORE_SITES, &cost);
	if (error < 0)
		return error;
	report_value(b->cached, cost.load_ms);
	report_value(b->one_site, cost.one_site_mb);
	report_value(b->more_sites, cost.more_sites_mb);
	report_value(b->site_ratio, cost.more_sites_mb / cost.one_site_mb);
	error = load_measure(&engine_modsecurity, b->files.level[0], NULL, MORE_SITES, &cost);
	if (error == LUYTRE_E_UNSUPPORTED)
		return 0;
	report_value(b->rival_load, cost.load_ms);
	report_value(b->rival_one, cost.one_site_mb);
	report_value(b->rival_more, cost.more_sites_mb);
	return error;
}

static int run_all(struct bench *b)
{
	int error = 0;

	for (unsigned int run = 0; run < b->runs && error == 0; run++) {
		fprintf(stderr, "Run %u of %u ...\n", run + 1, b->runs);
		measure_wait_for_quiet(&b->quiet_s);
		if (b->loads && run == 0)
			error = run_cold_load(b);
		if (b->loads && error == 0)
			error = run_loads(b);
		if (b->engines && error == 0 && run == 0)
			error = compare_init(&b->compare, &b->files, b->cache);
		if (b->engines && error == 0)
			error = compare_run(&b->compare, run);
	}
	if (b->servers && error == 0)
		error = servers_run(&b->nginx, &b->files, b->dir, b->runs, &b->report);
	return error;
}

static void add_engine_bars(struct bench *b)
{
	for (size_t i = 0; i < ARRAY_COUNT(bars); i++) {
		for (unsigned int class = 0; class < REQUEST_CLASS_COUNT; class ++) {
			const struct report_row *ratio = &b->compare.ratios[bars[i].level][class];
			char name[64];

			snprintf(name, sizeof(name), "engine alone, paranoia level %u, %s: times as fast",
				bars[i].level + 1, request_class_name((enum request_class) class));
			if (ratio->count)
				report_bar(
					&b->report, name, REPORT_AT_LEAST, report_median(ratio), bars[i].wanted, "x");
			else
				report_unmeasured(
					&b->report, name, bars[i].wanted, "x", "not asked for, or no libmodsecurity");
		}
	}
}

static void add_bars(struct bench *b)
{
	add_engine_bars(b);
	if (b->loads)
		report_bar(&b->report, "1,000 sites against one: memory", REPORT_AT_MOST, report_median(b->site_ratio),
			1.5, "x");
	servers_add_bars(&b->nginx, &b->report);
}

static void print_head(struct bench *b, FILE *out)
{
	struct utsname system;
	time_t now = time(NULL);
	char date[32], model[128] = "unknown", line[256];
	double load[1] = { 0 };
	struct tm day;
	FILE *in = fopen("/proc/cpuinfo", "re");

	while (in && fgets(line, sizeof(line), in))
		if (sscanf(line, "model name : %127[^\n]", model) == 1)
			break;
	if (in)
		fclose(in);
	uname(&system);
	gmtime_r(&now, &day);
	strftime(date, sizeof(date), "%Y-%m-%d", &day);
	fprintf(out,
		"# The gate, measured\n\n"
		"Written by `make bench-gate`: this engine and libmodsecurity with the same rules and the same "
		"requests, in turns on one core.\n"
		"Median of %u runs. How it is measured: [tests/bench/gate](../../tests/bench/gate/README.md).\n\n"
		"- Date: %s\n- Processor: %s, %ld cores\n- Kernel: %s %s\n- Rules: %s, unmodified\n",
		b->runs, date, model, sysconf(_SC_NPROCESSORS_ONLN), system.sysname, system.release, b->files.version);
	if (getloadavg(load, 1) == 1)
		fprintf(out, "- Load of the machine during the runs, this one included: %.1f\n", load[0]);
	servers_print_versions(&b->nginx, out);
	fputc('\n', out);
}

static int write_report(struct bench *b)
{
	FILE *out = b->output ? fopen(b->output, "we") : NULL;
	FILE *const outs[] = { stdout, out };

	if (b->output && !out) {
		log_error("cannot write %s: %s", b->output, strerror(errno));
		return LUYTRE_E_IO;
	}
	for (size_t i = 0; i < ARRAY_COUNT(outs) && outs[i]; i++) {
		print_head(b, outs[i]);
		report_print(&b->report, outs[i], "");
		if (b->engines)
			compare_print(&b->compare, outs[i]);
	}
	return out && fclose(out) ? LUYTRE_E_IO : 0;
}

static int usage(const char *program)
{
	fprintf(stderr,
		"usage: %s [--dir DIR] [--runs N] [--output FILE.md] [--hurry] [--only engines|servers|loads] [--level "
		"N] "
		"[--class NAME] [--ours]\n",
		program);
	return 2;
}

static int read_only(struct bench *b, const char *part)
{
	b->engines = !strcmp(part, "engines");
	b->servers = !strcmp(part, "servers");
	b->loads = !strcmp(part, "loads");
	return b->engines || b->servers || b->loads ? 0 : -1;
}

static int read_class(struct bench *b, const char *name)
{
	for (unsigned int i = 0; i < REQUEST_CLASS_COUNT; i++) {
		if (!strcmp(request_class_name((enum request_class)i), name)) {
			b->compare.classes = 1U << i;
			return 0;
		}
	}
	return -1;
}

static int read_option(struct bench *b, int option)
{
	switch (option) {
	case 'd':
		b->dir = optarg;
		return 0;
	case 'n':
		b->runs = (unsigned int)strtoul(optarg, NULL, 10);
		return 0;
	case 'o':
		b->output = optarg;
		return 0;
	case 'h':
		b->quiet_s = 0;
		return 0;
	case 'p':
		return read_only(b, optarg);
	case 'l':
		b->compare.levels = 1U << (strtoul(optarg, NULL, 10) - 1) % LEVEL_COUNT;
		return 0;
	case 'c':
		return read_class(b, optarg);
	case 'u':
		b->compare.has_rival = false;
		return 0;
	default:
		return -1;
	}
}

static int read_options(int argc, char **argv, struct bench *b)
{
	static const struct option options[] = { { "dir", required_argument, NULL, 'd' },
		{ "runs", required_argument, NULL, 'n' }, { "output", required_argument, NULL, 'o' },
		{ "hurry", no_argument, NULL, 'h' }, { "only", required_argument, NULL, 'p' },
		{ "level", required_argument, NULL, 'l' }, { "class", required_argument, NULL, 'c' },
		{ "ours", no_argument, NULL, 'u' }, { 0 } };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (read_option(b, option) < 0)
			return -1;
	return optind == argc && b->runs > 0 && b->runs <= REPORT_RUNS_MAX ? 0 : -1;
}

static int prepare(struct bench *b)
{
	if (mkdir(b->dir, 0755) && errno != EEXIST) {
		log_error("cannot make the folder %s: %s", b->dir, strerror(errno));
		return LUYTRE_E_IO;
	}
	snprintf(b->cache, sizeof(b->cache), "%s/cache", b->dir);
	if (mkdir(b->cache, 0700) && errno != EEXIST)
		return LUYTRE_E_IO;
	return rulefiles_write(BENCH_ROOT, b->dir, &b->files);
}

int main(int argc, char **argv)
{
	static struct bench b = { .dir = BENCH_DIR,
		.runs = RUNS,
		.quiet_s = QUIET_S,
		.engines = true,
		.servers = true,
		.loads = true,
		.compare = { .has_rival = true,
			.levels = (1U << LEVEL_COUNT) - 1,
			.classes = (1U << REQUEST_CLASS_COUNT) - 1 } };
	int error;

	log_init();
	if (read_options(argc, argv, &b))
		return usage(argv[0]);
	error = prepare(&b);
	if (error == 0 && b.loads)
		add_load_rows(&b);
	if (error == 0)
		error = run_all(&b);
	if (error == 0) {
		add_bars(&b);
		error = write_report(&b);
	}
	compare_done(&b.compare);
	return error ? 1 : 0;
}
