// SPDX-License-Identifier: Apache-2.0
/* Frames of HTTP/2 (RFC 9113, sections 4 and 6). Pure functions of bytes. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

#define HTTP2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
enum { HTTP2_PREFACE_SIZE = 24, HTTP2_FRAME_HEADER_SIZE = 9 };

/* X(identifier, number, name in rules) */
#define HTTP2_FRAME_TYPES(X)                                                                                           \
	X(DATA, 0, "DATA")                                                                                             \
	X(HEADERS, 1, "HEADERS")                                                                                       \
	X(PRIORITY, 2, "PRIORITY")                                                                                     \
	X(RST_STREAM, 3, "RST_STREAM")                                                                                 \
	X(SETTINGS, 4, "SETTINGS")                                                                                     \
	X(PUSH_PROMISE, 5, "PUSH_PROMISE")                                                                             \
	X(PING, 6, "PING")                                                                                             \
	X(GOAWAY, 7, "GOAWAY")                                                                                         \
	X(WINDOW_UPDATE, 8, "WINDOW_UPDATE")                                                                           \
	X(CONTINUATION, 9, "CONTINUATION")

enum http2_frame_type {
#define X(id, number, name) HTTP2_##id = (number),
	HTTP2_FRAME_TYPES(X)
#undef X
};

/* X(identifier, number, name in rules, name in EVE) */
#define HTTP2_ERROR_CODES(X)                                                                                           \
	X(NO_ERROR, 0, "NO_ERROR", "NOERROR")                                                                          \
	X(PROTOCOL_ERROR, 1, "PROTOCOL_ERROR", "PROTOCOLERROR")                                                        \
	X(INTERNAL_ERROR, 2, "INTERNAL_ERROR", "INTERNALERROR")                                                        \
	X(FLOW_CONTROL_ERROR, 3, "FLOW_CONTROL_ERROR", "FLOWCONTROLERROR")                                             \
	X(SETTINGS_TIMEOUT, 4, "SETTINGS_TIMEOUT", "SETTINGSTIMEOUT")                                                  \
	X(STREAM_CLOSED, 5, "STREAM_CLOSED", "STREAMCLOSED")                                                           \
	X(FRAME_SIZE_ERROR, 6, "FRAME_SIZE_ERROR", "FRAMESIZEERROR")                                                   \
	X(REFUSED_STREAM, 7, "REFUSED_STREAM", "REFUSEDSTREAM")                                                        \
	X(CANCEL, 8, "CANCEL", "CANCEL")                                                                               \
	X(COMPRESSION_ERROR, 9, "COMPRESSION_ERROR", "COMPRESSIONERROR")                                               \
	X(CONNECT_ERROR, 10, "CONNECT_ERROR", "CONNECTERROR")                                                          \
	X(ENHANCE_YOUR_CALM, 11, "ENHANCE_YOUR_CALM", "ENHANCEYOURCALM")                                               \
	X(INADEQUATE_SECURITY, 12, "INADEQUATE_SECURITY", "INADEQUATESECURITY")                                        \
	X(HTTP_1_1_REQUIRED, 13, "HTTP_1_1_REQUIRED", "HTTP11REQUIRED")

/* X(identifier, number, name in rules, name in EVE) */
#define HTTP2_SETTINGS_IDS(X)                                                                                          \
	X(HEADER_TABLE_SIZE, 1, "SETTINGS_HEADER_TABLE_SIZE", "SETTINGSHEADERTABLESIZE")                               \
	X(ENABLE_PUSH, 2, "SETTINGS_ENABLE_PUSH", "SETTINGSENABLEPUSH")                                                \
	X(MAX_CONCURRENT_STREAMS, 3, "SETTINGS_MAX_CONCURRENT_STREAMS", "SETTINGSMAXCONCURRENTSTREAMS")                \
	X(INITIAL_WINDOW_SIZE, 4, "SETTINGS_INITIAL_WINDOW_SIZE", "SETTINGSINITIALWINDOWSIZE")                         \
	X(MAX_FRAME_SIZE, 5, "SETTINGS_MAX_FRAME_SIZE", "SETTINGSMAXFRAMESIZE")                                        \
	X(MAX_HEADER_LIST_SIZE, 6, "SETTINGS_MAX_HEADER_LIST_SIZE", "SETTINGSMAXHEADERLISTSIZE")

enum http2_setting_id {
#define X(id, number, name, eve_name) HTTP2_SETTING_##id = (number),
	HTTP2_SETTINGS_IDS(X)
#undef X
};

enum {
	HTTP2_FLAG_END_STREAM = 1,
	HTTP2_FLAG_ACK = 1,
	HTTP2_FLAG_END_HEADERS = 4,
	HTTP2_FLAG_PADDED = 8,
	HTTP2_FLAG_PRIORITY = 32
};

struct http2_frame {
	uint32_t size; /* of the payload */
	uint8_t type, flags;
	uint32_t stream_id;
};

/* False: not all nine bytes are there. */
MUST_CHECK bool http2_parse_frame(struct bytes in, struct http2_frame *ret);

/* Takes the padding off a whole payload (section 6.1). False: it is longer than the payload. */
MUST_CHECK bool http2_take_padding(const struct http2_frame *frame, struct bytes *payload);

struct http2_setting {
	uint16_t id;
	uint32_t value;
};
/* The next of a SETTINGS payload; false at the end. */
MUST_CHECK bool http2_next_setting(struct bytes *payload, struct http2_setting *ret);

/* The update of the table's size that a header block begins with (RFC 7541, section 6.3): how many there are; *ret_size is
 * the last. */
unsigned int http2_size_updates(struct bytes block, uint32_t *ret_size);
