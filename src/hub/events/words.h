// SPDX-License-Identifier: Apache-2.0
/* Which words may stand in the events of a block: a Bloom filter, so that a search over months reads the few blocks that may hold an answer.
 *
 * A word is a run of ASCII letters and digits and of bytes above 127; case of ASCII letters does not count, and what JSON writes with a backslash is no
 * part of one. "t13d1516h2_8daaf6152771" is two words, "www.example.gov.vn" four. Words of digits alone are not kept (times, ports, numbers of flows:
 * each event has other ones), nor are those of one or two bytes; so they cannot exclude a block either.
 *
 * A filter says "may hold" too often (about one in a hundred for one word, far less for several), never too seldom. Each word sets BITS_PER_WORD bits
 * in one line of the cache ("Cache-, Hash- and Space-Efficient Bloom Filters", Putze, Sanders, Singler, 2007); lines are folded together while there
 * is room, so that a block of few different words has a short filter. An outsider who fills events with ever-new words can make a filter say "may
 * hold" always, which costs the search its time and nothing else.
 *
 * No I/O and no clock; one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum {
	WORDS_BLOCK_BITS = 14, /* events of a block: 1 << 14 */
	WORDS_FILTER_MAX = 256 << 10, /* bytes */
	WORDS_QUERY_MAX = 32, /* words of a question that are looked at; more cannot harm */
};

/* A filter in the making. */
struct words;

/* Null without memory. */
struct words *words_new(void);
void words_free(struct words *words); /* accepts null */
void words_clear(struct words *words);
/* All words of a text. */
void words_add(struct words *words, struct bytes text);
/* The filter, folded, valid until the next call; what was added before is gone. Empty: it has become so full that it is of no use. */
struct bytes words_take(struct words *words);

struct words_query {
	uint64_t hashes[WORDS_QUERY_MAX];
	size_t count; /* 0: of no word a filter knows; every block may hold it */
};

void words_query_of(struct bytes text, struct words_query *ret);
/* False: none of the block's events holds all the words. A filter of another size than words_take makes may hold anything. */
bool words_may_hold(struct bytes filter, const struct words_query *query);

/* Whether 'text' stands in 'in', without case of ASCII letters, and begins and ends there where words do. The empty text always does. */
bool words_stand_in(struct bytes in, struct bytes text);
