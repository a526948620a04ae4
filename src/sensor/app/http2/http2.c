// SPDX-License-Identifier: Apache-2.0
/* The connection: preface, frames, settings, header blocks in pieces, and the way from HTTP/1 (Upgrade: h2c). */
#include "sensor/app/http2/http2.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "base/cursor.h"
#include "sensor/app/frames.h"
#include "sensor/app/http1/http1.h"
#include "sensor/app/http1/range.h"
#include "sensor/app/http1/text.h"
#include "sensor/app/http1/upgrade.h"
#include "sensor/config/tree.h"
#include "sensor/flow/flow.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

enum { PRIORITY_SIZE = 5, WINDOW_SIZE = 4, ERROR_SIZE = 4, GOAWAY_SIZE = 8 };

/* ---- Configuration ---- */

static int http2_configure(const struct conf_node *node, void **ret_config)
{
	struct http2_config *config = calloc(1, sizeof(*config));
	void *http1;
	int error = config ? 0 : LUYTRE_E_NOMEM;

	if (error == 0)
		error = http_config_load(
			node ? conf_get(conf_root(node->tree), "app-layer.protocols.http") : NULL, &http1);
	if (error != 0) {
		free(config);
		return error;
	}
	http_range_use();
	config->settings = ((struct http_config *)http1)->settings;
	config->record = ((struct http_config *)http1)->record;
	((struct http_config *)http1)->record = NULL; /* ours now */
	http_config_free(http1);
	config->table_max = (uint32_t)conf_u64_between(node, "max-table-size", HTTP2_TABLE_MAX, 0, 1 << 24);
	config->streams_max = (uint32_t)conf_u64_between(node, "max-streams", HTTP2_STREAMS_MAX, 1, 1 << 20);
	config->block_max = (size_t)conf_u64_between(node, "max-reassembly-size", HTTP2_BLOCK_MAX, 1, 1 << 24);
	config->dns = conf_bool(node ? conf_root(node->tree) : NULL, "app-layer.protocols.doh2.enabled", true);
	*ret_config = config;
	return 0;
}

static void http2_configure_free(void *config)
{
	struct http2_config *http2 = config;

	if (!http2)
		return;
	http_range_unuse();
	free(http2->record);
	free(http2);
}

/* ---- Frames ---- */

static void frame_event(struct http2_call *call, struct http2_tx *tx, enum http2_event event)
{
	app_tx_event(call->conn, &tx->http.tx, (uint8_t)event);
}

static void settings_frame(
	struct http2_call *call, struct http2_tx *tx, const struct http2_frame *frame, struct bytes in)
{
	struct http2_side *other = &call->http->side[sensor_dir_opposite(call->dir)];
	struct http2_seen *seen = http2_seen(tx, call->dir);
	struct http2_setting setting;

	if (in.size % 6 != 0)
		frame_event(call, tx, HTTP2_EVENT_INVALID_FRAME_DATA);
	if (!seen || frame->flags & HTTP2_FLAG_ACK)
		return;
	seen->settings = app_tx_alloc(&tx->http.tx, HTTP2_SETTINGS_MAX * sizeof(*seen->settings));
	while (seen->settings && seen->settings_count < HTTP2_SETTINGS_MAX && http2_next_setting(&in, &setting)) {
		seen->settings[seen->settings_count++] = setting;
		if (setting.id != HTTP2_SETTING_HEADER_TABLE_SIZE)
			continue;
		other->table_size =
			setting.value < call->http->config->table_max ? setting.value : call->http->config->table_max;
		(void)nghttp2_hd_inflate_change_table_size(other->inflater, other->table_size);
	}
}

