// SPDX-License-Identifier: Apache-2.0
/* The states of a place in a line: a key (leaf not 0), free (leaf 0), or waiting (leaf 0, length LENGTH_WAITING).
 *
 * The reader compares leaf, length and key and then takes the leaf, perhaps reading it again. So a leaf may change under
 * a key at any time, but a key may not change under a reader: that is what the waiting is for. 'overflow' is only ever
 * set while packets read the table; one bit too many costs them one more line, one too few would lose a key. */
#include "shield/v6table.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "shield/bpf/lookup.h"

#define LENGTH_WAITING 0xff
#define PLACES         3
#define ROOM_MAX       512 /* lines that are searched for a free place */

struct v6table_freed {
	uint64_t time_ns;
	uint32_t line;
	uint32_t place;
};

void v6table_init(struct v6table *table, struct shield_v6_line *lines, uint32_t mask,
	const struct shield_globals *globals, uint8_t lengths[SHIELD_V6_LENGTHS_MAX], uint8_t *length_count)
{
	*table = (struct v6table){
		.lines = lines,
		.mask = mask,
		.globals = globals,
		.lengths = lengths,
		.length_count = length_count,
	};
}

void v6table_done(struct v6table *table)
{
	free(table->freed);
	table->freed = NULL;
	table->freed_first = table->freed_count = table->freed_size = 0;
}

void v6table_clear(struct v6table *table)
{
	memset(table->lines, 0, ((size_t)table->mask + 1) * sizeof(*table->lines));
	memset(table->of_length, 0, sizeof(table->of_length));
	*table->length_count = 0;
	table->count = 0;
	table->freed_first = table->freed_count = 0;
	table->published = false;
}

void v6table_publish(struct v6table *table)
{
	table->published = true;
}

/* ---- places that were freed ------------------------------------------------------------------------------------*/

static bool freed_grow(struct v6table *table)
{
	uint32_t size = table->freed_size ? table->freed_size * 2 : 64;
	struct v6table_freed *grown = malloc(size * sizeof(*grown));

	if (!grown)
		return false;
	for (uint32_t i = 0; i < table->freed_count; i++)
		grown[i] = table->freed[(table->freed_first + i) & (table->freed_size - 1)];
	free(table->freed);
	table->freed = grown;
	table->freed_first = 0;
	table->freed_size = size;
	return true;
}

/* Without memory the place stays marked as waiting until the table is built anew: lost room, no harm. */
static void freed_push(struct v6table *table, uint32_t line, uint32_t place, uint64_t now_ns)
{
	if (table->freed_count == table->freed_size && !freed_grow(table))
		return;
	table->freed[(table->freed_first + table->freed_count++) & (table->freed_size - 1)] =
		(struct v6table_freed){ .time_ns = now_ns, .line = line, .place = place };
}

static void freed_release(struct v6table *table, uint64_t now_ns)
{
	while (table->freed_count > 0) {
		const struct v6table_freed *oldest = &table->freed[table->freed_first];

		if (now_ns < oldest->time_ns || now_ns - oldest->time_ns < V6TABLE_GRACE_NS)
			return;
		__atomic_store_n(&table->lines[oldest->line].length[oldest->place], 0, __ATOMIC_RELAXED);
		table->freed_first = (table->freed_first + 1) & (table->freed_size - 1);
		table->freed_count--;
	}
}

/* ---- lengths -----------------------------------------------------------------------------------------------------*/

/* Where the list has this length, or a place in use for a length without keys (published tables keep those: taking
 * one out would move others under the reader), or the end. */
static uint32_t length_place(const struct v6table *table, uint8_t length)
{
	uint32_t count = *table->length_count, place = count;

	for (uint32_t i = 0; i < count; i++) {
		if (table->lengths[i] == length)
			return i;
		if (table->published && table->of_length[table->lengths[i]] == 0)
			place = i;
	}
	return place;
}

static bool length_fits(const struct v6table *table, uint8_t length)
{
	return length_place(table, length) < SHIELD_V6_LENGTHS_MAX;
}

/* Called before the first key of a length can be found and only when length_fits(). */
static void length_use(struct v6table *table, uint8_t length)
{
	uint32_t place = length_place(table, length), count = *table->length_count;

	if (place < count) {
		/* Readers probe the old length or the new one: the first has no keys, the second none yet. */
		__atomic_store_n(&table->lengths[place], length, __ATOMIC_RELEASE);
		return;
	}
	while (!table->published && place > 0 && table->lengths[place - 1] < length) {
		table->lengths[place] = table->lengths[place - 1];
		place--;
	}
	__atomic_store_n(&table->lengths[place], length, __ATOMIC_RELAXED);
	/* The entry before the count that makes it visible. */
	__atomic_store_n(table->length_count, (uint8_t)(count + 1), __ATOMIC_RELEASE);
}

/* ---- keys --------------------------------------------------------------------------------------------------------*/

static struct packet_addr key_of(const struct ip_prefix *prefix)
{
	struct packet_addr key;

	memcpy(key.byte, prefix->addr.bytes, sizeof(key.byte));
	return key;
}

static struct shield_v6_line *line_at(const struct v6table *table, uint32_t number)
{
	return &table->lines[number & table->mask];
}

/* Where the key is; null when it is nowhere. */
static struct shield_v6_line *key_find(const struct v6table *table, const struct ip_prefix *prefix, uint32_t *ret_place)
{
	struct packet_addr key = key_of(prefix);
	uint32_t home = (uint32_t)shield_v6_hash(table->globals, &key, prefix->length);

