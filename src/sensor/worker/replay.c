// SPDX-License-Identifier: Apache-2.0
#include "sensor/worker/replay.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "sensor/capture/file.h"
#include "sensor/detect/detect.h"
#include "sensor/output/eve.h"
#include "sensor/rules/policy.h"
#include "sensor/worker/load.h"
#include "sensor/worker/worker.h"

enum { COSTS_SHOWN = 100 };

struct replay {
	const struct replay_options *options;
	struct sensor_settings *settings;
	struct policy *policy;
	struct detect_engine *engine;
	struct eve_sinks *sinks;
	struct worker *worker;
	struct replay_result *result;
};

static int load_rules(struct replay *r)
{
	const struct replay_options *o = r->options;
	int error = load_open_cache(o->cache_dir);

	if (!error)
		error = load_policy(r->settings, o->rules, o->rules_count, o->sensor.errors_fatal, &r->policy);
	if (error)
		return error;
	r->result->rules_loaded = r->policy->loaded_count;
	r->result->rules_failed = r->policy->failed_count;
	r->result->rules_skipped = r->policy->skipped_count;
	error = detect_engine_new(r->policy, o->cache_dir, &r->engine);
	malloc_trim(0); /* compiling takes several times the memory of what comes out */
	return error;
}

static int run_file(struct replay *r, const char *path)
{
	char message[CAPTURE_MESSAGE_SIZE] = "";
	struct capture_file *file = NULL;
	struct capture_frame frame;
	struct worker_verdict verdict;
	int got, error = capture_file_open(path, message, &file);

	if (error) {
		log_error("%s", message);
		return error;
	}
	while ((got = capture_file_next(file, &frame)) == 1) {
		struct worker_frame in = { .data = frame.data,
			.time_ns = frame.time_ns,
			.number = frame.number,
			.wire_size = frame.wire_size,
			.linktype = frame.linktype };

		worker_frame(r->worker, &in, &verdict);
		r->result->packet_count++;
		r->result->byte_count += frame.wire_size;
		r->result->drop_count += verdict.drop;
	}
	if (got < 0)
		log_warn("%s", capture_file_message(file));
	capture_file_close(file);
	return 0;
}

struct cost {
	const struct rule *rule;
	uint64_t checks, matches, time_ns;
};

static int compare_cost(const void *left, const void *right)
{
	const struct cost *a = left, *b = right;

	return a->time_ns != b->time_ns ? (a->time_ns < b->time_ns ? 1 : -1) : 0;
}

/* The rules that took the most time, the costliest first. */
static void print_costs(const struct replay *r)
{
	struct cost *costs = calloc(r->policy->rule_count ? r->policy->rule_count : 1, sizeof(*costs));
	size_t count = 0;

	if (!costs)
		return;
	for (uint32_t i = 0; i < r->policy->rule_count; i++) {
		struct cost *c = &costs[count];

		c->rule = r->policy->rules[i];
		count += detect_context_cost(r->worker->detect, i, &c->checks, &c->matches, &c->time_ns);
	}
	qsort(costs, count, sizeof(*costs), compare_cost);
	printf("%12s %10s %10s %10s  %-10s %s\n", "microseconds", "checks", "matches", "ns/check", "sid", "message");
	for (size_t i = 0; i < count && i < COSTS_SHOWN; i++)
		printf("%12.1f %10llu %10llu %10.0f  %-10u %s\n", (double)costs[i].time_ns / 1e3,
			(unsigned long long)costs[i].checks, (unsigned long long)costs[i].matches,
			costs[i].checks ? (double)costs[i].time_ns / (double)costs[i].checks : 0.0, costs[i].rule->sid,
			costs[i].rule->msg ? costs[i].rule->msg : "");
	free(costs);
}

static int start(struct replay *r)
{
	const struct replay_options *o = r->options;
	int error = sensor_settings_load(&o->sensor, &r->settings);

	if (!error)
		error = load_rules(r);
	if (!error && o->pcap_count)
		error = eve_sinks_open(r->settings, &r->sinks);
	if (error)
		return error;
	r->worker = worker_new(r->settings, r->policy, r->engine, r->sinks, 0);
	if (!r->worker)
		return LUYTRE_E_NOMEM;
	worker_places(r->worker, o->places);
	if (o->profile && r->worker->detect && detect_context_profile(r->worker->detect, true))
		return LUYTRE_E_NOMEM;
	return sensor_settings_complaints(r->settings, o->sensor.errors_fatal);
}

/* Stream buffers come and go by the thousand: their memory stays with the process instead of being mapped and cleared by
 * the kernel each time. */
static void keep_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, 16 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

int sensor_replay(const struct replay_options *options, struct replay_result *ret)
{
	struct replay r = { .options = options, .result = ret };
	uint64_t begin_ns = clock_mono_ns();
	int error;

	*ret = (struct replay_result){ 0 };
	keep_memory();
	error = start(&r);
	ret->load_ns = clock_mono_ns() - begin_ns;
	begin_ns = clock_mono_ns();
	for (unsigned int i = 0; i < options->pcap_count && !error; i++)
		error = run_file(&r, options->pcaps[i]);
	if (r.worker) {
		if (options->pcap_count && !error)
			worker_finish(r.worker);
		ret->alert_count = r.worker->counters[COUNTER_DETECT_ALERT];
	}
	ret->run_ns = clock_mono_ns() - begin_ns;
	if (!error && options->profile && r.worker && r.worker->detect)
		print_costs(&r);
	worker_free(r.worker);
	eve_sinks_close(r.sinks);
	detect_engine_free(r.engine);
	rules_free(r.policy);
	sensor_settings_free(r.settings);
	return error;
}
