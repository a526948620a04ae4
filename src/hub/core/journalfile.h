// SPDX-License-Identifier: Apache-2.0
/* The file behind the decision engine's journal: frames are added at its end, and now and then the file is written anew from the
 * engine's state, which leaves out what has ended.
 *
 * A frame is safe when journalfile_sync has returned. A torn end, as a crash leaves it, is cut off at the next start. The new file takes the
 * place of the old one by a rename, so there is always one whole file. When a frame could not be written or synced (a full disk), the file
 * takes no more, so that it stays the beginning of a true story: everything fails with that error until journalfile_compact has written
 * the whole state anew. One thread. */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "hub/decide/engine.h"

struct journalfile;

/* Reads what is there into the engine, which must be new, and opens it for more. LUYTRE_E_CORRUPT: a frame that is whole cannot be
 * understood; nothing is changed. '*ret_cut_size': bytes of a torn end that were cut off. */
MUST_CHECK int journalfile_open(
	const char *path, struct engine *engine, struct journalfile **ret, size_t *ret_cut_size);
void journalfile_close(struct journalfile *file); /* syncs; accepts null */

MUST_CHECK int journalfile_add(struct journalfile *file, struct bytes frame);
/* Does nothing when nothing was added. */
MUST_CHECK int journalfile_sync(struct journalfile *file);
/* Writes the engine's state in place of the old file, if that is more than twice as large as it was then (and 16 MB), or lacks
 * something. */
MUST_CHECK int journalfile_compact(struct journalfile *file, const struct engine *engine);
uint64_t journalfile_size(const struct journalfile *file);
