// SPDX-License-Identifier: Apache-2.0
/* What thresholds, tags and filestore remember on a flow (flow->tags); made when first needed, freed with the flow. */
#pragma once

#include "sensor/detect/threshold.h"
#include "sensor/flow/flow.h"

struct flow_threshold {
	struct flow_threshold *next;
	uint32_t gid, sid;
	uint8_t type; /* enum rule_threshold_type */
	struct threshold_state state;
};

enum tag_metric { TAG_PACKETS, TAG_SECONDS, TAG_BYTES };

struct tag_state {
	uint32_t gid, sid;
	uint8_t metric; /* enum tag_metric */
	bool first; /* the packet that set it is not counted */
	uint32_t limit, count;
	uint64_t start_ns;
};

enum { FLOW_THRESHOLDS_MAX = 64, FLOW_TAGS_MAX = 10, FLOW_STORE_TX_MAX = 8 };

struct flow_notes {
	struct flow_threshold *thresholds;
	uint32_t threshold_count;
	uint8_t tag_count;
	struct tag_state tags[FLOW_TAGS_MAX];
	uint8_t store_dirs; /* DIR_*: every file of the flow is to be stored */
	uint8_t store_tx_count, store_tx_next;
	struct {
		uint64_t id;
		uint8_t dirs;
	} store_txs[FLOW_STORE_TX_MAX]; /* every file of these transactions */
};

/* Null without memory. */
struct flow_notes *flow_notes_of(struct flow *flow);
