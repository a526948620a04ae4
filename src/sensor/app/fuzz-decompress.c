// SPDX-License-Identifier: Apache-2.0
/* Byte 0: how many layers, byte 1 and 2: their kinds, byte 3: the size of the pieces; then the stream. */
#include "sensor/app/decompress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *context, struct bytes out)
{
	*(size_t *)context += out.size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct decompress_limits limits = {
		.bomb_size = 1 << 16, .bomb_ratio = 64, .lzma_memory_size = 1 << 20
	};
	size_t total = 0, step;
	struct decompress_chain *chain;

	if (size < 4)
		return 0;
	chain = decompress_chain_new(&limits, count, &total);
	if (!chain)
		return 0;
	for (unsigned int i = 0; i <= data[0] % 4u; i++)
		if (decompress_chain_add(chain, (data[1 + i % 2] >> (i / 2 * 4)) % 5) != 0)
			break;
	step = data[3] == 0 ? size : data[3];
	for (size_t at = 4; at < size; at += step)
		decompress_chain_feed(chain, bytes_first(bytes_of(data + at, size - at), step));
	decompress_chain_finish(chain);
	decompress_chain_free(chain);
	return 0;
}
