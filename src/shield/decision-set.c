// SPDX-License-Identifier: Apache-2.0
#include "shield/decision-set.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum {
	BLOCK_MAX = 128,
	BLOCK_FILL = 104, /* of a bulk load: room for later inserts */
};

void decision_set_done(struct decision_set *set)
{
	for (uint32_t i = 0; i < set->block_count; i++)
		free(set->blocks[i].records);
	free(set->blocks);
	*set = (struct decision_set){ 0 };
}

static uint64_t record_rank(const struct decision_record *record)
{
	return (uint64_t)record->length << 32 | (uint64_t)record->tenant << 16 | (uint64_t)record->action << 8 |
	       record->list;
}

int decision_record_compare(const struct decision_record *left, const struct decision_record *right)
{
	uint64_t left_rank, right_rank;

	if (left->high != right->high)
		return left->high < right->high ? -1 : 1;
	if (left->low != right->low)
		return left->low < right->low ? -1 : 1;
	left_rank = record_rank(left);
	right_rank = record_rank(right);
	return (left_rank > right_rank) - (left_rank < right_rank);
}

/* ---- sorting -----------------------------------------------------------------------------------------------------*/

enum {
	DIGIT_BITS = 11,
	DIGITS = 1 << DIGIT_BITS,
};

struct sort_key {
	uint64_t high;
	uint32_t index;
};

static int compare(const void *left, const void *right)
{
	return decision_record_compare(left, right);
}

/* One round of a radix sort: stable by one digit. False when all digits are the same and nothing was moved. */
static bool sort_by_digit(const struct sort_key *from, struct sort_key *to, size_t count, uint32_t shift)
{
	size_t place[DIGITS] = { 0 }, sum = 0;

	for (size_t i = 0; i < count; i++)
		place[from[i].high >> shift & (DIGITS - 1)]++;
	if (place[from[0].high >> shift & (DIGITS - 1)] == count)
		return false;
	for (size_t i = 0; i < DIGITS; i++) {
		size_t here = place[i];

		place[i] = sum;
		sum += here;
	}
	for (size_t i = 0; i < count; i++)
		to[place[from[i].high >> shift & (DIGITS - 1)]++] = from[i];
	return true;
}

/* Sorts by the upper half of the address alone. */
static void sort_keys(struct sort_key *keys, struct sort_key *spare, const struct decision_record *records,
	size_t count, struct decision_record *ret_sorted)
{
	for (size_t i = 0; i < count; i++)
		keys[i] = (struct sort_key){ .high = records[i].high, .index = (uint32_t)i };
	for (uint32_t shift = 0; shift < 64; shift += DIGIT_BITS) {
		if (sort_by_digit(keys, spare, count, shift)) {
			struct sort_key *swap = keys;

			keys = spare;
			spare = swap;
		}
	}
	for (size_t i = 0; i < count; i++)
		ret_sorted[i] = records[keys[i].index];
}

/* Sorts what has the same upper half. */
static void sort_ties(struct decision_record *records, size_t count)
{
	for (size_t first = 0, behind; first < count; first = behind) {
		for (behind = first + 1; behind < count && records[behind].high == records[first].high; behind++)
			;
		if (behind - first > 1)
			qsort(records + first, behind - first, sizeof(*records), compare);
	}
}

void decision_records_sort(struct decision_record **records, size_t count)
{
	struct sort_key *keys, *spare;
	struct decision_record *sorted;
	size_t at = 1;

	/* Files are often in order already. */
	while (at < count && decision_record_compare(&(*records)[at - 1], &(*records)[at]) <= 0)
		at++;
	if (at >= count)
		return;
	/* Three times as fast as qsort for a million random addresses; without memory qsort will do. */
	keys = malloc(count * sizeof(*keys));
	spare = malloc(count * sizeof(*spare));
	sorted = malloc(count * sizeof(*sorted));
	if (keys && spare && sorted) {
		sort_keys(keys, spare, *records, count, sorted);
		sort_ties(sorted, count);
		free(*records);
		*records = sorted;
	} else {
		free(sorted);
		qsort(*records, count, sizeof(**records), compare);
	}
	free(keys);
	free(spare);
}

/* ---- blocks ------------------------------------------------------------------------------------------------------*/

/* Does the block begin behind the key? */
static bool block_begins_behind(const struct decision_block *block, const struct decision_record *key)
{
	if (block->high != key->high)
		return block->high > key->high;
	if (block->low != key->low)
		return block->low > key->low;
	return decision_record_compare(&block->records[0], key) > 0;
}

/* The last block that does not begin behind the key, or the first. */
static uint32_t block_for(const struct decision_set *set, const struct decision_record *key)
{
	uint32_t low = 0, high = set->block_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (block_begins_behind(&set->blocks[middle], key))
			high = middle;
		else
			low = middle + 1;
	}
	return low > 0 ? low - 1 : 0;
}

struct decision_pos decision_set_find(const struct decision_set *set, const struct decision_record *key)
{
	struct decision_pos pos = { .block = block_for(set, key) };
	uint32_t low = 0, high;

