// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "hub/auth/internal.h"

enum { ID_SIZE = 32, SEEN_EVERY_US = 60000000 };

#define US(seconds) ((int64_t)(seconds)*1000000)

_Static_assert(
	AUTH_COOKIE_SIZE == sodium_base64_ENCODED_LEN(ID_SIZE, sodium_base64_VARIANT_URLSAFE_NO_PADDING), "43 signs");

static bool cookie_read(const char *cookie, uint8_t ret[ID_SIZE])
{
	size_t size = 0;

	return cookie && strnlen(cookie, AUTH_COOKIE_SIZE) == AUTH_COOKIE_SIZE - 1 &&
	       sodium_base642bin(ret, ID_SIZE, cookie, AUTH_COOKIE_SIZE - 1, NULL, &size, NULL,
		       sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
	       size == ID_SIZE;
}

bool auth_csrf_make(const char *cookie, char ret[AUTH_CSRF_SIZE])
{
	static const unsigned char use[] = "luytre csrf";
	uint8_t id[ID_SIZE], token[32];

	if (!cookie_read(cookie, id))
		return false;
	crypto_generichash(token, sizeof(token), use, sizeof(use), id, sizeof(id));
	sodium_bin2base64(ret, AUTH_CSRF_SIZE, token, sizeof(token), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return true;
}

bool auth_csrf_check(const char *cookie, const char *csrf)
{
	char expected[AUTH_CSRF_SIZE];

	return csrf && auth_csrf_make(cookie, expected) && strnlen(csrf, AUTH_CSRF_SIZE) == AUTH_CSRF_SIZE - 1 &&
	       sodium_memcmp(csrf, expected, AUTH_CSRF_SIZE - 1) == 0;
}

static int make_room(struct db *db, uint32_t account)
{
	return db_run(db,
		"delete from account_session where account = ?1 and id not in"
		" (select id from account_session where account = ?1 order by seen_us desc, id desc limit ?2)",
		DB_ARGS(db_i64(account), db_i64(AUTH_SESSIONS_MAX - 1)), NULL);
}

/* Who came by a provider has not used the first password that would have to be changed; and where the provider has asked for a second
 * factor, that is one. */
static void apply_way(struct auth_principal *principal, enum auth_way way)
{
	if (way == AUTH_WAY_PASSWORD)
		return;
	principal->limits &= ~(unsigned int)AUTH_LIMIT_PASSWORD;
	if (way != AUTH_WAY_SIGN_ON_FACTOR)
		return;
	principal->limits &= ~(unsigned int)AUTH_LIMIT_TOTP;
	principal->totp = true;
}

int auth_session_make(struct db *db, const struct auth_row *row, const struct auth_login *login, enum auth_way way,
	struct auth_answer *ret)
{
	uint8_t secret[ID_SIZE], hash[AUTH_HASH_SIZE];
	char address[AUTH_ADDRESS_SIZE];
	int64_t id = 0;
	int error = make_room(db, row->account.id);

	randombytes_buf(secret, sizeof(secret));
	auth_hash(secret, sizeof(secret), hash);
	if (!error)
		error = db_next_id(db, "session", &id);
	if (!error)
		error = db_run(db,
			"insert into account_session (id, account, hash, created_us, seen_us, address, agent, way)"
			" values (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7)",
			DB_ARGS(db_i64(id), db_i64(row->account.id), db_blob(bytes_of(hash, sizeof(hash))),
				db_i64(login->now_us), db_str(ip_addr_format(&login->address, address)),
				db_str(login->agent && auth_text_valid(login->agent, 0) ? login->agent : ""),
				db_i64(way)),
			NULL);
	if (!error)
		error = db_run(db, "update account set login_us = ?2 where id = ?1",
			DB_ARGS(db_i64(row->account.id), db_i64(login->now_us)), NULL);
	if (!error)
		error = auth_principal_of(row, &ret->principal);
	if (error)
		return error;
	ret->principal.kind = AUTH_BY_SESSION;
	ret->principal.id = (uint32_t)id;
	ret->principal.scopes = AUTH_ALL_PERMISSIONS;
	apply_way(&ret->principal, way);
	sodium_bin2base64(
		ret->cookie, sizeof(ret->cookie), secret, sizeof(secret), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(secret, sizeof(secret));
	return auth_csrf_make(ret->cookie, ret->csrf) ? 0 : LUYTRE_E_INVALID;
}

struct found {
	struct auth_session session;
	enum auth_way way;
};

static int row_session(void *context, const struct db_value *columns, size_t column_count)
{
	struct auth_session *session = context;

	session->id = (uint32_t)columns[0].integer;
	session->account = (uint32_t)columns[1].integer;
	session->created_us = columns[2].integer;
	session->seen_us = columns[3].integer;
	db_copy_text(&columns[4], session->address, sizeof(session->address));
	db_copy_text(&columns[5], session->agent, sizeof(session->agent));
	return 1;
}

static int row_found(void *context, const struct db_value *columns, size_t column_count)
{
	struct found *found = context;

	found->way = (enum auth_way)columns[6].integer;
	return row_session(&found->session, columns, column_count);
}

#define SESSION "select id, account, created_us, seen_us, address, agent, way from account_session where "

static bool is_over(const struct auth_session *session, uint32_t idle_s, int64_t now_us)
{
	return now_us >= session->seen_us + US(idle_s) || now_us >= session->created_us + US(AUTH_ABSOLUTE_S);
}

int auth_session_find(struct db *db, const char *cookie, uint32_t idle_s, int64_t now_us, struct auth_principal *ret)
{
	uint8_t id[ID_SIZE], hash[AUTH_HASH_SIZE];
	struct auth_session session;
	struct found found;
	struct auth_row row;
	int error;

	if (!cookie_read(cookie, id))
		return LUYTRE_E_PERMISSION;
	auth_hash(id, sizeof(id), hash);
	error = db_each(db, SESSION "hash = ?1", DB_ARGS(db_blob(bytes_of(hash, sizeof(hash)))), row_found, &found);
	if (error != 1)
		return error ? error : LUYTRE_E_PERMISSION;
	session = found.session;
	if (is_over(&session, idle_s, now_us))
		return LUYTRE_E_PERMISSION;
	error = auth_row_by_id(db, session.account, &row);
	if (!error)
		error = auth_principal_of(&row, ret);
	if (error)
		return error == LUYTRE_E_NOT_FOUND ? LUYTRE_E_PERMISSION : error;
	ret->kind = AUTH_BY_SESSION;
	ret->id = session.id;
	ret->scopes = AUTH_ALL_PERMISSIONS;
	apply_way(ret, found.way);
	if (now_us < session.seen_us + SEEN_EVERY_US)
		return 0;
	return db_run(db, "update account_session set seen_us = ?2 where id = ?1 and seen_us < ?2",
		DB_ARGS(db_i64(session.id), db_i64(now_us)), NULL);
}

struct target {
	auth_session_fn fn;
	void *context;
};

static int row_give(void *context, const struct db_value *columns, size_t column_count)
{
	const struct target *target = context;
	struct auth_session session;

	row_session(&session, columns, column_count);
	return target->fn(target->context, &session);
}

int auth_session_each(const struct auth_call *call, uint32_t account, auth_session_fn fn, void *context)
{
	struct target target = { fn, context };
	struct auth_row row;
	int error = auth_row_by_id(call->db, account, &row);

	if (!error && !(account == call->principal->account && call->principal->kind == AUTH_BY_SESSION))
		error = auth_may_manage(call, &row.account);
	return error ? error
		     : db_each(call->db, SESSION "account = ?1 order by seen_us desc, id desc",
			       DB_ARGS(db_i64(account)), row_give, &target);
}

int auth_sessions_drop(struct db *db, uint32_t account, uint32_t but)
{
	return db_run(db, "delete from account_session where account = ?1 and id <> ?2",
		DB_ARGS(db_i64(account), db_i64(but)), NULL);
}

static int end(const struct auth_call *call, uint32_t account, uint32_t session)
{
	bool own = account == call->principal->account && call->principal->kind == AUTH_BY_SESSION;
	const struct audit_field field = { "number", db_i64(session) };
	uint64_t changes = 1;
	struct auth_row row;
	int error = auth_row_by_id(call->db, account, &row);

	if (!error && !own)
		error = auth_may_manage(call, &row.account);
	if (error)
		return error;
	if (session)
		error = db_run(call->db, "delete from account_session where account = ?1 and id = ?2",
			DB_ARGS(db_i64(account), db_i64(session)), &changes);
	else
		error = auth_sessions_drop(call->db, account, own ? call->principal->id : 0);
	if (!error && changes == 0)
		return LUYTRE_E_NOT_FOUND;
	return error ? error : auth_record(call->db, call->origin, "session.end", &row.account, &field, 1);
}

int auth_session_end(const struct auth_call *call, uint32_t account, uint32_t session)
{
	int error = db_begin(call->db);

	return error ? error : auth_finish(call->db, end(call, account, session));
}

int auth_session_sweep(struct db *db, uint32_t idle_s, int64_t now_us, uint64_t *ret_count)
{
	return db_run(db, "delete from account_session where seen_us <= ?1 or created_us <= ?2",
		DB_ARGS(db_i64(now_us - US(idle_s)), db_i64(now_us - US(AUTH_ABSOLUTE_S))), ret_count);
}
