// SPDX-License-Identifier: Apache-2.0
/* JSON out of any bytes; see testfuzz.h for the first byte. */
#include "gate/body/testfuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_both(BODY_JSON, bytes_from_str(""), data, size);
	return 0;
}
