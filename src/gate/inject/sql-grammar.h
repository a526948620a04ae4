// SPDX-License-Identifier: Apache-2.0
/* Which fingerprints are those of an attack.
 *
 * Reentrant: its tables are laid out at the first question and never change after. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* 'types': one to five token types, after folding. */
bool sql_grammar_is_attack(const char *types, size_t count);
