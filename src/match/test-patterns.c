// SPDX-License-Identifier: Apache-2.0
#include "match/patterns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "match/regex.h"
#include "match/scratch.h"
#include "match/test-expression.h"

static struct match_scratch *scratch;
static uint64_t state = 3;

static int make_scratch(void **unused)
{
	scratch = match_scratch_new();
	return scratch ? 0 : -1;
}

static int free_scratch(void **unused)
{
	match_scratch_free(scratch);
	return 0;
}

static void add(struct pattern_set_builder *builder, struct bytes text, bool literal, uint32_t id)
{
	assert_int_equal(
		pattern_set_builder_add(builder, &(struct pattern){ .text = text, .literal = literal, .id = id }), 0);
}

static struct pattern_set_builder *make_builder(void)
{
	static const char *const expressions[] = { "select\\s+\\w+", "^<script", "(?:a|b){2,3}$", "\\d+=\\d+",
		"(a)\\1" };
	static const char *const literals[] = { "/etc/passwd", "Cmd.exe", "x" };
	struct pattern_set_builder *builder = pattern_set_builder_new();
	uint32_t id = 0;

	assert_non_null(builder);
	for (size_t i = 0; i < ARRAY_COUNT(expressions); i++)
		add(builder, bytes_from_str(expressions[i]), false, id++);
	for (size_t i = 0; i < ARRAY_COUNT(literals); i++)
		add(builder, bytes_from_str(literals[i]), true, id++);
	return builder;
}

static uint64_t scan(const struct pattern_set *set, struct bytes in)
{
	uint64_t bits = 0;

	assert_true(pattern_set_scan(set, scratch, in, &bits));
	return bits;
}

static void check_rows(const struct pattern_set *set)
{
	static const struct {
		const char *in;
		uint64_t sure, never;
	} rows[] = {
		{ "", 0, 0xff & ~0x10 },
		{ "select x", 1 | 0x80, 2 | 8 | 0x20 | 0x40 },
		{ "\n<script>", 2, 1 | 4 | 8 | 0x20 | 0x40 | 0x80 },
		{ "ab", 4, 1 | 2 | 8 | 0x20 | 0x40 | 0x80 },
		{ "1=1", 8, 1 | 2 | 4 | 0x20 | 0x40 | 0x80 },
		{ "aa", 4 | 0x10, 1 | 2 | 8 },
		{ "../ETC/passwd", 0x20, 1 | 2 | 8 | 0x40 | 0x80 },
		{ "cMD.EXE", 0x40 | 0x80, 1 | 2 | 8 | 0x20 },
	};

	assert_int_equal(pattern_set_prepare(set, scratch), 0);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint64_t bits = scan(set, bytes_from_str(rows[i].in));

		assert_int_equal(bits & rows[i].sure, rows[i].sure);
		assert_int_equal(bits & rows[i].never, 0);
	}
}

static void finds_what_was_added(void **unused)
{
	struct pattern_set_builder *builder = make_builder();
	struct pattern_set *set;

	assert_int_equal(pattern_set_compile(builder, &set), 0);
	pattern_set_builder_free(builder);
	assert_int_equal(pattern_set_info(set).pattern_count, 8);
	assert_true(pattern_set_info(set).memory_bytes > 100);
	check_rows(set);
	pattern_set_free(set);
}

static void refuses_what_is_none(void **unused)
{
	struct pattern_set_builder *builder = pattern_set_builder_new();

	assert_non_null(builder);
	assert_int_equal(pattern_set_builder_add(builder, &(struct pattern){ .literal = true }), LUYTRE_E_INVALID);
	assert_int_equal(pattern_set_builder_add(
				 builder, &(struct pattern){ .text = bytes_from_str("a"), .id = PATTERN_ID_MAX + 1 }),
		LUYTRE_E_INVALID);
	pattern_set_builder_free(builder);
	pattern_set_builder_free(NULL);
	pattern_set_free(NULL);
}

