// SPDX-License-Identifier: Apache-2.0
/* Requests. */
#include "base/ascii.h"
#include "sensor/app/http1/http1.h"
#include "sensor/app/http1/text.h"
#include "sensor/flow/flow.h"

enum { JUNK_AFTER_0_9_MAX = 16 /* blanks behind a request line without protocol; with more it is no HTTP/0.9 */ };

static struct http1_tx *request_tx(struct http1_call *call)
{
	return http1_find(call, call->side->tx_id);
}

/* ---- Request line ---- */

static void check_uri_host(struct http1_call *call, struct http1_tx *tx, struct bytes authority)
{
	struct http_authority parsed;
	const struct flow *flow = call->conn->flow;

	http_parse_authority(authority, &parsed);
	if (!parsed.valid)
		http1_event(call, tx, HTTP_EVENT_URI_HOST_INVALID);
	if (parsed.port == -2)
		http1_event(call, tx, HTTP_EVENT_INVALID_AUTHORITY_PORT);
	if (!tx->is_connect && parsed.port > 0 && parsed.port != flow->server_port)
		http1_event(call, tx, HTTP_EVENT_PORT_MISMATCH);
	http_tx_set_host(&tx->http, parsed.host, true, parsed.port);
}

static void set_uri(struct http1_call *call, struct http1_tx *tx, struct bytes raw)
{
	struct uri uri;

	if (http_tx_set_uri(&tx->http, raw))
		http1_event(call, tx, HTTP_EVENT_DOUBLE_ENCODED_URI);
	if (tx->is_connect) {
		check_uri_host(call, tx, raw);
		return;
	}
	uri_split(raw, &uri);
	if (uri.authority.ptr) {
		size_t user = uri.username.ptr ? (size_t)(uri.host.ptr - uri.authority.ptr) : 0;

		check_uri_host(call, tx, bytes_skip(uri.authority, user));
	}
}

struct line_event {
	uint32_t flag;
	uint8_t event;
};

static void line_events(struct http1_call *call, struct http1_tx *tx, uint32_t flags)
{
	static const struct line_event events[] = {
		{ HTTP_LINE_LEADING_SPACE, HTTP_EVENT_LEADING_WHITESPACE },
		{ HTTP_LINE_METHOD_DELIMITER, HTTP_EVENT_METHOD_DELIM },
		{ HTTP_LINE_URI_DELIMITER, HTTP_EVENT_URI_DELIM },
	};

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (flags & events[i].flag)
			http1_event(call, tx, events[i].event);
}

static struct bytes view_in(struct bytes copy, struct bytes line, struct bytes part)
{
	return part.ptr ? bytes_of(copy.ptr + (part.ptr - line.ptr), part.size) : (struct bytes){ 0 };
}

static bool fill_line(struct http1_call *call, struct http1_tx *tx, struct bytes text)
{
	struct http_request_line line;
	struct bytes copy;

	http_parse_request_line(text, &line);
	copy = app_tx_dup(&tx->http.tx, line.line);
	if (!copy.ptr)
		return false;
	tx->http.request_line = copy;
	tx->http.method = view_in(copy, line.line, line.method);
	if (line.protocol.size != 0)
		tx->http.request_protocol = view_in(copy, line.line, line.protocol);
	tx->is_connect = bytes_equal_str(line.method, "CONNECT");
	tx->is_head = bytes_equal_str(line.method, "HEAD");
	tx->version_0_9 = (line.flags & HTTP_LINE_NO_PROTOCOL) != 0;
	line_events(call, tx, line.flags);
	if (!http_is_method(line.method) && line.protocol_number == HTTP_PROTOCOL_INVALID)
		http1_event(call, tx, HTTP_EVENT_REQUEST_LINE_INVALID);
	if (!(line.flags & HTTP_LINE_NO_URI))
		set_uri(call, tx, view_in(copy, line.line, line.uri));
	app_tx_progress(call->conn, &tx->http.tx, TO_SERVER, HTTP_LINE);
	return true;
}

