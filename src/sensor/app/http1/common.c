// SPDX-License-Identifier: Apache-2.0
/* What both directions share: lines and heads that come in pieces, and bodies. */
#include "sensor/app/decompress.h"
#include "sensor/app/http1/http1.h"
#include "sensor/app/http1/multipart.h"
#include "sensor/app/http1/text.h"

void http1_event(struct http1_call *call, struct http1_tx *tx, enum http_event event)
{
	app_tx_event(call->conn, &tx->http.tx, (uint8_t)event);
}

static void event_by_dir(
	struct http1_call *call, struct http1_tx *tx, enum http_event request, enum http_event response)
{
	http1_event(call, tx, call->dir == TO_SERVER ? request : response);
}

struct http1_tx *http1_find(struct http1_call *call, uint64_t id)
{
	for (struct app_tx *tx = call->conn->first; tx; tx = tx->next) {
		struct http1_tx *found = (struct http1_tx *)tx;

		if (tx->id == id && tx->protocol == &app_protocol_http && found->owner == call->http &&
			found->round == call->http->round)
			return found;
	}
	return NULL;
}

struct http1_tx *http1_new_tx(struct http1_call *call)
{
	struct http1_tx *tx = (struct http1_tx *)app_tx_new(call->conn, sizeof(*tx), call->now_ns);

	if (!tx)
		return NULL;
	http_tx_init(call->conn, &tx->http, call->http->settings, call->http->config->record);
	tx->owner = call->http;
	tx->round = call->http->round;
	return tx;
}

/* ---- What waits ---- */

bool http1_hold(struct http1_call *call, struct bytes in, size_t max)
{
	struct http1_side *side = call->side;
	size_t capacity = side->held_capacity == 0 ? 2048 : side->held_capacity;
	uint8_t *held;

	if (in.size > max - side->held_size)
		return false;
	while (capacity < side->held_size + in.size)
		capacity *= 2;
	if (capacity != side->held_capacity) {
		held = app_realloc(call->conn, side->held, side->held_capacity, capacity);
		if (!held)
			return false;
		side->held = held;
		side->held_capacity = capacity;
	}
	if (in.size != 0)
		memcpy(side->held + side->held_size, in.ptr, in.size);
	side->held_size += in.size;
	return true;
}

void http1_held_clear(struct http1_side *side)
{
	side->held_size = 0;
	side->line_start = 0;
}

bool http1_take_line(struct http1_call *call, struct bytes *ret, bool *ret_too_long)
{
	struct http1_side *side = call->side;
	size_t end = bytes_index(call->data, '\n');
	bool found = end < call->data.size;
	struct bytes piece = bytes_first(call->data, end + found);

	*ret_too_long = side->held_size + piece.size > HTTP1_LINE_MAX;
	if (*ret_too_long)
		return false;
	if (found && side->held_size == 0) {
		*ret = piece;
		call->data = bytes_skip(call->data, piece.size);
		return true;
	}
	if (!http1_hold(call, piece, HTTP1_LINE_MAX)) {
		*ret_too_long = true;
		return false;
	}
	call->data = bytes_skip(call->data, piece.size);
	*ret = bytes_of(side->held, side->held_size);
	return found || (call->eof && side->held_size != 0 && call->data.size == 0);
}

/* ---- Heads ---- */

/* Unfolding needs room for no more than the head itself. */
struct head {
	struct http1_call *call;
	struct http1_tx *tx;
	struct bytes raw;
	struct bytes current; /* header line in hand, perhaps unfolded */
	bool has_current, in_scratch;
	uint8_t *scratch;
	size_t scratch_used;
};

