// SPDX-License-Identifier: Apache-2.0
/* Systems that may only be watched at the edge: of their traffic nothing but what is about it leaves this machine.
 *
 * The hub's policy says which prefixes these are (bus/policyfile.h: edge_only). An event with one of their addresses at either end loses the
 * members that hold content (base/payload.h) before it is spooled, and so does one that names no addresses, for nobody knows whom it is about.
 *
 * A gate behind address translation names the machine's own address and not the one that the policy names: while there are such systems, its
 * events keep their content only where they name an address that tenants of the configuration have and that nobody translates to.
 *
 * The list is that of the last bundle that was signed for this edge, whether or not it fitted the shield's tables, and from the kept one before
 * the hub is reached. Where a kept one cannot be read, every event loses its content until a bundle was taken. Set by the thread of the policy,
 * asked by the loop's. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/net.h"
#include "bus/bundle.h"
#include "shield/config.h"

struct edgeonly {
	const struct config *config; /* whose tenants' addresses are known; null: none */
	pthread_mutex_t lock; /* of the prefixes */
	struct ip_prefix *prefixes; /* by address; they do not overlap */
	atomic_size_t count;
	atomic_bool unknown; /* the kept list could not be read: it may be about anybody */
	uint8_t key_id[BUNDLE_KEY_ID_SIZE]; /* of the bundle, as the next; of the thread of the policy */
	uint64_t revision;
	int64_t made_us;
};

/* 'config' outlives the list. */
void edgeonly_init(struct edgeonly *list, const struct config *config);
void edgeonly_done(struct edgeonly *list);

/* Takes the list of a bundle that was opened, unless a newer one was taken. LUYTRE_E_CORRUPT (no policy in it), LUYTRE_E_NOMEM, or an error of
 * policyfile_read: the list stays as it was. */
MUST_CHECK int edgeonly_take(struct edgeonly *list, const struct bundle *bundle);

/* Until a bundle was taken every event loses its content. */
void edgeonly_set_unknown(struct edgeonly *list);

/* Whether there are any, or nobody knows: without, events are not looked at. */
bool edgeonly_is_any(struct edgeonly *list);
bool edgeonly_covers(struct edgeonly *list, const struct ip_addr *addr);

/* Takes the content out of an event about one of them, in its place: '*ret_size' is what is left, '*ret_about' whether it names one of them.
 * LUYTRE_E_SYNTAX: it is no event, and must not leave. */
MUST_CHECK int edgeonly_strip(
	struct edgeonly *list, uint8_t *event, size_t size, size_t *ret_size, size_t *ret_removed, bool *ret_about);
