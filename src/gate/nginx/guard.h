// SPDX-License-Identifier: Apache-2.0
/* The guards of gate/guard as nginx calls them. docs/gate-guard.md says what the directives mean.
 *
 *	guard-conf.c	directives, and what a location has of them
 *	guard-zone.c	the tables in memory that all workers share, counters, the random key
 *	guard.c		who asks, limits, and what is done with a verdict
 *	guard-ask.c	logins and identifiers that are asked for, after phase 2
 *	guard-slow.c	bodies that come slowly, streams that are taken back
 *	guard-leak.c	identifiers of people in answers
 *	status.c	counters for Prometheus and programs
 *
 * Where no guard is configured a request pays for one test of a pointer (gate_location.guard, gate_request.guard). The tables are behind
 * the mutex of their zone, held for the time of one call of gate/guard; nginx's master opens it when a worker dies in there. */
#pragma once

#include "gate/guard/abuse.h"
#include "gate/guard/leak.h"
#include "gate/nginx/module.h"

/* ---- configuration ---- */

/* A parameter of the request by its name, or an expression with nginx's variables. */
struct guard_argument {
	ngx_str_t name;
	ngx_http_complex_value_t *value; /* null: a parameter */
};

struct guard_limit {
	ngx_uint_t mode; /* enum gate_mode, as in the others */
	uint32_t rate, burst, open, cost, tool_rate, tool_burst;
};

struct guard_slow {
	ngx_uint_t mode;
	uint32_t headers_ms, body_rate, grace_ms, resets;
};

struct guard_login {
	ngx_uint_t mode;
	struct guard_argument name;
	uint32_t names, failures, hold_ms;
	ngx_array_t *success; /* ngx_uint_t, statuses; null: as by default */
	ngx_str_t location, cookie; /* empty: no matter */
};

struct guard_lookup {
	ngx_uint_t mode;
	struct guard_argument id;
	enum abuse_id_kind kind;
};

struct guard_leak {
	ngx_uint_t mode;
	size_t hold_size;
	uint32_t address_max;
	ngx_http_complex_value_t *session; /* a cookie's value; null: none is named */
	struct leak_settings settings;
	struct leak_settings address_settings; /* the same with the address' bound */
};

/* What a location has, after inheritance; null pointers: nothing. */
struct guard {
	struct guard_zone *zone;
	const struct guard_limit *limit;
	const struct guard_slow *slow;
	const struct guard_login *login;
	const ngx_array_t *lookups; /* struct guard_lookup */
	struct guard_leak *leak; /* its year moves on */
	struct abuse_settings abuse; /* limits of the above */
	ngx_str_t site, location; /* names */
};

char *guard_directive_limit(ngx_conf_t *cf, ngx_command_t *command, void *conf);
char *guard_directive_slow(ngx_conf_t *cf, ngx_command_t *command, void *conf);
char *guard_directive_login(ngx_conf_t *cf, ngx_command_t *command, void *conf);
char *guard_directive_lookup(ngx_conf_t *cf, ngx_command_t *command, void *conf);
char *guard_directive_leak(ngx_conf_t *cf, ngx_command_t *command, void *conf);
char *guard_directive_memory(ngx_conf_t *cf, ngx_command_t *command, void *conf);
char *guard_directive_status(ngx_conf_t *cf, ngx_command_t *command, void *conf);

/* After mode, site and policy of the location are known. False without memory. */
bool guard_merge(ngx_conf_t *cf, const struct gate_location *outer, struct gate_location *conf);

/* ---- shared memory ---- */

