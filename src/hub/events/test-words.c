// SPDX-License-Identifier: Apache-2.0
/* Filters of words: no word that was added is ever missed, few others are found, and what a filter keeps out no text holds. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/events/sample.h"
#include "hub/events/words.h"

static struct words *filled(size_t words)
{
	struct words *ret = words_new();
	char text[64];

	assert_non_null(ret);
	for (size_t i = 0; i < words; i++) {
		snprintf(text, sizeof(text), "{\"k%zx\":%zu}", i, i);
		words_add(ret, bytes_from_str(text));
	}
	return ret;
}

static bool may_hold(struct bytes filter, const char *text)
{
	struct words_query query;

	words_query_of(bytes_from_str(text), &query);
	return words_may_hold(filter, &query);
}

/* None missed, about one in a hundred too many, at whatever size the filter has come to. */
static void test_filters(void **state)
{
	static const size_t counts[] = { 1, 100, 5000, 40000, 130000, 260000 };

	for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
		struct words *words = filled(counts[n]);
		struct bytes filter = words_take(words);
		size_t wrong = 0;
		char text[32];

		assert_true(filter.size >= 64 && filter.size <= WORDS_FILTER_MAX);
		assert_true(filter.size <= counts[n] * 8 || filter.size == 64);
		for (size_t i = 0; i < counts[n]; i++) {
			snprintf(text, sizeof(text), "K%zX", i);
			if (!may_hold(filter, text))
				fail_msg("%s is missed by the filter of %zu", text, counts[n]);
		}
		for (size_t i = 0; i < 10000; i++) {
			snprintf(text, sizeof(text), "other%zu", i);
			wrong += may_hold(filter, text);
		}
		if (wrong > 400)
			fail_msg("%zu of 10000 are found in the filter of %zu that are not there", wrong, counts[n]);
		words_free(words);
	}
}

static void test_too_full(void **state)
{
	struct words *words = filled(3000000);

	assert_int_equal(words_take(words).size, 0);
	words_clear(words);
	words_add(words, bytes_from_str("once"));
	assert_int_equal(words_take(words).size, 64);
	words_free(words);
}

static void test_strange_filters(void **state)
{
	static const uint8_t zeros[512] = { 0 };

	assert_true(may_hold((struct bytes){ 0 }, "word"));
	assert_true(may_hold(bytes_of(zeros, 63), "word"));
	assert_true(may_hold(bytes_of(zeros, 192), "word"));
	assert_false(may_hold(bytes_of(zeros, 64), "word"));
	assert_false(may_hold(bytes_of(zeros, 512), "word"));
	assert_true(may_hold(bytes_of(zeros, 64), "12345 ab . 77")); /* of no word that is kept */
}

static void test_texts(void **state)
{
	static const struct {
		const char *in, *text;
		bool stands;
	} rows[] = {
		{ "{\"hostname\":\"www.evil.example\"}", "evil.example", true },
		{ "{\"hostname\":\"www.devil.example\"}", "evil.example", false },
		{ "{\"hostname\":\"evil.examples\"}", "evil.example", false },
		{ "{\"hostname\":\"EVIL.Example\"}", "evil.example", true },
		{ "{\"hostname\":\"devil.example evil.example\"}", "evil.example", true },
		{ "{\"ja4\":\"t13d1516h2_8daaf6152771_e5627efa2ab1\"}", "t13d1516h2_8daaf6152771_e5627efa2ab1", true },
		{ "{\"ja4\":\"t13d1516h2_8daaf6152771_e5627efa2ab1\"}", "8daaf6152771", true },
		{ "{\"ja4\":\"t13d1516h2_8daaf6152771_e5627efa2ab1\"}", "daaf6152771", false },
		{ "{\"url\":\"/cgi-bin/luci\"}", "/cgi-bin/", true },
		{ "{\"url\":\"/tìm\"}", "m", false },
		{ "{\"body\":\"line\\nevil\"}", "evil", true },
		{ "{\"body\":\"line\\u000aevil\"}", "evil", true },
		{ "evil", "evil", true },
		{ "", "evil", false },
		{ "evil", "", true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct words *words = words_new();
		bool stands = words_stand_in(bytes_from_str(rows[i].in), bytes_from_str(rows[i].text));

		assert_non_null(words);
		if (stands != rows[i].stands)
			fail_msg("%s in %s: %d", rows[i].text, rows[i].in, stands);
		words_add(words, bytes_from_str(rows[i].in));
		if (stands && !may_hold(words_take(words), rows[i].text))
			fail_msg("%s in %s: missed by the filter", rows[i].text, rows[i].in);
		words_free(words);
	}
}

/* Pieces of random bytes: what stands in the whole is held by its filter. A backslash that is itself behind one is left out: words.h. */
static void test_random(void **state)
{
	static const char letters[] = "ab1-.\"ế_ A";
	struct words *words = words_new();
	uint64_t random = 7;

	assert_non_null(words);
	for (size_t round = 0; round < 5000; round++) {
		char in[48], text[16];
		size_t size = sample_random(&random) % sizeof(in), part;

		for (size_t i = 0; i < size; i++)
			in[i] = letters[sample_random(&random) % (sizeof(letters) - 1)];
		part = size == 0 ? 0 : sample_random(&random) % (size < sizeof(text) ? size : sizeof(text));
		memcpy(text, in + (size == 0 ? 0 : sample_random(&random) % (size - part)), part);
		words_clear(words);
		words_add(words, bytes_of(in, size));
		if (words_stand_in(bytes_of(in, size), bytes_of(text, part))) {
			struct words_query query;

			words_query_of(bytes_of(text, part), &query);
			assert_true(words_may_hold(words_take(words), &query));
		}
	}
	words_free(words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_too_full),
		cmocka_unit_test(test_strange_filters),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
