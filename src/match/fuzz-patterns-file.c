// SPDX-License-Identifier: Apache-2.0
/* Saved automatons of sets of patterns as they might be found on disk. Each input is loaded as it is; then its bytes are laid over a file that is in
 * order, whose checksum is made right again, so that what lies behind the checksum is reached too. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "match/patterns.h"
#include "match/scratch.h"

/* Behind what names format and content, which a changed byte would make a foreign file. */
#define PLACE_OF_COUNT 28
#define SUM_SIZE       8
/* The one that has all patterns. */
#define PART (PATTERN_TIERS - 1)

static struct pattern_set_builder *make_builder(void)
{
	static const char *const texts[] = { "sel.ct", "(a)\\1", "x[yz]+", "(*ACCEPT)q" };
	struct pattern_set_builder *builder = pattern_set_builder_new();

	assert(builder);
	for (uint32_t i = 0; i < ARRAY_COUNT(texts); i++) {
		int error = pattern_set_builder_add(
			builder, &(struct pattern){ .text = bytes_from_str(texts[i]), .id = i });

		assert(error == 0);
	}
	return builder;
}

static struct pattern_set *make_set(const struct pattern_set_builder *builder)
{
	struct pattern_set *set;
	int error = pattern_set_new(builder, &set);

	assert(error == 0);
	return set;
}

/* Whatever is accepted can be scanned with. */
static void load(const struct pattern_set_builder *builder, struct bytes saved)
{
	struct match_scratch *scratch;
	struct pattern_set *set = make_set(builder);
	uint64_t bits[1] = { 0 };

	if (pattern_set_part_load(set, PART, saved) < 0 || pattern_set_finish(set) < 0) {
		pattern_set_free(set);
		return;
	}
	scratch = match_scratch_new();
	assert(scratch);
	if (pattern_set_prepare(set, scratch) == 0 &&
		pattern_set_scan(set, scratch, bytes_from_str("aa select xyz <"), bits))
		assert(bits[0] < 16);
	match_scratch_free(scratch);
	pattern_set_free(set);
}

static void load_changed(const struct pattern_set_builder *builder, struct bytes change)
{
	/* As in automaton.c. */
	static const struct siphash_key sum_key = { UINT64_C(0x4c54504154534554), UINT64_C(0x7061747465726e73) };
	struct pattern_set *set = make_set(builder);
	uint8_t *saved;
	size_t size;
	uint64_t sum;
	int error = pattern_set_part_compile(set, PART);

	assert(error == 0);
	error = pattern_set_part_save(set, PART, &saved, &size);
	assert(error == 0);
	for (size_t i = 0; i < change.size && PLACE_OF_COUNT + i < size - SUM_SIZE; i++)
		saved[PLACE_OF_COUNT + i] ^= change.ptr[i];
	sum = siphash24(sum_key, saved, size - SUM_SIZE);
	memcpy(saved + size - SUM_SIZE, &sum, sizeof(sum));
	load(builder, bytes_of(saved, size));
	free(saved);
	pattern_set_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pattern_set_builder *builder = make_builder();

	load(builder, bytes_of(data, size));
	load_changed(builder, bytes_of(data, size));
	pattern_set_builder_free(builder);
	return 0;
}
