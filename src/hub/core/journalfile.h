// SPDX-License-Identifier: Apache-2.0
/* The file behind the decision engine's journal: frames are added at its end, and now and then the file is written anew from the
 * engine's state, which leaves out what has ended.
 *
 * Frames are gathered in memory: journalfile_write gives them to the system, with one call for as many as a batch of events brought,
 * which outlives the end of the program; journalfile_sync brings them to the disk, which outlives the end of the machine. Before anybody
 * is told that something was taken, it is synced. A torn end, as a crash leaves it, is cut off at the next start. The new file takes the
 * place of the old one by a rename, so there is always one whole file. When frames could not be written or synced (a full disk), the file
 * takes no more, so that it stays the beginning of a true story: everything fails with that error until journalfile_compact has written
 * the whole state anew. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "hub/decide/engine.h"

struct journalfile;

/* Another place that has to have what the file has, before a frame is safe: where a second hub reads it (hub/cluster/journalstream.h).
 * Frames that it could not take stay with it, and go with the next ones. */
struct journal_copy {
	void *context;
	/* The file as it is at the start: takes it, should it know nothing yet. */
	int (*begin)(void *context, const char *path);
	int (*add)(void *context, struct bytes frame); /* an error: it has lost this one, and needs the whole */
	int (*sync)(void *context); /* 0: it has all */
	int (*whole)(void *context, const char *path); /* the file, in place of all that it has */
};

/* Reads what is there into the engine, which must be new, and opens it for more. LUYTRE_E_CORRUPT: a frame that is whole cannot be
 * understood; nothing is changed. '*ret_cut_size': bytes of a torn end that were cut off. */
MUST_CHECK int journalfile_open(
	const char *path, struct engine *engine, struct journalfile **ret, size_t *ret_cut_size);
void journalfile_close(struct journalfile *file); /* syncs; accepts null */
/* Beside the file while its copy has all of it: what takes the place of such a file destroys nothing. */
#define JOURNALFILE_COPIED ".copied"

/* From now on; before the first frame. The copy is borrowed; null: none. Makes and removes PATH.copied. */
MUST_CHECK int journalfile_set_copy(struct journalfile *file, const struct journal_copy *copy);
bool journalfile_has_copy(const struct journalfile *file);

/* The buffer takes 256 KiB and is written when it is full. */
MUST_CHECK int journalfile_add(struct journalfile *file, struct bytes frame);
/* Both do nothing when nothing was added. */
MUST_CHECK int journalfile_write(struct journalfile *file);
MUST_CHECK int journalfile_sync(struct journalfile *file);
/* Writes the engine's state in place of the old file, if that is more than twice as large as it was then (and 16 MB), or lacks
 * something. */
MUST_CHECK int journalfile_compact(struct journalfile *file, const struct engine *engine);
