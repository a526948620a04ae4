// SPDX-License-Identifier: Apache-2.0
/* Prefixes lie in one sorted array: a shorter one before the longer ones inside it, so the entry around each is known
 * by one pass with a stack. A search takes the last entry not behind the address and climbs. A running count of allow
 * entries answers whether one lies anywhere inside a prefix. */
#include "hub/intel/shared.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/table.h"

#define NO_PARENT UINT32_MAX

struct name {
	uint16_t list;
	uint8_t below;
};

struct shared {
	struct shared_entry *entries; /* owned */
	uint32_t *allows; /* owned: allow entries before each position; one more than entries */
	size_t count, capacity, max_count;
	struct table *names; /* owned: struct observable_key to struct name */
	char (*lists)[SHARED_LIST_NAME_SIZE]; /* owned */
	uint16_t list_count;
	bool sealed;
};

static const struct {
	const char *word;
	uint32_t users;
} kinds[SHARED_KIND_COUNT] = {
#define X(id, word, users) { word, users },
	SHARED_KINDS(X)
#undef X
};

struct shared *shared_new(size_t max_count)
{
	struct shared *shared = calloc(1, sizeof(*shared));
	struct siphash_key key;

	if (!shared)
		return NULL;
	shared->max_count = max_count < UINT32_MAX ? max_count : UINT32_MAX - 1;
	shared->lists = calloc(SHARED_LISTS_MAX, sizeof(*shared->lists));
	if (siphash_key_random(&key) == 0 && max_count != 0)
		shared->names = table_new(sizeof(struct observable_key), sizeof(struct name), max_count, key);
	if (!shared->names || !shared->lists) {
		shared_free(shared);
		return NULL;
	}
	return shared;
}

void shared_free(struct shared *shared)
{
	if (!shared)
		return;
	table_free(shared->names);
	free(shared->lists);
	free(shared->allows);
	free(shared->entries);
	free(shared);
}

int shared_add_list(struct shared *shared, const char *name, uint16_t *ret_list)
{
	size_t size = strnlen(name, SHARED_LIST_NAME_SIZE - 1);

	if (shared->sealed)
		return LUYTRE_E_INVALID;
	if (shared->list_count == SHARED_LISTS_MAX)
		return LUYTRE_E_FULL;
	/* Not in the middle of a character. */
	while (size != 0 && name[size] != '\0' && ((uint8_t)name[size] & 0xc0) == 0x80)
		size--;
	memcpy(shared->lists[shared->list_count], name, size);
	*ret_list = shared->list_count++;
	return 0;
}

static int make_room(struct shared *shared)
{
	size_t capacity = shared->capacity ? 2 * shared->capacity : 64;
	struct shared_entry *grown;

	if (shared->count >= shared->max_count)
		return LUYTRE_E_FULL;
	if (shared->count < shared->capacity)
		return 0;
	grown = realloc(shared->entries, capacity * sizeof(*grown));
	if (!grown)
		return LUYTRE_E_NOMEM;
	shared->entries = grown;
	shared->capacity = capacity;
	return 0;
}

int shared_add_prefix(
	struct shared *shared, const struct ip_prefix *prefix, enum shared_kind kind, uint32_t users, uint16_t list)
{
	struct observable_key key = observable_key_of_prefix(prefix);
	struct shared_entry entry = { .kind = (uint8_t)kind, .list = list, .users = users, .parent = NO_PARENT };
	int error;

	if (shared->sealed || (unsigned int)kind >= SHARED_KIND_COUNT || list >= shared->list_count)
		return LUYTRE_E_INVALID;
	if (key.length == 0 || users > SHARED_USERS_MAX)
		return LUYTRE_E_RANGE;
	error = make_room(shared);
	if (error)
		return error;
	observable_prefix(&key, &entry.prefix);
	if (users == 0)
		entry.users = kinds[kind].users;
	shared->entries[shared->count++] = entry;
	return 0;
}