static void add_header(struct head *head, const struct http_field *field)
{
	struct http1_call *call = head->call;
	struct http1_tx *tx = head->tx;

	switch (http_header_add(&tx->http, call->dir, field->name, field->value, tx->http.settings->headers_max)) {
	case HTTP_HEADER_NEW:
		break;
	case HTTP_HEADER_LENGTHS_DIFFER:
		event_by_dir(call, tx, HTTP_EVENT_DUPLICATE_CONTENT_LENGTH_REQUEST,
			HTTP_EVENT_DUPLICATE_CONTENT_LENGTH_RESPONSE);
		event_by_dir(call, tx, HTTP_EVENT_REQUEST_HEADER_REPETITION, HTTP_EVENT_RESPONSE_HEADER_REPETITION);
		break;
	case HTTP_HEADER_AGAIN:
		event_by_dir(call, tx, HTTP_EVENT_REQUEST_HEADER_REPETITION, HTTP_EVENT_RESPONSE_HEADER_REPETITION);
		break;
	case HTTP_HEADER_REFUSED:
		event_by_dir(call, tx, HTTP_EVENT_REQUEST_TOO_MANY_HEADERS, HTTP_EVENT_RESPONSE_TOO_MANY_HEADERS);
		break;
	}
}

static void flush_header(struct head *head)
{
	struct http_field field;

	if (!head->has_current)
		return;
	head->has_current = head->in_scratch = false;
	http_parse_field(head->current, &field);
	if (field.flags & HTTP_FIELD_NO_COLON)
		event_by_dir(head->call, head->tx, HTTP_EVENT_REQUEST_FIELD_MISSING_COLON,
			HTTP_EVENT_RESPONSE_FIELD_MISSING_COLON);
	else if (field.flags != 0)
		event_by_dir(
			head->call, head->tx, HTTP_EVENT_REQUEST_HEADER_INVALID, HTTP_EVENT_RESPONSE_HEADER_INVALID);
	add_header(head, &field);
}

static void new_header(struct head *head, struct bytes line)
{
	flush_header(head);
	head->current = line;
	head->has_current = true;
}

static void append_scratch(struct head *head, struct bytes in)
{
	if (in.size != 0)
		memcpy(head->scratch + head->scratch_used, in.ptr, in.size);
	head->scratch_used += in.size;
}

/* Adds a folded line to the header in hand. */
static void unfold(struct head *head, struct bytes line)
{
	if (!head->scratch)
		head->scratch = app_tx_alloc(&head->tx->http.tx, head->raw.size);
	if (!head->scratch)
		return;
	if (!head->in_scratch) {
		size_t start = head->scratch_used;

		append_scratch(head, head->current);
		head->current = bytes_of(head->scratch + start, head->current.size);
		head->in_scratch = true;
	}
	append_scratch(head, line);
	head->current.size += line.size;
}

static bool has_colon(struct bytes in)
{
	return bytes_index(in, ':') != in.size;
}

static struct bytes without_fold(struct bytes line)
{
	size_t i = 0;

	while (i < line.size && line_is_folded(bytes_skip(line, i)))
		i++;
	return bytes_skip(line, i);
}

static void header_line(struct head *head, struct bytes line)
{
	bool response = head->call->dir == TO_CLIENT;
	bool folded = line_is_folded(line);

	line = http_chomp(line);
	if (line.size == 0)
		return;
	if (!folded) {
		new_header(head, line);
		return;
	}
	/* Browsers take a folded line that looks like a header of a response for one. */
	if (!head->has_current || (response && has_colon(line) && has_colon(head->current) &&
					  http_parse_protocol(head->tx->http.response_protocol) == HTTP_PROTOCOL_1_1)) {
		event_by_dir(
			head->call, head->tx, HTTP_EVENT_INVALID_REQUEST_FOLDING, HTTP_EVENT_INVALID_RESPONSE_FOLDING);
		new_header(head, without_fold(line));
		return;
	}
	unfold(head, line);
}

static bool head_parse(struct http1_call *call, struct http1_tx *tx, bool trailer)
{
	struct line_scan scan = { .response = call->dir == TO_CLIENT };
	struct head head = { .call = call, .tx = tx };
	size_t start = 0, end;

	head.raw = app_tx_dup(&tx->http.tx, bytes_of(call->side->held, call->side->held_size));
	if (!head.raw.ptr)
		return false;
	if (trailer)
		tx->http.raw_trailers[call->dir] = head.raw;
	else
		tx->http.raw_headers[call->dir] = head.raw;
	while (start < head.raw.size) {
		(void)line_next(&scan, head.raw, start, true, &end);
		if (end - start > HTTP1_LINE_LONG)
			event_by_dir(call, tx, HTTP_EVENT_REQUEST_FIELD_TOO_LONG, HTTP_EVENT_RESPONSE_FIELD_TOO_LONG);
		if (scan.lf_cr && head.raw.ptr[start] == '\r')
			start++;
		header_line(&head, bytes_first(bytes_skip(head.raw, start), end - start));
		start = end;
	}
	flush_header(&head);
	return true;
}

