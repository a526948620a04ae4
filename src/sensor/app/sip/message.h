// SPDX-License-Identifier: Apache-2.0
/* The head of a SIP message (RFC 3261, section 7): its first line and its headers.
 *
 * A function of bytes: all views point into the text. Headers are checked once and walked on demand. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

enum { SIP_HEAD_MAX = 65536, SIP_BODY_MAX = 1 << 20 };

struct sip_message {
	bool is_response;
	struct bytes line; /* the first one, without its end */
	struct bytes version; /* "SIP/2.0" */
	struct bytes method, uri; /* of a request */
	struct bytes code, reason; /* of a response */
	struct bytes headers; /* lines with their ends */
	size_t head_size; /* with the empty line at the end */
};

enum sip_answer { SIP_OK, SIP_MORE, SIP_BAD };

/* The first line alone, from the front of the bytes. */
enum sip_answer sip_line_read(struct bytes in, struct sip_message *ret);
/* The whole head. */
enum sip_answer sip_message_read(struct bytes in, struct sip_message *ret);

/* The value of the header 'name' at 'index' among those of that name, blanks taken off. 'letter': its compact form
 * (section 7.3.3), 0: none. False: there is none. */
bool sip_header(const struct sip_message *message, const char *name, char letter, uint32_t index, struct bytes *ret);
