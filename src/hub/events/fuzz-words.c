// SPDX-License-Identifier: Apache-2.0
/* Details of events, as edges write them, and texts that people look for: a filter never leaves out what stands there.
 *
 * The first byte says how much of the rest is the text that is looked for. */
#include <stdlib.h>

#include "hub/events/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct words *words;
	struct words_query query;
	struct bytes in, text;

	if (!words && !(words = words_new()))
		return 0;
	if (size == 0)
		return 0;
	text = bytes_first(bytes_of(data + 1, size - 1), data[0]);
	in = bytes_skip(bytes_of(data + 1, size - 1), text.size);
	words_query_of(text, &query);
	if (query.count > WORDS_QUERY_MAX)
		abort();
	words_clear(words);
	words_add(words, in);
	/* What a backslash means depends on all that stand before it, which a search does not look at (words.h). */
	if (words_stand_in(in, text) && bytes_index(in, '\\') == in.size && !words_may_hold(words_take(words), &query))
		abort();
	return 0;
}
