// SPDX-License-Identifier: Apache-2.0
/* Files with secrets: whole or not there at all, whatever is killed at whatever moment, and readable by nobody else. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

/* Writes a file that is not there yet, 0600, and the folder that names it, to the disk. LUYTRE_E_FULL (no room), LUYTRE_E_IO. */
MUST_CHECK int secret_write(const char *path, struct bytes content);
