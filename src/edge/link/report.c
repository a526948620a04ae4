// SPDX-License-Identifier: Apache-2.0
/* How this edge is, told to the hub: one line every ten seconds with what the shield has counted, what waits here and what is not as it
 * should be (hub/core/edgestate.h describes it and reads it). Counters are told whole, so that a line that is lost costs nothing but
 * resolution. While many batches wait for the hub a line is written once a minute: it could not be heard sooner anyway. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "edge/link/internal.h"
#include "shield/emulate.h"

enum { REPORT_EVERY_S = 10, REPORT_SELDOM_S = 60, REPORT_WAITING = 64, REPORT_SIZE_MAX = 15 << 10 };

/* A file is opened each time: after the sandbox was entered it is allowed, and the first line of it is enough. */
static bool read_cpu(uint64_t *ret_busy, uint64_t *ret_all)
{
	uint64_t user, nice, system, idle, wait, irq, softirq, steal;
	FILE *file = fopen("/proc/stat", "re");
	int count = 0;

	if (!file)
		return false;
	count = fscanf(file,
		"cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		&user, &nice, &system, &idle, &wait, &irq, &softirq, &steal);
	fclose(file);
	if (count != 8)
		return false;
	*ret_busy = user + nice + system + irq + softirq + steal;
	*ret_all = *ret_busy + idle + wait;
	return true;
}

/* The share of all processors that was busy since the last report: the shield works in their interrupts. */
static void write_cpu(struct link *link, struct jsonw *json)
{
	uint64_t busy = 0, all = 0;

	if (!read_cpu(&busy, &all))
		return;
	if (link->cpu_all && all > link->cpu_all && busy >= link->cpu_busy &&
		busy - link->cpu_busy <= all - link->cpu_all)
		jsonw_kv_double(json, "cpu", (double)(busy - link->cpu_busy) / (double)(all - link->cpu_all));
	link->cpu_busy = busy;
	link->cpu_all = all;
}

static void write_drift(uint32_t drift, struct jsonw *json)
{
	static const char *const words[] = {
#define X(id, word) [LINK_DRIFT_##id] = word,
		LINK_DRIFTS(X)
#undef X
	};

	jsonw_kv_array_begin(json, "drift");
	for (int i = 0; i < LINK_DRIFT_COUNT; i++)
		if (drift & 1U << i)
			jsonw_string(json, words[i]);
	jsonw_array_end(json);
}

static void write_pair(struct jsonw *json, const char *key, uint64_t first, uint64_t second)
{
	jsonw_kv_array_begin(json, key);
	jsonw_u64(json, first);
	jsonw_u64(json, second);
	jsonw_array_end(json);
}

struct sums {
	struct shield_counter arrived, passed, dropped, challenged, shadow;
	struct shield_counter steps[SHIELD_STEP_COUNT]; /* 'bytes' counts packets of shadow here */
};

static void add(struct shield_counter *sum, uint64_t packets, uint64_t bytes)
{
	sum->packets += packets;
	sum->bytes += bytes;
}

/* Each packet is counted under one reason, enforced or in shadow; what leaves is another matter. */
static void sum_up(const struct link_shield *shield, struct sums *ret)
{
	*ret = (struct sums){ 0 };
	for (uint32_t i = 1; i < SHIELD_REASON_COUNT; i++) {
		uint64_t packets = shield->reasons[i].packets, bytes = shield->reasons[i].bytes;
		uint64_t shadow = shield->reasons[i].shadow_packets, shadow_bytes = shield->reasons[i].shadow_bytes;
		enum shield_verdict verdict = shield_reason_verdict(i);

		if (i == SHIELD_REASON_OUTBOUND)
			continue;
		add(&ret->arrived, packets + shadow, bytes + shadow_bytes);
		add(&ret->passed, shadow, shadow_bytes);
		add(verdict == SHIELD_PASS       ? &ret->passed
			: verdict == SHIELD_DROP ? &ret->dropped
						 : &ret->challenged,
			packets, bytes);
		if (verdict == SHIELD_PASS)
			continue;
		add(&ret->shadow, shadow, shadow_bytes);
		if (verdict == SHIELD_DROP)
			add(&ret->steps[shield_reason_step(i)], packets, shadow);
	}
}

static void write_shield(const struct link_shield *shield, struct jsonw *json)
{
	struct sums sums;

	sum_up(shield, &sums);
	jsonw_kv_object_begin(json, "shield");
	write_pair(json, "arrived", sums.arrived.packets, sums.arrived.bytes);
	write_pair(json, "passed", sums.passed.packets, sums.passed.bytes);
	write_pair(json, "dropped", sums.dropped.packets, sums.dropped.bytes);
	write_pair(json, "challenged", sums.challenged.packets, sums.challenged.bytes);
	write_pair(json, "shadow", sums.shadow.packets, sums.shadow.bytes);
	jsonw_kv_object_begin(json, "steps");
	for (uint32_t i = 0; i < SHIELD_STEP_COUNT; i++)
		if (sums.steps[i].packets || sums.steps[i].bytes)
			write_pair(json, shield_step_name(i), sums.steps[i].packets, sums.steps[i].bytes);
	jsonw_object_end(json);
	jsonw_kv_object_begin(json, "reasons");
	for (uint32_t i = 1; i < SHIELD_REASON_COUNT; i++)
		if (shield_reason_verdict(i) != SHIELD_PASS &&
			(shield->reasons[i].packets || shield->reasons[i].shadow_packets))
			write_pair(json, shield_reason_name(i), shield->reasons[i].packets,
				shield->reasons[i].shadow_packets);
	jsonw_object_end(json);
	jsonw_object_end(json);
}

/* Of what the hub wants to be held here, what the web server was given and what it says. */
static void write_holds(const struct link_holds *holds, const struct link_figures *figures, struct jsonw *json)
{
	if (!holds->stamp && !figures->gates)
		return;
	jsonw_kv_object_begin(json, "holds");
	jsonw_kv_i64(json, "stamp", holds->stamp);
	jsonw_kv_u64(json, "wanted", holds->wanted);
	if (holds->why[0])
		jsonw_kv_string(json, "problem", holds->why);
	jsonw_kv_u64(json, "standing", figures->holds_standing);
	jsonw_kv_u64(json, "gates", figures->gates);
	jsonw_kv_u64(json, "gates_stamp", figures->holds_stamp);
	jsonw_object_end(json);
}

static void write_report(struct link *link, const struct link_figures *figures, struct jsonw *json)
{
	struct timespec now;
	struct tm parts;
	char day[32], time[64];
	struct link_holds holds = { 0 };
	uint32_t drift = 0;

	if (link->daemon_fd < 0) {
		alone_say(link, &holds, &drift);
	} else if (link->shield) {
		holds = link->shield->holds;
		drift = link->shield->drift;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &parts));
	snprintf(time, sizeof(time), "%s.%06ld+0000", day, now.tv_nsec / 1000);
	jsonw_object_begin(json);
	jsonw_kv_string(json, "timestamp", time);
	jsonw_kv_string(json, "event_type", "stats");
	jsonw_kv_object_begin(json, "edge_status");
	jsonw_kv_string(json, "version", LUYTRE_VERSION);
	write_cpu(link, json);
	jsonw_kv_u64(json, "spool", figures->spool_files);
	jsonw_kv_u64(json, "spool_bytes", figures->spool_bytes);
	jsonw_kv_u64(json, "lost", figures->lost);
	jsonw_kv_bool(json, "failing_open", link->shield && link->shield->failing_open);
	write_drift(drift, json);
	write_holds(&holds, figures, json);
	if (link->shield)
		write_shield(link->shield, json);
	jsonw_object_end(json);
	jsonw_object_end(json);
}

void report_shield(struct link *link, const struct link_message *message)
{
	if (!link->shield)
		link->shield = malloc(sizeof(*link->shield));
	if (link->shield) {
		*link->shield = message->shield;
		link->shield->holds.why[sizeof(link->shield->holds.why) - 1] = '\0';
	}
}

void report_tick(struct link *link, uint64_t now_ns)
{
	struct link_figures figures;
	struct jsonw json;
	struct bytes line;
	uint64_t every_s;

	if (!link->enrolled)
		return;
	status_gather(link, &figures);
	every_s = figures.spool_files > REPORT_WAITING ? REPORT_SELDOM_S : REPORT_EVERY_S;
	if (link->reported_ns && clock_since_ns(now_ns, link->reported_ns) < every_s * NS_PER_S)
		return;
	link->reported_ns = now_ns;
	jsonw_init(&json, REPORT_SIZE_MAX);
	write_report(link, &figures, &json);
	if (!jsonw_text(&json, &line))
		intake_own(link, line);
	jsonw_done(&json);
}
