// SPDX-License-Identifier: Apache-2.0
/* Evidence: the packets around an alert, in a capture file that any tool reads, within limits.
 *
 *	evidence:
 *	  enabled: yes          # no by default: an edge that may keep no payload keeps none
 *	  dir: evidence         # below the output folder; one file a tenant
 *	  before: 16            # packets of the flow from the last EVIDENCE_RING frames of the worker
 *	  after: 32             # packets of the flow that follow
 *	  max-size: 64mb        # a tenant's file, over all runs; what does not fit is counted
 *
 * A worker keeps the last frames in a ring of fixed size; nothing is written before an alert. One worker, one set of
 * files: DIR/TENANT-WORKER.pcap. */
#pragma once

#include "base/compiler.h"

struct evidence;
struct sensor_packet;
struct worker;

enum { EVIDENCE_RING = 512, EVIDENCE_FRAME_MAX = 2048, EVIDENCE_FILES_MAX = 64 };

/* '*ret' is null when the configuration does not want evidence. 0, or an error that was logged. */
MUST_CHECK int evidence_open(const struct worker *worker, struct evidence **ret);
void evidence_close(struct evidence *evidence); /* null is allowed */

/* Every packet with a frame, after its alerts are known; null is allowed. */
void evidence_packet(struct evidence *evidence, struct sensor_packet *packet);
