// SPDX-License-Identifier: Apache-2.0
/* What edges report: sums over rings of minutes, counters that begin anew, and how much an edge can make the hub keep. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/core/edgestate.h"

#define US_PER_S  INT64_C(1000000)
#define MINUTE_US (60 * US_PER_S)
#define BEGIN_US  (INT64_C(1795000000) * US_PER_S / (10 * MINUTE_US) * (10 * MINUTE_US)) /* on ten minutes */

static struct edgestate *state;
static struct edgestate_record record;
static struct edgestate_funnel funnel;
static const struct scope all = { .all = true };

static int setup(void **context)
{
	state = edgestate_new();
	record = (struct edgestate_record){ .version = "0.1.0", .has_shield = true, .cpu = -1 };
	return state ? 0 : -1;
}

static int teardown(void **context)
{
	edgestate_free(state);
	return 0;
}

static void set_word(size_t i, const char *word, enum edgestate_kind kind, uint64_t packets)
{
	snprintf(record.words[i].word, EDGESTATE_WORD_SIZE, "%s", word);
	record.words[i].kind = (uint8_t)kind;
	record.words[i].packets = packets;
	record.words[i].shadow = packets / 10;
	if (record.word_count <= i)
		record.word_count = i + 1;
}

static void take(uint32_t edge, int64_t at_us, uint64_t arrived)
{
	record.made_us = at_us;
	record.counters.arrived = (struct edgestate_counter){ arrived, arrived * 100 };
	record.counters.dropped = (struct edgestate_counter){ arrived / 2, arrived * 50 };
	set_word(0, "limit", EDGESTATE_STEP, arrived / 2);
	set_word(1, "limit", EDGESTATE_REASON, arrived / 2);
	edgestate_take(state, edge, &record, at_us);
}

static uint64_t minute_sum(const struct scope *edges, int64_t now_us)
{
	struct edgestate_counters minutes[EDGESTATE_MINUTES];
	uint64_t sum = 0;

	edgestate_minutes(state, edges, now_us, minutes);
	for (size_t i = 0; i < EDGESTATE_MINUTES; i++)
		sum += minutes[i].arrived.packets;
	return sum;
}

/* Two hours, a record each ten seconds: the last hour is what is kept. */
static void test_rings(void **context)
{
	const struct scope first = { .tenants = (const uint32_t[]){ 1 }, .tenant_count = 1 };
	struct edgestate_counters minutes[EDGESTATE_MINUTES];
	struct edgestate_view view;
	int64_t end_us = BEGIN_US + 120 * MINUTE_US;

	for (int64_t t = 0; t <= 720; t++) {
		take(1, BEGIN_US + t * 10 * US_PER_S, (uint64_t)t * 100);
		take(2, BEGIN_US + t * 10 * US_PER_S, (uint64_t)t * 10);
	}
	assert_true(edgestate_find(state, 1, end_us, &view));
	assert_true(view.packets_ps == 10 && view.drops_ps == 5 && view.lag_s == 0);
	edgestate_minutes(state, &first, end_us, minutes);
	for (size_t i = 0; i + 1 < EDGESTATE_MINUTES; i++)
		assert_int_equal(minutes[i].arrived.packets, 600);
	assert_int_equal(minutes[EDGESTATE_MINUTES - 1].arrived.packets, 100); /* has just begun */
	assert_int_equal(minute_sum(&all, end_us), (59 * 600 + 100) * 11 / 10);
	edgestate_funnel(state, &all, end_us, &funnel);
	assert_int_equal(funnel.from_us, end_us - 50 * MINUTE_US);
	assert_int_equal(funnel.edge_count, 2);
	assert_int_equal(funnel.counters.arrived.packets, (50 * 600 + 100) * 11 / 10);
	assert_int_equal(funnel.counters.arrived.bytes, (50 * 600 + 100) * 110);
	assert_int_equal(funnel.word_count, 2);
	assert_int_equal(funnel.words[0].kind, EDGESTATE_STEP);
	assert_int_equal(funnel.words[0].packets, (50 * 600 + 100) * 11 / 20);
	edgestate_funnel(state, &first, end_us, &funnel);
	assert_int_equal(funnel.words[1].packets, (50 * 600 + 100) / 2);

	/* Later nothing is left of it, and nothing happens at present. */
	assert_true(edgestate_find(state, 1, end_us + 31 * US_PER_S, &view) && view.packets_ps == 0);
	assert_int_equal(minute_sum(&all, end_us + 61 * MINUTE_US), 0);
	edgestate_funnel(state, &all, end_us + 61 * MINUTE_US, &funnel);
	assert_int_equal(funnel.counters.arrived.packets + funnel.word_count + funnel.edge_count, 0);
	/* A gap longer than the rings: what is added then stands alone. */
	take(1, end_us + 300 * MINUTE_US, 72000 + 50);
	assert_int_equal(minute_sum(&all, end_us + 300 * MINUTE_US), 50);
	edgestate_funnel(state, &all, end_us + 300 * MINUTE_US, &funnel);
	assert_int_equal(funnel.words[0].packets, 25);
}

