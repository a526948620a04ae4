// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/error.h"
#include "bus/bundle.h"

static uint8_t public_key[2][BUNDLE_PUBLIC_SIZE], secret_key[2][BUNDLE_SECRET_SIZE];

static struct bundle_file file(const char *name, const char *content)
{
	return (struct bundle_file){ .name = bytes_from_str(name), .content = bytes_from_str(content) };
}

static int setup(void **state)
{
	return bundle_keys(public_key[0], secret_key[0]) || bundle_keys(public_key[1], secret_key[1]);
}

static size_t pack(uint8_t **ret)
{
	const struct bundle_file files[] = { file("tenants.yaml", "tenants: []\n"), file("rules/holds.rules", ""),
		file("decisions.bin", "\x01\x02") };
	size_t size;

	assert_int_equal(bundle_pack(7, 1700000000000000, 3, files, 3, secret_key[0], ret, &size), 0);
	return size;
}

static void test_round(void **state)
{
	uint8_t *text;
	size_t size = pack(&text), pos = 0, count = 0;
	struct bundle bundle;
	struct bundle_file found;
	struct bytes content;

	assert_int_equal(bundle_open(bytes_of(text, size), public_key, 2, &bundle), 0);
	assert_int_equal(bundle.revision, 7);
	assert_int_equal(bundle.made_us, 1700000000000000);
	assert_int_equal(bundle.edge, 3);
	assert_int_equal(bundle.file_count, 3);
	while (bundle_next(&bundle, &pos, &found))
		count++;
	assert_int_equal(count, 3);
	assert_true(bundle_find(&bundle, "decisions.bin", &content));
	assert_true(bytes_equal_str(content, "\x01\x02"));
	assert_true(bundle_find(&bundle, "rules/holds.rules", &content));
	assert_int_equal(content.size, 0);
	assert_false(bundle_find(&bundle, "rules", &content));
	free(text);
}

static void test_other_key(void **state)
{
	uint8_t *text;
	size_t size = pack(&text);
	struct bundle bundle;

	assert_int_equal(bundle_open(bytes_of(text, size), public_key + 1, 1, &bundle), LUYTRE_E_PERMISSION);
	assert_int_equal(bundle_open(bytes_of(text, size), public_key, 0, &bundle), LUYTRE_E_PERMISSION);
	free(text);
}

/* Cut at every length, and every bit changed: never accepted. */
static void test_altered(void **state)
{
	uint8_t *text, *longer;
	size_t size = pack(&text);
	struct bundle bundle = { .revision = 99 };

	for (size_t i = 0; i < size; i++) {
		uint8_t *cut = malloc(i ? i : 1); /* its own memory: a read behind it is found */

		assert_non_null(cut);
		memcpy(cut, text, i);
		assert_int_not_equal(bundle_open(bytes_of(cut, i), public_key, 2, &bundle), 0);
		free(cut);
	}
	for (size_t bit = 0; bit < 8 * size; bit++) {
		text[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(bundle_open(bytes_of(text, size), public_key, 2, &bundle), 0);
		text[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(bundle.revision, 99);
	assert_int_equal(bundle_open(bytes_of(text, size), public_key, 2, &bundle), 0);
	longer = calloc(1, size + 1);
	assert_non_null(longer);
	memcpy(longer, text, size);
	assert_int_not_equal(bundle_open(bytes_of(longer, size + 1), public_key, 2, &bundle), 0);
	free(longer);
	free(text);
}

static void test_names(void **state)
{
	static const char *const bad[] = { "", "/", "a/", "/a", "a//b", "a/b/c", "..", "../a", "a/..", ".a", "a/.b",
		"A", "a b", "a\\b", "ă" };
	static const char *const good[] = { "a", "a/b", "a..b", "9", "x-y_z.conf" };
	char longest[BUNDLE_NAME_MAX + 2];
	uint8_t *text;
	size_t size;

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct bundle_file one = file(bad[i], "");

		assert_int_equal(bundle_pack(1, 0, 0, &one, 1, secret_key[0], &text, &size), LUYTRE_E_INVALID);
	}
	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		struct bundle_file two[] = { file(good[i], ""), file(good[i], "twice") };

		assert_int_equal(bundle_pack(1, 0, 0, two, 1, secret_key[0], &text, &size), 0);
		free(text);
		assert_int_equal(bundle_pack(1, 0, 0, two, 2, secret_key[0], &text, &size), LUYTRE_E_INVALID);
	}
	memset(longest, 'a', sizeof(longest));
	longest[BUNDLE_NAME_MAX + 1] = 0;
	assert_int_equal(bundle_pack(1, 0, 0, &(struct bundle_file){ .name = bytes_from_str(longest) }, 1,
				 secret_key[0], &text, &size),
		LUYTRE_E_INVALID);
}

static void test_empty(void **state)
{
	uint8_t *text;
	size_t size, pos = 0;
	struct bundle bundle;
	struct bundle_file found;

	assert_int_equal(bundle_pack(UINT64_MAX, -5, 0, NULL, 0, secret_key[1], &text, &size), 0);
	assert_int_equal(bundle_open(bytes_of(text, size), public_key, 2, &bundle), 0);
	assert_true(bundle.revision == UINT64_MAX && bundle.made_us == -5);
	assert_false(bundle_next(&bundle, &pos, &found));
	text[7] = '2';
	assert_int_equal(bundle_open(bytes_of(text, size), public_key, 2, &bundle), LUYTRE_E_VERSION);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_round), cmocka_unit_test(test_other_key),
		cmocka_unit_test(test_altered), cmocka_unit_test(test_names), cmocka_unit_test(test_empty) };

	return cmocka_run_group_tests(tests, setup, NULL);
}
