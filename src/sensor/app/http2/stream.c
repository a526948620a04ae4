// SPDX-License-Identifier: Apache-2.0
/* Streams: headers, bodies, ends. */
#include "sensor/app/http2/http2.h"

#include <stdio.h>

#include "base/ascii.h"
#include "sensor/app/decompress.h"
#include "sensor/app/http1/text.h"

/* ---- Transactions ---- */

static struct http2_tx *new_tx(struct http2_call *call, uint32_t stream_id)
{
	const struct http2_config *config = call->http->config;
	struct http2_tx *tx = (struct http2_tx *)app_tx_new(call->conn, sizeof(*tx), call->now_ns);

	if (!tx)
		return NULL;
	http_tx_init(call->conn, &tx->http, &config->settings, config->record);
	tx->http.is_http2 = true;
	tx->stream_id = stream_id;
	return tx;
}

static bool is_open(const struct http2_tx *tx)
{
	return !tx->ended[TO_SERVER] || !tx->ended[TO_CLIENT];
}

struct http2_tx *http2_stream(struct http2_call *call, uint32_t stream_id)
{
	struct http2_tx *tx;

	for (struct app_tx *app = call->conn->last; app; app = app->prev) {
		tx = http2_tx_of(app);
		if (http2_is(app->protocol) && tx->stream_id == stream_id && is_open(tx))
			return tx;
	}
	if (call->http->streams >= call->http->config->streams_max) {
		struct app_tx *last = call->conn->last;

		if (last)
			app_tx_event(call->conn, last, HTTP2_EVENT_TOO_MANY_STREAMS);
		return NULL;
	}
	tx = new_tx(call, stream_id);
	if (tx)
		call->http->streams++;
	return tx;
}

struct http2_tx *http2_control(struct http2_call *call)
{
	struct http2_tx *tx = new_tx(call, 0);

	if (!tx)
		return NULL;
	tx->ended[TO_SERVER] = tx->ended[TO_CLIENT] = true;
	tx->http.tx.dirs_skip = (uint8_t)(1u << sensor_dir_opposite(call->dir));
	app_tx_progress(call->conn, &tx->http.tx, TO_SERVER, HTTP_COMPLETE);
	app_tx_progress(call->conn, &tx->http.tx, TO_CLIENT, HTTP_COMPLETE);
	return tx;
}

struct http2_seen *http2_seen(struct http2_tx *tx, enum sensor_dir dir)
{
	if (!tx->seen[dir])
		tx->seen[dir] = app_tx_alloc(&tx->http.tx, sizeof(*tx->seen[dir]));
	return tx->seen[dir];
}

void http2_note(struct http2_tx *tx, enum sensor_dir dir, size_t numbers_offset, uint32_t value)
{
	uint8_t *seen = (uint8_t *)http2_seen(tx, dir);
	struct http2_numbers *numbers;

	if (!seen)
		return;
	numbers = (struct http2_numbers *)(void *)(seen + numbers_offset);
	if (numbers->count < HTTP2_KEPT_MAX)
		numbers->values[numbers->count++] = value;
}

/* ---- Headers ---- */

static void set_authority(struct http2_call *call, struct http2_tx *tx, struct bytes value, bool is_host)
{
	size_t at = bytes_index(value, '@');
	struct http_authority parsed;

	if (at != value.size && !is_host) {
		app_tx_event(call->conn, &tx->http.tx, HTTP2_EVENT_USERINFO_IN_URI);
		value = bytes_skip(value, at + 1);
	}
	http_parse_authority(value, &parsed);
	if (!tx->http.has_host) {
		tx->http.host_raw = value;
		tx->http.has_host_raw = true;
		http_tx_set_host(&tx->http, parsed.host, false, parsed.port);
		return;
	}
	if (tx->http.host.size == parsed.host.size) {
		size_t i = 0;

		while (i < parsed.host.size && ascii_lower(parsed.host.ptr[i]) == tx->http.host.ptr[i])
			i++;
		if (i == parsed.host.size)
			return;
	}
	app_tx_event(call->conn, &tx->http.tx, HTTP2_EVENT_AUTHORITY_HOST_MISMATCH);
}

static uint16_t parse_status(struct bytes value)
{
	bool junk;
	int64_t number = http_parse_length(value, &junk);

	return number >= 100 && number <= 999 && value.size == 3 ? (uint16_t)number : 0;
}

/* Fields that mean more than their text. */
static void known_header(struct http2_call *call, struct http2_tx *tx, struct bytes name, struct bytes value)
{
	struct http_tx *http = &tx->http;

	if (bytes_equal_str(name, ":method")) {
		http->method = value;
	} else if (bytes_equal_str(name, ":path")) {
		http->uri_raw = http->uri = http->uri_path = value; /* rules see it as it was sent */
	} else if (bytes_equal_str(name, ":authority")) {
		set_authority(call, tx, value, false);
	} else if (ascii_equal_nocase_str(name, "host")) {
		set_authority(call, tx, value, true);
	} else if (bytes_equal_str(name, ":status")) {
		http->status_text = value;
		http->status = parse_status(value);
	}
}

void http2_add_header(struct http2_call *call, struct http2_tx *tx, struct bytes name, struct bytes value)
{
	struct bytes own_name = app_tx_dup(&tx->http.tx, name), own_value = app_tx_dup(&tx->http.tx, value);

	if (!own_name.ptr || !own_value.ptr)
		return;
	if (!http_header_append(&tx->http, call->dir, own_name, own_value, HTTP2_HEADERS_MAX))
		return;
	known_header(call, tx, own_name, own_value);
}

