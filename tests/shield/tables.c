// SPDX-License-Identifier: Apache-2.0
/* See tables.h. */
#include "tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "shield/config.h"
#include "shield/decisions.h"
#include "shield/emulate.h"
#include "shield/policy.h"

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "the test cannot be set up: %s\n", what);
	exit(1);
}

struct shield_sizes tables_sizes(uint32_t cpus)
{
	return (struct shield_sizes){ .tenants = 24,
		.tenant_prefixes = 64,
		.port_sets = 16,
		.decisions = 1024,
		.decisions_v6 = 1024,
		.sources = 8192,
		.proven = 8192,
		.flows = 8192,
		.fragments = 1024,
		.destinations = 8192,
		.signatures = 16,
		.cpus = cpus };
}

static const char *reply_name(size_t row)
{
	return shield_reflect_name(row);
}

static void add(struct decisions *decisions, const char *prefix, uint8_t action, uint32_t tenant)
{
	struct decision decision = {
		.action = action, .tenant = (uint16_t)tenant, .list = 2, .expiry_ns = DECISIONS_NEVER
	};

	must(!ip_prefix_parse(bytes_from_str(prefix), 0, &decision.prefix), prefix);
	must(!decisions_add(decisions, &decision, clock_mono_ns()), prefix);
}

/* A protected address is never a source from outside. */
static void add_own(struct decisions *decisions, const struct config *config)
{
	char text[IP_PREFIX_TEXT_SIZE];

	for (size_t i = 0; i < config->tenant_count; i++)
		for (size_t k = 0; k < config->tenants[i].prefixes.count; k++)
			add(decisions, ip_prefix_format(&config->tenants[i].prefixes.items[k], text), SHIELD_ACTION_OWN,
				SHIELD_TENANT_UNMAPPED);
}

static void fill_decisions(struct shield_maps *maps, const struct config *config, uint32_t site)
{
	const struct decisions_config ceilings = { .max_v4 = 1024, .max_v6 = 1024, .fresh = true };
	struct decisions *decisions = decisions_new(maps, &ceilings);

	must(decisions, "decisions");
	add_own(decisions, config);
	add(decisions, LISTED, SHIELD_ACTION_BLOCK, 0);
	add(decisions, LISTED6 "/128", SHIELD_ACTION_BLOCK, 0);
	add(decisions, LISTED_HERE, SHIELD_ACTION_BLOCK, site);
	add(decisions, ALLOWED "/31", SHIELD_ACTION_BLOCK, 0);
	add(decisions, ALLOWED, SHIELD_ACTION_ALLOW, site);
	add(decisions, NO_SOURCE, SHIELD_ACTION_BOGON, 0);
	add(decisions, NAME_SERVER, SHIELD_ACTION_REPLY, site);
	decisions_free(decisions);
}

void tables_fill(struct shield_maps *maps)
{
	struct bytes text = bytes_from_str(case_config);
	struct policy *policy = policy_new(maps);
	struct config_errors errors;
	struct config *config;
	const char *what = "";

	/* Always the same keys: two builds are compared, and two sources never share a counter by chance. */
	for (uint64_t i = 0; i < ARRAY_COUNT(maps->globals->hash_key); i++)
		maps->globals->hash_key[i] = 0x9e3779b97f4a7c15ull * (i + 1);
	for (uint64_t i = 0; i < ARRAY_COUNT(maps->globals->cookie_key); i++)
		maps->globals->cookie_key[i] = 0xd1342543de82ef95ull * (i + 1);
	if (config_load_bytes(text, "cases.yaml", reply_name, &errors, &config)) {
		config_errors_print(stderr, &errors);
		must(false, "the configuration of the cases");
	}
	must(policy && !policy_load(policy, config, &what), what);
	fill_decisions(maps, config, policy_slot(policy, "site"));
	config_free(config);
	policy_free(policy);
}

#define FORGET(name) memset(maps->name, 0, maps->name##_count * sizeof(*maps->name))

void tables_forget(struct shield_maps *maps)
{
	FORGET(tenant_states);
	FORGET(signatures);
	FORGET(sources);
	FORGET(proven);
	FORGET(flows);
	FORGET(fragments);
	FORGET(destinations);
	FORGET(counters);
	FORGET(traffic);
	FORGET(cpus);
}

void tables_set_enforce(struct shield_maps *maps, bool enforce)
{
	for (uint32_t i = 0; i < maps->tenants_count; i++) {
		if (enforce)
			maps->tenants[i].flags |= SHIELD_TENANT_ENFORCE;
		else
			maps->tenants[i].flags &= ~(uint32_t)SHIELD_TENANT_ENFORCE;
	}
}

size_t tables_count_size(const struct shield_maps *maps)
{
	return (size_t)maps->globals->tenants * SHIELD_REASON_SLOTS * 2;
}

void tables_count(const struct shield_maps *maps, uint64_t *ret)
{
	size_t size = tables_count_size(maps);

	memset(ret, 0, size * sizeof(*ret));
	for (uint32_t cpu = 0; cpu < maps->globals->cpus; cpu++)
		for (size_t i = 0; i < size; i++)
			ret[i] += __atomic_load_n(&maps->counters[cpu * size + i].packets, __ATOMIC_RELAXED);
}

static uint64_t sum_bytes(uint64_t sum, const void *data, size_t size)
{
	const uint64_t *words = data;

	for (size_t i = 0; i < size / sizeof(*words); i++)
		sum = (sum ^ words[i]) * 0x100000001b3ull;
	return sum;
}

uint64_t tables_decisions_sum(const struct shield_maps *maps)
{
	uint64_t sum = 0xcbf29ce484222325ull;

	sum = sum_bytes(sum, maps->list_root, maps->list_root_count * sizeof(*maps->list_root));
	sum = sum_bytes(sum, maps->list_chunks, maps->list_chunks_count * sizeof(*maps->list_chunks));
	sum = sum_bytes(sum, maps->list_nodes, maps->list_nodes_count * sizeof(*maps->list_nodes));
	return sum_bytes(sum, maps->list6, maps->list6_count * sizeof(*maps->list6));
}
