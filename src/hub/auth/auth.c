// SPDX-License-Identifier: Apache-2.0
/* Set-up, reading accounts, and what the other files share. */
#include "hub/auth/auth.h"

#include <liboath/oath.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/auth/internal.h"
#include "hub/store/secret.h"

static const struct db_migration migrations[] = {
	{ "create table account (id integer primary key, name text not null unique, display text not null,"
	  " tenant integer not null, disabled integer not null, must_change integer not null, password text not null,"
	  " totp integer not null, sealed blob, totp_step integer not null, revision integer not null,"
	  " created_us integer not null, updated_us integer not null);"
	  "create table account_code (account integer not null references account (id), hash blob not null,"
	  " primary key (account, hash));"
	  "create table account_grant (account integer not null references account (id), role integer not null,"
	  " tenant integer not null, primary key (account, role, tenant));"
	  "create table account_session (id integer primary key, account integer not null references account (id),"
	  " hash blob not null unique, created_us integer not null, seen_us integer not null, address text not null,"
	  " agent text not null);"
	  "create index account_session_account on account_session (account);"
	  "create table api_token (id integer primary key, account integer not null references account (id),"
	  " name text not null, hash blob not null unique, scopes integer not null, created_us integer not null,"
	  " expires_us integer not null, used_us integer not null);"
	  "create index api_token_account on api_token (account);" },
	/* Who is who at a provider of sign-on; 'way' of a session: enum auth_way. */
	{ "create table account_subject (issuer text not null, subject text not null,"
	  " account integer not null references account (id), created_us integer not null, primary key (issuer, "
	  "subject),"
	  " unique (issuer, account));"
	  "alter table account_session add column way integer not null default 0;" },
	/* When a session was made last; 0: never, as far as is known. */
	{ "alter table account add column login_us integer not null default 0;"
	  "update account set login_us = coalesce((select max(created_us) from account_session where account = "
	  "account.id), "
	  "0);" },
	/* Grants that groups of a provider gave, so that they can take them. */
	{ "create table account_mapped (account integer not null references account (id), issuer text not null, role "
	  "integer not null,"
	  " tenant integer not null, primary key (account, issuer, role, tenant));" },
};

int auth_setup(struct db *db)
{
	return db_migrate(db, "auth", migrations, ARRAY_COUNT(migrations));
}

int auth_key_load(const char *path, uint8_t ret[AUTH_KEY_SIZE])
{
	return secret_key(path, secret_random, ret, AUTH_KEY_SIZE);
}

/* One key for each use, so that no use tells about another. */
static void key_derive(uint8_t *ret, size_t size, const char *use, const uint8_t key[AUTH_KEY_SIZE])
{
	crypto_generichash(ret, size, (const unsigned char *)use, strlen(use), key, AUTH_KEY_SIZE);
}

int auth_new(const struct auth_config *config, struct auth **ret)
{
	struct auth *auth;

	if (sodium_init() < 0 || oath_init() != OATH_OK)
		return LUYTRE_E_SYSTEM;
	auth = calloc(1, sizeof(*auth));
	if (!auth)
		return LUYTRE_E_NOMEM;
	key_derive(auth->seal_key, sizeof(auth->seal_key), "luytre auth seal", config->key);
	key_derive(auth->code_key, sizeof(auth->code_key), "luytre auth code", config->key);
	auth->passwords = passwords_new(&config->passwords);
	auth->throttle = throttle_new(config->throttle_entries_max);
	if (!auth->passwords || !auth->throttle) {
		auth_free(auth);
		return LUYTRE_E_NOMEM;
	}
	*ret = auth;
	return 0;
}

void auth_free(struct auth *auth)
{
	if (!auth)
		return;
	passwords_free(auth->passwords);
	throttle_free(auth->throttle);
	sodium_memzero(auth, sizeof(*auth));
	free(auth);
}

struct passwords *auth_passwords(struct auth *auth)
{
	return auth->passwords;
}

struct throttle *auth_throttle(struct auth *auth)
{
	return auth->throttle;
}

