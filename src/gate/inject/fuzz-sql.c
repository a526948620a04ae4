// SPDX-License-Identifier: Apache-2.0
/* Any value as SQL: it ends, stays in bounds, and the fingerprint is one. */
#include <stdlib.h>

#include "gate/inject/inject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char fingerprint[INJECT_FINGERPRINT_SIZE];

	if (inject_is_sql(bytes_of(data, size), fingerprint) && (fingerprint[0] == '\0' || strlen(fingerprint) > 5))
		abort();
	return 0;
}
