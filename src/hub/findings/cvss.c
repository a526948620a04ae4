// SPDX-License-Identifier: Apache-2.0
/* Scores by the documents of FIRST: "A Complete Guide to CVSS v2.0", section 3.2; "CVSS v3.0" and "v3.1:
 * Specification Document", section 7 and 8; "CVSS v4.0: Specification Document", section 8.
 *
 * A vector is read by the table of its version's metrics into one number for each: the place of the value in the
 * table's list. 2.0 and 3.x are formulas over weights in the same order. 4.0 is exact: its table, depths and
 * distances are whole numbers, and so is the arithmetic here. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/ascii.h"
#include "base/error.h"
#include "hub/findings/cvss.h"

enum { METRICS_MAX = 32, NOT_GIVEN = 0xff, VECTOR_SIZE_MAX = 512 };

struct metric {
	const char *key;
	const char *values; /* parted by blanks; the first of optional metrics means "not defined" */
	bool optional;
};

/* ---- Reading ---- */

static int value_place(const char *values, struct bytes word)
{
	int place = 0;

	for (const char *at = values; *at; place++) {
		size_t size = strcspn(at, " ");

		if (bytes_equal(word, bytes_of(at, size)))
			return place;
		at += size + (at[size] == ' ');
	}
	return -1;
}

static int read_metric(const struct metric *metrics, size_t count, struct bytes part, uint8_t *values)
{
	size_t colon = bytes_index(part, ':');

	for (size_t i = 0; i < count; i++) {
		int place;

		if (!bytes_equal_str(bytes_first(part, colon), metrics[i].key))
			continue;
		place = value_place(metrics[i].values, bytes_skip(part, colon + 1));
		if (place < 0 || values[i] != NOT_GIVEN)
			return LUYTRE_E_SYNTAX;
		values[i] = (uint8_t)place;
		return 0;
	}
	return LUYTRE_E_SYNTAX;
}

static int read_vector(const struct metric *metrics, size_t count, struct bytes vector, uint8_t *values)
{
	memset(values, NOT_GIVEN, METRICS_MAX);
	for (;;) {
		size_t size = bytes_index(vector, '/');
		int error = read_metric(metrics, count, bytes_first(vector, size), values);

		if (error)
			return error;
		if (size == vector.size)
			break;
		vector = bytes_skip(vector, size + 1);
	}
	for (size_t i = 0; i < count; i++) {
		if (values[i] == NOT_GIVEN && !metrics[i].optional)
			return LUYTRE_E_SYNTAX;
		if (values[i] == NOT_GIVEN)
			values[i] = 0;
	}
	return 0;
}

/* ---- 2.0 ---- */

enum { V2_AV, V2_AC, V2_AU, V2_C, V2_I, V2_A, V2_E, V2_RL, V2_RC, V2_CDP, V2_TD, V2_CR, V2_IR, V2_AR, V2_COUNT };

static const struct metric v2_metrics[V2_COUNT] = {
	{ "AV", "L A N", false },
	{ "AC", "H M L", false },
	{ "Au", "M S N", false },
	{ "C", "N P C", false },
	{ "I", "N P C", false },
	{ "A", "N P C", false },
	{ "E", "ND U POC F H", true },
	{ "RL", "ND OF TF W U", true },
	{ "RC", "ND UC UR C", true },
	{ "CDP", "ND N L LM MH H", true },
	{ "TD", "ND N L M H", true },
	{ "CR", "ND L M H", true },
	{ "IR", "ND L M H", true },
	{ "AR", "ND L M H", true },
};

static const double v2_weights[V2_COUNT][6] = {
	[V2_AV] = { 0.395, 0.646, 1 },
	[V2_AC] = { 0.35, 0.61, 0.71 },
	[V2_AU] = { 0.45, 0.56, 0.704 },
	[V2_C] = { 0, 0.275, 0.66 },
	[V2_I] = { 0, 0.275, 0.66 },
	[V2_A] = { 0, 0.275, 0.66 },
	[V2_E] = { 1, 0.85, 0.9, 0.95, 1 },
	[V2_RL] = { 1, 0.87, 0.9, 0.95, 1 },
	[V2_RC] = { 1, 0.9, 0.95, 1 },
	[V2_CDP] = { 0, 0, 0.1, 0.3, 0.4, 0.5 },
	[V2_TD] = { 1, 0, 0.25, 0.75, 1 },
	[V2_CR] = { 1, 0.5, 1, 1.51 },
	[V2_IR] = { 1, 0.5, 1, 1.51 },
	[V2_AR] = { 1, 0.5, 1, 1.51 },
};

