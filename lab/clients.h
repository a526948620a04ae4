// SPDX-License-Identifier: Apache-2.0
/* What the clients of the sites experienced: all results of a run, and figures over any stretch of it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "lab/traffic.h"

/* All zeros at the start. */
struct clients {
	struct traffic_result *items; /* owned; in the order in which they ended */
	size_t count, capacity;
};

enum clients_clock { CLIENTS_BY_START, CLIENTS_BY_END };

enum { CLIENTS_ANY = -1, CLIENTS_OTHERS = -2 };

/* Which results: begun (or ended) from 'from_ns' to before 'to_ns'. */
struct clients_range {
	enum clients_clock clock;
	uint64_t from_ns, to_ns;
	int kind; /* enum traffic_kind, or CLIENTS_ANY */
	int site; /* index, CLIENTS_ANY, or CLIENTS_OTHERS: those that are never flooded */
	int translated; /* 0, 1, or CLIENTS_ANY */
};

struct clients_figures {
	uint64_t count, good_count;
	double good_share; /* 0..1; 1 when there are none */
	double p50_ms, p99_ms; /* until the connection stood; of the good ones */
};

void clients_done(struct clients *clients);

/* Takes over everything that has come in. 0 or LUYTRE_E_NOMEM. */
MUST_CHECK int clients_take(struct clients *clients, struct traffic *traffic);

void clients_figures(const struct clients *clients, const struct clients_range *range, struct clients_figures *ret);