static bool block_add(struct http2_call *call, struct bytes in)
{
	struct http2_side *side = call->side;
	size_t capacity = side->block_capacity == 0 ? 1024 : side->block_capacity;
	uint8_t *block;

	if (in.size > call->http->config->block_max - side->block_size)
		return false;
	while (capacity < side->block_size + in.size)
		capacity *= 2;
	if (capacity != side->block_capacity) {
		block = app_realloc(call->conn, side->block, side->block_capacity, capacity);
		if (!block)
			return false;
		side->block = block;
		side->block_capacity = capacity;
	}
	if (in.size != 0)
		memcpy(side->block + side->block_size, in.ptr, in.size);
	side->block_size += in.size;
	return true;
}

/* A piece of a header block; the block is read when its last piece is here. */
static void block_piece(struct http2_call *call, struct http2_tx *tx, const struct http2_frame *frame, struct bytes in)
{
	struct http2_side *side = call->side;
	bool last = frame->flags & HTTP2_FLAG_END_HEADERS;

	if (!side->block_open && last) {
		http2_headers_block(call, tx, in);
		return;
	}
	side->block_stream = frame->stream_id;
	side->block_open = !last;
	if (!side->block_too_long && !block_add(call, in)) {
		side->block_too_long = true;
		frame_event(call, tx, HTTP2_EVENT_REASSEMBLY_LIMIT_REACHED);
	}
	if (!last)
		return;
	http2_headers_block(call, tx, bytes_of(side->block, side->block_size));
	side->block_size = 0;
	side->block_too_long = false;
}

static void headers_frame(
	struct http2_call *call, struct http2_tx *tx, const struct http2_frame *frame, struct bytes in)
{
	struct http2_side *side = call->side;

	if (!http2_take_padding(frame, &in)) {
		frame_event(call, tx, HTTP2_EVENT_INVALID_FRAME_DATA);
		return;
	}
	if (frame->flags & HTTP2_FLAG_PRIORITY) {
		if (in.size < PRIORITY_SIZE) {
			frame_event(call, tx, HTTP2_EVENT_INVALID_FRAME_DATA);
			return;
		}
		HTTP2_NOTE(tx, call->dir, priorities, in.ptr[PRIORITY_SIZE - 1]);
		in = bytes_skip(in, PRIORITY_SIZE);
	}
	side->block_ends_stream = frame->flags & HTTP2_FLAG_END_STREAM;
	block_piece(call, tx, frame, in);
	if (!side->block_open && side->block_ends_stream)
		http2_end(call, tx, call->dir, true);
}

static void continuation_frame(
	struct http2_call *call, struct http2_tx *tx, const struct http2_frame *frame, struct bytes in)
{
	struct http2_side *side = call->side;

	if (!side->block_open || side->block_stream != frame->stream_id) {
		frame_event(call, tx, HTTP2_EVENT_EXTRA_HEADER_DATA);
		return;
	}
	block_piece(call, tx, frame, in);
	if (!side->block_open && side->block_ends_stream)
		http2_end(call, tx, call->dir, true);
}

/* The promised stream has the request; the answer comes on it. */
static void push_frame(struct http2_call *call, struct http2_tx *tx, const struct http2_frame *frame, struct bytes in)
{
	struct cursor cur;
	uint32_t promised;
	struct http2_tx *pushed;

	if (!http2_take_padding(frame, &in)) {
		frame_event(call, tx, HTTP2_EVENT_INVALID_FRAME_DATA);
		return;
	}
	cur = cursor_over(in);
	if (!cursor_u32be(&cur, &promised)) {
		frame_event(call, tx, HTTP2_EVENT_INVALID_FRAME_DATA);
		return;
	}
	pushed = http2_stream(call, promised & INT32_MAX);
	call->side->block_ends_stream = false;
	block_piece(call, pushed ? pushed : tx, frame, cursor_rest(&cur));
}

/* After a reset by the client its response may still be on its way (section 5.1, "closed"): the last few such streams wait
 * for it. */
