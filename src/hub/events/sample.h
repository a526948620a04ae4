// SPDX-License-Identifier: Apache-2.0
/* Events made up from their number alone, for tests and measurements of the store: the same number gives the same
 * event.
 *
 * They look like a day of a nation's perimeter: 200 tenants of very different size, many sources of which a few are
 * loud, 8 % IPv6, 400 rules, a JSON object of some 170 bytes. */
#pragma once

#include <stdint.h>

#include "hub/events/event.h"

struct sample {
	uint64_t count; /* how many there will be: time runs over 'span_us' */
	int64_t begin_us, span_us;
	uint32_t sources, tenants;
};

/* Room for the texts of one event. */
struct sample_text {
	char signature[96];
	char detail[512];
};

/* Text in '*ret' points into '*text'. 'id' stays 0. */
void sample_event(const struct sample *sample, uint64_t number, struct sample_text *text, struct ev_event *ret);

/* A well-mixed number: the next of a sequence that begins with 'state'. */
uint64_t sample_random(uint64_t *state);
