// SPDX-License-Identifier: Apache-2.0
/* The bytes of one direction of a TCP stream, by their offset, with holes.
 *
 * Bytes lie in regions: stretches without a hole, sorted by offset. The usual stream has one region, to whose end
 * segments are appended and whose head is given up as readers proceed (stream_buffer_slide). A segment that comes
 * early makes a region of its own, which is joined when the hole fills. Beside the bytes the buffer remembers the
 * segments they came in (marks), because end hosts decide by segment whose bytes count where two overlap:
 * stream_policy_new_wins has the rules of J. Novak and S. Sturges, "Target-Based TCP Stream Reassembly" (2007), as
 * Suricata names them.
 *
 * Memory is taken from a counted account with a ceiling. Regions and marks are limited in number, so that no order of
 * tiny segments makes the work for one segment long. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"
#include "sensor/common.h"
#include "sensor/settings.h"

enum {
	STREAM_REGIONS_MAX = 2048,
	STREAM_MARKS_MAX = 8192,
	STREAM_SEGMENT_MAX = 65536, /* bytes of one insert */
	STREAM_FAR_SIZE = 256 * 1024, /* a hole of this size makes regions count apart (max_regions) */
};

/* One account for all buffers of an engine. */
struct stream_memory {
	uint64_t used_size, ceiling_size;
	uint8_t scratch[STREAM_SEGMENT_MAX];
};

struct stream_region {
	uint8_t *data; /* owned */
	uint64_t offset; /* of the first byte */
	uint32_t start; /* index of the first byte in data */
	uint32_t size, capacity;
};

struct stream_mark {
	uint64_t offset;
	uint32_t size;
};

struct stream_buffer {
	uint64_t base; /* everything before is given up */
	uint64_t trusted; /* below, marks may be missing: bytes that are there win */
	struct stream_region *regions; /* sorted, disjoint, never touching */
	struct stream_mark *marks; /* sorted by offset */
	uint32_t region_count, region_capacity;
	uint32_t mark_start, mark_count, mark_capacity;
	uint32_t far_max; /* most groups of regions at a time; at least 1 */
};

enum stream_insert_result { STREAM_INSERT_OK, STREAM_INSERT_MEMORY, STREAM_INSERT_LIMIT };

struct stream_overlap {
	bool overlaps, differs;
	uint32_t new_size; /* bytes that were not there before */
};

/* No memory is taken before the first insert. */
void stream_buffer_init(struct stream_buffer *buffer);
void stream_buffer_done(struct stream_buffer *buffer, struct stream_memory *memory);

/* Puts a segment of at most STREAM_SEGMENT_MAX bytes in; what lies before base is cut off. 'policy' OS_FIRST with
 * 'keep_marks' false is the inline rule: what is there stays. 'far_limit': most groups of regions, 0 for no limit. On
 * refusal the buffer holds what it held. */
MUST_CHECK enum stream_insert_result stream_buffer_insert(struct stream_buffer *buffer, struct stream_memory *memory,
	uint64_t offset, struct bytes data, enum stream_os_policy policy, bool keep_marks, uint32_t far_limit,
	struct stream_overlap *ret);

/* Contiguous bytes from 'offset' on; empty when that byte is not there. Borrowed until the next insert or slide. */
struct bytes stream_buffer_view(const struct stream_buffer *buffer, uint64_t offset);

/* The first offset at or behind 'offset' that has a byte; UINT64_MAX: none. */
uint64_t stream_buffer_next(const struct stream_buffer *buffer, uint64_t offset);

/* Behind the last byte; base when the buffer is empty. */
uint64_t stream_buffer_end(const struct stream_buffer *buffer);

/* Gives up everything before 'offset'. */
void stream_buffer_slide(struct stream_buffer *buffer, struct stream_memory *memory, uint64_t offset);

/* Whose bytes count where a new segment overlaps an old one. */
bool stream_policy_new_wins(
	enum stream_os_policy policy, uint64_t old_offset, uint64_t old_end, uint64_t new_offset, uint64_t new_end);
