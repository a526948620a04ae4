// SPDX-License-Identifier: Apache-2.0
#include "cli/gate-request.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/compiler.h"
#include "base/error.h"

struct reader {
	struct arena *arena;
	struct gate_request_error *wrong;
	bool no_memory;
};

static int say(struct reader *reader, const char *en, const char *vi, const char *detail)
{
	reader->wrong->en = en;
	reader->wrong->vi = vi;
	snprintf(reader->wrong->detail, sizeof(reader->wrong->detail), "%s", detail);
	return LUYTRE_E_SYNTAX;
}

static const struct gate_request nothing = { .id = "",
	.client = "127.0.0.1",
	.protocol = { (const uint8_t *)"HTTP/1.1", 8 },
	.status = 200,
	.response_protocol = { (const uint8_t *)"HTTP/1.1", 8 } };

static void *take(struct reader *reader, size_t size)
{
	void *memory = arena_alloc(reader->arena, size);

	reader->no_memory |= !memory;
	return memory;
}

/* ---- JSON ---- */

/* Text that was not UTF-8 on the wire comes with one character for each byte. */
static struct bytes wire_text(struct reader *reader, const json_t *value)
{
	const char *text = json_string_value(value);
	size_t size = text ? json_string_length(value) : 0, written = 0;
	char *room = take(reader, size + 1);

	for (size_t i = 0; room && i < size; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte >= 0xc2 && byte <= 0xc3 && i + 1 < size)
			room[written++] = (char)((byte & 3) << 6 | ((unsigned char)text[++i] & 0x3f));
		else
			room[written++] = (char)byte;
	}
	return bytes_of(room, room ? written : 0);
}

/* A text that may be missing, but not be something else. */
static int read_text(struct reader *reader, const json_t *object, const char *key, struct bytes *ret)
{
	const json_t *value = json_object_get(object, key);

	if (!value)
		return 0;
	if (!json_is_string(value))
		return say(reader, "a string is expected for ", "cần một chuỗi cho ", key);
	*ret = wire_text(reader, value);
	return 0;
}

static int read_body(struct reader *reader, const json_t *object, struct bytes *ret)
{
	const json_t *value = json_object_get(object, "body_base64");
	const char *text = json_string_value(value);
	size_t size, used;
	uint8_t *room;

	if (!value)
		return 0;
	if (!text)
		return say(reader, "a string is expected for ", "cần một chuỗi cho ", "body_base64");
	room = take(reader, json_string_length(value) + 1);
	if (!room) {
		*ret = (struct bytes){ 0 };
		return 0;
	}
	size = ascii_base64_decode(bytes_from_str(text), room, &used);
	text += used;
	if (text[strspn(text, "=")] != '\0')
		return say(reader,
			"body_base64 is not Base64 from here on: ", "từ đây body_base64 không phải Base64: ", text);
	*ret = bytes_of(room, size);
	return 0;
}

static int read_headers(struct reader *reader, const json_t *object, const struct gate_header **ret, size_t *ret_count)
{
	const json_t *list = json_object_get(object, "headers");
	struct gate_header *headers = take(reader, (json_array_size(list) + 1) * sizeof(*headers));
	size_t i;
	json_t *header;

	if (list && !json_is_array(list))
		return say(reader, "headers are expected as ", "các trường tiêu đề cần có dạng ",
			"[[\"Host\",\"example.vn\"],…]");
	json_array_foreach (list, i, header) {
		const json_t *name = json_array_get(header, 0), *value = json_array_get(header, 1);

		if (!json_is_string(name) || !json_is_string(value))
			return say(reader, "a header is expected as ", "một trường tiêu đề cần có dạng ",
				"[\"Host\",\"example.vn\"]");
		if (headers)
			headers[i] = (struct gate_header){ wire_text(reader, name), wire_text(reader, value) };
	}
	*ret = headers;
	*ret_count = headers ? json_array_size(list) : 0;
	return 0;
}

static int read_response(struct reader *reader, const json_t *object, struct gate_request *ret)
{
	const json_t *response = json_object_get(object, "response");
	json_int_t status;
	int error;

	if (!response)
		return 0;
	if (!json_is_object(response))
		return say(reader, "an object is expected for ", "cần một đối tượng cho ", "response");
	ret->has_response = true;
	status = json_integer_value(json_object_get(response, "status"));
	ret->status = status > 0 && status < 1000 ? (unsigned int)status : 200;
	error = read_text(reader, response, "protocol", &ret->response_protocol);
	if (error == 0)
		error = read_headers(reader, response, &ret->response_headers, &ret->response_header_count);
	return error < 0 ? error : read_body(reader, response, &ret->response_body);
}

