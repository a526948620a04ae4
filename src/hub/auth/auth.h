// SPDX-License-Identifier: Apache-2.0
/* Accounts, log-in, sessions, API tokens.
 *
 * One 'struct auth' serves all threads of the program; a database handle belongs to its thread. The database keeps
 * no secret that is good for anything: passwords as argon2id, the ids of sessions and tokens as BLAKE2b, secrets of
 * authenticators sealed with a key that lies in a file beside it, one-time codes hashed with that key. Every change
 * is written to the audit log in its transaction. Times are real time in microseconds.
 *
 * A session lives some time without a request (AUTH_IDLE_S, or what people set) and 12 hours in all; its id is made at log-in and never taken from
 * the client. A token is "hub_" and 48 signs: 32 random bytes and a checksum, so that a mistyped one is told from a
 * wrong one without asking the database. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/net.h"
#include "hub/auth/password.h"
#include "hub/auth/role.h"
#include "hub/auth/throttle.h"
#include "hub/auth/totp.h"
#include "hub/store/audit.h"
#include "hub/store/db.h"

enum {
	AUTH_KEY_SIZE = 32,
	AUTH_COOKIE_SIZE = 44, /* with the NUL, as all sizes here */
	AUTH_CSRF_SIZE = 44,
	AUTH_TOKEN_SIZE = 53,
	AUTH_TEXT_SIZE = 4 * 128 + 1, /* 128 characters of any kind */
	AUTH_ADDRESS_SIZE = IP_ADDR_TEXT_SIZE,
	AUTH_IDLE_S = 30 * 60,
	AUTH_ABSOLUTE_S = 12 * 3600,
	AUTH_SESSIONS_MAX = 32, /* of an account; the oldest goes */
	AUTH_TOKENS_MAX = 64, /* of an account */
	AUTH_TOKEN_DAYS_MAX = 366,
};

struct auth;

struct auth_config {
	uint8_t key[AUTH_KEY_SIZE];
	struct password_config passwords;
	uint32_t throttle_entries_max;
};

/* The key of a file (mode 0600), made when there is none; errors as of audit_key_load. */
MUST_CHECK int auth_key_load(const char *path, uint8_t ret[AUTH_KEY_SIZE]);
/* 0, LUYTRE_E_NOMEM, LUYTRE_E_SYSTEM. */
MUST_CHECK int auth_new(const struct auth_config *config, struct auth **ret);
void auth_free(struct auth *auth); /* accepts null */
struct passwords *auth_passwords(struct auth *auth);
struct throttle *auth_throttle(struct auth *auth);
/* Makes the tables; after audit_setup and tenants_setup. */
MUST_CHECK int auth_setup(struct db *db);
/* The first account: "admin", with the nation in its hands and a password that must be changed. LUYTRE_E_EXISTS
 * when there is an account already. */
MUST_CHECK int auth_bootstrap(
	struct auth *auth, struct db *db, const struct audit_origin *origin, char ret_password[AUTH_TEXT_SIZE]);

/* What each call on behalf of somebody needs. The calls below that change accounts check the principal's rights
 * themselves: LUYTRE_E_PERMISSION. What stands outside of them does not exist: LUYTRE_E_NOT_FOUND. */
struct auth_call {
	struct auth *auth;
	struct db *db;
	const struct auth_principal *principal;
	const struct tenants_tree *tree;
	const struct audit_origin *origin;
};

/* ---- log-in and sessions ---- */

struct auth_login {
	const char *name, *password;
	const char *code; /* of the authenticator, or a one-time code; null: none was given */
	struct ip_addr address;
	const char *agent; /* of the browser; null: unknown */
	int64_t now_us;
};

struct auth_answer {
	bool code_needed; /* the password is right, a code must come with it: LUYTRE_E_PERMISSION */
	uint32_t wait_s; /* with LUYTRE_E_BUSY */
	char cookie[AUTH_COOKIE_SIZE];
	char csrf[AUTH_CSRF_SIZE];
	struct auth_principal principal;
};

