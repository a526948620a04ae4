// SPDX-License-Identifier: Apache-2.0
#include "match/obtain.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "match/cache.h"
#include "match/patterns.h"

#define WAIT_MS 60000
#define LOOK_MS 20

/* One automaton. */
struct job {
	struct pattern_set *set;
	unsigned int part;
	size_t weight;
	char name[PATTERN_SET_KEY_SIZE + 16];
	const struct job *same; /* an earlier one that makes the same */
	bool later; /* another process has begun it */
	bool done;
};

struct work {
	const struct obtain_options *options;
	struct job *jobs; /* the heaviest first */
	size_t job_count;
	struct obtain_info info; /* below: under the mutex once threads run */
	pthread_mutex_t mutex;
	size_t next, done, count;
	uint64_t came_ns; /* when something last came from another process */
	int error;
};

/* ---- which ---- */

/* Names settle the order of equals, so that processes agree on it. */
static int compare_jobs(const void *left, const void *right)
{
	const struct job *a = left, *b = right;

	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int list_jobs(struct work *work, struct pattern_set *const *sets, size_t count)
{
	work->jobs = calloc(count * PATTERN_TIERS + 1, sizeof(*work->jobs));
	if (!work->jobs)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < count; i++) {
		for (unsigned int part = 0; sets[i] && part < PATTERN_TIERS; part++) {
			struct job *job = &work->jobs[work->job_count];
			char key[PATTERN_SET_KEY_SIZE];

			job->weight = pattern_set_part_weight(sets[i], part);
			if (job->weight == 0)
				continue;
			job->set = sets[i];
			job->part = part;
			pattern_set_part_key(sets[i], part, key);
			snprintf(job->name, sizeof(job->name), "%s.patterns", key);
			work->job_count++;
		}
	}
	qsort(work->jobs, work->job_count, sizeof(*work->jobs), compare_jobs);
	for (size_t i = 1; i < work->job_count; i++) {
		struct job *job = &work->jobs[i], *other = job - 1;

		if (strcmp(job->name, other->name) == 0)
			job->same = other->same ? other->same : other;
	}
	work->info.part_count = work->job_count;
	return 0;
}

/* ---- what is there ---- */

static bool load(const struct work *work, struct job *job)
{
	struct bytes saved = cache_read(work->options->cache_dir, job->name);
	bool loaded = saved.size != 0 && pattern_set_part_load(job->set, job->part, saved) == 0;

	cache_free(saved);
	return loaded;
}

static bool take(struct job *job, const struct pattern_set *const *before, size_t before_count)
{
	for (size_t i = 0; i < before_count; i++) {
		if (pattern_set_part_take(job->set, job->part, before[i]))
			return true;
	}
	return false;
}

static void take_what_is_there(struct work *work, const struct pattern_set *const *before, size_t before_count)
{
	for (size_t i = 0; i < work->job_count; i++) {
		struct job *job = &work->jobs[i];

		if (job->same)
			continue;
		if (take(job, before, before_count)) {
			job->done = true;
			work->info.taken_count++;
		} else if (work->options->cache_dir && load(work, job)) {
			job->done = true;
			work->info.loaded_count++;
		}
		work->count += !job->done;
	}
}

/* ---- compiling ---- */

static void compile(struct work *work, struct job *job)
{
	const char *dir = work->options->cache_dir;
	uint8_t *data;
	size_t size;
	int error = pattern_set_part_compile(job->set, job->part);

	if (error == 0 && dir && pattern_set_part_save(job->set, job->part, &data, &size) == 0) {
		cache_write(dir, job->name, data, size);
		free(data);
	}
	pthread_mutex_lock(&work->mutex);
	if (error < 0)
		work->error = error;
	work->info.compiled_count++;
	pthread_mutex_unlock(&work->mutex);
}

/* False when another process is at it. */
static bool compile_locked(struct work *work, struct job *job)
{
	const char *dir = work->options->cache_dir;
	enum cache_lock lock = CACHE_NO_LOCK;
	int fd = -1;

	if (dir)
		lock = cache_try_lock(dir, job->name, &fd);
	if (lock == CACHE_BUSY)
		return false;
	/* It may have come while the others were looked at. */
	if (lock == CACHE_LOCKED && load(work, job)) {
		pthread_mutex_lock(&work->mutex);
		work->info.loaded_count++;
		work->came_ns = clock_mono_ns();
		pthread_mutex_unlock(&work->mutex);
	} else {
		compile(work, job);
	}
	if (lock == CACHE_LOCKED)
		cache_unlock(dir, job->name, fd);
	return true;
}

