// SPDX-License-Identifier: Apache-2.0
/* Any bytes are a frame: the answer holds its promises, and its line fits. Both drivers hand in a block of exactly
 * 'size' bytes, so that a sanitizer sees the first byte read too far. */
#include "packet/check.h"
#include "packet/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[PACKET_TEXT_SIZE];
	struct packet packet;
	enum packet_fault fault = packet_decode(data, size, &packet);

	packet_check(data, size, &packet, fault);
	assert(strlen(packet_describe(&packet, text)) < PACKET_TEXT_SIZE - 1);
	return 0;
}
