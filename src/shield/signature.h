// SPDX-License-Identifier: Apache-2.0
/* Learning what the packets of a flood have in common (catalogue C51): from samples to signatures.
 *
 * Input are two sets of samples of one tenant: the window of an attack, and peace. The wanted answer is a conjunction of
 * few fields that matches most of the excess (the window minus the ordinary traffic that is in it too) and nearly
 * nothing of peace. The search is greedy: of all fields it takes the restriction that leaves the least peace while it
 * keeps enough of the excess, and goes on until the peace share is inside the budget. It first asks to keep 99 % of the
 * excess, then 95, 90, 60 and 30 %: the last two split a mixed flood into parts. What a signature covers is taken out
 * of the window, and the search runs again for the rest.
 *
 * Two limits guard good traffic. The budget: the upper end of the one-sided 95 % Wilson interval of the share of all peace
 * packets of the tenant that would be hit. And, so that a small service is not killed inside a large budget:
 * SIGNATURE_GUARD of the peace packets of the same class to the same destination (of the whole tenant when that
 * destination has too few samples to say). Only a signature within both has 'enforce' set.
 *
 * Time and memory are bounded by SIGNATURE_SAMPLES_MAX: a run takes a few milliseconds. One scratch, one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shield/abi.h"

enum {
	SIGNATURE_SAMPLES_MAX = 4096, /* window and peace together; more are left out */
	SIGNATURE_WINDOW_MIN = 64, /* fewer samples of the window teach nothing */
};

#define SIGNATURE_GUARD    0.01
#define SIGNATURE_COVERAGE 0.9 /* enough: no further signatures are looked for */

/* What is kept of a sampled packet. */
struct signature_sample {
	struct packet_addr dst;
	uint64_t head[2];
	float weight; /* packets that it stands for */
	uint32_t source; /* a hash of the source address: only to count different ones */
	uint32_t tick; /* of the detection, when it came */
	uint16_t sport, dport, size, reason;
	uint8_t family, protocol, ttl, tcp_flags;
	uint8_t class_id;
	uint8_t dropped; /* really, not in shadow */
};

struct signature_problem {
	const struct signature_sample *window, *peace;
	size_t window_count, peace_count;
	uint8_t class_id, family;
	struct packet_addr dst, dst_mask;
	double window_pps; /* of this class and destination now */
	double peace_pps; /* of this class usually, all destinations of the tenant */
	double spent; /* of the budget, by signatures in force */
	double budget;
};

struct signature_found {
	struct shield_signature signature; /* 'enforce' says if it is within both limits; id and hits are 0 */
	double coverage; /* share of the whole excess */
	double peace_share; /* of the tenant's peace packets */
	double peace_share_bound; /* upper end of the interval; 1 without peace samples */
	double guard_share; /* of the class's peace packets */
};

struct signature_scratch;

/* Null without memory. */
struct signature_scratch *signature_scratch_new(void);
void signature_scratch_free(struct signature_scratch *scratch);

/* Up to 'max' signatures, best first, those to enforce before the others; at most one that is not to be enforced, and
 * only when there is none that is. 0 when the window is too small or holds no excess. */
size_t signature_learn(struct signature_scratch *scratch, const struct signature_problem *problem,
	struct signature_found *ret_found, size_t max);

/* The same comparison as in the shield. */
bool signature_matches(const struct shield_signature *signature, const struct signature_sample *sample);

/* "udp to 192.0.2.0/24 port 1000-2000 size 468 payload 1700??2a": the same in every language. Returns 'text'. */
const char *signature_text(const struct shield_signature *signature, char *text, size_t size);

/* Upper end of the one-sided 95 % Wilson score interval (E. B. Wilson, 1927) for a share seen in 'count' draws. */
double signature_share_bound(double share, double count);
