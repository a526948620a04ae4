// SPDX-License-Identifier: Apache-2.0
/* Servers of a web server's configuration and the locations in them, as far as it matters whether rows of a file of holds are obeyed
 * there: which plans have to know a hold, and which modes of sites do not stand.
 *
 * A location is about a row when its server has one of the row's names, when it listens on an address in one of the row's prefixes, or when
 * it says that it stands for one of either. Names that no server has lead to those that answer for all (default_server). */
#pragma once

#include "gate/hold/places.h"

#define HOLD_NO_PLAN SIZE_MAX

struct hold_server {
	const struct bytes
		*names; /* small letters; also "*.x", ".x" and "x.*", as nginx takes them; the first is its own */
	size_t name_count;
	bool any_name; /* it has an expression: any name may be its */
	bool is_default; /* where it listens, for names that no other has */
	const struct ip_prefix *addresses; /* that it listens on; of length 0: all */
	size_t address_count;
};

struct hold_location {
	const struct hold_server *server;
	struct hold_asset *asset; /* may be null */
	size_t plan; /* by number; HOLD_NO_PLAN: there are no rules, nothing can be held or turned on */
	enum gate_mode mode; /* its own */
};

/* Not by its expressions. */
bool hold_server_has_name(const struct hold_server *server, struct bytes name);

struct hold_duty;

/* 'plans' are those that locations number. What is given is read during the call only. 'places' may be null. LUYTRE_E_NOMEM. */
MUST_CHECK int hold_duty_new(const struct hold_places *places, const struct hold_location *locations,
	size_t location_count, struct gate_plan *const *plans, size_t plan_count, struct hold_duty **ret);
void hold_duty_free(struct hold_duty *duty); /* accepts null */

/* Whether sites with this plan can have the hold armed, by number of the row. */
bool hold_duty_needs(const struct hold_duty *duty, size_t row, size_t plan);
/* Whether the mode, by number of the row, is what requests to its place get. */
bool hold_duty_stands(const struct hold_duty *duty, size_t mode);
