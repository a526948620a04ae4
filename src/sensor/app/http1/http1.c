// SPDX-License-Identifier: Apache-2.0
/* HTTP/1 as a protocol of the engine. */
#include "sensor/app/http1/http1.h"

#include "sensor/app/http1/buffers.h"
#include "sensor/app/http1/keywords.h"
#include "sensor/flow/flow.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

static void *http1_open(struct app_conn *conn, const void *config)
{
	struct http1 *http = app_alloc(conn, sizeof(*http));

	if (!http)
		return NULL;
	memset(http, 0, sizeof(*http));
	http->config = config;
	http_record_options_load(conn->worker->settings->root, http->config->record);
	http->settings = http_config_for(config, &conn->flow->server);
	http->side[TO_SERVER].tx_id = UINT64_MAX;
	http->side[TO_CLIENT].tx_id = conn->tx_count;
	return http;
}

static void http1_close(struct app_conn *conn, void *state)
{
	struct http1 *http = state;

	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		http_body_reader_free(http->side[dir].reader);
		app_free(conn, http->side[dir].held, http->side[dir].held_capacity);
	}
	app_free(conn, http, sizeof(*http));
}

/* Bytes are missing. In a body that is bearable; elsewhere the direction cannot be read any more. */
static void take_gap(struct http1_call *call, uint64_t size)
{
	struct http1_side *side = call->side;
	struct http1_tx *tx = http1_find(call, side->tx_id);
	uint64_t inside = size;

	if (!tx || (side->state != HTTP1_BODY_LENGTH && side->state != HTTP1_BODY_END)) {
		if (side->state != HTTP1_FINALISE && (side->state != HTTP1_IDLE || side->held_size != 0))
			side->state = HTTP1_IGNORE;
		return;
	}
	if (side->state == HTTP1_BODY_LENGTH && inside > side->left)
		inside = side->left;
	if (side->reader)
		http_body_reader_gap(side->reader, inside);
	if (call->dir == TO_CLIENT)
		tx->http.message_size += inside;
	if (side->state == HTTP1_BODY_END)
		return;
	side->left -= inside;
	if (side->left == 0) {
		side->body_complete = true;
		side->state = HTTP1_FINALISE;
	}
}

static struct app_result http1_parse(struct app_conn *conn, void *state, const struct app_input *in,
	enum sensor_dir dir, enum http1_step (*step)(struct http1_call *call))
{
	struct http1 *http = state;
	struct http1_call call = { .conn = conn,
		.http = http,
		.dir = dir,
		.side = &http->side[dir],
		.data = in->data,
		.now_ns = in->now_ns,
		.eof = in->eof,
		.eof_truncated = in->truncated };
	enum http1_step answer;

	if (in->gap_size != 0)
		take_gap(&call, in->gap_size);
	do
		answer = step(&call);
	while (answer == HTTP1_AGAIN);
	if (answer == HTTP1_FAIL)
		return APP_RESULT_ERROR;
	if (answer == HTTP1_STOP && call.data.size != 0)
		return APP_RESULT_MORE(in->data.size - call.data.size, call.data.size + 1);
	return APP_RESULT_OK;
}

static struct app_result parse_request(struct app_conn *conn, void *state, const struct app_input *in)
{
	struct http1 *http = state;
	struct app_result result = http1_parse(conn, state, in, TO_SERVER, http1_request_step);

	if (in->eof && result.status == APP_OK) {
		struct http1_call call = { .conn = conn,
			.http = http,
			.dir = TO_SERVER,
			.side = &http->side[TO_SERVER],
			.now_ns = in->now_ns,
			.eof = true,
			.eof_truncated = in->truncated };

		http1_request_end(&call);
	}
	return result;
}

static struct app_result parse_response(struct app_conn *conn, void *state, const struct app_input *in)
{
	struct http1 *http = state;
	struct app_result result = http1_parse(conn, state, in, TO_CLIENT, http1_response_step);

	if (in->eof && result.status == APP_OK) {
		struct http1_call call = { .conn = conn,
			.http = http,
			.dir = TO_CLIENT,
			.side = &http->side[TO_CLIENT],
			.now_ns = in->now_ns,
			.eof = true,
			.eof_truncated = in->truncated };

		http1_response_end(&call);
	}
	return result;
}

static void http1_tx_free(struct app_conn *conn, struct app_tx *tx)
{
	http_tx_done(conn, http_tx_of(tx));
}

