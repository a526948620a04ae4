// SPDX-License-Identifier: Apache-2.0
/* Internet messages, line by line: headers (RFC 5322), parts (RFC 2045, 2046), attachments as files, URLs in texts.
 *
 * The caller hands over lines as they come from the mail protocol, still with the doubled dots of RFC 5321 section
 * 4.5.2. Headers of the message itself are kept, those of parts are only used. Parts with a file name are decoded into
 * files that the caller makes; texts without one are searched for URLs. Nothing is kept of a body but a few KiB.
 *
 * What is kept lies in the caller's arena and lives as long as that; ceilings below. What does not fit is left out. A
 * message may be as wrong as it likes: 'trouble' says what was found, and reading goes on. One thread at a time. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/digest.h"

enum {
	MIME_NAME_MAX = 75, /* of a header, in bytes */
	MIME_FILE_NAME_MAX = 255,
	MIME_BOUNDARY_MAX = 254, /* a longer one is trouble, and used all the same */
	MIME_LINE_MAX = 998, /* RFC 5322, section 2.1.1 */
	MIME_ENCODED_LINE_MAX = 76, /* RFC 2045, section 6.7 and 6.8 */
	MIME_DEPTH_MAX = 16, /* parts within parts */
	MIME_HEADERS_MAX = 1024,
	MIME_URLS_MAX = 1024,
	MIME_ATTACHMENTS_MAX = 1024,
	MIME_OUT_SIZE = 4096,
	MIME_SCHEMES_MAX = 16,
};

/* Bits of mime.trouble; order is that of the events that rules know. */
enum mime_trouble {
	MIME_MALFORMED,
	MIME_BAD_BASE64,
	MIME_BAD_QP,
	MIME_LONG_LINE,
	MIME_LONG_ENCODED_LINE,
	MIME_LONG_HEADER_NAME,
	MIME_LONG_HEADER_VALUE,
	MIME_LONG_BOUNDARY,
	MIME_LONG_FILE_NAME,
	MIME_TROUBLE_COUNT
};

/* Borrowed by every message read with it. */
struct mime_config {
	bool decode_base64, decode_quoted_printable, extract_urls, log_url_scheme;
	uint32_t header_value_max_size;
	uint32_t scheme_count;
	const char *schemes[MIME_SCHEMES_MAX]; /* "http": those whose URLs are wanted */
};

/* Where attachments go. 'open' may answer null: the bytes are dropped. */
struct mime_sink {
	void *(*open)(void *context, struct bytes name);
	void (*append)(void *context, void *file, struct bytes data);
	void (*close)(void *context, void *file);
};

struct mime_text {
	struct mime_text *next;
	struct bytes name; /* of a header, in small letters; else empty */
	struct bytes text;
};

struct mime_list {
	struct mime_text *first, *last;
	uint32_t count;
};

enum mime_encoding { MIME_PLAIN, MIME_BASE64, MIME_QUOTED_PRINTABLE };

/* What the headers of the part in hand say. */
struct mime_part {
	uint8_t encoding; /* enum mime_encoding */
	bool multipart, message, is_text, has_type;
	struct bytes file_name;
};

/* Storage belongs to the caller. */
struct mime {
	const struct mime_config *config;
	const struct mime_sink *sink;
	void *context;
	struct arena *arena;
	struct mime_list headers, attachments, urls;
	uint32_t trouble; /* 1 << enum mime_trouble */
	bool main_done; /* the headers of the message are complete */
	bool ended;
	bool has_md5;
	char md5_text[DIGEST_HEX_SIZE]; /* of the body as sent, in hex digits */

	/* The rest is for mime.c and its neighbours. */
	struct digest digest;
	bool digest_on;
	uint8_t state;
	bool in_line; /* the last piece did not end its line */
	size_t line_size;
	struct mime_part part;
	void *file;
	struct bytes boundaries[MIME_DEPTH_MAX];
	uint32_t boundary_count;
	uint8_t header_name[MIME_NAME_MAX];
	uint32_t header_name_size;
	bool in_header; /* a header is being read */
	uint8_t *header_value; /* header_value_max_size bytes of the arena */
	uint32_t header_value_size;
	uint8_t eol[2]; /* the end of the last line: belongs to a boundary that may follow */
	uint8_t eol_size;
	uint32_t base64_bits;
	uint8_t base64_count;
	uint8_t qp_size, qp_digit; /* 1: behind "=", 2: behind "=" and a digit */
	uint32_t out_size;
	uint8_t out[MIME_OUT_SIZE];
};

/* 'with_md5': the digest of the body is wanted. False without memory; mime_done is then not needed. */
bool mime_init(struct mime *mime, const struct mime_config *config, struct arena *arena, const struct mime_sink *sink,
	void *context, bool with_md5);

/* A line, or a piece of a long one: 'data' with the 'end_size' bytes of its end (0: the line goes on). */
void mime_line(struct mime *mime, struct bytes data, size_t end_size);

/* Hands over what was decoded so far: call it when no more bytes are there for the moment. */
void mime_flush(struct mime *mime);

/* The message is complete. */
void mime_end(struct mime *mime);

/* Frees what is not in the arena. A second call does nothing. */
void mime_done(struct mime *mime);

/* The first header of that name (in small letters), or null; the next one of the same name behind 'header'. */
const struct mime_text *mime_header(const struct mime *mime, const char *name);
const struct mime_text *mime_header_next(const struct mime_text *header);

/* ---- Between mime.c, mime-body.c and mime-parameter.c ---- */

/* Adds a copy. False at the ceiling or without memory. */
bool mime_list_add(
	struct mime_list *list, struct arena *arena, struct bytes name, struct bytes text, uint32_t count_max);

/* A parameter of a header ("filename" in 'attachment; filename="a.b"'), also in the continued and encoded forms of RFC
 * 2231. False: it is not there. */
bool mime_parameter(struct bytes value, const char *name, struct arena *arena, struct bytes *ret);

void mime_body_line(struct mime *mime, struct bytes text, struct bytes ending);
/* The part is over: leftovers of the decoders are written, the file is closed. */
void mime_body_end(struct mime *mime);
