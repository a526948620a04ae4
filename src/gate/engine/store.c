// SPDX-License-Identifier: Apache-2.0
/* Persistent collections (IP, SESSION, ...) of one worker: records of named fields, in memory, with a ceiling.
 *
 * A record is forgotten when nobody wrote to it for its timeout: a sweep over a few slots of the table for each new record finds
 * those. When there is no room, the one of them that would be forgotten first goes. A record that a transaction has open stays. */
#include <stdlib.h>

#include "base/siphash.h"
#include "gate/engine/internal.h"
#include "gate/engine/keys.h"

#define FIELDS_MAX     64
#define NAME_MAX_SIZE  128
#define VALUE_MAX_SIZE 1024
#define SWEEP_SLOTS    64
/* Of all names and values of a worker, with what keeping them costs. */
#define BYTES_MAX ((size_t)64 << 20)

struct store_field {
	struct store_field *next;
	uint64_t expires_s; /* UINT64_MAX: with the record */
	size_t name_size, value_size;
	uint8_t *value; /* owned */
	uint8_t name[NAME_MAX_SIZE];
};

struct store_record {
	struct store *store;
	struct store_field *fields;
	uint64_t hash[2];
	uint32_t users; /* transactions that have it open */
	uint32_t field_count;
	uint64_t expires_s;
	uint32_t timeout_s;
};

struct store {
	struct table *table; /* key: a hash of collection and key, 16 bytes */
	struct siphash_key hash[2];
	size_t records_max;
	size_t sweep;
	size_t bytes;
	uint64_t now_s;
	struct store_record *oldest; /* of those that a sweep saw */
	uint64_t evicted, refused;
};

struct store *persist_new(size_t records_max)
{
	struct store *store = calloc(1, sizeof(*store));
	struct siphash_key key;

	if (!store || siphash_key_random(&key) < 0 || siphash_key_random(&store->hash[0]) < 0 ||
		siphash_key_random(&store->hash[1]) < 0) {
		free(store);
		return NULL;
	}
	store->records_max = records_max;
	store->table = table_new(2 * sizeof(uint64_t), sizeof(struct store_record *), records_max, key);
	if (!store->table) {
		free(store);
		return NULL;
	}
	return store;
}

static size_t field_size(size_t value_size)
{
	return sizeof(struct store_field) + value_size;
}

static void field_free(struct store *store, struct store_field *field)
{
	store->bytes -= field_size(field->value_size);
	free(field->value);
	free(field);
}

static void record_free(struct store_record *record)
{
	while (record->fields) {
		struct store_field *field = record->fields;

		record->fields = field->next;
		field_free(record->store, field);
	}
	free(record);
}

void persist_free(struct store *store)
{
	size_t position = 0;
	void *value;

	if (!store)
		return;
	while (table_next(store->table, &position, NULL, &value))
		record_free(*(struct store_record **)value);
	table_free(store->table);
	free(store);
}

static bool is_old(const void *key, void *value, void *context)
{
	struct store_record *record = *(struct store_record **)value;
	struct store *store = context;

	(void)key;
	if (record->users != 0)
		return false;
	if (record->expires_s > store->now_s) {
		if (!store->oldest || record->expires_s < store->oldest->expires_s)
			store->oldest = record;
		return false;
	}
	record_free(record);
	store->evicted++;
	return true;
}

/* Of collections and sites with the same key, each has its own. */
static void hash_of(
	const struct store *store, struct bytes site, enum variable collection, struct bytes key, uint64_t ret[2])
{
	for (unsigned int i = 0; i < 2; i++) {
		struct siphash_key inner = store->hash[i];

		inner.k0 ^= siphash24(store->hash[i], site.ptr, site.size);
		inner.k1 += (uint64_t)collection;
		ret[i] = siphash24(inner, key.ptr, key.size);
	}
}

/* Looks at a few records on, and makes room where there is none. */
static void make_room(struct store *store, uint64_t now_s)
{
	store->now_s = now_s;
	store->oldest = NULL;
	table_sweep(store->table, &store->sweep, SWEEP_SLOTS, is_old, store);
	if (!store->oldest || (table_count(store->table) < store->records_max && store->bytes < BYTES_MAX))
		return;
	if (table_remove(store->table, store->oldest->hash)) {
		record_free(store->oldest);
		store->evicted++;
	}
}

