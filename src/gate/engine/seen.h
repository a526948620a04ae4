// SPDX-License-Identifier: Apache-2.0
/* Texts that a worker has seen before, and what was found in them. Of the engine alone.
 *
 * Requests say the same things again and again: what browser this is, which host, names of arguments and of cookies, paths. What a
 * search or an operator answers depends on the text and the plan alone; so a worker remembers the texts it has seen last, and for each of
 * them what was answered. A question is a search for one source of a group (struct plan_scan), or whether the operator of a rule, with its
 * transformations, matches; each has a number in its plan. Most answers are "nothing", which is a bit; a few bits of sets that were found
 * can be kept too. Of operators only the no is kept, since a match has consequences.
 *
 * The texts themselves are not kept, so nothing of a request outlives it: in their place stand 128 bits, two SipHashes under a random key
 * of the worker. Whoever does not know the key cannot make a text that passes for another one, and chance does not. The table
 * has a fixed size; a new text takes the place of one of two others, so whoever fills it with new ones only takes away what the table saves.
 *
 * All functions accept a null table: nothing is known then. One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define SEEN_NONE      UINT16_MAX /* a question without a number: never kept */
#define SEEN_SEARCHES  192 /* questions below this are searches */
#define SEEN_QUESTIONS 704
/* Bits of sets that can be kept for a text, for all searches together. */
#define SEEN_FOUND_MAX 4
/* Longer texts hardly come twice, and cost more to name. */
#define SEEN_TEXT_MAX 512

struct seen;

/* Two lines of cache: the second is of rules alone. */
struct seen_place {
	uint64_t name[2]; /* what stands for the text; zero: no text is here */
	uint64_t stamp; /* another one for each text that was here */
	struct seen_found {
		uint16_t question; /* SEEN_NONE: none, and none behind it */
		uint16_t bit;
	} found[SEEN_FOUND_MAX];
	uint64_t known[SEEN_QUESTIONS / 64]; /* questions whose answer is kept */
};

/* A text that is asked about: zero at first, and for one plan and one table. */
struct seen_asked {
	uint64_t name[2];
	struct seen_place *place; /* null: not there, or not looked for */
	uint64_t stamp;
	bool named, looked;
};

/* Null without memory or without randomness. */
struct seen *seen_new(void);
void seen_free(struct seen *seen);

/* Names the text and begins to bring its place from memory. 'plan' is the plan's number. */
void seen_expect(const struct seen *seen, uint64_t plan, struct bytes text, struct seen_asked *asked);
/* The place where the answer stands: what of 'found' has the question's number, and nothing else. Null when it is not known, and always for
 * a text that was not expected. Valid until the next answer is kept. */
const struct seen_place *seen_answer(struct seen *seen, struct seen_asked *asked, uint16_t question);
/* Whether a bit is among what was found. */
bool seen_has_found(const struct seen_place *place, uint16_t question, uint16_t bit);
/* 'found' has SEEN_FOUND_MAX places; more is not kept. */
void seen_keep(
	struct seen *seen, struct seen_asked *asked, uint16_t question, const uint16_t *found, uint32_t found_count);
