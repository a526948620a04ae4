// SPDX-License-Identifier: Apache-2.0
/* A report as CSV (RFC 4180) for spreadsheets: they take UTF-8 for what it is when a byte order mark stands in front. */
#include <string.h>

#include "base/error.h"
#include "hub/report/internal.h"

struct csv {
	struct report_out *out;
	size_t room;
	int error;
};

static void put(struct csv *csv, const char *text, size_t size)
{
	if (!csv->error)
		csv->error = report_put(csv->out, &csv->room, bytes_of(text, size));
}

/* What begins so is a formula to a spreadsheet, also behind blanks. */
static bool is_formula(const char *text)
{
	text += strspn(text, " ");
	return *text && strchr("=+-@\t\r\n|%", *text);
}

static void put_cell(struct csv *csv, const char *text)
{
	bool formula = is_formula(text);

	if (!formula && !text[strcspn(text, ",;\"\r\n\t")]) {
		put(csv, text, strlen(text));
		return;
	}
	put(csv, formula ? "\"'" : "\"", formula ? 2 : 1);
	while (*text) {
		size_t size = strcspn(text, "\"");

		put(csv, text, size);
		text += size;
		if (*text) {
			put(csv, "\"\"", 2);
			text++;
		}
	}
	put(csv, "\"", 1);
}

static void put_line(struct csv *csv, const char *const *cells, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i)
			put(csv, ",", 1);
		put_cell(csv, cells[i]);
	}
	put(csv, "\r\n", 2);
}

static void put_titles(struct csv *csv, const struct report *report)
{
	const char *titles[REPORT_COLUMNS_MAX];

	for (size_t i = 0; i < report->column_count; i++)
		titles[i] = report->columns[i].title;
	put_line(csv, titles, report->column_count);
}

int report_csv(const struct report *report, struct report_out *ret)
{
	struct csv csv = { .out = ret, .error = report->error };

	*ret = (struct report_out){ 0 };
	put(&csv, "\xef\xbb\xbf", 3);
	for (size_t i = 0; i < report->count && !csv.error; i++) {
		const struct report_item *item = &report->items[i];

		if (item->kind == REPORT_TABLE)
			put_titles(&csv, report);
		else
			put_line(&csv, item->texts,
				item->kind == REPORT_ROW     ? report->column_count
				: item->kind == REPORT_FIELD ? 2
							     : 1);
	}
	if (csv.error)
		report_out_free(ret);
	return csv.error;
}
