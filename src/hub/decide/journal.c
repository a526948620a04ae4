// SPDX-License-Identifier: Apache-2.0
#include "hub/decide/journal.h"

#include <string.h>

#include "base/siphash.h"

static const struct siphash_key sum_key = { UINT64_C(0x4c75795472650001), UINT64_C(0x64656369646500aa) };

void journal_put_bytes(struct journal_frame *frame, const void *data, size_t size)
{
	if (size > JOURNAL_HEAD_SIZE + JOURNAL_PAYLOAD_MAX - frame->size) {
		frame->overrun = true;
		return;
	}
	if (size != 0)
		memcpy(frame->bytes + frame->size, data, size);
	frame->size += size;
}

static void put_le(struct journal_frame *frame, uint64_t value, size_t size)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	journal_put_bytes(frame, bytes, size);
}

void journal_begin(struct journal_frame *frame, uint8_t type)
{
	frame->size = 0;
	frame->overrun = false;
	put_le(frame, 0, 2);
	put_le(frame, type, 1);
	put_le(frame, JOURNAL_VERSION, 1);
}

void journal_put_u8(struct journal_frame *frame, uint8_t value)
{
	put_le(frame, value, 1);
}

void journal_put_u16(struct journal_frame *frame, uint16_t value)
{
	put_le(frame, value, 2);
}

void journal_put_u32(struct journal_frame *frame, uint32_t value)
{
	put_le(frame, value, 4);
}

void journal_put_u64(struct journal_frame *frame, uint64_t value)
{
	put_le(frame, value, 8);
}

void journal_put_double(struct journal_frame *frame, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	put_le(frame, bits, 8);
}

struct bytes journal_end(struct journal_frame *frame)
{
	size_t payload = frame->size - JOURNAL_HEAD_SIZE;
	uint64_t sum;

	if (frame->overrun)
		return (struct bytes){ 0 };
	frame->bytes[0] = (uint8_t)payload;
	frame->bytes[1] = (uint8_t)(payload >> 8);
	sum = siphash24(sum_key, frame->bytes, frame->size);
	for (size_t i = 0; i < JOURNAL_SUM_SIZE; i++)
		frame->bytes[frame->size + i] = (uint8_t)(sum >> 8 * i);
	return bytes_of(frame->bytes, frame->size + JOURNAL_SUM_SIZE);
}

enum journal_status journal_next(struct cursor *cur, uint8_t *ret_type, struct bytes *ret_payload)
{
	struct cursor at = *cur;
	struct bytes payload;
	uint16_t size;
	uint8_t type, version;
	uint64_t sum;

	if (cursor_left(&at) == 0)
		return JOURNAL_END;
	if (!cursor_u16le(&at, &size) || !cursor_u8(&at, &type) || !cursor_u8(&at, &version) ||
		version != JOURNAL_VERSION || size > JOURNAL_PAYLOAD_MAX || !cursor_take(&at, size, &payload) ||
		!cursor_u64le(&at, &sum))
		return JOURNAL_TORN;
	if (siphash24(sum_key, cur->pos, JOURNAL_HEAD_SIZE + (size_t)size) != sum)
		return JOURNAL_TORN;
	*cur = at;
	*ret_type = type;
	*ret_payload = payload;
	return JOURNAL_FRAME;
}

bool journal_get_double(struct cursor *cur, double *ret)
{
	uint64_t bits;

	if (!cursor_u64le(cur, &bits))
		return false;
	memcpy(ret, &bits, sizeof(*ret));
	return true;
}

bool journal_get_i64(struct cursor *cur, int64_t *ret)
{
	uint64_t bits;

	if (!cursor_u64le(cur, &bits))
		return false;
	*ret = (int64_t)bits;
	return true;
}
