// SPDX-License-Identifier: Apache-2.0
/* The stream in pieces: the first byte says how large. What comes out must be the same as from one piece. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "edge/link/sse.h"
#include "base/siphash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool note(void *context, const char *name, struct bytes data)
{
	const struct siphash_key key = { 1, 2 };
	uint64_t *sum = context;

	*sum = *sum * 31 + siphash24(key, name, strlen(name)) + siphash24(key, data.ptr, data.size);
	return *sum % 7 != 0;
}

static uint64_t read_all(struct bytes in, size_t piece)
{
	uint64_t sum = 1;
	struct sse sse;

	if (sse_init(&sse))
		abort();
	for (bool go_on = true; in.size && go_on; in = bytes_skip(in, piece))
		go_on = sse_feed(&sse, bytes_first(in, piece), note, &sum);
	sse_done(&sse);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);

	if (size < 2)
		return 0;
	if (read_all(bytes_skip(in, 1), size) != read_all(bytes_skip(in, 1), 1 + data[0]))
		abort();
	return 0;
}
