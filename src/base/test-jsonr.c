// SPDX-License-Identifier: Apache-2.0
#include "base/jsonr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct jsonr_limits small = { .size_max = 64, .depth_max = 3, .value_max = 6 };

static const struct {
	const char *text;
	int error;
	enum jsonr_fault fault;
	int64_t low, high;
} rows[] = {
	{ "{}", 0, 0, 0, 0 },
	{ "17", 0, 0, 0, 0 },
	{ "{\"a\":9223372036854775807}", 0, 0, 0, 0 },
	{ "{\"a\":-9223372036854775808}", 0, 0, 0, 0 },
	{ "{\"a\":9223372036854775808}", LUYTRE_E_RANGE, JSONR_NUMBER, 1, 24 },
	{ "{\"a\":1e999}", LUYTRE_E_RANGE, JSONR_NUMBER, 1, 10 },
	{ "[[[1]]]", 0, 0, 0, 0 },
	{ "[[[[1]]]]", LUYTRE_E_FULL, JSONR_DEPTH, 3, 0 },
	{ "[\"[[[[[\"]", 0, 0, 0, 0 },
	{ "[\"\\\"[[[[[\"]", 0, 0, 0, 0 },
	{ "[1,2,3,4,5]", 0, 0, 0, 0 },
	{ "[1,2,3,4,5,6]", LUYTRE_E_FULL, JSONR_COUNT, 6, 0 },
	{ "[\",,,,,,,,,,,\"]", 0, 0, 0, 0 },
	{ "{\"a\":1,\n\"a\":2}", LUYTRE_E_SYNTAX, JSONR_DUPLICATE, 2, 3 },
	{ "[\"\xc3\"]", LUYTRE_E_SYNTAX, JSONR_UTF8, 1, 2 },
	{ "[\"\xed\xa0\x80\"]", LUYTRE_E_SYNTAX, JSONR_UTF8, 1, 2 },
	{ "{\"a\":\"\\u0000\"}", LUYTRE_E_SYNTAX, JSONR_SYNTAX, 1, 13 },
	{ "", LUYTRE_E_SYNTAX, JSONR_SYNTAX, 1, 1 },
	{ "{\"a\":", LUYTRE_E_SYNTAX, JSONR_SYNTAX, 1, 5 },
	{ "[1]x", LUYTRE_E_SYNTAX, JSONR_SYNTAX, 1, 4 },
	{ "[1,\n 2,\n x]", LUYTRE_E_SYNTAX, JSONR_SYNTAX, 3, 2 },
	{ "\"0123456789012345678901234567890123456789012345678901234567890123\"", LUYTRE_E_FULL, JSONR_SIZE, 64, 0 },
};

static void test_parse(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct jsonr_errors errors = { 0 };
		json_t *document = NULL;
		int error = jsonr_parse(bytes_from_str(rows[i].text), &small, &errors, &document);

		if (error != rows[i].error)
			fail_msg("%s: %s", rows[i].text, error_name(error));
		assert_int_equal(errors.count, error < 0);
		if (error < 0 && (errors.items[0].fault != rows[i].fault || errors.items[0].low != rows[i].low ||
					 errors.items[0].high != rows[i].high))
			fail_msg("%s: %s %lld %lld", rows[i].text, jsonr_fault_code(errors.items[0].fault),
				(long long)errors.items[0].low, (long long)errors.items[0].high);
		json_decref(document);
	}
}

/* What would cost 60 times its size in memory is refused before it does. */
static void test_parse_default_limits(void **state)
{
	struct jsonr_errors errors = { 0 };
	size_t size = (1 << 20) - 2;
	char *text = malloc(size);
	json_t *document = NULL;

	assert_non_null(text);
	for (size_t i = 0; i < size; i++)
		text[i] = (char)(i == 0 ? '[' : "[],"[(i - 1) % 3]);
	assert_int_equal(jsonr_parse(bytes_of(text, size), &jsonr_limits_default, &errors, &document), LUYTRE_E_FULL);
	assert_int_equal(errors.items[0].fault, JSONR_COUNT);
	memset(text, '[', 1000);
	assert_int_equal(jsonr_parse(bytes_of(text, 1000), &jsonr_limits_default, &errors, &document), LUYTRE_E_FULL);
	assert_int_equal(errors.items[1].fault, JSONR_DEPTH);
	free(text);
}

static json_t *load(const char *text)
{
	struct jsonr_errors errors = { 0 };
	json_t *document = NULL;

	assert_int_equal(jsonr_parse(bytes_from_str(text), &jsonr_limits_default, &errors, &document), 0);
	return document;
}

static void test_members(void **state)
{
	static const char *const words[] = { "off", "shadow", "enforce" };
	json_t *document = load("{\"name\":\"Sở Y tế\",\"level\":3,\"rate\":0.5,\"open\":true,\"mode\":\"enforce\","
				"\"list\":[1,2],\"in\":{\"x\":-1},\"none\":null}");
	struct jsonr_errors errors = { 0 };
	struct jsonr root, list, in;
	struct bytes name;
	int64_t number;
	double rate;
	size_t word;
	bool open;

	jsonr_root(&root, document, &errors);
	assert_true(jsonr_string(&root, "name", JSONR_NEEDED, 7, 7, &name));
	assert_true(bytes_equal_str(name, "Sở Y tế"));
	assert_true(jsonr_i64(&root, "level", JSONR_NEEDED, 3, 3, &number) && number == 3);
	assert_true(jsonr_double(&root, "rate", JSONR_NEEDED, &rate) && rate == 0.5);
	assert_true(jsonr_double(&root, "level", JSONR_NEEDED, &rate) && rate == 3.0);
	assert_true(jsonr_bool(&root, "open", JSONR_NEEDED, &open) && open);
	assert_true(jsonr_word(&root, "mode", JSONR_NEEDED, words, 3, &word) && word == 2);
	assert_true(jsonr_array(&root, "list", JSONR_NEEDED, 2, &list));
	assert_true(jsonr_object(&root, "in", JSONR_NEEDED, &in));
	assert_true(jsonr_i64(&in, "x", JSONR_NEEDED, -1, 1, &number) && number == -1);
	assert_false(jsonr_i64(&root, "none", JSONR_OPTIONAL, 0, 1, &number));
	assert_false(jsonr_bool(&root, "absent", JSONR_OPTIONAL, &open));
	assert_int_equal(errors.count, 0);
	json_decref(document);
}

