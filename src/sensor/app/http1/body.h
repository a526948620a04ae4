// SPDX-License-Identifier: Apache-2.0
/* The way of a body: as sent -> decompressed -> kept for rules, and into files.
 *
 * One reader for each message with a body, made when its headers are known; the bytes it gets are without chunk lines or
 * frames. Belongs to the parser's flow. */
#pragma once

#include "sensor/app/http1/tx.h"

struct http_body_reader;

enum http_body_trouble { /* beside the bits of decompress.h and multipart.h, which stand below and above */
	HTTP_BODY_ABNORMAL_ENCODING = 1 << 8,
	HTTP_BODY_TOO_MANY_LAYERS = 1 << 9,
	HTTP_BODY_NAME_TOO_LONG = 1 << 10,
	HTTP_BODY_RANGE_INVALID = 1 << 11,
	HTTP_BODY_SWF_FAILED = 1 << 12,
};
enum { HTTP_BODY_MULTIPART_SHIFT = 16 };

enum http_body_flag {
	HTTP_BODY_NO_DECODING = 1 << 0, /* Content-Encoding does not count */
	HTTP_BODY_NO_FILE = 1 << 1,
};

/* Looks at the headers of the direction. Null without memory. */
struct http_body_reader *http_body_reader_new(
	struct app_conn *conn, struct http_tx *tx, enum sensor_dir dir, unsigned int flags);
void http_body_reader_free(struct http_body_reader *reader); /* null is allowed */

void http_body_reader_data(struct http_body_reader *reader, struct bytes data);
void http_body_reader_gap(struct http_body_reader *reader, uint64_t size);
/* The body is over; 'complete' when all that was announced has come. */
void http_body_reader_finish(struct http_body_reader *reader, bool complete);
/* What happened since the last call, as bits. */
uint32_t http_body_reader_trouble(struct http_body_reader *reader);
