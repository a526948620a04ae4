// SPDX-License-Identifier: Apache-2.0
/* How debt went: one row a tenant and day, for the curve that should burn down.
 *
 * A row says how things stood when it was written last that day (UTC): at the start of the hub and then each hour, so a day's row is at most
 * an hour older than its midnight while a hub runs. Days without a hub have no row. Rows are kept for HISTORY_DAYS. Findings are what they
 * were: nothing is computed backwards. A handle belongs to its thread. */
#pragma once

#include "hub/posture/facts.h"

enum { HISTORY_DAYS = 3 * 366, HISTORY_PAGE_MAX = 400 };

MUST_CHECK int history_setup(struct db *db);

/* Writes today's rows for all tenants in one transaction, and drops what is too old. */
MUST_CHECK int history_write(struct db *db, struct facts *facts, int64_t now_us);

/* Days from 'from_day' on (since 1970), at most HISTORY_PAGE_MAX, each with the sum over the scope; the key is the day. Not 0 from 'fn' stops
 * and is returned. */
MUST_CHECK int history_each(struct db *db, const struct scope *scope, int64_t from_day, debt_fn fn, void *context);
