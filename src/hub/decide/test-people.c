// SPDX-License-Identifier: Apache-2.0
/* What consoles need of the engine: walking in slices, trying an order, telling of what is decided elsewhere. */
#include "hub/decide/test-kit.h"

static struct kit kit;

static struct engine_order order_of(const struct observable *observable)
{
	return (struct engine_order){
		.observable = observable, .level = DECIDE_BLOCK, .class = DECIDE_SCAN, .lifetime_s = 3600, .person = 7
	};
}

static void count_one(void *context, const struct engine_change *change)
{
	++*(size_t *)context;
}

static void slices_give_each_once(void **state)
{
	size_t count = 0, slices = 0;
	uint32_t at = 0;

	kit_init(&kit, 2, NULL);
	for (unsigned int i = 0; i < 50; i++) {
		char text[32];
		struct observable observable;
		struct engine_order order;

		snprintf(text, sizeof(text), "203.0.113.%u", i);
		observable = kit_observable(text);
		order = order_of(&observable);
		assert_int_equal(engine_order(kit.engine, kit.now_us, &order, NULL), 0);
	}
	do {
		at = engine_walk(kit.engine, at, 7, count_one, &count);
		slices++;
	} while (at);
	assert_int_equal(count, 50);
	assert_int_equal(slices, 8);
	assert_int_equal(engine_walk(kit.engine, 1000, 7, count_one, &count), 0);
	assert_int_equal(count, 50);
	kit_done(&kit);
}

static void trying_does_nothing(void **state)
{
	struct observable narrow, wide;
	struct engine_order order;
	struct engine_stats stats;
	uint64_t epoch, before, after;

	kit_init(&kit, 2, NULL);
	narrow = kit_observable("203.0.113.1");
	order = order_of(&narrow);
	engine_position(kit.engine, &epoch, &before);
	assert_int_equal(engine_order_try(kit.engine, &order, NULL), 0);
	order.person = 0;
	assert_int_equal(engine_order_try(kit.engine, &order, NULL), LUYTRE_E_INVALID);
	wide = kit_observable("198.18.0.0/16");
	order = order_of(&wide);
	assert_int_equal(engine_order_try(kit.engine, &order, NULL), LUYTRE_E_PERMISSION);
	order.second_person = 8;
	assert_int_equal(engine_order_try(kit.engine, &order, NULL), 0);
	order.second_person = 0;
	engine_set_two_persons(kit.engine, 16, 48);
	assert_int_equal(engine_order_try(kit.engine, &order, NULL), 0);
	engine_position(kit.engine, &epoch, &after);
	engine_stats(kit.engine, &stats);
	assert_true(before == after && stats.records == 0);
	kit_done(&kit);
}

static void keep_last(void *context, const struct engine_change *change)
{
	*(struct engine_change *)context = *change;
}

static void what_is_told_is_numbered_with_the_others(void **state)
{
	struct engine_decision told = { .id = 5, .tenant = 17, .level = DECIDE_BLOCK, .by_person = true };
	struct engine_change last = { 0 };
	uint64_t epoch, before, after, reached;
	struct engine_decision found;

	kit_init(&kit, 2, NULL);
	engine_position(kit.engine, &epoch, &before);
	engine_announce(kit.engine, kit.now_us, ENGINE_ADD, &told);
	engine_position(kit.engine, &epoch, &after);
	assert_int_equal(after, before + 1);
	assert_int_equal(engine_changes(kit.engine, epoch, before, 10, keep_last, &last, &reached), 0);
	assert_true(reached == after && last.seq == after && last.op == ENGINE_ADD);
	assert_true(last.decision.id == 5 && last.decision.tenant == 17);
	assert_int_equal(engine_find(kit.engine, 5, &found), LUYTRE_E_NOT_FOUND); /* who decided keeps it */
	kit_done(&kit);
}

/* A deletion says when the decision would have ended: so what was lifted is told from what was over. */
static void a_deletion_knows_the_end(void **state)
{
	struct observable observable;
	struct engine_order order;
	struct engine_change last = { 0 };
	uint64_t id, epoch, number, reached;

	kit_init(&kit, 2, NULL);
	observable = kit_observable("203.0.113.1");
	order = order_of(&observable);
	assert_int_equal(engine_order(kit.engine, kit.now_us, &order, &id), 0);
	engine_position(kit.engine, &epoch, &number);
	assert_int_equal(engine_lift(kit.engine, kit.now_us, id, 7, false), 0);
	assert_int_equal(engine_changes(kit.engine, epoch, number, 10, keep_last, &last, &reached), 0);
	assert_true(last.op == ENGINE_DELETE && last.decision.expires_us == kit.now_us + 3600 * INT64_C(1000000));
	kit_done(&kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_give_each_once),
		cmocka_unit_test(trying_does_nothing),
		cmocka_unit_test(what_is_told_is_numbered_with_the_others),
		cmocka_unit_test(a_deletion_knows_the_end),
	};

	return cmocka_run_group_tests_name("people", tests, NULL, NULL);
}
