// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "sensor/app/http1/tx.h"
#include "sensor/app/testapp.h"

#define BYTES(text) bytes_of(text, sizeof(text) - 1)
/* The same where a constant is needed. */
#define TEXT(text)                                                                                                     \
	{                                                                                                              \
		(const uint8_t *)(text), sizeof(text) - 1                                                              \
	}

struct talk {
	struct bytes request, response;
};

static const char config[] =
	"%YAML 1.1\n---\napp-layer:\n  protocols:\n    http:\n      libhtp:\n        default-config:\n"
	"          request-body-limit: 100kb\n          response-body-limit: 100kb\n"
	"outputs:\n  - eve-log:\n      types:\n        - http:\n            extended: yes\n";

static void begin(struct testapp *app, const struct talk *talk, size_t cut)
{
	testapp_init(app, 6, 80, config);
	testapp_stream(app, TO_SERVER, talk->request, cut);
	testapp_stream(app, TO_CLIENT, talk->response, cut);
	testapp_piece(app, TO_SERVER, (struct bytes){ 0 }, STREAM_EOF);
	testapp_piece(app, TO_CLIENT, (struct bytes){ 0 }, STREAM_EOF);
}

static struct app_tx *tx_at(const struct testapp *app, uint32_t index)
{
	struct app_tx *tx = app->flow.app->first;

	while (tx && index-- != 0)
		tx = tx->next;
	assert_non_null(tx);
	return tx;
}

static void assert_buffer(struct testapp *app, uint32_t index, enum sensor_dir dir, const char *name, const char *want)
{
	static char text[65536];

	assert_string_equal(testapp_buffer(app, tx_at(app, index), name, dir, 0, text, sizeof(text)), want);
}

static const struct talk plain = {
	TEXT("POST /a/../b%20c?x=%41 HTTP/1.1\r\nHost: Example.ORG:8080\r\nCookie: k=v\r\nUser-Agent: tester\r\n"
	     "Folded: one\r\n  two\r\nContent-Length: 5\r\nContent-Type: text/plain; charset=x\r\n\r\nhello"
	     "GET /second HTTP/1.1\r\nHost: example.org\r\nX: 1\r\nX: 2\r\n\r\n"),
	TEXT("HTTP/1.1 200 Fine thing\r\nServer: srv\r\nSet-Cookie: s=1\r\nContent-Type: text/html; charset=y\r\n"
	     "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n3;ext=1\r\nfgh\r\n0\r\nTrailer: t\r\n\r\n"
	     "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 2\r\n\r\nok"),
};

static void buffers(void **state)
{
	struct testapp app;

	begin(&app, &plain, 0);
	assert_int_equal(app.flow.app->tx_count, 2);
	assert_buffer(&app, 0, TO_SERVER, "http.method", "POST");
	assert_buffer(&app, 0, TO_SERVER, "http.uri", "/b c?x=A");
	assert_buffer(&app, 0, TO_SERVER, "http.uri.raw", "/a/../b%20c?x=%41");
	assert_buffer(&app, 0, TO_SERVER, "http.request_line", "POST /a/../b%20c?x=%41 HTTP/1.1");
	assert_buffer(&app, 0, TO_SERVER, "http.protocol", "HTTP/1.1");
	assert_buffer(&app, 0, TO_SERVER, "http.host", "example.org");
	assert_buffer(&app, 0, TO_SERVER, "http.host.raw", "Example.ORG:8080");
	assert_buffer(&app, 0, TO_SERVER, "http.cookie", "k=v");
	assert_buffer(&app, 0, TO_SERVER, "http.header",
		"Host: Example.ORG:8080\r\nUser-Agent: tester\r\nFolded: one  two\r\nContent-Length: 5\r\n"
		"Content-Type: text/plain; charset=x\r\n");
	assert_buffer(&app, 0, TO_SERVER, "http.header_names",
		"\r\nHost\r\nCookie\r\nUser-Agent\r\nFolded\r\nContent-Length\r\nContent-Type\r\n\r\n");
	assert_buffer(&app, 0, TO_SERVER, "http.request_header", "Host: Example.ORG:8080");
	assert_buffer(&app, 0, TO_SERVER, "http.content_len", "5");
	assert_buffer(&app, 0, TO_SERVER, "http.request_body", "hello");
	assert_buffer(&app, 0, TO_CLIENT, "http.response_line", "HTTP/1.1 200 Fine thing");
	assert_buffer(&app, 0, TO_CLIENT, "http.stat_code", "200");
	assert_buffer(&app, 0, TO_CLIENT, "http.stat_msg", "Fine thing");
	assert_buffer(&app, 0, TO_CLIENT, "http.cookie", "s=1");
	assert_buffer(&app, 0, TO_CLIENT, "http.start",
		"HTTP/1.1 200 Fine thing\r\nServer: srv\r\nSet-Cookie: s=1\r\nContent-Type: text/html; charset=y\r\n"
		"Transfer-Encoding: chunked\r\nTrailer: t\r\n\r\n");
	assert_buffer(&app, 0, TO_CLIENT, "file.data", "abcdefgh");
	assert_buffer(&app, 1, TO_SERVER, "http.header", "Host: example.org\r\nX: 1, 2\r\n");
	assert_buffer(&app, 1, TO_CLIENT, "http.response_body", "ok");
	assert_buffer(&app, 1, TO_CLIENT, "http.location", "/elsewhere");
	assert_true(testapp_tx_has_event(tx_at(&app, 1), "request_header_repetition"));
	testapp_done(&app);
}