/* To tenths, halves up. What lies on a half in decimal numbers must not fall below it in binary ones. */
static double v2_round(double score)
{
	double tenths = floor(score * 10 + 0.5 + 1e-9);

	return tenths < 0 ? 0 : tenths / 10;
}

static double v2_weight(const uint8_t *values, int metric)
{
	return v2_weights[metric][values[metric]];
}

static double v2_base(const uint8_t *values, bool adjusted)
{
	double left = 1, impact, reach;

	for (int i = 0; i < 3; i++)
		left *= 1 - v2_weight(values, V2_C + i) * (adjusted ? v2_weight(values, V2_CR + i) : 1);
	impact = 10.41 * (1 - left);
	if (adjusted && impact > 10)
		impact = 10;
	reach = 20 * v2_weight(values, V2_AV) * v2_weight(values, V2_AC) * v2_weight(values, V2_AU);
	return v2_round((0.6 * impact + 0.4 * reach - 1.5) * (impact == 0 ? 0 : 1.176));
}

static double v2_temporal(const uint8_t *values, double base)
{
	return v2_round(base * v2_weight(values, V2_E) * v2_weight(values, V2_RL) * v2_weight(values, V2_RC));
}

static int v2_score(struct bytes vector, struct cvss *ret)
{
	uint8_t values[METRICS_MAX];
	double base, score;
	int error = read_vector(v2_metrics, V2_COUNT, vector, values);

	if (error)
		return error;
	base = v2_base(values, false);
	score = v2_temporal(values, base);
	if (values[V2_CDP] || values[V2_TD] || values[V2_CR] || values[V2_IR] || values[V2_AR]) {
		score = v2_temporal(values, v2_base(values, true));
		score = v2_round((score + (10 - score) * v2_weight(values, V2_CDP)) * v2_weight(values, V2_TD));
	}
	ret->base10 = (uint8_t)lround(base * 10);
	ret->score10 = (uint8_t)lround(score * 10);
	return 0;
}

/* ---- 3.0 and 3.1 ---- */

enum {
	V3_AV,
	V3_AC,
	V3_PR,
	V3_UI,
	V3_S,
	V3_C,
	V3_I,
	V3_A,
	V3_BASE_COUNT,
	V3_E = V3_BASE_COUNT,
	V3_RL,
	V3_RC,
	V3_CR,
	V3_IR,
	V3_AR,
	V3_MODIFIED, /* the base metrics once more, in their order; 0 not defined, else one more than in the base */
	V3_COUNT = V3_MODIFIED + V3_BASE_COUNT
};

static const struct metric v3_metrics[V3_COUNT] = {
	{ "AV", "N A L P", false },
	{ "AC", "L H", false },
	{ "PR", "N L H", false },
	{ "UI", "N R", false },
	{ "S", "U C", false },
	{ "C", "N L H", false },
	{ "I", "N L H", false },
	{ "A", "N L H", false },
	{ "E", "X U P F H", true },
	{ "RL", "X O T W U", true },
	{ "RC", "X U R C", true },
	{ "CR", "X L M H", true },
	{ "IR", "X L M H", true },
	{ "AR", "X L M H", true },
	{ "MAV", "X N A L P", true },
	{ "MAC", "X L H", true },
	{ "MPR", "X N L H", true },
	{ "MUI", "X N R", true },
	{ "MS", "X U C", true },
	{ "MC", "X N L H", true },
	{ "MI", "X N L H", true },
	{ "MA", "X N L H", true },
};

static const double v3_weights[V3_MODIFIED][5] = {
	[V3_AV] = { 0.85, 0.62, 0.55, 0.2 },
	[V3_AC] = { 0.77, 0.44 },
	[V3_PR] = { 0.85, 0.62, 0.27 },
	[V3_UI] = { 0.85, 0.62 },
	[V3_C] = { 0, 0.22, 0.56 },
	[V3_I] = { 0, 0.22, 0.56 },
	[V3_A] = { 0, 0.22, 0.56 },
	[V3_E] = { 1, 0.91, 0.94, 0.97, 1 },
	[V3_RL] = { 1, 0.95, 0.96, 0.97, 1 },
	[V3_RC] = { 1, 0.92, 0.96, 1 },
	[V3_CR] = { 1, 0.5, 1, 1.5 },
	[V3_IR] = { 1, 0.5, 1, 1.5 },
	[V3_AR] = { 1, 0.5, 1, 1.5 },
};
static const double v3_privileges_changed[] = { 0.85, 0.68, 0.5 };

