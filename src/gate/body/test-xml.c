// SPDX-License-Identifier: Apache-2.0
/* XML: which text an expression gives, what is an error, and what hostile documents cost. */
#include "gate/body/testbody.h"

#include <time.h>

static void on_text(void *context, struct bytes text)
{
	struct talk *talk = context;

	/* Long ones by their size. */
	if (text.size > 1000)
		say(talk, "%zu bytes|", text.size);
	else
		say(talk, "%.*s|", TEXT(text));
}

struct xml_case {
	const char *body;
	const char *expression;
	const char *told;
	bool error;
};

static const struct xml_case cases[] = {
	{ "<?xml version=\"1.0\"?><a x=\"1\" y=\"2\"><b>t1</b>zz<c>t2<d q=\"7\">t3</d></c></a>", "/*", "t1zzt2t3|",
		false },
	{ "<?xml version=\"1.0\"?><a x=\"1\" y=\"2\"><b>t1</b>zz<c>t2<d q=\"7\">t3</d></c></a>", "//@*", "1|2|7|",
		false },
	{ "<a x=\"1\">t<!-- c --><![CDATA[cd]]>&lt;&#65;<?pi data?></a>", "/*", "tcd<A|", false },
	{ "<a x=\"1\">t<!-- c --><![CDATA[cd]]>&lt;&#65;<?pi data?></a>", "//text()", "t|cd|<A|", false },
	{ "<a x=\"1\">t<!-- c --></a>", "//comment()", " c |", false },
	{ "<a> <b> q </b> </a>", "/*", "  q  |", false },
	{ "<a/>", "/*", "|", false },
	{ "<b><t>aaa</t><t>bbb</t></b>", "//b/*[local-name()='t']", "aaa|bbb|", false },
	{ "<a xmlns=\"urn:x\" xmlns:p=\"urn:p\"><p:b p:c=\"1\">2</p:b></a>", "//q:b", "2|", false },
	{ "<a xmlns=\"urn:x\" xmlns:p=\"urn:p\"><p:b p:c=\"1\">2</p:b></a>", "//r:a/q:b/@q:c", "1|", false },
	{ "<a/>", "count(//*)", "", false },
	/* Entities: those of the document give their text, others nothing, and no file is read. */
	{ "<!DOCTYPE a [<!ENTITY e \"EE\">]><a y=\"&e;\">x&e;y</a>", "/*", "xEEy|", false },
	{ "<!DOCTYPE a [<!ENTITY e \"EE\">]><a y=\"&e;\">x&e;y</a>", "//@*", "EE|", false },
	{ "<!DOCTYPE a [<!ENTITY x \"v1\"><!ENTITY y \"&x;&x;\">]><a>&y;&y;</a>", "/*", "v1v1v1v1|", false },
	{ "<!DOCTYPE a [<!ENTITY e SYSTEM \"/etc/passwd\">]><a>x&e;y</a>", "/*", "xy|", false },
	{ "<!DOCTYPE a [<!ENTITY % e SYSTEM \"/etc/passwd\"> %e;]><a>xy</a>", "/*", "xy|", false },
	{ "<!DOCTYPE a SYSTEM \"http://127.0.0.1:1/x.dtd\"><a>x&nbsp;y</a>", "/*", "xy|", false },
	/* What can be read of a broken document is shown. */
	{ "<a>t<b></a>", "/*", "t|", true },
	{ "<ab>", "/*", "|", true },
	{ "<a/>trail", "/*", "|", true },
	{ "<a>x&nbsp;y</a>", "/*", "x|", true },
	{ "not xml", "/*", "", true },
	{ "", "/*", "", true },
	{ "<a>\xff</a>", "/*", "|", true },
};

static void look(
	struct bytes body, const struct feeding *feeding, const char *expression, struct talk *talk, bool *ret_error)
{
	const struct body_sink sink = { 0 };
	const struct body_result *result;
	struct body_parser *parser;
	struct arena arena;

