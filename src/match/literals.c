// SPDX-License-Identifier: Apache-2.0
/* From what was added to what is searched, by sorting:
 *
 *	record	one call of add
 *	entry	records with the same string, window and flags; they share a run of 'ids'
 *	string	entries with the same bytes and case rule; searched once
 *
 * A searcher finds a string; report() asks each entry of it whether this place counts. */
#include "match/literals.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "match/internal.h"
#include "match/literals-internal.h"
#include "match/pairs.h"
#include "match/places.h"
#include "match/scratch.h"

/* A string must have this many bytes behind its leading NULs for the automaton. One-byte strings, which stand everywhere,
 * slow it down to a quarter; from two bytes on it is quicker with the strings than the map of pairs beside it (README.md has
 * the numbers). */
#define AUTOMATON_SIZE_MIN 2

/* Strings shorter than this that must end within the first HEAD_SIZE_MAX bytes are looked for only there. */
#define HEAD_STRING_SIZE 4
#define HEAD_SIZE_MAX    256

/* Strings that can begin at no more places than this are compared there and nowhere else. */
#define PLACES_MAX 4

int literal_set_prepare(const struct literal_set *set, struct match_scratch *scratch)
{
	if (set->entry_count > scratch->seen_count) {
		uint32_t *seen = realloc(scratch->seen, set->entry_count * sizeof(*seen));

		if (!seen)
			return LUYTRE_E_NOMEM;
		memset(seen + scratch->seen_count, 0, (set->entry_count - scratch->seen_count) * sizeof(*seen));
		scratch->seen = seen;
		scratch->seen_count = set->entry_count;
	}
	if (set->automaton) {
		hs_scratch_t *grown = NULL;

		/* On a copy, because a scratch that could not grow is gone. */
		if (scratch->automaton && hs_clone_scratch(scratch->automaton, &grown) != HS_SUCCESS)
			return LUYTRE_E_NOMEM;
		if (hs_alloc_scratch(set->automaton, &grown) != HS_SUCCESS) {
			hs_free_scratch(grown);
			return LUYTRE_E_NOMEM;
		}
		hs_free_scratch(scratch->automaton);
		scratch->automaton = grown;
	}
	return 0;
}

/* ---- scan ---- */

struct scan {
	const struct literal_set *set;
	struct match_scratch *scratch;
	struct bytes in;
	literal_hit_fn hit;
	void *context;
};

/* The string stands in the buffer and ends at 'end'. */
static bool report(struct scan *scan, const struct literal_string *string, size_t end)
{
	const struct literal_set *set = scan->set;

	for (uint32_t i = string->entry; i < string[1].entry; i++) {
		const struct literal_entry *entry = &set->entries[i];

		if (end < entry->min_end || end > entry->max_end)
			continue;
		if (entry->flags != 0) {
			if (entry->flags & LITERAL_AT_END && end != scan->in.size)
				continue;
			if (entry->flags & LITERAL_ONCE) {
				if (scan->scratch->seen[i] == scan->scratch->round)
					continue;
				scan->scratch->seen[i] = scan->scratch->round;
			}
		}
		if (!scan->hit(scan->context, set->ids + entry->id, entry[1].id - entry->id, end))
			return false;
	}
	return true;
}

static bool string_hit(void *context, uint32_t id, size_t end)
{
	struct scan *scan = context;

	return report(scan, &scan->set->strings[id], end);
}

static int automaton_hit(
	unsigned int id, unsigned long long from, unsigned long long to, unsigned int flags, void *context)
{
	struct scan *scan = context;
	const struct literal_string *string;

	/* A decoy. */
	if (id >= scan->set->string_count)
		return 0;
	string = &scan->set->strings[id];
	if (string->skipped != 0) {
		/* It knows the string without its leading NULs. */
		if (to < string->bytes.size)
			return 0;
		if (memcmp(scan->in.ptr + to - string->bytes.size, string->bytes.ptr, string->skipped) != 0)
			return 0;
	}
	return report(scan, string, (size_t)to) ? 0 : 1;
}

static void next_round(struct match_scratch *scratch)
{
	if (++scratch->round != 0)
		return;
	/* After four billion scans the old marks would seem to be of this round. */
	memset(scratch->seen, 0, scratch->seen_count * sizeof(*scratch->seen));
	scratch->round = 1;
}

