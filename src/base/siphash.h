// SPDX-License-Identifier: Apache-2.0
/* SipHash-2-4, a keyed hash for tables whose keys are chosen by outsiders.
 *
 * J.-P. Aumasson, D. J. Bernstein: "SipHash: a fast short-input PRF", INDOCRYPT 2012. Who does not know the
 * key cannot find keys that collide, so nobody can turn a hash table into a list. It is not a signature:
 * 64 bits are too few to prove who wrote a message. All functions may be called from any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* The two halves of the paper's 16-byte key, each read in little-endian order. */
struct siphash_key {
	uint64_t k0, k1;
};

/* Fills '*ret' from the system's random source; 0 or LUYTRE_E_SYSTEM. */
MUST_CHECK int siphash_key_random(struct siphash_key *ret);

/* 'data' may be null when 'size' is 0. */
uint64_t siphash24(struct siphash_key key, const void *data, size_t size);