static struct store_record *make_record(struct store *store, const uint64_t hash[2], uint64_t now_s)
{
	struct store_record *record = calloc(1, sizeof(*record));
	struct store_record **place;

	make_room(store, now_s);
	place = record ? table_insert(store->table, hash, NULL) : NULL;
	if (!place) {
		store->refused++;
		free(record);
		return NULL;
	}
	record->store = store;
	memcpy(record->hash, hash, sizeof(record->hash));
	*place = record;
	return record;
}

struct store_record *persist_open(struct store *store, struct bytes site, enum variable collection, struct bytes key,
	bool create, uint64_t now_s, uint32_t timeout_s)
{
	uint64_t hash[2];
	struct store_record **place, *record;

	hash_of(store, site, collection, key, hash);
	place = table_find(store->table, hash);
	record = place ? *place : create ? make_record(store, hash, now_s) : NULL;
	if (!record)
		return NULL;
	/* What was forgotten and is still here, because no sweep came by, is made anew. */
	while (record->expires_s <= now_s && record->users == 0 && record->fields) {
		struct store_field *field = record->fields;

		record->fields = field->next;
		record->field_count--;
		field_free(store, field);
	}
	record->users++;
	record->timeout_s = timeout_s;
	record->expires_s = now_s + timeout_s;
	return record;
}

void persist_close(struct store_record *record)
{
	if (record)
		record->users--;
}

static struct store_field *find(struct store_record *record, struct bytes name)
{
	for (struct store_field *field = record->fields; field; field = field->next) {
		if (key_equal(bytes_of(field->name, field->name_size), name))
			return field;
	}
	return NULL;
}

bool persist_get(struct store_record *record, struct bytes name, uint64_t now_s, struct bytes *ret)
{
	struct store_field *field = find(record, name);

	if (!field || field->expires_s <= now_s)
		return false;
	*ret = bytes_of(field->value, field->value_size);
	return true;
}

void persist_set(
	struct store *store, struct store_record *record, struct bytes name, struct bytes value, uint64_t now_s)
{
	struct store_field *field = find(record, name);
	uint8_t *copy;

	if (name.size > NAME_MAX_SIZE || value.size > VALUE_MAX_SIZE || store->bytes >= BYTES_MAX ||
		(!field && record->field_count == FIELDS_MAX)) {
		store->refused++;
		return;
	}
	copy = malloc(value.size + 1);
	if (!field && copy) {
		field = calloc(1, sizeof(*field));
		if (field) {
			if (name.size != 0)
				memcpy(field->name, name.ptr, name.size);
			store->bytes += field_size(0);
			field->name_size = name.size;
			field->expires_s = UINT64_MAX;
			field->next = record->fields;
			record->fields = field;
			record->field_count++;
		}
	}
	if (!copy || !field) {
		free(copy);
		store->refused++;
		return;
	}
	if (value.size != 0)
		memcpy(copy, value.ptr, value.size);
	if (field->expires_s <= now_s)
		field->expires_s = UINT64_MAX;
	free(field->value);
	store->bytes += value.size - field->value_size;
	field->value = copy;
	field->value_size = value.size;
	record->expires_s = now_s + record->timeout_s;
}

void persist_unset(struct store_record *record, struct bytes name)
{
	for (struct store_field **link = &record->fields; *link; link = &(*link)->next) {
		struct store_field *field = *link;

		if (!key_equal(bytes_of(field->name, field->name_size), name))
			continue;
		*link = field->next;
		record->field_count--;
		field_free(record->store, field);
		return;
	}
}

void persist_expire(struct store_record *record, struct bytes name, uint64_t at_s)
{
	struct store_field *field = find(record, name);

	if (field)
		field->expires_s = at_s;
}

void persist_each(struct store_record *record, uint64_t now_s,
	void (*each)(void *context, struct bytes name, struct bytes value), void *context)
{
	for (const struct store_field *field = record->fields; field; field = field->next) {
		if (field->expires_s > now_s)
			each(context, bytes_of(field->name, field->name_size),
				bytes_of(field->value, field->value_size));
	}
}

void persist_counters(const struct store *store, struct gate_counters *counters)
{
	counters->collections_refused = store->refused;
	counters->collections_evicted = store->evicted;
}
