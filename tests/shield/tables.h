// SPDX-License-Identifier: Apache-2.0
/* The tables of all shield tests: the configuration of case.h and a few decisions, in whichever maps they are to be. */
#pragma once

#include <stdint.h>

#include "case.h"
#include "shield/maps.h"

/* Small, so that a test can fill them. 'cpus' is 1 for the user-space build. */
struct shield_sizes tables_sizes(uint32_t cpus);

/* Writes configuration and decisions into formatted maps, as the daemon does. Ends the test when it cannot. */
void tables_fill(struct shield_maps *maps);

/* Forgets everything that packets left behind: counters, sources, flows. Policy and decisions stay. */
void tables_forget(struct shield_maps *maps);

/* Puts every tenant into enforce or shadow mode. */
void tables_set_enforce(struct shield_maps *maps, bool enforce);

/* Adds the counters of all processors: ret[slot * SHIELD_REASON_SLOTS * 2 + reason * 2 + shadow]. */
void tables_count(const struct shield_maps *maps, uint64_t *ret);
size_t tables_count_size(const struct shield_maps *maps); /* of 'ret', in numbers */

/* A number that changes when any decision does. */
uint64_t tables_decisions_sum(const struct shield_maps *maps);
