// SPDX-License-Identifier: Apache-2.0
/* A log that several machines keep together: a stream of NATS JetStream, with the one operation that two hubs need to agree on
 * anything: "append this if nothing has come after number N". Whoever loses hears of it; so one stream is a lock, a fence and a journal.
 * The rest of the hub knows NATS by this file alone (its documentation: https://docs.nats.io; libnats is the client).
 *
 * Each call asks the cluster and waits for at most NATSLOG_WAIT_MS. A lost connection is made again by the library, to whichever server
 * answers. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum {
	NATSLOG_WAIT_MS = 1500,
	NATSLOG_CONTENT_MAX = 512 << 10, /* of one message; a server takes 1 MiB */
	NATSLOG_ID_SIZE = 64,
	NATSLOG_WHY_SIZE = 256,
};

struct natslog; /* a connection */

/* Files in PEM. With an authority the connection is TLS, and the server must have a certificate of it; with a certificate and its key this
 * side shows one too. All borrowed, any may be null. */
struct natslog_tls {
	const char *authority, *certificate, *key;
};

/* 'servers': URLs, commas between: "nats://10.0.0.1:4222,nats://10.0.0.2:4222". LUYTRE_E_UNSUPPORTED: built without libnats. */
MUST_CHECK int natslog_open(
	const char *servers, const struct natslog_tls *tls, struct natslog **ret, char why[NATSLOG_WHY_SIZE]);
void natslog_close(struct natslog *log); /* accepts null */

/* Makes the stream on so many servers if it is not there. It keeps 'keep' messages; 0: all. */
MUST_CHECK int natslog_make(struct natslog *log, const char *stream, unsigned int replicas, uint64_t keep);

/* Numbers of the first and of the last message. An empty stream: first > last. LUYTRE_E_BUSY: the cluster does not answer now. */
MUST_CHECK int natslog_ends(struct natslog *log, const char *stream, uint64_t *ret_first, uint64_t *ret_last);

/* Appends behind number 'after' (0: to an empty stream). LUYTRE_E_CONFLICT: something else stands there. LUYTRE_E_BUSY: nobody knows
 * whether it was taken: say the same again, with the same 'id', which is this message's alone. */
MUST_CHECK int natslog_append(
	struct natslog *log, const char *stream, const char *id, uint64_t after, struct bytes content, uint64_t *ret);

struct natslog_message {
	struct bytes content; /* owned by 'handle' */
	const char *id; /* the same; "" when it has none */
	uint64_t number;
	void *handle;
};
/* LUYTRE_E_NOT_FOUND: not yet, or not any more. */
MUST_CHECK int natslog_get(struct natslog *log, const char *stream, uint64_t number, struct natslog_message *ret);
void natslog_message_done(struct natslog_message *message);

/* Forgets what stands before. */
MUST_CHECK int natslog_purge(struct natslog *log, const char *stream, uint64_t before);
