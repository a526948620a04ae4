// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "hub/auth/internal.h"

enum { SECRET_SIZE = 32, CHECK_SIZE = 4, USED_EVERY_US = 60000000 };

static const char prefix[] = "hub_";

/* 36 bytes are 48 signs without a bit left over: each sign counts. */
_Static_assert(AUTH_TOKEN_SIZE == sizeof(prefix) - 1 +
					  sodium_base64_ENCODED_LEN(
						  SECRET_SIZE + CHECK_SIZE, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
	"52 signs");

static void checksum(const uint8_t secret[SECRET_SIZE], uint8_t ret[CHECK_SIZE])
{
	static const unsigned char use[] = "luytre API token";
	uint8_t sum[crypto_generichash_BYTES_MIN];

	_Static_assert(sizeof(use) >= crypto_generichash_KEYBYTES_MIN, "long enough for a key");
	crypto_generichash(sum, sizeof(sum), secret, SECRET_SIZE, use, sizeof(use));
	memcpy(ret, sum, CHECK_SIZE);
}

static bool text_read(const char *text, uint8_t ret[SECRET_SIZE])
{
	uint8_t bytes[SECRET_SIZE + CHECK_SIZE], check[CHECK_SIZE];
	size_t size = 0;

	if (!text || strnlen(text, AUTH_TOKEN_SIZE) != AUTH_TOKEN_SIZE - 1 ||
		strncmp(text, prefix, sizeof(prefix) - 1) != 0)
		return false;
	if (sodium_base642bin(bytes, sizeof(bytes), text + sizeof(prefix) - 1, AUTH_TOKEN_SIZE - sizeof(prefix), NULL,
		    &size, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
		size != sizeof(bytes))
		return false;
	checksum(bytes, check);
	memcpy(ret, bytes, SECRET_SIZE);
	return memcmp(check, bytes + SECRET_SIZE, CHECK_SIZE) == 0;
}

static void text_make(const uint8_t secret[SECRET_SIZE], char ret[AUTH_TOKEN_SIZE])
{
	uint8_t bytes[SECRET_SIZE + CHECK_SIZE];

	memcpy(bytes, secret, SECRET_SIZE);
	checksum(secret, bytes + SECRET_SIZE);
	memcpy(ret, prefix, sizeof(prefix) - 1);
	sodium_bin2base64(ret + sizeof(prefix) - 1, AUTH_TOKEN_SIZE - sizeof(prefix) + 1, bytes, sizeof(bytes),
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static int record(const struct auth_call *call, const char *action, uint32_t id, const char *name, uint64_t scopes,
	int64_t expires_us)
{
	struct auth_account account = { .id = call->principal->account, .tenant = call->principal->tenant };
	const struct audit_field fields[] = {
		{ "number", db_i64(id) },
		{ "name", db_str(name) },
		{ "permissions", db_i64((int64_t)scopes) },
		{ "expires_us", db_i64(expires_us) },
	};

	memcpy(account.name, call->principal->name, sizeof(account.name));
	return auth_record(call->db, call->origin, action, &account, fields, ARRAY_COUNT(fields));
}

static int create(const struct auth_call *call, const char *name, uint64_t scopes, int64_t expires_us,
	const uint8_t hash[AUTH_HASH_SIZE], uint32_t *ret_id)
{
	int64_t count = 0, id = 0;
	int error = db_integer(call->db, "select count(*) from api_token where account = ?1",
		DB_ARGS(db_i64(call->principal->account)), &count);

	if (!error && count >= AUTH_TOKENS_MAX)
		error = LUYTRE_E_FULL;
	if (!error)
		error = db_next_id(call->db, "token", &id);
	if (!error)
		error = db_run(call->db,
			"insert into api_token (id, account, name, hash, scopes, created_us, expires_us, used_us)"
			" values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)",
			DB_ARGS(db_i64(id), db_i64(call->principal->account), db_str(name),
				db_blob(bytes_of(hash, AUTH_HASH_SIZE)), db_i64((int64_t)scopes),
				db_i64(call->origin->now_us), db_i64(expires_us)),
			NULL);
	*ret_id = (uint32_t)id;
	return error ? error : record(call, "token.create", *ret_id, name, scopes, expires_us);
}

int auth_token_create(const struct auth_call *call, const char *name, uint64_t scopes, int64_t expires_us,
	char ret_text[AUTH_TOKEN_SIZE], uint32_t *ret_id)
{
	uint8_t secret[SECRET_SIZE], hash[AUTH_HASH_SIZE];
	int64_t life_us = expires_us - call->origin->now_us;
	int error = auth_need_session(call);

	if (error || call->principal->limits)
		return LUYTRE_E_PERMISSION;
	if (!auth_text_valid(name, 1) || scopes == 0 || (scopes & ~AUTH_ALL_PERMISSIONS) != 0)
		return LUYTRE_E_INVALID;
	if (life_us <= 0 || life_us > (int64_t)AUTH_TOKEN_DAYS_MAX * 86400 * 1000000)
		return LUYTRE_E_RANGE;
	randombytes_buf(secret, sizeof(secret));
	auth_hash(secret, sizeof(secret), hash);
	error = db_begin(call->db);
	if (!error)
		error = auth_finish(call->db, create(call, name, scopes, expires_us, hash, ret_id));
	if (!error)
		text_make(secret, ret_text);
	sodium_memzero(secret, sizeof(secret));
	return error;
}

static int row_token(void *context, const struct db_value *columns, size_t column_count)
{
	struct auth_token *token = context;

	token->id = (uint32_t)columns[0].integer;
	token->account = (uint32_t)columns[1].integer;
	db_copy_text(&columns[2], token->name, sizeof(token->name));
	token->scopes = (uint64_t)columns[3].integer;
	token->created_us = columns[4].integer;
	token->expires_us = columns[5].integer;
	token->used_us = columns[6].integer;
	return 1;
}

#define TOKEN "select id, account, name, scopes, created_us, expires_us, used_us from api_token where "

int auth_token_find(struct db *db, const char *text, int64_t now_us, struct auth_principal *ret)
{
	uint8_t secret[SECRET_SIZE], hash[AUTH_HASH_SIZE];
	struct auth_token token;
	struct auth_row row;
	int error;

	if (!text_read(text, secret))
		return LUYTRE_E_SYNTAX;
	auth_hash(secret, sizeof(secret), hash);
	error = db_each(db, TOKEN "hash = ?1", DB_ARGS(db_blob(bytes_of(hash, sizeof(hash)))), row_token, &token);
	if (error != 1)
		return error ? error : LUYTRE_E_PERMISSION;
	if (now_us >= token.expires_us)
		return LUYTRE_E_PERMISSION;
	error = auth_row_by_id(db, token.account, &row);
	if (!error)
		error = auth_principal_of(&row, ret);
	if (error)
		return error == LUYTRE_E_NOT_FOUND ? LUYTRE_E_PERMISSION : error;
	ret->kind = AUTH_BY_TOKEN;
	ret->id = token.id;
	ret->scopes = token.scopes;
	if (now_us < token.used_us + USED_EVERY_US)
		return 0;
	return db_run(db, "update api_token set used_us = ?2 where id = ?1 and used_us < ?2",
		DB_ARGS(db_i64(token.id), db_i64(now_us)), NULL);
}

struct target {
	auth_token_fn fn;
	void *context;
};

static int row_give(void *context, const struct db_value *columns, size_t column_count)
{
	const struct target *target = context;
	struct auth_token token;

	row_token(&token, columns, column_count);
	return target->fn(target->context, &token);
}

static int may_look(const struct auth_call *call, uint32_t account, struct auth_row *row)
{
	int error = auth_row_by_id(call->db, account, row);

	if (!error && !(account == call->principal->account && call->principal->kind == AUTH_BY_SESSION))
		error = auth_may_manage(call, &row->account);
	return error;
}

int auth_token_each(const struct auth_call *call, uint32_t account, auth_token_fn fn, void *context)
{
	struct target target = { fn, context };
	struct auth_row row;
	int error = may_look(call, account, &row);

	return error ? error
		     : db_each(call->db, TOKEN "account = ?1 order by id", DB_ARGS(db_i64(account)), row_give, &target);
}

static int remove_one(const struct auth_call *call, uint32_t account, uint32_t token)
{
	const struct audit_field field = { "number", db_i64(token) };
	struct auth_row row;
	uint64_t changes = 0;
	int error = may_look(call, account, &row);

	if (!error)
		error = db_run(call->db, "delete from api_token where account = ?1 and id = ?2",
			DB_ARGS(db_i64(account), db_i64(token)), &changes);
	if (!error && changes == 0)
		error = LUYTRE_E_NOT_FOUND;
	return error ? error : auth_record(call->db, call->origin, "token.remove", &row.account, &field, 1);
}

int auth_token_remove(const struct auth_call *call, uint32_t account, uint32_t token)
{
	int error = db_begin(call->db);

	return error ? error : auth_finish(call->db, remove_one(call, account, token));
}
