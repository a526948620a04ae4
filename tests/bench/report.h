// SPDX-License-Identifier: Apache-2.0
/* What was measured: rows of several runs each, and the bars that they are held against. Printed as Markdown, which a
 * person can read on a terminal too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { REPORT_RUNS_MAX = 31, REPORT_ROWS_MAX = 128, REPORT_BARS_MAX = 48 };

struct report_row {
	const char *section; /* the rows of one section stand together */
	char name[64];
	const char *unit;
	double value[REPORT_RUNS_MAX];
	size_t count;
	char note[96];
};

enum report_bar_kind { REPORT_AT_LEAST, REPORT_AT_MOST };

struct report_bar {
	char name[128];
	enum report_bar_kind kind;
	double reached, wanted;
	double floor; /* what --assert insists on; like 'wanted', or worse, or without meaning when it is not asserted */
	bool asserted;
	const char *unit;
	bool measured; /* false: it could not be, 'why' says so */
	char why[96];
};

struct report {
	struct report_row row[REPORT_ROWS_MAX];
	size_t row_count;
	struct report_bar bar[REPORT_BARS_MAX];
	size_t bar_count;
};

/* A row to add values to; the texts are copied, 'section' and 'unit' are constant. Null when the report is full. */
struct report_row *report_row(struct report *report, const char *section, const char *name, const char *unit);
void report_value(struct report_row *row, double value);

double report_median(const struct report_row *row); /* 0 for a row without values */

/* A bar and what was reached. */
void report_bar(struct report *report, const char *name, enum report_bar_kind kind, double reached, double wanted,
	const char *unit);
void report_unmeasured(struct report *report, const char *name, double wanted, const char *unit, const char *why);

/* The bar that was added last is insisted on, with room for machines that have other work to do. */
void report_assert(struct report *report, double floor);

bool report_bar_met(const struct report_bar *bar);

/* How many of the bars that are insisted on are worse than their floor; each is named on standard error. */
size_t report_failed(const struct report *report);

/* 'empty_drop' of each section is found by name: shares are shown of it. */
void report_print(const struct report *report, FILE *out, const char *empty_drop);
