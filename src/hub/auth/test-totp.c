// SPDX-License-Identifier: Apache-2.0
/* Codes of authenticators: the vectors of RFC 6238 (appendix B, last six digits), the window, and that none is good
 * twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <liboath/oath.h>
#include <stdio.h>

#include "base/error.h"
#include "hub/auth/totp.h"

static const uint8_t *const secret = (const uint8_t *)"12345678901234567890";

static const struct {
	int64_t time_s;
	const char *code;
} vectors[] = {
	{ 59, "287082" },
	{ 1111111109, "081804" },
	{ 1111111111, "050471" },
	{ 1234567890, "005924" },
	{ 2000000000, "279037" },
	{ 20000000000, "353130" },
};

static void test_vectors(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
		int64_t step = 0, now_us = vectors[i].time_s * 1000000;

		assert_int_equal(totp_check(secret, vectors[i].code, now_us, 0, &step), 0);
		assert_int_equal(step, vectors[i].time_s / TOTP_STEP_S);
	}
}

static void test_window(void **state)
{
	for (int64_t away = -4; away <= 4; away++) {
		int64_t step, now_us = (1234567890 + away * TOTP_STEP_S) * INT64_C(1000000);
		bool inside = away >= -1 && away <= 1;

		assert_int_equal(totp_check(secret, "005924", now_us, 0, &step), inside ? 0 : LUYTRE_E_PERMISSION);
		if (inside)
			assert_int_equal(step, 1234567890 / TOTP_STEP_S);
	}
}

static void test_replay(void **state)
{
	int64_t step, now_us = 1234567890 * INT64_C(1000000);

	assert_int_equal(totp_check(secret, "005924", now_us, 0, &step), 0);
	assert_int_equal(totp_check(secret, "005924", now_us, step - 1, &step), 0);
	assert_int_equal(totp_check(secret, "005924", now_us, step, &step), LUYTRE_E_PERMISSION);
	assert_int_equal(totp_check(secret, "005924", now_us, step + 1, &step), LUYTRE_E_PERMISSION);
	assert_int_equal(totp_check(secret, "005924", now_us + 30000000, step, &step), LUYTRE_E_PERMISSION);
}

static void test_refused(void **state)
{
	static const char *const codes[] = { "", "00592", "0059240", "005925", "00592a", " 05924", "-05924", "005924 ",
		"５" };
	int64_t step;

	for (size_t i = 0; i < ARRAY_COUNT(codes); i++)
		assert_int_equal(
			totp_check(secret, codes[i], 1234567890 * INT64_C(1000000), 0, &step), LUYTRE_E_PERMISSION);
}

static void test_uri(void **state)
{
	char uri[TOTP_URI_SIZE];

	assert_int_equal(totp_uri(secret, "lan", uri), 0);
	assert_string_equal(
		uri, "otpauth://totp/Luy%20Tre:lan?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Luy%20Tre");
}

static void test_spares(void **state)
{
	char first[TOTP_SPARE_SIZE], second[TOTP_SPARE_SIZE], read[TOTP_SPARE_SIZE];
	char typed[2 * TOTP_SPARE_SIZE];

	for (int i = 0; i < 1000; i++) {
		totp_spare_make(first);
		totp_spare_make(second);
		assert_int_equal(strlen(first), TOTP_SPARE_SIZE - 1);
		assert_string_not_equal(first, second);
		assert_true(totp_spare_read(first, read));
		assert_string_equal(read, first);
		snprintf(typed, sizeof(typed), " %.3s %s ", first, first + 3);
		for (char *c = typed; *c; c++)
			if (*c >= 'a' && *c <= 'z')
				*c = (char)(*c - 32);
		assert_true(totp_spare_read(typed, read));
		assert_string_equal(read, first);
		first[10] = '\0';
		assert_false(totp_spare_read(first, read));
	}
	assert_false(totp_spare_read("abcde-fghjkm", read));
	assert_false(totp_spare_read("abcde-fgh0j", read));
	assert_false(totp_spare_read("", read));
}

static int start(void **state)
{
	return oath_init() == OATH_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_uri),
		cmocka_unit_test(test_spares),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
