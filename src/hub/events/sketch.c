// SPDX-License-Identifier: Apache-2.0
#include "hub/events/sketch.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/table.h"
#include "hub/events/driver.h"

#define VARINT_MAX 10

struct sketch_id {
	int64_t tenant, hour;
};

struct sketches {
	struct table *by_id; /* struct sketch_id to struct sketch pointer, owned */
	struct table *hits; /* struct hit_key to struct hit_sum; null: there were too many */
	struct siphash_key key;
	uint64_t missed;
};

struct hit_key {
	uint64_t rule;
	uint32_t tenant, action;
};

struct hit_sum {
	int64_t first_us, last_us;
	uint64_t events, sum;
};

struct sketches *sketches_new(struct siphash_key key)
{
	struct sketches *sketches = calloc(1, sizeof(*sketches));

	if (!sketches)
		return NULL;
	/* One batch more than the ceiling at which the store closes the segment: two sketches for each of its events. */
	sketches->by_id = table_new(
		sizeof(struct sketch_id), sizeof(struct sketch *), SKETCH_COUNT_MAX + 2 * (size_t)EV_BATCH_MAX, key);
	sketches->hits = table_new(sizeof(struct hit_key), sizeof(struct hit_sum), SKETCH_HITS_MAX, key);
	sketches->key = key;
	if (!sketches->by_id || !sketches->hits) {
		sketches_free(sketches);
		return NULL;
	}
	return sketches;
}

static void sketch_free(struct sketch *sketch)
{
	hll_done(&sketch->sources);
	for (unsigned int i = 0; i < SKETCH_LISTS; i++)
		topk_done(&sketch->top[i]);
	free(sketch);
}

void sketches_free(struct sketches *sketches)
{
	size_t pos = 0;
	void *value;

	if (!sketches)
		return;
	while (sketches->by_id && table_next(sketches->by_id, &pos, NULL, &value))
		sketch_free(*(struct sketch **)value);
	table_free(sketches->by_id);
	table_free(sketches->hits);
	free(sketches);
}

static struct sketch *sketch_of(struct sketches *sketches, int64_t tenant, int64_t hour)
{
	struct sketch_id id = { .tenant = tenant, .hour = hour };
	struct sketch **place = table_find(sketches->by_id, &id);
	struct sketch *sketch;

	if (place)
		return *place;
	sketch = calloc(1, sizeof(*sketch));
	place = sketch ? table_insert(sketches->by_id, &id, NULL) : NULL;
	if (!place) {
		free(sketch);
		return NULL;
	}
	sketch->tenant = tenant;
	sketch->hour = hour;
	for (unsigned int i = 0; i < SKETCH_LISTS; i++)
		topk_init(&sketch->top[i], tenant == SKETCH_NATION ? SKETCH_NATION_KEYS : SKETCH_TENANT_KEYS);
	*place = sketch;
	return sketch;
}

struct keyed {
	struct topk_key key;
	uint64_t hash;
	bool present;
};

static bool sketch_add(struct sketch *sketch, const struct keyed keyed[SKETCH_LISTS], uint32_t count)
{
	bool whole = true;

	if (!sketch)
		return false;
	if (keyed[SKETCH_SRC].present && hll_add(&sketch->sources, keyed[SKETCH_SRC].hash) != 0)
		whole = false;
	for (unsigned int i = 0; i < SKETCH_LISTS; i++) {
		if (keyed[i].present && topk_add(&sketch->top[i], &keyed[i].key, keyed[i].hash, count) != 0)
			whole = false;
	}
	return whole;
}

static void add_hit(struct sketches *sketches, const struct ev_event *event)
{
	const struct hit_key key = { .rule = event->rule, .tenant = event->tenant, .action = event->action };
	bool created;
	struct hit_sum *sum = table_insert(sketches->hits, &key, &created);

	if (!sum) { /* part of them would be a wrong answer */
		table_free(sketches->hits);
		sketches->hits = NULL;
		return;
	}
	if (created || event->time_us < sum->first_us)
		sum->first_us = event->time_us;
	if (created || event->time_us > sum->last_us)
		sum->last_us = event->time_us;
	sum->events++;
	sum->sum += event->count;
}

bool sketches_have_hits(const struct sketches *sketches)
{
	return sketches->hits != NULL;
}