static void reset(struct http2_call *call, struct http2_tx *tx)
{
	struct http2 *http = call->http;
	uint32_t *place = &http->reset[http->reset_count % HTTP2_RESET_MAX];

	http2_end(call, tx, TO_SERVER, false);
	if (call->dir == TO_CLIENT || tx->stream_id == 0 || !tx->has_headers[TO_SERVER] || tx->ended[TO_CLIENT]) {
		http2_end(call, tx, TO_CLIENT, false);
		return;
	}
	for (unsigned int i = 0; i < HTTP2_RESET_MAX; i++)
		if (http->reset[i] == tx->stream_id)
			return;
	for (struct app_tx *app = *place ? call->conn->first : NULL; app; app = app->next)
		if (http2_is(app->protocol) && http2_tx_of(app)->stream_id == *place)
			http2_end(call, http2_tx_of(app), TO_CLIENT, false);
	*place = tx->stream_id;
	http->reset_count++;
}

static void number_frame(struct http2_call *call, struct http2_tx *tx, const struct http2_frame *frame, struct bytes in)
{
	struct cursor cur = cursor_over(in);
	uint32_t number = 0, last;
	bool good = true;

	switch (frame->type) {
	case HTTP2_PRIORITY:
		good = in.size == PRIORITY_SIZE;
		if (good)
			HTTP2_NOTE(tx, call->dir, priorities, in.ptr[PRIORITY_SIZE - 1]);
		break;
	case HTTP2_WINDOW_UPDATE:
		good = in.size == WINDOW_SIZE && cursor_u32be(&cur, &number);
		if (good)
			HTTP2_NOTE(tx, call->dir, windows, number & INT32_MAX);
		break;
	case HTTP2_GOAWAY:
		good = in.size >= GOAWAY_SIZE && cursor_u32be(&cur, &last) && cursor_u32be(&cur, &number);
		if (good)
			HTTP2_NOTE(tx, call->dir, errors, number);
		break;
	case HTTP2_RST_STREAM:
		good = in.size == ERROR_SIZE && cursor_u32be(&cur, &number);
		if (good)
			HTTP2_NOTE(tx, call->dir, errors, number);
		reset(call, tx);
		break;
	default:
		break;
	}
	if (!good)
		frame_event(call, tx, HTTP2_EVENT_INVALID_FRAME_DATA);
}

static void whole_frame(struct http2_call *call, const struct http2_frame *frame, struct bytes payload)
{
	struct http2_tx *tx = frame->stream_id == 0 ? http2_control(call) : http2_stream(call, frame->stream_id);

	if (!tx)
		return;
	HTTP2_NOTE(tx, call->dir, types, frame->type);
	switch (frame->type) {
	case HTTP2_SETTINGS:
		settings_frame(call, tx, frame, payload);
		break;
	case HTTP2_HEADERS:
		headers_frame(call, tx, frame, payload);
		break;
	case HTTP2_CONTINUATION:
		continuation_frame(call, tx, frame, payload);
		break;
	case HTTP2_PUSH_PROMISE:
		push_frame(call, tx, frame, payload);
		break;
	default:
		number_frame(call, tx, frame, payload);
		break;
	}
	app_tx_touch(call->conn, &tx->http.tx, call->dir);
}

/* ---- Life ---- */

/* The settings that came with the upgrade (RFC 7540, section 3.2.1): base64url of a SETTINGS payload. */
static void adopt_settings(struct http2_call *call, struct bytes value)
{
	static const struct http2_frame frame = { .type = HTTP2_SETTINGS };
	uint8_t payload[6 * HTTP2_SETTINGS_MAX];
	struct http2_tx *tx = http2_control(call);
	size_t size;

	if (!tx)
		return;
	if (!http2_base64url(value, payload, sizeof(payload), &size) || size % 6 != 0) {
		frame_event(call, tx, HTTP2_EVENT_INVALID_HTTP1_SETTINGS);
		return;
	}
	HTTP2_NOTE(tx, call->dir, types, HTTP2_SETTINGS);
	settings_frame(call, tx, &frame, bytes_of(payload, size));
}

