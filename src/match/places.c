// SPDX-License-Identifier: Apache-2.0
/* The strings of one offset and byte value stand side by side in 'items'. The number of such a run is the count of marked
 * values below it: a population count in its word plus the count stored for all words before. */
#include "match/places.h"

#include <stdlib.h>

#include "base/error.h"
#include "match/finder.h"
#include "match/internal.h"

/* The rarest byte among so many first ones is the one that a string is filed under. */
#define PROBE_SIZE 8

/* Both cases of a letter. */
#define ITEMS_PER_START 2

struct item {
	const struct places_literal *literal; /* in places.literals */
	uint32_t offset; /* of the byte that it is filed under */
	uint32_t start; /* where the string begins */
	uint8_t value;
};

struct place {
	uint32_t offset;
	uint32_t below[4]; /* runs before each word of 'marked', those of other places included */
	uint64_t marked[4]; /* values that any string is filed under here */
};

struct places {
	struct place *places; /* owned; by ascending offset */
	struct item *items; /* owned; by offset and value */
	uint32_t *runs; /* owned; where the items of each run begin, one more at the end */
	struct places_literal *literals; /* owned */
	size_t place_count, item_count, run_count, literal_count;
};

static uint8_t weight_of(const struct places_literal *literal, size_t offset)
{
	uint8_t byte = literal->bytes.ptr[offset];
	uint8_t lower = match_byte_weight[byte], upper = match_byte_weight[match_upper(byte)];

	return literal->nocase && upper > lower ? upper : lower;
}

static uint32_t rarest(const struct places_literal *literal)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < literal->bytes.size && i < PROBE_SIZE; i++)
		if (weight_of(literal, i) < weight_of(literal, best))
			best = i;
	return best;
}

static void add_items(struct places *places, const struct places_literal *literal)
{
	uint32_t probe = rarest(literal);
	uint8_t value = literal->bytes.ptr[probe];

	for (uint32_t start = literal->first; start <= literal->last; start++) {
		places->items[places->item_count++] = (struct item){ literal, start + probe, start, value };
		if (literal->nocase && match_upper(value) != value)
			places->items[places->item_count++] =
				(struct item){ literal, start + probe, start, match_upper(value) };
	}
}

static int compare_items(const void *left, const void *right)
{
	const struct item *a = left, *b = right;

	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return (int)a->value - (int)b->value;
}

static void index_items(struct places *places)
{
	struct place *place = NULL;

	qsort(places->items, places->item_count, sizeof(*places->items), compare_items);
	for (size_t i = 0; i < places->item_count; i++) {
		const struct item *item = &places->items[i];

		if (i == 0 || compare_items(item, item - 1) != 0)
			places->runs[places->run_count++] = (uint32_t)i;
		if (i == 0 || item->offset != item[-1].offset) {
			place = &places->places[places->place_count++];
			place->offset = item->offset;
			place->below[0] = (uint32_t)places->run_count - 1;
		}
		place->marked[item->value / 64] |= UINT64_C(1) << item->value % 64;
	}
	places->runs[places->run_count] = (uint32_t)places->item_count;
	for (size_t i = 0; i < places->place_count; i++)
		for (size_t word = 1; word < 4; word++)
			places->places[i].below[word] =
				places->places[i].below[word - 1] +
				(uint32_t)__builtin_popcountll(places->places[i].marked[word - 1]);
}

int places_new(const struct places_literal *literals, size_t count, struct places **ret)
{
	struct places *places = calloc(1, sizeof(*places));
	size_t room = 1;

	if (!places)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < count; i++)
		room += ITEMS_PER_START * ((size_t)literals[i].last - literals[i].first + 1);
	places->literals = calloc(count + 1, sizeof(*places->literals));
	places->items = calloc(room, sizeof(*places->items));
	places->runs = calloc(room, sizeof(*places->runs));
	places->places = calloc(room, sizeof(*places->places));
	if (!places->literals || !places->items || !places->runs || !places->places) {
		places_free(places);
		return LUYTRE_E_NOMEM;
	}
	places->literal_count = count;
	for (size_t i = 0; i < count; i++) {
		places->literals[i] = literals[i];
		add_items(places, &places->literals[i]);
	}
	index_items(places);
	/* Most strings share their place with others. */
	struct place *smaller = realloc(places->places, (places->place_count + 1) * sizeof(*smaller));

	if (smaller)
		places->places = smaller;
	*ret = places;
	return 0;
}

void places_free(struct places *places)
{
	if (!places)
		return;
	free(places->literals);
	free(places->items);
	free(places->runs);
	free(places->places);
	free(places);
}

static bool check_run(const struct places *places, size_t number, struct bytes in, places_hit_fn hit, void *context)
{
	for (uint32_t i = places->runs[number]; i < places->runs[number + 1]; i++) {
		const struct item *item = &places->items[i];
		const struct places_literal *literal = item->literal;
		struct bytes there;

		if (literal->bytes.size > in.size || item->start > in.size - literal->bytes.size)
			continue;
		there = bytes_of(in.ptr + item->start, literal->bytes.size);
		if (literal->nocase ? !finder_equal_nocase(there, literal->bytes) : !bytes_equal(there, literal->bytes))
			continue;
		if (!hit(context, literal->id, item->start + literal->bytes.size))
			return false;
	}
	return true;
}

bool places_scan(const struct places *places, struct bytes in, places_hit_fn hit, void *context)
{
	for (size_t i = 0; i < places->place_count; i++) {
		const struct place *place = &places->places[i];
		uint8_t value;
		uint64_t word;

		if (place->offset >= in.size)
			break;
		value = in.ptr[place->offset];
		word = place->marked[value / 64];
		if ((word >> value % 64 & 1) == 0)
			continue;
		word &= (UINT64_C(1) << value % 64) - 1;
		if (!check_run(places, place->below[value / 64] + (size_t)__builtin_popcountll(word), in, hit, context))
			return false;
	}
	return true;
}

size_t places_memory(const struct places *places)
{
	return sizeof(*places) + (places->literal_count + 1) * sizeof(*places->literals) +
	       (places->item_count + 1) * (sizeof(*places->items) + sizeof(*places->runs)) +
	       (places->place_count + 1) * sizeof(*places->places);
}
