// SPDX-License-Identifier: Apache-2.0
/* Which rows an edge's file has room for. Each tenant gets a row in turn until the file is full, so that who has few gets all of them, and who
 * has too many loses its own only. */
#include <stdlib.h>

#include "base/error.h"
#include "hub/policy/policy.h"

struct turn {
	uint32_t tenant, index, turn; /* which one of its tenant */
	bool first;
};

static int compare_tenants(const void *left, const void *right)
{
	const struct turn *a = left, *b = right;

	if (a->tenant != b->tenant)
		return a->tenant < b->tenant ? -1 : 1;
	if (a->first != b->first)
		return a->first ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

static int compare_turns(const void *left, const void *right)
{
	const struct turn *a = left, *b = right;

	if (a->turn != b->turn)
		return a->turn < b->turn ? -1 : 1;
	return (a->tenant > b->tenant) - (a->tenant < b->tenant);
}

static void give(struct policy_want *wants, struct turn *turns, size_t count, size_t rows_max, size_t size_max)
{
	size_t rows = 0, size = 0;

	qsort(turns, count, sizeof(*turns), compare_tenants);
	for (size_t i = 1; i < count; i++)
		turns[i].turn = turns[i].tenant == turns[i - 1].tenant ? turns[i - 1].turn + 1 : 0;
	qsort(turns, count, sizeof(*turns), compare_turns);
	for (size_t i = 0; i < count && rows < rows_max; i++) {
		struct policy_want *want = &wants[turns[i].index];

		want->fits = size + want->size <= size_max;
		rows += want->fits;
		size += want->fits ? want->size : 0;
	}
}

int policy_share(struct policy_want *wants, size_t count, size_t rows_max, size_t size_max, size_t *ret_left_out)
{
	struct turn *turns = calloc(count + 1, sizeof(*turns));
	size_t wanted = 0, size = 0, left_out = 0;

	if (!turns)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < count; i++) {
		wants[i].fits = false;
		if (!wants[i].served)
			continue;
		turns[wanted++] =
			(struct turn){ .tenant = wants[i].tenant, .index = (uint32_t)i, .first = wants[i].first };
		size += wants[i].size;
	}
	if (wanted <= rows_max && size <= size_max)
		for (size_t i = 0; i < count; i++)
			wants[i].fits = wants[i].served;
	else
		give(wants, turns, wanted, rows_max, size_max);
	for (size_t i = 0; i < count; i++)
		left_out += wants[i].served && !wants[i].fits;
	free(turns);
	*ret_left_out = left_out;
	return 0;
}
