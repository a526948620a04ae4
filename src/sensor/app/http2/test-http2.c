// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/http2/http2.h"
#include "sensor/app/testapp.h"

#define BYTES(text) bytes_of(text, sizeof(text) - 1)
/* The same where a constant is needed. */
#define TEXT(text)                                                                                                     \
	{                                                                                                              \
		(const uint8_t *)(text), sizeof(text) - 1                                                              \
	}

/* size 6 at most 255, type, flags, stream */
#define FRAME(size, type, flags, stream) "\0\0" size type flags "\0\0\0" stream

/* Literals without indexing and indexed fields of the static table (RFC 7541, appendix A). */
#define GET_BLOCK                                                                                                      \
	"\x82\x04\x04/abc\x01\x05"                                                                                     \
	"h.org\x0f\x2b\x03uau"
#define TEXT_BLOCK                                                                                                     \
	"\x88\x0f\x0d\x01"                                                                                             \
	"5"

static const struct bytes client =
	TEXT(HTTP2_PREFACE FRAME("\x0c", "\x04", "\0", "\0") "\0\x02\0\0\0\0\0\x04\0\1\0\0" FRAME(
		"\x15", "\x01", "\x05", "\x01") GET_BLOCK "\x83" FRAME("\x04", "\x08", "\0", "\0") "\0\0\x10\0");
static const struct bytes server = TEXT(
	FRAME("\x06", "\x04", "\0", "\0") "\0\x03\0\0\0\x64" FRAME("\x05", "\x01", "\x04", "\x01") TEXT_BLOCK FRAME(
		"\x08", "\0", "\x09", "\x01") "\x02"
					      "hello\0\0" FRAME("\x08", "\x07", "\0", "\0") "\0\0\0\x01\0\0\0\x02");

static void begin(struct testapp *app, size_t cut)
{
	testapp_init(app, 6, 80, NULL);
	testapp_stream(app, TO_SERVER, client, cut);
	testapp_stream(app, TO_CLIENT, server, cut);
	testapp_piece(app, TO_SERVER, (struct bytes){ 0 }, STREAM_EOF);
	testapp_piece(app, TO_CLIENT, (struct bytes){ 0 }, STREAM_EOF);
}

static struct app_tx *stream_one(const struct testapp *app)
{
	for (struct app_tx *tx = app->flow.app->first; tx; tx = tx->next)
		if (http2_tx_of(tx)->stream_id == 1)
			return tx;
	fail_msg("no stream 1");
	return NULL;
}

static void conversation(void **state)
{
	char text[4096];

	for (size_t cut = 0; cut < client.size || cut < server.size; cut++) {
		struct testapp app;
		struct app_tx *tx;

		begin(&app, cut);
		assert_string_equal(app_conn_proto(app.flow.app), "http2");
		assert_int_equal(app.flow.app->tx_count, 5);
		tx = stream_one(&app);
		assert_string_equal(testapp_buffer(&app, tx, "http.method", TO_SERVER, 0, text, sizeof(text)), "POST");
		assert_string_equal(testapp_buffer(&app, tx, "http.uri", TO_SERVER, 0, text, sizeof(text)), "/abc");
		assert_string_equal(testapp_buffer(&app, tx, "http.host", TO_SERVER, 0, text, sizeof(text)), "h.org");
		assert_string_equal(
			testapp_buffer(&app, tx, "http.user_agent", TO_SERVER, 0, text, sizeof(text)), "uau");
		assert_string_equal(testapp_buffer(&app, tx, "http.response_line", TO_CLIENT, 0, text, sizeof(text)),
			"HTTP/2 200\r\n");
		assert_int_equal(tx->files[TO_CLIENT]->first->size, 5);
		assert_int_equal(tx->files[TO_CLIENT]->first->state, FILE_CLOSED);
		assert_int_equal(tx->progress[TO_SERVER], HTTP_COMPLETE);
		assert_int_equal(tx->progress[TO_CLIENT], HTTP_COMPLETE);
		assert_int_equal(tx->event_count, 0);
		testapp_done(&app);
	}
}

