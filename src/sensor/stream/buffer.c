// SPDX-License-Identifier: Apache-2.0
/* See buffer.h. */
#include "sensor/stream/buffer.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 2048, LIST_MIN = 4 };

static void *account_alloc(struct stream_memory *memory, size_t size)
{
	void *data;

	if (size > memory->ceiling_size || memory->used_size > memory->ceiling_size - size)
		return NULL;
	data = malloc(size);
	if (data)
		memory->used_size += size;
	return data;
}

static void account_free(struct stream_memory *memory, void *data, size_t size)
{
	if (!data)
		return;
	memory->used_size -= size;
	free(data);
}

void stream_buffer_init(struct stream_buffer *buffer)
{
	memset(buffer, 0, sizeof(*buffer));
	buffer->far_max = 1;
}

void stream_buffer_done(struct stream_buffer *buffer, struct stream_memory *memory)
{
	for (uint32_t i = 0; i < buffer->region_count; i++)
		account_free(memory, buffer->regions[i].data, buffer->regions[i].capacity);
	account_free(memory, buffer->regions, buffer->region_capacity * sizeof(*buffer->regions));
	account_free(memory, buffer->marks, buffer->mark_capacity * sizeof(*buffer->marks));
	buffer->regions = NULL;
	buffer->marks = NULL;
	buffer->region_count = buffer->region_capacity = 0;
	buffer->mark_count = buffer->mark_start = buffer->mark_capacity = 0;
}

static uint64_t region_end(const struct stream_region *region)
{
	return region->offset + region->size;
}

