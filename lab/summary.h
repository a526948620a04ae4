// SPDX-License-Identifier: Apache-2.0
/* How the run went: a table for people, JSON for programs. Both read the same figures (scenario.h). */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/compiler.h"
#include "lab/clients.h"
#include "lab/scenario.h"

/* True when every phase ran and kept what the lab promises. */
bool summary_is_good(const struct scenario *scenario, const struct clients *clients);

/* The table, and a sentence on each phase that did not keep its promise. */
void summary_print(const struct scenario *scenario, const struct clients *clients, enum luytre_lang lang, FILE *out);

/* One JSON object. 0 or an error of the writer. */
MUST_CHECK int summary_print_json(const struct scenario *scenario, const struct clients *clients, FILE *out);
