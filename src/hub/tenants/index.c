// SPDX-License-Identifier: Apache-2.0
#include "hub/tenants/index.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/error.h"
#include "hub/tenants/canon.h"

/* An address as a number; IPv4 stands in the upper 32 bits. */
typedef unsigned __int128 number;

enum { TOP_BITS = 16, TOP_COUNT = 1 << TOP_BITS };

struct span {
	number last;
	struct tenants_place place;
};

/* One for each version of the protocol. */
struct half {
	number *firsts; /* owned; first address of each span, ascending; alone, because the search reads nothing else */
	struct span *spans; /* owned; apart from each other */
	size_t count, room;
	uint32_t *top; /* owned; TOP_COUNT + 1: where spans begin that start in this part */
	unsigned int shift; /* leading bits that all first addresses share */
};

struct tenants_index {
	atomic_uint holders;
	int64_t generation;
	struct half halves[2];
};

static number number_of(const uint8_t bytes[16])
{
	number value = 0;

	for (size_t i = 0; i < 16; i++)
		value = value << 8 | bytes[i];
	return value;
}

static int half_grow(struct half *half)
{
	size_t room = half->room ? 2 * half->room : 256;
	struct span *spans = realloc(half->spans, room * sizeof(*spans));
	number *firsts;

	if (!spans)
		return LUYTRE_E_NOMEM;
	half->spans = spans;
	firsts = realloc(half->firsts, room * sizeof(*firsts));
	if (!firsts)
		return LUYTRE_E_NOMEM;
	half->firsts = firsts;
	half->room = room;
	return 0;
}

static int span_add(struct half *half, number first, const struct span *span)
{
	if (half->count > 0 && first <= half->spans[half->count - 1].last)
		return LUYTRE_E_CORRUPT;
	if (half->count == half->room) {
		int error = half_grow(half);

		if (error)
			return error;
	}
	half->firsts[half->count] = first;
	half->spans[half->count++] = *span;
	return 0;
}

static int row_add(void *context, const struct db_value *columns, size_t column_count)
{
	struct tenants_index *index = context;
	const uint8_t *first = columns[0].bytes.ptr, *last = columns[1].bytes.ptr;
	struct span span;

	if (columns[0].bytes.size != ASSET_KEY_SIZE || columns[1].bytes.size != ASSET_KEY_SIZE)
		return LUYTRE_E_CORRUPT;
	span = (struct span){
		.last = number_of(last + 1),
		.place = {
			.asset = (uint32_t)columns[2].integer,
			.system = (uint32_t)columns[3].integer,
			.tenant = (uint32_t)columns[4].integer,
			.level = (uint8_t)columns[5].integer,
			.edge_only = columns[6].integer != 0,
		},
	};
	return span_add(&index->halves[first[0] == IP_V6], number_of(first + 1), &span);
}

static uint32_t part_of(const struct half *half, number address)
{
	return (uint32_t)((number)(address << half->shift) >> (128 - TOP_BITS));
}

static int half_finish(struct half *half)
{
	size_t next = 0;

	if (half->count == 0)
		return 0;
	half->top = malloc((TOP_COUNT + 1) * sizeof(*half->top));
	if (!half->top)
		return LUYTRE_E_NOMEM;
	while (half->shift < 128 - TOP_BITS && (number)(half->firsts[0] << half->shift) >> 127 ==
						       (number)(half->firsts[half->count - 1] << half->shift) >> 127)
		half->shift++;
	for (uint32_t part = 0; part <= TOP_COUNT; part++) {
		while (next < half->count && part_of(half, half->firsts[next]) < part)
			next++;
		half->top[part] = (uint32_t)next;
	}
	return 0;
}

int tenants_index_new(struct db *db, struct tenants_index **ret)
{
	struct tenants_index *index = calloc(1, sizeof(*index));
	int error;

	if (!index)
		return LUYTRE_E_NOMEM;
	atomic_init(&index->holders, 1);
	/* The generation first: what changes between the two is read again by the next refresh. */
	error = tenants_generation(db, &index->generation);
	if (!error)
		error = db_each(db,
			"select asset.first_key, asset.last_key, asset.id, system.id, system.tenant, system.level,"
			" system.edge_only"
			" from asset join system on system.id = asset.system where asset.first_key is not null"
			" order by asset.first_key",
			DB_NO_ARGS, row_add, index);
	for (size_t i = 0; i < ARRAY_COUNT(index->halves) && !error; i++)
		error = half_finish(&index->halves[i]);
	if (error)
		tenants_index_unref(index);
	else
		*ret = index;
	return error;
}

int tenants_index_refresh(struct db *db, struct tenants_index **index)
{
	struct tenants_index *newer;
	int64_t generation = 0;
	int error = tenants_generation(db, &generation);

	if (error || (*index && (*index)->generation == generation))
		return error;
	error = tenants_index_new(db, &newer);
	if (error)
		return error;
	tenants_index_unref(*index);
	*index = newer;
	return 0;
}

struct tenants_index *tenants_index_ref(struct tenants_index *index)
{
	atomic_fetch_add_explicit(&index->holders, 1, memory_order_relaxed);
	return index;
}

void tenants_index_unref(struct tenants_index *index)
{
	if (!index || atomic_fetch_sub_explicit(&index->holders, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < ARRAY_COUNT(index->halves); i++) {
		free(index->halves[i].firsts);
		free(index->halves[i].spans);
		free(index->halves[i].top);
	}
	free(index);
}

static const struct tenants_place *half_find(const struct half *half, number address)
{
	const struct span *span;
	size_t low, high;
	uint32_t part;

	if (half->count == 0 || address < half->firsts[0] || address > half->spans[half->count - 1].last)
		return NULL;
	if (address >= half->firsts[half->count - 1])
		return &half->spans[half->count - 1].place;
	part = part_of(half, address);
	low = half->top[part];
	high = half->top[part + 1];
	while (low < high) { /* the first that begins behind the address */
		size_t middle = low + (high - low) / 2;

		if (half->firsts[middle] <= address)
			low = middle + 1;
		else
			high = middle;
	}
	span = &half->spans[low - 1];
	return address <= span->last ? &span->place : NULL;
}

const struct tenants_place *tenants_index_find(const struct tenants_index *index, const struct ip_addr *addr)
{
	uint8_t bytes[16];

	if (addr->family == IP_V6 && number_of(addr->bytes) >> 32 == 0xffff) {
		struct ip_addr inner = ip_addr_v4(addr->bytes + 12);

		return tenants_index_find(index, &inner);
	}
	memcpy(bytes, addr->bytes, sizeof(bytes));
	return half_find(&index->halves[addr->family == IP_V6], number_of(bytes));
}

size_t tenants_index_count(const struct tenants_index *index)
{
	return index->halves[0].count + index->halves[1].count;
}

size_t tenants_index_size(const struct tenants_index *index)
{
	size_t size = sizeof(*index);

	for (size_t i = 0; i < ARRAY_COUNT(index->halves); i++) {
		size += index->halves[i].room * (sizeof(number) + sizeof(struct span));
		if (index->halves[i].top)
			size += (TOP_COUNT + 1) * sizeof(uint32_t);
	}
	return size;
}
