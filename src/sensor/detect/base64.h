// SPDX-License-Identifier: Apache-2.0
/* Reading base64 that others wrote (RFC 4648, section 4; RFC 2045, section 6.8). Allocates nothing. */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

enum base64_mode {
	BASE64_RFC4648, /* ends at the first byte that is not of the alphabet */
	BASE64_RFC2045, /* skips bytes that are not of the alphabet; ends at "=" */
	BASE64_STRICT, /* nothing but whole groups of four, with their padding: else it fails */
};

/* Room for the result of so many bytes. */
static inline size_t base64_decoded_max(size_t size)
{
	return size / 4 * 3 + 3;
}

/* False only in BASE64_STRICT, for what is no base64; '*ret_size' is 0 then. */
bool base64_decode(struct bytes in, enum base64_mode mode, uint8_t *out, size_t *ret_size);
