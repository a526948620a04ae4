// SPDX-License-Identifier: Apache-2.0
/* The engine's state as frames. A record's frame holds all of it, so the last one of a slot counts. */
#include <stdlib.h>
#include <string.h>

#include "hub/decide/engine-internal.h"
#include "hub/events/event.h"

enum frame_type { FRAME_STATE = 1, FRAME_RECORD, FRAME_FORGET, FRAME_UNDO, FRAME_PACE };

void journal_emit(void *context, struct bytes frame)
{
	struct engine *engine = context;

	if (!engine->callbacks.journal || engine->loading)
		return;
	if (bytes_empty(frame) || engine->callbacks.journal(engine->callbacks.context, frame) != 0) {
		engine->stats.journal_errors++;
		engine_raise_alarm(engine, ENGINE_ALARM_JOURNAL, 0, NULL);
	}
}

static bool wanted(const struct engine *engine)
{
	return engine->callbacks.journal && !engine->loading;
}

static void put_position(struct journal_frame *frame, const struct engine *engine)
{
	journal_put_u64(frame, engine->epoch);
	journal_put_u64(frame, engine->seq);
	journal_put_u64(frame, engine->serial);
	journal_put_u64(frame, (uint64_t)engine->now_us);
}

static struct bytes state_frame(struct journal_frame *frame, const struct engine *engine)
{
	journal_begin(frame, FRAME_STATE);
	put_position(frame, engine);
	journal_put_u8(frame, engine->stopped);
	return journal_end(frame);
}

static struct bytes pace_frame(struct journal_frame *frame, int64_t minute, uint32_t count)
{
	journal_begin(frame, FRAME_PACE);
	journal_put_u64(frame, (uint64_t)minute);
	journal_put_u32(frame, count);
	return journal_end(frame);
}

static struct bytes record_frame(struct journal_frame *frame, const struct engine *engine, uint32_t slot)
{
	const struct record *record = record_at(engine, slot);
	size_t text_size = record->text ? strlen(record->text) : 0;

	journal_begin(frame, FRAME_RECORD);
	put_position(frame, engine);
	journal_put_u32(frame, slot);
	journal_put_bytes(frame, &record->key, sizeof(record->key));
	journal_put_u16(frame, (uint16_t)text_size);
	journal_put_bytes(frame, record->text, text_size);
	journal_put_u64(frame, record->serial);
	journal_put_u64(frame, (uint64_t)record->due_us);
	journal_put_u64(frame, (uint64_t)record->started_us);
	journal_put_u64(frame, (uint64_t)record->expires_us);
	journal_put_u32(frame, record->first_s);
	journal_put_u32(frame, record->last_s);
	journal_put_u32(frame, record->sighting_group);
	journal_put_u32(frame, record->users);
	journal_put_u32(frame, record->campaign);
	journal_put_u32(frame, record->spared_until_s);
	journal_put_u32(frame, record->rest_until_s);
	journal_put_double(frame, (double)record->belief);
	journal_put_u16(frame, record->offences);
	journal_put_u8(frame, record->level);
	journal_put_u8(frame, record->class);
	journal_put_u8(frame, record->flags & (uint8_t)~RECORD_COUNTED);
	journal_put_u8(frame, record->extensions);
	journal_put_u8(frame, record->evidence);
	journal_put_u8(frame, record->ref_count);
	REFS_FOR(engine, record, ref)
	{
		journal_put_u64(frame, ref->rule);
		journal_put_u32(frame, ref->tenant);
		journal_put_u32(frame, ref->edge);
		journal_put_u32(frame, ref->time_s);
		journal_put_u32(frame, ref->seen_s);
		journal_put_u16(frame, ref->weight);
		journal_put_u8(frame, ref->evidence);
		journal_put_u8(frame, ref->flags);
	}
	return journal_end(frame);
}

void journal_record(struct engine *engine, uint32_t slot)
{
	struct journal_frame frame;

	if (wanted(engine))
		journal_emit(engine, record_frame(&frame, engine, slot));
}

