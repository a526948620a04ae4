// SPDX-License-Identifier: Apache-2.0
/* What of an event is content goes, wherever it stands, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/error.h"
#include "base/payload.h"

static void test_strip(void **state)
{
	static const struct {
		const char *event, *left;
		size_t removed;
	} cases[] = {
		{ "{}", "{}", 0 },
		{ "{\"src_ip\":\"192.0.2.1\",\"payload\":\"QUJD\",\"payload_printable\":\"ABC\"}",
			"{\"src_ip\":\"192.0.2.1\"}", 2 },
		{ "{\"payload\":\"a\",\"b\":1}", "{\"b\":1}", 1 },
		{ "{\"a\":[{\"payload\":{\"x\":[1,2,{\"y\":\"}\\\"\"}]},\"k\":true},null],\"b\":-1.5e3}",
			"{\"a\":[{\"k\":true},null],\"b\":-1.5e3}", 1 },
		{ "{ \"http\" : { \"http_request_body_printable\" : \"x\" , \"url\" : \"/\" } }",
			"{\"http\":{\"url\":\"/\"}}", 1 },
		{ "{\"packet\":\"AA==\",\"packet_info\":{\"linktype\":1}}", "{\"packet_info\":{\"linktype\":1}}", 1 },
		/* By what is around. */
		{ "{\"mqtt\":[{\"publish\":{\"message\":\"26 C\",\"topic\":\"t\"}}],\"message\":\"m\"}",
			"{\"mqtt\":[{\"publish\":{\"topic\":\"t\"}}],\"message\":\"m\"}", 1 },
		{ "{\"ftp\":{\"command\":\"PASS\",\"command_data\":\"secret\",\"reply\":[\"ok\"]}}",
			"{\"ftp\":{\"command\":\"PASS\"}}", 2 },
		{ "{\"modbus\":{\"write\":{\"data\":\"01\",\"address\":7}}}",
			"{\"modbus\":{\"write\":{\"address\":7}}}", 1 },
		{ "{\"dns\":{\"data\":\"x\"}}", "{\"dns\":{\"data\":\"x\"}}", 0 },
		/* A name that hides itself. */
		{ "{\"pay\\u006coad\":\"x\",\"a\":\"pay\\u006coad\"}", "{\"a\":\"pay\\u006coad\"}", 1 },
		{ "{\"a\":\"\\\"payload\\\":\\\\\",\"b\":[]}", "{\"a\":\"\\\"payload\\\":\\\\\",\"b\":[]}", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes event = bytes_from_str(cases[i].event);
		uint8_t beside[256], inside[256];
		char name[PAYLOAD_NAME_SIZE];
		size_t size, removed;

		assert_int_equal(payload_strip(event, beside, &size, &removed), 0);
		assert_int_equal(size, strlen(cases[i].left));
		assert_memory_equal(beside, cases[i].left, size);
		assert_int_equal(removed, cases[i].removed);
		memcpy(inside, event.ptr, event.size);
		assert_int_equal(payload_strip(bytes_of(inside, event.size), inside, &size, &removed), 0);
		assert_int_equal(size, strlen(cases[i].left));
		assert_memory_equal(inside, cases[i].left, size);
		assert_int_equal(payload_count(event, &removed, name), 0);
		assert_int_equal(removed, cases[i].removed);
		assert_int_equal(name[0] != '\0', removed != 0);
	}
}

static void test_broken(void **state)
{
	static const char *const broken[] = { "", "[]", "x", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1}x",
		"{\"a\":\"}", "{\"a\":[1,]}", "{\"a\":[1}", "{\"payload\":[1}", "{\"payload\":}", "{\"payload\"",
		"{\"a\":\"\\", "{1:2}" };
	char deep[256];
	size_t size, removed;
	uint8_t out[512];

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_int_equal(payload_strip(bytes_from_str(broken[i]), out, &size, &removed), LUYTRE_E_SYNTAX);
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"a\":", 5);
	assert_int_equal(payload_strip(bytes_of(deep, sizeof(deep)), out, &size, &removed), LUYTRE_E_SYNTAX);
	memcpy(deep, "{\"payload\":", 11);
	assert_int_equal(payload_strip(bytes_of(deep, sizeof(deep)), out, &size, &removed), LUYTRE_E_SYNTAX);
}

static void test_ends(void **state)
{
	static const struct {
		const char *event;
		int src, dst; /* families */
	} cases[] = {
		{ "{\"src_ip\":\"192.0.2.1\",\"dest_ip\":\"2001:db8::1\"}", IP_V4, IP_V6 },
		{ "{\"flow\":{\"src_ip\":\"192.0.2.1\"},\"\":{\"dest_ip\":\"192.0.2.1\"}}", 0, 0 },
		{ "{\"src_ip\":7,\"dest_ip\":\"x\"}", 0, 0 },
		{ "{\"dest_ip\":\"198.51.100.2\"}", 0, IP_V4 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip_addr src, dst;

		assert_int_equal(payload_ends(bytes_from_str(cases[i].event), &src, &dst), 0);
		assert_int_equal(src.family, cases[i].src);
		assert_int_equal(dst.family, cases[i].dst);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_strip), cmocka_unit_test(test_broken),
		cmocka_unit_test(test_ends) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
