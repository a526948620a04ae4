// SPDX-License-Identifier: Apache-2.0
/* A short signature of a payload that shows how alike two payloads are without showing what is in them: what an edge
 * may send of an attack (exchange rules, "Sharing rules").
 *
 * MinHash (A. Broder, "On the resemblance and containment of documents", 1997): 64 values, each the smallest of one
 * hash over all 5-byte shingles of the normalised payload. The share of equal values estimates the Jaccard similarity
 * of the shingle sets. For finding candidates the values go into 16 bands of 4 rows: two payloads of similarity s share
 * a band with the chance 1 - (1 - s^4)^16.
 *
 * Normalised: ASCII letters small, each run of digits one '0', each run of blanks and control characters one blank. The
 * hash is the same everywhere and for ever, or signatures of two edges could not be compared. No state; any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
	MINHASH_VALUES = 64,
	MINHASH_SHINGLE = 5,
	MINHASH_BANDS = 16,
	MINHASH_ROWS = 4,
	MINHASH_PAYLOAD_MAX = 65536, /* more is not read */
};

struct minhash {
	uint32_t values[MINHASH_VALUES];
};

/* False when the normalised payload is shorter than a shingle. */
bool minhash_of(struct bytes payload, struct minhash *ret);

/* 0..1 */
double minhash_similarity(const struct minhash *left, const struct minhash *right);

/* The key of a band, different for each of the 16. */
uint64_t minhash_band(const struct minhash *signature, unsigned int band);
