// SPDX-License-Identifier: Apache-2.0
/* Keys of TX that the rules name are interned when the plan is made: at run time a number takes the place of a look-up. Names that
 * come out of macros are looked up here first, so that `tx.%{rule.id}` and `tx.123` mean the same. */
#include "gate/engine/keys.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "base/error.h"

#define BUCKETS 1024

struct key {
	struct key *next;
	struct bytes name;
	uint32_t slot;
};

struct kept_regex {
	struct kept_regex *next;
	struct regex *regex;
};

struct key_table {
	struct arena *arena;
	struct kept_regex *regexes;
	struct key *buckets[BUCKETS];
	uint32_t count;
};

struct key_table *key_table_new(struct arena *arena)
{
	struct key_table *keys = arena_alloc(arena, sizeof(*keys));

	if (keys)
		keys->arena = arena;
	return keys;
}

/* Not keyed: names come from the rules, and an outsider's name is only looked for. */
uint32_t key_hash(struct bytes name)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < name.size; i++)
		hash = (hash ^ (uint32_t)tolower(name.ptr[i])) * 16777619U;
	return hash ^ hash >> 16;
}

static uint32_t bucket_of(struct bytes name)
{
	return key_hash(name) % BUCKETS;
}

bool key_equal(struct bytes left, struct bytes right)
{
	return ascii_equal_nocase(left, right);
}

uint32_t key_find(const struct key_table *keys, struct bytes name)
{
	for (const struct key *key = keys->buckets[bucket_of(name)]; key; key = key->next) {
		if (key_equal(key->name, name))
			return key->slot;
	}
	return NONE32;
}

uint32_t key_intern(struct key_table *keys, struct bytes name)
{
	uint32_t slot = key_find(keys, name);
	uint32_t bucket = bucket_of(name);
	struct key *key;

	if (slot != NONE32)
		return slot;
	key = arena_alloc(keys->arena, sizeof(*key));
	if (!key)
		return NONE32;
	*key = (struct key){ .next = keys->buckets[bucket], .name = name, .slot = keys->count++ };
	keys->buckets[bucket] = key;
	return key->slot;
}

int key_keep_regex(struct key_table *keys, struct regex *regex)
{
	struct kept_regex *kept = arena_alloc(keys->arena, sizeof(*kept));

	if (!kept) {
		regex_free(regex);
		return LUYTRE_E_NOMEM;
	}
	*kept = (struct kept_regex){ keys->regexes, regex };
	keys->regexes = kept;
	return 0;
}

void key_table_done(struct key_table *keys)
{
	for (struct kept_regex *kept = keys ? keys->regexes : NULL; kept; kept = kept->next)
		regex_free(kept->regex);
}

uint32_t key_count(const struct key_table *keys)
{
	return keys->count;
}

void key_names(const struct key_table *keys, struct bytes *ret)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		for (const struct key *key = keys->buckets[i]; key; key = key->next)
			ret[key->slot] = key->name;
	}
}
