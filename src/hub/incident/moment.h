// SPDX-License-Identifier: Apache-2.0
/* Limits of the law and how times are written, in the country's time (hub/assess/day.h). Microseconds since 1970 UTC. Pure functions. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

enum { INCIDENT_TIME_SIZE = 48 };

/* "08:30 ngày 22/11/2026"; returns 'text'. 0 is "". */
char *incident_time_text(int64_t time_us, char text[INCIDENT_TIME_SIZE]);
/* "22/11/2026" of a day since 1970; 0 is "". */
char *incident_day_text(uint32_t day, char text[INCIDENT_TIME_SIZE]);
int incident_year(int64_t time_us);
int incident_month(int64_t time_us); /* 0 to 11 */

/* The last moment of a limit of clocks.tsv: "now", "24h", "5d", "60m" (months; a day that the month lacks is its last). LUYTRE_E_SYNTAX. */
MUST_CHECK int incident_due(const char *limit, int64_t start_us, int64_t *ret);
/* "12-20", "before that day": the last moment of the day before it, in this year. LUYTRE_E_SYNTAX. */
MUST_CHECK int incident_due_yearly(const char *limit, int year, int64_t *ret);
/* "2027-06-30": the last moment of that day. LUYTRE_E_SYNTAX. */
MUST_CHECK int incident_due_day(const char *day, int64_t *ret);
