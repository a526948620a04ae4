// SPDX-License-Identifier: Apache-2.0
/* A hash table with a keyed hash and a ceiling, for keys that outsiders can choose.
 *
 * Keys and values have fixed sizes and lie inline in one array, which doubles as the table fills: an insert
 * that grows the table copies it whole (some 0.1 s at a million entries), so a table on a hot path is
 * reserved first. At max_count, or when the system has no memory, an insert is refused and counted; existing
 * entries stay. Keys are compared byte by byte: clear the padding of a struct used as a key.
 *
 * Pointers to keys and values are valid until the next insert, removal or sweep. Values are aligned to 8.
 * One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/siphash.h"

struct table;

/* Makes an empty table, freed with table_free. key_size is 1..1024, value_size 0..65536 (0 makes a set),
 * max_count 1 or more. The hash key should come from siphash_key_random; tests give a fixed one. Null without memory. */
struct table *table_new(size_t key_size, size_t value_size, size_t max_count, struct siphash_key hash_key);

/* Accepts null. */
void table_free(struct table *table);

/* Makes room for 'count' entries (at most the ceiling) at once, so that inserts up to there never grow.
 * 0 or LUYTRE_E_NOMEM, which leaves the table as it was. */
MUST_CHECK int table_reserve(struct table *table, size_t count);

/* The value stored under 'key', or null. With value_size 0 the pointer only tells that the key is there. */
void *table_find(const struct table *table, const void *key);

/* The value stored under 'key', made with zeros if there was none; null when refused. 'ret_created' tells
 * which of the two and may be null. */
void *table_insert(struct table *table, const void *key, bool *ret_created);

/* False when there was no such key. */
bool table_remove(struct table *table, const void *key);

/* Removes all entries and keeps the memory. */
void table_clear(struct table *table);

size_t table_count(const struct table *table);

/* Inserts refused since table_new. */
uint64_t table_refused(const struct table *table);

/* Visits every entry once, in no useful order:
 *
 *	size_t pos = 0;
 *	while (table_next(table, &pos, &key, &value))
 *
 * No insert and no removal meanwhile. 'ret_key' and 'ret_value' may be null. */
bool table_next(const struct table *table, size_t *pos, const void **ret_key, void **ret_value);

/* Answers true to have the entry removed. It may change the value, nothing else of the table. */
typedef bool (*table_sweep_fn)(const void *key, void *value, void *context);

/* Expiry in slices: asks 'expired' about the entries in the next 'slots_budget' slots from '*pos' on and removes
 * those it says. '*pos' starts at 0 and is 0 again when a round is complete; SIZE_MAX makes a whole round at once. No
 * entry is missed in a round without other changes to the table; a few may be asked about twice. Returns how many
 * were removed. */
size_t table_sweep(struct table *table, size_t *pos, size_t slots_budget, table_sweep_fn expired, void *context);
