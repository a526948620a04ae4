// SPDX-License-Identifier: Apache-2.0
/* From configuration to the tables of tenants: destinations, tenants, port sets.
 *
 * policy_load() writes the whole configuration into the generation that no packet reads, then turns
 * one word; a configuration that does not fit changes nothing. A tenant keeps its slot as long as
 * its name is in the configuration, so counters and limits go on over a reload; the names lie in the
 * tables too, so they go on over a restart of the daemon. A slot that changes hands begins at zero.
 *
 * One thread, the daemon's. The old generation is written again at the next load: the caller sees to
 * it that a grace period lies between (shield_grace() in loader.h; loads are seconds apart). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/net.h"
#include "shield/config.h"
#include "shield/maps.h"

struct policy;

/* How large the tables must be for a configuration's section 'capacity'. */
struct shield_sizes policy_sizes(const struct config *config, uint32_t cpus);

struct policy *policy_new(struct shield_maps *maps);
void policy_free(struct policy *policy);

/* 0, or LUYTRE_E_FULL when tenants, prefixes or port sets do not fit; 'ret_what' then says which
 * setting of 'capacity' is too small. */
MUST_CHECK int policy_load(struct policy *policy, const struct config *config, const char **ret_what);

/* Whether the tables say of a tenant what the configuration says: somebody may have switched it since the load. */
bool policy_stands(const struct policy *policy, const struct config_tenant *tenant);

/* Slots run from 1; 0 stands for traffic of nobody, named "unmapped". */
uint32_t policy_slot(const struct policy *policy, const char *name); /* 0: no such tenant */
const char *policy_name(const struct policy *policy, uint32_t slot); /* null: free slot */
uint32_t policy_slot_count(const struct policy *policy); /* one past the highest slot in use */

/* A number that stays with a tenant's name, for what is learned of it; 0 for a free slot. */
uint64_t policy_key(const struct policy *policy, uint32_t slot);
