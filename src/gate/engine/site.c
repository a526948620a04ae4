// SPDX-License-Identifier: Apache-2.0
/* A site: a name, a mode and what is different from the shared rules. A few hundred bytes and a bit for each rule. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "gate/engine/internal.h"
#include "gate/engine/keys.h"

#define SITE_MEMORY_MAX ((size_t)16 << 20)

static bool is_meant(const struct plan_rule *rule, const struct gate_exclusion *exclusion)
{
	if (exclusion->tag)
		return plan_rule_has_tag(rule, bytes_from_str(exclusion->tag));
	return rule->rule->id >= exclusion->first_id && rule->rule->id <= exclusion->last_id;
}

static void mark(const struct gate_plan *plan, const struct gate_exclusion *exclusion, uint64_t *bits)
{
	for (uint32_t i = 0; i < plan->rule_count; i++) {
		if (is_meant(plan->rules[i], exclusion))
			bit_set(bits, i);
	}
}

/* The parser of rules reads the target: a rule is made around it, and kept, since it owns what it has read. */
static int parse_target(struct gate_site *site, const char *target, size_t number)
{
	char text[512];

	if (snprintf(text, sizeof(text), "SecRule %s \"@unconditionalMatch\" \"id:%zu,phase:1,pass,nolog\"\n", target,
		    number + 1) >= (int)sizeof(text))
		return LUYTRE_E_SYNTAX;
	return sec_rules_load_text(site->parsed, bytes_from_str(text), site->name);
}

static int parse_targets(struct gate_site *site, const struct gate_site_settings *settings)
{
	size_t count = 0, list_count;
	struct sec_rule *const *list;
	struct site_target *targets = arena_alloc(&site->arena, (settings->exclusion_count + 1) * sizeof(*targets));
	int error = 0;

	site->parsed = sec_rules_new();
	if (!targets || !site->parsed)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < settings->exclusion_count && error == 0; i++) {
		if (settings->exclusions[i].target)
			error = parse_target(site, settings->exclusions[i].target, count++);
	}
	if (error == 0)
		error = sec_rules_finish(site->parsed);
	if (error < 0)
		return error;
	list = sec_rules_list(site->parsed, &list_count);
	for (size_t i = 0; i < list_count && list_count == count; i++) {
		if (list[i]->target_count != 1)
			return LUYTRE_E_SYNTAX;
	}
	if (list_count != count)
		return LUYTRE_E_SYNTAX;
	count = 0;
	for (size_t i = 0; i < settings->exclusion_count && count < list_count; i++) {
		if (!settings->exclusions[i].target)
			continue;
		targets[count].target = &list[count]->targets[0];
		targets[count].rules = arena_alloc(&site->arena, (site->plan->rule_words + 1) * sizeof(uint64_t));
		if (!targets[count].rules)
			return LUYTRE_E_NOMEM;
		mark(site->plan, &settings->exclusions[i], targets[count++].rules);
	}
	site->targets = targets;
	site->target_count = (uint32_t)count;
	return 0;
}

static int take_exclusions(struct gate_site *site, const struct gate_site_settings *settings)
{
	bool targets = false;

	for (size_t i = 0; i < settings->exclusion_count; i++) {
		if (settings->exclusions[i].target) {
			targets = true;
			continue;
		}
		if (!site->removed)
			site->removed =
				arena_alloc(&site->arena, (site->plan->rule_words + 1) * sizeof(*site->removed));
		if (!site->removed)
			return LUYTRE_E_NOMEM;
		mark(site->plan, &settings->exclusions[i], site->removed);
	}
	return targets ? parse_targets(site, settings) : 0;
}

static int take_overrides(struct gate_site *site, const struct gate_site_settings *settings)
{
	const struct gate_plan *plan = site->plan;

	if (settings->override_count == 0)
		return 0;
	site->overrides = arena_alloc(&site->arena, settings->override_count * sizeof(*site->overrides));
	site->locked = arena_alloc(&site->arena, (plan->slot_count / 64 + 1) * sizeof(*site->locked));
	if (!site->overrides || !site->locked)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < settings->override_count; i++) {
		const struct gate_tx_override *override = &settings->overrides[i];
		uint32_t slot = key_find(plan->keys, bytes_from_str(override->key));
		char *value = arena_strdup(&site->arena, override->value);

		if (!value)
			return LUYTRE_E_NOMEM;
		site->overrides[i].slot = slot;
		site->overrides[i].value = bytes_from_str(value);
		if (slot != NONE32)
			bit_set(site->locked, slot);
	}
	site->override_count = (uint32_t)settings->override_count;
	return 0;
}

int gate_site_new(struct gate_plan *plan, const struct gate_site_settings *settings, struct gate_site **ret)
{
	struct gate_site *site = calloc(1, sizeof(*site));
	int error;

	if (!site)
		return LUYTRE_E_NOMEM;
	arena_init(&site->arena, SITE_MEMORY_MAX);
	site->references = 1;
	site->plan = gate_plan_ref(plan);
	site->mode = settings->mode;
	site->memory_max = settings->memory_max;
	site->name = arena_strdup(&site->arena, settings->name);
	site->tenant = settings->tenant ? arena_strdup(&site->arena, settings->tenant) : NULL;
	error = !site->name || (settings->tenant && !site->tenant) ? LUYTRE_E_NOMEM : take_overrides(site, settings);
	if (error == 0)
		error = take_exclusions(site, settings);
	if (error == 0)
		error = holds_leave_out(site);
	if (error < 0) {
		gate_site_unref(site);
		return error;
	}
	*ret = site;
	return 0;
}

struct gate_site *gate_site_ref(struct gate_site *site)
{
	site->references++;
	return site;
}

void gate_site_unref(struct gate_site *site)
{
	if (!site || --site->references != 0)
		return;
	sec_rules_free(site->parsed);
	gate_plan_unref(site->plan);
	arena_done(&site->arena);
	free(site);
}

size_t gate_site_memory(const struct gate_site *site)
{
	return sizeof(*site) + arena_taken(&site->arena);
}
