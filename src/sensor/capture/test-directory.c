// SPDX-License-Identifier: Apache-2.0
/* Files come once, complete and in order. Their times are set, never waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "sensor/capture/directory.h"

#define SETTLE_NS (30 * NS_PER_S)
#define NOW_NS    (2000 * NS_PER_S)

static char folder[64];

static int folder_make(void **state)
{
	strcpy(folder, "/tmp/test-capture-directory-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int folder_remove(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static void path_of(const char *name, char ret[256])
{
	snprintf(ret, 256, "%s/%s", folder, name);
}

/* Opens a file for writing that was last changed at 'changed_s'; the time stays until more is written. */
static int file_begin(const char *name, unsigned int changed_s)
{
	const struct timespec times[2] = { { .tv_sec = changed_s }, { .tv_sec = changed_s } };
	char path[256];
	int fd;

	path_of(name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(futimens(fd, times), 0);
	return fd;
}

static void file_make(const char *name, unsigned int changed_s)
{
	close(file_begin(name, changed_s));
}

static struct capture_directory *directory_open(bool once)
{
	const struct capture_directory_options options = { .once = once, .settle_ns = SETTLE_NS };
	char message[CAPTURE_MESSAGE_SIZE];
	struct capture_directory *directory;

	assert_int_equal(capture_directory_open(folder, &options, message, &directory), 0);
	return directory;
}

static void check_next(struct capture_directory *directory, uint64_t now_ns, const char *name)
{
	char path[CAPTURE_DIRECTORY_PATH];
	char expected[256];
	uint64_t wait_ns;

	assert_int_equal(capture_directory_next(directory, now_ns, path, &wait_ns), 1);
	path_of(name, expected);
	assert_string_equal(path, expected);
}

static void check_none(struct capture_directory *directory, uint64_t now_ns, uint64_t expected_wait_ns)
{
	char path[CAPTURE_DIRECTORY_PATH];
	uint64_t wait_ns = 0;

	assert_int_equal(capture_directory_next(directory, now_ns, path, &wait_ns), 0);
	assert_int_equal(wait_ns, expected_wait_ns);
}

static void check_over(struct capture_directory *directory)
{
	char path[CAPTURE_DIRECTORY_PATH];
	uint64_t wait_ns;

	assert_int_equal(capture_directory_next(directory, NOW_NS, path, &wait_ns), LUYTRE_E_CLOSED);
	capture_directory_close(directory);
}

static void test_once(void **state)
{
	char path[256];
	struct capture_directory *directory;

	file_make("c", 1000);
	file_make("b", 1500);
	file_make("a", 1500);
	file_make("gone", 1200);
	file_make("young", 1999);
	file_make(".hidden", 1000);
	path_of("folder", path);
	assert_int_equal(mkdir(path, 0700), 0);
	directory = directory_open(true);
	assert_int_equal(capture_directory_fd(directory), -1);
	path_of("gone", path);
	assert_int_equal(unlink(path), 0);
	check_next(directory, NOW_NS, "c");
	check_next(directory, NOW_NS, "a");
	check_next(directory, NOW_NS, "b");
	file_make("late", 1000);
	check_next(directory, NOW_NS, "young");
	check_over(directory);
}

static void test_watch(void **state)
{
	struct capture_directory *directory;
	char from[256];
	char to[256];
	int fd;

	file_make("old", 1000);
	file_make("young", 1980);
	directory = directory_open(false);
	assert_true(capture_directory_fd(directory) >= 0);
	check_next(directory, NOW_NS, "old");
	check_none(directory, NOW_NS, 10 * NS_PER_S);
	check_none(directory, NOW_NS + 9 * NS_PER_S, NS_PER_S);
	check_next(directory, NOW_NS + 10 * NS_PER_S, "young");

	fd = file_begin("growing", 1990);
	check_none(directory, NOW_NS, 20 * NS_PER_S);
	close(fd);
	check_next(directory, NOW_NS, "growing");

	file_make(".part", 1995);
	check_none(directory, NOW_NS, UINT64_MAX);
	path_of(".part", from);
	path_of("moved", to);
	assert_int_equal(rename(from, to), 0);
	check_next(directory, NOW_NS, "moved");

	file_make("old", 1000); /* one byte more */
	check_next(directory, NOW_NS, "old");
	path_of("old", from);
	fd = open(from, O_WRONLY | O_CLOEXEC);
	close(fd); /* closed without a change */
	check_none(directory, NOW_NS, UINT64_MAX);
	capture_directory_close(directory);
}

/* Files that come together come in order; those that go before their turn do not. */
static void test_watch_order(void **state)
{
	struct capture_directory *directory = directory_open(false);
	char path[256];

	check_none(directory, NOW_NS, UINT64_MAX);
	file_make("b", 1100);
	file_make("gone", 1050);
	file_make("a", 1100);
	file_make("first", 1000);
	path_of("gone", path);
	assert_int_equal(unlink(path), 0);
	check_next(directory, NOW_NS, "first");
	check_next(directory, NOW_NS, "a");
	check_next(directory, NOW_NS, "b");
	file_make("gone", 1050);
	check_next(directory, NOW_NS, "gone");
	check_none(directory, NOW_NS, UINT64_MAX);
	folder_remove(NULL);
	check_over(directory);
}

/* More entries than there is room for at first, removed from the middle. */
static void test_many(void **state)
{
	struct capture_directory *directory = directory_open(false);
	char name[16];
	char path[256];

	for (unsigned int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "f%03u", i);
		file_make(name, 1000 + i);
	}
	check_next(directory, NOW_NS, "f000");
	for (unsigned int i = 1; i < 300; i += 2) {
		snprintf(name, sizeof(name), "f%03u", i);
		path_of(name, path);
		assert_int_equal(unlink(path), 0);
	}
	for (unsigned int i = 2; i < 300; i += 2) {
		snprintf(name, sizeof(name), "f%03u", i);
		check_next(directory, NOW_NS, name);
	}
	check_none(directory, NOW_NS, UINT64_MAX);
	capture_directory_close(directory);
}

static void test_refused(void **state)
{
	const struct capture_directory_options options = { 0 };
	char message[CAPTURE_MESSAGE_SIZE] = "";
	struct capture_directory *directory;
	char path[256];

	path_of("none", path);
	assert_int_equal(capture_directory_open(path, &options, message, &directory), LUYTRE_E_NOT_FOUND);
	assert_non_null(strstr(message, path));
	file_make("file", 1000);
	path_of("file", path);
	assert_true(capture_directory_open(path, &options, message, &directory) < 0);
	capture_directory_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_once, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(test_watch, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(test_watch_order, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(test_many, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(test_refused, folder_make, folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