int literal_set_scan(const struct literal_set *set, struct match_scratch *scratch, struct bytes in, literal_hit_fn hit,
	void *context)
{
	struct scan scan = { .set = set, .scratch = scratch, .in = in, .hit = hit, .context = context };
	hs_error_t error;

	if (in.size == 0 || set->entry_count == 0)
		return 0;
	if (in.size > UINT32_MAX)
		return LUYTRE_E_RANGE;
	if (set->entry_count > scratch->seen_count || (set->automaton && !scratch->automaton))
		return LUYTRE_E_INVALID;
	next_round(scratch);
	if (set->places && !places_scan(set->places, in, string_hit, &scan))
		return 0;
	if (set->head && !pairs_scan(set->head, bytes_first(in, set->head_size), string_hit, &scan))
		return 0;
	if (set->pairs && !pairs_scan(set->pairs, in, string_hit, &scan))
		return 0;
	if (!set->automaton)
		return 0;
	error = hs_scan(set->automaton, (const char *)in.ptr, (unsigned int)in.size, 0, scratch->automaton,
		automaton_hit, &scan);
	return error == HS_SUCCESS || error == HS_SCAN_TERMINATED ? 0 : LUYTRE_E_INVALID;
}

/* ---- compile ---- */

/* Numbers of leading NULs: Vectorscan's interface for literals takes none that begins with one. */
static uint32_t leading_nuls(struct bytes bytes)
{
	uint32_t count = 0;

	while (count < bytes.size && bytes.ptr[count] == 0)
		count++;
	return count;
}

static size_t largest_end(const struct literal_set *set, const struct literal_string *string)
{
	size_t largest = 0;

	for (uint32_t i = string->entry; i < string[1].entry; i++) {
		if (set->entries[i].max_end > largest)
			largest = set->entries[i].max_end;
	}
	return largest;
}

/* The smallest offset at which the string may begin and count. */
static size_t smallest_start(const struct literal_set *set, const struct literal_string *string)
{
	size_t smallest = SIZE_MAX;

	for (uint32_t i = string->entry; i < string[1].entry; i++) {
		size_t min_end = set->entries[i].min_end, size = string->bytes.size;
		size_t start = min_end > size ? min_end - size : 0;

		if (start < smallest)
			smallest = start;
	}
	return smallest;
}

static bool has_few_places(const struct literal_set *set, const struct literal_string *string)
{
	size_t end = largest_end(set, string);

	return end <= HEAD_SIZE_MAX && end - string->bytes.size < smallest_start(set, string) + PLACES_MAX;
}

/* A change here is a change of the file format too (literals-file.c). */
static enum literal_searcher choose_searcher(const struct literal_set *set, const struct literal_string *string)
{
	if (has_few_places(set, string))
		return LITERAL_SEARCHER_PLACES;
	if (string->bytes.size < HEAD_STRING_SIZE && largest_end(set, string) <= HEAD_SIZE_MAX)
		return LITERAL_SEARCHER_HEAD;
	if (string->bytes.size - leading_nuls(string->bytes) < AUTOMATON_SIZE_MIN)
		return LITERAL_SEARCHER_PAIRS;
	return LITERAL_SEARCHER_AUTOMATON;
}

/* Whether the first place of the string settles all of its entries. */
static bool first_is_enough(const struct literal_set *set, const struct literal_string *string)
{
	for (uint32_t i = string->entry; i < string[1].entry; i++) {
		const struct literal_entry *entry = &set->entries[i];

		if (entry->flags != LITERAL_ONCE || entry->min_end > string->bytes.size)
			return false;
	}
	return true;
}

/* Makes the map of pairs of the strings that 'searcher' finds; none for no strings. */
static int make_pairs(struct literal_set *set, enum literal_searcher searcher, struct pairs **ret)
{
	size_t count = 0;
	struct pairs_literal *literals;
	int error;

	if (set->searcher_count[searcher] == 0)
		return 0;
	literals = calloc(set->searcher_count[searcher], sizeof(*literals));
	if (!literals)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < set->string_count; i++) {
		const struct literal_string *string = &set->strings[i];

		if (string->searcher != searcher)
			continue;
		literals[count++] = (struct pairs_literal){
			.bytes = string->bytes,
			.id = (uint32_t)i,
			.nocase = string->nocase,
			.first_only = first_is_enough(set, string),
		};
		if (searcher == LITERAL_SEARCHER_HEAD && largest_end(set, string) > set->head_size)
			set->head_size = largest_end(set, string);
	}
	error = pairs_new(literals, count, ret);
	free(literals);
	return error;
}

