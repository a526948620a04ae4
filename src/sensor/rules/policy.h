// SPDX-License-Identifier: Apache-2.0
/* A policy: all rules of one load with everything they refer to, immutable once made.
 *
 * Loading never stops at one bad rule: each refusal is a row in the report with file, line, sid and reason, and the rest
 * is loaded. */
#pragma once

#include "base/arena.h"
#include "base/compiler.h"
#include "base/net.h"
#include "sensor/rules/rule.h"

struct sensor_settings;
struct address_sets;
struct port_sets;
struct conf_node;
struct tenants;
struct jsonw;
struct rule_transform;

struct policy_source {
	const char *path; /* a file, a folder (its *.rules by name), or a pattern; "-" is standard input */
	struct bytes text; /* not empty: the rules themselves; 'path' is their name in messages */
};

struct policy_options {
	const struct policy_source *sources;
	unsigned int source_count;
	const char *classification_path, *reference_path, *threshold_path; /* null: as configured, else built in */
	bool errors_fatal; /* --init-errors-fatal */
};

struct policy_refusal {
	struct policy_refusal *next;
	const char *file;
	uint32_t line, sid;
	const char *reason;
	const char *keyword; /* the unknown or refused keyword, or null */
	bool unknown_keyword;
	const char *text;
};

enum { POLICY_TRANSFORMS_MAX = 8 };

/* A chain of transforms; the same chain has the same number. */
struct policy_transform_set {
	uint8_t count;
	const struct rule_transform *items[POLICY_TRANSFORMS_MAX];
};

/* What a rule brought along that does not lie in the arena. */
typedef void (*policy_free_fn)(void *data);
struct policy_leftover {
	struct policy_leftover *next;
	policy_free_fn free;
	void *data;
};

struct policy {
	struct arena arena;
	struct tenants *tenants; /* rules/tenants.h; null: none */
	struct policy_leftover *leftovers; /* the newest first */
	const struct sensor_settings *settings;
	struct rule **rules; /* in order of evaluation: rules[i]->index == i */
	uint32_t rule_count;
	uint32_t loaded_count, failed_count, skipped_count; /* skipped: 'requires' does not hold */
	struct policy_refusal *refusals;
	struct address_sets *addresses; /* rules/address.h */
	struct port_sets *ports;
	struct bits_names *bits; /* names of flowbits, xbits ... <-> numbers */
	struct datasets *datasets; /* detect/dataset.h: outlives a reload when the name stays */
	uint16_t buffer_count, transform_set_count;
	const struct policy_transform_set *transform_sets; /* index 0: the empty chain */
	uint64_t serial; /* differs for every load */
};

/* 0; with errors_fatal, LUYTRE_E_SYNTAX when any rule was refused (all are reported). Refusals are logged as they come. */
MUST_CHECK int rules_load(
	const struct sensor_settings *settings, const struct policy_options *options, struct policy **ret);
void rules_free(struct policy *policy);
/* Has 'free' called with 'data' when the policy goes, after its rules; for keywords, while rules are read. LUYTRE_E_NOMEM:
 * not noted, 'data' is still the caller's. */
MUST_CHECK int policy_on_free(struct policy *policy, policy_free_fn free, void *data);

/* The variables of a tenant: 'vars' has "address-groups" and "port-groups"; what it lacks is as in the settings. For the
 * start, before workers see the policy. 0, or an error with its sentence in 'message'. */
enum { POLICY_MESSAGE_SIZE = 256 };
MUST_CHECK int policy_tenant_vars(
	struct policy *policy, uint32_t tenant, const struct conf_node *vars, char message[POLICY_MESSAGE_SIZE]);

/* One report for people or programs, as an open JSON object's members: counts, refusals, and for each unknown keyword how
 * many rules want it. */
void policy_report(const struct policy *policy, struct jsonw *json);

/* Keywords that no table knows, with how many refused rules name them; the most wanted first. Returns how many there are,
 * at most 'count_max' are written. */
struct policy_missing {
	const char *keyword;
	uint32_t count;
};
size_t policy_missing_keywords(const struct policy *policy, struct policy_missing *ret, size_t count_max);

/* Addresses and ports of a rule, by the variables of a tenant (0: the default). */
bool policy_address_match(
	const struct policy *policy, uint32_t address_set, uint32_t tenant, const struct ip_addr *addr);
bool policy_port_match(const struct policy *policy, uint32_t port_set, uint32_t tenant, uint16_t port);
