// SPDX-License-Identifier: Apache-2.0
#include "hub/decide/formula.h"

#include <math.h>

#include "base/compiler.h"
#include "hub/events/event.h"

#define WILSON_Z      1.96
#define GROUP_CAUTION 0.9 /* no group alone is believed wholly */

static const struct decide_class_row class_rows[DECIDE_CLASS_COUNT] = {
#define X(id, word, first, longest, tau, delta, en, vi) { word, first, longest, tau, delta, en, vi },
	DECIDE_CLASSES(X)
#undef X
};

static const char *const level_names[DECIDE_LEVEL_COUNT] = {
#define X(id, word) word,
	DECIDE_LEVELS(X)
#undef X
};

double formula_wilson(double confirmed, double refuted)
{
	const double z = WILSON_Z, n = confirmed + refuted;
	double p, middle, spread;

	if (n <= 0)
		return 0;
	p = confirmed / n;
	middle = p + z * z / (2 * n);
	spread = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
	/* With none confirmed the two are equal but for rounding. */
	return middle > spread ? (middle - spread) / (1 + z * z / n) : 0;
}

double formula_evidence(unsigned int evidence)
{
	static const double weights[EV_EVIDENCE_COUNT] = { [EV_E0] = 0, [EV_E1] = 0.4, [EV_E2] = 0.7, [EV_E3] = 1 };

	return evidence < EV_EVIDENCE_COUNT ? weights[evidence] : 0;
}

double formula_weight(double trust, double evidence, double precision, double age)
{
	return trust * evidence * precision * age;
}

double formula_belief(const double *weights, size_t count)
{
	double doubt = 1;

	for (size_t i = 0; i < count; i++)
		doubt *= 1 - GROUP_CAUTION * weights[i];
	return 1 - doubt;
}

double formula_harm_bound(double users)
{
	return users / (1 + users);
}

double formula_age(double t_s, double age_s, double delta)
{
	if (t_s <= 0)
		return 1;
	if (t_s >= age_s)
		return 0;
	return 1 - pow(t_s / age_s, 1 / delta);
}

double formula_age_until(double base, double threshold, double age_s, double delta)
{
	if (base <= threshold)
		return 0;
	return age_s * pow(1 - threshold / base, delta);
}

const struct decide_class_row *formula_class(enum decide_class class)
{
	return (unsigned int)class < DECIDE_CLASS_COUNT ? &class_rows[class] : &class_rows[DECIDE_SCAN];
}

uint32_t formula_lifetime_s(enum decide_class class, unsigned int times)
{
	const struct decide_class_row *row = formula_class(class);
	uint64_t lifetime = row->first_s;

	for (unsigned int i = 1; i < times && lifetime < row->longest_s; i++)
		lifetime *= 2;
	return lifetime < row->longest_s ? (uint32_t)lifetime : row->longest_s;
}

/* The strongest row that holds is the answer. 'crowded' is the number of witnesses behind a shared address. */
static const struct {
	enum decide_level level;
	unsigned int groups, groups_crowded;
	double belief;
} quorum_rows[] = {
	{ DECIDE_LONG, 3, 3, 0.90 },
	{ DECIDE_BLOCK, 2, 3, 0.75 },
};

#define USERS_CROWDED         8
#define PROVISIONAL_BELIEF    0.60
#define PROVISIONAL_TRUST     0.7
#define PROVISIONAL_PRECISION 0.9
#define CHALLENGE_BELIEF      0.5
#define WATCH_BELIEF          0.3

enum decide_level formula_level(const struct formula_case *in)
{
	double harm = formula_harm_bound(in->users);

	for (size_t i = 0; i < ARRAY_COUNT(quorum_rows); i++) {
		unsigned int wanted =
			in->users >= USERS_CROWDED ? quorum_rows[i].groups_crowded : quorum_rows[i].groups;

		if (in->groups >= wanted && in->belief >= fmax(quorum_rows[i].belief, harm))
			return quorum_rows[i].level;
	}
	if (in->proven && in->trust >= PROVISIONAL_TRUST && in->precision >= PROVISIONAL_PRECISION &&
		in->belief >= fmax(PROVISIONAL_BELIEF, harm))
		return DECIDE_PROVISIONAL;
	if (in->belief >= CHALLENGE_BELIEF)
		return DECIDE_CHALLENGE;
	return in->belief >= WATCH_BELIEF ? DECIDE_WATCH : DECIDE_NONE;
}

const char *decide_level_name(enum decide_level level)
{
	return (unsigned int)level < DECIDE_LEVEL_COUNT ? level_names[level] : level_names[DECIDE_NONE];
}
