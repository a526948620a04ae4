// SPDX-License-Identifier: Apache-2.0
#include "hub/api/limit.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/table.h"

const struct limit_settings limit_settings_default = {
	.rates = {
		[API_RATE_READ] = { 600, 60 },
		[API_RATE_WRITE] = { 120, 60 },
		[API_RATE_HEAVY] = { 60, 60 },
		[API_RATE_LOGIN] = { 10, 60 },
	},
	.address_factor = 4,
	.subjects_max = 65536,
};

/* Hashed byte by byte, so there is no padding. */
struct subject {
	uint32_t rate, kind;
	uint64_t high, low;
};

struct limit {
	struct limit_settings settings;
	pthread_mutex_t mutex;
	struct table
		*table; /* struct subject to uint64_t: when the bucket is full again (GCRA's theoretical arrival) */
	size_t sweep_pos;
	uint64_t uncounted;
};

struct limit *limit_new(const struct limit_settings *settings)
{
	struct limit *limit = calloc(1, sizeof(*limit));
	struct siphash_key key;

	if (!limit)
		return NULL;
	for (size_t i = 0; i < API_RATE_COUNT; i++)
		assert(settings->rates[i].count > 0 && settings->rates[i].window_s > 0);
	limit->settings = *settings;
	pthread_mutex_init(&limit->mutex, NULL);
	if (siphash_key_random(&key) == 0)
		limit->table = table_new(sizeof(struct subject), sizeof(uint64_t), settings->subjects_max, key);
	if (!limit->table) {
		limit_free(limit);
		return NULL;
	}
	return limit;
}

void limit_free(struct limit *limit)
{
	if (!limit)
		return;
	table_free(limit->table);
	pthread_mutex_destroy(&limit->mutex);
	free(limit);
}

struct limit_rate limit_rate_of(const struct limit *limit, enum limit_subject subject, enum api_rate rate)
{
	struct limit_rate found = limit->settings.rates[rate];

	if (subject == LIMIT_ADDRESS)
		found.count *= limit->settings.address_factor;
	return found;
}

static bool is_full(const void *key, void *value, void *context)
{
	return *(uint64_t *)value <= *(uint64_t *)context;
}

static uint32_t seconds_up(uint64_t ns)
{
	return (uint32_t)((ns + NS_PER_S - 1) / NS_PER_S);
}

/* GCRA: 'full_ns' may lie at most one window ahead. */
static struct limit_answer take(uint64_t *full_ns, struct limit_rate rate, uint64_t now_ns)
{
	uint64_t window_ns = rate.window_s * NS_PER_S;
	uint64_t step_ns = window_ns / rate.count ? window_ns / rate.count : 1;
	uint64_t from_ns = *full_ns > now_ns ? *full_ns : now_ns;
	struct limit_answer answer = { 0 };

	if (from_ns + step_ns <= now_ns + window_ns) {
		*full_ns = from_ns + step_ns;
		answer.allowed = true;
		answer.remaining = (uint32_t)((now_ns + window_ns - *full_ns) / step_ns);
	} else {
		answer.retry_s = seconds_up(from_ns + step_ns - now_ns - window_ns);
	}
	answer.reset_s = seconds_up(*full_ns > now_ns ? *full_ns - now_ns : 0);
	return answer;
}

static struct limit_answer ask(struct limit *limit, struct subject subject, struct limit_rate rate, uint64_t now_ns)
{
	struct limit_answer answer = { .allowed = true, .remaining = rate.count };
	uint64_t *full_ns;

	pthread_mutex_lock(&limit->mutex);
	/* A little of the sweep with every question keeps the table free of what is full again. */
	table_sweep(limit->table, &limit->sweep_pos, 16, is_full, &now_ns);
	full_ns = table_insert(limit->table, &subject, NULL);
	if (!full_ns) {
		table_sweep(limit->table, &limit->sweep_pos, 1024, is_full, &now_ns);
		full_ns = table_insert(limit->table, &subject, NULL);
	}
	if (full_ns)
		answer = take(full_ns, rate, now_ns);
	else
		limit->uncounted++;
	pthread_mutex_unlock(&limit->mutex);
	return answer;
}

struct limit_answer limit_ask_address(
	struct limit *limit, enum api_rate rate, const struct ip_addr *address, uint64_t now_ns)
{
	struct subject subject = { .rate = rate, .kind = address->family };

	/* The first eight bytes hold all of IPv4 and the /64 of IPv6. */
	memcpy(&subject.high, address->bytes, sizeof(subject.high));
	return ask(limit, subject, limit_rate_of(limit, LIMIT_ADDRESS, rate), now_ns);
}

struct limit_answer limit_ask_account(
	struct limit *limit, enum api_rate rate, uint32_t kind, uint64_t id, uint64_t now_ns)
{
	struct subject subject = { .rate = rate, .kind = 256 + kind, .low = id };

	return ask(limit, subject, limit_rate_of(limit, LIMIT_ACCOUNT, rate), now_ns);
}

uint64_t limit_uncounted(const struct limit *limit)
{
	return limit->uncounted;
}
