// SPDX-License-Identifier: Apache-2.0
#include "hub/daemon/figures.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "hub/posture/finding.h"
#include "hub/posture/hold.h"

enum {
	PATH_SIZE = 600,
	CONNECTED_S = 60, /* since the last word of an edge, which speaks each few seconds */
};
#define SLOW_NS (60 * NS_PER_S)

struct figures {
	struct core *core;
	struct db *db;
	char state_dir[PATH_SIZE];
	bool own_control; /* the control database is a file in the folder */
	int statm_fd; /* of this process; -1: not there */
	int64_t started_us;
	uint64_t asked_ns; /* 0: not yet */
	uint64_t findings[FINDING_STATE_COUNT], holds[HOLD_STATE_COUNT];
	struct ev_stats events;
};

int figures_open(struct core *core, const char *control, const char *state_dir, struct figures **ret)
{
	struct figures *figures = calloc(1, sizeof(*figures));
	char place[PATH_SIZE + 32], why[DB_WHY_SIZE];
	int error;

	if (!figures)
		return LUYTRE_E_NOMEM;
	figures->core = core;
	figures->own_control = !control;
	figures->started_us = (int64_t)(clock_real_ns() / NS_PER_US);
	figures->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	snprintf(figures->state_dir, sizeof(figures->state_dir), "%s", state_dir);
	snprintf(place, sizeof(place), "sqlite:%s/control.db", state_dir);
	error = db_open(control ? control : place, &figures->db, why);
	if (error)
		figures_close(figures);
	else
		*ret = figures;
	return error;
}

void figures_close(struct figures *figures)
{
	if (!figures)
		return;
	if (figures->statm_fd >= 0)
		close(figures->statm_fd);
	db_close(figures->db);
	free(figures);
}

static void head(struct metrics_text *out, const char *name, const char *kind, const char *help)
{
	metrics_print(out, "# HELP luytre_hub_%s %s\n# TYPE luytre_hub_%s %s\n", name, help, name, kind);
}

static void one(struct metrics_text *out, const char *name, const char *kind, const char *help, double value)
{
	head(out, name, kind, help);
	metrics_print(out, "luytre_hub_%s %.17g\n", name, value);
}

/* ---- What comes in ---- */

static void write_counters(struct figures *figures, struct metrics_text *out)
{
	static const struct {
		const char *name, *help;
		size_t at;
	} rows[] = {
		{ "batches_total", "Batches of edges that were stored.", offsetof(struct core_stats, batches) },
		{ "batches_again_total", "Batches that came again.", offsetof(struct core_stats, batches_again) },
		{ "batches_broken_total", "Batches that could not be read.",
			offsetof(struct core_stats, batches_broken) },
		{ "events_total", "Events that were stored.", offsetof(struct core_stats, events) },
		{ "sightings_total", "Sightings of sources that were judged.", offsetof(struct core_stats, sightings) },
		{ "unmapped_total", "Events about addresses that nobody has registered.",
			offsetof(struct core_stats, unmapped) },
		{ "refused_edge_total", "Events about organisations that do not lie behind the edge.",
			offsetof(struct core_stats, refused_edge) },
		{ "refused_syntax_total", "Lines that are no EVE JSON.", offsetof(struct core_stats, refused_syntax) },
		{ "refused_type_total", "Lines of a kind that is not stored.",
			offsetof(struct core_stats, refused_type) },
		{ "refused_time_total", "Lines whose time cannot be.", offsetof(struct core_stats, refused_time) },
		{ "refused_size_total", "Lines that are too large.", offsetof(struct core_stats, refused_size) },
		{ "changes_sent_total", "Changes of decisions that edges were told.",
			offsetof(struct core_stats, deltas) },
		{ "journal_errors_total", "Times that decisions could not be stored safely.",
			offsetof(struct core_stats, journal_errors) },
		{ "hold_reports_total", "What web servers said of holds.", offsetof(struct core_stats, holds_reports) },
		{ "hold_reports_refused_total", "What they said and was not taken.",
			offsetof(struct core_stats, holds_refused) },
	};
	struct core_stats stats;

	core_stats(figures->core, &stats);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint64_t value;

		memcpy(&value, (const char *)&stats + rows[i].at, sizeof(value));
		one(out, rows[i].name, "counter", rows[i].help, (double)value);
	}
	head(out, "batch_lag_seconds", "summary", "From an edge's closing of a batch to its being stored.");
	metrics_print(out, "luytre_hub_batch_lag_seconds_sum %.6f\nluytre_hub_batch_lag_seconds_count %llu\n",
		(double)stats.lag_us / 1e6, (unsigned long long)stats.lag_batches);
}

