// SPDX-License-Identifier: Apache-2.0
/* The debt that findings make, and how much of what is open is held at the perimeter.
 *
 * This is our own measure, no law's. Each finding is an obligation to fix it:
 *
 *	met		the fix is verified
 *	due		live, and its date has not come
 *	overdue		live, and its date is past
 *	contradicted	live again by evidence after somebody said or verified that it was fixed, due or not
 *	excused		accepted until a date
 *
 * (A false alarm is none.) Principal is how many are overdue or contradicted; age is whole days past the date; weight is the
 * system's level, twice when the place is exposed (not measured counts as exposed), three times when the CVE is in KEV; interest is age x weight.
 * A hold lowers the risk and never the debt. Held share is held / open: of findings that are live, plain and by weight. All are whole
 * numbers, so that who computes them again from the facts (debt_export, scripts/held-share) gets the same to the last digit.
 *
 * A handle belongs to its thread. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "base/compiler.h"
#include "hub/posture/finding.h"
#include "hub/tenants/tenants.h"

enum { DEBT_EXPOSED_FACTOR = 2, DEBT_KEV_FACTOR = 3 };

/* X(identifier, word): by what is summed up. */
#define DEBT_GROUPS(X)                                                                                                 \
	X(NATION, "nation") /* key 0: all of the scope */                                                              \
	X(TENANT, "tenant") /* id */                                                                                   \
	X(LEVEL, "level") /* of systems, 1 to 5 */                                                                     \
	X(SECTOR, "sector") /* enum tenant_sector */                                                                   \
	X(SYSTEM, "system") /* id */

enum debt_group {
#define X(id, word) DEBT_BY_##id,
	DEBT_GROUPS(X)
#undef X
		DEBT_GROUP_COUNT
};
extern const char *const debt_group_words[DEBT_GROUP_COUNT];

/* What one finding is, as far as it is added up. */
struct debt_fact {
	int64_t id, due_us;
	uint32_t tenant, system, level;
	enum tenant_sector sector;
	enum finding_state state;
	bool held, exposed, kev, contradicted;
};

struct debt_sum {
	int64_t key;
	int64_t open, held, open_weight, held_weight; /* held share: held / open */
	int64_t met, due, overdue, contradicted, excused;
	int64_t principal, age_days, interest;
};

/* Adds one to the sum; debt_weight is what a live one weighs. */
void debt_add(struct debt_sum *sum, const struct debt_fact *fact, int64_t now_us);
int64_t debt_weight(const struct debt_fact *fact);

/* Sums of several groups, by key. All zeros, with 'group', is an empty table; freed by debt_table_done. */
struct debt_table {
	struct debt_sum *sums; /* owned, by key */
	size_t count, room;
	enum debt_group group;
};
/* LUYTRE_E_NOMEM, also beyond a million groups. */
MUST_CHECK int debt_table_add(struct debt_table *table, const struct debt_fact *fact, int64_t now_us);
void debt_table_done(struct debt_table *table);

/* Reads every finding of the scope from the database; a million take some seconds, so pages ask facts.h. Groups by key. Not 0 from 'fn' stops and is returned. */
typedef int (*debt_fn)(void *context, const struct debt_sum *sum);
MUST_CHECK int debt_each(
	const struct finding_call *call, enum debt_group group, int64_t now_us, debt_fn fn, void *context);

/* The facts behind the sums as lines of JSON, one a finding, the first with the time; for who wants to add up for himself. */
MUST_CHECK int debt_export(const struct finding_call *call, int64_t now_us, FILE *out);
