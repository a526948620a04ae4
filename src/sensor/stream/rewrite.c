// SPDX-License-Identifier: Apache-2.0
/* Inline, a retransmission must not bring other bytes than the first copy did: what the sensor judged would not be what
 * the host reads. The bytes of the first copy are written into the frame, and the checksum follows (RFC 1624). */
#include "sensor/stream/internal.h"

enum { CHECKSUM_AT = 16, HEADER_MIN = 20 };

/* The frame is the capture's; an inline source promises that it may be written (stream.h). */
static uint8_t *writable(const uint8_t *data)
{
	union {
		const uint8_t *read;
		uint8_t *write;
	} view = { .read = data };

	return view.write;
}

static uint32_t sum_words(const uint8_t *data, size_t size, size_t position)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += (position + i) % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
	return sum;
}

static uint16_t fold_sum(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* new = ~(~old + ~removed + added), equation 3 of RFC 1624. */
static void fix_checksum(uint8_t *header, uint32_t removed, uint32_t added)
{
	uint16_t old = (uint16_t)(header[CHECKSUM_AT] << 8 | header[CHECKSUM_AT + 1]);
	uint32_t sum = (uint32_t)(uint16_t)~old + (uint32_t)(uint16_t)~fold_sum(removed) + fold_sum(added);
	uint16_t fixed = (uint16_t)~fold_sum(sum);

	header[CHECKSUM_AT] = (uint8_t)(fixed >> 8);
	header[CHECKSUM_AT + 1] = (uint8_t)fixed;
}

void stream_rewrite(struct stream_step *step, uint32_t skip_size, struct bytes data)
{
	struct sensor_packet *packet = step->packet;
	size_t position;
	uint8_t *target;

	if (skip_size > packet->payload.size || data.size > packet->payload.size - skip_size ||
		packet->l4.size < HEADER_MIN || packet->payload.ptr < packet->l4.ptr)
		return;
	position = (size_t)(packet->payload.ptr - packet->l4.ptr) + skip_size;
	target = writable(packet->payload.ptr) + skip_size;
	fix_checksum(writable(packet->l4.ptr), sum_words(target, data.size, position),
		sum_words(data.ptr, data.size, position));
	memcpy(target, data.ptr, data.size);
	packet->flags |= PKT_STREAM_MODIFIED;
}
