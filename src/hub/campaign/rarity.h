// SPDX-License-Identifier: Apache-2.0
/* How rare a feature is in all traffic, in bits: -log2 of its share among the features of its kind. What half of the
 * world shows is one bit and ties nobody to anybody; what one in a million shows is twenty.
 *
 * A count-min sketch (G. Cormode, S. Muthukrishnan, 2005) of fixed size, 1 MiB: counts are never too low, so rarity is
 * never too high, and no flood of new features takes memory. All counts are halved now and then, so that the past
 * fades. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/siphash.h"

enum {
	RARITY_KINDS_MAX = 16,
	RARITY_BITS_MAX = 20,
};

struct rarity;

/* Null without memory. */
struct rarity *rarity_new(struct siphash_key key);
void rarity_free(struct rarity *rarity); /* accepts null */

void rarity_add(struct rarity *rarity, unsigned int kind, uint64_t feature, uint32_t count);
double rarity_bits(const struct rarity *rarity, unsigned int kind, uint64_t feature);

/* What was learned, as bytes for a file of this host; rarity_restore takes them. False: not of this form. */
struct bytes rarity_bytes(const struct rarity *rarity);
bool rarity_restore(struct rarity *rarity, struct bytes bytes);

/* Halves all counts. */
void rarity_age(struct rarity *rarity);
