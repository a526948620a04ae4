// SPDX-License-Identifier: Apache-2.0
#include "gate/operator/operator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include <libxml/parser.h>
#include "base/error.h"

/* What each test works with. */
struct fixture {
	struct match_scratch *scratch;
	struct arena arena;
	char folder[32], rules[64];
	struct operator_call call; /* of the last ask() */
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->scratch = match_scratch_new();
	assert_non_null(fixture->scratch);
	arena_init(&fixture->arena, 1 << 20);
	strcpy(fixture->folder, "/tmp/test-operator-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->rules, sizeof(fixture->rules), "%s/rules.conf", fixture->folder);
	*state = fixture;
	return 0;
}

static void path_of(const struct fixture *fixture, const char *name, char ret[64])
{
	snprintf(ret, 64, "%s/%s", fixture->folder, name);
}

static int tear_down(void **state)
{
	static const char *const names[] = { "a.data", "b.data", "bad.data", "s.xsd", "bad.xsd", "s.dtd", "s.json",
		"bad.json" };
	struct fixture *fixture = *state;
	char path[64];

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		path_of(fixture, names[i], path);
		(void)unlink(path);
	}
	assert_int_equal(rmdir(fixture->folder), 0);
	match_scratch_free(fixture->scratch);
	arena_done(&fixture->arena);
	free(fixture);
	return 0;
}

