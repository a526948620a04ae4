// SPDX-License-Identifier: Apache-2.0
/* What the rows of clocks, transition and serious incidents must be, so that whoever counts with them needs to ask no more; and the row that is
 * in force. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/assess/day.h"
#include "hub/assess/law-internal.h"

enum { LIMIT_MAX = 1200, LOG_MONTHS_MAX = 120 };

static int need(const struct law_reader *reader, const char *const *row, size_t first, size_t last)
{
	for (size_t i = first; i <= last; i++)
		if (!row[i])
			return law_reader_fail(reader, LUYTRE_E_SYNTAX, "field %zu is needed", i + 1);
	return 0;
}

/* "24h", "5d", "60m": the number; 0: it is none of these. */
static long count_of(const char *limit, char *ret_unit)
{
	char *end = NULL;
	long count = limit[0] >= '0' && limit[0] <= '9' ? strtol(limit, &end, 10) : 0;

	if (count < 1 || count > LIMIT_MAX || !end || !end[0] || end[1] || !strchr("hdm", end[0]))
		return 0;
	*ret_unit = end[0];
	return count;
}

/* "12-20" */
static bool is_day_of_year(const char *limit)
{
	int month = 0, day = 0, size = 0;

	return sscanf(limit, "%2d-%2d%n", &month, &day, &size) == 2 && size == 5 && !limit[size] && month >= 1 &&
	       month <= 12 && day >= 1 && day <= day_count_of_month(1970, month);
}

static int check_limit(const struct law_reader *reader, const char *const *row)
{
	const char *limit = row[CLOCK_LIMIT], *kind = row[CLOCK_KIND];
	bool report = strcmp(kind, "report") == 0, at_once = strcmp(limit, "now") == 0;
	char unit = '\0';
	long count = count_of(limit, &unit);

	if (strcmp(kind, "log") == 0 && (unit != 'm' || count > LOG_MONTHS_MAX))
		return law_reader_fail(reader, LUYTRE_E_SYNTAX, "the limit of a log row is a number of months");
	if (!count && !(at_once && !report) && !(report && is_day_of_year(limit)))
		return law_reader_fail(reader, LUYTRE_E_SYNTAX, "there is no limit like \"%.20s\"", limit);
	return 0;
}

/* The rows before it have been checked. A row without an end is in force for good. */
static int check_validity(const struct law_reader *reader, const struct law_table *table, const char *const *row,
	size_t id, size_t from, size_t until)
{
	if (row[until] && strcmp(row[until], row[from]) < 0)
		return law_reader_fail(reader, LUYTRE_E_SYNTAX, "it ends before it begins");
	for (size_t i = 0; i + 1 < table->row_count; i++) {
		const char *const *other = table->rows[i];

		if (strcmp(other[id], row[id]) == 0 && (!other[until] || strcmp(other[until], row[from]) >= 0) &&
			(!row[until] || strcmp(row[until], other[from]) >= 0))
			return law_reader_fail(
				reader, LUYTRE_E_SYNTAX, "two rows of \"%.30s\" are in force on the same day", row[id]);
	}
	return 0;
}

static int check_clock(const struct law_reader *reader, const struct law_table *table, const char *const *row)
{
	int error = need(reader, row, CLOCK_ID, CLOCK_VI);

	if (!error)
		error = need(reader, row, CLOCK_FROM, CLOCK_FROM);
	if (!error)
		error = check_limit(reader, row);
	return error ? error : check_validity(reader, table, row, CLOCK_ID, CLOCK_FROM, CLOCK_UNTIL);
}

static int check_serious(const struct law_reader *reader, const struct law_table *table, const char *const *row)
{
	long level;
	int error = need(reader, row, SERIOUS_ID, SERIOUS_ANY);

	if (!error)
		error = need(reader, row, SERIOUS_FROM, SERIOUS_FROM);
	if (!error)
		error = need(reader, row, SERIOUS_SOURCE, SERIOUS_SOURCE);
	if (!error)
		error = law_field_number(reader, row[SERIOUS_LEVEL], "level_min", 1, LAW_LEVELS, &level);
	return error ? error : check_validity(reader, table, row, SERIOUS_ID, SERIOUS_FROM, SERIOUS_UNTIL);
}

int law_row_check(const struct law_reader *reader, enum law_table_kind kind, const struct law_table *table)
{
	const char *const *row = table->rows[table->row_count - 1];
	int error;

	switch (kind) {
	case LAW_CLOCKS:
		return check_clock(reader, table, row);
	case LAW_SERIOUS:
		return check_serious(reader, table, row);
	case LAW_TRANSITION:
		error = need(reader, row, CASE_ID, CASE_VI);
		return error ? error : law_field_date(reader, row[CASE_DUE], "due");
	default:
		return 0;
	}
}

const char *const *law_clock(const struct law *law, const char *id, int64_t time_us)
{
	const struct law_table *clocks = law ? &law->tables[LAW_CLOCKS] : NULL;

	for (size_t i = 0; clocks && i < clocks->row_count; i++) {
		const char *const *row = clocks->rows[i];

		if (strcmp(row[CLOCK_ID], id) == 0 && day_in_force(row[CLOCK_FROM], row[CLOCK_UNTIL], time_us))
			return row;
	}
	return NULL;
}

unsigned int law_log_months(const struct law *law, unsigned int level, int64_t time_us)
{
	const char id[] = { 'l', 'o', 'g', '-', 'l', (char)('0' + level), '\0' };
	const char *const *row = level <= LAW_LEVELS ? law_clock(law, id, time_us) : NULL;

	return row ? (unsigned int)strtol(row[CLOCK_LIMIT], NULL, 10) : 0;
}
