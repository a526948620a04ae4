// SPDX-License-Identifier: Apache-2.0
/* Conditions on one buffer: a rule's options, a payload, whether the rule holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sensor/detect/testrules.h"

struct inspect_case {
	const char *options, *payload;
	size_t size; /* 0: strlen */
	bool holds;
};

#define HOLDS(options, payload)                                                                                        \
	{                                                                                                              \
		options, payload, sizeof(payload) - 1, true                                                            \
	}
#define FAILS(options, payload)                                                                                        \
	{                                                                                                              \
		options, payload, sizeof(payload) - 1, false                                                           \
	}

static const struct inspect_case cases[] = {
	/* content and its places */
	HOLDS("content:\"abc\";", "xxabcxx"),
	FAILS("content:\"abc\";", "xxABCxx"),
	HOLDS("content:\"abc\"; nocase;", "xxABCxx"),
	HOLDS("content:\"a|00 ff|c\";", "xa\x00\xff"
					"c"),
	HOLDS("content:\"abc\"; depth:3;", "abcxx"),
	FAILS("content:\"abc\"; depth:3;", "xabcx"),
	HOLDS("content:\"abc\"; offset:1; depth:3;", "xabcx"),
	FAILS("content:\"abc\"; offset:2;", "xabcx"),
	HOLDS("content:\"abc\"; startswith;", "abcx"),
	FAILS("content:\"abc\"; startswith;", "xabc"),
	HOLDS("content:\"abc\"; endswith;", "abc-abc"),
	FAILS("content:\"abc\"; endswith;", "abc-ab"),
	HOLDS("content:!\"abc\";", "xxx"),
	FAILS("content:!\"abc\";", "xabc"),
	HOLDS("content:\"x\"; content:!\"abc\"; depth:3;", "xabc"),
	/* relative ones, and going back */
	HOLDS("content:\"a\"; content:\"b\"; distance:1; within:1;", "a-b"),
	FAILS("content:\"a\"; content:\"b\"; distance:1; within:1;", "ab"),
	HOLDS("content:\"a\"; content:\"b\"; distance:1; within:1;", "ab-a-b"),
	HOLDS("content:\"a\"; content:\"b\"; within:1; content:\"c\"; within:1;", "ab-abc"),
	FAILS("content:\"a\"; content:\"b\"; within:1; content:\"c\"; within:1;", "ab-ac-bc"),
	HOLDS("content:\"a\"; content:\"b\"; distance:-2; within:1;", "ba"),
	HOLDS("content:\"a\"; content:!\"b\"; within:1;", "abac"),
	FAILS("content:\"a\"; content:!\"b\"; within:1;", "abab"),
	HOLDS("content:\"one\"; content:\"two\"; distance:0;", "one two"),
	FAILS("content:\"one\"; content:\"two\"; distance:0;", "two one"),
	/* isdataat, bsize */
	HOLDS("content:\"a\"; isdataat:2,relative;", "abc"),
	FAILS("content:\"a\"; isdataat:3,relative;", "abc"),
	HOLDS("content:\"c\"; isdataat:!1,relative;", "abc"),
	HOLDS("isdataat:2;", "abc"),
	FAILS("isdataat:3;", "abc"),
	HOLDS("content:\"a\"; isdataat:!2,relative;", "abca"),
	/* pcre */
	HOLDS("pcre:\"/a[0-9]+b/\";", "xa123b"),
	FAILS("pcre:\"/a[0-9]+b$/\";", "xa123bx"),
	HOLDS("pcre:!\"/a[0-9]+b/\";", "xab"),
	HOLDS("content:\"key=\"; pcre:\"/^[a-f]+,/R\";", "key=1,key=abc,"),
	FAILS("content:\"key=\"; pcre:\"/^[a-f]+,/R\";", "xkey=1,abc,"),
	HOLDS("pcre:\"/a./s\"; content:\"z\"; within:1;", "abacz"),
	HOLDS("pcre:\"/ABC/i\";", "abc"),
	/* byte_test */
	HOLDS("byte_test:2,=,258,1;", "x\x01\x02"),
	HOLDS("byte_test:2,=,513,1,little;", "x\x01\x02"),
	FAILS("byte_test:2,>,258,1;", "x\x01\x02"),
	HOLDS("byte_test:2,!=,7,1;", "x\x01\x02"),
	HOLDS("byte_test:1,&,0x80,0;", "\x81"),
	HOLDS("byte_test:3,=,123,1,string,dec;", "x123"),
	HOLDS("byte_test:4,=,0x1f,0,string,hex;", "001f"),
	FAILS("byte_test:4,=,1,0;", "\x00\x00\x01"),
	HOLDS("content:\"a\"; byte_test:1,=,5,0,relative;", "a\x04"
							    "a\x05"),
	HOLDS("byte_test:1,=,3,0,bitmask 0xf0;", "\x3f"),
	/* byte_jump */
	HOLDS("byte_jump:1,0; content:\"x\"; within:1;", "\x02--x"),
	FAILS("byte_jump:1,0; content:\"x\"; within:1;", "\x02x--"),
	HOLDS("byte_jump:1,0,from_beginning; content:\"x\"; within:1;", "\x02-x"),
	HOLDS("byte_jump:1,0,multiplier 2,align; content:\"x\"; within:1;", "\x01----x"),
	HOLDS("content:\"end\"; byte_jump:0,0,relative,post_offset -4; content:\"xend\"; within:4;", "---xend--"),
	HOLDS("byte_jump:0,0,from_end,post_offset -2; content:\"yz\"; within:2;", "abcyz"),
	FAILS("byte_jump:1,0;", "\x7f---"),
	/* variables */
	HOLDS("byte_extract:1,0,n; content:\"x\"; offset:n;", "\x03--x"),
	FAILS("byte_extract:1,0,n; content:\"x\"; offset:n;", "\x04--x"),
	HOLDS("byte_extract:1,0,n; content:\"x\"; distance:n; within:1;", "\x02--x"),
	HOLDS("content:\"a\"; byte_extract:1,0,n,relative; content:\"x\"; distance:n; within:1;", "a\x09"
												  "a\x01-x"),
	HOLDS("byte_extract:1,0,n; byte_test:1,=,n,1;", "\x05\x05"),
	HOLDS("byte_extract:1,0,n,string,dec; isdataat:n;", "3123"),
	HOLDS("byte_math:bytes 1, offset 0, oper +, rvalue 2, result r; byte_test:1,=,r,1;", "\x05\x07"),
	HOLDS("byte_math:bytes 1, offset 0, oper <<, rvalue 2, result r; byte_test:1,=,r,1;", "\x01\x04"),
	HOLDS("byte_math:bytes 1, offset 0, oper -, rvalue 2, result r; byte_test:1,=,r,1;", "\x05\x03"),
	/* base64 */
	HOLDS("content:\"b=\"; base64_decode:relative; base64_data; content:\"hello\"; startswith;", "b=aGVsbG8="),
	FAILS("content:\"b=\"; base64_decode:relative; base64_data; content:\"hello\"; startswith;", "b=eGVsbG8="),
	HOLDS("base64_decode:bytes 4, offset 2; base64_data; content:\"hel\"; bsize:3;", "b=aGVsbG8="),
	FAILS("base64_decode; base64_data; pcre:\"/./\";", "====="),
	/* entropy */
	HOLDS("entropy: value <= 0;", "aaaa"),
	HOLDS("entropy: bytes 4, offset 1, value > 1.9;", "aabcd"),
	FAILS("entropy: value > 7;", "aabcd"),
};

