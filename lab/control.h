// SPDX-License-Identifier: Apache-2.0
/* Talking to luytre: one request a connection over its control socket (docs/control.md), and its counters in the form
 * that the lab counts with: one total over all organisations of an edge for each reason. Calls block, two seconds at most. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "shield/reason.h"

enum { CONTROL_ATTACKS_MAX = 6, CONTROL_TEXT_SIZE = 256 };

struct control_reason {
	uint64_t packets; /* that were judged so, and treated so */
	uint64_t shadow_packets; /* that would have been dropped, and passed */
};

struct control_stats {
	uint64_t now_ns; /* when they were read; monotonic */
	uint64_t arrived_packets, arrived_bytes;
	uint64_t passed_packets, passed_bytes; /* to the inside */
	struct control_reason reasons[SHIELD_REASON_COUNT];
	size_t attack_count;
	char attacks[CONTROL_ATTACKS_MAX][CONTROL_TEXT_SIZE]; /* those going on, in words */
};

/* By the name that luytre shows; SHIELD_REASON_COUNT when there is none. */
enum shield_reason control_reason_find(const char *name);

/* Sends a request and throws the reply away. 0; LUYTRE_E_IO when nobody answers; LUYTRE_E_INVALID when the reply is an
 * error. Failures are logged. */
MUST_CHECK int control_command(const char *socket_path, const char *request);

/* The same, and copies the member 'key' of the reply, a text or a number; 'key' may be null. Also for the control sockets of hub and sensors. A failure is
 * logged when somebody answers. */
MUST_CHECK int control_ask(const char *socket_path, const char *request, const char *key, char *ret, size_t size);

/* True when a decision about this prefix stands in the tables of an edge. */
bool control_stands(const char *socket_path, const char *prefix);

/* What the hub says of itself. */
struct control_hub {
	uint64_t watch, challenge, block; /* decisions that stand; block: provisional and long ones too */
	size_t edges_current; /* that have taken everything */
};

/* 0, LUYTRE_E_IO or LUYTRE_E_SYNTAX. */
MUST_CHECK int control_read_hub(const char *socket_path, struct control_hub *ret);

/* 0, LUYTRE_E_IO (nobody answers) or LUYTRE_E_SYNTAX (the reply is not as documented). '*ret' is written on success
 * only. */
MUST_CHECK int control_read_stats(const char *socket_path, struct control_stats *ret);
