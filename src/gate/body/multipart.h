// SPDX-License-Identifier: Apache-2.0
/* The state of the multipart parser, shared by multipart.c (lines, parts) and multipart-header.c (headers). For this folder only. */
#pragma once

#include "gate/body/internal.h"

/* A line is looked at up to this size; longer ones are data of several pieces, and in part headers an error. */
#define LINE_SIZE_MAX     4096
#define BOUNDARY_SIZE_MAX 1024 /* the whole Content-Type may not be longer */
#define HEADERS_MAX       64 /* of a part */

struct part_header {
	struct part_header *next;
	struct bytes name;
	struct bytes line; /* as sent, without line end, folded lines joined with a blank */
	size_t value_at; /* in the line */
};

struct part {
	struct part *next;
	struct bytes name;
	struct bytes file_name;
	struct bytes file_name_extended; /* filename*, behind charset and language, as sent */
	struct part_header *headers;
	struct part_header *last_header;
	uint32_t headers_count;
	bool is_file;
	bool head_ended; /* an empty line came */
	struct gather content; /* the value of a field; of a file what is kept */
	uint64_t size, offset;
};

enum line_end { LINE_END_NONE, LINE_END_LF, LINE_END_CRLF };

struct multipart {
	struct body_parser *parser; /* whose part this is */
	uint8_t needle[2 + BOUNDARY_SIZE_MAX]; /* "--" and the boundary */
	size_t needle_size;
	struct part *part; /* the one being read; null before the first boundary and behind the last */
	struct part *parts;
	struct part **parts_end;
	uint32_t parts_count, files_count, boundary_count;
	uint8_t carry[LINE_SIZE_MAX]; /* of a line the start of which came in a piece before */
	size_t carry_size;
	uint64_t offset; /* of the line in the body */
	enum line_end last_end; /* of the line before */
	uint8_t pending[2]; /* the line end behind file content, which belongs to the boundary if one follows */
	size_t pending_size;
	bool at_line; /* what comes next begins a line */
	bool in_data; /* of the part */
	bool data_read; /* at least one line of it */
	bool complete; /* the last boundary was read */
	bool failed; /* nothing more is read */
	bool fatal; /* counts for strict_error */
	bool lf_seen, crlf_seen;
	bool seen_data;
};

/* Reads the boundary out of the Content-Type. False with an error noted. */
bool body_multipart_boundary(struct multipart *multipart, struct bytes content_type);

/* One line of a part's headers, line end included. */
void multipart_header_line(struct multipart *multipart, struct bytes line);
