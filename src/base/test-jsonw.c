// SPDX-License-Identifier: Apache-2.0
#include "base/jsonw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "base/error.h"

static void assert_text(const struct jsonw *writer, const char *expected)
{
	struct bytes text;

	assert_int_equal(jsonw_text(writer, &text), 0);
	assert_int_equal(text.size, strlen(expected));
	/* The NUL behind the end is part of the contract. */
	assert_string_equal((const char *)text.ptr, expected);
}

static void assert_refused(const struct jsonw *writer, int error)
{
	struct bytes text = { .size = 99 };

	assert_int_equal(jsonw_text(writer, &text), error);
	assert_int_equal(text.size, 99);
}

static void a_document_with_everything(void **state)
{
	struct jsonw w;

	jsonw_init(&w, 4096);
	jsonw_object_begin(&w);
	jsonw_kv_string(&w, "s", "x");
	jsonw_kv_string(&w, "none", NULL);
	jsonw_kv_string_bytes(&w, "b", bytes_of("ab", 1));
	jsonw_kv_u64(&w, "u", UINT64_MAX);
	jsonw_kv_i64(&w, "i", INT64_MIN);
	jsonw_kv_double(&w, "d", 0.5);
	jsonw_kv_bool(&w, "t", true);
	jsonw_kv_bool(&w, "f", false);
	jsonw_kv_null(&w, "n");
	jsonw_kv_array_begin(&w, "a");
	jsonw_u64(&w, 1);
	jsonw_array_begin(&w);
	jsonw_array_end(&w);
	jsonw_object_begin(&w);
	jsonw_object_end(&w);
	jsonw_string(&w, "y");
	jsonw_array_end(&w);
	jsonw_kv_object_begin(&w, "o");
	jsonw_key_bytes(&w, bytes_of("k\"", 2));
	jsonw_null(&w);
	jsonw_object_end(&w);
	jsonw_object_end(&w);
	assert_text(&w, "{\"s\":\"x\",\"none\":null,\"b\":\"a\",\"u\":18446744073709551615,\"i\":-9223372036854775808,"
			"\"d\":0.5,\"t\":true,\"f\":false,\"n\":null,\"a\":[1,[],{},\"y\"],\"o\":{\"k\\\"\":null}}");
	jsonw_done(&w);
	jsonw_done(&w);
}

static void strings_are_escaped_and_repaired(void **state)
{
	static const struct {
		const char *in;
		size_t size;
		const char *out;
	} rows[] = {
		{ "", 0, "" },
		{ "a\"b\\c/", 6, "a\\\"b\\\\c/" },
		{ "\b\f\n\r\t", 5, "\\b\\f\\n\\r\\t" },
		{ "\0\x01\x1f\x7f", 4, "\\u0000\\u0001\\u001f\x7f" },
		{ "Lũy Tre", 8, "Lũy Tre" },
		{ "\xc2\x80\xdf\xbf", 4, "\xc2\x80\xdf\xbf" },
		{ "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80", 9, "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80" },
		{ "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8, "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
		{ "\x80", 1, "\ufffd" },
		{ "\xff\xfe", 2, "\ufffd\ufffd" },
		/* Overlong forms of '/'. */
		{ "\xc0\xaf", 2, "\ufffd\ufffd" },
		{ "\xe0\x80\xaf", 3, "\ufffd\ufffd\ufffd" },
		/* A surrogate, and the first number behind the last character. */
		{ "\xed\xa0\x80", 3, "\ufffd\ufffd\ufffd" },
		{ "\xf4\x90\x80\x80", 4, "\ufffd\ufffd\ufffd\ufffd" },
		/* Cut sequences: one replacement each, and the quote behind them is still escaped. */
		{ "\xc3", 1, "\ufffd" },
		{ "\xe1\xbb", 2, "\ufffd" },
		{ "\xf0\x9f\x98", 3, "\ufffd" },
		{ "\xe1\xbb\"", 3, "\ufffd\\\"" },
		{ "\xc3\n", 2, "\ufffd\\n" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct jsonw w;
		char expected[64];

		snprintf(expected, sizeof(expected), "\"%s\"", rows[i].out);
		jsonw_init(&w, 64);
		jsonw_string_bytes(&w, bytes_of(rows[i].in, rows[i].size));
		assert_text(&w, expected);
		jsonw_done(&w);
	}
}

static void doubles_are_short_and_exact(void **state)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ -0.0, "-0" },
		{ 0.1, "0.1" },
		{ -2.5, "-2.5" },
		{ 1e300, "1e+300" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ DBL_MAX, "1.7976931348623157e+308" },
		{ (double)NAN, "null" },
		{ (double)INFINITY, "null" },
		{ -(double)INFINITY, "null" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct jsonw w;

		jsonw_init(&w, 64);
		jsonw_double(&w, rows[i].value);
		assert_text(&w, rows[i].text);
		jsonw_done(&w);
	}
}

