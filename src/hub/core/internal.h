// SPDX-License-Identifier: Apache-2.0
/* What the core's files share: core.c (open, close, the thread), intake.c (batches), distribute.c (edges are told). */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "bus/delta.h"
#include "hub/core/campaigns-feed.h"
#include "hub/core/core.h"
#include "hub/core/journalfile.h"
#include "hub/core/orders.h"
#include "hub/core/policies.h"
#include "hub/core/trace.h"
#include "hub/core/unmapped.h"
#include "hub/intel/shared.h"
#include "hub/intel/users.h"
#include "hub/tenants/index.h"
#include "hub/tenants/tenants.h"

enum { CORE_HOLD_FIRST = 8100000, CORE_HOLD_LAST = 8109999 }; /* ids of virtual patches */

struct core {
	int state_fd; /* the folder; locked */
	struct core_calls calls;
	char *control; /* the place of the control database */
	char *state_dir;
	pthread_mutex_t lock; /* of all that follows, but the store */
	struct db *db;
	struct ca *ca;
	struct edges *edges;
	struct edgestate *edgestate;
	struct engine *engine;
	struct trace *trace;
	struct orders *orders;
	struct feed *feed; /* has a lock of its own */
	struct holds *holds; /* a thread of its own */
	struct perimeter *perimeter; /* likewise */
	struct retrowatch *retro; /* likewise */
	struct users *users;
	struct shared *shared;
	struct journalfile *journal;
	struct tenants_index *index;
	struct tenants_tree *tree; /* as new as the index, or newer */
	struct unmapped *unmapped;
	struct policies policies;
	int64_t generation; /* of the tenants that the engine knows */
	uint64_t told_epoch, told_number; /* edges were told of everything up to here */
	struct delta *delta; /* room for one */
	bool watch_only; /* what the engine decided is not enforced */
	struct core_stats stats;
	uint8_t holds_named[(CORE_HOLD_LAST - CORE_HOLD_FIRST) / 8 + 1];
	uint8_t public_key[BUNDLE_PUBLIC_SIZE], secret_key[BUNDLE_SECRET_SIZE];

	pthread_mutex_t store_lock;
	struct ev_store *store;

	pthread_mutex_t bundle_lock; /* taken before 'lock' */
	struct core_bundle *bundle; /* the newest */
	_Atomic size_t bundles_size; /* of all that are held by anybody */

	struct db *refresh_db; /* of the thread */
	pthread_t thread;
	bool thread_runs;
	_Atomic bool stop;
};

/* distribute.c; under the lock */
void core_tell(struct core *core);
/* Where all should stand: who has missed something without knowing it sees it by this. */
void core_tell_position(struct core *core);
enum delta_action core_action(uint8_t level);
/* False for what edges cannot act on: names, fingerprints. */
bool core_put_of(const struct core *core, const struct engine_decision *decision, struct delta_change *ret);

/* veto.c; under the lock */
void core_veto(struct core *core, const struct serving *serving, const struct ingest *in, int64_t now_us);
