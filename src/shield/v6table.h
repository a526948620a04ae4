// SPDX-License-Identifier: Apache-2.0
/* Writes one generation of an IPv6 prefix table: the hash of struct shield_v6_line that bpf/lookup.h reads.
 *
 * One hash for all prefix lengths: the key is the prefix with its length, three keys a line, a full line hands on to
 * the next (SHIELD_V6_PROBES lines at most). A list of the lengths in use says which look-ups an address needs.
 *
 * The table has two lives. While it is built (after v6table_clear) nobody may read it and the lengths are kept longest
 * first, which the look-up of tenants relies on. After v6table_publish packets may read it at any time, every change is
 * one aligned store, a new length goes to the end of the list, and a removed key's place is used again only
 * V6TABLE_GRACE_NS later, because a reader may have read half of the old key.
 *
 * While it is built a table takes 1.5 keys a line. Once published it cannot move keys, and a single new key is refused
 * about once in a million times at one key a line, and hardly ever below: that is what to size tables for.
 *
 * The lines and lengths belong to the maps; the struct is the caller's, its fields are for v6table.c alone. One thread
 * writes, any number read. Time is passed in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/net.h"
#include "shield/abi.h"

#define V6TABLE_GRACE_NS UINT64_C(100000000)

struct v6table_freed;

struct v6table {
	struct shield_v6_line *lines; /* borrowed: first line of the generation */
	const struct shield_globals *globals; /* borrowed: the hash key */
	uint8_t *lengths, *length_count; /* borrowed: globals->..6_length[generation] and its count */
	uint32_t mask;
	uint32_t count; /* keys */
	uint32_t of_length[129]; /* keys of each length */
	uint64_t refused;
	bool published;
	struct v6table_freed *freed; /* owned: places not to be used yet, a ring */
	uint32_t freed_first, freed_count, freed_size;
};

/* Lays a table over mask + 1 lines; takes no memory and writes nothing: call v6table_clear next. */
void v6table_init(struct v6table *table, struct shield_v6_line *lines, uint32_t mask,
	const struct shield_globals *globals, uint8_t lengths[SHIELD_V6_LENGTHS_MAX], uint8_t *length_count);

/* Frees what the struct owns; lines and lengths stay. May be called twice. */
void v6table_done(struct v6table *table);

/* Empties the table, also one that was published; nobody may be reading it. */
void v6table_clear(struct v6table *table);

/* From now on packets may read the table. Call it before the generation becomes the active one. */
void v6table_publish(struct v6table *table);

/* Stores 'leaf' (not 0) under the prefix, whether it was there or not; a replaced leaf changes with one store. 0,
 * LUYTRE_E_INVALID (not IPv6, or leaf 0) or LUYTRE_E_FULL: SHIELD_V6_PROBES lines full, or SHIELD_V6_LENGTHS_MAX
 * other lengths in use; nothing is changed then. 'now_ns' tells which freed places may be used again. */
MUST_CHECK int v6table_set(struct v6table *table, const struct ip_prefix *prefix, uint32_t leaf, uint64_t now_ns);

/* False when the prefix was not there. */
bool v6table_remove(struct v6table *table, const struct ip_prefix *prefix, uint64_t now_ns);

/* The leaf stored under exactly this prefix, or 0. */
uint32_t v6table_find(const struct v6table *table, const struct ip_prefix *prefix);
