// SPDX-License-Identifier: Apache-2.0
/* Changes and snapshots of decisions, as an edge reads them. */
#include <stdlib.h>

#include "base/error.h"
#include "bus/delta.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct delta *delta = malloc(sizeof(*delta));
	struct delta_snapshot snapshot;
	struct delta_change change;
	size_t pos = 0;
	uint64_t count = 0;

	if (delta && !delta_read(bytes_of(data, size), delta) && delta->change_count > delta->to - delta->from)
		abort();
	free(delta);
	if (delta_snapshot_open(bytes_of(data, size), &snapshot))
		return 0;
	while (delta_snapshot_next(&snapshot, &pos, &change))
		count++;
	if (count != snapshot.count)
		abort();
	return 0;
}
