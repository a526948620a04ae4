// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Unaligned loads and the bounds check that packet code uses, in both builds.
 *
 * The BPF verifier accepts a packet access only behind a comparison with the packet's end, and
 * the BPF back end turns memcpy into byte loads; user space wants the opposite of both. The
 * difference lives here and nowhere else. */
#pragma once

#ifdef __bpf__
#define PACKET_INLINE           static inline __attribute__((always_inline))
#define PACKET_HAS(pos, end, n) ((const void *)((pos) + (n)) <= (const void *)(end))
/* Hides a value's history from the compiler, which else merges checks the verifier wants to see. */
#define PACKET_OPAQUE(v) asm volatile("" : "+r"(v))
#define packet_load16(p) (*(const uint16_t *)(p))
#define packet_load32(p) (*(const uint32_t *)(p))
#define packet_load64(p) (*(const uint64_t *)(p))
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#define PACKET_INLINE           static inline __attribute__((always_inline, unused))
#define PACKET_HAS(pos, end, n) ((size_t)((end) - (pos)) >= (size_t)(n))
#define PACKET_OPAQUE(v)        (void)(v)
PACKET_INLINE uint16_t packet_load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}
PACKET_INLINE uint32_t packet_load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}
PACKET_INLINE uint64_t packet_load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the packet code is written for little-endian machines"
#endif

#define packet_swap16(v) __builtin_bswap16(v)
#define packet_swap32(v) __builtin_bswap32(v)
#define packet_be16(p)   packet_swap16(packet_load16(p))
#define packet_be32(p)   packet_swap32(packet_load32(p))
