// SPDX-License-Identifier: Apache-2.0
/* One decision as people see it, wherever it is kept: live in the engine, ended in the trace, or an order of a person that waits, was
 * refused or holds for one tenant alone (hub/core/orders.h).
 *
 * Decisions for everybody are seen by everybody who may read decisions: they are enforced at all. Those of one tenant are seen by those
 * who may see the tenant. Who reported is told by decisions-view.c alone, and masked there. */
#pragma once

#include "hub/console/internal.h"

/* In the order of the description. X(identifier, word) */
#define DECISION_STATES(X)                                                                                             \
	X(PENDING, "pending")                                                                                          \
	X(PROVISIONAL, "provisional")                                                                                  \
	X(STANDING, "standing")                                                                                        \
	X(EXPIRED, "expired")                                                                                          \
	X(LIFTED, "lifted")                                                                                            \
	X(REFUSED, "refused")

enum decision_state {
#define X(id, word) DECISION_##id,
	DECISION_STATES(X)
#undef X
		DECISION_STATE_COUNT
};

struct decision_view {
	uint64_t id;
	struct engine_decision decision; /* its text is the reader's own copy */
	enum decision_state state;
	int64_t created_us, ended_us; /* ended 0: not yet */
	uint64_t hits;
	bool counted; /* by decision_find: */
	uint64_t edges_standing;
	bool watched; /* a live one of the engine's, which edges do not enforce (core_watches) */
	bool by_order; /* kept as an order of that number alone */
	char action[ORDER_WORD_SIZE]; /* of such; "": by the level */
};

/* Of the engine and the trace. Under the core's lock, which its text needs too until decision_own_text has copied it. */
void decision_of_engine(const struct engine_decision *decision, struct decision_view *ret);
void decision_of_trace(const struct trace_decision *decision, struct decision_view *ret);
void decision_own_text(struct decision_view *view, struct arena *arena);
/* Of an order that is no decision of the engine. */
void decision_of_order(const struct order *order, int64_t now_us, struct decision_view *ret);
/* One by its number, when the caller may see it: takes and gives back the core's lock. Else the reply is "not found". */
bool decision_find(struct api_request *request, struct api_reply *reply, uint64_t id, struct decision_view *ret);
/* The same for the path's {decision}. */
bool decision_of_path(struct api_request *request, struct api_reply *reply, struct decision_view *ret);

/* For ETag: another whenever something is ordered anew. */
uint64_t decision_revision(const struct decision_view *view);
const char *decision_action(const struct decision_view *view);
const char *decision_state_word(enum decision_state state);
void decision_source(const struct decision_view *view, char text[OBSERVABLE_TEXT_SIZE]);
/* As the schema Decision, with what the person said who ordered it; without the lock. */
void decision_write(struct jsonw *json, struct db *db, const struct decision_view *view);
/* Consoles are told that it is there, or changed. */
void decision_publish(struct console *console, uint64_t id, uint32_t tenant, const char *op);

/* What the settings say about decisions. */
struct decision_settings {
	uint8_t two_persons_v4, two_persons_v6; /* shorter prefixes need a second person */
	bool enforced; /* else every decision is counted only */
	bool share_names; /* names of tenants are not masked */
};
void decision_settings_read(struct db *db, struct decision_settings *ret);

/* Orders the same of many: what decisions and campaigns share. */
struct decision_wish {
	struct order order; /* source, action, tenant, shadow, lifetime, person, owner, reason */
	struct ip_prefix prefix;
	bool wide; /* needs a second person */
};
/* False for what is no action here, or no prefix. */
bool decision_wish_check(const struct decision_settings *settings, struct decision_wish *wish);
/* Whether it would be taken; LUYTRE_E_CONFLICT, LUYTRE_E_RANGE. */
MUST_CHECK int decision_wish_try(struct core *core, const struct decision_wish *wish, size_t *ret_good);
/* Does it: writes the order and, when no second person is missing, brings it into force. What the same person ordered just now, and still
 * stands, is taken for that. It is stored safely by core_settle, which follows: once for many. */
MUST_CHECK int decision_wish_do(struct core *core, struct db *db, const struct decision_settings *settings,
	const struct audit_origin *origin, struct decision_wish *wish);

/* Whether there is something to lift, and lifting it: it was wrong, so those who reported lose trust. Settles. */
bool decision_lives(const struct decision_view *view);
MUST_CHECK int decision_lift(struct api_request *request, const struct decision_view *view);