static int make_places(struct literal_set *set)
{
	size_t count = 0;
	struct places_literal *literals;
	int error;

	if (set->searcher_count[LITERAL_SEARCHER_PLACES] == 0)
		return 0;
	literals = calloc(set->searcher_count[LITERAL_SEARCHER_PLACES], sizeof(*literals));
	if (!literals)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < set->string_count; i++) {
		const struct literal_string *string = &set->strings[i];

		if (string->searcher == LITERAL_SEARCHER_PLACES)
			literals[count++] = (struct places_literal){
				.bytes = string->bytes,
				.id = (uint32_t)i,
				.first = (uint32_t)smallest_start(set, string),
				.last = (uint32_t)(largest_end(set, string) - string->bytes.size),
				.nocase = string->nocase,
			};
	}
	error = places_new(literals, count, &set->places);
	free(literals);
	return error;
}

/* Sorts the strings to their searchers; makes all but the automaton. */
static int set_new(const struct literal_set_builder *builder, struct literal_set **ret)
{
	struct literal_set *set;
	int error = literal_set_sort(builder, &set);

	if (error < 0)
		return error;
	for (size_t i = 0; i < set->string_count; i++) {
		struct literal_string *string = &set->strings[i];

		string->searcher = choose_searcher(set, string);
		string->skipped = string->searcher == LITERAL_SEARCHER_AUTOMATON ? leading_nuls(string->bytes) : 0;
		set->searcher_count[string->searcher]++;
	}
	error = make_pairs(set, LITERAL_SEARCHER_HEAD, &set->head);
	if (error == 0)
		error = make_pairs(set, LITERAL_SEARCHER_PAIRS, &set->pairs);
	if (error == 0)
		error = make_places(set);
	if (error < 0) {
		literal_set_free(set);
		return error;
	}
	*ret = set;
	return 0;
}

/* Vectorscan (seen with 5.4.9) misses strings behind stretches without any near miss when the bytes of a set are so few that
 * it can leap over such stretches with vector instructions; Hyperscan, of which it is a fork, does not. Strings that use
 * every byte value keep it from leaping. They are told under numbers that no string has. */
#define DECOY_COUNT 64
#define DECOY_SIZE  8

/* The last Hyperscan is 5.4.2, the first Vectorscan 5.4.3. */
static bool needs_decoys(void)
{
	unsigned int major = 0, minor = 0, patch = 0;

	return sscanf(hs_version(), "%u.%u.%u", &major, &minor, &patch) != 3 || patch > 2;
}

static void make_decoys(uint8_t decoys[DECOY_COUNT][DECOY_SIZE])
{
	for (unsigned int i = 0; i < DECOY_COUNT; i++) {
		for (unsigned int j = 0; j < DECOY_SIZE; j++)
			decoys[i][j] = (uint8_t)(i * (2 * j + 1) * 37 + j * 91 + i / 7 + 1);
		/* No NUL at the start: see leading_nuls(). */
		decoys[i][0] |= decoys[i][0] == 0;
	}
}

/* The four parallel arrays that Vectorscan wants. */
struct hs_input {
	const char **texts;
	unsigned int *flags, *ids;
	size_t *sizes;
	unsigned int count;
	uint8_t decoys[DECOY_COUNT][DECOY_SIZE];
};

static void hs_input_done(struct hs_input *input)
{
	free(input->texts);
	free(input->flags);
	free(input->ids);
	free(input->sizes);
}

static void hs_input_add(struct hs_input *input, struct bytes text, unsigned int flags, unsigned int id)
{
	input->texts[input->count] = (const char *)text.ptr;
	input->sizes[input->count] = text.size;
	input->flags[input->count] = flags;
	input->ids[input->count] = id;
	input->count++;
}

