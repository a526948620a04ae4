// SPDX-License-Identifier: Apache-2.0
/* The reader of assets: what it gives must be read again as itself. */
#include <stdlib.h>

#include "hub/tenants/canon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct asset_value once, twice;

	if (asset_value_parse(bytes_of(data, size), &once) != 0)
		return 0;
	if (asset_value_parse(bytes_from_str(once.text), &twice) != 0 || strcmp(once.text, twice.text) != 0 ||
		once.kind != twice.kind)
		abort();
	return 0;
}
