// SPDX-License-Identifier: Apache-2.0
/* Bulk actions: what takes longer than a request may. A handler starts one and answers 202 with its id; it runs on the one thread of the
 * registry, in the order of arrival, with a database handle of its own; consoles of the same account hear of its progress.
 *
 *	static int run(void *context, struct operation *operation, struct db *db)
 *	{
 *		for (...) {
 *			if (!operation_step(operation, done, failed))	somebody cancelled it
 *				break;
 *		}
 *		operation_result(operation, "acknowledged", done);
 *		return 0;
 *	}
 *
 *	const struct operation_plan plan = { .kind = "events.acknowledge", .total = count, .run = run, .release = free,
 *		.context = copied };
 *	error = operations_start(request, &plan, &id);
 *	if (error)
 *		return api_reply_error(reply, error, NULL);	and the context was released
 *	operations_reply(request, reply, 202, id);
 *
 * An operation belongs to the account that started it: others do not see it. Records are in memory alone: OPERATIONS_MAX of them, the
 * oldest finished one goes; OPERATIONS_OPEN_MAX of an account may wait or run at a time. What was running when the hub ended is over.
 *
 * Threads: the register may be used from any; operation_* by 'run' alone. */
#pragma once

#include "hub/console/internal.h"

enum {
	OPERATIONS_MAX = 256,
	OPERATIONS_OPEN_MAX = 16, /* of an account */
	OPERATION_FIGURES_MAX = 8,
	OPERATION_KIND_SIZE = 32,
};

#define OPERATION_STATES(X)                                                                                            \
	X(RUNNING, "running") /* or waiting for its turn */                                                            \
	X(DONE, "done")                                                                                                \
	X(FAILED, "failed")                                                                                            \
	X(CANCELLED, "cancelled")

enum operation_state {
#define X(id, word) OPERATION_##id,
	OPERATION_STATES(X)
#undef X
		OPERATION_STATE_COUNT
};

struct operations;
struct operation;

struct operation_plan {
	const char *kind; /* a word; copied */
	uint64_t total; /* steps; 0: not known yet, see operation_total */
	/* Does it. An error makes the operation "failed". */
	int (*run)(void *context, struct operation *operation, struct db *db);
	void (*release)(void *context); /* of the context, always called once; may be null */
	/* 'run' is called also when it was cancelled before its turn, or the hub ends: operation_step says so at once. For what has to be brought to an end
	 * somewhere. */
	bool always;
	void *context;
};

MUST_CHECK int operations_new(struct console *console, struct operations **ret);
/* Cancels what runs and waits for it; nothing is started any more. Accepts null. */
void operations_stop(struct operations *operations);
void operations_free(struct operations *operations); /* after operations_stop; accepts null */

/* For the caller of the request. LUYTRE_E_BUSY: too many are under way. Also on failure the context is released. */
MUST_CHECK int operations_start(const struct api_request *request, const struct operation_plan *plan, uint64_t *ret_id);
/* Answers it as the description says. */
void operations_reply(const struct api_request *request, struct api_reply *reply, int status, uint64_t id);

/* ---- For 'run' ---- */

/* Progress so far. False: stop, somebody cancelled it or the hub ends. */
bool operation_step(struct operation *operation, uint64_t done, uint64_t failed);
void operation_total(struct operation *operation, uint64_t total);
/* A figure of the result, beyond done and failed. 'key' is constant. */
void operation_result(struct operation *operation, const char *key, uint64_t value);
const struct auth_principal *operation_principal(const struct operation *operation);
/* Who and from where, for the audit log, now. */
struct audit_origin operation_origin(const struct operation *operation);
struct console *operation_console(const struct operation *operation);

struct operations_stats {
	uint64_t started, refused, evicted;
};
void operations_stats(struct operations *operations, struct operations_stats *ret);
