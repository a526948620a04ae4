// SPDX-License-Identifier: Apache-2.0
/* The register of edges: who may speak for a perimeter site, and where each of them stands.
 *
 * An edge enters with a token that a person made: "ltedge1." and base64url of 32 random bytes and of the authority's
 * fingerprint, by which the edge knows the hub. Of the random bytes only a hash is kept; a token is good once, and for a day unless
 * something else was said. From then on the certificate counts (ca.h): its serial number must be the newest, or the one before while
 * that lives, of an edge that is not revoked.
 *
 * Batches come in order, with gaps where the edge had to give up some. A number that was acknowledged before is acknowledged
 * again; a new 'boot' begins anew: the edge lost its spool. Positions are written each few seconds only: after a crash an old batch may
 * look new, and the store of events, which remembers every batch, says that it is not.
 *
 * The token says which organisations lie behind the edge (bound.h), a person may change it later; what it reports about others counts
 * for nothing. An edge of before that rule serves nobody until somebody says so.
 *
 * Lists live in the control database, positions are also kept in memory, for that is asked with every request. A handle belongs to one
 * thread (that of its database). Changes are audited. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "bus/batch.h"
#include "hub/edges/bound.h"
#include "hub/edges/ca.h"
#include "hub/store/audit.h"
#include "hub/store/db.h"

enum {
	EDGES_MAX = 10000,
	EDGES_NAME_MAX = 4 * 128, /* bytes: 128 characters of any kind */
	EDGES_VERSION_MAX = 63,
	EDGES_TOKEN_SIZE = 128, /* text with its NUL */
	EDGES_TOKEN_LIVES_S = 86400,
	EDGES_TOKEN_LIVES_MAX_S = 7 * 86400,
	EDGES_ACTOR_SIZE = 128,
	EDGES_REASON_SIZE = 2048, /* with its NUL: what the API takes */
	EDGES_TOKENS_MAX = 1000, /* unused ones at a time */
	EDGES_RENEWALS_MAX = 24, /* of one edge in a day: each is signed and audited */
};

struct edges;

/* What is known of one. */
struct edge_view {
	uint32_t id;
	char name[EDGES_NAME_MAX + 1], version[EDGES_VERSION_MAX + 1];
	char serial[CA_SERIAL_SIZE];
	int64_t created_us, until_us; /* until: end of its certificate */
	int64_t seen_us; /* its last request; 0: never */
	bool revoked;
	int64_t revision; /* of name, province and organisations; from 1 */
	uint32_t province; /* code of tenants/provinces.h; 0: none */
	const struct edges_bound *bound; /* never null; borrowed until it is changed */
	/* As of its last batch or acknowledgement. */
	char boot[BATCH_BOOT_SIZE];
	uint64_t acked, lost, policy, epoch, have;
	int64_t have_us; /* when 'have' changed, by our clock */
};

struct edges_enrolled {
	uint32_t id;
	struct ca_certificate certificate; /* free its pem */
};

/* Makes the tables, reads the register. The authority and the database are borrowed. */
MUST_CHECK int edges_open(struct db *db, const struct ca *ca, struct edges **ret);
void edges_close(struct edges *edges); /* writes positions; accepts null */

struct edges_invitation {
	const char *name;
	uint32_t province;
	uint32_t lives_s; /* 0: EDGES_TOKEN_LIVES_S */
	struct edges_bound bound; /* whose tenants exist */
};

/* LUYTRE_E_FULL: too many tokens are waiting. LUYTRE_E_INVALID: the name; a life beyond EDGES_TOKEN_LIVES_MAX_S; or nobody would be
 * served. */
MUST_CHECK int edges_token(struct edges *edges, const struct audit_origin *origin,
	const struct edges_invitation *invitation, char ret[EDGES_TOKEN_SIZE], uint32_t *ret_id);

/* One that was not used yet. */
struct edges_token_view {
	uint32_t id, province;
	int64_t until_us;
	char name[EDGES_NAME_MAX + 1], created_by[EDGES_ACTOR_SIZE];
	const struct edges_bound *bound; /* until the function returns */
};
typedef int (*edges_token_fn)(void *context, const struct edges_token_view *token);

/* By ascending ids, those above 'after' that are still good, at most 'limit'. Not 0 from 'fn' stops and is returned. */
MUST_CHECK int edges_token_each(
	struct edges *edges, int64_t now_us, uint32_t after, uint32_t limit, edges_token_fn fn, void *context);
MUST_CHECK int edges_token_remove(struct edges *edges, const struct audit_origin *origin, uint32_t id);

/* Changes name, province and organisations to what is given. LUYTRE_E_CONFLICT: 'revision' is not that of the edge.
 * LUYTRE_E_INVALID: the name, or it would serve nobody. */
struct edges_change {
	const char *name;
	uint32_t province;
	struct edges_bound bound; /* whose tenants exist */
};
MUST_CHECK int edges_update(struct edges *edges, const struct audit_origin *origin, uint32_t edge, int64_t revision,
	const struct edges_change *change);

/* LUYTRE_E_PERMISSION (not a token, used, too old), LUYTRE_E_FULL, or an error of ca_sign_edge. The token is used up only on
 * success. 'version' is what the edge says of itself: without control characters, or LUYTRE_E_INVALID. */
MUST_CHECK int edges_enrol(struct edges *edges, const struct audit_origin *origin, struct bytes token,
	struct bytes request_pem, struct bytes version, struct edges_enrolled *ret);
/* A new certificate for one that is known and not revoked; the one that asked, by its 'serial', lives on until its end: the answer may be
 * lost. LUYTRE_E_PERMISSION also when the newest one is in use and another one asks: who has an old key must not put the edge out.
 * LUYTRE_E_BUSY: EDGES_RENEWALS_MAX in a day. */
MUST_CHECK int edges_renew(struct edges *edges, const struct audit_origin *origin, uint32_t edge, const char *serial,
	struct bytes request_pem, struct ca_certificate *ret);
/* 'reason' is written down; null: none was given. */
MUST_CHECK int edges_revoke(struct edges *edges, const struct audit_origin *origin, uint32_t edge, const char *reason);

/* Whether a certificate may speak: reads the edge's number from it. LUYTRE_E_PERMISSION. */
MUST_CHECK int edges_check(struct edges *edges, struct bytes der, int64_t now_us, uint32_t *ret_edge);
/* The same for one that the TLS library has found signed by the authority and in its time, by its common name and serial number in hex. */
MUST_CHECK int edges_known(
	struct edges *edges, const char *name, const char *serial, int64_t now_us, uint32_t *ret_edge);

/* True: acknowledged before, or an edge that is not known. */
bool edges_batch_known(const struct edges *edges, const struct batch_head *head);
/* The batch is stored: its number is acknowledged from now on. */
MUST_CHECK int edges_batch_stored(struct edges *edges, const struct batch_head *head, int64_t now_us);
/* An edge says what stands in its tables. */
MUST_CHECK int edges_stands(
	struct edges *edges, uint32_t edge, uint64_t policy, uint64_t epoch, uint64_t have, int64_t now_us);

size_t edges_count(const struct edges *edges);
/* By place, 0 to count - 1, ascending numbers of edges; null behind the end. Lives until the next enrolment. */
const struct edge_view *edges_at(const struct edges *edges, size_t place);
const struct edge_view *edges_find(const struct edges *edges, uint32_t edge);

/* Writes positions to the database: to be called each few seconds. */
MUST_CHECK int edges_save(struct edges *edges);
