// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "sensor/app/dns/message.h"
#include "sensor/app/testapp.h"

#define BYTES(text) bytes_of(text, sizeof(text) - 1)

#define QUERY                                                                                                          \
	"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"                                                             \
	"\x03www\x07"                                                                                                  \
	"example\x03org\x00\x00\x01\x00\x01"

#define ANSWER                                                                                                         \
	"\x12\x34\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00"                                                             \
	"\x03www\x07"                                                                                                  \
	"example\x03org\x00\x00\x01\x00\x01"                                                                           \
	"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x04\x01"                                                         \
	"a\xc0\x10"                                                                                                    \
	"\xc0\x2d\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07"

static void request_and_response(void **state)
{
	struct testapp app;
	char text[4096];

	testapp_init(&app, 17, 53, NULL);
	testapp_datagram(&app, TO_SERVER, BYTES(QUERY));
	testapp_datagram(&app, TO_CLIENT, BYTES(ANSWER));
	assert_string_equal(app_conn_proto(app.flow.app), "dns");
	assert_int_equal(app.flow.app->tx_count, 2);
	assert_string_equal(testapp_log(app.flow.app->first, &app.flow, false, text, sizeof(text)),
		"{\"version\":3,\"type\":\"request\",\"tx_id\":0,\"id\":4660,\"flags\":\"100\",\"rd\":true,\"opcode\":"
		"0,"
		"\"rcode\":\"NOERROR\",\"queries\":[{\"rrname\":\"www.example.org\",\"rrtype\":\"A\"}]}");
	assert_string_equal(testapp_log(app.flow.app->last, &app.flow, false, text, sizeof(text)),
		"{\"version\":3,\"type\":\"response\",\"tx_id\":1,\"id\":4660,\"flags\":\"8180\",\"qr\":true,\"rd\":"
		"true,"
		"\"ra\":true,\"opcode\":0,\"rcode\":\"NOERROR\",\"queries\":[{\"rrname\":\"www.example.org\","
		"\"rrtype\":"
		"\"A\"}],\"answers\":[{\"rrname\":\"www.example.org\",\"rrtype\":\"CNAME\",\"ttl\":60,\"rdata\":"
		"\"a.example.org\"},{\"rrname\":\"a.example.org\",\"rrtype\":\"A\",\"ttl\":60,\"rdata\":\"192.0.2.7\"}]"
		","
		"\"grouped\":{\"A\":[\"192.0.2.7\"],\"CNAME\":[\"a.example.org\"]}}");
	assert_string_equal(testapp_buffer(&app, app.flow.app->first, "dns.query", TO_SERVER, 0, text, sizeof(text)),
		"www.example.org");
	assert_string_equal(
		testapp_buffer(&app, app.flow.app->last, "dns.response.rrname", TO_CLIENT, 2, text, sizeof(text)),
		"a.example.org");
	app_conn_clean(app.flow.app, false);
	assert_int_equal(app.flow.app->tx_live, 2);
	for (struct app_tx *tx = app.flow.app->first; tx; tx = tx->next) {
		assert_true(app_tx_loggable(tx));
		tx->logged = true;
	}
	app_conn_clean(app.flow.app, false);
	assert_int_equal(app.flow.app->tx_live, 0);
	testapp_done(&app);
}

static void answer_first_turns_the_flow(void **state)
{
	struct testapp app;

	testapp_init(&app, 17, 40001, NULL);
	app.flow.client_port = 53;
	testapp_datagram(&app, TO_SERVER, BYTES(ANSWER));
	assert_true(app.flow.flags & FLOW_DIR_REVERSED);
	assert_int_equal(app.flow.server_port, 53);
	assert_int_equal(app.packet.dir, TO_CLIENT);
	assert_int_equal(app.flow.app->tx_count, 1);
	testapp_done(&app);
}

#define FRAMED_QUERIES "\x00\x21" QUERY "\x00\x21" QUERY

static void tcp_cut_everywhere(void **state)
{
	for (size_t cut = 0; cut < sizeof(FRAMED_QUERIES); cut++) {
		struct testapp app;

		testapp_init(&app, 6, 53, NULL);
		testapp_stream(&app, TO_SERVER, BYTES(FRAMED_QUERIES), cut);
		assert_int_equal(app.flow.app->tx_count, 2);
		testapp_done(&app);
	}
}

static void every_prefix_is_refused_or_read(void **state)
{
	for (size_t size = 0; size < sizeof(ANSWER) - 1; size++) {
		struct dns_message message;
		struct arena arena;

		arena_init(&arena, 1 << 20);
		assert_int_not_equal(dns_message_parse(bytes_first(BYTES(ANSWER), size), &arena, &message), 0);
		arena_done(&arena);
	}
}

static void events(void **state)
{
	static const struct {
		const char *name;
		enum sensor_dir dir;
		struct bytes message;
	} rows[] = {
		{ "z_flag_set", TO_SERVER,
			{ (const uint8_t *)"\x12\x34\x01\x40\x00\x00\x00\x00\x00\x00\x00\x00", 12 } },
		{ "invalid_opcode", TO_SERVER,
			{ (const uint8_t *)"\x12\x34\x48\x00\x00\x00\x00\x00\x00\x00\x00\x00", 12 } },
		{ "malformed_data", TO_SERVER,
			{ (const uint8_t *)"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03w", 14 } },
		{ "infinite_loop", TO_SERVER,
			{ (const uint8_t *)"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01",
				18 } },
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++) {
		struct testapp app;

		testapp_init(&app, 17, 53, NULL);
		testapp_datagram(&app, rows[i].dir, rows[i].message);
		assert_non_null(app.flow.app->first);
		assert_true(testapp_tx_has_event(app.flow.app->first, rows[i].name));
		testapp_done(&app);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_and_response),
		cmocka_unit_test(answer_first_turns_the_flow),
		cmocka_unit_test(tcp_cut_everywhere),
		cmocka_unit_test(every_prefix_is_refused_or_read),
		cmocka_unit_test(events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