void auth_hash(const void *secret, size_t size, uint8_t ret[AUTH_HASH_SIZE])
{
	crypto_generichash(ret, AUTH_HASH_SIZE, secret, size, NULL, 0);
}

bool auth_name_read(const char *text, char ret[AUTH_NAME_SIZE])
{
	size_t size = strnlen(text, AUTH_NAME_SIZE);

	if (size < 2 || size >= AUTH_NAME_SIZE)
		return false;
	for (size_t i = 0; i < size; i++) {
		char c = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A') : text[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !strchr("._-@", c))
			return false;
		ret[i] = c;
	}
	ret[size] = '\0';
	return true;
}

bool auth_text_valid(const char *text, size_t size_min)
{
	size_t size = strnlen(text, AUTH_TEXT_SIZE);

	if (size < size_min || size >= AUTH_TEXT_SIZE)
		return false;
	for (size_t i = 0; i < size; i++)
		if ((uint8_t)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return true;
}

static int row_account(void *context, const struct db_value *columns, size_t column_count)
{
	struct auth_row *row = context;

	*row = (struct auth_row){ .account = { .id = (uint32_t)columns[0].integer,
					  .tenant = (uint32_t)columns[3].integer,
					  .disabled = columns[4].integer != 0,
					  .must_change = columns[5].integer != 0,
					  .totp = columns[7].integer != 0,
					  .revision = columns[10].integer,
					  .created_us = columns[11].integer,
					  .updated_us = columns[12].integer,
					  .login_us = columns[13].integer },
		.totp_step = columns[9].integer };
	db_copy_text(&columns[1], row->account.name, sizeof(row->account.name));
	db_copy_text(&columns[2], row->account.display, sizeof(row->account.display));
	db_copy_text(&columns[6], row->password, sizeof(row->password));
	if (columns[8].bytes.size == AUTH_SEALED_SIZE) {
		memcpy(row->sealed, columns[8].bytes.ptr, AUTH_SEALED_SIZE);
		row->sealed_size = AUTH_SEALED_SIZE;
	}
	return 1;
}

static int row_grant(void *context, const struct db_value *columns, size_t column_count)
{
	struct auth_account *account = context;

	/* A role of a newer program gives nothing. */
	if (columns[0].integer < 0 || columns[0].integer >= AUTH_ROLE_COUNT)
		return 0;
	if (account->grant_count == AUTH_GRANTS_MAX)
		return LUYTRE_E_FULL;
	account->grants[account->grant_count++] =
		(struct auth_grant){ (enum auth_role)columns[0].integer, (uint32_t)columns[1].integer };
	return 0;
}

#define ACCOUNT                                                                                                        \
	"select id, name, display, tenant, disabled, must_change, password, totp, sealed, totp_step, revision, "       \
	"created_us,"                                                                                                  \
	" updated_us, login_us from account where "

static int row_finish(struct db *db, int answer, struct auth_row *row)
{
	if (answer != 1)
		return answer == 0 ? LUYTRE_E_NOT_FOUND : answer;
	return db_each(db, "select role, tenant from account_grant where account = ?1 order by role, tenant",
		DB_ARGS(db_i64(row->account.id)), row_grant, &row->account);
}

int auth_row_by_id(struct db *db, uint32_t id, struct auth_row *ret)
{
	return row_finish(db, db_each(db, ACCOUNT "id = ?1", DB_ARGS(db_i64(id)), row_account, ret), ret);
}

int auth_row_by_name(struct db *db, const char *name, struct auth_row *ret)
{
	return row_finish(db, db_each(db, ACCOUNT "name = ?1", DB_ARGS(db_str(name)), row_account, ret), ret);
}

int auth_principal_of(const struct auth_row *row, struct auth_principal *ret)
{
	const struct auth_account *account = &row->account;

	if (account->disabled)
		return LUYTRE_E_PERMISSION;
	*ret = (struct auth_principal){ .account = account->id,
		.tenant = account->tenant,
		.totp = account->totp,
		.grant_count = account->grant_count };
	memcpy(ret->name, account->name, sizeof(ret->name));
	memcpy(ret->grants, account->grants, sizeof(ret->grants));
	if (account->must_change)
		ret->limits |= AUTH_LIMIT_PASSWORD;
	for (size_t i = 0; i < account->grant_count; i++)
		if (account->grants[i].role == AUTH_ROLE_ADMIN && !account->totp)
			ret->limits |= AUTH_LIMIT_TOTP;
	return 0;
}

int auth_record(struct db *db, const struct audit_origin *origin, const char *action,
	const struct auth_account *account, const struct audit_field *fields, size_t field_count)
{
	char subject[AUTH_ACTOR_SIZE];

	snprintf(subject, sizeof(subject), "account:%u %s", account->id, account->name);
	return audit_append(db, origin,
		&(struct audit_record){ .action = action,
			.subject = subject,
			.tenant = account->tenant,
			.fields = fields,
			.field_count = field_count });
}

int auth_finish(struct db *db, int error)
{
	if (!error)
		return db_commit(db);
	db_rollback(db);
	return error;
}

int auth_may_see(const struct auth_call *call, const struct auth_account *account)
{
	if (call->principal->account == account->id && call->principal->kind == AUTH_BY_SESSION)
		return 0;
	return auth_check(call->principal, call->tree, AUTH_USERS_READ, account->tenant) ? 0 : LUYTRE_E_NOT_FOUND;
}

int auth_may_manage(const struct auth_call *call, const struct auth_account *account)
{
	if (!auth_check(call->principal, call->tree, AUTH_USERS_READ, account->tenant))
		return LUYTRE_E_NOT_FOUND;
	if (!auth_check(call->principal, call->tree, AUTH_USERS_WRITE, account->tenant))
		return LUYTRE_E_PERMISSION;
	for (size_t i = 0; i < account->grant_count; i++)
		/* What stands at a tenant that is gone gives nobody anything. */
		if ((account->grants[i].tenant == 0 || tenants_tree_has(call->tree, account->grants[i].tenant)) &&
			!auth_may_grant(call->principal, call->tree, &account->grants[i]))
			return LUYTRE_E_PERMISSION;
	return 0;
}

int auth_need_session(const struct auth_call *call)
{
	return call->principal->kind == AUTH_BY_SESSION ? 0 : LUYTRE_E_PERMISSION;
}

static int bootstrap(struct db *db, const struct audit_origin *origin, const char *hash)
{
	struct auth_account account = { .name = "admin" };
	int64_t count = 0, id = 0;
	int error = db_integer(db, "select count(*) from account", DB_NO_ARGS, &count);

	if (!error && count > 0)
		error = LUYTRE_E_EXISTS;
	if (!error)
		error = db_next_id(db, "account", &id);
	account.id = (uint32_t)id;
	if (!error)
		error = db_run(db,
			"insert into account (id, name, display, tenant, disabled, must_change, password, totp, "
			"totp_step,"
			" revision, created_us, updated_us) values (?1, 'admin', 'admin', 0, 0, 1, ?2, 0, 0, 1, ?3, "
			"?3)",
			DB_ARGS(db_i64(id), db_str(hash), db_i64(origin->now_us)), NULL);
	if (!error)
		error = db_run(db, "insert into account_grant (account, role, tenant) values (?1, ?2, 0)",
			DB_ARGS(db_i64(id), db_i64(AUTH_ROLE_ADMIN)), NULL);
	return error ? error : auth_record(db, origin, "account.bootstrap", &account, NULL, 0);
}

int auth_bootstrap(
	struct auth *auth, struct db *db, const struct audit_origin *origin, char ret_password[AUTH_TEXT_SIZE])
{
	char hash[PASSWORD_HASH_SIZE], parts[2][TOTP_SPARE_SIZE];
	int error;

	totp_spare_make(parts[0]);
	totp_spare_make(parts[1]);
	snprintf(ret_password, AUTH_TEXT_SIZE, "%s-%s", parts[0], parts[1]);
	error = password_hash(auth->passwords, bytes_from_str(ret_password), hash);
	if (!error)
		error = db_begin(db);
	return error ? error : auth_finish(db, bootstrap(db, origin, hash));
}