static struct http1_tx *new_tx(struct http1_call *call)
{
	struct http1_tx *tx = http1_new_tx(call);

	if (tx)
		call->side->tx_id = tx->http.tx.id;
	return tx;
}

static enum http1_step request_line(struct http1_call *call)
{
	struct http1_side *side = call->side;
	struct http1_tx *tx;
	struct bytes line;
	bool too_long, filled;

	if (!http1_take_line(call, &line, &too_long)) {
		if (!too_long)
			return HTTP1_WAIT;
		tx = new_tx(call);
		if (tx)
			http1_event(call, tx, HTTP_EVENT_REQUEST_FIELD_TOO_LONG);
		return HTTP1_FAIL;
	}
	if (http_trim(line).size == 0) { /* empty lines before a request are ignored */
		http1_held_clear(side);
		return HTTP1_AGAIN;
	}
	tx = new_tx(call);
	if (!tx)
		return HTTP1_FAIL;
	app_frame_back(call->conn, TO_SERVER, HTTP1_FRAME_REQUEST, call->data.ptr, line.size, -1, &tx->http.tx);
	if (line.size > HTTP1_LINE_LONG)
		http1_event(call, tx, HTTP_EVENT_REQUEST_FIELD_TOO_LONG);
	if (line.ptr[line.size - 1] != '\n')
		http1_event(call, tx, HTTP_EVENT_REQUEST_LINE_INCOMPLETE);
	filled = fill_line(call, tx, line);
	http1_held_clear(side);
	if (!filled)
		return HTTP1_FAIL;
	side->state = tx->version_0_9 ? HTTP1_NO_VERSION : HTTP1_HEAD;
	return HTTP1_AGAIN;
}

/* ---- Headers ---- */

static void read_host(struct http1_call *call, struct http1_tx *tx)
{
	const struct http_header *header = http_header_find(&tx->http.headers[TO_SERVER], "host");
	struct http_authority host;

	if (!header) {
		if (http_parse_protocol(tx->http.request_protocol) == HTTP_PROTOCOL_1_1)
			http1_event(call, tx, HTTP_EVENT_MISSING_HOST_HEADER);
		if (tx->http.has_host) {
			tx->http.host_raw = tx->http.host;
			tx->http.has_host_raw = true;
		}
		return;
	}
	http_parse_authority(header->value, &host);
	tx->http.host_raw = header->value.ptr ? header->value : bytes_of("", 0);
	tx->http.has_host_raw = true;
	if (!host.valid || host.port == -2)
		http1_event(call, tx, HTTP_EVENT_HEADER_HOST_INVALID);
	if (!tx->http.has_host) {
		http_tx_set_host(&tx->http, host.host, false, host.port);
		return;
	}
	if (tx->http.host.size != host.host.size || tx->http.port * (int64_t)host.port < 0 ||
		(tx->http.port > 0 && host.port > 0 && tx->http.port != host.port)) {
		if (tx->http.host.size != host.host.size || (tx->http.port > 0 && host.port > 0))
			http1_event(call, tx, HTTP_EVENT_HOST_HEADER_AMBIGUOUS);
		return;
	}
	for (size_t i = 0; i < host.host.size; i++) {
		if (tx->http.host.ptr[i] == ascii_lower(host.host.ptr[i]))
			continue;
		http1_event(call, tx, HTTP_EVENT_HOST_HEADER_AMBIGUOUS);
		return;
	}
}

static void check_authorization(struct http1_call *call, struct http1_tx *tx)
{
	static const char *const known[] = { "basic", "digest", "bearer" };
	const struct http_header *header = http_header_find(&tx->http.headers[TO_SERVER], "authorization");

	if (!header)
		return;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (ascii_starts_nocase_str(header->value, known[i]))
			return;
	http1_event(call, tx, HTTP_EVENT_AUTH_UNRECOGNIZED);
}

