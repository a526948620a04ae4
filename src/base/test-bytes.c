// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/compiler.h"

static void skip_and_first_stay_inside(void **state)
{
	static const struct {
		size_t count;
		const char *first, *rest;
	} rows[] = {
		{ 0, "", "abc" },
		{ 1, "a", "bc" },
		{ 3, "abc", "" },
		{ 4, "abc", "" },
		{ SIZE_MAX, "abc", "" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_true(bytes_equal_str(bytes_first(bytes_from_str("abc"), rows[i].count), rows[i].first));
		assert_true(bytes_equal_str(bytes_skip(bytes_from_str("abc"), rows[i].count), rows[i].rest));
	}
}

static void comparisons_agree(void **state)
{
	static const struct {
		const char *left, *right;
		int order;
		bool prefix; /* left begins with right */
	} rows[] = {
		{ "", "", 0, true },
		{ "a", "", 1, true },
		{ "", "a", -1, false },
		{ "abc", "abc", 0, true },
		{ "abc", "ab", 1, true },
		{ "ab", "abc", -1, false },
		{ "abd", "abc", 1, false },
		{ "\xff", "a", 1, false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct bytes left = bytes_from_str(rows[i].left), right = bytes_from_str(rows[i].right);
		int order = bytes_compare(left, right);

		assert_int_equal((order > 0) - (order < 0), rows[i].order);
		assert_int_equal(bytes_equal(left, right), rows[i].order == 0);
		assert_int_equal(bytes_starts_with(left, right), rows[i].prefix);
	}
}

static void the_null_view_is_empty(void **state)
{
	struct bytes none = bytes_of(NULL, 0);

	assert_true(bytes_empty(none));
	assert_true(bytes_equal(none, bytes_from_str("")));
	assert_int_equal(bytes_compare(none, none), 0);
	assert_int_equal(bytes_index(none, 'a'), 0);
	assert_true(bytes_empty(bytes_skip(none, 1)));
	assert_true(bytes_starts_with(none, none));
}

static void index_finds_the_first(void **state)
{
	assert_int_equal(bytes_index(bytes_from_str("a/b/c"), '/'), 1);
	assert_int_equal(bytes_index(bytes_from_str("abc"), '/'), 3);
}

static void to_str_refuses_what_does_not_fit(void **state)
{
	char text[4] = "old";

	assert_false(bytes_to_str(bytes_from_str("abcd"), text, sizeof(text)));
	assert_false(bytes_to_str(bytes_of("a\0b", 3), text, sizeof(text)));
	assert_false(bytes_to_str(bytes_of(NULL, 0), text, 0));
	assert_string_equal(text, "old");
	assert_true(bytes_to_str(bytes_from_str("abc"), text, sizeof(text)));
	assert_string_equal(text, "abc");
	assert_true(bytes_to_str(bytes_of(NULL, 0), text, sizeof(text)));
	assert_string_equal(text, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(skip_and_first_stay_inside),
		cmocka_unit_test(comparisons_agree),
		cmocka_unit_test(the_null_view_is_empty),
		cmocka_unit_test(index_finds_the_first),
		cmocka_unit_test(to_str_refuses_what_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
