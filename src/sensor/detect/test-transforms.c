// SPDX-License-Identifier: Apache-2.0
/* Transforms as rules write them: the chain of a rule, an input, what comes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "sensor/detect/base64.h"
#include "sensor/detect/suffix.h"
#include "sensor/detect/testrules.h"
#include "sensor/rules/keyword.h"

struct transform_case {
	const char *chain;
	const char *in;
	size_t in_size;
	const char *out;
	size_t out_size;
};

#define GIVES(chain, in, out)                                                                                          \
	{                                                                                                              \
		chain, in, sizeof(in) - 1, out, sizeof(out) - 1                                                        \
	}

static const struct transform_case cases[] = {
	GIVES("strip_whitespace;", " a\tb\r\n c\v\f", "abc"),
	GIVES("strip_whitespace;", "", ""),
	GIVES("compress_whitespace;", " \t a  b\r\n c", " a b\rc"),
	GIVES("to_lowercase;", "AbZ[@1", "abz[@1"),
	GIVES("to_uppercase;", "aBz{`1", "ABZ{`1"),
	GIVES("to_md5;", "abc", "\x90\x01\x50\x98\x3c\xd2\x4f\xb0\xd6\x96\x3f\x7d\x28\xe1\x7f\x72"),
	GIVES("to_sha1;", "abc", "\xa9\x99\x3e\x36\x47\x06\x81\x6a\xba\x3e\x25\x71\x78\x50\xc2\x6c\x9c\xd0\xd8\x9d"),
	GIVES("to_sha256;", "abc",
		"\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
		"\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad"),
	GIVES("url_decode;", "a%41+%2b%zz%4", "aA +%zz%4"),
	GIVES("url_decode;", "%", "%"),
	GIVES("dotprefix;", "example.com", ".example.com"),
	GIVES("dotprefix;", "", "."),
	GIVES("header_lowercase;", "Host: AbC\r\nX-Y: Z:Q\r\n", "host: AbC\r\nx-y: Z:Q\r\n"),
	GIVES("strip_pseudo_headers;", "\r\n:method\r\n:path\r\nhost\r\n\r\n", "\r\nhost\r\n\r\n"),
	GIVES("pcrexform:\"a(.*)c\";", "xabbcx", "bb"),
	GIVES("pcrexform:\"a.*c\";", "xabbcx", "xabbcx"),
	GIVES("pcrexform:\"q(.*)c\";", "xabbcx", "xabbcx"),
	GIVES("xor:\"0d0ac8ff\";", "\x0d\x0a\xc8\xff\x4c", "\x00\x00\x00\x00\x41"),
	GIVES("from_base64;", "aGVsbG8=", "hello"),
	GIVES("from_base64;", "aGVs*bG8=", "hel"),
	GIVES("from_base64: mode rfc2045;", "aGVs*b\r\nG8=", "hello"),
	GIVES("from_base64: mode strict;", "aGVs*bG8=", "aGVs*bG8="),
	GIVES("from_base64: offset 2, bytes 4;", "xxaGVsbG8=", "hel"),
	GIVES("from_base64: offset 200;", "aGVsbG8=", "aGVsbG8="),
	GIVES("from_base64;", "***", "***"),
	GIVES("gunzip;", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x4c\x4a\x06\x00\xc2\x41\x24\x35\x03\x00\x00\x00",
		"abc"),
	GIVES("gunzip: max-size 2;",
		"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x4c\x4a\x06\x00\xc2\x41\x24\x35\x03\x00\x00\x00", "ab"),
	GIVES("gunzip;", "abc", "abc"),
	GIVES("zlib_deflate;", "\x78\x9c\x4b\x4c\x4a\x06\x00\x02\x4d\x01\x27", "abc"),
	GIVES("url_decode; to_uppercase; dotprefix;", "a%62c", ".ABC"),
};

static void open_chain(struct test_rules *test, const char *chain)
{
	char rule[512];

	snprintf(rule, sizeof(rule), "alert http any any -> any any (http.uri; %s content:\"1\"; sid:1;)\n", chain);
	if (!test_rules_open(test, rule, false))
		fail_msg("refused: %s", rule);
}

static void test_chains(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct transform_case *c = &cases[i];
		const struct policy_transform_set *chain;
		struct bytes result = bytes_of(c->in, c->in_size);
		struct test_rules test;

		open_chain(&test, c->chain);
		chain = &test.policy->transform_sets[1];
		for (uint8_t k = 0; k < chain->count; k++)
			assert_true(chain->items[k]->run(test.context, chain->items[k], result, &result));
		if (!bytes_equal(result, bytes_of(c->out, c->out_size)))
			fail_msg("%s gives \"%.*s\"", c->chain, (int)result.size, (const char *)result.ptr);
		test_rules_close(&test);
	}
}

/* Every input cut short at every place: nothing beyond it is read, and there is an answer. */
static void test_cut(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct test_rules test;

		open_chain(&test, cases[i].chain);
		for (size_t size = 0; size < cases[i].in_size; size++) {
			uint8_t *copy = malloc(size + 1);
			const struct policy_transform_set *chain = &test.policy->transform_sets[1];
			struct bytes result = bytes_of(copy, size);

			memcpy(copy, cases[i].in, size);
			for (uint8_t k = 0; k < chain->count; k++)
				assert_true(chain->items[k]->run(test.context, chain->items[k], result, &result));
			free(copy);
		}
		test_rules_close(&test);
	}
}

