// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/http1/lines.h"
#include "sensor/app/http1/text.h"
#include "sensor/app/http1/uri.h"

#define BYTES(text) bytes_of(text, sizeof(text) - 1)

static void assert_text(struct bytes got, const char *want)
{
	if (!bytes_equal_str(got, want))
		fail_msg("got \"%.*s\", want \"%s\"", (int)got.size, got.ptr ? (const char *)got.ptr : "", want);
}

static void request_lines(void **state)
{
	static const struct {
		const char *line, *method, *uri, *protocol;
		uint32_t flags;
	} rows[] = {
		{ "GET / HTTP/1.1\r\n", "GET", "/", "HTTP/1.1", 0 },
		{ "GET /a b c HTTP/1.0\n", "GET", "/a b c", "HTTP/1.0", 0 },
		{ "GET /a\r\n", "GET", "/a", "", HTTP_LINE_NO_PROTOCOL },
		{ "GET\r\n", "GET", "", "", HTTP_LINE_NO_PROTOCOL | HTTP_LINE_NO_URI },
		{ "  GET / HTTP/1.1", "GET", "/", "HTTP/1.1", HTTP_LINE_LEADING_SPACE },
		{ "GET\t/ HTTP/1.1", "GET", "/", "HTTP/1.1", HTTP_LINE_METHOD_DELIMITER },
		{ "GET /\tHTTP/1.1", "GET", "/", "HTTP/1.1", HTTP_LINE_URI_DELIMITER },
		{ "GET  /x  HTTP/1.1  ", "GET", "/x", "HTTP/1.1", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_request_line line;

		http_parse_request_line(bytes_from_str(rows[i].line), &line);
		assert_text(line.method, rows[i].method);
		assert_text(line.uri, rows[i].uri);
		assert_text(line.protocol, rows[i].protocol);
		assert_int_equal(line.flags, rows[i].flags);
	}
}

static void response_lines(void **state)
{
	static const struct {
		const char *line, *protocol, *status, *message;
		uint16_t number;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\n", "HTTP/1.1", "200", "OK", 200 },
		{ "HTTP/1.0\t404  not found at all", "HTTP/1.0", "404", "not found at all", 404 },
		{ "HTTP/1.1", "HTTP/1.1", "", "", 0 },
		{ "HTTP/1.1 2xx ok", "HTTP/1.1", "2xx", "ok", 0 },
		{ "HTTP/1.1 1000 ok", "HTTP/1.1", "1000", "ok", 0 },
		{ " HTTP/1.1 99", "HTTP/1.1", "99", "", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_response_line line;

		http_parse_response_line(bytes_from_str(rows[i].line), &line);
		assert_text(line.protocol, rows[i].protocol);
		assert_text(line.status, rows[i].status);
		assert_text(line.message, rows[i].message);
		assert_int_equal(line.status_number, rows[i].number);
	}
	assert_true(http_is_response_line(BYTES("\0 \r\nhTTp/1.1")));
	assert_false(http_is_response_line(BYTES("SIP/2.0 200 ok")));
	assert_false(http_is_response_line(BYTES("HTT")));
}

static void protocols(void **state)
{
	assert_int_equal(http_parse_protocol(BYTES("HTTP/1.1")), HTTP_PROTOCOL_1_1);
	assert_int_equal(http_parse_protocol(BYTES("http/ 1.0")), HTTP_PROTOCOL_1_0);
	assert_int_equal(http_parse_protocol(BYTES("HTTP/01.1")), HTTP_PROTOCOL_1_1);
	assert_int_equal(http_parse_protocol(BYTES("HTTP/0.9")), HTTP_PROTOCOL_0_9);
	assert_int_equal(http_parse_protocol(BYTES("HTTP/1.10")), HTTP_PROTOCOL_INVALID);
	assert_int_equal(http_parse_protocol(BYTES("FTP/1.1")), HTTP_PROTOCOL_INVALID);
}

static void fields(void **state)
{
	static const struct {
		const char *line, *name, *value;
		uint32_t flags;
	} rows[] = {
		{ "Host: a\r\n", "Host", "a", 0 },
		{ "Host:\r\n", "Host", "", 0 },
		{ "Host\t: a b \r\n", "Host", "a b", HTTP_FIELD_SPACE_AFTER_NAME },
		{ "no colon\r\n", "", "no colon", HTTP_FIELD_NO_COLON },
		{ ": x", "", "x", HTTP_FIELD_NO_NAME },
		{ "Foo Bar: x", "Foo Bar", "x", HTTP_FIELD_BAD_NAME },
		{ "A:: x", "A", ": x", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_field field;

		http_parse_field(bytes_from_str(rows[i].line), &field);
		assert_text(field.name, rows[i].name);
		assert_text(field.value, rows[i].value);
		assert_int_equal(field.flags, rows[i].flags);
	}
}

static void numbers(void **state)
{
	bool junk;

	assert_int_equal(http_parse_length(BYTES(" 68"), &junk), 68);
	assert_false(junk);
	assert_int_equal(http_parse_length(BYTES("(68) 34"), &junk), 68);
	assert_true(junk);
	assert_int_equal(http_parse_length(BYTES("abc"), &junk), HTTP_LENGTH_NONE);
	assert_int_equal(http_parse_length(BYTES("99999999999999999999999"), &junk), HTTP_LENGTH_INVALID);
	assert_int_equal(http_parse_chunk_size(BYTES("\x0c 1F\r\n"), &junk), 0x1f);
	assert_int_equal(http_parse_chunk_size(BYTES("8;a=b\r\n"), &junk), 8);
	assert_true(junk);
	assert_int_equal(http_parse_chunk_size(BYTES("\r\n"), &junk), HTTP_CHUNK_EMPTY);
	assert_int_equal(http_parse_chunk_size(BYTES("x5\r\n"), &junk), HTTP_CHUNK_INVALID);
	assert_int_equal(http_parse_chunk_size(BYTES("80000000\r\n"), &junk), HTTP_CHUNK_INVALID);
	assert_true(http_may_be_chunk_size(BYTES("X5O")));
	assert_false(http_may_be_chunk_size(BYTES("X5O!P%@A")));
	assert_true(http_may_be_chunk_size(BYTES("\r\n\r\n5\r\nab")));
}

static void authorities(void **state)
{
	static const struct {
		const char *text, *host;
		int32_t port;
		bool valid;
	} rows[] = {
		{ "example.org", "example.org", -1, true },
		{ "example.org:8080", "example.org", 8080, true },
		{ "example.org.:80", "example.org", 80, true },
		{ "example.org:x", "example.org", -2, true },
		{ "example.org:99999", "example.org", -2, true },
		{ "[::1]:8080", "[::1]", 8080, true },
		{ "[::1]", "[::1]", -1, true },
		{ "[::g]", "[::g]", -1, false },
		{ "[::1]x", "[::1]", -1, false },
		{ "[::1", "[::1", -1, false },
		{ "a b", "a b", -1, false },
		{ "a..b", "a..b", -1, false },
		{ "", "", -1, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_authority got;

		http_parse_authority(bytes_from_str(rows[i].text), &got);
		assert_text(got.host, rows[i].host);
		assert_int_equal(got.port, rows[i].port);
		assert_int_equal(got.valid, rows[i].valid);
	}
}

static void parameters_and_ranges(void **state)
{
	struct http_range range;
	struct bytes value;

	assert_true(http_parameter(BYTES("attachment; filename=\"a;b.txt\"; x=1"), "filename", &value));
	assert_text(value, "a;b.txt");
	assert_true(http_parameter(BYTES("form-data; name=x; FileName = y.z ;"), "filename", &value));
	assert_text(value, "y.z");
	assert_true(http_parameter(BYTES("a; filename=\"open"), "filename", &value));
	assert_text(value, "open");
	assert_false(http_parameter(BYTES("a; filename"), "filename", &value));
	assert_false(http_parameter(BYTES("filename=x"), "filename", &value));
	assert_true(http_parse_range(BYTES("bytes 10-20/69"), &range));
	assert_int_equal(range.start, 10);
	assert_int_equal(range.end, 20);
	assert_int_equal(range.total, 69);
	assert_true(http_parse_range(BYTES("bytes */69"), &range));
	assert_int_equal(range.start, -1);
	assert_true(http_parse_range(BYTES("bytes 0-1/*"), &range));
	assert_int_equal(range.total, -1);
	assert_false(http_parse_range(BYTES("bytes 10-/69"), &range));
	assert_false(http_parse_range(BYTES("lines 1-2/3"), &range));
	assert_false(http_parse_range(BYTES("bytes 1-999999999999999999999/3"), &range));
}

static void nuls_do_not_hide(void **state)
{
	assert_true(http_equal_nocase_nul(BYTES("Transfer\0-Encoding\0"), "transfer-encoding"));
	assert_false(http_equal_nocase_nul(BYTES("Transfer\0-Encodin"), "transfer-encoding"));
	assert_true(http_contains_nocase_nul(BYTES("x chun\0ked y"), "chunked"));
	assert_false(http_contains_nocase_nul(BYTES("chunkd"), "chunked"));
}

/* ---- URIs ---- */

static const struct uri_options ids = { .backslash_to_slash = true,
	.decode_separators = true,
	.compress_separators = true,
	.decode_u = true,
	.utf8_bestfit = true,
	.bestfit_replacement = '?' };

static void uris(void **state)
{
	static const struct {
		const char *raw, *normal, *path;
	} rows[] = {
		{ "/../a/b/../c/./d.html", "/a/c/d.html", "/a/c/d.html" },
		{ "/normalized%20uri", "/normalized uri", "/normalized uri" },
		{ "/a//b\\c", "/a/b/c", "/a/b/c" },
		{ "/a%2f%2E%2e%5cb", "/b", "/b" },
		{ "/%u0041%u0142%zz", "/Al%zz", "/Al%zz" },
		{ "/x?q=%41+b#f%41", "/x?q=A+b#f%41", "/x" },
		{ "http://u:p@h:80/p?q", "/p?q", "/p" },
		{ "http://h", "", "" },
		{ "/\xc3\xa9", "/\xe9", "/\xe9" },
		{ "/a/.", "/a/", "/a/" },
		{ "/a/..", "/", "/" },
		{ "%", "%", "%" },
		{ "/?", "/?", "/" },
		{ "abc", "abc", "abc" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes raw = bytes_from_str(rows[i].raw);
		uint8_t out[128];
		struct uri uri;
		size_t path_size, size;
		bool twice;

		uri_split(raw, &uri);
		size = uri_normalise(&uri, &ids, out, &path_size, &twice);
		assert_text(bytes_of(out, size), rows[i].normal);
		assert_text(bytes_of(out, path_size), rows[i].path);
		assert_false(twice);
	}
}

static void uri_parts(void **state)
{
	struct uri uri;

	uri_split(BYTES("http://user:pass@[::1]:8080/a?b#c"), &uri);
	assert_text(uri.scheme, "http");
	assert_text(uri.username, "user");
	assert_text(uri.password, "pass");
	assert_text(uri.host, "[::1]");
	assert_text(uri.port, "8080");
	assert_text(uri.path, "/a");
	assert_text(uri.query, "b");
	assert_text(uri.fragment, "c");
}

static void uris_encoded_twice(void **state)
{
	struct uri_options options = ids;
	uint8_t out[64];
	struct uri uri;
	size_t path_size, size;
	bool twice;

	options.double_decode_path = options.double_decode_query = true;
	uri_split(BYTES("/a%2541?b%2542"), &uri);
	size = uri_normalise(&uri, &options, out, &path_size, &twice);
	assert_text(bytes_of(out, size), "/aA?bB");
	assert_true(twice);
	uri_split(BYTES("/a%41"), &uri);
	size = uri_normalise(&uri, &options, out, &path_size, &twice);
	assert_text(bytes_of(out, size), "/aA");
	assert_false(twice);
	options.include_all = true;
	uri_split(BYTES("HTTP://H:1/a"), &uri);
	size = uri_normalise(&uri, &options, out, &path_size, &twice);
	assert_text(bytes_of(out, size), "http://H:1/a");
}

/* ---- Lines ---- */

/* Lines of a response's head, each shown between bars. */
static void split(const char *in, char *out)
{
	struct bytes all = bytes_from_str(in);
	struct line_scan scan = { .response = true };
	size_t start = 0, end, at = 0;

	while (start < all.size) {
		assert_int_equal(line_next(&scan, all, start, true, &end), LINE_FOUND);
		memcpy(out + at, in + start, end - start);
		at += end - start;
		out[at++] = '|';
		start = end;
	}
	out[at] = '\0';
}

static void line_ends(void **state)
{
	static const struct {
		const char *in, *lines;
	} rows[] = {
		{ "a\r\nb\r\n\r\n", "a\r\n|b\r\n|\r\n|" },
		{ "a\rb\n\n", "a\r|b\n|\n|" },
		{ "a\n\r\n", "a\n|\r\n|" },
		{ "a\n\r\r\n", "a\n|\r\r\n|" },
		{ "a\r\n\r\r\r\nb\r\n", "a\r\n|\r\r\r\n|b\r\n|" },
		{ "a\r\n\r \rb\r\n", "a\r\n|\r \r|b\r\n|" },
		{ "a", "a|" },
	};
	char out[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		split(rows[i].in, out);
		assert_string_equal(out, rows[i].lines);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_lines),
		cmocka_unit_test(response_lines),
		cmocka_unit_test(protocols),
		cmocka_unit_test(fields),
		cmocka_unit_test(numbers),
		cmocka_unit_test(authorities),
		cmocka_unit_test(parameters_and_ranges),
		cmocka_unit_test(nuls_do_not_hide),
		cmocka_unit_test(uris),
		cmocka_unit_test(uri_parts),
		cmocka_unit_test(uris_encoded_twice),
		cmocka_unit_test(line_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
