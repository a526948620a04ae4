// SPDX-License-Identifier: Apache-2.0
/* Phases 1 and 2 of a request, at the end of nginx's PREACCESS phase: its real address is known and its location is final, and nothing
 * that serves content has run.
 *
 * The body is read by nginx's own means into memory or a temporary file and then given to the engine piece by piece, with a turn for
 * other requests after each FEED_SIZE. */
#include "base/clock.h"
#include "gate/nginx/guard.h"

#define FEED_SIZE  ((size_t)512 << 10)
#define PIECE_SIZE ((size_t)32 << 10)

static ngx_int_t step(struct gate_request *gate);

/* ---- the request's own ---- */

static void request_cleanup(void *data)
{
	struct gate_request *gate = data;

	if (gate->more.posted) {
		ngx_delete_posted_event(&gate->more); /* a macro of several statements */
	}
	if (gate->guard)
		guard_end(gate);
	gate_tx_free(gate->tx);
}

struct gate_request *gate_request_find(ngx_http_request_t *r)
{
	struct gate_request *gate = ngx_http_get_module_ctx(r, ngx_http_luytre_gate_module);

	if (gate || r != r->main)
		return gate;
	for (ngx_pool_cleanup_t *cleanup = r->pool->cleanup; cleanup; cleanup = cleanup->next) {
		if (cleanup->handler == request_cleanup)
			return cleanup->data;
	}
	return NULL;
}

static void give_connection(struct gate_request *gate)
{
	ngx_connection_t *c = gate->request->connection;
	char client[NGX_SOCKADDR_STRLEN + 1], server[NGX_SOCKADDR_STRLEN + 1];
	ngx_str_t local = { NGX_SOCKADDR_STRLEN, (u_char *)server };
	size_t size = ngx_min(c->addr_text.len, (size_t)NGX_SOCKADDR_STRLEN);

	ngx_memcpy(client, c->addr_text.data, size);
	client[size] = '\0';
	if (ngx_connection_local_sockaddr(c, &local, 0) != NGX_OK)
		local.len = 0;
	server[local.len] = '\0';
	gate_tx_connection(gate->tx, client, ngx_inet_get_port(c->sockaddr), server,
		c->local_sockaddr ? ngx_inet_get_port(c->local_sockaddr) : 0);
}

/* What stands between method and protocol: nginx's own views leave out scheme, host and fragment. */
static struct bytes target_of(const ngx_http_request_t *r)
{
	struct bytes line = gate_bytes(r->request_line);
	size_t end;

	line = bytes_skip(line, r->method_name.len);
	while (line.size != 0 && line.ptr[0] == ' ')
		line = bytes_skip(line, 1);
	end = line.size;
	if (r->http_version > NGX_HTTP_VERSION_9) {
		while (end > 0 && line.ptr[end - 1] == ' ')
			end--;
		while (end > 0 && line.ptr[end - 1] != ' ')
			end--;
	}
	while (end > 0 && line.ptr[end - 1] == ' ')
		end--;
	return bytes_first(line, end);
}

static void give_headers(struct gate_request *gate)
{
	ngx_http_request_t *r = gate->request;
	struct bytes protocol = gate_bytes(r->http_protocol);

	if (protocol.size == 0)
		protocol = bytes_from_str("HTTP/0.9");
	gate_tx_request_line(gate->tx, gate_bytes(r->method_name), target_of(r), protocol);
	for (const ngx_list_part_t *part = &r->headers_in.headers.part; part; part = part->next) {
		const ngx_table_elt_t *headers = part->elts;

		for (ngx_uint_t i = 0; i < part->nelts; i++)
			gate_tx_request_header(gate->tx, gate_bytes(headers[i].key), gate_bytes(headers[i].value));
	}
}

static void give_id(struct gate_request *gate)
{
	ngx_http_request_t *r = gate->request;
	const struct gate_main *conf = ngx_http_get_module_main_conf(r, ngx_http_luytre_gate_module);
	const ngx_http_variable_value_t *id = ngx_http_get_indexed_variable(r, (ngx_uint_t)conf->request_id);
	u_char *text;

	if (!id || id->not_found || id->len == 0)
		return;
	text = ngx_pnalloc(r->pool, id->len + 1);
	if (!text)
		return;
	ngx_cpystrn(text, id->data, id->len + 1);
	gate->id = (ngx_str_t){ id->len, text };
	gate_tx_id(gate->tx, (const char *)text);
}

static struct gate_request *request_new(ngx_http_request_t *r, const struct gate_location *conf)
{
	ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(r->pool, sizeof(struct gate_request));
	struct gate_worker *worker = policy_worker(conf->handle->policy);
	struct gate_request *gate;

