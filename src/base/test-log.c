// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

static char captured[16384];
static int capture_fd;
static int saved_fd;

static void capture_begin(void)
{
	capture_fd = memfd_create("stderr", 0);
	saved_fd = dup(STDERR_FILENO);
	assert_true(capture_fd >= 0 && saved_fd >= 0);
	assert_true(dup2(capture_fd, STDERR_FILENO) >= 0);
}

/* Puts standard error back; what was written to it is in 'captured'. */
static void capture_end(void)
{
	ssize_t size = pread(capture_fd, captured, sizeof(captured) - 1, 0);

	dup2(saved_fd, STDERR_FILENO);
	close(saved_fd);
	close(capture_fd);
	assert_true(size >= 0);
	captured[size] = '\0';
}

static size_t count_lines(void)
{
	size_t count = 0;

	for (const char *c = captured; *c; c++)
		count += *c == '\n';
	return count;
}

static void the_level_decides_what_is_written(void **state)
{
	static const struct {
		const char *name;
		size_t lines_count;
	} rows[] = { { "error", 1 }, { "warn", 2 }, { "info", 3 }, { "debug", 4 } };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		enum log_level level;

		assert_int_equal(log_level_parse(rows[i].name, &level), 0);
		log_set_level(level);
		capture_begin();
		log_error("e");
		log_warn("w");
		log_info("i");
		log_debug("d");
		capture_end();
		assert_int_equal(count_lines(), rows[i].lines_count);
	}
	log_set_level(LOG_LEVEL_INFO);
}

static void unknown_levels_are_refused(void **state)
{
	static const char *const rows[] = { "", "Error", "errors", "verbose", "7" };
	enum log_level level = LOG_LEVEL_DEBUG;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(log_level_parse(rows[i], &level), LUYTRE_E_INVALID);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
}

static void a_line_has_time_and_level_outside_the_journal(void **state)
{
	int year, month, day, hour, minute, second, milli, consumed = 0;

	unsetenv("JOURNAL_STREAM");
	log_init();
	capture_begin();
	errno = ENOENT;
	log_warn("tenant %s: %d", "bank", 7);
	assert_int_equal(errno, ENOENT);
	capture_end();
	sscanf(captured, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &year, &month, &day, &hour, &minute, &second, &milli,
		&consumed);
	assert_int_equal(consumed, 25);
	assert_string_equal(captured + consumed, "warn: tenant bank: 7\n");
}

static void a_line_has_the_priority_in_the_journal(void **state)
{
	struct stat status;
	char stream[64];

	capture_begin();
	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status.st_dev,
		(unsigned long long)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init();
	log_error("a");
	log_info("b");
	capture_end();
	assert_string_equal(captured, "<3>a\n<6>b\n");
}

static void another_stream_is_not_the_journal(void **state)
{
	static const char *const rows[] = { "", "1", "1:2", "x:y", "1:2:3" };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		setenv("JOURNAL_STREAM", rows[i], 1);
		capture_begin();
		log_init();
		log_error("a");
		capture_end();
		assert_int_equal(captured[0], '2');
	}
	unsetenv("JOURNAL_STREAM");
	log_init();
}

static void text_from_outside_cannot_forge_lines(void **state)
{
	capture_begin();
	log_error("%s", "a\nb\x1b[2J\x7f\tc");
	capture_end();
	assert_int_equal(count_lines(), 1);
	assert_non_null(strstr(captured, "error: a?b?[2J??c\n"));
}

static void long_lines_are_cut(void **state)
{
	char text[2 * LOG_LINE_SIZE];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture_begin();
	log_error("%s", text);
	capture_end();
	assert_int_equal(strlen(captured), LOG_LINE_SIZE);
	assert_int_equal(captured[LOG_LINE_SIZE - 1], '\n');
	assert_int_equal(captured[LOG_LINE_SIZE - 2], 'x');
}

static void one_place_writes_only_so_much(void **state)
{
	uint64_t now_ns = 100 * NS_PER_S;

	capture_begin();
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 100; i++)
			log_limited(now_ns, LOG_LEVEL_WARN, "again");
		now_ns += LOG_LIMIT_WINDOW_S * NS_PER_S;
	}
	capture_end();
	assert_int_equal(count_lines(), 3 * LOG_LIMIT_COUNT);
	/* The first line of the second and of the third window tells of the window before. */
	assert_non_null(strstr(captured, "again (95 more withheld)\n"));
	assert_non_null(strstr(strstr(captured, "withheld") + 1, "again (95 more withheld)\n"));
}

static void the_notice_of_withheld_lines_survives_the_cut(void **state)
{
	struct log_limit limit = { .window_ns = NS_PER_S, .suppressed_count = UINT64_MAX };
	char text[2 * LOG_LINE_SIZE];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture_begin();
	log_write_limited(&limit, NS_PER_S, LOG_LEVEL_ERROR, "%s", text);
	capture_end();
	assert_int_equal(strlen(captured), LOG_LINE_SIZE);
	assert_non_null(strstr(captured, "x (18446744073709551615 more withheld)\n"));
}

static void below_the_level_nothing_is_counted(void **state)
{
	struct log_limit limit = { 0 };

	capture_begin();
	for (int i = 0; i < 100; i++)
		log_write_limited(&limit, NS_PER_S, LOG_LEVEL_DEBUG, "never");
	capture_end();
	assert_string_equal(captured, "");
	assert_int_equal(limit.suppressed_count, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_level_decides_what_is_written),
		cmocka_unit_test(unknown_levels_are_refused),
		cmocka_unit_test(a_line_has_time_and_level_outside_the_journal),
		cmocka_unit_test(a_line_has_the_priority_in_the_journal),
		cmocka_unit_test(another_stream_is_not_the_journal),
		cmocka_unit_test(text_from_outside_cannot_forge_lines),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(one_place_writes_only_so_much),
		cmocka_unit_test(the_notice_of_withheld_lines_survives_the_cut),
		cmocka_unit_test(below_the_level_nothing_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