static void write_file(const struct fixture *fixture, const char *name, const char *text)
{
	char path[64];
	FILE *file;

	path_of(fixture, name, path);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int compile(const struct fixture *fixture, const char *name, const char *parameter,
	char message[OPERATOR_MESSAGE_SIZE], void **ret)
{
	struct operator_setup setup = { .file = fixture->rules };
	const struct operator* operator= operator_find(bytes_from_str(name));

	assert_non_null(operator);
	*ret = NULL;
	return operator->compile ? operator->compile(&setup, bytes_from_str(parameter), message, ret) : 0;
}

/* Compiles and matches; the call is kept. */
static bool ask_with(struct fixture *fixture, const char *name, const char *parameter, struct bytes value)
{
	const struct operator* operator= operator_find(bytes_from_str(name));
	char message[OPERATOR_MESSAGE_SIZE];
	void *compiled;
	bool matched;

	fixture->call.scratch = fixture->scratch;
	fixture->call.arena = &fixture->arena;
	if (compile(fixture, name, parameter, message, &compiled) < 0)
		fail_msg("@%s %s: %s", name, parameter, message);
	assert_int_equal(operator_prepare(operator, compiled, fixture->scratch), 0);
	matched = operator->match(compiled, bytes_from_str(parameter), value, &fixture->call);
	if (operator->free)
		operator->free(compiled);
	return matched;
}

static bool ask(struct fixture *fixture, const char *name, const char *parameter, const char *value)
{
	fixture->call = (struct operator_call){ .capture = true };
	return ask_with(fixture, name, parameter, bytes_from_str(value));
}

static void answers_are_those_of_the_manual(void **state)
{
	static const struct {
		const char *name, *parameter, *value;
		bool wanted;
	} cases[] = {
		{ "beginsWith", "GET", "GET /", true },
		{ "beginsWith", "GET", "get /", false },
		{ "beginsWith", "GET", "GE", false },
		{ "endsWith", ".php", "/a.php", true },
		{ "endsWith", ".php", "php", false },
		{ "contains", "b", "abc", true },
		{ "contains", "B", "abc", false },
		{ "contains", "", "", true },
		{ "strmatch", "bc", "abc", true },
		{ "containsWord", "foo", "a foo b", true },
		{ "containsWord", "foo", "xfoo foo1", true },
		{ "containsWord", "foo", "foox xfoo", false },
		{ "streq", "a", "a", true },
		{ "streq", "a", "aa", false },
		{ "within", "GET POST", "POST", true },
		{ "within", "GET POST", "PUT", false },
		{ "within", "GET POST", "", true },
		{ "eq", "5", " +5x", true },
		{ "eq", "x", "0", true },
		{ "eq", "99999999999999999999", "99999999999999999998", true },
		{ "gt", "5", "6", true },
		{ "gt", "-1", "-2", false },
		{ "ge", "5", "5", true },
		{ "le", "5", "6", false },
		{ "lt", "-99999999999999999999", "1", false },
		{ "noMatch", "", "x", false },
		{ "unconditionalMatch", "", "", true },
		{ "validateByteRange", "10, 13, 32-126", "abc\n", false },
		{ "validateByteRange", "10, 13, 32-126", "twenty bytes or more \x7f", true },
		{ "validateByteRange", "10, 13, 32-126", "\xc3\xa9", true },
		{ "validateByteRange", "1-255", "sixteen bytes \xff\xfe\x80", false },
		{ "validateByteRange", "", "a", true },
		{ "validateUrlEncoding", "", "a%20%zz", true },
		{ "validateUrlEncoding", "", "a%20%2", true },
		{ "validateUrlEncoding", "", "a%20%2f", false },
		{ "validateUtf8Encoding", "", "ti\xe1\xba\xbfng Vi\xe1\xbb\x87t", false },
		{ "validateUtf8Encoding", "", "a\xc0\xaf", true },
		{ "validateUtf8Encoding", "", "\xed\xa0\x80", true },
		{ "validateUtf8Encoding", "", "\xf4\x90\x80\x80", true },
		{ "validateUtf8Encoding", "", "\xe2\x82", true },
		{ "verifyCC", "\\d{13,16}", "no. 4111111111111111", true },
		{ "verifyCC", "\\b\\d{13,16}\\b", "4111111111111112", false },
		{ "verifyCC", "[\\d-]{19}", "5484-6050-8915-8216", true },
		{ "verifyCPF", "\\d{11}", "12345678909", true },
		{ "verifyCPF", "\\d{11}", "11111111111", false },
		{ "verifyCPF", "[\\d.-]{14}", "x 010.817.514-60", true },
		{ "verifySSN", "\\d{3}-\\d{2}-\\d{4}", "219-09-9999", true },
		{ "verifySSN", "\\d{9}", "123456789", false },
		{ "verifySSN", "\\d{9}", "666123456", false },
		{ "verifySVNR", "\\d{4} ?\\d{6}", "1237 010180", true },
		{ "verifySVNR", "\\d{10}", "1238010180", false },
		{ "nids", "cl [\\d.]+-[\\dkK]", "11.111.111-1", true },
		{ "nids", "cl [\\d.]+-[\\dkK]", "11.111.111-2", false },
		{ "validateNid", "cl [\\d.]+-[\\dkK]", "1.000.005-k", true },
		{ "validateNid", "us [\\d-]+", "000-09-9999", false },
		{ "ipMatch", "10.0.0.0/8, 192.168.1.5,2001:db8::/32", "10.255.1.1", true },
		{ "ipMatch", "10.0.0.0/8,10.1.0.0/16,10.2.0.0/16", "10.200.0.1", true },
		{ "ipMatch", "10.0.0.0/8,192.168.1.5", "192.168.1.6", false },
		{ "ipMatch", "10.0.0.0/8,2001:db8::/32", "2001:db8:1::2", true },
		{ "ipMatch", "10.0.0.0/8", "::ffff:10.0.0.1", false },
		{ "ipMatch", "10.0.0.0/8", "not an address", false },
		{ "ipMatch", "", "10.0.0.1", false },
		{ "rx", "a.c$", "A\na\nc", true },
		{ "rx", "^b", "a\nb", true },
		{ "rx", "(?i)ABC", "xabcx", true },
		{ "rx", "abc", "ab", false },
		{ "pm", "foo |41 42|c bar", "xxABCxx", true },
		{ "pm", "foo |4 bar", "|4", true },
		{ "pm", "a b c d e", "xxD", true },
		{ "pm", "a b c d e", "xx", false },
		{ "pm", "", "xx", false },
		{ "geoLookup", "", "10.0.0.1", false },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		if (ask(fixture, cases[i].name, cases[i].parameter, cases[i].value) != cases[i].wanted)
			fail_msg("@%s %s: %s", cases[i].name, cases[i].parameter, cases[i].value);
	}
}

static void assert_text(struct bytes found, const char *wanted)
{
	if (!bytes_equal_str(found, wanted))
		fail_msg("\"%.*s\" is not \"%s\"", (int)found.size, (const char *)found.ptr, wanted);
}

static void groups_are_captured(void **state)
{
	struct fixture *fixture = *state;
	const struct operator_call *call = &fixture->call;

	assert_true(ask(fixture, "rx", "(a)(x)?(b)", "zabz"));
	assert_int_equal(call->capture_count, 4);
	assert_text(call->captures[0], "ab");
	assert_text(call->captures[1], "a");
	assert_null(call->captures[2].ptr);
	assert_text(call->captures[3], "b");
	assert_text(call->matched, "ab");

	assert_true(ask(fixture, "rx", "(1)(2)(3)(4)(5)(6)(7)(8)(9)(a)(b)", "123456789ab"));
	assert_int_equal(call->capture_count, OPERATOR_CAPTURES_MAX);
	assert_text(call->captures[9], "9");

	/* Of several matches the last one stays. */
	assert_true(ask(fixture, "rxGlobal", "(.)=(.)", "a=1&b=2"));
	assert_text(call->captures[0], "b=2");
	assert_text(call->captures[1], "b");
	assert_text(call->captures[2], "2");
	assert_text(call->matched, "a=1");
	assert_true(ask(fixture, "rxGlobal", "x*", "aaa"));

	assert_true(ask(fixture, "verifyCC", "\\d{13,16}", "1234567890123 4111111111111111"));
	assert_text(call->captures[0], "4111111111111111");
	assert_true(ask(fixture, "contains", "b", "abc"));
	assert_text(call->captures[0], "b");

	fixture->call = (struct operator_call){ .capture = false };
	assert_true(ask_with(fixture, "rx", "(a)", bytes_from_str("a")));
	assert_int_equal(call->capture_count, 0);
}

/* The phrase that ends first, of those the longest; few phrases and many take different ways. */
static void the_first_and_longest_phrase_is_captured(void **state)
{
	static const struct {
		const char *phrases, *value, *wanted;
	} cases[] = { { "bc abcd b", "ABCD", "B" }, { "cd abcd", "xABCDx", "ABCD" },
		{ "cd abcd b1 b2 b3", "xABCDx", "ABCD" }, { "d abcde bc b2 b3", "abcde", "bc" },
		{ "script select union insert drop", "1 Union Select", "Union" } };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_true(ask(fixture, "pm", cases[i].phrases, cases[i].value));
		assert_text(fixture->call.captures[0], cases[i].wanted);
	}
}

