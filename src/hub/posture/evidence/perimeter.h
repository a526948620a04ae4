// SPDX-License-Identifier: Apache-2.0
/* Findings that the perimeter makes itself, from what edges send: a server that speaks TLS 1.0, a database that answers strangers.
 *
 *	event of an edge -> perimeter_see (any thread, no database) -> a queue -> a thread of its own -> findings, in batches
 *
 * What counts: the server is a registered asset, the client a public address that belongs to another organisation or to nobody, and the
 * connection was completed on both sides (look.h). An observation (asset, address, port, rule, path) is written at most once an hour; one whose
 * finding was said to be fixed meanwhile is written at once, which opens it again. That a port is answered at all is measured too: findings
 * of that place are marked as exposed, and a service that the asset's list does not have is a finding.
 *
 * Bounded: PERIMETER_SEEN_MAX observations are known, beyond which those older than an hour go, and else new ones are left for later;
 * PERIMETER_QUEUE_MAX wait to be written, beyond which they are left for later too. Both are counted, and nothing is lost for good: what is
 * still so is seen again. Edges send a sample of ordinary traffic (hub.ordinary_per_s), so "not seen" is never "not there".
 *
 * Threads: perimeter_see and perimeter_stats from any; the rest from one. */
#pragma once

#include <jansson.h>

#include "base/compiler.h"
#include "hub/events/event.h"
#include "hub/store/audit.h"
#include "hub/store/db.h"
#include "hub/tenants/index.h"

enum {
	PERIMETER_SEEN_MAX = 1 << 17,
	PERIMETER_QUEUE_MAX = 4096,
	PERIMETER_BATCH_MAX = 256, /* in one transaction */
	PERIMETER_SERVICES_MAX = 256, /* on the list of an asset */
	PERIMETER_PAGE_MAX = 1000,
};

#define PERIMETER_AGAIN_US (INT64_C(3600) * 1000000)

struct perimeter;

/* X(name of the counter) */
#define PERIMETER_COUNTERS(X)                                                                                          \
	X(looked) /* events of kinds that say something of a server */                                                 \
	X(outside) /* of those, ours is not the server, or the client is not a stranger */                             \
	X(observed) /* observations, known ones too */                                                                 \
	X(seen_full) /* left for later: too many are known */                                                          \
	X(queue_full) /* left for later: too many wait */                                                              \
	X(written)                                                                                                     \
	X(made)                                                                                                        \
	X(reopened)                                                                                                    \
	X(exposed) /* findings that were marked */                                                                     \
	X(refused) /* by the tables: the asset is gone, the name is another's */                                       \
	X(failed) /* the database did not take it */

struct perimeter_stats {
#define X(name) uint64_t name;
	PERIMETER_COUNTERS(X)
#undef X
};

/* Makes the tables; after posture_setup. */
MUST_CHECK int perimeter_setup(struct db *db);

/* 'place' as in db_open; the thread starts. */
MUST_CHECK int perimeter_open(const char *place, struct perimeter **ret);
/* Writes what waits and ends the thread; accepts null. */
void perimeter_close(struct perimeter *perimeter);

/* One stored event with the line it was read from. Cheap for what says nothing. */
void perimeter_see(struct perimeter *perimeter, const struct tenants_index *index, const struct ev_event *event,
	const json_t *root, int64_t now_us);
void perimeter_stats(struct perimeter *perimeter, struct perimeter_stats *ret);
/* Returns when everything that was seen before the call is written, or could not be. */
void perimeter_drain(struct perimeter *perimeter);

/* Whether an address is one of the world: not of a private network, of this host, of the link, of a group. */
bool perimeter_is_public(const struct ip_addr *addr);

/* ---- What was measured ---- */

/* A port of an asset that answers to the world. */
struct perimeter_service {
	uint32_t asset, tenant;
	char host[IP_ADDR_TEXT_SIZE];
	uint8_t protocol;
	uint16_t port;
	bool listed; /* the asset's list has it, or the asset has no list */
	int64_t first_us, last_us;
	uint64_t event; /* the newest that shows it */
};
typedef int (*perimeter_service_fn)(void *context, const struct perimeter_service *service);
/* Of one asset, by host and port, at most PERIMETER_PAGE_MAX. Not 0 from 'fn' stops and is returned. */
MUST_CHECK int perimeter_service_each(struct db *db, uint32_t asset, perimeter_service_fn fn, void *context);

/* The list of an asset: which TCP ports may be answered. Without one nothing is a surprise. An empty list takes it back. */
struct perimeter_list {
	uint16_t ports[PERIMETER_SERVICES_MAX];
	size_t count;
};
/* The list is part of the asset, whose revision goes up by one; 'revision' is the one that was seen (0: whichever). LUYTRE_E_FULL,
 * LUYTRE_E_NOT_FOUND: no such asset; LUYTRE_E_CONFLICT: it has changed meanwhile. One transaction, with its record in the audit log. What
 * was found under the list before stays a finding until it is verified. */
MUST_CHECK int perimeter_list_set(struct db *db, const struct audit_origin *origin, uint32_t asset, int64_t revision,
	const struct perimeter_list *list);
MUST_CHECK int perimeter_list_get(struct db *db, uint32_t asset, struct perimeter_list *ret);
