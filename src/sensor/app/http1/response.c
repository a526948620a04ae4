// SPDX-License-Identifier: Apache-2.0
/* Responses. Here lenience matters most: what a browser would show as content has to be seen as content. */
#include "base/ascii.h"
#include "sensor/app/http1/http1.h"
#include "sensor/app/http1/text.h"
#include "sensor/app/http1/upgrade.h"
#include "sensor/flow/flow.h"

enum {
	RESPONSE_START_MAX = 16, /* so few bytes may be the beginning of "HTTP" */
	SHORT_LINE_MAX = 2, /* junk before a status line that is skipped whatever follows */
	BODY_LINES_MAX = 1024, /* bytes of lines without a status line; what follows is content up to the end */
};

/* ---- The transaction of a response ---- */

/* A response nobody asked for gets a request that says so. */
static struct http1_tx *unasked_tx(struct http1_call *call)
{
	struct http1_tx *tx = http1_new_tx(call);

	if (!tx)
		return NULL;
	tx->no_request = true;
	tx->http.uri_raw = tx->http.uri = tx->http.uri_path = bytes_from_str("/libhtp::request_uri_not_seen");
	app_tx_progress(call->conn, &tx->http.tx, TO_SERVER, HTTP_COMPLETE);
	http1_event(call, tx, HTTP_EVENT_UNABLE_TO_MATCH_RESPONSE);
	return tx;
}

static struct http1_tx *response_tx(struct http1_call *call)
{
	struct http1_tx *tx = http1_find(call, call->side->tx_id);

	if (tx || call->side->state != HTTP1_IDLE)
		return tx;
	tx = unasked_tx(call);
	if (tx)
		call->side->tx_id = tx->http.tx.id;
	return tx;
}

/* ---- Status line ---- */

static struct bytes view_in(struct bytes copy, struct bytes line, struct bytes part)
{
	return part.ptr ? bytes_of(copy.ptr + (part.ptr - line.ptr), part.size) : (struct bytes){ 0 };
}

static bool fill_line(struct http1_call *call, struct http1_tx *tx, struct bytes text)
{
	struct http_response_line line;
	struct bytes copy;

	http_parse_response_line(text, &line);
	copy = app_tx_dup(&tx->http.tx, line.line);
	if (!copy.ptr)
		return false;
	tx->http.response_line = copy;
	tx->http.has_response_line = true;
	tx->http.response_protocol = view_in(copy, line.line, line.protocol);
	tx->http.status_text = view_in(copy, line.line, line.status);
	tx->http.status_message = view_in(copy, line.line, line.message);
	tx->http.has_message = line.message.size != 0;
	tx->http.status = line.status_number;
	if (line.protocol_number == HTTP_PROTOCOL_INVALID)
		http1_event(call, tx, HTTP_EVENT_RESPONSE_INVALID_PROTOCOL);
	if (line.status_number == 0)
		http1_event(call, tx, HTTP_EVENT_RESPONSE_INVALID_STATUS);
	app_tx_progress(call->conn, &tx->http.tx, TO_CLIENT, HTTP_LINE);
	return true;
}

/* Takes the first line of a response out of the input: ends at LF or a lone CR. False: wait. */
static bool take_first_line(struct http1_call *call, struct bytes *ret)
{
	struct http1_side *side = call->side;
	size_t old_size = side->held_size, end;
	struct bytes all = call->data;
	enum line_status status;

	if (old_size == 0) {
		status = line_first(all, call->eof, &end);
		if (status == LINE_FOUND) {
			*ret = bytes_first(all, end);
			call->data = bytes_skip(all, end);
			return end != 0;
		}
		if (!http1_hold(call, all, HTTP1_LINE_MAX)) { /* far too long for a status line: content */
			*ret = all;
			call->data = (struct bytes){ 0 };
			return true;
		}
		call->data = (struct bytes){ 0 };
		return false;
	}
	all = bytes_first(call->data, HTTP1_LINE_MAX - old_size);
	if (all.size == 0 && call->data.size != 0) {
		*ret = bytes_of(side->held, side->held_size);
		return true;
	}
	if (!http1_hold(call, all, HTTP1_LINE_MAX))
		return false;
	status = line_first(bytes_of(side->held, side->held_size), call->eof, &end);
	if (status == LINE_MORE) {
		call->data = bytes_skip(call->data, all.size);
		return false;
	}
	side->held_size = end;
	call->data = bytes_skip(call->data, end - old_size);
	*ret = bytes_of(side->held, end);
	return true;
}

static enum http1_step line_as_body(struct http1_call *call, struct http1_tx *tx, struct bytes line)
{
	struct bytes text = http_chomp(line);

