// SPDX-License-Identifier: Apache-2.0
/* `make bench-sensor`: one worker of the sensor on a capture of real servers and clients, with no rules, a thousand and
 * a whole set, with and without events; prints one table and writes it to docs/benchmarks/sensor.md. README.md beside
 * this file says how it is measured. */
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
#include "tests/bench/report.h"
#include "tests/bench/sensor/measure.h"
#include "tests/bench/sensor/ruleset.h"

enum { RUNS = 5, YARDSTICK_BYTES = 64 << 20, QUIET_S = 300 };

static const struct variant {
	const char *name;
	enum ruleset rules;
	bool events;
	unsigned int tenants; /* 0: the stock configuration, which has none */
} variants[] = {
	{ "no rules", RULESET_NONE, false, 0 },
	{ "no rules, EVE on", RULESET_NONE, true, 0 },
	{ "1,000 rules", RULESET_1000, false, 0 },
	{ "1,000 rules, EVE on", RULESET_1000, true, 0 },
	{ "all rules", RULESET_ALL, false, 0 },
	{ "all rules, EVE on", RULESET_ALL, true, 0 },
	{ "all rules, EVE on, 1 tenant", RULESET_ALL, true, 1 },
	{ "all rules, EVE on, 100 tenants", RULESET_ALL, true, 100 },
	{ "all rules, EVE on, 1,000 tenants", RULESET_ALL, true, 1000 },
};

enum {
	VARIANT_PLAIN = 0,
	VARIANT_FULL = 5,
	VARIANT_1_TENANT,
	VARIANT_100_TENANTS,
	VARIANT_1000_TENANTS,
	VARIANT_COUNT = ARRAY_COUNT(variants)
};

/* One table of the report each: a row a variant. */
enum figure { FIGURE_RATE, FIGURE_CPU_RATE, FIGURE_PACKETS, FIGURE_ALERTS, FIGURE_MEMORY, FIGURE_COUNT };

static const struct {
	const char *section, *unit;
} figures[FIGURE_COUNT] = {
	[FIGURE_RATE] = { "Rate", "MB/s" },
	[FIGURE_CPU_RATE] = { "Rate by processor time: what a core of its own would reach", "MB/s" },
	[FIGURE_PACKETS] = { "Packets", "kpps" },
	[FIGURE_ALERTS] = { "Alerts", "k" },
	[FIGURE_MEMORY] = { "Peak memory, compilation of the rules included", "MB" },
};

struct bench {
	const char *luytre, *traffic_maker, *rules, *dir, *output;
	unsigned int runs;
	double quiet_s; /* how long all runs together may still wait */
	char traffic[PATH_MAX], log[PATH_MAX], events[PATH_MAX], cache[PATH_MAX], config[PATH_MAX], yardstick[PATH_MAX];
	struct rulesets sets;
	struct measure last; /* of the largest set */
	double worst_others;

	struct report report;
	struct report_row *row[FIGURE_COUNT][VARIANT_COUNT];
	struct report_row *load_cold, *load_cached, *gzip, *cached_memory;
};

static bool applies(const struct bench *b, const struct variant *v)
{
	return v->rules == RULESET_NONE || b->rules;
}

static void note_others(struct bench *b, const struct measure *m)
{
	if (m->others > b->worst_others)
		b->worst_others = m->others;
}

/* What the stock configuration says, as far as the rules and records here need it, and tenants with a network, variables and
 * verdicts of their own. The first have the addresses of the traffic's clients. */
static int write_config(const char *path, unsigned int tenants)
{
	static const char *const servers[] = { "HTTP", "SMTP", "SQL", "DNS", "TELNET", "DC" };
	FILE *out = fopen(path, "we");

	if (!out)
		return LUYTRE_E_IO;
	fputs("%YAML 1.1\n---\nvars:\n  address-groups:\n    HOME_NET: \"[192.168.0.0/16,10.0.0.0/8,172.16.0.0/12]\"\n"
	      "    EXTERNAL_NET: \"!$HOME_NET\"\n    AIM_SERVERS: \"$EXTERNAL_NET\"\n",
		out);
	for (size_t i = 0; i < ARRAY_COUNT(servers); i++)
		fprintf(out, "    %s_SERVERS: \"$HOME_NET\"\n", servers[i]);
	fputs("  port-groups: {HTTP_PORTS: 80, SHELLCODE_PORTS: \"!80\", ORACLE_PORTS: 1521, SSH_PORTS: 22, FTP_PORTS: "
	      "21,\n"
	      "    FILE_DATA_PORTS: \"[80,110,143]\", SIP_PORTS: \"[5060,5061]\"}\n"
	      "outputs:\n  - eve-log:\n      types: [alert, anomaly, http, dns, tls, files, smtp, ftp, ssh, stats, "
	      "flow]\n"
	      "tenants:\n",
		out);
	for (unsigned int i = 0; i < tenants; i++)
		fprintf(out,
			"  - org-%u:\n      networks: [10.20.%u.%u]\n      vars: {address-groups: {HOME_NET: "
			"\"[10.20.%u.%u,"
			"198.51.100.0/24,192.168.0.0/16]\"}}\n      verdicts: {2013028: alert, 2010935: \"off\"}\n",
			i, i / 250, i % 250 + 1, i / 250, i % 250 + 1);
	return fclose(out) ? LUYTRE_E_IO : 0;
}

