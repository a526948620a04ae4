// SPDX-License-Identifier: Apache-2.0
/* The tree of tenants in memory: is one below another, and which are below one.
 *
 * A snapshot that never changes and may be read by any thread; who holds it counts (_ref, _unref). Each subtree is
 * one run of an array, so both questions cost a look-up by id. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "hub/store/db.h"

struct tenants_tree;

/* LUYTRE_E_NOMEM, LUYTRE_E_CORRUPT (a circle, or a parent that is not there), or what the database says. */
MUST_CHECK int tenants_tree_load(struct db *db, struct tenants_tree **ret);
/* A new snapshot in place of '*tree' (null: none yet) when the tables have changed since. '*tree' stays on an error. */
MUST_CHECK int tenants_tree_refresh(struct db *db, struct tenants_tree **tree);
struct tenants_tree *tenants_tree_ref(struct tenants_tree *tree);
void tenants_tree_unref(struct tenants_tree *tree); /* accepts null */

size_t tenants_tree_count(const struct tenants_tree *tree);
bool tenants_tree_has(const struct tenants_tree *tree, uint32_t tenant);
/* 0: at the top, or not there. */
uint32_t tenants_tree_parent(const struct tenants_tree *tree, uint32_t tenant);
/* The same, or somewhere below it. False when one of them is not there. */
bool tenants_tree_inside(const struct tenants_tree *tree, uint32_t tenant, uint32_t ancestor);
/* The tenant and all below it, a tenant before those below it; none when it is not there. */
const uint32_t *tenants_tree_below(const struct tenants_tree *tree, uint32_t tenant, size_t *ret_count);
