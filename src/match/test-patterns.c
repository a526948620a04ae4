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

	assert_non_null(builder);
	assert_int_equal(pattern_set_new(builder, &set), 0);
	for (unsigned int part = 0; part < PATTERN_TIERS; part++)
		assert_int_equal(pattern_set_part_weight(set, part), 0);
	assert_int_equal(pattern_set_finish(set), 0);
	assert_int_equal(scan(set, bytes_from_str("a")), 0);
	pattern_set_free(set);
	pattern_set_builder_free(builder);
}

/* A thousand strings of one id, and each is found. */
static void finds_many_strings_of_one_id(void **unused)
{
	struct pattern_set_builder *builder = pattern_set_builder_new();
	struct pattern_set *set;
	char text[16];

	assert_non_null(builder);
	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "word%03u;", i);
		add(builder, bytes_from_str(text), true, i % 2 ? 7 : 40);
	}
	assert_int_equal(pattern_set_compile(builder, &set), 0);
	pattern_set_builder_free(builder);
	assert_int_equal(pattern_set_prepare(set, scratch), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "Word%03u; ", i);
		assert_int_equal(scan(set, bytes_from_str(text)), UINT64_C(1) << (i % 2 ? 7 : 40));
	}
	pattern_set_free(set);
}

/* ---- in parts ---- */

#define LAST (PATTERN_TIERS - 1)

static struct pattern_set *make_set(const struct pattern_set_builder *builder)
{
	struct pattern_set *set;

	assert_int_equal(pattern_set_new(builder, &set), 0);
	return set;
}

/* Each part out of a file, or out of another set. */
static void saves_loads_and_shares(void **unused)
{
	struct pattern_set_builder *builder = make_builder();
	struct pattern_set *set = make_set(builder), *loaded = make_set(builder), *sharing = make_set(builder);
	unsigned int parts = 0;

	for (unsigned int part = 0; part < PATTERN_TIERS; part++) {
		uint8_t *saved;
		size_t size;

		if (pattern_set_part_weight(set, part) == 0)
			continue; /* as a richer one */
		parts++;
		assert_int_equal(pattern_set_part_compile(set, part), 0);
		assert_int_equal(pattern_set_part_weight(set, part), 0);
		assert_int_equal(pattern_set_part_save(set, part, &saved, &size), 0);
		assert_int_equal(pattern_set_part_load(loaded, part, bytes_of(saved, size)), 0);
		assert_true(pattern_set_part_take(sharing, part, set));
		free(saved);
	}
	assert_true(parts >= 2);
	assert_int_equal(pattern_set_finish(set), 0);
	pattern_set_free(set);
	assert_int_equal(pattern_set_finish(loaded), 0);
	check_rows(loaded);
	pattern_set_free(loaded);
	assert_int_equal(pattern_set_finish(sharing), 0);
	check_rows(sharing);
	pattern_set_free(sharing);
	pattern_set_builder_free(builder);
}

static void another_content_has_another_key(void **unused)
{
	struct pattern_set_builder *builder = make_builder(), *other = pattern_set_builder_new();
	struct pattern_set *set = make_set(builder), *another;
	char key[PATTERN_SET_KEY_SIZE], other_key[PATTERN_SET_KEY_SIZE];
	uint8_t *saved;
	size_t size;

	assert_non_null(other);
	add(other, bytes_from_str("select"), false, 0);
	another = make_set(other);
	assert_int_equal(pattern_set_part_compile(set, LAST), 0);
	assert_int_equal(pattern_set_part_save(set, LAST, &saved, &size), 0);
	assert_int_equal(pattern_set_part_load(another, LAST, bytes_of(saved, size)), LUYTRE_E_CONFLICT);
	assert_false(pattern_set_part_take(another, LAST, set));
	pattern_set_part_key(set, LAST, key);
	pattern_set_part_key(another, LAST, other_key);
	assert_int_equal(strlen(key), PATTERN_SET_KEY_SIZE - 1);
	assert_string_not_equal(key, other_key);
	pattern_set_free(set);
	pattern_set_free(another);
	pattern_set_builder_free(builder);
	pattern_set_builder_free(other);
	free(saved);
}

/* The poorest tier that has an automaton of its own. */
static unsigned int first_part(const struct pattern_set *set)
{
	unsigned int part = 0;

	while (part < LAST && pattern_set_part_weight(set, part) == 0)
		part++;
	return part;
}

