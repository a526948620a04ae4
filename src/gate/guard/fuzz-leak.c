// SPDX-License-Identifier: Apache-2.0
/* A text in one piece and the same in pieces of the first byte's size find the same, and never more than the scan may remember. */
#include <assert.h>
#include <stdint.h>

#include "gate/guard/leak.h"

static struct leak_result scan_pieces(const struct leak_settings *settings, struct bytes text, size_t piece)
{
	struct leak_scan *scan = leak_scan_new(settings);
	struct leak_result result;

	assert(scan);
	for (; text.size != 0; text = bytes_skip(text, piece))
		leak_scan_text(scan, bytes_first(text, piece));
	leak_scan_end(scan);
	result = *leak_scan_result(scan);
	leak_scan_free(scan);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct leak_settings settings;
	struct leak_result whole, pieces;
	struct bytes text;
	uint32_t count = 0;

	if (size == 0)
		return 0;
	leak_settings_default(&settings, 2026);
	text = bytes_of(data + 1, size - 1);
	whole = scan_pieces(&settings, text, SIZE_MAX);
	pieces = scan_pieces(&settings, text, (size_t)data[0] * 4 + 1);
	assert(whole.scanned_bytes == text.size && pieces.scanned_bytes == text.size);
	for (unsigned int kind = 0; kind < LEAK_KINDS; kind++) {
		assert(whole.found[kind] == pieces.found[kind] && whole.weak[kind] == pieces.weak[kind]);
		count += whole.found[kind] + whole.weak[kind];
	}
	assert(count <= 768);
	return 0;
}
