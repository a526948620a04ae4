// SPDX-License-Identifier: Apache-2.0
/* What is seen: whose it is, whether it was seen lately, and into the queue. */
#include "hub/posture/evidence/internal.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"

enum { SWEEP_SLOTS = 256, FULL_SWEEP_SLOTS = 4096 };

/* ---- Whose it is ---- */

/* RFC 6890. */
bool perimeter_is_public(const struct ip_addr *addr)
{
	static const struct {
		uint8_t bytes[4], bits;
	} rows[] = { { { 0 }, 8 }, { { 10 }, 8 }, { { 100, 64 }, 10 }, { { 127 }, 8 }, { { 169, 254 }, 16 },
		{ { 172, 16 }, 12 }, { { 192, 168 }, 16 }, { { 224 }, 3 } };

	if (addr->family == IP_V6)
		return (addr->bytes[0] & 0xe0) == 0x20; /* 2000::/3 */
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct ip_prefix prefix = { .addr = ip_addr_v4(rows[i].bytes), .length = rows[i].bits };

		if (ip_prefix_contains(&prefix, addr))
			return false;
	}
	return addr->family == IP_V4;
}

static bool read_addr(const json_t *root, const char *key, struct ip_addr *ret)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (ip_addr_parse(look_text(root, key), ret))
		return false;
	if (ret->family == IP_V6 && memcmp(ret->bytes, mapped, sizeof(mapped)) == 0)
		*ret = ip_addr_v4(ret->bytes + sizeof(mapped));
	return true;
}

/* The ends as they stand in the line: events are turned so that the stranger is their source. */
static bool find_ends(const struct tenants_index *index, const json_t *root, struct observation *ret)
{
	const struct tenants_place *ours, *theirs;

	if (!read_addr(root, "dest_ip", &ret->server) || !read_addr(root, "src_ip", &ret->client) ||
		!perimeter_is_public(&ret->client)) /* else what it reaches says nothing of who else does */
		return false;
	ours = tenants_index_find(index, &ret->server);
	theirs = tenants_index_find(index, &ret->client);
	if (!ours || (theirs && theirs->tenant == ours->tenant))
		return false;
	ret->asset = ours->asset;
	ret->tenant = ours->tenant;
	return true;
}

/* ---- Seen lately? ---- */

static const char *word_of(const struct look_found *found)
{
	return (int)found->rule == PERIMETER_ANSWERED ? "answered" : perimeter_rules[found->rule].word;
}

static struct bytes identity_of(struct observation *seen)
{
	char addr[IP_ADDR_TEXT_SIZE];

	snprintf(seen->identity, sizeof(seen->identity), "%u %s %u %u %s %s %s", seen->asset,
		ip_addr_format(&seen->server, addr), seen->protocol, seen->port, word_of(&seen->found),
		seen->found.path, seen->found.cve);
	return bytes_from_str(seen->identity);
}

static uint64_t key_of(const struct perimeter *perimeter, struct bytes identity)
{
	return siphash24(perimeter->key, identity.ptr, identity.size);
}

static bool is_old(const void *key, void *value, void *context)
{
	const int64_t *now_us = context;

	return *(int64_t *)value + PERIMETER_AGAIN_US <= *now_us;
}

/* Under the lock. True: it is to be written. */
static bool note_seen(struct perimeter *perimeter, uint64_t key, int64_t now_us)
{
	int64_t *last_us = table_find(perimeter->seen, &key);

	if (last_us && *last_us + PERIMETER_AGAIN_US > now_us) /* nearly always */
		return false;
	(void)table_sweep(perimeter->seen, &perimeter->sweep,
		table_count(perimeter->seen) < PERIMETER_SEEN_MAX ? SWEEP_SLOTS : FULL_SWEEP_SLOTS, is_old, &now_us);
	last_us = table_insert(perimeter->seen, &key, NULL);
	if (!last_us) {
		perimeter->stats.seen_full++;
		return false;
	}
	*last_us = now_us;
	return true;
}

/* Under the lock. */
static void enqueue(struct perimeter *perimeter, struct observation *seen, int64_t now_us)
{
	uint64_t key = key_of(perimeter, identity_of(seen));

	perimeter->stats.observed++;
	if (!note_seen(perimeter, key, now_us))
		return;
	if (perimeter->count == PERIMETER_QUEUE_MAX) {
		perimeter->stats.queue_full++;
		(void)table_remove(perimeter->seen, &key);
		return;
	}
	perimeter->queue[(perimeter->first + perimeter->count++) % PERIMETER_QUEUE_MAX] = *seen;
	pthread_cond_signal(&perimeter->work);
}

