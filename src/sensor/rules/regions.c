// SPDX-License-Identifier: Apache-2.0
/* From ranges to regions: see address.h.
 *
 * Each value of an expression has a random number. Sweeping over all boundaries, the numbers of the values whose ranges
 * one is in are kept added up (xor); stretches with the same sum are in the same ranges and make one region. Two different
 * sums are equal by chance once in 2^64, and nobody can arrange it, because the numbers come from a secret key. */
#include <stdlib.h>

#include "base/error.h"
#include "base/siphash.h"
#include "sensor/rules/ranges.h"

/* Where a range begins or ends. */
struct boundary {
	range_value at;
	uint64_t number;
};

/* From here to the next one. */
struct stretch {
	range_value low;
	uint64_t sum;
	uint32_t region;
};

/* The sum of one stretch, for sorting. */
struct summed {
	uint64_t sum;
	uint32_t index;
};

struct regions {
	struct stretch *stretches[RANGE_FAMILIES_MAX]; /* owned; by ascending low, the first at 0 */
	uint32_t count[RANGE_FAMILIES_MAX];
};

struct sweep {
	const struct range_grammar *grammar;
	struct siphash_key key;
	uint64_t value_count;
	struct boundary *boundaries[RANGE_FAMILIES_MAX];
	size_t count[RANGE_FAMILIES_MAX], room[RANGE_FAMILIES_MAX];
	int error;
};

static void add_boundary(struct sweep *sweep, unsigned int family, range_value at, uint64_t number)
{
	if (sweep->count[family] == sweep->room[family]) {
		size_t room = sweep->room[family] ? 2 * sweep->room[family] : 64;
		struct boundary *grown = realloc(sweep->boundaries[family], room * sizeof(*grown));

		if (!grown) {
			sweep->error = LUYTRE_E_NOMEM;
			return;
		}
		sweep->boundaries[family] = grown;
		sweep->room[family] = room;
	}
	sweep->boundaries[family][sweep->count[family]++] = (struct boundary){ at, number };
}

static void add_value(void *context, const struct range_set *value)
{
	struct sweep *sweep = context;
	uint64_t number = ++sweep->value_count;

	if (value->any)
		return;
	number = siphash24(sweep->key, &number, sizeof(number));
	for (unsigned int family = 0; family < RANGE_FAMILIES_MAX; family++)
		for (uint32_t i = 0; i < value->families[family].count && !sweep->error; i++) {
			const struct range *range = &value->families[family].items[i];

			add_boundary(sweep, family, range->low, number);
			if (range->high < sweep->grammar->most[family])
				add_boundary(sweep, family, range->high + 1, number);
		}
}

static int compare_boundaries(const void *left, const void *right)
{
	const struct boundary *a = left, *b = right;

	return (a->at > b->at) - (a->at < b->at);
}

static int compare_sums(const void *left, const void *right)
{
	const struct summed *a = left, *b = right;

	return (a->sum > b->sum) - (a->sum < b->sum);
}

/* Numbers for the distinct sums, from 0. */
static int number_regions(struct stretch *stretches, uint32_t count)
{
	struct summed *sorted = calloc(count, sizeof(*sorted));
	uint32_t region = 0;

	if (!sorted)
		return LUYTRE_E_NOMEM;
	for (uint32_t i = 0; i < count; i++)
		sorted[i] = (struct summed){ stretches[i].sum, i };
	qsort(sorted, count, sizeof(*sorted), compare_sums);
	for (uint32_t i = 0; i < count; i++) {
		region += i > 0 && sorted[i].sum != sorted[i - 1].sum;
		stretches[sorted[i].index].region = region;
	}
	free(sorted);
	return 0;
}

static int make_stretches(struct sweep *sweep, unsigned int family, struct regions *regions)
{
	struct boundary *boundaries = sweep->boundaries[family];
	struct stretch *stretches = calloc(sweep->count[family] + 1, sizeof(*stretches));
	uint32_t count = 1;
	uint64_t sum = 0;

	if (!stretches)
		return LUYTRE_E_NOMEM;
	regions->stretches[family] = stretches;
	if (sweep->count[family] > 1)
		qsort(boundaries, sweep->count[family], sizeof(*boundaries), compare_boundaries);
	for (size_t i = 0; i < sweep->count[family]; i++) {
		sum ^= boundaries[i].number;
		if (boundaries[i].at != stretches[count - 1].low)
			stretches[count++].low = boundaries[i].at;
		stretches[count - 1].sum = sum;
	}
	regions->count[family] = count;
	return number_regions(stretches, count);
}

int regions_new(const struct range_sets *sets, const struct range_grammar *grammar, struct regions **ret)
{
	struct sweep sweep = { .grammar = grammar };
	struct regions *regions = calloc(1, sizeof(*regions));

	if (!regions)
		return LUYTRE_E_NOMEM;
	sweep.error = siphash_key_random(&sweep.key);
	if (!sweep.error)
		range_sets_each(sets, add_value, &sweep);
	for (unsigned int family = 0; family < grammar->family_count && !sweep.error; family++)
		sweep.error = make_stretches(&sweep, family, regions);
	for (unsigned int family = 0; family < RANGE_FAMILIES_MAX; family++)
		free(sweep.boundaries[family]);
	if (sweep.error) {
		regions_free(regions);
		return sweep.error;
	}
	*ret = regions;
	return 0;
}

void regions_free(struct regions *regions)
{
	for (unsigned int family = 0; regions && family < RANGE_FAMILIES_MAX; family++)
		free(regions->stretches[family]);
	free(regions);
}

/* By halving. */
uint32_t regions_find(const struct regions *regions, unsigned int family, range_value value)
{
	const struct stretch *stretches = regions->stretches[family];
	uint32_t low = 0, high = regions->count[family];

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (stretches[middle].low <= value)
			low = middle;
		else
			high = middle;
	}
	return stretches[low].region;
}
