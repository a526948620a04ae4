// SPDX-License-Identifier: Apache-2.0
/* Literals and a buffer, both out of the input, searched as a set and one after the other.
 *
 * Input: a count; for each literal flags, min_end, max_end, a size (modulo 16) and its bytes; what remains is the buffer. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>

#include "base/cursor.h"
#include "match/check-literals.h"
#include "match/scratch.h"

static bool read_literal(struct cursor *cur, uint32_t id, struct literal *ret)
{
	uint8_t flags, min_end, max_end, size;

	if (!cursor_u8(cur, &flags) || !cursor_u8(cur, &min_end) || !cursor_u8(cur, &max_end) || !cursor_u8(cur, &size))
		return false;
	*ret = (struct literal){ .flags = flags % 8, .min_end = min_end, .max_end = max_end, .id = id };
	return cursor_take(cur, size % 16, &ret->bytes);
}

static void check(
	const struct literal_set_builder *builder, const struct literal *literals, size_t count, struct bytes in)
{
	struct match_scratch *scratch = match_scratch_new();
	struct literal_set *set;
	const char *wrong;
	int error;

	assert(scratch);
	error = literal_set_compile(builder, &set);
	assert(error == 0);
	error = literal_set_prepare(set, scratch);
	assert(error == 0);
	wrong = check_literal_scan(set, scratch, literals, count, bytes_first(in, CHECK_SIZE_MAX));
	if (wrong)
		fprintf(stderr, "%s\n", wrong);
	assert(!wrong);
	literal_set_free(set);
	match_scratch_free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct literal_set_builder *builder = literal_set_builder_new();
	struct cursor cur = cursor_over(bytes_of(data, size));
	struct literal literals[CHECK_LITERALS_MAX];
	size_t count = 0;
	uint8_t wanted = 0;

	assert(builder);
	if (cursor_u8(&cur, &wanted)) {
		for (unsigned int i = 0; i < wanted % CHECK_LITERALS_MAX; i++) {
			if (!read_literal(&cur, (uint32_t)count, &literals[count]))
				break;
			if (literal_set_builder_add(builder, &literals[count]) == 0)
				count++;
		}
		check(builder, literals, count, cursor_rest(&cur));
	}
	literal_set_builder_free(builder);
	return 0;
}