int shared_add_name(struct shared *shared, const struct observable *name, bool below, uint16_t list)
{
	struct name *entry;

	if (shared->sealed || list >= shared->list_count || name->key.kind < OBSERVABLE_DOMAIN)
		return LUYTRE_E_INVALID;
	entry = table_insert(shared->names, &name->key, NULL);
	if (!entry)
		return LUYTRE_E_FULL;
	entry->list = list;
	entry->below |= below;
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	const struct shared_entry *left = a, *right = b;
	int order = ip_prefix_compare(&left->prefix, &right->prefix);

	if (order != 0)
		return order;
	if ((left->kind == SHARED_ALLOW) != (right->kind == SHARED_ALLOW))
		return left->kind == SHARED_ALLOW ? -1 : 1;
	return (right->users > left->users) - (right->users < left->users);
}

static void drop_doubles(struct shared *shared)
{
	size_t kept = 0;

	for (size_t i = 0; i < shared->count; i++) {
		if (kept == 0 || !ip_prefix_equal(&shared->entries[kept - 1].prefix, &shared->entries[i].prefix))
			shared->entries[kept++] = shared->entries[i];
	}
	shared->count = kept;
}

void shared_seal(struct shared *shared)
{
	if (shared->sealed)
		return;
	shared->sealed = true;
	if (shared->count == 0)
		return;
	qsort(shared->entries, shared->count, sizeof(*shared->entries), compare_entries);
	drop_doubles(shared);
	/* Without memory for the counts the question is answered by a walk. */
	shared->allows = calloc(shared->count + 1, sizeof(*shared->allows));
	for (size_t i = 0; i < shared->count; i++) {
		uint32_t parent = i == 0 ? NO_PARENT : (uint32_t)(i - 1);

		while (parent != NO_PARENT &&
			!ip_prefix_covers(&shared->entries[parent].prefix, &shared->entries[i].prefix))
			parent = shared->entries[parent].parent;
		shared->entries[i].parent = parent;
		if (shared->allows)
			shared->allows[i + 1] = shared->allows[i] + (shared->entries[i].kind == SHARED_ALLOW);
	}
}

