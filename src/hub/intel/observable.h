// SPDX-License-Identifier: Apache-2.0
/* Observables: what a report is about and a decision orders. This module brings each kind into the one form in which it
 * is compared, stored and exported (exchange rules, "Rules that hold for every export", 3).
 *
 *	addr	192.0.2.1, 2001:db8::1		no leading zeros, RFC 5952; ::ffff:192.0.2.1 is 192.0.2.1
 *	prefix	192.0.2.0/24			host bits cleared; a mapped one of /96 or more is IPv4; /32 and /128
 *						are an addr
 *	domain	example.vn			small letters, no final dot, ASCII (RFC 5890 A-labels)
 *	url	https://example.vn/a/b		small scheme and host, no default port, no user, no fragment, and
 *						no query: what leaves a tenant has none
 *	hash	32, 40 or 64 small hex digits	MD5, SHA-1, SHA-256
 *	ja4	t13d1516h2_8daaf6152771_b186095e22b6
 *						JA4 of a TLS client
 *
 * A canonical observable holds its text itself (no pointers), so it may be copied and outlives the input. Its key has a
 * fixed size for tables: the address bytes, or 128 bits of SHA-256 over the text, for outsiders choose the texts.
 * Nothing here keeps state; all functions may be called from any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/net.h"

/* X(identifier, word). Numbers are stored: add at the end only. */
#define OBSERVABLE_KINDS(X)                                                                                            \
	X(NONE, "none")                                                                                                \
	X(ADDR, "addr")                                                                                                \
	X(PREFIX, "prefix")                                                                                            \
	X(DOMAIN, "domain")                                                                                            \
	X(URL, "url")                                                                                                  \
	X(HASH, "hash")                                                                                                \
	X(JA4, "ja4")

enum observable_kind {
#define X(id, word) OBSERVABLE_##id,
	OBSERVABLE_KINDS(X)
#undef X
		OBSERVABLE_KIND_COUNT
};

enum {
	OBSERVABLE_DOMAIN_MAX = 253, /* RFC 1035, section 2.3.4, without the final dot */
	OBSERVABLE_TEXT_SIZE = 512, /* with the final NUL; longer URLs are refused */
	OBSERVABLE_JA4_SIZE = 36,
};

/* Equal observables have equal keys, byte by byte. */
struct observable_key {
	uint8_t kind; /* of enum observable_kind */
	uint8_t family, length; /* of addr and prefix; else 0 */
	uint8_t reserved;
	uint8_t bytes[16];
};

struct observable {
	struct observable_key key;
	char text[OBSERVABLE_TEXT_SIZE];
};

/* Reads a text of that kind. 0, LUYTRE_E_SYNTAX, LUYTRE_E_RANGE (too long, or a prefix length beyond the address),
 * LUYTRE_E_INVALID (no such kind) or LUYTRE_E_NOMEM. '*ret' is written on success only. */
MUST_CHECK int observable_parse(enum observable_kind kind, struct bytes text, struct observable *ret);

/* From an address or prefix in any form; cannot fail. The mapped form is folded and host bits are cleared. */
void observable_of_addr(const struct ip_addr *addr, struct observable *ret);
void observable_of_prefix(const struct ip_prefix *prefix, struct observable *ret);

/* IPv4 for an IPv4-mapped IPv6 address, else the address itself. */
struct ip_addr observable_fold(const struct ip_addr *addr);

/* Key of a prefix without its text. */
struct observable_key observable_key_of_prefix(const struct ip_prefix *prefix);

/* The prefix behind the key of an addr or a prefix; false for other kinds. */
bool observable_prefix(const struct observable_key *key, struct ip_prefix *ret);

/* "203.0.113.0/24" of an addr's or prefix' key into 'text'; false for other kinds, whose text the key does not have. */
bool observable_key_text(const struct observable_key *key, char text[IP_PREFIX_TEXT_SIZE]);

const char *observable_kind_name(enum observable_kind kind);
bool observable_kind_parse(struct bytes word, enum observable_kind *ret);
