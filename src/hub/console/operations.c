// SPDX-License-Identifier: Apache-2.0
#include "hub/console/operations.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

enum { TELL_MS = 500, TEXT_MAX = 4096 };

struct figure {
	const char *key;
	uint64_t value;
};

/* What is told of one: copied out under the lock. */
struct operation_view {
	uint64_t id; /* 0: the place is free */
	enum operation_state state;
	uint64_t done, total, failed;
	int64_t started_us, ended_us;
	char kind[OPERATION_KIND_SIZE];
	struct figure figures[OPERATION_FIGURES_MAX];
	size_t figure_count;
	struct auth_principal principal;
};

struct operation {
	struct operation_view view; /* under the lock */
	bool waits;
	atomic_bool cancelled;
	struct operations *operations;
	struct operation_plan plan; /* 'kind' is not used */
	char actor[AUTH_ACTOR_SIZE], address[IP_ADDR_TEXT_SIZE];
	uint64_t told_ns;
};

struct operations {
	struct console *console;
	struct db *db; /* of the thread */
	pthread_mutex_t lock;
	pthread_cond_t filled;
	pthread_t thread;
	bool stop, thread_runs;
	uint64_t last_id;
	struct operations_stats stats;
	struct operation places[OPERATIONS_MAX];
};

static const char *const states[] = {
#define X(id, word) word,
	OPERATION_STATES(X)
#undef X
};

/* ---- Telling ---- */

static void write_view(struct jsonw *json, const struct operation_view *view)
{
	jsonw_object_begin(json);
	console_kv_id(json, "id", view->id);
	jsonw_kv_string(json, "kind", view->kind);
	jsonw_kv_string(json, "state", states[view->state]);
	jsonw_kv_u64(json, "done", view->done);
	jsonw_kv_u64(json, "total", view->total);
	jsonw_kv_u64(json, "failed", view->failed);
	jsonw_kv_object_begin(json, "result");
	for (size_t i = 0; i < view->figure_count; i++)
		jsonw_kv_u64(json, view->figures[i].key, view->figures[i].value);
	jsonw_object_end(json);
	jsonw_kv_string(json, "by", view->principal.name);
	console_kv_time(json, "started", view->started_us);
	console_kv_time_or_null(json, "ended", view->ended_us);
	jsonw_object_end(json);
}

static void tell(struct operations *operations, const struct operation_view *view)
{
	struct jsonw json;
	struct bytes text;

	jsonw_init(&json, TEXT_MAX);
	write_view(&json, view);
	if (jsonw_text(&json, &text) == 0)
		console_publish(operations->console, CONSOLE_TOPIC_OPERATIONS, view->principal.account, text);
	jsonw_done(&json);
}

/* ---- The thread ---- */

static struct operation *first_waiting(struct operations *operations)
{
	struct operation *first = NULL;

	for (size_t i = 0; i < OPERATIONS_MAX; i++) {
		struct operation *operation = &operations->places[i];

		if (operation->view.id && operation->waits && (!first || operation->view.id < first->view.id))
			first = operation;
	}
	return first;
}

static void release_plan(const struct operation_plan *plan)
{
	if (plan->release)
		plan->release(plan->context);
}

static int run_one(struct operation *operation)
{
	int error = atomic_load(&operation->cancelled) && !operation->plan.always
			    ? 0
			    : operation->plan.run(operation->plan.context, operation, operation->operations->db);

	if (db_in_transaction(operation->operations->db))
		db_rollback(operation->operations->db);
	if (error)
		log_error("the bulk action \"%s\" of %s failed: %s", operation->view.kind, operation->actor,
			error_text(error, LUYTRE_LANG_EN));
	release_plan(&operation->plan);
	return error;
}

static void *run_thread(void *context)
{
	struct operations *operations = context;
	struct operation *operation;

	pthread_mutex_lock(&operations->lock);
	for (;;) {
		struct operation_view view;
		int error;

		operation = first_waiting(operations);
		if (!operation) {
			if (operations->stop)
				break;
			pthread_cond_wait(&operations->filled, &operations->lock);
			continue;
		}
		operation->waits = false;
		pthread_mutex_unlock(&operations->lock);
		error = run_one(operation);
		pthread_mutex_lock(&operations->lock);
		operation->view.ended_us = (int64_t)(clock_real_ns() / NS_PER_US);
		operation->view.state = error                                ? OPERATION_FAILED
					: atomic_load(&operation->cancelled) ? OPERATION_CANCELLED
									     : OPERATION_DONE;
		view = operation->view;
		pthread_mutex_unlock(&operations->lock);
		tell(operations, &view);
		pthread_mutex_lock(&operations->lock);
	}
	pthread_mutex_unlock(&operations->lock);
	return NULL;
}