void perimeter_forget(struct perimeter *perimeter, struct bytes identity)
{
	uint64_t key = key_of(perimeter, identity);

	pthread_mutex_lock(&perimeter->lock);
	(void)table_remove(perimeter->seen, &key);
	pthread_mutex_unlock(&perimeter->lock);
}

void perimeter_see(struct perimeter *perimeter, const struct tenants_index *index, const struct ev_event *event,
	const json_t *root, int64_t now_us)
{
	struct look look = { .root = root, .time_us = event->time_us };
	struct observation seen = {
		.edge = event->edge, .protocol = event->protocol, .time_us = event->time_us, .event = event->id
	};
	bool ends;

	if (event->kind != EV_OTHER || event->protocol != IPPROTO_TCP || !event->tenant ||
		!look_wants(event->signature))
		return;
	seen.port = look.port = (uint16_t)look_number(root, "dest_port");
	ends = look_at(event->signature, &look) && (look.count || look.answered) && find_ends(index, root, &seen);
	pthread_mutex_lock(&perimeter->lock);
	perimeter->stats.looked++;
	perimeter->stats.outside += !ends;
	for (size_t i = 0; ends && i < look.count; i++) {
		seen.found = look.found[i];
		enqueue(perimeter, &seen, now_us);
	}
	if (ends && look.answered) {
		seen.found = (struct look_found){ .rule = (enum perimeter_rule)PERIMETER_ANSWERED };
		enqueue(perimeter, &seen, now_us);
	}
	pthread_mutex_unlock(&perimeter->lock);
}

void perimeter_stats(struct perimeter *perimeter, struct perimeter_stats *ret)
{
	pthread_mutex_lock(&perimeter->lock);
	*ret = perimeter->stats;
	pthread_mutex_unlock(&perimeter->lock);
}

void perimeter_drain(struct perimeter *perimeter)
{
	pthread_mutex_lock(&perimeter->lock);
	while (perimeter->count > 0 || perimeter->writing)
		pthread_cond_wait(&perimeter->idle, &perimeter->lock);
	pthread_mutex_unlock(&perimeter->lock);
}

/* ---- Opening and closing ---- */

int perimeter_open(const char *place, struct perimeter **ret)
{
	struct perimeter *perimeter = calloc(1, sizeof(*perimeter));
	char why[DB_WHY_SIZE];
	int error = LUYTRE_E_NOMEM;

	if (!perimeter)
		return error;
	pthread_mutex_init(&perimeter->lock, NULL);
	pthread_cond_init(&perimeter->work, NULL);
	pthread_cond_init(&perimeter->idle, NULL);
	perimeter->looked_us = (int64_t)(clock_real_ns() / NS_PER_US);
	perimeter->queue = calloc(PERIMETER_QUEUE_MAX, sizeof(*perimeter->queue));
	perimeter->batch = calloc(PERIMETER_BATCH_MAX, sizeof(*perimeter->batch));
	if (perimeter->queue && perimeter->batch)
		error = siphash_key_random(&perimeter->key);
	if (!error) {
		perimeter->seen = table_new(sizeof(uint64_t), sizeof(int64_t), PERIMETER_SEEN_MAX, perimeter->key);
		error = perimeter->seen ? db_open(place, &perimeter->db, why) : LUYTRE_E_NOMEM;
	}
	if (!error && pthread_create(&perimeter->thread, NULL, perimeter_run, perimeter))
		error = LUYTRE_E_SYSTEM;
	perimeter->runs = !error;
	if (error) {
		perimeter_close(perimeter);
		return error;
	}
	*ret = perimeter;
	return 0;
}

void perimeter_close(struct perimeter *perimeter)
{
	if (!perimeter)
		return;
	pthread_mutex_lock(&perimeter->lock);
	perimeter->stop = true;
	pthread_cond_signal(&perimeter->work);
	pthread_mutex_unlock(&perimeter->lock);
	if (perimeter->runs)
		pthread_join(perimeter->thread, NULL);
	db_close(perimeter->db);
	tenants_index_unref(perimeter->index);
	table_free(perimeter->seen);
	free(perimeter->queue);
	free(perimeter->batch);
	pthread_cond_destroy(&perimeter->work);
	pthread_cond_destroy(&perimeter->idle);
	pthread_mutex_destroy(&perimeter->lock);
	free(perimeter);
}
