// SPDX-License-Identifier: Apache-2.0
#include "match/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "match/scratch.h"

static struct match_scratch *scratch;

static int make_scratch(void **state)
{
	scratch = match_scratch_new();
	return scratch ? 0 : -1;
}

static int free_scratch(void **state)
{
	match_scratch_free(scratch);
	match_scratch_free(NULL);
	return 0;
}

static struct regex *compile(const char *pattern, unsigned int flags, struct regex_limits limits)
{
	struct regex *regex;

	assert_int_equal(regex_compile(bytes_from_str(pattern), flags, limits, NULL, &regex), 0);
	return regex;
}

static void flags_and_start_decide(void **state)
{
	static const struct {
		const char *pattern;
		unsigned int flags;
		const char *subject;
		size_t start;
		enum regex_status status;
		const char *match;
	} rows[] = {
		{ "b+", 0, "abbc", 0, REGEX_MATCH, "bb" },
		{ "b+", 0, "ABBC", 0, REGEX_NO_MATCH, NULL },
		{ "b+", REGEX_NOCASE, "ABBC", 0, REGEX_MATCH, "BB" },
		{ "b+", REGEX_UNGREEDY, "abbc", 0, REGEX_MATCH, "b" },
		{ "^b", 0, "a\nb", 0, REGEX_NO_MATCH, NULL },
		{ "^b", REGEX_MULTILINE, "a\nb", 0, REGEX_MATCH, "b" },
		{ "a.b", 0, "a\nb", 0, REGEX_NO_MATCH, NULL },
		{ "a.b", REGEX_DOT_ALL, "a\nb", 0, REGEX_MATCH, "a\nb" },
		{ "a b # c", REGEX_EXTENDED, "ab", 0, REGEX_MATCH, "ab" },
		{ "b", REGEX_ANCHORED, "ab", 0, REGEX_NO_MATCH, NULL },
		{ "b", REGEX_ANCHORED, "ab", 1, REGEX_MATCH, "b" },
		{ "b$", 0, "ab\n", 0, REGEX_MATCH, "b" },
		{ "b$", REGEX_DOLLAR_END_ONLY, "ab\n", 0, REGEX_NO_MATCH, NULL },
		{ "b", 0, "bab", 1, REGEX_MATCH, "b" },
		{ "(?<=a)b", 0, "ab", 1, REGEX_MATCH, "b" },
		{ "", 0, "ab", 2, REGEX_MATCH, "" },
		{ "", 0, "ab", 3, REGEX_NO_MATCH, NULL },
		{ "(*UTF)b", 0, "\xff\xfe b", 0, REGEX_NO_MATCH, NULL },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct regex *regex = compile(rows[i].pattern, rows[i].flags, (struct regex_limits){ 0 });
		struct bytes subject = bytes_from_str(rows[i].subject);
		struct regex_captures captures;

		assert_int_equal(regex_match(regex, scratch, subject, rows[i].start, &captures), rows[i].status);
		assert_int_equal(regex_match(regex, scratch, subject, rows[i].start, NULL), rows[i].status);
		if (rows[i].match)
			assert_true(bytes_equal_str(captures.group[0], rows[i].match));
		regex_free(regex);
	}
}

static void patterns_and_subjects_may_hold_any_byte(void **state)
{
	static const uint8_t pattern[] = { 0, 'x', '\\', 'x', 'f', 'f' };
	static const uint8_t subject[] = { 1, 0, 'x', 0xff, 0 };
	struct regex_captures captures;
	struct regex *regex;

	assert_int_equal(
		regex_compile(bytes_of(pattern, sizeof(pattern)), 0, (struct regex_limits){ 0 }, NULL, &regex), 0);
	assert_int_equal(regex_match(regex, scratch, bytes_of(subject, sizeof(subject)), 0, &captures), REGEX_MATCH);
	assert_ptr_equal(captures.group[0].ptr, subject + 1);
	assert_int_equal(captures.group[0].size, 3);
	assert_int_equal(regex_match(regex, scratch, (struct bytes){ 0 }, 0, NULL), REGEX_NO_MATCH);
	regex_free(regex);
}

