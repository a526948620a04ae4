// SPDX-License-Identifier: Apache-2.0
#include "edge/link/drops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

#define US_PER_MINUTE INT64_C(60000000)

enum { CANDIDATES = 16 };

struct key {
	struct ip_addr src;
	char reason[DROPS_WORD_SIZE];
	bool shadow;
	int64_t minute;
};

struct drops {
	struct table *rows; /* struct key -> struct drops_row */
	size_t max_count;
	size_t pos; /* where the next candidates are */
	uint64_t evicted;
};

struct drops *drops_new(size_t max_count)
{
	struct drops *drops = calloc(1, sizeof(*drops));
	struct siphash_key key;

	if (drops && !siphash_key_random(&key))
		drops->rows = table_new(sizeof(struct key), sizeof(struct drops_row), max_count, key);
	if (!drops || !drops->rows) {
		drops_free(drops);
		return NULL;
	}
	drops->max_count = max_count;
	return drops;
}

void drops_free(struct drops *drops)
{
	if (!drops)
		return;
	table_free(drops->rows);
	free(drops);
}

/* The smallest of the next few: all of the table would take too long at each packet of a flood. */
static void evict(struct drops *drops)
{
	const void *key, *smallest = NULL;
	uint64_t packets = UINT64_MAX;
	struct key gone;
	void *value;

	for (int i = 0; i < CANDIDATES; i++) {
		if (!table_next(drops->rows, &drops->pos, &key, &value)) {
			drops->pos = 0;
			continue;
		}
		if (((struct drops_row *)value)->packets < packets) {
			packets = ((struct drops_row *)value)->packets;
			smallest = key;
		}
	}
	if (!smallest)
		return;
	memcpy(&gone, smallest, sizeof(gone));
	if (table_remove(drops->rows, &gone))
		drops->evicted += packets;
}

void drops_add(struct drops *drops, const struct drops_row *row)
{
	struct drops_row *sum;
	struct key key;
	bool created;

	memset(&key, 0, sizeof(key));
	memcpy(&key.src, &row->src, sizeof(key.src));
	snprintf(key.reason, sizeof(key.reason), "%s", row->reason);
	key.shadow = row->shadow;
	key.minute = row->minute;
	if (table_count(drops->rows) >= drops->max_count && !table_find(drops->rows, &key))
		evict(drops);
	sum = table_insert(drops->rows, &key, &created);
	if (!sum) {
		drops->evicted += row->packets;
		return;
	}
	if (created) {
		*sum = *row;
		return;
	}
	sum->packets += row->packets;
	sum->bytes += row->bytes;
	sum->estimated |= row->estimated;
	if (row->decision)
		sum->decision = row->decision;
}

struct flush {
	int64_t before; /* minutes below go */
	drops_fn fn;
	void *context;
};

static bool flush_row(const void *key, void *value, void *context)
{
	const struct flush *flush = context;
	const struct drops_row *row = value;

	if (row->minute >= flush->before)
		return false;
	flush->fn(flush->context, row);
	return true;
}

void drops_flush(struct drops *drops, int64_t now_us, drops_fn fn, void *context)
{
	struct flush flush = { .before = INT64_MAX, .fn = fn, .context = context };
	size_t pos = 0;

	if (now_us != INT64_MAX)
		flush.before = (now_us - DROPS_LATE_S * INT64_C(1000000)) / US_PER_MINUTE;
	table_sweep(drops->rows, &pos, SIZE_MAX, flush_row, &flush);
}

uint64_t drops_evicted(const struct drops *drops)
{
	return drops->evicted;
}
