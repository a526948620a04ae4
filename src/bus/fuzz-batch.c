// SPDX-License-Identifier: Apache-2.0
/* What an edge that is in an attacker's hands sends: as it comes, and as the text of a batch. */
#include <stdlib.h>
#include <zstd.h>

#include "base/error.h"
#include "bus/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct bytes packed)
{
	struct batch batch;
	struct bytes line;
	size_t pos = 0, count = 0;

	if (batch_open(packed, &batch))
		return;
	while (batch_next(&batch, &pos, &line))
		count += line.size > 0;
	if (count != batch.line_count)
		abort();
	batch_done(&batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t packed_max = ZSTD_compressBound(size), packed;
	uint8_t *text = malloc(packed_max);

	look(bytes_of(data, size));
	if (text) {
		packed = ZSTD_compress(text, packed_max, data, size, 1);
		if (!ZSTD_isError(packed))
			look(bytes_of(text, packed));
	}
	free(text);
	return 0;
}
