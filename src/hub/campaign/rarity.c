// SPDX-License-Identifier: Apache-2.0
#include "hub/campaign/rarity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS    4
#define COLUMNS 65536u

struct rarity {
	struct siphash_key key;
	uint64_t totals[RARITY_KINDS_MAX];
	uint32_t counts[ROWS][COLUMNS];
};

struct rarity *rarity_new(struct siphash_key key)
{
	struct rarity *rarity = calloc(1, sizeof(*rarity));

	if (rarity)
		rarity->key = key;
	return rarity;
}

void rarity_free(struct rarity *rarity)
{
	free(rarity);
}

/* Four columns from one hash of 64 bits. */
static uint64_t columns_of(const struct rarity *rarity, unsigned int kind, uint64_t feature)
{
	const uint64_t parts[2] = { kind, feature };

	return siphash24(rarity->key, parts, sizeof(parts));
}

void rarity_add(struct rarity *rarity, unsigned int kind, uint64_t feature, uint32_t count)
{
	uint64_t columns = columns_of(rarity, kind, feature);

	if (kind >= RARITY_KINDS_MAX)
		return;
	for (size_t row = 0; row < ROWS; row++) {
		uint32_t *cell = &rarity->counts[row][columns >> 16 * row & (COLUMNS - 1)];

		*cell = *cell > UINT32_MAX - count ? UINT32_MAX : *cell + count;
	}
	rarity->totals[kind] += count;
}

double rarity_bits(const struct rarity *rarity, unsigned int kind, uint64_t feature)
{
	uint64_t columns = columns_of(rarity, kind, feature);
	uint32_t least = UINT32_MAX;
	double bits;

	if (kind >= RARITY_KINDS_MAX)
		return 0;
	for (size_t row = 0; row < ROWS; row++) {
		uint32_t cell = rarity->counts[row][columns >> 16 * row & (COLUMNS - 1)];

		least = cell < least ? cell : least;
	}
	/* One more than seen, of two more than all: what was never seen is as rare as the traffic seen allows. */
	bits = -log2(((double)least + 1) / ((double)rarity->totals[kind] + 2));
	return fmax(0, fmin(bits, RARITY_BITS_MAX));
}

void rarity_age(struct rarity *rarity)
{
	for (size_t kind = 0; kind < RARITY_KINDS_MAX; kind++)
		rarity->totals[kind] /= 2;
	for (size_t row = 0; row < ROWS; row++) {
		for (size_t column = 0; column < COLUMNS; column++)
			rarity->counts[row][column] /= 2;
	}
}

struct bytes rarity_bytes(const struct rarity *rarity)
{
	return bytes_of(rarity, sizeof(*rarity));
}

bool rarity_restore(struct rarity *rarity, struct bytes bytes)
{
	if (bytes.size != sizeof(*rarity))
		return false;
	memcpy(rarity, bytes.ptr, sizeof(*rarity));
	return true;
}
