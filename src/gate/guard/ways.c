// SPDX-License-Identifier: Apache-2.0
/* Buckets lie one behind the other; a place is its key, the time of its last use and the value. Key 0 marks an empty place. */
#include "gate/guard/ways.h"

#include <string.h>

enum { PLACES = 8 };

struct place {
	uint64_t key, used_ns;
	uint64_t value[];
};

struct ways {
	uint64_t ttl_ns;
	uint32_t bucket_count, place_size;
	uint32_t value_size, reserved;
	struct ways_counters counters;
	uint64_t places[];
};

static size_t place_size(size_t value_size)
{
	return sizeof(struct place) + (value_size + 7) / 8 * 8;
}

static size_t bucket_count(size_t count)
{
	size_t buckets = (count + PLACES - 1) / PLACES;

	return buckets == 0 ? 1 : buckets;
}

size_t ways_size(size_t value_size, size_t count)
{
	return sizeof(struct ways) + bucket_count(count) * PLACES * place_size(value_size);
}

struct ways *ways_place(void *memory, size_t value_size, size_t count, uint64_t ttl_ns)
{
	struct ways *table = memory;

	memset(memory, 0, ways_size(value_size, count));
	table->ttl_ns = ttl_ns;
	table->bucket_count = (uint32_t)bucket_count(count);
	table->place_size = (uint32_t)place_size(value_size);
	table->value_size = (uint32_t)value_size;
	return table;
}

static struct place *place_at(struct ways *table, uint64_t key, unsigned int i)
{
	size_t bucket = (size_t)(((key >> 32) * table->bucket_count) >> 32);

	return (struct place *)((uint8_t *)table->places + (bucket * PLACES + i) * table->place_size);
}

static bool is_over(const struct ways *table, const struct place *place, uint64_t now_ns)
{
	return now_ns > place->used_ns && now_ns - place->used_ns > table->ttl_ns;
}

static struct place *find(struct ways *table, uint64_t key, uint64_t now_ns)
{
	for (unsigned int i = 0; i < PLACES; i++) {
		struct place *place = place_at(table, key, i);

		if (place->key != key)
			continue;
		if (is_over(table, place, now_ns))
			return NULL;
		if (now_ns > place->used_ns)
			place->used_ns = now_ns;
		return place;
	}
	return NULL;
}

/* The place that a new key may have: its own old one, an empty one, one whose time is over, the oldest. */
static struct place *choose(struct ways *table, uint64_t key, uint64_t now_ns)
{
	struct place *oldest = place_at(table, key, 0), *over = NULL;

	for (unsigned int i = 0; i < PLACES; i++) {
		struct place *place = place_at(table, key, i);

		if (place->key == key || place->key == 0)
			return place;
		if (is_over(table, place, now_ns))
			over = place;
		if (place->used_ns < oldest->used_ns)
			oldest = place;
	}
	return over ? over : oldest;
}

void *ways_find(struct ways *table, uint64_t key, uint64_t now_ns)
{
	struct place *place = find(table, key == 0 ? 1 : key, now_ns);

	return place ? place->value : NULL;
}

void *ways_get(struct ways *table, uint64_t key, uint64_t now_ns)
{
	uint64_t wanted = key == 0 ? 1 : key;
	struct place *place = find(table, wanted, now_ns);

	if (place)
		return place->value;
	place = choose(table, wanted, now_ns);
	if (place->key != 0 && is_over(table, place, now_ns))
		table->counters.expired++;
	else if (place->key != 0)
		table->counters.evicted++;
	table->counters.created++;
	place->key = wanted;
	place->used_ns = now_ns;
	memset(place->value, 0, table->value_size);
	return place->value;
}

struct ways_counters ways_counters(const struct ways *table)
{
	return table->counters;
}

size_t ways_places(const struct ways *table)
{
	return (size_t)table->bucket_count * PLACES;
}
