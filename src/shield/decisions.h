// SPDX-License-Identifier: Apache-2.0
/* The decisions about sources: who is blocked, allowed, a bogon or a trusted server, for whom and until when.
 *
 * This is the authoritative set, kept in order in user space, and the only writer of the tables that the XDP program
 * reads at the same time (list_hosts, list_cover, list_root, list_chunks, list_nodes, list6, their fields of globals).
 *
 * What packets see. Each change goes to the active generation with single aligned stores: for each address the look-up
 * gives the decisions of before or of after, never less than both have in common and nothing that neither has. What is
 * taken out of the tables is used again DECISIONS_GRACE_NS later at the earliest. A bulk load builds the inactive
 * generation and flips globals->list_generation with one store.
 *
 * What it costs. A single change walks the decisions and the /24s inside its prefix: with a million of them below 1 ms
 * for a /9 and longer, 1.3 ms for a /8, some 0.3 s for 0.0.0.0/0. Bulk: about half a second for a million. User space memory: about 54
 * bytes a decision, and 72 for each different reason.
 *
 * A decision is named by prefix, tenant, action and list together. IPv4: SHIELD_CHAIN_MAX decisions may cover one
 * address; IPv6: as many may have one prefix, and SHIELD_V6_LENGTHS_MAX prefix lengths may be in use. Whatever does not
 * fit is refused with LUYTRE_E_FULL, counted, explained by decisions_refused, and changes nothing.
 *
 * One thread writes; its owner passes the time in (monotonic, CLOCK_MONOTONIC). docs/lists.md is for users. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/net.h"
#include "shield/abi.h"
#include "shield/maps.h"

#define DECISIONS_NEVER    UINT64_MAX /* as expiry_ns */
#define DECISIONS_GRACE_NS UINT64_C(100000000)
#define DECISIONS_ALL      UINT32_MAX /* as list number: every list */

enum {
	DECISIONS_REASON_SIZE = 64, /* with its NUL */
};

struct decision {
	struct ip_prefix prefix;
	uint16_t tenant; /* slot; SHIELD_TENANT_UNMAPPED: every tenant */
	uint8_t action; /* enum shield_action, not VOID */
	uint8_t list; /* below SHIELD_LISTS_MAX */
	uint64_t expiry_ns; /* monotonic; kept in ticks of 2^30 ns, rounded up; DECISIONS_NEVER */
	char reason[DECISIONS_REASON_SIZE]; /* short id or owner; "" is fine; always with its NUL */
};

/* X(id, name, English, Vietnamese): which ceiling refused the last LUYTRE_E_FULL. */
#define DECISIONS_CEILINGS(X)                                                                                          \
	X(NONE, "none", "Nothing was refused.", "Chưa có gì bị từ chối.")                                              \
	X(DECISIONS, "decisions", "The configured number of decisions is reached.",                                    \
		"Đã đạt số quyết định được cấu hình.")                                                                 \
	X(CHUNKS, "chunks", "The IPv4 table has no room for this address, or for the parts of its /24.",               \
		"Bảng IPv4 không còn chỗ cho địa chỉ này hoặc các phần của dải /24 chứa nó.")                          \
	X(NODES, "nodes", "The table of decisions that overlap or have a scope is full.",                              \
		"Bảng các quyết định chồng nhau hoặc có phạm vi đã đầy.")                                              \
	X(CHAIN, "overlap", "Too many decisions would cover one address.",                                             \
		"Quá nhiều quyết định cùng bao một địa chỉ.")                                                          \
	X(LINES6, "lines6", "The IPv6 table is full.", "Bảng IPv6 đã đầy.")                                            \
	X(LENGTHS6, "lengths6", "Too many different IPv6 prefix lengths.", "Quá nhiều độ dài tiền tố IPv6 khác nhau.")

enum decisions_ceiling {
#define X(id, name, en, vi) DECISIONS_CEILING_##id,
	DECISIONS_CEILINGS(X)
#undef X
		DECISIONS_CEILING_COUNT
};

struct decisions_refusal {
	enum decisions_ceiling ceiling;
	struct ip_prefix prefix; /* where it did not fit; family 0 with NONE */
};

enum decisions_state { DECISIONS_ACTIVE, DECISIONS_EXPIRED, DECISIONS_OTHER_TENANT };

/* What explain and iteration give: a copy. */
struct decisions_view {
	struct decision decision;
	enum decisions_state state;
};

struct decisions_config {
	uint32_t max_v4, max_v6; /* ceilings of the set */
	bool fresh; /* the tables are empty, as shield_maps_format left them: single changes may begin at once */
	/* Called by decisions_commit after the flip, before the old generation may be written again: returns when no
	 * packet reads it any more. Null: nobody reads meanwhile. */
	void (*wait)(void *user);
	void *wait_user;
};

/* Gauges first, then counters since decisions_new. 'refused' counts by ceiling. */
struct decisions_stats {
	uint32_t count_v4, count_v6;
	uint32_t list[SHIELD_LISTS_MAX]; /* decisions of each list */
	uint32_t chunks, chunks_max, nodes, nodes_max, lengths6; /* in use, those in their grace time included */
	uint32_t reasons; /* different texts */
	uint64_t added, removed, expired, bulks;
	uint64_t refused[DECISIONS_CEILING_COUNT];
};

struct decisions;

/* The maps are borrowed and must be formatted. Over tables that are already serving ('fresh' false: the daemon was
 * restarted) nothing is touched before the first decisions_commit, which rebuilds everything in the other generation;
 * until then single changes answer LUYTRE_E_BUSY. Null without memory. */
