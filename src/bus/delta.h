// SPDX-License-Identifier: Apache-2.0
/* Decisions on their way from the hub to the edges. Two forms of the same: records in a snapshot (a file of a bundle, a
 * million of them), and changes as one JSON object (the data of one server-sent event).
 *
 *	{"epoch":3,"from":17,"to":19,"changes":[
 *	 {"op":"put","id":"81","prefix":"203.0.113.5/32","action":"block","tenant":0,"until":1700000120000000,"reason":"web-exploit"},
 *	 {"op":"lift","id":"80"}]}
 *
 * Changes are numbered within an epoch: this object takes an edge from change 17 to change 19, and there may be fewer of them than
 * numbers, for not all concern edges. An edge that stands elsewhere asks for a snapshot. A new epoch means that everything before is void: what lifts all decisions at once is an epoch
 * with nothing in it. Putting an id that is there changes it; lifting one that is not there is nothing. Until is real time: the
 * decision ends by itself where the hub is gone. */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/jsonw.h"
#include "base/net.h"

enum {
	DELTA_CHANGES_MAX = 1000, /* in one object */
	DELTA_TEXT_MAX = 256 << 10,
	DELTA_REASON_SIZE = 48, /* with its NUL */
	DELTA_RECORD_SIZE = 48, /* without the reason */
};

enum delta_op { DELTA_PUT, DELTA_LIFT };

/* X(identifier, word): what an edge does. Numbers stand in records. */
#define DELTA_ACTIONS(X)                                                                                               \
	X(WATCH, "watch") /* told of, nothing else */                                                                  \
	X(CHALLENGE, "challenge") /* asks for a proof, or limits */                                                    \
	X(BLOCK, "block")

enum delta_action {
#define X(id, word) DELTA_##id,
	DELTA_ACTIONS(X)
#undef X
		DELTA_ACTION_COUNT
};

struct delta_change {
	enum delta_op op;
	uint64_t id; /* 1 ... 2^63 - 1 */
	/* Of a put. */
	struct ip_prefix prefix;
	enum delta_action action;
	uint32_t tenant; /* for whom; 0: everybody */
	int64_t until_us;
	char reason[DELTA_REASON_SIZE]; /* a word: a class, a rule; UTF-8 */
};

struct delta {
	uint64_t epoch, from, to;
	uint32_t change_count;
	struct delta_change changes[DELTA_CHANGES_MAX];
};

const char *delta_action_name(enum delta_action action);

/* Writes the object; 'to' - 'from' must be the number of changes or more. */
void delta_write(struct jsonw *json, const struct delta *delta);
/* LUYTRE_E_SYNTAX (not of this form), LUYTRE_E_FULL (too long). '*ret' is written on success only. */
MUST_CHECK int delta_read(struct bytes text, struct delta *ret);

/* ---- The snapshot: "luytreD1", u64 epoch, u64 number of the last change, u64 count, then the records (big endian):
 *
 *	u64 id, i64 until_us, u32 tenant, u8 family, u8 prefix length, u8 action, u8 reason size, 16 bytes address, 8 zeros, reason
 *
 * ---- */

struct delta_snapshot {
	uint64_t epoch, number, count;
	struct bytes records;
};

struct delta_snapshot_writer {
	uint8_t *text; /* owned */
	size_t size, capacity_size;
	uint64_t count;
	int error;
};

void delta_snapshot_begin(struct delta_snapshot_writer *writer, uint64_t epoch, uint64_t number);
void delta_snapshot_put(struct delta_snapshot_writer *writer, const struct delta_change *put);
/* The whole snapshot, which lives as long as the writer. LUYTRE_E_NOMEM or LUYTRE_E_FULL. */
MUST_CHECK int delta_snapshot_end(struct delta_snapshot_writer *writer, struct bytes *ret);
void delta_snapshot_done(struct delta_snapshot_writer *writer);

/* Checks all records. LUYTRE_E_CORRUPT, LUYTRE_E_TRUNCATED or LUYTRE_E_VERSION. */
MUST_CHECK int delta_snapshot_open(struct bytes in, struct delta_snapshot *ret);
/* Records in turn: start with '*pos' 0. False at the end. */
bool delta_snapshot_next(const struct delta_snapshot *snapshot, size_t *pos, struct delta_change *ret);
