// SPDX-License-Identifier: Apache-2.0
/* Whose is this address? Asked for every event that comes in.
 *
 * A snapshot of all addresses and prefixes that never changes and may be read by any thread; who holds it counts
 * (_ref, _unref). Assets do not overlap, so the only one that can hold an address is the last that begins at or
 * before it. The sorted array is entered through a table over 16 of the bits that differ, and searched from there.
 * IPv4 written inside of IPv6 is looked up as IPv4. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/net.h"
#include "hub/store/db.h"
#include "hub/tenants/tenants.h"

struct tenants_place {
	uint32_t tenant, system, asset;
	uint8_t level; /* of the system */
	bool edge_only;
};

struct tenants_index;

/* LUYTRE_E_NOMEM, LUYTRE_E_CORRUPT (assets overlap, which the tables do not allow), or what the database says. */
MUST_CHECK int tenants_index_new(struct db *db, struct tenants_index **ret);
/* A new snapshot in place of '*index' (null: none yet) when the tables have changed since. '*index' stays on an
 * error. */
MUST_CHECK int tenants_index_refresh(struct db *db, struct tenants_index **index);
struct tenants_index *tenants_index_ref(struct tenants_index *index);
void tenants_index_unref(struct tenants_index *index); /* accepts null */

/* Null: unmapped, no asset has this address. The answer lives as long as the index. */
const struct tenants_place *tenants_index_find(const struct tenants_index *index, const struct ip_addr *addr);
size_t tenants_index_count(const struct tenants_index *index); /* addresses and prefixes */
size_t tenants_index_size(const struct tenants_index *index); /* bytes it takes */
