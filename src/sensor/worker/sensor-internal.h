// SPDX-License-Identifier: Apache-2.0
/* What the files of the running sensor share. Not for others. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/jsonw.h"
#include "base/loop.h"
#include "sensor/worker/sensor.h"
#include "sensor/worker/worker.h"

struct sensor;
struct sensor_worker;
struct control_server;
struct reload;
struct said;
struct detect_engine;
struct eve;
struct policy;

/* Done by each worker between two batches, by its own thread. */
typedef void (*sensor_task_fn)(struct sensor_worker *worker, void *context);

struct sensor_worker {
	struct sensor *sensor;
	unsigned int index;
	struct worker *worker;
	struct source *source;
	struct source_stats source_stats; /* refreshed once a second by its thread */
	pthread_t thread;
	bool started;
	bool ended; /* under sensor->lock: the thread does no more tasks */
	atomic_bool asked;
	int wake_fd;
	int error; /* why it ended */
	uint64_t idle_ns; /* real time of the last housekeeping */
	uint64_t frame_ns; /* time of the last frame: that of offline sources */
};

enum { SOURCE_COUNTERS = 10 };

struct sensor {
	const struct sensor_run_options *options;
	struct sensor_settings *settings;
	struct policy *policy;
	struct detect_engine *engine;
	struct eve_sinks *sinks;
	struct eve *eve; /* of the main thread, for counters */
	struct source_set *set;
	struct sensor_worker workers[SOURCE_WORKERS_MAX];
	unsigned int worker_count, running_count;
	uint16_t counters[SOURCE_COUNTERS]; /* of sources, by index of the list in sensor.c */
	struct loop *loop;
	struct control_server *control;
	struct reload *reload;
	struct said *said; /* null: nobody says anything */
	int ended_fd; /* readable: a worker ended */
	uint64_t start_ns, stats_ns; /* real time */
	bool profile;
	atomic_bool stopping;

	pthread_mutex_t lock; /* the task in hand */
	pthread_cond_t done;
	sensor_task_fn task;
	void *task_context;
	unsigned int task_left;
};

/* Has every worker do it and waits until all have. From the main thread only. */
void sensor_ask(struct sensor *sensor, sensor_task_fn task, void *context);
/* Sums the counters of all workers. */
void sensor_sum(const struct sensor *sensor, uint64_t ret[STATS_COUNTERS_MAX]);

/* reload.c */
MUST_CHECK int sensor_load_rules(
	struct sensor *sensor, bool errors_fatal, struct policy **ret_policy, struct detect_engine **ret_engine);
MUST_CHECK int reload_open(struct sensor *sensor);
void reload_close(struct sensor *sensor);
/* Begins one, or asks for another when one is under way. */
void reload_begin(struct sensor *sensor);
bool reload_is_under_way(const struct sensor *sensor);
/* Members of the open object: state, counts, the report of the last load. */
void reload_report(const struct sensor *sensor, bool with_refusals, struct jsonw *json);

/* control.c */
MUST_CHECK int sensor_control_open(struct sensor *sensor, const char *path);
void sensor_control_close(struct sensor *sensor);
/* Answers those who wait for the end of a reload. */
void sensor_control_reloaded(struct sensor *sensor);

/* top.c: what the requests do. False: the answer comes when the reload is over. */
bool sensor_command(struct sensor *sensor, const char *line, struct jsonw *json);
void sensor_write_reload(const struct sensor *sensor, struct jsonw *json);
