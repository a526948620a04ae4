// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/testtalk.h"

static const struct testtalk version_5_talk[] = {
	TALK(TO_SERVER, "\x10/\x00\x04MQTT\x05\xc6\x00<\x03!\x00\x14\x00\x02me\x05\x18\x00\x00\x00\x07\x00\x04wil"
			"l\x00\x03"
			"bye\x00\x04user\x00\x04pass"),
	TALK(TO_CLIENT, " \x06\x01\x00\x03\"\x00\n"),
	TALK(TO_SERVER, "\x82\r\x00\x01\x00\x00\x03"
			"a/b\x01\x00\x01"
			"c\x00"),
	TALK(TO_CLIENT, "\x90\x05\x00\x01\x00\x01\x00"),
	TALK(TO_SERVER, "5\x18\x00\x03"
			"a/b\x00\x02\x0b&\x00\x03key\x00\x03valhello"),
	TALK(TO_CLIENT, "P\x02\x00\x02"),
	TALK(TO_SERVER, "b\x02\x00\x02"),
	TALK(TO_CLIENT, "p\x03\x00\x02\x10"),
	TALK(TO_CLIENT, "0\x08\x00\x03"
			"a/b\x00hi"),
	TALK(TO_SERVER, "\xa2\x06\x00\x03\x00\x00\x01"
			"c"),
	TALK(TO_CLIENT, "\xb0\x04\x00\x03\x00\x11"),
	TALK(TO_SERVER, "\xc0\x00"),
	TALK(TO_CLIENT, "\xd0\x00"),
	TALK(TO_SERVER, "\xe0\x00"),
};

static const char version_5_records[] =
	"{\"connect\":{\"qos\":0,\"retain\":false,\"dup\":false,\"protocol_string\":\"MQTT\",\"prot"
	"ocol_version\":5,\"flags\":{\"username\":true,\"password\":true,\"will\":true,\"will_retai"
	"n\":false,\"clean_session\":true},\"client_id\":\"me\",\"username\":\"user\",\"password\":"
	"\"pass\",\"will\":{\"topic\":\"will\",\"message\":\"bye\",\"properties\":{\"will_delay_int"
	"erval\":7}},\"properties\":{\"receive_maximum\":20}},\"connack\":{\"qos\":0,\"retain\":fal"
	"se,\"dup\":false,\"session_present\":true,\"return_code\":0,\"properties\":{\"topic_alias_"
	"maximum\":10}}}\n"
	"{\"subscribe\":{\"qos\":1,\"retain\":false,\"dup\":false,\"message_id\":1,\"topics\":[{\"t"
	"opic\":\"a/b\",\"qos\":1},{\"topic\":\"c\",\"qos\":0}],\"properties\":{}},\"suback\":{\"qo"
	"s\":0,\"retain\":false,\"dup\":false,\"message_id\":1,\"qos_granted\":[1,0],\"properties\""
	":{}}}\n"
	"{\"publish\":{\"qos\":2,\"retain\":true,\"dup\":false,\"topic\":\"a/b\",\"message_id\":2,\""
	"message\":\"hello\",\"properties\":{\"key\":\"val\"}},\"pubrec\":{\"qos\":0,\"retain\":fal"
	"se,\"dup\":false,\"message_id\":2,\"reason_code\":0},\"pubrel\":{\"qos\":1,\"retain\":fals"
	"e,\"dup\":false,\"message_id\":2,\"reason_code\":0},\"pubcomp\":{\"qos\":0,\"retain\":fals"
	"e,\"dup\":false,\"message_id\":2,\"reason_code\":16}}\n"
	"{\"publish\":{\"qos\":0,\"retain\":false,\"dup\":false,\"topic\":\"a/b\",\"message\":\"hi\""
	",\"properties\":{}}}\n"
	"{\"unsubscribe\":{\"qos\":1,\"retain\":false,\"dup\":false,\"message_id\":3,\"topics\":[\""
	"c\"],\"properties\":{}},\"unsuback\":{\"qos\":0,\"retain\":false,\"dup\":false,\"message_i"
	"d\":3,\"reason_codes\":[17],\"properties\":{}}}\n"
	"{\"pingreq\":{\"qos\":0,\"retain\":false,\"dup\":false}}\n"
	"{\"pingresp\":{\"qos\":0,\"retain\":false,\"dup\":false}}\n"
	"{\"disconnect\":{\"qos\":0,\"retain\":false,\"dup\":false,\"reason_code\":0}}\n";

static void version_5(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 1883, NULL);
	assert_true(testtalk_same(&app, version_5_talk, ARRAY_COUNT(version_5_talk), version_5_records));
	testapp_done(&app);
}

static const struct testtalk oddities_talk[] = {
	TALK(TO_SERVER, "2\n\x00\x05"
			"early\x00\x09x"),
	TALK(TO_SERVER, "\x10\x0e\x00\x04MQTT\x04\x02\x00<\x00\x02"
			"c1"),
	TALK(TO_CLIENT, " \x02\x00\x00"),
	TALK(TO_SERVER, "\x10\x0e\x00\x04MQTT\x04\x02\x00<\x00\x02"
			"c1"),
	TALK(TO_CLIENT, " \x02\x00\x05"),
	TALK(TO_CLIENT, " \x02\x00\x00"),
	TALK(TO_CLIENT, "@\x02\x00"
			"c"),
	TALK(TO_CLIENT, "\x90\x03\x00"
			"b\x00"),
	TALK(TO_CLIENT, "\xb0\x02\x00"
			"a"),
	TALK(TO_SERVER, "6\x06\x00\x01t\x00\x01m"),
	TALK(TO_SERVER, "\x80\x06\x00\x05\x00\x01q\x00"),
	TALK(TO_SERVER, "\x00\x00"),
};

