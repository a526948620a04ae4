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

/* ---- DNS over HTTPS ---- */

#define DNS_TYPE                                                                                                       \
	"\x17"                                                                                                         \
	"application/dns-message"
#define CONTENT_TYPE "\x0f\x10" DNS_TYPE
#define ACCEPT       "\x0f\x04" DNS_TYPE
#define DNS_QUESTION                                                                                                   \
	"\x03"                                                                                                         \
	"www"                                                                                                          \
	"\x07"                                                                                                         \
	"example"                                                                                                      \
	"\x03"                                                                                                         \
	"org\0\0\x01\0\x01"
#define DNS_QUERY "\x12\x34\x01\0\0\x01\0\0\0\0\0\0" DNS_QUESTION
#define DNS_ANSWER                                                                                                     \
	"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0" DNS_QUESTION "\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x07"
#define DNS_GET     "\x82\x04\x37/d?x=1&dns=EjQBAAABAAAAAAAAA3d3dwdleGFtcGxlA29yZwAAAQAB"
#define RECORD_HEAD "{\"dns\":{\"version\":3,\"type\":\""

static void send_frame(struct testapp *app, enum sensor_dir dir, uint8_t type, uint8_t flags, uint8_t stream,
	struct bytes payload, size_t cut)
{
	uint8_t *frame = malloc(HTTP2_FRAME_HEADER_SIZE + payload.size);

	assert_non_null(frame);
	memset(frame, 0, HTTP2_FRAME_HEADER_SIZE);
	frame[1] = (uint8_t)(payload.size >> 8);
	frame[2] = (uint8_t)payload.size;
	frame[3] = type;
	frame[4] = flags;
	frame[8] = stream;
	memcpy(frame + HTTP2_FRAME_HEADER_SIZE, payload.ptr, payload.size);
	testapp_stream(app, dir, bytes_of(frame, HTTP2_FRAME_HEADER_SIZE + payload.size), cut);
	free(frame);
}

static void send_answer(struct testapp *app, size_t cut)
{
	send_frame(app, TO_CLIENT, HTTP2_SETTINGS, 0, 0, BYTES(""), cut);
	send_frame(app, TO_CLIENT, HTTP2_HEADERS, HTTP2_FLAG_END_HEADERS, 1, BYTES("\x88" CONTENT_TYPE), cut);
	send_frame(app, TO_CLIENT, HTTP2_DATA, HTTP2_FLAG_END_STREAM, 1, BYTES(DNS_ANSWER), cut);
}

static void check_dns(struct testapp *app, const char *query)
{
	struct app_tx *tx = stream_one(app);
	uint64_t opcode = 1;
	char text[4096];

	assert_string_equal(app_conn_proto(app->flow.app), "doh2");
	assert_string_equal(app->flow.app->protocol_original->name, "http2");
	assert_int_equal(app->flow.app->conn_event_count, 0);
	assert_string_equal(testapp_buffer(app, tx, "dns.query", TO_SERVER, 0, text, sizeof(text)), query);
	assert_string_equal(
		testapp_buffer(app, tx, "dns.answers.rrname", TO_CLIENT, 0, text, sizeof(text)), "www.example.org");
	assert_string_equal(testapp_buffer(app, tx, "dns.answers.rrname", TO_CLIENT, 1, text, sizeof(text)), "");
	for (const struct app_number *row = tx->protocol->numbers; row->name; row++)
		if (strcmp(row->name, "dns.opcode") == 0)
			assert_true(row->get(tx, &app->flow, TO_CLIENT, 0, &opcode));
	assert_int_equal(opcode, 0);
}

static const char *doh_record(struct testapp *app, bool alert, char *text, size_t size)
{
	return testapp_log(stream_one(app), &app->flow, alert, text, size);
}