static void collect(void *context, struct bytes literal)
{
	char *text = context;

	strncat(text, (const char *)literal.ptr, literal.size);
	strcat(text, ";");
}

static void lists_are_read_from_files(void **state)
{
	struct fixture *fixture = *state;
	const struct operator* operator= operator_find(bytes_from_str("pmFromFile"));
	char message[OPERATOR_MESSAGE_SIZE], text[100] = "";
	void *compiled;

	write_file(fixture, "a.data", "# comment\n\none two\r\n  \n|41|\nthree");
	write_file(fixture, "b.data", "10.0.0.0/8\n# x\n 2001:db8::1 \n");
	write_file(fixture, "bad.data", "10.0.0.0/8\nnonsense\n");
	assert_true(ask(fixture, "pmFromFile", "a.data", "x ONE TWO x"));
	assert_false(ask(fixture, "pmf", "a.data", "two one"));
	assert_true(ask(fixture, "pmf", "a.data", "|41|"));
	assert_true(ask(fixture, "pmf", "b.data a.data", "three"));
	assert_true(ask(fixture, "ipMatchFromFile", "b.data", "2001:db8::1"));
	assert_true(ask(fixture, "ipMatchF", "b.data", "10.1.1.1"));
	assert_false(ask(fixture, "ipMatchF", "b.data", "11.1.1.1"));

	assert_int_equal(compile(fixture, "pmf", "a.data", message, &compiled), 0);
	operator_literals(operator, compiled, collect, text);
	assert_string_equal(text, "one two;|41|;three;");
	operator->free(compiled);

	assert_int_equal(compile(fixture, "ipMatchF", "bad.data", message, &compiled), LUYTRE_E_SYNTAX);
	assert_non_null(strstr(message, "nonsense"));
	assert_int_equal(compile(fixture, "pmf", "missing.data", message, &compiled), LUYTRE_E_NOT_FOUND);
	assert_non_null(strstr(message, "missing.data"));
	assert_int_equal(compile(fixture, "pmf", "a.data missing.data", message, &compiled), LUYTRE_E_NOT_FOUND);
	assert_int_equal(compile(fixture, "ipMatchFromFile", "missing.data", message, &compiled), LUYTRE_E_NOT_FOUND);
}

