// SPDX-License-Identifier: Apache-2.0
/* What the body parsers share with body.c, which owns struct body_parser and hands pieces on. For this folder only. */
#pragma once

#include "base/cursor.h"
#include "gate/body/body.h"

/* Bytes that come in pieces and are needed in one: a view while the pieces lie side by side and stay, else a copy that grows. */
struct gather {
	struct bytes bytes;
	size_t room; /* of the copy; 0: 'bytes' is borrowed */
};

/* False when the arena refuses; then nothing is added. */
bool gather_add(struct gather *gather, struct bytes piece, bool stable, struct arena *arena);

struct multipart;
struct _xmlParserCtxt;

struct body_parser {
	enum body_kind kind;
	struct body_limits limits;
	struct body_sink sink;
	struct arena *arena; /* borrowed */
	struct body_result result;
	uint32_t args_count;
	bool ended;
	struct gather gathered; /* forms and JSON */
	struct multipart *multipart; /* in the arena */
	struct _xmlParserCtxt *xml; /* owned */
};

/* Tells an argument; false when it is over the limit, which is noted. */
bool body_tell_arg(struct body_parser *parser, struct bytes name, struct bytes value);

/* Notes an error; the last one stays. The message gets the prefix of the kind. */
void body_error(struct body_parser *parser, const char *format, ...) PRINTF_LIKE(2, 3);
void body_error_memory(struct body_parser *parser);

/* A line for the trace, cut at 1 kB; costs nothing when nobody listens. */
void body_trace(struct body_parser *parser, const char *format, ...) PRINTF_LIKE(2, 3);

/* For printf's "%.*s". */
static inline int text_size(struct bytes text)
{
	return text.size < 4096 ? (int)text.size : 4096;
}

/* json.c */
void json_parse(struct body_parser *parser, struct bytes in, bool cut);

/* multipart.c: the lines of a body; multipart-header.c: the headers of the request and of the parts. */
MUST_CHECK int body_multipart_new(struct body_parser *parser, struct bytes content_type);
void body_multipart_feed(struct body_parser *parser, struct bytes piece, bool stable);
void body_multipart_end(struct body_parser *parser, bool cut);

/* xml.c */
MUST_CHECK int xml_new(struct body_parser *parser);
void xml_feed(struct body_parser *parser, struct bytes piece);
void xml_end(struct body_parser *parser);
void xml_free(struct body_parser *parser);
