// SPDX-License-Identifier: Apache-2.0
/* Any text may be redacted: no crash, bounded growth, and what comes out can be redacted again. */
#include <stdint.h>
#include <stdlib.h>

#include "gate/output/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct out_text once = { 0 }, twice = { 0 };
	size_t half = size / 2;

	redact_text(&once, bytes_of(data, size));
	redact_text(&twice, out_view(&once));
	if (once.failed || twice.failed || once.size > 16 * size + 16)
		abort();
	out_done(&once);
	out_done(&twice);
	redact_variable(&once, bytes_of(data, half), bytes_of(data + half, size - half));
	out_quoted(&twice, out_view(&once));
	if (twice.failed)
		abort();
	out_done(&once);
	out_done(&twice);
	return 0;
}
