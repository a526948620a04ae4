// SPDX-License-Identifier: Apache-2.0
#include "base/jsonw.h"

#include <math.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/utf8.h"

#define CAPACITY_SIZE_MIN 256

/* A sign and the digits of 64 bits, rounded up. */
#define NUMBER_SIZE_MAX 24

/* Behind the text there is always room for the final NUL and for a vector that is stored whole. */
#define SLACK_SIZE 33

void jsonw_init(struct jsonw *writer, size_t ceiling_size)
{
	*writer = (struct jsonw){ .ceiling_size = ceiling_size };
}

void jsonw_done(struct jsonw *writer)
{
	free(writer->text);
	jsonw_init(writer, writer->ceiling_size);
}

void jsonw_reset(struct jsonw *writer)
{
	char *text = writer->text;
	size_t capacity_size = writer->capacity_size;

	jsonw_init(writer, writer->ceiling_size);
	writer->text = text;
	writer->capacity_size = capacity_size;
}

void jsonw_rewind(struct jsonw *writer, const struct jsonw *mark)
{
	writer->size = mark->size;
	writer->depth = mark->depth;
	writer->element_written = mark->element_written;
	writer->key_written = mark->key_written;
	writer->error = mark->error;
}

/* The first error stays. */
static void fail(struct jsonw *writer, int error)
{
	if (writer->error == 0)
		writer->error = error;
}

/* Makes room for 'size' more bytes and the slack; the rare way of reserve(). */
static bool grow(struct jsonw *writer, size_t size)
{
	size_t capacity_size = writer->capacity_size ? writer->capacity_size : CAPACITY_SIZE_MIN;
	char *text;

	if (writer->error != 0)
		return false;
	if (size > writer->ceiling_size - writer->size) {
		fail(writer, LUYTRE_E_FULL);
		return false;
	}
	if (writer->size + size + SLACK_SIZE <= writer->capacity_size)
		return true;
	while (capacity_size < writer->size + size + SLACK_SIZE)
		capacity_size = capacity_size > SIZE_MAX / 2 ? SIZE_MAX : capacity_size * 2;
	text = realloc(writer->text, capacity_size);
	if (!text) {
		fail(writer, LUYTRE_E_NOMEM);
		return false;
	}
	writer->text = text;
	writer->capacity_size = capacity_size;
	return true;
}

/* Where the next 'size' bytes go, or null after an error. What lies behind them may be written over. */
static inline char *reserve(struct jsonw *writer, size_t size)
{
	bool fits = writer->size + size + SLACK_SIZE <= writer->capacity_size &&
		    size <= writer->ceiling_size - writer->size;

	if ((writer->error != 0 || !fits) && !grow(writer, size))
		return NULL;
	return writer->text + writer->size;
}

/* 'size' bytes of what was reserved are written. */
static inline void commit(struct jsonw *writer, size_t size)
{
	writer->size += size;
	writer->text[writer->size] = '\0';
}

static inline void append(struct jsonw *writer, const void *text, size_t size)
{
	char *out = reserve(writer, size);

	if (!out)
		return;
	memcpy(out, text, size);
	commit(writer, size);
}

static void append_str(struct jsonw *writer, const char *text)
{
	append(writer, text, strlen(text));
}

static inline void append_char(struct jsonw *writer, char c)
{
	char *out = reserve(writer, 1);

	if (!out)
		return;
	*out = c;
	commit(writer, 1);
}

static bool in_object(const struct jsonw *writer)
{
	return writer->depth > 0 && writer->levels[writer->depth - 1] == '{';
}

/* Called before each value: checks that one may stand here and writes the comma of an array. */
static void value_begin(struct jsonw *writer)
{
	bool allowed = writer->depth == 0 ? writer->size == 0 : !in_object(writer) || writer->key_written;

	if (!allowed) {
		fail(writer, LUYTRE_E_INVALID);
		return;
	}
	if (writer->element_written && !writer->key_written)
		append_char(writer, ',');
	writer->element_written = true;
	writer->key_written = false;
}

static void level_begin(struct jsonw *writer, char open)
{
	value_begin(writer);
	if (writer->depth == JSONW_DEPTH_MAX)
		fail(writer, LUYTRE_E_INVALID);
	append_char(writer, open);
	if (writer->error != 0)
		return;
	writer->levels[writer->depth++] = (uint8_t)open;
	writer->element_written = false;
}

