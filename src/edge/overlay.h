// SPDX-License-Identifier: Apache-2.0
/* The hub's policy over the tenants of the edge's own file.
 *
 * A row of the policy (bus/policyfile.h) is about a prefix; the shield knows tenants. So the prefixes of a tenant that rows set something
 * for are taken out of it and given to tenants beside it, which are as the file says but for what the rows set; rows that set the same share
 * one. They are named after the tenant: "site+enforce", "site+asset-9" (limits of an asset). Where rows take all prefixes of a tenant, it
 * keeps its name and changes its settings.
 *
 * A row belongs to the tenant with the longest prefix around it, as packets do, and to those whose prefixes lie inside of it; a tenant that
 * says which organisation of the hub it is (`hub_id`) is left alone by rows of others. Rows without a tenant here are none of this edge's
 * business, and counted. No I/O; any thread. */
#pragma once

#include "base/arena.h"
#include "base/compiler.h"
#include "bus/policyfile.h"
#include "shield/config.h"

enum { OVERLAY_ARENA_MAX = 64 << 20 };

struct overlay {
	const struct config_tenant *tenants;
	size_t tenant_count;
	size_t placed, unplaced; /* rows */
};

/* What it makes lies in the arena and points into 'own'. LUYTRE_E_NOMEM, LUYTRE_E_FULL (more than CONFIG_TENANTS_MAX). */
MUST_CHECK int overlay_build(const struct config_tenant *own, size_t own_count, const struct policyfile *file,
	struct arena *arena, struct overlay *ret);

/* Whether a row has set something for this one of the tenants that were made; else it is as the file says. */
bool overlay_is_ruled(const struct policyfile *file, const struct config_tenant *tenant);