	if (!cleanup || !worker)
		return NULL;
	gate = cleanup->data;
	ngx_memzero(gate, sizeof(*gate));
	gate->request = r;
	gate->events = conf->events;
	gate->policy = conf->handle->policy;
	gate->held_end = &gate->held;
	if (gate_tx_new(worker, conf->handle->site, &gate->tx) < 0)
		return NULL;
	cleanup->handler = request_cleanup;
	ngx_http_set_ctx(r, gate, ngx_http_luytre_gate_module);
	return gate;
}

/* ---- phase 2 ---- */

static void feed_memory(struct gate_request *gate, const ngx_buf_t *buf, size_t size)
{
	gate_tx_request_body(gate->tx, bytes_of(buf->pos + gate->next_pos, size));
}

/* Just written by nginx, so it comes from the page cache. False when it cannot be read. */
static bool feed_file(struct gate_request *gate, const ngx_buf_t *buf, size_t size)
{
	static u_char piece[PIECE_SIZE];
	ssize_t got = ngx_read_file(buf->file, piece, size, buf->file_pos + gate->next_pos);

	if (got != (ssize_t)size)
		return false;
	gate_tx_request_body(gate->tx, bytes_of(piece, size));
	return true;
}

/* Up to FEED_SIZE more. NGX_OK at the end, NGX_AGAIN when there is more, an HTTP error when a file cannot be read. */
static ngx_int_t feed(struct gate_request *gate)
{
	size_t budget = FEED_SIZE;

	while (gate->next && gate_tx_wants_request_body(gate->tx)) {
		const ngx_buf_t *buf = gate->next->buf;
		size_t size = (size_t)ngx_min(ngx_buf_size(buf) - gate->next_pos, (off_t)PIECE_SIZE);

		if (size == 0) {
			gate->next = gate->next->next;
			gate->next_pos = 0;
			continue;
		}
		if (budget < size)
			return NGX_AGAIN;
		if (ngx_buf_in_memory(buf))
			feed_memory(gate, buf, size);
		else if (!feed_file(gate, buf, size))
			return NGX_HTTP_INTERNAL_SERVER_ERROR;
		gate->next_pos += (off_t)size;
		budget -= size;
	}
	return NGX_OK;
}

static void go_on(ngx_event_t *event)
{
	ngx_http_request_t *r = ((struct gate_request *)event->data)->request;
	ngx_connection_t *c = r->connection;

	ngx_http_set_log_request(c->log, r);
	r->write_event_handler(r);
	ngx_http_run_posted_requests(c);
}

static ngx_int_t feed_body(struct gate_request *gate)
{
	uint64_t start_ns = clock_mono_ns();
	ngx_int_t result = feed(gate);

	if (result == NGX_OK) {
		gate_tx_request_body_end(gate->tx);
		gate->at = GATE_AT_ASKING;
	} else if (result == NGX_AGAIN && !gate->more.posted) {
		gate->more.handler = go_on;
		gate->more.data = gate;
		gate->more.log = gate->request->connection->log;
		ngx_post_event(&gate->more, &ngx_posted_next_events);
	}
	gate->engine_ns += clock_mono_ns() - start_ns;
	return result == NGX_OK ? step(gate) : result;
}

/* nginx has the whole body: the phases go on where they were left, which comes back to the handler below. */
static void body_is_there(ngx_http_request_t *r)
{
	struct gate_request *gate = gate_request_find(r);

	gate->at = GATE_AT_FEEDING;
	if (gate->guard)
		guard_body_end(gate);
	gate->next = r->request_body ? r->request_body->bufs : NULL;
	r->write_event_handler = ngx_http_core_run_phases;
	ngx_http_core_run_phases(r);
}

static bool has_body(const ngx_http_request_t *r)
{
	return r->headers_in.content_length_n > 0 || r->headers_in.chunked || r->http_version >= NGX_HTTP_VERSION_20;
}

static ngx_int_t read_body(struct gate_request *gate)
{
	ngx_http_request_t *r = gate->request;
	ngx_int_t result;

	/* A body that is to be watched is read here even if no rule wants it. */
	if (!has_body(r) || (!gate_tx_wants_request_body(gate->tx) && !(gate->guard && gate->guard->conf->slow))) {
		gate->at = GATE_AT_FEEDING;
		return feed_body(gate);
	}
	gate->at = GATE_AT_READING;
	if (gate->guard)
		guard_body_begin(gate);
	result = ngx_http_read_client_request_body(r, body_is_there);
	if (gate->guard)
		guard_body_waits(gate, result == NGX_AGAIN);
	if (result >= NGX_HTTP_SPECIAL_RESPONSE)
		return result;
	ngx_http_finalize_request(r, NGX_DONE);
	return NGX_DONE;
}

