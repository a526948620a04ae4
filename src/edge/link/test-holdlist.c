// SPDX-License-Identifier: Apache-2.0
/* The list of holds on its way to the web server: written whole, found again, and never lost to what cannot be read or written. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "edge/link/holdlist.h"

#define ROW(number)                                                                                                    \
	"{\"hold\":" number ",\"rule\":8100010,\"mode\":\"enforce\",\"prefixes\":[\"192.0.2.80/32\"],\"names\":[]}"
#define LIST(stamp, rows) "{\"stamp\":" stamp ",\"holds\":[" rows "]}"

static char dir[64], path[128];
static uint8_t keys[1][BUNDLE_PUBLIC_SIZE], secret[BUNDLE_SECRET_SIZE];
static struct holdlist holds;

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/luytre-test-holdlist-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/run/gate-holds.json", dir);
	holdlist_init(&holds);
	return bundle_keys(keys[0], secret);
}

static int teardown(void **state)
{
	char command[96];

	holdlist_done(&holds);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* A bundle with this list; null: without one. */
static int take(const char *list, int64_t made_us)
{
	const struct bundle_file files[] = { { bytes_from_str("policy.json"), bytes_from_str("{}") },
		{ bytes_from_str("holds.json"), bytes_from_str(list ? list : "") } };
	struct bundle bundle;
	uint8_t *text;
	size_t size;
	int error;

	assert_int_equal(bundle_pack(1, made_us, 0, files, list ? 2 : 1, secret, &text, &size), 0);
	assert_int_equal(bundle_open(bytes_of(text, size), keys, 1, &bundle), 0);
	error = holdlist_take(&holds, &bundle, path);
	free(text);
	return error;
}

static void check_file(const char *expected)
{
	char text[1024] = "";
	struct stat status;
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_string_equal(text, expected);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
}

static void test_written(void **state)
{
	struct stat folder;
	mode_t before = umask(077); /* as the service has it */

	assert_true(holdlist_look(&holds, path)); /* nothing is wanted yet */
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(take(LIST("7", ROW("81") "," ROW("82")), 100), 0);
	assert_int_equal(umask(before), 077);
	check_file(LIST("7", ROW("81") "," ROW("82")));
	snprintf(dir + strlen(dir), 8, "/run");
	assert_int_equal(stat(dir, &folder), 0);
	*strrchr(dir, '/') = '\0';
	assert_int_equal(folder.st_mode & 07777, 0755);
	assert_int_equal(holds.said.wanted, 2);
	assert_int_equal(holds.said.stamp, 7);
	assert_string_equal(holds.said.why, "");
	assert_true(holdlist_look(&holds, path));
	/* None any more: the hub says so, or knows nothing of holds. */
	assert_int_equal(take(LIST("8", ""), 101), 0);
	check_file(LIST("8", ""));
	assert_int_equal(take(LIST("9", ROW("81")), 102), 0);
	assert_int_equal(take(NULL, 103), 0);
	check_file(LIST("103", ""));
	assert_int_equal(holds.said.wanted, 0);
	assert_int_equal(holds.said.stamp, 103);
}

/* The same list again does not touch the file: web servers would read it for nothing. */
static void test_same(void **state)
{
	struct stat first, second;

	assert_int_equal(take(LIST("7", ROW("81")), 100), 0);
	assert_int_equal(stat(path, &first), 0);
	assert_int_equal(take(LIST("7", ROW("81")), 101), 0);
	assert_int_equal(stat(path, &second), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	assert_int_equal(first.st_mtim.tv_nsec, second.st_mtim.tv_nsec);
}

static void test_unreadable(void **state)
{
	static const char *const broken[] = { "", "{}", "[]", "{\"stamp\":9,\"holds\":[{}]}",
		"{\"stamp\":9,\"holds\":[" };

	assert_int_equal(take(LIST("7", ROW("81")), 100), 0);
	for (size_t i = 1; i < sizeof(broken) / sizeof(broken[0]); i++) {
		assert_int_equal(take(broken[i], 101), LUYTRE_E_SYNTAX);
		check_file(LIST("7", ROW("81")));
		assert_int_equal(holds.said.wanted, 1);
		assert_non_null(strstr(holds.said.why, "list"));
		assert_false(holdlist_look(&holds, path)); /* and it is said until there is a better one */
	}
	assert_int_equal(take(LIST("9", ROW("82")), 102), 0);
	assert_true(holdlist_look(&holds, path));
	check_file(LIST("9", ROW("82")));
}

/* What stands in the way is said, and the list comes when it is gone. */
static void test_unwritable(void **state)
{
	char folder[128];

	snprintf(folder, sizeof(folder), "%s/run", dir);
	fclose(fopen(folder, "w"));
	assert_int_equal(take(LIST("7", ROW("81")), 100), 0);
	assert_non_null(strstr(holds.said.why, path));
	assert_int_equal(holds.said.wanted, 1);
	assert_false(holdlist_look(&holds, path));
	assert_int_equal(unlink(folder), 0);
	assert_true(holdlist_look(&holds, path));
	assert_string_equal(holds.said.why, "");
	check_file(LIST("7", ROW("81")));
}

static void test_touched(void **state)
{
	char other[160];
	FILE *file;

	assert_int_equal(take(LIST("7", ROW("81")), 100), 0);
	assert_int_equal(unlink(path), 0);
	assert_true(holdlist_look(&holds, path));
	check_file(LIST("7", ROW("81")));
	file = fopen(path, "a");
	assert_non_null(file);
	fputs("x", file);
	fclose(file);
	assert_true(holdlist_look(&holds, path));
	check_file(LIST("7", ROW("81")));
	/* Another configuration. */
	snprintf(other, sizeof(other), "%s", path);
	snprintf(path, sizeof(path), "%s/other.json", dir);
	assert_true(holdlist_look(&holds, path));
	check_file(LIST("7", ROW("81")));
	assert_true(holdlist_look(&holds, NULL));
	assert_int_equal(unlink(path), 0);
	assert_true(holdlist_look(&holds, NULL));
	assert_int_equal(access(path, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_written),
		TEST(test_same),
		TEST(test_unreadable),
		TEST(test_unwritable),
		TEST(test_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
