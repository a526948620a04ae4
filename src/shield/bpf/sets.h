// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Set-associative tables: a key picks one cache line, the line holds eight words, a word is one
 * entry. All that outsiders can fill is of this shape: the size is fixed, the least useful entry of
 * the line makes room, and that is counted. One compare-and-swap is the whole locking.
 *
 * Limits: a word is a 20-bit tag and a 44-bit time, the theoretical arrival time of GCRA (ITU-T
 * I.371 annex A) in quants of 2^8 ns, modulo 52 days. A time that has passed says nothing, so such
 * an entry is free without anybody clearing it; the daemon sweeps what would wrap around.
 *
 * Memories (proven sources, flows, fragments): a word is a 31-bit tag, a flag, and the expiry in
 * units of 2^24 ns (16.8 ms), modulo 2.3 years. */
#pragma once

#include "shield/bpf/hash.h"

#define SHIELD_QUANT_SHIFT 8
#define SHIELD_TIME_BITS   44
#define SHIELD_TIME_MASK   ((1ull << SHIELD_TIME_BITS) - 1)
#define SHIELD_TIME_HALF   (1ull << (SHIELD_TIME_BITS - 1))
#define SHIELD_STAMP_SHIFT 24

enum shield_limit_answer { SHIELD_LIMIT_UNDER, SHIELD_LIMIT_OVER, SHIELD_LIMIT_FULL };

/* How far in the future a stored time lies, in quants; 0 when it has passed. */
SHIELD_INLINE uint64_t shield_ahead(uint64_t word, uint64_t now)
{
	uint64_t ahead = (word - now) & SHIELD_TIME_MASK;

	return ahead >= SHIELD_TIME_HALF ? 0 : ahead;
}

/* Finds the word with the tag, else the word with the nearest time. Returns its index; sets *ret_word. */
SHIELD_INLINE uint32_t shield_line_pick(
	const struct shield_line *line, uint64_t tag, uint64_t now, uint64_t *ret_word, bool *ret_found)
{
	uint64_t best = ~0ull, best_word = 0;
	uint32_t at = 0;

	*ret_found = false;
	SHIELD_UNROLL
	for (uint32_t i = 0; i < SHIELD_LINE_WORDS; i++) {
		uint64_t word = line->word[i], ahead;

		if (word >> SHIELD_TIME_BITS == tag) {
			*ret_word = word;
			*ret_found = true;
			return i;
		}
		ahead = shield_ahead(word, now);
		if (ahead < best) {
			best = ahead;
			best_word = word;
			at = i;
		}
	}
	*ret_word = best_word;
	return at;
}

/* Counts one packet against a rate: the answer, with the bits below. 'rate' has the cost in its high
 * half, the burst in its low half; 'now' is in quants. */
enum { SHIELD_GCRA_ANSWER = 3, SHIELD_GCRA_EVICTED = 4, SHIELD_GCRA_CONTENDED = 8 };

SHIELD_INLINE int shield_gcra(uint32_t at_line, uint64_t key, uint64_t now, uint64_t rate)
{
	uint64_t tag = key >> SHIELD_TIME_BITS | 1, word, ahead, next;
	struct shield_line *line = SHIELD_AT(sources, at_line);
	int answer = SHIELD_LIMIT_UNDER;
	uint32_t at;
	bool found;

	if (!line)
		return answer;
	at = shield_line_pick(line, tag, now, &word, &found);
	ahead = shield_ahead(word, now);
	if (!found) {
		if (ahead)
			answer = SHIELD_LIMIT_FULL | SHIELD_GCRA_EVICTED;
		ahead = 0;
	}
	if (ahead > (uint32_t)rate)
		return SHIELD_LIMIT_OVER;
	next = tag << SHIELD_TIME_BITS | ((now + ahead + (rate >> 32)) & SHIELD_TIME_MASK);
	if (__sync_val_compare_and_swap(&line->word[at & 7], word, next) != word)
		answer |= SHIELD_GCRA_CONTENDED;
	return answer;
}

/* The sources of one /24 or /64 and the prefix itself share four lines, a page and often a line: memory is
 * far away, and this makes one trip of what would be two. Thirty-two words are enough, because only
 * who has just sent holds one. */
SHIELD_INLINE uint32_t shield_limit_line(
	struct shield_context *c, const struct shield_rate *rate, uint64_t key, uint32_t bits)
{
	uint32_t near = c->p->family == 4 ? 24 : 64, block = (uint32_t)key;

