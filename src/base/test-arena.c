// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/compiler.h"

static void memory_is_aligned_zero_and_apart(void **state)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 4096, 5000, 1, 0, 100000 };
	struct arena arena;
	uint8_t *before = NULL;

	arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		uint8_t *memory = arena_alloc(&arena, sizes[i]);

		assert_non_null(memory);
		assert_int_equal((uintptr_t)memory % ARENA_ALIGNMENT, 0);
		assert_ptr_not_equal(memory, before);
		for (size_t j = 0; j < sizes[i]; j++)
			assert_int_equal(memory[j], 0);
		/* Would show up as a byte that is not zero if the next allocation overlapped. */
		memset(memory, 0xff, sizes[i]);
		before = memory;
	}
	assert_int_equal(arena_refused(&arena), 0);
	arena_done(&arena);
}

static void the_ceiling_holds_to_the_byte(void **state)
{
	struct arena arena;

	arena_init(&arena, 64);
	for (size_t i = 0; i < 4; i++)
		assert_non_null(arena_alloc(&arena, 16));
	assert_int_equal(arena_taken(&arena), 64);
	assert_null(arena_alloc(&arena, 1));
	assert_null(arena_alloc(&arena, 0));
	assert_int_equal(arena_refused(&arena), 2);
	arena_done(&arena);
}

static void impossible_sizes_are_refused(void **state)
{
	static const size_t sizes[] = { 4097, 1 << 20, SIZE_MAX / 2, SIZE_MAX - 15, SIZE_MAX };
	struct arena arena;

	arena_init(&arena, 4096);
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		assert_null(arena_alloc(&arena, sizes[i]));
		assert_int_equal(arena_refused(&arena), i + 1);
	}
	assert_null(arena_dup_str(&arena, bytes_of("x", SIZE_MAX)));
	assert_int_equal(arena_taken(&arena), 0);
	assert_non_null(arena_alloc(&arena, 4096));
	arena_done(&arena);

	arena_init(&arena, 0);
	assert_null(arena_alloc(&arena, 1));
	arena_done(&arena);
}

static void never_takes_more_than_the_ceiling(void **state)
{
	struct arena arena;
	size_t allocated_size = 0;

	arena_init(&arena, 3000000);
	while (arena_alloc(&arena, 1008)) {
		allocated_size += 1008;
		assert_true(arena_taken(&arena) <= 3000000);
	}
	/* What the ends of chunks waste stays small. */
	assert_true(allocated_size > 2900000);
	arena_done(&arena);
	assert_int_equal(arena_taken(&arena), 0);
}

static void reset_makes_the_room_usable_again(void **state)
{
	struct arena arena;

	arena_init(&arena, 16384);
	for (size_t round = 0; round < 100; round++) {
		uint8_t *memory = arena_alloc(&arena, 1000);

		assert_non_null(memory);
		assert_int_equal(memory[0], 0);
		memset(memory, 0xff, 1000);
		assert_non_null(arena_alloc(&arena, 8000));
		arena_reset(&arena);
		assert_true(arena_taken(&arena) <= 16384);
	}
	arena_reset(&arena);
	arena_done(&arena);
	arena_done(&arena);
}

static void copies_are_equal_and_ended(void **state)
{
	struct arena arena;
	char text[] = "text";
	char *copy;

	arena_init(&arena, 4096);
	copy = arena_strdup(&arena, text);
	text[0] = 'n';
	assert_string_equal(copy, "text");
	assert_string_equal(arena_dup_str(&arena, bytes_of("abcdef", 3)), "abc");
	assert_string_equal(arena_dup_str(&arena, bytes_of(NULL, 0)), "");
	assert_memory_equal(arena_dup(&arena, bytes_of("a\0b", 3)), "a\0b", 3);
	assert_non_null(arena_dup(&arena, bytes_of(NULL, 0)));
	arena_done(&arena);
}

static void taken_memory_is_apart_and_counts(void **state)
{
	struct arena arena;
	uint8_t *first, *second;

	arena_init(&arena, 4096);
	first = arena_take(&arena, 20);
	second = arena_take(&arena, 20);
	assert_non_null(first);
	assert_ptr_equal(second, first + 32);
	assert_null(arena_take(&arena, 4096));
	assert_int_equal(arena_refused(&arena), 1);
	arena_done(&arena);
}

static void trim_gives_the_tail_back(void **state)
{
	struct arena arena;
	uint8_t *first, *second;

	arena_init(&arena, 4096);
	first = arena_take(&arena, 1000);
	arena_trim(&arena, first, 1000, 10);
	second = arena_take(&arena, 100);
	assert_ptr_equal(second, first + 16);
	/* Not the newest any more: stays as it is. */
	arena_trim(&arena, first, 10, 0);
	assert_ptr_equal(arena_take(&arena, 1), second + 112);
	arena_trim(&arena, second + 112, 1, 0);
	assert_ptr_equal(arena_take(&arena, 1), second + 112);
	/* More than there was. */
	arena_trim(&arena, second + 112, 1, 2);
	assert_ptr_equal(arena_take(&arena, 1), second + 128);
	arena_trim(&arena, NULL, 1, 0);
	arena_done(&arena);
	arena_trim(&arena, NULL, 0, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_aligned_zero_and_apart),
		cmocka_unit_test(the_ceiling_holds_to_the_byte),
		cmocka_unit_test(impossible_sizes_are_refused),
		cmocka_unit_test(never_takes_more_than_the_ceiling),
		cmocka_unit_test(reset_makes_the_room_usable_again),
		cmocka_unit_test(copies_are_equal_and_ended),
		cmocka_unit_test(taken_memory_is_apart_and_counts),
		cmocka_unit_test(trim_gives_the_tail_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
