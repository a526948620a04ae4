// SPDX-License-Identifier: Apache-2.0
/* Events on their way from an edge to the hub: one header, then EVE JSON objects, a line each, compressed with zstd.
 *
 *	{"v":1,"edge":12,"boot":"5f1c...","seq":77,"made":1700000000000000,"lost":0,"policy":9,"epoch":1,"have":4711}
 *	{"timestamp":"...","event_type":"alert",...}
 *	...
 *
 * 'boot' and 'seq' name the batch: an edge sends its batches in order and again until they are acknowledged; the hub takes each
 * once. 'lost' counts events that the edge had to give up since it began (a full spool). 'policy' and 'epoch'/'have' say what
 * stands on the edge: the revision of the policy, and the last decision change that is in its tables.
 *
 * A writer is filled by one thread. A reader checks everything: sizes, also before memory is taken, the form of the header; the lines are views and
 * are not looked into here. */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum {
	BATCH_LINES_MAX = 10000,
	BATCH_LINE_MAX = 64 << 10,
	BATCH_TEXT_MAX = 2 << 20, /* unpacked, that a reader takes: it becomes many times as much as JSON */
	BATCH_WRITE_MAX = 1000000, /* that a writer gathers: fits into BATCH_PACKED_MAX whatever it is */
	BATCH_PACKED_MAX = 1 << 20,
	BATCH_BOOT_SIZE = 33, /* 32 hex digits and a NUL */
	BATCH_ID_SIZE = 64,
};

struct batch_head {
	uint32_t edge;
	char boot[BATCH_BOOT_SIZE]; /* a random name of the edge's spool */
	uint64_t seq; /* from 1 */
	int64_t made_us;
	uint64_t lost;
	uint64_t policy, epoch, have;
};

/* ---- Writing ---- */

struct batch_writer;

MUST_CHECK int batch_writer_new(struct batch_writer **ret);
void batch_writer_free(struct batch_writer *writer); /* accepts null */
/* Adds a line without its end. LUYTRE_E_INVALID (empty, holds an end of line), LUYTRE_E_FULL (too long, or the batch is
 * full: pack it and add the line to the next one). */
MUST_CHECK int batch_add(struct batch_writer *writer, struct bytes line);
size_t batch_line_count(const struct batch_writer *writer);
size_t batch_text_size(const struct batch_writer *writer);
/* Packs what was added under 'head' and begins anew; the view lives until the next call. */
MUST_CHECK int batch_pack(struct batch_writer *writer, const struct batch_head *head, struct bytes *ret);

/* ---- Reading ---- */

struct batch {
	struct batch_head head;
	char id[BATCH_ID_SIZE]; /* "EDGE-BOOT-SEQ" shortened to be unique: the name that a store remembers */
	uint32_t line_count;
	uint8_t *text; /* owned */
	struct bytes lines;
};

/* LUYTRE_E_CORRUPT, LUYTRE_E_TRUNCATED, LUYTRE_E_FULL (too large, packed or unpacked), LUYTRE_E_SYNTAX (the header),
 * LUYTRE_E_VERSION, LUYTRE_E_NOMEM. '*ret' is freed with batch_done on success only. */
MUST_CHECK int batch_open(struct bytes packed, struct batch *ret);
void batch_done(struct batch *batch);
/* Lines in turn: start with '*pos' 0. False at the end. */
bool batch_next(const struct batch *batch, size_t *pos, struct bytes *ret);
