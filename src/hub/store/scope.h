// SPDX-License-Identifier: Apache-2.0
/* Whose data a question may see: a set of tenants, made from a session by the one check of hub/auth and handed down to
 * every query. There is no default: a null scope is refused everywhere, an empty one finds nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scope {
	bool all; /* the nation: no tenant is left out, nor what belongs to none */
	const uint32_t *tenants; /* borrowed, ascending, each once */
	size_t tenant_count;
};

static inline bool scope_has(const struct scope *scope, uint32_t tenant)
{
	size_t low = 0, high = scope->tenant_count;

	if (scope->all)
		return true;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (scope->tenants[middle] == tenant)
			return true;
		if (scope->tenants[middle] < tenant)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}
