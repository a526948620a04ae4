// SPDX-License-Identifier: Apache-2.0
/* The bodies of requests, read into named values: forms, multipart forms, JSON, XML; and what query strings and cookies have in
 * common with forms.
 *
 * A parser gets the body as it arrives, in pieces, and tells a sink what it found. All views given to the sink live as long as
 * the arena (the parser copies what it must; a body that came in one piece is not copied where it can be pointed into when
 * 'stable' is set). Every parser has ceilings (struct body_limits) and ends with an error text where a body is broken, never with
 * a crash; what was told before stays told. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/compiler.h"

/* What a parser needs from the rules' settings. */
struct body_limits {
	uint32_t args_max; /* SecArgumentsLimit: further arguments are not told, and args_over is set */
	uint32_t json_depth_max; /* SecRequestBodyJsonDepthLimit */
	uint32_t files_max; /* SecUploadFileLimit */
	uint32_t parts_max; /* parts of a multipart body, 1,000 when 0 */
	uint32_t file_content_max; /* bytes of each file that are kept (FILES_TMP_CONTENT); 0: none */
	uint8_t separator; /* SecArgumentSeparator, '&' when 0 */
};

struct body_file {
	struct bytes field; /* name of the form field */
	struct bytes name; /* file name as sent */
	struct bytes content; /* what of it is kept (FILES_TMP_CONTENT) */
	uint64_t size; /* all of it */
};

/* Told in the order of the body, part_name at once, part_header at the end of the part, what else is in a multipart body
 * when it ended well. Any function may be null. */
struct body_sink {
	void *context;
	void (*arg)(void *context, struct bytes name, struct bytes value);
	void (*file)(void *context, const struct body_file *file);
	void (*part_header)(void *context, struct bytes part_name,
		struct bytes line); /* MULTIPART_PART_HEADERS, without line end */
	/* MULTIPART_NAME or MULTIPART_FILENAME, each one that is read, those of parts refused later too. */
	void (*part_name)(void *context, struct bytes name, bool of_file);
	/* A line for the trace (ModSecurity's debug log says the same things in the same words). Null when nobody listens. */
	void (*trace)(void *context, const char *text);
};

/* The findings about form of a multipart body: MULTIPART_STRICT_ERROR is the or of those marked *. Table in body/multipart.c. */
struct multipart_flags {
	bool boundary_quoted; /* * */
	bool boundary_whitespace; /* * */
	bool data_before; /* * */
	bool data_after; /* * */
	bool header_folding; /* * */
	bool lf_line; /* * */
	bool crlf_lf_lines;
	bool missing_semicolon; /* * */
	bool invalid_quoting; /* * */
	bool invalid_part; /* * */
	bool invalid_header_folding; /* * */
	bool file_limit_exceeded; /* * */
	bool strict_error;
	/* 1: the last line that looked like a boundary was none. 2: it was one, and not the first: so with every whole form,
	 * as libmodsecurity does it, whence rules ask for 1. */
	uint8_t unmatched_boundary;
};

/* What is known when the body is complete. */
struct body_result {
	bool error; /* REQBODY_ERROR / REQBODY_PROCESSOR_ERROR */
	bool out_of_memory; /* the arena refused: something was not told, and 'error' is set too */
	char message
		[256]; /* REQBODY_ERROR_MSG, as ModSecurity words it, e.g. "JSON parsing error: ...", "Multipart: ..." */
	bool args_over; /* more arguments than args_max */
	bool urlencoded_error; /* URLENCODED_ERROR: broken percent escapes */
	struct multipart_flags multipart;
	uint64_t files_size; /* FILES_COMBINED_SIZE */
	uint32_t files_count;
	void *xml; /* an xmlDoc *, owned by the parser (freed with it); what could be read of a broken one; null without any node */
};

enum body_kind { BODY_URLENCODED, BODY_MULTIPART, BODY_JSON, BODY_XML };

struct body_parser;

/* 'content_type' (a view that lives as long as the parser) is read for the multipart boundary. Errors of the header, such as a missing
 * boundary, come out with body_end. '*ret' is freed with body_free, before the arena is reset. LUYTRE_E_NOMEM. */
MUST_CHECK int body_new(enum body_kind kind, struct bytes content_type, const struct body_limits *limits,
	const struct body_sink *sink, struct arena *arena, struct body_parser **ret);

/* Accepts null. */
void body_free(struct body_parser *parser);

/* The next piece. 'stable': the piece stays where it is until the request ends, so values may point into it.
 * After an error the rest is taken and ignored. */
void body_feed(struct body_parser *parser, struct bytes piece, bool stable);

/* No more pieces (or no more of them within the limits: 'cut', SecRequestBodyLimitAction ProcessPartial: what ends abruptly is no error).
 * The result lives as long as the parser. */
const struct body_result *body_end(struct body_parser *parser, bool cut);

/* A query string, or the body of a form at once: names and values percent-decoded ('+' is a blank) into the arena or pointing into 'in'.
 * '*ret_error': a broken percent escape (URLENCODED_ERROR); returns how many were told. Beyond limits->args_max nothing is told. */
size_t body_urlencoded(struct bytes in, const struct body_limits *limits, const struct body_sink *sink,
	struct arena *arena, bool *ret_error);

/* A Cookie header's value (SecCookieFormat 0): names and values, trimmed as ModSecurity v3 trims them, not decoded. */
void body_cookies(struct bytes in, const struct body_sink *sink, struct arena *arena);

/* The text of every node that an XPath expression finds (the selector of the variable XML), each told once; `prefix=uri` pairs in 'namespaces' (from
 * the action xmlns), blank-separated, may be empty. LUYTRE_E_SYNTAX for a broken expression. A document is never given entities from
 * outside, nor network or files. */
MUST_CHECK int body_xpath(void *xml, struct bytes expression, struct bytes namespaces, struct arena *arena,
	void (*each)(void *context, struct bytes text), void *context);