	/* A shorter prefix has lines of its own: its sources are in many blocks. */
	if (bits >= near)
		block = (uint32_t)shield_key_addr(
			c->globals, &c->p->src, c->p->family, near, c->work->tenant, SHIELD_KEY_PREFIX);
	return c->policy->sources.base + (((block & ~3u) | ((uint32_t)key & 3)) & rate->mask);
}

/* The same for the context's tenant. FULL: eight busier sources share the line. */
SHIELD_INLINE enum shield_limit_answer shield_limit_source(
	struct shield_context *c, const struct shield_rate *rate, uint64_t key, uint32_t bits)
{
	uint64_t now = (shield_now(c) >> SHIELD_QUANT_SHIFT) & SHIELD_TIME_MASK;
	int answer =
		shield_gcra(shield_limit_line(c, rate, key, bits), key, now, (uint64_t)rate->cost << 32 | rate->burst);

	if (answer & SHIELD_GCRA_EVICTED)
		shield_count_event(c, SHIELD_EVENT_SOURCE_EVICTED);
	if (answer & SHIELD_GCRA_CONTENDED)
		shield_count_event(c, SHIELD_EVENT_CONTENDED);
	return (enum shield_limit_answer)(answer & SHIELD_GCRA_ANSWER);
}

/* Counts one packet against a tenant's rate. True: over it. */
SHIELD_INLINE bool shield_limit_tenant(struct shield_context *c, uint32_t kind)
{
	uint64_t now = shield_now(c) << 8, until, start;
	const struct shield_class_rate *rate;

	SHIELD_OPAQUE(kind);
	if (kind >= SHIELD_LIMIT_KINDS)
		return false;
	rate = &c->policy->limit[kind];
	if (!rate->cost)
		return false;
	until = c->state->until[kind];
	start = until > now ? until : now;
	if (start - now > rate->burst)
		return true;
	if (__sync_val_compare_and_swap(&c->state->until[kind], until, start + rate->cost) != until)
		shield_count_event(c, SHIELD_EVENT_CONTENDED);
	return false;
}

SHIELD_INLINE uint32_t shield_stamp(struct shield_context *c)
{
	return (uint32_t)(shield_now(c) >> SHIELD_STAMP_SHIFT);
}

/* Looks a key up in a line of a memory. 0: not there or expired; 1: there; 2: there with the flag. */
SHIELD_INLINE int shield_memory_find(const struct shield_line *line, uint64_t key, uint32_t stamp)
{
	uint32_t tag = (uint32_t)(key >> 33) | 1;

	SHIELD_UNROLL
	for (uint32_t i = 0; i < SHIELD_LINE_WORDS; i++) {
		uint64_t word = line->word[i];

		if ((uint32_t)(word >> 33) == tag && (int32_t)((uint32_t)word - stamp) > 0)
			return word >> 32 & 1 ? 2 : 1;
	}
	return 0;
}

/* Remembers a key for 'life' stamps. The entry nearest its end makes room: true when it was still
 * alive. A lost race costs one memory, which the next packet brings back. */
SHIELD_INLINE bool shield_line_keep(struct shield_line *line, uint64_t key, uint32_t stamp, uint64_t life_and_flag)
{
	uint64_t tag = (uint64_t)((uint32_t)(key >> 33) | 1), old = 0, next;
	uint32_t best = ~0u, at = 0;

	SHIELD_UNROLL
	for (uint32_t i = 0; i < SHIELD_LINE_WORDS; i++) {
		uint64_t word = line->word[i];
		int32_t ahead = (int32_t)((uint32_t)word - stamp);
		uint32_t left = ahead > 0 && word ? (uint32_t)ahead : 0;

		if (word >> 33 == tag) {
			at = i;
			old = word;
			best = 0;
			break;
		}
		if (left < best) {
			best = left;
			old = word;
			at = i;
		}
	}
	next = tag << 33 | (life_and_flag & 1ull << 32) | (uint32_t)(stamp + (uint32_t)life_and_flag);
	__sync_val_compare_and_swap(&line->word[at & 7], old, next);
	return best != 0;
}

#define SHIELD_MEMORY_FLAG (1ull << 32) /* in life_and_flag */

/* One function for each memory: the kernel wants the map of a look-up to be known. */
#define SHIELD_MEMORIES(X) X(proven) X(flows) X(fragments)
#define X(name)                                                                                                        \
	SHIELD_SUBPROGRAM int shield_keep_##name(                                                                      \
		uint32_t at_line, uint64_t key, uint32_t stamp, uint64_t life_and_flag)                                \
	{                                                                                                              \
		struct shield_line *line = SHIELD_AT(name, at_line);                                                   \
                                                                                                                       \
		return line && shield_line_keep(line, key, stamp, life_and_flag);                                      \
	}
SHIELD_MEMORIES(X)
#undef X
