// SPDX-License-Identifier: Apache-2.0
/* What is asked of a running sensor: status, what costs most, counters, reload. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/net.h"
#include "sensor/detect/detect.h"
#include "sensor/flow/flow.h"
#include "sensor/output/eve.h"
#include "sensor/rules/policy.h"
#include "sensor/worker/sensor-internal.h"

enum { TOP_DEFAULT = 20, TOP_MAX = 1000, MESSAGE_SHOWN = 200 };

/* ---- Rules by cost ---- */

struct rule_cost {
	uint32_t index;
	uint64_t checks, matches, ns;
};

struct costs {
	const struct policy *policy;
	struct rule_cost *rules; /* by index; null: no memory */
};

static void add_costs(struct sensor_worker *worker, void *context)
{
	struct costs *costs = context;
	const struct detect_context *detect = worker->worker->detect;

	for (uint32_t i = 0; costs->rules && detect && i < costs->policy->rule_count; i++) {
		uint64_t checks, matches, ns;

		if (!detect_context_cost(detect, i, &checks, &matches, &ns))
			continue;
		costs->rules[i].checks += checks;
		costs->rules[i].matches += matches;
		costs->rules[i].ns += ns;
	}
}

static int compare_costs(const void *left, const void *right)
{
	const struct rule_cost *a = left, *b = right;

	if (a->ns != b->ns)
		return a->ns < b->ns ? 1 : -1;
	return a->index < b->index ? -1 : 1;
}

static void write_rules(struct sensor *s, uint32_t count, struct jsonw *json)
{
	const struct policy *policy = s->policy;
	struct costs costs = { .policy = policy };

	jsonw_kv_bool(json, "profile", s->profile);
	if (!s->profile)
		return;
	costs.rules = calloc(policy->rule_count ? policy->rule_count : 1, sizeof(*costs.rules));
	for (uint32_t i = 0; costs.rules && i < policy->rule_count; i++)
		costs.rules[i].index = i;
	sensor_ask(s, add_costs, &costs);
	jsonw_kv_array_begin(json, "rules");
	if (costs.rules) {
		qsort(costs.rules, policy->rule_count, sizeof(*costs.rules), compare_costs);
		for (uint32_t i = 0; i < count && i < policy->rule_count && costs.rules[i].checks; i++) {
			const struct rule *rule = policy->rules[costs.rules[i].index];

			jsonw_object_begin(json);
			jsonw_kv_u64(json, "gid", rule->gid);
			jsonw_kv_u64(json, "sid", rule->sid);
			jsonw_kv_string_bytes(
				json, "msg", bytes_first(bytes_from_str(rule->msg ? rule->msg : ""), MESSAGE_SHOWN));
			jsonw_kv_u64(json, "checks", costs.rules[i].checks);
			jsonw_kv_u64(json, "matches", costs.rules[i].matches);
			jsonw_kv_u64(json, "ns", costs.rules[i].ns);
			jsonw_object_end(json);
		}
	}
	jsonw_array_end(json);
	free(costs.rules);
}

static void switch_profile(struct sensor_worker *worker, void *context)
{
	const bool *on = context;

	if (worker->worker->detect && detect_context_profile(worker->worker->detect, *on))
		worker->sensor->profile = false;
}

/* ---- Flows by bytes ---- */

struct flow_row {
	struct ip_addr client, server;
	uint16_t client_port, server_port;
	uint8_t protocol;
	bool alerted, dropped;
	uint64_t id, packets, bytes, start_ns;
};

/* The largest ones so far, the smallest of them first: a binary heap. */
struct flow_rows {
	struct flow_row *rows;
	uint32_t count, room;
};

static void sink_down(struct flow_rows *heap, uint32_t at)
{
	for (;;) {
		uint32_t least = at;

		for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap->count; child++)
			if (heap->rows[child].bytes < heap->rows[least].bytes)
				least = child;
		if (least == at)
			return;
		struct flow_row row = heap->rows[at];

		heap->rows[at] = heap->rows[least];
		heap->rows[least] = row;
		at = least;
	}
}

static void visit_flow(void *context, const struct flow *flow)
{
	struct flow_rows *heap = context;
	uint64_t bytes = flow->side[0].byte_count + flow->side[1].byte_count;
	struct flow_row row;

	if (heap->count == heap->room && (heap->room == 0 || heap->rows[0].bytes >= bytes))
		return;
	row = (struct flow_row){ .client = flow->client,
		.server = flow->server,
		.client_port = flow->client_port,
		.server_port = flow->server_port,
		.protocol = flow->protocol,
		.alerted = flow->flags & FLOW_ALERTED,
		.dropped = flow->flags & FLOW_DROP,
		.id = flow->id,
		.packets = flow->side[0].packet_count + flow->side[1].packet_count,
		.bytes = bytes,
		.start_ns = flow->start_ns };
	if (heap->count == heap->room) {
		heap->rows[0] = row;
		sink_down(heap, 0);
		return;
	}
	heap->rows[heap->count++] = row;
	if (heap->count == heap->room)
		for (uint32_t at = heap->count; at-- > 0;)
			sink_down(heap, at);
}