/* Moves the next line of the input to what waits. False: it is not complete. */
static bool head_collect(struct http1_call *call, size_t *ret_line_end, bool *ret_too_long)
{
	struct http1_side *side = call->side;
	struct line_scan scan = side->scan;
	size_t end, take;

	*ret_too_long = false;
	if (side->held_size == side->line_start) { /* the line begins in the input */
		enum line_status status = line_next(&scan, call->data, 0, false, &end);

		*ret_too_long = !http1_hold(call, bytes_first(call->data, end), HTTP1_HEAD_MAX);
		call->data = bytes_skip(call->data, end);
		side->scan = scan;
		*ret_line_end = side->held_size;
		return status == LINE_FOUND && !*ret_too_long;
	}
	/* Only as much as a line may be is looked at together with what waits. */
	take = call->data.size > HTTP1_LINE_MAX ? HTTP1_LINE_MAX : call->data.size;
	size_t old_size = side->held_size;

	*ret_too_long = !http1_hold(call, bytes_first(call->data, take), HTTP1_HEAD_MAX);
	if (*ret_too_long)
		return false;
	if (line_next(&scan, bytes_of(side->held, side->held_size), side->line_start, false, &end) == LINE_MORE) {
		call->data = bytes_skip(call->data, take);
		return false;
	}
	side->scan = scan;
	call->data = bytes_skip(call->data, end - old_size);
	side->held_size = end;
	*ret_line_end = end;
	return true;
}

static int next_byte(const struct http1_call *call, size_t line_end)
{
	if (line_end < call->side->held_size)
		return call->side->held[line_end];
	return call->data.size != 0 ? call->data.ptr[0] : -1;
}

static enum http1_step head_complete(struct http1_call *call, struct http1_tx *tx, bool trailer)
{
	struct http1_side *side = call->side;
	bool parsed = head_parse(call, tx, trailer);

	http1_held_clear(side);
	side->scan = (struct line_scan){ .response = call->dir == TO_CLIENT };
	return parsed ? HTTP1_AGAIN : HTTP1_FAIL;
}

enum http1_step http1_head(struct http1_call *call, struct http1_tx *tx, bool trailer)
{
	struct http1_side *side = call->side;
	size_t end;
	bool too_long, ends;

	side->scan.response = call->dir == TO_CLIENT;
	while (call->data.size != 0) {
		if (!head_collect(call, &end, &too_long)) {
			if (!too_long && side->held_size - side->line_start <= HTTP1_LINE_MAX)
				continue;
			event_by_dir(call, tx, HTTP_EVENT_REQUEST_FIELD_TOO_LONG, HTTP_EVENT_RESPONSE_FIELD_TOO_LONG);
			return HTTP1_FAIL;
		}
		if (line_ends_headers(&side->scan, bytes_of(side->held + side->line_start, end - side->line_start),
			    next_byte(call, end), &ends) == LINE_MORE &&
			!call->eof)
			return HTTP1_WAIT; /* the same line again when the next byte is there */
		if (ends) {
			side->skip_line_end = side->scan.lf_cr && end - side->line_start == 3;
			return head_complete(call, tx, trailer);
		}
		side->line_start = end;
	}
	if (!call->eof || side->held_size == 0)
		return HTTP1_WAIT;
	return head_complete(call, tx, trailer);
}

/* ---- Bodies ---- */

struct trouble_event {
	uint32_t bit;
	uint8_t event;
};

