// SPDX-License-Identifier: Apache-2.0
#include "hub/api/again.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static struct again_key key(uint8_t number, uint8_t body)
{
	return (struct again_key){ .key = { number }, .request = { body } };
}

static enum again_state ask(struct again *again, uint8_t number, uint8_t body, uint64_t now_ns)
{
	struct again_key wanted = key(number, body);
	struct again_answer answer;
	void *memory = NULL;
	enum again_state state = again_begin(again, &wanted, now_ns, &answer, &memory);

	free(memory);
	return state;
}

static void keep(struct again *again, uint8_t number, uint8_t body, const char *text)
{
	struct again_key wanted = key(number, body);
	struct again_answer answer = { .status = 201,
		.content_type = bytes_from_str("t"),
		.etag = bytes_from_str("\"r1\""),
		.body = bytes_from_str(text) };

	again_keep(again, &wanted, &answer);
}

static void test_life(void **state)
{
	static const struct again_settings settings = { .entries_max = 4, .bytes_max = 1 << 16, .keep_ns = 100 };
	struct again *again = again_new(&settings);
	struct again_key one = key(1, 1);
	struct again_answer answer;
	void *memory = NULL;

	assert_int_equal(ask(again, 1, 1, 10), AGAIN_NEW);
	assert_int_equal(ask(again, 1, 1, 10), AGAIN_BUSY);
	assert_int_equal(ask(again, 1, 2, 10), AGAIN_OTHER);
	keep(again, 1, 1, "answer");
	assert_int_equal(again_begin(again, &one, 109, &answer, &memory), AGAIN_KNOWN);
	assert_int_equal(answer.status, 201);
	assert_true(bytes_equal_str(answer.body, "answer") && bytes_equal_str(answer.etag, "\"r1\"") &&
		    bytes_equal_str(answer.content_type, "t") && bytes_empty(answer.location));
	free(memory);
	assert_int_equal(ask(again, 1, 1, 110), AGAIN_NEW);
	again_forget(again, &one);
	assert_int_equal(ask(again, 1, 2, 110), AGAIN_NEW);
	again_free(again);
}

/* The oldest answer goes; what is being done never. */
static void test_entries(void **state)
{
	static const struct again_settings settings = { .entries_max = 3, .bytes_max = 1 << 16, .keep_ns = 100 };
	struct again *again = again_new(&settings);

	for (uint8_t i = 1; i <= 3; i++)
		assert_int_equal(ask(again, i, i, i), AGAIN_NEW);
	assert_int_equal(ask(again, 4, 4, 4), AGAIN_FULL);
	keep(again, 2, 2, "two");
	keep(again, 3, 3, "three");
	assert_int_equal(ask(again, 4, 4, 4), AGAIN_NEW);
	assert_int_equal(again_count(again), 3);
	assert_int_equal(ask(again, 1, 1, 4), AGAIN_BUSY);
	again_free(again);
}

static void test_bytes(void **state)
{
	static const struct again_settings settings = { .entries_max = 100, .bytes_max = 4096, .keep_ns = 1000 };
	struct again *again = again_new(&settings);
	char text[1001];

	memset(text, 'x', 1000);
	text[1000] = '\0';
	for (uint8_t i = 1; i < 50; i++) {
		assert_int_equal(ask(again, i, i, i), AGAIN_NEW);
		keep(again, i, i, text);
	}
	assert_true(again_count(again) >= 2 && again_count(again) <= 4);
	assert_int_equal(ask(again, 49, 49, 50), AGAIN_KNOWN);
	again_free(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
