// SPDX-License-Identifier: Apache-2.0
#include "base/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const uint8_t input[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

/* All readers behind one signature, so that each row below is one reader. */
#define AS_U64(name, type)                                                                                             \
	static bool read_##name(struct cursor *cur, uint64_t *ret)                                                     \
	{                                                                                                              \
		type value;                                                                                            \
                                                                                                                       \
		if (!cursor_##name(cur, &value))                                                                       \
			return false;                                                                                  \
		*ret = value;                                                                                          \
		return true;                                                                                           \
	}

AS_U64(u8, uint8_t)
AS_U64(u16be, uint16_t)
AS_U64(u32be, uint32_t)
AS_U64(u64be, uint64_t)
AS_U64(u16le, uint16_t)
AS_U64(u32le, uint32_t)
AS_U64(u64le, uint64_t)

static const struct {
	bool (*read)(struct cursor *cur, uint64_t *ret);
	size_t size;
	uint64_t value;
} readers[] = {
	{ read_u8, 1, 0x01 },
	{ read_u16be, 2, 0x0102 },
	{ read_u32be, 4, 0x01020304 },
	{ read_u64be, 8, UINT64_C(0x0102030405060708) },
	{ read_u16le, 2, 0x0201 },
	{ read_u32le, 4, 0x04030201 },
	{ read_u64le, 8, UINT64_C(0x0807060504030201) },
};

static void numbers_at_every_cut(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(readers); i++) {
		for (size_t cut = 0; cut <= sizeof(input); cut++) {
			struct cursor cur = cursor_over(bytes_of(input, cut));
			uint64_t value = 99;
			bool fits = cut >= readers[i].size;

			assert_int_equal(readers[i].read(&cur, &value), fits);
			assert_int_equal(value, fits ? readers[i].value : 99);
			assert_int_equal(cursor_left(&cur), fits ? cut - readers[i].size : cut);
		}
	}
}

static void a_failed_read_consumes_nothing(void **state)
{
	struct cursor cur = cursor_over(bytes_of(input, 3));
	struct bytes taken = { 0 };
	uint8_t copy[8] = { 0 };
	uint16_t value;

	assert_false(cursor_take(&cur, 4, &taken));
	assert_null(taken.ptr);
	assert_false(cursor_take(&cur, SIZE_MAX, &taken));
	assert_false(cursor_skip(&cur, 4));
	assert_false(cursor_copy(&cur, 4, copy));
	assert_int_equal(copy[0], 0);
	assert_int_equal(cursor_left(&cur), 3);
	assert_true(cursor_u16be(&cur, &value));
	assert_int_equal(value, 0x0102);
}

static void pieces_point_into_the_input(void **state)
{
	struct cursor cur = cursor_over(bytes_of(input, sizeof(input)));
	struct bytes taken;
	uint8_t copy[2];

	assert_true(cursor_skip(&cur, 2));
	assert_true(cursor_take(&cur, 3, &taken));
	assert_ptr_equal(taken.ptr, input + 2);
	assert_int_equal(taken.size, 3);
	assert_true(cursor_copy(&cur, 2, copy));
	assert_memory_equal(copy, input + 5, 2);
	assert_ptr_equal(cursor_rest(&cur).ptr, input + 7);
	assert_int_equal(cursor_rest(&cur).size, 1);
}

static void the_null_view_has_nothing_to_read(void **state)
{
	struct cursor cur = cursor_over(bytes_of(NULL, 0));
	struct bytes taken;
	uint8_t value;

	assert_int_equal(cursor_left(&cur), 0);
	assert_false(cursor_u8(&cur, &value));
	assert_true(cursor_take(&cur, 0, &taken));
	assert_true(cursor_skip(&cur, 0));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_at_every_cut),
		cmocka_unit_test(a_failed_read_consumes_nothing),
		cmocka_unit_test(pieces_point_into_the_input),
		cmocka_unit_test(the_null_view_has_nothing_to_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