void journal_forget(struct engine *engine, uint32_t slot)
{
	struct journal_frame frame;

	if (!wanted(engine))
		return;
	journal_begin(&frame, FRAME_FORGET);
	put_position(&frame, engine);
	journal_put_u32(&frame, slot);
	journal_emit(engine, journal_end(&frame));
}

void journal_state(struct engine *engine)
{
	struct journal_frame frame;

	if (wanted(engine))
		journal_emit(engine, state_frame(&frame, engine));
}

void journal_undo(struct engine *engine)
{
	struct journal_frame frame;

	if (!wanted(engine))
		return;
	journal_begin(&frame, FRAME_UNDO);
	put_position(&frame, engine);
	journal_emit(engine, journal_end(&frame));
}

void journal_pace(struct engine *engine, int64_t minute, uint32_t count)
{
	struct journal_frame frame;

	if (wanted(engine) && minute != 0)
		journal_emit(engine, pace_frame(&frame, minute, count));
}

/* Remembers the first failure of the caller's function. */
struct writer {
	int (*write)(void *context, struct bytes frame);
	void *context;
	int error;
};

static void write_frame(void *context, struct bytes frame)
{
	struct writer *writer = context;

	if (writer->error)
		return;
	writer->error = bytes_empty(frame) ? LUYTRE_E_RANGE : writer->write(writer->context, frame);
}

int engine_save(const struct engine *engine, int (*write)(void *context, struct bytes frame), void *context)
{
	struct writer writer = { .write = write, .context = context };
	struct journal_frame frame;
	const struct pace *pace = &engine->pace;

	write_frame(&writer, state_frame(&frame, engine));
	reporters_save(engine->reporters, write_frame, &writer);
	for (int64_t minute = pace->minute - pace->known; minute < pace->minute && !writer.error; minute++)
		write_frame(&writer, pace_frame(&frame, minute, pace->counts[minute % PACE_MINUTES]));
	if (pace->minute != 0)
		write_frame(&writer, pace_frame(&frame, pace->minute, pace->now));
	for (uint32_t slot = 0; slot < engine->records.taken_count && !writer.error; slot++) {
		if (slab_find(&engine->records, slot))
			write_frame(&writer, record_frame(&frame, engine, slot));
	}
	return writer.error;
}

static bool get_position(struct cursor *cur, struct engine *engine)
{
	uint64_t epoch, seq, serial;
	int64_t now_us;

	if (!cursor_u64le(cur, &epoch) || !cursor_u64le(cur, &seq) || !cursor_u64le(cur, &serial) ||
		!journal_get_i64(cur, &now_us) || serial >> (64 - SLOT_BITS) != 0 || now_us < 0)
		return false;
	engine->epoch = epoch;
	engine->seq = seq;
	if (serial > engine->serial)
		engine->serial = serial;
	engine_hold_time(engine, now_us);
	return true;
}

/* An address or prefix as observable_key_of_prefix makes it. */
static bool is_canonical(const struct observable_key *key)
{
	struct observable_key again;
	struct ip_prefix prefix;

	if ((key->family != IP_V4 && key->family != IP_V6) || !observable_prefix(key, &prefix))
		return false;
	again = observable_key_of_prefix(&prefix);
	return memcmp(&again, key, sizeof(again)) == 0;
}

static bool get_text(struct cursor *cur, const struct observable_key *key, char **ret)
{
	struct observable observable;
	struct bytes text;
	uint16_t size;

	*ret = NULL;
	if (!cursor_u16le(cur, &size) || !cursor_take(cur, size, &text))
		return false;
	if (key->kind < OBSERVABLE_DOMAIN)
		return size == 0 && is_canonical(key);
	if (observable_parse((enum observable_kind)key->kind, text, &observable) != 0 ||
		memcmp(&observable.key, key, sizeof(*key)) != 0)
		return false;
	*ret = strdup(observable.text);
	return *ret != NULL;
}