static int run_variant(struct bench *b, size_t which)
{
	const struct variant *v = &variants[which];
	const char *const argv[] = { b->luytre, "replay", b->traffic, "--rules", b->sets.path[v->rules],
		v->events ? "--eve" : "--set", v->events ? b->events : "outputs.1.eve-log.enabled=no",
		v->tenants ? "--suricata-config" : NULL, b->config, NULL };
	struct measure m;
	double cpu_s;
	int error = v->tenants ? write_config(b->config, v->tenants) : 0;

	if (error)
		return error;
	unlink(b->events);
	measure_wait_for_quiet(&b->quiet_s);
	error = measure_sensor(argv, b->log, &m);
	unlink(b->events);
	if (error)
		return error;
	/* Loading happens before the first packet and is a row of its own. It keeps one core busy. */
	cpu_s = m.cpu_s - m.load_s * m.cpu_s / (m.load_s + m.run_s);
	report_value(b->row[FIGURE_RATE][which], m.bytes_mb / m.run_s);
	report_value(b->row[FIGURE_CPU_RATE][which], m.bytes_mb / cpu_s);
	report_value(b->row[FIGURE_PACKETS][which], m.packets / m.run_s / 1e3);
	report_value(b->row[FIGURE_ALERTS][which], m.alerts / 1e3);
	report_value(b->row[FIGURE_MEMORY][which], m.peak_mb);
	note_others(b, &m);
	if (which == VARIANT_FULL || !b->rules)
		b->last = m;
	return 0;
}

/* Both ways of loading the largest set, without traffic. */
static int run_load(struct bench *b)
{
	const char *const clear[] = { "rm", "-rf", b->cache, NULL };
	const char *const argv[] = { b->luytre, "replay", "--rules", b->sets.path[RULESET_ALL], "--cache", b->cache,
		NULL };
	struct report_row *const row[] = { b->load_cold, b->load_cached };
	struct measure m;
	int error = process_run(NULL, NULL, clear);

	if (!error && mkdir(b->cache, 0755))
		error = LUYTRE_E_SYSTEM;
	for (size_t i = 0; !error && i < ARRAY_COUNT(row); i++) {
		measure_wait_for_quiet(&b->quiet_s);
		error = measure_sensor(argv, b->log, &m);
		if (error)
			break;
		report_value(row[i], m.load_s);
		if (row[i] == b->load_cached)
			report_value(b->cached_memory, m.peak_mb);
	}
	return error;
}

/* How fast the machine is today, in something that everybody has. */
static int run_yardstick(struct bench *b)
{
	const char *const argv[] = { "gzip", "-1", "-c", b->yardstick, NULL };
	const char *const shell[] = { "sh", "-c", "exec \"$0\" \"$@\" >/dev/null", argv[0], argv[1], argv[2], argv[3],
		NULL };
	struct measure m;
	int error;

	measure_wait_for_quiet(&b->quiet_s);
	error = measure_program(shell, b->log, &m);
	if (!error)
		report_value(b->gzip, m.cpu_s);
	return error;
}

/* Words of a few letters, the same on every machine; gzip makes it about half as long. */
static int write_yardstick(const char *path)
{
	FILE *out = fopen(path, "we");
	uint64_t state = 1;

	if (!out)
		return LUYTRE_E_IO;
	for (unsigned int i = 0; i < YARDSTICK_BYTES; i++) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		putc(" aabcdeeefghiiklmnnoooprsttuuvy\n"[state >> 59], out);
	}
	return fclose(out) ? LUYTRE_E_IO : 0;
}

static void add_rows(struct bench *b)
{
	for (size_t f = 0; f < FIGURE_COUNT; f++)
		for (size_t v = 0; v < VARIANT_COUNT; v++)
			if (applies(b, &variants[v]))
				b->row[f][v] =
					report_row(&b->report, figures[f].section, variants[v].name, figures[f].unit);
	if (b->rules) {
		b->load_cold = report_row(&b->report, "Loading all rules", "nothing in the cache", "s");
		b->load_cached = report_row(&b->report, "Loading all rules", "from the cache", "s");
		b->cached_memory = report_row(&b->report, "Loading all rules", "peak memory from the cache", "MB");
	}
	b->gzip = report_row(&b->report, "The machine's yardstick", "gzip -1 of 64 MiB, processor time", "s");
}

