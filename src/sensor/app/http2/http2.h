// SPDX-License-Identifier: Apache-2.0
/* HTTP/2 (RFC 9113) on one connection: each stream is a transaction, each frame of the connection itself (stream 0) is one
 * of its own. Requests and responses are what HTTP/1 has (app/http1/tx.h), so rules and records are the same.
 *
 * Header compression is that of libnghttp2, with a ceiling for its table. Header blocks that come in several frames are
 * collected up to a limit.
 *
 * DNS over HTTPS (RFC 8484): a request or a response whose type is application/dns-message carries one DNS message. The
 * first of them makes the connection one of the protocol "doh2": the same parser and transactions, and for rules and
 * records the DNS messages too. */
#pragma once

#include <nghttp2/nghttp2.h>

#include "sensor/app/dns/message.h"
#include "sensor/app/http1/body.h"
#include "sensor/app/http1/buffers.h"
#include "sensor/app/http1/tx.h"
#include "sensor/app/http2/frame.h"
#include "sensor/rules/keyword.h"

#define HTTP2_EVENTS(X)                                                                                                \
	X(INVALID_FRAME_HEADER, "invalid_frame_header")                                                                \
	X(INVALID_CLIENT_MAGIC, "invalid_client_magic")                                                                \
	X(INVALID_FRAME_DATA, "invalid_frame_data")                                                                    \
	X(INVALID_HEADER, "invalid_header")                                                                            \
	X(INVALID_FRAME_LENGTH, "invalid_frame_length")                                                                \
	X(EXTRA_HEADER_DATA, "extra_header_data")                                                                      \
	X(LONG_FRAME_DATA, "long_frame_data")                                                                          \
	X(STREAM_ID_REUSE, "stream_id_reuse")                                                                          \
	X(INVALID_HTTP1_SETTINGS, "invalid_http1_settings")                                                            \
	X(FAILED_DECOMPRESSION, "failed_decompression")                                                                \
	X(INVALID_RANGE, "invalid_range")                                                                              \
	X(HEADER_INTEGER_OVERFLOW, "header_integer_overflow")                                                          \
	X(TOO_MANY_STREAMS, "too_many_streams")                                                                        \
	X(AUTHORITY_HOST_MISMATCH, "authority_host_mismatch")                                                          \
	X(USERINFO_IN_URI, "userinfo_in_uri")                                                                          \
	X(REASSEMBLY_LIMIT_REACHED, "reassembly_limit_reached")                                                        \
	X(DNS_REQUEST_TOO_LONG, "dns_request_too_long")                                                                \
	X(DNS_RESPONSE_TOO_LONG, "dns_response_too_long")                                                              \
	X(DATA_STREAM_ZERO, "data_stream_zero")                                                                        \
	X(TOO_MANY_FRAMES, "too_many_frames")

enum http2_event {
#define X(id, name) HTTP2_EVENT_##id,
	HTTP2_EVENTS(X)
#undef X
};

enum {
	HTTP2_KEPT_MAX = 64, /* frames of a stream and direction that rules can look at */
	HTTP2_SETTINGS_MAX = 64,
	HTTP2_BLOCK_MAX = 102400, /* header block in pieces */
	HTTP2_CONTROL_MAX = 65536, /* payload of a frame that has to be whole */
	HTTP2_TABLE_MAX = 65536, /* compression table of one direction */
	HTTP2_HEADERS_MAX = 1024,
	HTTP2_STREAMS_MAX = 4096,
	HTTP2_RESET_MAX = 16, /* streams that the client gave up and whose response may be on its way */
	HTTP2_DNS_MAX = 65535, /* RFC 8484, section 6 */
};

/* A number some frame brought. */
struct http2_numbers {
	uint8_t count;
	uint32_t values[HTTP2_KEPT_MAX];
};

struct http2_seen {
	struct http2_numbers types, errors, priorities, windows, size_updates;
	struct http2_setting *settings; /* in the arena */
	uint8_t settings_count;
};

/* The DNS message of one direction. */
struct http2_dns {
	struct dns_message message;
	bool expected; /* its bytes are the body */
	uint8_t *body; /* app_realloc, until the message is read */
	size_t body_size, body_capacity;
};

struct http2_tx {
	struct http_tx http;
	uint32_t stream_id;
	struct http2_seen *seen[SENSOR_DIRS]; /* null: no frame */
	struct http_body_reader *reader[SENSOR_DIRS];
	struct http2_dns *dns[SENSOR_DIRS]; /* in the arena; null: none */
	bool has_headers[SENSOR_DIRS];
	bool ended[SENSOR_DIRS];
};

struct http2_side {
	nghttp2_hd_inflater *inflater;
	bool inflater_broken;
	bool preface_seen;
	/* A DATA frame whose payload still comes, or another one that is skipped. */
	uint32_t data_left, padding_left;
	uint32_t data_stream;
	bool data_ends_stream, skipping;
	/* A header block in pieces. */
	uint8_t *block;
	size_t block_size, block_capacity;
	uint32_t block_stream;
	bool block_open, block_ends_stream, block_too_long;
	uint32_t table_size; /* limit that the other side announced */
};