static void test_cases(void **state)
{
	unsigned int failed = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct inspect_case *row = &cases[i];
		struct test_rules test;
		char rule[1024];

		snprintf(rule, sizeof(rule), "alert udp any any -> any any (msg:\"x\"; %s sid:1;)\n", row->options);
		if (!test_rules_open(&test, rule, false)) {
			print_error("does not load: %s\n", row->options);
			failed++;
		} else {
			struct sensor_packet packet = test_packet(&test, bytes_of(row->payload, row->size));

			detect_packet(test.context, &packet);
			if ((packet.alert_count == 1) != row->holds) {
				print_error("%s \"%s\": expected %d\n", row->options, row->payload, row->holds);
				failed++;
			}
		}
		test_rules_close(&test);
	}
	assert_int_equal(failed, 0);
}

/* Many equal letters and a chain that never holds: the number of steps has a limit. */
static void test_bounded(void **state)
{
	static uint8_t payload[65536];
	struct test_rules test;

	memset(payload, 'a', sizeof(payload));
	assert_true(test_rules_open(&test,
		"alert udp any any -> any any (content:\"a\"; content:\"a\"; distance:1; content:\"a\"; distance:1; "
		"content:\"a\"; distance:1; content:\"b\"; distance:1; within:5; sid:1;)\n",
		false));
	struct sensor_packet packet = test_packet(&test, bytes_of(payload, sizeof(payload)));

	for (unsigned int i = 0; i < 100; i++)
		detect_packet(test.context, &packet);
	assert_int_equal(packet.alert_count, 0);
	test_rules_close(&test);
}

static const char *const refused[] = {
	"byte_test:9,=,1,0;",
	"byte_test:1,?,1,0;",
	"byte_test:1,=,nothing,0;",
	"byte_jump:1,0,from_beginning,from_end;",
	"byte_extract:1,0;",
	"byte_math:bytes 1, offset 0, oper %, rvalue 2, result r;",
	"byte_math:bytes 1, offset 0, oper +, result r;",
	"pcre:\"/(/\";",
	"pcre:\"abc\";",
	"pcre:\"/a/w\";",
	"isdataat:x;",
	"entropy: value 9;",
	"entropy: bytes 4;",
	"decode-event:no.such_event;",
	"base64_decode:bytes x;",
};

static void test_refused(void **state)
{
	unsigned int failed = 0;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct test_rules test;
		char rule[512];

		snprintf(rule, sizeof(rule), "alert udp any any -> any any (%s sid:1;)\n", refused[i]);
		if (test_rules_open(&test, rule, false)) {
			print_error("loads: %s\n", refused[i]);
			failed++;
		}
		test_rules_close(&test);
	}
	assert_int_equal(failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
