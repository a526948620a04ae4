// SPDX-License-Identifier: Apache-2.0
/* Accounts and what they are granted. */
#include <stdio.h>

#include "hub/auth/internal.h"

enum { PAGE_MAX = 1000 };

/* Somebody who rules the nation's must remain, this account aside. */
int auth_check_not_last(struct db *db, const struct auth_account *account)
{
	int64_t others = 0;
	bool admin = false;
	int error;

	for (size_t i = 0; i < account->grant_count; i++)
		admin |= account->grants[i].role == AUTH_ROLE_ADMIN;
	if (!admin || account->disabled)
		return 0;
	error = db_integer(db,
		"select count(*) from account_grant join account on account.id = account_grant.account"
		" where account_grant.role = ?1 and account.disabled = 0 and account.id <> ?2",
		DB_ARGS(db_i64(AUTH_ROLE_ADMIN), db_i64(account->id)), &others);
	return error ? error : others > 0 ? 0 : LUYTRE_E_CONFLICT;
}

/* The place an account belongs to must be the principal's to manage, and there. */
static int check_tenant(const struct auth_call *call, uint32_t tenant)
{
	if (!auth_check(call->principal, call->tree, AUTH_USERS_WRITE, tenant))
		return LUYTRE_E_PERMISSION;
	return tenant == 0 || tenants_tree_has(call->tree, tenant) ? 0 : LUYTRE_E_NOT_FOUND;
}

static int create(const struct auth_call *call, struct auth_account *account, const char *hash)
{
	const struct audit_field field = { "display", db_str(account->display) };
	int64_t id = 0, found;
	int error =
		db_integer(call->db, "select id from account where name = ?1", DB_ARGS(db_str(account->name)), &found);

	if (error != LUYTRE_E_NOT_FOUND)
		return error ? error : LUYTRE_E_EXISTS;
	error = db_next_id(call->db, "account", &id);
	account->id = (uint32_t)id;
	if (!error)
		error = db_run(call->db,
			"insert into account (id, name, display, tenant, disabled, must_change, password, totp, "
			"totp_step,"
			" revision, created_us, updated_us) values (?1, ?2, ?3, ?4, 0, 1, ?5, 0, 0, 1, ?6, ?6)",
			DB_ARGS(db_i64(id), db_str(account->name), db_str(account->display), db_i64(account->tenant),
				db_str(hash), db_i64(account->created_us)),
			NULL);
	return error ? error : auth_record(call->db, call->origin, "account.create", account, &field, 1);
}

int auth_account_create(const struct auth_call *call, const struct auth_account *in, struct bytes password,
	enum password_fault *ret_fault, struct auth_account *ret)
{
	struct auth_account account = { .tenant = in->tenant,
		.must_change = true,
		.revision = 1,
		.created_us = call->origin->now_us,
		.updated_us = call->origin->now_us };
	char hash[PASSWORD_HASH_SIZE];
	int error = check_tenant(call, in->tenant);

	*ret_fault = PASSWORD_NONE;
	if (error)
		return error;
	if (!auth_name_read(in->name, account.name) || !auth_text_valid(in->display, 0))
		return LUYTRE_E_INVALID;
	memcpy(account.display, in->display, sizeof(account.display));
	*ret_fault = password_judge(password, account.name);
	if (*ret_fault != PASSWORD_NONE)
		return LUYTRE_E_INVALID;
	error = password_hash(call->auth->passwords, password, hash);
	if (!error)
		error = db_begin(call->db);
	if (!error)
		error = auth_finish(call->db, create(call, &account, hash));
	if (!error)
		*ret = account;
	return error;
}

static int end_all(struct db *db, uint32_t account)
{
	int error = auth_sessions_drop(db, account, 0);

	return error ? error : db_run(db, "delete from api_token where account = ?1", DB_ARGS(db_i64(account)), NULL);
}

/* The account, if the principal may manage it and it is still what he saw. Revision 0: whatever it is. */
static int take(const struct auth_call *call, uint32_t id, int64_t revision, struct auth_row *ret)
{
	int error = auth_row_by_id(call->db, id, ret);

	if (!error)
		error = auth_may_manage(call, &ret->account);
	if (!error && revision != 0 && ret->account.revision != revision)
		error = LUYTRE_E_CONFLICT;
	return error;
}

