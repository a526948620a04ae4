// SPDX-License-Identifier: Apache-2.0
/* JSON, forms and cookies. */
#include "gate/body/testbody.h"

struct json_case {
	const char *body;
	const char *told;
	const char *error; /* behind the prefix */
};

static const struct json_case json_cases[] = {
	{ "", "", NULL },
	{ "{}", "", NULL },
	{ " [] ", "", NULL },
	{ "\"x\"", "json=x|", NULL },
	{ "12.50e3", "json=12.50e3|", NULL },
	{ "{\"foo\":\"bar\", \"mod\" : \"sec\"}", "json.foo=bar|json.mod=sec|", NULL },
	{ "{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":true,\"d\":false}",
		"json.a.b.array_0=1|json.a.b.array_1=2|json.a.b.array_2.c=|json.d=true|json.d=false|", NULL },
	{ "{\"a\":[],\"b\":{},\"c\":[[1],[2,[3]],{\"d\":1},4]}",
		"json.c.array_0.array_0=1|json.c.array_1.array_0=2|json.c.array_1.array_1.array_0=3|json.c.array_2.d=1|"
		"json.c.array_3=4|",
		NULL },
	{ "[[],1,{},2]", "json.array_1=1|json.array_3=2|", NULL },
	{ "{\"\":1,\"b\":{\"\":[1]}}", "json.empty-key=1|json.b.empty-key.array_0=1|", NULL },
	{ "{\"k.x\":{\"y z\":\"\\/\\b\\f\\t\\\"\\\\\"}}", "json.k.x.y z=/\b\f\t\"\\|", NULL },
	{ "[\"\\u1ebf\\ud83d\\ude00\\u00e9A\\u0041\"]", "json.array_0=ế😀éAA|", NULL },
	{ "[\"\\ud800x\",\"\\ud800\"]", "json.array_0=?x|json.array_1=?|", NULL },
	{ "[\"abcdefgh\xe1\xba\xbf\"]", "json.array_0=abcdefghế|", NULL },
	{ "[-0, 1E+5, -1.5e-3]", "json.array_0=-0|json.array_1=1E+5|json.array_2=-1.5e-3|", NULL },
	{ "[[[[[1]]]]]", "json.array_0.array_0.array_0.array_0.array_0=1|", NULL },
	{ "[[[[[[1]]]]]]", "",
		"parse error: client cancelled parse via callback return value\n. Parsing depth limit exceeded" },
	{ "   ", "", "parse error: premature EOF\n" },
	{ "[1,2", "json.array_0=1|json.array_1=2|", "parse error: premature EOF\n" },
	{ "{\"a\":1", "json.a=1|", "parse error: premature EOF\n" },
	{ "{\"a", "", "parse error: premature EOF\n" },
	{ "{\"a\":", "", "parse error: premature EOF\n" },
	{ "{\"a\":1}}", "json.a=1|", "parse error: trailing garbage\n" },
	{ "1 x", "json=1|", "parse error: trailing garbage\n" },
	{ "{\"a\":1,}", "json.a=1|", "parse error: invalid object key (must be a string)\n" },
	{ "{1:2}", "", "parse error: invalid object key (must be a string)\n" },
	{ "{\"a\" 1}", "", "parse error: object key and value must be separated by a colon (':')\n" },
	{ "{\"a\":1 2}", "json.a=1|", "parse error: after key and value, inside map, I expect ',' or '}'\n" },
	{ "[01]", "json.array_0=0|", "parse error: after array element, I expect ',' or ']'\n" },
	{ "[1}", "json.array_0=1|", "parse error: after array element, I expect ',' or ']'\n" },
	{ "]", "", "parse error: unallowed token at this point in JSON text\n" },
	{ "[1,]", "json.array_0=1|", "parse error: unallowed token at this point in JSON text\n" },
	{ "{\"a\":}", "", "parse error: unallowed token at this point in JSON text\n" },
	{ "{a:1}", "", "lexical error: invalid char in json text.\n" },
	{ "a", "", "lexical error: invalid char in json text.\n" },
	{ "\xef\xbb\xbf[1]", "", "lexical error: invalid char in json text.\n" },
	{ "tru", "", "lexical error: invalid string in json text.\n" },
	{ "[nulL]", "", "lexical error: invalid string in json text.\n" },
	{ "/* c */ [1]", "", "lexical error: probable comment found in input text, comments are not enabled.\n" },
	{ "[\"\x01\"]", "", "lexical error: invalid character inside string.\n" },
	{ "[\"0123456\x1f\"]", "", "lexical error: invalid character inside string.\n" },
	{ "[\"\xff\"]", "", "lexical error: invalid bytes in UTF8 string.\n" },
	{ "[\"\xc3(\"]", "", "lexical error: invalid bytes in UTF8 string.\n" },
	{ "[\"\\u12\"]", "", "lexical error: invalid (non-hex) character occurs after '\\u' inside string.\n" },
	{ "[\"\\q\"]", "", "lexical error: inside a string, '\\' occurs before a character which it may not.\n" },
	{ "[-]", "", "lexical error: malformed number, a digit is required after the minus sign.\n" },
	{ "[1.]", "", "lexical error: malformed number, a digit is required after the decimal point.\n" },
	{ "[1e+]", "", "lexical error: malformed number, a digit is required after the exponent.\n" },
};

