// SPDX-License-Identifier: Apache-2.0
/* Changing a password, setting up and taking away the second factor. What proves that it is still the same person
 * ends all other sessions, because one of them may be the reason. */
#include <stdio.h>

#include "hub/auth/internal.h"

struct change {
	const struct auth_call *call;
	const struct auth_row *row;
	const char *hash; /* new */
	bool must_change;
	const char *action;
	uint32_t keep; /* this session */
};

/* 'row' was read before the hashing: if the password is another one now, somebody was faster. */
static int password_store(const struct change *change)
{
	struct db *db = change->call->db;
	uint32_t id = change->row->account.id;
	uint64_t changes = 0;
	int error = db_run(db,
		"update account set password = ?2, must_change = ?3, revision = revision + 1, updated_us = ?4"
		" where id = ?1 and password = ?5",
		DB_ARGS(db_i64(id), db_str(change->hash), db_i64(change->must_change),
			db_i64(change->call->origin->now_us), db_str(change->row->password)),
		&changes);

	if (!error && changes == 0)
		return LUYTRE_E_CONFLICT;
	if (!error)
		error = auth_sessions_drop(db, id, change->keep);
	return error ? error : auth_record(db, change->call->origin, change->action, &change->row->account, NULL, 0);
}

static int judge_and_hash(const struct auth_call *call, const struct auth_row *row, struct bytes password,
	enum password_fault *ret_fault, char hash[PASSWORD_HASH_SIZE])
{
	*ret_fault = password_judge(password, row->account.name);
	if (*ret_fault != PASSWORD_NONE)
		return LUYTRE_E_INVALID;
	return password_hash(call->auth->passwords, password, hash);
}

/* Who holds somebody's session must not find out the password here any faster than at the log-in. */
static int verify_old(const struct auth_call *call, const struct auth_row *row, struct bytes old)
{
	struct ip_addr address = { .family = IP_V4 };
	const char *text = call->origin->address;
	uint32_t wait_s;
	int error = text ? ip_addr_parse(bytes_from_str(text), &address) : 0;

	if (!error)
		error = throttle_enter(
			call->auth->throttle, row->account.name, &address, call->origin->now_us, &wait_s);
	if (!error)
		error = password_verify(call->auth->passwords, row->password, old);
	if (!error)
		throttle_forgive(call->auth->throttle, row->account.name, &address);
	return error;
}

int auth_password_change(
	const struct auth_call *call, struct bytes old, struct bytes new, enum password_fault *ret_fault)
{
	char hash[PASSWORD_HASH_SIZE];
	struct auth_row row;
	int error = auth_need_session(call);

	*ret_fault = PASSWORD_NONE;
	if (!error)
		error = auth_row_by_id(call->db, call->principal->account, &row);
	if (!error)
		error = verify_old(call, &row, old);
	if (!error)
		error = judge_and_hash(call, &row, new, ret_fault, hash);
	if (!error)
		error = db_begin(call->db);
	if (error)
		return error;
	return auth_finish(call->db, password_store(&(struct change){ .call = call,
					     .row = &row,
					     .hash = hash,
					     .action = "account.password",
					     .keep = call->principal->id }));
}

int auth_password_reset(
	const struct auth_call *call, uint32_t account, struct bytes password, enum password_fault *ret_fault)
{
	char hash[PASSWORD_HASH_SIZE];
	struct auth_row row;
	int error = auth_row_by_id(call->db, account, &row);

	*ret_fault = PASSWORD_NONE;
	if (!error)
		error = auth_may_manage(call, &row.account);
	if (!error)
		error = judge_and_hash(call, &row, password, ret_fault, hash);
	if (!error)
		error = db_begin(call->db);
	if (error)
		return error;
	return auth_finish(call->db,
		password_store(&(struct change){
			.call = call, .row = &row, .hash = hash, .must_change = true, .action = "account.reset" }));
}

