// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/testtalk.h"

static const struct testtalk exchange_talk[] = {
	TALK(TO_SERVER, "\x00\x00\x00_j]0[\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\n\xa4O0M\xa0\x07\x03\x05\x00@\x00\x00"
			"\x00\xa1\x11"
			"0\x0f\xa0\x03\x02\x01\x01\xa1\x08"
			"0\x06\x1b\x04user\xa2\x07\x1b\x05X.ORG\xa3"
			"\x1a"
			"0\x18\xa0\x03\x02\x01\x01\xa1\x11"
			"0\x0f\x1b\x06krbtgt\x1b\x05X.ORG\xa7\x03\x02\x01"
			"\x05\xa8\x05"
			"0\x03\x02\x01\x12"),
	TALK(TO_CLIENT, "\x00\x00\x00P~N0L\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x1e\xa4\x11\x18\x0f"
			"2026010100000"
			"0Z\xa5\x03\x02\x01\x01\xa6\x03\x02\x01\x19\xa9\x07\x1b\x05X.ORG\xaa\x1a"
			"0\x18\xa0\x03\x02"
			"\x01\x01\xa1\x11"
			"0\x0f\x1b\x06krbtgt\x1b\x05X.ORG"),
	TALK(TO_SERVER, "\x00\x00\x00_j]0[\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\n\xa4O0M\xa0\x07\x03\x05\x00@\x00\x00"
			"\x00\xa1\x11"
			"0\x0f\xa0\x03\x02\x01\x01\xa1\x08"
			"0\x06\x1b\x04user\xa2\x07\x1b\x05X.ORG\xa3"
			"\x1a"
			"0\x18\xa0\x03\x02\x01\x01\xa1\x11"
			"0\x0f\x1b\x06krbtgt\x1b\x05X.ORG\xa7\x03\x02\x01"
			"\x05\xa8\x05"
			"0\x03\x02\x01\x12"),
	TALK(TO_CLIENT, "\x00\x00\x00zkx0v\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0b\xa3\x07\x1b\x05X.ORG\xa4\x11"
			"0"
			"\x0f\xa0\x03\x02\x01\x01\xa1\x08"
			"0\x06\x1b\x04user\xa5>a<0:\xa0\x03\x02\x01\x05\xa1\x07"
			"\x1b\x05X.ORG\xa2\x1a"
			"0\x18\xa0\x03\x02\x01\x01\xa1\x11"
			"0\x0f\x1b\x06krbtgt\x1b\x05X.O"
			"RG\xa3\x0e"
			"0\x0c\xa0\x03\x02\x01\x12\xa2\x05\x04\x03"
			"abc\xa6\x0e"
			"0\x0c\xa0\x03\x02\x01"
			"\x17\xa2\x05\x04\x03"
			"abc"),
	TALK(TO_SERVER, "\x00\x00\x00@l>0<\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0c\xa3\x02"
			"0\x00\xa4,0*\xa0\x07\x03"
			"\x05\x00@\x00\x00\x00\xa2\x07\x1b\x05X.ORG\xa3\x16"
			"0\x14\xa0\x03\x02\x01\x01\xa1\r0\x0b"
			"\x1b\x04HTTP\x1b\x03www"),
	TALK(TO_CLIENT, "\x00\x00\x00zmx0v\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\r\xa3\x07\x1b\x05X.ORG\xa4\x11"
			"0\x0f"
			"\xa0\x03\x02\x01\x01\xa1\x08"
			"0\x06\x1b\x04user\xa5>a<0:\xa0\x03\x02\x01\x05\xa1\x07\x1b"
			"\x05X.ORG\xa2\x1a"
			"0\x18\xa0\x03\x02\x01\x01\xa1\x11"
			"0\x0f\x1b\x06krbtgt\x1b\x05X.ORG\xa3"
			"\x0e"
			"0\x0c\xa0\x03\x02\x01\x12\xa2\x05\x04\x03"
			"abc\xa6\x0e"
			"0\x0c\xa0\x03\x02\x01\x12\xa2"
			"\x05\x04\x03"
			"abc"),
};

