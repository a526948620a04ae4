// SPDX-License-Identifier: Apache-2.0
/* A request and its response, whatever version of HTTP brought them: what rules and records look at.
 *
 * HTTP/1 uses it as it is, HTTP/2 puts its own fields behind it. Everything lies in the transaction's arena, except the
 * windows of bodies, which http_tx_done frees. */
#pragma once

#include "sensor/app/app.h"
#include "sensor/app/http1/config.h"

struct file;

/* How far a direction is; also the hooks of rules ("http1:request_headers"). */
enum http_progress { HTTP_STARTED, HTTP_LINE, HTTP_HEADERS, HTTP_BODY, HTTP_TRAILER, HTTP_COMPLETE };

enum http_header_flag {
	HTTP_HEADER_REPEATED = 1 << 0,
	HTTP_HEADER_TRAILER = 1 << 1,
	HTTP_HEADER_SIZE_UPDATE = 1 << 2, /* HTTP/2: no field, but a new size of the table */
};

struct http_header {
	struct bytes name, value;
	struct bytes line; /* "name: value", made when a rule wants it */
	uint32_t hash; /* of the name */
	uint16_t repeat_count;
	uint8_t flags; /* enum http_header_flag */
	uint32_t size_update;
};

struct http_headers {
	struct http_header *list;
	uint32_t count, capacity;
};

/* Bytes of a body that rules still may look at. */
struct http_body {
	uint8_t *window;
	size_t size, capacity;
	uint64_t offset; /* of window[0] in the body */
	uint32_t version; /* counts up when the window's bytes are replaced */
	uint64_t inspected; /* offset behind what was shown to rules */
	uint64_t shown; /* offset of the view given out */
	bool over; /* nothing will follow: complete, or at its limit */
	struct file *file;
};

struct http_tx {
	struct app_tx tx;
	const struct http_settings *settings;
	const struct http_record_options *record;
	bool inline_bodies;
	bool is_http2;
	/* Request. */
	struct bytes request_line, method, uri_raw, uri, uri_path, request_protocol;
	struct bytes host, host_raw; /* normalised; as written */
	bool has_host, has_host_raw;
	int32_t port; /* of URI or Host; -1: none */
	/* Response. */
	struct bytes response_line, response_protocol, status_text, status_message;
	uint16_t status; /* 0: no number */
	bool has_response_line, has_message;
	struct http_headers headers[SENSOR_DIRS];
	struct bytes raw_headers[SENSOR_DIRS], raw_trailers[SENSOR_DIRS];
	struct http_body body[SENSOR_DIRS];
	uint64_t body_size[SENSOR_DIRS]; /* decoded, whether kept or not */
	uint64_t message_size; /* of the response's body as sent */
	/* Buffers that are made when a rule wants them first. */
	struct http_made {
		struct bytes headers, names, start;
		uint32_t headers_count, names_count, start_count; /* headers they were made from, plus one */
	} made[SENSOR_DIRS];
};

static inline struct http_tx *http_tx_of(struct app_tx *tx)
{
	return (struct http_tx *)tx;
}

void http_tx_init(struct app_conn *conn, struct http_tx *tx, const struct http_settings *settings,
	const struct http_record_options *record);
void http_tx_done(struct app_conn *conn, struct http_tx *tx);

/* 'name' is in lower case. Null: none. */
const struct http_header *http_header_find(const struct http_headers *headers, const char *name);
/* The value, empty when there is none. */
struct bytes http_header_value(const struct http_headers *headers, const char *name);

enum http_header_added { HTTP_HEADER_NEW, HTTP_HEADER_AGAIN, HTTP_HEADER_LENGTHS_DIFFER, HTTP_HEADER_REFUSED };
/* Adds a header, the views are not copied. A name that was there gets ", value" more, except Content-Length, of which
 * the first holds. REFUSED: no memory, or more than 'max'. */
enum http_header_added http_header_add(
	struct http_tx *tx, enum sensor_dir dir, struct bytes name, struct bytes value, uint32_t max);
/* HTTP/2 keeps each field apart. Null: no memory, or more than 'max'. */
struct http_header *http_header_append(
	struct http_tx *tx, enum sensor_dir dir, struct bytes name, struct bytes value, uint32_t max);

/* Host and port out of URI and Host header text. Fills host, host_raw, port. */
void http_tx_set_host(struct http_tx *tx, struct bytes host, bool from_uri, int32_t port);
/* Fills uri and uri_path from uri_raw; true: it was encoded twice. */
bool http_tx_set_uri(struct http_tx *tx, struct bytes raw);

/* Keeps bytes of a body for rules, up to the limit, and drops what rules have seen. Answers how many bytes of 'data'
 * count (all, unless the limit is reached). */
size_t http_body_append(struct app_conn *conn, struct http_tx *tx, enum sensor_dir dir, struct bytes data);

/* ---- log.c ---- */
void http_log_fields(struct http_tx *tx, struct jsonw *json);
void http_log_status(struct http_tx *tx, struct jsonw *json);
void http_log_bodies(struct http_tx *tx, struct jsonw *json);
void http_log_range(struct http_tx *tx, struct jsonw *json);
/* All headers of a direction, or those that "custom" names; nothing when there are none. */
void http_log_headers(struct http_tx *tx, enum sensor_dir dir, bool all, struct jsonw *json);
