// SPDX-License-Identifier: Apache-2.0
/* Expressions of ranges, for addresses and ports alike (rules/address.c): parsing lists, variables and negation, set
 * arithmetic, and numbers for texts. Used by rules/address.c alone. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

struct conf_node;

typedef unsigned __int128 range_value;

struct range {
	range_value low, high; /* both belong to it */
};

struct range_list {
	struct range *items; /* owned */
	uint32_t count, capacity;
};

enum { RANGE_FAMILIES_MAX = 2 };

/* What differs between addresses and ports. */
struct range_grammar {
	const char *what; /* "address", "port" */
	uint8_t family_count;
	range_value most[RANGE_FAMILIES_MAX]; /* greatest value of each family */
	/* Reads one plain item; null, or what is wrong. */
	const char *(*parse)(struct bytes text, uint8_t *ret_family, struct range *ret);
};

/* The value of one expression with certain variables. */
struct range_set {
	struct range_list families[RANGE_FAMILIES_MAX]; /* sorted, apart */
	bool any, negated;
};

struct range_sets;

struct range_sets *range_sets_new(const struct range_grammar *grammar, const struct conf_node *vars);
void range_sets_free(struct range_sets *sets);
MUST_CHECK int range_sets_intern(
	struct range_sets *sets, struct bytes text, char *message, size_t message_size, uint32_t *ret);
MUST_CHECK int range_sets_tenant(
	struct range_sets *sets, uint32_t tenant, const struct conf_node *vars, char *message, size_t message_size);
uint32_t range_sets_count(const struct range_sets *sets);
/* The value for a tenant. 'set' is above 0 and below range_sets_count(). */
const struct range_set *range_sets_get(const struct range_sets *sets, uint32_t set, uint32_t tenant);
bool range_sets_is_any(const struct range_sets *sets, uint32_t set);

/* The value of each expression, and those of tenants that differ. */
void range_sets_each(
	const struct range_sets *sets, void (*each)(void *context, const struct range_set *value), void *context);

/* ---- regions.c; see address.h ---- */

struct regions;

MUST_CHECK int regions_new(const struct range_sets *sets, const struct range_grammar *grammar, struct regions **ret);
void regions_free(struct regions *regions);
uint32_t regions_find(const struct regions *regions, unsigned int family, range_value value);
