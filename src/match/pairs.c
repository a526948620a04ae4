// SPDX-License-Identifier: Apache-2.0
/* The literals of one pair stand side by side in 'items'. The number of a pair is the count of marked pairs below it: a
 * population count in its word plus the count stored for the words before. */
#include "match/pairs.h"

#include <stdlib.h>

#include "base/error.h"
#include "match/finder.h"
#include "match/internal.h"

/* So few strings are searched one by one, each with its finder: some 30 bytes a nanosecond, and no map to keep in the cache. */
#define FINDERS_MAX 4

#define PAIR_COUNT 65536
#define WORD_COUNT (PAIR_COUNT / 64)

struct pair_item {
	const struct pairs_literal *literal; /* in pairs.literals */
	uint16_t pair;
	uint16_t offset; /* of the pair in the literal */
};

struct single {
	const struct pairs_literal *literal;
	uint8_t byte;
};

struct string {
	const struct pairs_literal *literal;
	struct finder finder;
};

struct pairs {
	uint8_t is_marked[PAIR_COUNT]; /* 1: some literal has this pair; all that the loop over the buffer reads */
	uint64_t marked[WORD_COUNT]; /* the same as bits, for counting: bit p % 64 of word p / 64 */
	uint16_t below[WORD_COUNT]; /* marked pairs in the words before */
	uint32_t *starts; /* owned; by number of the pair, one more at the end */
	struct pair_item *items; /* owned; sorted by pair */
	struct single *singles; /* owned */
	struct pairs_literal *literals; /* owned */
	struct string strings[FINDERS_MAX]; /* in place of items */
	size_t string_count, item_count, single_count, literal_count, pair_count;
};

/* A literal that ignores case counts under up to four pairs. */
#define PAIRS_PER_LITERAL 4

/* As two bytes lie in memory: the same value for a literal and for the buffer, on either byte order. */
static inline uint16_t load_pair(const uint8_t *at)
{
	uint16_t pair;

	memcpy(&pair, at, sizeof(pair));
	return pair;
}

static unsigned int weight_of(const struct pairs_literal *literal, size_t offset)
{
	uint8_t byte = literal->bytes.ptr[offset];
	uint8_t lower = match_byte_weight[byte], upper = match_byte_weight[match_upper(byte)];

	return literal->nocase && upper > lower ? upper : lower;
}

/* Offset of the rarest pair; the map of offsets ends at 65,535, which literals do not reach (LITERAL_SIZE_MAX). */
static uint16_t rarest_pair(const struct pairs_literal *literal)
{
	size_t best = 0;
	unsigned int best_weight = weight_of(literal, 0) + weight_of(literal, 1);

	for (size_t i = 1; i + 1 < literal->bytes.size; i++) {
		unsigned int weight = weight_of(literal, i) + weight_of(literal, i + 1);

		if (weight < best_weight) {
			best = i;
			best_weight = weight;
		}
	}
	return (uint16_t)best;
}

static void add_single(struct pairs *pairs, const struct pairs_literal *literal)
{
	uint8_t byte = literal->bytes.ptr[0];

	pairs->singles[pairs->single_count++] = (struct single){ literal, byte };
	if (literal->nocase && match_upper(byte) != byte)
		pairs->singles[pairs->single_count++] = (struct single){ literal, match_upper(byte) };
}

static void add_items(struct pairs *pairs, const struct pairs_literal *literal)
{
	uint16_t offset = rarest_pair(literal);
	const uint8_t *at = literal->bytes.ptr + offset;

	for (unsigned int variant = 0; variant < PAIRS_PER_LITERAL; variant++) {
		uint8_t both[2] = { variant & 1 ? match_upper(at[0]) : at[0],
			variant & 2 ? match_upper(at[1]) : at[1] };
		/* A variant counts only when it changes what it says it does. */
		bool differs = (!(variant & 1) || both[0] != at[0]) && (!(variant & 2) || both[1] != at[1]);

		if (variant == 0 || (literal->nocase && differs))
			pairs->items[pairs->item_count++] = (struct pair_item){ literal, load_pair(both), offset };
	}
}

static int compare_items(const void *left, const void *right)
{
	const struct pair_item *a = left, *b = right;

	return (a->pair > b->pair) - (a->pair < b->pair);
}

static void index_items(struct pairs *pairs)
{
	uint16_t before = 0;

	qsort(pairs->items, pairs->item_count, sizeof(*pairs->items), compare_items);
	for (size_t i = 0; i < pairs->item_count; i++) {
		uint16_t pair = pairs->items[i].pair;

		if (i == 0 || pair != pairs->items[i - 1].pair)
			pairs->starts[pairs->pair_count++] = (uint32_t)i;
		pairs->marked[pair / 64] |= UINT64_C(1) << pair % 64;
		pairs->is_marked[pair] = 1;
	}
	pairs->starts[pairs->pair_count] = (uint32_t)pairs->item_count;
	for (size_t i = 0; i < WORD_COUNT; i++) {
		pairs->below[i] = before;
		before = (uint16_t)(before + __builtin_popcountll(pairs->marked[i]));
	}
}

static size_t count_strings(const struct pairs_literal *literals, size_t count)
{
	size_t strings = 0;

	for (size_t i = 0; i < count; i++)
		strings += literals[i].bytes.size > 1;
	return strings;
}

