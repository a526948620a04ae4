// SPDX-License-Identifier: Apache-2.0
/* A reader over bytes that checks every bound.
 *
 * All reads of untrusted input go through a cursor, so that a parser contains no pointer arithmetic. Each
 * read answers true and moves on, or answers false, consumes nothing and writes nothing. "be" is network
 * byte order. A cursor is a value: copy it to look ahead, copy it back to rewind. It borrows the bytes it
 * was laid over and keeps no other state. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

struct cursor {
	const uint8_t *pos; /* next byte to read; borrowed */
	const uint8_t *end; /* behind the last byte */
};

static inline struct cursor cursor_over(struct bytes in)
{
	/* An empty view may have a null pointer, to which not even 0 should be added. */
	return (struct cursor){ .pos = in.ptr, .end = in.size == 0 ? in.ptr : in.ptr + in.size };
}

/* How many bytes are left to read. */
static inline size_t cursor_left(const struct cursor *cur)
{
	return (size_t)(cur->end - cur->pos);
}

/* What is left to read, without reading it. */
static inline struct bytes cursor_rest(const struct cursor *cur)
{
	return bytes_of(cur->pos, cursor_left(cur));
}

/* Takes 'count' bytes as a view into the input. */
MUST_CHECK static inline bool cursor_take(struct cursor *cur, size_t count, struct bytes *ret)
{
	if (count > cursor_left(cur))
		return false;
	*ret = bytes_of(cur->pos, count);
	if (count != 0)
		cur->pos += count;
	return true;
}

MUST_CHECK static inline bool cursor_skip(struct cursor *cur, size_t count)
{
	struct bytes skipped;

	return cursor_take(cur, count, &skipped);
}

/* Copies 'count' bytes to 'ret', which has room for them. */
MUST_CHECK static inline bool cursor_copy(struct cursor *cur, size_t count, void *ret)
{
	struct bytes taken;

	if (!cursor_take(cur, count, &taken))
		return false;
	if (count != 0)
		memcpy(ret, taken.ptr, count);
	return true;
}

MUST_CHECK static inline bool cursor_u8(struct cursor *cur, uint8_t *ret)
{
	return cursor_copy(cur, sizeof(*ret), ret);
}

/* One row per width: network order and little-endian readers. The compiler turns the byte swap of the
 * foreign order into one instruction. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define CURSOR_FROM_BE(bits, value) __builtin_bswap##bits(value)
#define CURSOR_FROM_LE(bits, value) (value)
#else
#define CURSOR_FROM_BE(bits, value) (value)
#define CURSOR_FROM_LE(bits, value) __builtin_bswap##bits(value)
#endif

#define CURSOR_READER(name, bits, convert)                                                                             \
	MUST_CHECK static inline bool name(struct cursor *cur, uint##bits##_t *ret)                                    \
	{                                                                                                              \
		uint##bits##_t raw;                                                                                    \
                                                                                                                       \
		if (!cursor_copy(cur, sizeof(raw), &raw))                                                              \
			return false;                                                                                  \
		*ret = convert(bits, raw);                                                                             \
		return true;                                                                                           \
	}

CURSOR_READER(cursor_u16be, 16, CURSOR_FROM_BE)
CURSOR_READER(cursor_u32be, 32, CURSOR_FROM_BE)
CURSOR_READER(cursor_u64be, 64, CURSOR_FROM_BE)
CURSOR_READER(cursor_u16le, 16, CURSOR_FROM_LE)
CURSOR_READER(cursor_u32le, 32, CURSOR_FROM_LE)
CURSOR_READER(cursor_u64le, 64, CURSOR_FROM_LE)

#undef CURSOR_READER
#undef CURSOR_FROM_BE
#undef CURSOR_FROM_LE