static int run_all(struct bench *b)
{
	int error = 0;

	for (unsigned int run = 0; !error && run < b->runs; run++) {
		fprintf(stderr, "Run %u of %u ...\n", run + 1, b->runs);
		for (size_t v = 0; !error && v < VARIANT_COUNT; v++)
			if (applies(b, &variants[v]))
				error = run_variant(b, v);
		if (!error && b->rules)
			error = run_load(b);
		if (!error)
			error = run_yardstick(b);
	}
	return error;
}

static void unmeasured(
	struct bench *b, const char *name, enum report_bar_kind kind, double wanted, const char *unit, const char *why)
{
	report_unmeasured(&b->report, name, wanted, unit, why);
	if (b->report.bar_count)
		b->report.bar[b->report.bar_count - 1].kind = kind;
}

static double tenant_ratio(const struct bench *b, enum figure figure, size_t which)
{
	double one = report_median(b->row[figure][VARIANT_1_TENANT]), many = report_median(b->row[figure][which]);

	/* Time is the inverse of the rate. */
	return figure == FIGURE_MEMORY ? many / one : one / many;
}

static void add_tenant_bars(struct bench *b, const char *without)
{
	static const struct {
		const char *name;
		enum figure figure;
		size_t which;
		double most;
	} bars[] = {
		{ "100 tenants against one: time", FIGURE_CPU_RATE, VARIANT_100_TENANTS, 1.3 },
		{ "1,000 tenants against one: time", FIGURE_CPU_RATE, VARIANT_1000_TENANTS, 1.3 },
		{ "1,000 tenants against one: memory", FIGURE_MEMORY, VARIANT_1000_TENANTS, 2 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(bars); i++) {
		if (b->rules)
			report_bar(&b->report, bars[i].name, REPORT_AT_MOST,
				tenant_ratio(b, bars[i].figure, bars[i].which), bars[i].most, "x");
		else
			unmeasured(b, bars[i].name, REPORT_AT_MOST, bars[i].most, "x", without);
	}
}

static void add_bars(struct bench *b)
{
	static const char without[] = "no rule set at hand";
	struct report *r = &b->report;
	double known = b->sets.count[RULESET_ALL];

	report_bar(r, "no rules", REPORT_AT_LEAST, report_median(b->row[FIGURE_RATE][VARIANT_PLAIN]), 400, "MB/s");
	if (b->rules) {
		report_bar(r, "all rules, EVE on", REPORT_AT_LEAST, report_median(b->row[FIGURE_RATE][VARIANT_FULL]),
			150, "MB/s");
		report_bar(r, "all rules, EVE on: peak memory", REPORT_AT_MOST,
			report_median(b->row[FIGURE_MEMORY][VARIANT_FULL]), 250, "MB");
		report_bar(r, "rules that load", REPORT_AT_LEAST, known > 0 ? 100 * b->last.rules_loaded / known : 0,
			99, "%");
		report_bar(r, "loading, nothing in the cache", REPORT_AT_MOST, report_median(b->load_cold), 3, "s");
		report_bar(r, "loading from the cache", REPORT_AT_MOST, report_median(b->load_cached), 0.5, "s");
	} else {
		unmeasured(b, "all rules, EVE on", REPORT_AT_LEAST, 150, "MB/s", without);
		unmeasured(b, "all rules, EVE on: peak memory", REPORT_AT_MOST, 250, "MB", without);
	}
	add_tenant_bars(b, without);
}

static void print_traffic(const struct bench *b, FILE *out)
{
	char path[PATH_MAX + 8], line[128];
	FILE *in;

	fprintf(out, "- Traffic: %.0f MB in %.0f packets, of which", b->last.bytes_mb, b->last.packets);
	snprintf(path, sizeof(path), "%s.txt", b->traffic);
	in = fopen(path, "re");
	for (bool first = true; in && fgets(line, sizeof(line), in);) {
		line[strcspn(line, "\n")] = 0;
		if (!strchr(line, '%'))
			continue;
		fprintf(out, "%s %s", first ? "" : ",", line);
		first = false;
	}
	if (in)
		fclose(in);
	fputc('\n', out);
}

static void print_head(const struct bench *b, FILE *out)
{
	struct utsname system;
	time_t now = time(NULL);
	char date[32], model[128] = "unknown";
	struct tm day;
	FILE *in = fopen("/proc/cpuinfo", "re");
	char line[256];

	while (in && fgets(line, sizeof(line), in))
		if (sscanf(line, "model name : %127[^\n]", model) == 1)
			break;
	if (in)
		fclose(in);
	uname(&system);
	gmtime_r(&now, &day);
	strftime(date, sizeof(date), "%Y-%m-%d", &day);
	fprintf(out,
		"# The sensor, measured\n\n"
		"Written by `make bench-sensor`: one worker reads a capture of real servers and clients from a file.\n"
		"Median of %u runs in which the variants take turns. How it is measured:\n"
		"[tests/bench/sensor](../../tests/bench/sensor/README.md).\n\n"
		"- Date: %s\n- Processor: %s, %ld cores\n- Kernel: %s %s\n",
		b->runs, date, model, sysconf(_SC_NPROCESSORS_ONLN), system.sysname, system.release);
	print_traffic(b, out);
	if (b->rules)
		fprintf(out, "- Rules: %u of %s, of which %u load and %u are refused\n", b->sets.count[RULESET_ALL],
			strrchr(b->rules, '/') ? strrchr(b->rules, '/') + 1 : b->rules, b->last.rules_loaded,
			b->last.rules_refused);
	fprintf(out,
		"- Other work took up to %.0f %% of the machine during a run\n"
		"- Other sensors are not compared: Debian 12 has neither Suricata nor Snort\n\n",
		100 * b->worst_others);
	report_print(&b->report, out, variants[VARIANT_PLAIN].name);
}

static int write_report(const struct bench *b)
{
	FILE *out;

	print_head(b, stdout);
	if (!b->output)
		return 0;
	out = fopen(b->output, "we");
	if (!out) {
		log_error("cannot write %s: %s", b->output, strerror(errno));
		return LUYTRE_E_IO;
	}
	print_head(b, out);
	return fclose(out) ? LUYTRE_E_IO : 0;
}

static int prepare(struct bench *b)
{
	const char *const make_traffic[] = { b->traffic_maker, b->traffic, NULL };
	int error;

	if (mkdir(b->dir, 0755) && errno != EEXIST) {
		log_error("cannot make the folder %s: %s", b->dir, strerror(errno));
		return LUYTRE_E_IO;
	}
	snprintf(b->log, sizeof(b->log), "%s/log", b->dir);
	snprintf(b->events, sizeof(b->events), "%s/eve.json", b->dir);
	snprintf(b->cache, sizeof(b->cache), "%s/cache", b->dir);
	snprintf(b->config, sizeof(b->config), "%s/tenants.yaml", b->dir);
	snprintf(b->yardstick, sizeof(b->yardstick), "%s/yardstick", b->dir);
	if (!*b->traffic) {
		snprintf(b->traffic, sizeof(b->traffic), "%s/traffic.pcap", b->dir);
		fprintf(stderr, "Making the traffic, unless it is there; that takes two minutes ...\n");
		error = process_run(NULL, NULL, make_traffic);
		if (error)
			return error;
	}
	error = rulesets_write(b->rules, b->dir, &b->sets);
	return error ? error : write_yardstick(b->yardstick);
}

static int usage(const char *program)
{
	fprintf(stderr,
		"usage: %s [--dir DIR] [--traffic FILE.pcap] [--rules FILE[.gz]] [--runs N] [--output FILE.md] "
		"[--hurry]\n",
		program);
	return 2;
}

static int read_options(int argc, char **argv, struct bench *b)
{
	static const struct option options[] = { { "dir", required_argument, NULL, 'd' },
		{ "traffic", required_argument, NULL, 't' }, { "rules", required_argument, NULL, 'r' },
		{ "runs", required_argument, NULL, 'n' }, { "output", required_argument, NULL, 'o' },
		{ "hurry", no_argument, NULL, 'h' }, { 0 } };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'd':
			b->dir = optarg;
			break;
		case 't':
			snprintf(b->traffic, sizeof(b->traffic), "%s", optarg);
			break;
		case 'r':
			b->rules = optarg;
			break;
		case 'n':
			b->runs = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'o':
			b->output = optarg;
			break;
		case 'h':
			b->quiet_s = 0;
			break;
		default:
			return -1;
		}
	return optind == argc && b->runs > 0 && b->runs <= REPORT_RUNS_MAX ? 0 : -1;
}

int main(int argc, char **argv)
{
	static struct bench b = { .luytre = BENCH_LUYTRE,
		.traffic_maker = BENCH_MAKE_TRAFFIC,
		.dir = BENCH_DIR,
		.runs = RUNS,
		.quiet_s = QUIET_S };
	int error;

	log_init();
	setenv("LUYTRE_LANG", "en", 1);
	if (!access(BENCH_RULES, R_OK))
		b.rules = BENCH_RULES;
	if (read_options(argc, argv, &b))
		return usage(argv[0]);
	error = prepare(&b);
	if (error)
		return 1;
	add_rows(&b);
	error = run_all(&b);
	if (error)
		return 1;
	add_bars(&b);
	return write_report(&b) ? 1 : 0;
}
