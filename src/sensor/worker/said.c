// SPDX-License-Identifier: Apache-2.0
#include "sensor/worker/said.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "sensor/config/tree.h"
#include "sensor/hold/replay.h"
#include "sensor/output/eve.h"
#include "sensor/rules/places.h"
#include "sensor/worker/sensor-internal.h"

enum {
	LOOK_MS = 200,
	TELL_AGAIN_LOOKS = 25, /* 5 s: nobody took the word */
	READ_AGAIN_LOOKS = 10, /* 2 s: something could not be read, and may be so by now without being another file */
	WORD_MAX = 1 << 20,
	PATH_SIZE = 4096,
};

struct said {
	struct sensor *sensor;
	struct sensor_said now;
	struct stat seen[SENSOR_SAID_FILES]; /* as of the last reading */
	char why[SENSOR_SAID_WHY_SIZE]; /* "" when all could be read */
	uint64_t count, failed_count, took_ns, ended_ns;
	struct loop_source *timer, *ready;
	/* The proof. */
	pthread_t thread;
	bool proving, untold;
	int ready_fd;
	struct hold_proof_input input; /* of this proof, as the next */
	struct hold_talks *talks;
	struct hold_proof *proof; /* the last one */
	struct hold_proof *fresh; /* what the thread leaves */
	int error;
	unsigned int looks; /* since the word was not taken */
	unsigned int failed_looks; /* since something could not be read */
};

void sensor_said_done(struct sensor_said *said)
{
	places_discard(said->places);
	holdfile_done(&said->holds);
	*said = (struct sensor_said){ 0 };
}

