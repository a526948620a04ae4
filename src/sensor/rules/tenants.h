// SPDX-License-Identifier: Apache-2.0
/* Organisations that share one engine: whose address it is, which rules are theirs, what their verdicts are.
 *
 *	tenants:
 *	  - land-registry:
 *	      networks: [192.0.2.0/24, 2001:db8:1::/48]
 *	      mode: enforce                # shadow: counted, not enforced; off: not inspected
 *	      vars: {address-groups: {HOME_NET: "192.0.2.0/24"}}
 *	      rule-files: [registry.rules] # besides those of all
 *	      threshold-file: registry.thresholds
 *	      verdicts: {2024208: drop, 2030001: alert, "1:2030002": off}
 *
 * Tenant 0 is everybody else. A rule file that several tenants name is loaded once. All rules of all tenants are in one
 * set of literals; a tenant costs its own variables and verdicts, not a copy of the rules. Immutable once made; part of a
 * policy. */
#pragma once

#include "base/compiler.h"
#include "base/net.h"

struct conf_node;
struct tenants;

enum { TENANTS_MAX = 16384, TENANT_NETWORKS_MAX = 1 << 20, TENANT_SETS_MAX = 65535 };

enum tenant_mode { TENANT_ENFORCE, TENANT_SHADOW, TENANT_OFF };

/* Answers of tenants_verdict. */
enum tenant_verdict { TENANT_AS_RULE, TENANT_ALERT, TENANT_DROP, TENANT_RULE_OFF };

/* 'root' is that of the configuration; '*ret' is null when it names no tenants. 0, or an error whose sentence, with file and
 * line, was logged: overlap of the same network, an unknown mode, a broken address. */
MUST_CHECK int tenants_new(const struct conf_node *root, struct tenants **ret);
void tenants_free(struct tenants *tenants); /* null is allowed */

uint32_t tenants_count(const struct tenants *tenants); /* numbers go from 1 to this; 0 for null */
const char *tenants_name(const struct tenants *tenants, uint32_t tenant);
enum tenant_mode tenants_mode(const struct tenants *tenants, uint32_t tenant);
const char *tenants_thresholds(
	const struct tenants *tenants, uint32_t tenant); /* path of its threshold file; may be null */
const struct conf_node *tenants_vars(const struct tenants *tenants, uint32_t tenant); /* may be null */

/* Whose packet it is: the owner of the destination, else of the source, by the longest prefix; 0: nobody's. */
uint32_t tenants_find(const struct tenants *tenants, const struct ip_addr *src, const struct ip_addr *dst);
/* The same of one address. Null 'tenants' own nothing. */
uint32_t tenants_owner(const struct tenants *tenants, const struct ip_addr *addr);

/* Rule files that belong to some tenants only: number from 1 (rule.tenant_set) to this, their paths, their members. */
uint32_t tenants_set_count(const struct tenants *tenants);
const char *tenants_set_path(const struct tenants *tenants, uint32_t set);
bool tenants_in_set(const struct tenants *tenants, uint32_t set, uint32_t tenant);

enum tenant_verdict tenants_verdict(const struct tenants *tenants, uint32_t tenant, uint32_t gid, uint32_t sid);
