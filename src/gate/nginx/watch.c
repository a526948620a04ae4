// SPDX-License-Identifier: Apache-2.0
/* The thread that compiles changed rules beside a worker's event loop. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "gate/nginx/policy-internal.h"

struct policy_watch {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake; /* on the steady clock */
	bool stop; /* under the mutex */
	unsigned int interval_ms;
	char *cache_dir;
	struct policy **policies;
	size_t count;
};

/* One policy, once each interval. The files that are watched change in policy_watch_poll only, and only while a result waits. */
static void look(struct policy_watch *watch, struct policy *policy)
{
	/* One thread: requests need the processors. The workers share the compiling by the cache (match/obtain.h). */
	struct gate_plan_options options = { .cache_dir = watch->cache_dir, .threads = 1 };
	struct policy_prepared prepared = { 0 };
	static _Thread_local char why[POLICY_WHY_SIZE];
	uint64_t now;
	int error;

	pthread_mutex_lock(&watch->mutex);
	if (policy->waiting != POLICY_SAME || watch->stop) {
		pthread_mutex_unlock(&watch->mutex);
		return;
	}
	pthread_mutex_unlock(&watch->mutex);

	now = files_fingerprint(&policy->files);
	if (now == policy->fingerprint || now == policy->refused) {
		policy->seen = now;
		return;
	}
	if (now != policy->seen) {
		policy->seen = now;
		return;
	}
	options.before = policy->plan; /* stays until what is made here was taken */
	error = policy_prepare(policy, &options, &prepared, why);
	policy->refused = error < 0 ? now : 0;

	pthread_mutex_lock(&watch->mutex);
	policy->prepared = prepared;
	if (error < 0)
		memcpy(policy->why, why, sizeof(why));
	policy->waiting = error < 0 ? POLICY_REFUSED : POLICY_SWAPPED;
	pthread_mutex_unlock(&watch->mutex);
}

/* True when it is time to end. */
static bool sleep_until_next(struct policy_watch *watch)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += watch->interval_ms / 1000;
	until.tv_nsec += (long)(watch->interval_ms % 1000) * 1000000;
	if (until.tv_nsec >= (long)NS_PER_S) {
		until.tv_sec++;
		until.tv_nsec -= (long)NS_PER_S;
	}
	pthread_mutex_lock(&watch->mutex);
	while (!watch->stop && pthread_cond_timedwait(&watch->wake, &watch->mutex, &until) == 0)
		continue;
	stop = watch->stop;
	pthread_mutex_unlock(&watch->mutex);
	return stop;
}

static void *run(void *context)
{
	struct policy_watch *watch = context;

	/* On Linux this is the thread's alone: requests go first. */
	setpriority(PRIO_PROCESS, 0, 10);
	while (!sleep_until_next(watch)) {
		for (size_t i = 0; i < watch->count; i++)
			look(watch, watch->policies[i]);
	}
	return NULL;
}

static void watch_free(struct policy_watch *watch)
{
	free(watch->policies);
	free(watch->cache_dir);
	free(watch);
}

/* The server's signals are for its event loop. */
static int start_thread(struct policy_watch *watch)
{
	pthread_condattr_t steady;
	sigset_t all, before;
	int error;

	pthread_mutex_init(&watch->mutex, NULL);
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&watch->wake, &steady);
	pthread_condattr_destroy(&steady);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&watch->thread, NULL, run, watch);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0 ? 0 : LUYTRE_E_SYSTEM;
}

int policy_watch_start(struct policy *const *policies, size_t count, unsigned int interval_ms, const char *cache_dir,
	struct policy_watch **ret)
{
	struct policy_watch *watch = calloc(1, sizeof(*watch));
	int error;

	if (!watch)
		return LUYTRE_E_NOMEM;
	watch->interval_ms = interval_ms;
	watch->count = count;
	watch->policies = calloc(count + 1, sizeof(struct policy *));
	watch->cache_dir = cache_dir ? strdup(cache_dir) : NULL;
	error = watch->policies && (!cache_dir || watch->cache_dir) ? 0 : LUYTRE_E_NOMEM;
	if (error == 0) {
		memcpy(watch->policies, policies, count * sizeof(struct policy *));
		error = start_thread(watch);
	}
	if (error < 0) {
		watch_free(watch);
		return error;
	}
	*ret = watch;
	return 0;
}

void policy_watch_stop(struct policy_watch *watch)
{
	if (!watch)
		return;
	pthread_mutex_lock(&watch->mutex);
	watch->stop = true;
	pthread_cond_signal(&watch->wake);
	pthread_mutex_unlock(&watch->mutex);
	pthread_join(watch->thread, NULL);
	pthread_cond_destroy(&watch->wake);
	pthread_mutex_destroy(&watch->mutex);
	watch_free(watch);
}

enum policy_change policy_watch_poll(struct policy_watch *watch, struct policy *policy, char why[POLICY_WHY_SIZE])
{
	enum policy_change change;

	pthread_mutex_lock(&watch->mutex);
	change = policy->waiting;
	if (change == POLICY_SWAPPED)
		policy_put(policy, &policy->prepared);
	else if (change == POLICY_REFUSED)
		memcpy(why, policy->why, POLICY_WHY_SIZE);
	policy->waiting = POLICY_SAME;
	pthread_mutex_unlock(&watch->mutex);
	return change;
}
