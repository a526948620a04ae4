// SPDX-License-Identifier: Apache-2.0
/* Interned keys of TX, for the engine alone. Filled by one thread while a plan is made, only read afterwards. */
#pragma once

#include "gate/engine/internal.h"

/* In the arena; null without memory. */
struct key_table *key_table_new(struct arena *arena);

/* The slot of 'name', which stays where it is; made when there is none. NONE32 without memory. */
uint32_t key_intern(struct key_table *keys, struct bytes name);

/* Takes over an expression that a macro selects names by, until key_table_done(). LUYTRE_E_NOMEM: it is freed. */
MUST_CHECK int key_keep_regex(struct key_table *keys, struct regex *regex);
void key_table_done(struct key_table *keys); /* accepts null */

uint32_t key_count(const struct key_table *keys);

/* Writes the name of every slot; 'ret' has room for key_count(). */
void key_names(const struct key_table *keys, struct bytes *ret);

/* The same but for the case of ASCII letters. */
bool key_equal(struct bytes left, struct bytes right);
/* The same for names that are equal. */
uint32_t key_hash(struct bytes name);
