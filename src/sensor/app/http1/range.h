// SPDX-License-Identifier: Apache-2.0
/* Files that come in pieces: responses with Content-Range (RFC 9110, section 14) are put together, over transactions and
 * flows, so that the whole file is seen once more when its last piece is here.
 *
 * The pieces of one download may belong to different workers, so the table is one for the process, behind a lock that is
 * taken when a piece begins and ends, not for its bytes. Ceilings: HTTP_RANGE_MEMORY_MAX in all, HTTP_RANGE_AGE_S since
 * the last piece; what does not fit is forgotten and counted nowhere else but in its own fragments' records. */
#pragma once

#include "sensor/app/app.h"
#include "sensor/app/http1/text.h"

#define HTTP_RANGE_MEMORY_MAX ((size_t)64 << 20)
enum { HTTP_RANGE_AGE_S = 60, HTTP_RANGE_FILES_MAX = 4096, HTTP_RANGE_PIECES_MAX = 1024 };

struct http_range_piece;

/* A piece of the file that 'key' names begins. Null: no memory, or not worth it (no total, or all of it). */
struct http_range_piece *http_range_open(struct bytes key, const struct http_range *range, uint64_t now_ns);
void http_range_append(struct http_range_piece *piece, struct bytes data);
/* The piece is over, complete or not. When it was the last that was missing, the file is put together as one more file of
 * the transaction. Frees the piece; null is allowed. */
void http_range_close(struct http_range_piece *piece, struct app_conn *conn, struct app_tx *tx, struct bytes name);
/* Frees the piece without looking at it again. Null is allowed. */
void http_range_drop(struct http_range_piece *piece);

/* The table lives as long as somebody uses it: once for each configuration that does. */
void http_range_use(void);
void http_range_unuse(void);
