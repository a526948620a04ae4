// SPDX-License-Identifier: Apache-2.0
/* What the readers of capture files share. Three layers: an input gives bytes (plain or unpacked), the buffer of
 * struct capture_file shows them in one piece, a format makes frames of them. Not for others. */
#pragma once

#include "base/cursor.h"
#include "sensor/capture/file.h"

/* ---- Input (input.c) ---- */

struct capture_input;

/* Takes over 'fd' (closed also after an error), or reads 'memory' when 'fd' is below 0. Looks at the first bytes to find
 * out whether they are compressed. 0, LUYTRE_E_NOMEM, or an error of reading. */
MUST_CHECK int capture_input_open(int fd, struct bytes memory, struct capture_input **ret);

/* Reads up to 'size' bytes, at least one unless it is the end. 0 (then '*ret_size' is 0 at the end) or an error. */
MUST_CHECK int capture_input_read(struct capture_input *input, uint8_t *ret, size_t size, size_t *ret_size);

void capture_input_close(struct capture_input *input);

/* ---- Capture ---- */

enum capture_order { CAPTURE_LITTLE, CAPTURE_BIG };

struct pcap_state {
	enum capture_order order;
	bool nanoseconds;
	uint32_t snap_size; /* 0: none */
	uint32_t linktype;
};

struct pcapng_interface {
	uint32_t linktype;
	uint32_t snap_size; /* 0: none */
	uint64_t ticks_per_s;
	int64_t offset_s;
};

struct pcapng_state {
	enum capture_order order;
	struct pcapng_interface *interfaces; /* owned */
	size_t interfaces_count;
	size_t interfaces_room;
};

struct capture_file {
	struct capture_input *input; /* owned */
	uint8_t *buffer; /* owned, CAPTURE_BUFFER_SIZE */
	size_t begin; /* what is read and not yet used lies in between */
	size_t end;
	size_t held_size; /* of the last record, used up by the next call */
	bool ended;
	int input_error; /* what reading gave; told when the bytes before are used up */
	int failed; /* the error that ended the capture */
	uint64_t offset; /* of 'begin' in the unpacked file, for messages */
	uint64_t number; /* of the last frame */
	int (*next)(struct capture_file *file, struct capture_frame *ret);
	struct pcap_state pcap;
	struct pcapng_state pcapng;
	char *name; /* owned */
	char message[CAPTURE_MESSAGE_SIZE];
};

/* Makes 'size' bytes (at most CAPTURE_BUFFER_SIZE) lie at file->begin. 0; LUYTRE_E_TRUNCATED when the file ends before,
 * without a message; or the error of reading. */
MUST_CHECK int capture_need(struct capture_file *file, size_t size);

/* Drops bytes that capture_need gave. */
void capture_use(struct capture_file *file, size_t size);

/* Drops bytes however many they are. 0 or as capture_need. */
MUST_CHECK int capture_skip(struct capture_file *file, uint64_t size);

static inline size_t capture_left(const struct capture_file *file)
{
	return file->end - file->begin;
}

static inline struct bytes capture_view(const struct capture_file *file, size_t size)
{
	return bytes_of(file->buffer + file->begin, size);
}

/* Writes the message, with the name of the file in front, and answers 'error'. */
PRINTF_LIKE(3, 4) int capture_fail(struct capture_file *file, int error, const char *format, ...);

/* The same for an error of capture_need or capture_skip inside 'what'. */
MUST_CHECK int capture_fail_need(struct capture_file *file, int error, const char *what);

MUST_CHECK static inline bool capture_u16(struct cursor *cur, enum capture_order order, uint16_t *ret)
{
	return order == CAPTURE_LITTLE ? cursor_u16le(cur, ret) : cursor_u16be(cur, ret);
}

MUST_CHECK static inline bool capture_u32(struct cursor *cur, enum capture_order order, uint32_t *ret)
{
	return order == CAPTURE_LITTLE ? cursor_u32le(cur, ret) : cursor_u32be(cur, ret);
}

MUST_CHECK static inline bool capture_u64(struct cursor *cur, enum capture_order order, uint64_t *ret)
{
	return order == CAPTURE_LITTLE ? cursor_u64le(cur, ret) : cursor_u64be(cur, ret);
}

/* Fills the three times of a frame. 'ns' is below 10^9. */
void capture_frame_time(struct capture_frame *frame, uint64_t s, uint32_t ns);

/* The two formats. 'open' looks at the first bytes: 0 when they are its own, LUYTRE_E_SYNTAX when they are not, or another
 * error with a message. On 0 it has set file->next. */
MUST_CHECK int pcap_open(struct capture_file *file);
MUST_CHECK int pcapng_open(struct capture_file *file);
void pcapng_close(struct capture_file *file);
