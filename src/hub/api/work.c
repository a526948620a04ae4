// SPDX-License-Identifier: Apache-2.0
/* Pools of threads with bounded queues: ordinary work, what takes long, and questions of a store. */
#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "hub/api/exchange.h"

enum { POOL_COUNT = 3, QUEUE_MAX = 1024, QUEUE_MAX_HEAVY = 32, THREADS_MAX = 64 };

struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t filled;
	struct exchange *first, **end;
	size_t count, count_max;
	bool stopping;
	void (*resume)(struct exchange *exchange);
};

struct thread {
	pthread_t id;
	bool started, begun;
	struct pool *pool;
	struct api_server *server;
	void *worker; /* the program's */
};

struct work {
	struct api_server *server;
	struct pool pools[POOL_COUNT]; /* from API_LANE_NORMAL on */
	struct thread threads[THREADS_MAX];
	size_t thread_count;
};

static struct exchange *take(struct pool *pool, bool *ret_stopping)
{
	struct exchange *exchange;

	pthread_mutex_lock(&pool->mutex);
	while (!pool->first && !pool->stopping)
		pthread_cond_wait(&pool->filled, &pool->mutex);
	exchange = pool->first;
	*ret_stopping = pool->stopping;
	if (exchange) {
		pool->first = exchange->next;
		if (!pool->first)
			pool->end = &pool->first;
		pool->count--;
	}
	pthread_mutex_unlock(&pool->mutex);
	return exchange;
}

static void *thread_main(void *context)
{
	struct thread *thread = context;
	struct pool *pool = thread->pool;
	struct exchange *exchange;
	bool stopping;

	while ((exchange = take(pool, &stopping))) {
		if (stopping)
			process_problem(exchange, API_PROBLEM_OVERLOADED);
		else if (atomic_load(&exchange->state) == EXCHANGE_CHECKING)
			process_check(exchange, thread->worker);
		else
			process_run(exchange, thread->worker);
		pool->resume(exchange);
	}
	return NULL;
}

static int start_thread(struct work *work, struct pool *pool)
{
	struct thread *thread = &work->threads[work->thread_count];
	const struct api_config *config = &work->server->config;
	int error = 0;

	if (work->thread_count == THREADS_MAX)
		return LUYTRE_E_INVALID;
	*thread = (struct thread){ .pool = pool, .server = work->server };
	if (config->worker_begin)
		error = config->worker_begin(config->context, &thread->worker);
	if (error < 0)
		return error;
	thread->begun = true;
	work->thread_count++;
	if (pthread_create(&thread->id, NULL, thread_main, thread) != 0)
		return LUYTRE_E_SYSTEM;
	thread->started = true;
	return 0;
}

int work_new(struct api_server *server, void (*resume)(struct exchange *exchange), struct work **ret)
{
	struct work *work = calloc(1, sizeof(*work));
	const unsigned int counts[POOL_COUNT] = { server->config.workers, server->config.heavy_workers,
		server->config.question_workers };
	int error = 0;

	if (!work)
		return LUYTRE_E_NOMEM;
	work->server = server;
	for (size_t i = 0; i < POOL_COUNT; i++) {
		struct pool *pool = &work->pools[i];

		pthread_mutex_init(&pool->mutex, NULL);
		pthread_cond_init(&pool->filled, NULL);
		pool->end = &pool->first;
		pool->resume = resume;
		pool->count_max = i == API_LANE_HEAVY - API_LANE_NORMAL ? QUEUE_MAX_HEAVY : QUEUE_MAX;
	}
	for (size_t i = 0; i < POOL_COUNT; i++) {
		for (unsigned int thread = 0; thread < counts[i] && error == 0; thread++)
			error = start_thread(work, &work->pools[i]);
	}
	if (error < 0) {
		work_stop(work);
		work_free(work);
		return error;
	}
	*ret = work;
	return 0;
}

int work_add(struct work *work, struct exchange *exchange, enum api_lane lane)
{
	/* A stream's checks are ordinary work. */
	struct pool *pool = &work->pools[lane == API_LANE_STREAM ? 0 : lane - API_LANE_NORMAL];
	int error = 0;

	exchange->next = NULL;
	pthread_mutex_lock(&pool->mutex);
	if (pool->stopping) {
		error = LUYTRE_E_CLOSED;
	} else if (pool->count >= pool->count_max) {
		error = LUYTRE_E_FULL;
	} else {
		*pool->end = exchange;
		pool->end = &exchange->next;
		pool->count++;
		pthread_cond_signal(&pool->filled);
	}
	pthread_mutex_unlock(&pool->mutex);
	return error;
}

void work_write(struct work *work, struct metrics_text *out)
{
	static const char *const names[POOL_COUNT] = { "normal", "heavy", "question" };

	metrics_print(out, "# HELP luytre_api_waiting Requests that wait for a worker, by lane.\n"
			   "# TYPE luytre_api_waiting gauge\n");
	for (size_t i = 0; i < POOL_COUNT; i++) {
		size_t count;

		pthread_mutex_lock(&work->pools[i].mutex);
		count = work->pools[i].count;
		pthread_mutex_unlock(&work->pools[i].mutex);
		metrics_print(out, "luytre_api_waiting{lane=\"%s\"} %zu\n", names[i], count);
	}
}

void work_stop(struct work *work)
{
	for (size_t i = 0; i < POOL_COUNT; i++) {
		pthread_mutex_lock(&work->pools[i].mutex);
		work->pools[i].stopping = true;
		pthread_cond_broadcast(&work->pools[i].filled);
		pthread_mutex_unlock(&work->pools[i].mutex);
	}
	for (size_t i = 0; i < work->thread_count; i++) {
		if (work->threads[i].started)
			pthread_join(work->threads[i].id, NULL);
		work->threads[i].started = false;
	}
}

void work_free(struct work *work)
{
	const struct api_config *config;

	if (!work)
		return;
	config = &work->server->config;
	for (size_t i = 0; i < work->thread_count; i++) {
		if (work->threads[i].begun && config->worker_end)
			config->worker_end(config->context, work->threads[i].worker);
	}
	for (size_t i = 0; i < POOL_COUNT; i++) {
		pthread_cond_destroy(&work->pools[i].filled);
		pthread_mutex_destroy(&work->pools[i].mutex);
	}
	free(work);
}
