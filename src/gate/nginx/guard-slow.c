// SPDX-License-Identifier: Apache-2.0
/* Requests that take their time, and streams that are taken back.
 *
 * Headers that never end are seen by nginx alone (client_header_timeout), which tells at least how many; those that came to their end are
 * judged by how long they took. A body is looked at each second while it comes in. A stream of HTTP/2 that its client has reset shows when
 * its request ends. */
#include "gate/nginx/guard.h"

#include "base/clock.h"

#define LOOK_MS 1000

static void strike(struct gate_request *gate, enum abuse_reason reason)
{
	const struct guard *conf = gate->guard->conf;
	bool done = guard_enforces(gate->guard, conf->slow->mode);
	struct guard_said said = { .reason = abuse_reason_name(reason),
		.action = "close",
		.weight = ABUSE_DENY + 1,
		.done = done,
		.stops = true };

	guard_say(gate, &said);
	guard_count(conf->zone, done ? GUARD_CLOSED : GUARD_SHADOWED, 1);
	guard_lock(conf->zone);
	abuse_strike(conf->zone->abuse, &conf->abuse, &gate->guard->client, reason, clock_mono_ns());
	guard_unlock(conf->zone);
}

/* ---- headers ---- */

enum guard_answer guard_slow_headers(struct gate_request *gate)
{
	struct guard_request *guard = gate->guard;
	const ngx_http_request_t *r = gate->request;
	const volatile ngx_time_t *time = ngx_cached_time;
	ngx_msec_int_t took_ms = (ngx_msec_int_t)((time->sec - r->start_sec) * 1000 + (time->msec - r->start_msec));
	uint64_t now_ns = clock_mono_ns();
	struct abuse_progress progress = { .began_ns = now_ns - (uint64_t)ngx_max(took_ms, 0) * NS_PER_MS };
	struct abuse_verdict verdict;

	abuse_slow_check(&guard->conf->abuse, &progress, now_ns, &verdict);
	if (verdict.action == ABUSE_PASS)
		return GUARD_GO;
	strike(gate, verdict.reason);
	if (!guard_enforces(guard, guard->conf->slow->mode))
		return GUARD_GO;
	guard->stopped = true;
	guard->closes = true;
	guard->answer.status = NGX_HTTP_REQUEST_TIME_OUT;
	return GUARD_STOP;
}

/* ---- bodies ---- */

/* nginx counts bytes of HTTP/1 with the request and those of HTTP/2 with the body. */
static uint64_t come_in(const struct gate_request *gate)
{
	const ngx_http_request_t *r = gate->request;
	off_t counted = r->request_length - gate->guard->before_body;
	off_t received = r->request_body ? r->request_body->received : 0;

	return (uint64_t)ngx_max(counted, received);
}

static void look(ngx_event_t *event)
{
	struct gate_request *gate = event->data;
	struct guard_request *guard = gate->guard;
	ngx_http_request_t *r = gate->request;
	ngx_connection_t *c = r->connection;
	struct abuse_progress progress = {
		.began_ns = guard->body_began_ns, .body_began_ns = guard->body_began_ns, .body_bytes = come_in(gate)
	};
	struct abuse_verdict verdict;

	/* nginx has ended the reading for a reason of its own. */
	if (r->read_event_handler != guard->reader || r->header_sent)
		return;
	ngx_http_set_log_request(c->log, r);
	abuse_slow_check(&guard->conf->abuse, &progress, clock_mono_ns(), &verdict);
	if (verdict.action == ABUSE_PASS) {
		ngx_add_timer(event, LOOK_MS);
		return;
	}
	strike(gate, verdict.reason);
	if (!guard_enforces(guard, guard->conf->slow->mode))
		return;
	guard->stopped = true;
	guard->closes = true;
	guard->answer.status = NGX_HTTP_REQUEST_TIME_OUT;
	c->timedout = 1; /* as nginx itself ends such a request */
	ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
	ngx_http_run_posted_requests(c);
}

void guard_body_begin(struct gate_request *gate)
{
	struct guard_request *guard = gate->guard;

	if (!guard->conf->slow)
		return;
	guard->body_began_ns = clock_mono_ns();
	guard->before_body = gate->request->request_length;
}

/* By then it may be there already: then its handler was called. */
void guard_body_waits(struct gate_request *gate, bool more)
{
	struct guard_request *guard = gate->guard;

	if (!guard->conf->slow || !more || gate->at != GATE_AT_READING)
		return;
	guard->reader = gate->request->read_event_handler;
	guard->clock = (ngx_event_t){ .handler = look, .data = gate, .log = gate->request->connection->log };
	ngx_add_timer(&guard->clock, LOOK_MS);
}

void guard_body_end(struct gate_request *gate)
{
	if (gate->guard->clock.timer_set) {
		ngx_del_timer(&gate->guard->clock);
	}
}

/* ---- streams ---- */

#if (NGX_HTTP_V2)

/* Of one connection of HTTP/2, in its pool. */
struct stream_count {
	uint32_t resets;
	bool struck;
};

/* A name to find it by. */
static void connection_cleanup(void *data)
{
	(void)data;
}

static struct stream_count *count_of(const ngx_connection_t *c)
{
	ngx_pool_cleanup_t *cleanup;

	for (cleanup = c->pool->cleanup; cleanup; cleanup = cleanup->next) {
		if (cleanup->handler == connection_cleanup)
			return cleanup->data;
	}
	cleanup = ngx_pool_cleanup_add(c->pool, sizeof(struct stream_count));
	if (!cleanup)
		return NULL;
	cleanup->handler = connection_cleanup;
	ngx_memzero(cleanup->data, sizeof(struct stream_count));
	return cleanup->data;
}

/* nginx notes an error of the stream, not of the connection, and that nothing more goes out. */
static bool was_taken_back(const ngx_http_request_t *r)
{
	const ngx_http_v2_stream_t *stream = r->stream;

	return stream && stream->out_closed && !stream->rst_sent && r->connection->error &&
	       !stream->connection->connection->error;
}

static void note_reset(struct gate_request *gate)
{
	struct guard_request *guard = gate->guard;
	ngx_connection_t *c = gate->request->stream->connection->connection;
	struct stream_count *count = count_of(c);
	uint64_t now_ns = clock_mono_ns();
	struct abuse_progress progress = { .began_ns = now_ns, .body_began_ns = now_ns };
	struct abuse_verdict verdict;

	guard_count(guard->conf->zone, GUARD_RESETS, 1);
	if (!count || count->struck)
		return;
	progress.resets = ++count->resets;
	progress.streams = (uint32_t)c->requests;
	abuse_slow_check(&guard->conf->abuse, &progress, now_ns, &verdict);
	if (verdict.action == ABUSE_PASS)
		return;
	count->struck = true;
	strike(gate, verdict.reason);
	if (!guard_enforces(guard, guard->conf->slow->mode))
		return;
	/* The way that a connection ends which nobody uses; later, since its frames are being read. */
	c->read->timedout = 1;
	ngx_post_event(c->read, &ngx_posted_events);
}

#endif

void guard_log(struct gate_request *gate)
{
#if (NGX_HTTP_V2)
	if (gate->guard->conf->slow && was_taken_back(gate->request))
		note_reset(gate);
#else
	(void)gate;
#endif
}
