// SPDX-License-Identifier: Apache-2.0
/* From what a provider says of somebody to a session. Accounts are made by people before: a provider opens none. The first time it is the
 * address that the provider vouches for which names the account; from then on it is the provider's own number of that person, so that
 * whoever gets the address next does not get the account. */
#include <stdio.h>

#include "hub/auth/internal.h"

struct attempt {
	struct db *db;
	const struct auth_sign_on *in;
	struct audit_origin origin;
	char actor[AUTH_ACTOR_SIZE], address[AUTH_ADDRESS_SIZE];
	struct auth_row row;
};

static int find_subject(const struct attempt *attempt, int64_t *ret_account)
{
	*ret_account = 0;
	return db_integer(attempt->db,
		"select coalesce(max(account), 0) from account_subject where issuer = ?1 and subject = ?2",
		DB_ARGS(db_str(attempt->in->issuer), db_str(attempt->in->subject)), ret_account);
}

/* Whoever made the account knows its first password; the person who signs on is not the one who did. */
static int void_first_password(const struct attempt *attempt)
{
	int64_t account = attempt->row.account.id;
	int error = db_run(attempt->db,
		"update account set password = '', revision = revision + 1, updated_us = ?2 where id = ?1",
		DB_ARGS(db_i64(account), db_i64(attempt->in->now_us)), NULL);

	return error ? error : auth_sessions_drop(attempt->db, attempt->row.account.id, 0);
}

/* An account that another number of this provider has is not given to a second one. */
static int tie(struct attempt *attempt)
{
	const struct audit_field fields[] = { { "issuer", db_str(attempt->in->issuer) },
		{ "subject", db_str(attempt->in->subject) } };
	int64_t others = 0;
	int error = db_integer(attempt->db, "select count(*) from account_subject where issuer = ?1 and account = ?2",
		DB_ARGS(db_str(attempt->in->issuer), db_i64(attempt->row.account.id)), &others);

	if (!error && others)
		error = LUYTRE_E_PERMISSION;
	if (!error)
		error = db_run(attempt->db,
			"insert into account_subject (issuer, subject, account, created_us) values (?1, ?2, ?3, ?4)",
			DB_ARGS(db_str(attempt->in->issuer), db_str(attempt->in->subject),
				db_i64(attempt->row.account.id), db_i64(attempt->in->now_us)),
			NULL);
	if (!error && attempt->row.account.must_change)
		error = void_first_password(attempt);
	return error ? error
		     : auth_record(attempt->db, &attempt->origin, "account.tie", &attempt->row.account, fields,
			       ARRAY_COUNT(fields));
}

/* '*ret_new': it was found by its address. */
static int find_account(struct attempt *attempt, bool *ret_new)
{
	char name[AUTH_NAME_SIZE];
	int64_t account;
	int error = find_subject(attempt, &account);

	*ret_new = !error && account == 0;
	if (error)
		return error;
	if (account)
		return auth_row_by_id(attempt->db, (uint32_t)account, &attempt->row);
	if (!attempt->in->mail || !auth_name_read(attempt->in->mail, name))
		return LUYTRE_E_NOT_FOUND;
	return auth_row_by_name(attempt->db, name, &attempt->row);
}

static int session_open(struct attempt *attempt, struct auth_answer *ret)
{
	const struct auth_sign_on *in = attempt->in;
	const struct auth_login login = { .address = in->address, .agent = in->agent, .now_us = in->now_us };
	const struct audit_field fields[] = {
		{ "agent", db_str(in->agent && auth_text_valid(in->agent, 0) ? in->agent : "") },
		{ "issuer", db_str(in->issuer) }
	};
	bool is_new;
	int error = find_account(attempt, &is_new);

	if (error)
		return error == LUYTRE_E_NOT_FOUND ? LUYTRE_E_PERMISSION : error;
	snprintf(attempt->actor, sizeof(attempt->actor), "account:%u %s", attempt->row.account.id,
		attempt->row.account.name);
	if (attempt->row.account.disabled)
		return LUYTRE_E_PERMISSION;
	if (attempt->row.account.totp && !in->second_factor) {
		ret->code_needed = true;
		return LUYTRE_E_PERMISSION;
	}
	if (is_new)
		error = tie(attempt);
	if (!error && in->maps)
		error = auth_map_groups(attempt->db, in, &attempt->origin, &attempt->row);
	if (!error)
		error = auth_session_make(attempt->db, &attempt->row, &login,
			in->second_factor ? AUTH_WAY_SIGN_ON_FACTOR : AUTH_WAY_SIGN_ON, ret);
	return error ? error
		     : auth_record(attempt->db, &attempt->origin, "session.create", &attempt->row.account, fields,
			       ARRAY_COUNT(fields));
}

/* Of a known account only, as with passwords. */
static int record_failure(const struct attempt *attempt, const struct auth_answer *answer)
{
	const struct audit_field fields[] = {
		{ "why", db_str(answer->code_needed              ? "code"
				 : attempt->row.account.disabled ? "disabled"
								 : "subject") },
		{ "issuer", db_str(attempt->in->issuer) },
		{ "subject", db_str(attempt->in->subject) },
	};
	int error = auth_record(
		attempt->db, &attempt->origin, "session.refuse", &attempt->row.account, fields, ARRAY_COUNT(fields));

	return error ? error : LUYTRE_E_PERMISSION;
}

int auth_sign_on(struct db *db, const struct auth_sign_on *in, struct auth_answer *ret)
{
	struct attempt attempt = { .db = db, .in = in };
	int error;

	*ret = (struct auth_answer){ 0 };
	ip_addr_format(&in->address, attempt.address);
	attempt.origin = (struct audit_origin){ attempt.actor, attempt.address, in->now_us };
	error = db_begin(db);
	if (!error)
		error = auth_finish(db, session_open(&attempt, ret));
	return error == LUYTRE_E_PERMISSION && attempt.actor[0] ? record_failure(&attempt, ret) : error;
}