static void test_refused(void **state)
{
	static const char *const options[] = {
		"to_lowercase; content:\"A\";",
		"to_uppercase; content:\"a\";",
		"strip_whitespace; content:\"a b\";",
		"compress_whitespace; content:\"a  b\";",
		"pcrexform:\"(\"; content:\"a\";",
		"pcrexform:a(b); content:\"a\";",
		"pcrexform; content:\"a\";",
		"xor:\"0\"; content:\"a\";",
		"xor:\"0g\"; content:\"a\";",
		"from_base64: mode none; content:\"a\";",
		"from_base64: offset 65536; content:\"a\";",
		"gunzip: max-size 0; content:\"a\";",
	};

	for (size_t i = 0; i < ARRAY_COUNT(options); i++) {
		struct test_rules test;
		char rule[256];

		snprintf(rule, sizeof(rule), "alert http any any -> any any (http.uri; %s sid:1;)\n", options[i]);
		if (test_rules_open(&test, rule, false))
			fail_msg("loaded: %s", rule);
		test_rules_close(&test);
	}
}

static void test_accepts_nocase(void **state)
{
	struct test_rules test;

	assert_true(test_rules_open(&test,
		"alert http any any -> any any (http.uri; to_lowercase; content:\"ABC\"; nocase; sid:1;)\n", false));
	test_rules_close(&test);
}

/* The examples of publicsuffix.org, section "Format". */
static void test_suffixes(void **state)
{
	static const char list[] =
		"// comment\ncom\n\nuk\nco.uk\n*.ck\n!www.ck\nblogspot.com\njp\n*.kobe.jp\n!city.kobe.jp\n";
	static const struct {
		const char *name, *suffix, *domain;
	} rows[] = {
		{ "www.example.com", "com", "example.com" },
		{ "Example.CO.UK", "CO.UK", "Example.CO.UK" },
		{ "a.b.co.uk", "co.uk", "b.co.uk" },
		{ "co.uk", "co.uk", "co.uk" },
		{ "www.ck", "ck", "www.ck" },
		{ "a.www.ck", "ck", "www.ck" },
		{ "a.b.ck", "b.ck", "a.b.ck" },
		{ "x.blogspot.com", "blogspot.com", "x.blogspot.com" },
		{ "a.city.kobe.jp", "kobe.jp", "city.kobe.jp" },
		{ "a.b.c.kobe.jp", "c.kobe.jp", "b.c.kobe.jp" },
		{ "host.local", "local", "host.local" },
		{ "com", "com", "com" },
		{ "", "", "" },
	};

	assert_true(suffix_load_text(bytes_from_str(list)));
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct bytes name = bytes_from_str(rows[i].name), ret;

		suffix_public(name, &ret);
		if (!bytes_equal_str(ret, rows[i].suffix))
			fail_msg("suffix of %s: %.*s", rows[i].name, (int)ret.size, (const char *)ret.ptr);
		suffix_domain(name, &ret);
		if (!bytes_equal_str(ret, rows[i].domain))
			fail_msg("domain of %s: %.*s", rows[i].name, (int)ret.size, (const char *)ret.ptr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_accepts_nocase),
		cmocka_unit_test(test_suffixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
