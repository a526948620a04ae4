// SPDX-License-Identifier: Apache-2.0
/* Files in forms: multipart/form-data (RFC 7578, RFC 2046 section 5.1), read as it comes.
 *
 * Only parts with a file name are handed on. Memory: the longest boundary and one part's header, both bounded. */
#pragma once

#include "base/bytes.h"

enum multipart_trouble {
	MULTIPART_INVALID_HEADER = 1 << 0,
	MULTIPART_NO_FILEDATA = 1 << 1, /* a file of no bytes */
	MULTIPART_GENERIC = 1 << 2, /* no boundary, or too long ones */
};

struct multipart_sink {
	void *context;
	void (*open)(void *context, struct bytes name);
	void (*data)(void *context, struct bytes data);
	void (*close)(void *context, bool complete);
};

enum { MULTIPART_BOUNDARY_MAX = 70 + 2, MULTIPART_HELD_MAX = 8192 };

struct multipart {
	const struct multipart_sink *sink;
	uint8_t state; /* of multipart.c */
	bool in_file, file_had_data;
	uint8_t trouble; /* enum multipart_trouble */
	uint8_t boundary_size; /* with the two dashes */
	uint8_t boundary[MULTIPART_BOUNDARY_MAX];
	size_t held_size; /* not decided yet: a part's header, or what may be the start of a boundary */
	uint8_t held[MULTIPART_HELD_MAX];
};

/* 'content_type' is the value of the header. False: no multipart form with a usable boundary. */
bool multipart_init(struct multipart *form, struct bytes content_type, const struct multipart_sink *sink);
void multipart_feed(struct multipart *form, struct bytes in);
/* The body is over; an open file is incomplete unless the last boundary was seen. */
void multipart_finish(struct multipart *form);