static const char oddities_records[] =
	"{\"publish\":{\"qos\":1,\"retain\":false,\"dup\":false,\"topic\":\"early\",\"message_id\":"
	"9,\"message\":\"x\"}} !unintroduced_message\n"
	"{\"connect\":{\"qos\":0,\"retain\":false,\"dup\":false,\"protocol_string\":\"MQTT\",\"prot"
	"ocol_version\":4,\"flags\":{\"username\":false,\"password\":false,\"will\":false,\"will_re"
	"tain\":false,\"clean_session\":true},\"client_id\":\"c1\"},\"connack\":{\"qos\":0,\"retain"
	"\":false,\"dup\":false,\"session_present\":false,\"return_code\":0}}\n"
	"{\"connect\":{\"qos\":0,\"retain\":false,\"dup\":false,\"protocol_string\":\"MQTT\",\"prot"
	"ocol_version\":4,\"flags\":{\"username\":false,\"password\":false,\"will\":false,\"will_re"
	"tain\":false,\"clean_session\":true},\"client_id\":\"c1\"},\"connack\":{\"qos\":0,\"retain"
	"\":false,\"dup\":false,\"session_present\":false,\"return_code\":5}} !double_connect\n"
	"{\"connack\":{\"qos\":0,\"retain\":false,\"dup\":false,\"session_present\":false,\"return_"
	"code\":0}} !missing_connect\n"
	"{\"puback\":{\"qos\":0,\"retain\":false,\"dup\":false,\"message_id\":99}} !missing_publish"
	"\n"
	"{\"suback\":{\"qos\":0,\"retain\":false,\"dup\":false,\"message_id\":98,\"qos_granted\":[0"
	"]}} !missing_subscribe\n"
	"{\"unsuback\":{\"qos\":0,\"retain\":false,\"dup\":false,\"message_id\":97}} !missing_unsub"
	"scribe\n"
	"{\"publish\":{\"qos\":3,\"retain\":false,\"dup\":false,\"topic\":\"t\",\"message_id\":1,\""
	"message\":\"m\"}} !invalid_qos_level\n"
	"{\"subscribe\":{\"qos\":0,\"retain\":false,\"dup\":false,\"message_id\":5,\"topics\":[{\"t"
	"opic\":\"q\",\"qos\":0}]}} !invalid_qos_level\n"
	"{\"unassigned\":{\"qos\":0,\"retain\":false,\"dup\":false}} !unassigned_msg_type\n";

static void oddities(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 1883, NULL);
	assert_true(testtalk_same(&app, oddities_talk, ARRAY_COUNT(oddities_talk), oddities_records));
	testapp_done(&app);
}

static const struct testtalk too_long_talk[] = {
	TALK(TO_SERVER, "\x10\x0e\x00\x04MQTT\x04\x02\x00<\x00\x02"
			"c1"),
	TALK(TO_CLIENT, " \x02\x00\x00"),
	TALK(TO_SERVER, "2\xb5\x02\x00\x05topic\x00\x01xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
	TALK(TO_SERVER, "\xe0\x00"),
};

static const char too_long_records[] =
	"{\"connect\":{\"qos\":0,\"retain\":false,\"dup\":false,\"protocol_string\":\"MQTT\",\"prot"
	"ocol_version\":4,\"flags\":{\"username\":false,\"password\":false,\"will\":false,\"will_re"
	"tain\":false,\"clean_session\":true},\"client_id\":\"c1\"},\"connack\":{\"qos\":0,\"retain"
	"\":false,\"dup\":false,\"session_present\":false,\"return_code\":0}}\n"
	"{\"publish\":{\"qos\":1,\"retain\":false,\"dup\":false,\"truncated\":true,\"skipped_length"
	"\":312}}\n"
	"{\"disconnect\":{\"qos\":0,\"retain\":false,\"dup\":false}}\n";

static void too_long(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 1883, "%YAML 1.1\n---\napp-layer:\n  protocols:\n    mqtt:\n      max-msg-length: 20\n");
	assert_true(testtalk_same(&app, too_long_talk, ARRAY_COUNT(too_long_talk), too_long_records));
	testapp_done(&app);
}

static const struct testtalk malformed_talk[] = {
	TALK(TO_SERVER, "\x10\x0e\x00\x04MQTT\x04\x02\x00<\x00\x02"
			"c1"),
	TALK(TO_CLIENT, " \x02\x00\x00"),
	TALK(TO_SERVER, "\x82\x07\x00\x01\x00\x10"
			"abc"),
};

static const char malformed_records[] =
	"{\"connect\":{\"qos\":0,\"retain\":false,\"dup\":false,\"protocol_string\":\"MQTT\",\"prot"
	"ocol_version\":4,\"flags\":{\"username\":false,\"password\":false,\"will\":false,\"will_re"
	"tain\":false,\"clean_session\":true},\"client_id\":\"c1\"},\"connack\":{\"qos\":0,\"retain"
	"\":false,\"dup\":false,\"session_present\":false,\"return_code\":0}}\n"
	" !malformed_traffic\n";

static void malformed(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 1883, NULL);
	assert_true(testtalk_same(&app, malformed_talk, ARRAY_COUNT(malformed_talk), malformed_records));
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_5),
		cmocka_unit_test(oddities),
		cmocka_unit_test(too_long),
		cmocka_unit_test(malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
