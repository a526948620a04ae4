// SPDX-License-Identifier: Apache-2.0
/* All 2,592 base vectors of 3.1 against a second implementation, which works in whole numbers and decimal digits
 * where the first works in floating point; spot values of FIRST's documents and calculator for the others. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "hub/findings/cvss.h"

/* ---- 3.1 in whole numbers ---- */

/* Numbers with so many decimal places that the power of fifteen keeps enough of them. */
#define ONE INT64_C(1000000000000000)

static int64_t times(int64_t a, int64_t b)
{
	__int128 product = (__int128)a * b;

	return (int64_t)((product + (product < 0 ? -ONE / 2 : ONE / 2)) / ONE);
}

static int64_t hundredths(int64_t value)
{
	return value * (ONE / 100);
}

/* Rounded up as appendix A says: to a hundred-thousandth first, then to the next tenth. */
static int roundup10(int64_t value)
{
	int64_t parts = (value + ONE / 200000) / (ONE / 100000);

	return (int)((parts + 9999) / 10000);
}

static int by_hand(int av, int ac, int pr, int ui, int changed, int c, int i, int a)
{
	static const int avs[] = { 85, 62, 55, 20 }, acs[] = { 77, 44 }, uis[] = { 85, 62 }, losses[] = { 0, 22, 56 };
	static const int prs[2][3] = { { 85, 62, 27 }, { 85, 68, 50 } };
	int64_t lost = ONE - times(times(ONE - hundredths(losses[c]), ONE - hundredths(losses[i])),
				     ONE - hundredths(losses[a]));
	int64_t reach = times(times(hundredths(822), hundredths(avs[av])), hundredths(acs[ac]));
	int64_t impact, sum;

	reach = times(times(reach, hundredths(prs[changed][pr])), hundredths(uis[ui]));
	if (changed) {
		int64_t power = ONE;

		for (int n = 0; n < 15; n++)
			power = times(power, lost - hundredths(2));
		impact = times(hundredths(752), lost - 29 * (ONE / 1000)) - times(hundredths(325), power);
	} else {
		impact = times(hundredths(642), lost);
	}
	if (impact <= 0)
		return 0;
	sum = times(impact + reach, changed ? hundredths(108) : ONE);
	return roundup10(sum > 10 * ONE ? 10 * ONE : sum);
}

static void test_all_of_31(void **state)
{
	int count = 0;

	for (int n = 0; n < 4 * 2 * 3 * 2 * 2 * 27; n++) {
		int av = n % 4, ac = n / 4 % 2, pr = n / 8 % 3, ui = n / 24 % 2, s = n / 48 % 2, c = n / 96 % 3,
		    i = n / 288 % 3, a = n / 864 % 3;
		struct cvss score;
		char text[64];

		snprintf(text, sizeof(text), "CVSS:3.1/AV:%c/AC:%c/PR:%c/UI:%c/S:%c/C:%c/I:%c/A:%c", "NALP"[av],
			"LH"[ac], "NLH"[pr], "NR"[ui], "UC"[s], "NLH"[c], "NLH"[i], "NLH"[a]);
		assert_int_equal(cvss_score(bytes_from_str(text), &score), 0);
		assert_int_equal(score.version, CVSS_31);
		assert_int_equal(score.base10, by_hand(av, ac, pr, ui, s, c, i, a));
		assert_int_equal(score.score10, score.base10);
		count++;
	}
	assert_int_equal(count, 2592);
}

/* ---- Spot values ---- */