static void json_becomes_arguments(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(json_cases) * ARRAY_COUNT(feedings); i++) {
		const struct json_case *test = &json_cases[i / ARRAY_COUNT(feedings)];
		struct outcome outcome = { 0 };

		run(BODY_JSON, "", bytes_from_str(test->body), &default_limits, &feedings[i % ARRAY_COUNT(feedings)],
			false, &outcome);
		assert_string_equal(outcome.talk.text, test->told);
		assert_int_equal(outcome.result.error, test->error != NULL);
		if (test->error) {
			assert_memory_equal(outcome.result.message, "JSON parsing error: ", 20);
			assert_string_equal(outcome.result.message + 20, test->error);
		}
	}
}

static void json_that_is_cut_is_no_error(void **state)
{
	static const char *const bodies[] = { "[1,2", "{\"a\":\"b", "{\"a\":tru", "[1.", "[\"\\u00", "[-" };
	struct outcome outcome = { 0 };

	for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
		run(BODY_JSON, "", bytes_from_str(bodies[i]), &default_limits, &feedings[0], true, &outcome);
		assert_false(outcome.result.error);
		run(BODY_JSON, "", bytes_from_str(bodies[i]), &default_limits, &feedings[0], false, &outcome);
		assert_true(outcome.result.error);
	}
	run(BODY_JSON, "", bytes_from_str("[x,1"), &default_limits, &feedings[0], true, &outcome);
	assert_true(outcome.result.error);
}

static void arguments_have_a_limit(void **state)
{
	static const struct body_limits limits = { .args_max = 2 };
	static const struct {
		enum body_kind kind;
		const char *body;
		const char *told;
		bool error;
	} cases[] = {
		{ BODY_JSON, "[1,2,3,4]", "json.array_0=1|json.array_1=2|", true },
		{ BODY_URLENCODED, "a=1&b=2&c=3", "a=1|b=2|", false },
		{ BODY_MULTIPART,
			"--0000" NL CD "a" NL NL "1" NL "--0000" NL CD "b" NL NL "2" NL "--0000" NL CD "c" NL NL
			"3" LAST,
			"a=1|b=2|", false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct outcome outcome = { 0 };

		run(cases[i].kind, CT, bytes_from_str(cases[i].body), &limits, &feedings[0], false, &outcome);
		assert_string_equal(outcome.talk.text, cases[i].told);
		assert_true(outcome.result.args_over);
		assert_int_equal(outcome.result.error, cases[i].error);
	}
}

/* A long path and many values: the names would be 10,000 times the body. */
static void json_names_do_not_explode(void **state)
{
	static const struct body_limits limits = { .args_max = UINT32_MAX };
	const struct body_sink sink = { 0 };
	size_t size = 300000;
	char *body = malloc(size);
	struct body_parser *parser;
	struct arena arena;

	assert_non_null(body);
	memset(body, 'k', size);
	for (size_t i = 0; i < 2; i++)
		body[i] = "{\""[i];
	for (size_t i = size / 2; i < size; i++)
		body[i] = i < size / 2 + 4 ? "\":[1"[i - size / 2] : ",1"[i % 2];
	arena_init(&arena, SIZE_MAX);
	assert_int_equal(body_new(BODY_JSON, bytes_from_str(""), &limits, &sink, &arena, &parser), 0);
	body_feed(parser, bytes_of(body, size), true);
	assert_true(body_end(parser, false)->out_of_memory);
	assert_true(body_end(parser, false)->error);
	assert_true(arena_taken(&arena) < 80 * size);
	body_free(parser);
	arena_done(&arena);
	free(body);
}

static const struct {
	const char *body;
	const char *told;
	bool error;
} form_cases[] = {
	{ "", "", false },
	{ "a=1&b=2", "a=1|b=2|", false },
	{ "a&b=&=c&&=&x", "a=|b=|=c|=|=|x=|", false },
	{ "a=%41+%4&b=%zz%4&c=%", "a=A %4|b=%zz%4|c=%|", true },
	{ "a+b=c%3dd=e", "a b=c=d=e|", false },
	{ "%61=%62&", "a=b|", false },
	{ ";a=1;b=2", ";a=1;b=2|", false },
	{ "a=%u0041", "a=%u0041|", true },
	{ "a=%%41", "a=%A|", true },
	{ "&", "=|", false },
	{ "=", "=|", false },
	{ "a==b", "a==b|", false },
	{ "t=%E1%BA%BF", "t=ế|", false },
};

static void forms_are_decoded(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(form_cases) * ARRAY_COUNT(feedings); i++) {
		struct outcome outcome = { 0 };
		size_t at = i / ARRAY_COUNT(feedings);

		run(BODY_URLENCODED, "", bytes_from_str(form_cases[at].body), &default_limits,
			&feedings[i % ARRAY_COUNT(feedings)], false, &outcome);
		assert_string_equal(outcome.talk.text, form_cases[at].told);
		assert_int_equal(outcome.result.urlencoded_error, form_cases[at].error);
		assert_false(outcome.result.error);
	}
}

