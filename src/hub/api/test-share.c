// SPDX-License-Identifier: Apache-2.0
/* Room that many share: one account cannot take all of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "hub/api/share.h"

static uint64_t bytes_of_share(struct api_share *share)
{
	struct api_share_stats stats;

	api_share_stats(share, &stats);
	return stats.bytes;
}

static void test_one_leaves_room(void **state)
{
	struct api_share *share = api_share_new(100, 40);
	struct api_share_stats stats;

	assert_non_null(share);
	assert_int_equal(api_share_take(share, 1, 30), 0);
	assert_int_equal(api_share_take(share, 1, 11), LUYTRE_E_BUSY);
	assert_int_equal(api_share_take(share, 1, UINT64_MAX), LUYTRE_E_BUSY);
	assert_int_equal(api_share_take(share, 1, 10), 0);
	assert_int_equal(api_share_take(share, 2, 40), 0);
	assert_int_equal(api_share_take(share, 3, 21), LUYTRE_E_FULL);
	assert_int_equal(api_share_take(share, 3, 20), 0);
	assert_int_equal(bytes_of_share(share), 100);
	api_share_give(share, 1, 40);
	api_share_give(share, 1, 1); /* he has none */
	assert_int_equal(bytes_of_share(share), 60);
	assert_int_equal(api_share_take(share, 3, 20), 0);
	api_share_stats(share, &stats);
	assert_int_equal(stats.refused_each, 2);
	assert_int_equal(stats.refused_all, 1);
	api_share_free(share);
	api_share_free(NULL);
}

/* What is announced keeps nobody away, however many announce. */
static void test_announced(void **state)
{
	struct api_share *share = api_share_new(100, 40);
	struct api_share_stats stats;

	assert_non_null(share);
	for (uint64_t i = 0; i < 2 * API_SHARE_ACCOUNTS_MAX; i++)
		assert_int_equal(api_share_fits(share, i, 40), 0);
	assert_int_equal(bytes_of_share(share), 0);
	assert_int_equal(api_share_fits(share, 1, 41), LUYTRE_E_BUSY);
	assert_int_equal(api_share_take(share, 1, 30), 0);
	assert_int_equal(api_share_fits(share, 1, 11), LUYTRE_E_BUSY);
	assert_int_equal(api_share_fits(share, 1, 10), 0);
	assert_int_equal(api_share_take(share, 2, 40), 0);
	assert_int_equal(api_share_fits(share, 3, 31), LUYTRE_E_FULL);
	assert_int_equal(api_share_fits(share, 3, 30), 0);
	assert_int_equal(bytes_of_share(share), 70);
	api_share_stats(share, &stats);
	assert_int_equal(stats.refused_each, 2);
	assert_int_equal(stats.refused_all, 1);
	api_share_free(share);
}

/* Who has given all back leaves his place to others. */
static void test_places(void **state)
{
	struct api_share *share = api_share_new(UINT64_MAX, 10);

	assert_non_null(share);
	for (uint64_t i = 0; i < API_SHARE_ACCOUNTS_MAX; i++)
		assert_int_equal(api_share_take(share, i, 1), 0);
	assert_int_equal(api_share_take(share, 1000, 1), LUYTRE_E_FULL);
	assert_int_equal(api_share_take(share, 7, 1), 0);
	api_share_give(share, 8, 1);
	assert_int_equal(api_share_take(share, 1000, 1), 0);
	assert_int_equal(api_share_take(share, 8, 1), LUYTRE_E_FULL);
	assert_int_equal(bytes_of_share(share), API_SHARE_ACCOUNTS_MAX + 1);
	api_share_free(share);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_leaves_room),
		cmocka_unit_test(test_announced),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
