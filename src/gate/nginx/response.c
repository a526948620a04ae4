// SPDX-License-Identifier: Apache-2.0
/* Phases 3 and 4: filters of the answer's headers and body.
 *
 * Where a site may stop answers, headers and body of an inspected type are held until the engine has seen the whole body, or as much of
 * it as the rules' limit says; then they go out, or the block page does. Elsewhere the engine looks on while they pass. The leak guard
 * (guard-leak.c) has its own say in both. */
#include "base/clock.h"
#include "gate/nginx/guard.h"

static ngx_http_output_header_filter_pt next_header_filter;
static ngx_http_output_body_filter_pt next_body_filter;

/* ---- headers ---- */

static void give_header(struct gate_request *gate, const char *name, struct bytes value)
{
	gate_tx_response_header(gate->tx, bytes_from_str(name), value);
}

static void give_content_type(struct gate_request *gate)
{
	const ngx_http_headers_out_t *headers = &gate->request->headers_out;
	u_char *text = headers->content_type.data;
	size_t size = headers->content_type.len;

	if (size == 0)
		return;
	/* nginx keeps the charset apart when it is to be written behind the type. */
	if (headers->charset.len != 0 && headers->content_type_len == size) {
		text = ngx_pnalloc(gate->request->pool, size + sizeof("; charset=") + headers->charset.len);
		if (!text)
			return;
		size = (size_t)(ngx_sprintf(text, "%V; charset=%V", &headers->content_type, &headers->charset) - text);
	}
	give_header(gate, "Content-Type", bytes_of(text, size));
}

static void give_response(struct gate_request *gate)
{
	const ngx_http_request_t *r = gate->request;
	u_char length[NGX_OFF_T_LEN];

	gate_tx_response_line(gate->tx, (unsigned int)r->headers_out.status, gate_bytes(r->http_protocol));
	gate->response_begun = true;
	give_content_type(gate);
	if (r->headers_out.content_length_n >= 0) {
		const u_char *end = ngx_sprintf(length, "%O", r->headers_out.content_length_n);

		give_header(gate, "Content-Length", bytes_of(length, (size_t)(end - length)));
	}
	for (const ngx_list_part_t *part = &r->headers_out.headers.part; part; part = part->next) {
		const ngx_table_elt_t *headers = part->elts;

		for (ngx_uint_t i = 0; i < part->nelts; i++) {
			if (headers[i].hash != 0)
				gate_tx_response_header(
					gate->tx, gate_bytes(headers[i].key), gate_bytes(headers[i].value));
		}
	}
}

/* A compressed body says nothing to rules; one that is not there even less. */
static bool is_readable(const ngx_http_request_t *r)
{
	ngx_uint_t status = r->headers_out.status;

	if (r->header_only || r->method == NGX_HTTP_HEAD || status == NGX_HTTP_NO_CONTENT ||
		status == NGX_HTTP_NOT_MODIFIED || status == NGX_HTTP_SWITCHING_PROTOCOLS)
		return false;
	return !r->headers_out.content_encoding || r->headers_out.content_encoding->value.len == 0 ||
	       ngx_strcmp(r->headers_out.content_encoding->value.data, "identity") == 0;
}

static bool is_stopped(const struct gate_request *gate)
{
	return gate_tx_verdict(gate->tx)->action != GATE_PASS || (gate->guard && gate->guard->stopped);
}

/* Nothing of the answer has gone out: ours takes its place. nginx ends a request whose filter says NGX_ERROR, and sends what is under way. */
static ngx_int_t stop(struct gate_request *gate)
{
	const struct gate_verdict *verdict = gate_tx_verdict(gate->tx);
	ngx_http_request_t *r = gate->request;
	struct gate_answer answer;
	ngx_int_t result;

	gate->stopped = true;
	gate->holding = false;
	gate->inspecting = false;
	if (gate->guard)
		gate->guard->scanning = false;
	r->keepalive = 0;
	if (verdict->action == GATE_DROP)
		return NGX_ERROR;
	answer = verdict->action != GATE_PASS ? gate_page_of(verdict) : gate->guard->answer;
	r->filter_finalize = 1;
	ngx_memzero(r->ctx, sizeof(void *) * ngx_http_max_module);
	ngx_http_set_ctx(r, gate, ngx_http_luytre_gate_module);
	ngx_http_clean_header(r);
	result = gate_page_send(gate, &answer);
	return result == NGX_OK || result == NGX_DONE ? NGX_ERROR : result;
}

static void run_headers(struct gate_request *gate)
{
	uint64_t start_ns = clock_mono_ns();

	give_response(gate);
	gate_tx_response_headers_end(gate->tx);
	gate->inspecting = !is_stopped(gate) && gate_tx_wants_response_body(gate->tx) && is_readable(gate->request);
	if (!gate->inspecting && !is_stopped(gate))
		gate_tx_response_body_end(gate->tx);
	gate->engine_holds = gate->inspecting && gate_tx_may_stop(gate->tx);
	gate->engine_ns += clock_mono_ns() - start_ns;
}

/* Whether somebody reads the body still. */
static bool is_read(const struct gate_request *gate)
{
	return gate->inspecting || (gate->guard && gate->guard->scanning);
}