static void bad_parameters_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char *name, *parameter;
		int error;
	} cases[] = {
		{ "rx", "a(b", LUYTRE_E_SYNTAX },
		{ "rxGlobal", "[", LUYTRE_E_SYNTAX },
		{ "verifyCC", "[", LUYTRE_E_SYNTAX },
		{ "nids", "vn \\d+", LUYTRE_E_SYNTAX },
		{ "nids", "cl [", LUYTRE_E_SYNTAX },
		{ "ipMatch", "10.0.0.0/33", LUYTRE_E_SYNTAX },
		{ "ipMatch", "10.0.0.1,,10.0.0.2", LUYTRE_E_SYNTAX },
		{ "validateByteRange", "1-300", LUYTRE_E_SYNTAX },
		{ "validateByteRange", "20-10", LUYTRE_E_SYNTAX },
		{ "validateByteRange", "1,x", LUYTRE_E_SYNTAX },
		{ "validateDTD", "missing.dtd", LUYTRE_E_NOT_FOUND },
		{ "validateSchema", "missing.xsd", LUYTRE_E_NOT_FOUND },
		{ "validateSchema", "missing.json", LUYTRE_E_NOT_FOUND },
		{ "fuzzyHash", "x 1", LUYTRE_E_UNSUPPORTED },
		{ "gsbLookup", "x", LUYTRE_E_UNSUPPORTED },
		{ "inspectFile", "/bin/true", LUYTRE_E_UNSUPPORTED },
		{ "rbl", "example.org", LUYTRE_E_UNSUPPORTED },
		{ "rsub", "s/a/b/", LUYTRE_E_UNSUPPORTED },
		{ "validateHash", "x", LUYTRE_E_UNSUPPORTED },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char message[OPERATOR_MESSAGE_SIZE] = "";
		void *compiled;

		assert_int_equal(
			compile(fixture, cases[i].name, cases[i].parameter, message, &compiled), cases[i].error);
		assert_true(strlen(message) > 5);
	}
}

static void a_limit_is_told(void **state)
{
	struct fixture *fixture = *state;
	char value[2000];

	memset(value, 'a', sizeof(value) - 1);
	value[sizeof(value) - 1] = 0;
	assert_false(ask(fixture, "rx", "(a+a+)+b|(x+x+)+y", value));
	assert_true(fixture->call.limit);
	assert_false(ask(fixture, "rx", "b", value));
	assert_false(fixture->call.limit);
}

/* A macro's text comes with the call. */
static void patterns_with_macros_are_compiled_late(void **state)
{
	struct fixture *fixture = *state;
	const struct operator* rx = operator_find(bytes_from_str("RX"));
	struct operator_call call = { .scratch = fixture->scratch, .arena = &fixture->arena };

	assert_true(rx->match(NULL, bytes_from_str("^a+$"), bytes_from_str("aaa"), &call));
	assert_false(rx->match(NULL, bytes_from_str("^b+$"), bytes_from_str("aaa"), &call));
	assert_false(rx->match(NULL, bytes_from_str("("), bytes_from_str("("), &call));
}

