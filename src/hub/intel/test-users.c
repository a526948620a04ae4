// SPDX-License-Identifier: Apache-2.0
#include "hub/intel/users.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"

static const struct siphash_key test_key = { 1, 2 };
static const int64_t start_us = INT64_C(1790000000) * 1000000;
static const int64_t period_us = (int64_t)USERS_PERIOD_S * 1000000;

static struct ip_addr addr_of(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(bytes_from_str(text), &addr), 0);
	return addr;
}

static struct observable_key key_of(const char *text)
{
	struct ip_prefix prefix;

	assert_int_equal(ip_prefix_parse(bytes_from_str(text), IP_PREFIX_MASK_HOST_BITS, &prefix), 0);
	return observable_key_of_prefix(&prefix);
}

static void estimates_people_behind_an_address(void **state)
{
	static const uint32_t rows[] = { 1, 5, 7, 20, 100, 300 };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct users *users = users_new(100, test_key);
		struct ip_addr addr = addr_of("192.0.2.1");
		struct observable_key key = key_of("192.0.2.1");
		uint32_t estimate;

		assert_int_equal(users_estimate(users, &key), 0);
		for (uint32_t user = 0; user < rows[i]; user++) {
			assert_int_equal(users_add(users, start_us, &addr, 1 + user % 2, user), 0);
			/* The same one again changes nothing. */
			assert_int_equal(users_add(users, start_us, &addr, 1 + user % 2, user), 0);
		}
		estimate = users_estimate(users, &key);
		assert_in_range(estimate, rows[i] - rows[i] / 6, rows[i] + rows[i] / 6);
		users_free(users);
	}
}

static void one_tenant_alone_counts_little(void **state)
{
	struct users *users = users_new(100, test_key);
	struct ip_addr addr = addr_of("192.0.2.1");
	struct observable_key key = key_of("192.0.2.1");

	for (uint64_t user = 0; user < 5000; user++)
		assert_int_equal(users_add(users, start_us, &addr, 9, user), 0);
	assert_int_equal(users_estimate(users, &key), USERS_ONE_TENANT_MAX);
	assert_int_equal(users_add(users, start_us, &addr, 10, 1), 0);
	assert_int_equal(users_estimate(users, &key), USERS_ESTIMATE_MAX);
	users_free(users);
}

static void good_clients_are_counted_by_prefix(void **state)
{
	static const char *const addrs[] = { "192.0.2.1", "192.0.2.2", "::ffff:192.0.2.2", "192.0.3.1",
		"2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:2::1", "2001:db8:0:100::1" };
	static const struct {
		const char *prefix;
		size_t count;
	} rows[] = { { "192.0.2.1", 1 }, { "192.0.2.9", 0 }, { "192.0.2.0/24", 2 }, { "192.0.0.0/16", 3 },
		{ "2001:db8:0:1::/64", 1 }, { "2001:db8:0:1::99", 1 }, { "2001:db8::/56", 2 }, { "2001:db8::/48", 3 },
		{ "2001:db8::/40", 3 } };
	struct users *users = users_new(100, test_key);

	for (size_t i = 0; i < ARRAY_COUNT(addrs); i++) {
		struct ip_addr addr = addr_of(addrs[i]);

		assert_int_equal(users_add(users, start_us, &addr, 1, i), 0);
	}
	assert_int_equal(users_count(users), 6);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct observable_key key = key_of(rows[i].prefix);

		assert_int_equal(users_count_in(users, &key), rows[i].count);
	}
	users_free(users);
}

static void clients_are_forgotten_after_a_week(void **state)
{
	struct users *users = users_new(100, test_key);
	struct ip_addr early = addr_of("192.0.2.1"), late = addr_of("192.0.2.2");
	struct observable_key net = key_of("192.0.2.0/24"), key = key_of("192.0.2.1");

	assert_int_equal(users_add(users, start_us, &early, 1, 1), 0);
	assert_int_equal(users_add(users, start_us + period_us, &late, 1, 1), 0);
	assert_int_equal(users_count_in(users, &net), 2);
	assert_int_equal(users_estimate(users, &key), 1);
	users_tick(users, start_us + 2 * period_us);
	assert_int_equal(users_count_in(users, &net), 1);
	assert_int_equal(users_estimate(users, &key), 0);
	users_tick(users, start_us); /* the clock went back */
	assert_int_equal(users_count(users), 1);
	users_tick(users, start_us + 400 * period_us);
	assert_int_equal(users_count(users), 0);
	assert_int_equal(users_count_in(users, &net), 0);
	users_free(users);
}

static void memory_is_bounded(void **state)
{
	struct users *users = users_new(10, test_key);
	struct users_stats stats;
	struct ip_addr addr = addr_of("10.0.0.0");

	for (uint8_t i = 0; i < 20; i++) {
		addr.bytes[3] = i;
		assert_int_equal(users_add(users, start_us, &addr, 1, 1), i < 10 ? 0 : LUYTRE_E_FULL);
	}
	users_stats(users, &stats);
	assert_true(stats.sources == 10 && stats.refused == 10 && stats.seen == 10);
	users_free(users);
	users_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(estimates_people_behind_an_address),
		cmocka_unit_test(one_tenant_alone_counts_little),
		cmocka_unit_test(good_clients_are_counted_by_prefix),
		cmocka_unit_test(clients_are_forgotten_after_a_week),
		cmocka_unit_test(memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
