// SPDX-License-Identifier: Apache-2.0
/* Life and contents of a set of rules. */
#include <stdlib.h>

#include "gate/seclang/internal.h"

struct sec_rules *sec_rules_new(void)
{
	static const char *const mime_types[] = { "text/plain", "text/html" };
	struct sec_rules *rules = calloc(1, sizeof(*rules));
	struct siphash_key key;

	if (!rules)
		return NULL;
	arena_init(&rules->arena, SEC_MEMORY_MAX);
	sec_settings_init(&rules->settings);
	if (siphash_key_random(&key) == 0) {
		rules->ids = table_new(sizeof(uint64_t), 0, SEC_RULES_MAX, key);
		rules->warned = table_new(sizeof(uint64_t), 0, 1024, key);
	}
	for (size_t i = 0; i < ARRAY_COUNT(mime_types); i++) {
		struct bytes *type = sec_append(rules, &rules->mime_types, sizeof(*type));

		if (type)
			*type = bytes_from_str(mime_types[i]);
	}
	if (!rules->ids || !rules->warned || rules->no_memory) {
		sec_rules_free(rules);
		return NULL;
	}
	return rules;
}

void sec_rules_free(struct sec_rules *rules)
{
	struct regex **regexes;
	struct sec_rule **compiled;

	if (!rules)
		return;
	regexes = rules->regexes.items;
	for (size_t i = 0; i < rules->regexes.count; i++)
		regex_free(regexes[i]);
	compiled = rules->compiled.items;
	for (size_t i = 0; i < rules->compiled.count; i++)
		if (compiled[i]->operator->free)
			compiled[i]->operator->free(compiled[i]->compiled);
	table_free(rules->ids);
	table_free(rules->warned);
	arena_done(&rules->arena);
	free(rules);
}

void sec_rules_forbid_files(struct sec_rules *rules)
{
	rules->no_files = true;
}

struct sec_rule *const *sec_rules_list(const struct sec_rules *rules, size_t *ret_count)
{
	*ret_count = rules->list.count;
	return rules->list.items;
}

const struct sec_settings *sec_rules_settings(const struct sec_rules *rules)
{
	return &rules->settings;
}

const struct sec_removed *sec_rules_removed(const struct sec_rules *rules, size_t *ret_count)
{
	*ret_count = rules->removed.count;
	return rules->removed.items;
}
