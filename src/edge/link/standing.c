// SPDX-License-Identifier: Apache-2.0
#include "edge/link/standing.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"

/* Keys of tables are compared byte by byte: made by make_key, which clears the padding. */
struct place_key {
	struct ip_prefix prefix;
	uint32_t tenant;
};

struct place {
	uint32_t count; /* decisions about it */
	uint64_t id; /* of the one that lasts longest */
};

struct entry {
	struct ip_prefix prefix;
	uint8_t action;
	bool vetoed;
	uint32_t tenant;
	int64_t until_us;
	char reason[DELTA_REASON_SIZE];
};

struct standing {
	struct table *entries; /* uint64_t id -> struct entry */
	struct table *places; /* struct place_key -> struct place; of blocks */
	const struct ip_prefix *never; /* borrowed */
	size_t never_count;
	standing_veto_fn veto;
	void *veto_context;
	size_t sweep_pos;
	struct standing_stats stats;
};

struct standing *standing_new(size_t max_count)
{
	struct standing *standing = calloc(1, sizeof(*standing));
	struct siphash_key key;

	if (!standing || siphash_key_random(&key)) {
		free(standing);
		return NULL;
	}
	standing->entries = table_new(sizeof(uint64_t), sizeof(struct entry), max_count, key);
	standing->places = table_new(sizeof(struct place_key), sizeof(struct place), max_count, key);
	if (!standing->entries || !standing->places) {
		standing_free(standing);
		return NULL;
	}
	return standing;
}

void standing_free(struct standing *standing)
{
	if (!standing)
		return;
	table_free(standing->entries);
	table_free(standing->places);
	free(standing);
}

static void make_key(const struct entry *entry, struct place_key *ret)
{
	memset(ret, 0, sizeof(*ret));
	memcpy(&ret->prefix, &entry->prefix, sizeof(ret->prefix));
	ret->tenant = entry->tenant;
}

static bool same_place(const struct place_key *left, const struct place_key *right)
{
	return left->tenant == right->tenant && ip_prefix_equal(&left->prefix, &right->prefix);
}

static bool is_for_shield(const struct entry *entry)
{
	uint8_t widest = entry->prefix.addr.family == IP_V4 ? STANDING_WIDEST_V4 : STANDING_WIDEST_V6;

	return entry->action == DELTA_BLOCK && !entry->vetoed && entry->prefix.length >= widest;
}

static void emit_entry(enum delta_op op, const struct entry *entry, standing_emit_fn emit, void *context)
{
	struct link_change change = { .prefix = entry->prefix,
		.op = (uint8_t)op,
		.list = LINK_LIST_HUB,
		.tenant = entry->tenant,
		.until_us = entry->until_us };

	memcpy(change.reason, entry->reason, sizeof(change.reason));
	emit(context, &change);
}

/* Rare: several decisions about the same, and the longest of them is gone. */
static uint64_t find_longest(const struct standing *standing, const struct place_key *key)
{
	const void *id;
	void *value;
	size_t pos = 0;
	uint64_t best = 0;
	int64_t best_us = 0;

	while (table_next(standing->entries, &pos, &id, &value)) {
		const struct entry *entry = value;
		struct place_key other;

		make_key(entry, &other);
		if (!is_for_shield(entry) || !same_place(&other, key))
			continue;
		if (!best || entry->until_us > best_us)
			memcpy(&best, id, sizeof(best));
		if (entry->until_us > best_us)
			best_us = entry->until_us;
	}
	return best;
}

/* 'gone' is not among the entries any more. */
static void leave_place(
	struct standing *standing, uint64_t id, const struct entry *gone, standing_emit_fn emit, void *context)
{
	struct place_key key;
	struct place *place;

	if (!is_for_shield(gone))
		return;
	make_key(gone, &key);
	place = table_find(standing->places, &key);
	if (!place)
		return;
	if (--place->count == 0) {
		table_remove(standing->places, &key);
		if (emit)
			emit_entry(DELTA_LIFT, gone, emit, context);
		return;
	}
	if (place->id != id)
		return;
	place->id = find_longest(standing, &key);
	if (emit && place->id)
		emit_entry(DELTA_PUT, table_find(standing->entries, &place->id), emit, context);
}

static void lift(struct standing *standing, uint64_t id, standing_emit_fn emit, void *context)
{
	const struct entry *found = table_find(standing->entries, &id);
	struct entry gone;

	if (!found)
		return;
	gone = *found;
	table_remove(standing->entries, &id);
	leave_place(standing, id, &gone, emit, context);
}