static void records(void **state)
{
	struct testapp app;
	char text[4096];

	begin(&app, &plain, 0);
	assert_string_equal(testapp_log(tx_at(&app, 0), &app.flow, false, text, sizeof(text)),
		"{\"hostname\":\"example.org\",\"http_port\":8080,\"url\":\"/a/../b%20c?x=%41\",\"http_user_agent\":"
		"\"tester\",\"http_content_type\":\"text/html\",\"http_method\":\"POST\",\"protocol\":\"HTTP/1.1\","
		"\"status\":200,\"length\":27}");
	assert_string_equal(testapp_log(tx_at(&app, 1), &app.flow, false, text, sizeof(text)),
		"{\"hostname\":\"example.org\",\"url\":\"/second\",\"http_method\":\"GET\",\"protocol\":\"HTTP/1.1\","
		"\"status\":302,\"redirect\":\"/elsewhere\",\"length\":2}");
	testapp_done(&app);
}

/* Everything rules and outputs could see, as one text. */
static size_t describe(struct testapp *app, char *out, size_t size)
{
	size_t at = 0;

	for (struct app_tx *tx = app->flow.app->first; tx; tx = tx->next) {
		(void)testapp_log(tx, &app->flow, false, out + at, size - at);
		at += strlen(out + at);
		for (uint8_t i = 0; i < tx->event_count; i++)
			at += (size_t)snprintf(out + at, size - at, " %s", tx->protocol->events[tx->events[i]].name);
		for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
			for (const struct app_buffer *row = tx->protocol->buffers; row->name; row++) {
				(void)testapp_buffer(app, tx, row->name, dir, 0, out + at, size - at);
				at += strlen(out + at);
			}
			for (const struct file *file = tx->files[dir] ? tx->files[dir]->first : NULL; file;
				file = file->next)
				at += (size_t)snprintf(out + at, size - at, " file %.*s %zu %u", (int)file->name.size,
					(const char *)file->name.ptr, (size_t)file->size, file->state);
		}
	}
	return at;
}