	if (pos.block >= set->block_count)
		return pos;
	high = set->blocks[pos.block].count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (decision_record_compare(&set->blocks[pos.block].records[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	pos.at = low;
	if (low == set->blocks[pos.block].count)
		pos = (struct decision_pos){ .block = pos.block + 1 };
	return pos;
}

struct decision_record *decision_set_get(const struct decision_set *set, const struct decision_record *key)
{
	struct decision_record *found = decision_set_at(set, decision_set_find(set, key));

	return found && decision_record_compare(found, key) == 0 ? found : NULL;
}

static void block_refresh(struct decision_block *block)
{
	block->high = block->records[0].high;
	block->low = block->records[0].low;
}

/* Makes room for a new empty block at 'at'. */
static int block_insert(struct decision_set *set, uint32_t at)
{
	struct decision_record *records;

	if (set->block_count == set->block_size) {
		uint32_t size = set->block_size ? set->block_size * 2 : 16;
		struct decision_block *grown = realloc(set->blocks, size * sizeof(*grown));

		if (!grown)
			return LUYTRE_E_NOMEM;
		set->blocks = grown;
		set->block_size = size;
	}
	records = malloc(BLOCK_MAX * sizeof(*records));
	if (!records)
		return LUYTRE_E_NOMEM;
	memmove(&set->blocks[at + 1], &set->blocks[at], (set->block_count - at) * sizeof(*set->blocks));
	set->blocks[at] = (struct decision_block){ .records = records, .expiry_min = DECISION_TICK_NEVER };
	set->block_count++;
	return 0;
}

/* Moves the upper half of a full block to a new one behind it. */
static int block_split(struct decision_set *set, uint32_t at)
{
	struct decision_block *block, *upper;
	int error = block_insert(set, at + 1);

	if (error < 0)
		return error;
	block = &set->blocks[at];
	upper = &set->blocks[at + 1];
	block->count = BLOCK_MAX / 2;
	upper->count = BLOCK_MAX - BLOCK_MAX / 2;
	memcpy(upper->records, block->records + block->count, upper->count * sizeof(*upper->records));
	upper->expiry_min = block->expiry_min;
	block_refresh(upper);
	return 0;
}

static void account(struct decision_set *set, struct decision_block *block, const struct decision_record *record)
{
	if (set->count == 0)
		set->expiry_min = DECISION_TICK_NEVER;
	set->count++;
	set->of_length[record->length]++;
	if (record->expiry < block->expiry_min)
		block->expiry_min = record->expiry;
	if (record->expiry < set->expiry_min)
		set->expiry_min = record->expiry;
}

int decision_set_insert(struct decision_set *set, const struct decision_record *record)
{
	uint32_t at = block_for(set, record), low = 0;
	struct decision_block *block;

	if (set->block_count == 0 && block_insert(set, 0) < 0)
		return LUYTRE_E_NOMEM;
	if (set->blocks[at].count == BLOCK_MAX) {
		if (block_split(set, at) < 0)
			return LUYTRE_E_NOMEM;
		at = block_for(set, record);
	}
	block = &set->blocks[at];
	while (low < block->count && decision_record_compare(&block->records[low], record) < 0)
		low++;
	memmove(&block->records[low + 1], &block->records[low], (block->count - low) * sizeof(*block->records));
	block->records[low] = *record;
	block->count++;
	block_refresh(block);
	account(set, block, record);
	return 0;
}

int decision_set_append(struct decision_set *set, const struct decision_record *record)
{
	struct decision_block *block;

	if (set->block_count == 0 || set->blocks[set->block_count - 1].count >= BLOCK_FILL) {
		if (block_insert(set, set->block_count) < 0)
			return LUYTRE_E_NOMEM;
	}
	block = &set->blocks[set->block_count - 1];
	block->records[block->count++] = *record;
	block_refresh(block);
	account(set, block, record);
	return 0;
}

void decision_set_erase(struct decision_set *set, const struct decision_record *key)
{
	struct decision_pos pos = decision_set_find(set, key);
	struct decision_block *block = &set->blocks[pos.block];

	set->count--;
	set->of_length[key->length]--;
	block->count--;
	memmove(&block->records[pos.at], &block->records[pos.at + 1],
		(block->count - pos.at) * sizeof(*block->records));
	if (block->count > 0) {
		block_refresh(block);
		return;
	}
	free(block->records);
	set->block_count--;
	memmove(block, block + 1, (set->block_count - pos.block) * sizeof(*block));
}

void decision_set_expiry_changed(struct decision_set *set, const struct decision_record *record)
{
	struct decision_block *block = &set->blocks[block_for(set, record)];

	if (record->expiry < block->expiry_min)
		block->expiry_min = record->expiry;
	if (record->expiry < set->expiry_min)
		set->expiry_min = record->expiry;
}

/* The first expired record of the block; brings the block's minimum up to date when there is none. */
static const struct decision_record *block_expired(struct decision_block *block, uint32_t tick)
{
	uint32_t earliest = DECISION_TICK_NEVER;

	for (uint32_t i = 0; i < block->count; i++) {
		if (block->records[i].expiry <= tick)
			return &block->records[i];
		if (block->records[i].expiry < earliest)
			earliest = block->records[i].expiry;
	}
	block->expiry_min = earliest;
	return NULL;
}

const struct decision_record *decision_set_expired(struct decision_set *set, uint32_t tick)
{
	uint32_t earliest = DECISION_TICK_NEVER;

	if (set->count == 0 || set->expiry_min > tick)
		return NULL;
	for (uint32_t i = 0; i < set->block_count; i++) {
		struct decision_block *block = &set->blocks[i];
		const struct decision_record *found = block->expiry_min <= tick ? block_expired(block, tick) : NULL;

		if (found)
			return found;
		if (block->expiry_min < earliest)
			earliest = block->expiry_min;
	}
	set->expiry_min = earliest;
	return NULL;
}
