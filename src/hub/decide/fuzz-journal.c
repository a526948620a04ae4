// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a journal. The first byte 0: they are frames, checksums and all. Otherwise they are the payloads of
 * frames whose checksums are made here, or nothing behind a checksum would ever be reached: type, size, payload, and so
 * on. What was loaded must work: it can be asked, goes on, and gives the same again when saved. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hub/decide/engine.h"
#include "hub/decide/journal.h"

struct memory {
	uint8_t *bytes;
	size_t size, capacity;
};

static int keep(void *context, struct bytes frame)
{
	struct memory *memory = context;

	if (memory->size + frame.size > memory->capacity)
		return LUYTRE_E_FULL;
	memcpy(memory->bytes + memory->size, frame.ptr, frame.size);
	memory->size += frame.size;
	return 0;
}

static struct engine *make_engine(void)
{
	const struct siphash_key key = { 5, 6 };
	struct engine_limits limits;

	engine_limits_default(&limits);
	limits.records_max = limits.evidence_max = 64;
	limits.changes_max = 16;
	limits.reporters.tenants_max = limits.reporters.rules_max = limits.reporters.pairs_max = 64;
	return engine_new(&limits, NULL, NULL, NULL, key);
}

static void wrap(struct bytes in, struct memory *out)
{
	while (in.size >= 3) {
		struct bytes payload = bytes_first(bytes_skip(in, 3), in.ptr[1] + 256u * in.ptr[2]);
		struct journal_frame frame;

		journal_begin(&frame, in.ptr[0]);
		journal_put_bytes(&frame, payload.ptr, payload.size);
		if (keep(out, journal_end(&frame)) != 0)
			return;
		in = bytes_skip(in, 3 + payload.size);
	}
}

static void count_change(void *context, const struct engine_change *change)
{
	++*(size_t *)context;
}

static void check(struct engine *engine)
{
	struct memory saved = { .capacity = 1 << 20 };
	struct engine *again = make_engine();
	size_t count = 0, count_again = 0, valid;

	saved.bytes = malloc(saved.capacity);
	engine_each(engine, count_change, &count);
	if (again && saved.bytes && engine_save(engine, keep, &saved) == 0) {
		assert(engine_load(again, bytes_of(saved.bytes, saved.size), &valid) == 0);
		engine_each(again, count_change, &count_again);
		assert(count == count_again);
	}
	engine_tick(engine, INT64_MAX / 4);
	engine_undo_all(engine, INT64_MAX / 4, 1);
	engine_free(again);
	free(saved.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory journal = { .capacity = 1 << 20 };
	struct engine *engine;
	size_t valid = 0;

	if (size == 0 || size > 1 << 16)
		return 0;
	engine = make_engine();
	journal.bytes = malloc(journal.capacity);
	if (engine && journal.bytes) {
		if (data[0] == 0)
			keep(&journal, bytes_of(data + 1, size - 1));
		else
			wrap(bytes_of(data + 1, size - 1), &journal);
		/* Whatever it says, what was understood is in force. */
		if (engine_load(engine, bytes_of(journal.bytes, journal.size), &valid) == 0)
			assert(valid == journal.size);
		check(engine);
	}
	free(journal.bytes);
	engine_free(engine);
	return 0;
}
