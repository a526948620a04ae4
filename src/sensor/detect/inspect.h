// SPDX-License-Identifier: Apache-2.0
/* Asks the conditions on one buffer, in order, with all that makes them depend on each other.
 *
 * Conditions stand in a chain. A content or pcre that matches leaves the cursor behind its match; a relative condition
 * begins there. When a condition further on fails, the chain goes back to the last content or pcre that something relative
 * hangs on, and tries its next place. sensor_settings.inspection_limit bounds the work for one buffer, whatever rule and data
 * are (Suricata: detect.inspection-recursion-limit). */
#pragma once

#include "sensor/detect/detect.h"

struct policy;

/* Fills in what the chain needs besides the rule language's own fields: finders for contents, and which matches have
 * relative ones behind them. Once, when the engine is made. 0 or LUYTRE_E_NOMEM. */
int inspect_prepare(struct rule_buffer *list, struct arena *memory);

/* True when all conditions of the chain hold. 'buffer->cursor' is where relative conditions start. */
bool inspect_chain(struct detect_context *context, const struct rule *rule, const struct rule_match *first,
	const struct detect_buffer *buffer);

/* The same for a rule's list on a buffer without data to look for: what the list says about its size or presence. */
bool inspect_list(struct detect_context *context, const struct rule *rule, const struct rule_buffer *list,
	const struct detect_buffer *buffer);