/* 3.1, appendix A, is exact about what 3.0 leaves to the machine: anything that is not a whole hundred-thousandth is
 * noise. */
static double v3_roundup(enum cvss_version version, double score)
{
	long parts, tenths;

	if (version == CVSS_30)
		return ceil(score * 10 - 1e-10) / 10;
	parts = lround(score * 100000);
	tenths = parts / 10000 + (parts % 10000 != 0);
	return (double)tenths / 10;
}

static double v3_weight(const uint8_t *values, int metric)
{
	return v3_weights[metric][values[metric]];
}

static double v3_impact(enum cvss_version version, bool changed, bool environmental, double lost)
{
	if (!changed)
		return 6.42 * lost;
	if (environmental && version == CVSS_31)
		return 7.52 * (lost - 0.029) - 3.25 * pow(lost * 0.9731 - 0.02, 13);
	return 7.52 * (lost - 0.029) - 3.25 * pow(lost - 0.02, 15);
}

/* Of the base metrics in 'values', which for the environmental score are the modified ones. */
static double v3_sum(enum cvss_version version, bool environmental, const uint8_t *values)
{
	bool changed = values[V3_S] != 0;
	double left = 1, lost, impact, reach, sum;

	for (int i = 0; i < 3; i++)
		left *= 1 - v3_weight(values, V3_C + i) * (environmental ? v3_weight(values, V3_CR + i) : 1);
	lost = 1 - left;
	if (environmental && lost > 0.915)
		lost = 0.915;
	impact = v3_impact(version, changed, environmental, lost);
	if (impact <= 0)
		return 0;
	reach = 8.22 * v3_weight(values, V3_AV) * v3_weight(values, V3_AC) * v3_weight(values, V3_UI) *
		(changed ? v3_privileges_changed[values[V3_PR]] : v3_weight(values, V3_PR));
	sum = (impact + reach) * (changed ? 1.08 : 1);
	return v3_roundup(version, sum > 10 ? 10 : sum);
}

static int v3_score(enum cvss_version version, struct bytes vector, struct cvss *ret)
{
	uint8_t values[METRICS_MAX];
	double base, score, temporal;
	bool environmental = false;
	int error = read_vector(v3_metrics, V3_COUNT, vector, values);

	if (error)
		return error;
	base = v3_sum(version, false, values);
	for (int i = 0; i < V3_BASE_COUNT; i++) {
		if (values[V3_MODIFIED + i]) {
			values[i] = (uint8_t)(values[V3_MODIFIED + i] - 1);
			environmental = true;
		}
	}
	environmental |= values[V3_CR] || values[V3_IR] || values[V3_AR];
	score = environmental ? v3_sum(version, true, values) : base;
	temporal = v3_weight(values, V3_E) * v3_weight(values, V3_RL) * v3_weight(values, V3_RC);
	score = v3_roundup(version, score * temporal);
	ret->base10 = (uint8_t)lround(base * 10);
	ret->score10 = (uint8_t)lround(score * 10);
	return 0;
}

/* ---- 4.0 ---- */

enum {
	V4_AV,
	V4_PR,
	V4_UI,
	V4_AC,
	V4_AT,
	V4_VC,
	V4_VI,
	V4_VA,
	V4_SC,
	V4_SI,
	V4_SA,
	V4_BASE_COUNT,
	V4_CR = V4_BASE_COUNT,
	V4_IR,
	V4_AR,
	V4_E,
	V4_MODIFIED, /* as of 3.x, but that the subsequent ones count from V4_SUBSEQUENT_NAMES */
	V4_SUPPLEMENTAL = V4_MODIFIED + V4_BASE_COUNT,
	V4_COUNT = V4_SUPPLEMENTAL + 6
};

/* The values of the base stand from the worst to the best, so that their places are the severity levels of section
 * 8.2. Those of the subsequent system begin with Safety, which only the modified metrics have: the S of the base's
 * lists can not be written. */
