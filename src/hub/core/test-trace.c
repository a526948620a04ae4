// SPDX-License-Identifier: Apache-2.0
#include "hub/core/trace.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS  INT64_C(1000)
#define NOW (INT64_C(1790000000) * 1000 * MS)

static struct trace *trace;

static void change(enum engine_op op, uint64_t id, uint64_t epoch, uint64_t number, int64_t now_us)
{
	const struct engine_change told = { .epoch = epoch,
		.seq = number,
		.op = (uint8_t)op,
		.decision = { .id = id, .expires_us = NOW + 10000 * MS, .level = DECIDE_BLOCK } };

	trace_change(trace, &told, now_us);
}

static struct trace_edge at(uint64_t id, uint32_t edge)
{
	struct trace_edge ret;

	trace_edge_of(trace, id, trace_find(trace, id), edge, &ret);
	return ret;
}

static int setup(void **state)
{
	trace = trace_new(3, 100);
	return trace ? 0 : -1;
}

static int teardown(void **state)
{
	trace_free(trace);
	return 0;
}

static void since_the_first_number_at_or_above(void **state)
{
	change(ENGINE_ADD, 71, 3, 101, NOW);
	change(ENGINE_ADD, 72, 3, 102, NOW + MS);
	assert_int_equal(at(71, 1).state, TRACE_WAITING);
	trace_stands(trace, 1, 3, 100, NOW + 2 * MS);
	assert_int_equal(at(71, 1).state, TRACE_WAITING);
	trace_stands(trace, 1, 3, 101, NOW + 5 * MS);
	trace_stands(trace, 1, 3, 101, NOW + 7 * MS); /* again: nothing new */
	assert_int_equal(at(71, 1).state, TRACE_STANDING);
	assert_int_equal(at(71, 1).standing_us, NOW + 5 * MS);
	assert_int_equal(at(72, 1).state, TRACE_WAITING);
	trace_stands(trace, 1, 3, 110, NOW + 9 * MS);
	trace_stands(trace, 1, 3, 105, NOW + 10 * MS); /* late on its way */
	assert_int_equal(at(72, 1).standing_us, NOW + 9 * MS);
	assert_int_equal(at(71, 1).standing_us, NOW + 5 * MS);
	assert_int_equal(at(72, 2).state, TRACE_WAITING);
}

/* Of before the start: they stand, and nobody knows since when. */
static void what_stood_before(void **state)
{
	assert_int_equal(at(5, 1).state, TRACE_WAITING);
	trace_stands(trace, 1, 3, 100, NOW);
	assert_int_equal(at(5, 1).state, TRACE_STANDING);
	assert_int_equal(at(5, 1).standing_us, 0);
}

static void the_end_and_a_new_epoch(void **state)
{
	change(ENGINE_ADD, 71, 3, 101, NOW);
	change(ENGINE_ADD, 72, 3, 102, NOW);
	trace_stands(trace, 1, 3, 101, NOW + MS);
	change(ENGINE_DELETE, 71, 3, 103, NOW + 2 * MS);
	assert_true(trace_find(trace, 71)->ended_us == NOW + 2 * MS && !trace_find(trace, 71)->expired);
	assert_int_equal(at(71, 1).state, TRACE_STANDING); /* it stood until then */
	trace_stands(trace, 2, 3, 103, NOW + 3 * MS);
	assert_int_equal(at(71, 2).state, TRACE_VOID); /* it came with its end */
	change(ENGINE_DELETE, 72, 3, 104, NOW + 20000 * MS);
	assert_true(trace_find(trace, 72)->expired);
	change(ENGINE_ADD, 73, 3, 105, NOW + 20000 * MS);
	trace_void(trace, 4, NOW + 20001 * MS);
	assert_int_equal(trace_find(trace, 73)->ended_us, NOW + 20001 * MS);
	trace_stands(trace, 1, 4, 0, NOW + 20002 * MS);
	assert_int_equal(at(73, 1).state, TRACE_VOID);
	change(ENGINE_ADD, 74, 4, 1, NOW + 20003 * MS);
	trace_stands(trace, 1, 4, 1, NOW + 20004 * MS);
	assert_int_equal(at(74, 1).standing_us, NOW + 20004 * MS);
	trace_stands(trace, 1, 3, 200, NOW + 20005 * MS); /* of the old epoch */
	assert_int_equal(at(74, 1).state, TRACE_STANDING);
}

