// SPDX-License-Identifier: Apache-2.0
/* What the files of incidents share. */
#pragma once

#include "hub/incident/incident.h"

/* Within a transaction: deadlines as the incident now wants them. */
MUST_CHECK int duty_sync(const struct incident_call *call, const struct incident *incident);
/* Within a transaction: a new row, whose id is written. */
MUST_CHECK int duty_begin(const struct incident_call *call, struct duty *duty);
/* The row of clocks.tsv; null: none. */
const char *const *incident_clock(const struct law *law, const char *id);
enum { CLOCK_ID, CLOCK_KIND, CLOCK_LIMIT, CLOCK_EN, CLOCK_VI, CLOCK_TO_EN, CLOCK_TO_VI, CLOCK_FROM, CLOCK_UNTIL };
enum { CASE_ID, CASE_DUE, CASE_EN, CASE_VI };
