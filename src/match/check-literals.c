// SPDX-License-Identifier: Apache-2.0
#include "match/check-literals.h"

#include <stdlib.h>

#include "match/finder.h"

struct told {
	size_t literal_count, size;
	uint8_t times[CHECK_LITERALS_MAX][CHECK_SIZE_MAX + 1]; /* [id][end]: how often it was told */
	bool strange; /* an id or an end that cannot be, or ids out of order */
};

bool check_literal_ends_at(const struct literal *literal, struct bytes in, size_t end)
{
	size_t max_end = literal->max_end ? literal->max_end : UINT32_MAX;
	struct bytes there;

	if (end < literal->bytes.size || end < literal->min_end || end > max_end)
		return false;
	if (literal->flags & LITERAL_AT_END && end != in.size)
		return false;
	there = bytes_of(in.ptr + end - literal->bytes.size, literal->bytes.size);
	return literal->flags & LITERAL_NOCASE ? finder_equal_nocase(there, literal->bytes)
					       : bytes_equal(there, literal->bytes);
}

static bool remember(void *context, const uint32_t *ids, size_t id_count, size_t end)
{
	struct told *told = context;

	for (size_t i = 0; i < id_count; i++) {
		if (ids[i] >= told->literal_count || end > told->size || (i > 0 && ids[i] <= ids[i - 1])) {
			told->strange = true;
			return true;
		}
		told->times[ids[i]][end]++;
	}
	return true;
}

static const char *check_literal(const struct told *told, const struct literal *literal, size_t id, struct bytes in)
{
	size_t wanted = 0, got = 0;

	for (size_t end = 0; end <= in.size; end++) {
		bool there = check_literal_ends_at(literal, in, end);

		if (told->times[id][end] > 1)
			return "a place was told twice";
		if (told->times[id][end] != 0 && !there)
			return "a place was told where the literal does not count";
		if (told->times[id][end] == 0 && there && !(literal->flags & LITERAL_ONCE))
			return "a place was not told";
		wanted += there;
		got += told->times[id][end];
	}
	if (literal->flags & LITERAL_ONCE && got != (wanted != 0))
		return got == 0 ? "a literal was not told" : "a literal was told more than once";
	return NULL;
}

const char *check_literal_scan(const struct literal_set *set, struct match_scratch *scratch,
	const struct literal *literals, size_t count, struct bytes in)
{
	struct told *told = calloc(1, sizeof(*told));
	const char *wrong = NULL;

	if (!told)
		return "no memory";
	told->literal_count = count;
	told->size = in.size;
	if (literal_set_scan(set, scratch, in, remember, told) < 0)
		wrong = "the scan failed";
	if (told->strange)
		wrong = "an id or a place that cannot be was told";
	for (size_t i = 0; i < count && !wrong; i++)
		wrong = check_literal(told, &literals[i], i, in);
	free(told);
	return wrong;
}
