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

static int setup(void **state)
{
	edgeonly_init(&list);
	return bundle_keys(keys[0], secrets[0]) || bundle_keys(keys[1], secrets[1]);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_covers), TEST(test_takes), TEST(test_strip) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
