// SPDX-License-Identifier: Apache-2.0
/* Folding: many ways to write the same statement become one short sequence of tokens.
 *
 * Arithmetic, lists of values, signs, nested parentheses, comments and the like are taken out, until five tokens are left or the
 * value ends. Their types are the fingerprint.
 *
 * Not threaded, no allocation. */
#pragma once

#include "gate/inject/sql-tokens.h"

#define SQL_FOLD_SIZE 5

struct sql_folded {
	struct sql_token tokens[SQL_FOLD_SIZE + 3]; /* the last ones are working space */
	size_t count; /* SQL_FOLD_SIZE at most */
	bool evil; /* something is there that no honest value has: an attack whatever else there is */
};

void sql_fold(struct sql_reader *reader, struct sql_folded *ret);
