// SPDX-License-Identifier: Apache-2.0
/* What the files of handlers share. A handler is called when the caller is known, allowed "somewhere" (or at the tenant of the path)
 * and the input is as described; it cuts its answer to the caller's scope (console_scope) and answers LUYTRE_E_NOT_FOUND for what
 * lies outside. */
#pragma once

#include <pthread.h>

#include "hub/api/operations-hub.h"
#include "hub/api/server.h"
#include "hub/auth/auth.h"
#include "hub/auth/oidc.h"
#include "hub/console/console.h"
#include "hub/core/news.h"
#include "hub/store/db.h"
#include "hub/tenants/tenants.h"
#include "hub/tenants/tree.h"

/* X(identifier, word): topics of the stream, in the order of the description's. */
#define CONSOLE_TOPICS(X)                                                                                              \
	X(OVERVIEW, "overview")                                                                                        \
	X(EVENTS, "events")                                                                                            \
	X(DECISIONS, "decisions")                                                                                      \
	X(CAMPAIGNS, "campaigns")                                                                                      \
	X(EDGES, "edges")                                                                                              \
	X(TENANTS, "tenants")                                                                                          \
	X(POLICIES, "policies")                                                                                        \
	X(OPERATIONS, "operations")                                                                                    \
	X(SETTINGS, "settings")                                                                                        \
	X(FINDINGS, "findings")

enum console_topic {
#define X(id, word) CONSOLE_TOPIC_##id,
	CONSOLE_TOPICS(X)
#undef X
		CONSOLE_TOPIC_COUNT
};

struct console {
	struct core *core;
	struct auth *auth;
	struct oidc *oidc; /* null: nobody else signs people on */
	struct stream *stream;
	struct api_server *server;
	struct operations *operations; /* operations.h */
	struct desk *desk; /* desk.h */
	struct posture *posture; /* posture.h */
	struct drop *drop; /* drop.h */
	struct assessments *assessments; /* assessments.h */
	char *certificate, *key;
	char first_password[AUTH_TEXT_SIZE];
	char control[512];
	uint8_t cursor_key[API_CURSOR_KEY_SIZE];
	uint16_t port;

	/* What is visible on the stream is asked of the newest tree, by who may hold the core's lock: 'lock' is taken last and held for
	 * moments. 'tree' changes under both locks; what takes time, as 'db' does, is done under 'db_lock', which comes before. */
	pthread_mutex_t lock, db_lock;
	struct db *db; /* under 'db_lock' */
	struct tenants_tree *tree;

	/* What people have set (settings.h), where it must be known at once. */
	_Atomic uint32_t idle_s, keep_days;
	_Atomic int second_factor; /* enum settings_factor */

	struct db *sweep_db; /* of the thread */
	pthread_t thread; /* looks for changes of the tree, removes old sessions */
	pthread_mutex_t stop_lock;
	pthread_cond_t stop_cond;
	bool stop, thread_runs;

	pthread_mutex_t delta_lock;
	struct delta *delta; /* for console_told */
	struct news_pace news;
	uint64_t told_epoch;
};

/* Kinds of callers; their ids are those of the account, so that all its streams can be ended. */
enum console_caller { CONSOLE_CALLER_SESSION = 1, CONSOLE_CALLER_TOKEN };

/* Of one thread. */
struct console_worker {
	struct db *db;
	struct tenants_tree *tree; /* refreshed before each request is authenticated */
};

static inline struct console *console_of(const struct api_request *request)
{
	return request->context;
}

static inline struct core *console_core(const struct api_request *request)
{
	return console_of(request)->core;
}

static inline struct console_worker *console_worker_of(const struct api_request *request)
{
	return request->worker;
}

static inline struct db *console_db(const struct api_request *request)
{
	return console_worker_of(request)->db;
}

/* Who asks; null for operations that everybody may call. */
static inline const struct auth_principal *console_principal(const struct api_request *request)
{
	return request->caller.data;
}

static inline int64_t console_now_us(const struct api_request *request)
{
	return (int64_t)(request->now.real_ns / NS_PER_US);
}