/* How many entries stand before or at the prefix in the order. */
static size_t position(const struct shared *shared, const struct ip_prefix *prefix)
{
	size_t low = 0, high = shared->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ip_prefix_compare(&shared->entries[middle].prefix, prefix) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The longest entry that covers the prefix. */
static const struct shared_entry *find_around(const struct shared *shared, const struct ip_prefix *prefix)
{
	size_t at = shared->sealed ? position(shared, prefix) : 0;
	uint32_t index = at == 0 ? NO_PARENT : (uint32_t)(at - 1);

	while (index != NO_PARENT && !ip_prefix_covers(&shared->entries[index].prefix, prefix))
		index = shared->entries[index].parent;
	return index == NO_PARENT ? NULL : &shared->entries[index];
}

static const struct shared_entry *parent_of(const struct shared *shared, const struct shared_entry *entry)
{
	return entry->parent == NO_PARENT ? NULL : &shared->entries[entry->parent];
}

const struct shared_entry *shared_find(const struct shared *shared, const struct ip_addr *addr)
{
	struct ip_addr folded = observable_fold(addr);
	struct ip_prefix prefix = ip_prefix_of_addr(&folded);

	return find_around(shared, &prefix);
}

static const struct shared_entry *allow_inside(const struct shared *shared, const struct ip_prefix *prefix)
{
	size_t at = position(shared, prefix);

	for (; at < shared->count && ip_prefix_covers(prefix, &shared->entries[at].prefix); at++) {
		if (shared->entries[at].kind == SHARED_ALLOW)
			return &shared->entries[at];
	}
	return NULL;
}

/* Spares the walk where the counts say that there is no allow entry up to the prefix' end. */
static bool may_hold_allow(const struct shared *shared, const struct ip_prefix *prefix)
{
	struct ip_prefix last = *prefix;
	uint8_t bits = ip_addr_bits(&prefix->addr);

	if (!shared->allows)
		return true;
	for (uint8_t bit = prefix->length; bit < bits; bit++)
		last.addr.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	last.length = bits;
	return shared->allows[position(shared, &last)] != shared->allows[position(shared, prefix)];
}

bool shared_prefix_allowed(const struct shared *shared, const struct observable_key *key, uint16_t *ret_list)
{
	const struct shared_entry *entry;
	struct ip_prefix prefix;

	if (!shared->sealed || shared->count == 0 || !observable_prefix(key, &prefix))
		return false;
	entry = find_around(shared, &prefix);
	while (entry && entry->kind != SHARED_ALLOW)
		entry = parent_of(shared, entry);
	if (!entry && key->kind == OBSERVABLE_PREFIX && may_hold_allow(shared, &prefix))
		entry = allow_inside(shared, &prefix);
	if (entry && ret_list)
		*ret_list = entry->list;
	return entry != NULL;
}

static const struct name *find_name(const struct shared *shared, enum observable_kind kind, const char *text)
{
	struct observable parsed;

	if (observable_parse(kind, bytes_from_str(text), &parsed) != 0)
		return NULL;
	return table_find(shared->names, &parsed.key);
}

static const struct name *find_domain(const struct shared *shared, const char *domain)
{
	const struct name *name = find_name(shared, OBSERVABLE_DOMAIN, domain);

	while (!name && (domain = strchr(domain, '.'))) {
		domain++;
		name = find_name(shared, OBSERVABLE_DOMAIN, domain);
		if (name && !name->below)
			name = NULL;
	}
	return name;
}

/* A URL is spared only when it is listed itself: a phishing page may lie on an allowed host. */
bool shared_allowed(const struct shared *shared, const struct observable *observable, uint16_t *ret_list)
{
	const struct name *name;

	if (observable->key.kind == OBSERVABLE_ADDR || observable->key.kind == OBSERVABLE_PREFIX)
		return shared_prefix_allowed(shared, &observable->key, ret_list);
	if (table_count(shared->names) == 0)
		return false;
	name = observable->key.kind == OBSERVABLE_DOMAIN ? find_domain(shared, observable->text)
							 : table_find(shared->names, &observable->key);
	if (name && ret_list)
		*ret_list = name->list;
	return name != NULL;
}

bool shared_dropped(const struct shared *shared, const struct ip_prefix *prefix)
{
	const struct shared_entry *entry = find_around(shared, prefix);

	while (entry && entry->kind != SHARED_DROP)
		entry = parent_of(shared, entry);
	return entry != NULL;
}

uint32_t shared_users(const struct shared *shared, const struct ip_addr *addr)
{
	const struct shared_entry *entry = shared_find(shared, addr);

	return entry && entry->users > 1 ? entry->users : 1;
}

size_t shared_prefix_count(const struct shared *shared)
{
	return shared->count;
}

size_t shared_name_count(const struct shared *shared)
{
	return table_count(shared->names);
}

const struct shared_entry *shared_at(const struct shared *shared, size_t index)
{
	return index < shared->count ? &shared->entries[index] : NULL;
}

const char *shared_list_name(const struct shared *shared, uint16_t list)
{
	return list < shared->list_count ? shared->lists[list] : "";
}

const char *shared_kind_name(enum shared_kind kind)
{
	return (unsigned int)kind < SHARED_KIND_COUNT ? kinds[kind].word : "";
}

bool shared_kind_parse(struct bytes word, enum shared_kind *ret)
{
	for (unsigned int i = 0; i < SHARED_KIND_COUNT; i++) {
		if (bytes_equal_str(word, kinds[i].word)) {
			*ret = (enum shared_kind)i;
			return true;
		}
	}
	return false;
}