static const struct {
	const char *vector;
	uint8_t base10, score10, band;
} spots[] = {
	{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:H/A:N", 82, 82, 3 },
	{ "CVSS:3.1/AV:A/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 54, 54, 2 },
	{ "CVSS:3.1/AV:L/AC:H/PR:H/UI:N/S:C/C:H/I:N/A:N", 53, 53, 2 },
	{ "CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:N/I:L/A:H", 55, 55, 2 },
	{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:H/UI:N/VC:H/VI:H/VA:L/SC:H/SI:H/SA:H", 93, 93, 4 },
	{ "CVSS:4.0/AV:N/AC:H/AT:P/PR:H/UI:P/VC:N/VI:N/VA:H/SC:H/SI:L/SA:L", 70, 70, 3 },
	{ "CVSS:4.0/AV:P/AC:H/AT:P/PR:N/UI:A/VC:N/VI:H/VA:N/SC:L/SI:N/SA:N", 41, 41, 2 },
	{ "CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:A/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H/E:A", 73, 73, 3 },
	{ "CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:A/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H/E:P", 59, 59, 2 },
	{ "CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:A/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H/E:U", 41, 41, 2 },
	{ "CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:A/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H/CR:L/IR:L/AR:L", 54, 54, 2 },
	{ "CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:A/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H/CR:H/IR:H/AR:M", 72, 72, 3 },
	{ "CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:A/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H/CR:M/IR:M/AR:M", 55, 55, 2 },
	{ "CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:A/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H/CR:L/IR:M/AR:H", 71, 71, 3 },
	{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", 0, 0, 0 },
	{ "CVSS:4.0/AV:P/AC:H/AT:N/PR:L/UI:A/VC:L/VI:L/VA:H/SC:H/SI:H/SA:N", 59, 59, 2 },
	{ "CVSS:4.0/AV:P/AC:H/AT:N/PR:L/UI:A/VC:L/VI:N/VA:N/SC:H/SI:N/SA:N", 18, 18, 1 },
	{ "CVSS:4.0/AV:P/AC:H/AT:N/PR:L/UI:A/VC:N/VI:L/VA:N/SC:N/SI:N/SA:L", 10, 10, 1 },
	{ "CVSS:4.0/AV:P/AC:H/AT:N/PR:H/UI:N/VC:H/VI:N/VA:H/SC:N/SI:N/SA:H", 57, 57, 2 },
	{ "CVSS:4.0/AV:P/AC:H/AT:N/PR:H/UI:N/VC:L/VI:H/VA:N/SC:H/SI:N/SA:L", 57, 57, 2 },
	{ "CVSS:4.0/AV:P/AC:H/AT:N/PR:H/UI:N/VC:L/VI:L/VA:H/SC:H/SI:N/SA:H", 59, 59, 2 },
	{ "CVSS:4.0/AV:P/AC:H/AT:N/PR:H/UI:P/VC:H/VI:H/VA:N/SC:L/SI:H/SA:N", 68, 68, 2 },
	{ "CVSS:4.0/AV:P/AC:H/AT:P/PR:N/UI:N/VC:H/VI:H/VA:N/SC:H/SI:H/SA:H", 72, 72, 3 },
	{ "CVSS:4.0/AV:P/AC:H/AT:P/PR:N/UI:P/VC:H/VI:H/VA:L/SC:H/SI:L/SA:L", 70, 70, 3 },
	{ "CVSS:4.0/AV:P/AC:H/AT:P/PR:N/UI:A/VC:H/VI:L/VA:H/SC:N/SI:L/SA:N", 46, 46, 2 },
	{ "CVSS:4.0/AV:P/AC:H/AT:P/PR:L/UI:N/VC:H/VI:H/VA:L/SC:H/SI:H/SA:L", 71, 71, 3 },
	{ "CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:L", 72, 72, 3 },
	{ "CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:A/VC:L/VI:L/VA:L/SC:L/SI:H/SA:H", 23, 23, 1 },
	{ "CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:P/VC:H/VI:H/VA:L/SC:L/SI:N/SA:L", 53, 53, 2 },
	{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:H/VA:L/SC:N/SI:H/SA:L", 92, 92, 4 },
	{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:L/VA:L/SC:H/SI:N/SA:L", 78, 78, 3 },
	{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:H/SI:L/SA:H", 79, 79, 3 },
	{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:A/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 86, 86, 3 },
	{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:L/UI:N/VC:L/VI:N/VA:N/SC:N/SI:N/SA:H", 63, 63, 2 },
	{ "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:N/SA:H", 95, 95, 4 },
	{ "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:L/VI:L/VA:N/SC:H/SI:N/SA:N", 49, 49, 2 },
	{ "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:A/VC:L/VI:L/VA:N/SC:N/SI:N/SA:H", 46, 46, 2 },
	{ "CVSS:4.0/AV:N/AC:L/AT:P/PR:H/UI:A/VC:N/VI:L/VA:L/SC:L/SI:N/SA:N", 18, 18, 1 },
	{ "CVSS:4.0/AV:N/AC:H/AT:N/PR:N/UI:N/VC:H/VI:H/VA:N/SC:L/SI:H/SA:L", 94, 94, 4 },
	{ "CVSS:4.0/AV:N/AC:H/AT:N/PR:L/UI:P/VC:H/VI:H/VA:H/SC:H/SI:L/SA:H", 88, 88, 3 },
	{ "CVSS:4.0/AV:N/AC:H/AT:N/PR:H/UI:A/VC:N/VI:N/VA:N/SC:N/SI:H/SA:N", 40, 40, 2 },
	{ "CVSS:4.0/AV:N/AC:H/AT:P/PR:N/UI:N/VC:H/VI:H/VA:N/SC:N/SI:N/SA:L", 91, 91, 4 },
	{ "AV:N/AC:L/Au:N/C:N/I:N/A:C", 78, 78, 3 },
	{ "AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C", 78, 64, 2 },
	{ "AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:H", 78, 92, 4 },
	{ "AV:N/AC:L/Au:N/C:C/I:C/A:C/E:F/RL:OF/RC:C", 100, 83, 3 },
	{ "AV:L/AC:H/Au:N/C:C/I:C/A:C/E:POC/RL:OF/RC:C", 62, 49, 2 },
	{ "AV:L/AC:H/Au:N/C:C/I:C/A:C/E:POC/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:M", 62, 75, 3 },
	{ "AV:N/AC:L/Au:N/C:N/I:N/A:N", 0, 0, 0 },
	{ "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 98, 98, 4 },
	{ "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 100, 100, 4 },
	{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:U/RL:O/RC:U", 98, 78, 3 },
	{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/MAV:L", 98, 84, 3 },
	{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/MC:N/MI:N/MA:N", 98, 0, 0 },
};

static void test_spots(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(spots); i++) {
		struct cvss score;

		assert_int_equal(cvss_score(bytes_from_str(spots[i].vector), &score), 0);
		assert_int_equal(score.base10, spots[i].base10);
		assert_int_equal(score.score10, spots[i].score10);
		assert_int_equal(score.band, spots[i].band);
	}
}

static void test_forms_of_2(void **state)
{
	static const char *const forms[] = { "AV:N/AC:L/Au:N/C:P/I:P/A:P", "(AV:N/AC:L/Au:N/C:P/I:P/A:P)",
		"CVSS2#AV:N/AC:L/Au:N/C:P/I:P/A:P", "CVSS:2.0/AV:N/AC:L/Au:N/C:P/I:P/A:P",
		"A:P/I:P/C:P/Au:N/AC:L/AV:N" };

	for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
		struct cvss score;

		assert_int_equal(cvss_score(bytes_from_str(forms[i]), &score), 0);
		assert_int_equal(score.version, CVSS_2);
		assert_int_equal(score.base10, 75);
	}
}

/* No score of 4.0 rises when one metric gets better, from every base vector: a wrong number of the table or a wrong
 * depth would show. */
static void test_4_falls(void **state)
{
	static const char *const values[] = { "NALP", "LH", "NP", "NLH", "NPA", "HLN", "HLN", "HLN", "HLN", "HLN",
		"HLN" };
	static const char *const keys[] = { "AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA" };
	uint32_t random = 1;

	for (int n = 0; n < 20000; n++) {
		char place[11], text[2][128];
		struct cvss score[2];
		size_t better;

		for (size_t i = 0; i < sizeof(place); i++) {
			random = random * 1664525 + 1013904223;
			place[i] = (char)((random >> 16) % strlen(values[i]));
		}
		better = (random >> 8) % sizeof(place);
		if (place[better] + 1 == (int)strlen(values[better]))
			continue;
		for (int which = 0; which < 2; which++) {
			size_t size = (size_t)snprintf(text[which], sizeof(text[which]), "CVSS:4.0");

			place[better] = (char)(place[better] + which);
			for (size_t i = 0; i < sizeof(place); i++)
				size += (size_t)snprintf(text[which] + size, sizeof(text[which]) - size, "/%s:%c",
					keys[i], values[i][(int)place[i]]);
			assert_int_equal(cvss_score(bytes_from_str(text[which]), &score[which]), 0);
		}
		assert_true(score[1].base10 <= score[0].base10);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *vector;
		int error;
	} cases[] = {
		{ "", LUYTRE_E_SYNTAX },
		{ "7.5", LUYTRE_E_SYNTAX },
		{ "CVSS:3.1/", LUYTRE_E_SYNTAX },
		{ "CVSS:5.0/AV:N", LUYTRE_E_VERSION },
		{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", LUYTRE_E_SYNTAX },
		{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/A:H", LUYTRE_E_SYNTAX },
		{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:X", LUYTRE_E_SYNTAX },
		{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/", LUYTRE_E_SYNTAX },
		{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/ZZ:H", LUYTRE_E_SYNTAX },
		{ "CVSS:3.1/AV:NN/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", LUYTRE_E_SYNTAX },
		{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:S/SA:N", LUYTRE_E_SYNTAX },
		{ "AV:N/AC:L/Au:N/C:P/I:P", LUYTRE_E_SYNTAX },
	};
	struct cvss score;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(cvss_score(bytes_from_str(cases[i].vector), &score), cases[i].error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_31),
		cmocka_unit_test(test_spots),
		cmocka_unit_test(test_forms_of_2),
		cmocka_unit_test(test_4_falls),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
