// SPDX-License-Identifier: Apache-2.0
#include "match/pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/compiler.h"

struct places {
	size_t ends[16];
	size_t count, stop_after;
};

static bool remember(void *context, uint32_t id, size_t end)
{
	struct places *places = context;

	assert_int_equal(id, 77);
	assert_true(places->count < ARRAY_COUNT(places->ends));
	places->ends[places->count++] = end;
	return places->count != places->stop_after;
}

/* Alone the literal has a finder, beside others the map of pairs. */
static struct places scan(
	struct pairs_literal literal, size_t others, const char *in, size_t stop_after, bool *ret_whole)
{
	static const char *const texts[] = { "\xf1\xf2", "\xf1\xf3", "\xf1\xf4", "\xf1\xf5", "\xf1\xf6" };
	struct pairs_literal literals[1 + ARRAY_COUNT(texts)];
	struct places places = { .stop_after = stop_after };
	struct pairs *pairs;

	literal.id = 77;
	literals[0] = literal;
	for (size_t i = 0; i < others; i++)
		literals[i + 1] = (struct pairs_literal){ .bytes = bytes_from_str(texts[i]) };
	assert_int_equal(pairs_new(literals, 1 + others, &pairs), 0);
	*ret_whole = pairs_scan(pairs, bytes_from_str(in), remember, &places);
	assert_true(pairs_memory(pairs) > sizeof(literal));
	pairs_free(pairs);
	return places;
}

static void tells_the_places_of_one_literal(void **state)
{
	static const struct {
		const char *literal, *in;
		bool nocase, first_only;
		size_t stop_after, count, first;
		bool whole;
	} rows[] = {
		{ "x", "", false, false, 0, 0, 0, true },
		{ "x", "axbxx", false, false, 0, 3, 2, true },
		{ "x", "axbxx", false, true, 0, 1, 2, true },
		{ "x", "axbxx", false, false, 2, 2, 2, false },
		{ "x", "aXbX", true, false, 0, 2, 2, true },
		{ "x", "aXbX", false, false, 0, 0, 0, true },
		{ "ab", "a", false, false, 0, 0, 0, true },
		{ "ab", "ab", false, false, 0, 1, 2, true },
		{ "ab", "bab012345ab", false, false, 0, 2, 3, true },
		{ "ab", "bab012345ab", false, false, 1, 1, 3, false },
		{ "ab", "Ab aB AB ab Abb", true, false, 0, 5, 2, true },
		/* The rare pair lies at the end: the front of the literal may stand before the buffer. */
		{ "ee\x81\x90", "\x81\x90 ee\x81\x90", false, false, 0, 1, 7, true },
		{ "\x81\x90"
		  "ee",
			"\x81\x90"
			"ee \x81\x90"
			"e",
			false, false, 0, 1, 4, true },
	};

	for (size_t round = 0; round < 2 * ARRAY_COUNT(rows); round++) {
		size_t i = round / 2;
		struct pairs_literal literal = {
			.bytes = bytes_from_str(rows[i].literal),
			.nocase = rows[i].nocase,
			.first_only = rows[i].first_only,
		};
		bool whole;
		struct places places = scan(literal, round % 2 * 5, rows[i].in, rows[i].stop_after, &whole);

		assert_int_equal(places.count, rows[i].count);
		assert_int_equal(whole, rows[i].whole);
		if (places.count != 0)
			assert_int_equal(places.ends[0], rows[i].first);
	}
}

static void no_literals_find_nothing(void **state)
{
	struct places places = { 0 };
	struct pairs *pairs;

	assert_int_equal(pairs_new(NULL, 0, &pairs), 0);
	assert_true(pairs_scan(pairs, bytes_from_str("some text"), remember, &places));
	assert_int_equal(places.count, 0);
	pairs_free(pairs);
	pairs_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_the_places_of_one_literal),
		cmocka_unit_test(no_literals_find_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