/* Letters stand for calls: { } [ ] k(ey) v(alue). */
static void play(struct jsonw *w, const char *calls)
{
	for (; *calls; calls++) {
		switch (*calls) {
		case '{':
			jsonw_object_begin(w);
			break;
		case '}':
			jsonw_object_end(w);
			break;
		case '[':
			jsonw_array_begin(w);
			break;
		case ']':
			jsonw_array_end(w);
			break;
		case 'k':
			jsonw_key(w, "k");
			break;
		default:
			jsonw_null(w);
			break;
		}
	}
}

static void calls_out_of_order_never_give_a_text(void **state)
{
	static const char *const rows[] = { "", "{", "[", "}", "]", "{]", "[}", "k", "kv", "[k", "[kv]", "{v", "{v}",
		"{kk", "{k}", "{k]", "{kv", "{kvv}", "vv", "{}{}", "[]v", "{}k", "[]]", "{}}" };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct jsonw w;

		jsonw_init(&w, 4096);
		play(&w, rows[i]);
		assert_refused(&w, LUYTRE_E_INVALID);
		jsonw_done(&w);
	}
}

static void depth_has_a_limit(void **state)
{
	for (unsigned int depth = JSONW_DEPTH_MAX; depth <= JSONW_DEPTH_MAX + 1; depth++) {
		struct jsonw w;
		struct bytes text;

		jsonw_init(&w, 4096);
		for (unsigned int i = 0; i < depth; i++)
			jsonw_array_begin(&w);
		for (unsigned int i = 0; i < depth; i++)
			jsonw_array_end(&w);
		assert_int_equal(jsonw_text(&w, &text), depth > JSONW_DEPTH_MAX ? LUYTRE_E_INVALID : 0);
		jsonw_done(&w);
	}
}

static void every_ceiling_below_the_size_is_refused(void **state)
{
	static const char expected[] = "{\"k\":[null,null],\"k\":null}";

	for (size_t ceiling_size = 0; ceiling_size < sizeof(expected) + 2; ceiling_size++) {
		struct jsonw w;

		jsonw_init(&w, ceiling_size);
		play(&w, "{k[vv]kv}");
		if (ceiling_size >= sizeof(expected) - 1)
			assert_text(&w, expected);
		else
			assert_refused(&w, LUYTRE_E_FULL);
		jsonw_done(&w);
	}
}

static void reset_forgets_text_and_error(void **state)
{
	struct jsonw w;

	jsonw_init(&w, 16);
	play(&w, "[vvvvvvvv]");
	assert_refused(&w, LUYTRE_E_FULL);
	jsonw_reset(&w);
	assert_refused(&w, LUYTRE_E_INVALID);
	play(&w, "[v]");
	assert_text(&w, "[null]");
	jsonw_done(&w);
}

static void large_documents_grow(void **state)
{
	struct jsonw w;
	struct bytes text;

	jsonw_init(&w, 1 << 20);
	jsonw_array_begin(&w);
	for (uint64_t i = 0; i < 100000; i++)
		jsonw_u64(&w, i);
	jsonw_array_end(&w);
	assert_int_equal(jsonw_text(&w, &text), 0);
	/* Digits of 0..99999, one comma less than numbers, two brackets. */
	assert_int_equal(text.size, 10 + 180 + 2700 + 36000 + 450000 + 99999 + 2);
	jsonw_done(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_with_everything),
		cmocka_unit_test(strings_are_escaped_and_repaired),
		cmocka_unit_test(doubles_are_short_and_exact),
		cmocka_unit_test(calls_out_of_order_never_give_a_text),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(every_ceiling_below_the_size_is_refused),
		cmocka_unit_test(reset_forgets_text_and_error),
		cmocka_unit_test(large_documents_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
