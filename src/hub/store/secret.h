// SPDX-License-Identifier: Apache-2.0
/* Files with secrets: whole or not there at all, whatever is killed at whatever moment, and readable by nobody else. The one way in which
 * the hub keeps a key in a file. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum { SECRET_KEY_MAX = 64 };

/* Writes a file that is not there yet, 0600, and the folder that names it, to the disk. LUYTRE_E_FULL (no room), LUYTRE_E_IO. */
MUST_CHECK int secret_write(const char *path, struct bytes content);

/* The key that stands in a file as hex; made by 'make' when there is no file. LUYTRE_E_PERMISSION (others may read it),
 * LUYTRE_E_CORRUPT (no key of this size), LUYTRE_E_RANGE (of more than SECRET_KEY_MAX bytes), LUYTRE_E_SYSTEM, what 'make' says, and the
 * errors of secret_write. */
MUST_CHECK int secret_key(const char *path, int (*make)(uint8_t *key, size_t key_size), uint8_t *ret, size_t size);
/* For 'make': random bytes. */
int secret_random(uint8_t *key, size_t key_size);
