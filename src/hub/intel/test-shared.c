// SPDX-License-Identifier: Apache-2.0
#include "hub/intel/shared.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/error.h"
#include "hub/intel/sharedfile.h"

static const char sample[] = "# what we know\r\n"
			     "nat\t203.0.113.0/24 users=500\r\n"
			     "cdn 198.51.100.0/24\n"
			     "allow 198.51.100.128/25   # a partner\n"
			     "nat 198.51.100.200\n"
			     "\n"
			     "residential 203.0.113.77 users=2\n"
			     "drop 192.0.2.0/24\n"
			     "allow 2001:db8:1::1\n"
			     "cloud ::ffff:100.64.0.0/106\n"
			     "allow example.vn\n"
			     "allow .gov.example\n"
			     "allow D41D8CD98F00B204E9800998ECF8427E";

static struct shared *load(const char *text)
{
	struct shared *shared = shared_new(1000);
	struct sharedfile_error error;
	char line[512];

	if (sharedfile_parse(shared, bytes_from_str(text), "sample", NULL, &error) != 0)
		fail_msg("%s", sharedfile_error_text(&error, line, sizeof(line)));
	shared_seal(shared);
	return shared;
}

static bool allowed(const struct shared *shared, enum observable_kind kind, const char *text)
{
	struct observable observable;

	assert_int_equal(observable_parse(kind, bytes_from_str(text), &observable), 0);
	return shared_allowed(shared, &observable, NULL);
}

static void longest_prefix_says_kind_and_users(void **state)
{
	static const struct {
		const char *addr;
		const char *kind; /* null: nothing known */
		uint32_t users;
	} rows[] = { { "203.0.113.5", "nat", 500 }, { "203.0.113.77", "residential", 2 }, { "203.0.112.255", NULL, 1 },
		{ "198.51.100.1", "cdn", 10000 }, { "198.51.100.129", "allow", 1 }, { "198.51.100.200", "nat", 1000 },
		{ "::ffff:203.0.113.5", "nat", 500 }, { "100.64.3.4", "cloud", 2 }, { "2001:db8:1::1", "allow", 1 },
		{ "2001:db8:1::2", NULL, 1 }, { "0.0.0.0", NULL, 1 }, { "255.255.255.255", NULL, 1 },
		{ "192.0.2.255", "drop", 1 } };
	struct shared *shared = load(sample);

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct ip_addr addr;
		const struct shared_entry *entry;

		assert_int_equal(ip_addr_parse(bytes_from_str(rows[i].addr), &addr), 0);
		entry = shared_find(shared, &addr);
		assert_int_equal(entry != NULL, rows[i].kind != NULL);
		if (entry)
			assert_string_equal(shared_kind_name(entry->kind), rows[i].kind);
		assert_int_equal(shared_users(shared, &addr), rows[i].users);
	}
	shared_free(shared);
}

static void allow_beats_everything_around_and_inside(void **state)
{
	static const struct {
		enum observable_kind kind;
		const char *text;
		bool allowed;
	} rows[] = { { OBSERVABLE_ADDR, "198.51.100.200", true }, { OBSERVABLE_ADDR, "198.51.100.1", false },
		{ OBSERVABLE_PREFIX, "198.51.100.0/25", false }, { OBSERVABLE_PREFIX, "198.51.100.0/24", true },
		{ OBSERVABLE_PREFIX, "198.0.0.0/8", true }, { OBSERVABLE_PREFIX, "203.0.113.0/24", false },
		{ OBSERVABLE_PREFIX, "2001:db8:1::/64", true }, { OBSERVABLE_PREFIX, "2001:db8::/32", true },
		{ OBSERVABLE_PREFIX, "2001:db8:2::/48", false }, { OBSERVABLE_DOMAIN, "example.vn", true },
		{ OBSERVABLE_DOMAIN, "www.example.vn", false }, { OBSERVABLE_DOMAIN, "a.b.gov.example", true },
		{ OBSERVABLE_DOMAIN, "gov.example", true }, { OBSERVABLE_DOMAIN, "notgov.example", false },
		{ OBSERVABLE_URL, "http://example.vn/phish", false },
		{ OBSERVABLE_HASH, "d41d8cd98f00b204e9800998ecf8427e", true },
		{ OBSERVABLE_HASH, "e41d8cd98f00b204e9800998ecf8427e", false } };
	struct shared *shared = load(sample);
	struct ip_prefix prefix;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(allowed(shared, rows[i].kind, rows[i].text), rows[i].allowed);
	assert_int_equal(ip_prefix_parse(bytes_from_str("192.0.2.16/28"), 0, &prefix), 0);
	assert_true(shared_dropped(shared, &prefix));
	assert_int_equal(ip_prefix_parse(bytes_from_str("192.0.0.0/16"), 0, &prefix), 0);
	assert_false(shared_dropped(shared, &prefix));
	shared_free(shared);
}