static void level_end(struct jsonw *writer, char open, char close)
{
	if (writer->depth == 0 || writer->levels[writer->depth - 1] != (uint8_t)open || writer->key_written) {
		fail(writer, LUYTRE_E_INVALID);
		return;
	}
	append_char(writer, close);
	writer->depth--;
	writer->element_written = true;
}

void jsonw_object_begin(struct jsonw *writer)
{
	level_begin(writer, '{');
}

void jsonw_object_end(struct jsonw *writer)
{
	level_end(writer, '{', '}');
}

void jsonw_array_begin(struct jsonw *writer)
{
	level_begin(writer, '[');
}

void jsonw_array_end(struct jsonw *writer)
{
	level_end(writer, '[', ']');
}

/* RFC 8259, section 7: the quotation mark, the backslash and control characters must be escaped. */
static void escaped_char(struct jsonw *writer, uint8_t c)
{
	static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	char text[8];

	for (size_t i = 0; i + 1 < sizeof(short_forms); i += 2) {
		if ((uint8_t)short_forms[i] == c) {
			append(writer, (char[]){ '\\', short_forms[i + 1] }, 2);
			return;
		}
	}
	snprintf(text, sizeof(text), "\\u%04x", c);
	append_str(writer, text);
}

#ifdef __SSE2__
/* A bit for each of 16 bytes that does not stand for itself: as signed bytes, those below a blank are the control characters
 * and everything above ASCII. */
static inline unsigned int special_bits(__m128i text)
{
	const __m128i blank = _mm_set1_epi8(0x20), quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');

	return (unsigned int)_mm_movemask_epi8(_mm_or_si128(_mm_cmplt_epi8(text, blank),
		_mm_or_si128(_mm_cmpeq_epi8(text, quote), _mm_cmpeq_epi8(text, backslash))));
}

/* Copies bytes up to the first one that does not stand for itself and returns how many. 'out' has the slack behind it. */
static inline size_t copy_plain(char *out, const uint8_t *in, size_t in_size)
{
	size_t size = 0, rest;
	unsigned int special;

	for (; in_size - size >= 16; size += 16) {
		__m128i text = _mm_loadu_si128((const __m128i *)(const void *)(in + size));

		_mm_storeu_si128((__m128i *)(void *)(out + size), text);
		special = special_bits(text);
		if (special != 0)
			return size + (size_t)__builtin_ctz(special);
	}
	rest = in_size - size;
	if (rest == 0)
		return size;
	memcpy(out + size, in + size, rest);
	/* What lies behind the rest is of no interest. */
	special = special_bits(_mm_loadu_si128((const __m128i *)(const void *)(out + size))) & ((1u << rest) - 1);
	return size + (size_t)__builtin_ctz(special | 1u << rest);
}
#else
/* Bytes that stand for themselves: most of most strings. */
static inline bool is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static inline size_t copy_plain(char *out, const uint8_t *in, size_t in_size)
{
	size_t size = 0;

	for (; size < in_size && is_plain(in[size]); size++)
		out[size] = (char)in[size];
	return size;
}
#endif

/* One character that does not stand for itself; returns how many bytes of 'in' it was. */
static size_t special_char(struct jsonw *writer, struct bytes in)
{
	bool valid;
	size_t size = utf8_sequence(in, &valid);

	if (!valid)
		append_str(writer, "\xef\xbf\xbd");
	else if (in.ptr[0] < 0x80)
		escaped_char(writer, in.ptr[0]);
	else
		append(writer, in.ptr, size);
	return size;
}

static void quoted(struct jsonw *writer, struct bytes in)
{
	size_t done = 0;

	append_char(writer, '"');
	for (;;) {
		/* No character gets shorter by being written. */
		char *out = reserve(writer, in.size - done + 1);
		size_t size;

		if (!out)
			return;
		/* An empty view may have a null pointer, to which not even 0 should be added. */
		size = done == in.size ? 0 : copy_plain(out, in.ptr + done, in.size - done);
		done += size;
		if (done == in.size) {
			out[size] = '"';
			commit(writer, size + 1);
			return;
		}
		commit(writer, size);
		done += special_char(writer, bytes_of(in.ptr + done, in.size - done));
	}
}

void jsonw_key_bytes(struct jsonw *writer, struct bytes key)
{
	if (!in_object(writer) || writer->key_written) {
		fail(writer, LUYTRE_E_INVALID);
		return;
	}
	if (writer->element_written)
		append_char(writer, ',');
	quoted(writer, key);
	append_char(writer, ':');
	writer->key_written = true;
}

