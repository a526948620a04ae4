// SPDX-License-Identifier: Apache-2.0
/* The test cases of the shield: what is sent, and what must become of it.
 *
 * A case belongs to one or more rows of the attack catalogue. Its steps are packets in order: those of the attack, each
 * with the reason it must end with, and the nearest good packets beside them, which must pass. The same rows are played
 * against the user-space build, the kernel's build and a real interface (runner.h), once enforced and once in shadow,
 * and name the tests in docs/shield.md.
 *
 * All cases share one configuration (case_config): a tenant for each way of being set up, at addresses of its own. The
 * addresses are those set aside for documentation and benchmarks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/build.h"
#include "shield/maps.h"
#include "shield/reason.h"

/* Destinations. The tenant's name is in the comment; case_config says how each is set up. */
#define SITE        "198.51.100.7" /* site: a web site that is also a resolver's target: nothing goes out */
#define SITE6       "2001:db8:1::7"
#define BOGONS      "198.18.1.7" /* bogons: as site, with the bogon list */
#define BOGONS6     "2001:db8:101::7"
#define OPEN        "198.18.2.7" /* open: everything allowed that a tenant can allow */
#define OPEN6       "2001:db8:102::7"
#define RESOLVER    "198.18.3.7" /* resolver: opened every row of reflection.h */
#define CHALLENGED  "198.18.4.7" /* challenged: new sources are always challenged */
#define CHALLENGED6 "2001:db8:104::7"
#define BUDGET      "198.18.5.7" /* budget: one challenge a second */
#define PER_SOURCE  "198.18.6.7" /* per-source: one packet and one SYN a second from each source */
#define PER_SOURCE6 "2001:db8:106::7"
#define PER_PREFIX  "198.18.7.7" /* per-prefix: one packet a second from each /24 and /64 */
#define PER_PREFIX6 "2001:db8:107::7"
#define PER_56      "2001:db8:108::7" /* per-56 and per-48: the same for those lengths */
#define PER_48      "2001:db8:109::7"
#define CLASSES     "198.18.10.7" /* classes: one packet a second of each class */
#define TOTAL       "198.18.11.7" /* total: one packet a second */
#define FULL        "198.18.12.7" /* full: fails closed, one packet a second from each source */
#define AUTO        "198.18.13.7" /* auto: challenged under attack */
#define FULL_OPEN   "198.18.14.7" /* full-open: as full, but fails open */
#define CLIENTS     "198.18.15.7" /* clients: hosts inside that open connections */
#define BOTH_WAYS   "198.18.16.7" /* both-ways: what leaves is counted too */
#define NOBODY      "192.0.2.7" /* of no tenant */
#define NOBODY6     "2001:db8:ffff::7"

/* Sources. */
#define GUEST       "203.0.113.5"
#define GUEST6      "2001:db8:5::5"
#define OTHER       "203.0.113.205"
#define LISTED      "203.0.113.66" /* blocked for everybody */
#define LISTED6     "2001:db8:66::66"
#define LISTED_HERE "203.0.113.67" /* blocked for site alone */
#define ALLOWED     "203.0.113.68" /* allowed, although 203.0.113.68/31 is blocked */
#define BESIDE      "203.0.113.69" /* the other half of that /31 */
#define NO_SOURCE   "203.0.113.70" /* on the bogon list */
#define NAME_SERVER "203.0.113.71" /* its replies are trusted */
#define GLOBAL6     "2606:4700::5" /* inside 2000::/3 */

enum {
	CASE_STEPS_MAX = 6,
	CASE_PORT_CLOSED = 40001, /* where clients inside ask from */
	CASE_PORT_OPEN = 4000, /* an open UDP port without a protocol of its own */
};

enum case_vary { /* what changes from one repetition of a step to the next */
	CASE_SAME,
	CASE_VARY_SOURCE,
	CASE_VARY_DESTINATION,
};

struct case_step {
	bool outbound; /* sent by a host inside; a reason only where what leaves is counted */
	bool proof; /* the RST that a real client sends to the last challenge, instead of 'packet' */
	bool proof_wrong; /* the same with another number */
	bool unmapped; /* belongs to no tenant, so shadow does not hold for it */
	enum case_vary vary;
	uint32_t tries; /* sent up to so many times until the reason comes; 0: once */
	uint32_t at_least; /* and not before so many */
	enum shield_reason before; /* the reason of those that come before; NONE stands for PASSED */
	enum shield_reason reason;
	struct packet_spec packet;
	const uint8_t *raw; /* instead of 'packet' */
	size_t raw_size;
};

struct shield_case {
	const char *vectors; /* ids of the catalogue, "A4,C52"; "" for none */
	const char *name;
	uint32_t globals; /* enum shield_global_flag, besides those of the configuration */
	uint32_t attack; /* enum shield_attack, of every tenant */
	void (*prepare)(struct shield_maps *maps); /* may be null */
	bool enforced_only; /* an answer is sent, which shadow does not */
	struct case_step steps[CASE_STEPS_MAX];
};

#define IN(reason_, ...)                                                                                               \
	{                                                                                                              \
		.reason = SHIELD_REASON_##reason_, .packet = { __VA_ARGS__ }                                           \
	}
#define GOOD(...) IN(PASSED, __VA_ARGS__)
/* Passes at first, then meets the limit. */
#define UNTIL(reason_, tries_, vary_, ...)                                                                             \
	{                                                                                                              \
		.reason = SHIELD_REASON_##reason_, .tries = (tries_), .at_least = 2, .vary = CASE_##vary_, .packet = { \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}
#define STRAY(reason_, ...)                                                                                            \
	{                                                                                                              \
		.reason = SHIELD_REASON_##reason_, .unmapped = true, .packet = { __VA_ARGS__ }                         \
	}
#define OUT(...)                                                                                                       \
	{                                                                                                              \
		.outbound = true, .packet = { __VA_ARGS__ }                                                            \
	}
#define PROOF                                                                                                          \
	{                                                                                                              \
		.proof = true, .reason = SHIELD_REASON_PROVEN                                                          \
	}
#define FROM(src_, dst_)         .src = (src_), .dst = (dst_)
#define TCP(flags, port)         .protocol = PACKET_TCP, .tcp_flags = (flags), .dport = (port)
#define UDP(from, to, size)      .protocol = PACKET_UDP, .sport = (from), .dport = (to), .payload_size = (size)
#define DATA(text)               .payload = (text), .payload_size = sizeof(text) - 1
#define UDP_DATA(from, to, text) .protocol = PACKET_UDP, .sport = (from), .dport = (to), DATA(text)
#define ICMP(type, code)         .protocol = PACKET_ICMP, .icmp_type = (type), .icmp_code = (code), .payload_size = 32
#define ICMP6(type, code)        .protocol = PACKET_ICMPV6, .icmp_type = (type), .icmp_code = (code), .payload_size = 32

/* The configuration of all cases, as YAML. */
extern const char case_config[];

/* A table of cases that stands in a file of its own. */
struct case_table {
	const struct shield_case *cases;
	size_t count;
};

extern const struct case_table cases_tcp, cases_udp, cases_ip, cases_limits, cases_plain;

/* One case for each row of reflection.h, made from the row. */
struct case_table cases_reflection(void);

/* All of them, one after the other; null past the end. */
const struct shield_case *case_at(size_t index);