static void test_restarts(void **context)
{
	take(1, BEGIN_US, 5000); /* whatever was before is not of this hour */
	assert_int_equal(minute_sum(&all, BEGIN_US), 0);
	take(1, BEGIN_US + 10 * US_PER_S, 6000);
	assert_int_equal(minute_sum(&all, BEGIN_US + 10 * US_PER_S), 1000);
	take(1, BEGIN_US + 20 * US_PER_S, 40); /* the shield was loaded anew */
	assert_int_equal(minute_sum(&all, BEGIN_US + 20 * US_PER_S), 1000);
	take(1, BEGIN_US + 30 * US_PER_S, 140);
	assert_int_equal(minute_sum(&all, BEGIN_US + 30 * US_PER_S), 1100);
	take(1, BEGIN_US + 40 * US_PER_S, UINT64_C(1) << 52); /* nothing carries so much */
	assert_int_equal(minute_sum(&all, BEGIN_US + 40 * US_PER_S), 1100 + (UINT64_C(1) << 36));
}

static void test_times(void **context)
{
	struct edgestate_stats stats;
	struct edgestate_view view;
	int64_t now_us = BEGIN_US + 600 * US_PER_S;

	take(1, now_us, 1000);
	take(1, now_us + US_PER_S / 2, 2000); /* too soon */
	take(1, now_us - 60 * US_PER_S, 3000); /* from the past */
	edgestate_stats(state, &stats);
	assert_true(stats.taken == 1 && stats.refused == 2);
	record.made_us = now_us + 3600 * US_PER_S; /* ahead: it is now */
	record.counters.arrived.packets = 1100;
	edgestate_take(state, 1, &record, now_us + 10 * US_PER_S);
	assert_true(edgestate_find(state, 1, now_us + 10 * US_PER_S, &view));
	assert_true(view.made_us == now_us + 10 * US_PER_S);
	take(1, now_us + 20 * US_PER_S, 1200);
	assert_int_equal(minute_sum(&all, now_us + 20 * US_PER_S), 200);
	/* Its clock steps back by an hour: believed after a minute of silence. */
	record.made_us = now_us - 3600 * US_PER_S;
	edgestate_take(state, 1, &record, now_us + 30 * US_PER_S);
	edgestate_take(state, 1, &record, now_us + 90 * US_PER_S);
	edgestate_stats(state, &stats);
	assert_true(stats.taken == 4 && stats.refused == 3);
	edgestate_take(state, 1, NULL, now_us);
	edgestate_stats(state, &stats);
	assert_int_equal(stats.invalid, 1);
}

/* An edge that names ever other words, and more edges than can be. */
static void test_bounds(void **context)
{
	struct edgestate_stats stats;
	char word[16];

	for (unsigned int round = 0; round < 4; round++) {
		for (unsigned int i = 0; i < EDGESTATE_WORDS_MAX; i++) {
			snprintf(word, sizeof(word), "w%u", round * 200 + i);
			set_word(i, word, EDGESTATE_REASON, 10 * (round + 1));
		}
		record.made_us = BEGIN_US + round * 10 * US_PER_S;
		edgestate_take(state, 1, &record, record.made_us);
	}
	edgestate_stats(state, &stats);
	assert_int_equal(stats.words_left_out, 200 + 256 + 256);
	edgestate_funnel(state, &all, BEGIN_US + 60 * US_PER_S, &funnel);
	assert_true(funnel.word_count <= EDGESTATE_WORDS_MAX);
	record.word_count = 0;
	for (uint32_t edge = 2; edge <= EDGES_MAX + 5; edge++)
		edgestate_take(state, edge, &record, record.made_us);
	edgestate_stats(state, &stats);
	assert_int_equal(stats.refused, 5);
}