static void gather_flows(struct sensor_worker *worker, void *context)
{
	flow_table_visit(worker->worker->flows, visit_flow, context);
}

static int compare_flows(const void *left, const void *right)
{
	const struct flow_row *a = left, *b = right;

	return a->bytes == b->bytes ? 0 : a->bytes < b->bytes ? 1 : -1;
}

static void write_flows(struct sensor *s, uint32_t count, struct jsonw *json)
{
	struct flow_rows heap = { .room = count };
	char text[IP_ADDR_TEXT_SIZE];

	heap.rows = calloc(count ? count : 1, sizeof(*heap.rows));
	if (!heap.rows)
		heap.room = 0;
	sensor_ask(s, gather_flows, &heap);
	if (heap.count)
		qsort(heap.rows, heap.count, sizeof(*heap.rows), compare_flows);
	jsonw_kv_array_begin(json, "flows");
	for (uint32_t i = 0; i < heap.count; i++) {
		const struct flow_row *row = &heap.rows[i];

		jsonw_object_begin(json);
		jsonw_kv_u64(json, "flow_id", row->id);
		jsonw_kv_string(json, "client", ip_addr_format(&row->client, text));
		jsonw_kv_u64(json, "client_port", row->client_port);
		jsonw_kv_string(json, "server", ip_addr_format(&row->server, text));
		jsonw_kv_u64(json, "server_port", row->server_port);
		jsonw_kv_u64(json, "protocol", row->protocol);
		jsonw_kv_u64(json, "packets", row->packets);
		jsonw_kv_u64(json, "bytes", row->bytes);
		jsonw_kv_u64(json, "start_ns", row->start_ns);
		jsonw_kv_bool(json, "alerted", row->alerted);
		jsonw_kv_bool(json, "dropped", row->dropped);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
	free(heap.rows);
}

/* ---- The rest ---- */

static uint64_t resident_size(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Every counter that says how much memory something holds. */
static void write_memory(const uint64_t *counters, struct jsonw *json)
{
	jsonw_kv_object_begin(json, "memory");
	jsonw_kv_u64(json, "resident", resident_size());
	for (unsigned int i = 0; i < stats_count(); i++) {
		const char *name = stats_name(i), *at = strstr(name, "memuse");

		if (at && !strcmp(at, "memuse"))
			jsonw_kv_u64(json, name, counters[i]);
	}
	jsonw_object_end(json);
}

/* Counters of what was refused, lost or cut short because a ceiling was reached; those that are not zero. */
static const char *const ceiling_counters[] = { "flow.memcap", "flow.emerg_mode_entered", "tcp.ssn_memcap_drop",
	"tcp.segment_memcap_drop", "defrag.max_trackers_reached", "defrag.tracker_hard_reuse",
	"detect.alert_queue_overflow", "detect.pcre_match_limit", "detect.thresholds_refused",
	"detect.host_bits_refused", "detect.tagged_hosts_refused", "detect.datasets_refused",
	"file_store.open_files_max_hit", "evidence.lost", "output.events_lost" };

static void write_ceilings(const uint64_t *counters, struct jsonw *json)
{
	jsonw_kv_object_begin(json, "ceilings");
	for (size_t i = 0; i < ARRAY_COUNT(ceiling_counters); i++)
		for (unsigned int c = 0; c < stats_count(); c++)
			if (counters[c] && !strcmp(stats_name(c), ceiling_counters[i]))
				jsonw_kv_u64(json, ceiling_counters[i], counters[c]);
	jsonw_object_end(json);
}

static void write_workers(const struct sensor *s, struct jsonw *json)
{
	jsonw_kv_array_begin(json, "workers");
	for (unsigned int i = 0; i < s->worker_count; i++) {
		const struct sensor_worker *w = &s->workers[i];

		jsonw_object_begin(json);
		jsonw_kv_u64(json, "packets", w->worker->counters[COUNTER_DECODER_PKTS]);
		jsonw_kv_u64(json, "bytes", w->worker->counters[COUNTER_DECODER_BYTES]);
		jsonw_kv_u64(json, "lost", w->source_stats.lost);
		jsonw_kv_u64(json, "flows", w->worker->counters[COUNTER_FLOW_ACTIVE]);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void write_totals(const struct sensor *s, const uint64_t *counters, struct jsonw *json)
{
	struct source_stats sum = { 0 };

	for (unsigned int i = 0; i < s->worker_count; i++) {
		const struct source_stats *from = &s->workers[i].source_stats;

		sum.received += from->received;
		sum.lost += from->lost;
		sum.sent += from->sent;
		sum.rejects += from->rejects;
		sum.bypassed += from->bypassed;
		sum.blocked += from->blocked;
		sum.unguarded += from->unguarded;
	}
	jsonw_kv_u64(json, "packets", counters[COUNTER_DECODER_PKTS]);
	jsonw_kv_u64(json, "bytes", counters[COUNTER_DECODER_BYTES]);
	jsonw_kv_u64(json, "lost", sum.lost);
	jsonw_kv_u64(json, "alerts", counters[COUNTER_DETECT_ALERT]);
	jsonw_kv_u64(json, "content_removed", counters[COUNTER_OUTPUT_CONTENT_REMOVED]);
	jsonw_kv_u64(json, "flows", counters[COUNTER_FLOW_ACTIVE]);
	if (source_set_is_inline(s->set)) {
		jsonw_kv_u64(json, "passed", counters[COUNTER_IPS_ACCEPTED]);
		jsonw_kv_u64(json, "dropped", counters[COUNTER_IPS_BLOCKED]);
		jsonw_kv_u64(json, "rejects", sum.rejects);
		jsonw_kv_u64(json, "kernel_bypassed", sum.bypassed);
		jsonw_kv_u64(json, "kernel_blocked", sum.blocked);
		jsonw_kv_u64(json, "unguarded", sum.unguarded);
	}
}

static void write_status(struct sensor *s, struct jsonw *json)
{
	uint64_t *counters = calloc(STATS_COUNTERS_MAX, sizeof(*counters));

	jsonw_kv_string(json, "source", source_set_describe(s->set));
	jsonw_kv_u64(json, "pid", (uint64_t)getpid());
	jsonw_kv_u64(json, "uptime_s", (clock_real_ns() - s->start_ns) / NS_PER_S);
	jsonw_kv_object_begin(json, "rules");
	jsonw_kv_u64(json, "loaded", s->policy->loaded_count);
	jsonw_kv_u64(json, "refused", s->policy->failed_count);
	jsonw_kv_u64(json, "skipped", s->policy->skipped_count);
	jsonw_object_end(json);
	jsonw_kv_object_begin(json, "reload");
	reload_report(s, false, json);
	jsonw_object_end(json);
	said_report(s, json);
	if (counters) {
		sensor_sum(s, counters);
		write_totals(s, counters, json);
		write_memory(counters, json);
		write_ceilings(counters, json);
		write_workers(s, json);
	}
	free(counters);
}

static void write_stats(struct sensor *s, struct jsonw *json)
{
	uint64_t *counters = calloc(STATS_COUNTERS_MAX, sizeof(*counters));

	if (!counters)
		return;
	sensor_sum(s, counters);
	jsonw_kv_object_begin(json, "stats");
	stats_write(counters, NULL, NULL, json);
	jsonw_object_end(json);
	free(counters);
}

static void write_error(struct jsonw *json, const char *code, const char *message)
{
	jsonw_kv_object_begin(json, "error");
	jsonw_kv_string(json, "code", code);
	jsonw_kv_string(json, "message", message);
	jsonw_object_end(json);
}

void sensor_write_reload(const struct sensor *sensor, struct jsonw *json)
{
	jsonw_kv_object_begin(json, "reload");
	reload_report(sensor, true, json);
	jsonw_object_end(json);
}

static void run_top(struct sensor *s, const char *words, struct jsonw *json)
{
	unsigned long count = strtoul(words, NULL, 10);

	if (count == 0)
		count = TOP_DEFAULT;
	if (count > TOP_MAX)
		count = TOP_MAX;
	write_status(s, json);
	write_rules(s, (uint32_t)count, json);
	write_flows(s, (uint32_t)count, json);
}

static void run_profile(struct sensor *s, const char *words, struct jsonw *json)
{
	bool on = !strcmp(words, "on");

	if (!on && strcmp(words, "off") != 0) {
		write_error(json, "usage", "profile expects on or off");
		return;
	}
	s->profile = on;
	sensor_ask(s, switch_profile, &on);
	jsonw_kv_bool(json, "profile", s->profile);
}

static void run_status(struct sensor *s, const char *words, struct jsonw *json)
{
	write_status(s, json);
}

static void run_stats(struct sensor *s, const char *words, struct jsonw *json)
{
	write_stats(s, json);
}

static void run_reopen(struct sensor *s, const char *words, struct jsonw *json)
{
	eve_sinks_reopen(s->sinks);
	jsonw_kv_bool(json, "done", true);
}

bool sensor_command(struct sensor *sensor, const char *line, struct jsonw *json)
{
	static const struct {
		const char *name;
		void (*run)(struct sensor *s, const char *words, struct jsonw *json);
	} commands[] = { { "status", run_status }, { "top", run_top }, { "stats", run_stats },
		{ "profile", run_profile }, { "reopen", run_reopen } };
	size_t size = strcspn(line, " ");
	const char *words = line + size + strspn(line + size, " ");

	if (size == 6 && !strncmp(line, "reload", size)) {
		reload_begin(sensor);
		if (reload_is_under_way(sensor))
			return false;
		write_error(json, "busy", "The reload could not be begun.");
		return true;
	}
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
		if (strlen(commands[i].name) == size && !strncmp(commands[i].name, line, size)) {
			commands[i].run(sensor, words, json);
			return true;
		}
	}
	write_error(json, "unknown", "There is no such request: status, top, stats, profile, reload, reopen.");
	return true;
}
