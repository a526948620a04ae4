// SPDX-License-Identifier: Apache-2.0
#include "edge/link/sse.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char told[512];

static bool note(void *context, const char *name, struct bytes data)
{
	size_t size = strlen(told);

	snprintf(told + size, sizeof(told) - size, "[%s|%.*s]", name, (int)data.size, (const char *)data.ptr);
	return strcmp(name, "stop") != 0;
}

static const struct {
	const char *text, *told;
} cases[] = {
	{ "", "" },
	{ ": alive\n\n", "" },
	{ "data: a\n\n", "[message|a]" },
	{ "data:a\n\n", "[message|a]" },
	{ "data:  a\n\n", "[message| a]" },
	{ "event: decisions\nid: 1-2\ndata: {}\n\n", "[decisions|{}]" },
	{ "event: decisions\r\ndata: {}\r\n\r\n", "[decisions|{}]" },
	{ "event: decisions\rdata: {}\r\r", "[decisions|{}]" },
	{ "data: a\ndata: b\ndata\n\n", "[message|a\nb\n]" },
	{ "data: a\n", "" }, /* not over */
	{ "event: x\n\ndata: a\n\n", "[message|a]" }, /* an event without data is none, and leaves nothing */
	{ "data: a\n\n\n\ndata: b\n\n", "[message|a][message|b]" },
	{ "retry: 3\nother: x\nnocolon\ndata: a\n\n", "[message|a]" },
	{ "event: stop\ndata: a\n\ndata: b\n\n", "[stop|a]" },
	{ "event: a-name-that-is-much-longer-than-any-of-ours\ndata: a\n\ndata: b\n\n", "[message|b]" },
};

/* In pieces of every size, the same comes out. */
static void read_in_pieces(void **state)
{
	struct sse sse;

	assert_int_equal(sse_init(&sse), 0);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		size_t size = strlen(cases[i].text);

		for (size_t piece = 1; piece <= size + 1; piece++) {
			bool go_on = true;

			told[0] = '\0';
			sse_reset(&sse);
			for (size_t at = 0; at < size && go_on; at += piece)
				go_on = sse_feed(
					&sse, bytes_first(bytes_of(cases[i].text + at, size - at), piece), note, NULL);
			if (strcmp(told, cases[i].told) != 0)
				fail_msg("case %zu in pieces of %zu: %s", i, piece, told);
		}
	}
	sse_done(&sse);
}

static void what_is_too_long_is_dropped(void **state)
{
	static const char line[] = "data: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";
	struct sse sse;

	assert_int_equal(sse_init(&sse), 0);
	told[0] = '\0';
	for (size_t i = 0; i < SSE_LINE_MAX / 64 + 10; i++) /* lines that are too much together */
		assert_true(sse_feed(&sse, bytes_from_str(line), note, NULL));
	assert_true(sse_feed(&sse, bytes_from_str("\ndata: a\n\ndata: "), note, NULL));
	assert_string_equal(told, "[message|a]");
	for (size_t i = 0; i < SSE_LINE_MAX / 16; i++) /* one line that is */
		assert_true(sse_feed(&sse, bytes_from_str("0123456789abcdef"), note, NULL));
	assert_true(sse_feed(&sse, bytes_from_str("\n\ndata: b\n\n"), note, NULL));
	assert_string_equal(told, "[message|a][message|b]");
	assert_int_equal(sse.dropped, 2);
	sse_done(&sse);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_in_pieces),
		cmocka_unit_test(what_is_too_long_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