static void injections_are_captured(void **state)
{
	struct fixture *fixture = *state;

	assert_true(ask(fixture, "detectSQLi", "", "1' OR '1'='1"));
	assert_text(fixture->call.captures[0], "s&sos");
	assert_false(ask(fixture, "detectSQLi", "", "hello"));
	assert_true(ask(fixture, "detectXSS", "", "<script>alert(1)</script>"));
	assert_text(fixture->call.captures[0], "<script>alert(1)</script>");
	assert_false(ask(fixture, "detectXSS", "", "hello"));
}

static bool knows_one(void *context, struct bytes address)
{
	int *calls = context;

	(*calls)++;
	return bytes_equal_str(address, "192.0.2.1");
}

static void trace_last(void *context, const char *text)
{
	snprintf(context, 200, "%s", text);
}

static void places_are_looked_up_by_the_engine(void **state)
{
	static const struct operator_hooks hooks = { .geo_lookup = knows_one };
	struct fixture *fixture = *state;
	int calls = 0;

	fixture->call = (struct operator_call){ .hooks = &hooks, .hooks_context = &calls };
	assert_true(ask_with(fixture, "geoLookup", "", bytes_from_str("192.0.2.1")));
	assert_false(ask_with(fixture, "geoLookup", "", bytes_from_str("192.0.2.2")));
	assert_int_equal(calls, 2);
}

static bool ask_document(
	struct fixture *fixture, const char *name, const char *parameter, const char *document, char trace[200])
{
	static const struct operator_hooks hooks = { .trace = trace_last };
	xmlDocPtr xml = xmlReadMemory(document, (int)strlen(document), NULL, NULL, XML_PARSE_NOERROR | XML_PARSE_NONET);
	bool matched;

	fixture->call = (struct operator_call){ .xml = xml, .hooks = &hooks, .hooks_context = trace };
	matched = ask_with(fixture, name, parameter, (struct bytes){ 0 });
	xmlFreeDoc(xml);
	return matched;
}

static void documents_are_validated(void **state)
{
	struct fixture *fixture = *state;
	char message[OPERATOR_MESSAGE_SIZE], trace[200] = "";
	void *compiled;

	write_file(fixture, "s.dtd", "<!ELEMENT note (to)>\n<!ELEMENT to (#PCDATA)>\n");
	write_file(fixture, "s.xsd",
		"<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='age' type='xs:integer'/>"
		"</xs:schema>");
	write_file(fixture, "bad.xsd", "<no>schema");
	assert_false(ask_document(fixture, "validateDTD", "s.dtd", "<note><to>x</to></note>", trace));
	assert_string_equal(trace, "XML: Successfully validated payload against DTD.");
	assert_true(ask_document(fixture, "validateDTD", "s.dtd", "<note><from>x</from></note>", trace));
	assert_string_equal(trace, "XML: DTD validation failed.");
	assert_true(ask_document(fixture, "validateDTD", "s.dtd", "<note", trace));
	assert_false(ask_document(fixture, "validateSchema", "s.xsd", "<age>30</age>", trace));
	assert_true(ask_document(fixture, "validateSchema", "s.xsd", "<age>thirty</age>", trace));
	assert_string_equal(trace, "XML: Schema validation failed.");
	assert_true(ask_document(fixture, "validateSchema", "s.xsd", "", trace));
	assert_int_equal(compile(fixture, "validateSchema", "bad.xsd", message, &compiled), LUYTRE_E_SYNTAX);
	assert_non_null(strstr(message, "bad.xsd, line 1: "));
	write_file(fixture, "s.dtd", "<!ELEMENT note");
	assert_int_equal(compile(fixture, "validateDTD", "s.dtd", message, &compiled), LUYTRE_E_SYNTAX);
}

