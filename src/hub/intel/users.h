// SPDX-License-Identifier: Apache-2.0
/* Who was a good client lately, and how many people share an address: learned from completed log-ins, paid sessions and
 * solved challenges that tenants tell of. Sources are counted as they are blocked: IPv4 by address, IPv6 by /64.
 *
 * For each source a small bitmap of hashed users (linear counting, 256 bits, exact to a few percent up to some hundred)
 * over this period and the last. What a single tenant tells is counted up to USERS_ONE_TENANT_MAX, below the bound from
 * which a block needs a third witness: or an attacker would register a few accounts at one site and be safe everywhere.
 *
 * Memory is bounded by the ceiling given; at the ceiling new sources are refused and counted until a period ends. Times
 * are microseconds since 1970. One thread at a time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/net.h"
#include "base/siphash.h"
#include "hub/intel/observable.h"

enum {
	USERS_ONE_TENANT_MAX = 7,
	USERS_ESTIMATE_MAX = 1500, /* where the bitmap is full */
	USERS_PERIOD_S = 302400, /* half a week: what was seen in the last 3.5 to 7 days counts */
};

struct users;

struct users_stats {
	size_t sources;
	uint64_t seen, refused;
};

/* Null without memory. */
struct users *users_new(size_t max_sources, struct siphash_key key);
void users_free(struct users *users); /* accepts null */

/* A user, known by a hash that its tenant keyed, was served with success. LUYTRE_E_FULL at the ceiling. */
MUST_CHECK int users_add(
	struct users *users, int64_t now_us, const struct ip_addr *addr, uint32_t tenant, uint64_t user);

/* Ends the period when it is over; users_add does it too. Time that goes back is held. */
void users_tick(struct users *users, int64_t now_us);

/* Estimated people behind one address or /64; 0 when none was seen. */
uint32_t users_estimate(const struct users *users, const struct observable_key *key);

/* How many good clients lie in it. Any length but 32, 24 (IPv4), 64, 56, 48 (IPv6) reads the whole table. */
size_t users_count_in(const struct users *users, const struct observable_key *key);

size_t users_count(const struct users *users);
void users_stats(const struct users *users, struct users_stats *ret);
