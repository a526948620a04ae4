// SPDX-License-Identifier: Apache-2.0
/* In which order the rules of a policy are asked: by action ("action-order"), then those that set variables before those
 * that test them (flowbits, flowint, captures, hostbits, xbits), then by priority, then as they stand in the files. */
#pragma once

#include "base/compiler.h"
#include "sensor/rules/rule.h"

enum { RULE_ACTIONS_MAX = 4 };

/* Sorts and sets rule->index. 'action_order': enum sensor_action bits, the first is asked first. 0 or LUYTRE_E_NOMEM. */
MUST_CHECK int rule_order_sort(struct rule **rules, uint32_t count, const uint8_t action_order[RULE_ACTIONS_MAX]);
