// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/testapp.h"

enum { STEPS_MAX = 8, RECORDS_MAX = 6 };

static const struct step {
	enum sensor_dir dir;
	const char *text;
} steps[STEPS_MAX] = {
	{ TO_CLIENT, "+OK ready\r\n" },
	{ TO_SERVER, "user  a b\r\nPASS c\r\n" },
	{ TO_CLIENT, "+OK \r\n-ERR no\r\n" },
	{ TO_SERVER, "LIST\r\nAUTH PLAIN\r\n" },
	{ TO_CLIENT, "+OK 2\n1 2\r\n..\r\n.\r\n+ \r\n" },
	{ TO_SERVER, "c2VjcmV0\r\nLIST 1\r\nHMM\r\n" },
	{ TO_CLIENT, "+OK\r\n+OK 1 2\r\nwhat\r\n" },
};

static const char *const records[RECORDS_MAX + 1] = {
	"{\"response\":{\"success\":true,\"status\":\"OK\",\"header\":\"ready\",\"data\":[]}}",
	"{\"request\":{\"command\":\"USER\",\"args\":[\"\",\"a\",\"b\"]},"
	"\"response\":{\"success\":true,\"status\":\"OK\",\"header\":\"\",\"data\":[]}}",
	"{\"request\":{\"command\":\"PASS\",\"args\":[\"c\"]},"
	"\"response\":{\"success\":false,\"status\":\"ERR\",\"header\":\"no\",\"data\":[]}}",
	"{\"request\":{\"command\":\"LIST\",\"args\":[]},"
	"\"response\":{\"success\":true,\"status\":\"OK\",\"header\":\"2\",\"data\":[\"1 2\",\".\"]}}",
	"{\"request\":{\"command\":\"AUTH\",\"args\":[\"PLAIN\"]},"
	"\"response\":{\"success\":true,\"status\":\"OK\",\"header\":\"\",\"data\":[]}}",
	"{\"request\":{\"command\":\"LIST\",\"args\":[\"1\"]},"
	"\"response\":{\"success\":true,\"status\":\"OK\",\"header\":\"1 2\",\"data\":[]}}",
	"{\"request\":{\"command\":\"HMM\",\"args\":[]},"
	"\"response\":{\"success\":false,\"status\":\"ERR\",\"header\":\"\",\"data\":[]}}",
};

static void check(struct testapp *app)
{
	static char text[1 << 16];
	struct app_tx *tx = app->flow.app->first;

	assert_int_equal(app->flow.app->tx_count, RECORDS_MAX + 1);
	for (unsigned int i = 0; i <= RECORDS_MAX; i++, tx = tx->next) {
		assert_string_equal(testapp_log(tx, &app->flow, false, text, sizeof(text)), records[i]);
		assert_true(app_tx_complete(tx, TO_SERVER) && app_tx_complete(tx, TO_CLIENT));
	}
	assert_true(testapp_tx_has_event(app->flow.app->last, "unknown_command"));
	assert_true(testapp_tx_has_event(app->flow.app->last, "unsupported_response_format"));
}

/* Step 'cut_step' is cut at 'cut'; STEPS_MAX: all of them byte by byte, and more: none. */
static void run(size_t cut_step, size_t cut)
{
	struct testapp app;

	testapp_init(&app, 6, 110, NULL);
	for (size_t i = 0; i < STEPS_MAX && steps[i].text; i++) {
		struct bytes text = bytes_from_str(steps[i].text);

		if (i == cut_step && cut < text.size) {
			testapp_piece(&app, steps[i].dir, bytes_first(text, cut), 0);
			testapp_piece(&app, steps[i].dir, bytes_skip(text, cut), 0);
		} else {
			testapp_stream(&app, steps[i].dir, text, cut_step == STEPS_MAX ? 1 : 0);
		}
	}
	check(&app);
	testapp_done(&app);
}

static void session(void **state)
{
	for (size_t step = 0; step <= STEPS_MAX + 1; step++) {
		size_t size = step < STEPS_MAX && steps[step].text ? strlen(steps[step].text) : 2;

		for (size_t cut = 1; cut < size; cut++)
			run(step, cut);
	}
}

/* What a server sends is kept up to a limit, and what follows is found all the same. */
static void much_data(void **state)
{
	static char line[4000];
	struct testapp app;
	struct app_tx *tx;

	memset(line, 'x', sizeof(line) - 3);
	memcpy(line + sizeof(line) - 3, "\r\n", 3);
	testapp_init(&app, 6, 110, NULL);
	testapp_stream(&app, TO_CLIENT, bytes_from_str("+OK ready\r\n"), 0);
	testapp_stream(&app, TO_SERVER, bytes_from_str("USER a\r\nRETR 1\r\nNOOP\r\n"), 0);
	testapp_stream(&app, TO_CLIENT, bytes_from_str("+OK\r\n+OK\r\n"), 0);
	for (int i = 0; i < 100; i++)
		testapp_stream(&app, TO_CLIENT, bytes_from_str(line), 0);
	testapp_stream(&app, TO_CLIENT, bytes_from_str(".\r\n+OK\r\n"), 0);
	tx = app.flow.app->last;
	assert_true(app_tx_complete(tx, TO_CLIENT));
	assert_true(testapp_tx_has_event(tx->prev, "response_too_long"));
	assert_true(tx->prev->counted_size < 1 << 20);
	testapp_done(&app);
}

/* The word USER is FTP's too: what the server said decides. */
static void not_ftp(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 2121, NULL);
	testapp_stream(&app, TO_CLIENT, bytes_from_str("+OK ready\r\n"), 0);
	testapp_stream(&app, TO_SERVER, bytes_from_str("USER a\r\n"), 0);
	assert_string_equal(app_conn_proto(app.flow.app), "pop3");
	assert_int_equal(app.flow.app->conn_event_count, 0);
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session),
		cmocka_unit_test(much_data),
		cmocka_unit_test(not_ftp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