/* A pattern in front that plain words cannot match gives all others other ids, and leaves the automaton for plain words as it was. */
static void keys_depend_on_no_ids(void **unused)
{
	static const char *const words[] = { "union", "select\\w+", "alert" };
	struct pattern_set_builder *builder = pattern_set_builder_new(), *longer = pattern_set_builder_new();
	struct pattern_set *set, *another;
	char key[PATTERN_SET_KEY_SIZE], other_key[PATTERN_SET_KEY_SIZE];
	unsigned int part;

	assert_non_null(builder);
	assert_non_null(longer);
	add(longer, bytes_from_str("<script[^>]+>.{3,20}</script"), false, 0);
	for (uint32_t i = 0; i < ARRAY_COUNT(words); i++) {
		add(builder, bytes_from_str(words[i]), false, i);
		add(longer, bytes_from_str(words[i]), false, i + 1);
	}
	set = make_set(builder);
	another = make_set(longer);
	part = first_part(another);
	assert_int_not_equal(part, LAST);
	pattern_set_part_key(set, first_part(set), key);
	pattern_set_part_key(another, part, other_key);
	assert_string_equal(key, other_key);
	assert_int_equal(pattern_set_finish(set), 0);
	assert_true(pattern_set_part_take(another, part, set));
	assert_false(pattern_set_part_take(another, LAST, set));
	assert_int_equal(pattern_set_finish(another), 0);
	assert_int_equal(pattern_set_prepare(another, scratch), 0);
	assert_int_equal(scan(another, bytes_from_str("union")), 2);
	assert_int_equal(scan(another, bytes_from_str("<script x>alert(1)</script")), 1 | 8);
	pattern_set_free(set);
	pattern_set_free(another);
	pattern_set_builder_free(builder);
	pattern_set_builder_free(longer);
}

/* What stands in one of several lines is found in all of them, whatever the other lines are. */
static void lines_are_scanned_together(void **unused)
{
	static const char *const lines[] = { "select 1", "<script", "aba", "1=2", "cc", "/etc/passwd", "plain", "",
		"x-y", "a<script" };
	struct pattern_set_builder *builder = make_builder();
	struct pattern_set *set = make_set(builder);

	assert_int_equal(pattern_set_finish(set), 0);
	assert_int_equal(pattern_set_prepare(set, scratch), 0);
	assert_true(pattern_set_takes_lines(set));
	for (size_t round = 0; round < 300; round++) {
		uint64_t alone = 0, together = 0;
		unsigned int tier = 0;
		char text[256];
		size_t size = 0;

		for (size_t i = 0; i < 5; i++) {
			const char *line = lines[test_random(&state, ARRAY_COUNT(lines))];
			struct bytes bytes = bytes_from_str(line);

			alone |= scan(set, bytes);
			tier = pattern_tier(bytes) > tier ? pattern_tier(bytes) : tier;
			size += (size_t)snprintf(text + size, sizeof(text) - size, "%s\n", line);
		}
		assert_true(pattern_set_scan_lines(set, scratch, tier, bytes_of(text, size), &together));
		assert_int_equal(alone & ~together, 0);
	}
	pattern_set_free(set);
	pattern_set_builder_free(builder);
}

/* The ends of the buffer are not the ends of a line. */
static void expressions_about_ends_take_no_lines(void **unused)
{
	static const struct {
		const char *text;
		bool takes;
	} rows[] = { { "^a$", true }, { "(?i)a", true }, { "(?i-s:a)", true }, { "\\\\A", true }, { "\\Aa", false },
		{ "a\\z", false }, { "a\\Z", false }, { "\\Ga", false }, { "(?-m)^a", false }, { "(?i-sm:^a)", false },
		{ "(?^)^a", false }, { "(*UTF)a", false }, { "(?m-i)a", true } };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct pattern_set_builder *builder = pattern_set_builder_new();
		struct pattern_set *set;

		assert_non_null(builder);
		add(builder, bytes_from_str(rows[i].text), false, 0);
		set = make_set(builder);
		assert_int_equal(pattern_set_takes_lines(set), rows[i].takes);
		pattern_set_free(set);
		pattern_set_builder_free(builder);
	}
}

static void a_broken_file_is_refused(void **unused)
{
	struct pattern_set_builder *builder = make_builder();
	struct pattern_set *set = make_set(builder), *copy;
	uint8_t *saved;
	size_t size;

	assert_int_equal(pattern_set_part_compile(set, LAST), 0);
	assert_int_equal(pattern_set_part_save(set, LAST, &saved, &size), 0);
	pattern_set_free(set);
	copy = make_set(builder);
	for (size_t cut = 0; cut < size; cut += cut < 300 ? 1 : 97) {
		uint8_t *part = malloc(cut + 1);

		assert_non_null(part);
		memcpy(part, saved, cut);
		assert_true(pattern_set_part_load(copy, LAST, bytes_of(part, cut)) < 0);
		free(part);
	}
	for (size_t at = 0; at < size; at += at < 300 || at > size - 20 ? 1 : 131) {
		uint8_t change = (uint8_t)(1 + test_random(&state, 255));

		saved[at] ^= change;
		assert_true(pattern_set_part_load(copy, LAST, bytes_of(saved, size)) < 0);
		saved[at] ^= change;
	}
	assert_int_equal(pattern_set_part_load(copy, LAST, bytes_of(saved, size)), 0);
	pattern_set_free(copy);
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
		cmocka_unit_test(finds_many_strings_of_one_id),
		cmocka_unit_test(saves_loads_and_shares),
		cmocka_unit_test(another_content_has_another_key),
		cmocka_unit_test(keys_depend_on_no_ids),
		cmocka_unit_test(lines_are_scanned_together),
		cmocka_unit_test(expressions_about_ends_take_no_lines),
		cmocka_unit_test(a_broken_file_is_refused),
		cmocka_unit_test(names_all_that_match),
	};

	return cmocka_run_group_tests(tests, make_scratch, free_scratch);
}
