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

/* Each kind of event that is written here, with a secret wherever its content stands: none is left, and what is about the traffic is. */
static void test_kinds(void **state)
{
	static const char *const events[] = {
		/* The gate, and its audit log. */
		"{\"gate\":{\"action\":\"deny\"},\"http\":{\"url\":\"/"
		"KEPT\"},\"rules\":[{\"id\":942100,\"msg\":\"SECRET\","
		"\"data\":\"SECRET\",\"var\":\"ARGS:KEPT\"},{\"id\":7,\"data\":\"SECRET\"}]}",
		"{\"transaction\":{\"request\":{\"uri\":\"/"
		"KEPT\",\"headers\":{\"Cookie\":\"SECRET\"},\"body\":\"SECRET\"},\"response\":{"
		"\"headers\":{\"Set-Cookie\":\"SECRET\"},\"body\":\"SECRET\"},\"messages\":[{\"message\":\"SECRET\","
		"\"details\":{"
		"\"match\":\"SECRET\",\"data\":\"SECRET\",\"ruleId\":\"KEPT\"}}]}}",
		/* HTTP, variables of rules, the packet and its frame. */
		"{\"http\":{\"hostname\":\"KEPT\",\"cookie\":\"SECRET\",\"set_cookie\":\"SECRET\",\"authorization\":"
		"\"SECRET\","
		"\"proxy_authorization\":\"SECRET\",\"request_headers\":[{\"name\":\"Cookie\",\"value\":\"SECRET\"}],"
		"\"response_headers\":[{\"name\":\"Set-Cookie\",\"value\":\"SECRET\"}],\"http_request_body\":"
		"\"SECRET\","
		"\"http_response_body_printable\":\"SECRET\"}}",
		"{\"metadata\":{\"flowbits\":[\"KEPT\"],\"flowvars\":[{\"x\":\"SECRET\"},{\"key\":\"SECRET\"}],"
		"\"pktvars\":[{\"y\":\"SECRET\"}]}}",
		"{\"alert\":{\"signature\":\"KEPT\"},\"packet\":\"SECRET\",\"payload\":\"SECRET\",\"frame\":{\"payload_"
		"printable\":"
		"\"SECRET\"},\"capture_file\":\"SECRET\"}",
		/* LDAP. */
		"{\"ldap\":{\"request\":{\"operation\":\"bind_request\",\"bind_request\":{\"name\":\"KEPT\",\"sasl\":{"
		"\"mechanism\":"
		"\"PLAIN\",\"credentials\":\"SECRET\"}}},\"responses\":[{\"bind_response\":{\"message\":\"SECRET\"}},"
		"{\"search_result_done\":{\"message\":\"SECRET\"}},{\"search_result_entry\":{\"attributes\":[{\"type\":"
		"\"mail\","
		"\"values\":[\"SECRET\"]}]}},{\"extended_response\":{\"value\":\"SECRET\"}},"
		"{\"intermediate_response\":{\"value\":\"SECRET\"}}]}}",
		"{\"ldap\":{\"request\":{\"modify_request\":{\"object\":\"KEPT\",\"changes\":[{\"modification\":{"
		"\"attribute_type\":"
		"\"userPassword\",\"attribute_values\":[\"SECRET\"],\"value\":\"SECRET\"}}]},\"extended_request\":{"
		"\"name\":\"1.3\","
		"\"value\":\"SECRET\"},\"compare_request\":{\"attribute_value_assertion\":{\"value\":\"SECRET\"}}}}}",
		/* Devices. */
		"{\"modbus\":{\"request\":{\"function_code\":\"KEPT\",\"data\":\"SECRET\",\"diagnostic\":{\"data\":"
		"\"SECRET\"},\"mei\":{"
		"\"data\":\"SECRET\"},\"write\":{\"and_mask\":\"SECRET\",\"or_mask\":\"SECRET\",\"data\":\"SECRET\"}},"
		"\"response\":{"
		"\"data\":\"SECRET\",\"read\":{\"data\":\"SECRET\"}}}}",
		"{\"dnp3\":{\"request\":{\"application\":{\"function_code\":\"KEPT\",\"objects\":[{\"points\":[{"
		"\"value\":\"SECRET\"}]}]}}}}",
		"{\"mqtt\":{\"publish\":{\"topic\":\"KEPT\",\"message\":\"SECRET\",\"properties\":{\"key\":\"SECRET\"}}"
		",\"connect\":{"
		"\"password\":\"SECRET\",\"will\":{\"message\":\"SECRET\"}}}}",
		"{\"snmp\":{\"version\":\"KEPT\",\"community\":\"SECRET\"}}",
		/* Databases, mail, files, calls, screens. */
		"{\"pgsql\":{\"request\":{\"simple_query\":\"SECRET\",\"password\":\"SECRET\",\"sasl_param\":"
		"\"SECRET\","
		"\"sasl_response\":\"SECRET\"},\"response\":{\"code\":\"KEPT\",\"message\":\"SECRET\",\"detail\":"
		"\"SECRET\",\"hint\":"
		"\"SECRET\",\"where\":\"SECRET\",\"internal_query\":\"SECRET\",\"secret_key\":\"SECRET\","
		"\"authentication_md5_password\":\"SECRET\",\"authentication_sasl_final\":\"SECRET\"}}}",
		"{\"pop3\":{\"request\":{\"command\":\"KEPT\",\"args\":[\"SECRET\"]},\"response\":{\"header\":"
		"\"SECRET\","
		"\"data\":[\"SECRET\"]}}}",
		"{\"smtp\":{\"helo\":\"KEPT\"},\"email\":{\"from\":\"KEPT\",\"subject\":\"SECRET\",\"url\":[\"SECRET\"]"
		"}}",
		"{\"ftp\":{\"command\":\"KEPT\",\"command_data\":\"SECRET\",\"reply\":[\"SECRET\"]}}",
		"{\"sip\":{\"sdp\":{\"origin\":\"KEPT\",\"encryption_key\":\"SECRET\",\"attributes\":[\"SECRET\"],"
		"\"media_descriptions\":[{\"encryption_key\":\"SECRET\",\"attributes\":[\"SECRET\"]}]}}}",
		"{\"rfb\":{\"framebuffer\":{\"name\":\"KEPT\"},\"authentication\":{\"vnc\":{\"challenge\":\"SECRET\","
		"\"response\":\"SECRET\"}}}}",
		"{\"websocket\":{\"opcode\":\"KEPT\",\"payload_base64\":\"SECRET\",\"payload_printable\":\"SECRET\"}}",
	};

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		struct bytes event = bytes_from_str(events[i]);
		char name[PAYLOAD_NAME_SIZE];
		uint8_t left[2048];
		size_t size, removed, again;

		assert_int_equal(payload_strip(event, left, &size, &removed), 0);
		if (memmem(left, size, "SECRET", 6))
			fail_msg("%.*s", (int)size, (const char *)left);
		assert_int_equal(
			memmem(left, size, "KEPT", 4) != NULL, memmem(event.ptr, event.size, "KEPT", 4) != NULL);
		assert_true(removed > 0);
		assert_int_equal(payload_count(bytes_of(left, size), &again, name), 0);
		assert_int_equal(again, 0);
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
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_strip), cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_broken), cmocka_unit_test(test_ends) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
