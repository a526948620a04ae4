// SPDX-License-Identifier: Apache-2.0
/* A machine over single bytes. It knows for every open array or object what it is, and under which key or element it
 * stands: that is the path, and all that is remembered of what went by. */
#include <stdlib.h>
#include <string.h>

#include "hub/findings/json-stream.h"
#include "hub/findings/record.h"

enum { KEY_SIZE = 64, PATHS_MAX = 16, PARTS_MAX = 8, VALUES_MAX = 100000 };

enum expect {
	EXPECT_VALUE,
	EXPECT_VALUE_OR_END, /* behind '[' */
	EXPECT_KEY,
	EXPECT_KEY_OR_END, /* behind '{' */
	EXPECT_COLON,
	EXPECT_COMMA_OR_END,
	EXPECT_NOTHING, /* behind the root */
};

enum inside { INSIDE_NONE, INSIDE_KEY, INSIDE_STRING, INSIDE_WORD };

struct level {
	bool array;
	uint8_t key_size; /* of the member that is being read; 0 when it can fit no path */
	char key[KEY_SIZE];
};

struct path {
	bool only_begin;
	size_t part_count;
	const char *parts[PARTS_MAX]; /* borrowed; ends with '/' or NUL */
};

struct json_stream {
	struct import *import;
	json_stream_fn fn;
	void *context;
	struct path paths[PATHS_MAX];
	size_t path_count;

	uint64_t position; /* of the byte that is being read, from 1 */
	enum expect expect;
	enum inside inside;
	bool escaped, odd_key;
	size_t depth;
	struct level levels[IMPORT_DEPTH_MAX];

	bool holding, overfull;
	size_t held_path, held_depth;
	uint64_t held_position;
	uint8_t *held;
	size_t held_size, held_room;
};

/* ---- Paths ---- */

static size_t part_size(const char *part)
{
	return strcspn(part, "/");
}

static bool part_is(const char *part, const char *text)
{
	return part_size(part) == strlen(text) && strncmp(part, text, strlen(text)) == 0;
}

static bool level_fits(const struct level *level, const char *part)
{
	if (level->array)
		return part_is(part, "*");
	return level->key_size && part_size(part) == level->key_size && memcmp(part, level->key, level->key_size) == 0;
}

/* Whether the parts from 'part' on fit the levels from 'level' on. Bounded by PARTS_MAX: one '**' a path. */
static bool path_fits(const struct json_stream *stream, const struct path *path, size_t part, size_t level)
{
	for (; part < path->part_count; part++, level++) {
		if (part_is(path->parts[part], "**")) {
			size_t behind = path->part_count - part - 1;

			return stream->depth >= level + behind &&
			       path_fits(stream, path, part + 1, stream->depth - behind);
		}
		if (level >= stream->depth || !level_fits(&stream->levels[level], path->parts[part]))
			return false;
	}
	return level == stream->depth;
}

static void path_read(struct path *path, const char *text)
{
	path->only_begin = text[0] == '<';
	text += path->only_begin;
	while (*text && path->part_count < PARTS_MAX) {
		path->parts[path->part_count++] = text;
		text += part_size(text);
		text += *text == '/';
	}
}

/* ---- Values that are held ---- */

static int hold_bytes(struct json_stream *stream, const uint8_t *ptr, size_t size)
{
	if (stream->overfull || stream->held_size + size > IMPORT_HELD_MAX) {
		stream->overfull = true;
		return 0;
	}
	if (stream->held_size + size > stream->held_room) {
		size_t room = stream->held_room ? stream->held_room * 2 : 4096;
		uint8_t *held;

		while (room < stream->held_size + size)
			room *= 2;
		held = realloc(stream->held, room);
		if (!held)
			return import_fail(stream->import, LUYTRE_E_NOMEM, "no memory for the value at byte %llu",
				(unsigned long long)stream->held_position);
		stream->held = held;
		stream->held_room = room;
	}
	memcpy(stream->held + stream->held_size, ptr, size);
	stream->held_size += size;
	return 0;
}

/* Whether there are more values than may be: read, one of two bytes takes some hundreds. Every value but the first
 * has a comma or an open bracket before it. */
static bool too_many_values(struct bytes text)
{
	size_t count = 1;
	bool string = false;

	if (text.size / 2 < VALUES_MAX)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.ptr[i];

		if (byte == '"')
			string = !string;
		else if (byte == '\\')
			i++;
		else if (!string && (byte == ',' || byte == '[' || byte == '{'))
			count++;
	}
	return count > VALUES_MAX;
}