static const char exchange_records[] =
	"{\"msg_type\":\"KRB_AS_REQ\",\"cname\":\"user\",\"realm\":\"X.ORG\",\"sname\":\"krbtgt/X.O"
	"RG\",\"encryption\":\"<none>\",\"weak_encryption\":false}\n"
	"{\"msg_type\":\"KRB_ERROR\",\"failed_request\":\"KRB_AS_REQ\",\"error_code\":\"KDC_ERR_PRE"
	"AUTH_REQUIRED\",\"cname\":\"<empty>\",\"realm\":\"<empty>\",\"sname\":\"krbtgt/X.ORG\",\"e"
	"ncryption\":\"<none>\",\"weak_encryption\":false}\n"
	"{\"msg_type\":\"KRB_AS_REQ\",\"cname\":\"user\",\"realm\":\"X.ORG\",\"sname\":\"krbtgt/X.O"
	"RG\",\"encryption\":\"<none>\",\"weak_encryption\":false}\n"
	"{\"msg_type\":\"KRB_AS_REP\",\"cname\":\"user\",\"realm\":\"X.ORG\",\"sname\":\"krbtgt/X.O"
	"RG\",\"encryption\":\"rc4-hmac\",\"weak_encryption\":true,\"ticket_encryption\":\"aes256-c"
	"ts-hmac-sha1-96\",\"ticket_weak_encryption\":false} !weak_encryption\n"
	"{\"msg_type\":\"KRB_TGS_REQ\",\"cname\":\"<empty>\",\"realm\":\"X.ORG\",\"sname\":\"HTTP/w"
	"ww\",\"encryption\":\"<none>\",\"weak_encryption\":false}\n"
	"{\"msg_type\":\"KRB_TGS_REP\",\"cname\":\"user\",\"realm\":\"X.ORG\",\"sname\":\"krbtgt/X."
	"ORG\",\"encryption\":\"aes256-cts-hmac-sha1-96\",\"weak_encryption\":false,\"ticket_encryp"
	"tion\":\"aes256-cts-hmac-sha1-96\",\"ticket_weak_encryption\":false}\n";

static void exchange(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 88, NULL);
	assert_true(testtalk_same(&app, exchange_talk, ARRAY_COUNT(exchange_talk), exchange_records));
	testapp_done(&app);
}

static const struct testtalk malformed_talk[] = {
	TALK(TO_SERVER, "\x00\x00\x00_j]0[\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\n\xa4O0M\xa0\x07\x03\x05\x00@\x00\x00"
			"\x00\xa1\x11"
			"0\x0f\xa0\x03\x02\x01\x01\xa1\x08"
			"0\x06\x1b\x04user\xa2\x07\x1b\x05X.ORG\xa3"
			"\x1a"
			"0\x18\xa0\x03\x02\x01\x01\xa1\x11"
			"0\x0f\x1b\x06krbtgt\x1b\x05X.ORG\xa7\x03\x02\x01"
			"\x05\xa8\x05"
			"0\x03\x02\x01\x12"),
	TALK(TO_CLIENT, "\x00\x00\x00\x07k\x05"
			"0\x03\x02\x01\x05"),
};

static const char malformed_records[] =
	"{\"msg_type\":\"KRB_AS_REQ\",\"cname\":\"user\",\"realm\":\"X.ORG\",\"sname\":\"krbtgt/X.O"
	"RG\",\"encryption\":\"<none>\",\"weak_encryption\":false}\n"
	"{\"msg_type\":\"KRB_AS_REP\",\"cname\":\"<empty>\",\"realm\":\"<empty>\",\"sname\":\"<empt"
	"y>\",\"encryption\":\"<none>\",\"weak_encryption\":false} !malformed_data\n";

static void malformed(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 88, NULL);
	assert_true(testtalk_same(&app, malformed_talk, ARRAY_COUNT(malformed_talk), malformed_records));
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exchange),
		cmocka_unit_test(malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
