// SPDX-License-Identifier: Apache-2.0
/* Batches of events on the disk until the hub has them: one file for each, in the order of their numbers.
 *
 *	SEQ-KIND-LINES		20 digits, 'e' (events) or 'd' (counted drops), how many lines it holds
 *	head			the spool's random name and the number up to which batches may have been named
 *	broken/			what cannot be read, or what the hub refuses: the newest few, for a person to look at
 *
 * A file is written beside its place, synced and renamed, so that at any moment a batch is there whole or not at all. Numbers are
 * reserved on the disk before they are used: none is given twice, whatever happens. The folder is read at the start; what a crash left
 * half-written is removed.
 *
 * There is a ceiling in bytes and one in files. A batch that would go over it makes the oldest drops give way, then the oldest events;
 * drops never make events give way. What is given up, and what a full or broken disk did not take, is counted in lines. Nothing here
 * waits for anybody but the disk.
 *
 * All functions but spool_open and spool_close may be called from any thread. */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "bus/batch.h"

enum {
	SPOOL_FILES_MAX = 65536,
	SPOOL_BROKEN_MAX = 16, /* files kept in broken/ */
	SPOOL_RESERVE = 1024, /* numbers reserved at a time */
};

enum spool_kind { SPOOL_EVENTS, SPOOL_DROPS };

/* Gauges first, then counters since the start. Lines, not batches. */
struct spool_stats {
	uint64_t files, size_bytes;
	uint64_t stored, delivered;
	uint64_t given_up; /* by the ceiling */
	uint64_t failed; /* the disk did not take it */
	uint64_t broken; /* could not be read again, or was refused */
};

struct spool;

/* Makes the folder when it is not there. LUYTRE_E_BUSY (another process has it), LUYTRE_E_IO, LUYTRE_E_PERMISSION or another of error_from_errno(), LUYTRE_E_NOMEM. */
MUST_CHECK int spool_open(const char *dir, uint64_t ceiling_bytes, struct spool **ret);
void spool_close(struct spool *spool); /* accepts null */

const char *spool_boot(const struct spool *spool);

/* The number of the next batch, which spool_put must be given. LUYTRE_E_IO and the like: it could not be reserved. */
MUST_CHECK int spool_next(struct spool *spool, uint64_t *ret_seq);
/* Stores a packed batch. LUYTRE_E_FULL (it alone would go over the ceiling, or drops over events), or the disk's error: then its
 * lines are counted, and lost. The number is used up either way. */
MUST_CHECK int spool_put(
	struct spool *spool, uint64_t seq, enum spool_kind kind, uint32_t line_count, struct bytes packed);
/* Counts lines that never became a batch. */
void spool_lose(struct spool *spool, uint64_t line_count);
/* Lines lost since the start of this process: what stands in the head of a batch. */
uint64_t spool_lost(const struct spool *spool);

/* Reads the oldest batch and checks it; it stays until spool_done or spool_refuse, and does not give way meanwhile. The bytes are
 * freed by the caller. LUYTRE_E_NOT_FOUND (the spool is empty), LUYTRE_E_NOMEM. What cannot be read is set aside. */
MUST_CHECK int spool_first(struct spool *spool, uint64_t *ret_seq, uint8_t **ret_packed, size_t *ret_size);
/* The hub has it. */
void spool_done(struct spool *spool, uint64_t seq);
/* It will not be sent again: sets it aside. */
void spool_refuse(struct spool *spool, uint64_t seq);
/* It will be sent again later. */
void spool_release(struct spool *spool);

void spool_read_stats(const struct spool *spool, struct spool_stats *ret);
