// SPDX-License-Identifier: Apache-2.0
/* Chunks form a list from the newest to the oldest; only the newest has free space worth using. Each chunk is twice
 * as large as the one before until CHUNK_SIZE_MAX, and the last one is cut to what the ceiling leaves. */
#include "base/arena.h"

#include <stdlib.h>

#define CHUNK_SIZE_MIN 4096
#define CHUNK_SIZE_MAX ((size_t)1024 * 1024)

struct arena_chunk {
	struct arena_chunk *older; /* owned */
	size_t capacity_size;
	_Alignas(ARENA_ALIGNMENT) uint8_t data[];
};

_Static_assert(_Alignof(max_align_t) >= ARENA_ALIGNMENT, "malloc must align chunks as the arena promises");

void arena_init(struct arena *arena, size_t ceiling_size)
{
	*arena = (struct arena){ .ceiling_size = ceiling_size };
}

static void chunks_free(struct arena *arena, struct arena_chunk *chunk)
{
	while (chunk) {
		struct arena_chunk *older = chunk->older;

		arena->taken_size -= chunk->capacity_size;
		free(chunk);
		chunk = older;
	}
}

void arena_done(struct arena *arena)
{
	chunks_free(arena, arena->newest);
	arena->newest = NULL;
	arena->position_size = 0;
}

void arena_reset(struct arena *arena)
{
	if (arena->newest) {
		chunks_free(arena, arena->newest->older);
		arena->newest->older = NULL;
	}
	arena->position_size = 0;
}

static size_t min_size(size_t left, size_t right)
{
	return left < right ? left : right;
}

static bool chunk_add(struct arena *arena, size_t size)
{
	size_t left_size = arena->ceiling_size - arena->taken_size;
	size_t capacity_size =
		arena->newest ? min_size(arena->newest->capacity_size * 2, CHUNK_SIZE_MAX) : CHUNK_SIZE_MIN;
	struct arena_chunk *chunk;

	if (size > left_size)
		return false;
	if (capacity_size < size)
		capacity_size = size;
	capacity_size = min_size(capacity_size, left_size);

	chunk = malloc(sizeof(*chunk) + capacity_size);
	if (!chunk)
		return false;
	chunk->older = arena->newest;
	chunk->capacity_size = capacity_size;
	arena->newest = chunk;
	arena->position_size = 0;
	arena->taken_size += capacity_size;
	return true;
}

static bool newest_fits(const struct arena *arena, size_t size)
{
	return arena->newest && size <= arena->newest->capacity_size - arena->position_size;
}

/* The rounded size, or more than any ceiling when rounding would wrap around. */
static size_t rounded(size_t size)
{
	if (size > SIZE_MAX / 2)
		return SIZE_MAX;
	return ((size ? size : 1) + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
}

void *arena_take(struct arena *arena, size_t size)
{
	size_t rounded_size = rounded(size);
	void *memory;

	if (rounded_size > arena->ceiling_size ||
		(!newest_fits(arena, rounded_size) && !chunk_add(arena, rounded_size))) {
		arena->refused_count++;
		return NULL;
	}
	memory = arena->newest->data + arena->position_size;
	arena->position_size += rounded_size;
	return memory;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	void *memory = arena_take(arena, size);

	return memory ? memset(memory, 0, size) : NULL;
}

void arena_trim(struct arena *arena, const void *memory, size_t size, size_t kept_size)
{
	size_t taken_size = rounded(size);

	if (!arena->newest || kept_size > size || arena->position_size < taken_size ||
		arena->newest->data + (arena->position_size - taken_size) != memory)
		return;
	arena->position_size -= taken_size;
	if (kept_size != 0)
		arena->position_size += rounded(kept_size);
}

void *arena_dup(struct arena *arena, struct bytes in)
{
	void *copy = arena_alloc(arena, in.size);

	if (copy && in.size != 0)
		memcpy(copy, in.ptr, in.size);
	return copy;
}

char *arena_dup_str(struct arena *arena, struct bytes in)
{
	char *copy = in.size == SIZE_MAX ? NULL : arena_alloc(arena, in.size + 1);

	if (copy && in.size != 0)
		memcpy(copy, in.ptr, in.size);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_dup_str(arena, bytes_from_str(text));
}

size_t arena_taken(const struct arena *arena)
{
	return arena->taken_size;
}

uint64_t arena_refused(const struct arena *arena)
{
	return arena->refused_count;
}