/* 0, LUYTRE_E_PERMISSION (not saying why), LUYTRE_E_BUSY (too many attempts, or too many at once). A wrong name
 * takes as long as a wrong password. */
MUST_CHECK int auth_log_in(struct auth *auth, struct db *db, const struct auth_login *login, struct auth_answer *ret);
/* What a provider has said of somebody (auth/oidc.h), proven. */
struct auth_sign_on {
	const char *issuer, *subject;
	const char *mail; /* for which the provider vouches; null: none */
	bool second_factor; /* the provider asked for one */
	bool maps; /* 'grants' are what its groups give; else roles are given by people alone */
	const struct auth_grant *grants; /* borrowed */
	size_t grant_count;
	const struct tenants_tree *tree; /* with 'maps' */
	struct ip_addr address;
	const char *agent; /* null: unknown */
	int64_t now_us;
};

/* With 'maps' the account gets those of the grants that it lacks, and loses those that an earlier sign-on gave and that are not among them any
 * more, whatever the issuer was called then; each is audited. What people granted stays. The last who rules the nation's stays that; tenants
 * that are not there are left out, and what lies outside of the account's own tenant, for that tenant's people chose its address.
 *
 * A session of the account that this is: the one that came with this subject before, else the one whose name is the address, which it
 * then stays; a first password that was never changed works no longer then, and the sessions it opened end. 0; LUYTRE_E_PERMISSION: there is
 * none, it is disabled, or another subject has it; with 'code_needed': the account has a second factor here, and the provider asked for
 * none. */
MUST_CHECK int auth_sign_on(struct db *db, const struct auth_sign_on *in, struct auth_answer *ret);
/* Who has this cookie. 'idle_s': how long a session lives without a request. LUYTRE_E_PERMISSION: nobody, or no longer. */
MUST_CHECK int auth_session_find(
	struct db *db, const char *cookie, uint32_t idle_s, int64_t now_us, struct auth_principal *ret);
/* The token that must come back with every change; it belongs to this cookie alone. False when it is no cookie. */
bool auth_csrf_make(const char *cookie, char ret[AUTH_CSRF_SIZE]);
bool auth_csrf_check(const char *cookie, const char *csrf);

struct auth_session {
	uint32_t id, account;
	int64_t created_us, seen_us;
	char address[AUTH_ADDRESS_SIZE], agent[AUTH_TEXT_SIZE];
};
typedef int (*auth_session_fn)(void *context, const struct auth_session *session);

/* Of an account: one's own, or one that the principal may manage. */
MUST_CHECK int auth_session_each(const struct auth_call *call, uint32_t account, auth_session_fn fn, void *context);
/* Ends one; 'session' 0: all of the account but the principal's own. */
MUST_CHECK int auth_session_end(const struct auth_call *call, uint32_t account, uint32_t session);
/* Removes what has expired; now and then. */
MUST_CHECK int auth_session_sweep(struct db *db, uint32_t idle_s, int64_t now_us, uint64_t *ret_count);

/* ---- API tokens ---- */

struct auth_token {
	uint32_t id, account;
	char name[AUTH_TEXT_SIZE];
	uint64_t scopes; /* a bit for each permission */
	int64_t created_us, expires_us, used_us; /* used 0: never */
};
typedef int (*auth_token_fn)(void *context, const struct auth_token *token);

/* For one's own account, by a session (a token makes no tokens). The text is shown once. LUYTRE_E_INVALID (name, no
 * scope), LUYTRE_E_RANGE (expiry), LUYTRE_E_FULL. */
MUST_CHECK int auth_token_create(const struct auth_call *call, const char *name, uint64_t scopes, int64_t expires_us,
	char ret_text[AUTH_TOKEN_SIZE], uint32_t *ret_id);