/* Sets the state that reads the body, by the headers. */
static void begin_body(struct http1_call *call, struct http1_tx *tx)
{
	const struct http_headers *headers = &tx->http.headers[TO_SERVER];
	const struct http_header *coding = http_header_find(headers, "transfer-encoding");
	const struct http_header *length = http_header_find(headers, "content-length");
	struct http1_side *side = call->side;
	int64_t size = 0;
	bool junk;

	side->state = HTTP1_FINALISE;
	if (tx->is_connect)
		return;
	if (coding) {
		if (http_contains_nocase_nul(coding->value, "chunked"))
			side->state = HTTP1_CHUNK_SIZE;
		else
			http1_event(call, tx, HTTP_EVENT_INVALID_TRANSFER_ENCODING_REQUEST);
	} else if (length) {
		size = http_parse_length(length->value, &junk);
		if (size < 0)
			http1_event(call, tx, HTTP_EVENT_INVALID_CONTENT_LENGTH_REQUEST);
		else if (size > 0)
			side->state = HTTP1_BODY_LENGTH;
	}
	side->left = size > 0 ? (uint64_t)size : 0;
	if (side->state != HTTP1_FINALISE && !http1_body_begin(call, tx, 0))
		side->state = HTTP1_IGNORE;
}

static enum http1_step headers_done(struct http1_call *call, struct http1_tx *tx)
{
	read_host(call, tx);
	check_authorization(call, tx);
	app_tx_progress(call->conn, &tx->http.tx, TO_SERVER, HTTP_HEADERS);
	begin_body(call, tx);
	return HTTP1_AGAIN;
}

/* ---- Without protocol ---- */

static void complete(struct http1_call *call, struct http1_tx *tx, bool whole)
{
	struct http1_side *side = call->side;

	http1_body_finish(call, tx, whole);
	app_frame_end(call->conn, TO_SERVER, HTTP1_FRAME_REQUEST, call->data.ptr, &tx->http.tx);
	app_tx_progress(call->conn, &tx->http.tx, TO_SERVER, HTTP_COMPLETE);
	app_raw_trigger(call->conn, TO_SERVER);
	side->state = tx->is_connect ? HTTP1_CONNECT_WAIT : HTTP1_IDLE;
	side->tx_id = UINT64_MAX;
}

/* HTTP/0.9 has nothing behind the line; a client that forgot the protocol goes on with headers. */
static enum http1_step without_protocol(struct http1_call *call, struct http1_tx *tx)
{
	size_t i = 0;

	while (i < call->data.size && i <= JUNK_AFTER_0_9_MAX && http_is_space(call->data.ptr[i]))
		i++;
	if (i < call->data.size) {
		http1_event(call, tx, HTTP_EVENT_REQUEST_LINE_MISSING_PROTOCOL);
		tx->version_0_9 = false;
		call->side->state = HTTP1_HEAD;
		return HTTP1_AGAIN;
	}
	complete(call, tx, true);
	call->side->state = HTTP1_IGNORE;
	return HTTP1_AGAIN;
}

/* ---- Chunks ---- */

static enum http1_step chunk_size(struct http1_call *call, struct http1_tx *tx)
{
	struct http1_side *side = call->side;
	struct bytes line;
	bool too_long, extension;
	int64_t size;

	if (!http1_take_line(call, &line, &too_long)) {
		if (!too_long)
			return HTTP1_WAIT;
		http1_event(call, tx, HTTP_EVENT_INVALID_REQUEST_CHUNK_LEN);
		return HTTP1_FAIL;
	}
	size = http_parse_chunk_size(line, &extension);
	http1_held_clear(side);
	if (extension)
		http1_event(call, tx, HTTP_EVENT_REQUEST_CHUNK_EXTENSION);
	if (size == HTTP_CHUNK_EMPTY)
		return HTTP1_AGAIN;
	if (size < 0) {
		http1_event(call, tx, HTTP_EVENT_INVALID_REQUEST_CHUNK_LEN);
		return HTTP1_FAIL;
	}
	side->left = (uint64_t)size;
	side->state = size == 0 ? HTTP1_TRAILER : HTTP1_CHUNK_DATA;
	if (size == 0)
		app_tx_progress(call->conn, &tx->http.tx, TO_SERVER, HTTP_TRAILER);
	return HTTP1_AGAIN;
}

