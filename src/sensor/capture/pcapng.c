// SPDX-License-Identifier: Apache-2.0
/* The newer format (draft-ietf-opsawg-pcapng): a chain of blocks, each with its type and its size at both ends. Blocks
 * that hold no frame and describe no interface are passed over without being held. Sections may follow one another, each
 * with its byte order and its interfaces. */
#include "sensor/capture/internal.h"

#include <stdlib.h>

#include "base/clock.h"

#define BLOCK_SECTION   0x0a0d0d0a
#define BLOCK_INTERFACE 1
#define BLOCK_PACKET    2 /* obsolete, section A of the draft */
#define BLOCK_SIMPLE    3
#define BLOCK_ENHANCED  6

#define BLOCK_HEAD_SIZE 8 /* type and size */
#define BLOCK_TAIL_SIZE 4 /* the size again */
#define BLOCK_SIZE_MIN  (BLOCK_HEAD_SIZE + BLOCK_TAIL_SIZE)
#define BLOCK_HELD_MAX  (CAPTURE_FRAME_MAX + 65536) /* a frame with its options */
#define SECTION_SIZE    28 /* the shortest */

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define OPTION_END       0
#define OPTION_TSRESOL   9
#define OPTION_TSOFFSET  14

#define INTERFACES_ROOM_MIN 4

struct block {
	uint32_t type;
	uint32_t size;
	struct cursor body; /* over a block that is held */
};

static int pcapng_next(struct capture_file *file, struct capture_frame *ret);

static int fail_block(struct capture_file *file, const char *what)
{
	return capture_fail(
		file, LUYTRE_E_CORRUPT, "found %s in the block at offset %llu", what, (unsigned long long)file->offset);
}

/* ---- Sections and interfaces ---- */

/* Reads the head of a section, from its byte-order magic on. The block begins at file->begin. */
static int section_begin(struct capture_file *file, struct block *block)
{
	struct pcapng_state *state = &file->pcapng;
	struct cursor cur;
	uint32_t magic;
	uint16_t major;
	int error = capture_need(file, SECTION_SIZE);

	if (error != 0)
		return capture_fail_need(file, error, "the header of a section");
	cur = cursor_over(capture_view(file, SECTION_SIZE));
	if (!cursor_skip(&cur, BLOCK_HEAD_SIZE) || !cursor_u32le(&cur, &magic))
		return fail_block(file, "no byte order");
	if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
		return fail_block(file, "no byte order");
	state->order = magic == BYTE_ORDER_MAGIC ? CAPTURE_LITTLE : CAPTURE_BIG;
	state->interfaces_count = 0;
	if (!capture_u16(&cur, state->order, &major))
		return fail_block(file, "no version");
	if (major != 1)
		return capture_fail(file, LUYTRE_E_UNSUPPORTED, "found pcapng version %u, expected 1", major);
	cur = cursor_over(capture_view(file, BLOCK_HEAD_SIZE));
	if (!cursor_skip(&cur, 4) || !capture_u32(&cur, state->order, &block->size) || block->size < SECTION_SIZE)
		return fail_block(file, "a wrong size");
	return 0;
}

/* Ticks of a second for the value of if_tsresol: a power of ten, or of two when the highest bit is set. 0 when they
 * do not fit. */
static uint64_t resolution_ticks(uint8_t resolution)
{
	uint64_t ticks = 1;

	if (resolution & 0x80)
		return (resolution & 0x7f) < 64 ? UINT64_C(1) << (resolution & 0x7f) : 0;
	while (resolution-- != 0) {
		if (__builtin_mul_overflow(ticks, 10, &ticks))
			return 0;
	}
	return ticks;
}

/* False when the options are cut or say something impossible. */
static bool interface_options(struct cursor *cur, enum capture_order order, struct pcapng_interface *interface)
{
	uint16_t code;
	uint16_t size;

	while (capture_u16(cur, order, &code) && capture_u16(cur, order, &size) && code != OPTION_END) {
		struct bytes value;
		struct cursor inner;
		uint8_t resolution;
		uint64_t offset_s;

		if (!cursor_take(cur, size, &value))
			return false;
		inner = cursor_over(value);
		if (code == OPTION_TSRESOL) {
			if (!cursor_u8(&inner, &resolution))
				return false;
			interface->ticks_per_s = resolution_ticks(resolution);
		} else if (code == OPTION_TSOFFSET) {
			if (!capture_u64(&inner, order, &offset_s))
				return false;
			interface->offset_s = (int64_t)offset_s;
		}
		if (!cursor_skip(cur, -size & 3u))
			return false;
	}
	return interface->ticks_per_s != 0;
}

