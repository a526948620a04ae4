// SPDX-License-Identifier: Apache-2.0
#include "hub/campaign/minhash.h"

#include <string.h>

#include "base/siphash.h"

/* Part of the format: never changed. */
static const struct siphash_key shingle_key = { UINT64_C(0x6d696e6861736831), UINT64_C(0x7368696e676c6573) };
static const struct siphash_key band_key = { UINT64_C(0x6d696e6861736832), UINT64_C(0x62616e6473000000) };

/* Feeds normalised bytes one by one. */
struct normaliser {
	uint8_t last[MINHASH_SHINGLE];
	size_t count;
	uint8_t previous;
};

static uint8_t normal(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint8_t)(c + ('a' - 'A'));
	if (c >= '0' && c <= '9')
		return '0';
	return c <= ' ' || c == 0x7f ? ' ' : c;
}

/* splitmix64 (S. Vigna): one well mixed number for each of the 64 hashes. */
static uint64_t mix(uint64_t value)
{
	value += UINT64_C(0x9e3779b97f4a7c15);
	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

static void add_shingle(struct minhash *signature, const uint64_t *seeds, const uint8_t shingle[MINHASH_SHINGLE])
{
	uint64_t hash = siphash24(shingle_key, shingle, MINHASH_SHINGLE);

	/* The high half of a multiplication with an odd number is a hash of its own for each seed. */
	for (size_t i = 0; i < MINHASH_VALUES; i++) {
		uint32_t value = (uint32_t)(((hash ^ seeds[i]) * (seeds[i] | 1)) >> 32);

		if (value < signature->values[i])
			signature->values[i] = value;
	}
}

bool minhash_of(struct bytes payload, struct minhash *ret)
{
	struct normaliser state = { 0 };
	uint64_t seeds[MINHASH_VALUES];

	payload = bytes_first(payload, MINHASH_PAYLOAD_MAX);
	memset(ret->values, 0xff, sizeof(ret->values));
	for (size_t i = 0; i < MINHASH_VALUES; i++)
		seeds[i] = mix(i + 1);
	for (size_t i = 0; i < payload.size; i++) {
		uint8_t c = normal(payload.ptr[i]);

		if ((c == '0' || c == ' ') && c == state.previous)
			continue;
		state.previous = c;
		memmove(state.last, state.last + 1, MINHASH_SHINGLE - 1);
		state.last[MINHASH_SHINGLE - 1] = c;
		if (++state.count >= MINHASH_SHINGLE)
			add_shingle(ret, seeds, state.last);
	}
	return state.count >= MINHASH_SHINGLE;
}

double minhash_similarity(const struct minhash *left, const struct minhash *right)
{
	size_t equal = 0;

	for (size_t i = 0; i < MINHASH_VALUES; i++)
		equal += left->values[i] == right->values[i];
	return (double)equal / MINHASH_VALUES;
}

uint64_t minhash_band(const struct minhash *signature, unsigned int band)
{
	uint32_t rows[MINHASH_ROWS + 1];

	memcpy(rows, signature->values + (size_t)band * MINHASH_ROWS, MINHASH_ROWS * sizeof(rows[0]));
	rows[MINHASH_ROWS] = band;
	return siphash24(band_key, rows, sizeof(rows));
}