/* ---- What is decided, and who listens ---- */

static void write_decisions(const struct engine_stats *stats, bool stopped, struct metrics_text *out)
{
	head(out, "decisions", "gauge", "Decisions that stand, by level.");
	for (int i = 1; i < DECIDE_LEVEL_COUNT; i++)
		metrics_print(out, "luytre_hub_decisions{level=\"%s\"} %zu\n", decide_level_name((enum decide_level)i),
			stats->live[i]);
	one(out, "sources", "gauge", "Sources that are remembered.", (double)stats->records);
	one(out, "good_clients_matched", "gauge", "Good clients that live blocks match.", (double)stats->good_matched);
	one(out, "lifted_total", "counter", "Decisions that people lifted.", (double)stats->lifted);
	one(out, "refuted_total", "counter", "Decisions that turned out wrong.", (double)stats->refuted);
	one(out, "stopped", "gauge", "1: the hub decides nothing anew until a person resumes.", stopped);
}

struct edge_sum {
	size_t known, connected, behind, revoked;
	uint64_t behind_max, lost;
};

static void sum_edges(struct core *core, int64_t now_us, struct edge_sum *ret)
{
	const struct edges *edges = core_edges(core);
	uint64_t epoch, number;

	*ret = (struct edge_sum){ 0 };
	engine_position(core_engine(core), &epoch, &number);
	for (size_t i = 0; i < edges_count(edges); i++) {
		const struct edge_view *edge = edges_at(edges, i);
		bool connected = !edge->revoked && edge->seen_us > now_us - CONNECTED_S * INT64_C(1000000);
		uint64_t behind = edge->epoch == epoch && edge->have <= number ? number - edge->have : number;

		ret->known++;
		ret->revoked += edge->revoked;
		ret->connected += connected;
		ret->behind += connected && behind > 0;
		ret->behind_max = connected && behind > ret->behind_max ? behind : ret->behind_max;
		ret->lost += edge->lost;
	}
}

static void write_edges(const struct edge_sum *sum, struct metrics_text *out)
{
	one(out, "edges", "gauge", "Edges that are enrolled.", (double)sum->known);
	one(out, "edges_connected", "gauge", "Edges that were heard within the last minute.", (double)sum->connected);
	one(out, "edges_revoked", "gauge", "Edges that are refused.", (double)sum->revoked);
	one(out, "edges_behind", "gauge", "Connected edges that have not acknowledged the newest decision.",
		(double)sum->behind);
	one(out, "edge_changes_behind_max", "gauge", "Changes of decisions that the slowest connected edge lacks.",
		(double)sum->behind_max);
	one(out, "edge_events_lost", "gauge", "Events that edges had to give up since they began.", (double)sum->lost);
}

static void write_engine(struct figures *figures, struct metrics_text *out)
{
	struct engine_stats stats;
	struct edge_sum sum;
	bool stopped;

	core_lock(figures->core);
	engine_stats(core_engine(figures->core), &stats);
	stopped = engine_stopped(core_engine(figures->core));
	sum_edges(figures->core, (int64_t)(clock_real_ns() / NS_PER_US), &sum);
	core_unlock(figures->core);
	write_decisions(&stats, stopped, out);
	write_edges(&sum, out);
}

/* ---- What stores are asked for ---- */

struct counting {
	uint64_t *counts;
	int64_t states;
};

static int count_state(void *context, const struct db_value *columns, size_t column_count)
{
	const struct counting *counting = context;

	if (columns[0].integer >= 0 && columns[0].integer < counting->states)
		counting->counts[columns[0].integer] = (uint64_t)columns[1].integer;
	return 0;
}

