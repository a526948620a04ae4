// SPDX-License-Identifier: Apache-2.0
/* Any text as a rule file: each rule is loaded or refused, and what is loaded holds what rule.h promises. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "sensor/config/tree.h"
#include "sensor/rules/policy.h"
#include "sensor/settings.h"

static const char vars_text[] = "%YAML 1.1\n---\nvars:\n  address-groups:\n    HOME_NET: \"[10.0.0.0/8]\"\n"
				"    EXTERNAL_NET: \"!$HOME_NET\"\n  port-groups:\n    HTTP_PORTS: \"80\"\n";

static struct sensor_settings settings;

static void check_rule(const struct policy *policy, uint32_t index)
{
	const struct rule *rule = policy->rules[index];

	assert(rule->index == index && rule->sid != 0 && rule->dirs != 0);
	assert(rule->dsize_low <= UINT16_MAX && rule->dsize_high <= UINT16_MAX);
	for (const struct rule_buffer *list = rule->buffers; list; list = list->next) {
		assert(list->first && list->last && !list->last->next && list->dirs != 0);
		assert(list->buffer < policy->buffer_count && list->transform_set < policy->transform_set_count);
		for (const struct rule_match *match = list->first; match; match = match->next) {
			const struct rule_content *content = match->data;

			if (match->kind == MATCH_CONTENT)
				assert(content->pattern.size > 0 && content->offset >= 0);
		}
	}
	assert(!rule->fast_buffer || rule->fast_buffer->fast_pattern);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_source source = { .path = "fuzz", .text = bytes_of(data, size) };
	struct policy_options options = { .sources = &source, .source_count = 1 };
	char message[CONF_MESSAGE_SIZE];
	struct policy *policy;

	if (size == 0 || size > 1 << 16)
		return 0;
	if (!settings.tree) {
		struct conf_tree *tree;

		log_set_level(LOG_LEVEL_ERROR);
		if (!freopen("/dev/null", "w", stderr) ||
			conf_tree_from_text(bytes_from_str(vars_text), "vars", message, &tree) < 0)
			abort();
		settings.tree = tree;
		settings.root = conf_root(tree);
	}
	if (rules_load(&settings, &options, &policy) < 0)
		return 0;
	for (uint32_t i = 0; i < policy->rule_count; i++)
		check_rule(policy, i);
	rules_free(policy);
	return 0;
}
