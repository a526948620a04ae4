// SPDX-License-Identifier: Apache-2.0
/* What a load says about its rules: for people and programs that check a rule set. */
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "sensor/rules/policy.h"

enum { MISSING_MAX = 4096 };

static int compare_missing(const void *left, const void *right)
{
	const struct policy_missing *a = left, *b = right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return strcmp(a->keyword, b->keyword);
}

size_t policy_missing_keywords(const struct policy *policy, struct policy_missing *ret, size_t count_max)
{
	struct policy_missing *all = calloc(MISSING_MAX, sizeof(*all));
	size_t count = 0;

	for (const struct policy_refusal *refusal = policy->refusals; all && refusal; refusal = refusal->next) {
		size_t i = 0;

		if (!refusal->unknown_keyword || !refusal->keyword)
			continue;
		while (i < count && strcmp(all[i].keyword, refusal->keyword) != 0)
			i++;
		if (i == MISSING_MAX)
			continue;
		all[i].keyword = refusal->keyword;
		all[i].count++;
		count += i == count;
	}
	if (all)
		qsort(all, count, sizeof(*all), compare_missing);
	for (size_t i = 0; i < count && i < count_max; i++)
		ret[i] = all[i];
	free(all);
	return count;
}

static void write_missing(const struct policy *policy, struct jsonw *json)
{
	struct policy_missing missing[256];
	size_t count = policy_missing_keywords(policy, missing, ARRAY_COUNT(missing));

	jsonw_kv_object_begin(json, "missing_keywords");
	for (size_t i = 0; i < count && i < ARRAY_COUNT(missing); i++)
		jsonw_kv_u64(json, missing[i].keyword, missing[i].count);
	jsonw_object_end(json);
}

void policy_report(const struct policy *policy, struct jsonw *json)
{
	jsonw_kv_u64(json, "loaded", policy->loaded_count);
	jsonw_kv_u64(json, "refused", policy->failed_count);
	jsonw_kv_u64(json, "skipped", policy->skipped_count);
	write_missing(policy, json);
	jsonw_kv_array_begin(json, "refusals");
	for (const struct policy_refusal *refusal = policy->refusals; refusal; refusal = refusal->next) {
		jsonw_object_begin(json);
		jsonw_kv_string(json, "file", refusal->file);
		jsonw_kv_u64(json, "line", refusal->line);
		jsonw_kv_u64(json, "sid", refusal->sid);
		if (refusal->keyword)
			jsonw_kv_string(json, "keyword", refusal->keyword);
		jsonw_kv_string(json, "reason", refusal->reason);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}
