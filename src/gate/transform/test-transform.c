// SPDX-License-Identifier: Apache-2.0
#include "gate/transform/transform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/compiler.h"

/* NULs are written as ~ in these. */
static const struct {
	const char *name, *in, *out;
} cases[] = {
	{ "base64Decode", "VGVzdENhc2U=", "TestCase" },
	{ "base64Decode", "VGVz\r\ndENhc2U", "TestCase" },
	{ "base64Decode", "VGVz*dENh", "Tes" },
	{ "base64Decode", "V", "" },
	{ "base64DecodeExt", "P.HNjcmlwd.D5hbGVydCgxKTwvc2NyaXB0Pg==", "<script>alert(1)</script>" },
	{ "base64DecodeExt", "QUJDQ=QUJD", "" },
	{ "base64Encode", "Test~Case", "VGVzdABDYXNl" },
	{ "base64Encode", "TestCase1", "VGVzdENhc2Ux" },
	{ "cmdLine", "C^om\\Mand  ,; /C \"DIR\" (x", "command/c dir(x" },
	{ "compressWhitespace", " a  b\t\n c\x0b\x0c", " a b c " },
	{ "cssDecode", "\\6aavascript\\3a alert", "\xaavascript:alert" },
	{ "cssDecode", "\\00ff1cscript\\", "<script" },
	{ "cssDecode", "a\\\nb\\zc\\0~", "abzc~~" },
	{ "escapeSeqDecode", "\\a\\x41\\101\\777\\8\\xg\\",
		"\aAA\xff"
		"8xg\\" },
	{ "hexDecode", "54657374", "Test" },
	{ "hexDecode", "5465737", "" },
	{ "hexDecode", "54 5", "" },
	{ "hexEncode", "Test~", "5465737400" },
	{ "htmlEntityDecode", "&lt;&LT&#60;&#x3C&#X3cz&nbsp;&amp;lt;", "<<<<<z\xa0&lt;" },
	{ "htmlEntityDecode", "&ltx;&#;&#x;&#99999999999999999999;&", "&ltx;&#;&#x;\xff&" },
	{ "jsDecode", "\\u003c\\uff1c\\x3c\\74\\477\\n\\u00", "<<<<'7\nu00" },
	{ "length", "", "0" },
	{ "length", "12345678901", "11" },
	{ "lowercase", "ABCXYZ[@`{\xc9 The Quick Brown Fox", "abcxyz[@`{\xc9 the quick brown fox" },
	{ "uppercase", "abcxyz[@`{\xe9 the quick brown fox", "ABCXYZ[@`{\xe9 THE QUICK BROWN FOX" },
	{ "normalisePath", "/a/b/../c/./d//e", "/a/c/d/e" },
	{ "normalizePath", "../../a/../b/", "../../b/" },
	{ "normalisePath", "/../../etc", "/etc" },
	{ "normalisePath", "a/..", "" },
	{ "normalizePathWin", "\\a\\.\\..\\b\\", "/b/" },
	{ "parityEven7bit", "ab", "\xe1\xe2" },
	{ "parityOdd7bit", "abc", "ab\xe3" },
	{ "parityZero7bit",
		"\xe1"
		"b",
		"ab" },
	{ "removeComments", "a/*b*/c<!--d-->e", "ace" },
	{ "removeComments", "a/*b*/", "a~" },
	{ "removeComments", "a/*b", "a " },
	{ "removeComments", "a--b", "a" },
	{ "removeComments", "a#b", "a" },
	{ "removeCommentsChar", "a/*b*/c--d#e<!--f-->", "abcdef" },
	{ "removeNulls", "~a~~b~", "ab" },
	{ "removeWhitespace",
		" a\xc2\xa0"
		"b\t\x0b\x0c\r\n",
		"ab" },
	{ "replaceComments", "a/*b*/c/*/d*/e*/f/*", "a c e*/f " },
	{ "replaceNulls", "~a~~", " a  " },
	{ "sqlHexDecode", "x=0x414243, 0X61 0x4 0xzz", "x=ABC, a 0x4 0xzz" },
	{ "trim", " \t~ a \n", "~ a" },
	{ "trimLeft", " \t a ", "a " },
	{ "trimRight", " a \x0b", " a" },
	{ "trim", "  ", "" },
	{ "urlDecode", "a+b%41%4%zz%", "a bA%4%zz%" },
	{ "urlDecodeUni", "%u0041%U0041%uff1c%u02ba%u004+%3c", "AA<\xba%u004 <" },
	{ "urlEncode", "a *-\xff", "a+*%2d%ff" },
	{ "utf8toUnicode", "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "a%u00e9%u20ac%u1f600" },
	{ "utf8toUnicode", "~\xc0\xaf\xff\xc3", "%u002f\xc0\xff" },
};

/* A copy with NULs in place of ~. */
static struct bytes text_of(const char *text, uint8_t *buffer)
{
	size_t size = strlen(text);

	for (size_t i = 0; i < size; i++)
		buffer[i] = text[i] == '~' ? 0 : (uint8_t)text[i];
	return bytes_of(buffer, size);
}

static void values_become_what_the_manual_says(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct transform *transform = transform_find(bytes_from_str(cases[i].name));
		uint8_t in_buffer[100], out_buffer[100];
		struct bytes in = text_of(cases[i].in, in_buffer), out;
		struct arena arena;

		assert_non_null(transform);
		arena_init(&arena, 4096);
		out = transform_run(transform, in, transform_classes(in), &arena, NULL);
		if (!bytes_equal(out, text_of(cases[i].out, out_buffer)))
			fail_msg("%s of \"%s\": \"%.*s\"", cases[i].name, cases[i].in, (int)out.size,
				(const char *)out.ptr);
		arena_done(&arena);
	}
}

