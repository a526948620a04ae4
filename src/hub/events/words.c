// SPDX-License-Identifier: Apache-2.0
#include "hub/events/words.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"

enum {
	LINE_BITS = 512,
	LINE_WORDS = LINE_BITS / 64,
	LINES_MAX = WORDS_FILTER_MAX / (LINE_BITS / 8),
	BITS_PER_WORD = 6,
	WORD_MIN = 3,
};

/* Of all bits, in percent: below the first one two halves are folded into one, above the other one a filter lets nearly everything through. */
enum { FOLD_BELOW = 27, USELESS_ABOVE = 70 };

struct words {
	uint64_t lines[LINES_MAX][LINE_WORDS];
};

struct words *words_new(void)
{
	return calloc(1, sizeof(struct words));
}

void words_free(struct words *words)
{
	free(words);
}

void words_clear(struct words *words)
{
	memset(words, 0, sizeof(*words));
}

/* ---- words of a text ---- */

static bool is_word(uint8_t byte)
{
	return ascii_is_alnum(byte) || byte >= 0x80;
}

/* Bytes of an escape that begins here: \n, \", \u00e1. */
static size_t escape_size(struct bytes in)
{
	size_t size = in.size > 1 && in.ptr[1] == 'u' ? 6 : 2;

	return size < in.size ? size : in.size;
}

/* FNV-1a, whose low bits alone would not do for a line and six places in it; so it is mixed as MurmurHash3 ends. */
static uint64_t mix(uint64_t hash)
{
	hash ^= hash >> 33;
	hash *= UINT64_C(0xff51afd7ed558ccd);
	hash ^= hash >> 33;
	hash *= UINT64_C(0xc4ceb9fe1a85ec53);
	return hash ^ hash >> 33;
}

/* The next word that is kept, as its hash. False at the end. */
static bool next_word(struct bytes *in, uint64_t *ret)
{
	while (in->size > 0) {
		uint64_t hash = UINT64_C(0xcbf29ce484222325);
		bool digits = true;
		size_t size = 0;

		if (!is_word(in->ptr[0])) {
			*in = bytes_skip(*in, in->ptr[0] == '\\' ? escape_size(*in) : 1);
			continue;
		}
		for (; size < in->size && is_word(in->ptr[size]); size++) {
			hash = (hash ^ ascii_lower(in->ptr[size])) * UINT64_C(0x100000001b3);
			digits &= ascii_is_digit(in->ptr[size]);
		}
		*in = bytes_skip(*in, size);
		if (size >= WORD_MIN && !digits) {
			*ret = mix(hash);
			return true;
		}
	}
	return false;
}

/* ---- filters ---- */

/* The line by the low bits, the places in it by the high ones. */
static uint64_t place(uint64_t hash, unsigned int number)
{
	return hash >> (64 - 9 * (number + 1)) & (LINE_BITS - 1);
}

void words_add(struct words *words, struct bytes text)
{
	uint64_t hash;

	while (next_word(&text, &hash)) {
		uint64_t *line = words->lines[hash & (LINES_MAX - 1)];

		for (unsigned int i = 0; i < BITS_PER_WORD; i++)
			line[place(hash, i) / 64] |= UINT64_C(1) << (place(hash, i) % 64);
	}
}

static size_t fill_percent(const struct words *words, size_t lines)
{
	size_t set = 0;

	for (size_t i = 0; i < lines; i++)
		for (size_t k = 0; k < LINE_WORDS; k++)
			set += (size_t)__builtin_popcountll(words->lines[i][k]);
	return set * 100 / (lines * LINE_BITS);
}

struct bytes words_take(struct words *words)
{
	size_t lines = LINES_MAX, percent = fill_percent(words, lines);

	while (lines > 1 && percent < FOLD_BELOW) {
		lines /= 2;
		for (size_t i = 0; i < lines; i++)
			for (size_t k = 0; k < LINE_WORDS; k++)
				words->lines[i][k] |= words->lines[i + lines][k];
		percent = fill_percent(words, lines);
	}
	return bytes_of(words->lines, percent > USELESS_ABOVE ? 0 : lines * sizeof(words->lines[0]));
}

void words_query_of(struct bytes text, struct words_query *ret)
{
	ret->count = 0;
	while (ret->count < WORDS_QUERY_MAX && next_word(&text, &ret->hashes[ret->count]))
		ret->count++;
}

bool words_may_hold(struct bytes filter, const struct words_query *query)
{
	size_t lines = filter.size / (LINE_BITS / 8);

	if (lines == 0 || lines > LINES_MAX || (lines & (lines - 1)) != 0 || filter.size % (LINE_BITS / 8) != 0)
		return true;
	for (size_t i = 0; i < query->count; i++) {
		uint64_t line[LINE_WORDS], hash = query->hashes[i];

		memcpy(line, filter.ptr + (hash & (lines - 1)) * sizeof(line), sizeof(line));
		for (unsigned int k = 0; k < BITS_PER_WORD; k++)
			if (!(line[place(hash, k) / 64] >> (place(hash, k) % 64) & 1))
				return false;
	}
	return true;
}

/* ---- texts ---- */

/* Whether no word goes on from the byte before 'at' to the one there. */
static bool begins(struct bytes in, size_t at)
{
	if (at == 0 || !is_word(in.ptr[at]) || !is_word(in.ptr[at - 1]))
		return true;
	return (at >= 2 && in.ptr[at - 2] == '\\') || (at >= 6 && in.ptr[at - 6] == '\\' && in.ptr[at - 5] == 'u');
}

static bool ends(struct bytes in, size_t at)
{
	return at == in.size || !is_word(in.ptr[at - 1]) || !is_word(in.ptr[at]);
}

bool words_stand_in(struct bytes in, struct bytes text)
{
	uint8_t first;

	if (text.size == 0)
		return true;
	first = ascii_lower(text.ptr[0]);
	for (size_t i = 0; i + text.size <= in.size; i++) {
		if (ascii_lower(in.ptr[i]) == first && begins(in, i) && ends(in, i + text.size) &&
			ascii_equal_nocase(bytes_of(in.ptr + i, text.size), text))
			return true;
	}
	return false;
}
