// SPDX-License-Identifier: Apache-2.0
/* HTTP/1 on one connection: two independent readers, one for each direction, that meet in transactions.
 *
 * All input is consumed at once; what is undecided (a line, a head) waits in a buffer with a ceiling. Responses belong to
 * requests in order. */
#pragma once

#include "sensor/app/frames.h"
#include "sensor/app/http1/body.h"
#include "sensor/app/http1/events.h"
#include "sensor/app/http1/lines.h"
#include "sensor/app/http1/tx.h"

enum http1_state {
	HTTP1_IDLE, /* before the first line of a message */
	HTTP1_NO_VERSION, /* request without protocol: HTTP/0.9, or just forgotten */
	HTTP1_HEAD,
	HTTP1_BODY_LENGTH, /* 'left' bytes */
	HTTP1_BODY_END, /* until the connection ends */
	HTTP1_CHUNK_SIZE,
	HTTP1_CHUNK_DATA,
	HTTP1_CHUNK_END, /* the line end behind a chunk */
	HTTP1_TRAILER,
	HTTP1_FINALISE, /* the message is over: is the rest of this input another one? */
	HTTP1_CONNECT_WAIT, /* request: until the answer to CONNECT says what follows */
	HTTP1_IGNORE, /* nothing further is read */
};

enum http1_frame { HTTP1_FRAME_REQUEST, HTTP1_FRAME_RESPONSE };

/* Ceilings of what waits. */
enum { HTTP1_LINE_MAX = 18000, HTTP1_LINE_LONG = 9000, HTTP1_HEAD_MAX = 1 << 20 };

struct http1_tx {
	struct http_tx http;
	const struct http1 *owner; /* the connection's state; numbers start again behind a tunnel */
	uint32_t round; /* http1.round when it was made */
	bool is_connect, is_head, version_0_9, continue_seen, no_request;
	bool body_lines; /* response: lines that are no status line were taken for its body */
};

struct http1_side {
	uint8_t state; /* enum http1_state */
	bool in_body_lines;
	uint8_t skip_line_end; /* behind LF CR CR LF: one more CR LF may follow that counts to it */
	uint8_t *held;
	size_t held_size, held_capacity;
	size_t line_start; /* in held, of the head's current line */
	struct line_scan scan;
	uint64_t left; /* of the body or chunk */
	bool body_complete;
	uint64_t tx_id; /* of the message in hand, or of the next */
	struct http_body_reader *reader;
};

struct http1 {
	const struct http_config *config;
	const struct http_settings *settings;
	struct http1_side side[SENSOR_DIRS];
	bool change_due;
	uint32_t round; /* how many tunnels there were */
};

/* What a step of a reader says. */
enum http1_step {
	HTTP1_AGAIN, /* go on with what is left */
	HTTP1_WAIT, /* all input is used */
	HTTP1_STOP, /* leave the rest to another protocol */
	HTTP1_FAIL,
};

/* One parse call. */
struct http1_call {
	struct app_conn *conn;
	struct http1 *http;
	enum sensor_dir dir;
	struct http1_side *side;
	struct bytes data; /* not used yet */
	uint64_t now_ns;
	bool eof, eof_truncated;
};

extern const struct app_protocol app_protocol_http;

/* ---- common.c ---- */
/* Appends to what waits. False at the ceiling 'max'. */
bool http1_hold(struct http1_call *call, struct bytes in, size_t max);
/* A complete line (with its end), out of what waits and the input; false: wait. *ret_too_long is set at the ceiling. The
 * view lives until the next call of http1_held_clear. */
bool http1_take_line(struct http1_call *call, struct bytes *ret, bool *ret_too_long);
void http1_held_clear(struct http1_side *side);
struct http1_tx *http1_find(struct http1_call *call, uint64_t id);
struct http1_tx *http1_new_tx(struct http1_call *call); /* null at the ceiling */
void http1_event(struct http1_call *call, struct http1_tx *tx, enum http_event event);
/* Reads the head that is being collected. AGAIN when it is complete and its headers are in the transaction. */
enum http1_step http1_head(struct http1_call *call, struct http1_tx *tx, bool trailer);
bool http1_body_begin(struct http1_call *call, struct http1_tx *tx, unsigned int flags);
void http1_body_data(struct http1_call *call, struct http1_tx *tx, struct bytes data);
void http1_body_finish(struct http1_call *call, struct http1_tx *tx, bool complete);
/* The states HTTP1_BODY_LENGTH, HTTP1_BODY_END, HTTP1_CHUNK_DATA, HTTP1_CHUNK_END of both directions. */
enum http1_step http1_body_step(struct http1_call *call, struct http1_tx *tx);

/* ---- request.c, response.c ---- */
enum http1_step http1_request_step(struct http1_call *call);
void http1_request_end(struct http1_call *call);
enum http1_step http1_response_step(struct http1_call *call);
void http1_response_end(struct http1_call *call);
/* The response has decided what becomes of a connection whose request side waits. */
void http1_request_resume(struct http1 *http);
