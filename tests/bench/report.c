// SPDX-License-Identifier: Apache-2.0
/* See report.h. */
#include "tests/bench/report.h"

#include <stdlib.h>
#include <string.h>

struct report_row *report_row(struct report *report, const char *section, const char *name, const char *unit)
{
	struct report_row *row;

	if (report->row_count == REPORT_ROWS_MAX)
		return NULL;
	row = &report->row[report->row_count++];
	*row = (struct report_row){ .section = section, .unit = unit };
	snprintf(row->name, sizeof(row->name), "%s", name);
	return row;
}

void report_value(struct report_row *row, double value)
{
	if (row && row->count < REPORT_RUNS_MAX)
		row->value[row->count++] = value;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static void sorted(const struct report_row *row, double value[REPORT_RUNS_MAX])
{
	memcpy(value, row->value, sizeof(row->value));
	qsort(value, row->count, sizeof(value[0]), compare);
}

double report_median(const struct report_row *row)
{
	double value[REPORT_RUNS_MAX];

	if (!row || !row->count)
		return 0;
	sorted(row, value);
	return (value[(row->count - 1) / 2] + value[row->count / 2]) / 2;
}

void report_bar(struct report *report, const char *name, enum report_bar_kind kind, double reached, double wanted,
	const char *unit)
{
	struct report_bar *bar;

	if (report->bar_count == REPORT_BARS_MAX)
		return;
	bar = &report->bar[report->bar_count++];
	*bar = (struct report_bar){
		.kind = kind, .reached = reached, .wanted = wanted, .unit = unit, .measured = true
	};
	snprintf(bar->name, sizeof(bar->name), "%s", name);
}

void report_unmeasured(struct report *report, const char *name, double wanted, const char *unit, const char *why)
{
	size_t before = report->bar_count;

	report_bar(report, name, REPORT_AT_LEAST, 0, wanted, unit);
	if (report->bar_count == before)
		return;
	report->bar[before].measured = false;
	snprintf(report->bar[before].why, sizeof(report->bar[before].why), "%s", why);
}

bool report_bar_met(const struct report_bar *bar)
{
	if (!bar->measured)
		return false;
	return bar->kind == REPORT_AT_LEAST ? bar->reached >= bar->wanted : bar->reached <= bar->wanted;
}

void report_assert(struct report *report, double floor)
{
	if (!report->bar_count)
		return;
	report->bar[report->bar_count - 1].asserted = true;
	report->bar[report->bar_count - 1].floor = floor;
}

size_t report_failed(const struct report *report)
{
	size_t failed = 0;

	for (size_t i = 0; i < report->bar_count; i++) {
		const struct report_bar *bar = &report->bar[i];

		if (!bar->asserted ||
			(bar->kind == REPORT_AT_LEAST ? bar->reached >= bar->floor : bar->reached <= bar->floor))
			continue;
		fprintf(stderr, "%s: %.3g %s, at worst %.3g is taken\n", bar->name, bar->reached, bar->unit,
			bar->floor);
		failed++;
	}
	return failed;
}

static const struct report_row *find(const struct report *report, const char *section, const char *name)
{
	for (size_t i = 0; i < report->row_count; i++)
		if (!strcmp(report->row[i].section, section) && !strcmp(report->row[i].name, name))
			return &report->row[i];
	return NULL;
}

static void print_row(const struct report *report, const struct report_row *row, FILE *out, const char *empty_drop)
{
	const struct report_row *limit = find(report, row->section, empty_drop);
	double value[REPORT_RUNS_MAX], median = report_median(row);
	char range[48] = "", share[16] = "";

	sorted(row, value);
	if (row->count > 1)
		snprintf(range, sizeof(range), "%.3g - %.3g", value[0], value[row->count - 1]);
	if (limit && limit != row && report_median(limit) > 0)
		snprintf(share, sizeof(share), "%.0f %%", 100 * median / report_median(limit));
	fprintf(out, "| %-34s | %10.3g %-4s | %-17s | %-6s | %s |\n", row->name, median, row->unit, range, share,
		row->note);
}

static void print_rows(const struct report *report, FILE *out, const char *empty_drop)
{
	const char *section = "";

	for (size_t i = 0; i < report->row_count; i++) {
		const struct report_row *row = &report->row[i];

		if (strcmp(section, row->section)) {
			section = row->section;
			fprintf(out, "\n### %s\n\n| %-34s | %-15s | %-17s | %-6s | %s |\n|---|---|---|---|---|\n",
				section, "what", "median", "lowest - highest", "share", "note");
		}
		print_row(report, row, out, empty_drop);
	}
}

static void print_bars(const struct report *report, FILE *out)
{
	fprintf(out, "| %-66s | %-12s | %-12s | %s |\n|---|---|---|---|\n", "bar", "wanted", "reached", "met");
	for (size_t i = 0; i < report->bar_count; i++) {
		const struct report_bar *bar = &report->bar[i];
		char wanted[32], reached[112];

		snprintf(wanted, sizeof(wanted), "%s %.3g %s", bar->kind == REPORT_AT_LEAST ? ">=" : "<=", bar->wanted,
			bar->unit);
		if (bar->measured)
			snprintf(reached, sizeof(reached), "%.3g %s", bar->reached, bar->unit);
		else
			snprintf(reached, sizeof(reached), "- (%s)", bar->why);
		fprintf(out, "| %-66s | %-12s | %-12s | %s |\n", bar->name, wanted, reached,
			report_bar_met(bar) ? "yes"
			: bar->measured     ? "**no**"
					    : "not measured");
	}
}

void report_print(const struct report *report, FILE *out, const char *empty_drop)
{
	print_bars(report, out);
	print_rows(report, out, empty_drop);
}
