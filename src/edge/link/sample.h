// SPDX-License-Identifier: Apache-2.0
/* Ordinary traffic for the hub: it learns from requests and connections that nobody complained of what is rare, and for that a sample is
 * as good as all of them. So many a second go as they are (hub.ordinary_per_s); of more each has the same chance, by how many there were in
 * the second before, and never more than that number go.
 *
 * Alerts, decisions and drops are none of these, nor is a connection in which a rule held. No I/O and no clock; one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/siphash.h"

struct sample {
	struct siphash_key key; /* of chance; any */
	uint64_t second, asked;
	uint32_t seen, seen_before, taken; /* of this second and of the last one with any */
};

/* Whether a line is such an event: looked at as text, for most are not parsed. */
bool sample_is_ordinary(struct bytes line);
/* Whether this one goes. */
bool sample_takes(struct sample *sample, uint32_t per_s, uint64_t now_ns);
