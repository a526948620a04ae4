// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/core/news.h"

#define SECOND INT64_C(1000000)
#define START  (INT64_C(1790000000) * SECOND)

static void a_second_has_room_for_some(void **state)
{
	struct news_pace news = { 0 };
	unsigned int words[NEWS_NOTHING + 1] = { 0 };

	for (int i = 0; i < 1000; i++)
		words[news_ask(&news, START + i * SECOND / 1000)]++;
	assert_int_equal(words[NEWS_TELL], NEWS_A_S);
	assert_int_equal(words[NEWS_RESYNC], 1);
	assert_int_equal(words[NEWS_NOTHING], 1000 - NEWS_A_S - 1);
}

static void what_was_left_out_is_said_later(void **state)
{
	struct news_pace news = { 0 };

	assert_false(news_owed(&news, START));
	for (int i = 0; i <= NEWS_A_S; i++)
		(void)news_ask(&news, START);
	/* All was said, the last by "there was more". */
	assert_false(news_owed(&news, START + SECOND));
	for (int i = 0; i <= NEWS_A_S + 5; i++)
		(void)news_ask(&news, START + SECOND);
	assert_false(news_owed(&news, START + SECOND)); /* not in the same second */
	assert_true(news_owed(&news, START + 3 * SECOND));
	assert_false(news_owed(&news, START + 3 * SECOND));
	/* It counts as one. */
	for (int i = 1; i < NEWS_A_S; i++)
		assert_int_equal(news_ask(&news, START + 3 * SECOND), NEWS_TELL);
	assert_int_equal(news_ask(&news, START + 3 * SECOND), NEWS_RESYNC);
	assert_int_equal(news_ask(&news, START + 3 * SECOND), NEWS_NOTHING);
	/* A clock that was set back begins another second. */
	assert_true(news_owed(&news, START));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_has_room_for_some),
		cmocka_unit_test(what_was_left_out_is_said_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
