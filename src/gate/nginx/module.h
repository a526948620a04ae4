// SPDX-License-Identifier: Apache-2.0
/* What the files of the nginx module share. docs/gate.md says what the directives mean.
 *
 *	module.c	the table of directives, inheritance, start and end of processes
 *	directives.c	directives that are more than a word
 *	request.c	phases 1 and 2, before anything else looks at the request's content
 *	response.c	phases 3 and 4, as filters; a body that could be cut is held back until it was looked at
 *	page.c		what a client is told that was stopped
 *	record.c	phase 5, events, variables for log formats
 *	holds.c		holds that are armed place by place, and the modes of sites, both of the hub
 *	guard*.c	what rules do not see (guard.h)
 *	servers.c	what servers are called and where they listen
 *	status.c	counters
 *	policy.c ...	rules, sites and their change, as holdwatch.c of the file of holds; no nginx in there
 *
 * Everything runs in a worker's event loop, but for the thread of policy.h. nginx's own return codes (ngx_int_t) stay inside these
 * files; what comes from the engine are the project's. */
#pragma once

#include <stdbool.h>

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "gate/hold/servers.h"
#include "gate/nginx/policy.h"

struct event_sink; /* gate/output/event.h */
struct gate_holds; /* holds.c */
struct hold_asset; /* gate/hold/places.h */
struct guard; /* these: guard.h */
struct guard_leak;
struct guard_limit;
struct guard_login;
struct guard_request;
struct guard_slow;
struct guard_zone;

extern ngx_module_t ngx_http_luytre_gate_module;

/* Where events go: one for each name in the configuration. */
struct gate_events {
	ngx_str_t name;
	ngx_open_file_t *file; /* opened by nginx, so that it is opened again with the logs */
	struct event_sink *sink; /* of a socket, opened in each worker */
	uint64_t lost; /* lines that could not be written */
	time_t told; /* when that was said last */
};

/* All of http {}. */
struct gate_main {
	ngx_array_t policies; /* struct policy * */
	ngx_array_t events; /* struct gate_events * */
	ngx_str_t cache;
	ngx_str_t worker_cache; /* a folder in there that workers may write: nginx's master reads nothing they wrote */
	ngx_msec_t watch_ms; /* 0: not */
	ngx_int_t request_id; /* index of $request_id */
	ngx_int_t ssl_ciphers, ssl_curves; /* likewise */
	struct policy_watch *watch; /* this worker's */
	ngx_event_t poll;
	size_t memory_size; /* of the guards' zone */
	bool zone_wanted; /* somebody counts */
	struct guard_zone *zone; /* filled when the memory is there */
	ngx_array_t leaks; /* struct guard_leak *, which need its key */
	ngx_array_t grounds; /* struct gate_ground */
	struct gate_holds *holds; /* null: they are rules as any other */
	ngx_event_t publish;
	struct gate_counters *published; /* by policy: what of the engine's is counted already */
	uint64_t lost_published;
};

/* A server, as it is known when its configuration has been read. */
struct gate_server {
	struct hold_server about;
	ngx_array_t *regexes; /* ngx_regex_t *, of its names */
	ngx_array_t *addresses; /* struct ip_prefix, that it listens on */
};

/* A server or location. */
struct gate_location {
	ngx_uint_t mode; /* enum gate_mode */
	ngx_array_t *rules; /* ngx_str_t, whole paths */
	ngx_array_t *overrides; /* struct gate_tx_override */
	ngx_array_t *exclusions; /* struct gate_exclusion */
	ngx_str_t site, tenant;
	struct gate_events *events; /* null: none */
	struct hold_asset *asset; /* what it stands for besides its address and name; null: nothing */
	struct policy_site *handle; /* null: off, and nothing can turn it on */
	struct guard *guard; /* null: none, or off */
	struct guard_limit *limit; /* as configured; null: none */
	struct guard_slow *slow;
	struct guard_login *login;
	ngx_array_t *lookups; /* struct guard_lookup */
	struct guard_leak *leak;
};

/* Whether a request there may be looked at: it is not off, or the policy of the hub may say otherwise. */
static inline bool gate_may_inspect(const struct gate_main *conf, const struct gate_location *location)
{
	return location->mode != GATE_OFF || (conf->holds && location->rules);
}

/* A location that requests can come to. */
struct gate_ground {
	const struct gate_server *server;
	const struct gate_location *location;
};

enum gate_progress {
	GATE_AT_LIMITS, /* the guards are to be asked */
	GATE_AT_HEADERS, /* phase 1 is to run */
	GATE_AT_BODY, /* the body is to be read */
	GATE_AT_READING, /* nginx reads it */
	GATE_AT_FEEDING, /* it is given to the engine */
	GATE_AT_ASKING, /* phase 2 is over; the guards are to be asked about what the body said */
	GATE_AT_DONE,
};

