// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/testapp.h"

#define CONFIG "%YAML 1.1\n---\napp-layer:\n  protocols:\n    ssh:\n      hassh: yes\n"

/* Banner, proposal with two names in some lists, new keys. */
#define LIST0 "\x00\x00\x00\x01k"
#define LISTS                                                                                                          \
	LIST0 "\x00\x00\x00\x01h\x00\x00\x00\x01"                                                                      \
	      "c\x00\x00\x00\x01"                                                                                      \
	      "C\x00\x00\x00\x01m\x00\x00\x00\x01M\x00\x00\x00\x01z\x00\x00\x00\x01Z"
#define PROPOSAL                                                                                                       \
	"\x00\x00\x00\x40\x04\x14"                                                                                     \
	"0123456789abcdef" LISTS "\x00\x00\x00\x00\x00\x00"
#define NEW_KEYS                                                                                                       \
	"\x00\x00\x00\x0c\x0a\x15"                                                                                     \
	"0123456789"
#define CLIENT      "SSH-2.0-Client_1.0 comment\r\n" PROPOSAL NEW_KEYS
#define SERVER      "motd\r\nSSH-1.99-Server_2.0\r\n" PROPOSAL NEW_KEYS
#define BYTES(text) bytes_of(text, sizeof(text) - 1)

static void whole_bytewise_and_cut_everywhere(void **state)
{
	for (size_t cut = 0; cut < sizeof(CLIENT); cut++) {
		struct testapp app;
		char text[256];
		struct app_tx *tx;

		testapp_init(&app, 6, 22, CONFIG);
		testapp_stream(&app, TO_SERVER, BYTES(CLIENT), cut);
		testapp_stream(&app, TO_CLIENT, BYTES(SERVER), cut);
		assert_string_equal(app_conn_proto(app.flow.app), "ssh");
		tx = app.flow.app->first;
		assert_int_equal(tx->event_count, 0);
		assert_string_equal(
			testapp_buffer(&app, tx, "ssh.software", TO_SERVER, 0, text, sizeof(text)), "Client_1.0");
		assert_string_equal(
			testapp_buffer(&app, tx, "ssh.hassh.string", TO_SERVER, 0, text, sizeof(text)), "k;c;m;z");
		assert_int_equal(app_tx_state(tx, TO_SERVER), tx->protocol->complete[TO_SERVER]);
		testapp_done(&app);
	}
}

static void record_in_eve(void **state)
{
	struct testapp app;
	char text[2048];

	testapp_init(&app, 6, 22, NULL);
	testapp_stream(&app, TO_SERVER, BYTES("SSH-2.0-Client_1.0\r\n"), 0);
	testapp_stream(&app, TO_CLIENT, BYTES("SSH-1.99-Server_2.0\r\n"), 0);
	assert_string_equal(testapp_log(app.flow.app->first, &app.flow, false, text, sizeof(text)),
		"{\"client\":{\"proto_version\":\"2.0\",\"software_version\":\"Client_1.0\"},"
		"\"server\":{\"proto_version\":\"1.99\",\"software_version\":\"Server_2.0\"}}");
	assert_true(app_tx_loggable(app.flow.app->first));
	testapp_done(&app);
}

static void trouble(void **state)
{
	static const struct {
		const char *name;
		const char *text;
	} rows[] = {
		{ "invalid_banner", "SSH-2.0\r\n" },
		{ "invalid_record", "SSH-2.0-x\r\n\xff\xff\xff\xff\x01\x01" },
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++) {
		struct testapp app;

		testapp_init(&app, 6, 22, NULL);
		testapp_stream(&app, TO_SERVER, bytes_from_str(rows[i].text), 0);
		assert_true(testapp_tx_has_event(app.flow.app->first, rows[i].name));
		assert_true(app.flow.app->failed);
		testapp_done(&app);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_bytewise_and_cut_everywhere),
		cmocka_unit_test(record_in_eve),
		cmocka_unit_test(trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
