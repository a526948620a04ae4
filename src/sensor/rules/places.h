// SPDX-License-Identifier: Apache-2.0
/* What is said of addresses while the sensor runs: modes, edge-only systems and armed holds, laid over the tenants (tenants.h).
 *
 * A place is a prefix with what holds there. It is no tenant: packets there stay those of their tenant, with its name, variables, rule files
 * and counts, and only the mode, the verdict of single rules and what may be kept are others. So nothing is compiled when places change: a
 * worker takes new ones between two packets (worker_places), and each flow finds its place again with its next packet.
 *
 * Where prefixes lie in one another, the longest says the mode and whether the system is edge-only; holds of all of them are armed, and of
 * those with the same rule one that enforces counts before one in shadow, then that of the longest prefix, then that with the lowest number.
 * The place of a packet is that of the address that made it its tenant's (tenants_find), of nobody's packet of the destination, else the
 * source; for edge-only either end is enough, and holds of both ends are armed: what attacks a client is held too. Each end's own mode and
 * tenant say whether its hold judges there.
 *
 * A rule that holds (rule.h: RULE_HOLD) alerts and drops nowhere but where it is armed: "enforce" drops also at a tenant in shadow, for a
 * hold is proved for itself; "shadow" alerts only. Where the mode is off nothing is judged, by holds neither.
 *
 * Immutable once made: made by one thread, read by all. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/net.h"

struct places;
struct tenants;

enum {
	PLACE_NONE = 0,
	PLACE_MODE_UNSET = -1, /* as the tenant says */
	PLACES_MAX = 1 << 20, /* prefixes */
	PLACES_HOLDS_MAX = 1 << 20, /* holds, one for each of their prefixes */
};

/* Of these one for each prefix, in any order. */
struct places_row {
	struct ip_prefix prefix;
	int8_t mode; /* enum tenant_mode, or PLACE_MODE_UNSET: it takes that of a prefix around it away */
	bool edge_only;
};

/* A hold at one prefix. */
struct places_hold {
	struct ip_prefix prefix;
	uint64_t hold; /* the hub's number */
	uint32_t sid;
	bool enforce; /* else shadow */
};

/* Copies what it is given. LUYTRE_E_NOMEM, LUYTRE_E_FULL. */
MUST_CHECK int places_build(const struct places_row *rows, size_t row_count, const struct places_hold *holds,
	size_t hold_count, struct places **ret);
void places_discard(struct places *places); /* null is allowed */

/* Null 'places' say nothing of any address. */
uint32_t places_find(const struct places *places, const struct ip_addr *addr);
/* The longest around all of 'prefix', or it itself. */
uint32_t places_find_prefix(const struct places *places, const struct ip_prefix *prefix);
/* Places that lie in 'prefix' and are longer: the first with 'after' PLACE_NONE, then what comes after the one that was told; PLACE_NONE: no more. */
uint32_t places_inside(const struct places *places, const struct ip_prefix *prefix, uint32_t after);
/* Not of PLACE_NONE. Borrowed. */
const struct ip_prefix *places_prefix(const struct places *places, uint32_t place);
/* The place of a packet or flow, by the end that its tenant owns. '*ret_edge_only': of either end. */
uint32_t places_find_flow(const struct places *places, const struct tenants *tenants, const struct ip_addr *src,
	const struct ip_addr *dst, bool *ret_edge_only);
/* PLACE_MODE_UNSET or enum tenant_mode. */
int places_mode(const struct places *places, uint32_t place);
/* What is armed there by this rule, by the place or one around it; null: nothing. Borrowed from 'places'. */
const struct places_hold *places_hold_of(const struct places *places, uint32_t place, uint32_t sid);
/* Whether packets of 'addr', which lies in 'place', are judged by this rule: the mode is not off, nor has its tenant switched the rule off. */
bool places_is_judged(const struct places *places, uint32_t place, const struct tenants *tenants,
	const struct ip_addr *addr, uint32_t gid, uint32_t sid);
/* What holds between the two by this rule, for either; null: nothing. Borrowed from 'places'. */
const struct places_hold *places_hold_of_flow(const struct places *places, const struct tenants *tenants,
	const struct ip_addr *client, const struct ip_addr *server, uint32_t gid, uint32_t sid);

size_t places_count(const struct places *places);
/* Differs for all that were ever made; 0 for null. */
uint64_t places_serial(const struct places *places);