static int interface_room(struct pcapng_state *state)
{
	size_t room = state->interfaces_room != 0 ? 2 * state->interfaces_room : INTERFACES_ROOM_MIN;
	struct pcapng_interface *grown;

	if (state->interfaces_count < state->interfaces_room)
		return 0;
	grown = realloc(state->interfaces, room * sizeof(*grown));
	if (!grown)
		return LUYTRE_E_NOMEM;
	state->interfaces = grown;
	state->interfaces_room = room;
	return 0;
}

static int interface_add(struct capture_file *file, struct block *block)
{
	struct pcapng_state *state = &file->pcapng;
	struct pcapng_interface interface = { .ticks_per_s = 1000000 };
	uint16_t linktype;

	if (!capture_u16(&block->body, state->order, &linktype) || !cursor_skip(&block->body, 2) ||
		!capture_u32(&block->body, state->order, &interface.snap_size))
		return fail_block(file, "no link type");
	interface.linktype = linktype;
	if (!interface_options(&block->body, state->order, &interface))
		return fail_block(file, "wrong options");
	if (state->interfaces_count == CAPTURE_INTERFACES_MAX)
		return capture_fail(
			file, LUYTRE_E_CORRUPT, "more than %u interfaces in one section", CAPTURE_INTERFACES_MAX);
	if (interface_room(state) != 0)
		return capture_fail(file, LUYTRE_E_NOMEM, "there is not enough memory");
	state->interfaces[state->interfaces_count++] = interface;
	return 0;
}

/* ---- Frames ---- */

static void frame_time(const struct pcapng_interface *interface, uint64_t ticks, struct capture_frame *ret)
{
	uint64_t s = ticks / interface->ticks_per_s;
	uint64_t rest = ticks % interface->ticks_per_s;
	uint64_t ns;

	if (interface->ticks_per_s <= UINT64_MAX / NS_PER_S)
		ns = rest * NS_PER_S / interface->ticks_per_s;
	else
		ns = (uint64_t)((unsigned __int128)rest * NS_PER_S / interface->ticks_per_s);
	if (interface->offset_s < 0 && s < -(uint64_t)interface->offset_s) {
		s = 0;
		ns = 0;
	} else if (__builtin_add_overflow(s, interface->offset_s, &s)) {
		s = UINT64_MAX;
	}
	capture_frame_time(ret, s, (uint32_t)ns);
}

static int frame_finish(
	struct capture_file *file, struct block *block, uint32_t number, uint32_t size, struct capture_frame *ret)
{
	if (number >= file->pcapng.interfaces_count)
		return fail_block(file, "a frame of an interface that was not described");
	if (size > CAPTURE_FRAME_MAX)
		return fail_block(file, "a frame that is too large");
	if (!cursor_take(&block->body, size, &ret->data))
		return fail_block(file, "a frame that is larger than the block");
	ret->interface = number;
	ret->linktype = file->pcapng.interfaces[number].linktype;
	file->held_size = block->size;
	return 1;
}

/* An enhanced packet block (section 4.3), or its forerunner, whose interface has 16 bits and a drop count behind. */
static int frame_enhanced(struct capture_file *file, struct block *block, struct capture_frame *ret)
{
	enum capture_order order = file->pcapng.order;
	uint32_t number;
	uint16_t short_number;
	uint32_t high;
	uint32_t low;
	uint32_t size;
	int found;

	*ret = (struct capture_frame){ 0 };
	if (block->type == BLOCK_ENHANCED) {
		if (!capture_u32(&block->body, order, &number))
			return fail_block(file, "no interface");
	} else {
		if (!capture_u16(&block->body, order, &short_number) || !cursor_skip(&block->body, 2))
			return fail_block(file, "no interface");
		number = short_number;
	}
	if (!capture_u32(&block->body, order, &high) || !capture_u32(&block->body, order, &low) ||
		!capture_u32(&block->body, order, &size) || !capture_u32(&block->body, order, &ret->wire_size))
		return fail_block(file, "no sizes");
	found = frame_finish(file, block, number, size, ret);
	if (found == 1)
		frame_time(&file->pcapng.interfaces[number], (uint64_t)high << 32 | low, ret);
	return found;
}

