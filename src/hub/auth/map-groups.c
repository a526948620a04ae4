// SPDX-License-Identifier: Apache-2.0
/* Roles that follow from groups of a provider: given when somebody signs on, taken when he signs on without them. What a group gave is
 * remembered apart from what people granted, so that neither takes the other's, and it is taken also when the provider has another name
 * meanwhile. An account of an organisation was made by its people, who chose the address: groups give it nothing outside of that
 * organisation. */
#include "base/error.h"
#include "base/log.h"
#include "hub/auth/internal.h"

struct mapped {
	struct auth_grant grants[AUTH_GRANTS_MAX];
	size_t count;
};

static int keep(void *context, const struct db_value *columns, size_t column_count)
{
	struct mapped *mapped = context;

	if (columns[0].integer >= 0 && columns[0].integer < AUTH_ROLE_COUNT && mapped->count < AUTH_GRANTS_MAX)
		mapped->grants[mapped->count++] =
			(struct auth_grant){ (enum auth_role)columns[0].integer, (uint32_t)columns[1].integer };
	return 0;
}

static bool is_among(const struct auth_grant *grant, const struct auth_grant *grants, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (grants[i].role == grant->role && grants[i].tenant == grant->tenant)
			return true;
	return false;
}

struct mapping {
	struct db *db;
	const struct auth_sign_on *in;
	const struct audit_origin *origin;
	struct auth_row *row;
	struct mapped before;
	bool changed;
};

static bool may_have(const struct mapping *mapping, const struct auth_grant *grant)
{
	uint32_t home = mapping->row->account.tenant;

	return home == 0 || (grant->tenant && tenants_tree_inside(mapping->in->tree, grant->tenant, home));
}

static bool is_wanted(const struct mapping *mapping, const struct auth_grant *grant)
{
	return is_among(grant, mapping->in->grants, mapping->in->grant_count) && may_have(mapping, grant);
}

static int run(const struct mapping *mapping, const char *sql, const struct auth_grant *grant)
{
	return db_run(mapping->db, sql,
		DB_ARGS(db_i64(mapping->row->account.id), db_i64(grant->role), db_i64(grant->tenant)), NULL);
}

static int record(struct mapping *mapping, const char *action, const struct auth_grant *grant)
{
	const struct audit_field fields[] = {
		{ "role", db_str(auth_roles[grant->role].word) },
		{ "tenant", db_i64(grant->tenant) },
		{ "issuer", db_str(mapping->in->issuer) },
	};

	mapping->changed = true;
	return auth_record(mapping->db, mapping->origin, action, &mapping->row->account, fields, ARRAY_COUNT(fields));
}

static int take_one(struct mapping *mapping, const struct auth_grant *grant)
{
	int error = 0;

	if (grant->role == AUTH_ROLE_ADMIN)
		error = auth_check_not_last(mapping->db, &mapping->row->account);
	if (error == LUYTRE_E_CONFLICT) {
		log_warn("sign-on by others: %s keeps the role %s, for nobody else has it", mapping->row->account.name,
			auth_roles[grant->role].word);
		return 0;
	}
	if (!error)
		error = run(
			mapping, "delete from account_mapped where account = ?1 and role = ?2 and tenant = ?3", grant);
	if (!error)
		error = run(
			mapping, "delete from account_grant where account = ?1 and role = ?2 and tenant = ?3", grant);
	return error ? error : record(mapping, "grant.remove", grant);
}

static int note_mapped(const struct mapping *mapping, const struct auth_grant *grant)
{
	return db_run(mapping->db,
		"insert into account_mapped (account, role, tenant, issuer) values (?1, ?2, ?3, ?4)"
		" on conflict (account, issuer, role, tenant) do nothing",
		DB_ARGS(db_i64(mapping->row->account.id), db_i64(grant->role), db_i64(grant->tenant),
			db_str(mapping->in->issuer)),
		NULL);
}

static int give_one(struct mapping *mapping, const struct auth_grant *grant)
{
	const struct auth_account *account = &mapping->row->account;
	int error;

	if (is_among(grant, account->grants, account->grant_count))
		return is_among(grant, mapping->before.grants, mapping->before.count) ? note_mapped(mapping, grant) : 0;
	if (grant->tenant && !tenants_tree_has(mapping->in->tree, grant->tenant)) {
		log_warn("sign-on by others: the file gives a role at tenant %u, which is not there", grant->tenant);
		return 0;
	}
	if (!may_have(mapping, grant)) {
		log_warn("sign-on by others: %s belongs to organisation %u: no role %s outside of it", account->name,
			account->tenant, auth_roles[grant->role].word);
		return 0;
	}
	if (account->grant_count == AUTH_GRANTS_MAX) {
		log_warn("sign-on by others: %s has as many roles as there can be", account->name);
		return 0;
	}
	mapping->row->account.grants[mapping->row->account.grant_count++] = *grant;
	error = note_mapped(mapping, grant);
	if (!error)
		error = db_run(mapping->db, "insert into account_grant (account, role, tenant) values (?1, ?2, ?3)",
			DB_ARGS(db_i64(account->id), db_i64(grant->role), db_i64(grant->tenant)), NULL);
	return error ? error : record(mapping, "grant.add", grant);
}

int auth_map_groups(
	struct db *db, const struct auth_sign_on *in, const struct audit_origin *origin, struct auth_row *row)
{
	struct mapping mapping = { .db = db, .in = in, .origin = origin, .row = row };
	const struct mapped *before = &mapping.before;
	int error = db_each(db, "select distinct role, tenant from account_mapped where account = ?1",
		DB_ARGS(db_i64(row->account.id)), keep, &mapping.before);

	for (size_t i = 0; i < before->count && !error; i++)
		if (!is_wanted(&mapping, &before->grants[i]))
			error = take_one(&mapping, &before->grants[i]);
	if (!error && mapping.changed)
		error = auth_row_by_id(db, row->account.id, row);
	for (size_t i = 0; i < in->grant_count && !error; i++)
		error = give_one(&mapping, &in->grants[i]);
	if (!error && mapping.changed)
		error = db_run(db, "update account set revision = revision + 1, updated_us = ?2 where id = ?1",
			DB_ARGS(db_i64(row->account.id), db_i64(in->now_us)), NULL);
	return error || !mapping.changed ? error : auth_row_by_id(db, row->account.id, row);
}
