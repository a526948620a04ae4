// SPDX-License-Identifier: Apache-2.0
/* One line of EVE JSON becomes an event for the store, and perhaps a sighting: what it says about a source.
 *
 * It reads what our own edges send, what an unmodified Suricata writes, and, when they have time, addresses and a type, lines of
 * other programs. What an event means:
 *
 *	whose it is	the end that is registered as an asset; where both ends are, the one that was attacked. Neither: tenant 0.
 *	the source	the end that is not ours. A rule that held on an answer names the server as its source: ends are turned.
 *	evidence	never more than the wire proves. UDP, ICMP and a TCP packet nobody answered could be forged: E0. A TCP
 *			connection with packets in both directions: E1. A request that a parser understood on it: E2. E3 only for
 *			rules that say so of themselves (metadata `luytre_evidence e3`), holds, and what the gate's guards saw.
 *	nobody's	a source in a private network, multicast or the like (RFC 6890) is stored, but is no sighting.
 *	class		by the rule's metadata `luytre_class`, else by its category.
 *
 * Values are checked: a line is refused as a whole when it is not an object with a time and a type that can be read. The detail of
 * the event is the line as it came. No state; any thread. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "hub/decide/formula.h"
#include "hub/events/event.h"

/* Whose address it is. Writes zeros for nobody's. */
struct ingest_owner {
	uint32_t tenant, system;
};
typedef void (*ingest_owner_fn)(void *context, const struct ip_addr *addr, struct ingest_owner *ret);

struct ingest_options {
	uint32_t edge;
	int64_t now_us;
	ingest_owner_fn owner;
	void *context;
};

/* X(identifier, name of the counter): why a line was refused, or is stored without what it lacks. */
#define INGEST_FAULTS(X)                                                                                               \
	X(SYNTAX, "syntax") /* not an object of JSON within its bounds */                                              \
	X(TYPE, "type") /* no event_type */                                                                            \
	X(TIME, "time") /* no timestamp that can be read */                                                            \
	X(SIZE, "size") /* longer than EV_DETAIL_MAX */

enum ingest_fault {
#define X(id, name) INGEST_##id,
	INGEST_FAULTS(X)
#undef X
		INGEST_FAULT_COUNT
};

enum {
	INGEST_JA4_SIZE = 40,
	INGEST_PATH_SIZE = 128,
	INGEST_AHEAD_MAX_S = 300, /* times further ahead are taken for now */
};

/* What is worth telling others about the source of an event. */
struct ingest_sighting {
	struct ip_addr src;
	enum decide_class class;
	uint8_t evidence; /* enum ev_evidence */
	uint32_t tenant;
	uint64_t rule;
	uint16_t port; /* the service that was attacked */
	bool stopped;
	char ja4[INGEST_JA4_SIZE]; /* "" without */
	char path[INGEST_PATH_SIZE]; /* template of the path: numbers and long words are replaced, no query */
	struct bytes
		payload; /* for similarity only, never shared: URL, or the payload as printable text; may be empty */
};

struct ingest {
	struct ev_event event; /* views into the line and 'root' */
	bool has_sighting;
	struct ingest_sighting sighting;
	json_t *root; /* owned */
};

/* 0, or LUYTRE_E_SYNTAX with the fault. '*ret' is freed with ingest_done on success only. */
MUST_CHECK int ingest_line(
	struct bytes line, const struct ingest_options *options, struct ingest *ret, enum ingest_fault *ret_fault);
void ingest_done(struct ingest *ingest);

const char *ingest_fault_name(enum ingest_fault fault);

/* "2026-11-22T13:08:30.157786+0700" and RFC 3339 forms, in microseconds since 1970. False when it is none. */
bool ingest_time(struct bytes text, int64_t *ret_us);

/* "/ho-so/123456/tep?x=1" -> "/ho-so/{n}/tep": digits become {n}, words over 24 bytes or with a mix of digits {w}; cut at the size. */
void ingest_path_template(struct bytes url, char ret[INGEST_PATH_SIZE]);
