// SPDX-License-Identifier: Apache-2.0
#include "hub/events/detail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/error.h"
#include "hub/events/sample.h"

static const struct sample sample = { .count = 10000, .span_us = EV_HOUR_US, .sources = 1000, .tenants = 20 };

static size_t assert_comes_back(struct detail *to, struct detail *from, struct bytes text)
{
	struct bytes packed, again;
	uint8_t *copy;
	size_t size;

	assert_int_equal(detail_pack(to, text, &packed), 0);
	size = packed.size;
	copy = malloc(size + 1);
	assert_non_null(copy);
	if (size > 0)
		memcpy(copy, packed.ptr, size);
	assert_int_equal(detail_unpack(from, bytes_of(copy, size), &again), 0);
	assert_true(bytes_equal(again, text));
	free(copy);
	return size;
}

static void texts_of_every_size_come_back(void **state)
{
	static uint8_t text[EV_DETAIL_MAX + 1];
	static const size_t sizes[] = { 0, 1, 23, 24, 100, 4096, EV_DETAIL_MAX };
	struct detail *detail = detail_new();
	struct bytes packed;

	assert_non_null(detail);
	for (unsigned int pass = 0; pass < 2; pass++) {
		uint64_t random = pass;

		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = pass == 0 ? 'a' : (uint8_t)sample_random(&random);
		for (size_t i = 0; i < ARRAY_COUNT(sizes); i++)
			assert_comes_back(detail, detail, bytes_of(text, sizes[i]));
	}
	assert_int_equal(detail_pack(detail, bytes_of(text, sizeof(text)), &packed), LUYTRE_E_INVALID);
	detail_free(detail);
}

static void a_dictionary_makes_them_much_shorter(void **state)
{
	struct detail *writer = detail_new(), *reader = detail_new(), *stranger = detail_new();
	struct sample_text text;
	struct ev_event event;
	struct bytes packed, again;
	uint8_t *dictionary;
	size_t size, plain = 0, before = 0, after = 0;

	assert_true(writer && reader && stranger);
	for (uint64_t i = 0; !detail_ready(writer); i++) {
		sample_event(&sample, i, &text, &event);
		detail_learn(writer, event.detail);
		before += assert_comes_back(writer, stranger, event.detail);
		plain += event.detail.size;
	}
	assert_int_equal(detail_train(writer, &dictionary, &size), 0);
	assert_true(size > 0);
	assert_int_equal(detail_use(writer, bytes_of(dictionary, size)), 0);
	assert_int_equal(detail_use(reader, bytes_of(dictionary, size)), 0);
	assert_false(detail_ready(writer));
	for (uint64_t i = 0; i < 4000; i++) {
		sample_event(&sample, i, &text, &event);
		after += assert_comes_back(writer, reader, event.detail);
	}
	assert_true(after * 2 < plain && after * 3 < before * 2);
	sample_event(&sample, 1, &text, &event);
	assert_int_equal(detail_pack(writer, event.detail, &packed), 0);
	assert_int_equal(detail_unpack(stranger, packed, &again), LUYTRE_E_CORRUPT);
	free(dictionary);
	detail_free(writer);
	detail_free(reader);
	detail_free(stranger);
}

static void samples_that_yield_no_dictionary_do_no_harm(void **state)
{
	struct detail *detail = detail_new();
	uint8_t *dictionary;
	size_t size;

	assert_non_null(detail);
	for (unsigned int i = 0; i < 5000; i++)
		detail_learn(detail, bytes_from_str("{}"));
	assert_true(detail_ready(detail));
	assert_int_equal(detail_train(detail, &dictionary, &size), 0);
	assert_int_equal(detail_use(detail, bytes_of(dictionary, size)), 0);
	assert_false(detail_ready(detail));
	assert_comes_back(detail, detail, bytes_from_str("{\"a\":\"something that is not short at all\"}"));
	free(dictionary);
	detail_free(detail);
}

static void broken_forms_are_refused(void **state)
{
	struct detail *detail = detail_new();
	struct bytes again;
	static const char *const forms[] = { "\x01garbage", "\x02garbage", "\x03garbage", "\x01" };

	assert_non_null(detail);
	for (size_t i = 0; i < ARRAY_COUNT(forms); i++)
		assert_int_equal(detail_unpack(detail, bytes_from_str(forms[i]), &again), LUYTRE_E_CORRUPT);
	detail_free(detail);
}

static void finds_texts_without_case(void **state)
{
	static const struct {
		const char *in, *text;
		bool found;
	} rows[] = {
		{ "", "", true },
		{ "abc", "", true },
		{ "", "a", false },
		{ "abc", "ABC", true },
		{ "xxABcx", "abC", true },
		{ "aab", "ab", true },
		{ "abc", "abcd", false },
		{ "tìm", "TìM", true },
		{ "[", "{", false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(
			detail_contains(bytes_from_str(rows[i].in), bytes_from_str(rows[i].text)), rows[i].found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_of_every_size_come_back),
		cmocka_unit_test(a_dictionary_makes_them_much_shorter),
		cmocka_unit_test(samples_that_yield_no_dictionary_do_no_harm),
		cmocka_unit_test(broken_forms_are_refused),
		cmocka_unit_test(finds_texts_without_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
