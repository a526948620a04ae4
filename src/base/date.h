// SPDX-License-Identifier: Apache-2.0
/* Dates of the Gregorian calendar as numbers of days. */
#pragma once

#include <stdint.h>

/* Days since 1970-01-01, also negative; month 1 to 12. A day behind the end of its month is one of the next. Years are counted from 1 March,
 * so that the leap day comes last: Howard Hinnant, "chrono-compatible low-level date algorithms", days_from_civil. */
static inline int64_t date_days(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}