static bool get_fields(struct cursor *cur, struct record *ret)
{
	double belief;
	bool fine = cursor_u64le(cur, &ret->serial) && journal_get_i64(cur, &ret->due_us) &&
		    journal_get_i64(cur, &ret->started_us) && journal_get_i64(cur, &ret->expires_us) &&
		    cursor_u32le(cur, &ret->first_s) && cursor_u32le(cur, &ret->last_s) &&
		    cursor_u32le(cur, &ret->sighting_group) && cursor_u32le(cur, &ret->users) &&
		    cursor_u32le(cur, &ret->campaign) && cursor_u32le(cur, &ret->spared_until_s) &&
		    cursor_u32le(cur, &ret->rest_until_s) && journal_get_double(cur, &belief) &&
		    cursor_u16le(cur, &ret->offences) && cursor_u8(cur, &ret->level) && cursor_u8(cur, &ret->class) &&
		    cursor_u8(cur, &ret->flags) && cursor_u8(cur, &ret->extensions) && cursor_u8(cur, &ret->evidence) &&
		    cursor_u8(cur, &ret->ref_count);

	if (!fine || !(belief >= 0 && belief <= 1))
		return false;
	ret->belief = (float)belief;
	ret->flags &= (uint8_t)~RECORD_COUNTED;
	return ret->level < DECIDE_LEVEL_COUNT && ret->class < DECIDE_CLASS_COUNT &&
	       ret->ref_count <= ENGINE_EVIDENCE_MAX && ret->evidence < EV_EVIDENCE_COUNT &&
	       ret->serial >> (64 - SLOT_BITS) == 0;
}

static bool get_refs(struct cursor *cur, struct ref *refs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct ref *ref = &refs[i];

		if (!cursor_u64le(cur, &ref->rule) || !cursor_u32le(cur, &ref->tenant) ||
			!cursor_u32le(cur, &ref->edge) || !cursor_u32le(cur, &ref->time_s) ||
			!cursor_u32le(cur, &ref->seen_s) || !cursor_u16le(cur, &ref->weight) ||
			!cursor_u8(cur, &ref->evidence) || !cursor_u8(cur, &ref->flags) ||
			ref->evidence >= EV_EVIDENCE_COUNT)
			return false;
	}
	return true;
}

/* While loading a record lies in the slab alone; index, heap and counts come at the end. */
static void forget_loaded_refs(struct engine *engine, struct record *record)
{
	while (record->refs != SLAB_NONE) {
		uint32_t index = record->refs;

		record->refs = ref_at(engine, index)->next;
		slab_give(&engine->refs, index);
	}
	record->ref_count = 0;
}

static void forget_loaded(struct engine *engine, uint32_t slot)
{
	struct record *record = slab_find(&engine->records, slot);

	if (!record)
		return;
	forget_loaded_refs(engine, record);
	free(record->text);
	slab_give(&engine->records, slot);
}

/* The list was written from its head on, and each report is put in front: so from the last to the first. */
static void hang_refs(struct engine *engine, struct record *record, const struct ref *refs, size_t count)
{
	record->refs = SLAB_NONE;
	record->ref_count = 0;
	for (size_t i = count; i > 0; i--) {
		uint32_t index = slab_take(&engine->refs);

		if (index == SLAB_NONE)
			break;
		*ref_at(engine, index) = refs[i - 1];
		ref_at(engine, index)->next = record->refs;
		record->refs = index;
		record->ref_count++;
	}
}

