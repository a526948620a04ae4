// SPDX-License-Identifier: Apache-2.0
/* Documents that people hand in: put together once, written as PDF or as CSV.
 *
 *	report_new(true, &report);
 *	report_heading(report, REPORT_TITLE, "BÁO CÁO ...");
 *	report_field(report, "Chủ quản", name);
 *	report_table(report, columns, ARRAY_COUNT(columns));
 *	report_row(report, cells);			as often as there are rows
 *	error = report_pdf(report, &out);		or report_csv
 *
 * What is wrong on the way (memory, REPORT_SIZE_MAX) is kept and returned at the end. Texts are UTF-8 and copied. One report belongs to one
 * thread; any thread may have one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum {
	REPORT_COLUMNS_MAX = 16,
	REPORT_ITEMS_MAX = 100000,
	REPORT_PDF_ITEMS_MAX = 20000, /* paragraphs and rows; more is for CSV */
	REPORT_SIZE_MAX = 64 << 20, /* memory of the texts */
	REPORT_OUT_MAX = 16 << 20, /* a document */
};

enum report_style {
	REPORT_MOTTO, /* centred, bold */
	REPORT_TITLE, /* centred, large */
	REPORT_SUBTITLE, /* centred, italic */
	REPORT_SECTION, /* bold */
	REPORT_TEXT,
	REPORT_SMALL,
	REPORT_STYLE_COUNT
};

struct report_column {
	const char *title; /* constant */
	unsigned int width; /* as a part of the sum of all */
};

struct report;

MUST_CHECK int report_new(bool landscape, struct report **ret);
void report_free(struct report *report); /* accepts null */

/* The name of the document inside the PDF: what readers show as the window's title. */
void report_name(struct report *report, const char *text);
void report_heading(struct report *report, enum report_style style, const char *text);
/* "label: value"; an empty value stands as a dotted line, as on a form. */
void report_field(struct report *report, const char *label, const char *value);
/* One table in a report; its rows follow. 'columns' is constant. */
void report_table(struct report *report, const struct report_column *columns, size_t count);
/* As many cells as the table has columns; null is empty. */
void report_row(struct report *report, const char *const *cells);

/* Freed by report_out_free. */
struct report_out {
	unsigned char *ptr;
	size_t size;
};
void report_out_free(struct report_out *out); /* leaves it empty */

/* UTF-8 with a byte order mark, lines end with CR LF, quoted as in RFC 4180. A cell that a spreadsheet would take for a formula gets an
 * apostrophe in front. Headings are lines of one cell, fields of two. LUYTRE_E_NOMEM, LUYTRE_E_FULL. */
MUST_CHECK int report_csv(const struct report *report, struct report_out *ret);

/* A4. LUYTRE_E_UNSUPPORTED: this program was built without the library (report_has_pdf); LUYTRE_E_FULL: too long for one. */
MUST_CHECK int report_pdf(const struct report *report, struct report_out *ret);
bool report_has_pdf(void);
