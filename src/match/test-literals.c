// SPDX-License-Identifier: Apache-2.0
#include "match/literals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "match/check-literals.h"
#include "match/scratch.h"
#include "match/test-random.h"

static struct literal_set_builder *builder_of(const struct literal *literals, size_t count)
{
	struct literal_set_builder *builder = literal_set_builder_new();

	assert_non_null(builder);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(literal_set_builder_add(builder, &literals[i]), 0);
	assert_int_equal(literal_set_builder_count(builder), count);
	return builder;
}

static struct literal_set *set_of(const struct literal *literals, size_t count)
{
	struct literal_set_builder *builder = builder_of(literals, count);
	struct literal_set *set;

	assert_int_equal(literal_set_compile(builder, &set), 0);
	literal_set_builder_free(builder);
	return set;
}

static struct match_scratch *scratch_for(const struct literal_set *set)
{
	struct match_scratch *scratch = match_scratch_new();

	assert_non_null(scratch);
	assert_int_equal(literal_set_prepare(set, scratch), 0);
	return scratch;
}

static void refuses_what_cannot_be_found(void **state)
{
	static const uint8_t text[LITERAL_SIZE_MAX + 1];
	static const struct {
		struct literal literal;
		int error;
	} rows[] = {
		{ { .bytes = { text, 0 } }, LUYTRE_E_INVALID },
		{ { .bytes = { text, LITERAL_SIZE_MAX + 1 } }, LUYTRE_E_INVALID },
		{ { .bytes = { text, LITERAL_SIZE_MAX } }, 0 },
		{ { .bytes = { text, 3 }, .flags = 8 }, LUYTRE_E_INVALID },
		{ { .bytes = { text, 3 }, .max_end = 2 }, LUYTRE_E_INVALID },
		{ { .bytes = { text, 3 }, .max_end = 3 }, 0 },
		{ { .bytes = { text, 3 }, .min_end = 9, .max_end = 8 }, LUYTRE_E_INVALID },
	};
	struct literal_set_builder *builder = literal_set_builder_new();

	assert_non_null(builder);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(literal_set_builder_add(builder, &rows[i].literal), rows[i].error);
	assert_int_equal(literal_set_builder_count(builder), 2);
	literal_set_builder_free(builder);
	literal_set_builder_free(NULL);
}

/* Where Vectorscan could differ from what the header promises: NULs, long literals, windows, ends, one byte, many ids. */
static const struct literal special_literals[] = {
	{ .bytes = { (const uint8_t *)"\0abcd", 5 }, .id = 0 },
	{ .bytes = { (const uint8_t *)"abcd", 4 }, .id = 1 },
	{ .bytes = { (const uint8_t *)"\0\0\0\0\0", 5 }, .id = 2 },
	{ .bytes = { (const uint8_t *)"\0\0\0\0x", 5 }, .id = 3, .flags = LITERAL_ONCE },
	{ .bytes = { (const uint8_t *)"ab\0cd", 5 }, .id = 4 },
	{ .bytes = { (const uint8_t *)"ABCD", 4 }, .id = 5, .flags = LITERAL_NOCASE },
	{ .bytes = { (const uint8_t *)"aBcD", 4 }, .id = 6, .flags = LITERAL_NOCASE | LITERAL_ONCE },
	{ .bytes = { (const uint8_t *)"a", 1 }, .id = 7, .flags = LITERAL_ONCE },
	{ .bytes = { (const uint8_t *)"A", 1 }, .id = 8, .flags = LITERAL_ONCE | LITERAL_NOCASE, .min_end = 20 },
	{ .bytes = { (const uint8_t *)"b", 1 }, .id = 9, .max_end = 3 },
	{ .bytes = { (const uint8_t *)"abcd", 4 }, .id = 10, .flags = LITERAL_ONCE, .min_end = 8, .max_end = 30 },
	{ .bytes = { (const uint8_t *)"cd", 2 }, .id = 11, .flags = LITERAL_AT_END },
	{ .bytes = { (const uint8_t *)"cd", 2 }, .id = 12, .flags = LITERAL_AT_END | LITERAL_ONCE, .max_end = 6 },
	{ .bytes = { (const uint8_t *)"bc", 2 }, .id = 13, .min_end = 3, .max_end = 7 },
	{ .bytes = { (const uint8_t *)"\xff\xfe", 2 }, .id = 14, .flags = LITERAL_NOCASE },
	{ .bytes = { (const uint8_t *)"\0x", 2 }, .id = 15 },
	{ .bytes = { (const uint8_t *)"abcd", 4 }, .id = 16 },
	{ .bytes = { (const uint8_t *)".*[a]\\x41", 9 }, .id = 17 },
};

