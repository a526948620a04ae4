// SPDX-License-Identifier: Apache-2.0
/* From the engine's changes to what edges are sent. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "hub/core/internal.h"

/* In one text: what carries it to edges takes 60 KiB (hub/api/stream.h), and a change is 200 bytes at most. */
enum { TOLD_MAX = 250, BUNDLES_SIZE_MAX = 1 << 30 };

enum delta_action core_action(uint8_t level)
{
	static const uint8_t actions[DECIDE_LEVEL_COUNT] = { [DECIDE_NONE] = DELTA_WATCH,
		[DECIDE_WATCH] = DELTA_WATCH,
		[DECIDE_CHALLENGE] = DELTA_CHALLENGE,
		[DECIDE_PROVISIONAL] = DELTA_BLOCK,
		[DECIDE_BLOCK] = DELTA_BLOCK,
		[DECIDE_LONG] = DELTA_BLOCK };

	return level < DECIDE_LEVEL_COUNT ? (enum delta_action)actions[level] : DELTA_WATCH;
}

bool core_watches(const struct core *core, const struct engine_decision *decision)
{
	return core->watch_only && !decision->by_person && !decision->by_list;
}

bool core_put_of(const struct core *core, const struct engine_decision *decision, struct delta_change *ret)
{
	*ret = (struct delta_change){ .op = DELTA_PUT,
		.id = decision->id,
		.action = core_watches(core, decision) ? DELTA_WATCH : core_action(decision->level),
		.tenant = decision->tenant,
		.until_us = decision->expires_us };
	snprintf(ret->reason, sizeof(ret->reason), "%s", formula_class((enum decide_class)decision->class)->word);
	return observable_prefix(&decision->key, &ret->prefix);
}

static void add_change(void *context, const struct engine_change *change)
{
	struct core *core = context;
	struct delta *delta = core->delta;
	struct delta_change *to = &delta->changes[delta->change_count];

	trace_change(core->trace, change, (int64_t)(clock_real_ns() / NS_PER_US));
	if (!core_put_of(core, &change->decision, to))
		return;
	if (change->op == ENGINE_DELETE)
		*to = (struct delta_change){ .op = DELTA_LIFT, .id = change->decision.id };
	delta->change_count++;
}

static void send_delta(struct core *core)
{
	struct jsonw json;
	struct bytes text;

	jsonw_init(&json, DELTA_TEXT_MAX);
	delta_write(&json, core->delta);
	if (!jsonw_text(&json, &text)) {
		core->stats.deltas++;
		if (core->calls.decisions)
			core->calls.decisions(core->calls.context, text);
	}
	jsonw_done(&json);
}

/* Edges that stand before this text see by its numbers that they have missed something, and take a snapshot. */
static void send_empty(struct core *core, uint64_t epoch, uint64_t number)
{
	core->delta->epoch = epoch;
	core->delta->from = core->delta->to = number;
	core->delta->change_count = 0;
	send_delta(core);
	core->told_epoch = epoch;
	core->told_number = number;
}

/* All was lifted at once, but what people and lists ordered stands. An edge takes the new epoch as one with nothing in it, unless the
 * text begins where no edge can be: then it fetches everything. */
static void send_epoch(struct core *core, uint64_t epoch, uint64_t number)
{
	struct engine_stats stats;
	size_t live = 0;

	engine_stats(core->engine, &stats);
	for (int i = 0; i < DECIDE_LEVEL_COUNT; i++)
		live += i == DECIDE_NONE ? 0 : stats.live[i];
	live += orders_at(core->orders, 0) != NULL;
	send_empty(core, epoch, live ? number + 1 : number);
	core->told_number = number;
}

void core_tell_position(struct core *core)
{
	core_tell(core);
	send_empty(core, core->told_epoch, core->told_number);
}

