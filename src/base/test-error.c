// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

static const int all_errors[] = {
#define X(id, number, name, en, vi) LUYTRE_E_##id,
	LUYTRE_ERRORS(X)
#undef X
};

static void every_row_is_complete_and_unique(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(all_errors); i++) {
		const char *en = error_text(all_errors[i], LUYTRE_LANG_EN);
		const char *vi = error_text(all_errors[i], LUYTRE_LANG_VI);

		assert_true(all_errors[i] < 0);
		assert_string_not_equal(error_name(all_errors[i]), "unknown");
		assert_string_not_equal(en, vi);
		assert_int_equal(en[strlen(en) - 1], '.');
		assert_int_equal(vi[strlen(vi) - 1], '.');
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(all_errors[i], all_errors[j]);
			assert_string_not_equal(error_name(all_errors[i]), error_name(all_errors[j]));
		}
	}
}

/* Numbers are part of the control protocol; this row fails when somebody renumbers. */
static void numbers_and_names_stay(void **state)
{
	static const struct {
		int error, number;
		const char *name;
	} rows[] = {
		{ LUYTRE_OK, 0, "ok" },
		{ LUYTRE_E_NOMEM, -1, "no-memory" },
		{ LUYTRE_E_NOT_FOUND, -3, "not-found" },
		{ LUYTRE_E_SYSTEM, -15, "system" },
		{ LUYTRE_E_CORRUPT, -20, "corrupt" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_int_equal(rows[i].error, rows[i].number);
		assert_string_equal(error_name(rows[i].number), rows[i].name);
	}
}

static void numbers_without_a_row_are_unknown(void **state)
{
	static const int rows[] = { 1, -21, -1000, INT_MIN, INT_MAX };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_string_equal(error_name(rows[i]), "unknown");
		assert_string_equal(error_text(rows[i], LUYTRE_LANG_EN), "Unknown error.");
		assert_string_equal(error_text(rows[i], LUYTRE_LANG_VI), "Lỗi không xác định.");
	}
}

static void system_errors_become_ours(void **state)
{
	static const struct {
		int system_errno, error;
	} rows[] = {
		{ ENOMEM, LUYTRE_E_NOMEM },
		{ ENOENT, LUYTRE_E_NOT_FOUND },
		{ EACCES, LUYTRE_E_PERMISSION },
		{ EAGAIN, LUYTRE_E_BUSY },
		{ EXDEV, LUYTRE_E_SYSTEM },
		{ 0, LUYTRE_E_SYSTEM },
		{ -1, LUYTRE_E_SYSTEM },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(error_from_errno(rows[i].system_errno), rows[i].error);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_complete_and_unique),
		cmocka_unit_test(numbers_and_names_stay),
		cmocka_unit_test(numbers_without_a_row_are_unknown),
		cmocka_unit_test(system_errors_become_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