static void expect(const struct jsonr_errors *errors, size_t index, enum jsonr_fault fault, const char *pointer)
{
	assert_true(index < errors->count);
	assert_string_equal(errors->items[index].pointer, pointer);
	assert_int_equal(errors->items[index].fault, fault);
}

static void test_errors_are_collected(void **state)
{
	static const char *const words[] = { "off" };
	static const char *const known[] = { "name", "level", "in", "list" };
	json_t *document =
		load("{\"name\":\"\",\"level\":\"3\",\"in\":{\"a/b~\":[{\"x\":9}]},\"list\":[1,2,3],\"tpyo\":1}");
	struct jsonr_errors errors = { 0 };
	char sentence[JSONR_SENTENCE_SIZE];
	struct jsonr root, in, deep, item;
	struct bytes name;
	int64_t number;
	size_t word;

	jsonr_root(&root, document, &errors);
	assert_false(jsonr_string(&root, "name", JSONR_NEEDED, 1, 64, &name));
	assert_false(jsonr_i64(&root, "level", JSONR_NEEDED, 1, 5, &number));
	assert_false(jsonr_i64(&root, "gone", JSONR_NEEDED, 1, 5, &number));
	assert_false(jsonr_word(&root, "name", JSONR_NEEDED, words, 1, &word));
	assert_false(jsonr_array(&root, "list", JSONR_NEEDED, 2, &in));
	jsonr_known(&root, known, ARRAY_COUNT(known));
	assert_true(jsonr_object(&root, "in", JSONR_NEEDED, &in));
	assert_true(jsonr_array(&in, "a/b~", JSONR_NEEDED, 1, &deep));
	item = jsonr_item(&deep, 0);
	assert_false(jsonr_i64(&item, "x", JSONR_NEEDED, 1, 5, &number));
	assert_int_equal(errors.count, 7);
	expect(&errors, 0, JSONR_LENGTH, "/name");
	expect(&errors, 1, JSONR_TYPE, "/level");
	expect(&errors, 2, JSONR_MISSING, "/gone");
	expect(&errors, 3, JSONR_ENUM, "/name");
	expect(&errors, 4, JSONR_ITEMS, "/list");
	expect(&errors, 5, JSONR_UNKNOWN, "/tpyo");
	expect(&errors, 6, JSONR_RANGE, "/in/a~1b~0/0/x");
	assert_string_equal(
		jsonr_error_text(&errors.items[6], LUYTRE_LANG_EN, sentence), "The number must be between 1 and 5.");
	assert_string_equal(jsonr_error_text(&errors.items[6], LUYTRE_LANG_VI, sentence), "Số phải nằm giữa 1 và 5.");
	for (size_t i = 0; i < JSONR_ERRORS_MAX; i++)
		assert_false(jsonr_i64(&root, "gone", JSONR_NEEDED, 1, 5, &number));
	assert_int_equal(errors.count, JSONR_ERRORS_MAX);
	assert_int_equal(errors.left_out, 7);
	json_decref(document);
}

/* A pointer that is too long is cut between two characters. */
static void test_long_pointer(void **state)
{
	char key[3 * JSONR_POINTER_SIZE + 1] = "";
	struct jsonr_errors errors = { 0 };
	json_t *document = json_object();
	struct jsonr root, at;
	size_t size;

	for (size_t i = 0; i < JSONR_POINTER_SIZE; i++)
		memcpy(key + 3 * i, "ở", sizeof("ở"));
	json_object_set_new(document, key, json_null());
	jsonr_root(&root, document, &errors);
	at = jsonr_member(&root, key);
	jsonr_fail(&at, JSONR_UNKNOWN, 0, 0);
	size = strlen(errors.items[0].pointer);
	assert_true(size > JSONR_POINTER_SIZE - 8 && size < JSONR_POINTER_SIZE);
	assert_int_equal((size - 1) % 3, 0);
	json_decref(document);
}

static void test_write(void **state)
{
	static const struct {
		const char *text;
		size_t depth_max;
		const char *written;
	} lines[] = {
		{ "[1, -2.5, \"\u1ebf\", true, false, null, {\"a\": {}}]", 3,
			"[1,-2.5,\"ế\",true,false,null,{\"a\":{}}]" },
		{ "[[1],{\"a\":2},3]", 1, "[null,null,3]" },
		{ "{\"a\":[[1]]}", 2, "{\"a\":[null]}" },
		{ "17", 0, "17" },
		{ "[]", 0, "null" },
		{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", JSONW_DEPTH_MAX,
			"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[null]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]" },
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		json_t *value = json_loads(lines[i].text, JSON_DECODE_ANY, NULL);
		struct jsonw json;
		struct bytes text;

		assert_non_null(value);
		jsonw_init(&json, 4096);
		jsonr_write(value, lines[i].depth_max, &json);
		assert_int_equal(jsonw_text(&json, &text), 0);
		assert_string_equal((const char *)text.ptr, lines[i].written);
		jsonw_done(&json);
		json_decref(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_default_limits),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_errors_are_collected),
		cmocka_unit_test(test_long_pointer),
		cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