int sketches_hits(const struct sketches *sketches, sketch_hit_fn fn, void *context)
{
	const void *key;
	size_t pos = 0;
	void *value;
	int error = 0;

	while (!error && sketches->hits && table_next(sketches->hits, &pos, &key, &value)) {
		const struct hit_key *of = key;
		const struct hit_sum *sum = value;

		error = fn(context, &(struct ev_hit){ .rule = of->rule,
					    .tenant = of->tenant,
					    .action = (uint8_t)of->action,
					    .first_us = sum->first_us,
					    .last_us = sum->last_us,
					    .events = sum->events,
					    .sum = sum->sum });
	}
	return error;
}

void sketches_add(struct sketches *sketches, const struct ev_event *event)
{
	int64_t hour = event->time_us / EV_HOUR_US;
	struct keyed keyed[SKETCH_LISTS] = { 0 };

	if (event->rule && sketches->hits)
		add_hit(sketches, event);
	if (event->src.family != 0)
		keyed[SKETCH_SRC] = (struct keyed){ .key = sketch_key_src(&event->src), .present = true };
	if (event->rule != 0)
		keyed[SKETCH_RULE] =
			(struct keyed){ .key = sketch_key_rule(event->kind, event->rule), .present = true };
	if (event->dst_port != 0)
		keyed[SKETCH_PORT] = (struct keyed){ .key = sketch_key_port(event->dst_port), .present = true };
	for (unsigned int i = 0; i < SKETCH_LISTS; i++)
		keyed[i].hash = keyed[i].present ? sketch_hash(sketches->key, &keyed[i].key) : 0;
	if (!sketch_add(sketch_of(sketches, event->tenant, hour), keyed, event->count))
		sketches->missed++;
	if (!sketch_add(sketch_of(sketches, SKETCH_NATION, hour), keyed, event->count))
		sketches->missed++;
}

size_t sketches_count(const struct sketches *sketches)
{
	return table_count(sketches->by_id);
}

uint64_t sketches_missed(const struct sketches *sketches)
{
	return sketches->missed;
}

static int compare_sketches(const void *left, const void *right)
{
	const struct sketch *a = *(const struct sketch *const *)left, *b = *(const struct sketch *const *)right;

	if (a->tenant != b->tenant)
		return a->tenant < b->tenant ? -1 : 1;
	return (a->hour > b->hour) - (a->hour < b->hour);
}

int sketches_sorted(const struct sketches *sketches, const struct sketch ***ret, size_t *ret_count)
{
	size_t count = table_count(sketches->by_id), pos = 0, at = 0;
	const struct sketch **sorted = calloc(count + 1, sizeof(struct sketch *));
	void *value;

	if (!sorted)
		return LUYTRE_E_NOMEM;
	while (at < count && table_next(sketches->by_id, &pos, NULL, &value))
		sorted[at++] = *(struct sketch **)value;
	qsort(sorted, at, sizeof(struct sketch *), compare_sketches);
	*ret = sorted;
	*ret_count = at;
	return 0;
}

int sketches_tenants(
	const struct sketches *sketches, const struct sketch *nation, enum sketch_list list, uint32_t **ret)
{
	const struct topk *all = &nation->top[list];
	uint32_t *counts = calloc(all->count + 1, sizeof(*counts));
	size_t pos = 0;
	void *value;

	if (!counts)
		return LUYTRE_E_NOMEM;
	while (table_next(sketches->by_id, &pos, NULL, &value)) {
		const struct sketch *sketch = *(struct sketch **)value;

		if (sketch->hour != nation->hour || sketch->tenant == SKETCH_NATION)
			continue;
		for (uint32_t i = 0; i < sketch->top[list].count; i++) {
			const struct topk_entry *entry = &sketch->top[list].entries[i];
			const struct topk_entry *found = topk_find(all, &entry->key, entry->hash);

			if (found)
				counts[found - all->entries]++;
		}
	}
	*ret = counts;
	return 0;
}

