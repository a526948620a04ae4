// SPDX-License-Identifier: Apache-2.0
/* What the files about holds share. */
#pragma once

#include "hub/posture/hold.h"
#include "hub/posture/internal.h"

#define HOLD_COLUMNS                                                                                                   \
	"hold.id, hold.revision, hold.rule, hold.tenant, hold.system, hold.asset, hold.state, hold.created_us,"        \
	" hold.since_us, hold.proved_us, hold.verdict, hold.ending, hold.finding_count, hold.edge_count,"              \
	" hold.reason, hold.actor, hold.suspended_until_us, hold.part"
void hold_row_read(const struct db_value *columns, struct hold *ret);

/* Within a transaction. Brings a hold into a state, counts its revision and writes the audit log: "hold.VERB". 'told': edges get something
 * else by it. */
struct hold_enter {
	int64_t id;
	enum hold_state state;
	enum hold_end end;
	const char *reason, *actor; /* null: "" */
	int64_t suspended_until_us;
	bool told;
};
MUST_CHECK int hold_state_enter(
	struct db *db, const struct audit_origin *origin, const char *verb, const struct hold_enter *enter);

/* Ids of a question, without room for more than HOLD_SLICE. */
struct hold_ids {
	int64_t ids[HOLD_SLICE];
	size_t count;
};
int hold_row_id(void *context, const struct db_value *columns, size_t column_count);
