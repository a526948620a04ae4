// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "hub/store/secret.h"

/* Whole or not there; nothing that is there is replaced, and what a crash left behind is no obstacle. */
static void test_secret(void **state)
{
	char folder[] = "/tmp/luytre-test-secret-XXXXXX", path[96], left[112], text[16] = "";
	struct stat about;
	FILE *file;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/key", folder);
	snprintf(left, sizeof(left), "%s.new", path);
	file = fopen(left, "we");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(secret_write(path, bytes_from_str("one")), 0);
	assert_int_not_equal(secret_write(path, bytes_from_str("two")), 0);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fread(text, 1, sizeof(text) - 1, file), 3);
	fclose(file);
	assert_string_equal(text, "one");
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
	assert_int_not_equal(access(left, F_OK), 0);
	unlink(path);
	assert_int_not_equal(secret_write("/nowhere/at/all", bytes_from_str("x")), 0);
	assert_int_equal(rmdir(folder), 0);
}

static int refuse(uint8_t *key, size_t key_size)
{
	return LUYTRE_E_SYSTEM;
}

/* Made once, read ever after; what is no key is never replaced by another. */
static void test_key(void **state)
{
	char folder[] = "/tmp/luytre-test-secret-XXXXXX", path[96];
	uint8_t first[32], second[32], wide[SECRET_KEY_MAX + 1];
	struct stat about;
	FILE *file;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/key", folder);
	assert_int_equal(secret_key(path, refuse, first, sizeof(first)), LUYTRE_E_SYSTEM);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(secret_key(path, secret_random, wide, sizeof(wide)), LUYTRE_E_RANGE);
	assert_int_equal(secret_key(path, secret_random, first, sizeof(first)), 0);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
	assert_int_equal(about.st_size, 2 * sizeof(first));
	assert_int_equal(secret_key(path, refuse, second, sizeof(second)), 0);
	assert_memory_equal(first, second, sizeof(first));
	file = fopen(path, "ae");
	assert_non_null(file);
	fputs("\n", file);
	fclose(file);
	assert_int_equal(secret_key(path, refuse, second, sizeof(second)), 0);
	assert_int_equal(secret_key(path, refuse, second, 16), LUYTRE_E_CORRUPT);
	assert_int_equal(secret_key(path, refuse, wide, 64), LUYTRE_E_CORRUPT);
	assert_int_equal(chmod(path, 0604), 0);
	assert_int_equal(secret_key(path, refuse, second, sizeof(second)), LUYTRE_E_PERMISSION);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(secret_key(path, secret_random, second, sizeof(second)), LUYTRE_E_CORRUPT);
	assert_int_equal(secret_key("/nowhere/at/all", secret_random, second, sizeof(second)), LUYTRE_E_IO);
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_secret), cmocka_unit_test(test_key) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