/* Index of the first region that ends at or behind 'offset'. */
static uint32_t region_from(const struct stream_buffer *buffer, uint64_t offset)
{
	uint32_t low = 0, high = buffer->region_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (region_end(&buffer->regions[middle]) < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct bytes stream_buffer_view(const struct stream_buffer *buffer, uint64_t offset)
{
	uint32_t i = region_from(buffer, offset + 1);
	const struct stream_region *region;
	size_t skip;

	if (i == buffer->region_count || buffer->regions[i].offset > offset)
		return (struct bytes){ 0 };
	region = &buffer->regions[i];
	skip = (size_t)(offset - region->offset);
	return bytes_of(region->data + region->start + skip, region->size - skip);
}

uint64_t stream_buffer_next(const struct stream_buffer *buffer, uint64_t offset)
{
	uint32_t i = region_from(buffer, offset + 1);

	if (i == buffer->region_count)
		return UINT64_MAX;
	return buffer->regions[i].offset > offset ? buffer->regions[i].offset : offset;
}

uint64_t stream_buffer_end(const struct stream_buffer *buffer)
{
	if (buffer->region_count == 0)
		return buffer->base;
	return region_end(&buffer->regions[buffer->region_count - 1]);
}

/* Room for 'more' bytes behind the region's last one: the given-up head is used again once it is half of the whole, so
 * that moving costs no more than appending did. */
static bool region_reserve(struct stream_region *region, struct stream_memory *memory, uint32_t more)
{
	uint64_t wanted = (uint64_t)region->size + more, capacity = region->capacity;
	uint8_t *data;

	if (region->start + wanted <= capacity)
		return true;
	if (wanted <= capacity && region->start >= capacity / 2) {
		memmove(region->data, region->data + region->start, region->size);
		region->start = 0;
		return true;
	}
	if (capacity == 0)
		capacity = CAPACITY_MIN;
	while (capacity < wanted + wanted / 4)
		capacity *= 2;
	if (capacity > UINT32_MAX)
		return false;
	data = account_alloc(memory, (size_t)capacity);
	if (!data)
		return false;
	if (region->size != 0)
		memcpy(data, region->data + region->start, region->size);
	account_free(memory, region->data, region->capacity);
	region->data = data;
	region->start = 0;
	region->capacity = (uint32_t)capacity;
	return true;
}

static void region_append(struct stream_region *region, struct bytes data)
{
	memcpy(region->data + region->start + region->size, data.ptr, data.size);
	region->size += (uint32_t)data.size;
}

static void regions_remove(struct stream_buffer *buffer, struct stream_memory *memory, uint32_t from, uint32_t count)
{
	for (uint32_t i = from; i < from + count; i++)
		account_free(memory, buffer->regions[i].data, buffer->regions[i].capacity);
	memmove(&buffer->regions[from], &buffer->regions[from + count],
		(buffer->region_count - from - count) * sizeof(*buffer->regions));
	buffer->region_count -= count;
}

/* Doubles a list of items that are moved as bytes; false without memory. */
static void *list_grow(struct stream_memory *memory, void *list, uint32_t *capacity, size_t item_size)
{
	uint32_t wanted = *capacity == 0 ? LIST_MIN : *capacity * 2;
	void *grown = account_alloc(memory, wanted * item_size);

	if (!grown)
		return NULL;
	if (*capacity != 0)
		memcpy(grown, list, *capacity * item_size);
	account_free(memory, list, *capacity * item_size);
	*capacity = wanted;
	return grown;
}

static enum stream_insert_result region_make(
	struct stream_buffer *buffer, struct stream_memory *memory, uint32_t at, uint64_t offset, struct bytes data)
{
	struct stream_region region = { .offset = offset };

	if (buffer->region_count >= STREAM_REGIONS_MAX)
		return STREAM_INSERT_LIMIT;
	if (buffer->region_count == buffer->region_capacity) {
		void *grown = list_grow(memory, buffer->regions, &buffer->region_capacity, sizeof(*buffer->regions));

		if (!grown)
			return STREAM_INSERT_MEMORY;
		buffer->regions = grown;
	}
	if (!region_reserve(&region, memory, (uint32_t)data.size))
		return STREAM_INSERT_MEMORY;
	region_append(&region, data);
	memmove(&buffer->regions[at + 1], &buffer->regions[at], (buffer->region_count - at) * sizeof(region));
	buffer->regions[at] = region;
	buffer->region_count++;
	return STREAM_INSERT_OK;
}

/* ---- Marks. ---- */

static struct stream_mark *mark_at(const struct stream_buffer *buffer, uint32_t i)
{
	return &buffer->marks[buffer->mark_start + i];
}

/* Index of the first mark that begins at or behind 'offset'. */
static uint32_t mark_from(const struct stream_buffer *buffer, uint64_t offset)
{
	uint32_t low = 0, high = buffer->mark_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (mark_at(buffer, middle)->offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void mark_drop_first(struct stream_buffer *buffer)
{
	buffer->mark_start++;
	buffer->mark_count--;
	if (buffer->mark_count == 0)
		buffer->mark_start = 0;
}

/* A mark that finds no room is missing: from then on bytes that are there win up to its end. */
static void mark_add(struct stream_buffer *buffer, struct stream_memory *memory, uint64_t offset, uint32_t size)
{
	uint32_t at;

	if (buffer->mark_count >= STREAM_MARKS_MAX) {
		const struct stream_mark *first = mark_at(buffer, 0);

		if (first->offset + first->size > buffer->trusted)
			buffer->trusted = first->offset + first->size;
		mark_drop_first(buffer);
	}
	if (buffer->mark_start + buffer->mark_count == buffer->mark_capacity) {
		if (buffer->mark_start != 0 && buffer->mark_start >= buffer->mark_capacity / 2) {
			memmove(buffer->marks, mark_at(buffer, 0), buffer->mark_count * sizeof(*buffer->marks));
			buffer->mark_start = 0;
		} else {
			void *grown = list_grow(memory, buffer->marks, &buffer->mark_capacity, sizeof(*buffer->marks));

			if (!grown) {
				if (offset + size > buffer->trusted)
					buffer->trusted = offset + size;
				return;
			}
			buffer->marks = grown;
		}
	}
	at = buffer->mark_count;
	if (at != 0 && mark_at(buffer, at - 1)->offset > offset) {
		at = mark_from(buffer, offset);
		memmove(mark_at(buffer, at + 1), mark_at(buffer, at),
			(buffer->mark_count - at) * sizeof(*buffer->marks));
	}
	*mark_at(buffer, at) = (struct stream_mark){ .offset = offset, .size = size };
	buffer->mark_count++;
}

/* ---- Overlaps. ---- */

bool stream_policy_new_wins(
	enum stream_os_policy policy, uint64_t old_offset, uint64_t old_end, uint64_t new_offset, uint64_t new_end)
{
	bool reaches = new_end >= old_end; /* the new one ends with or behind the old one */

	if (policy == OS_LAST)
		return true;
	if (policy == OS_FIRST)
		return false;
	if (new_offset < old_offset) { /* the new one begins first */
		if (policy == OS_VISTA)
			return false;
		return policy == OS_SOLARIS || policy == OS_HPUX11 ? reaches : true;
	}
	if (new_offset == old_offset) {
		if (policy == OS_OLD_LINUX || policy == OS_SOLARIS || policy == OS_HPUX11)
			return reaches;
		return policy == OS_LINUX && new_end > old_end;
	}
	return (policy == OS_SOLARIS || policy == OS_HPUX11) && new_end > old_end;
}

static uint64_t larger(uint64_t left, uint64_t right)
{
	return left > right ? left : right;
}

static uint64_t smaller(uint64_t left, uint64_t right)
{
	return left < right ? left : right;
}

/* Puts bytes of the buffer in [from, to) that are there over the scratch copy of a segment at 'offset'. */
static void keep_old(const struct stream_buffer *buffer, uint64_t offset, uint64_t from, uint64_t to, uint8_t *scratch)
{
	for (uint32_t i = region_from(buffer, from + 1); i < buffer->region_count; i++) {
		const struct stream_region *region = &buffer->regions[i];
		uint64_t left = larger(from, region->offset), right = smaller(to, region_end(region));

		if (region->offset >= to)
			break;
		memcpy(scratch + (left - offset), region->data + region->start + (left - region->offset),
			(size_t)(right - left));
	}
}

/* True when bytes that are there differ from the segment's; counts how many are there. */
static bool compare(const struct stream_buffer *buffer, uint64_t offset, struct bytes data, uint32_t *ret_present_size)
{
	uint64_t end = offset + data.size;
	bool differs = false;

	*ret_present_size = 0;
	for (uint32_t i = region_from(buffer, offset + 1); i < buffer->region_count; i++) {
		const struct stream_region *region = &buffer->regions[i];
		uint64_t left = larger(offset, region->offset), right = smaller(end, region_end(region));

		if (region->offset >= end)
			break;
		*ret_present_size += (uint32_t)(right - left);
		differs = differs ||
			  memcmp(data.ptr + (left - offset), region->data + region->start + (left - region->offset),
				  (size_t)(right - left)) != 0;
	}
	return differs;
}

/* The bytes that count where the segment is, in scratch. */
static struct bytes settle(const struct stream_buffer *buffer, struct stream_memory *memory, uint64_t offset,
	struct bytes data, enum stream_os_policy policy, bool use_marks)
{
	uint64_t end = offset + data.size, first = offset < STREAM_SEGMENT_MAX ? 0 : offset - STREAM_SEGMENT_MAX;

	memcpy(memory->scratch, data.ptr, data.size);
	if (!use_marks) {
		keep_old(buffer, offset, offset, end, memory->scratch);
		return bytes_of(memory->scratch, data.size);
	}
	if (buffer->trusted > offset)
		keep_old(buffer, offset, offset, smaller(end, buffer->trusted), memory->scratch);
	for (uint32_t i = mark_from(buffer, first); i < buffer->mark_count; i++) {
		const struct stream_mark *mark = mark_at(buffer, i);
		uint64_t mark_end = mark->offset + mark->size;

		if (mark->offset >= end)
			break;
		if (mark_end <= offset || stream_policy_new_wins(policy, mark->offset, mark_end, offset, end))
			continue;
		keep_old(buffer, offset, larger(offset, mark->offset), smaller(end, mark_end), memory->scratch);
	}
	return bytes_of(memory->scratch, data.size);
}

/* ---- Insert. ---- */

/* How many groups of regions there would be, when holes of STREAM_FAR_SIZE part them, with one more region. */
static uint32_t far_count(const struct stream_buffer *buffer, uint64_t offset, uint64_t end)
{
	uint32_t count = 1;
	uint64_t last = UINT64_MAX;
	bool placed = false;

	for (uint32_t i = 0; i <= buffer->region_count; i++) {
		bool here = !placed && (i == buffer->region_count || buffer->regions[i].offset >= offset);

		if (here) {
			if (last != UINT64_MAX && offset > last && offset - last >= STREAM_FAR_SIZE)
				count++;
			last = last == UINT64_MAX ? end : larger(last, end);
			placed = true;
		}
		if (i == buffer->region_count)
			break;
		if (last != UINT64_MAX && buffer->regions[i].offset > last &&
			buffer->regions[i].offset - last >= STREAM_FAR_SIZE)
			count++;
		last = last == UINT64_MAX ? region_end(&buffer->regions[i])
					  : larger(last, region_end(&buffer->regions[i]));
	}
	return count;
}

/* The segment meets region 'at' (and perhaps further ones): writes over it, lengthens it, takes the others in. */
static enum stream_insert_result join(
	struct stream_buffer *buffer, struct stream_memory *memory, uint32_t at, uint64_t offset, struct bytes data)
{
	uint64_t end = offset + data.size, total_end = end;
	struct stream_region *region = &buffer->regions[at];
	uint32_t after = at;
	size_t inside;

	while (after < buffer->region_count && buffer->regions[after].offset <= end) {
		total_end = larger(total_end, region_end(&buffer->regions[after]));
		after++;
	}
	if (offset < region->offset) {
		/* Begins first: a new region takes the place of all that it meets. */
		struct stream_region joined = { .offset = offset };

		if (!region_reserve(&joined, memory, (uint32_t)(total_end - offset)))
			return STREAM_INSERT_MEMORY;
		region_append(&joined, data);
		if (total_end > end) {
			const struct stream_region *tail = &buffer->regions[after - 1];

			region_append(&joined, bytes_skip(bytes_of(tail->data + tail->start, tail->size),
						       (size_t)(end - tail->offset)));
		}
		account_free(memory, region->data, region->capacity);
		*region = joined;
		regions_remove(buffer, memory, at + 1, after - at - 1);
		return STREAM_INSERT_OK;
	}
	if (total_end > region_end(region) &&
		!region_reserve(region, memory, (uint32_t)(total_end - region_end(region))))
		return STREAM_INSERT_MEMORY;
	inside = (size_t)smaller(data.size, region_end(region) - offset);
	memcpy(region->data + region->start + (offset - region->offset), data.ptr, inside);
	if (inside < data.size)
		region_append(region, bytes_skip(data, inside));
	if (total_end > region_end(region)) {
		const struct stream_region *tail = &buffer->regions[after - 1];

		region_append(region, bytes_skip(bytes_of(tail->data + tail->start, tail->size),
					      (size_t)(region_end(region) - tail->offset)));
	}
	regions_remove(buffer, memory, at + 1, after - at - 1);
	return STREAM_INSERT_OK;
}

enum stream_insert_result stream_buffer_insert(struct stream_buffer *buffer, struct stream_memory *memory,
	uint64_t offset, struct bytes data, enum stream_os_policy policy, bool keep_marks, uint32_t far_limit,
	struct stream_overlap *ret)
{
	enum stream_insert_result result;
	struct stream_region *last;
	uint32_t at, present = 0, far;

	*ret = (struct stream_overlap){ 0 };
	if (offset < buffer->base) {
		data = bytes_skip(data, (size_t)smaller(buffer->base - offset, data.size));
		offset = buffer->base;
	}
	data = bytes_first(data, STREAM_SEGMENT_MAX);
	if (data.size == 0)
		return STREAM_INSERT_OK;
	/* The way of nearly all segments. */
	last = buffer->region_count == 0 ? NULL : &buffer->regions[buffer->region_count - 1];
	if (last && region_end(last) == offset) {
		if (!region_reserve(last, memory, (uint32_t)data.size))
			return STREAM_INSERT_MEMORY;
		region_append(last, data);
		ret->new_size = (uint32_t)data.size;
		if (keep_marks)
			mark_add(buffer, memory, offset, (uint32_t)data.size);
		return STREAM_INSERT_OK;
	}
	ret->differs = compare(buffer, offset, data, &present);
	ret->overlaps = present != 0;
	ret->new_size = (uint32_t)data.size - present;
	if (ret->differs)
		data = settle(buffer, memory, offset, data, policy, keep_marks);
	at = region_from(buffer, offset);
	if (at < buffer->region_count && buffer->regions[at].offset <= offset + data.size) {
		result = join(buffer, memory, at, offset, data);
	} else {
		far = far_count(buffer, offset, offset + data.size);
		if (far_limit != 0 && far > far_limit)
			return STREAM_INSERT_LIMIT;
		result = region_make(buffer, memory, at, offset, data);
		if (result == STREAM_INSERT_OK && far > buffer->far_max)
			buffer->far_max = far;
	}
	if (result == STREAM_INSERT_OK && keep_marks)
		mark_add(buffer, memory, offset, (uint32_t)data.size);
	return result;
}

void stream_buffer_slide(struct stream_buffer *buffer, struct stream_memory *memory, uint64_t offset)
{
	uint32_t count = 0;

	if (offset <= buffer->base)
		return;
	buffer->base = offset;
	while (count < buffer->region_count && region_end(&buffer->regions[count]) <= offset)
		count++;
	if (count != 0)
		regions_remove(buffer, memory, 0, count);
	if (buffer->region_count != 0 && buffer->regions[0].offset < offset) {
		uint32_t skip = (uint32_t)(offset - buffer->regions[0].offset);

		buffer->regions[0].start += skip;
		buffer->regions[0].size -= skip;
		buffer->regions[0].offset = offset;
	}
	while (buffer->mark_count != 0 && mark_at(buffer, 0)->offset + mark_at(buffer, 0)->size <= offset)
		mark_drop_first(buffer);
}
