// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/http2/frame.h"

#include "base/cursor.h"

bool http2_parse_frame(struct bytes in, struct http2_frame *ret)
{
	struct cursor cur = cursor_over(in);
	struct http2_frame frame;
	uint16_t high;
	uint8_t low;

	if (!cursor_u16be(&cur, &high) || !cursor_u8(&cur, &low) || !cursor_u8(&cur, &frame.type) ||
		!cursor_u8(&cur, &frame.flags) || !cursor_u32be(&cur, &frame.stream_id))
		return false;
	frame.size = (uint32_t)high << 8 | low;
	frame.stream_id &= INT32_MAX;
	*ret = frame;
	return true;
}

bool http2_take_padding(const struct http2_frame *frame, struct bytes *payload)
{
	uint8_t padding;

	if (!(frame->flags & HTTP2_FLAG_PADDED))
		return true;
	if (payload->size == 0)
		return false;
	padding = payload->ptr[0];
	if (padding >= payload->size)
		return false;
	*payload = bytes_of(payload->ptr + 1, payload->size - 1 - padding);
	return true;
}

bool http2_next_setting(struct bytes *payload, struct http2_setting *ret)
{
	struct cursor cur = cursor_over(*payload);

	if (!cursor_u16be(&cur, &ret->id) || !cursor_u32be(&cur, &ret->value))
		return false;
	*payload = cursor_rest(&cur);
	return true;
}

unsigned int http2_size_updates(struct bytes block, uint32_t *ret_size)
{
	struct cursor cur = cursor_over(block);
	unsigned int count = 0;
	uint8_t byte;

	while (cursor_u8(&cur, &byte) && (byte & 0xe0) == 0x20) {
		uint64_t size = byte & 0x1f;

		for (unsigned int shift = 0; size >= 0x1f && shift <= 28; shift += 7) {
			if (!cursor_u8(&cur, &byte))
				return count;
			size += (uint64_t)(byte & 0x7f) << shift;
			if (!(byte & 0x80))
				break;
		}
		*ret_size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
		count++;
	}
	return count;
}