static void forms_have_other_separators(void **state)
{
	const struct body_limits limits = { .args_max = 10, .separator = ';' };
	struct talk talk = { 0 };
	struct body_sink sink = sink_of(&talk);
	struct arena arena;
	bool error;

	arena_init(&arena, 4096);
	assert_int_equal(body_urlencoded(bytes_from_str("a=1;b=2&c"), &limits, &sink, &arena, &error), 2);
	assert_string_equal(talk.text, "a=1|b=2&c|");
	assert_false(error);
	arena_done(&arena);
}

/* Views that need no decoding point into the query string. */
static void plain_values_are_not_copied(void **state)
{
	struct talk talk = { 0 };
	struct body_sink sink = sink_of(&talk);
	struct arena arena;
	bool error;

	arena_init(&arena, 4096);
	assert_int_equal(body_urlencoded(bytes_from_str("a=1&b=2"), &default_limits, &sink, &arena, &error), 2);
	assert_int_equal(arena_taken(&arena), 0);
	assert_int_equal(body_urlencoded(bytes_from_str("a=%31"), &default_limits, &sink, &arena, &error), 1);
	assert_true(arena_taken(&arena) > 0);
	arena_done(&arena);
}

static void cookies_are_split(void **state)
{
	static const char *const cases[][2] = {
		{ "a=1; b=2", "a=1|b=2|" },
		{ "a=1;b=2;c", "a=1|b=2|c=|" },
		{ " a = 1 ; b= 2 ;c =3; =d; e= ;;f=g=h", "a = 1 |b= 2 |c =3|e= |f=g=h|" },
		{ "a=\"1;2\"; b=%41", "a=\"1|2\"=|b=%41|" },
		{ "$Version=1; a=b", "$Version=1|a=b|" },
		{ "=", "" },
		{ "", "" },
		{ "; a=1;", "a=1|" },
		{ "a=1;  b=2;\tc=3", "a=1|b=2|c=3|" },
		{ "a=1,b=2", "a=1,b=2|" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct talk talk = { 0 };
		struct body_sink sink = sink_of(&talk);
		struct arena arena;

		arena_init(&arena, 4096);
		body_cookies(bytes_from_str(cases[i][0]), &sink, &arena);
		assert_string_equal(talk.text, cases[i][1]);
		arena_done(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_becomes_arguments),
		cmocka_unit_test(json_that_is_cut_is_no_error),
		cmocka_unit_test(arguments_have_a_limit),
		cmocka_unit_test(json_names_do_not_explode),
		cmocka_unit_test(forms_are_decoded),
		cmocka_unit_test(forms_have_other_separators),
		cmocka_unit_test(plain_values_are_not_copied),
		cmocka_unit_test(cookies_are_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