static int read_object(struct reader *reader, const json_t *object, struct gate_request *ret)
{
	const char *id = json_string_value(json_object_get(object, "id"));
	const char *client = json_string_value(json_object_get(object, "client_ip"));
	int error;

	if (!json_is_object(object))
		return say(reader, "a request is an object: ", "một yêu cầu là một đối tượng: ",
			"{\"method\":\"GET\",\"uri\":\"/\"}");
	if (!json_object_get(object, "method") || !json_object_get(object, "uri"))
		return say(reader, "method or uri is missing; the least is ", "thiếu method hoặc uri; ít nhất phải có ",
			"{\"method\":\"GET\",\"uri\":\"/\"}");
	ret->id = arena_strdup(reader->arena, id ? id : "");
	ret->client = arena_strdup(reader->arena, client ? client : nothing.client);
	reader->no_memory |= !ret->id || !ret->client;
	error = read_text(reader, object, "method", &ret->method);
	if (error == 0)
		error = read_text(reader, object, "uri", &ret->target);
	if (error == 0)
		error = read_text(reader, object, "protocol", &ret->protocol);
	if (error == 0)
		error = read_headers(reader, object, &ret->headers, &ret->header_count);
	if (error == 0)
		error = read_body(reader, object, &ret->body);
	return error < 0 ? error : read_response(reader, object, ret);
}

int gate_request_json(
	struct arena *arena, struct bytes text, struct gate_request *ret, struct gate_request_error *ret_error)
{
	struct reader reader = { arena, ret_error, false };
	json_error_t why;
	json_t *object;
	int error;

	*ret = nothing;
	*ret_error = (struct gate_request_error){ 0 };
	object = json_loadb((const char *)text.ptr, text.size, JSON_ALLOW_NUL, &why);
	if (object) {
		error = read_object(&reader, object, ret);
	} else {
		ret_error->line = why.line > 0 ? (size_t)why.line : 0;
		ret_error->column = why.column > 0 ? (size_t)why.column : 0;
		error = say(&reader, "not JSON: ", "không phải JSON: ", why.text);
	}
	json_decref(object);
	return error == 0 && reader.no_memory ? LUYTRE_E_NOMEM : error;
}

/* ---- a message as on the wire ---- */

struct lines {
	struct bytes rest;
	size_t number; /* of the line that was read last */
};

/* False at the end. Line ends are CR LF or LF. */
static bool next_line(struct lines *lines, struct bytes *ret)
{
	size_t end = bytes_index(lines->rest, '\n');

	if (lines->rest.size == 0)
		return false;
	*ret = bytes_first(lines->rest, end);
	lines->rest = bytes_skip(lines->rest, end + 1);
	if (ret->size != 0 && ret->ptr[ret->size - 1] == '\r')
		ret->size--;
	lines->number++;
	return true;
}

static struct bytes trim(struct bytes text)
{
	while (text.size != 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
		text = bytes_skip(text, 1);
	while (text.size != 0 && (text.ptr[text.size - 1] == ' ' || text.ptr[text.size - 1] == '\t'))
		text.size--;
	return text;
}

/* METHOD SP target SP protocol. What stands in the middle is the target, blanks and all. */
static int read_start(struct reader *reader, struct bytes line, struct gate_request *ret)
{
	size_t first = bytes_index(line, ' '), last = line.size;

	while (last > first + 1 && line.ptr[last - 1] != ' ')
		last--;
	if (first == 0 || first >= line.size || last <= first + 1)
		return say(reader, "the first line is expected as ", "dòng đầu cần có dạng ", "GET /?q=… HTTP/1.1");
	ret->method = bytes_first(line, first);
	ret->target = bytes_of(line.ptr + first + 1, last - first - 2);
	ret->protocol = bytes_skip(line, last);
	return 0;
}

static int read_fields(struct reader *reader, struct lines *lines, struct gate_request *ret)
{
	size_t count = 0, room = 1;
	struct gate_header *headers;
	struct bytes line;

	for (size_t i = 0; i < lines->rest.size; i++)
		room += lines->rest.ptr[i] == '\n';
	headers = take(reader, room * sizeof(*headers));
	while (headers && next_line(lines, &line) && line.size != 0) {
		size_t colon = bytes_index(line, ':');

		if (colon == 0 || colon == line.size)
			return say(reader, "a header is expected as ", "một trường tiêu đề cần có dạng ",
				"Host: example.vn");
		headers[count++] = (struct gate_header){ bytes_first(line, colon), trim(bytes_skip(line, colon + 1)) };
	}
	ret->headers = headers;
	ret->header_count = count;
	return 0;
}

static struct bytes find_header(const struct gate_request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++) {
		if (ascii_equal_nocase_str(request->headers[i].name, name))
			return request->headers[i].value;
	}
	return (struct bytes){ 0 };
}

