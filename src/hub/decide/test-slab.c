// SPDX-License-Identifier: Apache-2.0
#include "hub/decide/slab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void numbers_last_and_are_given_again(void **state)
{
	struct slab slab;
	uint64_t *item;

	slab_init(&slab, sizeof(uint64_t), 10000);
	for (uint32_t i = 0; i < 10000; i++) {
		assert_int_equal(slab_take(&slab), i);
		item = slab_at(&slab, i);
		assert_int_equal(*item, 0);
		*item = i;
	}
	assert_int_equal(slab_take(&slab), SLAB_NONE);
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(*(uint64_t *)slab_at(&slab, i), i);
	slab_give(&slab, 4711);
	assert_null(slab_find(&slab, 4711));
	assert_non_null(slab_find(&slab, 4712));
	assert_null(slab_find(&slab, 10000));
	assert_int_equal(slab_take(&slab), 4711);
	assert_int_equal(*(uint64_t *)slab_at(&slab, 4711), 0);
	assert_int_equal(slab.used_count, 10000);
	slab_done(&slab);
	slab_done(&slab);
}

static void loaded_numbers_leave_free_ones_between(void **state)
{
	struct slab slab;

	slab_init(&slab, 24, 100);
	assert_true(slab_take_at(&slab, 5) && slab_take_at(&slab, 2));
	assert_false(slab_take_at(&slab, 5) || slab_take_at(&slab, 100));
	slab_settle(&slab);
	assert_int_equal(slab_take(&slab), 0);
	assert_int_equal(slab_take(&slab), 1);
	assert_int_equal(slab_take(&slab), 3);
	assert_int_equal(slab_take(&slab), 4);
	assert_int_equal(slab_take(&slab), 6);
	assert_int_equal(slab.used_count, 7);
	slab_done(&slab);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_last_and_are_given_again),
		cmocka_unit_test(loaded_numbers_leave_free_ones_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