int auth_totp_begin(const struct auth_call *call, char ret_uri[TOTP_URI_SIZE])
{
	uint8_t secret[TOTP_SECRET_SIZE], sealed[AUTH_SEALED_SIZE];
	struct auth_row row;
	int error = auth_need_session(call);

	if (!error)
		error = auth_row_by_id(call->db, call->principal->account, &row);
	if (!error && row.account.totp)
		error = LUYTRE_E_EXISTS;
	if (error)
		return error;
	randombytes_buf(secret, sizeof(secret));
	randombytes_buf(sealed, crypto_secretbox_NONCEBYTES);
	crypto_secretbox_easy(
		sealed + crypto_secretbox_NONCEBYTES, secret, sizeof(secret), sealed, call->auth->seal_key);
	error = totp_uri(secret, row.account.name, ret_uri);
	sodium_memzero(secret, sizeof(secret));
	if (error)
		return error;
	/* Nothing counts yet, so there is nothing to write to the audit log. */
	return db_run(call->db, "update account set sealed = ?2, totp_step = 0 where id = ?1 and totp = 0",
		DB_ARGS(db_i64(row.account.id), db_blob(bytes_of(sealed, sizeof(sealed)))), NULL);
}

static int spares_store(const struct auth_call *call, char spares[TOTP_SPARE_COUNT][TOTP_SPARE_SIZE])
{
	int64_t account = call->principal->account;
	int error = db_run(call->db, "delete from account_code where account = ?1", DB_ARGS(db_i64(account)), NULL);

	for (size_t i = 0; i < TOTP_SPARE_COUNT && !error; i++) {
		uint8_t hash[AUTH_HASH_SIZE];

		totp_spare_make(spares[i]);
		crypto_generichash(hash, sizeof(hash), (const unsigned char *)spares[i], strlen(spares[i]),
			call->auth->code_key, sizeof(call->auth->code_key));
		error = db_run(call->db, "insert into account_code (account, hash) values (?1, ?2)",
			DB_ARGS(db_i64(account), db_blob(bytes_of(hash, sizeof(hash)))), NULL);
	}
	return error;
}

static int confirm(const struct auth_call *call, const char *code, char spares[TOTP_SPARE_COUNT][TOTP_SPARE_SIZE])
{
	uint8_t secret[TOTP_SECRET_SIZE];
	struct auth_row row;
	int64_t step = 0;
	int error = auth_row_by_id(call->db, call->principal->account, &row);

	if (!error && row.account.totp)
		error = LUYTRE_E_EXISTS;
	if (!error && row.sealed_size == 0)
		error = LUYTRE_E_NOT_FOUND;
	if (!error)
		error = auth_secret_open(call->auth, &row, secret);
	if (!error)
		error = totp_check(secret, code, call->origin->now_us, row.totp_step, &step);
	sodium_memzero(secret, sizeof(secret));
	if (!error)
		error = db_run(call->db,
			"update account set totp = 1, totp_step = ?2, revision = revision + 1, updated_us = ?3 where "
			"id = ?1",
			DB_ARGS(db_i64(row.account.id), db_i64(step), db_i64(call->origin->now_us)), NULL);
	if (!error)
		error = spares_store(call, spares);
	if (!error)
		error = auth_sessions_drop(call->db, row.account.id, call->principal->id);
	return error ? error : auth_record(call->db, call->origin, "account.second-factor", &row.account, NULL, 0);
}

int auth_totp_confirm(
	const struct auth_call *call, const char *code, char ret_spares[TOTP_SPARE_COUNT][TOTP_SPARE_SIZE])
{
	int error = auth_need_session(call);

	if (!error)
		error = db_begin(call->db);
	return error ? error : auth_finish(call->db, confirm(call, code, ret_spares));
}

static int factor_remove(const struct auth_call *call, uint32_t account)
{
	struct auth_row row;
	int error = auth_row_by_id(call->db, account, &row);

	if (!error)
		error = auth_may_manage(call, &row.account);
	if (!error && !row.account.totp)
		error = LUYTRE_E_NOT_FOUND;
	if (!error)
		error = db_run(call->db,
			"update account set totp = 0, sealed = null, revision = revision + 1, updated_us = ?2 where id "
			"= ?1",
			DB_ARGS(db_i64(account), db_i64(call->origin->now_us)), NULL);
	if (!error)
		error = db_run(call->db, "delete from account_code where account = ?1", DB_ARGS(db_i64(account)), NULL);
	if (!error)
		error = auth_sessions_drop(call->db, account, 0);
	return error ? error
		     : auth_record(call->db, call->origin, "account.second-factor-remove", &row.account, NULL, 0);
}

int auth_totp_remove(const struct auth_call *call, uint32_t account)
{
	int error = db_begin(call->db);

	return error ? error : auth_finish(call->db, factor_remove(call, account));
}