static int update(const struct auth_call *call, const struct auth_account *in, struct auth_row *row)
{
	struct auth_account *account = &row->account;
	int error = take(call, in->id, in->revision, row);
	struct audit_field fields[3];

	if (!error)
		error = check_tenant(call, in->tenant);
	if (!error && !auth_text_valid(in->display, 0))
		error = LUYTRE_E_INVALID;
	if (!error && in->disabled)
		error = auth_check_not_last(call->db, account);
	if (!error && in->disabled)
		error = end_all(call->db, in->id);
	if (error)
		return error;
	memcpy(account->display, in->display, sizeof(account->display));
	account->tenant = in->tenant;
	account->disabled = in->disabled;
	account->revision++;
	account->updated_us = call->origin->now_us;
	error = db_run(call->db,
		"update account set display = ?2, tenant = ?3, disabled = ?4, revision = ?5, updated_us = ?6 where id "
		"= ?1",
		DB_ARGS(db_i64(account->id), db_str(account->display), db_i64(account->tenant),
			db_i64(account->disabled), db_i64(account->revision), db_i64(account->updated_us)),
		NULL);
	fields[0] = (struct audit_field){ "display", db_str(account->display) };
	fields[1] = (struct audit_field){ "tenant", db_i64(account->tenant) };
	fields[2] = (struct audit_field){ "disabled", db_i64(account->disabled) };
	return error ? error
		     : auth_record(call->db, call->origin, "account.update", account, fields, ARRAY_COUNT(fields));
}

int auth_account_update(const struct auth_call *call, const struct auth_account *in, struct auth_account *ret)
{
	struct auth_row row = { 0 };
	int error = db_begin(call->db);

	if (!error)
		error = auth_finish(call->db, update(call, in, &row));
	if (!error)
		*ret = row.account;
	return error;
}

static int remove_one(const struct auth_call *call, uint32_t id, int64_t revision)
{
	static const char *const statements[] = {
		"delete from account_code where account = ?1",
		"delete from account_grant where account = ?1",
		"delete from account_mapped where account = ?1",
		"delete from account_subject where account = ?1",
		"delete from account where id = ?1",
	};
	struct auth_row row;
	int error = take(call, id, revision, &row);

	if (!error)
		error = auth_check_not_last(call->db, &row.account);
	if (!error)
		error = end_all(call->db, id);
	for (size_t i = 0; i < ARRAY_COUNT(statements) && !error; i++)
		error = db_run(call->db, statements[i], DB_ARGS(db_i64(id)), NULL);
	return error ? error : auth_record(call->db, call->origin, "account.remove", &row.account, NULL, 0);
}

int auth_account_remove(const struct auth_call *call, uint32_t id, int64_t revision)
{
	int error = db_begin(call->db);

	return error ? error : auth_finish(call->db, remove_one(call, id, revision));
}

int auth_account_get(const struct auth_call *call, uint32_t id, struct auth_account *ret)
{
	struct auth_row row;
	int error = auth_row_by_id(call->db, id, &row);

	if (!error)
		error = auth_may_see(call, &row.account);
	if (!error)
		*ret = row.account;
	return error;
}

struct page {
	const struct auth_call *call;
	int64_t ids[PAGE_MAX];
	size_t count;
};

static int row_id(void *context, const struct db_value *columns, size_t column_count)
{
	struct page *page = context;

	page->ids[page->count++] = columns[0].integer;
	return 0;
}

static int page_give(struct page *page, uint32_t *left, auth_account_fn fn, void *context)
{
	for (size_t i = 0; i<page->count && * left> 0; i++) {
		struct auth_account account;
		int error = auth_account_get(page->call, (uint32_t)page->ids[i], &account);

		if (error == LUYTRE_E_NOT_FOUND)
			continue;
		(*left)--;
		if (!error)
			error = fn(context, &account);
		if (error)
			return error;
	}
	return 0;
}

