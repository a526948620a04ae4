// SPDX-License-Identifier: Apache-2.0
/* What the files of incidents share. */
#pragma once

#include "hub/incident/incident.h"

/* Within a transaction: deadlines as the incident now wants them. */
MUST_CHECK int duty_sync(const struct incident_call *call, const struct incident *incident);
/* Open incidents whose system got a higher level since: they take it, and what then falls due. */
MUST_CHECK int incident_levels(const struct incident_call *call);
/* Within a transaction: a new row, whose id is written. */
MUST_CHECK int duty_begin(const struct incident_call *call, struct duty *duty);
/* Within a transaction: an open row is due then, by this row of the law (its first day). */
MUST_CHECK int duty_move(const struct incident_call *call, uint32_t id, int64_t due_us, const char *law_from);
