// SPDX-License-Identifier: Apache-2.0
/* What rules look at. Buffers that are no plain view are made once for each state of the headers and kept with the
 * transaction; the layout of each is that of the rule keywords' documentation. */
#include "sensor/app/http1/buffers.h"

#include "base/ascii.h"
#include "sensor/app/http1/text.h"
#include "sensor/app/http1/tx.h"
#include "sensor/files/file.h"

static bool whole(struct bytes data, struct app_view *ret)
{
	if (!data.ptr)
		return false;
	*ret = (struct app_view){ .data = data, .last = true };
	return true;
}

/* A getter of one instance. */
#define GETTER(name, expression)                                                                                       \
	bool name(struct app_tx *app, const struct flow *flow, enum sensor_dir dir, uint32_t index,                    \
		struct app_view *ret)                                                                                  \
	{                                                                                                              \
		struct http_tx *tx = http_tx_of(app);                                                                  \
                                                                                                                       \
		(void)flow;                                                                                            \
		(void)dir;                                                                                             \
		return index == 0 && whole(expression, ret);                                                           \
	}

/* The value of a header; one that is there without value is an empty buffer. */
static struct bytes header(struct http_tx *tx, enum sensor_dir dir, const char *name)
{
	const struct http_header *found = http_header_find(&tx->headers[dir], name);

	if (!found)
		return (struct bytes){ 0 };
	return found->value.ptr ? found->value : bytes_of("", 0);
}

GETTER(http_get_method, tx->method)
GETTER(http_get_uri, tx->uri)
GETTER(http_get_uri_raw, tx->uri_raw)
GETTER(http_get_request_line, tx->request_line)
GETTER(http_get_response_line, tx->response_line)
GETTER(http_get_status_code, tx->status_text)
GETTER(http_get_status_message, tx->has_message ? tx->status_message : (struct bytes){ 0 })
GETTER(http_get_protocol, dir == TO_SERVER ? tx->request_protocol : tx->response_protocol)
GETTER(http_get_host, tx->has_host ? tx->host : (struct bytes){ 0 })
GETTER(http_get_host_raw, tx->has_host_raw ? tx->host_raw : (struct bytes){ 0 })
GETTER(http_get_header_raw, tx->raw_headers[dir])
GETTER(http_get_cookie, header(tx, dir, dir == TO_SERVER ? "cookie" : "set-cookie"))
GETTER(http_get_user_agent, header(tx, TO_SERVER, "user-agent"))
GETTER(http_get_accept, header(tx, TO_SERVER, "accept"))
GETTER(http_get_accept_encoding, header(tx, TO_SERVER, "accept-encoding"))
GETTER(http_get_accept_language, header(tx, TO_SERVER, "accept-language"))
GETTER(http_get_referer, header(tx, TO_SERVER, "referer"))
GETTER(http_get_connection, header(tx, dir, "connection"))
GETTER(http_get_content_type, header(tx, dir, "content-type"))
GETTER(http_get_content_length, header(tx, dir, "content-length"))
GETTER(http_get_location, header(tx, TO_CLIENT, "location"))
GETTER(http_get_server, header(tx, TO_CLIENT, "server"))

/* ---- Buffers made of all headers ---- */

struct writer {
	uint8_t *text;
	size_t size;
};

static void put(struct writer *out, struct bytes in)
{
	if (in.size != 0)
		memcpy(out->text + out->size, in.ptr, in.size);
	out->size += in.size;
}

static void put_end(struct writer *out)
{
	memcpy(out->text + out->size, "\r\n", 2);
	out->size += 2;
}

static size_t headers_size(const struct http_headers *headers)
{
	size_t size = 0;

	for (uint32_t i = 0; i < headers->count; i++)
		size += headers->list[i].name.size + headers->list[i].value.size + 4;
	return size;
}

/* Cookies have a buffer of their own. */
static bool is_cookie(const struct http_header *one, enum sensor_dir dir)
{
	return ascii_equal_nocase_str(one->name, dir == TO_SERVER ? "cookie" : "set-cookie");
}

static void put_headers(struct writer *out, const struct http_tx *tx, enum sensor_dir dir, bool cookies)
{
	const struct http_headers *headers = &tx->headers[dir];

	for (uint32_t i = 0; i < headers->count; i++) {
		const struct http_header *one = &headers->list[i];

		if ((!cookies && is_cookie(one, dir)) || one->flags & HTTP_HEADER_SIZE_UPDATE)
			continue;
		put(out, one->name);
		put(out, bytes_from_str(": "));
		put(out, one->value);
		put_end(out);
	}
}

