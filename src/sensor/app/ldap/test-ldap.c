// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/testtalk.h"

static const struct testtalk session_talk[] = {
	TALK(TO_SERVER, "0\x17\x02\x01\x01`\x12\x02\x01\x03\x04\x05"
			"cn=me\x80\x06secret"),
	TALK(TO_CLIENT, "0\x10\x02\x01\x01"
			"a\x0b\n\x01\x00\x04\x00\x04\x04text"),
	TALK(TO_SERVER, "01\x02\x01\x02"
			"c,\x04\x04"
			"dc=x\n\x01\x02\n\x01\x00\x02\x01\x00\x02\x01\x05\x01\x01\x00"
			"\x87\x0bobjectClass0\x08\x04\x02"
			"cn\x04\x02sn"),
	TALK(TO_CLIENT, "0&\x02\x01\x02"
			"d!\x04\x04"
			"cn=a0\x19"
			"0\x09\x04\x02"
			"cn1\x03\x04\x01"
			"a0\x0c\x04\x02sn1"
			"\x06\x04\x01"
			"b\x04\x01"
			"c0\x0f\x02\x01\x02s\n\x04\x08ldap://y0\x10\x02\x01\x02"
			"e\x0b\n"
			"\x01\x04\x04\x00\x04\x04text"),
	TALK(TO_SERVER, "0\x1d\x02\x01\x03"
			"f\x18\x04\x04"
			"cn=a0\x10"
			"0\x0e\n\x01\x02"
			"0\x09\x04\x02sn1\x03\x04\x01"
			"z"),
	TALK(TO_CLIENT, "0\x10\x02\x01\x03g\x0b\n\x01 \x04\x00\x04\x04text"),
	TALK(TO_SERVER, "0\x18\x02\x01\x04h\x13\x04\x04"
			"cn=n0\x0b"
			"0\x09\x04\x02"
			"cn1\x03\x04\x01n"),
	TALK(TO_CLIENT, "0\x10\x02\x01\x04i\x0b\n\x01"
			"D\x04\x00\x04\x04text"),
	TALK(TO_SERVER, "0\x09\x02\x01\x05J\x04"
			"cn=n"),
	TALK(TO_CLIENT, "0\x10\x02\x01\x05k\x0b\n\x01\x00\x04\x00\x04\x04text"),
	TALK(TO_SERVER, "0\x1a\x02\x01\x06l\x15\x04\x04"
			"cn=n\x04\x04"
			"cn=m\x01\x01\xff\x80\x04"
			"dc=y"),
	TALK(TO_CLIENT, "0\x10\x02\x01\x06m\x0b\n\x01\x00\x04\x00\x04\x04text"),
	TALK(TO_SERVER, "0\x14\x02\x01\x07n\x0f\x04\x04"
			"cn=n0\x07\x04\x02sn\x04\x01q"),
	TALK(TO_CLIENT, "0\x10\x02\x01\x07o\x0b\n\x01\x06\x04\x00\x04\x04text"),
	TALK(TO_SERVER, "0\x06\x02\x01\x08P\x01\x07"),
	TALK(TO_SERVER, "0\x0c\x02\x01\x09w\x07\x80\x05"
			"1.2.3"),
	TALK(TO_CLIENT, "0\x17\x02\x01\x09x\x12\n\x01\x02\x04\x00\x04\x04text\x8a\x05"
			"1.2.3"),
	TALK(TO_SERVER, "0\x16\x02\x01\n`\x11\x02\x01\x03\x04\x00\xa3\n\x04\x05PLAIN\x04\x01x"),
	TALK(TO_CLIENT, "0\x13\x02\x01\na\x0e\n\x01\x0e\x04\x00\x04\x04text\x87\x01y"),
	TALK(TO_SERVER, "0\x05\x02\x01\x0b"
			"B\x00"),
};

