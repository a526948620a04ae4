// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Keyed hashing: a fast mixer for tables whose answers nobody outside sees, SipHash for cookies. */
#pragma once

#include "shield/bpf/compat.h"

/* The finaliser of MurmurHash3 (Appleby, public domain description), full avalanche. */
SHIELD_INLINE uint64_t shield_mix(uint64_t v)
{
	v ^= v >> 33;
	v *= 0xff51afd7ed558ccdull;
	v ^= v >> 33;
	v *= 0xc4ceb9fe1a85ec53ull;
	v ^= v >> 33;
	return v;
}

/* What a table key is for; keeps the kinds apart in one table. */
enum shield_key_kind {
	SHIELD_KEY_SOURCE = 1,
	SHIELD_KEY_SYN,
	SHIELD_KEY_PREFIX,
	SHIELD_KEY_PREFIX56,
	SHIELD_KEY_PREFIX48,
	SHIELD_KEY_CHALLENGE,
	SHIELD_KEY_WRONG,
	SHIELD_KEY_PROVEN,
	SHIELD_KEY_FLOW,
	SHIELD_KEY_FRAGMENT,
	SHIELD_KEY_DESTINATION,
};

/* Key of one address for one tenant. 'bits' of an IPv6 address count, at most the first half when
 * under 128; of an IPv4 address the first 32 or 24. */
SHIELD_INLINE uint64_t shield_key_addr(const struct shield_globals *g, const struct packet_addr *addr, uint8_t family,
	uint32_t bits, uint32_t tenant, uint32_t kind)
{
	uint64_t who = (uint64_t)tenant << 40 | (uint64_t)kind << 32;
	uint64_t high;

	if (family == 4) {
		uint32_t v4 = addr->word[0];

		if (bits == 24)
			v4 &= 0x00ffffff; /* network order: the last byte is the highest */
		return shield_mix(who ^ v4 ^ g->hash_key[0]);
	}
	high = packet_swap32(addr->word[0]);
	high = high << 32 | packet_swap32(addr->word[1]);
	if (bits < 64)
		high &= ~0ull << (64 - bits);
	high = shield_mix((high ^ g->hash_key[1]) + who);
	if (bits <= 64)
		return shield_mix(high ^ g->hash_key[2]);
	return shield_mix((high + addr->half[1]) ^ g->hash_key[2]);
}

/* Key of two addresses and two more words, for flows and fragments. */
SHIELD_INLINE uint64_t shield_key_pair(
	const struct shield_globals *g, const struct packet_addr *a, const struct packet_addr *b, uint64_t more)
{
	uint64_t h = shield_mix(((uint64_t)a->word[0] << 32 | b->word[0]) ^ g->hash_key[0]);

	h = shield_mix((h + more) ^ g->hash_key[1]);
	if (a->half[1] | b->half[1] | a->word[1] | b->word[1]) {
		h = shield_mix((h + ((uint64_t)a->word[1] << 32 | b->word[1])) ^ g->hash_key[2]);
		h = shield_mix((h + a->half[1]) ^ g->hash_key[3]);
		h = shield_mix((h + b->half[1]) ^ g->hash_key[0]);
	}
	return h;
}

/* SipHash-1-3 (Aumasson and Bernstein, 2012; the reduced rounds of Aumasson's 2016 note): outsiders
 * see the cookies, so here a real pseudo-random function is needed. */
struct shield_sip {
	uint64_t a, b, c, d;
};

SHIELD_INLINE uint64_t shield_rotl(uint64_t v, int by)
{
	return v << by | v >> (64 - by);
}

SHIELD_INLINE void shield_sip_round(struct shield_sip *s)
{
	s->a += s->b;
	s->b = shield_rotl(s->b, 13) ^ s->a;
	s->a = shield_rotl(s->a, 32);
	s->c += s->d;
	s->d = shield_rotl(s->d, 16) ^ s->c;
	s->a += s->d;
	s->d = shield_rotl(s->d, 21) ^ s->a;
	s->c += s->b;
	s->b = shield_rotl(s->b, 17) ^ s->c;
	s->c = shield_rotl(s->c, 32);
}

SHIELD_INLINE void shield_sip_word(struct shield_sip *s, uint64_t word)
{
	s->d ^= word;
	shield_sip_round(s);
	s->a ^= word;
}

/* The cookie of a connection attempt, sent as acknowledgement number. 'epoch' changes each 68.7 s. */
SHIELD_INLINE uint32_t shield_cookie(const struct shield_globals *g, const struct packet *p, uint32_t epoch)
{
	struct shield_sip s = { g->cookie_key[0] ^ 0x736f6d6570736575ull, g->cookie_key[1] ^ 0x646f72616e646f6dull,
		g->cookie_key[0] ^ 0x6c7967656e657261ull, g->cookie_key[1] ^ 0x7465646279746573ull };

	shield_sip_word(&s, (uint64_t)p->src.word[0] << 32 | p->dst.word[0]);
	if (p->family == 6) {
		shield_sip_word(&s, (uint64_t)p->src.word[1] << 32 | p->dst.word[1]);
		shield_sip_word(&s, p->src.half[1]);
		shield_sip_word(&s, p->dst.half[1]);
	}
	shield_sip_word(&s, (uint64_t)p->sport << 48 | (uint64_t)p->dport << 32 | epoch);
	shield_sip_word(&s, (uint64_t)p->family << 56);
	s.c ^= 0xff;
	shield_sip_round(&s);
	shield_sip_round(&s);
	shield_sip_round(&s);
	s.a ^= s.b ^ s.c ^ s.d;
	return (uint32_t)(s.a >> 32) ^ (uint32_t)s.a;
}