enum gate_page { GATE_PAGE_BLOCKED, GATE_PAGE_LIMITED, GATE_PAGE_CHALLENGED, GATE_PAGE_WITHHELD };

/* Ours, in place of the site's. */
struct gate_answer {
	enum gate_page page;
	ngx_uint_t status;
	ngx_uint_t retry_s; /* 0: nothing is said */
	const char *location; /* null: no redirect */
};

/* One inspected request; lives in its pool. nginx forgets contexts at an internal redirect, so it is found by its cleanup. */
struct gate_request {
	ngx_http_request_t *request;
	struct gate_tx *tx;
	struct gate_events *events;
	struct policy *policy;
	struct guard_request *guard; /* null: no guards here */
	ngx_str_t id;
	uint64_t engine_ns;
	enum gate_progress at;
	ngx_chain_t *next; /* of the body, to be given to the engine */
	off_t next_pos; /* in there */
	ngx_event_t more; /* goes on with it after others had their turn */
	bool stopped; /* the answer is ours */
	bool unread; /* ... and no rule has seen the request */
	bool response_begun; /* the engine knows its status */
	bool inspecting; /* the response's body goes to the engine */
	bool engine_holds; /* ... which may stop it */
	bool holding; /* it is kept here, headers too, until engine and leak guard have said yes */
	bool recorded;
	ngx_chain_t *held, **held_end;
};

/* ---- directives.c ---- */
char *gate_directive_rules(ngx_conf_t *cf, ngx_command_t *command, void *conf);
char *gate_directive_set(ngx_conf_t *cf, ngx_command_t *command, void *conf);
char *gate_directive_except(ngx_conf_t *cf, ngx_command_t *command, void *conf);
char *gate_directive_events(ngx_conf_t *cf, ngx_command_t *command, void *conf);
char *gate_directive_cache(ngx_conf_t *cf, ngx_command_t *command, void *conf);
/* The policy for a list of files, made when no location had the same list before. Null without memory. */
struct policy *gate_policy_for(ngx_conf_t *cf, const ngx_array_t *rules);

/* ---- request.c ---- */
ngx_int_t gate_request_handler(ngx_http_request_t *r);
/* Null when the request is not inspected. */
struct gate_request *gate_request_find(ngx_http_request_t *r);

static inline struct bytes gate_bytes(ngx_str_t text)
{
	return bytes_of(text.data, text.len);
}

/* ---- response.c ---- */
void gate_response_init(void);

/* ---- servers.c ---- */
/* Notes a location when it is merged: of a server's own only where no location takes all of its requests. False without memory. */
bool gate_servers_add(ngx_conf_t *cf, const struct gate_location *location);
/* Fills what is known of all servers, before nginx forgets it. False without memory. */
bool gate_servers_note(ngx_conf_t *cf);
/* Whether the struct gate_server has it as one of its names, in small letters. */
bool gate_server_has_name(const void *server, struct bytes host);
bool gate_read_address(const struct sockaddr *socket, struct ip_addr *ret);

/* ---- holds.c ---- */
char *gate_directive_holds(ngx_conf_t *cf, ngx_command_t *command, void *conf);
char *gate_directive_asset(ngx_conf_t *cf, ngx_command_t *command, void *conf);
/* The mode of a request in this location: its own, or what the hub's policy says of the place, which is counted. */
struct hold_site_mode gate_holds_mode(ngx_http_request_t *r, const struct gate_location *conf);
/* Before phase 1, when the headers have been given. */
void gate_holds_arm(struct gate_request *gate, const struct gate_location *conf);
/* In a worker, when events can go out. */
void gate_holds_start(struct gate_main *conf, ngx_cycle_t *cycle);
void gate_holds_stop(struct gate_main *conf); /* a second time does nothing */
/* Anew: other rules are in place. */
void gate_holds_prove(struct gate_main *conf);

/* ---- page.c ---- */
/* Answers in place of the content, before any answer was sent: the code to finalize the request with. */
ngx_int_t gate_page_send(struct gate_request *gate, const struct gate_answer *answer);
/* Of a verdict of rules. */
struct gate_answer gate_page_of(const struct gate_verdict *verdict);
/* Whether a program asks that wants JSON. */
bool gate_page_is_json(const ngx_http_request_t *r);

/* ---- record.c ---- */
ngx_int_t gate_record_handler(ngx_http_request_t *r);
ngx_int_t gate_record_add_variables(ngx_conf_t *cf);
