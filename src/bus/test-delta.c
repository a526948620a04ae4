// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/error.h"
#include "bus/delta.h"

/* Member for member: what lies between them is anything. */
static void assert_same(const struct delta_change *a, const struct delta_change *b)
{
	assert_true(a->op == b->op && a->id == b->id && a->action == b->action && a->tenant == b->tenant);
	assert_true(a->until_us == b->until_us && a->prefix.length == b->prefix.length);
	assert_true(a->prefix.addr.family == b->prefix.addr.family);
	assert_memory_equal(a->prefix.addr.bytes, b->prefix.addr.bytes, sizeof(a->prefix.addr.bytes));
	assert_string_equal(a->reason, b->reason);
}

static struct delta_change put(uint64_t id, const char *prefix, enum delta_action action, const char *reason)
{
	struct delta_change change = {
		.op = DELTA_PUT, .id = id, .action = action, .tenant = 5, .until_us = 1234567890123456
	};

	assert_int_equal(ip_prefix_parse(bytes_from_str(prefix), 0, &change.prefix), 0);
	snprintf(change.reason, sizeof(change.reason), "%s", reason);
	return change;
}

static void test_changes(void **state)
{
	struct delta *delta = calloc(1, sizeof(*delta)), *back = calloc(1, sizeof(*back));
	struct jsonw json;
	struct bytes text;

	assert_true(delta && back);
	*delta = (struct delta){ .epoch = 3, .from = 17, .to = 20, .change_count = 3 };
	delta->changes[0] = put(81, "203.0.113.5/32", DELTA_BLOCK, "web-exploit");
	delta->changes[1] = (struct delta_change){ .op = DELTA_LIFT, .id = 80 };
	delta->changes[2] = put(82, "2001:db8:5::/48", DELTA_WATCH, "quét \"cổng\"");
	jsonw_init(&json, DELTA_TEXT_MAX);
	delta_write(&json, delta);
	assert_int_equal(jsonw_text(&json, &text), 0);
	assert_int_equal(delta_read(text, back), 0);
	assert_true(back->epoch == 3 && back->from == 17 && back->to == 20 && back->change_count == 3);
	for (size_t i = 0; i < 3; i++)
		assert_same(&back->changes[i], &delta->changes[i]);
	for (size_t i = 0; i < text.size; i++) {
		char *cut = malloc(i + 1);

		assert_non_null(cut);
		memcpy(cut, text.ptr, i);
		assert_int_equal(delta_read(bytes_of(cut, i), back), LUYTRE_E_SYNTAX);
		free(cut);
	}
	jsonw_done(&json);
	free(delta);
	free(back);
}

/* A full one fits into its bound. */
static void test_largest(void **state)
{
	struct delta *delta = calloc(1, sizeof(*delta));
	struct jsonw json;
	struct bytes text;

	assert_non_null(delta);
	*delta = (struct delta){ .to = DELTA_CHANGES_MAX, .change_count = DELTA_CHANGES_MAX };
	for (uint32_t i = 0; i < DELTA_CHANGES_MAX; i++)
		delta->changes[i] = put(999999999999999999, "2001:db8:1111:2222:3333:4444:5555:6666/128",
			DELTA_CHALLENGE, "a-reason-that-is-as-long-as-reasons-can-be-here");
	jsonw_init(&json, DELTA_TEXT_MAX);
	delta_write(&json, delta);
	assert_int_equal(jsonw_text(&json, &text), 0);
	assert_int_equal(delta_read(text, delta), 0);
	jsonw_done(&json);
	free(delta);
}

