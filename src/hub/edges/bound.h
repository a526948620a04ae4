// SPDX-License-Identifier: Apache-2.0
/* Which organisations lie behind an edge: subtrees of the tree of tenants, named by their tops, or all.
 *
 * What an edge reports about others counts for nothing, so this is what a captured edge can speak about. A set never changes and may be
 * read by any thread; who holds it counts (_ref, _unref). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "hub/store/db.h"

enum {
	EDGES_TENANTS_MAX = 10000, /* behind one edge */
	EDGES_BOUND_TEXT_SIZE = 1024, /* longer lists are cut, with how many there are */
};

struct edges_bound {
	bool all; /* whoever is registered, now and later */
	const uint32_t *tenants; /* ascending, each once; none with 'all'. Without both it serves nobody */
	size_t tenant_count;
};

/* Copies, in order and each once. LUYTRE_E_INVALID (tenant 0; some and all), LUYTRE_E_FULL, LUYTRE_E_NOMEM. */
MUST_CHECK int edges_bound_new(const struct edges_bound *in, const struct edges_bound **ret);
const struct edges_bound *edges_bound_ref(const struct edges_bound *bound);
void edges_bound_unref(const struct edges_bound *bound); /* accepts null */

bool edges_bound_names(const struct edges_bound *bound, uint32_t tenant);
/* "all", "17,18", "17,18,... (204)", "" ; returns 'text'. */
const char *edges_bound_text(const struct edges_bound *bound, char text[EDGES_BOUND_TEXT_SIZE]);

/* The rows of one edge or token: in the table 'edge_tenant' (edge) or 'edge_token_tenant' (token). 'all' stands in the row of the edge
 * or token itself. */
enum edges_bound_of { EDGES_BOUND_EDGE, EDGES_BOUND_TOKEN };
MUST_CHECK int edges_bound_read(
	struct db *db, enum edges_bound_of of, uint32_t id, bool all, const struct edges_bound **ret);
/* Inside a transaction; what was there before goes. Null: only that. */
MUST_CHECK int edges_bound_write(struct db *db, enum edges_bound_of of, uint32_t id, const struct edges_bound *bound);
