// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/dcerpc/call.h"
#include "sensor/app/testapp.h"

#define BYTES(text) bytes_of(text, sizeof(text) - 1)

/* Little-endian head: version 5.0, type, flags, size, call 7. */
#define HEAD(type, flags, size) "\x05\x00" type flags "\x10\x00\x00\x00" size "\x00\x00\x00\x07\x00\x00\x00"

#define UUID_WIRE "\x78\x56\x34\x12\x34\x12\xcd\xab\xef\x00\x01\x23\x45\x67\x89\xab"
#define UUID_TEXT "12345678-1234-abcd-ef00-0123456789ab"
#define NDR       "\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\x00\x2b\x10\x48\x60\x02\x00\x00\x00"

#define BIND                                                                                                           \
	HEAD("\x0b", "\x03", "\x48")                                                                                   \
	"\xb8\x10\xb8\x10\x00\x00\x00\x00\x01\x00\x00\x00\x03\x00\x01\x00" UUID_WIRE "\x01\x00\x02\x00" NDR
#define BIND_ACK                                                                                                       \
	HEAD("\x0c", "\x03", "\x3c")                                                                                   \
	"\xb8\x10\xb8\x10\x01\x00\x00\x00\x04\x00"                                                                     \
	"135\x00\x00\x00"                                                                                              \
	"\x01\x00\x00\x00\x00\x00\x00\x00" NDR
#define REQUEST_FIRST  HEAD("\x00", "\x01", "\x1c") "\x08\x00\x00\x00\x03\x00\x29\x00stub"
#define REQUEST_LAST   HEAD("\x00", "\x02", "\x1c") "\x04\x00\x00\x00\x03\x00\x29\x00 dat"
#define RESPONSE_WHOLE HEAD("\x02", "\x03", "\x1a") "\x02\x00\x00\x00\x03\x00\x00\x00OK"

#define TO_SERVER_ALL BIND REQUEST_FIRST REQUEST_LAST
#define TO_CLIENT_ALL BIND_ACK RESPONSE_WHOLE

static struct app_tx *tx_at(struct testapp *app, unsigned int index)
{
	struct app_tx *tx = app->flow.app->first;

	while (tx && index-- != 0)
		tx = tx->next;
	assert_non_null(tx);
	return tx;
}

static void check_calls(struct testapp *app)
{
	char text[4096];

	assert_string_equal(app_conn_proto(app->flow.app), "dcerpc");
	assert_int_equal(app->flow.app->tx_count, 2);
	assert_string_equal(testapp_log(tx_at(app, 0), &app->flow, false, text, sizeof(text)),
		"{\"request\":\"BIND\",\"response\":\"BINDACK\",\"interfaces\":[{\"uuid\":\"" UUID_TEXT
		"\",\"version\":\"1.2\",\"ack_result\":0}],\"call_id\":7,\"rpc_version\":\"5.0\"}");
	assert_string_equal(testapp_log(tx_at(app, 1), &app->flow, false, text, sizeof(text)),
		"{\"request\":\"REQUEST\",\"req\":{\"opnum\":41,\"frag_cnt\":2,\"stub_data_size\":8},\"response\":"
		"\"RESPONSE\",\"res\":{\"frag_cnt\":1,\"stub_data_size\":10},\"interfaces\":[{\"uuid\":\"" UUID_TEXT
		"\",\"version\":\"1.2\",\"ack_result\":0}],\"call_id\":7,\"rpc_version\":\"5.0\"}");
	assert_string_equal(
		testapp_buffer(app, tx_at(app, 1), "dcerpc.stub_data", TO_SERVER, 0, text, sizeof(text)), "stub dat");
	assert_true(app_tx_complete(tx_at(app, 1), TO_SERVER));
	assert_true(app_tx_complete(tx_at(app, 1), TO_CLIENT));
}

static void calls_cut_everywhere(void **state)
{
	size_t last = sizeof(TO_SERVER_ALL) > sizeof(TO_CLIENT_ALL) ? sizeof(TO_SERVER_ALL) : sizeof(TO_CLIENT_ALL);

	for (size_t cut = 0; cut < last; cut++) {
		struct testapp app;

		testapp_init(&app, 6, 49152, NULL);
		testapp_stream(&app, TO_SERVER, BYTES(BIND), cut);
		testapp_stream(&app, TO_CLIENT, BYTES(BIND_ACK), cut);
		testapp_stream(&app, TO_SERVER, BYTES(REQUEST_FIRST REQUEST_LAST), cut);
		testapp_stream(&app, TO_CLIENT, BYTES(RESPONSE_WHOLE), cut);
		check_calls(&app);
		testapp_done(&app);
	}
}

