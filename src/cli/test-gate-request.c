// SPDX-License-Identifier: Apache-2.0
/* Requests as people and programs write them, and bytes as people see them. */
#include "cli/gate-request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "cli/gate-show.h"

static void is_text(struct bytes found, const char *wanted)
{
	assert_int_equal(found.size, strlen(wanted));
	assert_memory_equal(found.ptr, wanted, found.size);
}

static void json_is_read(void **state)
{
	static const char text[] =
		"{\"id\":\"a\",\"client_ip\":\"192.0.2.7\",\"method\":\"POST\",\"uri\":\"/\xc3\xa9\xe1\xba\xa1\","
		"\"protocol\":\"HTTP/2.0\",\"headers\":[[\"Host\",\"x\"],[\"A\",\"\"]],\"body_base64\":\"YWI9\","
		"\"response\":{\"status\":404,\"headers\":[[\"B\",\"c\"]],\"body_base64\":\"eA==\"}}";
	struct gate_request_error wrong = { 0 };
	struct gate_request request;
	struct arena arena;

	(void)state;
	arena_init(&arena, 1 << 20);
	assert_int_equal(gate_request_read(&arena, bytes_from_str(text), &request, &wrong), 0);
	assert_string_equal(request.id, "a");
	assert_string_equal(request.client, "192.0.2.7");
	is_text(request.method, "POST");
	is_text(request.target, "/\xe9\xe1\xba\xa1"); /* one character of Latin-1 is one byte, others are UTF-8 */
	is_text(request.protocol, "HTTP/2.0");
	assert_int_equal(request.header_count, 2);
	is_text(request.headers[1].name, "A");
	is_text(request.body, "ab=");
	assert_true(request.has_response);
	assert_int_equal(request.status, 404);
	is_text(request.response_body, "x");
	is_text(request.response_protocol, "HTTP/1.1");
	arena_done(&arena);
}

static void message_is_read(void **state)
{
	static const char text[] = "POST /a b?c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nEmpty:\r\n\r\nabcd";
	static const char chunks[] = "POST / HTTP/1.1\nTransfer-Encoding: Chunked\n\n2;x=y\nab\n0A\n0123456789\n0\n\n";
	struct gate_request_error wrong = { 0 };
	struct gate_request request;
	struct arena arena;

	(void)state;
	arena_init(&arena, 1 << 20);
	assert_int_equal(gate_request_read(&arena, bytes_from_str(text), &request, &wrong), 0);
	is_text(request.method, "POST");
	is_text(request.target, "/a b?c");
	is_text(request.protocol, "HTTP/1.1");
	assert_int_equal(request.header_count, 3);
	is_text(request.headers[2].value, "");
	is_text(request.body, "abc");
	assert_int_equal(request.stray_size, 1);
	assert_int_equal(gate_request_read(&arena, bytes_from_str(chunks), &request, &wrong), 0);
	is_text(request.body, "ab0123456789");
	arena_done(&arena);
}

