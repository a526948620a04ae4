// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/internal.h"
#include "sensor/app/testapp.h"

#define BYTES(text) bytes_of(text, sizeof(text) - 1)

static bool has_event(const struct app_conn *conn, enum app_layer_event event)
{
	for (uint8_t i = 0; i < conn->conn_event_count; i++)
		if (conn->conn_events[i] == event)
			return true;
	return false;
}

static void names_and_aliases(void **state)
{
	assert_ptr_equal(app_protocol_find("dns"), app_protocol_at(app_protocol_index(app_protocol_find("dns"))));
	assert_ptr_equal(app_protocol_find("ssl"), app_protocol_find("tls"));
	assert_null(app_protocol_find("no-such"));
	assert_int_equal(
		app_layer_event_find(bytes_from_str("applayer_unexpected_protocol")), APP_EVENT_UNEXPECTED_PROTOCOL);
	assert_int_equal(app_layer_event_find(bytes_from_str("x")), -1);
}

static void lists_of_ports(void **state)
{
	struct app_ports ports;

	assert_int_equal(app_ports_parse("53", &ports), 0);
	assert_true(app_ports_have(&ports, 53));
	assert_false(app_ports_have(&ports, 54));
	assert_int_equal(app_ports_parse("[80, 443, 1000:2000]", &ports), 0);
	assert_true(app_ports_have(&ports, 1500));
	assert_false(app_ports_have(&ports, 2001));
	assert_int_equal(app_ports_parse("", &ports), 0);
	assert_true(app_ports_have(&ports, 9));
	assert_int_not_equal(app_ports_parse("http", &ports), 0);
	assert_int_not_equal(app_ports_parse("70000", &ports), 0);
}

static void sides_that_differ(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 22, NULL);
	testapp_stream(&app, TO_SERVER, BYTES("SSH-2.0-x\r\n"), 0);
	testapp_stream(&app, TO_CLIENT, BYTES("\x16\x03\x01\x00\x00"), 0);
	assert_string_equal(app_conn_proto(app.flow.app), "ssh");
	assert_string_equal(app_conn_proto_dir(app.flow.app, TO_CLIENT), "tls");
	assert_true(has_event(app.flow.app, APP_EVENT_MISMATCH_PROTOCOL_BOTH_DIRECTIONS));
	testapp_done(&app);
}

static void only_one_side(void **state)
{
	static uint8_t unknown[APP_PROBE_BYTES_MAX + 1];
	struct testapp app;

	testapp_init(&app, 6, 2222, NULL);
	testapp_stream(&app, TO_SERVER, BYTES("SSH-2.0-x\r\n"), 0);
	testapp_stream(&app, TO_CLIENT, bytes_of(unknown, sizeof(unknown)), 0);
	assert_string_equal(app_conn_proto(app.flow.app), "ssh");
	assert_string_equal(app_conn_proto_dir(app.flow.app, TO_CLIENT), "failed");
	assert_true(has_event(app.flow.app, APP_EVENT_DETECT_PROTOCOL_ONLY_ONE_DIRECTION));
	testapp_done(&app);
}

static void nobody_knows(void **state)
{
	static uint8_t unknown[APP_PROBE_BYTES_MAX + 1];
	struct testapp app;

	testapp_init(&app, 6, 2222, NULL);
	testapp_stream(&app, TO_SERVER, bytes_of(unknown, sizeof(unknown)), 0);
	assert_null(app_conn_proto(app.flow.app));
	testapp_stream(&app, TO_CLIENT, bytes_of(unknown, sizeof(unknown)), 0);
	assert_string_equal(app_conn_proto(app.flow.app), "failed");
	assert_true(app.stopped[TO_CLIENT]);
	testapp_done(&app);
}

static void one_side_talks_too_long(void **state)
{
	static uint8_t unknown[APP_ONE_SIDE_MAX + 1];
	struct testapp app;

	testapp_init(&app, 6, 2222, NULL);
	testapp_stream(&app, TO_SERVER, bytes_of(unknown, sizeof(unknown)), 0);
	assert_true(has_event(app.flow.app, APP_EVENT_PROTO_DETECTION_SKIPPED));
	assert_string_equal(app_conn_proto(app.flow.app), "failed");
	testapp_done(&app);
}

static void switched_off(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 22,
		"%YAML 1.1\n---\napp-layer:\n  protocols:\n    ssh:\n      enabled: detection-only\n    tls:\n      "
		"enabled: no\n");
	testapp_stream(&app, TO_SERVER, BYTES("SSH-2.0-x\r\n"), 0);
	assert_string_equal(app_conn_proto(app.flow.app), "ssh");
	assert_int_equal(app.flow.app->tx_count, 0);
	testapp_done(&app);
	testapp_init(&app, 6, 443, "%YAML 1.1\n---\napp-layer:\n  protocols:\n    tls:\n      enabled: no\n");
	testapp_stream(&app, TO_SERVER, BYTES("\x16\x03\x01\x00\x00"), 0);
	assert_null(app_conn_proto(app.flow.app));
	testapp_done(&app);
}

static void simulated_error(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 22, NULL);
	app.settings.simulate_applayer_error[TO_SERVER] = 0;
	testapp_stream(&app, TO_SERVER, BYTES("SSH-2.0-x\r\n"), 0);
	assert_true(app.flow.app->failed);
	assert_true(app.stopped[TO_SERVER]);
	assert_string_equal(app_conn_proto(app.flow.app), "ssh");
	testapp_done(&app);
}

static unsigned int released;

static void release(void *data)
{
	released++;
	free(data);
}

static void announced_flow(void **state)
{
	struct testapp app;
	struct flow data_flow;

	released = 0;
	testapp_init(&app, 6, 22, NULL);
	testapp_stream(&app, TO_SERVER, BYTES("SSH-2.0-x\r\n"), 0);
	assert_int_equal(app_expect(app.flow.app, TO_SERVER, 5000, "ssh", malloc(1), release), 0);
	assert_int_equal(app_expect(app.flow.app, TO_SERVER, 5000, "ssh", malloc(1), release), 0);
	assert_int_equal(released, 1);
	assert_int_not_equal(app_expect(app.flow.app, TO_SERVER, 5000, "no-such", malloc(1), release), 0);
	assert_int_equal(released, 2);
	data_flow = app.flow;
	data_flow.app = NULL;
	data_flow.server_port = 5000;
	app_flow_new(app.worker, &data_flow);
	assert_non_null(data_flow.app);
	assert_ptr_equal(data_flow.app->protocol, app_protocol_find("ssh"));
	assert_non_null(app_expectation(&data_flow));
	app_conn_free(data_flow.app);
	app_expectation_free(&data_flow);
	assert_int_equal(released, 3);
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_aliases),
		cmocka_unit_test(lists_of_ports),
		cmocka_unit_test(sides_that_differ),
		cmocka_unit_test(only_one_side),
		cmocka_unit_test(nobody_knows),
		cmocka_unit_test(one_side_talks_too_long),
		cmocka_unit_test(switched_off),
		cmocka_unit_test(simulated_error),
		cmocka_unit_test(announced_flow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
