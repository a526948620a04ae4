// SPDX-License-Identifier: Apache-2.0
/* Two hubs or more that are one to edges and people: one leads, with doors open, the others stand by without doors, and read its journal.
 * docs/scale-out.md has the whole picture.
 *
 *	cluster_join	connects to NATS
 *	cluster_wait	stands by, until this hub leads; then the state folder has the journal, and the database takes no other hub's writes
 *	core_open	with cluster_copy
 *	cluster_lead	the doors are open: the keys of the folder are made known to those that stand by
 *
 * A hub that finds that another one leads ends its process at once (CLUSTER_EXIT), without saving: what it has is not the truth any more.
 * Whoever started it starts it again, and it stands by. */
#pragma once

#include "base/compiler.h"
#include "hub/cluster/natslog.h"
#include "hub/core/journalfile.h"

enum { CLUSTER_EXIT = 75 /* EX_TEMPFAIL */, CLUSTER_WHY_SIZE = 512, CLUSTER_REPLICAS = 3 };

struct cluster;

struct cluster_options {
	const char *servers; /* natslog_open's */
	struct natslog_tls tls;
	unsigned int replicas; /* of the streams; 0: CLUSTER_REPLICAS */
	const char *state_dir; /* made when missing */
	const char *control; /* the database that all share: postgres:… */
};

/* Before there are threads. */
MUST_CHECK int cluster_join(const struct cluster_options *options, struct cluster **ret, char why[CLUSTER_WHY_SIZE]);
void cluster_leave(struct cluster *cluster); /* another hub takes over at once; accepts null */

/* SIGTERM and SIGINT, which must be blocked, end it: LUYTRE_E_CLOSED. LUYTRE_E_CONFLICT: the keys in the folder are not those of the hub
 * that leads. */
MUST_CHECK int cluster_wait(struct cluster *cluster, char why[CLUSTER_WHY_SIZE]);
const struct journal_copy *cluster_copy(struct cluster *cluster);
MUST_CHECK int cluster_lead(struct cluster *cluster, char why[CLUSTER_WHY_SIZE]);
