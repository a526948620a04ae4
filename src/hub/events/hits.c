// SPDX-License-Identifier: Apache-2.0
/* Adding up hits of rules that come from several segments. */
#include <stdlib.h>

#include "base/error.h"
#include "base/table.h"
#include "hub/events/driver.h"

struct hit_key {
	uint64_t rule;
	uint32_t tenant, action;
};

struct ev_hits {
	struct table *hits; /* struct hit_key to struct ev_hit */
};

struct ev_hits *ev_hits_new(void)
{
	struct ev_hits *hits = calloc(1, sizeof(*hits));
	struct siphash_key key;

	if (hits && siphash_key_random(&key) == 0)
		hits->hits = table_new(sizeof(struct hit_key), sizeof(struct ev_hit), EV_ANSWER_MAX, key);
	if (hits && !hits->hits) {
		free(hits);
		return NULL;
	}
	return hits;
}

void ev_hits_free(struct ev_hits *hits)
{
	if (!hits)
		return;
	table_free(hits->hits);
	free(hits);
}

int ev_hits_add(struct ev_hits *hits, const struct ev_hit *hit)
{
	const struct hit_key key = { .rule = hit->rule, .tenant = hit->tenant, .action = hit->action };
	bool created;
	struct ev_hit *sum = table_insert(hits->hits, &key, &created);

	if (!sum)
		return LUYTRE_E_FULL;
	if (created) {
		*sum = *hit;
		return 0;
	}
	if (hit->first_us < sum->first_us)
		sum->first_us = hit->first_us;
	if (hit->last_us > sum->last_us)
		sum->last_us = hit->last_us;
	sum->events += hit->events;
	sum->sum += hit->sum;
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct ev_hit *a = left, *b = right;

	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	if (a->tenant != b->tenant)
		return a->tenant < b->tenant ? -1 : 1;
	return (a->action > b->action) - (a->action < b->action);
}

int ev_hits_out(struct ev_hits *hits, ev_hit_fn fn, void *context)
{
	size_t count = table_count(hits->hits), pos = 0, at = 0;
	struct ev_hit *sorted = calloc(count + 1, sizeof(*sorted));
	void *value;

	if (!sorted)
		return LUYTRE_E_NOMEM;
	while (at < count && table_next(hits->hits, &pos, NULL, &value))
		memcpy(&sorted[at++], value, sizeof(*sorted));
	qsort(sorted, at, sizeof(*sorted), compare);
	for (size_t i = 0; i < at && fn(context, &sorted[i]) == 0; i++)
		;
	free(sorted);
	return 0;
}