static void add_literal(struct pairs *pairs, const struct pairs_literal *literal, bool few)
{
	if (literal->bytes.size == 1) {
		add_single(pairs, literal);
	} else if (few) {
		struct string *string = &pairs->strings[pairs->string_count++];

		string->literal = literal;
		finder_init(&string->finder, literal->bytes, literal->nocase);
	} else {
		add_items(pairs, literal);
	}
}

int pairs_new(const struct pairs_literal *literals, size_t count, struct pairs **ret)
{
	bool few = count_strings(literals, count) <= FINDERS_MAX;
	struct pairs *pairs = calloc(1, sizeof(*pairs));

	if (!pairs)
		return LUYTRE_E_NOMEM;
	pairs->literals = calloc(count + 1, sizeof(*pairs->literals));
	pairs->items = calloc(count + 1, PAIRS_PER_LITERAL * sizeof(*pairs->items));
	pairs->starts = calloc(count + 1, PAIRS_PER_LITERAL * sizeof(*pairs->starts));
	pairs->singles = calloc(count + 1, 2 * sizeof(*pairs->singles));
	if (!pairs->literals || !pairs->items || !pairs->starts || !pairs->singles) {
		pairs_free(pairs);
		return LUYTRE_E_NOMEM;
	}
	pairs->literal_count = count;
	for (size_t i = 0; i < count; i++) {
		pairs->literals[i] = literals[i];
		add_literal(pairs, &pairs->literals[i], few);
	}
	index_items(pairs);
	*ret = pairs;
	return 0;
}

void pairs_free(struct pairs *pairs)
{
	if (!pairs)
		return;
	free(pairs->literals);
	free(pairs->items);
	free(pairs->starts);
	free(pairs->singles);
	free(pairs);
}

static bool scan_single(const struct single *single, struct bytes in, pairs_hit_fn hit, void *context)
{
	const uint8_t *end = in.ptr + in.size;
	const uint8_t *at = memchr(in.ptr, single->byte, in.size);

	while (at) {
		at++;
		if (!hit(context, single->literal->id, (size_t)(at - in.ptr)))
			return false;
		if (single->literal->first_only || at == end)
			break;
		at = memchr(at, single->byte, (size_t)(end - at));
	}
	return true;
}

static bool scan_string(const struct string *string, struct bytes in, pairs_hit_fn hit, void *context)
{
	size_t at = 0, place;

	while ((place = finder_find(&string->finder, bytes_skip(in, at))) != FINDER_NONE) {
		at += place;
		if (!hit(context, string->literal->id, at + string->literal->bytes.size))
			return false;
		if (string->literal->first_only)
			break;
		at++;
	}
	return true;
}

/* Compares the literals whose pair stands at 'at'. */
static bool check_pair(const struct pairs *pairs, struct bytes in, size_t at, pairs_hit_fn hit, void *context)
{
	uint16_t pair = load_pair(in.ptr + at);
	uint64_t lower_bits = pairs->marked[pair / 64] & ((UINT64_C(1) << pair % 64) - 1);
	size_t number = pairs->below[pair / 64] + (size_t)__builtin_popcountll(lower_bits);

	for (uint32_t i = pairs->starts[number]; i < pairs->starts[number + 1]; i++) {
		const struct pair_item *item = &pairs->items[i];
		const struct pairs_literal *literal = item->literal;
		struct bytes there;

		if (item->offset > at || literal->bytes.size > in.size - (at - item->offset))
			continue;
		there = bytes_of(in.ptr + at - item->offset, literal->bytes.size);
		if (literal->nocase ? !finder_equal_nocase(there, literal->bytes) : !bytes_equal(there, literal->bytes))
			continue;
		if (!hit(context, literal->id, at - item->offset + literal->bytes.size))
			return false;
	}
	return true;
}

bool pairs_scan(const struct pairs *pairs, struct bytes in, pairs_hit_fn hit, void *context)
{
	size_t at = 0;

	if (in.size == 0)
		return true;
	for (size_t i = 0; i < pairs->single_count; i++) {
		if (!scan_single(&pairs->singles[i], in, hit, context))
			return false;
	}
	for (size_t i = 0; i < pairs->string_count; i++) {
		if (!scan_string(&pairs->strings[i], in, hit, context))
			return false;
	}
	if (pairs->item_count == 0)
		return true;
	/* Eight places without a branch in between, then one branch for all of them: 2.4 GB/s, with bits for bytes 1.0. */
	for (; at + 8 < in.size; at += 8) {
		unsigned int found = 0;

#pragma GCC unroll 8
		for (unsigned int i = 0; i < 8; i++)
			found |= (unsigned int)pairs->is_marked[load_pair(in.ptr + at + i)] << i;
		for (; found != 0; found &= found - 1) {
			if (!check_pair(pairs, in, at + (size_t)__builtin_ctz(found), hit, context))
				return false;
		}
	}
	for (; at + 1 < in.size; at++) {
		if (pairs->is_marked[load_pair(in.ptr + at)] != 0 && !check_pair(pairs, in, at, hit, context))
			return false;
	}
	return true;
}

size_t pairs_memory(const struct pairs *pairs)
{
	return sizeof(*pairs) + (pairs->literal_count + 1) *
					(sizeof(*pairs->literals) + 2 * sizeof(*pairs->singles) +
						PAIRS_PER_LITERAL * (sizeof(*pairs->items) + sizeof(*pairs->starts)));
}