static void note_size_updates(struct http2_call *call, struct http2_tx *tx, struct bytes block)
{
	uint32_t size = 0;
	struct http_header *header;

	if (http2_size_updates(block, &size) == 0)
		return;
	HTTP2_NOTE(tx, call->dir, size_updates, size);
	header = http_header_append(&tx->http, call->dir, (struct bytes){ 0 }, (struct bytes){ 0 }, HTTP2_HEADERS_MAX);
	if (header) {
		header->size_update = size;
		header->flags |= HTTP_HEADER_SIZE_UPDATE;
	}
}

void http2_headers_block(struct http2_call *call, struct http2_tx *tx, struct bytes block)
{
	struct http2_side *side = call->side;

	note_size_updates(call, tx, block);
	while (!side->inflater_broken) {
		nghttp2_nv field;
		int flags = 0;
		ssize_t used = nghttp2_hd_inflate_hd2(side->inflater, &field, &flags, block.ptr, block.size, 1);

		if (used < 0) {
			/* The table may not be what the sender thinks any more: later blocks cannot be trusted. */
			side->inflater_broken = used != NGHTTP2_ERR_HEADER_COMP || side->block_too_long;
			app_tx_event(call->conn, &tx->http.tx, HTTP2_EVENT_INVALID_HEADER);
			break;
		}
		block = bytes_skip(block, (size_t)used);
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			http2_add_header(
				call, tx, bytes_of(field.name, field.namelen), bytes_of(field.value, field.valuelen));
		if (flags & NGHTTP2_HD_INFLATE_FINAL)
			break;
		if (used == 0 && !(flags & NGHTTP2_HD_INFLATE_EMIT))
			break;
	}
	nghttp2_hd_inflate_end_headers(side->inflater);
	http2_headers_done(call, tx);
}

/* Rules may ask for the first line that HTTP/1 would have. */
static void make_first_line(struct http2_tx *tx, enum sensor_dir dir)
{
	struct http_tx *http = &tx->http;
	struct bytes method = http->method, path = http->uri_raw, status = http->status_text;
	size_t size = method.size + path.size + status.size + 16;
	char *text = app_tx_alloc(&http->tx, size);
	int length;

	if (!text)
		return;
	if (dir == TO_SERVER)
		length = snprintf(text, size, "%.*s %.*s HTTP/2\r\n", (int)method.size,
			method.ptr ? (const char *)method.ptr : "", (int)path.size,
			path.ptr ? (const char *)path.ptr : "");
	else
		length = snprintf(
			text, size, "HTTP/2 %.*s\r\n", (int)status.size, status.ptr ? (const char *)status.ptr : "");
	if (dir == TO_SERVER) {
		http->request_line = bytes_of(text, (size_t)length);
		http->request_protocol = bytes_from_str("HTTP/2");
	} else {
		http->response_line = bytes_of(text, (size_t)length);
		http->response_protocol = bytes_from_str("HTTP/2");
	}
}

void http2_headers_done(struct http2_call *call, struct http2_tx *tx)
{
	if (!tx->has_headers[call->dir])
		make_first_line(tx, call->dir);
	tx->has_headers[call->dir] = true;
	http2_dns_headers(call, tx);
	app_tx_progress(call->conn, &tx->http.tx, call->dir, HTTP_HEADERS);
}

/* ---- Bodies ---- */

struct trouble_event {
	uint32_t bit;
	uint8_t event;
};

static void body_events(struct http2_call *call, struct http2_tx *tx, struct http_body_reader *reader)
{
	static const struct trouble_event events[] = {
		{ DECOMPRESS_FAILED | DECOMPRESS_BOMB, HTTP2_EVENT_FAILED_DECOMPRESSION },
		{ HTTP_BODY_RANGE_INVALID, HTTP2_EVENT_INVALID_RANGE },
	};
	uint32_t trouble = http_body_reader_trouble(reader);

	for (size_t i = 0; trouble != 0 && i < sizeof(events) / sizeof(events[0]); i++)
		if (trouble & events[i].bit)
			app_tx_event(call->conn, &tx->http.tx, events[i].event);
}

void http2_data(struct http2_call *call, struct http2_tx *tx, struct bytes data)
{
	struct http_body_reader **reader = &tx->reader[call->dir];

	if (data.size == 0 || tx->ended[call->dir])
		return;
	if (!*reader)
		*reader = http_body_reader_new(call->conn, &tx->http, call->dir, 0);
	if (!*reader)
		return;
	app_tx_progress(call->conn, &tx->http.tx, call->dir, HTTP_BODY);
	http2_dns_data(call, tx, data);
	http_body_reader_data(*reader, data);
	body_events(call, tx, *reader);
	if (call->dir == TO_CLIENT)
		tx->http.message_size += data.size;
}

void http2_end(struct http2_call *call, struct http2_tx *tx, enum sensor_dir dir, bool complete)
{
	struct http_body_reader *reader = tx->reader[dir];

	if (tx->ended[dir])
		return;
	tx->ended[dir] = true;
	http2_dns_end(call->conn, tx, dir, complete);
	if (reader) {
		http_body_reader_finish(reader, complete);
		body_events(call, tx, reader);
		http_body_reader_free(reader);
		tx->reader[dir] = NULL;
	}
	app_tx_progress(call->conn, &tx->http.tx, dir, HTTP_COMPLETE);
	if (!is_open(tx) && call->http->streams != 0)
		call->http->streams--;
}
