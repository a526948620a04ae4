// SPDX-License-Identifier: Apache-2.0
/* Conversations that prove a hold of the sensor: for each rule an attack that it stops and a benign twin that it does not, as
 * rules/sensor/samples/holds.jsonl has them, one JSON object a line:
 *
 *	{"name":"8200010-attack","proto":"tcp","port":445,"data":[["c","hex","ff534d42"],["s","text","220 ready\r\n"],["c","text","A",600]]}
 *
 * The name is the rule's number, "-attack" or "-twin", and behind a further dash anything that tells several of a kind apart: of a rule with
 * three attacks all three must be stopped. "port" is the server's, "data" what client ("c") and server ("s") say in turn: bytes as hex
 * digits (blanks are passed over) or as text in which each character is a byte, U+0001 to U+00FF; the number says how many times over. Each
 * entry of a "udp" conversation is a datagram. Members that are not known are passed over.
 *
 * Samples do no harm: they are as much of an attack as the rule looks at, and no more. Reading is bounded. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum {
	HOLD_TALKS_SIZE_MAX = 16 << 20, /* of the file */
	HOLD_TALKS_MAX = 16384,
	HOLD_TALK_TURNS_MAX = 64, /* entries of "data" */
	HOLD_TALK_DATA_MAX = 256 << 10, /* bytes of one conversation */
	HOLD_TALKS_DATA_MAX = 64 << 20, /* of all */
	HOLD_TALK_DATAGRAM_MAX = 1400, /* of an entry of a "udp" conversation */
	HOLD_TALKS_PATH_SIZE = 4096,
};

#define HOLD_TALKS_NAME "samples/holds.jsonl" /* beside the rules that they prove */

struct hold_turn {
	bool from_server;
	struct bytes data; /* not empty */
};

struct hold_talk {
	uint32_t sid;
	bool is_twin, is_udp;
	uint16_t port;
	const char *name;
	const struct hold_turn *turns;
	size_t turn_count;
};

struct hold_talks;

/* Immutable once read; any thread. LUYTRE_E_SYNTAX with the number of the line in '*ret_line', LUYTRE_E_FULL, LUYTRE_E_NOMEM. */
MUST_CHECK int hold_talks_read(struct bytes text, struct hold_talks **ret, size_t *ret_line);
/* The file; none is there: no conversations. An error was logged. */
MUST_CHECK int hold_talks_open(const char *path, struct hold_talks **ret);
void hold_talks_free(struct hold_talks *talks); /* accepts null */

size_t hold_talks_count(const struct hold_talks *talks); /* 0 for null */
/* By rule, attacks before twins, then by name. */
const struct hold_talk *hold_talks_at(const struct hold_talks *talks, size_t index);
/* All of a rule, '*ret_count' of them one behind the other; null: there are none. 'talks' may be null. */
const struct hold_talk *hold_talks_of(const struct hold_talks *talks, uint32_t sid, bool twins, size_t *ret_count);