static void an_answer_alone_has_lost_its_question(void **state)
{
	struct testapp app;
	char text[4096];

	testapp_init(&app, 6, 49152, NULL);
	testapp_stream(&app, TO_SERVER, BYTES(BIND), 0);
	testapp_stream(&app, TO_CLIENT, BYTES(RESPONSE_WHOLE), 0);
	assert_int_equal(app.flow.app->tx_count, 2);
	assert_false(app_tx_complete(tx_at(&app, 1), TO_SERVER));
	testapp_stream(&app, TO_SERVER, BYTES(REQUEST_FIRST), 0);
	assert_true(app_tx_complete(tx_at(&app, 1), TO_SERVER));
	assert_string_equal(testapp_log(tx_at(&app, 1), &app.flow, false, text, sizeof(text)),
		"{\"request\":\"REQUEST_LOST\",\"response\":\"RESPONSE\",\"res\":{\"frag_cnt\":1,\"stub_data_size\":10}"
		","
		"\"call_id\":7,\"rpc_version\":\"5.0\"}");
	testapp_done(&app);
}

/* A bind that is not a first fragment agrees on nothing. */
static void bind_without_first(void **state)
{
	static const char bind[] = BIND;
	uint8_t changed[sizeof(bind) - 1];
	struct testapp app;

	memcpy(changed, bind, sizeof(changed));
	changed[3] = 0;
	testapp_init(&app, 6, 49152, NULL);
	testapp_stream(&app, TO_SERVER, bytes_of(changed, sizeof(changed)), 0);
	testapp_stream(&app, TO_CLIENT, BYTES(BIND_ACK), 0);
	testapp_stream(&app, TO_SERVER, BYTES(REQUEST_FIRST), 0);
	assert_int_equal(dcerpc_call_of(tx_at(&app, 0))->interface_count, 1);
	assert_int_equal(dcerpc_call_of(tx_at(&app, 1))->interface_count, 0);
	testapp_done(&app);
}

static void heads(void **state)
{
	static const struct {
		const char *bytes;
		bool plausible;
	} rows[] = {
		{ HEAD("\x00", "\x03", "\x18"), true },
		{ HEAD("\x13", "\x03", "\x18"), true },
		{ HEAD("\x14", "\x03", "\x18"), false }, /* no such type */
		{ HEAD("\x00", "\x03", "\x0f"), false }, /* shorter than itself */
		{ "\x04\x00\x00\x03\x10\x00\x00\x00\x18\x00\x00\x00\x07\x00\x00\x00", false },
		{ "\x05\x02\x00\x03\x10\x00\x00\x00\x18\x00\x00\x00\x07\x00\x00\x00", false },
		{ "\x05\x01\x00\x03\x00\x00\x00\x00\x00\x18\x00\x00\x00\x00\x00\x07", true },
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++) {
		struct dcerpc_head head;

		for (size_t size = 0; size < DCERPC_HEAD_SIZE; size++)
			assert_false(dcerpc_head_read(bytes_of(rows[i].bytes, size), &head));
		assert_true(dcerpc_head_read(bytes_of(rows[i].bytes, DCERPC_HEAD_SIZE), &head));
		assert_int_equal(dcerpc_head_plausible(&head), rows[i].plausible);
		if (rows[i].plausible)
			assert_int_equal(head.call_id, 7);
	}
}

/* Version 4, request, flags, little-endian; object, interface, activity; boot time, version 1, sequence 5, operation 2. */
#define DATAGRAM(type, stub_size)                                                                                      \
	"\x04" type "\x00\x00\x10\x00\x00\x00"                                                                         \
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" UUID_WIRE                                   \
	"\x01\x00\x00\x00\x02\x00\x03\x00\x04\x05\x06\x07\x08\x09\x0a\x0b\x00\x00\x00\x00\x01\x00\x00\x00\x05\x00\x00" \
	"\x00\x02\x00\xff\xff\xff\xff" stub_size "\x00\x00\x00\x00\x00"

static void datagrams(void **state)
{
	struct testapp app;
	char text[4096];

	testapp_init(&app, 17, 135, NULL);
	testapp_datagram(&app, TO_SERVER, BYTES(DATAGRAM("\x00", "\x03") "abc"));
	testapp_datagram(&app, TO_CLIENT, BYTES(DATAGRAM("\x02", "\x02") "de"));
	assert_string_equal(app_conn_proto(app.flow.app), "dcerpc");
	assert_int_equal(app.flow.app->tx_count, 1);
	assert_string_equal(testapp_log(tx_at(&app, 0), &app.flow, false, text, sizeof(text)),
		"{\"request\":\"REQUEST\",\"req\":{\"opnum\":2,\"frag_cnt\":1,\"stub_data_size\":3},\"response\":"
		"\"RESPONSE\",\"res\":{\"frag_cnt\":1,\"stub_data_size\":2},\"interfaces\":[{\"uuid\":\"" UUID_TEXT
		"\",\"version\":\"1.0\"}],\"activityuuid\":\"00000001-0002-0003-0405-060708090a0b\",\"seqnum\":5,"
		"\"rpc_version\":\"4.0\"}");
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_cut_everywhere),
		cmocka_unit_test(an_answer_alone_has_lost_its_question),
		cmocka_unit_test(bind_without_first),
		cmocka_unit_test(heads),
		cmocka_unit_test(datagrams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
