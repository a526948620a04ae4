// SPDX-License-Identifier: Apache-2.0
/* Who may do what, where: the one check that stands before every handler.
 *
 * A role is a row of permissions. A grant gives an account a role at a tenant, which counts for the tenant and all
 * below it, or at the nation (tenant 0), which counts everywhere. An API token has the permissions that its account
 * has and its own scopes name, no more. An account that must first change its password, or rule the nation's and
 * has no second factor yet, may do nothing but that (its "limits").
 *
 * Plain functions of what they are given: any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "hub/store/scope.h"
#include "hub/tenants/tree.h"

/* Where a permission can hold: at a tenant, or only by a grant at the nation. */
enum auth_reach { AUTH_TENANT, AUTH_NATION };

/* X(identifier, word, reach, roles that have it in the order of AUTH_ROLES). Numbers are stored in tokens: add at
 * the end. */
#define AUTH_PERMISSIONS(X)                                                                                            \
	X(TENANTS_READ, "tenants.read", AUTH_TENANT, "+++++++")                                                        \
	X(TENANTS_WRITE, "tenants.write", AUTH_TENANT, "+..+...")                                                      \
	X(EVENTS_READ, "events.read", AUTH_TENANT, "+++++++")                                                          \
	X(EVENTS_WRITE, "events.write", AUTH_TENANT, "++.++..") /* acknowledge, annotate */                            \
	X(DECISIONS_READ, "decisions.read", AUTH_TENANT, "+++++++")                                                    \
	X(DECISIONS_WRITE, "decisions.write", AUTH_TENANT, "++.++..")                                                  \
	X(POLICY_READ, "policy.read", AUTH_TENANT, "++++++.")                                                          \
	X(POLICY_WRITE, "policy.write", AUTH_TENANT, "++.+...")                                                        \
	X(CAMPAIGNS_READ, "campaigns.read", AUTH_TENANT, "+++++++")                                                    \
	X(CAMPAIGNS_WRITE, "campaigns.write", AUTH_NATION, "++.....")                                                  \
	X(INDICATORS_READ, "indicators.read", AUTH_TENANT, "++++++.")                                                  \
	X(INDICATORS_WRITE, "indicators.write", AUTH_NATION, "++.....")                                                \
	X(EDGES_READ, "edges.read", AUTH_TENANT, "++++++.")                                                            \
	X(EDGES_WRITE, "edges.write", AUTH_NATION, "+......")                                                          \
	X(DRILLS_READ, "drills.read", AUTH_TENANT, "+++++++")                                                          \
	X(DRILLS_WRITE, "drills.write", AUTH_TENANT, "+.....+")                                                        \
	X(USERS_READ, "users.read", AUTH_TENANT, "+.++...")                                                            \
	X(USERS_WRITE, "users.write", AUTH_TENANT, "+..+...")                                                          \
	X(AUDIT_READ, "audit.read", AUTH_TENANT, "+.++...")                                                            \
	X(SETTINGS_READ, "settings.read", AUTH_NATION, "+.+....")                                                      \
	X(SETTINGS_WRITE, "settings.write", AUTH_NATION, "+......")                                                    \
	X(UNDO_ALL, "undo-all", AUTH_NATION, "++.....") /* lift every decision at once */                              \
	X(FINDINGS_READ, "findings.read", AUTH_TENANT, "++++++.")                                                      \
	X(FINDINGS_WRITE, "findings.write", AUTH_TENANT, "++.++..") /* bring reports, say that it is fixed */          \
	X(FINDINGS_JUDGE, "findings.judge", AUTH_TENANT, "+..+...") /* accept risks, verify, set dates, consent */     \
	X(ASSESSMENTS_READ, "assessments.read", AUTH_TENANT, "++++++.")                                                \
	X(ASSESSMENTS_WRITE, "assessments.write", AUTH_TENANT, "+..++..") /* answer */                                 \
	X(ASSESSMENTS_SIGN, "assessments.sign", AUTH_TENANT, "+..+...")                                                \
	X(ASSESSMENTS_RUN, "assessments.run", AUTH_NATION, "+......") /* begin and end them */                         \
	X(CATALOGUES_WRITE, "catalogues.write", AUTH_NATION, "++.....") /* of CVEs, rules, law */

/* Where a role can be granted. */
enum auth_level { AUTH_AT_NATION = 1, AUTH_AT_TENANT = 2, AUTH_AT_BOTH = 3 };