static void groups_by_number_and_name(void **state)
{
	struct regex *regex = compile("(?<key>\\w+)=((?<value>\\d+)|(x))", 0, (struct regex_limits){ 0 });
	struct regex_captures captures;
	uint32_t number;

	assert_int_equal(regex_group_count(regex), 4);
	assert_int_equal(regex_match(regex, scratch, bytes_from_str("?id=42&"), 0, &captures), REGEX_MATCH);
	assert_int_equal(captures.count, 4);
	assert_true(bytes_equal_str(captures.group[0], "id=42"));
	assert_int_equal(regex_find_group(regex, "key", &number), 0);
	assert_true(bytes_equal_str(captures.group[number], "id"));
	assert_int_equal(regex_find_group(regex, "value", &number), 0);
	assert_true(bytes_equal_str(captures.group[number], "42"));
	assert_null(captures.group[4].ptr);
	assert_int_equal(regex_find_group(regex, "other", &number), LUYTRE_E_NOT_FOUND);
	regex_free(regex);

	regex = compile("(?J)(?<a>x)|(?<a>y)", 0, (struct regex_limits){ 0 });
	assert_int_equal(regex_find_group(regex, "a", &number), LUYTRE_E_CONFLICT);
	regex_free(regex);
}

static void more_groups_than_places_are_cut(void **state)
{
	struct regex_captures captures;
	char pattern[4 * 40 + 1] = "";
	char subject[41];
	struct regex *regex;

	for (unsigned int i = 0; i < 40; i++)
		strcat(pattern, "(.)");
	memset(subject, 'x', 40);
	subject[40] = '\0';
	regex = compile(pattern, 0, (struct regex_limits){ 0 });
	assert_int_equal(regex_match(regex, scratch, bytes_from_str(subject), 0, &captures), REGEX_MATCH);
	assert_int_equal(captures.count, REGEX_CAPTURES_MAX);
	assert_ptr_equal(captures.group[REGEX_CAPTURES_MAX - 1].ptr, subject + REGEX_CAPTURES_MAX - 2);
	regex_free(regex);
}

static void runaway_patterns_reach_the_limit(void **state)
{
	static const char subject[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
	/* The second is interpreted, the first compiled. */
	static const char *const patterns[] = { "(a+)+$", "(*NO_JIT)(a+)+$" };

	for (size_t i = 0; i < ARRAY_COUNT(patterns); i++) {
		struct regex *regex = compile(patterns[i], 0, (struct regex_limits){ 0 });

		assert_int_equal(regex_match(regex, scratch, bytes_from_str(subject), 0, NULL), REGEX_LIMIT);
		/* The scratch is good for the next one. */
		assert_int_equal(regex_match(regex, scratch, bytes_from_str("aa"), 0, NULL), REGEX_MATCH);
		regex_free(regex);
	}
}

static void limits_belong_to_the_regex(void **state)
{
	/* Some hundred steps: within the default, beyond ten. */
	struct regex *tight = compile("(a+)+$", 0, (struct regex_limits){ .steps = 10 });
	struct regex *wide = compile("(a+)+$", 0, (struct regex_limits){ 0 });
	struct bytes subject = bytes_from_str("aaaaaaab");

	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(regex_match(tight, scratch, subject, 0, NULL), REGEX_LIMIT);
		assert_int_equal(regex_match(wide, scratch, subject, 0, NULL), REGEX_NO_MATCH);
	}
	regex_free(tight);
	regex_free(wide);
}

static void time_bounds_all_matches_together(void **state)
{
	/* Reads to the end from every place: few steps, much time. */
	struct regex *regex = compile("(?:[{;][{ ]*)+[xy]", 0, (struct regex_limits){ 0 });
	char *text = malloc(65536);
	uint64_t start_ns = clock_id_ns(CLOCK_THREAD_CPUTIME_ID);

	assert_non_null(text);
	memset(text, '{', 65536);
	match_scratch_allow(scratch, 10 * NS_PER_MS);
	assert_int_equal(regex_match(regex, scratch, bytes_of(text, 65536), 0, NULL), REGEX_LIMIT);
	for (unsigned int i = 0; i < 100; i++)
		(void)regex_match(regex, scratch, bytes_of(text, 65536), 0, NULL);
	/* Without the bound one match takes seconds. */
	assert_true(clock_id_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns < 500 * NS_PER_MS);
	while (match_scratch_allowance(scratch) != 0)
		(void)regex_match(regex, scratch, bytes_of(text, 500), 0, NULL);
	assert_int_equal(regex_match(regex, scratch, bytes_of("{x", 2), 0, NULL), REGEX_LIMIT);
	match_scratch_allow(scratch, MATCH_NO_LIMIT);
	assert_int_equal(regex_match(regex, scratch, bytes_of("{x", 2), 0, NULL), REGEX_MATCH);
	free(text);
	regex_free(regex);
}

