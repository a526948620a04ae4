// SPDX-License-Identifier: Apache-2.0
#include "sensor/worker/sensor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/sandbox.h"
#include "sensor/detect/detect.h"
#include "sensor/output/eve.h"
#include "sensor/rules/policy.h"
#include "sensor/worker/load.h"
#include "sensor/worker/sensor-internal.h"

enum { WAIT_MS = 100, TICK_MS = 1000 };
#define HOUSEKEEPING_NS NS_PER_S

/* What sources count, under names of EVE's "stats". */
#define SOURCE_COUNTER_LIST(X)                                                                                         \
	X("capture.kernel_packets", received)                                                                          \
	X("capture.kernel_drops", lost)                                                                                \
	X("capture.sent", sent)                                                                                        \
	X("capture.send_failed", send_failed)                                                                          \
	X("capture.kernel_bypassed", bypassed)                                                                         \
	X("capture.kernel_bypassed_bytes", bypassed_bytes)                                                             \
	X("capture.kernel_blocked", blocked)                                                                           \
	X("capture.unguarded", unguarded)                                                                              \
	X("capture.rejects", rejects)                                                                                  \
	X("capture.rejects_withheld", rejects_withheld)

static const struct {
	const char *name;
	size_t offset;
} source_counters[SOURCE_COUNTERS] = {
#define X(name, field) { name, offsetof(struct source_stats, field) },
	SOURCE_COUNTER_LIST(X)
#undef X
};

/* ---- A worker's thread ---- */

static void count_source(struct sensor_worker *w)
{
	const struct sensor *s = w->sensor;

	source_stats(w->source, &w->source_stats);
	for (size_t i = 0; i < SOURCE_COUNTERS; i++)
		memcpy(&w->worker->counters[s->counters[i]], (const char *)&w->source_stats + source_counters[i].offset,
			sizeof(uint64_t));
}