/* A simple packet block (section 4.4): no time, and how much was captured follows from the other sizes. */
static int frame_simple(struct capture_file *file, struct block *block, struct capture_frame *ret)
{
	const struct pcapng_state *state = &file->pcapng;
	uint32_t size;

	*ret = (struct capture_frame){ 0 };
	if (!capture_u32(&block->body, state->order, &ret->wire_size))
		return fail_block(file, "no sizes");
	size = ret->wire_size;
	if (state->interfaces_count != 0 && state->interfaces[0].snap_size != 0 &&
		state->interfaces[0].snap_size < size)
		size = state->interfaces[0].snap_size;
	return frame_finish(file, block, 0, size, ret);
}

/* ---- Blocks ---- */

/* Reads type and size of the block at file->begin, and holds the block when it is one that matters. 1, or 0 at the
 * end of the file. */
static int block_begin(struct capture_file *file, struct block *block)
{
	enum capture_order order = file->pcapng.order;
	struct cursor cur;
	int error = capture_need(file, BLOCK_SIZE_MIN);

	if (error == LUYTRE_E_TRUNCATED && file->ended && capture_left(file) == 0)
		return 0;
	if (error != 0)
		return capture_fail_need(file, error, "the header of a block");
	cur = cursor_over(capture_view(file, BLOCK_HEAD_SIZE));
	if (!capture_u32(&cur, order, &block->type) || !capture_u32(&cur, order, &block->size))
		return fail_block(file, "no size");
	if (block->type == BLOCK_SECTION) { /* the same in both byte orders */
		error = section_begin(file, block);
		return error != 0 ? error : 1;
	}
	if (block->size < BLOCK_SIZE_MIN)
		return fail_block(file, "a wrong size");
	return 1;
}

static int block_hold(struct capture_file *file, struct block *block)
{
	struct cursor tail;
	uint32_t size;
	int error;

	if (block->size > BLOCK_HELD_MAX)
		return fail_block(file, "a wrong size");
	error = capture_need(file, block->size);
	if (error != 0)
		return capture_fail_need(file, error, "a block");
	block->body = cursor_over(bytes_of(
		file->buffer + file->begin + BLOCK_HEAD_SIZE, block->size - BLOCK_HEAD_SIZE - BLOCK_TAIL_SIZE));
	tail = cursor_over(bytes_skip(capture_view(file, block->size), block->size - BLOCK_TAIL_SIZE));
	if (!capture_u32(&tail, file->pcapng.order, &size) || size != block->size)
		return fail_block(file, "two different sizes");
	return 0;
}

/* One block. 1 with a frame, 0 at the end of the file, or an error; '*ret_passed' tells that it held no frame. */
static int block_read(struct capture_file *file, struct capture_frame *ret, bool *ret_passed)
{
	struct block block;
	int found = block_begin(file, &block);
	int error;

	*ret_passed = false;
	if (found != 1)
		return found;
	if (block.type == BLOCK_ENHANCED || block.type == BLOCK_PACKET || block.type == BLOCK_SIMPLE) {
		error = block_hold(file, &block);
		if (error != 0)
			return error;
		return block.type == BLOCK_SIMPLE ? frame_simple(file, &block, ret) : frame_enhanced(file, &block, ret);
	}
	if (block.type == BLOCK_INTERFACE) {
		error = block_hold(file, &block);
		if (error == 0)
			error = interface_add(file, &block);
		if (error != 0)
			return error;
	}
	error = capture_skip(file, block.size);
	if (error != 0)
		return capture_fail_need(file, error, "a block");
	*ret_passed = true;
	return 0;
}

static int pcapng_next(struct capture_file *file, struct capture_frame *ret)
{
	bool passed;
	int found;

	do
		found = block_read(file, ret, &passed);
	while (passed);
	return found;
}

int pcapng_open(struct capture_file *file)
{
	struct cursor cur;
	struct block block;
	uint32_t type;
	int error = capture_need(file, sizeof(type));

	if (error != 0)
		return file->ended ? LUYTRE_E_SYNTAX : error;
	cur = cursor_over(capture_view(file, sizeof(type)));
	if (!cursor_u32le(&cur, &type) || type != BLOCK_SECTION)
		return LUYTRE_E_SYNTAX;
	error = section_begin(file, &block);
	if (error == 0)
		file->next = pcapng_next;
	return error;
}

void pcapng_close(struct capture_file *file)
{
	free(file->pcapng.interfaces);
}
