// SPDX-License-Identifier: Apache-2.0
/* Linear probing with Robin Hood order: along a run of slots, entries are sorted by their home slot. So a search for
 * a missing key ends as soon as it meets an entry nearer to its home than the key would be, an insert moves the rest
 * of the run one slot on, and a removal moves it one slot back and leaves no tombstone.
 *
 * A slot is the 64-bit hash (0 means empty), the key, padding to 8, and the value padded to 8. The stored hash
 * spares most comparisons of keys, and all hashing when the table grows. */
#include "base/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define SLOT_COUNT_MIN 16
#define KEY_SIZE_MAX   1024
#define VALUE_SIZE_MAX 65536

struct table {
	uint8_t *slots; /* owned; null until the first insert */
	size_t slot_mask; /* number of slots - 1; a power of two less one */
	size_t slot_size;
	size_t key_size;
	size_t value_size;
	size_t value_offset;
	size_t count;
	size_t max_count;
	uint64_t refused_count;
	struct siphash_key hash_key;
};

static size_t round_up_8(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

struct table *table_new(size_t key_size, size_t value_size, size_t max_count, struct siphash_key hash_key)
{
	struct table *table;

	if (key_size == 0 || key_size > KEY_SIZE_MAX || value_size > VALUE_SIZE_MAX || max_count == 0)
		return NULL;
	table = calloc(1, sizeof(*table));
	if (!table)
		return NULL;
	table->key_size = key_size;
	table->value_size = value_size;
	table->value_offset = sizeof(uint64_t) + round_up_8(key_size);
	table->slot_size = table->value_offset + round_up_8(value_size);
	table->max_count = max_count;
	table->hash_key = hash_key;
	return table;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	free(table->slots);
	free(table);
}

static size_t slot_count(const struct table *table)
{
	return table->slots ? table->slot_mask + 1 : 0;
}

static uint8_t *slot_at(const struct table *table, size_t index)
{
	return table->slots + index * table->slot_size;
}

static uint64_t slot_hash(const uint8_t *slot)
{
	uint64_t hash;

	memcpy(&hash, slot, sizeof(hash));
	return hash;
}

static uint8_t *slot_key(uint8_t *slot)
{
	return slot + sizeof(uint64_t);
}

static uint64_t key_hash(const struct table *table, const void *key)
{
	uint64_t hash = siphash24(table->hash_key, key, table->key_size);

	return hash ? hash : 1;
}

/* How far the entry in slot 'index' is from its home. */
static size_t slot_distance(const struct table *table, size_t index, uint64_t hash)
{
	return (index - (size_t)hash) & table->slot_mask;
}

/* Where the key is, or where it belongs when '*ret_found' is false. Needs at least one empty slot. */
static size_t slot_search(const struct table *table, const void *key, uint64_t hash, bool *ret_found)
{
	size_t index = (size_t)hash & table->slot_mask;

	*ret_found = false;
	for (size_t distance = 0;; distance++, index = (index + 1) & table->slot_mask) {
		uint8_t *slot = slot_at(table, index);
		uint64_t present = slot_hash(slot);

		if (present == 0 || slot_distance(table, index, present) < distance)
			return index;
		if (present == hash && memcmp(slot_key(slot), key, table->key_size) == 0) {
			*ret_found = true;
			return index;
		}
	}
}

/* Moves the run that begins at 'index' one slot on, up to the next empty slot, and returns 'index' free. */
static uint8_t *slot_make_room(struct table *table, size_t index)
{
	size_t empty = index;

	while (slot_hash(slot_at(table, empty)) != 0)
		empty = (empty + 1) & table->slot_mask;
	while (empty != index) {
		size_t before = (empty - 1) & table->slot_mask;

		memcpy(slot_at(table, empty), slot_at(table, before), table->slot_size);
		empty = before;
	}
	return slot_at(table, index);
}

/* Puts a whole slot of an old array into the present one, where its key is not yet. */
static void slot_move_in(struct table *table, const uint8_t *old_slot)
{
	uint64_t hash = slot_hash(old_slot);
	size_t index = (size_t)hash & table->slot_mask;

	for (size_t distance = 0;; distance++, index = (index + 1) & table->slot_mask) {
		uint64_t present = slot_hash(slot_at(table, index));

		if (present == 0 || slot_distance(table, index, present) < distance)
			break;
	}
	memcpy(slot_make_room(table, index), old_slot, table->slot_size);
}

static int table_resize(struct table *table, size_t new_count)
{
	uint8_t *old_slots = table->slots;
	size_t old_count = slot_count(table);
	uint8_t *new_slots = calloc(new_count, table->slot_size);

	if (!new_slots)
		return LUYTRE_E_NOMEM;
	table->slots = new_slots;
	table->slot_mask = new_count - 1;
	for (size_t i = 0; i < old_count; i++) {
		const uint8_t *old_slot = old_slots + i * table->slot_size;

		if (slot_hash(old_slot) != 0)
			slot_move_in(table, old_slot);
	}
	free(old_slots);
	return 0;
}

/* At most three slots of four are used, so runs stay short and a search always meets an empty slot. */
static bool load_allows(size_t slots_count, size_t count)
{
	return count <= slots_count - slots_count / 4;
}

int table_reserve(struct table *table, size_t count)
{
	size_t wanted = slot_count(table) ? slot_count(table) : SLOT_COUNT_MIN;

	if (count > table->max_count)
		count = table->max_count;
	while (!load_allows(wanted, count)) {
		if (wanted > SIZE_MAX / 2)
			return LUYTRE_E_NOMEM;
		wanted *= 2;
	}
	return wanted == slot_count(table) ? 0 : table_resize(table, wanted);
}

void *table_find(const struct table *table, const void *key)
{
	bool found;
	size_t index;

	if (table->count == 0)
		return NULL;
	index = slot_search(table, key, key_hash(table, key), &found);
	return found ? slot_at(table, index) + table->value_offset : NULL;
}

/* Makes the entry, which the table does not hold yet; null when refused. */
static uint8_t *slot_create(struct table *table, const void *key, uint64_t hash)
{
	bool found;
	uint8_t *slot;

	if (table->count >= table->max_count || table_reserve(table, table->count + 1) < 0) {
		table->refused_count++;
		return NULL;
	}
	slot = slot_make_room(table, slot_search(table, key, hash, &found));
	memset(slot, 0, table->slot_size);
	memcpy(slot, &hash, sizeof(hash));
	memcpy(slot_key(slot), key, table->key_size);
	table->count++;
	return slot;
}

void *table_insert(struct table *table, const void *key, bool *ret_created)
{
	uint64_t hash = key_hash(table, key);
	bool found = false;
	uint8_t *slot = NULL;

	if (table->slots)
		slot = slot_at(table, slot_search(table, key, hash, &found));
	if (!found)
		slot = slot_create(table, key, hash);
	if (!slot)
		return NULL;
	if (ret_created)
		*ret_created = !found;
	return slot + table->value_offset;
}

/* Empties a slot and moves back what follows, up to an entry that is at home or an empty slot. */
static void slot_remove(struct table *table, size_t index)
{
	size_t next = (index + 1) & table->slot_mask;

	for (;; index = next, next = (next + 1) & table->slot_mask) {
		uint64_t hash = slot_hash(slot_at(table, next));

		if (hash == 0 || slot_distance(table, next, hash) == 0)
			break;
		memcpy(slot_at(table, index), slot_at(table, next), table->slot_size);
	}
	memset(slot_at(table, index), 0, sizeof(uint64_t));
	table->count--;
}

bool table_remove(struct table *table, const void *key)
{
	bool found;
	size_t index;

	if (table->count == 0)
		return false;
	index = slot_search(table, key, key_hash(table, key), &found);
	if (found)
		slot_remove(table, index);
	return found;
}

void table_clear(struct table *table)
{
	if (table->count != 0)
		memset(table->slots, 0, slot_count(table) * table->slot_size);
	table->count = 0;
}

size_t table_count(const struct table *table)
{
	return table->count;
}

uint64_t table_refused(const struct table *table)
{
	return table->refused_count;
}

bool table_next(const struct table *table, size_t *pos, const void **ret_key, void **ret_value)
{
	while (*pos < slot_count(table)) {
		uint8_t *slot = slot_at(table, (*pos)++);

		if (slot_hash(slot) == 0)
			continue;
		if (ret_key)
			*ret_key = slot_key(slot);
		if (ret_value)
			*ret_value = slot + table->value_offset;
		return true;
	}
	return false;
}

size_t table_sweep(struct table *table, size_t *pos, size_t slots_budget, table_sweep_fn expired, void *context)
{
	size_t removed_count = 0;

	for (; slots_budget > 0 && *pos < slot_count(table); slots_budget--, (*pos)++) {
		uint8_t *slot = slot_at(table, *pos);

		/* After a removal the same slot holds the next entry of the run, which is asked about as well. */
		while (slot_hash(slot) != 0 && expired(slot_key(slot), slot + table->value_offset, context)) {
			slot_remove(table, *pos);
			removed_count++;
		}
	}
	if (*pos >= slot_count(table))
		*pos = 0;
	return removed_count;
}
