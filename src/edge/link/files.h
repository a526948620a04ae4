// SPDX-License-Identifier: Apache-2.0
/* Small files of the link: written whole or not at all, read with a ceiling.
 *
 * files_write writes beside the place, syncs, renames, and syncs the folder: after it the file is there whatever happens to the machine;
 * when it fails, what was there before still is. Any thread; 'dir' is an open folder (openat(2)). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/compiler.h"

/* An error of error_from_errno(). Two threads must not write the same name at once. */
MUST_CHECK int files_write(int dir, const char *name, mode_t mode, struct bytes content);
/* The same without waiting for the disk: whole after the end of the process, perhaps the old one after that of the machine. */
MUST_CHECK int files_write_soon(int dir, const char *name, mode_t mode, struct bytes content);

/* The whole file with a NUL behind it; freed by the caller. LUYTRE_E_NOT_FOUND, LUYTRE_E_FULL (longer than 'size_max'),
 * LUYTRE_E_NOMEM, or another of error_from_errno(). */
MUST_CHECK int files_read(int dir, const char *name, size_t size_max, uint8_t **ret, size_t *ret_size);

/* Whether a name is one that files_write leaves behind when the process dies. */
bool files_is_temporary(const char *name);