static void digests_are_raw_bytes(void **state)
{
	static const uint8_t md5_empty[] = "\xd4\x1d\x8c\xd9\x8f\x00\xb2\x04\xe9\x80\x09\x98\xec\xf8\x42\x7e";
	static const uint8_t sha1_empty[] =
		"\xda\x39\xa3\xee\x5e\x6b\x4b\x0d\x32\x55\xbf\xef\x95\x60\x18\x90\xaf\xd8\x07\x09";
	uint8_t out[64];

	assert_int_equal(transform_find(bytes_from_str("MD5"))->run(bytes_of(NULL, 0), out), 16);
	assert_memory_equal(out, md5_empty, 16);
	assert_int_equal(transform_find(bytes_from_str("sha1"))->run(bytes_of(NULL, 0), out), 20);
	assert_memory_equal(out, sha1_empty, 20);
}

static void names_are_found_without_case(void **state)
{
	for (size_t i = 0; i < transform_count; i++) {
		assert_ptr_equal(transform_find(bytes_from_str(transforms[i].name)), &transforms[i]);
		if (transforms[i].alias)
			assert_ptr_equal(transform_find(bytes_from_str(transforms[i].alias)), &transforms[i]);
	}
	assert_ptr_equal(
		transform_find(bytes_from_str("URLDECODEUNI")), transform_find(bytes_from_str("urlDecodeUni")));
	assert_null(transform_find(bytes_from_str("none")));
	assert_null(transform_find(bytes_from_str("")));
}

/* The classes as the header has them. */
static uint32_t class_of(uint8_t byte)
{
	static const struct {
		uint32_t class;
		const char *bytes;
	} marks[] = { { CLASS_PERCENT, "%" }, { CLASS_PLUS, "+" }, { CLASS_AMPERSAND, "&" }, { CLASS_BACKSLASH, "\\" },
		{ CLASS_SLASH, "/" }, { CLASS_DOT, "." }, { CLASS_QUOTE, "\"'`" }, { CLASS_CARET, "^" },
		{ CLASS_COMMA, "," }, { CLASS_SEMICOLON, ";" }, { CLASS_ANGLE, "<>" }, { CLASS_PAREN, "()" },
		{ CLASS_HASH, "#" }, { CLASS_STAR, "*" }, { CLASS_DASH, "-" }, { CLASS_SPACE, " \t\n\v\f\r" } };

	if (byte >= 0x80)
		return CLASS_HIGH | (byte == 0xa0 || byte == 0xc2 ? (uint32_t)CLASS_NBSP : 0);
	if (byte == 0)
		return CLASS_NUL;
	for (size_t i = 0; i < ARRAY_COUNT(marks); i++) {
		if (strchr(marks[i].bytes, byte))
			return marks[i].class;
	}
	if (byte >= 'A' && byte <= 'Z')
		return CLASS_UPPER;
	if (byte >= 'a' && byte <= 'z')
		return CLASS_LOWER;
	if (byte >= '0' && byte <= '9')
		return CLASS_DIGIT;
	return byte < 0x20 || byte == 0x7f ? CLASS_CONTROL : CLASS_OTHER;
}

static void classes_of_each_byte_at_each_place(void **state)
{
	static const size_t sizes[] = { 1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100 };
	uint8_t data[100];

	assert_int_equal(transform_classes(bytes_of(NULL, 0)), 0);
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		for (unsigned int byte = 0; byte < 256; byte++) {
			size_t place = byte * 7 % sizes[i];

			memset(data, 'e', sizeof(data));
			data[place] = (uint8_t)byte;
			assert_int_equal(transform_classes(bytes_of(data, sizes[i])),
				class_of((uint8_t)byte) | (sizes[i] > 1 ? (uint32_t)CLASS_LOWER : 0));
		}
	}
}