	if (!tx->body_lines && (text.size <= SHORT_LINE_MAX || (call->data.size != 0 && call->data.ptr[0] == 'H')))
		return HTTP1_AGAIN; /* junk before the real line */
	tx->body_lines = true;
	if (!http1_body_begin(call, tx, HTTP_BODY_NO_DECODING))
		return HTTP1_FAIL;
	http1_body_data(call, tx, line);
	tx->http.message_size += line.size;
	if (tx->http.message_size > BODY_LINES_MAX)
		call->side->state = HTTP1_BODY_END;
	return HTTP1_AGAIN;
}

static enum http1_step status_line(struct http1_call *call)
{
	struct http1_side *side = call->side;
	struct http1_tx *tx;
	struct bytes line;
	enum http1_step step;

	if (call->data.size == 0 && (side->held_size == 0 || !call->eof))
		return HTTP1_WAIT;
	if (http1_find(call, side->tx_id) == NULL && side->held_size == 0) {
		call->data = http_trim_left(call->data); /* blanks between responses ask for nothing */
		if (call->data.size == 0)
			return HTTP1_WAIT;
	}
	tx = response_tx(call);
	if (!tx)
		return HTTP1_FAIL;
	if (tx->version_0_9) { /* no status line, no headers */
		if (!http1_body_begin(call, tx, HTTP_BODY_NO_DECODING))
			return HTTP1_FAIL;
		side->state = HTTP1_BODY_END;
		return HTTP1_AGAIN;
	}
	if (!take_first_line(call, &line))
		return HTTP1_WAIT;
	if (!http_is_response_line(line)) {
		step = line_as_body(call, tx, line);
		http1_held_clear(side);
		return step;
	}
	if (!tx->continue_seen)
		app_frame_back(
			call->conn, TO_CLIENT, HTTP1_FRAME_RESPONSE, call->data.ptr, line.size, -1, &tx->http.tx);
	if (!fill_line(call, tx, line))
		return HTTP1_FAIL;
	http1_held_clear(side);
	side->state = HTTP1_HEAD;
	return HTTP1_AGAIN;
}

/* ---- What the headers say of the body ---- */

/* An interim answer: the real one follows. */
static enum http1_step continue_100(struct http1_call *call, struct http1_tx *tx)
{
	if (tx->continue_seen) {
		http1_event(call, tx, HTTP_EVENT_CONTINUE_ALREADY_SEEN);
		return HTTP1_FAIL;
	}
	tx->continue_seen = true;
	tx->http.headers[TO_CLIENT].count = 0;
	tx->http.raw_headers[TO_CLIENT] = (struct bytes){ 0 };
	call->side->state = HTTP1_IDLE;
	return HTTP1_AGAIN;
}

static enum http1_step body_chunked(struct http1_call *call, struct http1_tx *tx, struct bytes coding)
{
	enum http_protocol protocol = http_parse_protocol(tx->http.response_protocol);

	if (!ascii_equal_nocase_str(coding, "chunked"))
		http1_event(call, tx, HTTP_EVENT_ABNORMAL_TRANSFER_ENCODING);
	if (protocol == HTTP_PROTOCOL_1_0 || protocol == HTTP_PROTOCOL_0_9)
		http1_event(call, tx, HTTP_EVENT_CHUNKED_OLD_PROTO);
	call->side->state = HTTP1_CHUNK_SIZE;
	return http1_body_begin(call, tx, 0) ? HTTP1_AGAIN : HTTP1_FAIL;
}

static enum http1_step body_by_length(struct http1_call *call, struct http1_tx *tx, struct bytes value)
{
	bool junk;
	int64_t size = http_parse_length(value, &junk);

	if (size < 0) {
		http1_event(call, tx, HTTP_EVENT_INVALID_CONTENT_LENGTH_RESPONSE);
		return HTTP1_FAIL;
	}
	call->side->left = (uint64_t)size;
	call->side->body_complete = size == 0;
	call->side->state = size == 0 ? HTTP1_FINALISE : HTTP1_BODY_LENGTH;
	if (size == 0)
		return HTTP1_AGAIN;
	return http1_body_begin(call, tx, 0) ? HTTP1_AGAIN : HTTP1_FAIL;
}

static bool has_no_body(const struct http1_tx *tx)
{
	uint16_t status = tx->http.status;

	return (status >= 100 && status <= 199) || status == 204 || status == 304 || tx->is_head;
}

static enum http1_step begin_body(struct http1_call *call, struct http1_tx *tx)
{
	const struct http_headers *headers = &tx->http.headers[TO_CLIENT];
	const struct http_header *coding = http_header_find(headers, "transfer-encoding");
	const struct http_header *length = http_header_find(headers, "content-length");
	struct http1_side *side = call->side;
	uint16_t status = tx->http.status;
	bool junk;

