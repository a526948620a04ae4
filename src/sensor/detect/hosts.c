// SPDX-License-Identifier: Apache-2.0
#include "sensor/detect/hosts.h"

#include <pthread.h>
#include <string.h>

#include "base/table.h"

struct host_key {
	uint32_t tenant, name;
	struct ip_addr first, second; /* second is zero for single hosts */
};

static struct {
	pthread_mutex_t lock;
	struct table *bits; /* struct host_key -> uint64_t expiry */
	size_t sweep_position;
} hosts = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool is_expired(const void *key, void *value, void *context)
{
	return *(const uint64_t *)value <= *(const uint64_t *)context;
}

static bool open_table(void)
{
	struct siphash_key key;

	if (!hosts.bits && siphash_key_random(&key) == 0)
		hosts.bits = table_new(sizeof(struct host_key), sizeof(uint64_t), HOST_BITS_MAX, key);
	return hosts.bits != NULL;
}

static struct host_key key_of(uint32_t tenant, uint32_t name, const struct ip_addr *host, const struct ip_addr *other)
{
	struct host_key key;
	bool swap = other && ip_addr_compare(host, other) > 0;

	memset(&key, 0, sizeof(key));
	key.tenant = tenant;
	key.name = name;
	key.first = swap ? *other : *host;
	if (other)
		key.second = swap ? *host : *other;
	return key;
}

void host_bit_set(
	uint32_t tenant, uint32_t name, const struct ip_addr *host, const struct ip_addr *other, uint64_t expires_ns)
{
	struct host_key key = key_of(tenant, name, host, other);
	uint64_t *expiry;

	pthread_mutex_lock(&hosts.lock);
	expiry = open_table() ? table_insert(hosts.bits, &key, NULL) : NULL;
	if (expiry)
		*expiry = expires_ns;
	pthread_mutex_unlock(&hosts.lock);
}

void host_bit_unset(uint32_t tenant, uint32_t name, const struct ip_addr *host, const struct ip_addr *other)
{
	struct host_key key = key_of(tenant, name, host, other);

	pthread_mutex_lock(&hosts.lock);
	if (hosts.bits)
		table_remove(hosts.bits, &key);
	pthread_mutex_unlock(&hosts.lock);
}

bool host_bit_is_set(
	uint32_t tenant, uint32_t name, const struct ip_addr *host, const struct ip_addr *other, uint64_t now_ns)
{
	struct host_key key = key_of(tenant, name, host, other);
	const uint64_t *expiry;
	bool set;

	pthread_mutex_lock(&hosts.lock);
	expiry = hosts.bits ? table_find(hosts.bits, &key) : NULL;
	set = expiry && *expiry > now_ns;
	if (hosts.bits)
		table_sweep(hosts.bits, &hosts.sweep_position, 16, is_expired, &now_ns);
	pthread_mutex_unlock(&hosts.lock);
	return set;
}

uint64_t host_bits_refused(void)
{
	uint64_t count;

	pthread_mutex_lock(&hosts.lock);
	count = hosts.bits ? table_refused(hosts.bits) : 0;
	pthread_mutex_unlock(&hosts.lock);
	return count;
}

void host_bits_clear(void)
{
	pthread_mutex_lock(&hosts.lock);
	if (hosts.bits)
		table_clear(hosts.bits);
	pthread_mutex_unlock(&hosts.lock);
}
