// SPDX-License-Identifier: Apache-2.0
/* A binary heap by sum, and a small hash table from keys to positions in the heap. */
#include "hub/events/topk.h"

#include <stdlib.h>

#include "base/error.h"

#define ROOM_MIN 8u

void topk_init(struct topk *topk, uint32_t capacity)
{
	*topk = (struct topk){ .capacity = capacity > TOPK_CAPACITY_MAX ? TOPK_CAPACITY_MAX : capacity };
}

void topk_done(struct topk *topk)
{
	free(topk->entries);
	free(topk->slots);
	topk_init(topk, topk->capacity);
}

/* The slot that holds the key, or the empty one where it would go. */
static uint32_t slot_of(const struct topk *topk, const struct topk_key *key, uint32_t hash)
{
	uint32_t slot = hash & topk->slot_mask;

	for (; topk->slots[slot] != 0; slot = (slot + 1) & topk->slot_mask) {
		const struct topk_entry *entry = &topk->entries[topk->slots[slot] - 1];

		if (entry->hash == hash && memcmp(&entry->key, key, sizeof(*key)) == 0)
			break;
	}
	return slot;
}

static uint32_t slot_at(const struct topk *topk, uint32_t position)
{
	uint32_t slot = topk->entries[position].hash & topk->slot_mask;

	while (topk->slots[slot] != position + 1)
		slot = (slot + 1) & topk->slot_mask;
	return slot;
}

/* Moves later entries of the same run back, so that no tombstones are needed. */
static void slot_remove(struct topk *topk, uint32_t slot)
{
	uint32_t hole = slot;

	topk->slots[hole] = 0;
	for (uint32_t next = (slot + 1) & topk->slot_mask; topk->slots[next] != 0;
		next = (next + 1) & topk->slot_mask) {
		uint32_t home = topk->entries[topk->slots[next] - 1].hash & topk->slot_mask;

		/* It may move when its home does not lie behind the hole. */
		if (((next - home) & topk->slot_mask) >= ((next - hole) & topk->slot_mask)) {
			topk->slots[hole] = topk->slots[next];
			topk->slots[next] = 0;
			hole = next;
		}
	}
}

static void swap(struct topk *topk, uint32_t a, uint32_t b)
{
	uint32_t slot_a = slot_at(topk, a), slot_b = slot_at(topk, b);
	struct topk_entry entry = topk->entries[a];

	topk->entries[a] = topk->entries[b];
	topk->entries[b] = entry;
	topk->slots[slot_a] = (uint16_t)(b + 1);
	topk->slots[slot_b] = (uint16_t)(a + 1);
}

static void sift_down(struct topk *topk, uint32_t at)
{
	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= topk->count)
			return;
		if (child + 1 < topk->count && topk->entries[child + 1].sum < topk->entries[child].sum)
			child++;
		if (topk->entries[at].sum <= topk->entries[child].sum)
			return;
		swap(topk, at, child);
		at = child;
	}
}

static void sift_up(struct topk *topk, uint32_t at)
{
	while (at > 0 && topk->entries[at].sum < topk->entries[(at - 1) / 2].sum) {
		swap(topk, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
}

static int grow(struct topk *topk)
{
	uint32_t room = topk->room == 0 ? ROOM_MIN : 2 * topk->room;
	uint32_t slot_count = 2 * ROOM_MIN;
	struct topk_entry *entries;
	uint16_t *slots;

	if (room > topk->capacity)
		room = topk->capacity;
	while (slot_count < 2 * room)
		slot_count *= 2;
	slots = calloc(slot_count, sizeof(*slots));
	entries = slots ? realloc(topk->entries, room * sizeof(*entries)) : NULL;
	if (!entries) {
		free(slots);
		return LUYTRE_E_NOMEM;
	}
	free(topk->slots);
	topk->entries = entries;
	topk->slots = slots;
	topk->room = room;
	topk->slot_mask = slot_count - 1;
	for (uint32_t i = 0; i < topk->count; i++)
		slots[slot_of(topk, &entries[i].key, entries[i].hash)] = (uint16_t)(i + 1);
	return 0;
}

static void take_over_smallest(struct topk *topk, const struct topk_key *key, uint32_t hash, uint64_t weight)
{
	uint64_t floor = topk->entries[0].sum;

	slot_remove(topk, slot_at(topk, 0));
	topk->entries[0] = (struct topk_entry){ .key = *key, .hash = hash, .sum = floor + weight, .error = floor };
	topk->slots[slot_of(topk, key, hash)] = 1;
	topk->evicted = true;
	sift_down(topk, 0);
}

int topk_add(struct topk *topk, const struct topk_key *key, uint64_t hash, uint64_t weight)
{
	uint32_t low = (uint32_t)hash, slot;

	if (topk->room > 0) {
		slot = slot_of(topk, key, low);
		if (topk->slots[slot] != 0) {
			uint32_t at = topk->slots[slot] - 1u;

			topk->entries[at].sum += weight;
			sift_down(topk, at);
			return 0;
		}
	}
	if (topk->count == topk->capacity) {
		take_over_smallest(topk, key, low, weight);
		return 0;
	}
	if (topk->count == topk->room) {
		int error = grow(topk);

		if (error != 0)
			return error;
	}
	topk->entries[topk->count] = (struct topk_entry){ .key = *key, .hash = low, .sum = weight };
	topk->slots[slot_of(topk, key, low)] = (uint16_t)(topk->count + 1);
	topk->count++;
	sift_up(topk, topk->count - 1);
	return 0;
}

const struct topk_entry *topk_find(const struct topk *topk, const struct topk_key *key, uint64_t hash)
{
	uint32_t slot;

	if (topk->room == 0)
		return NULL;
	slot = slot_of(topk, key, (uint32_t)hash);
	return topk->slots[slot] == 0 ? NULL : &topk->entries[topk->slots[slot] - 1];
}

uint64_t topk_floor(const struct topk *topk)
{
	return topk->evicted ? topk->entries[0].sum : 0;
}
