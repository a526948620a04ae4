// SPDX-License-Identifier: Apache-2.0
/* Days as the law counts them: the country's (Asia/Ho_Chi_Minh, UTC+7 without summer time), since 1970-01-01. Whatever has a day (validity of
 * a text, a proof, an excuse, a limit in months) is counted here and nowhere else. Times are microseconds since 1970 UTC. Pure functions. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DAY_US      (24 * INT64_C(3600000000))
#define DAY_ZONE_US (7 * INT64_C(3600000000))

/* The country's day of a moment. */
int64_t day_of(int64_t time_us);
/* Its first moment; day_begin_us(day + 1) is the first that is no more of it. */
int64_t day_begin_us(int64_t day);

/* Whether the country's day of 'time_us' is one of from, ..., until ("2026-08-19"; until null: no end). */
bool day_in_force(const char *from, const char *until, int64_t time_us);

/* The same day and hour some months later; a day that the month lacks is its last. */
int64_t day_months_later(int64_t time_us, int64_t months);

/* How many days a month (1 to 12) has. */
int day_count_of_month(int year, int month);
