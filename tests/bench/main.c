// SPDX-License-Identifier: Apache-2.0
/* `make bench`: measures the shield on this machine beside the tools that would do its work otherwise, prints one
 * table, and writes it to docs/benchmarks/shield.md with what it was measured on. Needs root. README.md says more. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "tests/bench/bench.h"

enum { SKIPPED = 77, RUNS = 7 };

static const struct {
	const char *name;
	int (*run)(struct bench *bench);
} cases[] = {
	{ "rates", case_rates },
	{ "lists", case_lists },
	{ "full", case_full },
	{ "steps", case_steps },
	{ "live", case_live },
};

struct options {
	const char *output; /* null: only to the terminal */
	const char *only; /* name of a case; null: all */
	bool hurry; /* do not wait for a quiet moment */
	bool insist; /* fail when a bar that is insisted on is missed by far */
};

static void read_cpu_model(char *text, size_t size)
{
	FILE *in = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(text, size, "unknown");
	while (in && fgets(line, sizeof(line), in))
		if (!strncmp(line, "model name", 10) && strchr(line, ':')) {
			snprintf(text, size, "%s", strchr(line, ':') + 2);
			text[strcspn(text, "\n")] = 0;
			break;
		}
	if (in)
		fclose(in);
}

static void print_head(const struct bench *bench, FILE *out)
{
	char model[128], date[32];
	struct utsname system;
	time_t now = time(NULL);
	struct tm day;

	read_cpu_model(model, sizeof(model));
	uname(&system);
	gmtime_r(&now, &day);
	strftime(date, sizeof(date), "%Y-%m-%d", &day);
	fprintf(out,
		"# The shield, measured\n\n"
		"Written by `make bench`. Generator and filter share one core: each rate is that of both together, "
		"and\n"
		"the empty program is what this machine can show at most. Median of %u bursts of %.1f s, in which the\n"
		"contenders take turns. How it is measured: [tests/bench](../../tests/bench/README.md).\n\n"
		"- Date: %s\n- Processor: %s, %ld cores\n- Kernel: %s %s\n"
		"- Other work on the machine took up to %.0f %% of the other cores during a burst\n\n",
		bench->runs, bench->burst_s, date, model, sysconf(_SC_NPROCESSORS_ONLN), system.sysname, system.release,
		100 * bench->rig.worst_noise);
	report_print(&bench->report, out, BENCH_LIMIT);
}

static int run_cases(struct bench *bench, const char *only)
{
	bool found = false;
	int error = 0;

	for (size_t i = 0; i < ARRAY_COUNT(cases) && !error; i++) {
		if (only && strcmp(only, cases[i].name))
			continue;
		found = true;
		error = cases[i].run(bench);
		if (error)
			log_error("case %s: %s", cases[i].name, error_text(error, LUYTRE_LANG_EN));
	}
	return found ? error : LUYTRE_E_NOT_FOUND;
}

static int write_report(const struct bench *bench, const char *path)
{
	FILE *out = fopen(path, "we");

	if (!out) {
		log_error("cannot write %s", path);
		return LUYTRE_E_IO;
	}
	print_head(bench, out);
	return fclose(out) ? LUYTRE_E_IO : 0;
}

static int measure(struct bench *bench, const struct options *options)
{
	int error = rig_open(&bench->rig);

	if (!error)
		error = ours_open(&bench->ours, &bench->rig);
	if (!error)
		error = ours_list(&bench->ours, OURS_LISTED_MAX);
	if (!error)
		error = run_cases(bench, options->only);
	ours_close(&bench->ours);
	if (error)
		return error;
	print_head(bench, stdout);
	if (options->output && write_report(bench, options->output))
		return LUYTRE_E_IO;
	return options->insist && report_failed(&bench->report) ? LUYTRE_E_RANGE : 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: luytre-bench [--output FILE] [--only rates|lists|full|steps|live] [--runs N] [--hurry] "
			"[--assert]\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = { { "output", required_argument, NULL, 'o' },
		{ "only", required_argument, NULL, 'c' }, { "runs", required_argument, NULL, 'n' },
		{ "hurry", no_argument, NULL, 'h' }, { "assert", no_argument, NULL, 'a' }, { NULL, 0, NULL, 0 } };
	static struct bench bench = { .runs = RUNS, .burst_s = 0.5 };
	struct options options = { .only = NULL };
	int at;

	while ((at = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (at == 'o')
			options.output = optarg;
		else if (at == 'c')
			options.only = optarg;
		else if (at == 'n')
			bench.runs = (unsigned int)strtoul(optarg, NULL, 10);
		else if (at == 'h')
			options.hurry = true;
		else if (at == 'a')
			options.insist = true;
		else
			return usage();
	}
	if (optind != argc || !bench.runs || bench.runs > REPORT_RUNS_MAX)
		return usage();
	if (geteuid()) {
		fprintf(stderr, "bench: filters are measured in the kernel, which takes root\n");
		return SKIPPED;
	}
	bench.rig.quiet_only = !options.hurry;
	return measure(&bench, &options) ? 1 : 0;
}