static void vetoes_and_hits(void **state)
{
	change(ENGINE_ADD, 71, 3, 101, NOW);
	trace_stands(trace, 1, 3, 101, NOW + MS);
	trace_veto(trace, 71, 1, NOW + 2 * MS);
	trace_veto(trace, 71, 1, NOW + 3 * MS);
	assert_int_equal(at(71, 1).state, TRACE_VETOED);
	assert_int_equal(at(71, 1).vetoed_us, NOW + 2 * MS);
	trace_hit(trace, 71, 2, 10, NOW + 9 * MS);
	trace_hit(trace, 71, 2, 5, NOW + 8 * MS);
	assert_int_equal(at(71, 2).first_hit_us, NOW + 8 * MS);
	assert_int_equal(trace_find(trace, 71)->hits, 15);
}

/* The oldest times of an edge give way and are unknown then, never wrong. */
static void rings_are_bounded(void **state)
{
	struct trace_stats stats;

	for (uint64_t i = 1; i <= TRACE_ACKS_MAX + 10; i++) {
		change(ENGINE_ADD, 1000 + i, 3, 100 + i, NOW + (int64_t)i * MS);
		trace_stands(trace, 1, 3, 100 + i, NOW + (int64_t)i * MS + 1);
	}
	trace_stats(trace, &stats);
	assert_int_equal(stats.acks, TRACE_ACKS_MAX);
	assert_int_equal(stats.acks_dropped, 10);
	assert_true(at(1001, 1).state == TRACE_STANDING && at(1001, 1).standing_us == 0);
	assert_true(at(1010, 1).state == TRACE_STANDING && at(1010, 1).standing_us == 0);
	assert_int_equal(at(1011, 1).standing_us, NOW + 11 * MS + 1);
	for (uint64_t i = 1; i <= TRACE_DECISIONS_MAX; i++)
		change(ENGINE_ADD, 100000 + i, 3, 10000 + i, NOW);
	trace_stats(trace, &stats);
	assert_int_equal(stats.decisions, TRACE_DECISIONS_MAX);
	assert_null(trace_find(trace, 1001));
	for (uint64_t i = 1; i <= TRACE_MARKS_MAX + 5; i++)
		trace_veto(trace, i, 1, NOW);
	trace_stats(trace, &stats);
	assert_true(stats.marks == TRACE_MARKS_MAX && stats.marks_dropped == 5);
	assert_int_equal(at(5, 1).vetoed_us, 0);
	assert_int_equal(at(6, 1).vetoed_us, NOW);
}

static void count_one(void *context, const struct trace_decision *decision)
{
	uint64_t *last = context;

	assert_true(decision->decision.id < *last);
	*last = decision->decision.id;
}

static void ended_ones_newest_first(void **state)
{
	uint64_t last = UINT64_MAX;
	uint32_t from = 0, rounds = 0;

	for (uint64_t i = 1; i <= 9; i++)
		change(i % 3 ? ENGINE_ADD : ENGINE_DELETE, i, 3, 100 + i, NOW);
	do {
		from = trace_ended(trace, from, 1000, count_one, &last);
		rounds++;
	} while (from);
	assert_int_equal(last, 3);
	assert_int_equal(rounds, TRACE_DECISIONS_MAX / 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(since_the_first_number_at_or_above, setup, teardown),
		cmocka_unit_test_setup_teardown(what_stood_before, setup, teardown),
		cmocka_unit_test_setup_teardown(the_end_and_a_new_epoch, setup, teardown),
		cmocka_unit_test_setup_teardown(vetoes_and_hits, setup, teardown),
		cmocka_unit_test_setup_teardown(rings_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(ended_ones_newest_first, setup, teardown),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
