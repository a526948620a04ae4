// SPDX-License-Identifier: Apache-2.0
/* Requests to the hub: HTTPS with both certificates, TLS 1.3, over libcurl. One struct http is one connection that is used again; it
 * belongs to one thread. Answers have ceilings, requests have an end, and nothing is followed elsewhere. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "edge/link/identity.h"

enum { HTTP_TAG_SIZE = 32, HTTP_RETRY_MAX_S = 300, HTTP_FINGERPRINT_SIZE = 32, HTTP_WHY_SIZE = 256 };

struct http;

/* Takes a piece of the body of a 200; false ends the request. */
typedef bool (*http_piece_fn)(void *context, struct bytes piece);
/* Asked about once a second: false ends the request. */
typedef bool (*http_tick_fn)(void *context);

struct http_request {
	const char *path; /* "/edge/v1/..." */
	bool post;
	const char *content_type; /* of a post */
	const char *last_event_id; /* of a stream; null or "": none */
	const char *if_none_match; /* of a GET without one of those; null or "": none */
	struct bytes body;
	uint32_t timeout_ms; /* of the whole; 0: none */
	uint32_t silence_s; /* without a byte for so long it ends; 0: none */
	size_t answer_max; /* a longer one ends the request */
	http_piece_fn piece; /* null: the body is gathered */
	http_tick_fn tick; /* may be null */
	void *context;
};

struct http_answer {
	long status;
	uint32_t retry_after_s; /* 0: not said */
	char tag[HTTP_TAG_SIZE]; /* ETag; "" without, or when it is longer */
	uint8_t *body; /* owned, with a NUL behind it; null without */
	size_t size;
	char why[HTTP_WHY_SIZE]; /* when there was no answer */
};

/* For requests of an enrolled edge. LUYTRE_E_NOMEM. 'stop' ends requests when it becomes true. */
MUST_CHECK int http_open(const struct identity *identity, const atomic_bool *stop, struct http **ret);
/* For the enrolment: without a certificate of our own, and with the fingerprint (SHA-256 of the DER form) of the authority that must
 * stand in the chain that the hub sends. */
MUST_CHECK int http_open_first(
	const char *url, const uint8_t fingerprint[HTTP_FINGERPRINT_SIZE], const atomic_bool *stop, struct http **ret);
void http_close(struct http *http); /* accepts null */

/* 0 when the hub has answered, whatever its status. LUYTRE_E_PERMISSION (it is not our hub, or it refuses our certificate),
 * LUYTRE_E_TIMEOUT, LUYTRE_E_FULL (the answer is too long), LUYTRE_E_CLOSED ('stop', tick or piece ended it), LUYTRE_E_IO.
 * '*ret' is to be freed with http_answer_done in any case. */
MUST_CHECK int http_send(struct http *http, const struct http_request *request, struct http_answer *ret);
void http_answer_done(struct http_answer *answer);

/* Once for the process, before threads. LUYTRE_E_SYSTEM. */
MUST_CHECK int http_start(void);