static void faults_name_the_line(void **state)
{
	static const struct {
		const char *text;
		int error;
		const char *message;
	} rows[] = {
		{ "nat 192.0.2.0/24\nblock 192.0.2.1\n", LUYTRE_E_SYNTAX, "f:2: found \"block\", expected a kind" },
		{ "nat 192.0.2.1/24", LUYTRE_E_HOST_BITS, "f:1: found \"192.0.2.1/24\", expected no bits set" },
		{ "nat", LUYTRE_E_SYNTAX, "f:1: found \"\", expected an address" },
		{ "nat example.vn", LUYTRE_E_SYNTAX, "f:1: found \"example.vn\", expected an address" },
		{ "nat 0.0.0.0/0", LUYTRE_E_RANGE, "f:1: found \"0.0.0.0/0\", expected an address" },
		{ "nat 192.0.2.1 users=0", LUYTRE_E_SYNTAX, "f:1: found \"users=0\", expected users=N" },
		{ "nat 192.0.2.1 users=", LUYTRE_E_SYNTAX, "f:1: found \"users=\", expected users=N" },
		{ "nat 192.0.2.1 users=100000001", LUYTRE_E_SYNTAX,
			"f:1: found \"users=100000001\", expected users=N" },
		{ "nat 192.0.2.1 users=5 x", LUYTRE_E_SYNTAX, "f:1: found \"x\", expected the end" },
		{ "nat 192.0.2.1 \x01", LUYTRE_E_SYNTAX, "f:1: found \"?\", expected users=N" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct shared *shared = shared_new(10);
		struct sharedfile_error error;
		char line[512];

		assert_int_equal(
			sharedfile_parse(shared, bytes_from_str(rows[i].text), "f", NULL, &error), rows[i].error);
		sharedfile_error_text(&error, line, sizeof(line));
		assert_memory_equal(line, rows[i].message, strlen(rows[i].message));
		shared_free(shared);
	}
}

static void warning_lists_are_read(void **state)
{
	static const char cidr[] = "{\"name\":\"Crawler\",\"type\":\"cidr\",\"version\":1,\"description\":\"x\","
				   "\"list\":[\"192.0.2.7/24\",\" 198.51.100.1 \",\"bad\",7,\"0.0.0.0/0\"]}";
	static const char names[] = "{\"name\":\"Names\",\"type\":\"hostname\",\"list\":[\"example.vn\",\".a.example\","
				    "\"vn\"]}";
	static const char strings[] = "{\"type\":\"string\",\"list\":[\"10.1.2.3\",\"b.example\","
				      "\"d41d8cd98f00b204e9800998ecf8427e\"]}";
	static const char expressions[] = "{\"type\":\"regex\",\"list\":[\"^10\\\\.\"]}";
	struct shared *shared = shared_new(100);
	struct sharedfile_counts counts;
	struct ip_addr addr;

	assert_int_equal(
		sharedfile_parse_misp(shared, bytes_from_str(cidr), "a.json", SHARED_CRAWLER, 77, &counts, NULL), 0);
	assert_true(counts.prefixes == 2 && counts.names == 0 && counts.skipped == 3);
	assert_int_equal(
		sharedfile_parse_misp(shared, bytes_from_str(names), "b.json", SHARED_ALLOW, 0, &counts, NULL), 0);
	assert_true(counts.prefixes == 0 && counts.names == 2 && counts.skipped == 1);
	assert_int_equal(
		sharedfile_parse_misp(shared, bytes_from_str(strings), "c.json", SHARED_ALLOW, 0, &counts, NULL), 0);
	assert_true(counts.prefixes == 1 && counts.names == 2 && counts.skipped == 0);
	assert_int_equal(
		sharedfile_parse_misp(shared, bytes_from_str(expressions), "d.json", SHARED_ALLOW, 0, &counts, NULL),
		0);
	assert_true(counts.prefixes == 0 && counts.names == 0 && counts.skipped == 1);
	shared_seal(shared);
	assert_int_equal(ip_addr_parse(bytes_from_str("192.0.2.200"), &addr), 0);
	assert_int_equal(shared_users(shared, &addr), 77);
	assert_string_equal(shared_list_name(shared, shared_find(shared, &addr)->list), "Crawler");
	assert_true(allowed(shared, OBSERVABLE_DOMAIN, "www.example.vn"));
	assert_true(allowed(shared, OBSERVABLE_DOMAIN, "b.example"));
	assert_false(allowed(shared, OBSERVABLE_DOMAIN, "www.b.example"));
	shared_free(shared);
}

static void broken_warning_lists_are_refused(void **state)
{
	static const char *const rows[] = { "", "{", "[]", "{\"list\":7}", "{\"list\":\n[\"a\",]}", "nul" };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct shared *shared = shared_new(10);
		struct sharedfile_error error = { 0 };

		assert_int_equal(
			sharedfile_parse_misp(shared, bytes_from_str(rows[i]), "w", SHARED_ALLOW, 0, NULL, &error),
			LUYTRE_E_SYNTAX);
		assert_true(error.expected[0] != '\0');
		shared_free(shared);
	}
}

