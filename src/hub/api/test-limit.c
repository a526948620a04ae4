// SPDX-License-Identifier: Apache-2.0
#include "hub/api/limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/clock.h"

static const struct limit_settings settings = {
	.rates = { { 10, 10 }, { 5, 10 }, { 1, 1 }, { 3, 60 } }, .address_factor = 2, .subjects_max = 8
};

static struct ip_addr address(const char *text)
{
	struct ip_addr addr = { 0 };

	assert_int_equal(ip_addr_parse(bytes_from_str(text), &addr), 0);
	return addr;
}

/* As many at once as the rate has, then one in each step of time. */
static void test_account(void **state)
{
	struct limit *limit = limit_new(&settings);
	uint64_t now_ns = 1000 * NS_PER_S;
	struct limit_answer answer = { 0 };

	for (uint32_t i = 0; i < 3; i++) {
		answer = limit_ask_account(limit, API_RATE_LOGIN, 1, 7, now_ns);
		assert_true(answer.allowed);
		assert_int_equal(answer.remaining, 2 - i);
		assert_int_equal(answer.reset_s, 20 * (i + 1));
	}
	answer = limit_ask_account(limit, API_RATE_LOGIN, 1, 7, now_ns);
	assert_false(answer.allowed);
	assert_int_equal(answer.retry_s, 20);
	assert_false(limit_ask_account(limit, API_RATE_LOGIN, 1, 7, now_ns + 20 * NS_PER_S - 1).allowed);
	assert_true(limit_ask_account(limit, API_RATE_LOGIN, 1, 7, now_ns + 20 * NS_PER_S).allowed);
	assert_false(limit_ask_account(limit, API_RATE_LOGIN, 1, 7, now_ns + 20 * NS_PER_S).allowed);
	/* Other classes, accounts and kinds have buckets of their own. */
	assert_true(limit_ask_account(limit, API_RATE_READ, 1, 7, now_ns).allowed);
	assert_true(limit_ask_account(limit, API_RATE_LOGIN, 1, 8, now_ns).allowed);
	assert_true(limit_ask_account(limit, API_RATE_LOGIN, 2, 7, now_ns).allowed);
	limit_free(limit);
}

static void test_address(void **state)
{
	struct limit *limit = limit_new(&settings);
	struct ip_addr one = address("2001:db8::1"), same = address("2001:db8::ffff"),
		       other = address("2001:db8:0:1::1"), v4 = address("192.0.2.1");

	for (int i = 0; i < 6; i++)
		assert_true(limit_ask_address(limit, API_RATE_LOGIN, i % 2 ? &one : &same, NS_PER_S).allowed);
	assert_false(limit_ask_address(limit, API_RATE_LOGIN, &one, NS_PER_S).allowed);
	assert_true(limit_ask_address(limit, API_RATE_LOGIN, &other, NS_PER_S).allowed);
	assert_true(limit_ask_address(limit, API_RATE_LOGIN, &v4, NS_PER_S).allowed);
	limit_free(limit);
}

/* Without room a stranger is let in and counted; when buckets are full again there is room. */
static void test_ceiling(void **state)
{
	struct limit *limit = limit_new(&settings);

	for (uint64_t id = 1; id <= 10; id++)
		assert_true(limit_ask_account(limit, API_RATE_HEAVY, 1, id, NS_PER_S).allowed);
	assert_int_equal(limit_uncounted(limit), 2);
	assert_false(limit_ask_account(limit, API_RATE_HEAVY, 1, 1, NS_PER_S).allowed);
	assert_true(limit_ask_account(limit, API_RATE_HEAVY, 1, 99, 3 * NS_PER_S).allowed);
	assert_int_equal(limit_uncounted(limit), 2);
	assert_false(limit_ask_account(limit, API_RATE_HEAVY, 1, 99, 3 * NS_PER_S).allowed);
	limit_free(limit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_account),
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