/* What is kept for all is what summing each would give: edges that speak at odd moments, fall silent, are behind, begin anew. */
static void test_totals(void **context)
{
	enum { EDGES = 40, STEPS = 2000 };
	static struct edgestate_funnel listed;
	struct edgestate_counters of_all[EDGESTATE_MINUTES], of_list[EDGESTATE_MINUTES];
	uint32_t ids[EDGES];
	const struct scope list = { .tenants = ids, .tenant_count = EDGES };
	uint64_t random = 7, arrived[EDGES] = { 0 };
	int64_t now_us = BEGIN_US;

	for (uint32_t i = 0; i < EDGES; i++)
		ids[i] = i + 1;
	for (int step = 0; step < STEPS; step++) {
		uint32_t edge = (uint32_t)(random >> 33) % EDGES;
		char word[16];

		random = random * 6364136223846793005U + 1442695040888963407U;
		now_us += (int64_t)(random >> 40) % (step % 500 == 0 ? 1800 * US_PER_S : 8 * US_PER_S);
		arrived[edge] = random >> 20 & 31 ? arrived[edge] + (random >> 50) : 0;
		record.word_count = 0;
		snprintf(word, sizeof(word), "r%u", edge % 7);
		set_word(2, word, EDGESTATE_REASON, arrived[edge]);
		set_word(0, "limit", EDGESTATE_STEP, arrived[edge] / 2);
		set_word(1, "limit", EDGESTATE_REASON, arrived[edge] / 2);
		record.counters.arrived = (struct edgestate_counter){ arrived[edge], arrived[edge] * 100 };
		record.made_us = now_us - edge * 2 * US_PER_S;
		edgestate_take(state, edge + 1, &record, now_us);
		if (step % 50)
			continue;
		edgestate_minutes(state, &all, now_us, of_all);
		edgestate_minutes(state, &list, now_us, of_list);
		assert_memory_equal(of_all, of_list, sizeof(of_all));
		edgestate_funnel(state, &all, now_us, &funnel);
		edgestate_funnel(state, &list, now_us, &listed);
		assert_memory_equal(&funnel.counters, &listed.counters, sizeof(funnel.counters));
		assert_int_equal(funnel.edge_count, listed.edge_count);
		assert_int_equal(funnel.word_count, listed.word_count);
		for (size_t i = 0; i < funnel.word_count; i++) {
			size_t k = 0;

			while (k < listed.word_count && (listed.words[k].kind != funnel.words[i].kind ||
								strcmp(listed.words[k].word, funnel.words[i].word)))
				k++;
			assert_true(k < listed.word_count);
			assert_memory_equal(&listed.words[k], &funnel.words[i], sizeof(listed.words[k]));
		}
	}
	assert_true(funnel.counters.arrived.packets > 0 && funnel.word_count == 9);
}

/* Words that nobody has said anything of for an hour make room; others do not stand in the sum of all, which is counted. */
static void test_words_of_all(void **context)
{
	struct edgestate_stats stats;
	int64_t now_us = BEGIN_US;
	char word[16];

	for (uint32_t edge = 1; edge <= 4; edge++) {
		if (edge == 4) /* long after the others */
			now_us += 7200 * US_PER_S;
		for (uint64_t count = 0; count < 2; count++) {
			for (unsigned int i = 0; i < 100; i++) {
				snprintf(word, sizeof(word), "w%u-%u", edge, i);
				set_word(i, word, EDGESTATE_REASON, 10 * count);
			}
			record.made_us = now_us += 10 * US_PER_S;
			edgestate_take(state, edge, &record, now_us);
		}
		edgestate_stats(state, &stats);
		edgestate_funnel(state, &all, now_us, &funnel);
		assert_int_equal(stats.words_left_out, edge < 3 ? 0 : 44);
		assert_int_equal(funnel.word_count, edge < 3 ? 100 * edge : edge == 3 ? 256 : 100);
	}
	assert_string_equal(funnel.words[0].word, "w4-0");
}