static void log_extended(struct http_tx *tx, struct jsonw *json)
{
	const struct http_header *referer = http_header_find(&tx->headers[TO_SERVER], "referer");

	if (referer)
		jsonw_kv_string_bytes(json, "http_refer", referer->value);
	if (tx->method.ptr)
		jsonw_kv_string_bytes(json, "http_method", tx->method);
	if (tx->request_protocol.ptr)
		jsonw_kv_string_bytes(json, "protocol", tx->request_protocol);
	http_log_status(tx, json);
	jsonw_kv_u64(json, "length", tx->message_size);
}

static bool http1_log(struct app_tx *app, const struct flow *flow, bool alert, struct jsonw *json)
{
	struct http_tx *tx = http_tx_of(app);

	(void)flow;
	http_log_fields(tx, json);
	if (alert || tx->record->extended)
		log_extended(tx, json);
	if (alert) {
		http_log_bodies(tx, json);
		return true;
	}
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++)
		http_log_headers(tx, dir, tx->record->dump_headers[dir], json);
	return true;
}
static const struct app_event events[] = {
#define X(id, event_name) { .name = (event_name) },
	HTTP_EVENTS(X)
#undef X
		{ 0 },
};

static const char *const frames[] = { [HTTP1_FRAME_REQUEST] = "request", [HTTP1_FRAME_RESPONSE] = "response", NULL };

static const struct app_state_name states[] = {
	{ "request_started", TO_SERVER, HTTP_STARTED },
	{ "request_line", TO_SERVER, HTTP_LINE },
	{ "request_headers", TO_SERVER, HTTP_HEADERS },
	{ "request_body", TO_SERVER, HTTP_BODY },
	{ "request_trailer", TO_SERVER, HTTP_TRAILER },
	{ "request_complete", TO_SERVER, HTTP_COMPLETE },
	{ "response_started", TO_CLIENT, HTTP_STARTED },
	{ "response_line", TO_CLIENT, HTTP_LINE },
	{ "response_headers", TO_CLIENT, HTTP_HEADERS },
	{ "response_body", TO_CLIENT, HTTP_BODY },
	{ "response_trailer", TO_CLIENT, HTTP_TRAILER },
	{ "response_complete", TO_CLIENT, HTTP_COMPLETE },
	{ 0 },
};

/* A request is known by its method, however it goes on; a response by its version. */
#define METHOD(text)                                                                                                   \
	{ TO_SERVER, text " ", sizeof(text), 0, sizeof(text), true, NULL },                                            \
	{                                                                                                              \
		TO_SERVER, text "\t", sizeof(text), 0, sizeof(text), true, NULL                                        \
	}
#define VERSION(text)                                                                                                  \
	{                                                                                                              \
		TO_CLIENT, text, sizeof(text) - 1, 0, sizeof(text) - 1, true, NULL                                     \
	}

static const struct app_pattern patterns[] = { METHOD("GET"), METHOD("POST"), METHOD("HEAD"), METHOD("PUT"),
	METHOD("OPTIONS"), METHOD("CONNECT"), METHOD("DELETE"), METHOD("TRACE"), METHOD("PATCH"), METHOD("PROPFIND"),
	METHOD("PROPPATCH"), METHOD("MKCOL"), METHOD("COPY"), METHOD("MOVE"), METHOD("LOCK"), METHOD("UNLOCK"),
	METHOD("CHECKOUT"), METHOD("UNCHECKOUT"), METHOD("CHECKIN"), METHOD("UPDATE"), METHOD("LABEL"),
	METHOD("REPORT"), METHOD("MKWORKSPACE"), METHOD("MKACTIVITY"), METHOD("MERGE"), METHOD("INVALID"),
	METHOD("VERSION-CONTROL"), METHOD("BASELINE-CONTROL"), VERSION("HTTP/0.9"), VERSION("HTTP/1.0"),
	VERSION("HTTP/1.1"), { 0 } };

static const struct app_buffer buffers[] = { HTTP_BUFFER_ROWS, { 0 } };

const struct app_protocol app_protocol_http = {
	.name = "http",
	.rule_alias = "http1",
	.event_type = "http",
	.log_key = "http",
	.transports = APP_TCP,
	.gaps_ok = true,
	.events_upper_case = true,
	.tx_max = 512,
	.first_dir = DIR_TO_SERVER,
	.complete = { HTTP_COMPLETE, HTTP_COMPLETE },
	.patterns = patterns,
	.buffers = buffers,
	.events = events,
	.states = states,
	.frames = frames,
	.keywords = http_keywords,
	.configure = http_config_load,
	.configure_free = http_config_free,
	.open = http1_open,
	.close = http1_close,
	.parse = { parse_request, parse_response },
	.tx_free = http1_tx_free,
	.log = http1_log,
};