static void doh_messages(void **state)
{
	static const struct {
		const char *name;
		struct bytes headers, body;
		bool reset, query;
	} rows[] = {
		{ "GET", TEXT(DNS_GET ACCEPT), TEXT(""), false, true },
		{ "GET, given up", TEXT(DNS_GET ACCEPT), TEXT(""), true, true },
		{ "GET, only the answer says so", TEXT(DNS_GET), TEXT(""), false, false },
		{ "GET, not base64", TEXT("\x82\x04\x08/?dns=*a" ACCEPT), TEXT(""), false, false },
		{ "POST", TEXT("\x83\x04\x02/d" CONTENT_TYPE), TEXT(DNS_QUERY), false, true },
		{ "POST, compressed",
			TEXT("\x83\x04\x02/d" CONTENT_TYPE "\x0f\x0b\x02"
			     "br"),
			TEXT(DNS_QUERY), false, false },
		{ "POST, cut off", TEXT("\x83\x04\x02/d" CONTENT_TYPE), TEXT("\x12\x34\x01\0\0\x01"), false, false },
	};
	char text[4096];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t cut = 0; cut < 60; cut++) {
			uint8_t end = rows[i].body.size == 0 ? HTTP2_FLAG_END_STREAM : 0;
			struct testapp app;

			testapp_init(&app, 6, 80, NULL);
			testapp_stream(&app, TO_SERVER, BYTES(HTTP2_PREFACE), cut);
			send_frame(
				&app, TO_SERVER, HTTP2_HEADERS, HTTP2_FLAG_END_HEADERS | end, 1, rows[i].headers, cut);
			if (!end)
				send_frame(&app, TO_SERVER, HTTP2_DATA, HTTP2_FLAG_END_STREAM, 1, rows[i].body, cut);
			if (rows[i].reset)
				send_frame(&app, TO_SERVER, HTTP2_RST_STREAM, 0, 1, BYTES("\0\0\0\x08"), cut);
			(void)doh_record(&app, false, text, sizeof(text));
			if (rows[i].query && !strstr(text, RECORD_HEAD "request\""))
				fail_msg("%s: %s", rows[i].name, text);
			send_answer(&app, cut);
			check_dns(&app, rows[i].query ? "www.example.org" : "");
			assert_int_equal(app.flow.app->tx_count, 2);
			(void)doh_record(&app, false, text, sizeof(text));
			assert_true(strncmp(text, RECORD_HEAD "response\"", sizeof(RECORD_HEAD "response\"") - 1) == 0);
			(void)doh_record(&app, true, text, sizeof(text));
			assert_non_null(strstr(text, "{\"http\":{\"version\":\"2\","));
			assert_non_null(strstr(text, "\"dns\":{"));
			testapp_done(&app);
		}
	}
}

static void doh_too_long(void **state)
{
	static const uint8_t piece[16384];

	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		struct testapp app;
		char text[64];

		testapp_init(&app, 6, 80, NULL);
		testapp_stream(&app, TO_SERVER, BYTES(HTTP2_PREFACE), 0);
		if (dir == TO_CLIENT)
			send_frame(&app, TO_SERVER, HTTP2_HEADERS, HTTP2_FLAG_END_HEADERS | HTTP2_FLAG_END_STREAM, 1,
				BYTES("\x82"), 0);
		send_frame(&app, dir, HTTP2_HEADERS, HTTP2_FLAG_END_HEADERS, 1,
			dir == TO_SERVER ? BYTES("\x83" CONTENT_TYPE) : BYTES("\x88" CONTENT_TYPE), 0);
		for (unsigned int i = 0; i < 3; i++)
			send_frame(&app, dir, HTTP2_DATA, 0, 1, bytes_of(piece, sizeof(piece)), 0);
		send_frame(&app, dir, HTTP2_DATA, 0, 1, bytes_of(piece, sizeof(piece) - 1), 0);
		assert_int_equal(stream_one(&app)->event_count, 0);
		send_frame(&app, dir, HTTP2_DATA, HTTP2_FLAG_END_STREAM, 1, bytes_of(piece, 1), 0);
		assert_true(testapp_tx_has_event(
			stream_one(&app), dir == TO_SERVER ? "dns_request_too_long" : "dns_response_too_long"));
		assert_string_equal(doh_record(&app, false, text, sizeof(text)), "");
		testapp_done(&app);
	}
}

static void doh_disabled(void **state)
{
	struct testapp app;

	testapp_init(&app, 6, 80,
		"%YAML 1.1\n---\napp-layer:\n  protocols:\n    http2: {enabled: yes}\n"
		"    doh2: {enabled: no}\n");
	testapp_stream(&app, TO_SERVER, BYTES(HTTP2_PREFACE), 0);
	send_frame(&app, TO_SERVER, HTTP2_HEADERS, HTTP2_FLAG_END_HEADERS | HTTP2_FLAG_END_STREAM, 1,
		BYTES(DNS_GET ACCEPT), 0);
	send_answer(&app, 0);
	assert_string_equal(app_conn_proto(app.flow.app), "http2");
	testapp_done(&app);
}

/* Streams that the client gave up do not stay for ever. */
static void resets_are_few(void **state)
{
	struct testapp app;
	unsigned int open = 0;

	testapp_init(&app, 6, 80, NULL);
	testapp_stream(&app, TO_SERVER, BYTES(HTTP2_PREFACE), 0);
	for (unsigned int i = 1; i < 200; i += 2) {
		send_frame(&app, TO_SERVER, HTTP2_HEADERS, HTTP2_FLAG_END_HEADERS, (uint8_t)i, BYTES("\x82"), 0);
		send_frame(&app, TO_SERVER, HTTP2_RST_STREAM, 0, (uint8_t)i, BYTES("\0\0\0\x08"), 0);
	}
	for (struct app_tx *tx = app.flow.app->first; tx; tx = tx->next)
		open += !http2_tx_of(tx)->ended[TO_CLIENT];
	assert_int_equal(open, HTTP2_RESET_MAX);
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
		cmocka_unit_test(doh_messages),
		cmocka_unit_test(doh_too_long),
		cmocka_unit_test(doh_disabled),
		cmocka_unit_test(resets_are_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