/* The request that asked for the upgrade is stream 1 (RFC 7540, section 3.2). */
static void adopt_request(struct app_conn *conn, struct http2 *http)
{
	struct http2_call call = { .conn = conn,
		.http = http,
		.dir = TO_SERVER,
		.side = &http->side[TO_SERVER],
		.now_ns = conn->worker->now_ns };
	struct bytes name, value, settings = { 0 };
	struct http2_tx *tx = conn->handover ? http2_stream(&call, 1) : NULL;
	size_t position = 0;

	if (!tx)
		return;
	while (http_upgrade_next(conn, &position, &name, &value)) {
		http2_add_header(&call, tx, name, value);
		if (ascii_equal_nocase_str(name, "http2-settings"))
			settings = value;
	}
	http2_headers_done(&call, tx);
	http2_end(&call, tx, TO_SERVER, true);
	if (settings.ptr)
		adopt_settings(&call, settings);
	http_upgrade_drop(conn);
}

static void http2_close(struct app_conn *conn, void *state)
{
	struct http2 *http = state;

	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		struct http2_side *side = &http->side[dir];

		if (side->inflater)
			nghttp2_hd_inflate_del(side->inflater);
		app_free(conn, side->block, side->block_capacity);
	}
	app_free(conn, http, sizeof(*http));
}

static void *http2_open(struct app_conn *conn, const void *config)
{
	struct http2 *http = app_alloc(conn, sizeof(*http));

	if (!http)
		return NULL;
	memset(http, 0, sizeof(*http));
	http->config = config;
	http_record_options_load(conn->worker->settings->root, http->config->record);
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		if (nghttp2_hd_inflate_new(&http->side[dir].inflater) == 0)
			continue;
		http2_close(conn, http);
		return NULL;
	}
	adopt_request(conn, http);
	return http;
}

static void http2_tx_free(struct app_conn *conn, struct app_tx *app)
{
	struct http2_tx *tx = http2_tx_of(app);

	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		http_body_reader_free(tx->reader[dir]);
		http2_dns_end(conn, tx, dir, false);
	}
	http_tx_done(conn, &tx->http);
}

/* ---- DATA, and what is skipped: as it comes ---- */

static void data_end(struct http2_call *call)
{
	struct http2_side *side = call->side;
	struct http2_tx *tx;

	if (side->skipping || !side->data_ends_stream)
		return;
	tx = http2_stream(call, side->data_stream);
	if (tx)
		http2_end(call, tx, call->dir, true);
}

/* Begins a frame whose payload need not be whole. False: its padding byte is not there yet. */
static bool data_begin(struct http2_call *call, const struct http2_frame *frame, struct bytes *in)
{
	struct http2_side *side = call->side;
	bool padded = frame->type == HTTP2_DATA && frame->flags & HTTP2_FLAG_PADDED && frame->size != 0;
	struct http2_tx *tx;

	if (in->size < HTTP2_FRAME_HEADER_SIZE + (size_t)padded)
		return false;
	side->skipping = frame->type != HTTP2_DATA || frame->stream_id == 0;
	side->data_stream = frame->stream_id;
	side->data_ends_stream = frame->flags & HTTP2_FLAG_END_STREAM;
	side->data_left = frame->size - padded;
	side->padding_left = padded ? in->ptr[HTTP2_FRAME_HEADER_SIZE] : 0;
	*in = bytes_skip(*in, HTTP2_FRAME_HEADER_SIZE + (size_t)padded);
	tx = side->skipping ? http2_control(call) : http2_stream(call, frame->stream_id);
	if (!tx) {
		side->skipping = true;
	} else {
		HTTP2_NOTE(tx, call->dir, types, frame->type);
		if (frame->stream_id == 0 && frame->type == HTTP2_DATA)
			frame_event(call, tx, HTTP2_EVENT_DATA_STREAM_ZERO);
		else if (frame->type != HTTP2_DATA)
			frame_event(call, tx, HTTP2_EVENT_LONG_FRAME_DATA);
		if (side->padding_left > side->data_left)
			frame_event(call, tx, HTTP2_EVENT_INVALID_FRAME_DATA);
	}
	if (side->padding_left > side->data_left)
		side->padding_left = side->data_left;
	if (side->data_left == 0)
		data_end(call);
	return true;
}

