// SPDX-License-Identifier: Apache-2.0
/* From a name and a password to a session.
 *
 * The attempt is counted first. Then the password is looked at, also where there is no such account. Whatever it
 * depends on may change during the hashing, which holds no transaction, so it is asked again in the transaction
 * that makes the session. */
#include <stdio.h>

#include "hub/auth/internal.h"

int auth_secret_open(const struct auth *auth, const struct auth_row *row, uint8_t ret[TOTP_SECRET_SIZE])
{
	if (row->sealed_size != AUTH_SEALED_SIZE ||
		crypto_secretbox_open_easy(ret, row->sealed + crypto_secretbox_NONCEBYTES,
			AUTH_SEALED_SIZE - crypto_secretbox_NONCEBYTES, row->sealed, auth->seal_key) != 0)
		return LUYTRE_E_CORRUPT;
	return 0;
}

static int spare_use(const struct auth *auth, struct db *db, const struct auth_row *row, const char *code)
{
	char spare[TOTP_SPARE_SIZE];
	uint8_t hash[AUTH_HASH_SIZE];
	uint64_t changes = 0;
	int error;

	if (!totp_spare_read(code, spare))
		return LUYTRE_E_PERMISSION;
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)spare, strlen(spare), auth->code_key,
		sizeof(auth->code_key));
	error = db_run(db, "delete from account_code where account = ?1 and hash = ?2",
		DB_ARGS(db_i64(row->account.id), db_blob(bytes_of(hash, sizeof(hash)))), &changes);
	return error ? error : changes == 1 ? 0 : LUYTRE_E_PERMISSION;
}

int auth_code_use(const struct auth *auth, struct db *db, const struct auth_row *row, const char *code, int64_t now_us)
{
	uint8_t secret[TOTP_SECRET_SIZE];
	uint64_t changes = 0;
	int64_t step = 0;
	int error = auth_secret_open(auth, row, secret);

	if (!error)
		error = totp_check(secret, code, now_us, row->totp_step, &step);
	sodium_memzero(secret, sizeof(secret));
	if (error)
		return spare_use(auth, db, row, code);
	error = db_run(db, "update account set totp_step = ?2 where id = ?1 and totp_step < ?2",
		DB_ARGS(db_i64(row->account.id), db_i64(step)), &changes);
	return error ? error : changes == 1 ? 0 : LUYTRE_E_PERMISSION;
}

struct attempt {
	struct auth *auth;
	struct db *db;
	const struct auth_login *login;
	struct audit_origin origin;
	char actor[AUTH_ACTOR_SIZE], address[AUTH_ADDRESS_SIZE];
	struct auth_row row;
	char rehashed[PASSWORD_HASH_SIZE]; /* "": not needed */
};

/* Of a known account only: people type their password where the name belongs, and others fill logs. */
static int record_failure(const struct attempt *attempt, const char *why)
{
	const struct audit_field field = { "why", db_str(why) };
	int error = auth_record(attempt->db, &attempt->origin, "session.refuse", &attempt->row.account, &field, 1);

	return error ? error : LUYTRE_E_PERMISSION;
}

static int session_open(const struct attempt *attempt, struct auth_answer *ret)
{
	const struct auth_row *row = &attempt->row;
	struct audit_field field = { "agent",
		db_str(attempt->login->agent && auth_text_valid(attempt->login->agent, 0) ? attempt->login->agent
											  : "") };
	int64_t same = 0;
	int error = db_integer(attempt->db,
		"select count(*) from account where id = ?1 and password = ?2 and disabled = 0 and totp = ?3",
		DB_ARGS(db_i64(row->account.id), db_str(row->password), db_i64(row->account.totp)), &same);

	if (!error && same != 1)
		error = LUYTRE_E_PERMISSION;
	if (!error && row->account.totp)
		error = auth_code_use(attempt->auth, attempt->db, row, attempt->login->code, attempt->login->now_us);
	if (!error && attempt->rehashed[0])
		error = db_run(attempt->db, "update account set password = ?2 where id = ?1",
			DB_ARGS(db_i64(row->account.id), db_str(attempt->rehashed)), NULL);
	if (!error)
		error = auth_session_make(attempt->db, row, attempt->login, AUTH_WAY_PASSWORD, ret);
	return error ? error : auth_record(attempt->db, &attempt->origin, "session.create", &row->account, &field, 1);
}

/* With the password proven. */
static int finish(struct attempt *attempt, struct auth_answer *ret)
{
	int error;

	if (attempt->row.account.totp && !attempt->login->code) {
		ret->code_needed = true;
		return LUYTRE_E_PERMISSION;
	}
	if (password_is_old(attempt->auth->passwords, attempt->row.password)) {
		error = password_hash(
			attempt->auth->passwords, bytes_from_str(attempt->login->password), attempt->rehashed);
		if (error)
			return error;
	}
	error = db_begin(attempt->db);
	if (!error)
		error = auth_finish(attempt->db, session_open(attempt, ret));
	return error == LUYTRE_E_PERMISSION ? record_failure(attempt, "code") : error;
}

int auth_log_in(struct auth *auth, struct db *db, const struct auth_login *login, struct auth_answer *ret)
{
	struct attempt attempt = { .auth = auth, .db = db, .login = login };
	char name[AUTH_NAME_SIZE] = "";
	int error, known;

	*ret = (struct auth_answer){ 0 };
	if (!auth_name_read(login->name, name))
		name[0] = '\0';
	error = throttle_enter(auth->throttle, name, &login->address, login->now_us, &ret->wait_s);
	if (error)
		return error;
	known = auth_row_by_name(db, name, &attempt.row);
	if (known && known != LUYTRE_E_NOT_FOUND)
		return known;
	error = password_verify(auth->passwords, known ? NULL : attempt.row.password, bytes_from_str(login->password));
	if (error == LUYTRE_E_BUSY)
		ret->wait_s = 1;
	if (known || error == LUYTRE_E_BUSY)
		return error;
	snprintf(attempt.actor, sizeof(attempt.actor), "account:%u %s", attempt.row.account.id, name);
	ip_addr_format(&login->address, attempt.address);
	attempt.origin = (struct audit_origin){ attempt.actor, attempt.address, login->now_us };
	if (error)
		return record_failure(&attempt, "password");
	if (attempt.row.account.disabled)
		return record_failure(&attempt, "disabled");
	error = finish(&attempt, ret);
	if (!error)
		throttle_forgive(auth->throttle, name, &login->address);
	return error;
}
