// SPDX-License-Identifier: Apache-2.0
/* The hub without its doors: events come in, decisions come of them, and edges are told.
 *
 *	a batch of an edge	-> events (hub/ingest) -> the store of events, on the disk
 *				-> sightings -> the decision engine -> changes -> every edge
 *
 * A batch is acknowledged when its events are stored and the decisions it led to stand in the journal. The same batch again changes
 * nothing: the store knows it, and saying the same twice gains nothing in the engine.
 *
 * State lives in one folder: control.db, events/, authority/, decisions.journal, policy.key. Whatever is killed at whatever moment, the
 * next start goes on from there.
 *
 * Threads: every function may be called from any thread; one lock guards the engine, the register of edges and the control database,
 * another one the store of events. A thread of its own ends what is due, saves positions and looks whether assets have changed. */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "bus/bundle.h"
#include "hub/core/campaigns-feed.h"
#include "hub/core/edgestate.h"
#include "hub/core/orders.h"
#include "hub/core/policies.h"
#include "hub/core/trace.h"
#include "hub/core/unmapped.h"
#include "hub/decide/engine.h"
#include "hub/edges/edges.h"
#include "hub/events/event.h"
#include "hub/ingest/eve.h"

enum { CORE_WHY_SIZE = 512, CORE_SETTLE_MS = 3000 };

struct core;
struct journal_copy;

struct core_calls {
	void *context;
	/* Decisions have changed: 'text' is one delta (bus/delta.h); or, every five seconds, an empty one that says where all should
	 * stand. Called under the core's lock: it must be quick and must not call
	 * back. May be null. */
	void (*decisions)(void *context, struct bytes text);
	/* Events have been stored, with their ids; text and detail are borrowed. As 'decisions'. */
	void (*events)(void *context, const struct ev_event *events, size_t count);
	/* A campaign was seen again, or found; 0: more of them than are told one by one (news.h). As 'decisions': under the
	 * core's lock. May be null. */
	void (*campaign)(void *context, uint32_t id);
	/* Where edges should stand with the policy: {"version":42,"stamp":1795000000000000}. As 'decisions'. */
	void (*policy)(void *context, struct bytes text);
	/* An edge was revoked, and what it holds open is to be closed. As 'decisions'. */
	void (*revoked)(void *context, uint32_t edge);
};

struct core_options {
	const char *state_dir; /* made when missing, 0700 */
	const char *control; /* db_open's place; null: a SQLite file in the folder */
	const char *events; /* ev_store_open's place; null: segments in the folder */
	const struct journal_copy *journal_copy; /* where else the journal is kept; borrowed; null: nowhere */
	const char *holds; /* folders of the rules that can hold something (holdrules_read); null: nothing is held */
	int64_t hold_budget_us; /* in shadow after the proof; 0: HOLD_BUDGET_US */
	struct core_calls calls;
};

/* 0, or an error with a sentence in 'why'. */
MUST_CHECK int core_open(const struct core_options *options, struct core **ret, char why[CORE_WHY_SIZE]);
/* Saves and ends; accepts null. */
void core_close(struct core *core);

/* ---- Edges ---- */

struct core_ack {
	uint64_t acked, policy, epoch, number; /* number: the last change of decisions */
};

/* LUYTRE_E_PERMISSION: the batch names another edge than its certificate. LUYTRE_E_FULL, LUYTRE_E_IO, LUYTRE_E_NOMEM and
 * LUYTRE_E_BUSY: not stored, to be sent again. Others: the batch is broken, and will be. */
MUST_CHECK int core_batch(struct core *core, uint32_t edge, struct bytes packed, int64_t now_us, struct core_ack *ret);
MUST_CHECK int core_stands(
	struct core *core, uint32_t edge, uint64_t policy, uint64_t epoch, uint64_t number, int64_t now_us);
/* All live decisions as a signed bundle with one file, "decisions.bin". After a restart every edge asks for it: it is made once for each
 * position and shared. LUYTRE_E_BUSY: too many old ones are still being sent. Given back before core_close. */
struct core_bundle {
	struct bytes text;
	uint64_t epoch, number;
	_Atomic size_t ref_count; /* for core_bundle_unref alone, as what follows */
	struct core *core;
};
MUST_CHECK int core_snapshot(struct core *core, int64_t now_us, struct core_bundle **ret);
void core_bundle_unref(struct core_bundle *bundle); /* accepts null; any thread */
void core_position(struct core *core, uint64_t *ret_epoch, uint64_t *ret_number);
void core_policy_key(const struct core *core, uint8_t ret[BUNDLE_PUBLIC_SIZE]);

