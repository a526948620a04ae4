// SPDX-License-Identifier: Apache-2.0
/* A streaming JSON writer (RFC 8259) into a growing buffer with a ceiling.
 *
 * Call the pieces in order; commas and colons come by themselves:
 *
 *	struct jsonw writer;
 *	jsonw_init(&writer, 1 << 20);
 *	jsonw_object_begin(&writer);
 *	jsonw_kv_string(&writer, "tenant", "bank");
 *	jsonw_key(&writer, "drops");
 *	jsonw_array_begin(&writer);
 *	jsonw_u64(&writer, 12);
 *	jsonw_array_end(&writer);
 *	jsonw_object_end(&writer);
 *	error = jsonw_text(&writer, &text);
 *	...
 *	jsonw_done(&writer);
 *
 * Writing calls return nothing: the first failure is remembered, later calls do nothing, and jsonw_text reports it. So
 * it never hands out invalid JSON: LUYTRE_E_FULL at the ceiling, LUYTRE_E_NOMEM, LUYTRE_E_INVALID when the calls do
 * not nest, a key is missing, or the document is not complete. Keys are not checked for doubles. Not for several
 * threads at once. The prefix is not json_ because the jansson library, our reader, has that one. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

/* How deep objects and arrays may nest. */
#define JSONW_DEPTH_MAX 32

/* Storage belongs to the caller; the fields are for jsonw.c alone. */
struct jsonw {
	char *text; /* owned */
	size_t size;
	size_t capacity_size;
	size_t ceiling_size;
	int error;
	uint8_t depth;
	bool element_written; /* a comma comes before the next element */
	bool key_written; /* the next call must write the value of a key */
	uint8_t levels[JSONW_DEPTH_MAX]; /* '{' or '[' for each open level */
};

/* Takes no memory yet, cannot fail. The text is never longer than 'ceiling_size'. */
void jsonw_init(struct jsonw *writer, size_t ceiling_size);

/* Frees the text. A second call does nothing. */
void jsonw_done(struct jsonw *writer);

/* Starts again with an empty document, no error and the same memory. */
void jsonw_reset(struct jsonw *writer);

/* Takes back everything written since '*mark' was copied from '*writer': for an object that turns out to be empty. */
void jsonw_rewind(struct jsonw *writer, const struct jsonw *mark);

void jsonw_object_begin(struct jsonw *writer);
void jsonw_object_end(struct jsonw *writer);
void jsonw_array_begin(struct jsonw *writer);
void jsonw_array_end(struct jsonw *writer);

/* The name of the next value; only inside an object. */
void jsonw_key(struct jsonw *writer, const char *key);
void jsonw_key_bytes(struct jsonw *writer, struct bytes key);

/* Any bytes: what is not UTF-8 (RFC 3629) becomes U+FFFD, one per broken sequence. */
void jsonw_string_bytes(struct jsonw *writer, struct bytes value);

/* Null writes null. */
void jsonw_string(struct jsonw *writer, const char *value);

/* All 64 bits are written, but a reader that keeps numbers as doubles (JavaScript) is exact up to 2^53 only. */
void jsonw_u64(struct jsonw *writer, uint64_t value);
void jsonw_i64(struct jsonw *writer, int64_t value);

/* With as few digits as give the same double back. JSON has no infinity and no NaN: those write null. */
void jsonw_double(struct jsonw *writer, double value);
void jsonw_bool(struct jsonw *writer, bool value);
void jsonw_null(struct jsonw *writer);

/* A key and its value in one call. */
void jsonw_kv_string(struct jsonw *writer, const char *key, const char *value);
void jsonw_kv_string_bytes(struct jsonw *writer, const char *key, struct bytes value);
void jsonw_kv_u64(struct jsonw *writer, const char *key, uint64_t value);
void jsonw_kv_i64(struct jsonw *writer, const char *key, int64_t value);
void jsonw_kv_double(struct jsonw *writer, const char *key, double value);
void jsonw_kv_bool(struct jsonw *writer, const char *key, bool value);
void jsonw_kv_null(struct jsonw *writer, const char *key);
void jsonw_kv_object_begin(struct jsonw *writer, const char *key);
void jsonw_kv_array_begin(struct jsonw *writer, const char *key);

/* The error remembered so far; 0: none. For who would go on for long for nothing. */
static inline int jsonw_error(const struct jsonw *writer)
{
	return writer->error;
}

/* The complete document; 0 or the error remembered. The view lives until the next call that writes, resets or frees,
 * and has a NUL behind its end. '*ret' is not written on failure. */
MUST_CHECK int jsonw_text(const struct jsonw *writer, struct bytes *ret);
