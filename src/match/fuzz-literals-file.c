// SPDX-License-Identifier: Apache-2.0
/* Saved sets as they might be found on disk. Each input is loaded as it is; then its bytes are laid over a file that is in
 * order, whose checksum is made right again, so that what lies behind the checksum is reached too. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "match/literals.h"
#include "match/scratch.h"

/* The header without what names version, processor and content, which a changed byte would make a foreign file. */
#define PLACE_OF_SIZE 72
#define SUM_SIZE      8

static struct literal_set_builder *make_builder(void)
{
	static const char *const texts[] = { "first", "second", "third literal", "x", "fourth" };
	struct literal_set_builder *builder = literal_set_builder_new();

	assert(builder);
	for (uint32_t i = 0; i < ARRAY_COUNT(texts); i++) {
		int error = literal_set_builder_add(
			builder, &(struct literal){ .bytes = bytes_from_str(texts[i]), .id = i });

		assert(error == 0);
	}
	return builder;
}

static bool check_hit(void *context, const uint32_t *ids, size_t id_count, size_t end)
{
	assert(id_count == 1 && ids[0] < 5);
	return true;
}

/* Whatever is accepted can be scanned with. */
static void load(const struct literal_set_builder *builder, struct bytes saved)
{
	struct literal_set *set;
	struct match_scratch *scratch;
	int error = literal_set_load(builder, saved, &set);

	if (error < 0)
		return;
	scratch = match_scratch_new();
	assert(scratch);
	error = literal_set_prepare(set, scratch);
	assert(error == 0);
	error = literal_set_scan(set, scratch, bytes_from_str("a second third literal"), check_hit, NULL);
	assert(error == 0);
	match_scratch_free(scratch);
	literal_set_free(set);
}

static void load_changed(const struct literal_set_builder *builder, struct bytes change)
{
	/* As in literals-file.c. */
	static const struct siphash_key sum_key = { UINT64_C(0x4c544c4954534554), UINT64_C(0x636865636b73756d) };
	struct literal_set *set;
	uint8_t *saved;
	size_t size;
	uint64_t sum;
	int error = literal_set_compile(builder, &set);

	assert(error == 0);
	error = literal_set_save(set, &saved, &size);
	assert(error == 0);
	for (size_t i = 0; i < change.size && PLACE_OF_SIZE + i < size - SUM_SIZE; i++)
		saved[PLACE_OF_SIZE + i] ^= change.ptr[i];
	sum = siphash24(sum_key, saved, size - SUM_SIZE);
	memcpy(saved + size - SUM_SIZE, &sum, sizeof(sum));
	load(builder, bytes_of(saved, size));
	free(saved);
	literal_set_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct literal_set_builder *builder = make_builder();

	load(builder, bytes_of(data, size));
	load_changed(builder, bytes_of(data, size));
	literal_set_builder_free(builder);
	return 0;
}