	side->state = HTTP1_FINALISE;
	side->body_complete = true;
	if (tx->is_connect && status >= 200 && status <= 299)
		return HTTP1_AGAIN;
	if (status == 101 && !coding && !length)
		return HTTP1_AGAIN;
	if (status == 100 && !coding && (!length || http_parse_length(length->value, &junk) <= 0))
		return continue_100(call, tx);
	/* Browsers show content even where there should be none, when it is announced. */
	if (has_no_body(tx) && ((!coding && !length) || tx->is_head))
		return HTTP1_AGAIN;
	if (coding && http_contains_nocase_nul(coding->value, "chunked"))
		return body_chunked(call, tx, coding->value);
	if (coding && !length)
		http1_event(call, tx, HTTP_EVENT_INVALID_TRANSFER_ENCODING_RESPONSE);
	if (length)
		return body_by_length(call, tx, length->value);
	if (http_contains_nocase_nul(http_header_value(headers, "content-type"), "multipart/byteranges"))
		http1_event(call, tx, HTTP_EVENT_RESPONSE_MULTIPART_BYTERANGES);
	side->state = HTTP1_BODY_END;
	side->body_complete = false;
	return http1_body_begin(call, tx, 0) ? HTTP1_AGAIN : HTTP1_FAIL;
}

static enum http1_step headers_done(struct http1_call *call, struct http1_tx *tx)
{
	if (tx->http.status != 100 || tx->continue_seen)
		app_tx_progress(call->conn, &tx->http.tx, TO_CLIENT, HTTP_HEADERS);
	return begin_body(call, tx);
}

/* ---- Chunks ---- */

/* No chunk: from here on the body is taken as it comes. */
static enum http1_step chunks_broken(struct http1_call *call, struct http1_tx *tx, struct bytes seen)
{
	http1_event(call, tx, HTTP_EVENT_INVALID_RESPONSE_CHUNK_LEN);
	call->side->state = HTTP1_BODY_END;
	http1_body_data(call, tx, seen);
	http1_held_clear(call->side);
	return HTTP1_AGAIN;
}

static enum http1_step chunk_size(struct http1_call *call, struct http1_tx *tx)
{
	struct http1_side *side = call->side;
	struct bytes line;
	bool too_long, extension;
	int64_t size;

	if (side->held_size == 0 && !http_may_be_chunk_size(call->data))
		return chunks_broken(call, tx, (struct bytes){ 0 });
	if (!http1_take_line(call, &line, &too_long)) {
		struct bytes held = bytes_of(side->held, side->held_size);

		if (!too_long && http_may_be_chunk_size(held))
			return HTTP1_WAIT;
		tx->http.message_size += held.size;
		return chunks_broken(call, tx, held);
	}
	tx->http.message_size += line.size;
	size = http_parse_chunk_size(line, &extension);
	if (size == HTTP_CHUNK_EMPTY) {
		http1_held_clear(side);
		return HTTP1_AGAIN;
	}
	if (size < 0)
		return chunks_broken(call, tx, line);
	http1_held_clear(side);
	side->left = (uint64_t)size;
	side->state = size == 0 ? HTTP1_TRAILER : HTTP1_CHUNK_DATA;
	if (size == 0) {
		side->body_complete = true;
		app_tx_progress(call->conn, &tx->http.tx, TO_CLIENT, HTTP_TRAILER);
	}
	return HTTP1_AGAIN;
}

/* ---- The end ---- */

static bool value_is(const struct http1_tx *tx, const char *name, const char *value)
{
	return ascii_equal_nocase_str(http_header_value(&tx->http.headers[TO_CLIENT], name), value);
}

/* After CONNECT and Upgrade the connection speaks something else. */
static void change_protocol(struct http1_call *call, struct http1_tx *tx)
{
	uint16_t port = tx->http.port > 0 ? (uint16_t)tx->http.port : 0, status = tx->http.status;
	struct http1 *http = call->http;

	if (tx->is_connect) {
		http1_request_resume(http);
		if (status < 200 || status > 299 || tx->http.tx.id != 0)
			return;
		app_change_protocol(call->conn, NULL, port);
		/* What comes through the tunnel counts its transactions from 0. */
		http->change_due = true;
		http->round++;
		call->conn->tx_count = call->side->tx_id = 0;
		return;
	}
	if (status != 101 || tx->http.body[TO_CLIENT].file || tx->http.body_size[TO_CLIENT] != 0)
		return;
	if (value_is(tx, "upgrade", "h2c") && app_protocol_find("http2")) {
		http_upgrade_leave(call->conn, &tx->http);
		app_change_protocol(call->conn, "http2", port);
		http->change_due = true;
	} else if (value_is(tx, "upgrade", "websocket") && app_protocol_find("websocket")) {
		app_change_protocol(call->conn, "websocket", port);
		http->change_due = true;
	} else if (http_header_find(&tx->http.headers[TO_CLIENT], "upgrade")) {
		http->side[TO_SERVER].state = http->side[TO_CLIENT].state = HTTP1_IGNORE;
	}
}

