// SPDX-License-Identifier: Apache-2.0
/* Which organisations lie behind an edge, as the API says and takes it: members "tenants" and "all_tenants". */
#pragma once

#include "hub/console/registry.h"

struct served_name {
	char text[EDGES_NAME_MAX + 1];
};

/* Whether a caller with this scope may see the edge: one of his organisations lies behind it. */
bool served_visible(const struct tenants_tree *tree, const struct scope *scope, const struct edges_bound *bound);

/* Both members; only those of the scope, and none that is gone. */
void served_write(struct jsonw *json, const struct tenants_tree *tree, const struct scope *scope,
	const struct edges_bound *bound);

/* '*bound' stays when neither is there. What is wrong is noted: both, an organisation that is not there. The list is in the arena. */
void served_read(const struct api_request *request, const struct jsonr *body, struct edges_bound *bound);