struct decisions *decisions_new(struct shield_maps *maps, const struct decisions_config *config);

/* The tables stay as they are. Accepts null. */
void decisions_free(struct decisions *decisions);

/* Adds one, or gives the one of the same name a new expiry and reason. 0, LUYTRE_E_INVALID (host bits, action, list,
 * tenant), LUYTRE_E_RANGE (expiry not ahead of now), LUYTRE_E_FULL, LUYTRE_E_NOMEM or LUYTRE_E_BUSY. */
MUST_CHECK int decisions_add(struct decisions *decisions, const struct decision *decision, uint64_t now_ns);

/* Removes the one with this prefix, tenant, action and list. 0, LUYTRE_E_NOT_FOUND or LUYTRE_E_BUSY. */
MUST_CHECK int decisions_remove(struct decisions *decisions, const struct decision *decision, uint64_t now_ns);

/* Removes at most 'budget' of those that have expired; packets ignore them since their expiry. Returns how many:
 * call it each second or so, and soon again when the answer is 'budget'. */
size_t decisions_expire(struct decisions *decisions, uint64_t now_ns, size_t budget);

/* ---- Bulk: one list, or everything, replaced at once -----------------------------------------------------------*/

/* Begins to collect the new contents of list 'list' (DECISIONS_ALL: of all). What was collected before is dropped. */
MUST_CHECK int decisions_begin(struct decisions *decisions, uint32_t list, uint64_t now_ns);

/* Takes one. Of two with the same name the later expiry counts. LUYTRE_E_INVALID (also when it belongs to a list that
 * is not being replaced), LUYTRE_E_RANGE (expired: the caller usually skips it), LUYTRE_E_FULL or LUYTRE_E_NOMEM. */
MUST_CHECK int decisions_put(struct decisions *decisions, const struct decision *decision);

/* Builds the inactive generation from what was collected and from the lists that stay, and makes it the active one.
 * 0, LUYTRE_E_FULL, LUYTRE_E_NOMEM or LUYTRE_E_INVALID (no begin). After a failure everything is as before, and what
 * was collected is gone. */
MUST_CHECK int decisions_commit(struct decisions *decisions, uint64_t now_ns);

/* Drops what was collected. */
void decisions_abort(struct decisions *decisions);

/* ---- Looking -----------------------------------------------------------------------------------------------------*/

/* The decisions that cover an address, longest prefix first; 'tenant' and 'now_ns' give their state. Fills at most
 * 'max' and returns how many there are in all. */
size_t decisions_explain(const struct decisions *decisions, const struct ip_addr *addr, uint16_t tenant,
	uint64_t now_ns, struct decisions_view *ret, size_t max);

/* Where a listing stands; zeros mean the beginning. Stays valid whatever is added or removed meanwhile: what was there
 * all the time is shown exactly once. */
struct decisions_cursor {
	struct ip_prefix prefix;
	uint16_t tenant;
	uint8_t action, list;
};

/* Fills at most 'max' decisions of list 'list' (or DECISIONS_ALL) behind the cursor, in order of IPv4 before IPv6 and
 * of their prefixes, and moves the cursor. Visits 65,536 decisions at most: '*ret_done' says whether the end was
 * reached. Returns how many were filled in. State is as for every tenant. */
size_t decisions_list(const struct decisions *decisions, uint32_t list, uint64_t now_ns,
	struct decisions_cursor *cursor, struct decisions_view *ret, size_t max, bool *ret_done);

void decisions_read_stats(const struct decisions *decisions, struct decisions_stats *ret);

/* What the last refusal with LUYTRE_E_FULL was about. */
struct decisions_refusal decisions_refused(const struct decisions *decisions);
const char *decisions_ceiling_name(enum decisions_ceiling ceiling);
const char *decisions_ceiling_text(enum decisions_ceiling ceiling, enum luytre_lang lang);

/* ---- Saved state -------------------------------------------------------------------------------------------------*/

/* Tenants are saved by name, because slots change with the configuration. Null for a slot without a tenant. */
typedef const char *(*decisions_tenant_name_fn)(void *user, uint16_t slot);
/* False when there is no such tenant any more: its decisions are left out. */
typedef bool (*decisions_tenant_slot_fn)(void *user, const char *name, uint16_t *ret_slot);

/* Writes the decisions of the lists whose bits are set in 'lists' to 'path': first beside it, then renamed over it,
 * both synced to disk. Expiries are kept as real time, so that they survive a restart of the machine. 0,
 * LUYTRE_E_NOMEM or an error of error_from_errno(). */
MUST_CHECK int decisions_save(const struct decisions *decisions, const char *path, uint64_t lists, struct clock now,
	decisions_tenant_name_fn tenant_name, void *user);

/* Reads such a file and puts its decisions into the bulk load that has begun; the expired ones, those of unknown
 * tenants and those of lists outside 'lists' are left out and counted. The whole file is checked before the first is
 * put: LUYTRE_E_NOT_FOUND (no file), LUYTRE_E_IO, LUYTRE_E_VERSION or LUYTRE_E_CORRUPT put nothing. Errors of
 * decisions_put end it. */
MUST_CHECK int decisions_restore(struct decisions *decisions, const char *path, uint64_t lists, struct clock now,
	decisions_tenant_slot_fn tenant_slot, void *user, size_t *ret_put, size_t *ret_left_out);

/* The same from memory. */
MUST_CHECK int decisions_restore_bytes(struct decisions *decisions, struct bytes file, uint64_t lists, struct clock now,
	decisions_tenant_slot_fn tenant_slot, void *user, size_t *ret_put, size_t *ret_left_out);
