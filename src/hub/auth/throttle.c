// SPDX-License-Identifier: Apache-2.0
#include "hub/auth/throttle.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/siphash.h"
#include "base/table.h"

enum { KEY_SIZE = 16, SWEEP_SLOTS = 32, SWEEP_ALL_US = 10000000 };

struct entry {
	uint32_t attempts;
	int64_t until_us; /* closed until then */
	int64_t last_us;
};

struct side {
	struct table *entries; /* owned */
	size_t sweep_at;
	int64_t swept_us; /* when all of it was looked through last */
	struct entry shared;
	uint32_t free, max_s;
};

struct throttle {
	pthread_mutex_t lock;
	struct siphash_key key;
	struct side accounts, addresses;
	struct throttle_stats stats;
	int64_t now_us;
};

struct throttle *throttle_new(uint32_t entries_max)
{
	struct throttle *throttle = calloc(1, sizeof(*throttle));
	size_t count = entries_max ? entries_max : THROTTLE_ENTRIES_MAX;

	if (!throttle)
		return NULL;
	pthread_mutex_init(&throttle->lock, NULL);
	if (siphash_key_random(&throttle->key) == 0) {
		throttle->accounts.entries = table_new(KEY_SIZE, sizeof(struct entry), count, throttle->key);
		throttle->addresses.entries = table_new(KEY_SIZE, sizeof(struct entry), count, throttle->key);
	}
	throttle->accounts.free = THROTTLE_ACCOUNT_FREE;
	throttle->accounts.max_s = THROTTLE_ACCOUNT_MAX_S;
	throttle->addresses.free = THROTTLE_ADDRESS_FREE;
	throttle->addresses.max_s = THROTTLE_ADDRESS_MAX_S;
	if (throttle->accounts.entries && throttle->addresses.entries)
		return throttle;
	throttle_free(throttle);
	return NULL;
}

void throttle_free(struct throttle *throttle)
{
	if (!throttle)
		return;
	table_free(throttle->accounts.entries);
	table_free(throttle->addresses.entries);
	pthread_mutex_destroy(&throttle->lock);
	free(throttle);
}

/* Two keyed hashes: nobody can make a name that shares its entry with another's. */
static void key_of_account(const struct throttle *throttle, const char *account, uint8_t key[KEY_SIZE])
{
	struct siphash_key other = { ~throttle->key.k0, ~throttle->key.k1 };
	uint64_t halves[2] = { siphash24(throttle->key, account, strlen(account)),
		siphash24(other, account, strlen(account)) };

	memcpy(key, halves, KEY_SIZE);
}

static void key_of_address(const struct ip_addr *address, uint8_t key[KEY_SIZE])
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	memset(key, 0, KEY_SIZE);
	if (address->family == IP_V4) {
		key[0] = IP_V4;
		memcpy(key + 1, address->bytes, 4);
	} else if (memcmp(address->bytes, mapped, sizeof(mapped)) == 0) {
		key[0] = IP_V4;
		memcpy(key + 1, address->bytes + sizeof(mapped), 4);
	} else {
		key[0] = IP_V6;
		memcpy(key + 1, address->bytes, 8);
	}
}

static bool is_forgotten(const void *key, void *value, void *context)
{
	const struct entry *entry = value;
	const struct throttle *throttle = context;

	return throttle->now_us - entry->last_us > (int64_t)THROTTLE_FORGET_S * 1000000 &&
	       entry->until_us <= throttle->now_us;
}

/* Before a newcomer is sent to the shared entry, everything old goes. */
static struct entry *entry_of(struct throttle *throttle, struct side *side, const uint8_t key[KEY_SIZE])
{
	struct entry *entry;

	table_sweep(side->entries, &side->sweep_at, SWEEP_SLOTS, is_forgotten, throttle);
	entry = table_insert(side->entries, key, NULL);
	if (!entry && throttle->now_us - side->swept_us >= SWEEP_ALL_US) {
		side->swept_us = throttle->now_us;
		side->sweep_at = 0;
		table_sweep(side->entries, &side->sweep_at, SIZE_MAX, is_forgotten, throttle);
		entry = table_insert(side->entries, key, NULL);
	}
	if (!entry) {
		throttle->stats.shared++;
		entry = &side->shared;
	}
	if (entry->last_us != 0 && is_forgotten(key, entry, throttle))
		*entry = (struct entry){ 0 };
	return entry;
}

static int64_t wait_us(const struct side *side, uint32_t attempts)
{
	uint32_t over = attempts > side->free ? attempts - side->free : 0;
	int64_t wait_s = over == 0 ? 0 : over > 16 ? side->max_s : INT64_C(1) << (over - 1);

	return (wait_s > side->max_s ? side->max_s : wait_s) * 1000000;
}

static void count(const struct side *side, struct entry *entry, int64_t now_us)
{
	if (entry->attempts < UINT32_MAX)
		entry->attempts++;
	entry->last_us = now_us;
	entry->until_us = now_us + wait_us(side, entry->attempts);
}

int throttle_enter(struct throttle *throttle, const char *account, const struct ip_addr *address, int64_t now_us,
	uint32_t *ret_wait_s)
{
	uint8_t account_key[KEY_SIZE], address_key[KEY_SIZE];
	struct entry *by_account, *by_address;
	int64_t until_us;
	int error = 0;

	key_of_account(throttle, account, account_key);
	key_of_address(address, address_key);
	pthread_mutex_lock(&throttle->lock);
	if (now_us > throttle->now_us)
		throttle->now_us = now_us;
	now_us = throttle->now_us;
	by_account = entry_of(throttle, &throttle->accounts, account_key);
	by_address = entry_of(throttle, &throttle->addresses, address_key);
	until_us = by_account->until_us > by_address->until_us ? by_account->until_us : by_address->until_us;
	if (until_us > now_us) {
		throttle->stats.refused++;
		*ret_wait_s = (uint32_t)((until_us - now_us + 999999) / 1000000);
		error = LUYTRE_E_BUSY;
	} else {
		count(&throttle->accounts, by_account, now_us);
		count(&throttle->addresses, by_address, now_us);
	}
	pthread_mutex_unlock(&throttle->lock);
	return error;
}

void throttle_forgive(struct throttle *throttle, const char *account, const struct ip_addr *address)
{
	uint8_t account_key[KEY_SIZE], address_key[KEY_SIZE];
	struct entry *entry;

	key_of_account(throttle, account, account_key);
	key_of_address(address, address_key);
	pthread_mutex_lock(&throttle->lock);
	table_remove(throttle->accounts.entries, account_key);
	entry = table_find(throttle->addresses.entries, address_key);
	if (entry && entry->attempts > 0) {
		entry->attempts--;
		entry->until_us = 0;
	}
	pthread_mutex_unlock(&throttle->lock);
}

void throttle_stats(struct throttle *throttle, struct throttle_stats *ret)
{
	pthread_mutex_lock(&throttle->lock);
	*ret = throttle->stats;
	ret->accounts = (uint32_t)table_count(throttle->accounts.entries);
	ret->addresses = (uint32_t)table_count(throttle->addresses.entries);
	pthread_mutex_unlock(&throttle->lock);
}