/* X(identifier, name of the counter, label or null, its value, help) */
#define GUARD_COUNTS(X)                                                                                                \
	X(MODE_OFF, "policy_requests", "mode", "off", "Requests whose mode the policy of the hub said")                \
	X(MODE_SHADOW, "policy_requests", "mode", "shadow", NULL)                                                      \
	X(MODE_ON, "policy_requests", "mode", "enforce", NULL)                                                         \
	X(MODE_EDGE_ONLY, "policy_requests", "mode", "edge-only", NULL)                                                \
	X(REQUESTS, "guard_requests", NULL, NULL, "Requests that a guard looked at")                                   \
	X(DENIED, "guard_actions", "action", "deny", "What guards did with requests")                                  \
	X(CHALLENGED, "guard_actions", "action", "challenge", NULL)                                                    \
	X(DELAYED, "guard_actions", "action", "slow", NULL)                                                            \
	X(CROWDED, "guard_actions", "action", "refuse-slow", NULL)                                                     \
	X(CLOSED, "guard_actions", "action", "close", NULL)                                                            \
	X(SHADOWED, "guard_actions", "action", "shadow", NULL)                                                         \
	X(LOGIN_GOOD, "guard_logins", "result", "success", "Logins that were asked for and answered")                  \
	X(LOGIN_BAD, "guard_logins", "result", "failure", NULL)                                                        \
	X(LOGIN_UNKNOWN, "guard_logins", "result", "unknown", NULL)                                                    \
	X(LOOKUPS, "guard_lookups", NULL, NULL, "Identifiers that were asked for")                                     \
	X(RESETS, "guard_stream_resets", NULL, NULL, "HTTP/2 streams that clients took back before the answer")        \
	X(HEADER_TIMEOUTS, "guard_header_timeouts", NULL, NULL, "Requests whose headers nginx did not wait for")       \
	X(LEAK_ANSWERS, "leak_answers", "result", "clean", "Answers that were read for identifiers of people")         \
	X(LEAK_SEEN, "leak_answers", "result", "seen", NULL)                                                           \
	X(LEAK_CUT, "leak_answers", "result", "cut", NULL)                                                             \
	X(LEAK_SHADOW, "leak_answers", "result", "shadow-cut", NULL)                                                   \
	X(LEAK_PARTLY, "leak_cut_late", NULL, NULL, "Answers that were cut when a part of them had gone out")          \
	X(LEAK_LONG, "leak_not_held", "cause", "long", "Answers of which a part went out before they were read")       \
	X(LEAK_FULL, "leak_not_held", "cause", "memory", NULL)                                                         \
	X(LEAK_UNREAD, "leak_unread", NULL, NULL, "Answers that could not be read: compressed, or without memory")     \
	X(LEAK_BYTES, "leak_bytes", NULL, NULL, "Bytes of answers that were read")                                     \
	X(EVENTS_SPARED, "guard_events_spared", NULL, NULL, "Events of guards beyond the number for each second")      \
	X(EVENTS_LOST, "events_lost", NULL, NULL, "Events that could not be written or sent")                          \
	X(ENGINE_REQUESTS, "requests", NULL, NULL, "Requests that rules looked at")                                    \
	X(ENGINE_BLOCKED, "blocked", NULL, NULL, "Requests that rules stopped")                                        \
	X(ENGINE_SHADOW, "shadow_blocked", NULL, NULL, "Requests that rules would have stopped")                       \
	X(ENGINE_MATCHES, "rule_matches", NULL, NULL, "Rules that matched")                                            \
	X(ENGINE_SCANS, "scans", NULL, NULL, "Searches for patterns")                                                  \
	X(ENGINE_SCANNED, "scanned_bytes", NULL, NULL, "Bytes that were searched")                                     \
	X(ENGINE_CONFIRMED, "candidates", "result", "confirmed", "Rules whose pattern was found")                      \
	X(ENGINE_REFUTED, "candidates", "result", "refuted", NULL)                                                     \
	X(ENGINE_REGEX, "regex_limits", NULL, NULL, "Regular expressions that were given up")                          \
	X(ENGINE_MEMORY, "memory_refused", NULL, NULL, "Requests that reached their ceiling of memory")                \
	X(ENGINE_REFUSED, "collections", "result", "refused", "Persistent collections without a place")                \
	X(ENGINE_EVICTED, "collections", "result", "evicted", NULL)

enum guard_count {
#define X(id, name, label, value, help) GUARD_##id,
	GUARD_COUNTS(X)
#undef X
		GUARD_COUNT_COUNT
};

enum { GUARD_WORKERS = 64 }; /* those beyond share places */

struct guard_shared;

/* A process' view of it; zeros without a zone. */
struct guard_zone {
	ngx_slab_pool_t *pool; /* whose mutex it is */
	struct guard_shared *shared;
	struct abuse *abuse;
	struct leak_sessions *sessions;
	uint64_t *counts; /* this worker's, GUARD_COUNT_COUNT; null in the master */
};