static const struct metric v4_metrics[V4_COUNT] = {
	{ "AV", "N A L P", false },
	{ "PR", "N L H", false },
	{ "UI", "N P A", false },
	{ "AC", "L H", false },
	{ "AT", "N P", false },
	{ "VC", "H L N", false },
	{ "VI", "H L N", false },
	{ "VA", "H L N", false },
	{ "SC", "- H L N", false },
	{ "SI", "- H L N", false },
	{ "SA", "- H L N", false },
	{ "CR", "X H M L", true },
	{ "IR", "X H M L", true },
	{ "AR", "X H M L", true },
	{ "E", "X A P U", true },
	{ "MAV", "X N A L P", true },
	{ "MPR", "X N L H", true },
	{ "MUI", "X N P A", true },
	{ "MAC", "X L H", true },
	{ "MAT", "X N P", true },
	{ "MVC", "X H L N", true },
	{ "MVI", "X H L N", true },
	{ "MVA", "X H L N", true },
	{ "MSC", "X - H L N", true },
	{ "MSI", "X S H L N", true },
	{ "MSA", "X S H L N", true },
	{ "S", "X N P", true },
	{ "AU", "X N Y", true },
	{ "R", "X A U I", true },
	{ "V", "X D C", true },
	{ "RE", "X L M H", true },
	{ "U", "X Clear Green Amber Red", true },
};

/* Scores of the macro vectors in tenths: a row for each pair of EQ1 and EQ2, in it EQ3 0 and 1 with 18 (EQ4, EQ5,
 * EQ6 from the outside in) and EQ3 2, whose EQ6 is always 1, with 9. */
static const uint8_t v4_table[6][45] = {
	{ 100, 99, 98, 95, 95, 92, 100, 96, 93, 87, 91, 81, 93, 90, 89, 80, 81, 68, 98, 95, 95, 92, 90, 84, 93, 92, 89,
		81, 81, 65, 88, 80, 78, 70, 69, 48, 92, 82, 72, 79, 69, 50, 69, 55, 27 },
	{ 99, 97, 95, 92, 92, 85, 95, 91, 90, 83, 84, 71, 92, 81, 82, 71, 72, 53, 95, 93, 92, 85, 85, 73, 92, 82, 80,
		72, 70, 59, 84, 70, 71, 52, 50, 30, 86, 75, 52, 71, 52, 29, 63, 29, 17 },
	{ 98, 95, 94, 87, 91, 81, 94, 89, 86, 74, 77, 64, 87, 75, 74, 63, 63, 49, 94, 89, 88, 77, 76, 67, 86, 76, 74,
		58, 59, 50, 72, 57, 57, 52, 52, 25, 83, 70, 54, 65, 58, 26, 53, 21, 13 },
	{ 95, 90, 88, 76, 76, 70, 90, 77, 75, 62, 61, 53, 77, 66, 68, 59, 52, 30, 89, 78, 76, 67, 62, 58, 74, 59, 57,
		57, 47, 23, 61, 52, 57, 29, 24, 16, 71, 59, 30, 58, 26, 15, 23, 13, 6 },
	{ 93, 87, 86, 72, 75, 58, 86, 74, 74, 61, 56, 34, 70, 54, 52, 40, 40, 22, 85, 75, 74, 55, 62, 51, 72, 57, 55,
		41, 46, 19, 53, 36, 34, 19, 19, 8, 64, 51, 20, 47, 21, 11, 24, 9, 4 },
	{ 88, 75, 73, 53, 60, 50, 73, 55, 59, 40, 41, 20, 54, 43, 45, 22, 20, 11, 75, 55, 58, 45, 40, 21, 61, 51, 48,
		18, 20, 9, 46, 18, 17, 7, 8, 2, 53, 24, 14, 24, 12, 5, 10, 3, 1 },
};

struct macro {
	int eq[6];
};

/* -1: there is no such macro vector. */
static int v4_lookup(struct macro macro)
{
	const int *eq = macro.eq;

	if (eq[0] > 2 || eq[1] > 1 || eq[2] > 2 || eq[3] > 2 || eq[4] > 2 || eq[5] > 1 || (eq[2] == 2 && eq[5] == 0))
		return -1;
	return v4_table[eq[0] * 2 + eq[1]]
		       [eq[2] == 2 ? 36 + eq[3] * 3 + eq[4] : eq[2] * 18 + eq[3] * 6 + eq[4] * 2 + eq[5]];
}

static int v4_step(struct macro macro, int eq)
{
	macro.eq[eq]++;
	return v4_lookup(macro);
}

