// SPDX-License-Identifier: Apache-2.0
/* What comes down: the stream of decisions, whole snapshots when the place was lost, and what the daemon is told of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "edge/link/internal.h"

enum { SNAPSHOT_TIMEOUT_MS = 300000, EXPIRE_SLOTS = 4096 };

struct stream {
	struct link *link;
	struct identity identity;
	struct http *http;
	struct sse sse;
	struct delta *delta;
	bool heard; /* something came: the next failure begins the pauses anew */
};

/* ---- To the daemon; under table_lock, but for stream_block ---- */

static bool send_message(struct link *link, const struct link_message *message, int flags)
{
	ssize_t size = (ssize_t)link_message_size(message);

	if (send(link->daemon_fd, message, (size_t)size, MSG_NOSIGNAL | flags) == size)
		return true;
	/* It is behind: everything is told again when it has caught up. */
	if (!(flags & MSG_DONTWAIT))
		atomic_store(&link->want_resend, true);
	return false;
}

static void send_plain(struct link *link, enum link_kind kind)
{
	struct link_message message = {
		.kind = kind, .epoch = atomic_load(&link->epoch), .token = atomic_load(&link->number)
	};

	(void)send_message(link, &message, 0);
}

static void send_changes(struct link *link)
{
	if (link->out.count)
		(void)send_message(link, &link->out, 0);
	link->out.count = 0;
}

static void emit(void *context, const struct link_change *change)
{
	struct link *link = context;

	link->out.kind = LINK_CHANGES;
	link->out.changes[link->out.count++] = *change;
	if (link->out.count == LINK_RECORDS_MAX)
		send_changes(link);
}

static void send_all(struct link *link)
{
	atomic_store(&link->want_resend, false);
	send_plain(link, LINK_BEGIN);
	standing_each(link->standing, link_real_us(), emit, link);
	send_changes(link);
	send_plain(link, LINK_COMMIT);
}

void stream_block(struct link *link, const struct ip_addr *addr, const char *reason)
{
	struct link_message message = { .kind = LINK_CHANGES, .count = 1 };
	struct link_change *change = &message.changes[0];

	if (link->daemon_fd < 0)
		return;
	change->prefix = ip_prefix_of_addr(addr);
	change->op = DELTA_PUT;
	change->list = LINK_LIST_EDGE;
	change->until_us = link_real_us() + link->config->hub.local_block_s * INT64_C(1000000);
	snprintf(change->reason, sizeof(change->reason), "%s", reason);
	if (send_message(link, &message, MSG_DONTWAIT))
		LINK_COUNT(link, local_blocks, 1);
	else
		LINK_COUNT(link, local_missed, 1);
}

void stream_expire(struct link *link)
{
	if (pthread_mutex_trylock(&link->table_lock))
		return;
	standing_expire(link->standing, link_real_us(), EXPIRE_SLOTS);
	pthread_mutex_unlock(&link->table_lock);
}

/* ---- Changes ---- */

static void stand_at(struct link *link, uint64_t epoch, uint64_t number)
{
	atomic_store(&link->epoch, epoch);
	atomic_store(&link->number, number);
}

/* False: what came does not follow on what stands here. */
static bool take_delta(struct link *link, const struct delta *delta)
{
	bool fresh = delta->epoch > atomic_load(&link->epoch);
	uint64_t number = fresh ? 0 : atomic_load(&link->number);
	int64_t now_us = link_real_us();

	if (delta->epoch < atomic_load(&link->epoch) || delta->from > number)
		return false;
	if (!fresh && delta->to < number && delta->from == delta->to)
		return false; /* the hub stands before us: it was set back */
	if (!fresh && delta->to <= number)
		return true;
	pthread_mutex_lock(&link->table_lock);
	stand_at(link, delta->epoch, delta->to);
	if (fresh) {
		standing_clear(link->standing);
		send_plain(link, LINK_VOID);
	}
	for (uint32_t i = 0; i < delta->change_count; i++)
		standing_apply(link->standing, &delta->changes[i], now_us, emit, link);
	send_changes(link);
	send_plain(link, LINK_SYNC);
	pthread_mutex_unlock(&link->table_lock);
	LINK_COUNT(link, changes, delta->change_count);
	return true;
}

