// SPDX-License-Identifier: Apache-2.0
/* The rule files that are measured with: none, the first thousand of a set, all of it. */
#pragma once

#include <limits.h>

#include "base/compiler.h"

enum ruleset { RULESET_NONE, RULESET_1000, RULESET_ALL, RULESET_COUNT };

struct rulesets {
	char path[RULESET_COUNT][PATH_MAX];
	unsigned int count[RULESET_COUNT]; /* rules that the file holds; those that are commented out are not counted */
};

/* Writes the three files to the folder 'dir', from 'source', which may be gzip. Null for 'source': only the first. 0 or
 * LUYTRE_E_IO, logged. */
MUST_CHECK int rulesets_write(const char *source, const char *dir, struct rulesets *ret);
