// SPDX-License-Identifier: Apache-2.0
/* Multipart forms out of any bytes; see testfuzz.h for the first byte. The first line behind it is the Content-Type when it
 * begins like one, else the boundary is 0000. */
#include "gate/body/testfuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes line = bytes_skip(bytes_of(data, size), 1);

	line = bytes_first(line, bytes_index(line, '\n'));
	if (!bytes_starts_with(line, bytes_from_str("multipart")))
		line = bytes_from_str("multipart/form-data; boundary=0000");
	fuzz_both(BODY_MULTIPART, line, data, size);
	return 0;
}
