// SPDX-License-Identifier: Apache-2.0
/* See clients.h. */
#include "lab/clients.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

enum { FIRST_CAPACITY = 4096 };

void clients_done(struct clients *clients)
{
	free(clients->items);
	memset(clients, 0, sizeof(*clients));
}

int clients_take(struct clients *clients, struct traffic *traffic)
{
	struct traffic_result result;

	while (traffic_next(traffic, &result)) {
		if (clients->count == clients->capacity) {
			size_t capacity = clients->capacity ? clients->capacity * 2 : FIRST_CAPACITY;
			struct traffic_result *items = realloc(clients->items, capacity * sizeof(*items));

			if (!items)
				return LUYTRE_E_NOMEM;
			clients->items = items;
			clients->capacity = capacity;
		}
		clients->items[clients->count++] = result;
	}
	return 0;
}

static bool fits(const struct traffic_result *item, const struct clients_range *range)
{
	uint64_t at = range->clock == CLIENTS_BY_START ? item->start_ns : item->end_ns;

	return at >= range->from_ns && at < range->to_ns && (range->kind == CLIENTS_ANY || range->kind == item->kind) &&
	       (range->site == CLIENTS_ANY || range->site == item->site ||
		       (range->site == CLIENTS_OTHERS && item->site >= LAB_FLOOD_SITES)) &&
	       (range->translated == CLIENTS_ANY || range->translated == item->translated);
}

static int compare(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

void clients_figures(const struct clients *clients, const struct clients_range *range, struct clients_figures *ret)
{
	uint32_t *latencies_us = calloc(clients->count + 1, sizeof(*latencies_us));

	memset(ret, 0, sizeof(*ret));
	ret->good_share = 1;
	for (size_t i = clients->count; i-- > 0;) {
		const struct traffic_result *item = &clients->items[i];

		/* They lie in the order of their ends: nothing before the first that ended too early fits. */
		if (item->end_ns + NS_PER_S < range->from_ns)
			break;
		if (!fits(item, range))
			continue;
		ret->count++;
		if (!item->good)
			continue;
		if (latencies_us)
			latencies_us[ret->good_count] = item->connect_us;
		ret->good_count++;
	}
	if (ret->count)
		ret->good_share = (double)ret->good_count / (double)ret->count;
	if (latencies_us && ret->good_count) {
		size_t middle = ret->good_count / 2, late = ret->good_count * 99 / 100;

		qsort(latencies_us, ret->good_count, sizeof(*latencies_us), compare);
		ret->p50_ms = latencies_us[middle] / 1e3;
		ret->p99_ms = latencies_us[late] / 1e3;
	}
	free(latencies_us);
}
