// SPDX-License-Identifier: Apache-2.0
#include "base/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const struct siphash_key fixed_key = { 1, 2 };

static void sizes_out_of_bounds_make_no_table(void **state)
{
	static const struct {
		size_t key_size, value_size, max_count;
	} rows[] = {
		{ 0, 4, 10 },
		{ 1025, 4, 10 },
		{ SIZE_MAX, 4, 10 },
		{ 4, 65537, 10 },
		{ 4, SIZE_MAX, 10 },
		{ 4, 4, 0 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_null(table_new(rows[i].key_size, rows[i].value_size, rows[i].max_count, fixed_key));
	table_free(NULL);
}

static void finds_what_was_inserted_for_many_shapes(void **state)
{
	static const size_t sizes[][2] = { { 1, 0 }, { 3, 1 }, { 4, 4 }, { 8, 8 }, { 17, 5 }, { 20, 100 } };

	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		struct table *table = table_new(sizes[i][0], sizes[i][1], 200, fixed_key);
		uint8_t key[32] = { 0 };

		for (unsigned int n = 0; n < 200; n++) {
			bool created = false;
			uint8_t *value;

			key[0] = (uint8_t)n;
			assert_null(table_find(table, key));
			value = table_insert(table, key, &created);
			assert_non_null(value);
			assert_true(created);
			assert_int_equal((uintptr_t)value % 8, 0);
			for (size_t j = 0; j < sizes[i][1]; j++)
				assert_int_equal(value[j], 0);
			memset(value, (int)n, sizes[i][1]);
		}
		for (unsigned int n = 0; n < 200; n++) {
			uint8_t *value;

			key[0] = (uint8_t)n;
			value = table_find(table, key);
			assert_non_null(value);
			for (size_t j = 0; j < sizes[i][1]; j++)
				assert_int_equal(value[j], n);
		}
		assert_int_equal(table_count(table), 200);
		table_free(table);
	}
}

static void the_ceiling_refuses_new_keys_only(void **state)
{
	struct table *table = table_new(4, 4, 3, fixed_key);
	bool created;
	uint32_t key;

	for (key = 0; key < 3; key++)
		assert_non_null(table_insert(table, &key, NULL));
	for (key = 3; key < 8; key++)
		assert_null(table_insert(table, &key, &created));
	assert_int_equal(table_refused(table), 5);
	assert_int_equal(table_count(table), 3);

	key = 1;
	assert_non_null(table_insert(table, &key, &created));
	assert_false(created);
	assert_true(table_remove(table, &key));
	assert_false(table_remove(table, &key));
	key = 7;
	assert_non_null(table_insert(table, &key, &created));
	assert_true(created);
	assert_int_equal(table_refused(table), 5);
	table_free(table);
}

#define MODEL_KEY_COUNT 512

/* Compares the whole table with a plain array. */
static void check_model(const struct table *table, const uint32_t model[MODEL_KEY_COUNT])
{
	size_t count = 0, seen = 0, pos = 0;
	const void *key;
	void *value;

	for (uint16_t n = 0; n < MODEL_KEY_COUNT; n++) {
		const uint32_t *found = table_find(table, &n);

		assert_int_equal(found ? *found : 0, model[n]);
		count += model[n] != 0;
	}
	while (table_next(table, &pos, &key, &value)) {
		uint16_t n;

		memcpy(&n, key, sizeof(n));
		assert_int_equal(*(uint32_t *)value, model[n]);
		seen++;
	}
	assert_int_equal(seen, count);
	assert_int_equal(table_count(table), count);
}

static void random_changes_agree_with_a_plain_array(void **state)
{
	struct table *table = table_new(2, 4, MODEL_KEY_COUNT, fixed_key);
	uint32_t model[MODEL_KEY_COUNT] = { 0 };
	unsigned int seed = 1;

	for (uint32_t step = 1; step <= 20000; step++) {
		uint16_t key = (uint16_t)(rand_r(&seed) % MODEL_KEY_COUNT);

		if (rand_r(&seed) % 2) {
			*(uint32_t *)table_insert(table, &key, NULL) = step;
			model[key] = step;
		} else {
			assert_int_equal(table_remove(table, &key), model[key] != 0);
			model[key] = 0;
		}
		if (step % 100 == 0)
			check_model(table, model);
	}
	table_clear(table);
	memset(model, 0, sizeof(model));
	check_model(table, model);
	table_free(table);
}

static bool is_odd(const void *key, void *value, void *context)
{
	(*(size_t *)context)++;
	return *(uint32_t *)value % 2 == 1;
}

static void sweep_in_slices_removes_all_that_expired(void **state)
{
	static const size_t budgets[] = { 1, 7, 1000, SIZE_MAX };

	for (size_t i = 0; i < ARRAY_COUNT(budgets); i++) {
		struct table *table = table_new(4, 4, 10000, fixed_key);
		size_t pos = 0, removed_count = 0, asked_count = 0;

		assert_int_equal(table_sweep(table, &pos, budgets[i], is_odd, &asked_count), 0);
		for (uint32_t key = 0; key < 10000; key++)
			*(uint32_t *)table_insert(table, &key, NULL) = key;
		do {
			removed_count += table_sweep(table, &pos, budgets[i], is_odd, &asked_count);
		} while (pos != 0);
		assert_int_equal(removed_count, 5000);
		assert_int_equal(table_count(table), 5000);
		assert_true(asked_count >= 10000);
		for (uint32_t key = 0; key < 10000; key++)
			assert_int_equal(table_find(table, &key) != NULL, key % 2 == 0);
		table_free(table);
	}
}

static void a_million_entries_with_reserve(void **state)
{
	enum { COUNT = 1000000 };
	struct table *table = table_new(16, 8, COUNT, fixed_key);
	uint64_t key[2] = { 0 };
	void *first;

	assert_int_equal(table_reserve(table, SIZE_MAX), 0);
	first = table_insert(table, key, NULL);
	for (key[0] = 1; key[0] < COUNT; key[0]++)
		*(uint64_t *)table_insert(table, key, NULL) = key[0];
	assert_null(table_insert(table, key, NULL));
	assert_int_equal(table_refused(table), 1);
	for (key[0] = 1; key[0] < COUNT; key[0] += 2)
		assert_true(table_remove(table, key));
	for (key[0] = 0; key[0] < COUNT; key[0]++) {
		const uint64_t *value = table_find(table, key);

		assert_int_equal(value != NULL, key[0] % 2 == 0);
		assert_true(!value || *value == key[0]);
	}
	assert_int_equal(table_count(table), COUNT / 2);
	assert_non_null(first);
	table_free(table);
}

static void the_hash_key_changes_the_order(void **state)
{
	static const struct siphash_key keys[] = { { 1, 2 }, { 3, 4 } };
	uint32_t order[2][100];

	for (size_t i = 0; i < 2; i++) {
		struct table *table = table_new(4, 0, 100, keys[i]);
		size_t pos = 0, n = 0;
		const void *key;

		for (uint32_t number = 0; number < 100; number++)
			assert_non_null(table_insert(table, &number, NULL));
		while (table_next(table, &pos, &key, NULL))
			memcpy(&order[i][n++], key, 4);
		assert_int_equal(n, 100);
		table_free(table);
	}
	assert_memory_not_equal(order[0], order[1], sizeof(order[0]));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_out_of_bounds_make_no_table),
		cmocka_unit_test(finds_what_was_inserted_for_many_shapes),
		cmocka_unit_test(the_ceiling_refuses_new_keys_only),
		cmocka_unit_test(random_changes_agree_with_a_plain_array),
		cmocka_unit_test(sweep_in_slices_removes_all_that_expired),
		cmocka_unit_test(a_million_entries_with_reserve),
		cmocka_unit_test(the_hash_key_changes_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
