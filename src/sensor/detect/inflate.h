// SPDX-License-Identifier: Apache-2.0
/* Decompression in one go with a ceiling of output (RFC 1950, RFC 1952): for buffers of rules, which are there whole. */
#pragma once

#include "base/bytes.h"

enum inflate_format { INFLATE_GZIP, INFLATE_ZLIB };

/* Writes at most 'out_size' bytes and returns how many: what came out before the end, the ceiling or a broken place.
 * 0: nothing, or no memory. */
size_t inflate_once(struct bytes in, enum inflate_format format, uint8_t *out, size_t out_size);
