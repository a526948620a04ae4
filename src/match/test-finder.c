// SPDX-License-Identifier: Apache-2.0
#include "match/finder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "match/test-random.h"

static size_t find(const char *needle, const char *in, bool nocase)
{
	struct finder finder;

	finder_init(&finder, bytes_from_str(needle), nocase);
	return finder_find(&finder, bytes_from_str(in));
}

static void finds_known_places(void **state)
{
	static const struct {
		const char *needle, *in;
		bool nocase;
		size_t place;
	} rows[] = {
		{ "", "", false, 0 },
		{ "", "abc", true, 0 },
		{ "a", "", false, FINDER_NONE },
		{ "abcd", "abc", false, FINDER_NONE },
		{ "a", "bca", false, 2 },
		{ "a", "bcA", false, FINDER_NONE },
		{ "a", "bcA", true, 2 },
		{ "A", "bca", true, 2 },
		{ "abc", "ababcabc", false, 2 },
		{ "HoSt:", "GET / HTTP/1.1\r\nhost: a\r\nHost: b", true, 16 },
		{ "HoSt:", "GET / HTTP/1.1\r\nhost: a\r\nHost: b", false, FINDER_NONE },
		/* What 0x20 folds beyond letters must stay apart. */
		{ "[", "{", true, FINDER_NONE },
		{ "@x", "`X", true, FINDER_NONE },
		{ "\x01!", "!!\x01\x01!", true, 3 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(find(rows[i].needle, rows[i].in, rows[i].nocase), rows[i].place);
}

static size_t naive_find(struct bytes needle, struct bytes in, bool nocase)
{
	for (size_t i = 0; i + needle.size <= in.size; i++) {
		struct bytes there = bytes_of(in.ptr + i, needle.size);

		if (nocase ? finder_equal_nocase(there, needle) : bytes_equal(there, needle))
			return i;
	}
	return FINDER_NONE;
}

/* Each buffer is a heap block of exactly its size: a sanitizer sees a read beyond it. */
static void agrees_with_the_naive_search(void **state)
{
	uint64_t random = 1;

	for (unsigned int round = 0; round < 30000; round++) {
		size_t size = test_random(&random, 150);
		/* Few different bytes: many near misses. Their cases and neighbours of letters among them. */
		unsigned int alphabet = 1 + test_random(&random, 9);
		uint8_t *data = malloc(size ? size : 1);
		uint8_t needle[12];
		size_t needle_size = 1 + test_random(&random, sizeof(needle));
		bool nocase = test_random(&random, 2);
		struct finder finder;

		assert_non_null(data);
		test_random_fill(&random, data, size, alphabet);
		test_random_fill(&random, needle, needle_size, alphabet);
		finder_init(&finder, bytes_of(needle, needle_size), nocase);
		assert_int_equal(finder_find(&finder, bytes_of(data, size)),
			naive_find(bytes_of(needle, needle_size), bytes_of(data, size), nocase));
		free(data);
	}
}

static void finds_at_every_offset_of_every_size(void **state)
{
	static const uint8_t needle[] = { 'N', 0, 'd' };
	struct finder finder;

	finder_init(&finder, bytes_of(needle, 3), false);
	for (size_t size = 3; size < 140; size++) {
		for (size_t place = 0; place + 3 <= size; place++) {
			uint8_t data[140];

			memset(data, 'd', size);
			memcpy(data + place, needle, 3);
			assert_int_equal(finder_find(&finder, bytes_of(data, size)), place);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_known_places),
		cmocka_unit_test(agrees_with_the_naive_search),
		cmocka_unit_test(finds_at_every_offset_of_every_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
