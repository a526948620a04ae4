// SPDX-License-Identifier: Apache-2.0
/* The common frame of the body parsers: pieces in, result out. Forms and JSON are gathered first, because rules want the whole body
 * in one piece anyway and a parser of one piece is several times as quick; multipart bodies and XML are read as they come. */
#include "gate/body/internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"

#define TRACE_SIZE 1024

static const char *const error_prefixes[] = {
	[BODY_URLENCODED] = "",
	[BODY_MULTIPART] = "Multipart parsing error: ",
	[BODY_JSON] = "JSON parsing error: ",
	[BODY_XML] = "XML parsing error: ",
};

static bool gather_grow(struct gather *gather, size_t size, struct arena *arena)
{
	size_t room = gather->room * 2 > size ? gather->room * 2 : size;
	uint8_t *grown = arena_alloc(arena, room);

	if (!grown)
		return false;
	if (gather->bytes.size)
		memcpy(grown, gather->bytes.ptr, gather->bytes.size);
	gather->bytes.ptr = grown;
	gather->room = room;
	return true;
}

bool gather_add(struct gather *gather, struct bytes piece, bool stable, struct arena *arena)
{
	size_t size = gather->bytes.size + piece.size;

	if (piece.size == 0)
		return true;
	if (stable && gather->room == 0 &&
		(gather->bytes.size == 0 || gather->bytes.ptr + gather->bytes.size == piece.ptr)) {
		gather->bytes = bytes_of(gather->bytes.size ? gather->bytes.ptr : piece.ptr, size);
		return true;
	}
	if (size > gather->room && !gather_grow(gather, size, arena))
		return false;
	/* The copy is this gather's own: only borrowed bytes are never written to. */
	memcpy((uint8_t *)(uintptr_t)gather->bytes.ptr + gather->bytes.size, piece.ptr, piece.size);
	gather->bytes.size = size;
	return true;
}

void body_error(struct body_parser *parser, const char *format, ...)
{
	char *message = parser->result.message;
	int used = snprintf(message, sizeof(parser->result.message), "%s", error_prefixes[parser->kind]);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message + used, sizeof(parser->result.message) - (size_t)used, format, arguments);
	va_end(arguments);
	parser->result.error = true;
}

void body_error_memory(struct body_parser *parser)
{
	body_error(parser, "The body needs more memory than a request may take.");
	parser->result.out_of_memory = true;
}

void body_trace(struct body_parser *parser, const char *format, ...)
{
	char text[TRACE_SIZE];
	va_list arguments;

	if (!parser->sink.trace)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	parser->sink.trace(parser->sink.context, text);
}

bool body_tell_arg(struct body_parser *parser, struct bytes name, struct bytes value)
{
	if (parser->args_count >= parser->limits.args_max) {
		parser->result.args_over = true;
		return false;
	}
	parser->args_count++;
	if (parser->sink.arg)
		parser->sink.arg(parser->sink.context, name, value);
	return true;
}

int body_new(enum body_kind kind, struct bytes content_type, const struct body_limits *limits,
	const struct body_sink *sink, struct arena *arena, struct body_parser **ret)
{
	struct body_parser *parser = arena_alloc(arena, sizeof(*parser));
	int error = 0;

	if (!parser)
		return LUYTRE_E_NOMEM;
	parser->kind = kind;
	parser->limits = *limits;
	parser->sink = *sink;
	parser->arena = arena;
	if (kind == BODY_MULTIPART)
		error = body_multipart_new(parser, content_type);
	else if (kind == BODY_XML)
		error = xml_new(parser);
	if (error)
		return error;
	*ret = parser;
	return 0;
}

void body_free(struct body_parser *parser)
{
	if (parser)
		xml_free(parser);
}

void body_feed(struct body_parser *parser, struct bytes piece, bool stable)
{
	if (parser->result.out_of_memory || bytes_empty(piece))
		return;
	switch (parser->kind) {
	case BODY_MULTIPART:
		body_multipart_feed(parser, piece, stable);
		break;
	case BODY_XML:
		xml_feed(parser, piece);
		break;
	case BODY_URLENCODED:
	case BODY_JSON:
		if (!gather_add(&parser->gathered, piece, stable, parser->arena))
			body_error_memory(parser);
		break;
	}
}

static void form_tell(void *context, struct bytes name, struct bytes value)
{
	body_tell_arg(context, name, value);
}

static void form_end(struct body_parser *parser)
{
	const struct body_sink sink = { .context = parser, .arg = form_tell };
	/* Counting is body_tell_arg's: it notes what is over. */
	struct body_limits limits = parser->limits;
	uint64_t refused_count = arena_refused(parser->arena);

	limits.args_max = limits.args_max < UINT32_MAX ? limits.args_max + 1 : UINT32_MAX;
	body_urlencoded(parser->gathered.bytes, &limits, &sink, parser->arena, &parser->result.urlencoded_error);
	if (arena_refused(parser->arena) != refused_count)
		body_error_memory(parser);
}

const struct body_result *body_end(struct body_parser *parser, bool cut)
{
	if (parser->ended)
		return &parser->result;
	parser->ended = true;
	switch (parser->kind) {
	case BODY_URLENCODED:
		form_end(parser);
		break;
	case BODY_MULTIPART:
		body_multipart_end(parser, cut);
		break;
	case BODY_JSON:
		if (!parser->result.out_of_memory)
			json_parse(parser, parser->gathered.bytes, cut);
		break;
	case BODY_XML:
		xml_end(parser);
		break;
	}
	return &parser->result;
}
