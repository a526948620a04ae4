// SPDX-License-Identifier: Apache-2.0
/* Histograms, quick percentiles and the saved form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "shield/baseline.h"

static uint64_t random_state = 1;

static uint32_t roll(uint32_t below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((random_state >> 33) % below);
}

static void test_quantiles(void **state)
{
	static const struct {
		uint32_t low, high; /* evenly spread between */
		double quantile, wanted;
	} cases[] = {
		{ 1000, 2000, 0.95, 1950 },
		{ 1000, 2000, 0.5, 1500 },
		{ 0, 1, 0.95, 0 },
		{ 100000, 100001, 0.95, 100000 },
		{ 10, 100000, 0.95, 95000 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct baseline baseline = { 0 };
		double found;

		assert_true(baseline_quantile(&baseline, 0.95) == 0);
		for (int n = 0; n < 3000; n++)
			baseline_add(&baseline, cases[i].low + roll(cases[i].high - cases[i].low), false);
		found = baseline_quantile(&baseline, cases[i].quantile);
		/* A bucket is 19 % wide. */
		assert_true(found >= cases[i].wanted * 0.84 - 1 && found <= cases[i].wanted * 1.19 + 1);
	}
}

static void test_bounds(void **state)
{
	struct baseline baseline = { 0 };

	baseline_add(&baseline, -5, false);
	baseline_add(&baseline, 1e30, false);
	baseline_add(&baseline, 0.0 / 0.0, false);
	assert_int_equal(baseline.total, 3);
	assert_int_equal(baseline.count[0], 2);
	assert_int_equal(baseline.count[BASELINE_BUCKETS - 1], 1);
	for (int i = 0; i < 1000000; i++)
		baseline_add(&baseline, 100, false);
	assert_true(baseline.total < BASELINE_WINDOW);
	assert_true(baseline_quantile(&baseline, 0.95) < 125);
}

static void test_warm(void **state)
{
	struct baseline baseline = { 0 };
	struct baseline_quick quick = { 0 };

	for (int i = 0; i < BASELINE_WARM; i++) {
		assert_false(baseline_is_warm(&baseline));
		assert_false(baseline_quick_is_warm(&quick));
		baseline_add(&baseline, 10, false);
		baseline_quick_add(&quick, 10, 0);
	}
	assert_true(baseline_is_warm(&baseline));
	assert_true(baseline_quick_is_warm(&quick));
	assert_true(quick.high > 9.9 && quick.mean > 9.9);
}

static void test_unusual_counts_little(void **state)
{
	struct baseline baseline = { 0 };

	for (int i = 0; i < 1000; i++)
		baseline_add(&baseline, 100, false);
	for (int i = 0; i < 300; i++)
		baseline_add(&baseline, 1000, true);
	assert_true(baseline_quantile(&baseline, 0.95) < 130);
}

static void test_quick_percentile(void **state)
{
	struct baseline_quick quick = { 0 };

	for (int i = 0; i < 20000; i++)
		baseline_quick_add(&quick, 1000 + roll(1000), 0);
	assert_true(quick.high > 1850 && quick.high < 2050);
	assert_true(quick.mean > 1350 && quick.mean < 1650);
	/* A minute of ten times as much moves it by some percent only. */
	for (int i = 0; i < 60; i++)
		baseline_quick_add(&quick, 20000, 0);
	assert_true(quick.high < 2150);
	baseline_quick_idle(&quick, 3600);
	assert_true(quick.high < 2150 && quick.mean < 1);
	/* What is harmless is taken at once. */
	quick.high = 1;
	baseline_quick_add(&quick, 400, 500);
	assert_true(quick.high > 399);
}

/* ---- The saved form ---- */

struct seen {
	struct baseline_rates_key rates_key;
	struct baseline rates;
	struct baseline_quick_key quick_key;
	struct baseline_quick quick;
	int count;
};

static void see_rates(void *user, const struct baseline_rates_key *key, const struct baseline *baseline)
{
	struct seen *seen = user;

	seen->rates_key = *key;
	seen->rates = *baseline;
	seen->count++;
}

static void see_quick(void *user, const struct baseline_quick_key *key, const struct baseline_quick *quick)
{
	struct seen *seen = user;

	seen->quick_key = *key;
	seen->quick = *quick;
	seen->count++;
}

static int read_into(struct seen *seen, const uint8_t *data, size_t size)
{
	const struct baseline_reader reader = { seen, see_rates, see_quick };

	*seen = (struct seen){ 0 };
	return baseline_read(bytes_of(data, size), &reader);
}

static size_t write_both(uint8_t *data, size_t size)
{
	const struct baseline_rates_key rates_key = { 77, 3, 1 };
	const struct baseline_quick_key quick_key = { 78, 0x010200c0, 1, 4 };
	const struct baseline_quick quick = { 1234.5f, 1000.25f, 999 };
	struct baseline baseline = { 0 };
	struct baseline_writer writer;
	size_t used = 0;

	for (int i = 0; i < 500; i++)
		baseline_add(&baseline, 50 + i, false);
	baseline_write_begin(&writer, data, size);
	baseline_write_rates(&writer, &rates_key, &baseline);
	baseline_write_quick(&writer, &quick_key, &quick);
	assert_int_equal(baseline_write_end(&writer, &used), 0);
	return used;
}

static void test_saved_and_read(void **state)
{
	uint8_t data[1024];
	size_t used = write_both(data, sizeof(data));
	struct seen seen;

	assert_int_equal(read_into(&seen, data, used), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.rates_key.owner, 77);
	assert_int_equal(seen.rates_key.class_id, 3);
	assert_int_equal(seen.rates_key.metric, 1);
	assert_int_equal(seen.rates.total, 500);
	assert_int_equal(seen.quick_key.owner, 78);
	assert_int_equal(seen.quick_key.address, 0x010200c0);
	assert_int_equal(seen.quick_key.level, 1);
	assert_true(seen.quick.high == 1234.5f && seen.quick.mean == 1000.25f && seen.quick.seconds == 999);
}

static void test_damage_is_refused(void **state)
{
	uint8_t data[1024];
	size_t used = write_both(data, sizeof(data));
	struct seen seen;

	for (size_t i = 0; i < used; i++) {
		assert_true(read_into(&seen, data, i) < 0);
		assert_int_equal(seen.count, 0);
		for (int bit = 0; bit < 8; bit++) {
			data[i] ^= (uint8_t)(1 << bit);
			assert_true(read_into(&seen, data, used) < 0);
			assert_int_equal(seen.count, 0);
			data[i] ^= (uint8_t)(1 << bit);
		}
	}
	data[8] = BASELINE_VERSION + 1;
	assert_int_equal(read_into(&seen, data, used), LUYTRE_E_VERSION);
}

static void test_no_room(void **state)
{
	uint8_t data[1024];
	size_t used = write_both(data, sizeof(data));

	for (size_t size = 0; size < used; size++) {
		const struct baseline_quick_key key = { 1, 2, 0, 4 };
		const struct baseline_quick quick = { 1, 1, 1 };
		struct baseline_writer writer;
		size_t again;

		if (size >= BASELINE_HEADER_SIZE + BASELINE_QUICK_SIZE)
			break;
		baseline_write_begin(&writer, data, size);
		baseline_write_quick(&writer, &key, &quick);
		assert_int_equal(baseline_write_end(&writer, &again), LUYTRE_E_FULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_warm),
		cmocka_unit_test(test_unusual_counts_little),
		cmocka_unit_test(test_quick_percentile),
		cmocka_unit_test(test_saved_and_read),
		cmocka_unit_test(test_damage_is_refused),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
