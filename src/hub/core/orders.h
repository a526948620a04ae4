// SPDX-License-Identifier: Apache-2.0
/* What people ordered by hand: who, why, for whom, and the second person where one is needed. Rows of the control database.
 *
 * An order for everybody becomes a decision of the engine when it is complete, and the row names it. An order of a tenant for itself is
 * no business of the engine: it is a decision of its own, whose id is that of the row (below ENGINE_ID_MIN), kept here in memory while it
 * lives and told in the engine's stream, so that edges, traces and snapshots know no difference. Edges that serve the tenant enforce it,
 * for that tenant alone.
 *
 * The database's functions belong to the thread of their handle and need no lock; the list in memory is under the core's. Changes are
 * audited in their transaction. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/net.h"
#include "hub/decide/engine.h"
#include "hub/store/audit.h"
#include "hub/store/db.h"

enum {
	ORDER_TEXT_SIZE = 2048, /* 500 characters, with the NUL */
	ORDER_WORD_SIZE = 16,
	ORDER_OWNER_SIZE = 128,
	ORDERS_TENANT_MAX = 10000, /* live ones of tenants for themselves */
	ORDERS_WAIT_S = 86400, /* for a second person */
	ORDERS_AGAIN_S = 300, /* the same of the same person within it is the one of before, sent again */
};

/* Numbers are stored. X(identifier, word) */
#define ORDER_STATES(X)                                                                                                \
	X(PENDING, "pending") /* waits for a second person */                                                          \
	X(DONE, "standing")                                                                                            \
	X(REFUSED, "refused")                                                                                          \
	X(LIFTED, "lifted")

enum order_state {
#define X(id, word) ORDER_##id,
	ORDER_STATES(X)
#undef X
		ORDER_STATE_COUNT
};

struct order {
	uint64_t id;
	int64_t revision;
	enum order_state state;
	char source[IP_PREFIX_TEXT_SIZE], action[ORDER_WORD_SIZE];
	uint32_t tenant; /* for whom; 0: everybody */
	bool shadow;
	uint32_t lifetime_s;
	uint32_t person, second_person;
	char owner[ORDER_OWNER_SIZE], reason[ORDER_TEXT_SIZE];
	uint64_t decision; /* of the engine; 0: none (yet) */
	int64_t created_us, changed_us, expires_us; /* expires 0: not in force yet */
};

/* Makes the tables of orders, of appeals (hub/console/appeals.c) and of what people say of campaigns. After audit_setup. */
MUST_CHECK int orders_setup(struct db *db);

/* Gives id, revision 1 and times. LUYTRE_E_FULL: no more ids. */
MUST_CHECK int order_create(struct db *db, const struct audit_origin *origin, struct order *order);
/* Writes state, second person, decision and expiry; LUYTRE_E_CONFLICT when the revision is not that of the row. */
MUST_CHECK int order_update(struct db *db, const struct audit_origin *origin, const char *action, struct order *order);
MUST_CHECK int order_get(struct db *db, uint64_t id, struct order *ret);
MUST_CHECK int order_of_decision(struct db *db, uint64_t decision, struct order *ret);
/* The same source and action for everybody, waiting for a second person since less than a day. */
MUST_CHECK int order_waiting(struct db *db, const struct order *like, int64_t now_us, struct order *ret);
/* The newest about the same source for the same tenant, of whatever state. */
MUST_CHECK int order_newest(struct db *db, const struct order *like, struct order *ret);
/* Of one state (-1: any but those that became decisions of the engine), with ids below 'before' (0: the newest), newest first. */
typedef int (*order_fn)(void *context, const struct order *order);
MUST_CHECK int order_each(struct db *db, int state, uint64_t before, uint32_t limit, order_fn fn, void *context);

/* What it orders. False for a word that is no action. */
bool order_level(const struct order *order, uint8_t *ret);
/* As a decision. */
void order_decision(const struct order *order, struct engine_decision *ret);

/* ---- Live ones of tenants; under the core's lock ---- */

struct orders;

/* Reads those that live. */
MUST_CHECK int orders_new(struct db *db, int64_t now_us, struct orders **ret);
void orders_free(struct orders *orders); /* accepts null */
/* LUYTRE_E_FULL. */
MUST_CHECK int orders_put(struct orders *orders, const struct engine_decision *decision);
/* LUYTRE_E_NOT_FOUND; '*ret' is what it was. */
MUST_CHECK int orders_remove(struct orders *orders, uint64_t id, struct engine_decision *ret);
const struct engine_decision *orders_find(const struct orders *orders, uint64_t id);
/* Ends those whose time is over and tells so. */
void orders_expire(struct orders *orders, struct engine *engine, int64_t now_us);
/* By place, the newest last; null behind the end. */
const struct engine_decision *orders_at(const struct orders *orders, size_t place);