/* What cannot be had keeps its old value. */
static void ask_stores(struct figures *figures)
{
	uint64_t findings[FINDING_STATE_COUNT] = { 0 }, holds[HOLD_STATE_COUNT] = { 0 };
	struct counting finding = { findings, FINDING_STATE_COUNT }, hold = { holds, HOLD_STATE_COUNT };

	if (figures->asked_ns && clock_mono_ns() < figures->asked_ns + SLOW_NS)
		return;
	figures->asked_ns = clock_mono_ns();
	if (!db_each(figures->db, "select state, count(*) from finding group by state", DB_NO_ARGS, count_state,
		    &finding))
		memcpy(figures->findings, findings, sizeof(findings));
	if (!db_each(figures->db, "select state, count(*) from hold group by state", DB_NO_ARGS, count_state, &hold))
		memcpy(figures->holds, holds, sizeof(holds));
	ev_stats(core_events(figures->core), &figures->events);
}

static void write_posture(const struct figures *figures, struct metrics_text *out)
{
	uint64_t open = 0;

	head(out, "findings", "gauge", "Findings by state.");
	for (int i = 0; i < FINDING_STATE_COUNT; i++) {
		open += finding_states[i].live ? figures->findings[i] : 0;
		metrics_print(out, "luytre_hub_findings{state=\"%s\"} %llu\n", finding_states[i].word,
			(unsigned long long)figures->findings[i]);
	}
	one(out, "findings_open", "gauge", "Findings that are not settled.", (double)open);
	head(out, "holds", "gauge", "Holds of weaknesses at the perimeter, by state.");
	for (int i = 0; i < HOLD_STATE_COUNT; i++)
		metrics_print(out, "luytre_hub_holds{state=\"%s\"} %llu\n", hold_states[i].word,
			(unsigned long long)figures->holds[i]);
}

static void write_file_size(
	const struct figures *figures, struct metrics_text *out, const char *store, const char *file)
{
	char path[PATH_SIZE + 32];
	struct stat about;

	snprintf(path, sizeof(path), "%s/%s", figures->state_dir, file);
	if (!stat(path, &about))
		metrics_print(out, "luytre_hub_store_bytes{store=\"%s\"} %lld\n", store, (long long)about.st_size);
}

static void write_stores(const struct figures *figures, struct metrics_text *out)
{
	struct statvfs disk;

	head(out, "store_bytes", "gauge", "What is stored.");
	metrics_print(
		out, "luytre_hub_store_bytes{store=\"events\"} %llu\n", (unsigned long long)figures->events.bytes);
	if (figures->own_control)
		write_file_size(figures, out, "control", "control.db");
	write_file_size(figures, out, "journal", "decisions.journal");
	one(out, "events_stored", "gauge", "Events in the store.", (double)figures->events.events);
	if (!statvfs(figures->state_dir, &disk)) {
		one(out, "disk_free_bytes", "gauge", "Room where the state folder lies.",
			(double)disk.f_bavail * (double)disk.f_frsize);
		one(out, "disk_bytes", "gauge", "Size of the disk where the state folder lies.",
			(double)disk.f_blocks * (double)disk.f_frsize);
	}
}

/* ---- The process: names that all programs use ---- */

static void write_process(const struct figures *figures, struct metrics_text *out)
{
	unsigned long long size, resident;
	struct timespec used;
	char text[128];
	ssize_t read_size;

	if (!clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used))
		metrics_print(out,
			"# HELP process_cpu_seconds_total Time of processors that was used.\n"
			"# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %.6f\n",
			(double)used.tv_sec + (double)used.tv_nsec / 1e9);
	metrics_print(out,
		"# HELP process_start_time_seconds When the process began, since 1970.\n"
		"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %.3f\n",
		(double)figures->started_us / 1e6);
	read_size = figures->statm_fd < 0 ? -1 : pread(figures->statm_fd, text, sizeof(text) - 1, 0);
	if (read_size <= 0)
		return;
	text[read_size] = '\0';
	if (sscanf(text, "%llu %llu", &size, &resident) == 2) /* proc(5): pages */
		metrics_print(out,
			"# HELP process_resident_memory_bytes Memory in use.\n"
			"# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %llu\n",
			resident * (unsigned long long)sysconf(_SC_PAGESIZE));
}

void figures_write(void *context, struct metrics_text *out)
{
	struct figures *figures = context;

	ask_stores(figures);
	write_counters(figures, out);
	write_engine(figures, out);
	write_posture(figures, out);
	write_stores(figures, out);
	write_process(figures, out);
}
