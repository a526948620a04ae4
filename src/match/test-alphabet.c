// SPDX-License-Identifier: Apache-2.0
#include "match/alphabet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "match/test-expression.h"
#include "match/regex.h"
#include "match/scratch.h"

static struct match_scratch *scratch;

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

static struct alphabet of(const char *text)
{
	struct alphabet alphabet = { { false } };

	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		alphabet.has[byte] = true;
		if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z')
			alphabet.has[byte ^ 0x20] = true;
	}
	return alphabet;
}

static void tells_what_is_written(void **unused)
{
	static const struct {
		const char *alphabet, *expression;
		bool can;
	} rows[] = {
		{ "ab", "", true },
		{ "ab", "ab", true },
		{ "ab", "aB", true },
		{ "ab", "ac", false },
		{ "ab", "ac?", true },
		{ "ab", "ac*b", true },
		{ "ab", "ac+b", false },
		{ "ab", "ac{0,3}b", true },
		{ "ab", "ac{00}b", true },
		{ "ab", "ac{0}?b", true },
		{ "ab", "ac{1,3}b", false },
		{ "ab", "ac{2}{0}b", true },
		{ "ab", "ac|b", true },
		{ "ab", "ac|bd", false },
		{ "ab", "(?:ac|)d", false },
		{ "ab", "(?:cd)?a", true },
		{ "ab", "(cd)a", false },
		{ "ab", "(?i:CD)a", false },
		{ "ab", "(?i)A", true },
		{ "ab", "(?<name>c)", false },
		{ "ab", "(?P<name>c)", false },
		{ "ab", "(?'name'c)", false },
		{ "ab", "(?P<n_1>a)(?P>n_1)", true },
		{ "ab", "(?P<n_1>a)(?&n_1)", true },
		{ "ab", "(a)(?1)", true },
		{ "ab", "(?R)?a", true },
		{ "ab", "(a)\\1", true },
		{ "ab", "(a)\\g{1}c*", true },
		{ "ab", "(?>c)", false },
		{ "ab", "(?|c|d)", false },
		{ "ab", "(?=c)a", true },
		{ "ab", "(?!c)a", true },
		{ "ab", "(?<=c)a", true },
		{ "ab", "(?<!c)c", false },
		{ "ab", "(?#c)a", true },
		{ "ab", "(?x) a", true },
		{ "ab", "(*UTF)c", true },
		{ "ab", "^a$", true },
		{ "ab", "\\Aa\\z", true },
		{ "ab", "\\bc", false },
		{ "ab", "\\d", false },
		{ "ab", "\\D", true },
		{ "ab", "\\w", true },
		{ "ab", "\\s", false },
		{ "a b", "\\s", true },
		{ "a\v", "\\s", true },
		{ "ab", "\\x61", true },
		{ "ab", "\\x{61}", true },
		{ "ab", "\\x63", false },
		{ "ab", "\\n", false },
		{ "a\n", "\\n", true },
		{ "a_", "\\w_", true },
		{ "ab", "\\.", false },
		{ "ab.", "\\.", true },
		{ "ab", ".", true },
		{ "ab", "\\Qc\\E", true },
		{ "ab", "[c-f]", false },
		{ "ab", "[^c-f]", true },
		{ "01", "[^01]", false },
		{ "ab", "[^ab]", true }, /* "A" */
		{ "ab", "[^a]", true },
		{ "ab", "[]a]", true },
		{ "ab", "[]c]", false },
		{ "ab]", "[]c]", true },
		{ "ab", "[c\\d-]", false },
		{ "ab-", "[c\\d-]", true },
		{ "ab", "[[:digit:]]", true },
		{ "ab", "[\\x41-\\x42]", true },
		{ "ab", "{", false },
		{ "ab{", "a{", true },
		{ "ab", "a{x}", false },
		{ "ab", "a)", true },
		{ "ab", "(a", true },
		{ "ab", "[a", true },
		{ "ab", "c\\", true },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct alphabet alphabet = of(rows[i].alphabet);

		if (alphabet_can_match(&alphabet, bytes_from_str(rows[i].expression)) != rows[i].can)
			fail_msg("%s with %s: not %d", rows[i].expression, rows[i].alphabet, rows[i].can);
	}
}

static void tells_what_can_be_spelt(void **unused)
{
	struct alphabet alphabet = of("ab0");

	assert_true(alphabet_can_spell(&alphabet, bytes_from_str("aB0")));
	assert_true(alphabet_can_spell(&alphabet, bytes_from_str("")));
	assert_false(alphabet_can_spell(&alphabet, bytes_from_str("abc")));
	assert_false(alphabet_can_spell(&alphabet, bytes_of("a\0b", 3)));
}

/* Depth is bounded: more is not understood, and not a crash. */
static void gives_up_on_deep_groups(void **unused)
{
	struct alphabet alphabet = of("ab");
	char text[4096];

	memset(text, '(', sizeof(text));
	assert_true(alphabet_can_match(&alphabet, bytes_of(text, sizeof(text))));
}

/* ---- against PCRE2 ---- */

static uint64_t state = 7;

static struct alphabet draw_alphabet(uint8_t *letters, size_t *ret_count)
{
	static const char bytes[] = "abcABC019_-. ,@:/+\\'\"<>()[]{}|=;%&*?!#$^~`\n\t\r\x0b\x01\x7f\xe9\xc1";
	struct alphabet alphabet = { { false } };
	size_t wanted = 1 + test_random(&state, 8);