static void wrong_requests_are_refused(void **state)
{
	static const struct {
		const char *text;
		size_t line;
		const char *says;
	} rows[] = {
		{ "{\"method\":\"GET\"\n \"uri\"", 2, "JSON" },
		{ "{\"method\":\"GET\"}", 0, "uri is missing" },
		{ "{\"method\":1,\"uri\":\"/\"}", 0, "string" },
		{ "{\"method\":\"GET\",\"uri\":\"/\",\"headers\":{\"a\":\"b\"}}", 0, "headers" },
		{ "{\"method\":\"GET\",\"uri\":\"/\",\"headers\":[[\"a\"]]}", 0, "header" },
		{ "{\"method\":\"GET\",\"uri\":\"/\",\"body_base64\":\"YW*J\"}", 0, "Base64" },
		{ "{\"method\":\"GET\",\"uri\":\"/\",\"response\":7}", 0, "object" },
		{ "", 1, "first line" },
		{ "GET\r\n\r\n", 1, "first line" },
		{ "GET /\r\n\r\n", 1, "first line" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 3, "header" },
		{ "GET / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc", 3, "shorter" },
		{ "GET / HTTP/1.1\nTransfer-Encoding: chunked\n\nfff\nab\n", 4, "chunk" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct gate_request_error wrong = { 0 };
		struct gate_request request;
		struct arena arena;

		arena_init(&arena, 1 << 20);
		assert_int_equal(
			gate_request_read(&arena, bytes_from_str(rows[i].text), &request, &wrong), LUYTRE_E_SYNTAX);
		assert_int_equal(wrong.line, rows[i].line);
		assert_non_null(strstr(wrong.en, rows[i].says));
		assert_true(strlen(wrong.vi) > 0 && strcmp(wrong.vi, wrong.en) != 0);
		arena_done(&arena);
	}
}

static void no_memory_is_said(void **state)
{
	struct gate_request_error wrong = { 0 };
	struct gate_request request;
	struct arena arena;

	(void)state;
	arena_init(&arena, 0);
	assert_int_equal(
		gate_request_read(&arena, bytes_from_str("{\"method\":\"GET\",\"uri\":\"/\"}"), &request, &wrong),
		LUYTRE_E_NOMEM);
	assert_int_equal(
		gate_request_read(&arena, bytes_from_str("GET / HTTP/1.1\n\n"), &request, &wrong), LUYTRE_E_NOMEM);
	arena_done(&arena);
}

static void bytes_are_shown(void **state)
{
	static const struct {
		const char *value;
		size_t from, size; /* of the mark; 0: none */
		bool colour;
		const char *shown;
	} rows[] = {
		{ "abc", 0, 0, false, "abc" },
		{ "a<b>c", 1, 3, false, "a»<b>«c" },
		{ "abc", 1, 2, false, "a»bc«" },
		{ "abc", 1, 1, true, "a\033[1;41mb\033[0mc" },
		{ "l\xc5\xa9y tre", 0, 0, false, "l\xc5\xa9y tre" },
		{ "\033[2J\x7f", 0, 0, true, "\\x1b[2J\\x7f" },
		{ "a\x80\xc0\xaf\xc2\x85", 0, 0, false, "a\\x80\\xc0\\xaf\\xc2\\x85" }, /* no UTF-8; a control of it */
		{ "\xe2\x80\xae", 0, 0, false, "\\xe2\\x80\\xae" }, /* turns the line around */
		{ "\xed\xa0\x80\xc5", 0, 0, false, "\\xed\\xa0\\x80\\xc5" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct bytes value = bytes_from_str(rows[i].value),
			     mark = bytes_of(value.ptr + rows[i].from, rows[i].size);
		char *text = NULL;
		size_t size = 0;
		struct show show = { open_memstream(&text, &size), rows[i].colour };

		assert_non_null(show.out);
		show_bytes(&show, value, &mark, rows[i].size != 0);
		fclose(show.out);
		assert_string_equal(text, rows[i].shown);
		free(text);
	}
}

/* Of a long value the part with the mark. */
static void long_values_are_cut(void **state)
{
	static char value[10000];
	char *text = NULL;
	struct bytes mark = bytes_of(value + 5000, 3);
	size_t size = 0;
	struct show show = { open_memstream(&text, &size), false };

	(void)state;
	assert_non_null(show.out);
	memset(value, 'x', sizeof(value));
	value[5000] = 'a';
	value[5001] = 'b';
	value[5002] = 'c';
	show_bytes(&show, bytes_of(value, sizeof(value)), &mark, 1);
	fclose(show.out);
	assert_true(size < 300);
	assert_non_null(strstr(text, "x»abc«x"));
	assert_true(strncmp(text, "…", 3) == 0 && strcmp(text + size - 3, "…") == 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_read),
		cmocka_unit_test(message_is_read),
		cmocka_unit_test(wrong_requests_are_refused),
		cmocka_unit_test(no_memory_is_said),
		cmocka_unit_test(bytes_are_shown),
		cmocka_unit_test(long_values_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