static void records(void **state)
{
	static const char *const want[] = {
		"{\"version\":\"2\",\"http2\":{\"stream_id\":0,\"request\":{\"settings\":[{\"settings_id\":"
		"\"SETTINGSENABLEPUSH\",\"settings_value\":0},{\"settings_id\":\"SETTINGSINITIALWINDOWSIZE\","
		"\"settings_value\":65536}]}}}",
		NULL,
		"",
		"{\"version\":\"2\",\"http2\":{\"stream_id\":0,\"response\":{\"settings\":[{\"settings_id\":"
		"\"SETTINGSMAXCONCURRENTSTREAMS\",\"settings_value\":100}]}}}",
		"{\"version\":\"2\",\"http2\":{\"stream_id\":0,\"response\":{\"error_code\":\"INTERNALERROR\"}}}",
	};
	struct testapp app;
	struct app_tx *tx;
	char text[4096];
	size_t i = 0;

	begin(&app, 0);
	for (tx = app.flow.app->first; tx; tx = tx->next, i++) {
		(void)testapp_log(tx, &app.flow, false, text, sizeof(text));
		if (want[i])
			assert_string_equal(text, want[i]);
	}
	testapp_done(&app);
}

static void size_updates(void **state)
{
	uint32_t size = 0;

	assert_int_equal(http2_size_updates(BYTES("\x82"), &size), 0);
	assert_int_equal(http2_size_updates(BYTES("\x20\x82"), &size), 1);
	assert_int_equal(size, 0);
	assert_int_equal(http2_size_updates(BYTES("\x20\x3f\xe1\x1f\x82"), &size), 2);
	assert_int_equal(size, 4096);
	assert_int_equal(http2_size_updates(BYTES("\x3f"), &size), 0);
}

static void broken_frames(void **state)
{
	static const struct {
		struct bytes in;
		const char *event;
	} rows[] = {
		{ TEXT(HTTP2_PREFACE FRAME("\x05", "\x04", "\0", "\0") "abcde"), "invalid_frame_data" },
		{ TEXT(HTTP2_PREFACE FRAME("\x03", "\x08", "\0", "\0") "abc"), "invalid_frame_data" },
		{ TEXT(HTTP2_PREFACE FRAME("\x02", "\x01", "\x0c", "\x01") "\x09x"), "invalid_frame_data" },
		{ TEXT(HTTP2_PREFACE FRAME("\x01", "\x01", "\x04", "\x01") "\xff"), "invalid_header" },
		{ TEXT(HTTP2_PREFACE FRAME("\x01", "\x09", "\x04", "\x01") "\x82"), "extra_header_data" },
		{ TEXT(HTTP2_PREFACE FRAME("\x01", "\0", "\0", "\0") "x"), "data_stream_zero" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct testapp app;

		testapp_init(&app, 6, 80, NULL);
		testapp_stream(&app, TO_SERVER, rows[i].in, 0);
		assert_non_null(app.flow.app->first);
		if (!testapp_tx_has_event(app.flow.app->first, rows[i].event))
			fail_msg("row %zu: no event %s", i, rows[i].event);
		testapp_done(&app);
	}
}

static void upgrade_from_http1(void **state)
{
	struct testapp app;
	char text[4096];

	testapp_init(&app, 6, 80, NULL);
	testapp_stream(&app, TO_SERVER,
		BYTES("GET /old HTTP/1.1\r\nHost: h.org\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"), 0);
	testapp_stream(&app, TO_CLIENT, BYTES("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"), 0);
	app.flow.app->first->logged = true; /* as outputs do between two packets */
	app_conn_clean(app.flow.app, false);
	testapp_stream(&app, TO_CLIENT, BYTES(FRAME("\0", "\x04", "\0", "\0")), 0);
	assert_string_equal(app_conn_proto(app.flow.app), "http2");
	assert_string_equal(
		testapp_buffer(&app, stream_one(&app), "http.uri", TO_SERVER, 0, text, sizeof(text)), "/old");
	assert_string_equal(
		testapp_buffer(&app, stream_one(&app), "http.host", TO_SERVER, 0, text, sizeof(text)), "h.org");
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversation),
		cmocka_unit_test(records),
		cmocka_unit_test(size_updates),
		cmocka_unit_test(broken_frames),
		cmocka_unit_test(upgrade_from_http1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
