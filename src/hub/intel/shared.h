// SPDX-License-Identifier: Apache-2.0
/* What is known of addresses and names before anybody reports them: how many legitimate users stand behind an address,
 * and what must never be blocked. Carrier NATs, content networks, resolvers, crawlers, clouds, lines of homes, lists of
 * hijacked networks, and warning lists.
 *
 * A set is built once (shared_new, shared_add_..., shared_seal) and read-only afterwards; new lists make a new set that
 * replaces the old one whole. After shared_seal any number of threads may ask. The longest prefix around an address
 * says its kind and users, but an allow entry around it holds whatever stands inside: allow beats block.
 *
 * Files are read by hub/intel/sharedfile.h; the format is in docs/intel.md. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/net.h"
#include "hub/intel/observable.h"

/* X(identifier, word, users behind one address when the list does not say) */
#define SHARED_KINDS(X)                                                                                                \
	X(ALLOW, "allow", 1) /* never to be blocked */                                                                 \
	X(NAT, "nat", 1000) /* many subscribers behind one address */                                                  \
	X(CDN, "cdn", 10000)                                                                                           \
	X(RESOLVER, "resolver", 10000) /* public DNS */                                                                \
	X(CRAWLER, "crawler", 1000) /* of a search engine: blocking it harms the sites */                              \
	X(VPN, "vpn", 50)                                                                                              \
	X(CLOUD, "cloud", 2)                                                                                           \
	X(RESIDENTIAL, "residential", 3) /* a home or mobile line, changed often */                                    \
	X(DROP, "drop", 1) /* hijacked or wholly criminal: may be blocked as a whole */

enum shared_kind {
#define X(id, word, users) SHARED_##id,
	SHARED_KINDS(X)
#undef X
		SHARED_KIND_COUNT
};

enum {
	SHARED_LISTS_MAX = 256,
	SHARED_LIST_NAME_SIZE = 64,
	SHARED_USERS_MAX = 100000000,
};

struct shared_entry {
	struct ip_prefix prefix;
	uint8_t kind; /* of enum shared_kind */
	uint16_t list; /* for shared_list_name */
	uint32_t users; /* behind one address of the prefix */
	uint32_t parent; /* for shared.c: position of the entry around this one */
};

struct shared;

/* At most 'max_count' prefixes and as many names. Null without memory. */
struct shared *shared_new(size_t max_count);
void shared_free(struct shared *shared); /* accepts null */

/* Gives the number under which entries name their list; LUYTRE_E_FULL beyond SHARED_LISTS_MAX. A longer name is cut. */
MUST_CHECK int shared_add_list(struct shared *shared, const char *name, uint16_t *ret_list);

/* 'users' 0: as usual for the kind. Mapped IPv4 is folded, host bits are cleared. LUYTRE_E_INVALID (sealed, or no such
 * kind), LUYTRE_E_RANGE (all addresses at once), LUYTRE_E_FULL, LUYTRE_E_NOMEM. */
MUST_CHECK int shared_add_prefix(
	struct shared *shared, const struct ip_prefix *prefix, enum shared_kind kind, uint32_t users, uint16_t list);

/* A domain, URL or hash that must not be blocked; 'below' takes in all names below a domain. */
MUST_CHECK int shared_add_name(struct shared *shared, const struct observable *name, bool below, uint16_t list);

/* Sorts. Of two entries for the same prefix an allow stays, else the one with more users. */
void shared_seal(struct shared *shared);

/* The longest prefix around the address, or null. Valid until shared_free. */
const struct shared_entry *shared_find(const struct shared *shared, const struct ip_addr *addr);

/* The entry that forbids to block this: an allow entry around or inside a prefix, an allowed name. False: none does.
 * 'ret_list' may be null. */
bool shared_allowed(const struct shared *shared, const struct observable *observable, uint16_t *ret_list);

/* The same for addresses and prefixes, by key alone; false for other kinds. */
bool shared_prefix_allowed(const struct shared *shared, const struct observable_key *key, uint16_t *ret_list);

/* True when an entry of kind drop covers the whole prefix. */
bool shared_dropped(const struct shared *shared, const struct ip_prefix *prefix);

/* Of one address; 1 when nothing is known. */
uint32_t shared_users(const struct shared *shared, const struct ip_addr *addr);

size_t shared_prefix_count(const struct shared *shared);
size_t shared_name_count(const struct shared *shared);
const struct shared_entry *shared_at(const struct shared *shared, size_t index); /* in ascending order */
const char *shared_list_name(const struct shared *shared, uint16_t list);

const char *shared_kind_name(enum shared_kind kind);
bool shared_kind_parse(struct bytes word, enum shared_kind *ret);