static void data_go_on(struct http2_call *call, struct bytes *in)
{
	struct http2_side *side = call->side;
	struct bytes piece = bytes_first(*in, side->data_left), content;
	struct http2_tx *tx;

	content = bytes_first(piece, side->data_left - side->padding_left);
	*in = bytes_skip(*in, piece.size);
	side->data_left -= (uint32_t)piece.size;
	if (side->padding_left > side->data_left)
		side->padding_left = side->data_left;
	if (!side->skipping && content.size != 0) {
		tx = http2_stream(call, side->data_stream);
		if (tx)
			http2_data(call, tx, content);
	}
	if (side->data_left == 0)
		data_end(call);
}

/* ---- Input ---- */

/* The client begins with a fixed text. */
static enum app_status preface(struct http2_call *call, struct bytes *in)
{
	struct http2_side *side = call->side;
	struct http2_tx *tx;
	bool good;

	if (call->dir != TO_SERVER || side->preface_seen)
		return APP_OK;
	good = memcmp(in->ptr, HTTP2_PREFACE, in->size < HTTP2_PREFACE_SIZE ? in->size : HTTP2_PREFACE_SIZE) == 0;
	if (good && in->size < HTTP2_PREFACE_SIZE)
		return APP_MORE;
	side->preface_seen = true;
	if (good) {
		*in = bytes_skip(*in, HTTP2_PREFACE_SIZE);
		return APP_OK;
	}
	tx = http2_control(call);
	if (tx)
		frame_event(call, tx, HTTP2_EVENT_INVALID_CLIENT_MAGIC);
	return APP_OK;
}

static bool may_come_in_pieces(const struct http2_frame *frame)
{
	return frame->type == HTTP2_DATA || frame->size > HTTP2_CONTROL_MAX;
}

enum http2_frame_kind { FRAME_HDR, FRAME_DATA, FRAME_PDU };

static const char *const frames[] = { [FRAME_HDR] = "hdr", [FRAME_DATA] = "data", [FRAME_PDU] = "pdu", NULL };

static void announce(const struct http2_call *call, const struct http2_frame *frame, const uint8_t *start)
{
	app_frame(call->conn, call->dir, FRAME_HDR, start, HTTP2_FRAME_HEADER_SIZE, NULL);
	app_frame(call->conn, call->dir, FRAME_DATA, start + HTTP2_FRAME_HEADER_SIZE, frame->size, NULL);
	app_frame(call->conn, call->dir, FRAME_PDU, start, HTTP2_FRAME_HEADER_SIZE + (int64_t)frame->size, NULL);
}

/* Handles one frame, or what there is of it. False: more is needed, *ret_needed in all. */
static bool step(struct http2_call *call, struct bytes *in, size_t *ret_needed)
{
	struct http2_frame frame;
	const uint8_t *start;

	if (call->side->data_left != 0) {
		data_go_on(call, in);
		return true;
	}
	*ret_needed = HTTP2_FRAME_HEADER_SIZE;
	if (!http2_parse_frame(*in, &frame))
		return false;
	if (may_come_in_pieces(&frame)) {
		*ret_needed = HTTP2_FRAME_HEADER_SIZE + 1;
		start = in->ptr;
		if (!data_begin(call, &frame, in))
			return false;
		announce(call, &frame, start);
		return true;
	}
	*ret_needed = HTTP2_FRAME_HEADER_SIZE + frame.size;
	if (in->size < *ret_needed)
		return false;
	announce(call, &frame, in->ptr);
	whole_frame(call, &frame, bytes_first(bytes_skip(*in, HTTP2_FRAME_HEADER_SIZE), frame.size));
	*in = bytes_skip(*in, *ret_needed);
	return true;
}

