// SPDX-License-Identifier: Apache-2.0
/* Random input for tests and the benchmark of this folder: the same in every run. Not for the product. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A number below 'bound', which is 1 or more. SplitMix64: any state will do, zero too. */
static inline uint32_t test_random(uint64_t *state, uint32_t bound)
{
	uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((mixed ^ mixed >> 31) % bound);
}

/* Bytes out of the first 'alphabet' of a few that are easily taken for each other: cases, NUL, what bit 0x20 changes. */
static inline void test_random_fill(uint64_t *state, uint8_t *data, size_t size, unsigned int alphabet)
{
	static const uint8_t bytes[] = { 'a', 'A', 0, 'b', 'B', '@', '`', '[', '{', 0xe1, 0xc1 };

	for (size_t i = 0; i < size; i++)
		data[i] = bytes[test_random(state, alphabet < sizeof(bytes) ? alphabet : sizeof(bytes))];
}