static void test_reading(void **context)
{
	static const struct {
		const char *text;
		bool is, valid;
	} rows[] = {
		{ "{\"event_type\":\"stats\",\"edge_status\":{\"version\":\"1\",\"spool\":0,\"spool_bytes\":0,\"lost\":"
		  "0,"
		  "\"failing_open\":true,\"drift\":[]}}",
			true, true },
		{ "{\"event_type\":\"stats\",\"edge_status\":{\"version\":\"1\",\"spool\":0,\"spool_bytes\":0,\"lost\":"
		  "0,"
		  "\"failing_open\":true,\"drift\":[],\"cpu\":1.5}}",
			true, false },
		{ "{\"event_type\":\"stats\",\"edge_status\":{\"version\":\"1\",\"spool\":9007199254740993,"
		  "\"spool_bytes\":0,\"lost\":0,\"failing_open\":true,\"drift\":[]}}",
			true, false },
		{ "{\"event_type\":\"stats\",\"edge_status\":{\"version\":\"1\",\"spool\":0,\"spool_bytes\":0,\"lost\":"
		  "0,"
		  "\"failing_open\":true,\"drift\":[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]}}",
			true, false },
		{ "{\"event_type\":\"stats\",\"edge_status\":{\"version\":\"1\",\"spool\":0,\"spool_bytes\":0,\"lost\":"
		  "0,"
		  "\"failing_open\":true,\"drift\":[],\"shield\":{\"arrived\":[1]}}}",
			true, false },
		/* Of 100 Gbit/s after a week and a half: counters are not shown, what is added is. */
		{ "{\"event_type\":\"stats\",\"edge_status\":{\"version\":\"1\",\"spool\":0,\"spool_bytes\":0,\"lost\":"
		  "0,"
		  "\"failing_open\":true,\"drift\":[],\"shield\":{\"arrived\":[9000000000000,9007199254740993],"
		  "\"passed\":[1,9223372036854775807],\"dropped\":[0,0],\"challenged\":[0,0],\"shadow\":[0,0]}}}",
			true, true },
		{ "{\"event_type\":\"stats\",\"edge_status\":{\"version\":\"1\",\"spool\":0,\"spool_bytes\":0,\"lost\":"
		  "0,"
		  "\"failing_open\":true,\"drift\":[],\"shield\":{\"arrived\":[-1,0],"
		  "\"passed\":[0,0],\"dropped\":[0,0],\"challenged\":[0,0],\"shadow\":[0,0]}}}",
			true, false },
		{ "{\"event_type\":\"stats\",\"edge_status\":7}", true, false },
		{ "{\"event_type\":\"stats\",\"stats\":{}}", false, false }, /* the sensor's */
		{ "{\"event_type\":\"alert\",\"edge_status\":{}}", false, false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		json_t *line = json_loads(rows[i].text, 0, NULL);
		bool valid = false;

		assert_non_null(line);
		assert_int_equal(edgestate_read(line, BEGIN_US, &record, &valid), rows[i].is);
		if (valid != rows[i].valid)
			fail_msg("%s", rows[i].text);
		json_decref(line);
	}
}

static void test_words(void **context)
{
	struct edge_view edge = { .seen_us = BEGIN_US };

	assert_string_equal(edgestate_state(&edge, BEGIN_US + 29 * US_PER_S), "up");
	assert_string_equal(edgestate_state(&edge, BEGIN_US + 30 * US_PER_S), "late");
	assert_string_equal(edgestate_state(&edge, BEGIN_US + 300 * US_PER_S), "down");
	edge.revoked = true;
	assert_string_equal(edgestate_state(&edge, BEGIN_US), "revoked");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restarts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_times, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_totals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_words_of_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reading, setup, teardown),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
