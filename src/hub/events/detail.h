// SPDX-License-Identifier: Apache-2.0
/* Details of events, packed: zstd with a dictionary that is trained from the first ones of a segment.
 *
 * One JSON object is too short to be compressed alone; with 16 kB of what such objects look like, 170 bytes become 48.
 * The first byte of the stored form names the way: 0 as it is, 1 zstd, 2 zstd with the segment's dictionary. One thread
 * at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct detail;

/* Null without memory. */
struct detail *detail_new(void);
void detail_free(struct detail *detail);

/* The stored form, valid until the next call. An empty one has no stored form. 0, LUYTRE_E_INVALID (above
 * EV_DETAIL_MAX), LUYTRE_E_NOMEM. */
MUST_CHECK int detail_pack(struct detail *detail, struct bytes in, struct bytes *ret);

/* The text again, valid until the next call. LUYTRE_E_CORRUPT when the form is broken or the dictionary is missing. */
MUST_CHECK int detail_unpack(struct detail *detail, struct bytes in, struct bytes *ret);

/* Remembers a detail to learn from, while there is room and no dictionary. */
void detail_learn(struct detail *detail, struct bytes in);

/* Enough was seen: detail_train is due. */
bool detail_ready(const struct detail *detail);

/* Makes a dictionary out of what was remembered, to be given to detail_use; empty when the samples do not yield one.
 * '*ret' is freed with free(). LUYTRE_E_NOMEM. */
MUST_CHECK int detail_train(struct detail *detail, uint8_t **ret, size_t *ret_size);

/* Uses a dictionary (copied) from now on; empty: none, for good. LUYTRE_E_NOMEM. */
MUST_CHECK int detail_use(struct detail *detail, struct bytes dictionary);

/* Whether 'text' stands in 'in', without case of ASCII letters. The empty text always does. */
bool detail_contains(struct bytes in, struct bytes text);