/* The same sequence in each run. */
static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(*state >> 33);
}

static size_t random_value(uint64_t *seed, uint32_t without, uint8_t *out, size_t size_max)
{
	/* Marks are more telling than letters, so half the bytes are such. */
	static const char marks[] = "\\%&/.*-#<>!+ux0fF1; '\"(,^\n\t";
	size_t size = next_random(seed) % size_max, used = 0;

	for (size_t i = 0; i < size; i++) {
		uint32_t random = next_random(seed);
		uint8_t byte = random & 1 ? (uint8_t)marks[random / 2 % (sizeof(marks) - 1)] : (uint8_t)(random >> 8);

		if (!(class_of(byte) & without))
			out[used++] = byte;
	}
	return used;
}

static void values_without_its_classes_stay(void **state)
{
	uint64_t seed = 1;
	uint8_t in[80], out[400];

	for (size_t i = 0; i < transform_count; i++) {
		if (transforms[i].acts_on == CLASS_ANY)
			continue;
		for (unsigned int round = 0; round < 5000; round++) {
			size_t size = random_value(&seed, transforms[i].acts_on, in, sizeof(in));
			size_t used = transforms[i].run(bytes_of(in, size), out);

			assert_true(transforms[i].room(size) <= sizeof(out));
			if (used != size || memcmp(in, out, size) != 0)
				fail_msg("%s changed a value without its classes", transforms[i].name);
		}
	}
}

static void results_fit_the_room(void **state)
{
	uint64_t seed = 2;
	uint8_t in[80];

	for (size_t i = 0; i < transform_count; i++) {
		for (unsigned int round = 0; round < 2000; round++) {
			size_t size = random_value(&seed, 0, in, sizeof(in));
			size_t room = transforms[i].room(size);
			uint8_t *out = malloc(room + 1);

			assert_non_null(out);
			out[room] = 0x55;
			assert_true(transforms[i].run(bytes_of(in, size), out) <= room);
			assert_int_equal(out[room], 0x55);
			free(out);
		}
	}
}

static void best_fit_of_code_page_20127(void **state)
{
	static const struct {
		const char *in, *out;
	} fits[] = { { "%u00e9", "e" }, { "%u0110", "D" }, { "%u2039", "<" }, { "%uff1c", "<" }, { "%uff1f", "?" },
		{ "%u02ba", "\"" }, { "%u2019", "'" }, { "%u0041", "A" }, { "%u1234", "4" }, { "%u00a3", "\xa3" },
		{ "%u2122", "T" }, { "%u2123", "#" }, { "%41+", "A " } };
	uint8_t out[10];

	for (size_t i = 0; i < ARRAY_COUNT(fits); i++) {
		size_t used = transform_url_decode_uni_20127.run(bytes_from_str(fits[i].in), out);

		if (!bytes_equal_str(bytes_of(out, used), fits[i].out))
			fail_msg("%s: \"%.*s\"", fits[i].in, (int)used, (const char *)out);
	}
}

static void what_does_not_change_is_not_copied(void **state)
{
	const struct transform *lowercase = transform_find(bytes_from_str("lowercase"));
	const struct transform *decode = transform_find(bytes_from_str("urlDecode"));
	struct bytes small = bytes_from_str("abc"), big = bytes_from_str("ABC"), percent = bytes_from_str("100%");
	bool refused = false;
	struct arena arena;
	struct bytes out;

	arena_init(&arena, 32);
	assert_ptr_equal(transform_run(lowercase, small, transform_classes(small), &arena, &refused).ptr, small.ptr);
	/* Has a percent sign, and stays as it is: the room is given back. */
	for (unsigned int i = 0; i < 10; i++)
		assert_ptr_equal(
			transform_run(decode, percent, transform_classes(percent), &arena, &refused).ptr, percent.ptr);
	assert_false(refused);
	out = transform_run(lowercase, big, transform_classes(big), &arena, &refused);
	assert_true(bytes_equal(out, small));
	assert_true(bytes_equal_str(big, "ABC"));
	(void)transform_run(lowercase, big, transform_classes(big), &arena, &refused);
	assert_false(refused);
	out = transform_run(lowercase, big, transform_classes(big), &arena, &refused);
	assert_true(refused);
	assert_ptr_equal(out.ptr, big.ptr);
	arena_done(&arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_become_what_the_manual_says),
		cmocka_unit_test(digests_are_raw_bytes),
		cmocka_unit_test(names_are_found_without_case),
		cmocka_unit_test(classes_of_each_byte_at_each_place),
		cmocka_unit_test(values_without_its_classes_stay),
		cmocka_unit_test(results_fit_the_room),
		cmocka_unit_test(best_fit_of_code_page_20127),
		cmocka_unit_test(what_does_not_change_is_not_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
