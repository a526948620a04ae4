// SPDX-License-Identifier: Apache-2.0
#include "match/places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/compiler.h"
#include "match/finder.h"
#include "match/test-random.h"

enum { LITERALS_MAX = 40, SIZE_MAX_TESTED = 60 };

struct told {
	uint8_t times[LITERALS_MAX][SIZE_MAX_TESTED + 1]; /* [id][end] */
	size_t count, stop_after;
};

static bool remember(void *context, uint32_t id, size_t end)
{
	struct told *told = context;

	assert_true(id < LITERALS_MAX && end <= SIZE_MAX_TESTED);
	told->times[id][end]++;
	return ++told->count != told->stop_after;
}

static void tells_where_one_literal_begins(void **state)
{
	static const struct {
		const char *literal, *in;
		uint32_t first, last;
		bool nocase;
		size_t count, end;
	} rows[] = {
		{ "ab", "", 0, 0, false, 0, 0 },
		{ "ab", "a", 0, 0, false, 0, 0 },
		{ "ab", "ab", 0, 0, false, 1, 2 },
		{ "ab", "ab", 1, 1, false, 0, 0 },
		{ "ab", "xabab", 1, 1, false, 1, 3 },
		{ "ab", "xabab", 1, 3, false, 2, 3 },
		{ "ab", "xaBab", 1, 2, false, 0, 0 },
		{ "ab", "xAbab", 1, 2, true, 1, 3 },
		{ "a", "xA", 1, 9, true, 1, 2 },
		/* Filed under the rare byte at its end: the buffer may end before it. */
		{ "ee\x81", "xee\x81", 1, 1, false, 1, 4 },
		{ "ee\x81", "xee", 1, 1, false, 0, 0 },
		{ "\x81"
		  "ee",
			"\x81"
			"e",
			0, 0, false, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct places_literal literal = { .bytes = bytes_from_str(rows[i].literal),
			.id = 3,
			.first = rows[i].first,
			.last = rows[i].last,
			.nocase = rows[i].nocase };
		struct told told = { 0 };
		struct places *places;

		assert_int_equal(places_new(&literal, 1, &places), 0);
		assert_true(places_scan(places, bytes_from_str(rows[i].in), remember, &told));
		assert_true(places_memory(places) > sizeof(literal));
		places_free(places);
		assert_int_equal(told.count, rows[i].count);
		if (told.count != 0)
			assert_int_equal(told.times[3][rows[i].end], 1);
	}
}

static bool stands_there(const struct places_literal *literal, struct bytes in, size_t end)
{
	size_t size = literal->bytes.size;
	struct bytes there;

	if (end < size || end - size < literal->first || end - size > literal->last)
		return false;
	there = bytes_of(in.ptr + end - size, size);
	return literal->nocase ? finder_equal_nocase(there, literal->bytes) : bytes_equal(there, literal->bytes);
}

static void many_literals_agree_with_the_naive_search(void **state)
{
	uint64_t random = 5;

	for (unsigned int round = 0; round < 2000; round++) {
		struct places_literal literals[LITERALS_MAX];
		uint8_t text[LITERALS_MAX][12], data[SIZE_MAX_TESTED];
		size_t count = test_random(&random, LITERALS_MAX + 1), size = test_random(&random, SIZE_MAX_TESTED + 1);
		unsigned int alphabet = 1 + test_random(&random, 11);
		struct told told = { 0 };
		struct places *places;

		for (size_t i = 0; i < count; i++) {
			struct places_literal *literal = &literals[i];

			test_random_fill(&random, text[i], sizeof(text[i]), alphabet);
			*literal = (struct places_literal){ .bytes = bytes_of(text[i], 1 + test_random(&random, 12)),
				.id = (uint32_t)i,
				.first = (uint32_t)test_random(&random, 20),
				.nocase = test_random(&random, 2) != 0 };
			literal->last = literal->first + (uint32_t)test_random(&random, 5);
			for (size_t j = 0; literal->nocase && j < sizeof(text[i]); j++)
				text[i][j] |= text[i][j] >= 'A' && text[i][j] <= 'Z' ? 0x20 : 0;
		}
		test_random_fill(&random, data, sizeof(data), alphabet);
		assert_int_equal(places_new(literals, count, &places), 0);
		assert_true(places_scan(places, bytes_of(data, size), remember, &told));
		places_free(places);
		for (size_t i = 0; i < count; i++)
			for (size_t end = 0; end <= size; end++)
				assert_int_equal(
					told.times[i][end], stands_there(&literals[i], bytes_of(data, size), end));
	}
}

static void the_callback_can_end_a_scan(void **state)
{
	const struct places_literal literal = { .bytes = bytes_from_str("a"), .last = 5 };
	struct told told = { .stop_after = 2 };
	struct places *places;

	assert_int_equal(places_new(&literal, 1, &places), 0);
	assert_false(places_scan(places, bytes_from_str("aaaa"), remember, &told));
	assert_int_equal(told.count, 2);
	places_free(places);
	places_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_where_one_literal_begins),
		cmocka_unit_test(many_literals_agree_with_the_naive_search),
		cmocka_unit_test(the_callback_can_end_a_scan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