static void special_literals_are_found(void **state)
{
	static const struct bytes buffers[] = {
		{ (const uint8_t *)"", 0 },
		{ (const uint8_t *)"a", 1 },
		{ (const uint8_t *)"cd", 2 },
		{ (const uint8_t *)"abcd", 4 },
		{ (const uint8_t *)"\0abcd\0ab\0cdaBCdcd", 17 },
		{ (const uint8_t *)"\0\0\0\0\0\0\0x\0\0\0\0x", 13 },
		{ (const uint8_t *)"\xff\xfe\xdf\xde.*[a]\\x41.*[A]\\x41", 22 },
		{ (const uint8_t *)"abcdabcdabcdabcdabcdabcdabcdabcdabcd", 36 },
		{ (const uint8_t *)"bbbbAAAAAAAAAAAAAAAAAAAAAAAAAAAaaaaa", 36 },
	};
	struct literal_set *set = set_of(special_literals, ARRAY_COUNT(special_literals));
	struct match_scratch *scratch = scratch_for(set);

	for (size_t i = 0; i < ARRAY_COUNT(buffers); i++) {
		const char *wrong =
			check_literal_scan(set, scratch, special_literals, ARRAY_COUNT(special_literals), buffers[i]);

		if (wrong)
			fail_msg("buffer %zu: %s", i, wrong);
	}
	match_scratch_free(scratch);
	literal_set_free(set);
	literal_set_free(NULL);
}

static void random_sets_agree_with_the_naive_search(void **state)
{
	uint64_t random = 7;
	struct match_scratch *scratch = match_scratch_new();

	assert_non_null(scratch);
	for (unsigned int round = 0; round < 300; round++) {
		struct literal literals[CHECK_LITERALS_MAX];
		uint8_t text[CHECK_LITERALS_MAX][8];
		size_t count = test_random(&random, CHECK_LITERALS_MAX + 1);
		unsigned int alphabet = 1 + test_random(&random, 11);
		struct literal_set *set;

		for (size_t i = 0; i < count; i++) {
			size_t size = 1 + test_random(&random, 8);

			test_random_fill(&random, text[i], size, alphabet);
			literals[i] = (struct literal){ .bytes = bytes_of(text[i], size), .id = (uint32_t)i };
			literals[i].flags = test_random(&random, 8);
			literals[i].min_end = test_random(&random, 3) == 0 ? test_random(&random, 40) : 0;
			if (test_random(&random, 3) == 0)
				literals[i].max_end =
					literals[i].min_end + (uint32_t)size + test_random(&random, i % 2 ? 300 : 3);
		}
		set = set_of(literals, count);
		assert_int_equal(literal_set_prepare(set, scratch), 0);
		for (unsigned int i = 0; i < 20; i++) {
			uint8_t data[CHECK_SIZE_MAX];
			size_t size = test_random(&random, i % 4 == 0 ? CHECK_SIZE_MAX : 40);
			const char *wrong;

			test_random_fill(&random, data, size, alphabet);
			wrong = check_literal_scan(set, scratch, literals, count, bytes_of(data, size));
			if (wrong)
				fail_msg("round %u: %s", round, wrong);
		}
		literal_set_free(set);
	}
	match_scratch_free(scratch);
}

/* Buffers without near misses are where automatons leap, and where one once leapt too far. */
static void strings_in_quiet_buffers_are_found(void **state)
{
	static const size_t counts[] = { 1, 2, 3, 4, 5, 8, 12, 24, 64 };
	uint64_t random = 3;
	struct match_scratch *scratch = match_scratch_new();

	assert_non_null(scratch);
	for (size_t round = 0; round < 20 * ARRAY_COUNT(counts); round++) {
		size_t count = counts[round % ARRAY_COUNT(counts)], size = 2 + test_random(&random, 6);
		struct literal literals[CHECK_LITERALS_MAX];
		uint8_t text[CHECK_LITERALS_MAX][8];
		struct literal_set *set;

		for (size_t i = 0; i < count; i++) {
			for (size_t j = 0; j < size; j++)
				text[i][j] = (uint8_t)('a' + test_random(&random, 26));
			literals[i] = (struct literal){ .bytes = bytes_of(text[i], size), .id = (uint32_t)i };
		}
		set = set_of(literals, count);
		assert_int_equal(literal_set_prepare(set, scratch), 0);
		for (size_t place = 0; place + size <= 200; place++) {
			uint8_t data[200];
			const char *wrong;

			memset(data, round % 2 ? '.' : 0, sizeof(data));
			memcpy(data + place, text[place % count], size);
			wrong = check_literal_scan(set, scratch, literals, count, bytes_of(data, sizeof(data)));
			if (wrong)
				fail_msg("%zu literals of %zu bytes, place %zu: %s", count, size, place, wrong);
		}
		literal_set_free(set);
	}
	match_scratch_free(scratch);
}

