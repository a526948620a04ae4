// SPDX-License-Identifier: Apache-2.0
/* SipHash-2-4 as section 2 of the paper gives it: the state is the key xor four constants, each 8-byte word goes in
 * with two rounds, and four rounds finish. The last word carries the size in its highest byte. */
#include "base/siphash.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/error.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

int siphash_key_random(struct siphash_key *ret)
{
	struct siphash_key key;
	ssize_t got;

	/* Sixteen bytes arrive whole or not at all; only the wait for the first seed can be interrupted. */
	do {
		got = getrandom(&key, sizeof(key), 0);
	} while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof(key))
		return LUYTRE_E_SYSTEM;
	*ret = key;
	return 0;
}

static inline uint64_t rotate_left(uint64_t value, unsigned int count)
{
	return value << count | value >> (64 - count);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotate_left(s->v1, 13) ^ s->v0;
	s->v3 = rotate_left(s->v3, 16) ^ s->v2;
	s->v0 = rotate_left(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotate_left(s->v1, 17) ^ s->v2;
	s->v3 = rotate_left(s->v3, 21) ^ s->v0;
	s->v2 = rotate_left(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	sip_round(s);
	s->v0 ^= word;
}

static inline uint64_t word_le(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

uint64_t siphash24(struct siphash_key key, const void *data, size_t size)
{
	struct sip s = {
		.v0 = key.k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = key.k1 ^ UINT64_C(0x646f72616e646f6d),
		.v2 = key.k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = key.k1 ^ UINT64_C(0x7465646279746573),
	};
	const uint8_t *bytes = data;
	uint64_t last = (uint64_t)size << 56;
	size_t done = 0;

	for (; size - done >= 8; done += 8)
		sip_word(&s, word_le(bytes + done));
	for (unsigned int shift = 0; done < size; done++, shift += 8)
		last |= (uint64_t)bytes[done] << shift;
	sip_word(&s, last);

	s.v2 ^= 0xff;
	for (unsigned int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
