// SPDX-License-Identifier: Apache-2.0
#include "gate/guard/ways.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static uint64_t key_of(uint64_t i)
{
	return (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static struct ways *make(size_t count, uint64_t ttl_ns)
{
	void *memory = malloc(ways_size(12, count));

	assert_non_null(memory);
	return ways_place(memory, 12, count, ttl_ns);
}

static void keeps_values(void **state)
{
	struct ways *table = make(1000, 100);

	(void)state;
	assert_null(ways_find(table, key_of(1), 1));
	*(uint32_t *)ways_get(table, key_of(1), 1) = 5;
	*(uint32_t *)ways_get(table, 0, 1) = 6; /* any key will do */
	assert_int_equal(*(uint32_t *)ways_find(table, key_of(1), 2), 5);
	assert_int_equal(*(uint32_t *)ways_find(table, 0, 2), 6);
	assert_int_equal(ways_counters(table).created, 2);
	free(table);
}

static void forgets_what_is_not_used(void **state)
{
	struct ways *table = make(8, 100);

	(void)state;
	*(uint32_t *)ways_get(table, key_of(1), 10) = 5;
	assert_non_null(ways_find(table, key_of(1), 110)); /* used: the time begins again */
	assert_non_null(ways_find(table, key_of(1), 210));
	assert_null(ways_find(table, key_of(1), 311));
	assert_int_equal(*(uint32_t *)ways_get(table, key_of(1), 311), 0);
	assert_int_equal(ways_counters(table).expired, 1);
	assert_non_null(ways_find(table, key_of(1), 5)); /* a clock that is behind does no harm */
	free(table);
}

static void oldest_gives_way(void **state)
{
	struct ways *table = make(8, 1000000);

	(void)state;
	for (uint64_t i = 0; i < 8; i++)
		(void)ways_get(table, key_of(i), 10 + i);
	assert_non_null(ways_find(table, key_of(0), 50)); /* now the second is the oldest */
	(void)ways_get(table, key_of(8), 60);
	assert_non_null(ways_find(table, key_of(0), 61));
	assert_null(ways_find(table, key_of(1), 61));
	assert_int_equal(ways_counters(table).evicted, 1);
	free(table);
}

static void never_grows(void **state)
{
	struct ways *table = make(4096, 1000000);
	size_t kept = 0;

	(void)state;
	for (uint64_t i = 0; i < 100000; i++)
		(void)ways_get(table, key_of(i), i);
	for (uint64_t i = 0; i < 100000; i++)
		kept += ways_find(table, key_of(i), 100000) != NULL;
	assert_in_range(kept, 4000, 4096);
	assert_int_equal(ways_counters(table).evicted + kept, 100000);
	free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_values),
		cmocka_unit_test(forgets_what_is_not_used),
		cmocka_unit_test(oldest_gives_way),
		cmocka_unit_test(never_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
