// SPDX-License-Identifier: Apache-2.0
/* A view of bytes: a pointer and a size, passed by value.
 *
 * A view owns nothing and lives as long as the memory it points into. It is how the project hands around
 * packet contents, file contents and text: nothing is copied and nothing relies on a final NUL. The empty
 * view may have any pointer, null included; no function here reads through it. To read numbers out of a
 * view, lay a cursor over it (base/cursor.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *ptr; /* borrowed */
	size_t size;
};

static inline struct bytes bytes_of(const void *ptr, size_t size)
{
	return (struct bytes){ .ptr = ptr, .size = size };
}

/* The text without its final NUL. 'text' must not be null. */
static inline struct bytes bytes_from_str(const char *text)
{
	return bytes_of(text, strlen(text));
}

/* Everything behind the first 'count' bytes; empty when there are not so many. */
static inline struct bytes bytes_skip(struct bytes in, size_t count)
{
	if (count >= in.size)
		return (struct bytes){ 0 };
	return bytes_of(in.ptr + count, in.size - count);
}

/* The first 'count' bytes, or all of them when there are fewer. */
static inline struct bytes bytes_first(struct bytes in, size_t count)
{
	return bytes_of(in.ptr, count < in.size ? count : in.size);
}

static inline bool bytes_empty(struct bytes in)
{
	return in.size == 0;
}

/* Same size and same content. Not in constant time: not for secrets. */
static inline bool bytes_equal(struct bytes left, struct bytes right)
{
	return left.size == right.size && (left.size == 0 || memcmp(left.ptr, right.ptr, left.size) == 0);
}

static inline bool bytes_equal_str(struct bytes left, const char *right)
{
	return bytes_equal(left, bytes_from_str(right));
}

static inline bool bytes_starts_with(struct bytes in, struct bytes prefix)
{
	return prefix.size <= in.size && bytes_equal(bytes_first(in, prefix.size), prefix);
}

/* Order of memcmp, and the shorter first when one begins with the other: below, equal to or above 0. */
static inline int bytes_compare(struct bytes left, struct bytes right)
{
	size_t common = left.size < right.size ? left.size : right.size;
	int order = common == 0 ? 0 : memcmp(left.ptr, right.ptr, common);

	return order != 0 ? order : (left.size > right.size) - (left.size < right.size);
}

/* Position of the first 'wanted', or in.size when there is none. */
static inline size_t bytes_index(struct bytes in, uint8_t wanted)
{
	const uint8_t *found = in.size == 0 ? NULL : memchr(in.ptr, wanted, in.size);

	return found ? (size_t)(found - in.ptr) : in.size;
}

/* Copies the view as a C string. False, and nothing written, when it does not fit with its final NUL or
 * holds a NUL itself (which would silently shorten the copy). */
static inline bool bytes_to_str(struct bytes in, char *text, size_t text_size)
{
	if (in.size >= text_size || bytes_index(in, 0) != in.size)
		return false;
	if (in.size != 0)
		memcpy(text, in.ptr, in.size);
	text[in.size] = '\0';
	return true;
}
