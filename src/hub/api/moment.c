// SPDX-License-Identifier: Apache-2.0
/* Days are counted with years that begin in March, so that the leap day is the last of its year. */
#include "hub/api/moment.h"

#include <stdio.h>

#include "base/date.h"
#include "base/error.h"

enum { US_PER_S = 1000000, S_PER_DAY = 86400, DAYS_PER_ERA = 146097 };

/* 0000-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z. */
static const int64_t moment_min_us = INT64_C(-62167219200) * US_PER_S;
static const int64_t moment_max_us = INT64_C(253402300800) * US_PER_S - 1;

static void date_of_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
	int64_t of_era = shifted - era * DAYS_PER_ERA;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t march_month = (5 * of_year + 2) / 153;

	*ret_day = (int)(of_year - (153 * march_month + 2) / 5 + 1);
	*ret_month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
	*ret_year = (int)(year + era * 400 + (*ret_month <= 2));
}

const char *moment_format(int64_t time_us, char text[MOMENT_TEXT_SIZE])
{
	int year, month, day;
	int64_t days, in_day;

	time_us = time_us < moment_min_us ? moment_min_us : time_us > moment_max_us ? moment_max_us : time_us;
	days = time_us / ((int64_t)S_PER_DAY * US_PER_S);
	in_day = time_us % ((int64_t)S_PER_DAY * US_PER_S);
	if (in_day < 0) {
		in_day += (int64_t)S_PER_DAY * US_PER_S;
		days--;
	}
	date_of_days(days, &year, &month, &day);
	snprintf(text, MOMENT_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", year, month, day,
		(int)(in_day / US_PER_S / 3600), (int)(in_day / US_PER_S / 60 % 60), (int)(in_day / US_PER_S % 60),
		(int)(in_day % US_PER_S));
	return text;
}

/* Reads 'count' digits. */
static bool digits(struct bytes *in, size_t count, int *ret)
{
	int value = 0;

	if (in->size < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (in->ptr[i] < '0' || in->ptr[i] > '9')
			return false;
		value = value * 10 + in->ptr[i] - '0';
	}
	*in = bytes_skip(*in, count);
	*ret = value;
	return true;
}

static bool letter(struct bytes *in, char wanted)
{
	char small = (char)(wanted >= 'A' ? wanted | 0x20 : wanted);

	/* RFC 3339 lets T and Z be small. */
	if (in->size == 0 || (in->ptr[0] != wanted && in->ptr[0] != small))
		return false;
	*in = bytes_skip(*in, 1);
	return true;
}

static bool fraction(struct bytes *in, int *ret_us)
{
	int value = 0;
	size_t count = 0;

	*ret_us = 0;
	if (in->size == 0 || in->ptr[0] != '.')
		return true;
	*in = bytes_skip(*in, 1);
	for (; in->size > 0 && in->ptr[0] >= '0' && in->ptr[0] <= '9'; *in = bytes_skip(*in, 1), count++) {
		if (count < 6)
			value = value * 10 + in->ptr[0] - '0';
	}
	for (size_t i = count; i < 6; i++)
		value *= 10;
	*ret_us = value;
	return count >= 1 && count <= 9;
}

static bool offset(struct bytes *in, int *ret_minutes)
{
	int hours, minutes;
	bool west;

	*ret_minutes = 0;
	if (letter(in, 'Z'))
		return true;
	if (in->size == 0 || (in->ptr[0] != '+' && in->ptr[0] != '-'))
		return false;
	west = in->ptr[0] == '-';
	*in = bytes_skip(*in, 1);
	if (!digits(in, 2, &hours) || !letter(in, ':') || !digits(in, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
	return true;
}

int moment_parse(struct bytes text, int64_t *ret)
{
	static const uint8_t month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year, month, day, hour, minute, second, us, east;
	int64_t time_s;
	bool leap;

	if (!digits(&text, 4, &year) || !letter(&text, '-') || !digits(&text, 2, &month) || !letter(&text, '-') ||
		!digits(&text, 2, &day) || !letter(&text, 'T') || !digits(&text, 2, &hour) || !letter(&text, ':') ||
		!digits(&text, 2, &minute) || !letter(&text, ':') || !digits(&text, 2, &second) ||
		!fraction(&text, &us) || !offset(&text, &east) || !bytes_empty(text))
		return LUYTRE_E_SYNTAX;
	leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	if (month < 1 || month > 12 || day < 1 || day > month_days[month - 1] || (month == 2 && day == 29 && !leap) ||
		hour > 23 || minute > 59 || second > 60)
		return LUYTRE_E_RANGE;
	time_s = date_days(year, month, day) * S_PER_DAY + hour * 3600 + minute * 60 + second - east * 60;
	*ret = time_s * US_PER_S + us;
	return *ret < moment_min_us || *ret > moment_max_us ? LUYTRE_E_RANGE : 0;
}
