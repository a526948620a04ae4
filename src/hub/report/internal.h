// SPDX-License-Identifier: Apache-2.0
/* How a report is kept, for those who write it out. */
#pragma once

#include "base/arena.h"
#include "hub/report/report.h"

enum report_kind { REPORT_HEADING, REPORT_FIELD, REPORT_TABLE, REPORT_ROW };

struct report_item {
	enum report_kind kind;
	enum report_style style; /* of a heading */
	const char *const *texts; /* heading: one; field: two; row: as many as there are columns */
};

struct report {
	struct arena arena;
	bool landscape;
	int error; /* the first */
	const char *name;
	struct report_item *items; /* owned */
	size_t count, room;
	const struct report_column *columns;
	size_t column_count;
};

/* Grows 'out'; LUYTRE_E_NOMEM, LUYTRE_E_FULL. 'room' is what it has. */
MUST_CHECK int report_put(struct report_out *out, size_t *room, struct bytes bytes);
