// SPDX-License-Identifier: Apache-2.0
/* Forms and cookies out of any bytes; see testfuzz.h for the first byte. */
#include "gate/body/testfuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_digest digest = { 0 };
	const struct body_sink sink = { .context = &digest, .arg = fuzz_arg };
	struct arena arena;

	fuzz_both(BODY_URLENCODED, bytes_from_str(""), data, size);
	arena_init(&arena, FUZZ_ARENA_SIZE);
	body_cookies(bytes_of(data, size), &sink, &arena);
	arena_done(&arena);
	return 0;
}