/* The next lower score by EQ3 and EQ6 together: of two ways the better one. */
static int v4_step_impact(struct macro macro)
{
	int by_three = v4_step(macro, 2), by_six = v4_step(macro, 5);

	if (macro.eq[2] == 1 && macro.eq[5] == 0)
		return by_six;
	return by_three > by_six ? by_three : by_six;
}

/* Section 8.2, tables 24 to 29. 'v' are effective values. */
static struct macro v4_macro(const uint8_t *v)
{
	int frees = (v[V4_AV] == 0) + (v[V4_PR] == 0) + (v[V4_UI] == 0);
	bool high = v[V4_VC] == 0 || v[V4_VI] == 0 || v[V4_VA] == 0;
	bool required = false;
	struct macro macro = { 0 };

	macro.eq[0] = frees == 3 ? 0 : frees > 0 && v[V4_AV] != 3 ? 1 : 2;
	macro.eq[1] = v[V4_AC] != 0 || v[V4_AT] != 0;
	macro.eq[2] = v[V4_VC] == 0 && v[V4_VI] == 0 ? 0 : high ? 1 : 2;
	if (v[V4_SI] == 0 || v[V4_SA] == 0)
		macro.eq[3] = 0;
	else
		macro.eq[3] = v[V4_SC] == 1 || v[V4_SI] == 1 || v[V4_SA] == 1 ? 1 : 2;
	macro.eq[4] = v[V4_E];
	for (int i = 0; i < 3; i++)
		required |= v[V4_CR + i] == 0 && v[V4_VC + i] == 0;
	macro.eq[5] = !required;
	return macro;
}

/* The highest vectors of a group of metrics within one value of its EQ (section 8.3, table 30); -1 ends a list. */
struct highest {
	int8_t levels[6];
};
enum { HIGHEST_MAX = 5 };

struct depth {
	uint8_t metric, count; /* the group: so many from 'metric' */
	uint8_t depth;
	uint8_t highest_count;
	struct highest highest[HIGHEST_MAX];
};

static const struct depth v4_reach[3] = {
	{ V4_AV, 3, 1, 1, { { { 0, 0, 0 } } } },
	{ V4_AV, 3, 4, 3, { { { 1, 0, 0 } }, { { 0, 1, 0 } }, { { 0, 0, 1 } } } },
	{ V4_AV, 3, 5, 2, { { { 3, 0, 0 } }, { { 1, 1, 1 } } } },
};
static const struct depth v4_effort[2] = {
	{ V4_AC, 2, 1, 1, { { { 0, 0 } } } },
	{ V4_AC, 2, 2, 2, { { { 1, 0 } }, { { 0, 1 } } } },
};
/* VC, VI, VA, then CR, IR, AR. By EQ3 and EQ6. */
static const struct depth v4_impact[3][2] = {
	{
		{ V4_VC, 6, 7, 1, { { { 0, 0, 0, 0, 0, 0 } } } },
		{ V4_VC, 6, 6, 2, { { { 0, 0, 1, 1, 1, 0 } }, { { 0, 0, 0, 1, 1, 1 } } } },
	},
	{
		{ V4_VC, 6, 8, 2, { { { 1, 0, 0, 0, 0, 0 } }, { { 0, 1, 0, 0, 0, 0 } } } },
		{ V4_VC, 6, 8, 5,
			{ { { 1, 0, 1, 0, 1, 0 } }, { { 1, 0, 0, 0, 1, 1 } }, { { 0, 1, 0, 1, 0, 1 } },
				{ { 0, 1, 1, 1, 0, 0 } }, { { 1, 1, 0, 0, 0, 1 } } } },
	},
	{
		{ V4_VC, 6, 1, 0, { { { 0 } } } }, /* not possible */
		{ V4_VC, 6, 10, 1, { { { 1, 1, 1, 0, 0, 0 } } } },
	},
};
static const struct depth v4_subsequent[3] = {
	{ V4_SC, 3, 6, 1, { { { 1, 0, 0 } } } },
	{ V4_SC, 3, 5, 1, { { { 1, 1, 1 } } } },
	{ V4_SC, 3, 4, 1, { { { 2, 2, 2 } } } },
};

/* How far the vector lies below the first of the highest ones that is not below it in any metric. */
static int v4_distance(const struct depth *depth, const uint8_t *v)
{
	for (size_t i = 0; i < depth->highest_count; i++) {
		int distance = 0;
		size_t at = 0;

		for (; at < depth->count; at++) {
			/* The requirements do not follow the impact of the vulnerable system in the list. */
			size_t metric = at < 3 ? depth->metric + at : V4_CR + at - 3;
			int below = v[metric] - depth->highest[i].levels[at];

			if (below < 0)
				break;
			distance += below;
		}
		if (at == depth->count)
			return distance;
	}
	return 0;
}