/* X(identifier, word, level, English, Vietnamese). Numbers are stored: add at the end. */
#define AUTH_ROLES(X)                                                                                                  \
	X(ADMIN, "nation-admin", AUTH_AT_NATION, "national administrator", "quản trị quốc gia")                        \
	X(ANALYST, "analyst", AUTH_AT_NATION, "analyst", "chuyên viên phân tích")                                      \
	X(AUDITOR, "auditor", AUTH_AT_NATION, "auditor", "kiểm toán viên")                                             \
	X(OWNER, "tenant-owner", AUTH_AT_TENANT, "owner", "chủ quản")                                                  \
	X(OPERATOR, "tenant-operator", AUTH_AT_TENANT, "operator", "vận hành")                                         \
	X(VIEWER, "tenant-viewer", AUTH_AT_TENANT, "viewer", "người xem")                                              \
	X(DRILL_MASTER, "drill-master", AUTH_AT_BOTH, "drill master", "chỉ huy diễn tập")

#define X(id, ...) AUTH_##id,
enum auth_permission { AUTH_PERMISSIONS(X) AUTH_PERMISSION_COUNT };
#undef X
#define X(id, ...) AUTH_ROLE_##id,
enum auth_role { AUTH_ROLES(X) AUTH_ROLE_COUNT };
#undef X

/* A bit for each permission. */
#define AUTH_ALL_PERMISSIONS ((UINT64_C(1) << AUTH_PERMISSION_COUNT) - 1)

struct auth_role_info {
	const char *word, *en, *vi;
	enum auth_level level;
};

extern const struct auth_role_info auth_roles[AUTH_ROLE_COUNT];

uint64_t auth_role_permissions(enum auth_role role);
const char *auth_permission_name(enum auth_permission permission);
/* -1 when there is no such word. */
int auth_permission_find(struct bytes word);
int auth_role_find(struct bytes word);
bool auth_permission_national(enum auth_permission permission);

struct auth_grant {
	enum auth_role role;
	uint32_t tenant; /* 0: the nation */
};

enum { AUTH_NAME_SIZE = 65, AUTH_GRANTS_MAX = 64, AUTH_HASH_SIZE = 32, AUTH_ACTOR_SIZE = 128 };

enum auth_kind { AUTH_BY_SESSION, AUTH_BY_TOKEN };

/* Why everything is refused for now. */
enum auth_limit {
	AUTH_LIMIT_PASSWORD = 1, /* must change its password */
	AUTH_LIMIT_TOTP = 2, /* must set up a second factor */
};

/* Who is asking: made for each request from a session or a token. */
struct auth_principal {
	enum auth_kind kind;
	uint32_t account, id; /* id of the session or token */
	uint32_t tenant; /* that the account belongs to; 0: the nation */
	unsigned int limits; /* enum auth_limit */
	bool totp; /* has a second factor */
	uint64_t scopes; /* of a token; all bits for a session */
	char name[AUTH_NAME_SIZE];
	struct auth_grant grants[AUTH_GRANTS_MAX];
	size_t grant_count;
};

/* May the principal do this at this tenant (0: at the nation as a whole)? A tenant that is not in the tree is
 * nobody's but the nation's. */
bool auth_check(const struct auth_principal *principal, const struct tenants_tree *tree,
	enum auth_permission permission, uint32_t tenant);

/* True when there is any place where it may. */
bool auth_check_anywhere(
	const struct auth_principal *principal, const struct tenants_tree *tree, enum auth_permission permission);

/* All tenants where the principal may do this, for the queries of the stores; to be given back by auth_scope_done.
 * Without any it is an empty scope and no error. 0 or LUYTRE_E_NOMEM. */
struct auth_scope {
	struct scope scope;
	uint32_t *tenants; /* owned */
};
MUST_CHECK int auth_scope(const struct auth_principal *principal, const struct tenants_tree *tree,
	enum auth_permission permission, struct auth_scope *ret);
void auth_scope_done(struct auth_scope *scope);

/* May the principal give or take this grant? Nobody hands out what he does not have there himself. */
bool auth_may_grant(
	const struct auth_principal *principal, const struct tenants_tree *tree, const struct auth_grant *grant);

/* "account:7 lan" or "token:12 lan", for the audit log; returns 'text'. */
const char *auth_actor(const struct auth_principal *principal, char text[AUTH_ACTOR_SIZE]);
