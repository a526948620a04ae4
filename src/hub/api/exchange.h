// SPDX-License-Identifier: Apache-2.0
/* One request with its reply, inside the server: what server.c (connections), work.c (workers) and process.c (the steps of
 * a request, which know nothing of connections) share. */
#pragma once

#include "hub/api/server.h"
#include "hub/api/share.h"
#include "hub/api/uri.h"

enum exchange_state {
	EXCHANGE_NEW, /* the request line was read */
	EXCHANGE_CHECKING, /* with a worker, before the body; the connection is suspended */
	EXCHANGE_CHECKED, /* the body may come */
	EXCHANGE_READING, /* the body is coming */
	EXCHANGE_REFUSED, /* an early problem; the rest of the body is dropped */
	EXCHANGE_RUNNING, /* with a worker; the connection is suspended */
	EXCHANGE_DONE, /* the reply is ready */
	EXCHANGE_SENT,
};

struct exchange {
	struct api_server *server;
	void *connection;
	struct exchange *next; /* in a queue */
	_Atomic int state; /* of enum exchange_state */
	struct arena arena;
	struct bytes target; /* as it came */
	struct uri uri;
	struct api_request request;
	struct api_reply reply;
	json_t *json; /* owned */
	uint8_t *body; /* owned */
	size_t body_size, body_room;
	bool caller_held; /* to be released */
	bool again_held; /* the idempotency key is taken */
	struct again_key again_key;
	uint64_t spooled; /* bytes that were taken for the body's file, in 'spools' */
	uint64_t spooler; /* whose they are */
	uint64_t pace_end_ns; /* when it is looked whether the body comes fast enough; 0: it has not begun */
	size_t pace_bytes; /* what came since it was looked last */
	void *again_memory; /* owned: a reply that was given before */
	struct stream_client *client; /* owned: the answer is a stream */
};

struct work;

struct api_server {
	struct api_config config;
	uint8_t cursor_key[API_CURSOR_KEY_SIZE];
	struct limit *limit;
	struct again *again;
	struct metrics *metrics;
	struct work *work;
	void *daemon, *admin; /* struct MHD_Daemon */
	_Atomic size_t bodies; /* bytes */
	struct api_share *spools; /* bytes of bodies in files */
	_Atomic uint64_t overloaded; /* requests that were sent away */
	_Atomic size_t exchanges;
};

/* process.c */
void exchange_init(struct exchange *exchange, struct api_server *server);
void exchange_done(struct exchange *exchange);
/* Everything that can be said without a worker. 'method' as in the request line; headers and client are filled in. True
 * when the reply is ready. */
bool process_begin(struct exchange *exchange, const char *method);
/* Of a spooled operation, before its body: who is it, and may he? Leaves the reply, or the file for the body. */
void process_check(struct exchange *exchange, void *worker);
/* The rest, with the body. Always leaves a reply, or a client of the stream. */
void process_run(struct exchange *exchange, void *worker);
/* So many bytes more come to the body's file; false, and a problem that says what to do: there are too many. */
bool process_spool(struct exchange *exchange, uint64_t size);
/* The body's file is not wanted any more: it and its room are given back. */
void process_unspool(struct exchange *exchange);
/* Replies with a problem from outside the steps. */
void process_problem(struct exchange *exchange, enum api_problem problem);

/* work.c */
/* 'resume' is called by a worker when an exchange is done. */
MUST_CHECK int work_new(struct api_server *server, void (*resume)(struct exchange *exchange), struct work **ret);
/* Takes the exchange; of any lane but INLINE. LUYTRE_E_FULL, LUYTRE_E_CLOSED: it was not taken. */
MUST_CHECK int work_add(struct work *work, struct exchange *exchange, enum api_lane lane);
/* Ends the threads; what waits is answered 503. Nothing is taken any more. */
void work_stop(struct work *work);
void work_write(struct work *work, struct metrics_text *out); /* how many wait, for /metrics */
void work_free(struct work *work);