static int hs_input_init(struct hs_input *input, const struct literal_set *set)
{
	size_t count = set->searcher_count[LITERAL_SEARCHER_AUTOMATON] + DECOY_COUNT;

	*input = (struct hs_input){
		.texts = calloc(count, sizeof(*input->texts)),
		.flags = calloc(count, sizeof(*input->flags)),
		.ids = calloc(count, sizeof(*input->ids)),
		.sizes = calloc(count, sizeof(*input->sizes)),
	};
	if (!input->texts || !input->flags || !input->ids || !input->sizes) {
		hs_input_done(input);
		return LUYTRE_E_NOMEM;
	}
	for (size_t i = 0; i < set->string_count; i++) {
		const struct literal_string *string = &set->strings[i];
		struct bytes text = bytes_skip(string->bytes, string->skipped);

		if (string->searcher == LITERAL_SEARCHER_AUTOMATON)
			hs_input_add(input, text, string->nocase ? HS_FLAG_CASELESS : 0, (unsigned int)i);
	}
	if (needs_decoys()) {
		make_decoys(input->decoys);
		for (unsigned int i = 0; i < DECOY_COUNT; i++)
			hs_input_add(input, bytes_of(input->decoys[i], DECOY_SIZE), 0, (unsigned int)set->string_count);
	}
	return 0;
}

static int compile_automaton(struct literal_set *set)
{
	struct hs_input input;
	hs_compile_error_t *complaint = NULL;
	hs_error_t result;
	int error;

	if (set->searcher_count[LITERAL_SEARCHER_AUTOMATON] == 0)
		return 0;
	if (hs_valid_platform() != HS_SUCCESS)
		return LUYTRE_E_UNSUPPORTED;
	error = hs_input_init(&input, set);
	if (error < 0)
		return error;
	/* HS_FLAG_SINGLEMATCH is not used for LITERAL_ONCE: it costs a tenth, the marks in the scratch cost nothing. */
	result = hs_compile_lit_multi(input.texts, input.flags, input.ids, input.sizes, input.count, HS_MODE_BLOCK,
		NULL, &set->automaton, &complaint);
	hs_input_done(&input);
	if (result == HS_SUCCESS)
		return 0;
	/* It has no other reason to refuse: a literal has no syntax, and the sizes are bounded. */
	hs_free_compile_error(complaint);
	return LUYTRE_E_NOMEM;
}

int literal_set_compile(const struct literal_set_builder *builder, struct literal_set **ret)
{
	struct literal_set *set;
	int error = set_new(builder, &set);

	if (error < 0)
		return error;
	error = compile_automaton(set);
	if (error < 0) {
		literal_set_free(set);
		return error;
	}
	*ret = set;
	return 0;
}

int literal_set_load(const struct literal_set_builder *builder, struct bytes saved, struct literal_set **ret)
{
	struct literal_set *set;
	int error = set_new(builder, &set);

	if (error < 0)
		return error;
	error = literal_set_read_automaton(set, saved);
	if (error < 0) {
		literal_set_free(set);
		return error;
	}
	*ret = set;
	return 0;
}

void literal_set_free(struct literal_set *set)
{
	if (!set)
		return;
	hs_free_database(set->automaton);
	places_free(set->places);
	pairs_free(set->head);
	pairs_free(set->pairs);
	free(set->text);
	free(set->strings);
	free(set->entries);
	free(set->ids);
	free(set);
}

size_t literal_set_longest(const struct literal_set *set)
{
	return set->longest_size;
}

struct literal_set_info literal_set_info(const struct literal_set *set)
{
	struct literal_set_info info = {
		.automaton_count = set->searcher_count[LITERAL_SEARCHER_AUTOMATON],
		.pairs_count = set->searcher_count[LITERAL_SEARCHER_PAIRS],
		.head_count = set->searcher_count[LITERAL_SEARCHER_HEAD],
		.places_count = set->searcher_count[LITERAL_SEARCHER_PLACES],
		.memory_bytes = sizeof(*set) + set->text_size + (set->string_count + 1) * sizeof(*set->strings) +
				(set->entry_count + 1) * sizeof(*set->entries) + set->id_count * sizeof(*set->ids),
	};

	if (set->automaton && hs_database_size(set->automaton, &info.automaton_bytes) != HS_SUCCESS)
		info.automaton_bytes = 0;
	info.memory_bytes += info.automaton_bytes;
	info.memory_bytes += set->pairs ? pairs_memory(set->pairs) : 0;
	info.memory_bytes += set->places ? places_memory(set->places) : 0;
	info.memory_bytes += set->head ? pairs_memory(set->head) : 0;
	return info;
}