static void put(struct standing *standing, uint64_t id, const struct entry *fresh, standing_emit_fn emit, void *context)
{
	struct entry *entry = table_insert(standing->entries, &id, NULL);
	const struct entry *longest;
	struct place_key key;
	struct place *place;

	if (!entry) {
		standing->stats.refused++;
		return;
	}
	*entry = *fresh;
	if (!is_for_shield(fresh)) {
		standing->stats.unplaced += !fresh->vetoed;
		return;
	}
	make_key(fresh, &key);
	place = table_insert(standing->places, &key, NULL);
	if (!place) {
		table_remove(standing->entries, &id);
		standing->stats.refused++;
		return;
	}
	longest = place->count++ ? table_find(standing->entries, &place->id) : NULL;
	if (longest && longest->until_us >= fresh->until_us)
		return;
	place->id = id;
	if (emit)
		emit_entry(DELTA_PUT, fresh, emit, context);
}

/* A change of a decision that keeps its place is a put over the old one: no packet gets through between. */
static bool changes_in_place(const struct standing *standing, uint64_t id, const struct entry *fresh)
{
	const struct entry *old = table_find(standing->entries, &id);
	const struct place *place;
	struct place_key key, fresh_key;

	if (!old || !is_for_shield(old) || !is_for_shield(fresh))
		return false;
	make_key(old, &key);
	make_key(fresh, &fresh_key);
	place = table_find(standing->places, &key);
	return place && place->count == 1 && same_place(&key, &fresh_key);
}

void standing_set_never(
	struct standing *standing, const struct ip_prefix *prefixes, size_t count, standing_veto_fn veto, void *context)
{
	standing->never = prefixes;
	standing->never_count = count;
	standing->veto = veto;
	standing->veto_context = context;
}

/* One that is refused already is not told of again. */
static void judge(struct standing *standing, uint64_t id, struct entry *fresh)
{
	const struct entry *old = table_find(standing->entries, &id);

	for (size_t i = 0; fresh->action == DELTA_BLOCK && i < standing->never_count && !fresh->vetoed; i++)
		fresh->vetoed = ip_prefix_covers(&standing->never[i], &fresh->prefix) ||
				ip_prefix_covers(&fresh->prefix, &standing->never[i]);
	if (!fresh->vetoed || (old && old->vetoed))
		return;
	standing->stats.vetoed++;
	if (standing->veto)
		standing->veto(standing->veto_context, id);
}

void standing_apply(struct standing *standing, const struct delta_change *change, int64_t now_us, standing_emit_fn emit,
	void *context)
{
	struct entry fresh = { .prefix = change->prefix,
		.action = (uint8_t)change->action,
		.tenant = change->tenant,
		.until_us = change->until_us };

	if (change->op == DELTA_LIFT || change->until_us <= now_us) {
		lift(standing, change->id, emit, context);
		return;
	}
	memcpy(fresh.reason, change->reason, sizeof(fresh.reason));
	judge(standing, change->id, &fresh);
	if (changes_in_place(standing, change->id, &fresh)) {
		*(struct entry *)table_find(standing->entries, &change->id) = fresh;
		if (emit)
			emit_entry(DELTA_PUT, &fresh, emit, context);
		return;
	}
	lift(standing, change->id, emit, context);
	put(standing, change->id, &fresh, emit, context);
}

void standing_clear(struct standing *standing)
{
	table_clear(standing->entries);
	table_clear(standing->places);
	standing->sweep_pos = 0;
}

void standing_each(const struct standing *standing, int64_t now_us, standing_emit_fn emit, void *context)
{
	void *value;
	size_t pos = 0;

	while (table_next(standing->places, &pos, NULL, &value)) {
		const struct place *place = value;
		const struct entry *entry = table_find(standing->entries, &place->id);

		if (entry && entry->until_us > now_us)
			emit_entry(DELTA_PUT, entry, emit, context);
	}
}

enum { EXPIRED_MAX = 256 };

struct expiry {
	int64_t now_us;
	size_t count;
	uint64_t ids[EXPIRED_MAX];
};

/* Removing belongs to lift, which needs the place as well: here they are only noted. */
static bool note_expired(const void *key, void *value, void *context)
{
	struct expiry *expiry = context;
	const struct entry *entry = value;

	if (entry->until_us <= expiry->now_us && expiry->count < EXPIRED_MAX)
		memcpy(&expiry->ids[expiry->count++], key, sizeof(uint64_t));
	return false;
}

void standing_expire(struct standing *standing, int64_t now_us, size_t slots_budget)
{
	struct expiry expiry = { .now_us = now_us };

	table_sweep(standing->entries, &standing->sweep_pos, slots_budget, note_expired, &expiry);
	for (size_t i = 0; i < expiry.count; i++)
		lift(standing, expiry.ids[i], NULL, NULL);
}

uint64_t standing_find(const struct standing *standing, const struct ip_addr *addr)
{
	struct entry entry = { .prefix = ip_prefix_of_addr(addr) };
	const struct place *place;
	struct place_key key;

	make_key(&entry, &key);
	place = table_find(standing->places, &key);
	return place ? place->id : 0;
}

void standing_read_stats(const struct standing *standing, struct standing_stats *ret)
{
	*ret = standing->stats;
	ret->count = table_count(standing->entries);
}
