// SPDX-License-Identifier: Apache-2.0
/* The two steps of writing a file that is whole or not there, which every module that keeps something on the disk takes: all bytes, and
 * the folder behind a new name. What stands between them (where to write, rename or link, what to keep of the old one) is up to the
 * module. Errors are those of error_from_errno(): LUYTRE_E_FULL without room. Any thread. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

/* Writes everything, however often the system stops in the middle. */
MUST_CHECK int file_write_all(int fd, struct bytes content);

/* Syncs the folder that 'path' names a file of: after it a new name, or a rename, is on the disk. */
MUST_CHECK int file_sync_folder(const char *path);
