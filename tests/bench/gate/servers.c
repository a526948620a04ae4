// SPDX-License-Identifier: Apache-2.0
/* See servers.h. */
#include "tests/bench/gate/servers.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "lab/process.h"
#include "tests/bench/gate/client.h"

#define MODSECURITY_MODULE "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"

enum {
	PACE_US = 4000,
	STREAM_US = 1000,
	STREAM_BLOCKS = 3,
	ASKS = 300,
	START_MS = 300000,
	STOP_MS = 20000,
	WRK_S = 2,
	CHILDREN_MAX = 16
};

/* The backend is one more, which answers by itself. */
enum { SERVER_BACKEND = SERVER_KIND_COUNT, SERVER_COUNT };

static const char *const names[SERVER_COUNT] = { "plain nginx", "ModSecurity", "ours", "backend" };
static const char *const words[SERVER_COUNT] = { "plain", "modsecurity", "ours", "backend" };
static const unsigned int site_counts[] = { 1, 100, 1000 };
static const enum request_class wrk_classes[] = { REQUEST_STATIC, REQUEST_QUERY, REQUEST_FORM, REQUEST_JSON };
static const enum request_class paced_classes[] = { REQUEST_QUERY, REQUEST_FORM };

/* Two ways of asking. As a stream: one server for a while, then the next, as a site has visitors. In turns: between two requests to one server
 * the others work, of which ModSecurity alone touches tens of megabytes, so that each finds the caches of the processor cold. */
enum pace { PACE_STREAM, PACE_TURNS, PACE_COUNT };
static const char *const pace_sections[PACE_COUNT] = {
	"nginx: latency in a stream of requests (plain: all of it; others: what they add)",
	"nginx: latency in turns with the others, caches cold (plain: all of it; others: what they add)",
};

struct nginx {
	unsigned int kind;
	pid_t pid;
	uint16_t port;
	char conf[PATH_MAX], log[PATH_MAX];
};

/* One measurement. */
struct bench {
	struct servers *servers;
	const struct rulefiles *files;
	const char *dir;
	unsigned int runs;
	struct report *report;
	struct nginx nginx[SERVER_COUNT];
	struct request_list lists[REQUEST_CLASS_COUNT];
	struct report_row *rate[SERVER_KIND_COUNT][ARRAY_COUNT(wrk_classes)];
	struct report_row *rate_ratio[ARRAY_COUNT(wrk_classes)];
	struct report_row *p50[PACE_COUNT][SERVER_KIND_COUNT][ARRAY_COUNT(paced_classes)];
	struct report_row *p99[PACE_COUNT][SERVER_KIND_COUNT][ARRAY_COUNT(paced_classes)];
	struct report_row *memory[SERVER_KIND_COUNT][ARRAY_COUNT(site_counts)];
	struct report_row *reload[SERVER_KIND_COUNT][ARRAY_COUNT(site_counts)];
};

/* ---- configuration ---- */

static void write_rules(const struct bench *b, unsigned int kind, FILE *out)
{
	if (kind == SERVER_MODSECURITY)
		fprintf(out, "modsecurity on;\nmodsecurity_rules_file %s;\n", b->files->blocking);
	else if (kind == SERVER_OURS)
		fprintf(out, "luytre_gate on;\nluytre_gate_rules %s;\nluytre_gate_cache %s/cache;\n",
			b->files->blocking, b->dir);
}

static void write_site(const struct bench *b, const struct nginx *nginx, unsigned int number, FILE *out)
{
	fprintf(out, "server {\n\tlisten 127.0.0.1:%u%s;\n\tserver_name site%u.example.org;\n", nginx->port,
		number ? "" : " default_server", number);
	if (number != 0 && nginx->kind == SERVER_MODSECURITY)
		fputs("\tmodsecurity_rules 'SecRuleRemoveById 942100';\n", out);
	if (number != 0 && nginx->kind == SERVER_OURS)
		fprintf(out, "\tluytre_gate_site site%u;\n\tluytre_gate_except 942100;\n", number);
	if (nginx->kind == SERVER_BACKEND)
		fputs("\tlocation / { return 200 \"<html><body>ok</body></html>\"; }\n}\n", out);
	else
		fprintf(out,
			"\tlocation / {\n\t\tproxy_pass http://127.0.0.1:%u;\n\t\tproxy_http_version 1.1;\n"
			"\t\tproxy_set_header Connection \"\";\n\t}\n}\n",
			b->nginx[SERVER_BACKEND].port);
}