/* What the automaton cannot take is named for every buffer, and spoils nothing for the others. */
static void always_names_what_it_cannot_take(void **unused)
{
	struct pattern_set_builder *builder = pattern_set_builder_new();
	struct pattern_set *set;
	uint64_t bits[2] = { 0 };

	assert_non_null(builder);
	add(builder, bytes_from_str("(*ACCEPT)q"), false, 0);
	add(builder, bytes_from_str("zz"), false, 2);
	add(builder, bytes_from_str("a\\Kb"), false, 100);
	assert_int_equal(pattern_set_compile(builder, &set), 0);
	pattern_set_builder_free(builder);
	assert_int_equal(pattern_set_info(set).always_count, 2);
	assert_true(pattern_set_is_always(set, 0) && pattern_set_is_always(set, 100));
	assert_false(pattern_set_is_always(set, 2));
	assert_int_equal(pattern_set_prepare(set, scratch), 0);
	assert_true(pattern_set_scan(set, scratch, bytes_from_str("-"), bits));
	assert_int_equal(bits[0], 1);
	assert_int_equal(bits[1], UINT64_C(1) << 36);
	pattern_set_free(set);
}

static void an_empty_set_finds_nothing(void **unused)
{
	struct pattern_set_builder *builder = pattern_set_builder_new();
	struct pattern_set *set;
	uint8_t *saved;
	size_t size;

	assert_non_null(builder);
	assert_int_equal(pattern_set_compile(builder, &set), 0);
	assert_int_equal(scan(set, bytes_from_str("a")), 0);
	assert_int_equal(pattern_set_save(set, &saved, &size), 0);
	pattern_set_free(set);
	assert_int_equal(pattern_set_load(builder, bytes_of(saved, size), &set), 0);
	assert_int_equal(scan(set, bytes_from_str("a")), 0);
	pattern_set_free(set);
	pattern_set_builder_free(builder);
	free(saved);
}

/* ---- saved ---- */

static void saves_and_loads(void **unused)
{
	struct pattern_set_builder *builder = make_builder(), *other = pattern_set_builder_new();
	char key[PATTERN_SET_KEY_SIZE], other_key[PATTERN_SET_KEY_SIZE];
	struct pattern_set *set;
	uint8_t *saved;
	size_t size;

	assert_non_null(other);
	assert_int_equal(pattern_set_compile(builder, &set), 0);
	assert_int_equal(pattern_set_save(set, &saved, &size), 0);
	pattern_set_free(set);
	assert_int_equal(pattern_set_load(builder, bytes_of(saved, size), &set), 0);
	check_rows(set);
	pattern_set_free(set);

	add(other, bytes_from_str("select"), false, 0);
	assert_int_equal(pattern_set_load(other, bytes_of(saved, size), &set), LUYTRE_E_CONFLICT);
	pattern_set_builder_key(builder, key);
	pattern_set_builder_key(other, other_key);
	assert_int_equal(strlen(key), PATTERN_SET_KEY_SIZE - 1);
	assert_string_not_equal(key, other_key);
	pattern_set_builder_free(builder);
	pattern_set_builder_free(other);
	free(saved);
}

/* Everywhere in the header and in what is behind it, at many places in the automatons. */
static void a_broken_file_is_refused(void **unused)
{
	struct pattern_set_builder *builder = make_builder();
	struct pattern_set *set;
	uint8_t *saved, *copy;
	size_t size;

	assert_int_equal(pattern_set_compile(builder, &set), 0);
	assert_int_equal(pattern_set_save(set, &saved, &size), 0);
	pattern_set_free(set);
	for (size_t cut = 0; cut < size; cut += cut < 300 ? 1 : 131) {
		/* In memory of its own, so that a sanitizer sees a read behind it. */
		copy = malloc(cut + 1);
		assert_non_null(copy);
		memcpy(copy, saved, cut);
		assert_true(pattern_set_load(builder, bytes_of(copy, cut), &set) < 0);
		free(copy);
	}
	for (size_t at = 0; at < size; at += at < 300 || at > size - 20 ? 1 : 131) {
		uint8_t change = (uint8_t)(1 + test_random(&state, 255));

		saved[at] ^= change;
		assert_true(pattern_set_load(builder, bytes_of(saved, size), &set) < 0);
		saved[at] ^= change;
	}
	assert_int_equal(pattern_set_load(builder, bytes_of(saved, size), &set), 0);
	pattern_set_free(set);
	pattern_set_builder_free(builder);
	free(saved);
}