/* A key is a short constant: it is copied while it is looked through. */
void jsonw_key(struct jsonw *writer, const char *key)
{
	bool comma = writer->element_written;
	size_t size = strlen(key);
	char *out = reserve(writer, comma + size + 3);

	if (!out)
		return;
	out[0] = ',';
	out[comma] = '"';
	if (!in_object(writer) || writer->key_written ||
		copy_plain(out + comma + 1, (const uint8_t *)key, size) != size) { /* wrong, or not so plain */
		jsonw_key_bytes(writer, bytes_of(key, size));
		return;
	}
	out += comma + 1 + size;
	out[0] = '"';
	out[1] = ':';
	commit(writer, comma + size + 3);
	writer->key_written = true;
}

void jsonw_string_bytes(struct jsonw *writer, struct bytes value)
{
	value_begin(writer);
	quoted(writer, value);
}

static void word(struct jsonw *writer, const char *text)
{
	value_begin(writer);
	append_str(writer, text);
}

void jsonw_null(struct jsonw *writer)
{
	word(writer, "null");
}

void jsonw_string(struct jsonw *writer, const char *value)
{
	if (value)
		jsonw_string_bytes(writer, bytes_from_str(value));
	else
		jsonw_null(writer);
}

/* Writes the digits in front of 'end' and returns where they begin. */
static char *digits(uint64_t value, char *end)
{
	do {
		*--end = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	return end;
}

static void number(struct jsonw *writer, uint64_t magnitude, bool negative)
{
	char text[2 * NUMBER_SIZE_MAX] = "", *end = text + NUMBER_SIZE_MAX, *begin = digits(magnitude, end), *out;

	if (negative)
		*--begin = '-';
	value_begin(writer);
	out = reserve(writer, (size_t)(end - begin));
	if (!out)
		return;
	/* Of a fixed size, which is quicker; the slack takes what is too much. */
	memcpy(out, begin, NUMBER_SIZE_MAX);
	commit(writer, (size_t)(end - begin));
}

void jsonw_u64(struct jsonw *writer, uint64_t value)
{
	number(writer, value, false);
}

void jsonw_i64(struct jsonw *writer, int64_t value)
{
	number(writer, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0);
}

void jsonw_double(struct jsonw *writer, double value)
{
	char text[40];

	if (!isfinite(value)) {
		jsonw_null(writer);
		return;
	}
	/* Seventeen digits always give the same double back, and often fifteen do. */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	/* The decimal sign follows the locale of the process; JSON has only the point. */
	for (char *c = text; *c; c++) {
		if (!strchr("+-.0123456789e", *c))
			*c = '.';
	}
	word(writer, text);
}

void jsonw_bool(struct jsonw *writer, bool value)
{
	word(writer, value ? "true" : "false");
}

void jsonw_kv_string(struct jsonw *writer, const char *key, const char *value)
{
	jsonw_key(writer, key);
	jsonw_string(writer, value);
}

void jsonw_kv_string_bytes(struct jsonw *writer, const char *key, struct bytes value)
{
	jsonw_key(writer, key);
	jsonw_string_bytes(writer, value);
}

void jsonw_kv_u64(struct jsonw *writer, const char *key, uint64_t value)
{
	jsonw_key(writer, key);
	jsonw_u64(writer, value);
}

void jsonw_kv_i64(struct jsonw *writer, const char *key, int64_t value)
{
	jsonw_key(writer, key);
	jsonw_i64(writer, value);
}

void jsonw_kv_double(struct jsonw *writer, const char *key, double value)
{
	jsonw_key(writer, key);
	jsonw_double(writer, value);
}

void jsonw_kv_bool(struct jsonw *writer, const char *key, bool value)
{
	jsonw_key(writer, key);
	jsonw_bool(writer, value);
}

void jsonw_kv_null(struct jsonw *writer, const char *key)
{
	jsonw_key(writer, key);
	jsonw_null(writer);
}

void jsonw_kv_object_begin(struct jsonw *writer, const char *key)
{
	jsonw_key(writer, key);
	jsonw_object_begin(writer);
}

void jsonw_kv_array_begin(struct jsonw *writer, const char *key)
{
	jsonw_key(writer, key);
	jsonw_array_begin(writer);
}

int jsonw_text(const struct jsonw *writer, struct bytes *ret)
{
	if (writer->error != 0)
		return writer->error;
	if (writer->depth != 0 || writer->size == 0)
		return LUYTRE_E_INVALID;
	*ret = bytes_of(writer->text, writer->size);
	return 0;
}