static void ceilings_hold(void **state)
{
	struct shared *shared = shared_new(2);
	struct sharedfile_error error;
	struct ip_prefix prefix = { .addr = { .family = IP_V4, .bytes = { 10 } }, .length = 8 };
	uint16_t list = 0;

	assert_int_equal(
		sharedfile_parse(shared, bytes_from_str("nat 10.0.0.1\nnat 10.0.0.2\nnat 10.0.0.3"), "f", NULL, &error),
		LUYTRE_E_FULL);
	assert_int_equal(error.line, 3);
	shared_seal(shared);
	assert_int_equal(shared_add_prefix(shared, &prefix, SHARED_NAT, 0, 0), LUYTRE_E_INVALID);
	assert_int_equal(shared_add_list(shared, "late", &list), LUYTRE_E_INVALID);
	shared_free(shared);

	shared = shared_new(10);
	for (int i = 0; i < SHARED_LISTS_MAX; i++)
		assert_int_equal(shared_add_list(shared, "x", &list), 0);
	assert_int_equal(shared_add_list(shared, "x", &list), LUYTRE_E_FULL);
	shared_free(shared);
	shared_free(NULL);
}

/* Against a plain search through all entries, with overlapping prefixes of both families. */
static void agrees_with_a_plain_search(void **state)
{
	struct ip_prefix prefixes[400];
	bool allow[400];
	struct shared *shared = shared_new(1000);
	uint64_t random = 88172645463325252ull;
	uint16_t list;

	assert_int_equal(shared_add_list(shared, "r", &list), 0);
	for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++) {
		uint8_t bytes[16] = { 0x20, 0x01 };

		random ^= random << 13, random ^= random >> 7, random ^= random << 17;
		bytes[2] = (uint8_t)(random & 3), bytes[3] = (uint8_t)(random >> 8), bytes[4] = (uint8_t)(random >> 16);
		prefixes[i].addr = i % 2 ? ip_addr_v4(bytes + 1) : ip_addr_v6(bytes);
		prefixes[i].length = (uint8_t)(10 + (random >> 32) % (i % 2 ? 23 : 40));
		ip_prefix_mask(&prefixes[i]);
		allow[i] = i % 5 == 0;
		assert_int_equal(
			shared_add_prefix(shared, &prefixes[i], allow[i] ? SHARED_ALLOW : SHARED_NAT, 9, list), 0);
	}
	shared_seal(shared);
	for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++) {
		struct observable_key key = observable_key_of_prefix(&prefixes[i]);
		const struct shared_entry *entry = shared_find(shared, &prefixes[i].addr);
		bool expected = false;
		uint8_t longest = 0;

		for (size_t j = 0; j < ARRAY_COUNT(prefixes); j++) {
			expected |= allow[j] && (ip_prefix_covers(&prefixes[j], &prefixes[i]) ||
							ip_prefix_covers(&prefixes[i], &prefixes[j]));
			if (ip_prefix_contains(&prefixes[j], &prefixes[i].addr) && prefixes[j].length > longest)
				longest = prefixes[j].length;
		}
		assert_int_equal(shared_prefix_allowed(shared, &key, NULL), expected);
		assert_int_equal(entry->prefix.length, longest);
	}
	shared_free(shared);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_prefix_says_kind_and_users),
		cmocka_unit_test(allow_beats_everything_around_and_inside),
		cmocka_unit_test(faults_name_the_line),
		cmocka_unit_test(warning_lists_are_read),
		cmocka_unit_test(broken_warning_lists_are_refused),
		cmocka_unit_test(ceilings_hold),
		cmocka_unit_test(agrees_with_a_plain_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