static int write_conf(const struct bench *b, const struct nginx *nginx, unsigned int sites)
{
	static const char *const temporary[] = { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" };
	FILE *out = fopen(nginx->conf, "we");

	if (!out)
		return LUYTRE_E_IO;
	if (nginx->kind == SERVER_MODSECURITY)
		fputs("load_module " MODSECURITY_MODULE ";\n", out);
	else if (nginx->kind == SERVER_OURS)
		fprintf(out, "load_module %s;\n", b->servers->module);
	fprintf(out,
		"%sdaemon off;\nworker_processes 1;\npid %s/%s.pid;\nerror_log %s;\nevents { worker_connections 1024; "
		"}\n"
		"http {\naccess_log off;\nkeepalive_requests 100000000;\nclient_max_body_size 16m;\n"
		"client_body_buffer_size 2m;\nserver_names_hash_max_size 8192;\ndefault_type text/html;\n",
		geteuid() == 0 ? "user root;\n" : "", b->dir, words[nginx->kind], nginx->log);
	for (size_t i = 0; i < ARRAY_COUNT(temporary); i++)
		fprintf(out, "%s_temp_path %s/tmp-%s-%s;\n", temporary[i], b->dir, words[nginx->kind], temporary[i]);
	write_rules(b, nginx->kind, out);
	for (unsigned int i = 0; i < sites; i++)
		write_site(b, nginx, i, out);
	fputs("}\n", out);
	return fclose(out) ? LUYTRE_E_IO : 0;
}

/* ---- processes ---- */

static struct bytes request_of(struct bench *b, enum request_class which, size_t number)
{
	return request_wire(&b->lists[which], &b->lists[which].items[number % b->lists[which].count]);
}

static int wait_until_answers(struct nginx *nginx)
{
	for (unsigned int ms = 0; ms < START_MS; ms += 20) {
		struct client client;

		if (client_open(nginx->port, &client) == 0) {
			client_close(&client);
			return 0;
		}
		if (process_has_ended(&nginx->pid))
			break;
		usleep(20000);
	}
	log_error("nginx with %s does not start:", nginx->conf);
	process_print_log(nginx->log);
	return LUYTRE_E_SYSTEM;
}

static int start(struct bench *b, unsigned int kind, unsigned int sites)
{
	struct nginx *nginx = &b->nginx[kind];
	const char *const argv[] = { "nginx", "-e", nginx->log, "-c", nginx->conf, NULL };
	int error;

	nginx->kind = kind;
	nginx->port = client_free_port();
	snprintf(nginx->conf, sizeof(nginx->conf), "%s/nginx-%s.conf", b->dir, words[kind]);
	snprintf(nginx->log, sizeof(nginx->log), "%s/nginx-%s.log", b->dir, words[kind]);
	unlink(nginx->log);
	error = write_conf(b, nginx, sites);
	if (error == 0)
		error = process_start(NULL, nginx->log, argv, &nginx->pid);
	return error ? error : wait_until_answers(nginx);
}

static void stop(struct bench *b, unsigned int kind)
{
	process_stop(&b->nginx[kind].pid, STOP_MS);
}

/* Children of a process; at most CHILDREN_MAX. */
static size_t children_of(pid_t pid, pid_t ret[CHILDREN_MAX])
{
	char path[64];
	size_t count = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	in = fopen(path, "re");
	while (in && count < CHILDREN_MAX && fscanf(in, "%d", &ret[count]) == 1)
		count++;
	if (in)
		fclose(in);
	return count;
}

static double pss_mb(pid_t pid)
{
	char path[64], line[128];
	unsigned long kb = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	in = fopen(path, "re");
	while (in && fgets(line, sizeof(line), in))
		if (sscanf(line, "Pss: %lu kB", &kb) == 1)
			break;
	if (in)
		fclose(in);
	return (double)kb * 1024 / 1e6;
}

/* Of master and worker together; what they share counts once. */
static double memory_mb(const struct nginx *nginx)
{
	pid_t children[CHILDREN_MAX];
	size_t count = children_of(nginx->pid, children);
	double sum = pss_mb(nginx->pid);

	for (size_t i = 0; i < count; i++)
		sum += pss_mb(children[i]);
	return sum;
}

/* From the signal until a new worker is there and answers. */
static int reload(struct bench *b, unsigned int kind, double *ret_ms)
{
	struct nginx *nginx = &b->nginx[kind];
	pid_t before[CHILDREN_MAX], after[CHILDREN_MAX];
	size_t count = children_of(nginx->pid, before);
	uint64_t start_ns = clock_mono_ns();

	if (count == 0 || kill(nginx->pid, SIGHUP) < 0)
		return LUYTRE_E_SYSTEM;
	for (unsigned int ms = 0; ms < START_MS; ms++) {
		size_t now = children_of(nginx->pid, after);

		for (size_t i = 0; i < now; i++) {
			if (after[i] > 0 && after[i] != before[0]) {
				*ret_ms = (double)(clock_mono_ns() - start_ns) / (double)NS_PER_MS;
				return wait_until_answers(nginx);
			}
		}
		usleep(1000);
	}
	log_error("nginx with %s does not reload:", nginx->conf);
	process_print_log(nginx->log);
	return LUYTRE_E_TIMEOUT;
}

/* That a server stops an attack, or passes it when it has no rules, and passes what is none. */
static int check(struct bench *b, unsigned int kind)
{
	const unsigned int wanted[] = { 200, kind == SERVER_PLAIN ? 200 : 403 };
	const enum request_class classes[] = { REQUEST_QUERY, REQUEST_ATTACK };
	struct client client = { -1, b->nginx[kind].port };
	int error = 0;

	for (size_t i = 0; i < ARRAY_COUNT(classes) && error == 0; i++) {
		unsigned int status = 0;

		error = client_ask(&client, request_of(b, classes[i], 0), &status, NULL);
		if (error == 0 && status != wanted[i]) {
			log_error("%s answers %s with %u, not %u", names[kind], request_class_name(classes[i]), status,
				wanted[i]);
			error = LUYTRE_E_CONFLICT;
		}
	}
	client_close(&client);
	return error;
}

/* ---- latency at a fixed pace ---- */

static int compare_doubles(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

struct paced {
	struct client clients[SERVER_KIND_COUNT];
	double us[SERVER_KIND_COUNT][ASKS];
};

static int ask(
	struct bench *b, struct paced *paced, size_t which, unsigned int kind, unsigned int number, useconds_t us)
{
	unsigned int status;

	if (!b->servers->present[kind])
		return 0;
	request_renew(&b->lists[paced_classes[which]], number);
	usleep(us);
	return client_ask(
		&paced->clients[kind], request_of(b, paced_classes[which], number), &status, &paced->us[kind][number]);
}

static int ask_stream(struct bench *b, struct paced *paced, size_t which)
{
	int error = 0;

	for (unsigned int block = 0; block < STREAM_BLOCKS; block++) {
		for (unsigned int kind = 0; kind < SERVER_KIND_COUNT; kind++) {
			unsigned int end = ASKS * (block + 1) / STREAM_BLOCKS;

			for (unsigned int i = ASKS * block / STREAM_BLOCKS; i < end && error == 0; i++)
				error = ask(b, paced, which, kind, i, STREAM_US);
		}
	}
	return error;
}

static int ask_turns(struct bench *b, struct paced *paced, size_t which)
{
	int error = 0;

	for (unsigned int i = 0; i < ASKS; i++) {
		for (unsigned int kind = 0; kind < SERVER_KIND_COUNT && error == 0; kind++)
			error = ask(b, paced, which, kind, i, PACE_US);
	}
	return error;
}

/* What the machine does besides meets all servers: they change places all the time. */
static int run_paced(struct bench *b, enum pace pace, size_t which)
{
	static struct paced paced;
	double base[2] = { 0, 0 };
	int error;

	for (unsigned int kind = 0; kind < SERVER_KIND_COUNT; kind++)
		paced.clients[kind] = (struct client){ -1, b->nginx[kind].port };
	error = (pace == PACE_STREAM ? ask_stream : ask_turns)(b, &paced, which);
	for (unsigned int kind = 0; kind < SERVER_KIND_COUNT; kind++) {
		double *us = paced.us[kind];

		client_close(&paced.clients[kind]);
		if (error != 0 || !b->servers->present[kind])
			continue;
		qsort(us, ASKS, sizeof(us[0]), compare_doubles);
		if (kind == SERVER_PLAIN) {
			base[0] = us[ASKS / 2];
			base[1] = us[ASKS * 99 / 100];
		}
		report_value(b->p50[pace][kind][which], us[ASKS / 2] - (kind == SERVER_PLAIN ? 0 : base[0]));
		report_value(b->p99[pace][kind][which], us[ASKS * 99 / 100] - (kind == SERVER_PLAIN ? 0 : base[1]));
	}
	return error;
}

/* ---- requests per second ---- */

static int write_requests(struct bench *b)
{
	char path[2 * PATH_MAX];

	snprintf(path, sizeof(path), "%s/requests", b->dir);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return LUYTRE_E_IO;
	for (unsigned int class = 0; class < REQUEST_CLASS_COUNT; class ++) {
		for (size_t i = 0; i < b->lists[class].count; i++) {
			struct bytes wire = request_of(b, (enum request_class) class, i);
			FILE *out;

			snprintf(path, sizeof(path), "%s/requests/%s-%02zu.http", b->dir,
				request_class_name((enum request_class) class), i);
			out = fopen(path, "we");
			if (!out)
				return LUYTRE_E_IO;
			fwrite(wire.ptr, 1, wire.size, out);
			if (fclose(out))
				return LUYTRE_E_IO;
		}
	}
	return 0;
}

static int run_wrk(struct bench *b, unsigned int kind, enum request_class which, double *ret_rate)
{
	char url[64], seconds[16], log[PATH_MAX], folder[PATH_MAX], line[256];
	const char *const argv[] = { "wrk", "-t1", "-c8", seconds, "-s", BENCH_REPLAY, url, "--", folder,
		request_class_name(which), NULL };
	const char *const shell[] = { "sh", "-c", "exec \"$@\"", "wrk", argv[0], argv[1], argv[2], argv[3], argv[4],
		argv[5], argv[6], argv[7], argv[8], argv[9], NULL };
	FILE *in;
	int error;

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", b->nginx[kind].port);
	snprintf(seconds, sizeof(seconds), "-d%d", WRK_S);
	snprintf(log, sizeof(log), "%s/wrk.log", b->dir);
	snprintf(folder, sizeof(folder), "%s/requests", b->dir);
	unlink(log);
	error = process_run(NULL, log, shell);
	if (error < 0)
		return error;
	in = fopen(log, "re");
	*ret_rate = 0;
	while (in && fgets(line, sizeof(line), in)) {
		if (strstr(line, "Non-2xx")) {
			log_error("%s stops ordinary requests: %s", names[kind], line);
			error = LUYTRE_E_CONFLICT;
		}
		if (sscanf(line, "Requests/sec: %lf", ret_rate) == 1)
			break;
	}
	if (in)
		fclose(in);
	return error == 0 && *ret_rate <= 0 ? LUYTRE_E_SYNTAX : error;
}

static int run_rates(struct bench *b, size_t which)
{
	double rate[SERVER_KIND_COUNT] = { 0 };
	int error = 0;

	for (unsigned int kind = 0; kind < SERVER_KIND_COUNT && error == 0; kind++) {
		if (!b->servers->present[kind])
			continue;
		error = run_wrk(b, kind, wrk_classes[which], &rate[kind]);
		if (error == 0)
			report_value(b->rate[kind][which], rate[kind]);
	}
	if (error == 0 && rate[SERVER_OURS] > 0 && rate[SERVER_MODSECURITY] > 0)
		report_value(b->rate_ratio[which], rate[SERVER_OURS] / rate[SERVER_MODSECURITY]);
	return error;
}

/* ---- memory and reload ---- */

static int run_sites(struct bench *b, unsigned int kind, size_t which)
{
	double ms = 0;
	int error = start(b, kind, site_counts[which]);

	if (error == 0)
		error = check(b, kind);
	if (error == 0)
		report_value(b->memory[kind][which], memory_mb(&b->nginx[kind]));
	for (unsigned int i = 0; i < b->runs && error == 0; i++) {
		error = reload(b, kind, &ms);
		if (error == 0)
			report_value(b->reload[kind][which], ms);
		usleep(300000); /* the old worker ends */
	}
	stop(b, kind);
	return error;
}

static int run_all_sites(struct bench *b)
{
	int error = 0;

	for (unsigned int kind = 0; kind < SERVER_KIND_COUNT; kind++) {
		for (size_t i = 0; i < ARRAY_COUNT(site_counts) && error == 0; i++) {
			if (b->servers->present[kind])
				error = run_sites(b, kind, i);
		}
	}
	return error;
}

/* ---- the whole ---- */

static void add_site_rows(struct bench *b, struct report_row *rows[SERVER_KIND_COUNT][ARRAY_COUNT(site_counts)],
	const char *section, const char *unit)
{
	char name[64];

	for (unsigned int kind = 0; kind < SERVER_KIND_COUNT; kind++) {
		for (size_t i = 0; i < ARRAY_COUNT(site_counts); i++) {
			snprintf(name, sizeof(name), "%s, %u site%s", names[kind], site_counts[i], i ? "s" : "");
			rows[kind][i] = report_row(b->report, section, name, unit);
		}
	}
}

static void add_paced_rows(struct bench *b, enum pace pace)
{
	char name[64];

	for (size_t i = 0; i < ARRAY_COUNT(paced_classes); i++) {
		for (unsigned int kind = 0; kind < SERVER_KIND_COUNT; kind++) {
			snprintf(name, sizeof(name), "%s, %s, p50", names[kind], request_class_name(paced_classes[i]));
			b->p50[pace][kind][i] = report_row(b->report, pace_sections[pace], name, "us");
			snprintf(name, sizeof(name), "%s, %s, p99", names[kind], request_class_name(paced_classes[i]));
			b->p99[pace][kind][i] = report_row(b->report, pace_sections[pace], name, "us");
		}
	}
}

static void add_rows(struct bench *b)
{
	char name[64];

	for (size_t i = 0; i < ARRAY_COUNT(wrk_classes); i++) {
		for (unsigned int kind = 0; kind < SERVER_KIND_COUNT; kind++) {
			snprintf(name, sizeof(name), "%s, %s", names[kind], request_class_name(wrk_classes[i]));
			b->rate[kind][i] = report_row(b->report, "nginx: requests per second, one worker", name, "/s");
		}
		snprintf(name, sizeof(name), "ours by ModSecurity, %s", request_class_name(wrk_classes[i]));
		b->rate_ratio[i] = report_row(b->report, "nginx: requests per second, one worker", name, "x");
	}
	for (unsigned int pace = 0; pace < PACE_COUNT; pace++)
		add_paced_rows(b, (enum pace)pace);
	for (unsigned int kind = 0; kind < SERVER_KIND_COUNT; kind++)
		b->servers->added_p99[kind] = b->p99[PACE_STREAM][kind][0];
	add_site_rows(b, b->memory, "nginx: memory of master and worker", "MB");
	add_site_rows(b, b->reload, "nginx: time of a reload", "ms");
	b->servers->memory_1 = b->memory[SERVER_OURS][0];
	b->servers->memory_1000 = b->memory[SERVER_OURS][ARRAY_COUNT(site_counts) - 1];
}

static int run_servers(struct bench *b)
{
	int error = start(b, SERVER_BACKEND, 1);

	for (unsigned int kind = 0; kind < SERVER_KIND_COUNT && error == 0; kind++) {
		if (!b->servers->present[kind])
			continue;
		error = start(b, kind, 1);
		if (error == 0)
			error = check(b, kind);
	}
	for (unsigned int run = 0; run < b->runs && error == 0; run++) {
		fprintf(stderr, "nginx, run %u of %u ...\n", run + 1, b->runs);
		for (size_t i = 0; i < PACE_COUNT * ARRAY_COUNT(paced_classes) && error == 0; i++)
			error = run_paced(b, (enum pace)(i % PACE_COUNT), i / PACE_COUNT);
		for (size_t i = 0; i < ARRAY_COUNT(wrk_classes) && error == 0; i++)
			error = run_rates(b, i);
	}
	for (unsigned int kind = 0; kind < SERVER_KIND_COUNT; kind++)
		stop(b, kind);
	if (error == 0)
		error = run_all_sites(b);
	stop(b, SERVER_BACKEND);
	return error;
}

int servers_run(struct servers *servers, const struct rulefiles *files, const char *dir, unsigned int runs,
	struct report *report)
{
	static struct bench b;
	int error = 0;

	b = (struct bench){ .servers = servers, .files = files, .dir = dir, .runs = runs, .report = report };
	servers->module = BENCH_NGINX_MODULE;
	servers->present[SERVER_PLAIN] = true;
	servers->present[SERVER_MODSECURITY] = access(MODSECURITY_MODULE, R_OK) == 0;
	servers->present[SERVER_OURS] = access(servers->module, R_OK) == 0;
	for (unsigned int kind = 0; kind < SERVER_KIND_COUNT; kind++) {
		if (!servers->present[kind])
			log_warn("nginx with %s is not measured: its module is not there", names[kind]);
	}
	for (unsigned int i = 0; i < REQUEST_CLASS_COUNT && error == 0; i++)
		error = request_list_init(&b.lists[i], (enum request_class)i);
	if (error == 0)
		error = write_requests(&b);
	if (error == 0) {
		add_rows(&b);
		error = run_servers(&b);
	}
	for (unsigned int i = 0; i < REQUEST_CLASS_COUNT; i++)
		request_list_done(&b.lists[i]);
	return error;
}

void servers_add_bars(const struct servers *servers, struct report *report)
{
	const struct report_row *p99 = servers->added_p99[SERVER_OURS];
	double one = report_median(servers->memory_1);

	if (!servers->present[SERVER_OURS] || !p99 || p99->count == 0 || one <= 0) {
		report_unmeasured(report, "in nginx: latency added to small requests, p99", 300, "us",
			"no module, or not asked for");
		return;
	}
	report_bar(report, "in nginx: latency added to small requests, p99", REPORT_AT_MOST, report_median(p99), 300,
		"us");
	report_bar(report, "in nginx: memory of 1,000 sites against one", REPORT_AT_MOST,
		report_median(servers->memory_1000) / one, 1.5, "x");
}

void servers_print_versions(const struct servers *servers, FILE *out)
{
	for (unsigned int kind = 0; kind < SERVER_KIND_COUNT && servers->module; kind++) {
		if (!servers->present[kind])
			fprintf(out, "- Not measured in nginx: %s, its module is not there\n", names[kind]);
	}
}
