// SPDX-License-Identifier: Apache-2.0
/* What the files of this folder share; for them alone. */
#pragma once

#include <sodium.h>

#include "hub/auth/auth.h"

enum { AUTH_SEALED_SIZE = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + TOTP_SECRET_SIZE };

/* Said by a row function that has seen enough. */
enum { AUTH_ENOUGH = INT32_MIN };

struct auth {
	struct passwords *passwords; /* owned */
	struct throttle *throttle; /* owned */
	uint8_t seal_key[crypto_secretbox_KEYBYTES]; /* for secrets of authenticators */
	uint8_t code_key[crypto_generichash_KEYBYTES]; /* for one-time codes */
};

/* An account with what only this folder looks at. */
struct auth_row {
	struct auth_account account;
	char password[PASSWORD_HASH_SIZE];
	uint8_t sealed[AUTH_SEALED_SIZE];
	size_t sealed_size; /* 0: no secret */
	int64_t totp_step;
};

/* LUYTRE_E_NOT_FOUND. */
MUST_CHECK int auth_row_by_id(struct db *db, uint32_t id, struct auth_row *ret);
MUST_CHECK int auth_row_by_name(struct db *db, const char *name, struct auth_row *ret);
/* The principal of an account, without kind, id and scopes. LUYTRE_E_PERMISSION when it is disabled. */
MUST_CHECK int auth_principal_of(const struct auth_row *row, struct auth_principal *ret);

/* Small letters; false when it is no name of an account. */
bool auth_name_read(const char *text, char ret[AUTH_NAME_SIZE]);
bool auth_text_valid(const char *text, size_t size_min);

void auth_hash(const void *secret, size_t size, uint8_t ret[AUTH_HASH_SIZE]);

/* In the caller's transaction. */
MUST_CHECK int auth_record(struct db *db, const struct audit_origin *origin, const char *action,
	const struct auth_account *account, const struct audit_field *fields, size_t field_count);
/* Ends sessions of an account but one (0: all), in the caller's transaction. */
MUST_CHECK int auth_sessions_drop(struct db *db, uint32_t account, uint32_t but);
/* How somebody proved who he is. Numbers are stored. */
enum auth_way { AUTH_WAY_PASSWORD, AUTH_WAY_SIGN_ON, AUTH_WAY_SIGN_ON_FACTOR };

/* A new session, in the caller's transaction. */
MUST_CHECK int auth_session_make(struct db *db, const struct auth_row *row, const struct auth_login *login,
	enum auth_way way, struct auth_answer *ret);

/* May the principal look at or manage this account? 0, LUYTRE_E_NOT_FOUND (may not even know it),
 * LUYTRE_E_PERMISSION. */
MUST_CHECK int auth_may_see(const struct auth_call *call, const struct auth_account *account);
MUST_CHECK int auth_may_manage(const struct auth_call *call, const struct auth_account *account);
/* The principal acts for its own account, from a browser. */
MUST_CHECK int auth_need_session(const struct auth_call *call);

/* The secret of the authenticator, opened. LUYTRE_E_CORRUPT: sealed with another key. */
MUST_CHECK int auth_secret_open(const struct auth *auth, const struct auth_row *row, uint8_t ret[TOTP_SECRET_SIZE]);
/* Is this code of the authenticator, or one of the one-time codes, good? Uses it up, in the caller's transaction. 0 or
 * LUYTRE_E_PERMISSION. */
MUST_CHECK int auth_code_use(
	const struct auth *auth, struct db *db, const struct auth_row *row, const char *code, int64_t now_us);

/* LUYTRE_E_CONFLICT: nobody else rules the nation's. */
MUST_CHECK int auth_check_not_last(struct db *db, const struct auth_account *account);

/* Gives and takes what groups of the provider say (auth_sign_on), in the caller's transaction. */
MUST_CHECK int auth_map_groups(
	struct db *db, const struct auth_sign_on *in, const struct audit_origin *origin, struct auth_row *row);

/* Commits, or rolls back on an error. */
MUST_CHECK int auth_finish(struct db *db, int error);