/* ---- the handler ---- */

static ngx_int_t stop(struct gate_request *gate)
{
	const struct gate_verdict *verdict = gate_tx_verdict(gate->tx);
	ngx_http_request_t *r = gate->request;
	struct gate_answer answer;
	ngx_int_t result;

	gate->at = GATE_AT_DONE;
	gate->stopped = true;
	if (verdict->action == GATE_DROP)
		return NGX_HTTP_CLOSE;
	if (verdict->action == GATE_PASS && gate->guard->closes)
		return (ngx_int_t)gate->guard->answer.status;
	answer = verdict->action != GATE_PASS ? gate_page_of(verdict) : gate->guard->answer;
	result = ngx_http_discard_request_body(r);
	if (result != NGX_OK)
		return result;
	ngx_http_finalize_request(r, gate_page_send(gate, &answer));
	return NGX_DONE;
}

static ngx_int_t run_headers(struct gate_request *gate)
{
	uint64_t start_ns = clock_mono_ns();

	gate_tx_request_headers_end(gate->tx);
	gate->engine_ns += clock_mono_ns() - start_ns;
	gate->at = GATE_AT_BODY;
	return step(gate);
}

/* Goes on at 'next' when the guard has nothing against it, or has had it wait. */
static ngx_int_t obey(struct gate_request *gate, enum guard_answer answer, enum gate_progress next)
{
	gate->unread = answer == GUARD_STOP && gate->at == GATE_AT_LIMITS;
	gate->at = next;
	switch (answer) {
	case GUARD_GO:
		return step(gate);
	case GUARD_WAIT:
		return guard_wait(gate);
	case GUARD_STOP:
		break;
	}
	return stop(gate);
}

static ngx_int_t step(struct gate_request *gate)
{
	if (gate->stopped)
		return NGX_DECLINED;
	if (gate_tx_verdict(gate->tx)->action != GATE_PASS)
		return stop(gate);
	switch (gate->at) {
	case GATE_AT_LIMITS:
		return obey(gate, gate->guard ? guard_begin(gate) : GUARD_GO, GATE_AT_HEADERS);
	case GATE_AT_HEADERS:
		return run_headers(gate);
	case GATE_AT_BODY:
		return read_body(gate);
	case GATE_AT_READING: /* nginx refused the body (413) and was told to go elsewhere (error_page) */
		gate->at = GATE_AT_FEEDING;
		if (gate->guard)
			guard_body_end(gate);
		return feed_body(gate);
	case GATE_AT_FEEDING:
		return feed_body(gate);
	case GATE_AT_ASKING:
		return obey(gate, gate->guard ? guard_ask(gate) : GUARD_GO, GATE_AT_DONE);
	case GATE_AT_DONE:
		break;
	}
	return NGX_DECLINED;
}

/* Once for each request: not for those that nginx makes itself, nor again after an internal redirect. */
ngx_int_t gate_request_handler(ngx_http_request_t *r)
{
	const struct gate_location *conf = ngx_http_get_module_loc_conf(r, ngx_http_luytre_gate_module);
	struct hold_site_mode mode;
	struct gate_request *gate;
	uint64_t start_ns;

	if (r != r->main)
		return NGX_DECLINED;
	gate = gate_request_find(r);
	if (gate) {
		ngx_http_set_ctx(r, gate, ngx_http_luytre_gate_module);
		return step(gate);
	}
	if (!conf->handle)
		return NGX_DECLINED;
	start_ns = clock_mono_ns();
	mode = gate_holds_mode(r, conf);
	if (mode.mode == GATE_OFF)
		return NGX_DECLINED;
	gate = request_new(r, conf);
	if (!gate) {
		ngx_log_error(NGX_LOG_ERR, r->connection->log, 0, "luytre gate: no memory to inspect a request");
		return mode.mode == GATE_ON ? NGX_HTTP_INTERNAL_SERVER_ERROR : NGX_DECLINED;
	}
	if (mode.row)
		gate_tx_mode(gate->tx, mode.mode);
	give_id(gate);
	give_connection(gate);
	give_headers(gate);
	gate_holds_arm(gate, conf);
	gate->engine_ns += clock_mono_ns() - start_ns;
	if (conf->guard)
		guard_attach(gate, conf->guard, mode.mode);
	return step(gate);
}