static const char session_records[] =
	"{\"request\":{\"operation\":\"bind_request\",\"message_id\":1,\"bind_request\":{\"version\""
	":3,\"name\":\"cn=me\"}},\"responses\":[{\"operation\":\"bind_response\",\"message_id\":1,\""
	"bind_response\":{\"result_code\":\"success\",\"matched_dn\":\"\",\"message\":\"text\"}}]}\n"
	"{\"request\":{\"operation\":\"search_request\",\"message_id\":2,\"search_request\":{\"base"
	"_object\":\"dc=x\",\"scope\":2,\"deref_alias\":0,\"size_limit\":0,\"time_limit\":5,\"types"
	"_only\":false,\"attributes\":[\"cn\",\"sn\"]}},\"responses\":[{\"operation\":\"search_resu"
	"lt_entry\",\"message_id\":2,\"search_result_entry\":{\"base_object\":\"cn=a\",\"attributes"
	"\":[{\"type\":\"cn\",\"values\":[\"a\"]},{\"type\":\"sn\",\"values\":[\"b\",\"c\"]}]}},{\""
	"operation\":\"search_result_reference\",\"message_id\":2,\"search_result_reference\":{\"ur"
	"is\":[\"ldap://y\"]}},{\"operation\":\"search_result_done\",\"message_id\":2,\"search_resu"
	"lt_done\":{\"result_code\":\"size_limit_exceeded\",\"matched_dn\":\"\",\"message\":\"text\""
	"}}]}\n"
	"{\"request\":{\"operation\":\"modify_request\",\"message_id\":3,\"modify_request\":{\"obje"
	"ct\":\"cn=a\",\"changes\":[{\"operation\":\"replace\",\"modification\":{\"attribute_type\""
	":\"sn\",\"attribute_values\":[\"z\"]}}]}},\"responses\":[{\"operation\":\"modify_response\""
	",\"message_id\":3,\"modify_response\":{\"result_code\":\"no_such_object\",\"matched_dn\":\""
	"\",\"message\":\"text\"}}]}\n"
	"{\"request\":{\"operation\":\"add_request\",\"message_id\":4,\"add_request\":{\"entry\":\""
	"cn=n\",\"attributes\":[{\"name\":\"cn\",\"values\":[\"n\"]}]}},\"responses\":[{\"operation"
	"\":\"add_response\",\"message_id\":4,\"add_response\":{\"result_code\":\"entry_already_exi"
	"sts\",\"matched_dn\":\"\",\"message\":\"text\"}}]}\n"
	"{\"request\":{\"operation\":\"del_request\",\"message_id\":5,\"del_request\":{\"dn\":\"cn="
	"n\"}},\"responses\":[{\"operation\":\"del_response\",\"message_id\":5,\"del_response\":{\""
	"result_code\":\"success\",\"matched_dn\":\"\",\"message\":\"text\"}}]}\n"
	"{\"request\":{\"operation\":\"mod_dn_request\",\"message_id\":6,\"mod_dn_request\":{\"entr"
	"y\":\"cn=n\",\"new_rdn\":\"cn=m\",\"delete_old_rdn\":true,\"new_superior\":\"dc=y\"}},\"re"
	"sponses\":[{\"operation\":\"mod_dn_response\",\"message_id\":6,\"mod_dn_response\":{\"resu"
	"lt_code\":\"success\",\"matched_dn\":\"\",\"message\":\"text\"}}]}\n"
	"{\"request\":{\"operation\":\"compare_request\",\"message_id\":7,\"compare_request\":{\"en"
	"try\":\"cn=n\",\"attribute_value_assertion\":{\"description\":\"sn\",\"value\":\"q\"}}},\""
	"responses\":[{\"operation\":\"compare_response\",\"message_id\":7,\"compare_response\":{\""
	"result_code\":\"compare_true\",\"matched_dn\":\"\",\"message\":\"text\"}}]}\n"
	"{\"request\":{\"operation\":\"abandon_request\",\"message_id\":8,\"abandon_request\":{\"me"
	"ssage_id\":7}}}\n"
	"{\"request\":{\"operation\":\"extended_request\",\"message_id\":9,\"extended_request\":{\""
	"name\":\"1.2.3\"}},\"responses\":[{\"operation\":\"extended_response\",\"message_id\":9,\""
	"extended_response\":{\"result_code\":\"protocol_error\",\"matched_dn\":\"\",\"message\":\""
	"text\",\"name\":\"1.2.3\"}}]}\n"
	"{\"request\":{\"operation\":\"bind_request\",\"message_id\":10,\"bind_request\":{\"version"
	"\":3,\"name\":\"\",\"sasl\":{\"mechanism\":\"PLAIN\",\"credentials\":\"x\"}}},\"responses\""
	":[{\"operation\":\"bind_response\",\"message_id\":10,\"bind_response\":{\"result_code\":\""
	"sasl_bind_in_progress\",\"matched_dn\":\"\",\"message\":\"text\"}}]}\n"
	"{\"request\":{\"operation\":\"unbind_request\",\"message_id\":11}}\n";

static void session(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 389, NULL);
	assert_true(testtalk_same(&app, session_talk, ARRAY_COUNT(session_talk), session_records));
	testapp_done(&app);
}

static const struct testtalk without_request_talk[] = {
	TALK(TO_SERVER, "0\x17\x02\x01\x01`\x12\x02\x01\x03\x04\x05"
			"cn=me\x80\x06secret"),
	TALK(TO_CLIENT, "0\x10\x02\x01\x09"
			"a\x0b\n\x01\x00\x04\x00\x04\x04text"),
	TALK(TO_CLIENT, "0\x10\x02\x01\x00x\x0b\n\x01"
			"4\x04\x00\x04\x04text"),
};

static const char without_request_records[] =
	"{\"request\":{\"operation\":\"bind_request\",\"message_id\":1,\"bind_request\":{\"version\""
	":3,\"name\":\"cn=me\"}}}\n"
	"{\"responses\":[{\"operation\":\"bind_response\",\"message_id\":9,\"bind_response\":{\"res"
	"ult_code\":\"success\",\"matched_dn\":\"\",\"message\":\"text\"}}]} !request_not_found\n"
	"{\"responses\":[{\"operation\":\"extended_response\",\"message_id\":0,\"extended_response\""
	":{\"result_code\":\"unavailable\",\"matched_dn\":\"\",\"message\":\"text\"}}]}\n";

static void without_request(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 389, NULL);
	assert_true(
		testtalk_same(&app, without_request_talk, ARRAY_COUNT(without_request_talk), without_request_records));
	testapp_done(&app);
}

static const struct testtalk malformed_talk[] = {
	TALK(TO_SERVER, "0\x17\x02\x01\x01`\x12\x02\x01\x03\x04\x05"
			"cn=me\x80\x06secret"),
	TALK(TO_SERVER, "0\x08\x02\x01\x02`\x03\x02\x05\x03"),
};

static const char malformed_records[] =
	"{\"request\":{\"operation\":\"bind_request\",\"message_id\":1,\"bind_request\":{\"version\""
	":3,\"name\":\"cn=me\"}}}\n"
	" !invalid_data\n";

static void malformed(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 389, NULL);
	assert_true(testtalk_same(&app, malformed_talk, ARRAY_COUNT(malformed_talk), malformed_records));
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session),
		cmocka_unit_test(without_request),
		cmocka_unit_test(malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