int operations_new(struct console *console, struct operations **ret)
{
	struct operations *operations = calloc(1, sizeof(*operations));
	char why[DB_WHY_SIZE];
	int error;

	if (!operations)
		return LUYTRE_E_NOMEM;
	operations->console = console;
	/* Numbers of the process before do not come again. */
	operations->last_id = clock_real_ns() / NS_PER_US;
	pthread_mutex_init(&operations->lock, NULL);
	pthread_cond_init(&operations->filled, NULL);
	error = db_open(console->control, &operations->db, why);
	if (!error && pthread_create(&operations->thread, NULL, run_thread, operations))
		error = LUYTRE_E_SYSTEM;
	operations->thread_runs = !error;
	if (error) {
		operations_free(operations);
		return error;
	}
	*ret = operations;
	return 0;
}

void operations_stop(struct operations *operations)
{
	if (!operations || !operations->thread_runs)
		return;
	pthread_mutex_lock(&operations->lock);
	operations->stop = true;
	for (size_t i = 0; i < OPERATIONS_MAX; i++)
		if (operations->places[i].view.id && operations->places[i].view.state == OPERATION_RUNNING)
			atomic_store(&operations->places[i].cancelled, true);
	pthread_cond_signal(&operations->filled);
	pthread_mutex_unlock(&operations->lock);
	pthread_join(operations->thread, NULL);
	operations->thread_runs = false;
}

void operations_free(struct operations *operations)
{
	if (!operations)
		return;
	db_close(operations->db);
	pthread_mutex_destroy(&operations->lock);
	pthread_cond_destroy(&operations->filled);
	free(operations);
}

/* ---- Starting ---- */

/* A place for one more, or null; counts those of the account. */
static struct operation *find_place(struct operations *operations, uint32_t account)
{
	struct operation *empty = NULL, *oldest = NULL;
	size_t open = 0;

	for (size_t i = 0; i < OPERATIONS_MAX; i++) {
		struct operation *one = &operations->places[i];

		if (one->view.id == 0)
			empty = empty ? empty : one;
		else if (one->view.state == OPERATION_RUNNING)
			open += one->view.principal.account == account;
		else if (!oldest || one->view.id < oldest->view.id)
			oldest = one;
	}
	if (open >= OPERATIONS_OPEN_MAX)
		return NULL;
	if (!empty && oldest)
		operations->stats.evicted++;
	return empty ? empty : oldest;
}

int operations_start(const struct api_request *request, const struct operation_plan *plan, uint64_t *ret_id)
{
	struct operations *operations = console_of(request)->operations;
	const struct auth_principal *principal = console_principal(request);
	struct operation_view view = { .state = OPERATION_RUNNING,
		.total = plan->total,
		.started_us = console_now_us(request),
		.principal = *principal };
	struct operation *place;

	snprintf(view.kind, sizeof(view.kind), "%s", plan->kind);
	pthread_mutex_lock(&operations->lock);
	place = operations->stop ? NULL : find_place(operations, principal->account);
	if (!place) {
		operations->stats.refused++;
		pthread_mutex_unlock(&operations->lock);
		release_plan(plan);
		return LUYTRE_E_BUSY;
	}
	operations->stats.started++;
	view.id = *ret_id = ++operations->last_id;
	place->view = view;
	place->operations = operations;
	place->plan = *plan;
	place->told_ns = 0;
	atomic_store(&place->cancelled, false);
	auth_actor(principal, place->actor);
	place->address[0] = '\0';
	if (request->client.family)
		ip_addr_format(&request->client, place->address);
	place->waits = true;
	pthread_cond_signal(&operations->filled);
	pthread_mutex_unlock(&operations->lock);
	tell(operations, &view);
	return 0;
}

/* ---- For 'run' ---- */

bool operation_step(struct operation *operation, uint64_t done, uint64_t failed)
{
	struct operations *operations = operation->operations;
	uint64_t now_ns = clock_mono_ns();
	struct operation_view view;

	pthread_mutex_lock(&operations->lock);
	operation->view.done = done;
	operation->view.failed = failed;
	view = operation->view;
	pthread_mutex_unlock(&operations->lock);
	if (now_ns - operation->told_ns >= TELL_MS * NS_PER_MS) {
		operation->told_ns = now_ns;
		tell(operations, &view);
	}
	return !atomic_load(&operation->cancelled);
}

void operation_total(struct operation *operation, uint64_t total)
{
	pthread_mutex_lock(&operation->operations->lock);
	operation->view.total = total;
	pthread_mutex_unlock(&operation->operations->lock);
}

