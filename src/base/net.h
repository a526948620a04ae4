// SPDX-License-Identifier: Apache-2.0
/* IP addresses and prefixes: reading, writing, comparing. No names, no sockets, no allocation.
 *
 * Both versions share one type. IPv4 uses the first four bytes and the rest is zero, so two equal addresses are equal
 * byte by byte and may be hashed. IPv4-mapped IPv6 (::ffff:a.b.c.d) stays IPv6: what an address means is up to the
 * caller. All functions may be called from any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

/* Room for the longest text with its NUL. */
#define IP_ADDR_TEXT_SIZE   46
#define IP_PREFIX_TEXT_SIZE 50

enum ip_family { IP_V4 = 4, IP_V6 = 6 };

struct ip_addr {
	uint8_t family; /* IP_V4 or IP_V6 */
	uint8_t bytes[16]; /* network order */
};

/* Bits of the address behind 'length' are zero; ip_prefix_mask brings that about. */
struct ip_prefix {
	struct ip_addr addr;
	uint8_t length; /* in bits */
};

enum ip_prefix_flags {
	IP_PREFIX_MASK_HOST_BITS = 1 << 0, /* clear bits behind the length instead of refusing them */
};

/* 32 or 128. */
static inline uint8_t ip_addr_bits(const struct ip_addr *addr)
{
	return addr->family == IP_V4 ? 32 : 128;
}

/* From four or sixteen bytes in network order. */
struct ip_addr ip_addr_v4(const void *bytes);
struct ip_addr ip_addr_v6(const void *bytes);

/* The prefix that holds this address alone. */
struct ip_prefix ip_prefix_of_addr(const struct ip_addr *addr);

/* IPv4 as four decimal numbers without leading zeros, IPv6 as RFC 4291, section 2.2, has it; no blanks, ports or zones.
 * 0 or LUYTRE_E_SYNTAX; '*ret' is written on success only. */
MUST_CHECK int ip_addr_parse(struct bytes text, struct ip_addr *ret);

/* "192.0.2.0/24", or an address without length, which means that address alone. 0, LUYTRE_E_SYNTAX, LUYTRE_E_RANGE
 * (the length is too large) or LUYTRE_E_HOST_BITS ("192.0.2.1/24" without IP_PREFIX_MASK_HOST_BITS: more often a
 * typing mistake than a wish). 'flags' is of enum ip_prefix_flags. */
MUST_CHECK int ip_prefix_parse(struct bytes text, unsigned int flags, struct ip_prefix *ret);

/* Write to 'text' and return it. A prefix always shows its length. IPv6 in the form of RFC 5952. */
const char *ip_addr_format(const struct ip_addr *addr, char text[IP_ADDR_TEXT_SIZE]);
const char *ip_prefix_format(const struct ip_prefix *prefix, char text[IP_PREFIX_TEXT_SIZE]);

/* Order: IPv4 before IPv6, then by value, a shorter prefix before the longer ones inside it. As for qsort. */
int ip_addr_compare(const struct ip_addr *left, const struct ip_addr *right);
int ip_prefix_compare(const struct ip_prefix *left, const struct ip_prefix *right);

static inline bool ip_addr_equal(const struct ip_addr *left, const struct ip_addr *right)
{
	return ip_addr_compare(left, right) == 0;
}

static inline bool ip_prefix_equal(const struct ip_prefix *left, const struct ip_prefix *right)
{
	return ip_prefix_compare(left, right) == 0;
}

/* False across families. */
bool ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_addr *addr);

/* True when every address of 'inner' is in 'outer'; a prefix covers itself. */
bool ip_prefix_covers(const struct ip_prefix *outer, const struct ip_prefix *inner);

/* The prefix of 'length' bits around an address; a length beyond the address means all of it. */
struct ip_prefix ip_prefix_around(const struct ip_addr *addr, uint8_t length);

/* Clears the bits behind the length. */
void ip_prefix_mask(struct ip_prefix *prefix);
