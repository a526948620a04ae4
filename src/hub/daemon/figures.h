// SPDX-License-Identifier: Apache-2.0
/* What an operator wants to see of a running hub, in the text format of Prometheus (0.0.4): what comes in, how late, what was decided, who
 * listens, what is held, what is open, how much room there is. hub/api/metrics.h adds how long requests take. docs/hub.md lists the names.
 *
 * Totals alone: no addresses, no names of organisations. What costs a question to a store (findings, holds, sizes) is asked once a minute at most
 * and is so old then. One thread: that of the listener (api_config.collect). */
#pragma once

#include "base/compiler.h"
#include "hub/api/metrics.h"
#include "hub/core/core.h"

struct figures;

/* The core is borrowed. 'control' as in core_options; 'state_dir' is not null. LUYTRE_E_NOMEM, LUYTRE_E_IO (the database). */
MUST_CHECK int figures_open(struct core *core, const char *control, const char *state_dir, struct figures **ret);
void figures_close(struct figures *figures); /* accepts null */
/* 'context' is the figures. */
void figures_write(void *context, struct metrics_text *out);
