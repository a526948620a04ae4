// SPDX-License-Identifier: Apache-2.0
/* Writes one generation of the decision tables of abi.h from the ordered sets.
 *
 * There is one operation: make the table say, for all addresses below a prefix, what the set says. It walks the set's
 * groups (a group: the decisions of one prefix) below the prefix, brings each group's nodes and links up to date, and
 * stores each leaf that differs. Single changes do it for the changed prefix in the active generation; a bulk load does
 * it for 0.0.0.0/0 in the empty inactive one.
 *
 * Private to the decisions. One thread writes while any number of packets read. */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "shield/decision-pool.h"
#include "shield/decision-set.h"
#include "shield/decisions.h"
#include "shield/v6table.h"

struct decision_table {
	uint32_t *root; /* borrowed, as all arrays here: the generation's part of the maps */
	struct shield_line *hosts, *filter, *cover;
	const struct shield_globals *globals; /* borrowed: the hash key */
	struct shield_chunk *chunks;
	struct shield_node *nodes;
	uint64_t base_tick;
	struct decision_pool chunk_pool, node_pool;
	struct v6table v6;
};

/* Lays a table over one generation; writes nothing. 0 or LUYTRE_E_NOMEM. */
MUST_CHECK int decision_table_init(struct decision_table *table, struct shield_maps *maps, uint32_t generation);
void decision_table_done(struct decision_table *table);

/* Empties it; nobody may be reading. */
void decision_table_clear(struct decision_table *table);

/* Before each change: entries that waited long enough may be used again. */
void decision_table_turn(struct decision_table *table, uint64_t now_ns);

/* Whether the set, which has just got a record with this IPv4 prefix, fits into the table. Writes nothing. 0 or
 * LUYTRE_E_FULL with '*ret_refusal'. */
MUST_CHECK int decision_table_check4(struct decision_table *table, const struct decision_set *set,
	const struct decision_record *changed, struct decisions_refusal *ret_refusal);

/* Brings the table up to date after a record with this prefix was added (and checked), changed or erased. An erased
 * record's node is the caller's to return afterwards. */
void decision_table_update4(
	struct decision_table *table, const struct decision_set *set, const struct decision_record *changed);

/* The same for IPv6, where a new record may be refused by the table itself: nothing has changed for packets then. */
MUST_CHECK int decision_table_update6(struct decision_table *table, const struct decision_set *set,
	const struct decision_record *changed, uint64_t now_ns, struct decisions_refusal *ret_refusal);

/* Fills a table that was cleared; a failure leaves it half filled. */
MUST_CHECK int decision_table_build(struct decision_table *table, const struct decision_set *v4,
	const struct decision_set *v6, struct decisions_refusal *ret_refusal);

/* Returns a node that no group uses any more. 0 is allowed. */
void decision_table_return_node(struct decision_table *table, uint32_t node);

/* The last address of a prefix, IPv4: as a number of 32 bits. */
uint32_t decision_last4(const struct decision_record *record);

/* The longest prefix shorter than 'below' that has decisions and covers the address; null when there is none. The
 * first of its records. */
struct decision_pos decision_cover(const struct decision_set *set, uint64_t high, uint64_t low, uint32_t below,
	struct decision_record **ret_first);

struct ip_prefix decision_prefix(const struct decision_record *record, uint8_t family);
