// SPDX-License-Identifier: Apache-2.0
#include "hub/campaign/minhash.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/compiler.h"

static uint32_t draw(uint64_t *random, uint32_t below)
{
	*random ^= *random << 13, *random ^= *random >> 7, *random ^= *random << 17;
	return (uint32_t)((*random >> 20) % below);
}

static void normal_forms_are_alike(void **state)
{
	static const struct {
		const char *left, *right;
		bool same;
	} rows[] = {
		{ "GET /index.php?id=1234 HTTP/1.1", "get /INDEX.php?id=7 http/9.9", true },
		{ "a  b\t\tc\r\nddd", "a b c ddd", true },
		{ "union select password", "union select username", false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct minhash left, right;

		assert_true(minhash_of(bytes_from_str(rows[i].left), &left));
		assert_true(minhash_of(bytes_from_str(rows[i].right), &right));
		assert_int_equal(minhash_similarity(&left, &right) >= 1, rows[i].same);
	}
}

static void short_payloads_have_no_signature(void **state)
{
	struct minhash signature;

	assert_false(minhash_of(bytes_from_str(""), &signature));
	assert_false(minhash_of(bytes_from_str("abcd"), &signature));
	assert_false(minhash_of(bytes_from_str("1234567890"), &signature)); /* one '0' */
	assert_true(minhash_of(bytes_from_str("abcde"), &signature));
	assert_true(minhash_similarity(&signature, &signature) >= 1);
}

/* Signatures of different edges and years must agree: part of the format. */
static void values_never_change(void **state)
{
	struct minhash signature;

	assert_true(minhash_of(bytes_from_str("${jndi:ldap://example.org/a}"), &signature));
	assert_int_equal(signature.values[0], UINT32_C(362634294));
	assert_int_equal(signature.values[63], UINT32_C(114899716));
	assert_int_equal(minhash_band(&signature, 15), UINT64_C(9427049965857987055));
}

/* Two sets of 5-byte shingles with a known share in common, made of blocks that have no shingle in common. */
static void make_pair(uint64_t *random, unsigned int common, unsigned int own, char *left, char *right)
{
	size_t at = 0;

	for (unsigned int i = 0; i < common + own; i++) {
		for (int j = 0; j < 40; j++, at++) {
			left[at] = (char)('a' + draw(random, 26));
			right[at] = i < common ? left[at] : (char)('a' + draw(random, 26));
		}
	}
	left[at] = right[at] = '\0';
}

static void similarity_and_bands_are_as_computed(void **state)
{
	/* common blocks of 20: similarity c / (2 * 20 - c); chances of the reference are for 0.3, 0.5, 0.7, 0.8 */
	static const struct {
		unsigned int common;
		double similarity;
	} rows[] = { { 9, 9.0 / 31 }, { 13, 13.0 / 27 }, { 17, 17.0 / 23 }, { 18, 18.0 / 22 } };
	static const struct {
		double similarity;
		const char *chance;
	} chances[] = { { 0.3, "0.122" }, { 0.5, "0.644" }, { 0.7, "0.988" }, { 0.8, "1.000" } };
	uint64_t random = 12345678912345ull;
	char left[1000], right[1000], printed[32];

	for (size_t i = 0; i < ARRAY_COUNT(chances); i++) {
		snprintf(printed, sizeof(printed), "%.3f",
			1 - pow(1 - pow(chances[i].similarity, MINHASH_ROWS), MINHASH_BANDS));
		assert_string_equal(printed, chances[i].chance);
	}
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		double sum = 0, chance = 1 - pow(1 - pow(rows[i].similarity, MINHASH_ROWS), MINHASH_BANDS);
		int met = 0;

		for (int round = 0; round < 200; round++) {
			struct minhash a, b;
			bool meet = false;

			make_pair(&random, rows[i].common, 20 - rows[i].common, left, right);
			assert_true(minhash_of(bytes_from_str(left), &a) && minhash_of(bytes_from_str(right), &b));
			sum += minhash_similarity(&a, &b);
			for (unsigned int band = 0; band < MINHASH_BANDS; band++)
				meet |= minhash_band(&a, band) == minhash_band(&b, band);
			met += meet;
		}
		assert_true(fabs(sum / 200 - rows[i].similarity) < 0.03);
		assert_true(fabs(met / 200.0 - chance) < 0.12);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(normal_forms_are_alike),
		cmocka_unit_test(short_payloads_have_no_signature),
		cmocka_unit_test(values_never_change),
		cmocka_unit_test(similarity_and_bands_are_as_computed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
