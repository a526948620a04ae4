// SPDX-License-Identifier: Apache-2.0
/* What the files of this folder share with each other and nobody else may include. */
#pragma once

#include <hs.h>
#include <stddef.h>
#include <stdint.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* How common each byte value is in traffic: 0 the rarest, 255 the most common. A search that looks for the rare bytes
 * of a pattern first is stopped less often. */
extern const uint8_t match_byte_weight[256];

struct match_scratch {
	/* Grown by literal_set_prepare(), null before. */
	hs_scratch_t *automaton;

	/* seen[entry] == round: this entry of the set being scanned was already reported in this scan. */
	uint32_t *seen;
	size_t seen_count;
	uint32_t round;

	pcre2_match_data *regex_data;
	pcre2_match_context *regex_context;
	pcre2_jit_stack *regex_stack;
	uint64_t regex_left_ns; /* MATCH_NO_LIMIT: as long as it takes */
};

static inline uint8_t match_lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

static inline uint8_t match_upper(uint8_t byte)
{
	return byte >= 'a' && byte <= 'z' ? (uint8_t)(byte & ~0x20) : byte;
}
