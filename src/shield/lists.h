// SPDX-License-Identifier: Apache-2.0
/* What a configuration says of sources, as decisions: its list files, and each tenant's allow list, reply servers and
 * own addresses. Whoever wants them begins a bulk load, puts them, adds what else there is, and commits.
 *
 * One thread, that of the decisions. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "shield/config.h"
#include "shield/decisions.h"
#include "shield/policy.h"

enum {
	LISTS_OPERATOR = 0, /* decisions of people, not of the configuration */
	LISTS_CONFIG = 1, /* what the tenants themselves say */
	LISTS_HUB = 2, /* decisions of the hub */
	LISTS_EDGE = 3, /* what this edge decided itself, for minutes */
	LISTS_FIRST = 4, /* the list files, in the order of the configuration */
};

/* Between decisions_begin and decisions_commit. 0, or an error of listfile_read or decisions_put; then 'why' says what
 * is wrong, with file and line where there are such, and the caller aborts. */
MUST_CHECK int lists_put(struct decisions *decisions, const struct policy *policy, const struct config *config,
	char *why, size_t why_size);

/* The sentence for an error of decisions_put or decisions_commit. */
void lists_explain_error(const struct decisions *decisions, int error, char *why, size_t why_size);

/* "operator", "config", "hub", "edge" or the name in the configuration; null when there is no such list. */
const char *lists_name(const struct config *config, uint32_t list);
