// SPDX-License-Identifier: Apache-2.0
/* The file of decisions when the disk is full, torn or crowded with what a crash left behind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "hub/core/journalfile.h"

#define NOW INT64_C(1795000000000000)

static char dir[64], path[96];
static struct engine *engine;
static struct journalfile *file;

static int add(void *context, struct bytes frame)
{
	return file ? journalfile_add(file, frame) : 0;
}

static void start(size_t cut_size)
{
	const struct engine_callbacks callbacks = { .journal = add };
	const struct siphash_key key = { 1, 2 };
	struct engine_limits limits;
	size_t cut = 4711;

	engine_limits_default(&limits);
	limits.records_max = limits.evidence_max = limits.changes_max = 1024;
	engine = engine_new(&limits, &callbacks, NULL, NULL, key);
	assert_non_null(engine);
	assert_int_equal(journalfile_open(path, engine, &file, &cut), 0);
	assert_int_equal(cut, cut_size);
}

static void stop(void)
{
	journalfile_close(file);
	file = NULL;
	engine_free(engine);
}

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/luytre-test-journal-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/decisions.journal", dir);
	signal(SIGXFSZ, SIG_IGN);
	start(0);
	return 0;
}

static int teardown(void **state)
{
	stop();
	unlink(path);
	return rmdir(dir);
}

static void order(uint8_t last)
{
	const uint8_t bytes[4] = { 203, 0, 113, last };
	const struct ip_addr addr = ip_addr_v4(bytes);
	struct observable source;
	const struct engine_order made = {
		.observable = &source, .level = DECIDE_BLOCK, .class = DECIDE_WEB, .lifetime_s = 600, .person = 1
	};

	observable_of_addr(&addr, &source);
	assert_int_equal(engine_order(engine, NOW, &made, NULL), 0);
}

static size_t live(void)
{
	struct engine_stats stats;

	engine_stats(engine, &stats);
	return stats.live[DECIDE_BLOCK];
}

static off_t file_size(void)
{
	struct stat about;

	assert_int_equal(stat(path, &about), 0);
	return about.st_size;
}

/* A frame that did not fit is never followed by others; what is missing is in the file that is written in its place. */
static void test_full(void **state)
{
	struct rlimit before, small;
	off_t size;

	order(1);
	assert_int_equal(journalfile_sync(file), 0);
	size = file_size();
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){ .rlim_cur = (rlim_t)size + 10, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	order(2);
	assert_int_not_equal(journalfile_sync(file), 0);
	assert_int_equal(file_size(), size); /* no half frame */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	order(3);
	assert_int_equal(file_size(), size);
	assert_int_not_equal(journalfile_sync(file), 0);
	assert_int_equal(journalfile_compact(file, engine), 0);
	assert_int_equal(journalfile_sync(file), 0);
	order(4);
	assert_int_equal(journalfile_sync(file), 0);
	stop();
	start(0);
	assert_int_equal(live(), 4);
}

/* No room for the new file either: the old one stays as it is, and the next try may succeed. */
static void test_full_for_both(void **state)
{
	struct rlimit before, small;
	off_t size = file_size();
	size_t count = live();

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){ .rlim_cur = 10, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	order(5);
	assert_int_not_equal(journalfile_sync(file), 0);
	assert_int_not_equal(journalfile_compact(file, engine), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(file_size(), size);
	assert_int_equal(journalfile_compact(file, engine), 0);
	stop();
	start(0);
	assert_int_equal(live(), count + 1);
}

/* One call of the system for many frames; what was synced is there after a kill, what was not need not be. */
static void test_batches(void **state)
{
	size_t count = live();
	off_t size;
	int status;
	pid_t child;

	assert_int_equal(journalfile_sync(file), 0);
	size = file_size();
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 20; i++)
			order((uint8_t)(20 + i));
		if (file_size() != size || journalfile_write(file) || file_size() <= size)
			_exit(1);
		for (int i = 0; i < 20; i++)
			order((uint8_t)(40 + i));
		if (journalfile_sync(file))
			_exit(2);
		order(60);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	stop();
	start(0);
	assert_int_equal(live(), count + 40);
}

/* More than the buffer takes goes to the file by itself, and nothing of it is lost or torn. */
static void test_many(void **state)
{
	off_t size = file_size();

	for (int i = 0; i < 4000; i++)
		order(61);
	assert_true(file_size() > size + (256 << 10) / 2);
	stop();
	start(0);
}

static void test_torn(void **state)
{
	char left[128];
	FILE *out;
	size_t count = live();

	stop();
	out = fopen(path, "ae");
	assert_non_null(out);
	assert_int_equal(fwrite("torn", 1, 4, out), 4);
	fclose(out);
	snprintf(left, sizeof(left), "%s.new", path);
	out = fopen(left, "we");
	assert_non_null(out);
	fclose(out);
	start(4);
	assert_int_equal(live(), count);
	assert_int_not_equal(access(left, F_OK), 0);
}

static void test_long_path(void **state)
{
	struct journalfile *other;
	char name[1024];
	size_t cut;

	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(journalfile_open(name, engine, &other, &cut), LUYTRE_E_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_full), cmocka_unit_test(test_full_for_both),
		cmocka_unit_test(test_batches), cmocka_unit_test(test_many), cmocka_unit_test(test_torn),
		cmocka_unit_test(test_long_path) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
