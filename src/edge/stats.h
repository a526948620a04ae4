// SPDX-License-Identifier: Apache-2.0
/* Sums the counters, which lie sliced by CPU, for whoever reads: control socket, metrics, detection. */
#pragma once

#include <stdint.h>

#include "base/jsonw.h"
#include "shield/maps.h"

struct stats_reason {
	struct shield_counter enforced, shadow;
};

void stats_reason(const struct shield_maps *maps, uint32_t tenant, uint32_t reason, struct stats_reason *ret);
void stats_traffic(const struct shield_maps *maps, uint32_t tenant, uint32_t class_id, struct shield_traffic *ret);
uint64_t stats_event(const struct shield_maps *maps, uint32_t event);
void stats_list(const struct shield_maps *maps, uint32_t list, struct shield_counter *ret);

/* "classes" and "reasons" of one tenant, into an open object. */
void stats_write_tenant(const struct shield_maps *maps, uint32_t tenant, struct jsonw *out);
void stats_write_tables(const struct shield_maps *maps, struct jsonw *out);

/* The names of the bits of shield_tenant_state.attack, as an array. */
void stats_write_attack(uint32_t bits, struct jsonw *out);