static bool count_hits(void *context, const uint32_t *ids, size_t id_count, size_t end)
{
	size_t *left = context;

	return --*left != 0;
}

static void the_callback_can_end_a_scan(void **state)
{
	static const char *const literals[] = { "a", "abab", "\0" };

	for (size_t i = 0; i < ARRAY_COUNT(literals); i++) {
		struct literal literal = { .bytes = bytes_of(literals[i], i == 2 ? 1 : strlen(literals[i])) };
		struct literal_set *set = set_of(&literal, 1);
		struct match_scratch *scratch = scratch_for(set);
		size_t left = 2;

		assert_int_equal(
			literal_set_scan(set, scratch, bytes_of("ababababab\0\0\0", 13), count_hits, &left), 0);
		assert_int_equal(left, 0);
		match_scratch_free(scratch);
		literal_set_free(set);
	}
}

static void scan_says_when_it_cannot(void **state)
{
	struct literal literal = { .bytes = bytes_from_str("abcd") };
	struct literal_set *set = set_of(&literal, 1);
	struct literal_set *empty = set_of(NULL, 0);
	struct match_scratch *scratch = match_scratch_new();
	size_t left = 1;

	assert_non_null(scratch);
	assert_int_equal(literal_set_scan(set, scratch, bytes_from_str("abcd"), count_hits, &left), LUYTRE_E_INVALID);
	assert_int_equal(literal_set_scan(empty, scratch, bytes_from_str("abcd"), count_hits, &left), 0);
	assert_int_equal(left, 1);
	assert_int_equal(literal_set_prepare(set, scratch), 0);
	/* The size is refused before a byte is read. */
	assert_int_equal(literal_set_scan(set, scratch, bytes_of("abcd", (size_t)UINT32_MAX + 1), count_hits, &left),
		LUYTRE_E_RANGE);
	assert_int_equal(literal_set_scan(set, scratch, bytes_from_str("abcd"), count_hits, &left), 0);
	assert_int_equal(left, 0);
	match_scratch_free(scratch);
	literal_set_free(set);
	literal_set_free(empty);
}

static void one_scratch_serves_many_sets(void **state)
{
	struct literal_set *sets[8];
	struct literal literals[CHECK_LITERALS_MAX];
	char text[CHECK_LITERALS_MAX][16];
	struct match_scratch *scratch = match_scratch_new();

	assert_non_null(scratch);
	for (size_t i = 0; i < CHECK_LITERALS_MAX; i++) {
		snprintf(text[i], sizeof(text[i]), "literal-%zu", i);
		literals[i] =
			(struct literal){ .bytes = bytes_from_str(text[i]), .id = (uint32_t)i, .flags = LITERAL_ONCE };
	}
	for (size_t i = 0; i < ARRAY_COUNT(sets); i++) {
		sets[i] = set_of(literals, CHECK_LITERALS_MAX >> i);
		assert_int_equal(literal_set_prepare(sets[i], scratch), 0);
	}
	for (size_t i = 0; i < ARRAY_COUNT(sets); i++)
		assert_null(check_literal_scan(sets[i], scratch, literals, CHECK_LITERALS_MAX >> i,
			bytes_from_str("literal-0 literal-33 literal-1 literal-0")));
	for (size_t i = 0; i < ARRAY_COUNT(sets); i++)
		literal_set_free(sets[i]);
	match_scratch_free(scratch);
}

static void strings_go_to_their_searchers(void **state)
{
	static const struct literal literals[] = {
		{ .bytes = { (const uint8_t *)"long enough", 11 } },
		{ .bytes = { (const uint8_t *)"long enough", 11 }, .flags = LITERAL_ONCE },
		{ .bytes = { (const uint8_t *)"12", 2 } },
		{ .bytes = { (const uint8_t *)"12", 2 }, .flags = LITERAL_NOCASE },
		{ .bytes = { (const uint8_t *)"x", 1 } },
		{ .bytes = { (const uint8_t *)"\0\0x", 3 } },
		{ .bytes = { (const uint8_t *)"ab", 2 }, .max_end = 256 },
		{ .bytes = { (const uint8_t *)"abcd", 4 }, .max_end = 256 },
		{ .bytes = { (const uint8_t *)"efgh", 4 }, .max_end = 4 },
		{ .bytes = { (const uint8_t *)"efgh", 4 }, .max_end = 6, .min_end = 6, .flags = LITERAL_ONCE },
		{ .bytes = { (const uint8_t *)"ijkl", 4 }, .max_end = 256, .min_end = 253 },
		{ .bytes = { (const uint8_t *)"mnop", 4 }, .max_end = 257, .min_end = 257 },
		{ .bytes = { (const uint8_t *)"qrst", 4 }, .max_end = 8 },
	};
	struct literal_set *set = set_of(literals, ARRAY_COUNT(literals));
	struct literal_set_info info = literal_set_info(set);

	assert_int_equal(info.automaton_count, 5);
	assert_int_equal(info.pairs_count, 2);
	assert_int_equal(info.head_count, 1);
	assert_int_equal(info.places_count, 2);
	assert_int_equal(literal_set_longest(set), 11);
	assert_true(info.automaton_bytes > 0 && info.memory_bytes > info.automaton_bytes);
	literal_set_free(set);
}

