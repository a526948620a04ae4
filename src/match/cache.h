// SPDX-License-Identifier: Apache-2.0
/* A folder of saved automatons (match/literals.h, match/patterns.h), one file each, named by their content.
 *
 * An automaton out of a file is executed over, so a file counts only when it and its folder belong to this user or to root
 * and nobody else may write them. Everything here is best effort: without its file a set is compiled again. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* The whole file 'name' of folder 'dir', to be freed with cache_free; an empty view when it is not there, too large (1 GiB),
 * unreadable or writable for others. */
struct bytes cache_read(const char *dir, const char *name);
void cache_free(struct bytes data);

/* Writes under another name first, so that nobody ever reads half a file. Makes the folder (mode 0700) when it is missing. */
void cache_write(const char *dir, const char *name, const uint8_t *data, size_t size);

/* ---- who compiles ----
 *
 * What several processes need is made by the one that has the lock of its name; the others wait until it is there. The kernel takes
 * the lock from a process that dies. */

enum cache_lock {
	CACHE_LOCKED, /* by the caller now: cache_unlock() */
	CACHE_BUSY, /* another one has it */
	CACHE_NO_LOCK, /* there can be none in this folder */
};

/* Does not wait. */
enum cache_lock cache_try_lock(const char *dir, const char *name, int *ret_fd);
void cache_unlock(const char *dir, const char *name, int fd);
