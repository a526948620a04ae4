// SPDX-License-Identifier: Apache-2.0
/* What all findings are, in memory, so that a board is added up in milliseconds and is exact to the moment.
 *
 * Sums of debt (debt.h) change by themselves, because a date passes; so what is kept is not sums but what they are made of: 24 bytes a finding,
 * 24 MB a million. Before each question what has changed in the database is read (by the number of the change, so that also another
 * hub's changes are seen); then the whole is walked, some ten milliseconds a million. The first reading takes seconds.
 *
 * Ceilings: FACTS_MAX findings and FACTS_NAMES_MAX different weaknesses; beyond, facts_refresh says LUYTRE_E_FULL and nothing is
 * answered, for a wrong sum would be worse than none.
 *
 * Any thread: questions wait for each other. A database handle belongs to the caller's thread. */
#pragma once

#include "hub/posture/debt.h"

enum { FACTS_MAX = 32 << 20, FACTS_NAMES_MAX = 1 << 20 };

struct facts;

MUST_CHECK int facts_new(struct facts **ret);
void facts_free(struct facts *facts); /* accepts null */

/* How late live findings are. X(identifier, word, days past the date below which it ends); what is not due yet is less than nothing late. */
#define FACTS_AGES(X)                                                                                                  \
	X(NO_DATE, "no-date", INT64_MIN) /* with the next upgrade */                                                   \
	X(DUE_LATER, "due-later", -14)                                                                                 \
	X(DUE_14, "due-in-14-days", -3)                                                                                \
	X(DUE_3, "due-in-3-days", 0)                                                                                   \
	X(LATE_7, "late-to-7-days", 7)                                                                                 \
	X(LATE_30, "late-to-30-days", 30)                                                                              \
	X(LATE_90, "late-to-90-days", 90)                                                                              \
	X(LATE_365, "late-to-a-year", 365)                                                                             \
	X(LATE_MORE, "late-over-a-year", INT64_MAX)

enum facts_age {
#define X(id, ...) FACTS_AGE_##id,
	FACTS_AGES(X)
#undef X
		FACTS_AGE_COUNT
};
extern const char *const facts_age_words[FACTS_AGE_COUNT];

struct facts_band {
	int64_t count, held, weight;
};

enum { FACTS_SEVERITIES = 5 };

struct facts_board {
	struct debt_sum whole;
	struct facts_band ages[FACTS_AGE_COUNT], severities[FACTS_SEVERITIES];
	int64_t kev, exposed; /* live ones */
	struct debt_table groups; /* by key; freed with facts_board_done */
};

/* Reads what is new with 'db', then adds up what the scope has. LUYTRE_E_FULL, LUYTRE_E_NOMEM, or what the database says. */
MUST_CHECK int facts_board(struct facts *facts, struct db *db, const struct scope *scope, enum debt_group group,
	int64_t now_us, struct facts_board *ret);
void facts_board_done(struct facts_board *board);

/* Weaknesses, most debt first: what fixing one thing everywhere would take away. */
struct facts_fix {
	struct debt_sum sum;
	int64_t systems, tenants;
	bool kev;
	int64_t example; /* the number of a finding of it, for its name */
};
enum facts_order { FACTS_BY_DEBT, FACTS_BY_SYSTEMS };
/* '*ret' is freed by the caller; at most 'limit'. '*ret_total': how many different ones there are. */
MUST_CHECK int facts_fixes(struct facts *facts, struct db *db, const struct scope *scope, enum facts_order order,
	size_t limit, int64_t now_us, struct facts_fix **ret, size_t *ret_count, size_t *ret_total);
