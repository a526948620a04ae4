// SPDX-License-Identifier: Apache-2.0
/* Files that may be packed with gzip (RFC 1952), unpacked on the way: what begins as one is one, everything else is handed on as it is. Memory is
 * bounded whatever the size, and so is what comes out. Belongs to one thread. */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct unpack;

typedef int (*unpack_fn)(void *context, struct bytes piece); /* not 0 ends it and is returned */

/* 'size_max': bytes that may come out. */
MUST_CHECK int unpack_new(uint64_t size_max, unpack_fn fn, void *context, struct unpack **ret);
/* The first piece must have two bytes or be the whole. LUYTRE_E_SYNTAX (broken), LUYTRE_E_FULL. */
MUST_CHECK int unpack_feed(struct unpack *unpack, struct bytes piece);
/* Frees it. LUYTRE_E_TRUNCATED: it is packed, and the end is missing. */
MUST_CHECK int unpack_end(struct unpack *unpack);
