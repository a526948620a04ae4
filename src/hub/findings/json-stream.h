// SPDX-License-Identifier: Apache-2.0
/* Reads a JSON text as it comes and hands out some values of it as wholes; the rest is stepped over and never held.
 *
 * Which values is said by paths from the root: keys parted by slashes, '*' for any element of an array, '**' for any
 * number of levels (also none). So "matches/" + "*" gives each element of the array under "matches". A path with '<'
 * before it only says that a value begins there (for what is to be forgotten then). The empty path is the root
 * itself. Of several paths that fit the first counts, and within a value that is handed out none does.
 *
 * What is handed out is read by jansson, with all its checks; what is stepped over is only checked for its brackets,
 * commas and colons. Keys of more than 63 bytes, and keys written with escapes, fit no path. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "hub/findings/importer.h"

struct json_stream;

/* 'path' is the place in the list of paths. 'value' is borrowed, null for paths with '<'. Not 0 ends the reading
 * with it. */
typedef int (*json_stream_fn)(void *context, size_t path, json_t *value, uint64_t position);

/* 'paths' ends with null and stays the caller's. Null: no memory. Refused values and failures are told to 'import'. */
struct json_stream *json_stream_new(struct import *import, const char *const *paths, json_stream_fn fn, void *context);
void json_stream_free(struct json_stream *stream); /* may be null */
MUST_CHECK int json_stream_feed(struct json_stream *stream, struct bytes piece);
/* LUYTRE_E_TRUNCATED when the text is not whole. */
MUST_CHECK int json_stream_end(struct json_stream *stream);

/* One value of JSON in 'text', read with the bounds of this file; null with the reason refused at 'position'. */
json_t *json_stream_value(struct import *import, struct bytes text, uint64_t position);

/* ---- Looking into values; all take null, and give an empty view for what is not there or of another type ---- */

struct bytes json_text(const json_t *value);
struct bytes json_text_of(const json_t *object, const char *key);
/* A text, or the first text of a list. */
struct bytes json_first_text(const json_t *value);
/* Texts of a list (or one text) as references, behind those that are there. */
struct record;
void json_references(const json_t *value, struct record *record);
/* Texts of a list (or one text) with a blank behind each, into 'out'. Cut at its size. */
struct bytes json_join(const json_t *value, char *out, size_t out_size);
