// SPDX-License-Identifier: Apache-2.0
/* The keys that hubs of one cluster have in common: the authority of edges, what policies and bundles are signed with, the secrets behind
 * passwords and pages, the key of the audit log. They are copied from the first hub by hand, over a way that its people trust; no hub
 * ever sends them. What hubs compare is one hash over all of them, from which nothing can be learned of any. */
#pragma once

#include <stddef.h>

#include "base/compiler.h"

#define KEYS_FILES "authority/, policy.key, auth.key, cursor.key, audit.key, assessment.key"

enum { KEYS_PRINT_SIZE = 65 };

/* BLAKE2b over the files, in hex. LUYTRE_E_NOT_FOUND, LUYTRE_E_IO with a reason: a file is not there. */
MUST_CHECK int keys_print(const char *state_dir, char ret[KEYS_PRINT_SIZE], char *why, size_t why_size);
