// SPDX-License-Identifier: Apache-2.0
/* Guessing is slowed down, people who mistype are not, and nothing grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/error.h"
#include "hub/auth/throttle.h"

static struct ip_addr v4(uint32_t number)
{
	const uint8_t bytes[] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
		(uint8_t)number };

	return ip_addr_v4(bytes);
}

#define S INT64_C(1000000)

/* Whoever tries as often as he may, from ever new addresses. */
static void test_one_account(void **state)
{
	struct throttle *throttle = throttle_new(0);
	uint32_t wait_s = 0, tried = 0;
	int64_t now_us = S;

	for (int64_t until_us = now_us + 86400 * S; now_us < until_us; now_us += 1 * S) {
		struct ip_addr from = v4(0x0a000000 + tried);

		if (throttle_enter(throttle, "lan", &from, now_us, &wait_s) == 0)
			tried++;
		else
			assert_true(wait_s > 0 && wait_s <= THROTTLE_ACCOUNT_MAX_S);
	}
	assert_in_range(tried, 1400, 1460); /* once a minute */
	{
		struct ip_addr from = v4(0x0b000000);

		assert_int_equal(throttle_enter(throttle, "other", &from, now_us, &wait_s), 0);
	}
	throttle_free(throttle);
}

/* One address against ever new accounts. */
static void test_one_address(void **state)
{
	struct throttle *throttle = throttle_new(0);
	uint32_t wait_s = 0, tried = 0;
	struct ip_addr from = v4(0xc0000207), neighbour = v4(0xc0000208);
	int64_t now_us = S;

	for (int64_t until_us = now_us + 86400 * S; now_us < until_us; now_us += 1 * S) {
		char name[32];

		snprintf(name, sizeof(name), "account%u", tried);
		if (throttle_enter(throttle, name, &from, now_us, &wait_s) == 0)
			tried++;
	}
	assert_in_range(tried, 110, 130); /* four an hour, and a start */
	assert_int_equal(throttle_enter(throttle, "lan", &neighbour, now_us, &wait_s), 0);
	throttle_free(throttle);
}

static void test_growth(void **state)
{
	static const uint32_t waits[] = { 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60 };
	struct throttle *throttle = throttle_new(0);
	int64_t now_us = 100 * S;

	for (uint32_t i = 0; i < ARRAY_COUNT(waits); i++) {
		struct ip_addr from = v4(i);
		uint32_t wait_s = 0;

		assert_int_equal(throttle_enter(throttle, "lan", &from, now_us, &wait_s), 0);
		if (waits[i] == 0)
			continue;
		assert_int_equal(throttle_enter(throttle, "lan", &from, now_us, &wait_s), LUYTRE_E_BUSY);
		assert_int_equal(wait_s, waits[i]);
		/* A clock that is set back opens nothing, nor does asking make it longer. */
		assert_int_equal(throttle_enter(throttle, "lan", &from, 0, &wait_s), LUYTRE_E_BUSY);
		assert_int_equal(
			throttle_enter(throttle, "lan", &from, now_us + waits[i] * S - 1, &wait_s), LUYTRE_E_BUSY);
		assert_int_equal(wait_s, 1);
		now_us += waits[i] * S;
	}
	throttle_free(throttle);
}

static void test_forgiven_and_forgotten(void **state)
{
	struct throttle *throttle = throttle_new(0);
	struct ip_addr from = v4(1);
	uint32_t wait_s;
	int64_t now_us = S;

	for (int i = 0; i < 1000; i++) { /* who always gets in never waits */
		assert_int_equal(throttle_enter(throttle, "lan", &from, now_us, &wait_s), 0);
		throttle_forgive(throttle, "lan", &from);
	}
	for (int i = 0; i < THROTTLE_ACCOUNT_FREE + 1; i++)
		assert_int_equal(throttle_enter(throttle, "an", &from, now_us, &wait_s), 0);
	assert_int_equal(throttle_enter(throttle, "an", &from, now_us, &wait_s), LUYTRE_E_BUSY);
	now_us += THROTTLE_FORGET_S * S + 60 * S;
	for (int i = 0; i < THROTTLE_ACCOUNT_FREE; i++)
		assert_int_equal(throttle_enter(throttle, "an", &from, now_us, &wait_s), 0);
	throttle_free(throttle);
}

/* A good log-in to his own account does not give an attacker new attempts from his address. */
static void test_own_account_is_no_help(void **state)
{
	struct throttle *throttle = throttle_new(0);
	struct ip_addr from = v4(1);
	uint32_t wait_s, tried = 0;

	for (int i = 0; i < 1000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "victim%d", i);
		if (throttle_enter(throttle, name, &from, S, &wait_s) == 0)
			tried++;
		if (throttle_enter(throttle, "mine", &from, S, &wait_s) == 0)
			throttle_forgive(throttle, "mine", &from);
	}
	assert_in_range(tried, 1, THROTTLE_ADDRESS_FREE + 2);
	throttle_free(throttle);
}

static void test_ipv6_by_64(void **state)
{
	struct throttle *throttle = throttle_new(0);
	uint32_t wait_s, tried = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		uint8_t bytes[16] = { 0x20, 0x01, 0x0d, 0xb8 };
		struct ip_addr from;
		char name[32];

		bytes[15] = (uint8_t)i;
		bytes[14] = (uint8_t)(i >> 8);
		from = ip_addr_v6(bytes);
		snprintf(name, sizeof(name), "a%u", i);
		if (throttle_enter(throttle, name, &from, S, &wait_s) == 0)
			tried++;
	}
	assert_int_equal(tried, THROTTLE_ADDRESS_FREE + 1);
	throttle_free(throttle);
}

static void test_bounded(void **state)
{
	struct throttle *throttle = throttle_new(100);
	struct throttle_stats stats;
	uint32_t wait_s;

	for (uint32_t i = 0; i < 5000; i++) {
		struct ip_addr from = v4(i);
		char name[32];
		int error;

		snprintf(name, sizeof(name), "a%u", i);
		error = throttle_enter(throttle, name, &from, S, &wait_s);
		assert_true(error == 0 || error == LUYTRE_E_BUSY);
		assert_true(i >= 100 || error == 0);
	}
	throttle_stats(throttle, &stats);
	assert_int_equal(stats.accounts, 100);
	assert_int_equal(stats.addresses, 100);
	assert_true(stats.shared > 0 && stats.refused > 4000);
	{ /* and an hour later there is room again */
		struct ip_addr from = v4(77777);

		assert_int_equal(throttle_enter(throttle, "late", &from, S + 2 * THROTTLE_FORGET_S * S, &wait_s), 0);
		throttle_stats(throttle, &stats);
		assert_true(stats.accounts <= 100);
	}
	throttle_free(throttle);
	throttle_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_account),
		cmocka_unit_test(test_one_address),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_forgiven_and_forgotten),
		cmocka_unit_test(test_own_account_is_no_help),
		cmocka_unit_test(test_ipv6_by_64),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