/* Who has this token. LUYTRE_E_SYNTAX (mistyped), LUYTRE_E_PERMISSION. */
MUST_CHECK int auth_token_find(struct db *db, const char *text, int64_t now_us, struct auth_principal *ret);
MUST_CHECK int auth_token_each(const struct auth_call *call, uint32_t account, auth_token_fn fn, void *context);
MUST_CHECK int auth_token_remove(const struct auth_call *call, uint32_t account, uint32_t token);

/* ---- accounts ---- */

struct auth_account {
	uint32_t id, tenant; /* tenant 0: the nation's */
	bool disabled;
	bool must_change; /* the password */
	bool totp; /* has a second factor */
	char name[AUTH_NAME_SIZE]; /* a-z 0-9 . _ - @, from 2; never changed, never given again */
	char display[AUTH_TEXT_SIZE];
	int64_t revision, created_us, updated_us;
	int64_t login_us; /* when a session was made last, by whatever way; 0: never */
	struct auth_grant grants[AUTH_GRANTS_MAX];
	size_t grant_count;
};
typedef int (*auth_account_fn)(void *context, const struct auth_account *account);

/* Managing an account needs users.write at its tenant, and every right that the account itself has, where it has
 * it: who could set the password of a mightier account would be that account. */

/* With a first password, which must be changed. LUYTRE_E_EXISTS, LUYTRE_E_INVALID (name, display; or the password, then
 * '*ret_fault' tells). */
MUST_CHECK int auth_account_create(const struct auth_call *call, const struct auth_account *in, struct bytes password,
	enum password_fault *ret_fault, struct auth_account *ret);
/* Display, tenant, disabled; LUYTRE_E_CONFLICT when the revision is not that of the row, or when nobody would be
 * left who rules the nation's. Disabling ends sessions and tokens. */
MUST_CHECK int auth_account_update(
	const struct auth_call *call, const struct auth_account *in, struct auth_account *ret);
MUST_CHECK int auth_account_remove(const struct auth_call *call, uint32_t id, int64_t revision);
/* One's own, or with users.read. */
MUST_CHECK int auth_account_get(const struct auth_call *call, uint32_t id, struct auth_account *ret);
MUST_CHECK int auth_account_each(
	const struct auth_call *call, uint32_t after, uint32_t limit, auth_account_fn fn, void *context);
/* LUYTRE_E_INVALID: not such a role there; LUYTRE_E_EXISTS; LUYTRE_E_NOT_FOUND; LUYTRE_E_FULL; LUYTRE_E_CONFLICT:
 * the last who rules the nation's. */
MUST_CHECK int auth_grant_add(const struct auth_call *call, uint32_t account, const struct auth_grant *grant);
MUST_CHECK int auth_grant_remove(const struct auth_call *call, uint32_t account, const struct auth_grant *grant);

/* One's own, by a session; ends the other sessions. LUYTRE_E_PERMISSION: the old one is wrong, which counts as an
 * attempt to log in. LUYTRE_E_CONFLICT: it was changed meanwhile. */
MUST_CHECK int auth_password_change(
	const struct auth_call *call, struct bytes old, struct bytes new, enum password_fault *ret_fault);
/* By who manages the account: a first password again; ends all sessions. */
MUST_CHECK int auth_password_reset(
	const struct auth_call *call, uint32_t account, struct bytes password, enum password_fault *ret_fault);

/* One's own second factor: the first call makes a secret and shows it; it counts from the first right code on,
 * which also gives one-time codes and ends the other sessions. LUYTRE_E_EXISTS: there is one already. */
MUST_CHECK int auth_totp_begin(const struct auth_call *call, char ret_uri[TOTP_URI_SIZE]);
MUST_CHECK int auth_totp_confirm(
	const struct auth_call *call, const char *code, char ret_spares[TOTP_SPARE_COUNT][TOTP_SPARE_SIZE]);
/* By who manages the account, when the device is lost; ends all sessions. */
MUST_CHECK int auth_totp_remove(const struct auth_call *call, uint32_t account);
