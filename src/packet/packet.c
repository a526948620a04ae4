// SPDX-License-Identifier: Apache-2.0
/* The one copy of the decoder in user space. */
#include "packet/parse.h"

enum packet_fault packet_decode(const uint8_t *data, size_t size, struct packet *ret)
{
	return packet_parse(data, data + size, ret);
}
