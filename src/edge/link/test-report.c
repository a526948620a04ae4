// SPDX-License-Identifier: Apache-2.0
/* What an edge tells of itself: each packet once, in the figures of the hub's funnel. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "edge/link/internal.h"

static char dir[64];
static struct link link;

static int setup(void **state)
{
	struct link_message shield = { .kind = LINK_SHIELD };

	snprintf(dir, sizeof(dir), "/tmp/luytre-test-report-XXXXXX");
	if (!mkdtemp(dir) || spool_open(dir, 1 << 20, &link.spool))
		return -1;
	link.standing = standing_new(16);
	link.drops = drops_new(16);
	pthread_mutex_init(&link.table_lock, NULL);
	bell_init(&link.upload_bell);
	if (!link.standing || !link.drops || batch_writer_new(&link.writers[SPOOL_EVENTS]) ||
		batch_writer_new(&link.writers[SPOOL_DROPS]))
		return -1;
	shield.shield.drift = 1U << LINK_DRIFT_DECISIONS;
	shield.shield.holds = (struct link_holds){ .wanted = 3, .stamp = 77, .why = "no room" };
	shield.shield.reasons[SHIELD_REASON_PASSED] = (typeof(shield.shield.reasons[0])){ 1000, 100000, 0, 0 };
	shield.shield.reasons[SHIELD_REASON_LAND] = (typeof(shield.shield.reasons[0])){ 10, 600, 5, 300 };
	shield.shield.reasons[SHIELD_REASON_LIMIT_SYN] = (typeof(shield.shield.reasons[0])){ 40, 2400, 0, 0 };
	shield.shield.reasons[SHIELD_REASON_CHALLENGED] = (typeof(shield.shield.reasons[0])){ 7, 420, 0, 0 };
	shield.shield.reasons[SHIELD_REASON_OUTBOUND] = (typeof(shield.shield.reasons[0])){ 9999, 9999, 0, 0 };
	assert_true(link_message_is_whole(&shield, link_message_size(&shield)));
	assert_false(link_message_is_whole(&shield, link_message_size(&shield) - 1));
	report_shield(&link, &shield);
	return 0;
}

static int teardown(void **state)
{
	char command[96];

	free(link.shield);
	drops_free(link.drops);
	standing_free(link.standing);
	batch_writer_free(link.writers[SPOOL_EVENTS]);
	batch_writer_free(link.writers[SPOOL_DROPS]);
	spool_close(link.spool);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* The line that waits in the open batch; null: none. */
static json_t *take_line(void)
{
	const struct batch_head head = {
		.edge = 1, .boot = "0123456789abcdef0123456789abcdef", .seq = 1, .made_us = 1
	};
	struct bytes packed, line;
	struct batch batch;
	size_t pos = 0;
	json_t *json;

	if (!batch_line_count(link.writers[SPOOL_DROPS]))
		return NULL;
	assert_int_equal(batch_line_count(link.writers[SPOOL_DROPS]), 1);
	assert_int_equal(batch_pack(link.writers[SPOOL_DROPS], &head, &packed), 0);
	assert_int_equal(batch_open(packed, &batch), 0);
	assert_true(batch_next(&batch, &pos, &line));
	json = json_loadb((const char *)line.ptr, line.size, 0, NULL);
	assert_non_null(json);
	batch_done(&batch);
	return json;
}

static void check_pair(const json_t *object, const char *key, json_int_t first, json_int_t second)
{
	const json_t *pair = json_object_get(object, key);

	if (json_array_size(pair) != 2 || json_integer_value(json_array_get(pair, 0)) != first ||
		json_integer_value(json_array_get(pair, 1)) != second)
		fail_msg("%s", key);
}

static void test_figures(void **state)
{
	const json_t *status, *holds, *shield, *steps, *reasons;
	json_t *line;

	report_tick(&link, 100 * NS_PER_S);
	assert_null(take_line()); /* nobody to tell it to */
	link.enrolled = true;
	report_tick(&link, 100 * NS_PER_S);
	line = take_line();
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "event_type")), "stats");
	status = json_object_get(line, "edge_status");
	assert_string_equal(json_string_value(json_object_get(status, "version")), LUYTRE_VERSION);
	assert_true(json_is_false(json_object_get(status, "failing_open")));
	assert_int_equal(json_array_size(json_object_get(status, "drift")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(status, "drift"), 0)), "decisions");
	holds = json_object_get(status, "holds");
	assert_int_equal(json_integer_value(json_object_get(holds, "wanted")), 3);
	assert_int_equal(json_integer_value(json_object_get(holds, "stamp")), 77);
	assert_string_equal(json_string_value(json_object_get(holds, "problem")), "no room");
	shield = json_object_get(status, "shield");
	check_pair(shield, "arrived", 1000 + 15 + 40 + 7, 100000 + 900 + 2400 + 420);
	check_pair(shield, "passed", 1005, 100300);
	check_pair(shield, "dropped", 50, 3000);
	check_pair(shield, "challenged", 7, 420);
	check_pair(shield, "shadow", 5, 300);
	steps = json_object_get(shield, "steps");
	check_pair(steps, "parse", 10, 5);
	check_pair(steps, "limit", 40, 0);
	reasons = json_object_get(shield, "reasons");
	check_pair(reasons, "land", 10, 5);
	check_pair(reasons, "challenged", 7, 0);
	assert_null(json_object_get(reasons, "passed"));
	assert_null(json_object_get(reasons, "outbound"));
	json_decref(line);
}

/* Every ten seconds; after the first one with the share of processors that was busy. */
static void test_pace(void **state)
{
	json_t *line;
	const json_t *cpu;

	report_tick(&link, 109 * NS_PER_S);
	assert_null(take_line());
	for (uint64_t busy_ns = clock_mono_ns(); clock_mono_ns() - busy_ns < 50 * NS_PER_MS;)
		; /* the system counts in hundredths of a second */
	report_tick(&link, 110 * NS_PER_S);
	line = take_line();
	assert_non_null(line);
	cpu = json_object_get(json_object_get(line, "edge_status"), "cpu");
	assert_true(json_is_number(cpu) && json_number_value(cpu) >= 0 && json_number_value(cpu) <= 1);
	json_decref(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_figures), cmocka_unit_test(test_pace) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