/* ---- against PCRE2 ---- */

#define EXPRESSIONS 12

/* One alphabet for each tier, and what is in none but the last. */
static struct bytes draw_text(uint8_t text[24])
{
	static const char *const alphabets[] = { "abcAB01\xe9", "abcA0_-.", "abc0_. ,", "abc1_-. ,@:/+",
		"abcA01'<;=\\()[]{}\n\t\x01%&*!?#$^~\"|/" };
	const char *letters = alphabets[test_random(&state, ARRAY_COUNT(alphabets))];
	size_t size = test_random(&state, 24);

	for (size_t i = 0; i < size; i++)
		text[i] = (uint8_t)letters[test_random(&state, (uint32_t)strlen(letters))];
	return bytes_of(text, size);
}

struct drawn {
	char text[TEST_EXPRESSION_SIZE];
	struct bytes bytes;
	struct regex *lines, *plain;
};

static struct pattern_set *draw_set(struct drawn drawn[EXPRESSIONS])
{
	struct pattern_set_builder *builder = pattern_set_builder_new();
	struct pattern_set *set;

	assert_non_null(builder);
	for (uint32_t i = 0; i < EXPRESSIONS; i++) {
		do
			drawn[i].bytes = test_expression(&state, drawn[i].text);
		while (regex_compile(drawn[i].bytes, REGEX_DOT_ALL | REGEX_MULTILINE, (struct regex_limits){ 0 }, NULL,
			       &drawn[i].lines) < 0);
		assert_int_equal(regex_compile(drawn[i].bytes, REGEX_DOT_ALL | REGEX_DOLLAR_END_ONLY,
					 (struct regex_limits){ 0 }, NULL, &drawn[i].plain),
			0);
		add(builder, drawn[i].bytes, false, i);
	}
	assert_int_equal(pattern_set_compile(builder, &set), 0);
	pattern_set_builder_free(builder);
	assert_int_equal(pattern_set_prepare(set, scratch), 0);
	return set;
}

static unsigned int check_text(const struct pattern_set *set, const struct drawn drawn[EXPRESSIONS], struct bytes in)
{
	uint64_t bits = scan(set, in);
	unsigned int matches = 0;

	for (unsigned int i = 0; i < EXPRESSIONS; i++) {
		bool matched = regex_match(drawn[i].lines, scratch, in, 0, NULL) == REGEX_MATCH ||
			       regex_match(drawn[i].plain, scratch, in, 0, NULL) == REGEX_MATCH;

		matches += matched;
		if (matched && !(bits >> i & 1)) {
			for (size_t k = 0; k < in.size; k++)
				fprintf(stderr, " %02x", in.ptr[k]);
			fail_msg("%s matches '%.*s' and was not named", drawn[i].text, (int)in.size,
				(const char *)in.ptr);
		}
	}
	return matches;
}

static void names_all_that_match(void **unused)
{
	unsigned int matches = 0, always = 0;

	for (unsigned int round = 0; round < 120; round++) {
		static struct drawn drawn[EXPRESSIONS];
		struct pattern_set *set = draw_set(drawn);

		for (unsigned int i = 0; i < 200; i++) {
			uint8_t text[24];

			matches += check_text(set, drawn, draw_text(text));
		}
		always += (unsigned int)pattern_set_info(set).always_count;
		for (unsigned int i = 0; i < EXPRESSIONS; i++) {
			regex_free(drawn[i].lines);
			regex_free(drawn[i].plain);
		}
		pattern_set_free(set);
	}
	/* Or little would have been tried. */
	assert_true(matches > 10000);
	assert_true(always < 120 * EXPRESSIONS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_added),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(always_names_what_it_cannot_take),
		cmocka_unit_test(an_empty_set_finds_nothing),
		cmocka_unit_test(saves_and_loads),
		cmocka_unit_test(a_broken_file_is_refused),
		cmocka_unit_test(names_all_that_match),
	};

	return cmocka_run_group_tests(tests, make_scratch, free_scratch);
}
