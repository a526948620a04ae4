// SPDX-License-Identifier: Apache-2.0
/* Items of one size with a ceiling, named by small numbers that stay the same as long as the item lives.
 *
 * Memory is taken in chunks and never moved, so a pointer lives as long as its item. A freed number is given again, the
 * latest first. Items come zeroed. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLAB_NONE UINT32_MAX

struct slab {
	uint8_t **chunks; /* owned */
	uint32_t *free_next; /* owned, beside the items: the number behind in the list of free ones */
	size_t item_size;
	uint32_t max_count, taken_count; /* taken: numbers ever given out */
	uint32_t used_count, free_head;
	uint32_t free_capacity;
};

void slab_init(struct slab *slab, size_t item_size, uint32_t max_count);
void slab_done(struct slab *slab);

/* The number of a new item; SLAB_NONE at the ceiling or without memory. */
uint32_t slab_take(struct slab *slab);

/* Makes exactly this number used, for what is loaded in any order into a slab that was never taken from otherwise; the
 * numbers between become free ones with slab_settle. False at the ceiling, without memory, or when it is used. */
bool slab_take_at(struct slab *slab, uint32_t index);
void slab_settle(struct slab *slab);

void slab_give(struct slab *slab, uint32_t index);

/* The item; only for a number that was given out. */
void *slab_at(const struct slab *slab, uint32_t index);

/* Null for a number that is not in use. */
void *slab_find(const struct slab *slab, uint32_t index);