	arena_init(&arena, ARENA_SIZE);
	assert_int_equal(body_new(BODY_XML, bytes_from_str(""), &default_limits, &sink, &arena, &parser), 0);
	feed(parser, body, feeding);
	result = body_end(parser, false);
	*ret_error = result->error;
	assert_string_equal(result->message, result->error ? "XML parsing error: XML: Failed parsing document." : "");
	assert_int_equal(body_xpath(result->xml, bytes_from_str(expression), bytes_from_str("q=urn:p  r=urn:x"), &arena,
				 on_text, talk),
		0);
	body_free(parser);
	arena_done(&arena);
}

static void expressions_find_text(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(cases) * ARRAY_COUNT(feedings); i++) {
		const struct xml_case *test = &cases[i / ARRAY_COUNT(feedings)];
		struct talk talk = { 0 };
		bool error;

		look(bytes_from_str(test->body), &feedings[i % ARRAY_COUNT(feedings)], test->expression, &talk, &error);
		assert_string_equal(talk.text, test->told);
		assert_int_equal(error, test->error);
	}
}

static void broken_expressions_are_refused(void **state)
{
	const struct body_sink sink = { 0 };
	struct talk talk = { 0 };
	struct body_parser *parser;
	struct arena arena;
	void *xml;

	arena_init(&arena, ARENA_SIZE);
	assert_int_equal(body_new(BODY_XML, bytes_from_str(""), &default_limits, &sink, &arena, &parser), 0);
	body_feed(parser, bytes_from_str("<a/>"), true);
	xml = body_end(parser, false)->xml;
	assert_non_null(xml);
	assert_int_equal(
		body_xpath(xml, bytes_from_str("/["), bytes_from_str(""), &arena, on_text, &talk), LUYTRE_E_SYNTAX);
	assert_int_equal(body_xpath(xml, bytes_from_str("//z:a"), bytes_from_str("q=urn:p"), &arena, on_text, &talk),
		LUYTRE_E_SYNTAX);
	assert_string_equal(talk.text, "");
	body_free(parser);
	arena_done(&arena);
}

/* Each entity ten times the one before: 10 GB of text in all. */
static void entity_bombs_are_bounded(void **state)
{
	char body[4096];
	size_t size = (size_t)snprintf(body, sizeof(body), "<!DOCTYPE a [<!ENTITY e0 \"0123456789\">");
	struct talk talk = { 0 };
	clock_t start = clock();
	bool error;

	for (int i = 1; i < 10; i++) {
		size += (size_t)snprintf(body + size, sizeof(body) - size, "<!ENTITY e%d \"", i);
		for (int j = 0; j < 10; j++)
			size += (size_t)snprintf(body + size, sizeof(body) - size, "&e%d;", i - 1);
		size += (size_t)snprintf(body + size, sizeof(body) - size, "\">");
	}
	size += (size_t)snprintf(body + size, sizeof(body) - size, "]><a b=\"&e9;\">&e9;</a>");
	look(bytes_of(body, size), &feedings[0], "/*|//@*", &talk, &error);
	assert_true(clock() - start < CLOCKS_PER_SEC);
	/* Told or refused, but never all of it. */
	assert_true(error || strstr(talk.text, "bytes|"));
}

static void deep_documents_are_bounded(void **state)
{
	size_t depth = 100000;
	char *body = malloc(depth * 3);
	struct talk talk = { 0 };
	bool error;

	assert_non_null(body);
	for (size_t i = 0; i < depth * 3; i++)
		body[i] = "<a>"[i % 3];
	look(bytes_of(body, depth * 3), &feedings[0], "/*", &talk, &error);
	assert_true(error);
	free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_find_text),
		cmocka_unit_test(broken_expressions_are_refused),
		cmocka_unit_test(entity_bombs_are_bounded),
		cmocka_unit_test(deep_documents_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