static void end_all(struct http2_call *call)
{
	for (struct app_tx *app = call->conn->first; app; app = app->next)
		if (http2_is(app->protocol))
			http2_end(call, http2_tx_of(app), call->dir, false);
}

static struct app_result parse(struct app_conn *conn, void *state, const struct app_input *input, enum sensor_dir dir)
{
	struct http2 *http = state;
	struct http2_call call = {
		.conn = conn, .http = http, .dir = dir, .side = &http->side[dir], .now_ns = input->now_ns
	};
	struct bytes in = input->data;
	size_t needed = 0;

	if (in.size != 0 && preface(&call, &in) == APP_MORE && !input->eof)
		return APP_RESULT_MORE(0, HTTP2_PREFACE_SIZE);
	while (in.size != 0 && step(&call, &in, &needed))
		;
	if (input->eof)
		end_all(&call);
	if (in.size != 0)
		return APP_RESULT_MORE(input->data.size - in.size, needed);
	return APP_RESULT_OK;
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse(conn, state, in, TO_SERVER);
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse(conn, state, in, TO_CLIENT);
}

/* ---- Recognition ---- */

/* A server begins with its settings (section 3.4). They are few and common bytes, so that they count only when the client
 * is known to speak HTTP/2, or is expected to, or on its own port. */
static enum app_probe_answer probe_server(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	const struct app_conn *conn = flow->app;
	struct http2_frame frame;

	if (!http2_parse_frame(data, &frame))
		return APP_PROBE_MORE;
	if (frame.type != HTTP2_SETTINGS || frame.stream_id != 0 || frame.size % 6 != 0 ||
		frame.size > 6 * HTTP2_SETTINGS_MAX || (frame.flags & ~HTTP2_FLAG_ACK) != 0)
		return APP_PROBE_NO;
	if (flow->server_port == 80 || (conn && (conn->protocol_dir[sensor_dir_opposite(dir)] == &app_protocol_http2 ||
							conn->protocol_expected == &app_protocol_http2)))
		return APP_PROBE_YES;
	return APP_PROBE_MORE;
}

static const struct app_pattern patterns[] = {
	{ TO_SERVER, HTTP2_PREFACE, HTTP2_PREFACE_SIZE, 0, HTTP2_PREFACE_SIZE, false, NULL },
	{ 0 },
};

static const struct app_port_probe probes[] = {
	{ "", 6, HTTP2_FRAME_HEADER_SIZE, NULL, probe_server },
	{ 0 },
};

static const struct app_event events[] = {
#define X(id, event_name) { .name = (event_name) },
	HTTP2_EVENTS(X)
#undef X
		{ 0 },
};

#define HTTP2_PROTOCOL                                                                                                 \
	.transports = APP_TCP, .tx_max = HTTP2_STREAMS_MAX, .complete = { HTTP_COMPLETE, HTTP_COMPLETE },              \
	.events = events, .frames = frames, .open = http2_open, .close = http2_close,                                  \
	.parse = { parse_to_server, parse_to_client }, .tx_free = http2_tx_free

const struct app_protocol app_protocol_http2 = {
	HTTP2_PROTOCOL,
	.name = "http2",
	.event_type = "http",
	.record = "http2",
	.log_key = "http",
	.patterns = patterns,
	.probes = probes,
	.buffers = http2_buffers,
	.numbers = http2_numbers,
	.keywords = http2_keywords,
	.configure = http2_configure,
	.configure_free = http2_configure_free,
	.log = http2_log,
};

/* Never recognised by itself: an HTTP/2 connection becomes one (doh.c). */
const struct app_protocol app_protocol_doh2 = {
	HTTP2_PROTOCOL,
	.name = "doh2",
	.event_type = "dns",
	.record = "doh2",
	.carrier = &app_protocol_http2,
	.buffers = http2_dns_buffers,
	.numbers = http2_dns_numbers,
	.log_top = http2_dns_log,
};
