// SPDX-License-Identifier: Apache-2.0
/* The hub, measured: a real program with its disk, and a thousand edges that speak to it as edges do.
 *
 *	luytre-bench-hub --luytre PROGRAM [--only CASE] [--edges 1000] [--rounds 200] [--hurry] [--parent DIR] [--output FILE]
 *
 * It needs no root and no network but loopback. Exit code 1: a bar is missed. */
#include <getopt.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/hub/cases.h"

static const struct {
	const char *name, *title;
	void (*run)(struct bench *bench);
} cases[] = {
	{ "fanout", "From a report to every edge", case_fanout },
	{ "ingest", "Events in", case_ingest },
	{ "scale", "A nation: 10,000 tenants, 100,000 assets, 1,000,000 decisions", case_scale },
	{ "poison", "Tenants that lie", case_poison },
	{ "pages", "The console's pages over ten million events", case_pages },
	{ "kill", "Killed at any moment", case_kill },
};

void sample_add(struct sample_set *set, double value)
{
	if (set->count == set->capacity) {
		set->capacity = set->capacity ? 2 * set->capacity : 1024;
		set->values = realloc(set->values, set->capacity * sizeof(*set->values));
		if (!set->values)
			abort();
	}
	set->values[set->count++] = value;
}

static int by_value(const void *a, const void *b)
{
	const double *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

double sample_share(struct sample_set *set, double share)
{
	if (!set->count)
		return 0;
	qsort(set->values, set->count, sizeof(*set->values), by_value);
	return set->values[(size_t)(share * (double)(set->count - 1) + 0.5)];
}

void sample_done(struct sample_set *set)
{
	free(set->values);
	*set = (struct sample_set){ 0 };
}

void bench_row(struct bench *bench, const char *what, const char *unit, double figure, const char *wanted)
{
	fprintf(bench->out,
		figure >= 100 || figure == (double)(long long)figure ? "| %s | %.0f %s | %s |\n"
								     : "| %s | %.2f %s | %s |\n",
		what, figure, unit, wanted);
	fflush(bench->out);
}

void bench_bar(struct bench *bench, const char *what, const char *unit, double figure, bool at_most, double bar)
{
	bool met = at_most ? figure <= bar : figure >= bar;
	char wanted[64];

	snprintf(
		wanted, sizeof(wanted), "%s %g: %s", at_most ? "at most" : "at least", bar, met ? "met" : "**missed**");
	bench_row(bench, what, unit, figure, wanted);
	if (!met)
		bench->failed = true;
}

static void print_head(struct bench *bench)
{
	double load[3] = { 0 };
	struct utsname name;
	char date[32];
	time_t now = time(NULL);

	uname(&name);
	(void)!getloadavg(load, 3);
	strftime(date, sizeof(date), "%Y-%m-%d", gmtime(&now));
	fprintf(bench->out,
		"# The hub, measured\n\nWritten by `make bench-hub` on %s: %ld processors, Linux %s, load average %.1f "
		"at the "
		"start. Hub and\nsimulated edges share the processors. %zu edges, %zu rounds.\n",
		date, sysconf(_SC_NPROCESSORS_ONLN), name.release, load[0], bench->edges, bench->rounds);
}

static void raise_files(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int usage(void)
{
	fprintf(stderr, "luytre-bench-hub --luytre PROGRAM [--only CASE] [--edges 1000] [--rounds 200] [--hurry] "
			"[--parent DIR] "
			"[--output FILE]\n\ncases:");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		fprintf(stderr, " %s", cases[i].name);
	fprintf(stderr, "\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "luytre", 1, NULL, 'l' }, { "only", 1, NULL, 'o' },
		{ "edges", 1, NULL, 'e' }, { "rounds", 1, NULL, 'r' }, { "hurry", 0, NULL, 'h' },
		{ "parent", 1, NULL, 'p' }, { "output", 1, NULL, 'w' }, { 0 } };
	struct bench bench = { .parent = "/var/tmp", .edges = 1000, .rounds = 200, .scale = 1, .out = stdout };
	const char *only = NULL, *output = NULL;
	bool ran = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'l':
			bench.luytre = optarg;
			break;
		case 'o':
			only = optarg;
			break;
		case 'e':
			bench.edges = strtoul(optarg, NULL, 10);
			break;
		case 'r':
			bench.rounds = strtoul(optarg, NULL, 10);
			break;
		case 'h':
			bench.scale = 0.1;
			break;
		case 'p':
			bench.parent = optarg;
			break;
		case 'w':
			output = optarg;
			break;
		default:
			return usage();
		}
	}
	if (!bench.luytre || optind < argc || !bench.edges || !bench.rounds)
		return usage();
	signal(SIGPIPE, SIG_IGN);
	raise_files();
	if (output && !(bench.out = fopen(output, "we"))) {
		perror(output);
		return 1;
	}
	print_head(&bench);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (only && strcmp(only, cases[i].name) != 0)
			continue;
		fprintf(stderr, "bench-hub: %s ...\n", cases[i].name);
		fprintf(bench.out, "\n## %s\n\n| what | figure | wanted |\n|---|---|---|\n", cases[i].title);
		cases[i].run(&bench);
		ran = true;
	}
	if (output)
		fclose(bench.out);
	if (!ran)
		return usage();
	return bench.failed;
}