struct http2 {
	const struct http2_config *config;
	struct http2_side side[SENSOR_DIRS];
	uint32_t streams;
	uint32_t reset[HTTP2_RESET_MAX]; /* streams, in a ring; 0: none */
	uint32_t reset_count;
};

struct http2_config {
	struct http_settings settings;
	struct http_record_options *record; /* owned */
	uint32_t table_max, streams_max;
	bool dns; /* "app-layer.protocols.doh2.enabled" */
	size_t block_max;
};

/* One parse call. */
struct http2_call {
	struct app_conn *conn;
	struct http2 *http;
	enum sensor_dir dir;
	struct http2_side *side;
	uint64_t now_ns;
};

extern const struct app_protocol app_protocol_http2, app_protocol_doh2;

static inline bool http2_is(const struct app_protocol *protocol)
{
	return protocol == &app_protocol_http2 || protocol == &app_protocol_doh2;
}

static inline struct http2_tx *http2_tx_of(struct app_tx *tx)
{
	return (struct http2_tx *)tx;
}

/* ---- stream.c ---- */
struct http2_tx *http2_stream(struct http2_call *call, uint32_t stream_id);
struct http2_tx *http2_control(struct http2_call *call); /* a transaction for a frame of the connection */
void http2_note(struct http2_tx *tx, enum sensor_dir dir, size_t numbers_offset, uint32_t value);
struct http2_seen *http2_seen(struct http2_tx *tx, enum sensor_dir dir);
void http2_headers_block(struct http2_call *call, struct http2_tx *tx, struct bytes block);
void http2_add_header(struct http2_call *call, struct http2_tx *tx, struct bytes name, struct bytes value);
void http2_headers_done(struct http2_call *call, struct http2_tx *tx);
void http2_data(struct http2_call *call, struct http2_tx *tx, struct bytes data);
void http2_end(struct http2_call *call, struct http2_tx *tx, enum sensor_dir dir, bool complete);
#define HTTP2_NOTE(tx, dir, member, value) http2_note(tx, dir, offsetof(struct http2_seen, member), value)

/* ---- doh.c ---- */
void http2_dns_headers(struct http2_call *call, struct http2_tx *tx); /* the headers of the direction are known */
void http2_dns_data(struct http2_call *call, struct http2_tx *tx, struct bytes data);
void http2_dns_end(struct app_conn *conn, struct http2_tx *tx, enum sensor_dir dir, bool complete);
/* RFC 4648, section 5, with or without padding at its end. False: a byte that is not of it, or no room. */
bool http2_base64url(struct bytes in, uint8_t *out, size_t out_size, size_t *ret_size);
extern const struct app_buffer http2_dns_buffers[];
extern const struct app_number http2_dns_numbers[];
bool http2_dns_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json);

/* ---- tables.c ---- */
#define HTTP2_PROGRESS_ANY                                                                                             \
	{                                                                                                              \
		0, 0                                                                                                   \
	}
/* Rows of struct app_number and struct app_buffer. */
#define HTTP2_NUMBER_ROWS                                                                                              \
	{ "http2.frametype", NULL, DIR_BOTH, HTTP2_PROGRESS_ANY, 8, APP_NUMBER_MULTI, http2_frame_names,               \
		http2_get_type },                                                                                      \
		{ "http2.errorcode", NULL, DIR_BOTH, HTTP2_PROGRESS_ANY, 32, APP_NUMBER_MULTI, http2_error_names,      \
			http2_get_error },                                                                             \
		{ "http2.priority", NULL, DIR_BOTH, HTTP2_PROGRESS_ANY, 8, APP_NUMBER_MULTI, NULL,                     \
			http2_get_priority },                                                                          \
		{ "http2.window", NULL, DIR_BOTH, HTTP2_PROGRESS_ANY, 32, APP_NUMBER_MULTI, NULL, http2_get_window },  \
	{                                                                                                              \
		"http2.size_update", NULL, DIR_BOTH, HTTP2_PROGRESS_ANY, 64, APP_NUMBER_MULTI, NULL,                   \
			http2_get_size_update                                                                          \
	}
#define HTTP2_BUFFER_ROWS                                                                                              \
	HTTP_BUFFER_ROWS,                                                                                              \
	{                                                                                                              \
		"http2.header_name", NULL, NULL, NULL, DIR_BOTH, HTTP_BUFFER_HEADERS, APP_BUFFER_MULTI,                \
			http2_get_header_name                                                                          \
	}
#define X(getter)                                                                                                      \
	bool getter(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret);
X(http2_get_type)
X(http2_get_error)
X(http2_get_priority)
X(http2_get_window)
X(http2_get_size_update)
#undef X
bool http2_get_header_name(
	struct app_tx *app, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret);
extern const struct app_name_value http2_frame_names[], http2_error_names[];
extern const struct app_number http2_numbers[];
extern const struct app_buffer http2_buffers[];
extern const struct rule_keyword http2_keywords[];
const char *http2_error_name(uint32_t code);
const char *http2_setting_name(uint16_t id);
bool http2_log(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json);