/* RFC 9112 section 7.1; extensions and trailers are left out. */
static int read_chunks(struct reader *reader, struct lines *lines, struct bytes *ret)
{
	uint8_t *room = take(reader, lines->rest.size + 1);
	size_t size = 0;
	struct bytes line;

	while (room && next_line(lines, &line)) {
		size_t length = 0, digits = 0;

		for (; digits < line.size && digits < 15 && ascii_hex_value(line.ptr[digits]) >= 0; digits++)
			length = length << 4 | (size_t)ascii_hex_value(line.ptr[digits]);
		if (digits == 0 || length > lines->rest.size)
			return say(reader, "this is no chunk that is whole", "đây không phải một khúc trọn vẹn", "");
		if (length == 0)
			break;
		memcpy(room + size, lines->rest.ptr, length);
		size += length;
		lines->rest = bytes_skip(lines->rest, length);
		if (next_line(lines, &line) && line.size != 0)
			return say(reader, "a line end is expected behind a chunk", "cần xuống dòng sau mỗi khúc", "");
	}
	*ret = bytes_of(room, size);
	return 0;
}

static int read_content(struct reader *reader, struct lines *lines, struct gate_request *ret)
{
	struct bytes length = find_header(ret, "Content-Length");
	size_t size = 0;

	if (ascii_equal_nocase_str(find_header(ret, "Transfer-Encoding"), "chunked"))
		return read_chunks(reader, lines, &ret->body);
	for (size_t i = 0; i < length.size && i < 15 && isdigit(length.ptr[i]); i++)
		size = size * 10 + (size_t)(length.ptr[i] - '0');
	ret->body = bytes_first(lines->rest, size);
	ret->stray_size = lines->rest.size - ret->body.size;
	if (size > lines->rest.size) {
		char found[64];

		snprintf(found, sizeof(found), "%zu < %zu", lines->rest.size, size);
		return say(reader,
			"the body is shorter than Content-Length: ", "phần thân ngắn hơn Content-Length: ", found);
	}
	return 0;
}

int gate_request_message(
	struct arena *arena, struct bytes text, struct gate_request *ret, struct gate_request_error *ret_error)
{
	struct reader reader = { arena, ret_error, false };
	struct lines lines = { text, 0 };
	struct bytes line = { 0 };
	int error;

	*ret = nothing;
	*ret_error = (struct gate_request_error){ 0 };
	(void)next_line(&lines, &line);
	error = read_start(&reader, line, ret);
	if (error == 0)
		error = read_fields(&reader, &lines, ret);
	if (error == 0)
		error = read_content(&reader, &lines, ret);
	ret_error->line = lines.number ? lines.number : 1;
	return error == 0 && reader.no_memory ? LUYTRE_E_NOMEM : error;
}

int gate_request_read(
	struct arena *arena, struct bytes text, struct gate_request *ret, struct gate_request_error *ret_error)
{
	struct bytes start = text;

	while (start.size != 0 && isspace(start.ptr[0]))
		start = bytes_skip(start, 1);
	return start.size != 0 && start.ptr[0] == '{' ? gate_request_json(arena, start, ret, ret_error)
						      : gate_request_message(arena, start, ret, ret_error);
}

#define HEADER(name, value)                                                                                            \
	{                                                                                                              \
		{ (const uint8_t *)(name), sizeof(name) - 1 },                                                         \
		{                                                                                                      \
			(const uint8_t *)(value), sizeof(value) - 1                                                    \
		}                                                                                                      \
	}

void gate_request_target(const char *target, struct gate_request *ret)
{
	static const struct gate_header headers[] = { HEADER("Host", "localhost"), HEADER("User-Agent", "Mozilla/5.0"),
		HEADER("Accept", "*/*") };

	*ret = nothing;
	ret->method = bytes_from_str("GET");
	ret->target = bytes_from_str(target);
	ret->headers = headers;
	ret->header_count = ARRAY_COUNT(headers);
}

/* ---- through the engine ---- */

static bool is_final(const struct gate_tx *tx)
{
	return gate_tx_verdict(tx)->action != GATE_PASS;
}

static void run_request(struct gate_tx *tx, const struct gate_request *request)
{
	gate_tx_request_line(tx, request->method, request->target, request->protocol);
	for (size_t i = 0; i < request->header_count; i++)
		gate_tx_request_header(tx, request->headers[i].name, request->headers[i].value);
	gate_tx_request_headers_end(tx);
	if (is_final(tx))
		return;
	if (gate_tx_wants_request_body(tx))
		gate_tx_request_body(tx, request->body);
	if (!is_final(tx))
		gate_tx_request_body_end(tx);
}

static void run_response(struct gate_tx *tx, const struct gate_request *request)
{
	gate_tx_response_line(tx, request->status, request->response_protocol);
	for (size_t i = 0; i < request->response_header_count; i++)
		gate_tx_response_header(tx, request->response_headers[i].name, request->response_headers[i].value);
	gate_tx_response_headers_end(tx);
	if (is_final(tx))
		return;
	if (gate_tx_wants_response_body(tx))
		gate_tx_response_body(tx, request->response_body);
	if (!is_final(tx))
		gate_tx_response_body_end(tx);
}

void gate_request_run(struct gate_tx *tx, const struct gate_request *request)
{
	gate_tx_connection(tx, request->client, 12345, "127.0.0.1", 80);
	run_request(tx, request);
	if (!is_final(tx) && request->has_response)
		run_response(tx, request);
	gate_tx_log(tx);
}