static const struct talk talks[] = {
	{ TEXT("GET / HTTP/1.0\n\n"), TEXT("HTTP/1.0 200 OK\nA: b\n\nup to the end\nof it") },
	{ TEXT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
		TEXT("HTTP/1.1 200 ok\rContent-Length: 4\rTransfer-Encoding\r : chunked\r\n\n2\nab\n2 \ncd\n0\n\n") },
	{ TEXT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
		TEXT("HTTP/1.1 200 ok\r\nX: y\r\n Transfer-Encoding: chunked\n\r\r\n\r\n3\r\nabc\r\n0\r\n\r\n") },
	{ TEXT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
		TEXT("HTTP/1.1 200 ok\r\nTransfer-Encoding: chunked\r\n\r\nX5O!P%@AP[4 is no chunk") },
	{ TEXT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
		TEXT("HTTP/1.1 200 ok\r\nContent-Length: 31\r\nContent-Encoding: gzip\r\n\r\n"
		     "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcbH\xcd\xc9\xc9W(\xcf/\xcaIQ\x04\x00m\xc2\xb4\x03\x0c"
		     "\x00\x00\x00") },
	{ TEXT("POST /up HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=bb\r\n"
	       "Transfer-Encoding: chunked\r\n\r\n43\r\n--bb\r\nContent-Disposition: form-data; name=f; "
	       "filename=\"n\"\r\n\r\none\r\n\r\n2c\r\n-two-\r\n--b\r\n--bb\r\nContent-Disposition: x\r\n\r\n\r\n"
	       "a\r\n\r\n--bb--\r\n\r\n0\r\n\r\n"),
		TEXT("HTTP/1.1 204 No Content\r\n\r\n") },
	{ TEXT("HEAD /h HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"),
		TEXT("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
		     "HTTP/1.1 304 Not Modified\r\n\r\n") },
	{ TEXT("OPTIONS * HTTP/1.1\r\nHost: [::1]:81\r\nAuthorization: Basic YTpi\r\n\r\n"),
		TEXT("\r\n\r\nHTTP/1.1 299 x\r\nContent-Length: 0\r\n\r\n") },
	{ TEXT("GET http://u:p@h.example:8000/p HTTP/1.1\r\nHost: other\r\n\r\n"),
		TEXT("HTTP/1.1\r\nContent-Length: 1\r\n\r\nx") },
};

/* However the stream is cut, the same is seen. */
static void cuts(void **state)
{
	static char want[65536], got[65536];

	for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]) + 1; i++) {
		const struct talk *talk = i == 0 ? &plain : &talks[i - 1];
		size_t size = talk->request.size > talk->response.size ? talk->request.size : talk->response.size;
		struct testapp app;

		begin(&app, talk, 0);
		assert_true(describe(&app, want, sizeof(want)) != 0);
		testapp_done(&app);
		for (size_t cut = 1; cut < size; cut++) {
			begin(&app, talk, cut);
			(void)describe(&app, got, sizeof(got));
			testapp_done(&app);
			if (strcmp(got, want) != 0)
				fail_msg("talk %zu cut at %zu:\n%s\nwhole:\n%s", i, cut, got, want);
		}
	}
}

static void bodies_come_out(void **state)
{
	static const struct {
		size_t talk;
		const char *body;
	} rows[] = { { 0, "up to the end\nof it" }, { 1, "abcd" }, { 2, "abc" }, { 3, "X5O!P%@AP[4 is no chunk" },
		{ 4, "hello world!" }, { 8, "x" } };
	struct testapp app;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(&app, &talks[rows[i].talk], 0);
		assert_buffer(&app, 0, TO_CLIENT, "file.data", rows[i].body);
		testapp_done(&app);
	}
}

static void files_of_forms(void **state)
{
	struct testapp app;
	const struct file *file;

	begin(&app, &talks[5], 0);
	assert_non_null(tx_at(&app, 0)->files[TO_SERVER]);
	file = tx_at(&app, 0)->files[TO_SERVER]->first;
	assert_true(bytes_equal_str(file->name, "n"));
	assert_int_equal(file->size, strlen("one\r\n-two-\r\n--b"));
	assert_int_equal(file->state, FILE_CLOSED);
	assert_null(file->next);
	testapp_done(&app);
}