json_t *json_stream_value(struct import *import, struct bytes text, uint64_t position)
{
	json_error_t error;
	json_t *value;

	if (too_many_values(text)) {
		import_refuse(import, position, "size: an element of more than %d values", VALUES_MAX);
		return NULL;
	}
	value = json_loadb((const char *)text.ptr, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	if (!value)
		import_refuse(import, position, "syntax: %s", error.text);
	return value;
}

static int hand_out(struct json_stream *stream)
{
	json_t *value;
	int error;

	stream->holding = false;
	if (stream->overfull) {
		import_refuse(stream->import, stream->held_position, "size: an element of more than %d bytes",
			IMPORT_HELD_MAX);
		return 0;
	}
	value = json_stream_value(stream->import, bytes_of(stream->held, stream->held_size), stream->held_position);
	if (!value)
		return 0;
	error = stream->fn(stream->context, stream->held_path, value, stream->held_position);
	json_decref(value);
	return error;
}

/* A value begins here. */
static int value_begins(struct json_stream *stream)
{
	if (stream->holding)
		return 0;
	for (size_t i = 0; i < stream->path_count; i++) {
		const struct path *path = &stream->paths[i];
		int error;

		if (!path_fits(stream, path, 0, 0))
			continue;
		if (!path->only_begin) {
			stream->holding = true;
			stream->overfull = false;
			stream->held_path = i;
			stream->held_depth = stream->depth;
			stream->held_position = stream->position;
			stream->held_size = 0;
			return 0;
		}
		error = stream->fn(stream->context, i, NULL, stream->position);
		if (error)
			return error;
	}
	return 0;
}

/* ---- The machine ---- */

static int wrong(struct json_stream *stream, const char *what)
{
	return import_fail(
		stream->import, LUYTRE_E_SYNTAX, "byte %llu: %s", (unsigned long long)stream->position, what);
}

static void value_ended(struct json_stream *stream)
{
	stream->expect = stream->depth ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
}

static int open_level(struct json_stream *stream, bool array)
{
	struct level *level;

	if (stream->depth == IMPORT_DEPTH_MAX)
		return wrong(stream, "nested too deep");
	level = &stream->levels[stream->depth++];
	level->array = array;
	level->key_size = 0;
	stream->expect = array ? EXPECT_VALUE_OR_END : EXPECT_KEY_OR_END;
	return 0;
}

static int close_level(struct json_stream *stream, bool array)
{
	bool may = stream->expect == EXPECT_COMMA_OR_END ||
		   stream->expect == (array ? EXPECT_VALUE_OR_END : EXPECT_KEY_OR_END);

	if (!may || !stream->depth || stream->levels[stream->depth - 1].array != array)
		return wrong(stream, "a bracket that closes nothing");
	stream->depth--;
	value_ended(stream);
	return 0;
}

static int begin_value(struct json_stream *stream, uint8_t byte)
{
	int error;

	if (stream->expect != EXPECT_VALUE && stream->expect != EXPECT_VALUE_OR_END)
		return wrong(stream, "a value is not expected here");
	error = value_begins(stream);
	if (error)
		return error;
	if (byte == '{' || byte == '[')
		return open_level(stream, byte == '[');
	if (byte == '"') {
		stream->inside = INSIDE_STRING;
		return 0;
	}
	if (!strchr("-0123456789tfn", byte))
		return wrong(stream, "no value begins so");
	stream->inside = INSIDE_WORD;
	return 0;
}

static int structure(struct json_stream *stream, uint8_t byte)
{
	switch (byte) {
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		return 0;
	case ':':
		if (stream->expect != EXPECT_COLON)
			return wrong(stream, "a colon is not expected here");
		stream->expect = EXPECT_VALUE;
		return 0;
	case ',':
		if (stream->expect != EXPECT_COMMA_OR_END)
			return wrong(stream, "a comma is not expected here");
		stream->expect = stream->levels[stream->depth - 1].array ? EXPECT_VALUE : EXPECT_KEY;
		return 0;
	case '}':
	case ']':
		return close_level(stream, byte == ']');
	default:
		break;
	}
	if (stream->expect != EXPECT_KEY && stream->expect != EXPECT_KEY_OR_END)
		return begin_value(stream, byte);
	if (byte != '"')
		return wrong(stream, "a key is expected here");
	stream->inside = INSIDE_KEY;
	stream->odd_key = false;
	stream->levels[stream->depth - 1].key_size = 0;
	return 0;
}

static void key_byte(struct json_stream *stream, uint8_t byte)
{
	struct level *level = &stream->levels[stream->depth - 1];

	if (byte == '\\' || level->key_size == KEY_SIZE - 1)
		stream->odd_key = true;
	else
		level->key[level->key_size++] = (char)byte;
	if (stream->odd_key)
		level->key_size = 0;
}

static void in_string(struct json_stream *stream, uint8_t byte)
{
	if (stream->escaped) {
		stream->escaped = false;
	} else if (byte == '\\') {
		stream->escaped = true;
	} else if (byte == '"') {
		if (stream->inside == INSIDE_KEY)
			stream->expect = EXPECT_COLON;
		else
			value_ended(stream);
		stream->inside = INSIDE_NONE;
		return;
	}
	if (stream->inside == INSIDE_KEY && !stream->odd_key)
		key_byte(stream, byte);
}

static bool is_word(uint8_t byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || byte == 'E' || byte == '.' ||
	       byte == '+' || byte == '-';
}

/* Hands out when the held value ended with the byte just read, or before it. */
static int look_for_end(struct json_stream *stream)
{
	bool over = stream->holding && stream->inside == INSIDE_NONE && stream->depth == stream->held_depth &&
		    (stream->expect == EXPECT_COMMA_OR_END || stream->expect == EXPECT_NOTHING);

	return over ? hand_out(stream) : 0;
}

/* One byte; a word ends with the byte behind it, which is then read as one of the structure. */
static int one_byte(struct json_stream *stream, uint8_t byte)
{
	int error = 0;

	if (stream->inside == INSIDE_WORD && !is_word(byte)) {
		stream->inside = INSIDE_NONE;
		value_ended(stream);
		error = look_for_end(stream);
	}
	if (error)
		return error;
	if (stream->inside == INSIDE_NONE)
		error = structure(stream, byte);
	else if (stream->inside != INSIDE_WORD)
		in_string(stream, byte);
	if (!error && stream->holding)
		error = hold_bytes(stream, &byte, 1);
	return error ? error : look_for_end(stream);
}

/* Inside a string nearly all bytes are the same to us: as many as can be are taken at once. */
static size_t plain_run(const struct json_stream *stream, struct bytes piece)
{
	size_t size = 0;

	if (stream->inside != INSIDE_STRING || stream->escaped)
		return 0;
	while (size < piece.size && piece.ptr[size] != '"' && piece.ptr[size] != '\\')
		size++;
	return size;
}

int json_stream_feed(struct json_stream *stream, struct bytes piece)
{
	int error = 0;

	while (!bytes_empty(piece) && !error) {
		size_t run = plain_run(stream, piece);

		if (run) {
			stream->position += run;
			if (stream->holding)
				error = hold_bytes(stream, piece.ptr, run);
			piece = bytes_skip(piece, run);
			continue;
		}
		stream->position++;
		error = one_byte(stream, piece.ptr[0]);
		piece = bytes_skip(piece, 1);
	}
	return error;
}

int json_stream_end(struct json_stream *stream)
{
	int error = 0;

	if (stream->inside == INSIDE_WORD && stream->depth == 0) {
		stream->inside = INSIDE_NONE;
		value_ended(stream);
		error = look_for_end(stream);
	}
	if (error || stream->expect == EXPECT_NOTHING)
		return error;
	return import_fail(stream->import, LUYTRE_E_TRUNCATED, "byte %llu: the report ends here, within a value",
		(unsigned long long)stream->position);
}

struct json_stream *json_stream_new(struct import *import, const char *const *paths, json_stream_fn fn, void *context)
{
	struct json_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->import = import;
	stream->fn = fn;
	stream->context = context;
	for (; *paths && stream->path_count < PATHS_MAX; paths++)
		path_read(&stream->paths[stream->path_count++], *paths);
	return stream;
}

void json_stream_free(struct json_stream *stream)
{
	if (!stream)
		return;
	free(stream->held);
	free(stream);
}

/* ---- Looking into values ---- */

struct bytes json_text(const json_t *value)
{
	return json_is_string(value) ? bytes_of(json_string_value(value), json_string_length(value))
				     : (struct bytes){ 0 };
}

struct bytes json_text_of(const json_t *object, const char *key)
{
	return json_text(json_object_get(object, key));
}

struct bytes json_first_text(const json_t *value)
{
	return json_text(json_is_array(value) ? json_array_get(value, 0) : value);
}

void json_references(const json_t *value, struct record *record)
{
	size_t count = json_is_array(value) ? json_array_size(value) : 1;

	for (size_t i = 0; i < count && record->reference_count < RECORD_REFERENCES_MAX; i++) {
		struct bytes text = json_text(json_is_array(value) ? json_array_get(value, i) : value);

		if (!bytes_empty(text))
			record->references[record->reference_count++] = text;
	}
}

struct bytes json_join(const json_t *value, char *out, size_t out_size)
{
	size_t count = json_is_array(value) ? json_array_size(value) : 1, size = 0;

	for (size_t i = 0; i < count; i++) {
		struct bytes text = json_text(json_is_array(value) ? json_array_get(value, i) : value);

		if (bytes_empty(text) || text.size + 1 > out_size - size)
			continue;
		memcpy(out + size, text.ptr, text.size);
		size += text.size;
		out[size++] = ' ';
	}
	return bytes_of(out, size);
}
