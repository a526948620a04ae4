// SPDX-License-Identifier: Apache-2.0
/* What the files of incidents share. */
#pragma once

#include "hub/incident/incident.h"

/* 'work' in the caller's transaction, or in one of its own. */
typedef int (*incident_work_fn)(void *context);
MUST_CHECK int incident_run(struct db *db, incident_work_fn work, void *context);
/* Copies a column, cut to fit. */
void incident_column(const struct db_value *column, char *text, size_t text_size);
/* Within a transaction: deadlines as the incident now wants them. */
MUST_CHECK int duty_sync(const struct incident_call *call, const struct incident *incident);
/* Within a transaction: a new row, whose id is written. */
MUST_CHECK int duty_begin(const struct incident_call *call, struct duty *duty);
/* The row of clocks.tsv; null: none. */
const char *const *incident_clock(const struct law *law, const char *id);
enum { CLOCK_ID, CLOCK_KIND, CLOCK_LIMIT, CLOCK_EN, CLOCK_VI, CLOCK_TO_EN, CLOCK_TO_VI, CLOCK_FROM, CLOCK_UNTIL };
enum { CASE_ID, CASE_DUE, CASE_EN, CASE_VI };