/* What every match must hold is looked for first in longer subjects, in either case, and only behind the start. */
static void a_byte_that_is_needed(void **unused)
{
	static const struct {
		const char *pattern;
		size_t start;
		enum regex_status wanted;
	} rows[] = {
		{ "a+.*;", 0, REGEX_NO_MATCH },
		{ "a+.*x", 0, REGEX_MATCH },
		{ "a+.*x", 45, REGEX_NO_MATCH },
		{ "(?i)a+.*X", 0, REGEX_MATCH },
		{ "a+.*X", 0, REGEX_NO_MATCH },
		{ "a+(?:.*x|b;)", 0, REGEX_MATCH },
		{ "(?<=x)a+", 41, REGEX_MATCH },
		{ "a+.*\\Kx", 0, REGEX_MATCH },
		{ "a+(?!;)b?", 0, REGEX_MATCH },
	};
	char text[80];

	memset(text, 'a', sizeof(text));
	text[40] = 'x';
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct regex *regex = compile(rows[i].pattern, 0, (struct regex_limits){ 0 });

		assert_int_equal(
			regex_match(regex, scratch, bytes_of(text, sizeof(text)), rows[i].start, NULL), rows[i].wanted);
		regex_free(regex);
	}
}

/* Where places are tried in parts, the answer is that of one search. */
static void parts_are_one_search(void **state)
{
	static const struct {
		const char *pattern;
		enum regex_status wanted;
		size_t at;
	} rows[] = {
		{ "needle", REGEX_MATCH, 60000 },
		{ "(?<=a)needle$", REGEX_MATCH, 60000 },
		{ "^a+needle$", REGEX_MATCH, 0 },
		{ "^needle", REGEX_NO_MATCH, 0 },
		{ "\\Gneedle", REGEX_NO_MATCH, 0 },
		{ "\\bneedle", REGEX_NO_MATCH, 0 },
		{ "$", REGEX_MATCH, 60006 },
		{ "z", REGEX_NO_MATCH, 0 },
	};
	char *text = malloc(60006);

	assert_non_null(text);
	memset(text, 'a', 60000);
	for (size_t i = 0; i < 6; i++)
		text[60000 + i] = "needle"[i];
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct regex *regex = compile(rows[i].pattern, 0, (struct regex_limits){ 0 });
		struct regex_captures captures;

		match_scratch_allow(scratch, NS_PER_S);
		assert_int_equal(regex_match(regex, scratch, bytes_of(text, 60006), 0, &captures), rows[i].wanted);
		if (rows[i].wanted == REGEX_MATCH)
			assert_ptr_equal(captures.group[0].ptr, text + rows[i].at);
		match_scratch_allow(scratch, MATCH_NO_LIMIT);
		regex_free(regex);
	}
	free(text);
}

static void bad_patterns_are_explained(void **state)
{
	char message[REGEX_MESSAGE_SIZE] = "";
	struct regex *regex = NULL;

	assert_int_equal(
		regex_compile(bytes_from_str("ab(c"), 0, (struct regex_limits){ 0 }, message, &regex), LUYTRE_E_SYNTAX);
	assert_string_equal(message, "at byte 4: missing closing parenthesis");
	assert_int_equal(
		regex_compile(bytes_from_str("["), 0, (struct regex_limits){ 0 }, NULL, &regex), LUYTRE_E_SYNTAX);
	assert_null(regex);
	regex_free(NULL);
}

static void memory_counts_pattern_and_code(void **state)
{
	struct regex *regex = compile("[a-z]+x", 0, (struct regex_limits){ 0 });

	assert_true(regex_memory(regex) > 32);
	regex_free(regex);
	regex = compile("(*NO_JIT)x", 0, (struct regex_limits){ 0 });
	assert_false(regex_is_jit(regex));
	regex_free(regex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_and_start_decide),
		cmocka_unit_test(patterns_and_subjects_may_hold_any_byte),
		cmocka_unit_test(groups_by_number_and_name),
		cmocka_unit_test(more_groups_than_places_are_cut),
		cmocka_unit_test(runaway_patterns_reach_the_limit),
		cmocka_unit_test(limits_belong_to_the_regex),
		cmocka_unit_test(time_bounds_all_matches_together),
		cmocka_unit_test(a_byte_that_is_needed),
		cmocka_unit_test(parts_are_one_search),
		cmocka_unit_test(bad_patterns_are_explained),
		cmocka_unit_test(memory_counts_pattern_and_code),
	};

	return cmocka_run_group_tests(tests, make_scratch, free_scratch);
}
