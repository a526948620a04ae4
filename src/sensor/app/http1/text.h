// SPDX-License-Identifier: Apache-2.0
/* The small grammar of HTTP/1 (RFC 9112), read as leniently as browsers and servers do.
 *
 * Pure functions of bytes: no state, no allocation; views in results point into the input. What is not in order but was
 * understood all the same is told by bits or codes, so that the caller can raise events. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

/* Blank as C's isspace() in the "C" locale. */
static inline bool http_is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool http_is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

bool http_is_token(struct bytes in); /* RFC 9110, section 5.6.2; the empty text is none */
struct bytes http_trim(struct bytes in); /* blanks of any kind off both ends */
struct bytes http_trim_left(struct bytes in);
/* Without regard to case, as if NULs in 'in' were not there; 'text' is in lower case. */
bool http_equal_nocase_nul(struct bytes in, const char *text);
bool http_contains_nocase_nul(struct bytes in, const char *text);
uint32_t http_hash_nocase(struct bytes in); /* of the text without NULs */

/* Without the line end: CR and LF at the end of 'line' in any number and order. */
struct bytes http_chomp(struct bytes line);

enum http_protocol { HTTP_PROTOCOL_INVALID, HTTP_PROTOCOL_0_9, HTTP_PROTOCOL_1_0, HTTP_PROTOCOL_1_1, HTTP_PROTOCOL_2 };

/* "HTTP/1.1"; leading zeros and blanks around the version are read over. */
enum http_protocol http_parse_protocol(struct bytes in);

enum http_line_flag {
	HTTP_LINE_LEADING_SPACE = 1 << 0,
	HTTP_LINE_METHOD_DELIMITER = 1 << 1, /* not one space */
	HTTP_LINE_URI_DELIMITER = 1 << 2,
	HTTP_LINE_NO_URI = 1 << 3,
	HTTP_LINE_NO_PROTOCOL = 1 << 4,
};

struct http_request_line {
	struct bytes line, method, uri, protocol; /* 'line' without its end */
	enum http_protocol protocol_number;
	uint32_t flags; /* enum http_line_flag */
};

/* The URI may contain blanks: the protocol is what follows the last one. */
void http_parse_request_line(struct bytes line, struct http_request_line *ret);

struct http_response_line {
	struct bytes line, protocol, status, message;
	enum http_protocol protocol_number;
	uint16_t status_number; /* 0: none between 100 and 999 */
};

void http_parse_response_line(struct bytes line, struct http_response_line *ret);
/* What a browser takes for a status line: "HTTP" in any case, behind blanks and NULs. */
bool http_is_response_line(struct bytes line);
bool http_may_be_response_line(struct bytes start); /* more input can make it one */
/* One of the methods that begin a request (RFC 9110, WebDAV and relatives), exactly. */
bool http_is_method(struct bytes in);
bool http_may_be_method(struct bytes start); /* one begins like this */

enum http_field_flag {
	HTTP_FIELD_NO_COLON = 1 << 0, /* the name is empty, the value is the whole line */
	HTTP_FIELD_NO_NAME = 1 << 1,
	HTTP_FIELD_SPACE_AFTER_NAME = 1 << 2,
	HTTP_FIELD_BAD_NAME = 1 << 3, /* no token */
};

struct http_field {
	struct bytes name, value;
	uint32_t flags; /* enum http_field_flag */
};

void http_parse_field(struct bytes line, struct http_field *ret);

enum { HTTP_LENGTH_NONE = -1, HTTP_LENGTH_INVALID = -2 };
/* The first number in the text; *ret_junk tells of other things before it. HTTP_LENGTH_NONE without a number,
 * HTTP_LENGTH_INVALID above 2^62. */
int64_t http_parse_length(struct bytes in, bool *ret_junk);

enum { HTTP_CHUNK_EMPTY = -1, HTTP_CHUNK_INVALID = -2 };
/* The size in a chunk's first line; junk behind the digits is read over, *ret_extension tells of a ';' in it. */
int64_t http_parse_chunk_size(struct bytes line, bool *ret_extension);
/* False: the line that begins like this can only be junk (its first eight bytes hold no digit before another text). */
bool http_may_be_chunk_size(struct bytes start);

/* "name:port" of a Host header or a URI, "[::1]:80" included. 'port' is -1 without one, -2 when it is no port. */
struct http_authority {
	struct bytes host, port_text;
	int32_t port;
	bool valid; /* the name has no bytes or lengths that a name cannot have */
};

void http_parse_authority(struct bytes in, struct http_authority *ret);

/* The value of a parameter ("filename", "boundary") in a field value "x; name=value; name2=\"quoted\"". False: none. */
bool http_parameter(struct bytes value, const char *name, struct bytes *ret);

/* "bytes 10-20/69" of Content-Range (RFC 9110, section 14.4); an unknown total is -1. */
struct http_range {
	int64_t start, end, total;
};
bool http_parse_range(struct bytes value, struct http_range *ret);
