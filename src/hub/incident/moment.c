// SPDX-License-Identifier: Apache-2.0
#include "hub/incident/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/date.h"
#include "base/error.h"
#include "hub/assess/day.h"

#define HOUR_US INT64_C(3600000000)

static struct tm local_of(int64_t time_us)
{
	time_t seconds = (time_t)((time_us + DAY_ZONE_US) / 1000000);
	struct tm parts = { 0 };

	gmtime_r(&seconds, &parts);
	return parts;
}

char *incident_time_text(int64_t time_us, char text[INCIDENT_TIME_SIZE])
{
	struct tm parts = local_of(time_us);

	if (!time_us || !strftime(text, INCIDENT_TIME_SIZE, "%H:%M ngày %d/%m/%Y", &parts))
		text[0] = '\0';
	return text;
}

char *incident_day_text(uint32_t day, char text[INCIDENT_TIME_SIZE])
{
	struct tm parts = local_of(day_begin_us(day));

	if (!day || !strftime(text, INCIDENT_TIME_SIZE, "%d/%m/%Y", &parts))
		text[0] = '\0';
	return text;
}

int incident_year(int64_t time_us)
{
	return local_of(time_us).tm_year + 1900;
}

int incident_month(int64_t time_us)
{
	return local_of(time_us).tm_mon;
}

int incident_due(const char *limit, int64_t start_us, int64_t *ret)
{
	char *end;
	long count;

	if (strcmp(limit, "now") == 0) {
		*ret = start_us;
		return 0;
	}
	count = strtol(limit, &end, 10);
	if (end == limit || count < 1 || count > 1200 || !end[0] || end[1])
		return LUYTRE_E_SYNTAX;
	if (*end == 'h')
		*ret = start_us + count * HOUR_US;
	else if (*end == 'd')
		*ret = start_us + count * DAY_US;
	else if (*end == 'm')
		*ret = day_months_later(start_us, count);
	else
		return LUYTRE_E_SYNTAX;
	return 0;
}

int incident_due_yearly(const char *limit, int year, int64_t *ret)
{
	int month, day, size = 0;

	if (sscanf(limit, "%2d-%2d%n", &month, &day, &size) != 2 || limit[size] || size != 5 || month < 1 ||
		month > 12 || day < 1 || day > day_count_of_month(year, month))
		return LUYTRE_E_SYNTAX;
	*ret = day_begin_us(date_days(year, month, day)) - 1;
	return 0;
}

int incident_due_day(const char *text, int64_t *ret)
{
	int year, month, day, size = 0;

	if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &size) != 3 || text[size] || size != 10 || month < 1 ||
		month > 12 || day < 1 || day > day_count_of_month(year, month))
		return LUYTRE_E_SYNTAX;
	*ret = day_begin_us(date_days(year, month, day) + 1) - 1;
	return 0;
}
