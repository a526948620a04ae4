// SPDX-License-Identifier: Apache-2.0
/* Our side of the comparison: the shield with its tables filled, as the daemon would fill them, without the daemon.
 *
 * The detection is left out, because it would call each measurement an attack and begin to fight it. What it costs in
 * the kernel, the samples, is switched on at the rate that the daemon would choose. */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "shield/config.h"
#include "shield/decisions.h"
#include "shield/loader.h"
#include "shield/policy.h"
#include "tests/bench/rig.h"

/* Tenants t0 to t255 have 198.18.N.0/24 each; the others stand beside them, with one port set for all. */
#define OURS_TENANTS    256
#define OURS_UDP_PORT   "5000"
#define OURS_LISTED_NET "16.0.0.0/4" /* 'srcs=' of this network are the listed sources */
#define OURS_FRESH_NET  "48.0.0.0/4" /* never listed */
#define OURS_LISTED_MAX 1000000u

/* X(name, address of its network, settings) */
#define OURS_PLACES(X)                                                                                                 \
	X(challenged, "198.19.0", "challenge: on, limits: {challenge_pps: 1G}")                                        \
	X(unlimited, "198.19.1",                                                                                       \
		"limits: {source_pps: 1G, source_syn_pps: 1G, prefix_pps: 1G, prefix56_pps: 1G, prefix48_pps: 1G, "    \
		"icmp_pps: 1G, fragment_pps: 1G, reply_pps: 1G, other_pps: 1G}")                                       \
	X(both, "198.19.2", "limits: {}")                                                                              \
	X(never, "198.19.3", "limits: {}")                                                                             \
	X(leaving, "198.19.4", "limits: {}")                                                                           \
	X(coming, "198.19.5", "limits: {}")                                                                            \
	X(victim, "198.19.6", "full_table: closed")                                                                    \
	X(neighbour, "198.19.7", "full_table: closed")

struct ours {
	struct rig *rig; /* borrowed */
	struct config *config;
	struct shield *shield;
	struct shield_maps *maps; /* borrowed from the shield */
	struct policy *policy;
	struct decisions *decisions;
	int program; /* file of the XDP program */
};

/* Loads everything; nothing is attached afterwards. 0 or an error that has been logged. */
MUST_CHECK int ours_open(struct ours *ours, struct rig *rig);
void ours_close(struct ours *ours);

/* Address number 'k' of a network, as pktblast numbers them (its README, 'srcs'). */
struct ip_addr ours_address(uint32_t net, uint8_t length, uint32_t k);

/* Blocks the first 'count' addresses of OURS_LISTED_NET, in place of everything blocked before. */
MUST_CHECK int ours_list(struct ours *ours, uint32_t count);

/* Passed packets go to an interface that takes none, which ends them at once; false: to the stack. */
void ours_end_passed(struct ours *ours, bool end);

/* Packets of a tenant that ended with a reason, enforced, over all processors. */
uint64_t ours_counted(const struct ours *ours, const char *tenant, enum shield_reason reason);

/* Packets that came to all tenants, and how many of them passed. */
void ours_traffic(const struct ours *ours, uint64_t *ret_seen, uint64_t *ret_passed);