static void json_is_validated(void **state)
{
	static const struct {
		const char *value;
		bool wanted;
	} cases[] = {
		{ "{\"name\":\"a\",\"tags\":[\"x\",\"y\"],\"kind\":\"b\"}", false },
		{ "", false },
		{ "{\"name\":\"a\"", true },
		{ "[]", true },
		{ "{}", true },
		{ "{\"name\":1}", true },
		{ "{\"name\":\"\"}", true },
		{ "{\"name\":\"t\xc3\xaan\"}", false },
		{ "{\"name\":\"abcd\"}", true },
		{ "{\"name\":\"a\",\"age\":-1}", true },
		{ "{\"name\":\"a\",\"age\":200}", true },
		{ "{\"name\":\"a\",\"age\":1.5}", true },
		{ "{\"name\":\"a\",\"tags\":[]}", true },
		{ "{\"name\":\"a\",\"tags\":[1]}", true },
		{ "{\"name\":\"a\",\"tags\":[\"a\",\"b\",\"c\"]}", true },
		{ "{\"name\":\"a\",\"kind\":\"c\"}", true },
		{ "{\"name\":\"a\",\"more\":1}", true },
		{ "{\"name\":\"a\",\"version\":2}", true },
		{ "{\"name\":\"a\",\"version\":1}", false },
		{ "{\"name\":\"a\",\"note\":null}", false },
		{ "{\"name\":\"a\",\"note\":true}", true },
	};
	static const char *const bad[] = { "{", "[]", "{\"type\":\"text\"}", "{\"pattern\":\"x\"}",
		"{\"minLength\":-1}", "{\"properties\":{\"a\":1}}", "{\"items\":{\"oneOf\":[]}}",
		"{\"required\":[1]}" };
	struct fixture *fixture = *state;

	write_file(fixture, "s.json",
		"{\"$schema\":\"x\",\"type\":\"object\",\"required\":[\"name\"],\"additionalProperties\":false,"
		"\"properties\":{\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":3},"
		"\"age\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":150},"
		"\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":1,\"maxItems\":2},"
		"\"kind\":{\"enum\":[\"a\",\"b\"]},\"version\":{\"const\":1},\"note\":{\"type\":[\"string\",\"null\"]}}"
		"}");
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		if (ask(fixture, "validateSchema", "s.json", cases[i].value) != cases[i].wanted)
			fail_msg("%s", cases[i].value);
	}
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		char message[OPERATOR_MESSAGE_SIZE] = "";
		void *compiled;

		write_file(fixture, "bad.json", bad[i]);
		assert_true(compile(fixture, "validateSchema", "bad.json", message, &compiled) < 0);
		assert_true(strlen(message) > 5);
	}
}

static void the_table_is_complete(void **state)
{
	assert_null(operator_find(bytes_from_str("")));
	assert_null(operator_find(bytes_from_str("@rx")));
	for (size_t i = 0; i < operator_count; i++) {
		assert_ptr_equal(operator_find(bytes_from_str(operators[i].name)), &operators[i]);
		assert_non_null(operators[i].match);
		/* What is compiled is freed, unless it is refused. */
		assert_true(!operators[i].compile || operators[i].free || operators[i].flags == OPERATOR_NO_MACRO);
	}
	assert_int_equal(operator_number(bytes_from_str("-99999999999999999999")), INT64_MIN);
	assert_int_equal(operator_number(bytes_from_str(" \t12a")), 12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(answers_are_those_of_the_manual),
		TEST(groups_are_captured),
		TEST(the_first_and_longest_phrase_is_captured),
		TEST(lists_are_read_from_files),
		TEST(bad_parameters_are_refused_with_a_reason),
		TEST(a_limit_is_told),
		TEST(patterns_with_macros_are_compiled_late),
		TEST(injections_are_captured),
		TEST(places_are_looked_up_by_the_engine),
		TEST(documents_are_validated),
		TEST(json_is_validated),
		TEST(the_table_is_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