static bool on_event(void *context, const char *name, struct bytes data)
{
	struct stream *stream = context;
	struct link *link = stream->link;

	if (!strcmp(name, "decisions")) {
		int error = delta_read(data, stream->delta);

		if (error)
			log_limited(clock_mono_ns(), LOG_LEVEL_WARN, "a change of decisions cannot be read: %s",
				error_text(error, LUYTRE_LANG_EN));
		if (error || !take_delta(link, stream->delta))
			atomic_store(&link->want_snapshot, true);
	} else if (!strcmp(name, "policy")) {
		policy_heard(link, data);
	} else if (!strcmp(name, "resync")) {
		atomic_store(&link->want_snapshot, link->daemon_fd >= 0);
	}
	return !atomic_load(&link->want_snapshot);
}

static bool on_piece(void *context, struct bytes piece)
{
	struct stream *stream = context;

	stream->heard = true;
	atomic_store(&stream->link->counters.connected, 1);
	return sse_feed(&stream->sse, piece, on_event, stream);
}

static bool on_tick(void *context)
{
	struct link *link = ((struct stream *)context)->link;

	if (atomic_load(&link->want_resend)) {
		pthread_mutex_lock(&link->table_lock);
		send_all(link);
		pthread_mutex_unlock(&link->table_lock);
	}
	return !atomic_load(&link->want_snapshot);
}

/* ---- Snapshots ---- */

static int take_snapshot(struct link *link, const struct delta_snapshot *snapshot)
{
	int64_t now_us = link_real_us();
	struct delta_change *change = malloc(sizeof(*change));
	size_t pos = 0;

	if (!change)
		return LUYTRE_E_NOMEM;
	pthread_mutex_lock(&link->table_lock);
	standing_clear(link->standing);
	link->out.count = 0;
	stand_at(link, snapshot->epoch, snapshot->number);
	/* What follows from a decision is told in whole afterwards, so that it comes into force at one moment. */
	while (delta_snapshot_next(snapshot, &pos, change))
		standing_apply(link->standing, change, now_us, NULL, NULL);
	send_all(link);
	pthread_mutex_unlock(&link->table_lock);
	free(change);
	LINK_COUNT(link, resyncs, 1);
	return 0;
}

static int read_snapshot(const struct stream *stream, struct bytes text)
{
	struct delta_snapshot snapshot;
	struct bundle bundle;
	struct bytes file;
	int error = bundle_open(text, stream->identity.keys, stream->identity.key_count, &bundle);

	if (!error && (!bundle_find(&bundle, "decisions.bin", &file) ||
			      (bundle.edge && bundle.edge != stream->identity.edge)))
		error = LUYTRE_E_CORRUPT;
	if (!error)
		error = delta_snapshot_open(file, &snapshot);
	return error ? error : take_snapshot(stream->link, &snapshot);
}

static int fetch_snapshot(struct stream *stream)
{
	const struct http_request request = { .path = "/edge/v1/decisions",
		.timeout_ms = SNAPSHOT_TIMEOUT_MS,
		.silence_s = LINK_ALIVE_S,
		.answer_max = BUNDLE_SIZE_MAX };
	struct http_answer answer;
	int error = http_send(stream->http, &request, &answer);

	if (!error && answer.status != 200)
		error = answer.status == 401 || answer.status == 403 ? LUYTRE_E_PERMISSION : LUYTRE_E_IO;
	if (!error)
		error = read_snapshot(stream, bytes_of(answer.body, answer.size));
	if (error)
		log_limited(clock_mono_ns(), LOG_LEVEL_WARN, "the hub's decisions could not be fetched: %ld %s %s",
			answer.status, answer.why, error_text(error, LUYTRE_LANG_EN));
	if (!error) {
		stream->sse.id[0] = '\0'; /* what came before it is not to be repeated */
		atomic_store(&stream->link->want_snapshot, false);
	}
	http_answer_done(&answer);
	return error;
}

