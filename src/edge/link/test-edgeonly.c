// SPDX-License-Identifier: Apache-2.0
/* Which events lose their content, by which bundle. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "edge/link/edgeonly.h"

#define ROWS(version, rows) "{\"version\":" version ",\"rows\":[" rows "]}"
#define ROW(prefix, edge_only)                                                                                         \
	"{\"prefix\":\"" prefix                                                                                        \
	"\",\"tenant\":17,\"system\":4,\"asset\":9,\"sensor\":\"shadow\",\"edge_only\":" edge_only "}"

static uint8_t keys[2][BUNDLE_PUBLIC_SIZE], secrets[2][BUNDLE_SECRET_SIZE];
static struct edgeonly list;

/* Of the tenant of the configuration. */
static struct ip_prefix own[2];
static struct config_tenant tenant = { .prefixes = { own, ARRAY_COUNT(own) } };
static const struct config config = { .tenants = &tenant, .tenant_count = 1 };

static int setup(void **state)
{
	edgeonly_init(&list, &config);
	return ip_prefix_parse(bytes_from_str("192.0.2.0/24"), 0, &own[0]) ||
	       ip_prefix_parse(bytes_from_str("10.0.0.0/8"), 0, &own[1]) || bundle_keys(keys[0], secrets[0]) ||
	       bundle_keys(keys[1], secrets[1]);
}

static int teardown(void **state)
{
	edgeonly_done(&list);
	return 0;
}

static int take(const char *policy, uint64_t revision, int64_t made_us, int key)
{
	const struct bundle_file file = { bytes_from_str(policy ? "policy.json" : "other"),
		bytes_from_str(policy ? policy : "{}") };
	struct bundle bundle;
	uint8_t *text;
	size_t size;
	int error;

	assert_int_equal(bundle_pack(revision, made_us, 0, &file, 1, secrets[key], &text, &size), 0);
	assert_int_equal(bundle_open(bytes_of(text, size), keys, 2, &bundle), 0);
	error = edgeonly_take(&list, &bundle);
	free(text);
	return error;
}

static bool covers(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(bytes_from_str(text), &addr), 0);
	return edgeonly_covers(&list, &addr);
}

static void test_covers(void **state)
{
	assert_false(edgeonly_is_any(&list));
	assert_false(covers("192.0.2.80"));
	assert_int_equal(take(ROWS("4", ROW("192.0.2.80/29", "true") "," ROW("192.0.2.96/29", "false") "," ROW(
						"2001:db8:7::/48", "true")),
				 4, 100, 0),
		0);
	assert_true(edgeonly_is_any(&list));
	assert_true(covers("192.0.2.80") && covers("192.0.2.87") && covers("2001:db8:7::1"));
	assert_false(covers("192.0.2.79") || covers("192.0.2.88") || covers("192.0.2.96") || covers("2001:db8:8::1"));
}

static void test_takes(void **state)
{
	assert_int_equal(take(ROWS("4", ROW("192.0.2.80/32", "true")), 4, 100, 0), 0);
	/* Older ones and broken ones change nothing. */
	assert_int_equal(take(ROWS("3", ""), 3, 200, 0), 0);
	assert_int_equal(take(ROWS("4", ""), 4, 99, 0), 0);
	assert_int_equal(take(NULL, 5, 100, 0), LUYTRE_E_CORRUPT);
	assert_int_equal(take("{}", 5, 100, 0), LUYTRE_E_SYNTAX);
	assert_true(covers("192.0.2.80"));
	assert_int_equal(take(ROWS("5", ""), 5, 100, 0), 0);
	assert_false(edgeonly_is_any(&list));
	/* Another hub counts anew. */
	assert_int_equal(take(ROWS("1", ROW("192.0.2.80/32", "true")), 1, 10, 1), 0);
	assert_true(covers("192.0.2.80"));
}