/* The worker does what it was asked for, one worker at a time. */
static void do_task(struct sensor_worker *w)
{
	struct sensor *s = w->sensor;
	uint64_t count;

	if (!atomic_load_explicit(&w->asked, memory_order_acquire))
		return;
	pthread_mutex_lock(&s->lock);
	if (read(w->wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_warn("a worker cannot read its wake-up: %s", strerror(errno));
	atomic_store(&w->asked, false);
	if (s->task) {
		s->task(w, s->task_context);
		if (--s->task_left == 0)
			pthread_cond_signal(&s->done);
	}
	pthread_mutex_unlock(&s->lock);
}

static void keep_house(struct sensor_worker *w, bool was_empty)
{
	uint64_t now_ns = clock_real_ns();

	if (!was_empty && now_ns - w->idle_ns < HOUSEKEEPING_NS)
		return;
	if (now_ns - w->idle_ns >= HOUSEKEEPING_NS || now_ns < w->idle_ns) {
		w->idle_ns = now_ns;
		count_source(w);
	}
	/* Files bring their own time, which stands still between them. */
	worker_idle(w->worker, source_set_is_offline(w->sensor->set) ? w->frame_ns : now_ns);
}

static int run_batch(struct sensor_worker *w, struct source_frame *frames)
{
	int count = source_receive(w->source, WAIT_MS, frames);

	for (int i = 0; i < count; i++) {
		struct worker_verdict verdict;

		worker_frame(w->worker, &frames[i].in, &verdict);
		source_verdict(w->source, &frames[i], &verdict);
	}
	if (count > 0) {
		w->frame_ns = frames[count - 1].in.time_ns;
		source_release(w->source);
	}
	return count;
}

static void end_worker(struct sensor_worker *w, int error)
{
	struct sensor *s = w->sensor;
	uint64_t one = 1;

	count_source(w);
	worker_finish(w->worker);
	pthread_mutex_lock(&s->lock);
	w->ended = true;
	w->error = error == LUYTRE_E_CLOSED ? 0 : error;
	/* Whoever waits for this worker need not. */
	if (s->task && atomic_load(&w->asked)) {
		s->task(w, s->task_context);
		if (--s->task_left == 0)
			pthread_cond_signal(&s->done);
	}
	pthread_mutex_unlock(&s->lock);
	if (write(s->ended_fd, &one, sizeof(one)) < 0)
		log_error("the end of a worker cannot be told: %s", strerror(errno));
}

static void *run_worker(void *context)
{
	struct sensor_worker *w = context;
	struct source_frame *frames = calloc(SOURCE_BATCH_MAX, sizeof(*frames));
	char name[16];
	int count = frames ? 0 : LUYTRE_E_NOMEM;

	snprintf(name, sizeof(name), "luytre-w%u", w->index);
	pthread_setname_np(pthread_self(), name);
	while (count >= 0 && !atomic_load_explicit(&w->sensor->stopping, memory_order_relaxed)) {
		count = run_batch(w, frames);
		do_task(w);
		keep_house(w, count == 0);
	}
	if (count < 0 && count != LUYTRE_E_CLOSED)
		log_error("worker %u: no more packets can be read: %s", w->index, error_text(count, LUYTRE_LANG_EN));
	end_worker(w, count < 0 ? count : 0);
	free(frames);
	return NULL;
}

static void wake(const struct sensor_worker *w)
{
	uint64_t one = 1;

	if (write(w->wake_fd, &one, sizeof(one)) < 0)
		log_warn("a worker cannot be woken: %s", strerror(errno));
}

void sensor_ask(struct sensor *sensor, sensor_task_fn task, void *context)
{
	pthread_mutex_lock(&sensor->lock);
	sensor->task = task;
	sensor->task_context = context;
	sensor->task_left = 0;
	for (unsigned int i = 0; i < sensor->worker_count; i++) {
		struct sensor_worker *w = &sensor->workers[i];

		if (w->ended || !w->started) {
			task(w, context);
			continue;
		}
		sensor->task_left++;
		atomic_store_explicit(&w->asked, true, memory_order_release);
		wake(w);
	}
	while (sensor->task_left)
		pthread_cond_wait(&sensor->done, &sensor->lock);
	sensor->task = NULL;
	pthread_mutex_unlock(&sensor->lock);
}

void sensor_sum(const struct sensor *sensor, uint64_t ret[STATS_COUNTERS_MAX])
{
	memset(ret, 0, STATS_COUNTERS_MAX * sizeof(*ret));
	for (unsigned int i = 0; i < sensor->worker_count; i++)
		for (unsigned int c = 0; c < stats_count(); c++)
			ret[c] += __atomic_load_n(&sensor->workers[i].worker->counters[c], __ATOMIC_RELAXED);
}

/* ---- The main thread's events ---- */

static void write_counters(struct sensor *s, uint64_t now_ns)
{
	uint64_t *sum;

	if (!s->eve)
		return;
	sum = malloc(STATS_COUNTERS_MAX * sizeof(*sum));
	if (!sum)
		return;
	sensor_sum(s, sum);
	eve_stats(s->eve, now_ns, sum, s->start_ns);
	eve_flush(s->eve);
	free(sum);
	s->stats_ns = now_ns;
}

static void on_tick(struct loop *loop, uint64_t periods, void *context)
{
	struct sensor *s = context;
	uint64_t now_ns = clock_real_ns(), interval_ns = eve_stats_interval(s->sinks);

	if (interval_ns && now_ns - s->stats_ns >= interval_ns)
		write_counters(s, now_ns);
}

static void on_ended(struct loop *loop, uint64_t events, void *context)
{
	struct sensor *s = context;
	uint64_t count;
	bool failed = false;

	if (read(s->ended_fd, &count, sizeof(count)) < 0)
		return;
	s->running_count -= (unsigned int)count;
	pthread_mutex_lock(&s->lock);
	for (unsigned int i = 0; i < s->worker_count; i++)
		failed |= s->workers[i].ended && s->workers[i].error;
	pthread_mutex_unlock(&s->lock);
	if (failed || s->running_count == 0)
		loop_stop(loop);
}

static void on_signal(struct loop *loop, uint64_t number, void *context)
{
	struct sensor *s = context;

	if (number == SIGHUP)
		reload_begin(s);
	else if (number == SIGUSR1)
		eve_sinks_reopen(s->sinks);
	else
		loop_stop(loop);
}

/* ---- Start and end ---- */

/* Ceilings are for the whole process: each worker has its part. */
static void share_ceilings(struct sensor_settings *settings, unsigned int workers)
{
	settings->flow_memcap_size /= workers;
	settings->stream_memcap_size /= workers;
	settings->reassembly_memcap_size /= workers;
	settings->flow_hash_count /= workers;
	settings->flow_prealloc_count /= workers;
}

static int open_worker(struct sensor *s, unsigned int index)
{
	struct sensor_worker *w = &s->workers[index];
	char message[SOURCE_MESSAGE_SIZE] = "";
	int error;

	w->sensor = s;
	w->index = index;
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->worker = w->wake_fd < 0 ? NULL : worker_new(s->settings, s->policy, s->engine, s->sinks, index);
	s->worker_count = index + 1;
	if (!w->worker)
		return LUYTRE_E_NOMEM;
	w->worker->counts_only = true;
	worker_places(w->worker, said_places(s));
	if (s->profile && w->worker->detect && detect_context_profile(w->worker->detect, true))
		return LUYTRE_E_NOMEM;
	error = source_open(s->set, index, w->wake_fd, message, &w->source);
	if (error)
		log_error("%s", message[0] ? message : error_text(error, LUYTRE_LANG_EN));
	return error;
}

static int open_workers(struct sensor *s)
{
	char message[SOURCE_MESSAGE_SIZE] = "";
	int error = 0;

	for (size_t i = 0; i < SOURCE_COUNTERS; i++)
		s->counters[i] = (uint16_t)stats_register(source_counters[i].name);
	for (unsigned int i = 0; i < s->options->source.worker_count && !error; i++)
		error = open_worker(s, i);
	if (error)
		return error;
	error = source_set_start(s->set, message);
	if (error)
		log_error("%s", message[0] ? message : error_text(error, LUYTRE_LANG_EN));
	if (!error && s->sinks) {
		s->eve = eve_new(s->sinks, s->workers[0].worker);
		error = s->eve ? 0 : LUYTRE_E_NOMEM;
	}
	return error;
}

static int prepare(struct sensor *s)
{
	struct sensor_options options = s->options->sensor;
	char message[SOURCE_MESSAGE_SIZE] = "";
	int error = source_set_open(&s->options->source, message, &s->set);

	if (error) {
		log_error("%s", message[0] ? message : error_text(error, LUYTRE_LANG_EN));
		return error;
	}
	options.simulate_ips = source_set_is_inline(s->set);
	options.offline = source_set_is_offline(s->set);
	error = sensor_settings_load(&options, &s->settings);
	if (error)
		return error;
	share_ceilings(s->settings, s->options->source.worker_count);
	error = load_open_cache(s->options->cache_dir);
	if (error)
		return error;
	error = sensor_load_rules(s, options.errors_fatal, &s->policy, &s->engine);
	if (!error)
		error = eve_sinks_open(s->settings, &s->sinks);
	if (!error)
		error = said_open(s);
	if (!error)
		error = open_workers(s);
	if (!error)
		error = sensor_settings_complaints(s->settings, options.errors_fatal);
	return error;
}

static int open_loop(struct sensor *s)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1 };
	int error = loop_new(&s->loop);

	for (size_t i = 0; i < ARRAY_COUNT(signals) && !error; i++)
		error = loop_add_signal(s->loop, signals[i], on_signal, s, NULL);
	if (!error)
		error = loop_add_timer(s->loop, TICK_MS, on_tick, s, NULL);
	s->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!error)
		error = s->ended_fd < 0 ? LUYTRE_E_SYSTEM
					: loop_add_fd(s->loop, s->ended_fd, EPOLLIN, on_ended, s, NULL);
	return error;
}

