// SPDX-License-Identifier: Apache-2.0
/* The HTTP server of the hub: libmicrohttpd for the connections, our tables for everything above.
 *
 * A request goes through: target (uri.h), route, bounds of the body, rate of the address; on a worker: who is it, the
 * token against forged requests, rate of the account, the one check of rights, path, query and body against the
 * description, revision, idempotency key; then the handler. What fails is a problem (problem.h), and nothing behind it
 * is reached.
 *
 * Threads: two or more for the connections, which never wait; workers for handlers, each with what 'worker_begin' made for it
 * (a database handle); those for heavy work and for questions apart. Queues are bounded: beyond, 503.
 *
 * HTTP/1.1 on a Unix socket or loopback behind nginx, or with TLS of its own where no nginx stands in front. Only on a
 * Unix socket, or with 'trust_proxy', the headers X-Real-IP, X-Client-Verify, X-Client-Serial and X-Client-Subject say who
 * the client is; nginx must overwrite all four. */
#pragma once

#include <stdatomic.h>

#include "base/compiler.h"
#include "hub/api/again.h"
#include "hub/api/files.h"
#include "hub/api/limit.h"
#include "hub/api/metrics.h"
#include "hub/api/request.h"
#include "hub/api/stream.h"

struct api_server;

/* The rights. 'tenant' of the path, or empty. */
struct api_auth {
	/* Who is it? 0 with '*ret' filled in; LUYTRE_E_NOT_FOUND: nothing was shown; LUYTRE_E_PERMISSION: what was shown is
	 * wrong; others are failures. */
	int (*authenticate)(void *context, void *worker, const struct api_request *request, struct api_caller *ret);
	/* May the caller? Without a tenant: anywhere at all. */
	bool (*check)(void *context, void *worker, const struct api_request *request, const char *permission,
		struct bytes tenant);
	/* Frees what authenticate made; may be null. */
	void (*release)(void *context, struct api_caller *caller);
};

struct api_tls {
	const char *certificate, *key; /* PEM; null: no TLS */
	const char *client_ca; /* PEM; null: clients show no certificate */
};

struct api_config {
	const struct api_table *table;
	const api_handler_fn *handlers; /* one for each operation */
	int listen_fd; /* becomes the server's, also on failure */
	int admin_fd; /* a Unix socket, or one of loopback, for /metrics alone; -1: none */
	bool trust_proxy;
	struct api_tls tls;
	unsigned int threads, workers, heavy_workers; /* 0: 2, 4, 2 */
	unsigned int question_workers; /* 0: 4, where there are questions */
	unsigned int connections_max, connections_per_address; /* 0: 4,000, no bound */
	unsigned int timeout_s; /* of a connection that does nothing; 0: 30 */
	size_t bodies_max; /* bytes of all bodies together; 0: 256 MiB */
	const char *spool_dir; /* bodies of spooled operations, as files without a name; null: no such operations */
	uint64_t spools_max, spool_share; /* bytes of all of them together, and of one caller; 0: 4 GiB, 1 GiB */
	unsigned int
		pace_ms; /* a body that brings less than 'pace_bytes' in such a time is ended, 408; the first lasts twice as long; 0: 30,000 */
	size_t pace_bytes; /* 0: 64 KiB */
	void *context;
	struct api_auth auth; /* authenticate null: only operations for everybody work */
	/* Called on the thread that makes the server, once for each worker, and at the end. May be null. */
	int (*worker_begin)(void *context, void **ret_worker);
	void (*worker_end)(void *context, void *worker);
	struct stream *stream; /* borrowed; null: no stream. Its callers are released by its own function */
	const struct api_files *files; /* borrowed; null: none */
	const struct limit_settings *limits; /* null: the default */
	const uint8_t *cursor_key; /* API_CURSOR_KEY_SIZE; null: random, so that cursors end with the process */
	/* Adds figures to /metrics, one call at a time; may be null. */
	void (*collect)(void *collect_context, struct metrics_text *out);
	void *collect_context;
};

/* 0, LUYTRE_E_INVALID (a handler is missing, TLS), LUYTRE_E_NOMEM, LUYTRE_E_SYSTEM, or what worker_begin said. */
MUST_CHECK int api_server_new(const struct api_config *config, struct api_server **ret);
/* Lets what is being done end, ends the streams, closes everything. Accepts null. */
void api_server_free(struct api_server *server);

/* Listening sockets. The path of a Unix socket is replaced when nobody listens there; the address must be numeric.
 * '*ret_port' may be null. 0, LUYTRE_E_INVALID, LUYTRE_E_EXISTS (somebody listens), LUYTRE_E_SYSTEM. */
MUST_CHECK int api_listen_unix(const char *path, unsigned int mode, int *ret_fd);
MUST_CHECK int api_listen_tcp(const char *address, uint16_t port, int *ret_fd, uint16_t *ret_port);
