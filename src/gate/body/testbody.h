// SPDX-License-Identifier: Apache-2.0
/* For the tests of the body parsers only. Each body is fed whole, in pieces that stay, and byte by byte in memory that is overwritten
 * at once: what is told must be the same, to the letter, in all of them. Expectations come from ModSecurity 3.0.9 unless a
 * comment says otherwise. */
#pragma once

#include "gate/body/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/error.h"

#define ARENA_SIZE ((size_t)8 * 1024 * 1024)
#define CT         "multipart/form-data; boundary=0000"
#define CD         "Content-Disposition: form-data; name="
#define NL         "\r\n"
#define LAST       NL "--0000--" NL

struct talk {
	char text[4096];
	size_t size;
	bool headers, names, trace;
};

struct feeding {
	size_t piece_size; /* 0: whole */
	bool stable;
};

static const struct feeding feedings[] = { { 0, true }, { 3, true }, { 1, false }, { 7, false } };

static const struct body_limits default_limits = { .args_max = 100, .json_depth_max = 5, .file_content_max = 1000 };

static void say(struct talk *talk, const char *format, ...) PRINTF_LIKE(2, 3);

static void say(struct talk *talk, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	talk->size += (size_t)vsnprintf(talk->text + talk->size, sizeof(talk->text) - talk->size, format, arguments);
	va_end(arguments);
	assert_true(talk->size < sizeof(talk->text));
}

#define TEXT(bytes) (int)(bytes).size, (const char *)(bytes).ptr

static void on_arg(void *context, struct bytes name, struct bytes value)
{
	say(context, "%.*s=%.*s|", TEXT(name), TEXT(value));
}

static void on_file(void *context, const struct body_file *file)
{
	say(context, "file %.*s/%.*s/%zu/%.*s|", TEXT(file->field), TEXT(file->name), (size_t)file->size,
		TEXT(file->content));
}

static void on_part_header(void *context, struct bytes part_name, struct bytes line)
{
	struct talk *talk = context;

	if (talk->headers)
		say(talk, "header %.*s/%.*s|", TEXT(part_name), TEXT(line));
}

static void on_part_name(void *context, struct bytes name, bool of_file)
{
	struct talk *talk = context;

	if (talk->names)
		say(talk, "%s %.*s|", of_file ? "filename" : "name", TEXT(name));
}

static void on_trace(void *context, const char *text)
{
	struct talk *talk = context;

	if (talk->trace)
		say(talk, "%s|", text);
}

static struct body_sink sink_of(struct talk *talk)
{
	return (struct body_sink){ .context = talk,
		.arg = on_arg,
		.file = on_file,
		.part_header = on_part_header,
		.part_name = on_part_name,
		.trace = on_trace };
}

/* Feeds pieces that are gone, or overwritten, as soon as they are fed unless they may stay. */
static void feed(struct body_parser *parser, struct bytes body, const struct feeding *feeding)
{
	size_t piece_size = feeding->piece_size ? feeding->piece_size : body.size;

	while (body.size != 0) {
		struct bytes piece = bytes_first(body, piece_size);

		if (feeding->stable) {
			body_feed(parser, piece, true);
		} else {
			uint8_t *copy = malloc(piece.size);

			assert_non_null(copy);
			memcpy(copy, piece.ptr, piece.size);
			body_feed(parser, bytes_of(copy, piece.size), false);
			memset(copy, '#', piece.size);
			free(copy);
		}
		body = bytes_skip(body, piece.size);
	}
}

struct outcome {
	struct talk talk;
	struct body_result result; /* without its xml */
};

static inline void run(enum body_kind kind, const char *content_type, struct bytes body,
	const struct body_limits *limits, const struct feeding *feeding, bool cut, struct outcome *ret)
{
	struct body_sink sink = sink_of(&ret->talk);
	struct body_parser *parser;
	struct arena arena;

	arena_init(&arena, ARENA_SIZE);
	ret->talk.size = 0;
	ret->talk.text[0] = '\0';
	assert_int_equal(body_new(kind, bytes_from_str(content_type), limits, &sink, &arena, &parser), 0);
	feed(parser, body, feeding);
	ret->result = *body_end(parser, cut);
	assert_ptr_equal(body_end(parser, cut), body_end(parser, cut));
	ret->result.xml = NULL;
	body_free(parser);
	assert_int_equal(arena_refused(&arena), 0);
	arena_done(&arena);
}