static void put_names(struct writer *out, const struct http_tx *tx, enum sensor_dir dir)
{
	const struct http_headers *headers = &tx->headers[dir];

	put_end(out);
	for (uint32_t i = 0; i < headers->count; i++) {
		if (headers->list[i].flags & HTTP_HEADER_SIZE_UPDATE)
			continue;
		put(out, headers->list[i].name);
		put_end(out);
	}
	put_end(out);
}

static struct bytes start_line(const struct http_tx *tx, enum sensor_dir dir)
{
	return dir == TO_SERVER ? tx->request_line : tx->response_line;
}

static void put_start(struct writer *out, const struct http_tx *tx, enum sensor_dir dir)
{
	put(out, start_line(tx, dir));
	put_end(out);
	put_headers(out, tx, dir, true);
	put_end(out);
}

enum made_kind { MADE_HEADERS, MADE_NAMES, MADE_START };

static struct bytes make(struct http_tx *tx, enum sensor_dir dir, enum made_kind kind)
{
	struct http_made *made = &tx->made[dir];
	struct bytes *buffers[] = { &made->headers, &made->names, &made->start };
	uint32_t *counts[] = { &made->headers_count, &made->names_count, &made->start_count };
	struct http_headers *headers = &tx->headers[dir];
	struct writer out = { 0 };

	if (*counts[kind] == headers->count + 1)
		return *buffers[kind];
	if (kind != MADE_START && headers->count == 0)
		return (struct bytes){ 0 };
	out.text = app_tx_alloc(&tx->tx, headers_size(headers) + start_line(tx, dir).size + 8);
	if (!out.text)
		return (struct bytes){ 0 };
	if (kind == MADE_HEADERS)
		put_headers(&out, tx, dir, false);
	else if (kind == MADE_NAMES)
		put_names(&out, tx, dir);
	else
		put_start(&out, tx, dir);
	*counts[kind] = headers->count + 1;
	*buffers[kind] = bytes_of(out.text, out.size);
	return *buffers[kind];
}

GETTER(http_get_headers, make(tx, dir, MADE_HEADERS))
GETTER(http_get_header_names, make(tx, dir, MADE_NAMES))
GETTER(http_get_start, make(tx, dir, MADE_START))

/* One header as "name: value". */
bool http_get_one_header(
	struct app_tx *app, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	struct http_tx *tx = http_tx_of(app);
	const struct http_headers *headers = &tx->headers[dir];
	struct writer out = { 0 };

	(void)flow;
	if (index >= headers->count)
		return false;
	if (!headers->list[index].line.ptr) {
		struct http_header *one = &headers->list[index];

		out.text = app_tx_alloc(app, one->name.size + one->value.size + 2);
		if (!out.text)
			return false;
		if (!(one->flags & HTTP_HEADER_SIZE_UPDATE)) {
			put(&out, one->name);
			put(&out, bytes_from_str(": "));
			put(&out, one->value);
		}
		one->line = bytes_of(out.text, out.size);
	}
	return whole(headers->list[index].line, ret);
}

/* ---- Bodies ---- */

/* Nothing is shown before a fair part is there, since patterns may lie across pieces. */
static bool body_ready(const struct http_tx *tx, enum sensor_dir dir)
{
	const struct http_body *body = &tx->body[dir];

	return body->over || tx->inline_bodies || body->offset + body->size >= tx->settings->inspect_min_size[dir] ||
	       tx->tx.progress[dir] > HTTP_BODY;
}

static bool get_file(struct app_tx *app, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct file *file = app->files[dir] ? app->files[dir]->first : NULL;

	while (file && index-- != 0)
		file = file->next;
	if (!file)
		return false;
	*ret = (struct app_view){
		.data = file->window, .offset = file->window_offset, .last = file->state != FILE_OPEN
	};
	return true;
}

bool http_get_body(
	struct app_tx *app, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	struct http_tx *tx = http_tx_of(app);
	struct http_body *body = &tx->body[dir];

	(void)flow;
	if (tx->is_http2)
		return get_file(app, dir, index, ret);
	if (index != 0 || (body->size == 0 && body->offset == 0) || !body_ready(tx, dir))
		return false;
	body->inspected = body->offset + body->size;
	*ret = (struct app_view){ .data = bytes_of(body->window, body->size),
		.offset = body->offset,
		.last = body->over || tx->tx.progress[dir] > HTTP_BODY,
		.version = body->version };
	return true;
}

bool http_get_file_data(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	if (dir == TO_CLIENT && !http_tx_of(tx)->is_http2)
		return http_get_body(tx, flow, dir, index, ret);
	return get_file(tx, dir, index, ret);
}
