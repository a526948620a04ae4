// SPDX-License-Identifier: Apache-2.0
#include "hub/console/accounts.h"

#include <stdio.h>

/* account (28 bits), role (3), tenant (32): 63 bits, as an id may have. */
enum { ROLE_BITS = 3, TENANT_BITS = 32, ACCOUNT_BITS = 28 };

_Static_assert(AUTH_ROLE_COUNT <= 1 << ROLE_BITS, "the ids of grants have room for all roles");

static const struct db_migration migrations[] = {
	{ "create table account_profile (account integer primary key, mail text not null, language text not null);" },
};

int profile_setup(struct db *db)
{
	return db_migrate(db, "console-profile", migrations, ARRAY_COUNT(migrations));
}

static void take_text(const struct db_value *column, char *ret, size_t ret_size)
{
	if (!bytes_to_str(column->bytes, ret, ret_size))
		ret[0] = '\0';
}

static int row_profile(void *context, const struct db_value *columns, size_t column_count)
{
	struct profile *profile = context;

	take_text(&columns[0], profile->mail, sizeof(profile->mail));
	take_text(&columns[1], profile->language, sizeof(profile->language));
	return 0;
}

int profile_get(struct db *db, uint32_t account, struct profile *ret)
{
	*ret = (struct profile){ .language = "vi" };
	return db_each(db, "select mail, language from account_profile where account = ?1", DB_ARGS(db_i64(account)),
		row_profile, ret);
}

int profile_set(struct db *db, uint32_t account, const struct profile *profile)
{
	return db_run(db,
		"insert into account_profile (account, mail, language) values (?1, ?2, ?3)"
		" on conflict (account) do update set mail = excluded.mail, language = excluded.language",
		DB_ARGS(db_i64(account), db_str(profile->mail), db_str(profile->language)), NULL);
}

int profile_remove(struct db *db, uint32_t account)
{
	return db_run(db, "delete from account_profile where account = ?1", DB_ARGS(db_i64(account)), NULL);
}

uint64_t grant_id(uint32_t account, const struct auth_grant *grant)
{
	return ((uint64_t)account << ROLE_BITS | (uint64_t)grant->role) << TENANT_BITS | grant->tenant;
}

bool grant_of_id(uint64_t id, uint32_t *ret_account, struct auth_grant *ret)
{
	uint64_t role = id >> TENANT_BITS & ((1 << ROLE_BITS) - 1), account = id >> (TENANT_BITS + ROLE_BITS);

	if (role >= AUTH_ROLE_COUNT || account == 0 || account >= UINT64_C(1) << ACCOUNT_BITS)
		return false;
	*ret_account = (uint32_t)account;
	*ret = (struct auth_grant){ (enum auth_role)role, (uint32_t)id };
	return true;
}

void grant_write(const struct console_call *call, struct jsonw *json, uint32_t account, const struct auth_grant *grant)
{
	const struct scope all = { .all = true };
	const struct tenants_call tenants = { .db = call->auth.db, .scope = &all };
	struct tenant tenant;

	jsonw_object_begin(json);
	console_kv_id(json, "id", grant_id(account, grant));
	console_kv_id(json, "user", account);
	jsonw_kv_string(json, "role", auth_roles[grant->role].word);
	console_kv_id_or_null(json, "tenant", grant->tenant);
	if (grant->tenant && auth_check(call->auth.principal, call->auth.tree, AUTH_TENANTS_READ, grant->tenant) &&
		tenant_get(&tenants, grant->tenant, &tenant) == 0)
		jsonw_kv_string(json, "tenant_name", tenant.name);
	jsonw_object_end(json);
}

void password_refuse(const struct api_request *request, struct api_reply *reply, int error, enum password_fault fault)
{
	if (error != LUYTRE_E_INVALID || fault == PASSWORD_NONE) {
		api_reply_error(reply, error, NULL);
		return;
	}
	api_reply_problem(reply, API_PROBLEM_INVALID,
		request->lang == LUYTRE_LANG_EN ? password_faults[fault].en : password_faults[fault].vi);
}