/* ---- For handlers ---- */

/* Between these two the parts may be used. */
void core_lock(struct core *core);
/* Tells edges what was changed meanwhile. */
void core_unlock(struct core *core);
/* Brings what was changed to where a restart, or the next hub, finds it: to the disk, and to the journal's copy where there is one. Before
 * a person is told that his order holds. Waits for at most CORE_SETTLE_MS; without the lock. LUYTRE_E_BUSY: not there yet. It holds here,
 * and goes there as soon as it can; should this hub end before, it was never ordered. */
MUST_CHECK int core_settle(struct core *core);
struct engine *core_engine(struct core *core);
/* edges_revoke, and the door is told. */
MUST_CHECK int core_revoke(struct core *core, const struct audit_origin *origin, uint32_t edge, const char *reason);
/* Without it edges only watch what the engine itself decided; what people and lists ordered stays in force. At first with it. A change is
 * told at once: edges take all decisions anew. Takes the lock. */
void core_set_collective(struct core *core, bool enforced, int64_t now_us);
/* Whether edges only watch it for that reason; within the lock. */
bool core_watches(const struct core *core, const struct engine_decision *decision);
struct edges *core_edges(struct core *core);
struct unmapped *core_unmapped(struct core *core); /* addresses that nobody has registered */
struct edgestate *core_edgestate(struct core *core); /* what edges say of themselves */
struct trace *core_trace(struct core *core); /* when edges had decisions standing */
struct orders *core_orders(struct core *core); /* decisions of tenants for themselves */
struct feed *core_feed(struct core *core); /* campaigns; has a lock of its own */
struct perimeter *core_perimeter(struct core *core); /* findings made of events; has a lock of its own */
struct retrowatch *core_retro(struct core *core); /* searches stored events for new weaknesses; likewise */
struct db *core_db(struct core *core);
const struct ca *core_ca(const struct core *core); /* needs no lock */
struct ev_store *core_events(struct core *core); /* for readers; needs no lock */
/* Forgets events that came earlier (ev_retain). Without the lock. */
MUST_CHECK int core_retain(struct core *core, int64_t keep_from_us);
/* Verifies the chain of the audit log, and its signed heads with the key and the lines of the state folder (daemon/seal.h), over a handle of its own: it may take long, and edges must not wait for it. Without the lock. */
MUST_CHECK int core_audit(const struct core *core, struct audit_result *ret);
/* The same of the archives in the state folder (audit_archives_verify): '*ret_until' is the record up to which they prove the chain, if it
 * is where the database goes on; else 0. Reads all of them. */
MUST_CHECK int core_audit_archives(const struct core *core, const struct audit_result *audit, int64_t *ret_until);

/* A rule whose sightings may block alone (evidence E3): its worth as confirmed and refuted counts. Holds of the platform are such. */
MUST_CHECK int core_rule(struct core *core, uint64_t rule, double confirmed, double refuted);

/* X(name of the counter) */
#define CORE_COUNTERS(X)                                                                                                  \
	X(batches)                                                                                                        \
	X(batches_again)                                                                                                  \
	X(batches_broken)                                                                                                 \
	X(events)                                                                                                         \
	X(sightings)                                                                                                      \
	X(unmapped) /* events without an owner: nobody has registered the address, or as the next */                      \
	X(refused_edge) /* about an organisation that does not lie behind the edge */                                     \
	X(refused_syntax)                                                                                                 \
	X(refused_type)                                                                                                   \
	X(refused_time)                                                                                                   \
	X(refused_size)                                                                                                   \
	X(deltas)                                                                                                         \
	X(lag_us) /* from an edge's closing of a batch to its being stored, all together; where its clock may be right */ \
	X(lag_batches)                                                                                                    \
	X(journal_errors)                                                                                                 \
	X(holds_reports) /* what web servers said of holds */                                                             \
	X(holds_refused) /* of holds of organisations that do not lie behind the edge, broken, or too much */             \
	X(policy_left_out) /* rows and sites beyond the share of their organisations, of each bundle that was sent */     \
	X(holds_no_room) /* no count but a level: holds above a ceiling, of the nation, an organisation, or the file of an edge */

struct core_stats {
#define X(name) uint64_t name;
	CORE_COUNTERS(X)
#undef X
};
void core_stats(struct core *core, struct core_stats *ret);
