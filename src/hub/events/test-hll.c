// SPDX-License-Identifier: Apache-2.0
#include "hub/events/hll.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "hub/events/sample.h"

/* Five standard errors of 1.6 %, and one thing either way for the smallest. */
static void assert_about(uint64_t estimate, uint64_t truth)
{
	double bound = 5 * 1.04 / sqrt(HLL_REGISTERS) * (double)truth + 1;

	assert_true(fabs((double)estimate - (double)truth) <= bound);
}

static void estimates_within_bounds_at_every_size(void **state)
{
	static const uint64_t sizes[] = { 0, 1, 2, 10, 100, 400, 512, 513, 1000, 3000, 10000, 20000, 100000, 1000000 };

	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		for (uint64_t seed = 1; seed <= 3; seed++) {
			uint64_t random = seed << 40;
			struct hll hll = { 0 };

			for (uint64_t n = 0; n < sizes[i]; n++) {
				uint64_t hash = sample_random(&random);

				assert_int_equal(hll_add(&hll, hash), 0);
				if (n % 3 == 0)
					assert_int_equal(hll_add(&hll, hash), 0);
			}
			assert_about(hll_estimate(&hll), sizes[i]);
			hll_done(&hll);
		}
	}
}

static void merging_and_storing_give_the_union(void **state)
{
	static const uint64_t sizes[][2] = { { 0, 5 }, { 100, 100 }, { 300, 400 }, { 50, 50000 }, { 50000, 50 },
		{ 9000, 9000 } };

	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		uint64_t random = i + 99;
		struct hll parts[2] = { 0 }, whole = { 0 }, merged = { 0 }, stored = { 0 };
		uint8_t blob[HLL_BLOB_MAX];

		for (unsigned int part = 0; part < 2; part++) {
			for (uint64_t n = 0; n < sizes[i][part]; n++) {
				uint64_t hash = sample_random(&random);

				assert_int_equal(hll_add(&parts[part], hash), 0);
				assert_int_equal(hll_add(&whole, hash), 0);
			}
			assert_int_equal(hll_merge(&merged, &parts[part]), 0);
			assert_int_equal(hll_merge_blob(&stored, bytes_of(blob, hll_write(&parts[part], blob))), 0);
		}
		assert_int_equal(hll_estimate(&merged), hll_estimate(&whole));
		assert_int_equal(hll_estimate(&stored), hll_estimate(&whole));
		for (unsigned int part = 0; part < 2; part++)
			hll_done(&parts[part]);
		hll_done(&whole);
		hll_done(&merged);
		hll_done(&stored);
	}
}

static void broken_blobs_are_refused(void **state)
{
	static uint8_t dense[HLL_BLOB_MAX + 1];
	static const uint8_t index_too_large[] = { 1, 0x10, 0x00, 1 }, rank_zero[] = { 1, 0, 0, 0 },
			     rank_large[] = { 1, 0, 0, 54 };
	const struct bytes blobs[] = {
		{ 0 },
		bytes_of("\2", 1),
		bytes_of("\1ab", 3),
		bytes_of(index_too_large, sizeof(index_too_large)),
		bytes_of(rank_zero, sizeof(rank_zero)),
		bytes_of(rank_large, sizeof(rank_large)),
		bytes_of(dense, HLL_BLOB_MAX - 1),
		bytes_of(dense, HLL_BLOB_MAX + 1),
		bytes_of(dense, HLL_BLOB_MAX),
	};

	dense[100] = 54;
	for (size_t i = 0; i < ARRAY_COUNT(blobs); i++) {
		struct hll hll = { 0 };

		assert_int_equal(hll_merge_blob(&hll, blobs[i]), LUYTRE_E_CORRUPT);
		hll_done(&hll);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(estimates_within_bounds_at_every_size),
		cmocka_unit_test(merging_and_storing_give_the_union),
		cmocka_unit_test(broken_blobs_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
