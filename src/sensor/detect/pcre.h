// SPDX-License-Identifier: Apache-2.0
/* The pcre keyword: "/regex/flags", with captures that become variables of the flow, the packet or the alert. */
#pragma once

#include "match/regex.h"
#include "sensor/detect/detect.h"

enum { PCRE_CAPTURES_MAX = 8 };

enum rule_pcre_scope { PCRE_FLOW, PCRE_PACKET, PCRE_ALERT };

struct rule_pcre_capture {
	uint8_t scope; /* enum rule_pcre_scope */
	bool is_key; /* its text is the name of the variable that the next capture fills */
	uint32_t group, name; /* name: bits_name() */
};

struct rule_pcre {
	struct regex *regex; /* owned by the policy: freed by the match's release() */
	bool relative, negated;
	uint8_t capture_count;
	struct rule_pcre_capture captures[PCRE_CAPTURES_MAX];
};

/* Searches 'subject' from 'start'; a limit that was reached is counted and is no match. */
enum regex_status rule_pcre_search(struct detect_context *context, const struct rule_pcre *pcre, struct bytes subject,
	size_t start, struct regex_captures *ret);

/* Notes the captured texts; they become variables when the whole rule holds (rule_pcre_commit). */
void rule_pcre_capture(
	struct detect_context *context, const struct rule_pcre *pcre, const struct regex_captures *captures);
void rule_pcre_commit(struct detect_context *context, const struct rule *rule);
