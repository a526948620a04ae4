// SPDX-License-Identifier: Apache-2.0
/* Entries stand in a hash table and in a list by age: the same life for all makes the oldest the next to expire. */
#include "hub/api/again.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/table.h"

const struct again_settings again_settings_default = {
	.entries_max = 16384, .bytes_max = 32 << 20, .keep_ns = 24 * 3600 * NS_PER_S
};

struct entry {
	struct entry *older, *newer;
	struct again_key key;
	uint64_t until_ns;
	bool done;
	int status;
	uint32_t sizes[4]; /* content type, etag, location, body; in 'memory' one behind the other */
	uint8_t *memory;
};

struct again {
	struct again_settings settings;
	pthread_mutex_t mutex;
	struct table *table; /* key to struct entry * */
	struct entry *oldest, *newest;
	size_t bytes;
};

struct again *again_new(const struct again_settings *settings)
{
	struct again *again = calloc(1, sizeof(*again));
	struct siphash_key key;

	if (!again)
		return NULL;
	again->settings = *settings;
	pthread_mutex_init(&again->mutex, NULL);
	if (siphash_key_random(&key) == 0)
		again->table = table_new(AGAIN_HASH_SIZE, sizeof(struct entry *), settings->entries_max, key);
	if (!again->table) {
		again_free(again);
		return NULL;
	}
	return again;
}

static size_t size_of(const struct entry *entry)
{
	return sizeof(*entry) + entry->sizes[0] + entry->sizes[1] + entry->sizes[2] + entry->sizes[3];
}

static void drop(struct again *again, struct entry *entry)
{
	*(entry->older ? &entry->older->newer : &again->oldest) = entry->newer;
	*(entry->newer ? &entry->newer->older : &again->newest) = entry->older;
	again->bytes -= size_of(entry);
	table_remove(again->table, entry->key.key);
	free(entry->memory);
	free(entry);
}

void again_free(struct again *again)
{
	if (!again)
		return;
	while (again->oldest)
		drop(again, again->oldest);
	table_free(again->table);
	pthread_mutex_destroy(&again->mutex);
	free(again);
}

/* Drops what has expired and, when room is needed, the oldest answers. False when there is none to drop. */
static bool make_room(struct again *again, uint64_t now_ns, size_t size)
{
	struct entry *entry = again->oldest;

	while (entry) {
		struct entry *next = entry->newer;
		bool full = table_count(again->table) >= again->settings.entries_max ||
			    again->bytes + size > again->settings.bytes_max;

		if (entry->until_ns > now_ns && !full)
			return true;
		/* What is being done must be found by again_keep. */
		if (entry->done)
			drop(again, entry);
		entry = next;
	}
	return table_count(again->table) < again->settings.entries_max &&
	       again->bytes + size <= again->settings.bytes_max;
}

static enum again_state copy_out(const struct entry *entry, struct again_answer *ret, void **ret_memory)
{
	size_t size = size_of(entry) - sizeof(*entry);
	struct bytes *parts[4] = { &ret->content_type, &ret->etag, &ret->location, &ret->body };
	uint8_t *memory = malloc(size + 1);

	if (!memory)
		return AGAIN_FULL;
	*ret_memory = memory;
	memcpy(memory, entry->memory, size);
	ret->status = entry->status;
	for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
		*parts[i] = bytes_of(memory, entry->sizes[i]);
		memory += entry->sizes[i];
	}
	return AGAIN_KNOWN;
}

static enum again_state add(struct again *again, const struct again_key *key, uint64_t now_ns)
{
	struct entry *entry = make_room(again, now_ns, sizeof(*entry)) ? calloc(1, sizeof(*entry)) : NULL;
	struct entry **slot = entry ? table_insert(again->table, key->key, NULL) : NULL;

	if (!slot) {
		free(entry);
		return AGAIN_FULL;
	}
	*slot = entry;
	entry->key = *key;
	entry->until_ns = now_ns + again->settings.keep_ns;
	entry->older = again->newest;
	*(again->newest ? &again->newest->newer : &again->oldest) = entry;
	again->newest = entry;
	again->bytes += sizeof(*entry);
	return AGAIN_NEW;
}

enum again_state again_begin(
	struct again *again, const struct again_key *key, uint64_t now_ns, struct again_answer *ret, void **ret_memory)
{
	enum again_state state;
	struct entry **found, *entry;

	pthread_mutex_lock(&again->mutex);
	make_room(again, now_ns, 0);
	found = table_find(again->table, key->key);
	entry = found ? *found : NULL;
	if (!entry)
		state = add(again, key, now_ns);
	else if (memcmp(entry->key.request, key->request, AGAIN_HASH_SIZE) != 0)
		state = AGAIN_OTHER;
	else
		state = entry->done ? copy_out(entry, ret, ret_memory) : AGAIN_BUSY;
	pthread_mutex_unlock(&again->mutex);
	return state;
}

/* The answer in one block; null when it is too large to keep, or without memory. */
static uint8_t *pack(const struct again_answer *answer, uint32_t sizes[4])
{
	const struct bytes *parts[4] = { &answer->content_type, &answer->etag, &answer->location, &answer->body };
	uint8_t *memory, *end;
	size_t size = 1;

	for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
		size += parts[i]->size;
	memory = size < (1 << 20) ? malloc(size) : NULL;
	end = memory;
	for (size_t i = 0; memory && i < ARRAY_COUNT(parts); i++) {
		sizes[i] = (uint32_t)parts[i]->size;
		if (parts[i]->size)
			memcpy(end, parts[i]->ptr, parts[i]->size);
		end += parts[i]->size;
	}
	return memory;
}

void again_keep(struct again *again, const struct again_key *key, const struct again_answer *answer)
{
	struct entry **found;

	pthread_mutex_lock(&again->mutex);
	found = table_find(again->table, key->key);
	if (found) {
		struct entry *entry = *found;

		again->bytes -= size_of(entry);
		entry->memory = pack(answer, entry->sizes);
		entry->status = answer->status;
		entry->done = true;
		again->bytes += size_of(entry);
		if (!entry->memory)
			drop(again, entry);
		else if (again->bytes > again->settings.bytes_max)
			make_room(again, 0, 0);
	}
	pthread_mutex_unlock(&again->mutex);
}

void again_forget(struct again *again, const struct again_key *key)
{
	struct entry **found;

	pthread_mutex_lock(&again->mutex);
	found = table_find(again->table, key->key);
	if (found)
		drop(again, *found);
	pthread_mutex_unlock(&again->mutex);
}

size_t again_count(const struct again *again)
{
	return table_count(again->table);
}
