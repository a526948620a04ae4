// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/testtalk.h"

static const struct testtalk frames_talk[] = {
	{ .protocol = "websocket" },
	TALK(TO_SERVER, "\x81\x85\n\x0b\x0c\rbn`ae"),
	TALK(TO_CLIENT, "\x01\x03two"),
	TALK(TO_CLIENT, "\x89\x04ping"),
	TALK(TO_CLIENT, "\x80\x06 parts"),
	TALK(TO_SERVER, "\xc1\x8b\n\x0b\x0c\r\xc0"
			"C\xc1\xc4\xc3\\\xc4M\x9a\x0b\x0c"),
	TALK(TO_SERVER, "A\x84\n\x0b\x0c\rHi&)"),
	TALK(TO_SERVER, "\x80\x86\n\x0b\x0c\r\xac,j\xeb\x0b\x0b"),
	TALK(TO_SERVER, "\x82\xfe\x00\xc8\n\x0b\x0c\rrstursturstursturstursturstursturstursturstursturstursturstu"
			"rsturstursturstursturstursturstursturstursturstursturstursturstursturstursturstursturstu"
			"rstursturstursturstursturstursturstursturstursturstu"),
	TALK(TO_SERVER, "\x8b\x80\n\x0b\x0c\r"),
	TALK(TO_CLIENT, "\x02(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
	TALK(TO_CLIENT, "\x80(bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"),
	TALK(TO_SERVER, "\x88\x82\n\x0b\x0c\r\x09\xe3"),
};

static const char frames_records[] = "{\"fin\":true,\"mask\":168496141,\"opcode\":\"text\"}\n"
				     "{\"fin\":false,\"opcode\":\"text\"}\n"
				     "{\"fin\":true,\"opcode\":\"ping\"}\n"
				     "{\"fin\":true,\"opcode\":\"continuation\"}\n"
				     "{\"fin\":true,\"mask\":168496141,\"opcode\":\"text\"}\n"
				     "{\"fin\":false,\"mask\":168496141,\"opcode\":\"text\"}\n"
				     "{\"fin\":true,\"mask\":168496141,\"opcode\":\"continuation\"}\n"
				     "{\"fin\":true,\"mask\":168496141,\"opcode\":\"binary\"} !skip_end_of_payload\n"
				     "{\"fin\":true,\"mask\":168496141,\"opcode\":11}\n"
				     "{\"fin\":false,\"opcode\":\"binary\"}\n"
				     "{\"fin\":true,\"opcode\":\"continuation\"} !reassembly_limit_reached\n"
				     "{\"fin\":true,\"mask\":168496141,\"opcode\":\"connection_close\"}\n";

static void frames(void **state)
{
	struct testapp app;

	testapp_init(
		&app, 6, 80, "%YAML 1.1\n---\napp-layer:\n  protocols:\n    websocket:\n      max-payload-size: 64\n");
	assert_true(testtalk_same(&app, frames_talk, ARRAY_COUNT(frames_talk), frames_records));
	testapp_done(&app);
}

static void payloads(void **state)
{
	static const struct {
		uint64_t id;
		const char *payload;
	} rows[] = {
		{ 0, "hello" },
		{ 1, "two" },
		{ 3, "two parts" },
		{ 4, "hello hello hello" },
		{ 6, "hello hello again" },
		{ 10, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbb" },
	};
	struct testapp app;
	char records[TESTTALK_TEXT_SIZE], text[256];

	testapp_init(
		&app, 6, 80, "%YAML 1.1\n---\napp-layer:\n  protocols:\n    websocket:\n      max-payload-size: 64\n");
	testtalk_run(&app, frames_talk, ARRAY_COUNT(frames_talk), false, 0, 0, records);
	for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++) {
		struct app_tx *tx = app.flow.app->first;

		while (tx && tx->id != rows[i].id)
			tx = tx->next;
		assert_non_null(tx);
		assert_string_equal(testapp_buffer(&app, tx, "websocket.payload", TO_SERVER, 0, text, sizeof(text)),
			rows[i].payload);
	}
	testapp_done(&app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames),
		cmocka_unit_test(payloads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