/* Whether it waits for one of them. */
static bool is_awaited(const struct gate_request *gate)
{
	return (gate->inspecting && gate->engine_holds) || (gate->guard && gate->guard->scanning && gate->guard->holds);
}

static ngx_int_t filter_headers(ngx_http_request_t *r)
{
	struct gate_request *gate = r == r->main ? gate_request_find(r) : NULL;

	if (!gate || gate->stopped || gate->response_begun || gate->at != GATE_AT_DONE)
		return next_header_filter(r);
	ngx_http_set_ctx(r, gate, ngx_http_luytre_gate_module);
	run_headers(gate);
	if (gate->guard)
		guard_login_answered(gate);
	if (is_stopped(gate))
		return stop(gate);
	if (gate->guard)
		guard_leak_begin(gate, is_readable(r));
	if (!is_read(gate))
		return next_header_filter(r);
	r->main_filter_need_in_memory = 1;
	if (!is_awaited(gate)) {
		if (gate->guard)
			gate->guard->sent = true;
		return next_header_filter(r);
	}
	/* A part can only be cut out of an answer whose headers are gone. */
	r->allow_ranges = 0;
	gate->holding = true;
	return NGX_OK;
}

/* ---- body ---- */

/* Gives it to the engine; true when it was the last piece or more is not wanted. */
static bool feed(struct gate_request *gate, const ngx_chain_t *in)
{
	bool last = false;

	for (; in; in = in->next) {
		const ngx_buf_t *buf = in->buf;

		if (ngx_buf_in_memory(buf) && buf->last > buf->pos)
			gate_tx_response_body(gate->tx, bytes_of(buf->pos, (size_t)(buf->last - buf->pos)));
		last |= buf->last_buf;
	}
	return last || !gate_tx_wants_response_body(gate->tx);
}

static ngx_buf_t *copy_buf(ngx_pool_t *pool, ngx_buf_t *in)
{
	size_t size = ngx_buf_in_memory(in) ? (size_t)(in->last - in->pos) : 0;
	ngx_buf_t *copy = size ? ngx_create_temp_buf(pool, size) : ngx_calloc_buf(pool);

	if (!copy)
		return NULL;
	if (size != 0) {
		copy->last = ngx_cpymem(copy->last, in->pos, size);
		in->pos = in->last;
		in->file_pos = in->file_last;
	} else if (in->in_file) {
		*copy = *in;
		in->file_pos = in->file_last;
	}
	copy->flush = in->flush;
	copy->sync = in->sync;
	copy->last_buf = in->last_buf;
	copy->last_in_chain = in->last_in_chain;
	return copy;
}

/* Takes everything over, so that whoever made it can go on. */
static bool hold(struct gate_request *gate, const ngx_chain_t *in)
{
	ngx_pool_t *pool = gate->request->pool;

	for (; in; in = in->next) {
		ngx_chain_t *link = ngx_alloc_chain_link(pool);

		if (!link)
			return false;
		if (gate->guard && gate->guard->holds && ngx_buf_in_memory(in->buf))
			guard_leak_held(gate, (size_t)(in->buf->last - in->buf->pos));
		link->buf = copy_buf(pool, in->buf);
		link->next = NULL;
		if (!link->buf)
			return false;
		*gate->held_end = link;
		gate->held_end = &link->next;
	}
	return true;
}

static ngx_int_t release(struct gate_request *gate)
{
	ngx_http_request_t *r = gate->request;
	ngx_int_t result;

	gate->holding = false;
	if (gate->guard)
		gate->guard->sent = true;
	result = next_header_filter(r);
	if (result == NGX_ERROR || result > NGX_OK || r->header_only)
		return result;
	return next_body_filter(r, gate->held);
}

static void read_body(struct gate_request *gate, const ngx_chain_t *in)
{
	uint64_t start_ns = clock_mono_ns();

	if (gate->inspecting && feed(gate, in)) {
		gate->inspecting = false;
		gate_tx_response_body_end(gate->tx);
	}
	if (gate->guard && gate->guard->scanning)
		guard_leak_text(gate, in);
	gate->engine_ns += clock_mono_ns() - start_ns;
}

/* The beginning is gone: what is left can only be kept, and the client told by the end of the connection. */
static bool is_cut_late(const struct gate_request *gate)
{
	return gate->guard && gate->guard->cut && gate->guard->sent;
}

static ngx_int_t end_early(ngx_http_request_t *r)
{
	r->keepalive = 0;
	return NGX_ERROR;
}

static ngx_int_t filter_body(ngx_http_request_t *r, ngx_chain_t *in)
{
	struct gate_request *gate = ngx_http_get_module_ctx(r, ngx_http_luytre_gate_module);

	if (!gate || r != r->main)
		return next_body_filter(r, in);
	if (gate->holding || is_read(gate))
		read_body(gate, in);
	if (!gate->holding)
		return is_cut_late(gate) ? end_early(r) : next_body_filter(r, in);
	if (is_stopped(gate))
		return stop(gate);
	if (!hold(gate, in))
		return NGX_ERROR;
	return is_awaited(gate) ? NGX_OK : release(gate);
}

void gate_response_init(void)
{
	next_header_filter = ngx_http_top_header_filter;
	ngx_http_top_header_filter = filter_headers;
	next_body_filter = ngx_http_top_body_filter;
	ngx_http_top_body_filter = filter_body;
}