int auth_account_each(const struct auth_call *call, uint32_t after, uint32_t limit, auth_account_fn fn, void *context)
{
	struct page page = { .call = call };
	int64_t from = after;
	int error;

	do {
		page.count = 0;
		error = db_each(call->db, "select id from account where id > ?1 order by id limit 1000",
			DB_ARGS(db_i64(from)), row_id, &page);
		if (!error && page.count > 0) {
			from = page.ids[page.count - 1];
			error = page_give(&page, &limit, fn, context);
		}
	} while (!error && page.count > 0 && limit > 0);
	return error;
}

static int record_grant(const struct auth_call *call, const char *action, const struct auth_account *account,
	const struct auth_grant *grant)
{
	const struct audit_field fields[] = {
		{ "role", db_str(auth_roles[grant->role].word) },
		{ "tenant", db_i64(grant->tenant) },
	};

	return auth_record(call->db, call->origin, action, account, fields, ARRAY_COUNT(fields));
}

static bool has_grant(const struct auth_account *account, const struct auth_grant *grant)
{
	for (size_t i = 0; i < account->grant_count; i++)
		if (account->grants[i].role == grant->role && account->grants[i].tenant == grant->tenant)
			return true;
	return false;
}

static int touch(const struct auth_call *call, uint32_t account)
{
	return db_run(call->db, "update account set revision = revision + 1, updated_us = ?2 where id = ?1",
		DB_ARGS(db_i64(account), db_i64(call->origin->now_us)), NULL);
}

static int grant_add(const struct auth_call *call, uint32_t id, const struct auth_grant *grant)
{
	struct auth_row row;
	int error = take(call, id, 0, &row);

	if (!error && !auth_may_grant(call->principal, call->tree, grant))
		error = LUYTRE_E_PERMISSION;
	if (!error && has_grant(&row.account, grant))
		error = LUYTRE_E_EXISTS;
	if (!error && row.account.grant_count == AUTH_GRANTS_MAX)
		error = LUYTRE_E_FULL;
	if (!error)
		error = db_run(call->db, "insert into account_grant (account, role, tenant) values (?1, ?2, ?3)",
			DB_ARGS(db_i64(id), db_i64(grant->role), db_i64(grant->tenant)), NULL);
	if (!error)
		error = touch(call, id);
	return error ? error : record_grant(call, "grant.add", &row.account, grant);
}

int auth_grant_add(const struct auth_call *call, uint32_t account, const struct auth_grant *grant)
{
	int error;

	if ((unsigned int)grant->role >= AUTH_ROLE_COUNT ||
		!(auth_roles[grant->role].level & (grant->tenant ? AUTH_AT_TENANT : AUTH_AT_NATION)) ||
		(grant->tenant && !tenants_tree_has(call->tree, grant->tenant)))
		return LUYTRE_E_INVALID;
	error = db_begin(call->db);
	return error ? error : auth_finish(call->db, grant_add(call, account, grant));
}

static int grant_remove(const struct auth_call *call, uint32_t id, const struct auth_grant *grant)
{
	struct auth_row row;
	int error = take(call, id, 0, &row);

	if (!error && !has_grant(&row.account, grant))
		error = LUYTRE_E_NOT_FOUND;
	if (!error && grant->role == AUTH_ROLE_ADMIN)
		error = auth_check_not_last(call->db, &row.account);
	if (!error)
		error = db_run(call->db, "delete from account_grant where account = ?1 and role = ?2 and tenant = ?3",
			DB_ARGS(db_i64(id), db_i64(grant->role), db_i64(grant->tenant)), NULL);
	/* What is granted again is granted by people. */
	if (!error)
		error = db_run(call->db, "delete from account_mapped where account = ?1 and role = ?2 and tenant = ?3",
			DB_ARGS(db_i64(id), db_i64(grant->role), db_i64(grant->tenant)), NULL);
	if (!error)
		error = touch(call, id);
	return error ? error : record_grant(call, "grant.remove", &row.account, grant);
}

int auth_grant_remove(const struct auth_call *call, uint32_t account, const struct auth_grant *grant)
{
	int error = db_begin(call->db);

	return error ? error : auth_finish(call->db, grant_remove(call, account, grant));
}