static int start_threads(struct sensor *s)
{
	for (unsigned int i = 0; i < s->worker_count; i++) {
		struct sensor_worker *w = &s->workers[i];
		int error;

		/* Under the lock, so that nobody asks a worker that is only half begun. */
		pthread_mutex_lock(&s->lock);
		error = pthread_create(&w->thread, NULL, run_worker, w);
		w->started = error == 0;
		pthread_mutex_unlock(&s->lock);
		if (error) {
			log_error("cannot start worker %u: %s", i, strerror(error));
			return LUYTRE_E_SYSTEM;
		}
		s->running_count++;
	}
	return 0;
}

static int stop_threads(struct sensor *s)
{
	int error = 0;

	atomic_store(&s->stopping, true);
	for (unsigned int i = 0; i < s->worker_count; i++)
		if (s->workers[i].started)
			wake(&s->workers[i]);
	for (unsigned int i = 0; i < s->worker_count; i++) {
		if (s->workers[i].started)
			pthread_join(s->workers[i].thread, NULL);
		s->workers[i].ended = true;
		if (s->workers[i].error)
			error = s->workers[i].error;
	}
	return error;
}

static void free_sensor(struct sensor *s)
{
	sensor_control_close(s);
	said_close(s);
	reload_close(s);
	for (unsigned int i = 0; i < s->worker_count; i++) {
		source_close(s->workers[i].source);
		worker_free(s->workers[i].worker);
		if (s->workers[i].wake_fd >= 0)
			close(s->workers[i].wake_fd);
	}
	source_set_close(s->set, s->options->detach);
	eve_free(s->eve);
	eve_sinks_close(s->sinks);
	detect_engine_free(s->engine);
	rules_free(s->policy);
	sensor_settings_free(s->settings);
	loop_free(s->loop);
	if (s->ended_fd >= 0)
		close(s->ended_fd);
	pthread_cond_destroy(&s->done);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Sockets, queues and programs of the kernel are open; what is still to come is listed here. */
static int enter_sandbox(const struct sensor *s)
{
	unsigned int needs = SANDBOX_THREADS; /* workers, and one that compiles rules at each reload */
	char why[256];
	int error;

	if (s->options->source.kind == SOURCE_NFQUEUE)
		needs |= SANDBOX_NET_ADMIN; /* the kernel takes no verdicts without */
	if (s->options->source.kind == SOURCE_AF_XDP)
		needs |= SANDBOX_BPF_MAPS; /* flows that the kernel decides alone, and its counters */
	if (eve_sinks_have_sockets(s->sinks))
		needs |= SANDBOX_UNIX_SOCKETS; /* readers come and go */
	error = sandbox_enter(needs, why, sizeof(why));
	if (error)
		log_error("%s", why);
	return error;
}

static int run(struct sensor *s)
{
	int error = 0, ended;

	if (s->options->control_path)
		error = sensor_control_open(s, s->options->control_path);
	if (!error)
		error = reload_open(s);
	if (!error)
		error = said_watch(s);
	notify_open();
	if (!error && !s->options->keep_privileges)
		error = enter_sandbox(s);
	if (error)
		return error;
	said_prove(s);
	s->start_ns = s->stats_ns = clock_real_ns();
	error = start_threads(s);
	if (!error) {
		log_info("%s; %u rules", source_set_describe(s->set), s->policy->loaded_count);
		notify_send("READY=1\nSTATUS=The sensor inspects.");
		error = loop_run(s->loop);
	}
	notify_send("STOPPING=1");
	ended = stop_threads(s);
	write_counters(s, source_set_is_offline(s->set) ? s->workers[0].worker->now_ns : clock_real_ns());
	return error ? error : ended;
}

int sensor_run(const struct sensor_run_options *options)
{
	struct sensor *s = calloc(1, sizeof(*s));
	int error;

	if (!s)
		return LUYTRE_E_NOMEM;
	s->options = options;
	s->profile = options->profile;
	s->ended_fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->done, NULL);
	error = open_loop(s);
	if (!error)
		error = prepare(s);
	if (!error)
		error = run(s);
	free_sensor(s);
	return error;
}
