// SPDX-License-Identifier: Apache-2.0
/* A reader of server-sent events (WHATWG HTML, section 9.2, "Parsing an event stream"), fed piece by piece.
 *
 * Lines end with LF, CR or CRLF; fields are event, data and id; comments and other fields are left out. An event comes with
 * the empty line behind it. Lines and the data of an event have ceilings: what is longer is dropped whole and counted. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum { SSE_NAME_SIZE = 32, SSE_ID_SIZE = 24, SSE_LINE_MAX = 300 << 10 };

/* 'name' is "message" when the event did not say. False ends the feeding. */
typedef bool (*sse_event_fn)(void *context, const char *name, struct bytes data);

struct sse {
	uint8_t *line; /* owned */
	uint8_t *data; /* owned */
	size_t line_size, data_size;
	char name[SSE_NAME_SIZE];
	char id[SSE_ID_SIZE]; /* of the last event that said one, over all streams; "" none yet; longer ones are left out */
	bool line_long, event_bad, after_cr, has_data;
	uint64_t dropped; /* events that were too long */
};

/* LUYTRE_E_NOMEM. */
MUST_CHECK int sse_init(struct sse *sse);
void sse_done(struct sse *sse);
/* Begins a new stream. */
void sse_reset(struct sse *sse);
/* False when an event function answered false; the rest was not read. */
bool sse_feed(struct sse *sse, struct bytes in, sse_event_fn event, void *context);
