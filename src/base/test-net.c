// SPDX-License-Identifier: Apache-2.0
#include "base/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/error.h"

static struct ip_addr addr_of(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(bytes_from_str(text), &addr), 0);
	return addr;
}

static struct ip_prefix prefix_of(const char *text)
{
	struct ip_prefix prefix;

	assert_int_equal(ip_prefix_parse(bytes_from_str(text), 0, &prefix), 0);
	return prefix;
}

static void addresses_are_read_and_written(void **state)
{
	static const struct {
		const char *text, *written;
		uint8_t family;
	} rows[] = {
		{ "0.0.0.0", "0.0.0.0", IP_V4 },
		{ "192.0.2.1", "192.0.2.1", IP_V4 },
		{ "255.255.255.255", "255.255.255.255", IP_V4 },
		{ "::", "::", IP_V6 },
		{ "::1", "::1", IP_V6 },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1", IP_V6 },
		{ "2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1", IP_V6 },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1", IP_V6 },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", IP_V6 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct ip_addr addr = addr_of(rows[i].text);
		char text[IP_ADDR_TEXT_SIZE];

		assert_int_equal(addr.family, rows[i].family);
		assert_string_equal(ip_addr_format(&addr, text), rows[i].written);
	}
}

static void bytes_are_in_network_order(void **state)
{
	static const uint8_t v6_bytes[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	struct ip_addr v4 = addr_of("192.0.2.1"), v6 = addr_of("2001:db8::1");
	struct ip_addr v4_made = ip_addr_v4("\xc0\x00\x02\x01"), v6_made = ip_addr_v6(v6_bytes);

	assert_memory_equal(v4.bytes, "\xc0\x00\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_memory_equal(v6.bytes, v6_bytes, 16);
	assert_true(ip_addr_equal(&v4, &v4_made));
	assert_true(ip_addr_equal(&v6, &v6_made));
}

static void bad_addresses_are_refused(void **state)
{
	static const char *const rows[] = { "", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ",
		" 1.2.3.4", "0x1.2.3.4", "1.2.3.-4", "1.2.3.4/32", ":", ":::", "1::2::3", "12345::", "::g", "::1%lo",
		"[::1]", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1.2.3", "example.org",
		"0000:0000:0000:0000:0000:ffff:255.255.255.255.0000000000" };
	struct ip_addr addr = { .family = 99 };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(ip_addr_parse(bytes_from_str(rows[i]), &addr), LUYTRE_E_SYNTAX);
	assert_int_equal(ip_addr_parse(bytes_of("1.2.3.4\0", 8), &addr), LUYTRE_E_SYNTAX);
	assert_int_equal(ip_addr_parse(bytes_of(NULL, 0), &addr), LUYTRE_E_SYNTAX);
	assert_int_equal(addr.family, 99);
}

static void prefixes_are_read_or_refused(void **state)
{
	static const struct {
		const char *text;
		unsigned int flags;
		int error;
		const char *written;
	} rows[] = {
		{ "192.0.2.0/24", 0, 0, "192.0.2.0/24" },
		{ "192.0.2.1", 0, 0, "192.0.2.1/32" },
		{ "192.0.2.1/32", 0, 0, "192.0.2.1/32" },
		{ "0.0.0.0/0", 0, 0, "0.0.0.0/0" },
		{ "::/0", 0, 0, "::/0" },
		{ "2001:db8::/32", 0, 0, "2001:db8::/32" },
		{ "2001:db8::1", 0, 0, "2001:db8::1/128" },
		{ "192.0.2.1/24", 0, LUYTRE_E_HOST_BITS, NULL },
		{ "192.0.2.1/24", IP_PREFIX_MASK_HOST_BITS, 0, "192.0.2.0/24" },
		{ "10.9.8.7/12", IP_PREFIX_MASK_HOST_BITS, 0, "10.0.0.0/12" },
		{ "1.2.3.4/0", 0, LUYTRE_E_HOST_BITS, NULL },
		{ "1.2.3.4/0", IP_PREFIX_MASK_HOST_BITS, 0, "0.0.0.0/0" },
		{ "2001:db8::1/127", 0, LUYTRE_E_HOST_BITS, NULL },
		{ "2001:db8:ffff::1/33", IP_PREFIX_MASK_HOST_BITS, 0, "2001:db8:8000::/33" },
		{ "192.0.2.0/33", 0, LUYTRE_E_RANGE, NULL },
		{ "192.0.2.0/256", 0, LUYTRE_E_RANGE, NULL },
		{ "192.0.2.0/4294967320", 0, LUYTRE_E_RANGE, NULL },
		{ "::/129", 0, LUYTRE_E_RANGE, NULL },
		{ "192.0.2.0/", 0, LUYTRE_E_SYNTAX, NULL },
		{ "/24", 0, LUYTRE_E_SYNTAX, NULL },
		{ "192.0.2.0/024", 0, LUYTRE_E_SYNTAX, NULL },
		{ "192.0.2.0/+24", 0, LUYTRE_E_SYNTAX, NULL },
		{ "192.0.2.0/24x", 0, LUYTRE_E_SYNTAX, NULL },
		{ "192.0.2.0/24/8", 0, LUYTRE_E_SYNTAX, NULL },
		{ "192.0.2.0/255.255.255.0", 0, LUYTRE_E_SYNTAX, NULL },
		{ "192.0.2/24", 0, LUYTRE_E_SYNTAX, NULL },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct ip_prefix prefix = { .length = 99 };
		char text[IP_PREFIX_TEXT_SIZE];

		assert_int_equal(ip_prefix_parse(bytes_from_str(rows[i].text), rows[i].flags, &prefix), rows[i].error);
		if (rows[i].error == 0)
			assert_string_equal(ip_prefix_format(&prefix, text), rows[i].written);
		else
			assert_int_equal(prefix.length, 99);
	}
}

static void prefixes_contain_their_addresses(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool inside;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.0", true },
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.0/25", "192.0.2.128", false },
		{ "192.0.2.128/25", "192.0.2.255", true },
		{ "192.0.2.1/32", "192.0.2.1", true },
		{ "192.0.2.1/32", "192.0.2.0", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "::", false },
		{ "::/0", "0.0.0.0", false },
		{ "::/0", "ffff::", true },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::", false },
		{ "2001:db8::/127", "2001:db8::1", true },
		{ "2001:db8::/127", "2001:db8::2", false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct ip_prefix prefix = prefix_of(rows[i].prefix);
		struct ip_addr addr = addr_of(rows[i].addr);
		struct ip_prefix alone = ip_prefix_of_addr(&addr);

		assert_int_equal(ip_prefix_contains(&prefix, &addr), rows[i].inside);
		assert_int_equal(ip_prefix_covers(&prefix, &alone), rows[i].inside);
		assert_true(ip_prefix_covers(&prefix, &prefix));
	}
}

static void a_longer_prefix_never_covers_a_shorter(void **state)
{
	struct ip_prefix outer = prefix_of("10.0.0.0/8"), inner = prefix_of("10.0.0.0/9");

	assert_true(ip_prefix_covers(&outer, &inner));
	assert_false(ip_prefix_covers(&inner, &outer));
}

static void every_length_around_an_address(void **state)
{
	static const char *const texts[] = { "255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct ip_addr addr = addr_of(texts[i]);

		for (unsigned int length = 0; length <= 255; length++) {
			struct ip_prefix prefix = ip_prefix_around(&addr, (uint8_t)length);
			unsigned int ones = 0;

			for (size_t j = 0; j < 16; j++)
				ones += (unsigned int)__builtin_popcount(prefix.addr.bytes[j]);
			assert_int_equal(prefix.length, length < ip_addr_bits(&addr) ? length : ip_addr_bits(&addr));
			assert_int_equal(ones, prefix.length);
			assert_true(ip_prefix_contains(&prefix, &addr));
		}
	}
}

static void order_is_total(void **state)
{
	static const char *const rising[] = { "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/9", "10.0.0.0/32", "10.0.0.1/32",
		"192.0.2.0/24", "::/0", "::/128", "::1/128", "2001:db8::/32", "ff00::/8" };

	for (size_t i = 0; i < ARRAY_COUNT(rising); i++) {
		for (size_t j = 0; j < ARRAY_COUNT(rising); j++) {
			struct ip_prefix left = prefix_of(rising[i]), right = prefix_of(rising[j]);
			int order = ip_prefix_compare(&left, &right);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
			assert_int_equal(ip_prefix_equal(&left, &right), i == j);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test(bytes_are_in_network_order),
		cmocka_unit_test(bad_addresses_are_refused),
		cmocka_unit_test(prefixes_are_read_or_refused),
		cmocka_unit_test(prefixes_contain_their_addresses),
		cmocka_unit_test(a_longer_prefix_never_covers_a_shorter),
		cmocka_unit_test(every_length_around_an_address),
		cmocka_unit_test(order_is_total),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