static bool load_record(struct engine *engine, struct cursor *cur)
{
	struct ref refs[ENGINE_EVIDENCE_MAX] = { 0 };
	struct record loaded = { 0 };
	uint32_t slot;

	if (!get_position(cur, engine) || !cursor_u32le(cur, &slot) ||
		!cursor_copy(cur, sizeof(loaded.key), &loaded.key) || loaded.key.kind == OBSERVABLE_NONE ||
		loaded.key.kind >= OBSERVABLE_KIND_COUNT || !get_text(cur, &loaded.key, &loaded.text))
		return false;
	if (!get_fields(cur, &loaded) || !get_refs(cur, refs, loaded.ref_count)) {
		free(loaded.text);
		return false;
	}
	forget_loaded(engine, slot);
	if (!slab_take_at(&engine->records, slot)) {
		free(loaded.text);
		return true; /* a smaller ceiling than before */
	}
	hang_refs(engine, &loaded, refs, loaded.ref_count);
	*record_at(engine, slot) = loaded;
	return true;
}

static bool load_pace(struct engine *engine, struct cursor *cur)
{
	int64_t minute;
	uint32_t count;

	if (!journal_get_i64(cur, &minute) || !cursor_u32le(cur, &count) || minute <= 0 ||
		minute > INT64_MAX / US_PER_MINUTE)
		return false;
	pace_restore(&engine->pace, minute, count < UINT16_MAX ? (uint16_t)count : UINT16_MAX);
	return true;
}

static bool load_undo(struct engine *engine, struct cursor *cur)
{
	if (!get_position(cur, engine))
		return false;
	for (uint32_t slot = 0; slot < engine->records.taken_count; slot++) {
		struct record *record = slab_find(&engine->records, slot);

		if (!record)
			continue;
		if (record->flags & (RECORD_PERSON | RECORD_LIST))
			forget_loaded_refs(engine, record);
		else
			forget_loaded(engine, slot);
	}
	engine->epoch++;
	engine->seq = 0;
	return true;
}

static bool load_frame(struct engine *engine, uint8_t type, struct bytes payload)
{
	struct cursor cur = cursor_over(payload);
	uint8_t stopped;
	uint32_t slot;

	switch (type) {
	case FRAME_STATE:
		if (!get_position(&cur, engine) || !cursor_u8(&cur, &stopped))
			return false;
		engine->stopped = stopped != 0;
		return true;
	case FRAME_RECORD:
		return load_record(engine, &cur);
	case FRAME_FORGET:
		if (!get_position(&cur, engine) || !cursor_u32le(&cur, &slot))
			return false;
		forget_loaded(engine, slot);
		return true;
	case FRAME_UNDO:
		return load_undo(engine, &cur);
	case FRAME_PACE:
		return load_pace(engine, &cur);
	default:
		return reporters_load(engine->reporters, type, payload);
	}
}

/* Puts a loaded record where the others find it. False when its key is there twice. */
static bool enter(struct engine *engine, uint32_t slot)
{
	if (!record_enter(engine, slot))
		return false;
	level_count(engine, slot, 1);
	level_recount(engine, slot);
	REFS_FOR(engine, record_at(engine, slot), ref)
	{
		if (ref->flags & REF_ALONE)
			voice_count_alone(engine, ref, 1);
	}
	return true;
}

int engine_load(struct engine *engine, struct bytes journal, size_t *ret_valid_size)
{
	struct cursor cur = cursor_over(journal);
	enum journal_status status;
	struct bytes payload;
	int error = 0;
	uint8_t type;

	*ret_valid_size = 0;
	engine->loading = true;
	while ((status = journal_next(&cur, &type, &payload)) == JOURNAL_FRAME) {
		if (!load_frame(engine, type, payload)) {
			error = LUYTRE_E_CORRUPT;
			break;
		}
		*ret_valid_size = journal.size - cursor_left(&cur);
	}
	slab_settle(&engine->records);
	reporters_settle(engine->reporters);
	for (uint32_t slot = 0; slot < engine->records.taken_count; slot++) {
		if (slab_find(&engine->records, slot) && !enter(engine, slot)) {
			forget_loaded(engine, slot);
			engine->stats.evicted++;
		}
	}
	engine->seq_oldest = engine->seq + 1;
	engine->loading = false;
	if (!error && status == JOURNAL_TORN)
		error = LUYTRE_E_TRUNCATED;
	return error;
}