static const struct sensor_said_source *source_of(const struct sensor *sensor)
{
	return &sensor->options->said;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Whether a file is another one than when this was asked last. */
static bool has_changed(struct said *said)
{
	bool changed = false;

	for (int i = 0; i < SENSOR_SAID_FILES; i++) {
		const char *path = source_of(said->sensor)->paths[i];
		struct stat now = { 0 };

		if (path && stat(path, &now))
			now = (struct stat){ 0 };
		changed |= !is_same(&now, &said->seen[i]);
		said->seen[i] = now;
	}
	return changed;
}

/* 'is_other': the files are other ones; else what could not be read is tried again. */
static int read_files(struct said *said, bool is_other, struct sensor_said *ret)
{
	const struct sensor_said_source *source = source_of(said->sensor);
	char before[SENSOR_SAID_WHY_SIZE];
	int error;

	memcpy(before, said->why, sizeof(before));
	error = source->read(source->context, ret, said->why, sizeof(said->why));
	if (error)
		snprintf(said->why, sizeof(said->why), "%s", error_text(error, LUYTRE_LANG_EN));
	said->failed_looks = 0;
	if (said->why[0] && (is_other || strcmp(before, said->why) != 0)) { /* once for each trouble */
		said->failed_count++;
		log_error("what the hub says cannot be read; what it said before stands: %s", said->why);
	}
	return error;
}

/* ---- Taking ---- */

static void take_places(struct sensor_worker *worker, void *context)
{
	const struct sensor_said *said = context;

	worker_places(worker->worker, said->places);
}

static void take(struct said *said, const struct sensor_said *fresh, uint64_t began_ns)
{
	struct sensor_said before = said->now, taken = *fresh;

	sensor_ask(said->sensor, take_places, &taken);
	said->took_ns = clock_mono_ns() - began_ns;
	said->ended_ns = clock_real_ns();
	said->count++;
	said_settle(said->sensor); /* it may use what stood before */
	said->now = taken;
	sensor_said_done(&before);
	log_info("policy %llu of the hub is in force: %zu rows (%zu of no tenant here, %zu edge-only), %zu places; "
		 "holds of stamp "
		 "%lld; %.1f ms",
		(unsigned long long)fresh->version, fresh->rows, fresh->unplaced, fresh->edge_only,
		places_count(fresh->places), (long long)fresh->holds.stamp, (double)said->took_ns / (double)NS_PER_MS);
	said_prove(said->sensor);
}

/* ---- The proof ---- */

/* Beside the rules: the first that is there. */
static void find_talks(const struct sensor *sensor, char path[PATH_SIZE])
{
	path[0] = '\0';
	for (unsigned int i = 0; i < sensor->options->rules_count; i++) {
		const char *rules = sensor->options->rules[i], *slash = strrchr(rules, '/');
		struct stat info;
		bool is_folder = !stat(rules, &info) && S_ISDIR(info.st_mode);
		int size = is_folder ? (int)strlen(rules) : slash ? (int)(slash - rules) : 1;

		snprintf(path, PATH_SIZE, "%.*s/" HOLD_TALKS_NAME, size, is_folder || slash ? rules : ".");
		if (!access(path, R_OK))
			return;
	}
}

static void *prove(void *context)
{
	struct said *said = context;
	char path[PATH_SIZE];
	uint64_t one = 1;

	pthread_setname_np(pthread_self(), "luytre-proof");
	find_talks(said->sensor, path);
	said->error = path[0] ? hold_talks_open(path, &said->talks) : 0;
	said->input.talks = said->talks;
	if (!said->error)
		said->error = hold_proof_new(&said->input, &said->fresh);
	if (write(said->ready_fd, &one, sizeof(one)) < 0)
		log_error("the proof of holds cannot be told to be over: %s", strerror(errno));
	return NULL;
}

static void name_gate(const struct sensor *sensor, char name[64])
{
	const struct source_options *source = &sensor->options->source;

	if (source->interface)
		snprintf(name, 64, "sensor-%.40s", source->interface);
	else if (source->kind == SOURCE_NFQUEUE)
		snprintf(name, 64, "sensor-queue-%u", source->queue);
	else
		snprintf(name, 64, "sensor");
}

/* To the edge, over the sensor's own outputs. What nobody took is told again. */
static void tell(struct said *said)
{
	struct sensor *sensor = said->sensor;
	uint64_t lost = sensor->eve ? eve_lost(sensor->eve) : 0, now_ns = clock_real_ns();
	char name[64];

	said->untold = false;
	said->looks = 0;
	if (!sensor->eve || !said->proof)
		return;
	name_gate(sensor, name);
	for (size_t part = 0; part < hold_proof_parts(said->proof); part++) {
		struct jsonw json;

		jsonw_init(&json, WORD_MAX);
		hold_proof_write(said->proof, name, part, now_ns, &json);
		eve_object(sensor->eve, &json, now_ns);
		jsonw_done(&json);
	}
	said->untold = eve_lost(sensor->eve) != lost;
}

/* Without its thread. */
static void end_proof(struct said *said)
{
	hold_talks_free(said->talks);
	said->talks = NULL;
	if (said->error)
		log_error("the holds cannot be proved: %s", error_text(said->error, LUYTRE_LANG_EN));
	said->error = 0;
}

static void on_proved(struct loop *loop, uint64_t events, void *context)
{
	struct said *said = context;
	uint64_t count;

	if (read(said->ready_fd, &count, sizeof(count)) < 0 || !said->proving)
		return;
	pthread_join(said->thread, NULL);
	said->proving = false;
	if (said->fresh) {
		hold_proof_free(said->proof);
		said->proof = said->fresh;
		said->fresh = NULL;
		log_info("%zu of %zu holds stand", hold_proof_standing(said->proof), hold_proof_count(said->proof));
		tell(said);
	}
	end_proof(said);
}

void said_settle(struct sensor *sensor)
{
	struct said *said = sensor->said;
	uint64_t count;

	if (!said || !said->proving)
		return;
	pthread_join(said->thread, NULL);
	said->proving = false;
	(void)!read(said->ready_fd, &count, sizeof(count));
	hold_proof_free(said->fresh);
	said->fresh = NULL;
	end_proof(said);
}

void said_prove(struct sensor *sensor)
{
	struct said *said = sensor->said;
	int error;

	if (!said || !said->now.holds.stamp)
		return;
	said_settle(sensor);
	said->input = (struct hold_proof_input){ .settings = sensor->settings,
		.policy = sensor->policy,
		.engine = sensor->engine,
		.file = &said->now.holds,
		.places = said->now.places };
	error = pthread_create(&said->thread, NULL, prove, said);
	said->proving = error == 0;
	if (error)
		log_error("the holds are not proved: %s", strerror(error));
}

/* ---- Looking ---- */

static void on_look(struct loop *loop, uint64_t periods, void *context)
{
	struct said *said = context;
	uint64_t began_ns = clock_mono_ns();
	struct sensor_said fresh = { 0 };
	bool is_other;

	if (said->untold && !said->proving && ++said->looks >= TELL_AGAIN_LOOKS)
		tell(said);
	is_other = has_changed(said);
	if (!is_other && (!said->why[0] || ++said->failed_looks < READ_AGAIN_LOOKS))
		return;
	if (read_files(said, is_other, &fresh))
		return;
	if (said->why[0] && fresh.version == said->now.version && fresh.holds.stamp == said->now.holds.stamp) {
		sensor_said_done(&fresh); /* what it said before */
		return;
	}
	take(said, &fresh, began_ns);
}

int said_open(struct sensor *sensor)
{
	const struct sensor_said_source *source = source_of(sensor);
	struct said *said;

	if (!source->read || (!source->paths[0] && !source->paths[1]))
		return 0;
	said = calloc(1, sizeof(*said));
	if (!said)
		return LUYTRE_E_NOMEM;
	said->sensor = sensor;
	said->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sensor->said = said;
	if (said->ready_fd < 0)
		return LUYTRE_E_SYSTEM;
	(void)has_changed(said);
	return read_files(said, true, &said->now) == LUYTRE_E_NOMEM ? LUYTRE_E_NOMEM : 0;
}

int said_watch(struct sensor *sensor)
{
	struct said *said = sensor->said;
	int error;

	if (!said)
		return 0;
	error = loop_add_fd(sensor->loop, said->ready_fd, EPOLLIN, on_proved, said, &said->ready);
	if (!error)
		error = loop_add_timer(sensor->loop, LOOK_MS, on_look, said, &said->timer);
	return error;
}

void said_close(struct sensor *sensor)
{
	struct said *said = sensor->said;

	if (!said)
		return;
	said_settle(sensor);
	loop_remove(sensor->loop, said->timer);
	loop_remove(sensor->loop, said->ready);
	if (said->ready_fd >= 0)
		close(said->ready_fd);
	hold_proof_free(said->proof);
	sensor_said_done(&said->now);
	free(said);
	sensor->said = NULL;
}

const struct places *said_places(const struct sensor *sensor)
{
	return sensor->said ? sensor->said->now.places : NULL;
}

static bool stores_files(const struct conf_node *root)
{
	CONF_FOR(item, conf_get(root, "outputs"))
	{
		if (!strcmp(conf_item_name(item), "file-store") && conf_bool(conf_item_options(item), "enabled", false))
			return true;
	}
	return false;
}

void said_report(const struct sensor *sensor, struct jsonw *json)
{
	const struct said *said = sensor->said;

	if (!said)
		return;
	jsonw_kv_object_begin(json, "hub");
	jsonw_kv_u64(json, "version", said->now.version);
	jsonw_kv_u64(json, "rows", said->now.rows);
	jsonw_kv_u64(json, "unplaced", said->now.unplaced);
	jsonw_kv_u64(json, "edge_only", said->now.edge_only);
	jsonw_kv_u64(json, "places", places_count(said->now.places));
	jsonw_kv_bool(json, "evidence", conf_bool(sensor->settings->root, "evidence.enabled", false));
	jsonw_kv_bool(json, "file_store", stores_files(sensor->settings->root));
	jsonw_kv_i64(json, "holds_stamp", said->now.holds.stamp);
	jsonw_kv_u64(json, "holds", said->proof ? hold_proof_count(said->proof) : 0);
	jsonw_kv_u64(json, "holds_standing", said->proof ? hold_proof_standing(said->proof) : 0);
	jsonw_kv_u64(json, "changes", said->count);
	jsonw_kv_u64(json, "failed", said->failed_count);
	if (said->why[0])
		jsonw_kv_string(json, "problem", said->why);
	if (said->count) {
		jsonw_kv_u64(json, "ended_ns", said->ended_ns);
		jsonw_kv_u64(json, "took_ns", said->took_ns);
	}
	jsonw_object_end(json);
}