static void test_refused(void **state)
{
	static const char *const bad[] = { "", "[]", "{}", "{\"epoch\":1,\"from\":1,\"to\":1}",
		"{\"epoch\":1,\"from\":2,\"to\":1,\"changes\":[]}", "{\"epoch\":-1,\"from\":1,\"to\":1,\"changes\":[]}",
		"{\"epoch\":1,\"from\":1,\"to\":1,\"changes\":[{\"op\":\"lift\",\"id\":\"1\"}]}",
		"{\"epoch\":1,\"from\":0,\"to\":1,\"changes\":[{\"op\":\"lift\",\"id\":1}]}",
		"{\"epoch\":1,\"from\":0,\"to\":1,\"changes\":[{\"op\":\"lift\",\"id\":\"0\"}]}",
		"{\"epoch\":1,\"from\":0,\"to\":1,\"changes\":[{\"op\":\"lift\",\"id\":\"9999999999999999999\"}]}",
		"{\"epoch\":1,\"from\":0,\"to\":1,\"changes\":[{\"op\":\"burn\",\"id\":\"1\"}]}",
		"{\"epoch\":1,\"from\":0,\"to\":1,\"changes\":[{\"op\":\"put\",\"id\":\"1\"}]}",
		("{\"epoch\":1,\"from\":0,\"to\":1,\"changes\":[{\"op\":\"put\",\"id\":\"1\",\"prefix\":\"1.2.3.4/24\","
		 "\"action\":\"block\",\"tenant\":0,\"until\":1,\"reason\":\"\"}]}"),
		("{\"epoch\":1,\"from\":0,\"to\":1,\"changes\":[{\"op\":\"put\",\"id\":\"1\",\"prefix\":\"1.2.3.4\","
		 "\"action\":\"kill\",\"tenant\":0,\"until\":1,\"reason\":\"\"}]}") };
	struct delta *delta = calloc(1, sizeof(*delta));

	assert_non_null(delta);
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_int_equal(delta_read(bytes_from_str(bad[i]), delta), LUYTRE_E_SYNTAX);
	assert_int_equal(delta_read(bytes_from_str("{\"epoch\":1,\"from\":1,\"to\":1,\"changes\":[]}"), delta), 0);
	assert_int_equal(delta->epoch, 1);
	assert_int_equal(delta_read(bytes_from_str("{\"epoch\":1,\"from\":1,\"to\":9,\"changes\":[]}"), delta), 0);
	free(delta);
}

static void test_snapshot(void **state)
{
	struct delta_snapshot_writer writer;
	struct delta_snapshot snapshot;
	struct delta_change changes[] = { put(1, "0.0.0.0/1", DELTA_WATCH, ""),
		put(2, "203.0.113.5/32", DELTA_BLOCK, "scan"),
		put(INT64_MAX, "2001:db8::/64", DELTA_CHALLENGE, "a-reason-that-is-as-long-as-reasons-can-be-here") };
	struct delta_change found;
	struct bytes text;
	size_t pos = 0;

	delta_snapshot_begin(&writer, 4, 4711);
	for (size_t i = 0; i < ARRAY_COUNT(changes); i++)
		delta_snapshot_put(&writer, &changes[i]);
	assert_int_equal(delta_snapshot_end(&writer, &text), 0);
	assert_int_equal(delta_snapshot_open(text, &snapshot), 0);
	assert_true(snapshot.epoch == 4 && snapshot.number == 4711 && snapshot.count == 3);
	for (size_t i = 0; i < ARRAY_COUNT(changes); i++) {
		assert_true(delta_snapshot_next(&snapshot, &pos, &found));
		assert_same(&found, &changes[i]);
	}
	assert_false(delta_snapshot_next(&snapshot, &pos, &found));
	for (size_t i = 0; i < text.size; i++) {
		uint8_t *cut = malloc(i ? i : 1);

		assert_non_null(cut);
		memcpy(cut, text.ptr, i);
		assert_int_not_equal(delta_snapshot_open(bytes_of(cut, i), &snapshot), 0);
		free(cut);
	}
	for (size_t bit = 0; bit < 8 * text.size; bit++) {
		uint8_t *altered = malloc(text.size);

		assert_non_null(altered);
		memcpy(altered, text.ptr, text.size);
		altered[bit / 8] ^= (uint8_t)(1 << bit % 8);
		pos = 0;
		if (!delta_snapshot_open(bytes_of(altered, text.size), &snapshot))
			while (delta_snapshot_next(&snapshot, &pos, &found))
				assert_true(found.prefix.length <= ip_addr_bits(&found.prefix.addr));
		free(altered);
	}
	delta_snapshot_done(&writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_changes), cmocka_unit_test(test_largest),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_snapshot) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
