// SPDX-License-Identifier: Apache-2.0
#include "hub/decide/slab.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_ITEMS 4096u
#define IN_USE      (UINT32_MAX - 1) /* in free_next: not free */

void slab_init(struct slab *slab, size_t item_size, uint32_t max_count)
{
	*slab = (struct slab){ .item_size = item_size, .free_head = SLAB_NONE };
	slab->max_count = max_count < IN_USE - CHUNK_ITEMS ? max_count : IN_USE - CHUNK_ITEMS;
}

void slab_done(struct slab *slab)
{
	for (uint32_t i = 0; slab->chunks && i * CHUNK_ITEMS < slab->free_capacity; i++)
		free(slab->chunks[i]);
	free(slab->chunks);
	free(slab->free_next);
	*slab = (struct slab){ .free_head = SLAB_NONE };
}

static bool grow(struct slab *slab)
{
	uint32_t chunk = slab->free_capacity / CHUNK_ITEMS, capacity = slab->free_capacity + CHUNK_ITEMS;
	uint32_t left = slab->max_count - slab->free_capacity;
	uint32_t *free_next = realloc(slab->free_next, capacity * sizeof(*free_next));
	uint8_t **chunks;

	if (!free_next)
		return false;
	slab->free_next = free_next;
	chunks = realloc(slab->chunks, (chunk + 1) * sizeof(*chunks));
	if (!chunks)
		return false;
	slab->chunks = chunks;
	chunks[chunk] = malloc((left < CHUNK_ITEMS ? left : CHUNK_ITEMS) * slab->item_size);
	if (!chunks[chunk])
		return false;
	slab->free_capacity = capacity;
	return true;
}

static void begin_item(struct slab *slab, uint32_t index)
{
	slab->free_next[index] = IN_USE;
	slab->used_count++;
	memset(slab_at(slab, index), 0, slab->item_size);
}

uint32_t slab_take(struct slab *slab)
{
	uint32_t index = slab->free_head;

	if (index != SLAB_NONE) {
		slab->free_head = slab->free_next[index];
	} else {
		if (slab->taken_count >= slab->max_count || (slab->taken_count == slab->free_capacity && !grow(slab)))
			return SLAB_NONE;
		index = slab->taken_count++;
	}
	begin_item(slab, index);
	return index;
}

bool slab_take_at(struct slab *slab, uint32_t index)
{
	if (index >= slab->max_count)
		return false;
	while (slab->taken_count <= index) {
		if (slab->taken_count == slab->free_capacity && !grow(slab))
			return false;
		slab->free_next[slab->taken_count++] = SLAB_NONE;
	}
	if (slab->free_next[index] == IN_USE)
		return false;
	begin_item(slab, index);
	return true;
}

void slab_settle(struct slab *slab)
{
	slab->free_head = SLAB_NONE;
	for (uint32_t i = slab->taken_count; i > 0; i--) {
		if (slab->free_next[i - 1] == IN_USE)
			continue;
		slab->free_next[i - 1] = slab->free_head;
		slab->free_head = i - 1;
	}
}

void slab_give(struct slab *slab, uint32_t index)
{
	slab->free_next[index] = slab->free_head;
	slab->free_head = index;
	slab->used_count--;
}

void *slab_at(const struct slab *slab, uint32_t index)
{
	return slab->chunks[index / CHUNK_ITEMS] + (index % CHUNK_ITEMS) * slab->item_size;
}

void *slab_find(const struct slab *slab, uint32_t index)
{
	if (index >= slab->taken_count || slab->free_next[index] != IN_USE)
		return NULL;
	return slab_at(slab, index);
}
