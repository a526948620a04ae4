// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/testtalk.h"

static const struct testtalk call_talk[] = {
	TALK(TO_SERVER, "INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1\r\nf: \"A\"\r\n <sip:a@"
			"example.org>\r\nt: <sip:bob@example.org>\r\nc: application/sdp\r\nl: 196\r\n\r\nv=0\r\no"
			"=alice 1 2 IN IP4 192.0.2.1\r\ns=call\r\nc=IN IP4 192.0.2.1\r\nb=AS:64\r\nt=1 2\r\nr=604"
			"800 3600 0\r\na=sendrecv\r\nm=audio 30000 RTP/AVP 0\r\ni=voice\r\nk=prompt\r\na=rtpmap:0"
			" pcmu/8000\r\nm=video 0 RTP/AVP 31\r\n\r\n\r\n"),
	TALK(TO_CLIENT, "SIP/2.0 200 Very good\r\nVia: SIP/2.0/TCP 192.0.2.1\r\nFrom: <sip:a@example.org>\r\nCont"
			"ent-Length: 3\r\n\r\nxyzSIP/2.0 180 \r\n\r\n"),
	TALK(TO_SERVER, "ACK sip:bob@example.org SIP/2.0\r\nFrom: <sip:a@example.org>\r\n\r\n"),
};

static const char call_records[] =
	"{\"method\":\"INVITE\",\"uri\":\"sip:bob@example.org\",\"version\":\"SIP/2.0\",\"request_l"
	"ine\":\"INVITE sip:bob@example.org SIP/2.0\",\"sdp\":{\"origin\":\"alice 1 2 IN IP4 192.0."
	"2.1\",\"session_name\":\"call\",\"connection_data\":\"IN IP4 192.0.2.1\",\"bandwidths\":[\""
	"AS:64\"],\"time_descriptions\":[{\"time\":\"1 2\",\"repeat_time\":\"604800 3600 0\"}],\"at"
	"tributes\":[\"sendrecv\"],\"media_descriptions\":[{\"media\":\"audio 30000 RTP/AVP 0\",\"m"
	"edia_info\":\"voice\",\"encryption_key\":\"prompt\",\"attributes\":[\"rtpmap:0 pcmu/8000\""
	"]},{\"media\":\"video 0 RTP/AVP 31\"}]}}\n"
	"{\"version\":\"SIP/2.0\",\"code\":\"200\",\"reason\":\"Very good\",\"response_line\":\"SIP"
	"/2.0 200 Very good\"}\n"
	"{\"version\":\"SIP/2.0\",\"code\":\"180\",\"reason\":\"\",\"response_line\":\"SIP/2.0 180 "
	"\"}\n"
	"{\"method\":\"ACK\",\"uri\":\"sip:bob@example.org\",\"version\":\"SIP/2.0\",\"request_line"
	"\":\"ACK sip:bob@example.org SIP/2.0\"}\n";

static void call(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 5060, NULL);
	assert_true(testtalk_same(&app, call_talk, ARRAY_COUNT(call_talk), call_records));
	testapp_done(&app);
}

static const struct testtalk not_sip_any_more_talk[] = {
	TALK(TO_SERVER, "ACK sip:bob@example.org SIP/2.0\r\nFrom: <sip:a@example.org>\r\n\r\n"),
	TALK(TO_SERVER, "ACK sip:bob\r\n\r\n"),
};

static const char not_sip_any_more_records[] =
	"{\"method\":\"ACK\",\"uri\":\"sip:bob@example.org\",\"version\":\"SIP/2.0\",\"request_line"
	"\":\"ACK sip:bob@example.org SIP/2.0\"} !invalid_data\n";

static void not_sip_any_more(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 5060, NULL);
	assert_true(testtalk_same(
		&app, not_sip_any_more_talk, ARRAY_COUNT(not_sip_any_more_talk), not_sip_any_more_records));
	testapp_done(&app);
}

#define MESSAGE "OPTIONS sip:x SIP/2.0\r\nv: one\r\nVIA: two\r\nUser-Agent: \t me \r\n\r\n"

static void datagrams(void **state)
{
	static const char message[] = MESSAGE;
	struct testapp app;
	char text[256];

	testapp_init(&app, 17, 5060, NULL);
	testapp_datagram(&app, TO_SERVER, bytes_of(message, sizeof(message) - 1));
	/* No message: the event goes to the last transaction. A request from the server is none either. */
	testapp_datagram(&app, TO_SERVER, bytes_of("OPTIONS sip:x SIP/2.0\r\nv: one\r\n", 31));
	assert_true(testapp_tx_has_event(app.flow.app->first, "incomplete_data"));
	testapp_datagram(&app, TO_SERVER, bytes_of("SIP/2.0 200 OK\r\n\r\n", 18));
	assert_true(testapp_tx_has_event(app.flow.app->first, "invalid_data"));
	assert_int_equal(app.flow.app->tx_count, 1);
	assert_string_equal(
		testapp_buffer(&app, app.flow.app->first, "sip.via", TO_SERVER, 0, text, sizeof(text)), "one");
	assert_string_equal(
		testapp_buffer(&app, app.flow.app->first, "sip.via", TO_SERVER, 1, text, sizeof(text)), "two");
	assert_string_equal(
		testapp_buffer(&app, app.flow.app->first, "sip.user_agent", TO_SERVER, 0, text, sizeof(text)), "me");
	assert_string_equal(
		testapp_buffer(&app, app.flow.app->first, "sip.method", TO_SERVER, 0, text, sizeof(text)), "OPTIONS");
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(call),
		cmocka_unit_test(not_sip_any_more),
		cmocka_unit_test(datagrams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
