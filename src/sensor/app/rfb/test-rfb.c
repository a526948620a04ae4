// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/testtalk.h"

static const struct testtalk version_3_3_talk[] = {
	TALK(TO_CLIENT, "RFB 003.003\n"),
	TALK(TO_SERVER, "RFB 003.003\n"),
	TALK(TO_CLIENT, "\x00\x00\x00\x02\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\n\x0b\x0c\r\x0e\x0f"),
	TALK(TO_SERVER, "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"),
	TALK(TO_CLIENT, "\x00\x00\x00\x00"),
	TALK(TO_SERVER, "\x01"),
	TALK(TO_CLIENT, "\x03 \x02X \x18\x00\x01\x00\xff\x00\xff\x00\xff\x10\x08\x00\x00\x00\x00\x00\x00\x00\x04"
			"d"
			"esk"),
	TALK(TO_SERVER, "\x03"
			"anything"),
};

static const char version_3_3_records[] =
	"{\"server_protocol_version\":{\"major\":\"003\",\"minor\":\"003\"},\"client_protocol_versi"
	"on\":{\"major\":\"003\",\"minor\":\"003\"},\"authentication\":{\"security_type\":2,\"vnc\""
	":{\"challenge\":\"000102030405060708090a0b0c0d0e0f\",\"response\":\"101112131415161718191a"
	"1b1c1d1e1f\"},\"security_result\":\"OK\"},\"screen_shared\":true,\"framebuffer\":{\"width\""
	":800,\"height\":600,\"name\":\"desk\",\"pixel_format\":{\"bits_per_pixel\":32,\"depth\":24"
	",\"big_endian\":false,\"true_color\":true,\"red_max\":255,\"green_max\":255,\"blue_max\":2"
	"55,\"red_shift\":16,\"green_shift\":8,\"blue_shift\":0}}}\n";

static void version_3_3(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 5900, NULL);
	assert_true(testtalk_same(&app, version_3_3_talk, ARRAY_COUNT(version_3_3_talk), version_3_3_records));
	testapp_done(&app);
}

static const struct testtalk version_3_8_talk[] = {
	TALK(TO_CLIENT, "RFB 003.008\n"),
	TALK(TO_SERVER, "RFB 003.008\n"),
	TALK(TO_CLIENT, "\x02\x01\x02"),
	TALK(TO_SERVER, "\x02"),
	TALK(TO_CLIENT, "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\n\x0b\x0c\r\x0e\x0f"),
	TALK(TO_SERVER, "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"),
	TALK(TO_CLIENT, "\x00\x00\x00\x01\x00\x00\x00\x04nope"),
};

static const char version_3_8_records[] =
	"{\"server_protocol_version\":{\"major\":\"003\",\"minor\":\"008\"},\"client_protocol_versi"
	"on\":{\"major\":\"003\",\"minor\":\"008\"},\"authentication\":{\"security_type\":2,\"vnc\""
	":{\"challenge\":\"000102030405060708090a0b0c0d0e0f\",\"response\":\"101112131415161718191a"
	"1b1c1d1e1f\"},\"security_result\":\"FAIL\"},\"server_security_failure_reason\":\"nope\"}\n";

static void version_3_8(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 5900, NULL);
	assert_true(testtalk_same(&app, version_3_8_talk, ARRAY_COUNT(version_3_8_talk), version_3_8_records));
	testapp_done(&app);
}

static const struct testtalk without_authentication_talk[] = {
	TALK(TO_CLIENT, "RFB 003.007\n"),
	TALK(TO_SERVER, "RFB 003.007\n"),
	TALK(TO_CLIENT, "\x01\x01"),
	TALK(TO_SERVER, "\x01\x00"),
	TALK(TO_CLIENT, "\x03 \x02X \x18\x00\x01\x00\xff\x00\xff\x00\xff\x10\x08\x00\x00\x00\x00\x00\x00\x00\x04"
			"d"
			"esk"),
};

static const char without_authentication_records[] =
	"{\"server_protocol_version\":{\"major\":\"003\",\"minor\":\"007\"},\"client_protocol_versi"
	"on\":{\"major\":\"003\",\"minor\":\"007\"},\"authentication\":{\"security_type\":1},\"scre"
	"en_shared\":false,\"framebuffer\":{\"width\":800,\"height\":600,\"name\":\"desk\",\"pixel_"
	"format\":{\"bits_per_pixel\":32,\"depth\":24,\"big_endian\":false,\"true_color\":true,\"re"
	"d_max\":255,\"green_max\":255,\"blue_max\":255,\"red_shift\":16,\"green_shift\":8,\"blue_s"
	"hift\":0}}}\n";

static void without_authentication(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 5900, NULL);
	assert_true(testtalk_same(&app, without_authentication_talk, ARRAY_COUNT(without_authentication_talk),
		without_authentication_records));
	testapp_done(&app);
}

static const struct testtalk unknown_type_talk[] = {
	TALK(TO_CLIENT, "RFB 003.008\n"),
	TALK(TO_SERVER, "RFB 003.008\n"),
	TALK(TO_CLIENT, "\x01\x1e"),
	TALK(TO_SERVER, "\x1e"),
};

static const char unknown_type_records[] =
	"{\"server_protocol_version\":{\"major\":\"003\",\"minor\":\"008\"},\"client_protocol_versi"
	"on\":{\"major\":\"003\",\"minor\":\"008\"},\"authentication\":{\"security_type\":30}} !uni"
	"mplemented_security_type\n";

static void unknown_type(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 5900, NULL);
	assert_true(testtalk_same(&app, unknown_type_talk, ARRAY_COUNT(unknown_type_talk), unknown_type_records));
	testapp_done(&app);
}

static const struct testtalk refused_talk[] = {
	TALK(TO_CLIENT, "RFB 003.008\n"),
	TALK(TO_SERVER, "RFB 003.008\n"),
	TALK(TO_CLIENT, "\x00\x00\x00\x00\x03"
			"bad"),
};

static const char refused_records[] =
	"{\"server_protocol_version\":{\"major\":\"003\",\"minor\":\"008\"},\"client_protocol_versi"
	"on\":{\"major\":\"003\",\"minor\":\"008\"},\"server_security_failure_reason\":\"bad\"}\n";

static void refused(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 5900, NULL);
	assert_true(testtalk_same(&app, refused_talk, ARRAY_COUNT(refused_talk), refused_records));
	testapp_done(&app);
}

static const struct testtalk wrong_turn_talk[] = {
	TALK(TO_CLIENT, "RFB 003.008\n"),
	TALK(TO_SERVER, "RFB 003.008\n"),
	TALK(TO_SERVER, "\x01"),
};

static const char wrong_turn_records[] =
	"{\"server_protocol_version\":{\"major\":\"003\",\"minor\":\"008\"},\"client_protocol_versi"
	"on\":{\"major\":\"003\",\"minor\":\"008\"}} !confused_state\n";

static void wrong_turn(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 5900, NULL);
	assert_true(testtalk_same(&app, wrong_turn_talk, ARRAY_COUNT(wrong_turn_talk), wrong_turn_records));
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_3_3),
		cmocka_unit_test(version_3_8),
		cmocka_unit_test(without_authentication),
		cmocka_unit_test(unknown_type),
		cmocka_unit_test(refused),
		cmocka_unit_test(wrong_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
