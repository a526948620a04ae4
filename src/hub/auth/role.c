// SPDX-License-Identifier: Apache-2.0
#include "hub/auth/role.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

static const struct {
	const char *word;
	enum auth_reach reach;
	const char *roles;
} permissions[AUTH_PERMISSION_COUNT] = {
#define X(id, word, reach, roles) { word, reach, roles },
	AUTH_PERMISSIONS(X)
#undef X
};

#define X(id, word, reach, roles) _Static_assert(sizeof(roles) == AUTH_ROLE_COUNT + 1, "a sign for each role");
AUTH_PERMISSIONS(X)
#undef X
_Static_assert(AUTH_PERMISSION_COUNT < 64, "a bit for each permission");

const struct auth_role_info auth_roles[AUTH_ROLE_COUNT] = {
#define X(id, word, level, en, vi) { word, en, vi, level },
	AUTH_ROLES(X)
#undef X
};

uint64_t auth_role_permissions(enum auth_role role)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < AUTH_PERMISSION_COUNT; i++)
		if (permissions[i].roles[role] == '+')
			mask |= UINT64_C(1) << i;
	return mask;
}

const char *auth_permission_name(enum auth_permission permission)
{
	return permissions[permission].word;
}

int auth_permission_find(struct bytes word)
{
	for (size_t i = 0; i < AUTH_PERMISSION_COUNT; i++)
		if (bytes_equal_str(word, permissions[i].word))
			return (int)i;
	return -1;
}

int auth_role_find(struct bytes word)
{
	for (size_t i = 0; i < AUTH_ROLE_COUNT; i++)
		if (bytes_equal_str(word, auth_roles[i].word))
			return (int)i;
	return -1;
}

bool auth_permission_national(enum auth_permission permission)
{
	return permissions[permission].reach == AUTH_NATION;
}

/* Does this grant give the permission at its place, whoever holds it? */
static bool grant_gives(const struct auth_grant *grant, enum auth_permission permission)
{
	if (grant->tenant != 0 && auth_permission_national(permission))
		return false;
	return permissions[permission].roles[grant->role] == '+';
}

static bool usable(const struct auth_principal *principal, enum auth_permission permission)
{
	return principal->limits == 0 && (principal->scopes >> permission & 1) != 0;
}

bool auth_check(const struct auth_principal *principal, const struct tenants_tree *tree,
	enum auth_permission permission, uint32_t tenant)
{
	if (!usable(principal, permission))
		return false;
	for (size_t i = 0; i < principal->grant_count; i++) {
		const struct auth_grant *grant = &principal->grants[i];

		if (!grant_gives(grant, permission))
			continue;
		if (grant->tenant == 0 || (tenant != 0 && tenants_tree_inside(tree, tenant, grant->tenant)))
			return true;
	}
	return false;
}

bool auth_check_anywhere(
	const struct auth_principal *principal, const struct tenants_tree *tree, enum auth_permission permission)
{
	if (!usable(principal, permission))
		return false;
	for (size_t i = 0; i < principal->grant_count; i++) {
		const struct auth_grant *grant = &principal->grants[i];

		if (grant_gives(grant, permission) && (grant->tenant == 0 || tenants_tree_has(tree, grant->tenant)))
			return true;
	}
	return false;
}

static int compare(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

static size_t sort_once(uint32_t *ids, size_t count)
{
	size_t kept = 0;

	qsort(ids, count, sizeof(*ids), compare);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || ids[kept - 1] != ids[i])
			ids[kept++] = ids[i];
	return kept;
}

/* A grant below another one adds nothing and is left out, so that the room of the tree is enough. */
static bool covered(const struct auth_principal *principal, const struct tenants_tree *tree,
	enum auth_permission permission, size_t position)
{
	uint32_t tenant = principal->grants[position].tenant;

	for (size_t i = 0; i < principal->grant_count; i++) {
		const struct auth_grant *other = &principal->grants[i];

		if (i == position || !grant_gives(other, permission) || (other->tenant == tenant && i > position))
			continue;
		if (tenants_tree_inside(tree, tenant, other->tenant))
			return true;
	}
	return false;
}

int auth_scope(const struct auth_principal *principal, const struct tenants_tree *tree, enum auth_permission permission,
	struct auth_scope *ret)
{
	size_t count = 0;
	uint32_t *ids;

	*ret = (struct auth_scope){ 0 };
	if (!usable(principal, permission))
		return 0;
	for (size_t i = 0; i < principal->grant_count; i++)
		if (principal->grants[i].tenant == 0 && grant_gives(&principal->grants[i], permission)) {
			ret->scope.all = true;
			return 0;
		}
	ids = malloc((tenants_tree_count(tree) + 1) * sizeof(*ids));
	if (!ids)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < principal->grant_count; i++) {
		const uint32_t *below;
		size_t more;

		if (!grant_gives(&principal->grants[i], permission) || covered(principal, tree, permission, i))
			continue;
		below = tenants_tree_below(tree, principal->grants[i].tenant, &more);
		if (more > 0)
			memcpy(ids + count, below, more * sizeof(*ids));
		count += more;
	}
	ret->tenants = ids;
	ret->scope = (struct scope){ .tenants = ids, .tenant_count = sort_once(ids, count) };
	return 0;
}

void auth_scope_done(struct auth_scope *scope)
{
	free(scope->tenants);
	*scope = (struct auth_scope){ 0 };
}

bool auth_may_grant(
	const struct auth_principal *principal, const struct tenants_tree *tree, const struct auth_grant *grant)
{
	if (!auth_check(principal, tree, AUTH_USERS_WRITE, grant->tenant))
		return false;
	for (size_t i = 0; i < AUTH_PERMISSION_COUNT; i++)
		if (grant_gives(grant, (enum auth_permission)i) &&
			!auth_check(principal, tree, (enum auth_permission)i, grant->tenant))
			return false;
	return true;
}

const char *auth_actor(const struct auth_principal *principal, char text[AUTH_ACTOR_SIZE])
{
	if (principal->kind == AUTH_BY_TOKEN)
		snprintf(text, AUTH_ACTOR_SIZE, "token:%u %s", principal->id, principal->name);
	else
		snprintf(text, AUTH_ACTOR_SIZE, "account:%u %s", principal->account, principal->name);
	return text;
}
