// SPDX-License-Identifier: Apache-2.0
#include "hub/api/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/error.h"

static const struct {
	const char *target;
	int error;
	const char *path; /* decoded */
} rows[] = {
	{ "/", 0, "/" },
	{ "/api/v1/tenants", 0, "/api/v1/tenants" },
	{ "/a%20b", 0, "/a b" },
	{ "/S%E1%BB%9F", 0, "/Sở" },
	{ "/a/", 0, "/a/" },
	{ "/a+b", 0, "/a+b" },
	{ "/...", 0, "/..." },
	{ "/a?b=/../%2f", 0, "/a" },
	{ "", LUYTRE_E_SYNTAX, NULL },
	{ "*", LUYTRE_E_SYNTAX, NULL },
	{ "http://x/a", LUYTRE_E_SYNTAX, NULL },
	{ "//a", LUYTRE_E_SYNTAX, NULL },
	{ "/a//b", LUYTRE_E_SYNTAX, NULL },
	{ "/a/../b", LUYTRE_E_SYNTAX, NULL },
	{ "/a/%2e%2E/b", LUYTRE_E_SYNTAX, NULL },
	{ "/a/..", LUYTRE_E_SYNTAX, NULL },
	{ "/./a", LUYTRE_E_SYNTAX, NULL },
	{ "/a%2fb", LUYTRE_E_SYNTAX, NULL },
	{ "/a%5cb", LUYTRE_E_SYNTAX, NULL },
	{ "/a%00", LUYTRE_E_SYNTAX, NULL },
	{ "/a%0a", LUYTRE_E_SYNTAX, NULL },
	{ "/a%7f", LUYTRE_E_SYNTAX, NULL },
	{ "/a%", LUYTRE_E_SYNTAX, NULL },
	{ "/a%4", LUYTRE_E_SYNTAX, NULL },
	{ "/a%4g", LUYTRE_E_SYNTAX, NULL },
	{ "/%41", 0, "/A" },
	{ "/a#b", LUYTRE_E_SYNTAX, NULL },
	{ "/\xe1\xbb\x9f", LUYTRE_E_SYNTAX, NULL },
	{ "/%c0%ae", LUYTRE_E_SYNTAX, NULL },
	{ "/%ed%a0%80", LUYTRE_E_SYNTAX, NULL },
	{ "/%e1%bb", LUYTRE_E_SYNTAX, NULL },
	{ "/%f4%90%80%80", LUYTRE_E_SYNTAX, NULL },
	{ "/%f0%9f%98%80", 0, "/\xf0\x9f\x98\x80" },
	{ "/a?b=%00", LUYTRE_E_SYNTAX, NULL },
	{ "/a?b=%ff", LUYTRE_E_SYNTAX, NULL },
};

static void test_paths(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct arena arena;
		struct uri uri;
		int error;

		arena_init(&arena, 1 << 16);
		error = uri_parse(&arena, bytes_from_str(rows[i].target), &uri);
		if (error != rows[i].error || (error == 0 && !bytes_equal_str(uri.path, rows[i].path)))
			fail_msg("%s: %s", rows[i].target, error_name(error));
		arena_done(&arena);
	}
}

static void test_query(void **state)
{
	struct arena arena;
	struct uri uri;

	arena_init(&arena, 1 << 16);
	assert_int_equal(uri_parse(&arena, bytes_from_str("/a?x=1&&y=a+b%26c=&z&=4"), &uri), 0);
	assert_int_equal(uri.query_count, 4);
	assert_true(bytes_equal_str(uri.query[0].name, "x") && bytes_equal_str(uri.query[0].value, "1"));
	assert_true(bytes_equal_str(uri.query[1].name, "y") && bytes_equal_str(uri.query[1].value, "a b&c="));
	assert_true(bytes_equal_str(uri.query[2].name, "z") && bytes_empty(uri.query[2].value));
	assert_true(bytes_empty(uri.query[3].name) && bytes_equal_str(uri.query[3].value, "4"));
	assert_int_equal(uri.query[1].value.ptr[uri.query[1].value.size], 0);
	arena_done(&arena);
}

static void test_bounds(void **state)
{
	char target[URI_SIZE_MAX + 2];
	struct arena arena;
	struct uri uri;

	arena_init(&arena, 1 << 20);
	memset(target, 'a', sizeof(target));
	target[0] = '/';
	assert_int_equal(uri_parse(&arena, bytes_of(target, URI_SIZE_MAX), &uri), 0);
	assert_int_equal(uri_parse(&arena, bytes_of(target, URI_SIZE_MAX + 1), &uri), LUYTRE_E_RANGE);
	memcpy(target, "/?", 2);
	for (size_t i = 2; i < sizeof(target); i++)
		target[i] = i % 2 ? '&' : 'a';
	assert_int_equal(uri_parse(&arena, bytes_of(target, 2 + 2 * URI_QUERY_MAX), &uri), 0);
	assert_int_equal(uri_parse(&arena, bytes_of(target, 3 + 2 * URI_QUERY_MAX), &uri), LUYTRE_E_RANGE);
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
