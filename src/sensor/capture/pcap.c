// SPDX-License-Identifier: Apache-2.0
/* The classic format (draft-ietf-opsawg-pcap): a header of 24 bytes, then records of a header of 16 bytes and the frame. */
#include "sensor/capture/internal.h"

#include "base/clock.h"

#define FILE_HEADER_SIZE   24
#define RECORD_HEADER_SIZE 16
#define MAGIC_US           0xa1b2c3d4
#define MAGIC_NS           0xa1b23c4d
#define VERSION_MAJOR      2
#define LINKTYPE_MASK      0x03ffffff /* what stands above it tells about checksums of frames */

static int pcap_next(struct capture_file *file, struct capture_frame *ret);

static bool magic_known(struct pcap_state *state, uint32_t magic, enum capture_order order)
{
	state->order = order;
	state->nanoseconds = magic == MAGIC_NS;
	return magic == MAGIC_US || magic == MAGIC_NS;
}

int pcap_open(struct capture_file *file)
{
	struct pcap_state *state = &file->pcap;
	struct cursor cur;
	uint16_t major;
	uint32_t magic_le;
	uint32_t magic_be;
	int error = capture_need(file, sizeof(magic_le));

	if (error != 0)
		return file->ended ? LUYTRE_E_SYNTAX : error;
	cur = cursor_over(capture_view(file, sizeof(magic_le)));
	if (!cursor_u32le(&cur, &magic_le))
		return LUYTRE_E_SYNTAX;
	magic_be = __builtin_bswap32(magic_le);
	if (!magic_known(state, magic_le, CAPTURE_LITTLE) && !magic_known(state, magic_be, CAPTURE_BIG))
		return LUYTRE_E_SYNTAX;

	error = capture_need(file, FILE_HEADER_SIZE);
	if (error != 0)
		return error;
	cur = cursor_over(capture_view(file, FILE_HEADER_SIZE));
	if (!cursor_skip(&cur, 4) || !capture_u16(&cur, state->order, &major) || !cursor_skip(&cur, 10) ||
		!capture_u32(&cur, state->order, &state->snap_size) ||
		!capture_u32(&cur, state->order, &state->linktype))
		return LUYTRE_E_TRUNCATED;
	if (major != VERSION_MAJOR)
		return capture_fail(
			file, LUYTRE_E_UNSUPPORTED, "found pcap version %u, expected %u", major, VERSION_MAJOR);
	state->linktype &= LINKTYPE_MASK;
	capture_use(file, FILE_HEADER_SIZE);
	file->next = pcap_next;
	return 0;
}

/* The fraction of a second may be above one in files of broken programs; it counts all the same. */
static void frame_time(const struct pcap_state *state, uint32_t s, uint32_t fraction, struct capture_frame *ret)
{
	uint64_t ns = state->nanoseconds ? fraction : (uint64_t)fraction * NS_PER_US;

	if (ns < NS_PER_S)
		capture_frame_time(ret, s, (uint32_t)ns);
	else
		capture_frame_time(ret, s + ns / NS_PER_S, (uint32_t)(ns % NS_PER_S));
}

static int pcap_next(struct capture_file *file, struct capture_frame *ret)
{
	const struct pcap_state *state = &file->pcap;
	enum capture_order order = state->order;
	struct cursor cur;
	uint32_t s;
	uint32_t fraction;
	uint32_t size;
	uint32_t wire_size;
	int error = capture_need(file, RECORD_HEADER_SIZE);

	if (error == LUYTRE_E_TRUNCATED && file->ended && capture_left(file) == 0)
		return 0;
	if (error != 0)
		return capture_fail_need(file, error, "the header of a record");
	cur = cursor_over(capture_view(file, RECORD_HEADER_SIZE));
	if (!capture_u32(&cur, order, &s) || !capture_u32(&cur, order, &fraction) || !capture_u32(&cur, order, &size) ||
		!capture_u32(&cur, order, &wire_size))
		return capture_fail_need(file, LUYTRE_E_TRUNCATED, "the header of a record");
	if (size > CAPTURE_FRAME_MAX)
		return capture_fail(file, LUYTRE_E_CORRUPT,
			"found a frame of %u bytes at offset %llu, expected at most %u", size,
			(unsigned long long)file->offset, CAPTURE_FRAME_MAX);
	error = capture_need(file, RECORD_HEADER_SIZE + (size_t)size);
	if (error != 0)
		return capture_fail_need(file, error, "a record");

	*ret = (struct capture_frame){ .data = bytes_skip(capture_view(file, RECORD_HEADER_SIZE + (size_t)size),
					       RECORD_HEADER_SIZE),
		.wire_size = wire_size,
		.linktype = state->linktype };
	if (state->snap_size != 0)
		ret->data = bytes_first(ret->data, state->snap_size);
	frame_time(state, s, fraction, ret);
	file->held_size = RECORD_HEADER_SIZE + (size_t)size;
	return 1;
}
