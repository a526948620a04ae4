// SPDX-License-Identifier: Apache-2.0
#include "hub/posture/evidence/rules.h"

const struct perimeter_rule_row perimeter_rules[PERIMETER_RULE_COUNT] = {
#define X(id, word, severity, confidence, controls, en, vi) { word, severity, confidence, controls, en, vi },
	PERIMETER_RULES(X)
#undef X
};

const struct perimeter_rule_row *perimeter_rule_find(struct bytes word)
{
	for (size_t i = 0; i < PERIMETER_RULE_COUNT; i++)
		if (bytes_equal_str(word, perimeter_rules[i].word))
			return &perimeter_rules[i];
	return NULL;
}

bool perimeter_contradicts(const struct perimeter_rule_row *rule, struct bytes control)
{
	struct bytes rest = bytes_from_str(rule->controls);

	while (!bytes_empty(rest)) {
		struct bytes key = bytes_first(rest, bytes_index(rest, ' '));

		if (bytes_equal(key, control))
			return true;
		rest = bytes_skip(rest, key.size + 1);
	}
	return false;
}
