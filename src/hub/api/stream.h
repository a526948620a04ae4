// SPDX-License-Identifier: Apache-2.0
/* Live changes for consoles: a ring of the last ten minutes, and clients that read along (server-sent events, WHATWG HTML
 * section 9.2).
 *
 * Anything is published once, as text, whatever the number of clients. A client is a place in the ring: one that falls
 * behind its bound, or asks for what the ring has forgotten, is told `resync` (read everything again) and goes on with
 * the newest, so the slowest console costs no more memory than the quickest. What a client may see is asked for each
 * event, with its own caller: a user of one tenant never gets what belongs to another.
 *
 * A stream ends after a quarter of an hour; the browser comes back by itself, is authenticated again and loses nothing.
 * stream_end_caller ends it at once, for a log-out or a changed right.
 *
 * Threads: publish from any. A client is read by one thread at a time. 'visible' and 'wake' are called with the stream's
 * lock held: they must be quick and must not call back. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"
#include "hub/api/request.h"

struct stream;
struct stream_client;

/* Whether this caller may see something of this topic and tenant (0: of nobody in particular). */
typedef bool (*stream_visible_fn)(void *context, const struct api_caller *caller, uint32_t topic, uint32_t tenant);
/* Frees what the caller has. */
typedef void (*stream_release_fn)(void *context, struct api_caller *caller);
/* There is something to read for a client that was told to wait. */
typedef void (*stream_wake_fn)(void *client_context);

struct stream_settings {
	size_t clients_max, events_max, bytes_max; /* of clients; of the ring */
	size_t lag_max; /* events that a client may be behind */
	uint64_t keep_ns, ping_ns, life_ns;
};

extern const struct stream_settings
	stream_settings_default; /* 2,000 clients, 16,384 events, 32 MiB, 1,024; 600, 15, 900 s */

enum { STREAM_TOPICS_MAX = 32, STREAM_DATA_MAX = 60 << 10 };

struct stream_config {
	struct stream_settings settings;
	const char *const *topics; /* names; a topic is its place here */
	size_t topic_count;
	uint64_t last_id; /* what the last process gave out at most: microseconds of real time do */
	stream_visible_fn visible;
	stream_release_fn release;
	void *context;
};

/* Starts a thread for pings and ends. 0, LUYTRE_E_NOMEM, LUYTRE_E_SYSTEM. */
MUST_CHECK int stream_new(const struct stream_config *config, struct stream **ret);
/* Ends every client; they are still to be closed. */
void stream_stop(struct stream *stream);
/* After stream_stop, and when all clients are closed. Accepts null. */
void stream_free(struct stream *stream);

/* 'id' is the place on the bus, above all before; 0 takes the next. 'data' is JSON of one line. 0, LUYTRE_E_INVALID
 * (order, size, a line feed), LUYTRE_E_NOMEM. */
MUST_CHECK int stream_publish(struct stream *stream, uint64_t id, uint32_t topic, uint32_t tenant, struct bytes data);

/* Ends the streams of a caller; kind and id as in struct api_caller. */
void stream_end_caller(struct stream *stream, uint32_t kind, uint64_t id);

/* The topics of a list of names, as bits; what is not known is left out. */
uint32_t stream_topics(const struct stream *stream, const struct bytes *names, size_t count);

/* A new client, which takes over the caller. 'last_id' null: from now on. LUYTRE_E_FULL, LUYTRE_E_NOMEM: the caller stays
 * with who called. */
MUST_CHECK int stream_client_open(struct stream *stream, const struct api_caller *caller, uint32_t topics,
	const uint64_t *last_id, struct stream_client **ret);
/* Frees it and releases its caller. Accepts null. */
void stream_client_close(struct stream_client *client);

/* What the client reads next, at most 'size' bytes. 0: nothing now; 'sleep' was called before anything could wake it,
 * and 'wake' will be, once. -1: the end. */
ssize_t stream_client_read(struct stream_client *client, char *out, size_t size, stream_wake_fn sleep,
	stream_wake_fn wake, void *client_context);

struct stream_stats {
	size_t clients, events, bytes;
	uint64_t published, resyncs, refused; /* clients told to resync; clients that found no room */
};
void stream_stats(struct stream *stream, struct stream_stats *ret);