	for (uint32_t probe = 0; probe < SHIELD_V6_PROBES; probe++) {
		struct shield_v6_line *line = line_at(table, home + probe);

		for (uint32_t i = 0; i < PLACES; i++) {
			if (line->leaf[i] && line->length[i] == prefix->length &&
				memcmp(&line->key[i], &key, sizeof(key)) == 0) {
				*ret_place = i;
				return line;
			}
		}
		if (!line->overflow)
			return NULL;
	}
	return NULL;
}

static bool place_free(const struct shield_v6_line *line, uint32_t *ret_place)
{
	for (uint32_t i = 0; i < PLACES; i++) {
		if (!line->leaf[i] && line->length[i] != LENGTH_WAITING) {
			*ret_place = i;
			return true;
		}
	}
	return false;
}

/* The lines from 'first' on, 'count' of them, were full when a key went by. */
static void mark_overflow(struct v6table *table, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		__atomic_store_n(&line_at(table, first + i)->overflow, 1, __ATOMIC_RELAXED);
}

/* Moves a key to the free place from one of the lines before it whose keys may stand there. Gives the place that became
 * free instead, nearer to where it is wanted. */
static bool move_up(struct v6table *table, uint32_t *free_line, uint32_t *free_place)
{
	struct shield_v6_line *to = line_at(table, *free_line);

	for (uint32_t back = SHIELD_V6_PROBES - 1; back > 0; back--) {
		struct shield_v6_line *from = line_at(table, *free_line - back);

		for (uint32_t i = 0; i < PLACES; i++) {
			uint32_t home = (uint32_t)shield_v6_hash(table->globals, &from->key[i], from->length[i]);
			uint32_t distance = (*free_line - home) & table->mask;

			if (distance >= SHIELD_V6_PROBES)
				continue;
			to->key[*free_place] = from->key[i];
			to->length[*free_place] = from->length[i];
			to->leaf[*free_place] = from->leaf[i];
			mark_overflow(table, home, distance);
			from->leaf[i] = 0;
			*free_line -= back;
			*free_place = i;
			return true;
		}
	}
	return false;
}

/* All lines that the key may stand in are full: brings a free place from further on, step by step (hopscotch hashing,
 * Herlihy, Shavit and Tzafrir, DISC 2008). Only while nobody reads: a moved key leaves its place at once. */
static bool make_room(struct v6table *table, uint32_t home, uint32_t *ret_probe, uint32_t *ret_place)
{
	uint32_t line = home + SHIELD_V6_PROBES, end = home + (table->mask < ROOM_MAX ? table->mask : ROOM_MAX);

	if (table->published)
		return false;
	while ((int32_t)(end - line) >= 0 && !place_free(line_at(table, line), ret_place))
		line++;
	if ((int32_t)(end - line) < 0)
		return false;
	while (line - home >= SHIELD_V6_PROBES) {
		if (!move_up(table, &line, ret_place))
			return false;
	}
	*ret_probe = line - home;
	return true;
}

static int key_insert(struct v6table *table, const struct ip_prefix *prefix, uint32_t leaf)
{
	struct packet_addr key = key_of(prefix);
	uint32_t home = (uint32_t)shield_v6_hash(table->globals, &key, prefix->length), probe = 0, place = 0;
	struct shield_v6_line *line;

	/* A table of fewer lines than probes would be walked twice, which is harmless. */
	while (probe < SHIELD_V6_PROBES && !place_free(line_at(table, home + probe), &place))
		probe++;
	if (probe == SHIELD_V6_PROBES && !make_room(table, home, &probe, &place))
		return LUYTRE_E_FULL;
	mark_overflow(table, home, probe);
	line = line_at(table, home + probe);
	line->key[place] = key;
	__atomic_store_n(&line->length[place], prefix->length, __ATOMIC_RELAXED);
	/* Last: the key, its length and the way to it are there before the leaf makes it visible. */
	__atomic_store_n(&line->leaf[place], leaf, __ATOMIC_RELEASE);
	return 0;
}

int v6table_set(struct v6table *table, const struct ip_prefix *prefix, uint32_t leaf, uint64_t now_ns)
{
	struct shield_v6_line *line;
	uint32_t place;

	if (prefix->addr.family != IP_V6 || leaf == 0)
		return LUYTRE_E_INVALID;
	line = key_find(table, prefix, &place);
	if (line) {
		__atomic_store_n(&line->leaf[place], leaf, __ATOMIC_RELEASE);
		return 0;
	}
	freed_release(table, now_ns);
	if (!length_fits(table, prefix->length) || key_insert(table, prefix, leaf) < 0) {
		table->refused++;
		return LUYTRE_E_FULL;
	}
	/* The key may be there a moment before its length is looked for: the decision begins then. */
	length_use(table, prefix->length);
	table->of_length[prefix->length]++;
	table->count++;
	return 0;
}

bool v6table_remove(struct v6table *table, const struct ip_prefix *prefix, uint64_t now_ns)
{
	struct shield_v6_line *line;
	uint32_t place;

	if (prefix->addr.family != IP_V6)
		return false;
	line = key_find(table, prefix, &place);
	if (!line)
		return false;
	__atomic_store_n(&line->leaf[place], 0, __ATOMIC_RELEASE);
	if (table->published) {
		__atomic_store_n(&line->length[place], LENGTH_WAITING, __ATOMIC_RELAXED);
		freed_push(table, (uint32_t)(line - table->lines), place, now_ns);
	}
	table->of_length[prefix->length]--;
	table->count--;
	return true;
}

uint32_t v6table_find(const struct v6table *table, const struct ip_prefix *prefix)
{
	uint32_t place;
	const struct shield_v6_line *line = prefix->addr.family == IP_V6 ? key_find(table, prefix, &place) : NULL;

	return line ? line->leaf[place] : 0;
}
