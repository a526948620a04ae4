// SPDX-License-Identifier: Apache-2.0
/* What the shield would say of a capture file, packet by packet or as a summary. Behind `luytre shield explain` and
 * `luytre replay`; needs no root, because it is the user-space build of the pipeline (emulate.h) over tables in ordinary
 * memory, filled from the configuration as the daemon fills the kernel's.
 *
 * The packets' own times are the clock, so limits, proofs and fragments behave as they would have. A packet from a
 * tenant's address to somewhere else is taken as one that leaves: it makes its flow known. As long as the capture has
 * shown none, the shield is taken not to see what leaves. A packet that the capture has cut is filled up with zeros to
 * the size that it had on the wire.
 *
 * Without a configuration there is one tenant, "example": every address, enforced, all ports open, so that what is wrong
 * with the packets themselves shows, and no policy of anybody's. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/error.h"

enum {
	EXPLAIN_SOURCES_MAX = 262144, /* different sources that a summary counts */
	EXPLAIN_TOP_SOURCES = 10,
};

struct explain_options {
	const char *pcap; /* pcap or pcapng file */
	const char *config; /* null: the tenant "example" */
	bool summary; /* counts by tenant and reason, and the busiest sources; else one entry for each packet */
	bool json; /* a line for each packet, or one for the summary */
	enum luytre_lang lang;
};

/* Writes to 'out'; what is wrong with the files goes to 'errors', in words. 0 or an error: that of the configuration
 * (config_load), of a list file, or of the capture (packet_capture_open). A capture that is damaged in the middle gives
 * everything before the damage, and then LUYTRE_E_CORRUPT. LUYTRE_E_IO when 'out' cannot be written. */
MUST_CHECK int explain_run(const struct explain_options *options, FILE *out, FILE *errors);
