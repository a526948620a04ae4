// SPDX-License-Identifier: Apache-2.0
/* Who reports, and how far each is trusted: confirmed and refuted counts with a half-life of 90 days, independence
 * groups, the precision of rules, and what one reporter may cause before others agree.
 *
 * Trust (exchange rules, 10.2): the Wilson lower bound over the counts that enrolment gave, which stay, and those
 * earned, which halve every 90 days. Tenants that share an owner, an operator or an administrator upstream are one
 * group. The three are named by tenant ids (organisations); do not name one that stands above all, such as the nation,
 * or all are one.
 *
 * Against farming: what one group earns from the same other group counts 1, 1/2, 1/3 ... (halving with age too), so two
 * who confirm each other gain with the logarithm, one confirmed by many gains fully. The same holds for what one
 * reporter and what one witness does to the precision of one rule.
 *
 * Every change is handed to the 'changed' callback as a journal frame. Memory is bounded by the limits. Times are
 * microseconds since 1970. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/siphash.h"

/* X(identifier, word, confirmed, refuted): what the enrolment vouches for. Numbers are stored. */
#define REPORTER_ENROLMENTS(X)                                                                                         \
	X(SELF, "self", 1, 0)                                                                                          \
	X(VERIFIED, "verified", 9, 1) /* a verified organisation */                                                    \
	X(VETTED, "vetted", 50, 0) /* a vetted operator with a sensor of the platform */

enum reporter_enrolment {
#define X(id, word, s, f) REPORTER_##id,
	REPORTER_ENROLMENTS(X)
#undef X
		REPORTER_ENROLMENT_COUNT
};

struct reporter_attributes {
	uint8_t enrolment; /* of enum reporter_enrolment */
	bool decoy; /* runs decoys of the platform: what it reports is confirmed by it */
	uint32_t owner, operator, upstream; /* tenant ids; 0: none */
};

struct reporters_limits {
	size_t tenants_max, rules_max, pairs_max;
	uint32_t blocks_per_minute, blocks_per_day; /* provisional blocks of one tenant: 30, 500 */
	uint32_t challenges_per_minute, challenges_per_day; /* that one tenant causes alone */
	uint32_t alone_max; /* live blocks that rest on one group: see engine.h */
};

enum reporters_frame {
	REPORTERS_FRAME_TENANT = 0x20,
	REPORTERS_FRAME_RULE,
	REPORTERS_FRAME_PAIR,
	REPORTERS_FRAME_EARNED,
	REPORTERS_FRAME_SPENT,
};

typedef void (*reporters_changed_fn)(void *context, struct bytes frame);

struct reporters;

/* Null without memory. 'changed' may be null. */
struct reporters *reporters_new(
	const struct reporters_limits *limits, struct siphash_key key, reporters_changed_fn changed, void *context);
void reporters_free(struct reporters *reporters); /* accepts null */

/* Enrols a tenant or changes its attributes; earned counts stay. LUYTRE_E_INVALID (tenant 0, no such enrolment),
 * LUYTRE_E_FULL. Attributes that are as they were change nothing and are not told. Else groups are joined anew: call it for all tenants
 * before the work begins, later seldom. */
MUST_CHECK int reporters_set(
	struct reporters *reporters, uint32_t tenant, const struct reporter_attributes *attributes);

/* What a rule is worth before anything is known: 'confirmed' and 'refuted' counts. Rules never named have (9,1). */
MUST_CHECK int reporters_rule_set(struct reporters *reporters, uint64_t rule, double confirmed, double refuted);

bool reporters_known(const struct reporters *reporters, uint32_t tenant);
bool reporters_is_decoy(const struct reporters *reporters, uint32_t tenant);

/* Trust w; 0 for an unknown or silenced tenant. */
double reporters_trust(const struct reporters *reporters, int64_t now_us, uint32_t tenant);

/* Precision q. */
double reporters_precision(const struct reporters *reporters, int64_t now_us, uint64_t rule);

/* The same number for all tenants of a group; the tenant itself when unknown. */
uint32_t reporters_group(const struct reporters *reporters, uint32_t tenant);

/* A report of 'tenant' with 'rule' was confirmed or refuted by 'witness', of weight 0..1. Witness 0: a person or a
 * list, which is never worth less for repeating itself. */
void reporters_confirm(
	struct reporters *reporters, int64_t now_us, uint32_t tenant, uint64_t rule, uint32_t witness, double weight);
void reporters_refute(
	struct reporters *reporters, int64_t now_us, uint32_t tenant, uint64_t rule, uint32_t witness, double weight);

/* Takes all weight from a tenant (it reported a decoy), or gives it back, by a person. False when unknown. */
bool reporters_silence(struct reporters *reporters, uint32_t tenant, bool silent);

/* Takes one provisional block, or one challenge caused alone, from the tenant's budget; false when there is none left.
 * The minute slides, the day goes by hours. */
bool reporters_take_block(struct reporters *reporters, int64_t now_us, uint32_t tenant);
bool reporters_take_challenge(struct reporters *reporters, int64_t now_us, uint32_t tenant);

/* Live blocks that nobody else vouches for yet, by group. reporters_alone_room: one more fits. */
bool reporters_alone_room(const struct reporters *reporters, uint32_t tenant);
void reporters_alone_add(struct reporters *reporters, uint32_t tenant, int step);
uint32_t reporters_alone(const struct reporters *reporters, uint32_t tenant);

/* Hands all that is known to 'write', as frames. */
void reporters_save(const struct reporters *reporters, reporters_changed_fn write, void *context);
/* Takes in the payload of a frame of these types. False when it is malformed; a ceiling is no fault. */
bool reporters_load(struct reporters *reporters, uint8_t type, struct bytes payload);
/* Joins the groups after loading, and sets all live counts to 0. */
void reporters_settle(struct reporters *reporters);

struct reporters_stats {
	size_t tenants, rules, pairs, silenced;
	uint64_t budget_refused; /* blocks and challenges that a budget refused */
};
void reporters_stats(const struct reporters *reporters, struct reporters_stats *ret);