static void complete(struct http1_call *call, struct http1_tx *tx, bool whole)
{
	struct http1_side *side = call->side;

	side->state = HTTP1_IDLE;
	http1_body_finish(call, tx, whole);
	app_frame_end(call->conn, TO_CLIENT, HTTP1_FRAME_RESPONSE, call->data.ptr, &tx->http.tx);
	app_tx_progress(call->conn, &tx->http.tx, TO_CLIENT, HTTP_COMPLETE);
	app_raw_trigger(call->conn, TO_CLIENT);
	side->tx_id = tx->http.tx.id + 1;
	change_protocol(call, tx);
}

/* What follows in the same input is the next response when it looks like one; anything else is more of this body. */
static enum http1_step finalise(struct http1_call *call, struct http1_tx *tx)
{
	struct http1_side *side = call->side;
	bool tunnel = (tx->is_connect && tx->http.status / 100 == 2) || (tx->http.status == 101 && !side->reader);
	struct bytes line;
	size_t end;

	if (tunnel || !side->reader) /* blanks where no body was */
		call->data = http_trim_left(call->data);
	if (call->data.size == 0 || tunnel || http_is_response_line(call->data) ||
		(call->data.size < RESPONSE_START_MAX && http_trim(call->data).size != 0 &&
			http_may_be_response_line(call->data))) {
		complete(call, tx, side->body_complete);
		return call->http->change_due ? HTTP1_STOP : HTTP1_AGAIN;
	}
	(void)line_first(call->data, true, &end);
	line = bytes_first(call->data, end);
	if (http_trim(line).size != 0)
		http1_event(call, tx, HTTP_EVENT_RESPONSE_BODY_UNEXPECTED);
	call->data = bytes_skip(call->data, end);
	tx->http.message_size += line.size;
	http1_body_data(call, tx, line);
	return HTTP1_AGAIN;
}

/* Behind LF CR CR LF at the end of the head, CR LF may follow that browsers do not count. */
static void skip_line_end(struct http1_call *call)
{
	static const char line_end[] = "\r\n";
	struct http1_side *side = call->side;

	while (side->skip_line_end != 0 && call->data.size != 0) {
		if (call->data.ptr[0] != (uint8_t)line_end[side->skip_line_end - 1])
			break;
		call->data = bytes_skip(call->data, 1);
		side->skip_line_end = side->skip_line_end == 1 ? 2 : 0;
	}
	if (call->data.size != 0)
		side->skip_line_end = 0;
}

enum http1_step http1_response_step(struct http1_call *call)
{
	struct http1_side *side = call->side;
	struct http1_tx *tx;
	enum http1_step step;

	if (side->state == HTTP1_IGNORE) {
		call->data = (struct bytes){ 0 };
		return HTTP1_WAIT;
	}
	if (side->state == HTTP1_IDLE)
		return status_line(call);
	tx = response_tx(call);
	if (!tx) {
		side->state = HTTP1_IGNORE;
		return HTTP1_AGAIN;
	}
	if (side->skip_line_end != 0)
		skip_line_end(call);
	if (side->state == HTTP1_FINALISE)
		return finalise(call, tx);
	if (call->data.size == 0 && !call->eof)
		return HTTP1_WAIT;
	switch ((enum http1_state)side->state) {
	case HTTP1_HEAD:
		step = http1_head(call, tx, false);
		return step == HTTP1_AGAIN ? headers_done(call, tx) : step;
	case HTTP1_TRAILER:
		step = http1_head(call, tx, true);
		if (step == HTTP1_AGAIN)
			side->state = HTTP1_FINALISE;
		return step;
	case HTTP1_CHUNK_SIZE:
		return chunk_size(call, tx);
	default:
		return http1_body_step(call, tx);
	}
}

void http1_response_end(struct http1_call *call)
{
	struct http1_side *side = call->side;
	struct http1_tx *tx = http1_find(call, side->tx_id);
	bool whole;

	if (!tx || side->state == HTTP1_IGNORE || (side->state == HTTP1_IDLE && !tx->body_lines))
		return;
	whole = side->state == HTTP1_BODY_END || side->state == HTTP1_IDLE || side->body_complete;
	complete(call, tx, whole && !call->eof_truncated);
	side->state = HTTP1_IGNORE;
}
