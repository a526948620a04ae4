// SPDX-License-Identifier: Apache-2.0
/* Between perimeter.c (what is seen, the queue), writer.c (into the tables) and services.c. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/table.h"
#include "hub/posture/evidence/look.h"
#include "hub/posture/evidence/perimeter.h"
#include "hub/posture/finding.h"

enum { PERIMETER_IDENTITY_SIZE = 512, PERIMETER_ANSWERED = PERIMETER_RULE_COUNT /* no rule: the port was answered */ };

/* One observation on its way to the tables. */
struct observation {
	struct look_found found; /* rule PERIMETER_ANSWERED: the port alone */
	char identity[PERIMETER_IDENTITY_SIZE]; /* who it is, over restarts too */
	uint32_t asset, tenant, edge;
	struct ip_addr server, client;
	uint8_t protocol;
	uint16_t port;
	int64_t time_us;
	uint64_t event;
};

struct perimeter {
	struct siphash_key key;
	pthread_mutex_t lock; /* of all up to 'stats' */
	pthread_cond_t work, idle;
	struct table *seen; /* hash of an identity to the time it was queued */
	size_t sweep;
	struct observation *queue; /* a ring */
	size_t first, count;
	bool writing, stop;
	struct perimeter_stats stats;

	/* Of the thread. */
	struct db *db;
	struct tenants_index *index;
	struct observation *batch;
	int64_t looked_us; /* for claims, up to when */
	int64_t swept_us;
	pthread_t thread;
	bool runs;
};

#define PERIMETER_COUNT(perimeter, name, by)                                                                           \
	do {                                                                                                           \
		pthread_mutex_lock(&(perimeter)->lock);                                                                \
		(perimeter)->stats.name += (by);                                                                       \
		pthread_mutex_unlock(&(perimeter)->lock);                                                              \
	} while (0)

/* perimeter.c: it may be queued again at once. Takes the lock. */
void perimeter_forget(struct perimeter *perimeter, struct bytes identity);

/* writer.c */
void *perimeter_run(void *context);

/* services.c: in the caller's transaction. '*ret_unlisted': the asset has a list, and this is not on it. */
MUST_CHECK int perimeter_service_note(struct db *db, const struct observation *seen, bool *ret_unlisted);
