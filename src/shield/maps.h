// SPDX-License-Identifier: Apache-2.0
/* The shield's tables as user space sees them: one pointer and one size for each map of abi.h.
 *
 * Backed either by the kernel's maps, mapped into memory (loader.h), or by ordinary memory for
 * replay, explain and tests (shield_maps_new). Whoever writes tables (tables.h, decisions.h) cannot
 * tell the two apart. */
#pragma once

#include "shield/abi.h"

struct shield_maps {
#define X(name, type)                                                                                                  \
	type *name;                                                                                                    \
	uint32_t name##_count;
	SHIELD_MAPS(X)
#undef X
};

/* How large the tables are. Sizes that must be powers of two are rounded up. */
struct shield_sizes {
	uint32_t tenants; /* slots, the unmapped one not counted */
	uint32_t tenant_prefixes; /* IPv4 trie nodes and IPv6 entries follow from it */
	uint32_t port_sets;
	uint32_t decisions; /* IPv4 */
	uint32_t decisions_v6;
	uint32_t sources, proven, flows, fragments, destinations; /* entries */
	uint32_t signatures;
	uint32_t cpus;
};

/* Entries of each map for the given sizes, in the same fields as the maps' counts (pointers null). */
void shield_maps_layout(const struct shield_sizes *sizes, struct shield_maps *ret);

/* Fills the globals' sizes and fresh random keys; everything else is zero already. */
int shield_maps_format(struct shield_maps *maps, const struct shield_sizes *sizes, uint64_t now_ns);

/* Tables in ordinary memory, formatted; null when there is not enough. */
struct shield_maps *shield_maps_new(const struct shield_sizes *sizes, uint64_t now_ns);
void shield_maps_free(struct shield_maps *maps);
