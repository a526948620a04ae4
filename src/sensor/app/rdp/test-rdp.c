// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/testtalk.h"

static const struct testtalk plain_talk[] = {
	TALK(TO_SERVER, "\x03\x00\x00 \x1b\xe0\x00\x00\x00\x00\x00"
			"Cookie: mstshash=me\r\n"),
	TALK(TO_CLIENT, "\x03\x00\x00\x0b\x06\xd0\x00\x00\x12"
			"4\x00"),
	TALK(TO_SERVER, "\x03\x00\x01I\x02\xf0\x80\x7f"
			"e\x82\x01=\x04\x01\x01\x04\x01\x01\x01\x01\xff"
			"0\x03\x02"
			"\x01\x01"
			"0\x03\x02\x01\x01"
			"0\x03\x02\x01\x01\x04\x82\x01!\x00\x05\x00\x14|\x00\x01\x81"
			"\x00\x00\x08\x00\x10\x00\x01\xc0\x00"
			"Duca\x81\n\x01\xc0\xea\x00\x04\x00\x08\x00\x00\x05"
			" \x03\x01\xca\x03\xaa\x09\x04\x00\x00(\n\x00\x00"
			"B\x00O\x00X\x00\xe9\x00\x00\x00\x00\x00"
			"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00"
			"\x00\x00\x00\x00\x00\x00\x0c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			"\x00\x00\x00\x00\x00\x00\x00\x00\x01\xca\x01\x00\x00\x00\x00\x00\x10\x00\x07\x00!\x00i\x00"
			"d\x00-\x00"
			"1\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x01\x00\x00\x00"
			",\x01\x00\x00\xc8\x00\x00\x00Z\x00"
			"d\x00\x00\x00\x8c\x00\x00\x00\x03\xc0 \x00\x02\x00\x00"
			"\x00rdpdr\x00\x00\x00\x00\x00\x00\x00"
			"cliprdr\x00\x00\x00\x00\x00"),
	TALK(TO_CLIENT, "\x03\x00\x00\r\x02\xf0\x80\x7f"
			"f\x03\n\x01\x00"),
	TALK(TO_SERVER, "\x03\x00\x00\n\x02\xf0\x80\x04\x01\x00"),
	TALK(TO_CLIENT, "anything"),
};

static const char plain_records[] =
	"{\"tx_id\":0,\"event_type\":\"initial_request\",\"cookie\":\"me\"}\n"
	"{\"tx_id\":1,\"event_type\":\"initial_response\"}\n"
	"{\"tx_id\":2,\"event_type\":\"connect_request\",\"client\":{\"version\":\"v5\",\"desktop_w"
	"idth\":1280,\"desktop_height\":800,\"color_depth\":16,\"keyboard_layout\":\"en-US\",\"buil"
	"d\":\"Windows XP\",\"client_name\":\"BOXé\",\"keyboard_type\":\"enhanced\",\"function_keys"
	"\":12,\"product_id\":1,\"capabilities\":[\"support_errinfo_pdf\",\"valid_connection_type\""
	"],\"id\":\"id-1\",\"connection_hint\":\"lan\",\"physical_width\":300,\"physical_height\":2"
	"00,\"desktop_orientation\":90,\"scale_factor\":100,\"device_scale_factor\":140},\"channels"
	"\":[\"rdpdr\",\"cliprdr\"]}\n"
	"{\"tx_id\":3,\"event_type\":\"connect_response\"}\n";

static void plain(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 3389, NULL);
	assert_true(testtalk_same(&app, plain_talk, ARRAY_COUNT(plain_talk), plain_records));
	testapp_done(&app);
}

