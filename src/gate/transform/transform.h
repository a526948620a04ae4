// SPDX-License-Identifier: Apache-2.0
/* The transformations of SecLang (`t:lowercase`, `t:urlDecodeUni`, ...): pure functions from bytes to bytes.
 *
 * What each does is said by ModSecurity's reference manual (v3, "Transformation functions"); transform.c's table lists them
 * all, in alphabetical order, with their aliases (`normalisePath`, `normalizePath`). Names are compared without case.
 *
 * Most values of ordinary requests are changed by none of them. So each says which byte classes it acts on at all: a value
 * without any of those is its own result, and transform_run() is not even called. One pass over a value
 * (transform_classes()) answers that for all transformations.
 *
 * Functions keep no state; any thread may run any of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"

/* Which kinds of bytes stand in a value; an or of these. Extend as the transformations need (up to 32). */
enum transform_class {
	CLASS_UPPER = 1 << 0, /* A-Z */
	CLASS_LOWER = 1 << 1, /* a-z */
	CLASS_DIGIT = 1 << 2,
	CLASS_SPACE = 1 << 3, /* blank, \t \n \v \f \r */
	CLASS_NUL = 1 << 4,
	CLASS_PERCENT = 1 << 5, /* % */
	CLASS_PLUS = 1 << 6, /* + */
	CLASS_AMPERSAND = 1 << 7, /* & */
	CLASS_BACKSLASH = 1 << 8,
	CLASS_SLASH = 1 << 9,
	CLASS_DOT = 1 << 10,
	CLASS_QUOTE = 1 << 11, /* " ' ` */
	CLASS_CARET = 1 << 12, /* ^ */
	CLASS_COMMA = 1 << 13,
	CLASS_SEMICOLON = 1 << 14,
	CLASS_ANGLE = 1 << 15, /* < > */
	CLASS_PAREN = 1 << 16, /* ( ) */
	CLASS_HASH = 1 << 17, /* # */
	CLASS_STAR = 1 << 18, /* * */
	CLASS_DASH = 1 << 19, /* - */
	CLASS_HIGH = 1 << 20, /* 0x80-0xff */
	CLASS_NBSP = 1 << 21, /* 0xa0 and 0xc2, the bytes of a no-break space; also CLASS_HIGH */
	CLASS_CONTROL = 1 << 22, /* other bytes below 0x20, and 0x7f */
	CLASS_OTHER = 1 << 23,
};
#define CLASS_ANY UINT32_MAX

struct transform {
	const char *name; /* as the manual writes it, e.g. "urlDecodeUni" */
	const char *alias; /* another spelling of it, or null */
	/* The value is its own result when it has none of these classes. CLASS_ANY: it has to be run to know (also for
	 * the empty value where that has a result of its own, e.g. length). */
	uint32_t acts_on;
	/* Room that the result may need for 'size' bytes of input; never less than it writes. */
	size_t (*room)(size_t size);
	/* Writes the result of 'in' to 'out' (which does not overlap 'in') and returns its size. */
	size_t (*run)(struct bytes in, uint8_t *out);
};

/* Null when there is none of that name. "none" is not a transformation; the parser knows it. */
const struct transform *transform_find(struct bytes name);

/* All of them, for listings and tests. */
extern const struct transform transforms[];
extern const size_t transform_count;

/* urlDecodeUni for a policy with `SecUnicodeMapFile FILE 20127`: %uXXXX becomes what code page 20127 has for the character
 * (a letter without its accents, an ordinary quotation mark), not the low byte of its number. Not in 'transforms'. */
extern const struct transform transform_url_decode_uni_20127;

/* An or of transform_class of all bytes of 'in'; 0 for the empty view. Some 16 bytes a nanosecond would be good: SIMD or a
 * table. */
uint32_t transform_classes(struct bytes in);

/* The result of 'transform' for 'in': 'in' itself (same pointer and size) when nothing changes, else a copy in 'arena'.
 * 'classes' is transform_classes(in). An arena at its ceiling gives 'in' and sets '*ret_refused', which is never cleared
 * here and may be null: the caller decides what an uninspectable value means. */
struct bytes transform_run(
	const struct transform *transform, struct bytes in, uint32_t classes, struct arena *arena, bool *ret_refused);
