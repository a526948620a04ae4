// SPDX-License-Identifier: Apache-2.0
#include "match/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[] = "/tmp/luytre-test-cache-XXXXXX";
static char dir[64];

static int make_root(void **unused)
{
	if (!mkdtemp(root))
		return -1;
	snprintf(dir, sizeof(dir), "%s/saved", root);
	return 0;
}

static const char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int remove_root(void **unused)
{
	unlink(in_dir("one"));
	unlink(in_dir("two"));
	unlink(in_dir("link"));
	rmdir(dir);
	return rmdir(root);
}

static void assert_cached(const char *name, const char *wanted)
{
	struct bytes data = cache_read(dir, name);

	assert_true(bytes_equal_str(data, wanted));
	cache_free(data);
}

static void write_text(const char *name, const char *text)
{
	cache_write(dir, name, (const uint8_t *)text, strlen(text));
}

static void makes_the_folder_and_reads_what_was_written(void **unused)
{
	struct stat status;

	assert_cached("one", "");
	write_text("one", "first");
	assert_cached("one", "first");
	write_text("one", "second, longer");
	assert_cached("one", "second, longer");
	assert_cached("two", "");
	assert_int_equal(stat(dir, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	assert_int_equal(stat(in_dir("one"), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

/* Nothing but whole files under their names. */
static void leaves_nothing_behind(void **unused)
{
	DIR *list = opendir(dir);
	unsigned int count = 0;

	assert_non_null(list);
	for (struct dirent *entry = readdir(list); entry; entry = readdir(list))
		count += entry->d_name[0] != '.';
	closedir(list);
	assert_int_equal(count, 1);
}

static void refuses_what_others_could_write(void **unused)
{
	write_text("one", "text");
	assert_int_equal(chmod(in_dir("one"), 0622), 0);
	assert_cached("one", "");
	assert_int_equal(chmod(in_dir("one"), 0620), 0);
	assert_cached("one", "");
	assert_int_equal(chmod(in_dir("one"), 0644), 0);
	assert_cached("one", "text");
	assert_int_equal(chmod(dir, 0777), 0);
	assert_cached("one", "");
	write_text("two", "text");
	assert_int_equal(chmod(dir, 0700), 0);
	assert_cached("two", "");
	assert_cached("one", "text");
}

static void refuses_what_belongs_to_others(void **unused)
{
	if (geteuid() != 0)
		skip();
	write_text("one", "text");
	assert_int_equal(chown(in_dir("one"), 12345, 12345), 0);
	assert_cached("one", "");
	assert_int_equal(chown(in_dir("one"), 0, 0), 0);
	assert_int_equal(chown(dir, 12345, 12345), 0);
	assert_cached("one", "");
	assert_int_equal(chown(dir, 0, 0), 0);
	assert_cached("one", "text");
}

static void follows_no_link_and_reads_no_empty_file(void **unused)
{
	write_text("one", "text");
	assert_int_equal(symlink("one", in_dir("link")), 0);
	assert_cached("link", "");
	write_text("one", "");
	assert_cached("one", "");
}

static void a_folder_that_cannot_be_is_no_harm(void **unused)
{
	cache_write("/proc/none/such", "one", (const uint8_t *)"x", 1);
	assert_int_equal(cache_read("/proc/none/such", "one").size, 0);
}

static void has_one_owner_of_a_lock(void **unused)
{
	int fd, other;

	assert_int_equal(cache_try_lock(dir, "one", &fd), CACHE_LOCKED);
	assert_int_equal(cache_try_lock(dir, "one", &other), CACHE_BUSY);
	assert_int_equal(cache_try_lock(dir, "two", &other), CACHE_LOCKED);
	cache_unlock(dir, "two", other);
	cache_unlock(dir, "one", fd);
	assert_int_equal(access(in_dir("one.lock"), F_OK), -1);
	assert_int_equal(cache_try_lock(dir, "one", &fd), CACHE_LOCKED);
	cache_unlock(dir, "one", fd);
	assert_int_equal(cache_try_lock("/proc/none/such", "one", &fd), CACHE_NO_LOCK);
}

/* What a process that was killed leaves behind is only a file. */
static void the_dead_have_no_lock(void **unused)
{
	int ready[2], fd;
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (cache_try_lock(dir, "one", &fd) == CACHE_LOCKED && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(cache_try_lock(dir, "one", &fd), CACHE_BUSY);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(cache_try_lock(dir, "one", &fd), CACHE_LOCKED);
	cache_unlock(dir, "one", fd);
	close(ready[0]);
	close(ready[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_the_folder_and_reads_what_was_written),
		cmocka_unit_test(leaves_nothing_behind),
		cmocka_unit_test(refuses_what_others_could_write),
		cmocka_unit_test(refuses_what_belongs_to_others),
		cmocka_unit_test(follows_no_link_and_reads_no_empty_file),
		cmocka_unit_test(a_folder_that_cannot_be_is_no_harm),
		cmocka_unit_test(has_one_owner_of_a_lock),
		cmocka_unit_test(the_dead_have_no_lock),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