/* What a call of hub/auth and hub/tenants needs: who, from where, for the audit log. Lives as long as '*ret'. */
struct console_call {
	struct auth_call auth;
	struct audit_origin origin;
	char actor[AUTH_ACTOR_SIZE], address[IP_ADDR_TEXT_SIZE];
};
void console_call(const struct api_request *request, struct console_call *ret);

/* The value of a cookie, copied; false when there is none, or it is too long (RFC 6265, section 4.2.1). 'header' may be null. */
bool console_cookie(const char *header, const char *name, char *ret, size_t ret_size);

/* The tenants that the caller may see with this permission; '*ret' is given back by auth_scope_done. On failure the reply says so. */
MUST_CHECK bool console_scope(const struct api_request *request, struct api_reply *reply,
	enum auth_permission permission, struct auth_scope *ret);
/* The same, cut down to the subtree of the query parameter "tenant" when it is there. */
MUST_CHECK bool console_scope_of_query(const struct api_request *request, struct api_reply *reply,
	enum auth_permission permission, struct auth_scope *ret);
/* May the caller do this at this tenant (0: the nation)? Without, the reply is "not found". */
MUST_CHECK bool console_allowed(
	const struct api_request *request, struct api_reply *reply, enum auth_permission permission, uint32_t tenant);

/* Ids of the path and in queries: the description holds them to digits; false and "not found" when they do not fit. */
MUST_CHECK bool console_path_id(
	const struct api_request *request, struct api_reply *reply, const char *name, uint64_t *ret);
MUST_CHECK bool console_path_id32(
	const struct api_request *request, struct api_reply *reply, const char *name, uint32_t *ret);
/* 0 when the parameter is not there. */
uint64_t console_query_id(const struct api_request *request, const char *name);
/* 'fallback' when the parameter is not there. */
int64_t console_query_i64(const struct api_request *request, const char *name, int64_t fallback);
/* Microseconds of the query's time; 'fallback' when it is not there. */
int64_t console_query_time(const struct api_request *request, const char *name, int64_t fallback);

/* Members of an answer: ids are strings, times are RFC 3339 with microseconds. */
void console_kv_id(struct jsonw *json, const char *key, uint64_t id);
void console_kv_id_or_null(struct jsonw *json, const char *key, uint64_t id); /* 0: null */
void console_kv_time(struct jsonw *json, const char *key, int64_t time_us);
void console_kv_time_or_null(struct jsonw *json, const char *key, int64_t time_us); /* 0: null */
void console_kv_text_or_null(struct jsonw *json, const char *key, const char *text); /* null or "": null */
/* JSON that was stored as text; an empty object when it is none. */
void console_kv_json(struct jsonw *json, const char *key, struct bytes text);

/* A member of the body as text; null when it is not there, or null. */
const char *console_body_text(const struct api_request *request, const char *key);
/* Copies it. Without the member '*ret' stays as it is. False and "invalid" when it does not fit. */
MUST_CHECK bool console_body_copy(
	const struct api_request *request, struct api_reply *reply, const char *key, char *ret, size_t ret_size);
/* An id in the body; 'fallback' when it is not there or null. Too large ones are those of nothing: INT64_MAX. */
uint64_t console_body_id(const struct api_request *request, const char *key, uint64_t fallback);
/* Whether 'text' has 'part' in it, without case (of letters A to Z); an empty part is in everything. */
bool console_has_text(const char *text, struct bytes part);

/* Whether the hub is stopping: an answer that takes long ends then. Any thread. */
bool console_stopping(struct console *console);
/* Tells all consoles that may see the tenant (0: the nation's alone may; STREAM's own word for "all" is CONSOLE_EVERYBODY). 'text' is
 * one line of JSON. Never fails loudly: who misses something is told to read anew. */
enum { CONSOLE_EVERYBODY = UINT32_MAX };
void console_publish(struct console *console, enum console_topic topic, uint32_t tenant, struct bytes text);
/* Ends the streams of an account: its rights have changed, or it has left. */
void console_forget(struct console *console, uint32_t account);
