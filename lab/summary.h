// SPDX-License-Identifier: Apache-2.0
/* How the run went: a table for people, JSON for programs. Both read the same figures (scenario.h). */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/compiler.h"
#include "lab/clients.h"
#include "lab/nation.h"
#include "lab/scenario.h"

/* What was played; all borrowed. */
struct summary {
	const struct scenario *scenario;
	const struct clients *clients;
	const struct nation *nation;
	bool floods, nation_part; /* which parts were to be played */
};

/* True when every phase and step ran and kept what the lab promises. */
bool summary_is_good(const struct summary *summary);

/* The tables, and a sentence on each phase that did not keep its promise. */
void summary_print(const struct summary *summary, enum luytre_lang lang, FILE *out);

/* One JSON object. 0 or an error of the writer. */
MUST_CHECK int summary_print_json(const struct summary *summary, FILE *out);