static const struct testtalk with_tls_talk[] = {
	TALK(TO_SERVER, "\x03\x00\x00(#\xe0\x00\x00\x00\x00\x00"
			"Cookie: mstshash=me\r\n\x01\x01\x08\x00\x03\x00\x00"
			"\x00"),
	TALK(TO_CLIENT, "\x03\x00\x00\x13\x0e\xd0\x00\x00\x12"
			"4\x00\x02\x01\x08\x00\x02\x00\x00\x00"),
	TALK(TO_SERVER, "\x16\x03\x03\x00\x0b"
			"clienthello"),
	TALK(TO_CLIENT, "\x16\x03\x03\x00\x14\x02\x00\x00\x0bserverhello\x0b\x00\x00'\x00\x16\x03\x03\x00&\x00$\x00"
			"\x00\x10"
			"0\x0e"
			"0\x0c\xa0\x03\x02\x01\x02\x02\x03\x16\xed*0\x00\x00\x00\x0e"
			"0\x0c"
			"0\n"
			"\xa0\x03\x02\x01\x02\x02\x01\x01"
			"0\x00"),
	TALK(TO_SERVER, "\x17\x03\x03\x00\x01x"),
	TALK(TO_CLIENT, "\x17\x03\x03\x00\x01y"),
};

static const char with_tls_records[] =
	"{\"tx_id\":0,\"event_type\":\"initial_request\",\"cookie\":\"me\",\"flags\":[\"restricted_"
	"admin_mode_required\"]}\n"
	"{\"tx_id\":1,\"event_type\":\"initial_response\",\"server_supports\":[\"extended_client_da"
	"ta\"],\"protocol\":\"hybrid\"}\n"
	"{\"tx_id\":2,\"event_type\":\"tls_handshake\",\"x509_serials\":[\"16ed2a\",\"01\"]}\n";

static void with_tls(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 3389, NULL);
	assert_true(testtalk_same(&app, with_tls_talk, ARRAY_COUNT(with_tls_talk), with_tls_records));
	testapp_done(&app);
}

static const struct testtalk with_tls_1_3_talk[] = {
	TALK(TO_SERVER, "\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00"),
	TALK(TO_CLIENT, "\x03\x00\x00\x13\x0e\xd0\x00\x00\x12"
			"4\x00\x02\x00\x08\x00\x01\x00\x00\x00"),
	TALK(TO_SERVER, "\x16\x03\x03\x00\x0b"
			"clienthello"),
	TALK(TO_CLIENT, "\x16\x03\x03\x00\x09\x02\x00\x00\x05hello\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x09zzz"
			"zzzzzz"),
};

static const char with_tls_1_3_records[] = "{\"tx_id\":0,\"event_type\":\"initial_request\"}\n"
					   "{\"tx_id\":1,\"event_type\":\"initial_response\",\"protocol\":\"ssl\"}\n";

static void with_tls_1_3(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 3389, NULL);
	assert_true(testtalk_same(&app, with_tls_1_3_talk, ARRAY_COUNT(with_tls_1_3_talk), with_tls_1_3_records));
	testapp_done(&app);
}

static const struct testtalk refused_talk[] = {
	TALK(TO_SERVER, "\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x00\x00\x00\x00"),
	TALK(TO_CLIENT, "\x03\x00\x00\x13\x0e\xd0\x00\x00\x12"
			"4\x00\x03\x00\x08\x00\x05\x00\x00\x00"),
};

static const char refused_records[] =
	"{\"tx_id\":0,\"event_type\":\"initial_request\"}\n"
	"{\"tx_id\":1,\"event_type\":\"initial_response\",\"error_code\":5,\"reason\":\"hybrid requ"
	"ired by server\"}\n";

static void refused(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 3389, NULL);
	assert_true(testtalk_same(&app, refused_talk, ARRAY_COUNT(refused_talk), refused_records));
	testapp_done(&app);
}

static const struct testtalk no_rdp_any_more_talk[] = {
	TALK(TO_SERVER, "\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x00\x00\x00\x00"),
	TALK(TO_CLIENT, "\x03\x00\x00\x0b\x06\xd0\x00\x00\x12"
			"4\x00"),
	TALK(TO_SERVER, "GET / HTTP/1.0\r\n"),
};

static const char no_rdp_any_more_records[] = "{\"tx_id\":0,\"event_type\":\"initial_request\"}\n"
					      "{\"tx_id\":1,\"event_type\":\"initial_response\"}\n";

static void no_rdp_any_more(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 3389, NULL);
	assert_true(
		testtalk_same(&app, no_rdp_any_more_talk, ARRAY_COUNT(no_rdp_any_more_talk), no_rdp_any_more_records));
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(with_tls),
		cmocka_unit_test(with_tls_1_3),
		cmocka_unit_test(refused),
		cmocka_unit_test(no_rdp_any_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