static void events(void **state)
{
	static const struct {
		const char *request, *response, *event;
	} rows[] = {
		{ "GET / HTTP/1.1\r\n\r\n", "", "missing_host_header" },
		{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "", "request_header_host_invalid" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nnone\r\n\r\n", "", "request_field_missing_colon" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nA B: c\r\n\r\n", "", "request_header_invalid" },
		{ "GET / HTTP/1.1\r\n x\r\nHost: a\r\n\r\n", "", "invalid_request_field_folding" },
		{ "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "", "host_header_ambiguous" },
		{ "GET http://b:81/ HTTP/1.1\r\nHost: b\r\n\r\n", "", "request_server_port_tcp_port_mismatch" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Odd x\r\n\r\n", "", "request_auth_unrecognized" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n", "",
			"invalid_transfer_encoding_value_in_request" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "",
			"invalid_content_length_field_in_request" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\njunk\r\n", "", "request_body_unexpected" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "",
			"duplicate_content_length_field_in_request" },
		{ "GET /\nHost: a\n\n", "", "request_line_missing_protocol" },
		{ "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "", "method_delim_non_compliant" },
		{ "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", "", "uri_delim_non_compliant" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 2x x\r\n\r\n", "response_invalid_status" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.9 200 x\r\n\r\n", "response_invalid_protocol" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\nzzzzzzzz",
			"invalid_response_chunk_len" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
			"HTTP/1.1 200 x\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab",
			"gzip_decompression_failed" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
			"HTTP/1.1 200 x\r\nContent-Encoding: gzip,gzip,gzip\r\nContent-Length: 2\r\n\r\nab",
			"too_many_encoding_layers" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
			"HTTP/1.1 200 x\r\nContent-Encoding: zip\r\nContent-Length: 2\r\n\r\nab",
			"abnormal_ce_header" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
			"HTTP/1.1 200 x\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 x\r\n\r\n", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct talk talk = { bytes_from_str(rows[i].request), bytes_from_str(rows[i].response) };
		struct testapp app;

		begin(&app, &talk, 0);
		if (rows[i].event && !testapp_tx_has_event(tx_at(&app, 0), rows[i].event))
			fail_msg("no event %s", rows[i].event);
		if (!rows[i].event)
			assert_true(testapp_tx_has_event(tx_at(&app, 1), "unable_to_match_response_to_request"));
		testapp_done(&app);
	}
}

static void gaps_in_bodies(void **state)
{
	struct testapp app;
	struct stream_chunk chunk = { .flags = STREAM_GAP, .gap_size = 6 };
	const struct file *file;

	testapp_init(&app, 6, 80, config);
	testapp_stream(&app, TO_SERVER, BYTES("GET /f HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
	testapp_stream(&app, TO_CLIENT, BYTES("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabcd"), 0);
	chunk.offset = app.offset[TO_CLIENT];
	(void)app_stream_data(app.worker, &app.packet, &app.flow, TO_CLIENT, &chunk);
	app.offset[TO_CLIENT] += chunk.gap_size;
	testapp_stream(&app, TO_CLIENT, BYTES("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"), 0);
	file = tx_at(&app, 0)->files[TO_CLIENT]->first;
	assert_int_equal(file->state, FILE_TRUNCATED);
	assert_int_equal(file->size, 10);
	assert_int_equal(tx_at(&app, 0)->progress[TO_CLIENT], HTTP_COMPLETE);
	assert_buffer(&app, 1, TO_CLIENT, "http.response_body", "x");
	testapp_done(&app);
}

static void large_bodies_are_windows(void **state)
{
	static char piece[8192];
	struct testapp app;
	struct http_tx *tx;

	memset(piece, 'a', sizeof(piece));
	testapp_init(&app, 6, 80, config);
	testapp_stream(&app, TO_SERVER, BYTES("GET /f HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
	testapp_stream(&app, TO_CLIENT, BYTES("HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n"), 0);
	for (size_t i = 0; i < 1024; i++) {
		char text[1 << 17];

		testapp_stream(&app, TO_CLIENT, bytes_of(piece, sizeof(piece)), 0);
		(void)testapp_buffer(&app, tx_at(&app, 0), "file.data", TO_CLIENT, 0, text, sizeof(text));
	}
	tx = http_tx_of(tx_at(&app, 0));
	assert_int_equal(tx->body_size[TO_CLIENT], 8388608);
	assert_int_equal(tx->body[TO_CLIENT].offset + tx->body[TO_CLIENT].size, 102400);
	assert_true(tx->body[TO_CLIENT].capacity <= 65536);
	assert_int_equal(tx->tx.files[TO_CLIENT]->first->state, FILE_TRUNCATED);
	testapp_done(&app);
}

static void endless_heads_end(void **state)
{
	static char line[20000];
	struct testapp app;

	memset(line, 'a', sizeof(line));
	testapp_init(&app, 6, 80, config);
	testapp_stream(&app, TO_SERVER, BYTES("GET / HTTP/1.1\r\n"), 0);
	testapp_stream(&app, TO_SERVER, bytes_of(line, sizeof(line)), 0);
	assert_true(app.flow.app->failed);
	assert_true(testapp_tx_has_event(tx_at(&app, 0), "request_field_too_long"));
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffers),
		cmocka_unit_test(records),
		cmocka_unit_test(cuts),
		cmocka_unit_test(bodies_come_out),
		cmocka_unit_test(files_of_forms),
		cmocka_unit_test(events),
		cmocka_unit_test(gaps_in_bodies),
		cmocka_unit_test(large_bodies_are_windows),
		cmocka_unit_test(endless_heads_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
