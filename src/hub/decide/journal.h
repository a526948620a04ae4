// SPDX-License-Identifier: Apache-2.0
/* Frames of a journal: what happened, one after the other, so that a restart knows it again.
 *
 *	size u16 · type u8 · version u8 · payload (size bytes) · checksum u64	all little-endian
 *
 * The checksum is SipHash-2-4 with a fixed key over everything before it in the frame: it finds what a crash tore and a
 * disk lost, it proves nothing about who wrote. A journal cut off anywhere is read up to its last whole frame. The
 * module knows no files and nothing of what the payloads mean. All functions may be called from any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/cursor.h"

enum {
	JOURNAL_PAYLOAD_MAX = 4096,
	JOURNAL_HEAD_SIZE = 4,
	JOURNAL_SUM_SIZE = 8,
	JOURNAL_FRAME_MAX = JOURNAL_HEAD_SIZE + JOURNAL_PAYLOAD_MAX + JOURNAL_SUM_SIZE,
	JOURNAL_VERSION = 1,
};

/* A frame being written; storage of the caller. */
struct journal_frame {
	uint8_t bytes[JOURNAL_FRAME_MAX];
	size_t size;
	bool overrun; /* more was put than fits: the frame must not be written */
};

void journal_begin(struct journal_frame *frame, uint8_t type);
void journal_put_u8(struct journal_frame *frame, uint8_t value);
void journal_put_u16(struct journal_frame *frame, uint16_t value);
void journal_put_u32(struct journal_frame *frame, uint32_t value);
void journal_put_u64(struct journal_frame *frame, uint64_t value);
void journal_put_double(struct journal_frame *frame, double value);
void journal_put_bytes(struct journal_frame *frame, const void *data, size_t size);

/* Adds size and checksum. The view lives as long as the frame; empty when it overran. */
struct bytes journal_end(struct journal_frame *frame);

enum journal_status {
	JOURNAL_FRAME, /* one was read */
	JOURNAL_END, /* nothing is left */
	JOURNAL_TORN, /* what is left is no whole frame, or is damaged */
};

/* Reads the next frame and moves on, on JOURNAL_FRAME only. The payload points into the input. */
enum journal_status journal_next(struct cursor *cur, uint8_t *ret_type, struct bytes *ret_payload);

/* For reading payloads; as the readers of base/cursor.h. */
MUST_CHECK bool journal_get_double(struct cursor *cur, double *ret);
MUST_CHECK bool journal_get_i64(struct cursor *cur, int64_t *ret);
