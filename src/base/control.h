// SPDX-License-Identifier: Apache-2.0
/* The control socket of a daemon: a Unix stream socket, one line in, one line of JSON out, closed.
 *
 * The program gives a function that answers a line; the server does everything around it. A client that is slow, silent or
 * many is the one that loses: their number, their line, the answer and their time have bounds, and nothing ever blocks the
 * loop. Two kinds of requests last longer: one that is answered later (CONTROL_LATER, then control_server_answer), and one
 * that takes a stream of lines until it goes (CONTROL_STREAM, then control_server_stream); a stream whose reader falls
 * behind loses lines, which are counted.
 *
 * Everything belongs to the thread of the loop. The socket is mode 0600, or 0660 with a group; its folder is made when
 * missing, and a socket that a dead process left there is replaced. */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/jsonw.h"
#include "base/loop.h"

enum {
	CONTROL_CLIENTS_MAX = 32, /* one more is closed at once */
	CONTROL_LINE_MAX = 4095, /* bytes of a request; a longer one is closed without an answer */
	CONTROL_BACKLOG_MAX = 256 << 10, /* bytes that the reader of a stream may be behind */
};

enum control_answer { CONTROL_ANSWERED, CONTROL_LATER, CONTROL_STREAM };

/* Answers 'line', which it may change: writes one whole JSON value. What it writes counts only for CONTROL_ANSWERED. */
typedef enum control_answer (*control_run_fn)(void *context, char *line, struct jsonw *out);
/* Writes the answer of one that waited. */
typedef void (*control_late_fn)(void *context, struct jsonw *out);

struct control_options {
	const char *path; /* borrowed during the call */
	const char *group; /* whose members may connect; null: the owner alone */
	size_t reply_max_size; /* of an answer; a longer one becomes an error that says so */
	uint32_t idle_s; /* a client that took longer is closed when another one comes */
	control_run_fn run;
	void *context;
};

struct control_server;

/* 0; LUYTRE_E_SYSTEM with a sentence in 'why'; LUYTRE_E_NOMEM. */
MUST_CHECK int control_server_open(struct loop *loop, const struct control_options *options, char *why, size_t why_size,
	struct control_server **ret);

/* Closes all clients and removes the socket. Accepts null. */
void control_server_close(struct control_server *server);

/* Answers all clients that wait. Accepts null. */
void control_server_answer(struct control_server *server, control_late_fn write, void *context);

/* How many clients take the stream: without one there is no need to make a line. */
size_t control_server_streams(const struct control_server *server);

/* Lines that readers of the stream did not get because they were behind, since the start. */
uint64_t control_server_lost(const struct control_server *server);

/* Sends a line, without its end, to all of them. */
void control_server_stream(struct control_server *server, struct bytes line);