void core_tell(struct core *core)
{
	uint64_t epoch, number, reached;

	engine_position(core->engine, &epoch, &number);
	if (epoch == core->told_epoch && number == core->told_number)
		return;
	/* What edges know must be known after a crash too, or the same numbers would be given out twice. A full disk does not silence the
	 * hub, though: what a person lifts has to reach the edges. The next tick tries again and logs. */
	if (journalfile_sync(core->journal)) {
		core->stats.journal_errors++;
		/* Where another hub may take over, it would not know what they have heard. */
		if (journalfile_has_copy(core->journal))
			return;
	}
	if (epoch != core->told_epoch) {
		trace_void(core->trace, epoch, (int64_t)(clock_real_ns() / NS_PER_US));
		send_epoch(core, epoch, number);
		return;
	}
	while (core->told_number < number) {
		struct delta *delta = core->delta;

		delta->epoch = epoch;
		delta->from = core->told_number;
		delta->change_count = 0;
		if (engine_changes(core->engine, epoch, core->told_number, TOLD_MAX, add_change, core, &reached) ||
			reached <= core->told_number) {
			send_empty(core, epoch, number);
			return;
		}
		delta->to = core->told_number = reached;
		send_delta(core);
	}
}

void core_set_collective(struct core *core, bool enforced, int64_t now_us)
{
	core_lock(core);
	if (core->watch_only == enforced) {
		core->watch_only = !enforced;
		engine_renew(core->engine, now_us);
	}
	core_unlock(core);
}

void core_position(struct core *core, uint64_t *ret_epoch, uint64_t *ret_number)
{
	core_lock(core);
	engine_position(core->engine, ret_epoch, ret_number);
	core_unlock(core);
}

struct recording {
	const struct core *core;
	struct delta_snapshot_writer *writer;
};

static void add_record(void *context, const struct engine_change *change)
{
	const struct recording *recording = context;
	struct delta_change put;

	if (core_put_of(recording->core, &change->decision, &put))
		delta_snapshot_put(recording->writer, &put);
}

/* Under the bundle lock. */
static int make_bundle(struct core *core, int64_t now_us, struct core_bundle **ret)
{
	struct core_bundle *bundle = calloc(1, sizeof(*bundle));
	struct bundle_file file = { .name = bytes_from_str("decisions.bin") };
	struct delta_snapshot_writer writer;
	struct recording recording = { core, &writer };
	uint8_t *text = NULL;
	size_t size = 0;
	int error;

	if (!bundle)
		return LUYTRE_E_NOMEM;
	core_lock(core);
	/* What another hub has not read is not to be at an edge before it. */
	if (journalfile_has_copy(core->journal) && journalfile_sync(core->journal)) {
		core_unlock(core);
		free(bundle);
		return LUYTRE_E_BUSY;
	}
	engine_position(core->engine, &bundle->epoch, &bundle->number);
	delta_snapshot_begin(&writer, bundle->epoch, bundle->number);
	engine_each(core->engine, add_record, &recording);
	for (size_t i = 0; orders_at(core->orders, i); i++) {
		const struct engine_change change = { .decision = *orders_at(core->orders, i) };

		add_record(&recording, &change);
	}
	core_unlock(core);
	error = delta_snapshot_end(&writer, &file.content);
	if (!error && atomic_load(&core->bundles_size) + file.content.size > BUNDLES_SIZE_MAX)
		error = LUYTRE_E_BUSY;
	if (!error)
		error = bundle_pack(bundle->number, now_us, 0, &file, 1, core->secret_key, &text, &size);
	delta_snapshot_done(&writer);
	if (error) {
		free(bundle);
		return error;
	}
	bundle->text = bytes_of(text, size);
	bundle->core = core;
	atomic_init(&bundle->ref_count, 1);
	atomic_fetch_add(&core->bundles_size, size);
	*ret = bundle;
	return 0;
}

int core_snapshot(struct core *core, int64_t now_us, struct core_bundle **ret)
{
	struct core_bundle *fresh;
	uint64_t epoch, number;
	int error = 0;

	pthread_mutex_lock(&core->bundle_lock);
	core_position(core, &epoch, &number);
	if (!core->bundle || core->bundle->epoch != epoch || core->bundle->number != number) {
		error = make_bundle(core, now_us, &fresh);
		if (!error) {
			core_bundle_unref(core->bundle);
			core->bundle = fresh;
		}
	}
	if (!error) {
		atomic_fetch_add(&core->bundle->ref_count, 1);
		*ret = core->bundle;
	}
	pthread_mutex_unlock(&core->bundle_lock);
	return error;
}

void core_bundle_unref(struct core_bundle *bundle)
{
	if (!bundle || atomic_fetch_sub(&bundle->ref_count, 1) != 1)
		return;
	atomic_fetch_sub(&bundle->core->bundles_size, bundle->text.size);
	free((void *)(uintptr_t)bundle->text.ptr);
	free(bundle);
}