/* ---- The thread ---- */

static int hold_stream(struct stream *stream)
{
	struct link *link = stream->link;
	struct http_request request = { .path = link->daemon_fd < 0 ? "/edge/v1/stream?topics=policy"
								    : "/edge/v1/stream?topics=decisions,policy",
		.silence_s = LINK_ALIVE_S,
		.answer_max = 64 << 10,
		.piece = on_piece,
		.tick = on_tick,
		.context = stream };
	struct http_answer answer;
	int error;

	request.last_event_id = stream->sse.id;
	sse_reset(&stream->sse);
	error = http_send(stream->http, &request, &answer);
	atomic_store(&link->counters.connected, 0);
	if (!error && (answer.status == 401 || answer.status == 403))
		error = LUYTRE_E_PERMISSION;
	if (error == LUYTRE_E_PERMISSION)
		LINK_COUNT(link, refused, 1);
	if (!atomic_load(&link->want_snapshot) && !atomic_load(&link->stop)) {
		LINK_COUNT(link, stream_failures, 1);
		log_limited(clock_mono_ns(), LOG_LEVEL_INFO, "the stream of the hub ended (%ld %s)", answer.status,
			answer.why);
	}
	http_answer_done(&answer);
	return error;
}

static void stream_pause(struct stream *stream, int error, uint32_t *backoff_ms)
{
	const struct timespec step = { .tv_nsec = LINK_TICK_MS * (long)NS_PER_MS };
	uint64_t end_ns;

	atomic_store(&stream->link->problem, error);
	if (stream->heard)
		*backoff_ms = 0;
	stream->heard = false;
	end_ns = clock_mono_ns() +
		 (error == LUYTRE_E_PERMISSION ? LINK_REFUSED_MS : link_backoff_ms(backoff_ms)) * NS_PER_MS;
	while (clock_mono_ns() < end_ns && !atomic_load(&stream->link->stop)) {
		if (atomic_load(&stream->link->want_resend))
			(void)on_tick(stream);
		nanosleep(&step, NULL);
	}
}

static void run(struct stream *stream)
{
	struct link *link = stream->link;
	uint32_t backoff_ms = 0;
	uint64_t opened_ns = 0;

	atomic_store(&link->want_snapshot, link->daemon_fd >= 0);
	while (!atomic_load(&link->stop)) {
		int error = stream->http ? 0 : link_connect(link, &stream->identity, &stream->http);

		if (!error && atomic_load(&link->want_snapshot))
			error = fetch_snapshot(stream);
		if (!error)
			opened_ns = clock_mono_ns();
		if (!error)
			error = hold_stream(stream);
		/* At once, but a hub that always says so is not asked without end. */
		if (atomic_load(&link->want_snapshot) && error == LUYTRE_E_CLOSED &&
			clock_since_ns(clock_mono_ns(), opened_ns) > NS_PER_S)
			continue;
		/* Nobody says now that there is another policy: it is looked for, and what is wrong with it is told. */
		if (error == LUYTRE_E_PERMISSION)
			bell_ring(&link->policy_bell);
		http_close(stream->http);
		stream->http = NULL;
		stream_pause(stream, error ? error : LUYTRE_E_CLOSED, &backoff_ms);
	}
}

void *stream_main(void *context)
{
	struct stream stream = { .link = context };
	const struct timeval wait = { .tv_sec = LINK_SEND_WAIT_S };

	stream.delta = malloc(sizeof(*stream.delta));
	(void)setsockopt(stream.link->daemon_fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (!stream.delta || sse_init(&stream.sse)) {
		log_error("the stream of decisions: %s", error_text(LUYTRE_E_NOMEM, LUYTRE_LANG_EN));
	} else {
		run(&stream);
		sse_done(&stream.sse);
	}
	http_close(stream.http);
	free(stream.delta);
	return NULL;
}
