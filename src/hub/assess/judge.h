// SPDX-License-Identifier: Apache-2.0
/* Obligations: one control that the level of one system asks, held against what is known.
 *
 *	contradicted	evidence says otherwise, whatever else was said or measured: grade -1
 *	excused		the signed answer excuses it, with a reason, until a day that has not come, and a second person approved that
 *	met		a proof that has not run out: 3 measured by the platform, 2 an imported report, 1 a signed statement
 *	due, overdue	none, or it ran out: until, or since, the date
 *
 * Of several proofs the best that has not run out counts. A proof runs out after the control's months (calendar months; the last day of a short
 * month counts; days are the country's, day.h); when all have, the date is that of the one that ran out last. Without any proof the date is
 * the assessment's deadline. An answer counts when the questionnaire is signed and the signature is good. Paper gap: signed as met, with
 * no better proof, and evidence says otherwise. Weight is the level, twice where it is contradicted: that is seen from outside;
 * interest is whole days overdue x weight (a contradiction counts from when it was first seen). Penalties count once for a clause and a
 * system. This is our own measure, no law's. All are whole numbers.
 *
 * The same can be held against two profiles. What was said of controls of the other one goes, through the cross-walk between them, for those
 * of which nothing was said: when all that are tied to it and asked were answered, the answer that says least.
 *
 * Pure functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "hub/assess/answers.h"
#include "hub/assess/law.h"
#include "hub/assess/staff.h"

/* X(identifier, word, English, Vietnamese) */
#define JUDGE_STATES(X)                                                                                                \
	X(MET, "met", "met", "đáp ứng")                                                                                \
	X(DUE, "due", "due", "đến hạn")                                                                                \
	X(OVERDUE, "overdue", "overdue", "quá hạn")                                                                    \
	X(CONTRADICTED, "contradicted", "contradicted by evidence", "bị bằng chứng bác bỏ")                            \
	X(EXCUSED, "excused", "excused", "được miễn")

#define X(id, ...) JUDGE_##id,
enum judge_state { JUDGE_STATES(X) JUDGE_STATE_COUNT };
#undef X
extern const struct judge_text {
	const char *word, *en, *vi;
} judge_texts[JUDGE_STATE_COUNT];

/* An open finding of the perimeter. */
struct judge_rule {
	const char *rule;
	int64_t finding, first_us;
};

/* An excuse that somebody approved, with the hash of the answer as it was then (answer_hash): one that was changed since is approved no more. */
struct judge_excuse {
	char key[LAW_KEY_SIZE], approver[ANSWER_BY_SIZE + 1];
	int64_t at_us;
	uint8_t hash[ANSWER_HASH_SIZE];
};

/* What is known of one system. */
struct judge_evidence {
	int64_t at_us[LAW_FACT_COUNT]; /* when the fact was so last, or since when it contradicts; 0: not so */
	const struct judge_rule *rules;
	size_t rule_count;
	const struct judge_excuse *excuses;
	size_t excuse_count;
};

struct judge_case {
	const struct law_profile *profile, *other; /* other: whose answers are borrowed; null: nobody's */
	unsigned int level;
	int64_t deadline_us, now_us;
	bool is_signed; /* and the signature is good */
	struct bytes answers; /* packed */
	const struct staff *staff; /* may be null */
	const struct judge_evidence *evidence;
};

struct judged {
	uint16_t control;
	enum judge_state state;
	int8_t grade; /* 3, 2, 1, 0, -1 */
	bool paper_gap, answered;
	int64_t due_us; /* 0: none */
	int64_t proof_us; /* when the proof was made, or the contradiction seen first; 0: neither */
	int64_t age_days, interest;
	const struct law_proof *proof; /* what settles or contradicts it; null: the answer, or nothing */
	int64_t finding; /* that contradicts it; 0: none */
	struct answer answer; /* when answered; points into the packed ones */
	const char *borrowed; /* key of the other profile's control that this is the answer of; null: its own */
	const struct judge_excuse *excuse; /* of an excuse, who approved it; null: nobody did */
};

/* In the order of controls. Not 0 from 'fn' stops and is returned; LUYTRE_E_CORRUPT from the answers. */
typedef int (*judge_fn)(void *context, const struct judged *judged);
MUST_CHECK int judge(const struct judge_case *of, judge_fn fn, void *context);

/* X(name): whole numbers that add up. */
#define JUDGE_SUMS(X)                                                                                                  \
	X(systems)                                                                                                     \
	X(submitted)                                                                                                   \
	X(signed_good)                                                                                                 \
	X(signed_broken)                                                                                               \
	X(obligations)                                                                                                 \
	X(answered)                                                                                                    \
	X(met)                                                                                                         \
	X(due)                                                                                                         \
	X(overdue)                                                                                                     \
	X(contradicted)                                                                                                \
	X(excused)                                                                                                     \
	X(measured)                                                                                                    \
	X(imported)                                                                                                    \
	X(stated)                                                                                                      \
	X(paper_gap)                                                                                                   \
	X(principal)                                                                                                   \
	X(age_days)                                                                                                    \
	X(interest)                                                                                                    \
	X(penalty_low) /* million VND */                                                                               \
	X(penalty_high)

struct judge_sum {
#define X(name) int64_t name;
	JUDGE_SUMS(X)
#undef X
};
void judge_sum_add(struct judge_sum *sum, const struct judge_sum *more);
/* Adds one obligation; not penalties. */
void judge_sum_take(struct judge_sum *sum, const struct judged *judged);
/* Whether a control of 'open' (one byte for each control of the profile) opens the clause at this level. */
bool judge_penalty_open(const struct law_penalty *penalty, unsigned int level, const uint8_t *open);
/* Adds each clause once that is open. */
void judge_sum_penalties(
	struct judge_sum *sum, const struct law_profile *profile, unsigned int level, const uint8_t *open);