static void put_big_endian(uint8_t *to, uint64_t value, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		to[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static uint64_t get_big_endian(const uint8_t *from, unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value = value << 8 | from[i];
	return value;
}

struct topk_key sketch_key_src(const struct ip_addr *src)
{
	struct topk_key key = { 0 };

	key.bytes[0] = src->family;
	memcpy(key.bytes + 1, src->bytes, sizeof(src->bytes));
	return key;
}

struct topk_key sketch_key_rule(enum ev_kind kind, uint64_t rule)
{
	struct topk_key key = { 0 };

	key.bytes[0] = (uint8_t)kind;
	put_big_endian(key.bytes + 1, rule, 8);
	return key;
}

struct topk_key sketch_key_port(uint16_t port)
{
	struct topk_key key = { 0 };

	put_big_endian(key.bytes, port, 2);
	return key;
}

struct ip_addr sketch_src_of(const struct topk_key *key)
{
	struct ip_addr src = { .family = key->bytes[0] };

	memcpy(src.bytes, key->bytes + 1, sizeof(src.bytes));
	return src;
}

uint64_t sketch_rule_of(const struct topk_key *key, uint8_t *ret_kind)
{
	*ret_kind = key->bytes[0];
	return get_big_endian(key->bytes + 1, 8);
}

uint16_t sketch_port_of(const struct topk_key *key)
{
	return (uint16_t)get_big_endian(key->bytes, 2);
}

uint64_t sketch_hash(struct siphash_key key, const struct topk_key *what)
{
	return siphash24(key, what->bytes, sizeof(what->bytes));
}

static uint8_t *put_varint(uint8_t *to, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*to++ = (uint8_t)(value | 0x80);
	*to++ = (uint8_t)value;
	return to;
}

static bool get_varint(struct cursor *cursor, uint64_t *ret)
{
	uint64_t value = 0;
	uint8_t byte = 0;

	for (unsigned int i = 0; i < VARINT_MAX; i++) {
		if (!cursor_u8(cursor, &byte))
			return false;
		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

int sketch_list_write(const struct topk *topk, const uint32_t *tenants, uint8_t **ret, size_t *ret_size)
{
	uint8_t *blob = malloc(2 * VARINT_MAX + (size_t)topk->count * (1 + TOPK_KEY_SIZE + 3 * VARINT_MAX)), *at = blob;

	if (!blob)
		return LUYTRE_E_NOMEM;
	at = put_varint(at, topk_floor(topk));
	at = put_varint(at, topk->count);
	for (uint32_t i = 0; i < topk->count; i++) {
		const struct topk_entry *entry = &topk->entries[i];
		uint8_t size = TOPK_KEY_SIZE;

		while (size > 0 && entry->key.bytes[size - 1] == 0)
			size--;
		*at++ = size;
		memcpy(at, entry->key.bytes, size);
		at = put_varint(at + size, entry->sum);
		at = put_varint(at, entry->error);
		at = put_varint(at, tenants ? tenants[i] : 0);
	}
	*ret = blob;
	*ret_size = (size_t)(at - blob);
	return 0;
}

int sketch_list_rank(struct bytes blob, int64_t tenant, struct rank *rank)
{
	struct cursor cursor = cursor_over(blob);
	uint64_t floor, count;

	if (!get_varint(&cursor, &floor) || !get_varint(&cursor, &count))
		return LUYTRE_E_CORRUPT;
	rank_list(rank, tenant, floor);
	for (; count > 0; count--) {
		struct topk_key key = { 0 };
		uint64_t sum, wrong, tenants;
		struct bytes in;
		uint8_t size;
		int error;

		if (!cursor_u8(&cursor, &size) || size > TOPK_KEY_SIZE || !cursor_take(&cursor, size, &in) ||
			!get_varint(&cursor, &sum) || !get_varint(&cursor, &wrong) || !get_varint(&cursor, &tenants) ||
			sum < floor)
			return LUYTRE_E_CORRUPT;
		if (size > 0)
			memcpy(key.bytes, in.ptr, size);
		error = rank_add(rank, &key, sum, wrong, (uint32_t)tenants);
		if (error != 0)
			return error;
	}
	return 0;
}

int sketch_topk_rank(const struct topk *topk, const uint32_t *tenants, int64_t tenant, struct rank *rank)
{
	int error = 0;

	rank_list(rank, tenant, topk_floor(topk));
	for (uint32_t i = 0; i < topk->count && error == 0; i++)
		error = rank_add(rank, &topk->entries[i].key, topk->entries[i].sum, topk->entries[i].error,
			tenants ? tenants[i] : 0);
	return error;
}