/* Section 8.3, in tenths. Every depth divides UNITS, so nothing is rounded before the end. */
static int v4_value(const uint8_t *v)
{
	enum { UNITS = 840 };
	struct macro macro = v4_macro(v);
	int value = v4_lookup(macro), count = 0, total = 0, whole;
	const struct {
		const struct depth *depth; /* null: EQ5, whose vectors are all the highest */
		int lower;
	} groups[] = {
		{ &v4_reach[macro.eq[0]], v4_step(macro, 0) },
		{ &v4_effort[macro.eq[1]], v4_step(macro, 1) },
		{ &v4_impact[macro.eq[2]][macro.eq[5]], v4_step_impact(macro) },
		{ &v4_subsequent[macro.eq[3]], v4_step(macro, 3) },
		{ NULL, v4_step(macro, 4) },
	};

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (groups[i].lower < 0)
			continue;
		count++;
		if (groups[i].depth)
			total += (value - groups[i].lower) * v4_distance(groups[i].depth, v) *
				 (UNITS / groups[i].depth->depth);
	}
	if (count == 0)
		return value;
	whole = UNITS * count;
	/* Halves up; never below 0, because a distance is never above its depth. */
	return (2 * (value * whole - total) + whole) / (2 * whole);
}

static int v4_score(struct bytes vector, struct cvss *ret)
{
	uint8_t values[METRICS_MAX];
	bool impact = false;
	int error = read_vector(v4_metrics, V4_COUNT, vector, values);

	if (error)
		return error;
	for (int i = 0; i < V4_BASE_COUNT; i++) {
		if (values[V4_MODIFIED + i])
			values[i] = (uint8_t)(values[V4_MODIFIED + i] - 1);
	}
	/* What is not defined is as bad as can be, which is the value behind it. */
	for (int i = V4_CR; i <= V4_E; i++)
		values[i] = values[i] ? (uint8_t)(values[i] - 1) : 0;
	for (int i = 0; i < 3; i++)
		impact |= values[V4_VC + i] != 2 || values[V4_SC + i] != 3;
	ret->base10 = impact ? (uint8_t)v4_value(values) : 0;
	ret->score10 = ret->base10;
	return 0;
}

/* ---- Any ---- */

static uint8_t band_of(uint8_t score10)
{
	static const uint8_t from[] = { 1, 40, 70, 90 };
	uint8_t band = 0;

	while (band < sizeof(from) && score10 >= from[band])
		band++;
	return band;
}

static struct bytes without_brackets(struct bytes text)
{
	if (text.size >= 2 && text.ptr[0] == '(' && text.ptr[text.size - 1] == ')')
		return bytes_of(text.ptr + 1, text.size - 2);
	return text;
}

static const struct {
	const char *prefix;
	enum cvss_version version;
} prefixes[] = {
	{ "CVSS:4.0/", CVSS_4 }, { "CVSS:3.1/", CVSS_31 }, { "CVSS:3.0/", CVSS_30 }, { "CVSS:2.0/", CVSS_2 },
	{ "CVSS2#", CVSS_2 }, /* as Nessus writes them */
};

int cvss_score(struct bytes vector, struct cvss *ret)
{
	struct cvss score = { .version = CVSS_2 };
	bool named = false;
	int error;

	if (vector.size > VECTOR_SIZE_MAX)
		return LUYTRE_E_SYNTAX;
	vector = without_brackets(vector);
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]) && !named; i++) {
		if (ascii_starts_nocase_str(vector, prefixes[i].prefix)) {
			vector = bytes_skip(vector, strlen(prefixes[i].prefix));
			score.version = prefixes[i].version;
			named = true;
		}
	}
	if (!named && ascii_starts_nocase_str(vector, "CVSS:"))
		return LUYTRE_E_VERSION;
	if (score.version == CVSS_4)
		error = v4_score(vector, &score);
	else if (score.version == CVSS_2)
		error = v2_score(without_brackets(vector), &score);
	else
		error = v3_score(score.version, vector, &score);
	if (error)
		return error;
	score.band = band_of(score.score10);
	*ret = score;
	return 0;
}
