// SPDX-License-Identifier: Apache-2.0
#include "hub/decide/journal.h"

#include "base/table.h"
#include "hub/decide/test-kit.h"

static void frames_come_back_and_damage_is_found(void **state)
{
	struct journal_frame frame;
	uint8_t text[2 * JOURNAL_FRAME_MAX];
	struct bytes view, payload;
	struct cursor cur;
	uint8_t type;

	journal_begin(&frame, 7);
	journal_put_u8(&frame, 1);
	journal_put_u16(&frame, 0x0203);
	journal_put_u32(&frame, 0x04050607);
	journal_put_u64(&frame, UINT64_C(0x08090a0b0c0d0e0f));
	journal_put_double(&frame, -1.5);
	view = journal_end(&frame);
	memcpy(text, view.ptr, view.size);
	for (size_t size = 0; size <= view.size; size++) {
		enum journal_status expected = size == 0           ? JOURNAL_END
					       : size == view.size ? JOURNAL_FRAME
								   : JOURNAL_TORN;

		cur = cursor_over(bytes_of(text, size));
		assert_int_equal(journal_next(&cur, &type, &payload), expected);
	}
	assert_true(type == 7 && payload.size == 1 + 2 + 4 + 8 + 8);
	for (size_t bit = 0; bit < 8 * view.size; bit++) {
		text[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cur = cursor_over(bytes_of(text, view.size));
		assert_int_equal(journal_next(&cur, &type, &payload), JOURNAL_TORN);
		text[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	journal_begin(&frame, 1);
	for (int i = 0; i <= JOURNAL_PAYLOAD_MAX; i++)
		journal_put_u8(&frame, 0);
	assert_true(bytes_empty(journal_end(&frame)));
}

/* Some days of reports of all kinds. */
static void work(struct kit *kit, uint64_t seed, int steps)
{
	for (int i = 0; i < steps; i++) {
		char addr[64];
		struct observable observable;
		struct engine_decision decision;
		uint64_t at;

		seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
		at = seed >> 20;
		if (at % 4 == 0)
			snprintf(addr, sizeof(addr), "2001:db8:0:%x::1", (unsigned int)(at / 64 % 12));
		else
			snprintf(addr, sizeof(addr), "203.0.113.%u", (unsigned int)(at / 64 % 60));
		kit_advance(kit, (int64_t)(seed % 90) * SECOND);
		observable = kit_observable(addr);
		kit_report_as(kit, 1 + (uint32_t)(seed >> 40) % 6, &observable, (uint8_t)(at / 4 % 4),
			at % 2 ? RULE_SURE : RULE_ORDINARY);
		if (engine_find_key(kit->engine, &observable.key, &decision) != 0)
			continue;
		if (at % 31 == 0)
			assert_int_equal(
				engine_veto(kit->engine, kit->now_us, decision.id, 1 + (uint32_t)(at % 6), 1), 0);
		if (at % 97 == 0 && engine_find(kit->engine, decision.id, &decision) == 0)
			assert_int_equal(engine_lift(kit->engine, kit->now_us, decision.id, 9, at % 2), 0);
	}
}

struct sums {
	size_t count;
	uint64_t sum;
	bool with_ids;
};

/* Does not depend on the order. */
static void sum_change(void *context, const struct engine_change *change)
{
	const struct engine_decision *decision = &change->decision;
	struct {
		struct observable_key key;
		uint32_t users;
		int64_t times[4];
		uint64_t levels, id;
	} fields;
	struct sums *sums = context;

	memset(&fields, 0, sizeof(fields));
	fields.key = decision->key;
	fields.users = decision->users;
	fields.times[0] = decision->first_us;
	fields.times[1] = decision->last_us;
	fields.times[2] = decision->started_us;
	fields.times[3] = decision->expires_us;
	fields.levels = (uint64_t)decision->level << 16 | (uint64_t)decision->class << 8 | decision->reporters;
	fields.id = sums->with_ids ? decision->id : 0;
	sums->count++;
	sums->sum += siphash24(kit_key, &fields, sizeof(fields));
}

static struct sums sum_of(const struct engine *engine, bool with_ids)
{
	struct sums sums = { .with_ids = with_ids };

	engine_each(engine, sum_change, &sums);
	return sums;
}

/* A second engine that has read the first one's journal; shares lists and users with it. */
static void restart(const struct kit *kit, struct bytes journal, int expected, struct kit *again)
{
	struct engine_limits limits;
	size_t valid;

	*again = (struct kit){ .now_us = kit->now_us, .users = kit->users, .shared = kit->shared };
	kit_limits(&limits);
	kit_open(again, &limits);
	assert_int_equal(engine_load(again->engine, journal, &valid), expected);
	if (expected == 0)
		assert_int_equal(valid, journal.size);
}

static void restart_done(struct kit *again)
{
	engine_free(again->engine);
	free(again->journal);
}

static void a_restart_gives_the_same_decisions(void **state)
{
	struct kit kit, again, saved = { 0 };
	struct engine_stats before, after;
	struct sums sums, other;
	uint64_t epoch[2], seq[2];

	kit_init(&kit, 6, NULL);
	work(&kit, 4711, 3000);
	sums = sum_of(kit.engine, true);
	assert_true(sums.count > 10);
	restart(&kit, bytes_of(kit.journal, kit.journal_size), 0, &again);
	other = sum_of(again.engine, true);
	assert_true(sums.count == other.count && sums.sum == other.sum);
	engine_stats(kit.engine, &before);
	engine_stats(again.engine, &after);
	assert_memory_equal(before.live, after.live, sizeof(before.live));
	assert_true(before.records == after.records && before.evidence == after.evidence);
	engine_position(kit.engine, &epoch[0], &seq[0]);
	engine_position(again.engine, &epoch[1], &seq[1]);
	assert_true(epoch[0] == epoch[1] && seq[0] == seq[1]);
	for (uint32_t tenant = 1; tenant <= 6; tenant++) {
		assert_true(reporters_trust(kit.reporters, kit.now_us, tenant) ==
			    reporters_trust(again.reporters, kit.now_us, tenant));
		assert_int_equal(reporters_alone(kit.reporters, tenant), reporters_alone(again.reporters, tenant));
	}
	/* And both go on alike; new ids may differ. */
	work(&kit, 815, 1000);
	work(&again, 815, 1000);
	sums = sum_of(kit.engine, false);
	other = sum_of(again.engine, false);
	assert_true(sums.count == other.count && sums.sum == other.sum);
	restart_done(&again);

	/* A compacted journal says the same in fewer bytes. */
	assert_int_equal(engine_save(kit.engine, kit_write, &saved), 0);
	assert_true(saved.journal_size < kit.journal_size / 4);
	restart(&kit, bytes_of(saved.journal, saved.journal_size), 0, &again);
	other = sum_of(again.engine, false);
	assert_true(sums.count == other.count && sums.sum == other.sum);
	restart_done(&again);
	free(saved.journal);

	/* Undoing everything is remembered as well. */
	engine_undo_all(kit.engine, kit.now_us, 1);
	restart(&kit, bytes_of(kit.journal, kit.journal_size), 0, &again);
	assert_int_equal(sum_of(again.engine, false).count, 0);
	engine_position(kit.engine, &epoch[0], &seq[0]);
	engine_position(again.engine, &epoch[1], &seq[1]);
	assert_true(epoch[0] == epoch[1] && seq[0] == seq[1]);
	restart_done(&again);
	kit_done(&kit);
}

/* What a consumer holds that only ever read changes. */
struct replica {
	struct table *decisions; /* struct observable_key to struct held */
	bool checking;
	size_t count;
};

struct held {
	uint64_t id;
	int64_t expires_us;
	uint64_t level;
};

static void apply(void *context, const struct engine_change *change)
{
	const struct engine_decision *decision = &change->decision;
	const struct held held = { decision->id, decision->expires_us, decision->level };
	struct replica *replica = context;
	struct held *mine = table_find(replica->decisions, &decision->key);

	if (replica->checking) {
		replica->count++;
		assert_non_null(mine);
		assert_memory_equal(mine, &held, sizeof(held));
		return;
	}
	/* One live decision a value: added once, changed and deleted only while it is there. */
	assert_int_equal(mine != NULL, change->op != ENGINE_ADD);
	if (change->op == ENGINE_DELETE) {
		table_remove(replica->decisions, &decision->key);
		return;
	}
	mine = table_insert(replica->decisions, &decision->key, NULL);
	assert_non_null(mine);
	*mine = held;
}

static void changes_add_up_to_what_a_newcomer_gets(void **state)
{
	struct replica replica = { .decisions = table_new(
					   sizeof(struct observable_key), sizeof(struct held), 1000, kit_key) };
	struct engine_stats stats;
	uint64_t epoch, seq, at = 0;
	size_t live = 0;
	struct kit kit;

	kit_init(&kit, 6, NULL);
	for (uint64_t round = 1; round <= 200; round++) {
		work(&kit, round * 977, 20);
		engine_position(kit.engine, &epoch, &seq);
		replica.checking = false;
		assert_int_equal(engine_changes(kit.engine, epoch, at, SIZE_MAX, apply, &replica, &at), 0);
		assert_int_equal(at, seq);
		replica.checking = true;
		replica.count = 0;
		engine_each(kit.engine, apply, &replica);
		assert_int_equal(replica.count, table_count(replica.decisions));
	}
	engine_stats(kit.engine, &stats);
	for (size_t level = DECIDE_WATCH; level < DECIDE_LEVEL_COUNT; level++)
		live += stats.live[level];
	assert_int_equal(live, replica.count);
	assert_true(stats.lifted > 5 && stats.vetoes > 5);
	table_free(replica.decisions);
	kit_done(&kit);
}

static void a_torn_journal_is_read_up_to_the_tear(void **state)
{
	struct cursor cur;
	struct bytes payload;
	size_t whole = 0;
	struct kit kit;
	uint8_t type;

	kit_init(&kit, 6, NULL);
	work(&kit, 99, 12);
	cur = cursor_over(bytes_of(kit.journal, kit.journal_size));
	for (size_t size = 0; size <= kit.journal_size; size++) {
		struct engine_limits limits;
		struct kit again = { .now_us = kit.now_us, .users = kit.users, .shared = kit.shared };
		size_t valid;
		int error;

		/* The next whole frame ends here? */
		if (whole < kit.journal_size && size > whole) {
			struct cursor at = cursor_over(bytes_of(kit.journal + whole, size - whole));

			if (journal_next(&at, &type, &payload) == JOURNAL_FRAME)
				whole = size;
		}
		kit_limits(&limits);
		limits.records_max = limits.evidence_max = limits.changes_max = 64;
		limits.reporters.rules_max = limits.reporters.pairs_max = limits.reporters.tenants_max = 64;
		kit_open(&again, &limits);
		error = engine_load(again.engine, bytes_of(kit.journal, size), &valid);
		assert_int_equal(error, size == whole ? 0 : LUYTRE_E_TRUNCATED);
		assert_int_equal(valid, whole);
		engine_free(again.engine);
	}
	assert_int_equal(whole, kit.journal_size);
	assert_int_equal(journal_next(&cur, &type, &payload), JOURNAL_FRAME);
	kit_done(&kit);
}

static void frames_not_understood_are_named(void **state)
{
	struct journal_frame frame;
	struct kit kit, again;

	kit_init(&kit, 2, NULL);
	journal_begin(&frame, 200);
	kit_write(&kit, journal_end(&frame));
	restart(&kit, bytes_of(kit.journal, kit.journal_size), LUYTRE_E_CORRUPT, &again);
	assert_true(reporters_known(again.reporters, 2));
	restart_done(&again);
	kit_done(&kit);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_back_and_damage_is_found),
		cmocka_unit_test(a_restart_gives_the_same_decisions),
		cmocka_unit_test(changes_add_up_to_what_a_newcomer_gets),
		cmocka_unit_test(a_torn_journal_is_read_up_to_the_tear),
		cmocka_unit_test(frames_not_understood_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
