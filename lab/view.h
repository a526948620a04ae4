// SPDX-License-Identifier: Apache-2.0
/* What the terminal shows while the lab runs: one screen of 80 x 24, redrawn about three times a second, or, when
 * the output is no terminal, one line a second. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lab/clients.h"
#include "lab/nation.h"
#include "lab/scenario.h"

enum { VIEW_HISTORY = 40, VIEW_COLUMNS = 80, VIEW_ROWS = 24 };

struct view {
	FILE *out; /* borrowed */
	enum luytre_lang lang;
	bool screen;
	const struct scenario *scenario; /* borrowed */
	const struct clients *clients; /* borrowed */
	const struct nation *nation; /* borrowed */
	const char *console; /* borrowed; where it is and how one gets in, "" without */
	uint64_t length_ms; /* of the play */
	uint64_t begin_ns, shown_ns;
	struct control_stats shown; /* when it was last drawn */
	double arrived_pps[VIEW_HISTORY], passed_pps[VIEW_HISTORY]; /* oldest first */
	size_t rows; /* drawn so far */
};

/* Takes the screen, when it is one. */
void view_open(struct view *view, const struct control_stats *stats);

/* Draws when it is time to. */
void view_update(struct view *view, const struct control_stats *stats);

/* Gives the screen back. A second call does nothing. */
void view_close(struct view *view);