static void keys_name_contents(void **state)
{
	struct literal literals[2] = { { .bytes = bytes_from_str("abcd"), .id = 1 },
		{ .bytes = bytes_from_str("efgh") } };
	struct literal_set_builder *builders[4];
	struct literal_set_key keys[4];

	builders[0] = builder_of(literals, 2);
	builders[1] = builder_of(literals, 2);
	builders[2] = builder_of(literals, 1);
	literals[0].id = 2;
	builders[3] = builder_of(literals, 2);
	for (size_t i = 0; i < 4; i++) {
		keys[i] = literal_set_builder_key(builders[i]);
		literal_set_builder_free(builders[i]);
	}
	assert_memory_equal(&keys[0], &keys[1], sizeof(keys[0]));
	for (size_t i = 2; i < 4; i++) {
		assert_int_not_equal(keys[0].half[0], keys[i].half[0]);
		assert_int_not_equal(keys[0].half[1], keys[i].half[1]);
	}
	assert_int_not_equal(keys[0].half[0], keys[0].half[1]);
}

static void saved_sets_find_the_same(void **state)
{
	static const size_t counts[] = { 0, 1, ARRAY_COUNT(special_literals) };

	for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
		struct literal_set_builder *builder = builder_of(special_literals, counts[i]);
		struct literal_set *set, *loaded;
		struct match_scratch *scratch;
		uint8_t *saved;
		size_t size;

		assert_int_equal(literal_set_compile(builder, &set), 0);
		assert_int_equal(literal_set_save(set, &saved, &size), 0);
		literal_set_free(set);
		assert_int_equal(literal_set_load(builder, bytes_of(saved, size), &loaded), 0);
		scratch = scratch_for(loaded);
		assert_null(check_literal_scan(
			loaded, scratch, special_literals, counts[i], bytes_of("\0abcd\0ab\0cdaBCdcd\0\0\0\0x", 22)));
		match_scratch_free(scratch);
		literal_set_free(loaded);
		literal_set_builder_free(builder);
		free(saved);
	}
}

static int load_error(const struct literal_set_builder *builder, const uint8_t *saved, size_t size)
{
	struct literal_set *set = NULL;
	int error = literal_set_load(builder, bytes_of(saved, size), &set);

	literal_set_free(set);
	return error;
}

static void damaged_and_foreign_files_are_refused(void **state)
{
	struct literal_set_builder *builder = builder_of(special_literals, ARRAY_COUNT(special_literals));
	struct literal_set_builder *other = builder_of(special_literals, 3);
	struct literal_set *set;
	uint8_t *saved;
	size_t size;

	assert_int_equal(literal_set_compile(builder, &set), 0);
	assert_int_equal(literal_set_save(set, &saved, &size), 0);
	assert_int_equal(load_error(other, saved, size), LUYTRE_E_CONFLICT);
	for (size_t i = 0; i < size; i += i < 200 ? 1 : 97) {
		saved[i] ^= 0x10;
		assert_int_equal(load_error(builder, saved, size), i < 12 ? LUYTRE_E_VERSION : LUYTRE_E_CORRUPT);
		saved[i] ^= 0x10;
		assert_int_equal(load_error(builder, saved, i), i < 8 ? LUYTRE_E_VERSION : LUYTRE_E_CORRUPT);
	}
	assert_int_equal(load_error(builder, (const uint8_t *)"PK\3\4 and so on", 14), LUYTRE_E_VERSION);
	assert_int_equal(load_error(builder, saved, size), 0);
	free(saved);
	literal_set_free(set);
	literal_set_builder_free(builder);
	literal_set_builder_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_cannot_be_found),
		cmocka_unit_test(special_literals_are_found),
		cmocka_unit_test(random_sets_agree_with_the_naive_search),
		cmocka_unit_test(strings_in_quiet_buffers_are_found),
		cmocka_unit_test(the_callback_can_end_a_scan),
		cmocka_unit_test(scan_says_when_it_cannot),
		cmocka_unit_test(one_scratch_serves_many_sets),
		cmocka_unit_test(strings_go_to_their_searchers),
		cmocka_unit_test(keys_name_contents),
		cmocka_unit_test(saved_sets_find_the_same),
		cmocka_unit_test(damaged_and_foreign_files_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