	for (size_t i = 0; i < wanted; i++) {
		uint8_t byte = (uint8_t)bytes[test_random(&state, sizeof(bytes))];

		alphabet.has[byte] = true;
		if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z')
			alphabet.has[byte ^ 0x20] = true;
	}
	*ret_count = 0;
	for (unsigned int i = 0; i < 256; i++) {
		if (alphabet.has[i])
			letters[(*ret_count)++] = (uint8_t)i;
	}
	return alphabet;
}

static struct bytes draw_text(uint8_t text[16], const uint8_t *letters, size_t count)
{
	size_t size = test_random(&state, 17);

	for (size_t i = 0; i < size; i++)
		text[i] = letters[test_random(&state, (uint32_t)count)];
	return bytes_of(text, size);
}

static void check_strings(const struct regex *regex, const char *expression, const uint8_t *letters, size_t count)
{
	for (unsigned int round = 0; round < 60; round++) {
		uint8_t text[16];
		struct bytes subject = draw_text(text, letters, count);

		if (regex_match(regex, scratch, subject, 0, NULL) == REGEX_MATCH)
			fail_msg("%s matches %.*s", expression, (int)subject.size, (const char *)text);
	}
}

static void no_is_certain(void **unused)
{
	static const unsigned int flags[] = { REGEX_DOT_ALL, REGEX_DOT_ALL | REGEX_MULTILINE,
		REGEX_DOT_ALL | REGEX_NOCASE };
	unsigned int denied = 0, compiled = 0;

	for (unsigned int round = 0; round < 40000; round++) {
		char expression[TEST_EXPRESSION_SIZE];
		uint8_t letters[256];
		size_t count;
		struct alphabet alphabet = draw_alphabet(letters, &count);
		struct bytes text = test_expression(&state, expression);

		if (alphabet_can_match(&alphabet, text))
			continue;
		denied++;
		for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
			struct regex *regex;

			if (regex_compile(text, flags[i], (struct regex_limits){ 0 }, NULL, &regex) < 0)
				continue;
			compiled++;
			check_strings(regex, expression, letters, count);
			regex_free(regex);
		}
	}
	/* Or nothing would have been tried. */
	assert_true(denied > 2000);
	assert_true(compiled > 3000);
}

static void restricts(void **unused)
{
	static const struct {
		const char *alphabet, *expression, *rest;
	} rows[] = {
		{ "ab", "ab", "ab" },
		{ "ab", "a<?b", "ab" },
		{ "ab", "a[<'\"]*?b", "ab" },
		{ "ab", "(?:a|<|b)", "(?:a|b)" },
		{ "ab", "<|a", "a" },
		{ "ab", "<a|", "" },
		{ "ab", "(?i)<|a", "(?i)a" },
		{ "ab", "(a)<?\\1", "(a)<?\\1" },
		{ "ab1", "\\0<?1", "\\0<?1" },
		{ "ab1", "\\x4<?1", "\\x4<?1" },
		{ "ab", "(?!<?)a", "(?!<?)a" },
		{ "ab", "a(?:<x|)b", "a(?:)b" },
		{ "ab", "(?:(?m)<|b)^a", "(?:(?m)b)^a" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct alphabet alphabet = of(rows[i].alphabet);
		char out[TEST_EXPRESSION_SIZE];
		size_t size = 0;

		(void)alphabet_restrict(&alphabet, bytes_from_str(rows[i].expression), out, &size);
		if (!bytes_equal_str(bytes_of(out, size), rows[i].rest))
			fail_msg("%s with %s: %.*s", rows[i].expression, rows[i].alphabet, (int)size, out);
	}
}

static void compare_strings(const struct regex *regex, const struct regex *other, const char *expression,
	struct bytes rest, const uint8_t *letters, size_t count)
{
	for (unsigned int round = 0; round < 40; round++) {
		uint8_t text[16];
		struct bytes subject = draw_text(text, letters, count);
		enum regex_status one = regex_match(regex, scratch, subject, 0, NULL);
		enum regex_status two = regex_match(other, scratch, subject, 0, NULL);

		if (one != two && one != REGEX_LIMIT && two != REGEX_LIMIT)
			fail_msg("%s and %.*s differ on %.*s", expression, (int)rest.size, (const char *)rest.ptr,
				(int)subject.size, (const char *)text);
	}
}

/* What is left matches the same strings of the alphabet. */
static void the_rest_means_the_same(void **unused)
{
	unsigned int changed = 0;

	for (unsigned int round = 0; round < 60000; round++) {
		char expression[TEST_EXPRESSION_SIZE], out[TEST_EXPRESSION_SIZE];
		uint8_t letters[256];
		size_t count, size = 0;
		struct alphabet alphabet = draw_alphabet(letters, &count);
		struct bytes text = test_expression(&state, expression), rest;
		struct regex *regex, *other;

		if (!alphabet_restrict(&alphabet, text, out, &size) || bytes_equal(bytes_of(out, size), text))
			continue;
		rest = bytes_of(out, size);
		if (regex_compile(text, REGEX_DOT_ALL | REGEX_MULTILINE, (struct regex_limits){ 0 }, NULL, &regex) < 0)
			continue;
		if (regex_compile(rest, REGEX_DOT_ALL | REGEX_MULTILINE, (struct regex_limits){ 0 }, NULL, &other) < 0)
			fail_msg("%s becomes %.*s, which is none", expression, (int)size, out);
		changed++;
		compare_strings(regex, other, expression, rest, letters, count);
		regex_free(regex);
		regex_free(other);
	}
	assert_true(changed > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_is_written),
		cmocka_unit_test(tells_what_can_be_spelt),
		cmocka_unit_test(gives_up_on_deep_groups),
		cmocka_unit_test(no_is_certain),
		cmocka_unit_test(restricts),
		cmocka_unit_test(the_rest_means_the_same),
	};

	return cmocka_run_group_tests(tests, make_scratch, free_scratch);
}
