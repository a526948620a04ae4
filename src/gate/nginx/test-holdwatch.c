// SPDX-License-Identifier: Apache-2.0
/* Files of holds that come, change, break and go, as a worker sees them. */
#include "gate/nginx/holdwatch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define HOLDS(stamp)                                                                                                   \
	"{\"stamp\":" stamp ",\"holds\":[{\"hold\":1,\"rule\":11,\"mode\":\"enforce\",\"names\":[\"a.vn\"]}]}"
#define SAMPLE "{\"id\":\"11-attack\",\"expect\":[11],\"method\":\"GET\",\"uri\":\"/\"}\n"

struct lab {
	char folder[32], holds[64], samples[64];
	struct hold_watch *watch;
	char why[HOLD_WHY_SIZE];
};

static int open_lab(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	assert_non_null(lab);
	strcpy(lab->folder, "/tmp/holdwatch-XXXXXX");
	assert_non_null(mkdtemp(lab->folder));
	snprintf(lab->holds, sizeof(lab->holds), "%s/holds.json", lab->folder);
	snprintf(lab->samples, sizeof(lab->samples), "%s/samples.jsonl", lab->folder);
	lab->watch = hold_watch_new(lab->holds, lab->samples);
	assert_non_null(lab->watch);
	*state = lab;
	return 0;
}

static int close_lab(void **state)
{
	struct lab *lab = *state;

	hold_watch_free(lab->watch);
	unlink(lab->holds);
	unlink(lab->samples);
	rmdir(lab->folder);
	free(lab);
	return 0;
}

/* As somebody does who puts a whole file in place. */
static void put(const char *path, const char *text)
{
	char other[80];
	FILE *file;

	snprintf(other, sizeof(other), "%s.new", path);
	file = fopen(other, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(other, path), 0);
}

/* Polls until the change has been read. */
static enum hold_change wait_for_change(struct lab *lab)
{
	static const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < 5000; i++) {
		enum hold_change change = hold_watch_poll(lab->watch, lab->why);

		if (change != HOLD_SAME)
			return change;
		nanosleep(&pause, NULL);
	}
	return HOLD_SAME;
}

static void assert_quiet(struct lab *lab)
{
	for (int i = 0; i < 3; i++) {
		assert_int_equal(hold_watch_poll(lab->watch, lab->why), HOLD_SAME);
		assert_false(hold_watch_is_busy(lab->watch));
		assert_string_equal(lab->why, "");
	}
}

static void files_come_and_go(void **state)
{
	struct lab *lab = *state;

	put(lab->samples, SAMPLE);
	assert_int_equal(hold_watch_read(lab->watch, lab->why), HOLD_TAKEN);
	assert_string_equal(lab->why, "");
	assert_null(hold_watch_places(lab->watch)); /* no file, no hold */
	assert_non_null(hold_samples_attack(hold_watch_samples(lab->watch), 11));
	assert_quiet(lab);

	put(lab->holds, HOLDS("5"));
	assert_int_equal(wait_for_change(lab), HOLD_TAKEN);
	assert_int_equal(hold_places_stamp(hold_watch_places(lab->watch)), 5);
	assert_quiet(lab);

	put(lab->holds, HOLDS("6"));
	assert_int_equal(wait_for_change(lab), HOLD_TAKEN);
	assert_int_equal(hold_places_stamp(hold_watch_places(lab->watch)), 6);

	assert_int_equal(unlink(lab->holds), 0);
	assert_int_equal(wait_for_change(lab), HOLD_TAKEN);
	assert_null(hold_watch_places(lab->watch));
	assert_quiet(lab);
}

static void broken_files_change_nothing(void **state)
{
	struct lab *lab = *state;

	put(lab->samples, SAMPLE);
	put(lab->holds, HOLDS("5"));
	assert_int_equal(hold_watch_read(lab->watch, lab->why), HOLD_TAKEN);

	put(lab->holds, "{\"stamp\":6,\"holds\":[{}");
	assert_int_equal(wait_for_change(lab), HOLD_REFUSED);
	assert_non_null(strstr(lab->why, lab->holds));
	assert_int_equal(hold_places_stamp(hold_watch_places(lab->watch)), 5);
	assert_quiet(lab); /* said once */

	assert_int_equal(unlink(lab->holds), 0);
	assert_int_equal(mkdir(lab->holds, 0700), 0); /* there, and no file */
	assert_int_equal(wait_for_change(lab), HOLD_REFUSED);
	assert_int_equal(hold_places_stamp(hold_watch_places(lab->watch)), 5);
	assert_int_equal(rmdir(lab->holds), 0);

	put(lab->holds, HOLDS("7"));
	assert_int_equal(wait_for_change(lab), HOLD_TAKEN);
	assert_int_equal(hold_places_stamp(hold_watch_places(lab->watch)), 7);
}

static void holds_do_without_samples(void **state)
{
	struct lab *lab = *state;

	put(lab->holds, HOLDS("5"));
	put(lab->samples, SAMPLE "nonsense\n");
	assert_int_equal(hold_watch_read(lab->watch, lab->why), HOLD_TAKEN);
	assert_non_null(strstr(lab->why, "samples.jsonl:2: "));
	assert_int_equal(hold_places_stamp(hold_watch_places(lab->watch)), 5);
	assert_null(hold_watch_samples(lab->watch));
	assert_quiet(lab);

	put(lab->samples, SAMPLE);
	assert_int_equal(wait_for_change(lab), HOLD_TAKEN);
	assert_string_equal(lab->why, "");
	assert_non_null(hold_watch_samples(lab->watch));
}

static void ends_while_it_reads(void **state)
{
	struct lab *lab = *state;

	put(lab->holds, HOLDS("5"));
	assert_int_equal(hold_watch_poll(lab->watch, lab->why), HOLD_SAME);
	assert_true(hold_watch_is_busy(lab->watch)); /* what is read is freed with the watch */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_come_and_go, open_lab, close_lab),
		cmocka_unit_test_setup_teardown(broken_files_change_nothing, open_lab, close_lab),
		cmocka_unit_test_setup_teardown(holds_do_without_samples, open_lab, close_lab),
		cmocka_unit_test_setup_teardown(ends_while_it_reads, open_lab, close_lab),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