/* Until it is there, or nobody makes it any more, or nothing has come for too long: who has the lock may have been stopped. */
static void wait_for(struct work *work, struct job *job)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
	uint64_t patience_ns = (work->options->wait_ms ? work->options->wait_ms : WAIT_MS) * NS_PER_MS;

	while (!compile_locked(work, job)) {
		bool enough;

		pthread_mutex_lock(&work->mutex);
		enough = clock_mono_ns() - work->came_ns > patience_ns;
		pthread_mutex_unlock(&work->mutex);
		if (enough) {
			compile(work, job);
			return;
		}
		nanosleep(&pause, NULL);
	}
}

static struct job *next_job(struct work *work, bool later)
{
	struct job *job = NULL;

	pthread_mutex_lock(&work->mutex);
	while (!job && work->error == 0 && work->next < work->job_count) {
		struct job *candidate = &work->jobs[work->next++];

		if (!candidate->done && !candidate->same && candidate->later == later)
			job = candidate;
	}
	pthread_mutex_unlock(&work->mutex);
	return job;
}

static void job_is_done(struct work *work, struct job *job)
{
	pthread_mutex_lock(&work->mutex);
	job->done = true;
	work->done++;
	if (work->options->progress)
		work->options->progress(work->options->context, work->done, work->count);
	pthread_mutex_unlock(&work->mutex);
}

static void *run(void *context)
{
	struct work *work = context;
	struct job *job;

	while ((job = next_job(work, false))) {
		if (compile_locked(work, job))
			job_is_done(work, job);
		else
			job->later = true;
	}
	return NULL;
}

static unsigned int thread_count(const struct work *work)
{
	unsigned int count = work->options->threads;
	cpu_set_t processors;

	if (count == 0)
		count = sched_getaffinity(0, sizeof(processors), &processors) == 0
				? (unsigned int)CPU_COUNT(&processors)
				: 1;
	if (count > OBTAIN_THREADS_MAX)
		count = OBTAIN_THREADS_MAX;
	return count > work->count ? (unsigned int)work->count : count;
}

/* This thread is one of them; those that cannot be started are missed, no more. They inherit its priority, not its signals. */
static void run_threads(struct work *work)
{
	pthread_t threads[OBTAIN_THREADS_MAX];
	unsigned int wanted = thread_count(work), started = 0;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (started + 1 < wanted && pthread_create(&threads[started], NULL, run, work) == 0)
		started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	run(work);
	for (unsigned int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
}

static void compile_all(struct work *work)
{
	struct job *job;

	if (work->count == 0)
		return;
	run_threads(work);
	work->next = 0;
	work->came_ns = clock_mono_ns();
	while ((job = next_job(work, true))) {
		wait_for(work, job);
		job_is_done(work, job);
	}
	/* The compiler leaves some hundred megabytes behind, in pieces. */
	malloc_trim(0);
}

static int finish(struct work *work, struct pattern_set *const *sets, size_t count)
{
	int error = work->error;

	for (size_t i = 0; i < work->job_count && error == 0; i++) {
		struct job *job = &work->jobs[i];

		if (job->same && pattern_set_part_take(job->set, job->part, job->same->set))
			work->info.taken_count++;
	}
	for (size_t i = 0; i < count && error == 0; i++)
		error = sets[i] ? pattern_set_finish(sets[i]) : 0;
	return error;
}

int pattern_sets_obtain(struct pattern_set *const *sets, size_t count, const struct pattern_set *const *before,
	size_t before_count, const struct obtain_options *options, struct obtain_info *ret_info)
{
	struct work work = { .options = options };
	int error = list_jobs(&work, sets, count);

	if (error < 0)
		return error;
	pthread_mutex_init(&work.mutex, NULL);
	take_what_is_there(&work, before, before_count);
	compile_all(&work);
	pthread_mutex_destroy(&work.mutex);
	error = finish(&work, sets, count);
	free(work.jobs);
	if (error == 0)
		*ret_info = work.info;
	return error;
}
