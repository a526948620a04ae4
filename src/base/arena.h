// SPDX-License-Identifier: Apache-2.0
/* An arena with a ceiling: many small allocations, one release.
 *
 * For everything that shares one lifetime (a configuration, a connection, a request): nothing is freed
 * alone, all is freed by arena_reset or arena_done. Memory is taken from the system in growing chunks, and
 * never more than the ceiling in all (16 bytes of book-keeping per chunk come on top). At the ceiling
 * arena_alloc answers null and counts the refusal, so outsiders who fill an arena cannot fill the machine.
 * The end of a chunk too short for the next allocation stays unused and counts against the ceiling.
 *
 * Not for several threads at once: each owner has an arena of its own. */
#pragma once

#include "base/bytes.h"

#define ARENA_ALIGNMENT 16

struct arena_chunk;

/* Storage belongs to the caller; the fields are for arena.c alone. */
struct arena {
	struct arena_chunk *newest; /* owned, with all older ones behind it */
	size_t position_size; /* used bytes of the newest chunk */
	size_t taken_size; /* capacity of all chunks */
	size_t ceiling_size;
	uint64_t refused_count;
};

/* Makes an empty arena; takes no memory yet, cannot fail. */
void arena_init(struct arena *arena, size_t ceiling_size);

/* Frees everything. The arena may be initialised again; a second arena_done does nothing. */
void arena_done(struct arena *arena);

/* Forgets every allocation but keeps the newest (largest) chunk for the next round. The count of refusals stays. */
void arena_reset(struct arena *arena);

/* Zero-filled memory aligned to 16, or null at the ceiling or when the system has none. A size of 0 gives a
 * distinct valid pointer. */
void *arena_alloc(struct arena *arena, size_t size);

/* As arena_alloc, but with whatever the memory held before: for room that is written at once. */
void *arena_take(struct arena *arena, size_t size);

/* Keeps the first 'kept_size' bytes of the newest allocation, which was 'memory' of 'size' bytes, and gives the rest back;
 * with 0 all of it, and 'memory' is gone. Does nothing when 'memory' is not the newest. */
void arena_trim(struct arena *arena, const void *memory, size_t size, size_t kept_size);

/* A copy of the view's bytes; null as above. */
void *arena_dup(struct arena *arena, struct bytes in);

/* A copy of the view with a NUL behind it; null as above. */
char *arena_dup_str(struct arena *arena, struct bytes in);

/* A copy of a C string; null as above. */
char *arena_strdup(struct arena *arena, const char *text);

/* Bytes taken from the system at present, never above the ceiling. */
size_t arena_taken(const struct arena *arena);

/* How many allocations were refused since arena_init. */
uint64_t arena_refused(const struct arena *arena);
