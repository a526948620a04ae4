// SPDX-License-Identifier: Apache-2.0
#include "gate/nginx/holdwatch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "gate/nginx/policy-internal.h"

struct hold_watch {
	char *path, *samples_path;
	struct files files;
	uint64_t seen; /* fingerprint of what was read last, or is being read; 0: nothing yet */
	struct hold_places *places;
	struct hold_samples *samples;

	/* The thread's until 'ready' is set. */
	bool reading;
	pthread_t thread;
	atomic_bool ready;
	enum hold_change change;
	struct hold_places *new_places;
	struct hold_samples *new_samples;
	char why[HOLD_WHY_SIZE];
};

struct hold_watch *hold_watch_new(const char *path, const char *samples_path)
{
	struct hold_watch *watch = calloc(1, sizeof(*watch));
	bool good;

	if (!watch)
		return NULL;
	watch->path = strdup(path);
	watch->samples_path = samples_path ? strdup(samples_path) : NULL;
	good = watch->path && (!samples_path || watch->samples_path) && files_add(&watch->files, path) == 0;
	if (good && samples_path)
		good = files_add(&watch->files, samples_path) == 0;
	if (good)
		return watch;
	hold_watch_free(watch);
	return NULL;
}

static void forget_new(struct hold_watch *watch)
{
	hold_places_free(watch->new_places);
	hold_samples_free(watch->new_samples);
	watch->new_places = NULL;
	watch->new_samples = NULL;
}

void hold_watch_free(struct hold_watch *watch)
{
	if (!watch)
		return;
	if (watch->reading)
		pthread_join(watch->thread, NULL);
	forget_new(watch);
	hold_places_free(watch->places);
	hold_samples_free(watch->samples);
	files_free(&watch->files);
	free(watch->path);
	free(watch->samples_path);
	free(watch);
}

/* ---- reading ---- */

static int read_whole(int file, size_t size, uint8_t *room, size_t *ret)
{
	*ret = 0;
	while (*ret < size) {
		ssize_t got = read(file, room + *ret, size - *ret);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_from_errno(errno);
		if (got == 0)
			break;
		*ret += (size_t)got;
	}
	return 0;
}

/* The caller frees '*ret_room'. LUYTRE_E_NOT_FOUND when there is no such file. */
static int read_file(const char *path, size_t size_max, uint8_t **ret_room, size_t *ret_size)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	uint8_t *room;
	int error;

	if (file < 0)
		return errno == ENOENT ? LUYTRE_E_NOT_FOUND : error_from_errno(errno);
	if (fstat(file, &status) < 0 || !S_ISREG(status.st_mode)) {
		close(file);
		return LUYTRE_E_INVALID;
	}
	if ((uint64_t)status.st_size > size_max) {
		close(file);
		return LUYTRE_E_FULL;
	}
	room = malloc((size_t)status.st_size + 1);
	error = room ? read_whole(file, (size_t)status.st_size, room, ret_size) : LUYTRE_E_NOMEM;
	close(file);
	if (error < 0)
		free(room);
	else
		*ret_room = room;
	return error;
}

static int read_places(struct hold_watch *watch)
{
	struct holdfile file;
	uint8_t *room;
	size_t size;
	int error = read_file(watch->path, HOLDFILE_SIZE_MAX, &room, &size);

	if (error == LUYTRE_E_NOT_FOUND)
		return 0;
	if (error < 0)
		return error;
	error = holdfile_read(bytes_of(room, size), &file);
	free(room);
	return error < 0 ? error : hold_places_new(&file, &watch->new_places);
}

static void read_samples(struct hold_watch *watch)
{
	size_t size, line = 0;
	uint8_t *room;
	int error;

	if (!watch->samples_path)
		return;
	error = read_file(watch->samples_path, HOLD_SAMPLES_SIZE_MAX, &room, &size);
	if (error == 0) {
		error = hold_samples_read(bytes_of(room, size), &watch->new_samples, &line);
		free(room);
	}
	if (error < 0)
		snprintf(watch->why, sizeof(watch->why), "no samples: %s:%zu: %s", watch->samples_path, line,
			error_text(error, LUYTRE_LANG_EN));
}

static void read_both(struct hold_watch *watch)
{
	int error;

	watch->why[0] = '\0';
	error = read_places(watch);
	watch->change = error < 0 ? HOLD_REFUSED : HOLD_TAKEN;
	if (error < 0)
		snprintf(watch->why, sizeof(watch->why), "%s: %s", watch->path, error_text(error, LUYTRE_LANG_EN));
	else
		read_samples(watch);
}

static enum hold_change take(struct hold_watch *watch, char why[HOLD_WHY_SIZE])
{
	memcpy(why, watch->why, HOLD_WHY_SIZE);
	if (watch->change == HOLD_TAKEN) {
		hold_places_free(watch->places);
		hold_samples_free(watch->samples);
		watch->places = watch->new_places;
		watch->samples = watch->new_samples;
		watch->new_places = NULL;
		watch->new_samples = NULL;
	}
	forget_new(watch);
	return watch->change;
}

enum hold_change hold_watch_read(struct hold_watch *watch, char why[HOLD_WHY_SIZE])
{
	/* Before it is read: what changes meanwhile is read again. */
	watch->seen = files_fingerprint(&watch->files);
	read_both(watch);
	return take(watch, why);
}

/* ---- beside the event loop ---- */

static void *run(void *context)
{
	struct hold_watch *watch = context;

	/* On Linux this is the thread's alone: requests go first. */
	setpriority(PRIO_PROCESS, 0, 10);
	read_both(watch);
	atomic_store(&watch->ready, true);
	return NULL;
}

/* The server's signals are for its event loop. */
static bool start(struct hold_watch *watch)
{
	sigset_t all, before;
	int error;

	atomic_store(&watch->ready, false);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&watch->thread, NULL, run, watch);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	watch->reading = error == 0;
	return watch->reading;
}

enum hold_change hold_watch_poll(struct hold_watch *watch, char why[HOLD_WHY_SIZE])
{
	uint64_t now;

	why[0] = '\0';
	if (watch->reading) {
		if (!atomic_load(&watch->ready))
			return HOLD_SAME;
		pthread_join(watch->thread, NULL);
		watch->reading = false;
		return take(watch, why);
	}
	now = files_fingerprint(&watch->files);
	if (now == watch->seen)
		return HOLD_SAME;
	if (!start(watch))
		return hold_watch_read(watch, why);
	watch->seen = now;
	return HOLD_SAME;
}

bool hold_watch_is_busy(const struct hold_watch *watch)
{
	return watch->reading;
}

const struct hold_places *hold_watch_places(const struct hold_watch *watch)
{
	return watch->places;
}

const struct hold_samples *hold_watch_samples(const struct hold_watch *watch)
{
	return watch->samples;
}