void operation_result(struct operation *operation, const char *key, uint64_t value)
{
	struct operation_view *view = &operation->view;

	pthread_mutex_lock(&operation->operations->lock);
	if (view->figure_count < OPERATION_FIGURES_MAX)
		view->figures[view->figure_count++] = (struct figure){ key, value };
	pthread_mutex_unlock(&operation->operations->lock);
}

const struct auth_principal *operation_principal(const struct operation *operation)
{
	return &operation->view.principal; /* never changes while it runs */
}

struct audit_origin operation_origin(const struct operation *operation)
{
	return (struct audit_origin){ .actor = operation->actor,
		.address = operation->address[0] ? operation->address : NULL,
		.now_us = (int64_t)(clock_real_ns() / NS_PER_US) };
}

struct console *operation_console(const struct operation *operation)
{
	return operation->operations->console;
}

void operations_stats(struct operations *operations, struct operations_stats *ret)
{
	pthread_mutex_lock(&operations->lock);
	*ret = operations->stats;
	pthread_mutex_unlock(&operations->lock);
}

/* ---- Handlers ---- */

static struct operation *find(struct operations *operations, uint32_t account, uint64_t id)
{
	for (size_t i = 0; i < OPERATIONS_MAX; i++) {
		struct operation *one = &operations->places[i];

		if (id && one->view.id == id && one->view.principal.account == account)
			return one;
	}
	return NULL;
}

void operations_reply(const struct api_request *request, struct api_reply *reply, int status, uint64_t id)
{
	struct operations *operations = console_of(request)->operations;
	const struct operation *operation;
	struct operation_view view = { 0 };

	pthread_mutex_lock(&operations->lock);
	operation = find(operations, console_principal(request)->account, id);
	if (operation)
		view = operation->view;
	pthread_mutex_unlock(&operations->lock);
	if (!view.id) {
		api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
		return;
	}
	if (status == 202)
		api_reply_header_format(reply, "Location", "/api/v1/operations/%llu", (unsigned long long)view.id);
	write_view(api_reply_json(reply, status), &view);
}

void handle_get_operation(struct api_request *request, struct api_reply *reply)
{
	uint64_t id;

	if (console_path_id(request, reply, "operation", &id))
		operations_reply(request, reply, 200, id);
}

static int newest_first(const void *left, const void *right)
{
	const struct operation_view *a = left, *b = right;

	return (a->id < b->id) - (a->id > b->id);
}

void handle_list_operations(struct api_request *request, struct api_reply *reply)
{
	struct operations *operations = console_of(request)->operations;
	uint32_t account = console_principal(request)->account;
	size_t count = 0, limit = (size_t)console_query_i64(request, "limit", 100);
	struct operation_view *views = arena_alloc(request->arena, OPERATIONS_MAX * sizeof(*views));
	struct api_position from;
	struct jsonw *json;

	if (!api_page_begin(request, reply, &from))
		return;
	if (!views) {
		api_reply_error(reply, LUYTRE_E_NOMEM, NULL);
		return;
	}
	pthread_mutex_lock(&operations->lock);
	for (size_t i = 0; i < OPERATIONS_MAX; i++) {
		const struct operation_view *view = &operations->places[i].view;

		if (view->id && view->principal.account == account && (from.id == 0 || view->id < from.id))
			views[count++] = *view;
	}
	pthread_mutex_unlock(&operations->lock);
	qsort(views, count, sizeof(*views), newest_first);
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	jsonw_kv_array_begin(json, "items");
	for (size_t i = 0; i < count && i < limit; i++)
		write_view(json, &views[i]);
	jsonw_array_end(json);
	api_page_end(
		request, json, count > limit, (struct api_position){ .id = count > limit ? views[limit - 1].id : 0 });
	jsonw_object_end(json);
}

void handle_cancel_operation(struct api_request *request, struct api_reply *reply)
{
	struct operations *operations = console_of(request)->operations;
	struct operation *operation;
	int error = LUYTRE_E_NOT_FOUND;
	uint64_t id;

	if (!console_path_id(request, reply, "operation", &id))
		return;
	pthread_mutex_lock(&operations->lock);
	operation = find(operations, console_principal(request)->account, id);
	if (operation)
		error = operation->view.state == OPERATION_RUNNING ? 0 : LUYTRE_E_CONFLICT;
	if (!error)
		atomic_store(&operation->cancelled, true);
	pthread_mutex_unlock(&operations->lock);
	if (error)
		api_reply_error(reply, error, NULL);
	else
		api_reply_empty(reply, 204);
}