static void test_strip(void **state)
{
	static const struct {
		const char *event;
		bool goes;
	} cases[] = {
		{ "{\"src_ip\":\"203.0.113.9\",\"dest_ip\":\"192.0.2.80\",\"payload\":\"QQ==\"}", true },
		{ "{\"src_ip\":\"192.0.2.80\",\"dest_ip\":\"203.0.113.9\",\"payload\":\"QQ==\"}", true },
		{ "{\"src_ip\":\"203.0.113.9\",\"dest_ip\":\"192.0.2.81\",\"payload\":\"QQ==\"}", false },
		{ "{\"src_ip\":\"203.0.113.9\",\"payload\":\"QQ==\"}", true }, /* about whom? */
		{ "{\"payload\":\"QQ==\"}", true },
	};
	uint8_t event[256];
	size_t size, removed;
	bool about;

	assert_int_equal(take(ROWS("4", ROW("192.0.2.80/32", "true")), 4, 100, 0), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t before = strlen(cases[i].event);

		memcpy(event, cases[i].event, before);
		assert_int_equal(edgeonly_strip(&list, event, before, &size, &removed, &about), 0);
		assert_int_equal(about, i < 2);
		assert_int_equal(removed, cases[i].goes);
		assert_int_equal(memmem(event, size, "payload", 7) == NULL, cases[i].goes);
	}
	memcpy(event, "{\"payload\":", 11);
	assert_int_equal(edgeonly_strip(&list, event, 11, &size, &removed, &about), LUYTRE_E_SYNTAX);
}

/* A gate behind address translation does not say whom its event is about. */
static void test_translated(void **state)
{
	static const struct {
		const char *dst;
		bool goes;
	} cases[] = { { "10.1.2.3", true }, { "127.0.0.1", true }, { "fd00::7", true }, { "::1", true },
		{ "198.51.100.7", true }, { "2001:db8::7", true }, { "192.0.2.80", true }, { "192.0.2.81", false } };

	assert_int_equal(take(ROWS("4", ROW("192.0.2.80/32", "true")), 4, 100, 0), 0);
	for (size_t i = 0; i < ARRAY_COUNT(cases) * 2; i++) {
		bool gate = i % 2, goes = cases[i / 2].goes && (gate || i / 2 == 6);
		uint8_t event[256];
		size_t size, removed;
		bool about;

		size = (size_t)snprintf((char *)event, sizeof(event),
			"{\"event_type\": "
			"\"%s\",\"src_ip\":\"203.0.113.9\",\"dest_ip\":\"%s\",\"rules\":[{\"data\":\"x\"}]}",
			gate ? "gate" : "alert", cases[i / 2].dst);
		assert_int_equal(edgeonly_strip(&list, event, size, &size, &removed, &about), 0);
		assert_int_equal(about, i / 2 == 6);
		assert_int_equal(removed, goes);
	}
}

/* What was kept cannot be read: nobody keeps content until the hub has said. */
static void test_unknown(void **state)
{
	static const char text[] = "{\"src_ip\":\"203.0.113.9\",\"dest_ip\":\"192.0.2.81\",\"payload\":\"QQ==\"}";
	uint8_t event[sizeof(text)];
	size_t size, removed;
	bool about;

	edgeonly_set_unknown(&list);
	assert_true(edgeonly_is_any(&list));
	memcpy(event, text, sizeof(text));
	assert_int_equal(edgeonly_strip(&list, event, sizeof(text) - 1, &size, &removed, &about), 0);
	assert_int_equal(removed, 1);
	assert_int_equal(take(NULL, 5, 100, 0), LUYTRE_E_CORRUPT);
	assert_true(edgeonly_is_any(&list));
	assert_int_equal(take(ROWS("5", ""), 5, 100, 0), 0);
	assert_false(edgeonly_is_any(&list));
	memcpy(event, text, sizeof(text));
	assert_int_equal(edgeonly_strip(&list, event, sizeof(text) - 1, &size, &removed, &about), 0);
	assert_int_equal(removed, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_covers), TEST(test_takes), TEST(test_strip),
		TEST(test_translated), TEST(test_unknown) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
