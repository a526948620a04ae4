// SPDX-License-Identifier: Apache-2.0
/* About how many different things were seen: HyperLogLog with 2^12 registers.
 *
 * The standard error is 1.04 / 64 = 1.6 %, whatever the count. A sketch takes no memory while it is empty, 4 bytes for
 * each register in use up to 512 of them, and 4 kB from then on; 10,000 quiet tenants cost little. Two sketches merge
 * into that of the union, so days and tenants add up without counting anything twice.
 *
 * P. Flajolet and others: "HyperLogLog", AofA 2007; the estimate is that of O. Ertl: "New cardinality estimation
 * algorithms for HyperLogLog sketches", arXiv:1702.01284, algorithm 6, which needs no tables and no change of formula
 * between small and large counts. Hashes must come from one function with one key. One thread at a time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum {
	HLL_BITS = 12,
	HLL_REGISTERS = 1 << HLL_BITS,
	HLL_BLOB_MAX = 1 + HLL_REGISTERS,
};

/* All zeros: nothing was seen. The fields are for hll.c alone. */
struct hll {
	uint8_t *dense; /* owned; null while the sketch is sparse */
	uint32_t *sparse; /* owned; index << 8 | rank, ascending */
	uint16_t sparse_count, sparse_room;
};

/* Frees the memory; the sketch is empty again. */
void hll_done(struct hll *hll);

/* 0 or LUYTRE_E_NOMEM, which leaves the sketch as it was. */
MUST_CHECK int hll_add(struct hll *hll, uint64_t hash);
MUST_CHECK int hll_merge(struct hll *into, const struct hll *from);

uint64_t hll_estimate(const struct hll *hll);

/* The stored form: 0 and one byte for each register, or 1 and three bytes (index in big-endian order, rank) for each
 * that is in use, whichever is shorter. Returns the size. */
size_t hll_write(const struct hll *hll, uint8_t blob[HLL_BLOB_MAX]);

/* Merges a stored sketch; LUYTRE_E_CORRUPT when it is none. */
MUST_CHECK int hll_merge_blob(struct hll *into, struct bytes blob);
