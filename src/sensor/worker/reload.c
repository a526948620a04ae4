// SPDX-License-Identifier: Apache-2.0
/* Loading rules at the start, and new ones beside those at work (sensor.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "sensor/detect/detect.h"
#include "sensor/rules/policy.h"
#include "sensor/worker/load.h"
#include "sensor/worker/sensor-internal.h"

enum { REPORT_MAX = 8 << 20 };

struct reload {
	struct sensor *sensor;
	pthread_t thread;
	bool running, again;
	int ready_fd; /* readable: the thread is done */
	struct loop_source *ready;
	/* What the thread leaves. */
	struct policy *policy;
	struct detect_engine *engine;
	int error;
	uint64_t load_ns;
	/* Of the last one. */
	uint64_t count, failed_count, ended_ns, swap_ns;
	int last_error;
	struct jsonw report; /* {"loaded": ..., "refusals": [...]} of the last load, also of one that was refused */
};

int sensor_load_rules(
	struct sensor *sensor, bool errors_fatal, struct policy **ret_policy, struct detect_engine **ret_engine)
{
	const struct sensor_run_options *o = sensor->options;
	struct policy *policy = NULL;
	int error = load_policy(sensor->settings, o->rules, o->rules_count, errors_fatal, &policy);

	if (!error)
		error = detect_engine_new(policy, o->cache_dir, ret_engine);
	if (error) {
		rules_free(policy);
		return error;
	}
	*ret_policy = policy;
	return 0;
}

static void write_report(struct reload *r, const struct policy *policy)
{
	jsonw_object_begin(&r->report);
	policy_report(policy, &r->report);
	jsonw_object_end(&r->report);
}

static void *load(void *context)
{
	struct reload *r = context;
	uint64_t begin_ns = clock_mono_ns(), one = 1;

	pthread_setname_np(pthread_self(), "luytre-rules");
	r->policy = NULL;
	r->engine = NULL;
	r->error = sensor_load_rules(r->sensor, r->sensor->options->sensor.errors_fatal, &r->policy, &r->engine);
	r->load_ns = clock_mono_ns() - begin_ns;
	if (write(r->ready_fd, &one, sizeof(one)) < 0)
		log_error("the reload cannot be told to be over: %s", strerror(errno));
	return NULL;
}

static void begin(struct reload *r)
{
	int error = pthread_create(&r->thread, NULL, load, r);

	r->again = false;
	r->running = error == 0;
	if (error)
		log_error("rules are not loaded again: %s", strerror(error));
}

static void take_policy(struct sensor_worker *worker, void *context)
{
	const struct reload *r = context;

	worker_policy(worker->worker, r->policy, r->engine);
	if (worker->sensor->profile && worker->worker->detect && detect_context_profile(worker->worker->detect, true))
		log_warn("costs of rules are not counted: no memory");
}

/* All workers have the new rules when this returns, and the old ones are gone. */
static void exchange(struct reload *r)
{
	struct sensor *s = r->sensor;
	struct policy *old_policy = s->policy;
	struct detect_engine *old_engine = s->engine;
	uint64_t begin_ns = clock_mono_ns();

	sensor_ask(s, take_policy, r);
	r->swap_ns = clock_mono_ns() - begin_ns;
	s->policy = r->policy;
	s->engine = r->engine;
	said_settle(s); /* a proof may use the old ones */
	detect_engine_free(old_engine);
	rules_free(old_policy);
	said_prove(s);
	log_info("new rules are in force: %u loaded, %u refused, %u skipped; compiled in %.3f s, all workers changed "
		 "over in "
		 "%.1f ms",
		s->policy->loaded_count, s->policy->failed_count, s->policy->skipped_count,
		(double)r->load_ns / (double)NS_PER_S, (double)r->swap_ns / (double)NS_PER_MS);
}

static void on_ready(struct loop *loop, uint64_t events, void *context)
{
	struct reload *r = context;
	uint64_t count;

	if (read(r->ready_fd, &count, sizeof(count)) < 0)
		return;
	pthread_join(r->thread, NULL);
	r->running = false;
	r->count++;
	r->ended_ns = clock_real_ns();
	r->last_error = r->error;
	jsonw_reset(&r->report);
	if (!r->error) {
		write_report(r, r->policy);
		if (r->policy->loaded_count == 0 && r->policy->failed_count > 0)
			r->last_error = LUYTRE_E_SYNTAX;
	}
	if (r->last_error) {
		r->failed_count++;
		log_error("the new rules are not taken over (%s); the old ones stay in force",
			error_text(r->last_error, LUYTRE_LANG_EN));
		detect_engine_free(r->engine);
		rules_free(r->policy);
	} else {
		exchange(r);
	}
	if (r->again)
		begin(r);
	else
		sensor_control_reloaded(r->sensor);
}

int reload_open(struct sensor *sensor)
{
	struct reload *r = calloc(1, sizeof(*r));
	int error;

	if (!r)
		return LUYTRE_E_NOMEM;
	r->sensor = sensor;
	jsonw_init(&r->report, REPORT_MAX);
	write_report(r, sensor->policy);
	r->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = r->ready_fd < 0 ? LUYTRE_E_SYSTEM
				: loop_add_fd(sensor->loop, r->ready_fd, EPOLLIN, on_ready, r, &r->ready);
	sensor->reload = r;
	return error;
}

void reload_close(struct sensor *sensor)
{
	struct reload *r = sensor->reload;

	if (!r)
		return;
	if (r->running) {
		pthread_join(r->thread, NULL);
		if (!r->error) {
			detect_engine_free(r->engine);
			rules_free(r->policy);
		}
	}
	loop_remove(sensor->loop, r->ready);
	if (r->ready_fd >= 0)
		close(r->ready_fd);
	jsonw_done(&r->report);
	free(r);
	sensor->reload = NULL;
}

void reload_begin(struct sensor *sensor)
{
	struct reload *r = sensor->reload;

	if (r->running)
		r->again = true;
	else
		begin(r);
}

bool reload_is_under_way(const struct sensor *sensor)
{
	return sensor->reload->running;
}

void reload_report(const struct sensor *sensor, bool with_refusals, struct jsonw *json)
{
	const struct reload *r = sensor->reload;
	struct bytes text;

	jsonw_kv_u64(json, "count", r->count);
	jsonw_kv_u64(json, "failed", r->failed_count);
	jsonw_kv_bool(json, "under_way", r->running);
	if (r->count) {
		jsonw_kv_string(json, "result", error_name(r->last_error));
		jsonw_kv_u64(json, "ended_ns", r->ended_ns);
		jsonw_kv_u64(json, "load_ns", r->load_ns);
		jsonw_kv_u64(json, "change_over_ns", r->swap_ns);
	}
	if (with_refusals && !jsonw_text(&r->report, &text))
		jsonw_kv_string_bytes(json, "report", text);
}