static const struct trouble_event trouble_events[] = {
	{ DECOMPRESS_FAILED, HTTP_EVENT_GZIP_DECOMPRESSION_FAILED },
	{ DECOMPRESS_BOMB, HTTP_EVENT_COMPRESSION_BOMB },
	{ DECOMPRESS_LZMA_MEMORY, HTTP_EVENT_LZMA_MEMLIMIT },
	{ HTTP_BODY_ABNORMAL_ENCODING, HTTP_EVENT_ABNORMAL_CE_HEADER },
	{ HTTP_BODY_TOO_MANY_LAYERS, HTTP_EVENT_TOO_MANY_ENCODING_LAYERS },
	{ HTTP_BODY_NAME_TOO_LONG, HTTP_EVENT_FILE_NAME_TOO_LONG },
	{ HTTP_BODY_RANGE_INVALID, HTTP_EVENT_RANGE_INVALID },
	{ HTTP_BODY_SWF_FAILED, HTTP_EVENT_SWF_DECOMPRESSION_ERROR },
	{ MULTIPART_INVALID_HEADER << HTTP_BODY_MULTIPART_SHIFT, HTTP_EVENT_MULTIPART_INVALID_HEADER },
	{ MULTIPART_NO_FILEDATA << HTTP_BODY_MULTIPART_SHIFT, HTTP_EVENT_MULTIPART_NO_FILEDATA },
	{ MULTIPART_GENERIC << HTTP_BODY_MULTIPART_SHIFT, HTTP_EVENT_MULTIPART_GENERIC },
};

static void body_events(struct http1_call *call, struct http1_tx *tx)
{
	uint32_t trouble = http_body_reader_trouble(call->side->reader);

	for (size_t i = 0; trouble != 0 && i < sizeof(trouble_events) / sizeof(trouble_events[0]); i++)
		if (trouble & trouble_events[i].bit)
			http1_event(call, tx, trouble_events[i].event);
}

bool http1_body_begin(struct http1_call *call, struct http1_tx *tx, unsigned int flags)
{
	struct http1_side *side = call->side;

	side->body_complete = false;
	if (!side->reader)
		side->reader = http_body_reader_new(call->conn, &tx->http, call->dir, flags);
	if (!side->reader)
		return false;
	app_tx_progress(call->conn, &tx->http.tx, call->dir, HTTP_BODY);
	body_events(call, tx);
	return true;
}

void http1_body_data(struct http1_call *call, struct http1_tx *tx, struct bytes data)
{
	if (data.size == 0 || (!call->side->reader && !http1_body_begin(call, tx, 0)))
		return;
	http_body_reader_data(call->side->reader, data);
	body_events(call, tx);
	app_tx_touch(call->conn, &tx->http.tx, call->dir);
}

void http1_body_finish(struct http1_call *call, struct http1_tx *tx, bool complete)
{
	struct http1_side *side = call->side;

	tx->http.body[call->dir].over = true;
	if (!side->reader)
		return;
	http_body_reader_finish(side->reader, complete);
	body_events(call, tx);
	http_body_reader_free(side->reader);
	side->reader = NULL;
}

static void count_message(struct http1_call *call, struct http1_tx *tx, size_t size)
{
	if (call->dir == TO_CLIENT)
		tx->http.message_size += size;
}

static struct bytes take(struct http1_call *call, struct http1_tx *tx, uint64_t max)
{
	struct bytes piece = bytes_first(call->data, max > SIZE_MAX ? SIZE_MAX : (size_t)max);

	call->data = bytes_skip(call->data, piece.size);
	count_message(call, tx, piece.size);
	return piece;
}

enum http1_step http1_body_step(struct http1_call *call, struct http1_tx *tx)
{
	struct http1_side *side = call->side;
	struct bytes piece;

	if (call->data.size == 0)
		return HTTP1_WAIT;
	if (side->state == HTTP1_CHUNK_END) {
		size_t end = bytes_index(call->data, '\n');

		if (end < call->data.size)
			side->state = HTTP1_CHUNK_SIZE;
		(void)take(call, tx, end + 1);
		return HTTP1_AGAIN;
	}
	if (side->state == HTTP1_BODY_END) {
		http1_body_data(call, tx, take(call, tx, UINT64_MAX));
		return HTTP1_WAIT;
	}
	piece = take(call, tx, side->left);
	side->left -= piece.size;
	http1_body_data(call, tx, piece);
	if (side->left != 0)
		return HTTP1_WAIT;
	if (side->state == HTTP1_CHUNK_DATA) {
		side->state = HTTP1_CHUNK_END;
		return HTTP1_AGAIN;
	}
	side->body_complete = true;
	side->state = HTTP1_FINALISE;
	return HTTP1_AGAIN;
}
