// SPDX-License-Identifier: Apache-2.0
#include "hub/assess/day.h"

#include <string.h>
#include <time.h>

#include "base/date.h"

static struct tm parts_of(int64_t time_us)
{
	time_t seconds = (time_t)(day_of(time_us) * (DAY_US / 1000000));
	struct tm parts = { 0 };

	gmtime_r(&seconds, &parts);
	return parts;
}

int64_t day_of(int64_t time_us)
{
	int64_t there_us = time_us + DAY_ZONE_US;

	return there_us / DAY_US - (there_us % DAY_US < 0);
}

int64_t day_begin_us(int64_t day)
{
	return day * DAY_US - DAY_ZONE_US;
}

bool day_in_force(const char *from, const char *until, int64_t time_us)
{
	struct tm parts = parts_of(time_us);
	char day[16] = "";

	(void)strftime(day, sizeof(day), "%Y-%m-%d", &parts);
	return strcmp(day, from) >= 0 && (!until || strcmp(day, until) <= 0);
}

int day_count_of_month(int year, int month)
{
	return (int)(date_days(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) -
		     date_days(year, month, 1));
}

int64_t day_months_later(int64_t time_us, int64_t months)
{
	struct tm parts = parts_of(time_us);
	int64_t month = parts.tm_mon + months;
	int year = parts.tm_year + 1900 + (int)(month / 12), last;

	month = month % 12 + 1;
	last = day_count_of_month(year, (int)month);
	return day_begin_us(date_days(year, (int)month, parts.tm_mday < last ? parts.tm_mday : last)) +
	       (time_us - day_begin_us(day_of(time_us)));
}