/* ---- The end ---- */

/* What follows in the same input is another request when it begins with a known method; anything else is taken for more
 * of this one's body, which is how servers that get it wrong see it. */
static enum http1_step finalise(struct http1_call *call, struct http1_tx *tx)
{
	struct bytes line, text;
	size_t word = 0;

	text = http_trim_left(call->data);
	while (word < text.size && !http_is_space(text.ptr[word]))
		word++;
	if (text.size == 0 || http_is_method(bytes_first(text, word)) ||
		(word == text.size && http_may_be_method(text))) {
		if (text.size == 0 && call->side->reader)
			http1_body_data(call, tx, call->data);
		if (text.size == 0)
			call->data = (struct bytes){ 0 };
		complete(call, tx, true);
		return HTTP1_AGAIN;
	}
	line = bytes_first(call->data, bytes_index(call->data, '\n') + 1);
	call->data = bytes_skip(call->data, line.size);
	if (http_trim(line).size != 0)
		http1_event(call, tx, HTTP_EVENT_REQUEST_BODY_UNEXPECTED);
	http1_body_data(call, tx, line);
	return HTTP1_AGAIN;
}

/* Leaves a state that needs no input, or waits. */
static enum http1_step step_or_wait(struct http1_call *call, struct http1_tx *tx)
{
	switch ((enum http1_state)call->side->state) {
	case HTTP1_FINALISE:
		return finalise(call, tx);
	case HTTP1_NO_VERSION:
		return without_protocol(call, tx);
	default:
		return HTTP1_WAIT;
	}
}

enum http1_step http1_request_step(struct http1_call *call)
{
	struct http1_side *side = call->side;
	struct http1_tx *tx = side->state == HTTP1_IDLE ? NULL : request_tx(call);
	enum http1_step step;

	if (side->state == HTTP1_IGNORE) {
		call->data = (struct bytes){ 0 };
		return HTTP1_WAIT;
	}
	if (side->state == HTTP1_CONNECT_WAIT) { /* bytes before the answer: kept by the stream until then */
		if (http_trim(call->data).size != 0)
			return HTTP1_STOP;
		call->data = (struct bytes){ 0 };
		return HTTP1_WAIT;
	}
	if (side->state != HTTP1_IDLE && !tx) {
		side->state = HTTP1_IGNORE;
		return HTTP1_AGAIN;
	}
	if (call->data.size == 0 && !call->eof)
		return step_or_wait(call, tx);
	switch ((enum http1_state)side->state) {
	case HTTP1_IDLE:
		return request_line(call);
	case HTTP1_NO_VERSION:
	case HTTP1_FINALISE:
		return step_or_wait(call, tx);
	case HTTP1_HEAD:
		step = http1_head(call, tx, false);
		return step == HTTP1_AGAIN ? headers_done(call, tx) : step;
	case HTTP1_TRAILER:
		step = http1_head(call, tx, true);
		if (step == HTTP1_AGAIN) {
			side->body_complete = true;
			side->state = HTTP1_FINALISE;
		}
		return step;
	case HTTP1_CHUNK_SIZE:
		return chunk_size(call, tx);
	default:
		return http1_body_step(call, tx);
	}
}

void http1_request_end(struct http1_call *call)
{
	struct http1_tx *tx = request_tx(call);
	bool whole;

	if (!tx || call->side->state == HTTP1_IDLE || call->side->state == HTTP1_IGNORE)
		return;
	whole = call->side->state == HTTP1_FINALISE || call->side->state == HTTP1_NO_VERSION;
	complete(call, tx, whole && !call->eof_truncated);
	call->side->state = HTTP1_IGNORE;
}

void http1_request_resume(struct http1 *http)
{
	if (http->side[TO_SERVER].state == HTTP1_CONNECT_WAIT)
		http->side[TO_SERVER].state = HTTP1_IDLE;
}
