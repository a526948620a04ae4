// SPDX-License-Identifier: Apache-2.0
/* threshold.config: limits and suppressions kept apart from the rules (user guide, "Global-Thresholds").
 *
 *	threshold gen_id 1, sig_id 2002087, type both, track by_src, count 3, seconds 5
 *	rate_filter gen_id 1, sig_id 1, track by_rule, count 1, seconds 60, new_action drop, timeout 30
 *	suppress gen_id 1, sig_id 2002087[, track by_src, ip 192.0.2.0/24]
 *
 * sig_id 0 means all rules of the group, gen_id 0 all groups. A line for one rule replaces the rule's own threshold; a line
 * for many leaves it. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

struct policy;

enum { THRESHOLD_FILE_MESSAGE_SIZE = 256 };

/* Adds the lines to the rules of the policy, for one tenant or (0) for all: a tenant's limit takes the place of the common
 * one for its packets, its suppressions are added to the common ones. 0, or LUYTRE_E_SYNTAX or LUYTRE_E_NOMEM with a sentence in 'message' and the
 * number of the line. */
MUST_CHECK int threshold_file_apply(struct policy *policy, uint32_t tenant, struct bytes text,
	char message[THRESHOLD_FILE_MESSAGE_SIZE], uint32_t *ret_line);