/* Adds the zone to the configuration when a directive needs it. */
ngx_int_t guard_zone_add(ngx_conf_t *cf, struct gate_main *conf);
/* In a worker: takes its place among the counters. */
void guard_zone_start(struct guard_zone *zone);

void guard_lock(const struct guard_zone *zone);
void guard_unlock(const struct guard_zone *zone);

static inline void guard_count(const struct guard_zone *zone, enum guard_count which, uint64_t number)
{
	if (zone->counts)
		__atomic_fetch_add(&zone->counts[which], number, __ATOMIC_RELAXED);
}

/* Of one place; a worker that is told to be 'used' by nobody yet has zeros. */
uint64_t guard_counted(const struct guard_zone *zone, unsigned int worker, enum guard_count which);
struct guard_capacity {
	uint64_t session_places, size;
};
struct guard_capacity guard_zone_capacity(const struct guard_zone *zone);
/* Adds what this worker's engine and events have counted since the last call. */
void guard_publish(struct gate_main *conf);

/* ---- requests ---- */

enum guard_answer { GUARD_GO, GUARD_STOP, GUARD_WAIT };

/* The gravest that a guard said of a request, for its event. Words are of tables. */
struct guard_said {
	const char *reason, *action, *kind; /* reason null: nothing */
	unsigned int weight;
	uint64_t until_ns;
	bool done, stops;
	uint32_t counts[LEAK_KINDS]; /* of leaks */
	bool has_counts;
};

/* Of a request in a location with guards; in its pool. */
struct guard_request {
	const struct guard *conf;
	ngx_uint_t mode; /* of the request: no guard does more */
	struct abuse_client client;
	bool open; /* counted as such */
	bool stopped; /* the answer is ours: */
	bool closes; /* none, the connection ends */
	struct gate_answer answer;
	struct guard_said said;
	bool delayed; /* waits now */
	uint32_t delay_ms; /* with GUARD_WAIT */

	bool login_asked;
	struct bytes login_name; /* lives as long as the transaction */

	ngx_event_t clock; /* while the body comes in */
	uint64_t body_began_ns;
	off_t before_body;
	ngx_http_event_handler_pt reader; /* nginx's, which reads it */

	struct leak_scan *scan;
	bool scanning, holds; /* the answer waits for it */
	bool cut, session_asked;
	bool sent; /* a part of the answer went out */
	size_t held_size;
};

/* Mode of a guard here. */
static inline bool guard_enforces(const struct guard_request *guard, ngx_uint_t mode)
{
	return ngx_min(guard->mode, mode) == GATE_ON;
}

/* guard.c; 'gate->guard' is there, but for the first. 'mode' is the gate's for this request. Leaves 'gate->guard' null without memory. */
void guard_attach(struct gate_request *gate, const struct guard *guard, ngx_uint_t mode);
enum guard_answer guard_begin(struct gate_request *gate);
ngx_int_t guard_wait(struct gate_request *gate); /* after GUARD_WAIT: what the handler of the phase returns */
void guard_end(struct gate_request *gate); /* when the request is freed */
/* Notes, counts, and says what to do. */
enum guard_answer guard_apply(struct gate_request *gate, ngx_uint_t mode, const struct abuse_verdict *verdict);
void guard_say(struct gate_request *gate, const struct guard_said *said);
/* False when there were too many of the kind in this second, which is counted. */
bool guard_event_allowed(const struct guard *conf, const struct guard_said *said);

/* guard-ask.c */
enum guard_answer guard_ask(struct gate_request *gate);
void guard_login_answered(struct gate_request *gate);

/* guard-slow.c */
enum guard_answer guard_slow_headers(struct gate_request *gate);
void guard_body_begin(struct gate_request *gate); /* before nginx begins to read it, */
void guard_body_waits(struct gate_request *gate, bool more); /* after that, */
void guard_body_end(struct gate_request *gate);
void guard_log(struct gate_request *gate);

/* guard-leak.c */
void guard_leak_begin(struct gate_request *gate, bool readable); /* at the answer's headers */
void guard_leak_text(struct gate_request *gate, const ngx_chain_t *in);
void guard_leak_held(struct gate_request *gate, size_t size); /* more of it is kept back */
void guard_leak_free(struct guard_request *guard);
