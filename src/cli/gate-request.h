// SPDX-License-Identifier: Apache-2.0
/* A request, and perhaps the response to it, as text: read for the tools of the gate and given to its engine.
 *
 * Three forms: a JSON object
 *	{"id":…,"client_ip":…,"method":…,"uri":…,"protocol":…,"headers":[[name,value],…],"body_base64":…,
 *	 "response":{"status":…,"protocol":…,"headers":…,"body_base64":…}}
 * (all but method and uri may be missing; text that is not UTF-8 comes with one character for each byte), an HTTP/1.1 message as on the
 * wire (RFC 9112, line ends may be bare), or a target alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "gate/gate.h"

struct gate_header {
	struct bytes name, value;
};

struct gate_request {
	const char *id, *client; /* never null */
	struct bytes method, target, protocol;
	const struct gate_header *headers;
	size_t header_count;
	struct bytes body;
	size_t stray_size; /* bytes behind the headers that no header says to be a body */
	bool has_response;
	unsigned int status;
	struct bytes response_protocol;
	const struct gate_header *response_headers;
	size_t response_header_count;
	struct bytes response_body;
};

/* What was wrong with it: a sentence in both languages, and the place that it is about. */
struct gate_request_error {
	const char *en, *vi;
	size_t line, column; /* from 1; 0: the whole */
	char detail[256]; /* what was found; may be empty */
};

/* '*ret' lives as long as 'arena' and, for a message, 'text'. LUYTRE_E_SYNTAX with '*ret_error' filled, LUYTRE_E_NOMEM. */
MUST_CHECK int gate_request_json(
	struct arena *arena, struct bytes text, struct gate_request *ret, struct gate_request_error *ret_error);
MUST_CHECK int gate_request_message(
	struct arena *arena, struct bytes text, struct gate_request *ret, struct gate_request_error *ret_error);
/* JSON when the first byte is '{'. */
MUST_CHECK int gate_request_read(
	struct arena *arena, struct bytes text, struct gate_request *ret, struct gate_request_error *ret_error);
/* GET of 'target', with the headers of a browser. */
void gate_request_target(const char *target, struct gate_request *ret);

/* All phases that it has something for, and the last; ends where a verdict does. */
void gate_request_run(struct gate_tx *tx, const struct gate_request *request);
