// SPDX-License-Identifier: Apache-2.0
/* Whether a rule that holds becomes an alert: threshold, detection_filter, rate_filter, suppress.
 *
 * User guide, "Thresholding Keywords" and "Global-Thresholds". Counts by address, pair or rule are shared by all workers:
 * keyed tables with a ceiling ("detect.thresholds.memcap"), a lock for each part of them, and expiry by packet time; only
 * rules that hold and have a threshold come here. Counts by flow lie on the flow. When a table is full, a rule is taken as
 * one that matches for the first time, and the refusal is counted. */
#pragma once

#include "sensor/detect/detect.h"

struct packet_alert;

enum threshold_answer {
	THRESHOLD_ALERT, /* alert and act */
	THRESHOLD_SILENT, /* act, but write no alert: the limit of alerts is reached, or the alert is suppressed */
	THRESHOLD_NOTHING, /* neither: not often enough yet */
};

/* Asked once for each rule that holds for context->packet, in the order of the rules. May change alert->action and set
 * ALERT_RATE_FILTER_MODIFIED. */
enum threshold_answer threshold_check(
	struct detect_context *context, const struct rule *rule, struct packet_alert *alert);

/* Frees what thresholds and tags keep on a flow. */
void threshold_flow_free(struct flow *flow);

/* ---- Counting, apart from where it is kept ---- */

struct threshold_state {
	uint64_t start_ns; /* of the window; 0 with count 0: never matched */
	uint64_t changed_ns; /* rate_filter: since when the new action is in force; 0: it is not */
	uint64_t expires_ns;
	uint64_t next; /* backoff: the count that alerts next */
	uint32_t count;
	uint8_t *ports; /* unique_on: a bit for each port seen in the window; owned; null: none or no memory */
};

/* One match more at 'now_ns'; 'port' is for unique_on. '*ret_changed' tells that a rate_filter's new action is in force. */
enum threshold_answer threshold_count(struct threshold_state *state, const struct rule_threshold *threshold,
	uint64_t now_ns, uint16_t port, bool *ret_changed);

/* Entries that found no place since the start. */
uint64_t threshold_refused(void);
/* Forgets everything: between runs of a test. */
void threshold_clear(void);
