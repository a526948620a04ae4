// SPDX-License-Identifier: Apache-2.0
/* Accounts, log-in, sessions, tokens and delegation with either database. Passwords are hashed with little memory
 * here, so that the test is about everything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <liboath/oath.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/auth/auth.h"
#include "hub/store/pgtest.h"
#include "hub/tenants/tenants.h"

#define S INT64_C(1000000)

enum { MINISTRY = 1, HOSPITAL, WARD, BANK };

static char postgres_place[PGTEST_PLACE_SIZE], postgres_missing[DB_WHY_SIZE];

struct fixture {
	struct db *db;
	struct auth *auth;
	struct tenants_tree *tree;
	struct audit_origin origin;
	struct auth_principal root; /* has the nation in his hands */
	char first_password[AUTH_TEXT_SIZE];
	int64_t now_us;
};

static struct auth_call as(struct fixture *fixture, const struct auth_principal *principal)
{
	fixture->origin = (struct audit_origin){ .actor = "test", .address = "192.0.2.1", .now_us = fixture->now_us };
	return (struct auth_call){ .auth = fixture->auth,
		.db = fixture->db,
		.principal = principal,
		.tree = fixture->tree,
		.origin = &fixture->origin };
}

static void add_tenants(struct fixture *fixture)
{
	static const uint32_t parents[] = { 0, MINISTRY, HOSPITAL, 0 };
	static const struct scope nation = { .all = true };
	struct tenants_call call = { .db = fixture->db, .scope = &nation, .origin = &fixture->origin };

	for (uint32_t i = 0; i < ARRAY_COUNT(parents); i++) {
		struct tenant tenant = { .parent = parents[i] };

		snprintf(tenant.name, sizeof(tenant.name), "tenant %u", i + 1);
		assert_int_equal(tenant_create(&call, &tenant, &tenant), 0);
		assert_int_equal(tenant.id, i + 1);
	}
	assert_int_equal(tenants_tree_load(fixture->db, &fixture->tree), 0);
}

static struct auth *auth_with(uint64_t operations, uint8_t key)
{
	struct auth_config config = { .passwords = { .operations = operations, .memory = 8192 } };
	struct auth *auth;

	memset(config.key, key, sizeof(config.key));
	assert_int_equal(auth_new(&config, &auth), 0);
	return auth;
}

static int setup(void **state, const char *place)
{
	static struct fixture fixture;
	char why[DB_WHY_SIZE];

	fixture = (struct fixture){ .now_us = 1700000000 * S };
	if (db_open(place, &fixture.db, why))
		return -1;
	if (db_is_postgres(fixture.db)) {
		if (db_run(fixture.db, "drop schema public cascade", DB_NO_ARGS, NULL) ||
			db_run(fixture.db, "create schema public", DB_NO_ARGS, NULL))
			return -1;
		db_close(fixture.db);
		if (db_open(place, &fixture.db, why))
			return -1;
	}
	if (audit_setup(fixture.db) || tenants_setup(fixture.db) || auth_setup(fixture.db)) {
		print_error("%s\n", db_why(fixture.db));
		return -1;
	}
	fixture.auth = auth_with(1, 7);
	as(&fixture, NULL);
	add_tenants(&fixture);
	assert_int_equal(auth_bootstrap(fixture.auth, fixture.db, &fixture.origin, fixture.first_password), 0);
	fixture.root = (struct auth_principal){ .account = 1,
		.scopes = AUTH_ALL_PERMISSIONS,
		.name = "admin",
		.grants = { { AUTH_ROLE_ADMIN, 0 } },
		.grant_count = 1 };
	*state = &fixture;
	return 0;
}

static int setup_sqlite(void **state)
{
	return setup(state, "sqlite::memory:");
}

static int setup_postgres(void **state)
{
	*state = NULL;
	return postgres_place[0] ? setup(state, postgres_place) : 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	if (!fixture)
		return 0;
	tenants_tree_unref(fixture->tree);
	auth_free(fixture->auth);
	db_close(fixture->db);
	return 0;
}

static struct fixture *given(void **state)
{
	if (!*state) {
		print_message("skipped: %s\n", postgres_missing);
		skip();
	}
	return *state;
}

static const char good[] = "correct horse battery", better[] = "nine lemons in a row";

static int log_in(
	struct fixture *fixture, const char *name, const char *password, const char *code, struct auth_answer *ret)
{
	struct auth_login login = {
		.name = name, .password = password, .code = code, .agent = "browser", .now_us = fixture->now_us
	};
	const uint8_t address[] = { 192, 0, 2, 9 };

	login.address = ip_addr_v4(address);
	return auth_log_in(fixture->auth, fixture->db, &login, ret);
}

/* An account that has changed its first password, with one grant. */
static uint32_t add_account(
	struct fixture *fixture, const char *name, uint32_t tenant, enum auth_role role, uint32_t at)
{
	struct auth_call call = as(fixture, &fixture->root);
	struct auth_account account = { .tenant = tenant };
	const struct auth_grant grant = { role, at };
	enum password_fault fault;
	struct auth_answer answer;

	snprintf(account.name, sizeof(account.name), "%s", name);
	assert_int_equal(auth_account_create(&call, &account, bytes_from_str(better), &fault, &account), 0);
	assert_int_equal(auth_grant_add(&call, account.id, &grant), 0);
	assert_int_equal(log_in(fixture, name, better, NULL, &answer), 0);
	assert_true(answer.principal.limits & AUTH_LIMIT_PASSWORD);
	assert_false(auth_check_anywhere(&answer.principal, fixture->tree, AUTH_TENANTS_READ));
	call = as(fixture, &answer.principal);
	assert_int_equal(auth_password_change(&call, bytes_from_str(better), bytes_from_str(good), &fault), 0);
	assert_int_equal(auth_session_end(&call, account.id, answer.principal.id), 0);
	return account.id;
}

static struct auth_answer logged_in(struct fixture *fixture, const char *name)
{
	struct auth_answer answer;

	assert_int_equal(log_in(fixture, name, good, NULL, &answer), 0);
	assert_int_equal(answer.principal.limits, 0);
	return answer;
}

static void secret_of_uri(const char *uri, uint8_t secret[TOTP_SECRET_SIZE])
{
	const char *text = strstr(uri, "secret=") + 7;
	char *bytes = NULL;
	size_t size;

	assert_int_equal(oath_base32_decode(text, 32, &bytes, &size), OATH_OK);
	assert_int_equal(size, TOTP_SECRET_SIZE);
	memcpy(secret, bytes, size);
	free(bytes);
}

static void code_at(const uint8_t secret[TOTP_SECRET_SIZE], int64_t now_us, char code[8])
{
	assert_int_equal(
		oath_totp_generate((const char *)secret, TOTP_SECRET_SIZE, (time_t)(now_us / S), 30, 0, 6, code),
		OATH_OK);
}

static void enrol(struct fixture *fixture, const struct auth_principal *principal, uint8_t secret[TOTP_SECRET_SIZE],
	char spares[TOTP_SPARE_COUNT][TOTP_SPARE_SIZE])
{
	struct auth_call call = as(fixture, principal);
	char uri[TOTP_URI_SIZE], code[8];

	assert_int_equal(auth_totp_confirm(&call, "123456", spares), LUYTRE_E_NOT_FOUND);
	assert_int_equal(auth_totp_begin(&call, uri), 0);
	secret_of_uri(uri, secret);
	code_at(secret, fixture->now_us, code);
	code[0] = code[0] == '1' ? '2' : '1';
	assert_int_equal(auth_totp_confirm(&call, code, spares), LUYTRE_E_PERMISSION);
	code_at(secret, fixture->now_us, code);
	assert_int_equal(auth_totp_confirm(&call, code, spares), 0);
	assert_int_equal(auth_totp_confirm(&call, code, spares), LUYTRE_E_EXISTS);
	assert_int_equal(auth_totp_begin(&call, uri), LUYTRE_E_EXISTS);
}

/* The first account may do nothing before it has a password of its own and a second factor. */
static void test_bootstrap(void **state)
{
	struct fixture *fixture = given(state);
	char again[AUTH_TEXT_SIZE], spares[TOTP_SPARE_COUNT][TOTP_SPARE_SIZE], code[8];
	uint8_t secret[TOTP_SECRET_SIZE];
	struct auth_answer answer, next;
	struct auth_principal found;
	enum password_fault fault;
	struct auth_call call;

	assert_int_equal(auth_bootstrap(fixture->auth, fixture->db, &fixture->origin, again), LUYTRE_E_EXISTS);
	assert_int_equal(log_in(fixture, "ADMIN", fixture->first_password, NULL, &answer), 0);
	assert_int_equal(answer.principal.limits, AUTH_LIMIT_PASSWORD | AUTH_LIMIT_TOTP);
	assert_false(auth_check(&answer.principal, fixture->tree, AUTH_TENANTS_READ, 0));
	call = as(fixture, &answer.principal);
	assert_int_equal(
		auth_password_change(&call, bytes_from_str(good), bytes_from_str(good), &fault), LUYTRE_E_PERMISSION);
	assert_int_equal(auth_password_change(&call, bytes_from_str(fixture->first_password),
				 bytes_from_str("administrator1"), &fault),
		LUYTRE_E_INVALID);
	assert_int_equal(fault, PASSWORD_NAME);
	assert_int_equal(
		auth_password_change(&call, bytes_from_str(fixture->first_password), bytes_from_str(good), &fault), 0);
	assert_int_equal(auth_session_find(fixture->db, answer.cookie, AUTH_IDLE_S, fixture->now_us, &found), 0);
	assert_int_equal(found.limits, AUTH_LIMIT_TOTP);
	assert_false(auth_check_anywhere(&found, fixture->tree, AUTH_SETTINGS_WRITE));
	enrol(fixture, &found, secret, spares);
	assert_int_equal(auth_session_find(fixture->db, answer.cookie, AUTH_IDLE_S, fixture->now_us, &found), 0);
	assert_int_equal(found.limits, 0);
	assert_true(auth_check(&found, fixture->tree, AUTH_SETTINGS_WRITE, 0));

	/* The code that set it up is used, the next one is good once. */
	code_at(secret, fixture->now_us, code);
	assert_int_equal(log_in(fixture, "admin", good, NULL, &next), LUYTRE_E_PERMISSION);
	assert_true(next.code_needed);
	assert_int_equal(log_in(fixture, "admin", good, code, &next), LUYTRE_E_PERMISSION);
	assert_false(next.code_needed);
	fixture->now_us += 30 * S;
	code_at(secret, fixture->now_us, code);
	assert_int_equal(log_in(fixture, "admin", better, code, &next), LUYTRE_E_PERMISSION);
	assert_false(next.code_needed);
	assert_int_equal(log_in(fixture, "admin", good, code, &next), 0);
	assert_int_equal(log_in(fixture, "admin", good, code, &next), LUYTRE_E_PERMISSION);
	/* One-time codes: each once, in any hand. */
	for (size_t i = 0; i < TOTP_SPARE_COUNT; i++) {
		fixture->now_us += 3600 * 3 * S;
		assert_int_equal(log_in(fixture, "admin", good, spares[i], &next), 0);
		assert_int_equal(log_in(fixture, "admin", good, spares[i], &next), LUYTRE_E_PERMISSION);
	}
}

static void test_refused(void **state)
{
	struct fixture *fixture = given(state);
	struct password_stats before, known, unknown;
	struct auth_answer answer;

	add_account(fixture, "lan", MINISTRY, AUTH_ROLE_VIEWER, MINISTRY);
	/* One hashing each, whether there is such an account or not. */
	passwords_stats(auth_passwords(fixture->auth), &before);
	assert_int_equal(log_in(fixture, "lan", "wrong", NULL, &answer), LUYTRE_E_PERMISSION);
	passwords_stats(auth_passwords(fixture->auth), &known);
	assert_int_equal(log_in(fixture, "nobody", good, NULL, &answer), LUYTRE_E_PERMISSION);
	passwords_stats(auth_passwords(fixture->auth), &unknown);
	assert_int_equal(known.hashed - before.hashed, 1);
	assert_int_equal(unknown.hashed - known.hashed, 1);
	assert_int_equal(log_in(fixture, "", "", NULL, &answer), LUYTRE_E_PERMISSION);
	assert_int_equal(log_in(fixture, "' or 1=1 --", good, NULL, &answer), LUYTRE_E_PERMISSION);
	assert_int_equal(answer.cookie[0], 0);
	assert_int_equal(log_in(fixture, "lan", good, "123456", &answer), 0); /* a code that nobody asked for */
}

static void test_brute_force(void **state)
{
	struct fixture *fixture = given(state);
	struct auth_answer answer;
	uint32_t tried = 0, refused = 0;
	struct password_stats before, after;

	add_account(fixture, "lan", MINISTRY, AUTH_ROLE_VIEWER, MINISTRY);
	passwords_stats(auth_passwords(fixture->auth), &before);
	for (int i = 0; i < 500; i++) {
		int error = log_in(fixture, "lan", "guess", NULL, &answer);

		tried += error == LUYTRE_E_PERMISSION;
		refused += error == LUYTRE_E_BUSY && answer.wait_s > 0;
	}
	passwords_stats(auth_passwords(fixture->auth), &after);
	assert_int_equal(tried, THROTTLE_ACCOUNT_FREE + 1);
	assert_int_equal(refused, 500 - tried);
	assert_int_equal(after.hashed - before.hashed, tried); /* what is refused costs nothing */
	assert_int_equal(log_in(fixture, "lan", good, NULL, &answer), LUYTRE_E_BUSY);
	fixture->now_us += 61 * S;
	assert_int_equal(log_in(fixture, "lan", good, NULL, &answer), 0);
}

static void test_rehash(void **state)
{
	struct fixture *fixture = given(state);
	struct auth_answer answer;
	int64_t old;

	add_account(fixture, "lan", MINISTRY, AUTH_ROLE_VIEWER, MINISTRY);
	auth_free(fixture->auth);
	fixture->auth = auth_with(3, 7);
	assert_int_equal(log_in(fixture, "lan", good, NULL, &answer), 0);
	assert_int_equal(log_in(fixture, "lan", good, NULL, &answer), 0);
	assert_int_equal(
		db_integer(fixture->db, "select count(*) from account where password like '%t=3%'", DB_NO_ARGS, &old),
		0);
	assert_int_equal(old, 1);
}

static int session_count(void *context, const struct auth_session *session)
{
	assert_string_equal(session->address, "192.0.2.9");
	assert_string_equal(session->agent, "browser");
	++*(int *)context;
	return 0;
}

static void test_sessions(void **state)
{
	struct fixture *fixture = given(state);
	uint32_t lan = add_account(fixture, "lan", MINISTRY, AUTH_ROLE_VIEWER, MINISTRY);
	struct auth_answer answer = logged_in(fixture, "lan"), other;
	int64_t begin_us = fixture->now_us;
	struct auth_principal found;
	char cookie[AUTH_COOKIE_SIZE];
	struct auth_call call;
	uint64_t swept;
	int count = 0;

	assert_int_equal(auth_session_find(fixture->db, answer.cookie, AUTH_IDLE_S, begin_us, &found), 0);
	assert_int_equal(found.account, lan);
	assert_int_equal(found.grant_count, 1);
	/* Idle, and kept awake up to the end. */
	assert_int_equal(auth_session_find(fixture->db, answer.cookie, AUTH_IDLE_S, begin_us + AUTH_IDLE_S * S, &found),
		LUYTRE_E_PERMISSION);
	for (int64_t now_us = begin_us; now_us < begin_us + AUTH_ABSOLUTE_S * S; now_us += (AUTH_IDLE_S - 1) * S)
		assert_int_equal(auth_session_find(fixture->db, answer.cookie, AUTH_IDLE_S, now_us, &found), 0);
	assert_int_equal(
		auth_session_find(fixture->db, answer.cookie, AUTH_IDLE_S, begin_us + AUTH_ABSOLUTE_S * S, &found),
		LUYTRE_E_PERMISSION);
	/* No other text is a session: shorter, longer, or one sign another. */
	assert_int_equal(auth_session_find(fixture->db, NULL, AUTH_IDLE_S, begin_us, &found), LUYTRE_E_PERMISSION);
	assert_int_equal(auth_session_find(fixture->db, "", AUTH_IDLE_S, begin_us, &found), LUYTRE_E_PERMISSION);
	for (size_t i = 0; i < AUTH_COOKIE_SIZE - 1; i++) {
		memcpy(cookie, answer.cookie, sizeof(cookie));
		cookie[i] = cookie[i] == 'A' ? 'B' : 'A';
		assert_int_equal(
			auth_session_find(fixture->db, cookie, AUTH_IDLE_S, begin_us, &found), LUYTRE_E_PERMISSION);
		cookie[i] = '\0';
		assert_int_equal(
			auth_session_find(fixture->db, cookie, AUTH_IDLE_S, begin_us, &found), LUYTRE_E_PERMISSION);
	}
	/* A list, an end, and the other one stays. */
	other = logged_in(fixture, "lan");
	assert_string_not_equal(other.cookie, answer.cookie);
	call = as(fixture, &other.principal);
	assert_int_equal(auth_session_each(&call, lan, session_count, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(auth_session_end(&call, lan, answer.principal.id), 0);
	assert_int_equal(auth_session_end(&call, lan, answer.principal.id), LUYTRE_E_NOT_FOUND);
	assert_int_equal(
		auth_session_find(fixture->db, answer.cookie, AUTH_IDLE_S, begin_us, &found), LUYTRE_E_PERMISSION);
	assert_int_equal(auth_session_find(fixture->db, other.cookie, AUTH_IDLE_S, begin_us, &found), 0);
	for (int i = 0; i < AUTH_SESSIONS_MAX + 3; i++) /* bounded */
		logged_in(fixture, "lan");
	count = 0;
	assert_int_equal(auth_session_each(&call, lan, session_count, &count), 0);
	assert_int_equal(count, AUTH_SESSIONS_MAX);
	assert_int_equal(auth_session_sweep(fixture->db, AUTH_IDLE_S, fixture->now_us + AUTH_IDLE_S * S, &swept), 0);
	assert_true(swept >= AUTH_SESSIONS_MAX);
}

/* An id that somebody planted before log-in is worth nothing after it. */
static void test_fixation(void **state)
{
	struct fixture *fixture = given(state);
	struct auth_answer first, second, third;
	struct auth_principal found;
	enum password_fault fault;
	struct auth_call call;

	add_account(fixture, "lan", MINISTRY, AUTH_ROLE_VIEWER, MINISTRY);
	first = logged_in(fixture, "lan");
	second = logged_in(fixture, "lan");
	third = logged_in(fixture, "lan");
	assert_string_not_equal(first.cookie, second.cookie);
	call = as(fixture, &second.principal);
	assert_int_equal(auth_session_end(&call, first.principal.account, first.principal.id), 0);
	assert_int_equal(auth_session_find(fixture->db, first.cookie, AUTH_IDLE_S, fixture->now_us, &found),
		LUYTRE_E_PERMISSION);
	logged_in(fixture, "lan"); /* does not bring it back */
	assert_int_equal(auth_session_find(fixture->db, first.cookie, AUTH_IDLE_S, fixture->now_us, &found),
		LUYTRE_E_PERMISSION);
	/* A new password ends what others may hold. */
	assert_int_equal(auth_password_change(&call, bytes_from_str(good), bytes_from_str(better), &fault), 0);
	assert_int_equal(auth_session_find(fixture->db, third.cookie, AUTH_IDLE_S, fixture->now_us, &found),
		LUYTRE_E_PERMISSION);
	assert_int_equal(auth_session_find(fixture->db, second.cookie, AUTH_IDLE_S, fixture->now_us, &found), 0);
}

static void test_csrf(void **state)
{
	struct fixture *fixture = given(state);
	struct auth_answer mine, other;
	char csrf[AUTH_CSRF_SIZE];

	add_account(fixture, "lan", MINISTRY, AUTH_ROLE_VIEWER, MINISTRY);
	mine = logged_in(fixture, "lan");
	other = logged_in(fixture, "lan");
	assert_true(auth_csrf_check(mine.cookie, mine.csrf));
	assert_true(auth_csrf_make(mine.cookie, csrf));
	assert_string_equal(csrf, mine.csrf);
	assert_false(auth_csrf_check(mine.cookie, other.csrf));
	assert_false(auth_csrf_check(mine.cookie, mine.cookie));
	assert_false(auth_csrf_check(mine.cookie, NULL));
	assert_false(auth_csrf_check(mine.cookie, ""));
	assert_false(auth_csrf_check("", mine.csrf));
	for (size_t i = 0; i < AUTH_CSRF_SIZE - 1; i++) {
		memcpy(csrf, mine.csrf, sizeof(csrf));
		csrf[i] ^= 1;
		assert_false(auth_csrf_check(mine.cookie, csrf));
		csrf[i] = '\0';
		assert_false(auth_csrf_check(mine.cookie, csrf));
	}
}

/* Nothing that the database keeps opens a door. */
static void test_stored_secrets(void **state)
{
	struct fixture *fixture = given(state);
	char text[AUTH_TOKEN_SIZE];
	struct auth_answer answer;
	struct auth_call call;
	uint32_t id;
	int64_t found;

	add_account(fixture, "lan", MINISTRY, AUTH_ROLE_VIEWER, MINISTRY);
	answer = logged_in(fixture, "lan");
	call = as(fixture, &answer.principal);
	assert_int_equal(auth_token_create(&call, "t", 1, fixture->now_us + S, text, &id), 0);
	assert_int_equal(db_integer(fixture->db,
				 "select count(*) from audit where detail like ?1 or detail like ?2 or detail like ?3 "
				 "or subject like ?1",
				 DB_ARGS(db_str("%hub_%"), db_str("%correct horse%"), db_str("%argon2%")), &found),
		0);
	assert_int_equal(found, 0);
	assert_int_equal(db_integer(fixture->db, "select count(*) from account_session where hash = ?1",
				 DB_ARGS(db_blob(bytes_from_str(answer.cookie))), &found),
		0);
	assert_int_equal(found, 0);
}

static int token_count(void *context, const struct auth_token *token)
{
	*(struct auth_token *)context = *token;
	return 0;
}

static void test_tokens(void **state)
{
	struct fixture *fixture = given(state);
	uint32_t lan = add_account(fixture, "lan", MINISTRY, AUTH_ROLE_OWNER, MINISTRY), id, another;
	const uint64_t scopes = UINT64_C(1) << AUTH_EVENTS_READ | UINT64_C(1) << AUTH_UNDO_ALL;
	struct auth_answer answer = logged_in(fixture, "lan");
	struct auth_call call = as(fixture, &answer.principal), by_token;
	char text[AUTH_TOKEN_SIZE], altered[AUTH_TOKEN_SIZE + 1], uri[TOTP_URI_SIZE];
	struct auth_principal found;
	struct auth_token token;

	assert_int_equal(auth_token_create(&call, "", scopes, fixture->now_us + S, text, &id), LUYTRE_E_INVALID);
	assert_int_equal(auth_token_create(&call, "t", 0, fixture->now_us + S, text, &id), LUYTRE_E_INVALID);
	assert_int_equal(
		auth_token_create(&call, "t", UINT64_C(1) << 63, fixture->now_us + S, text, &id), LUYTRE_E_INVALID);
	assert_int_equal(auth_token_create(&call, "t", scopes, fixture->now_us, text, &id), LUYTRE_E_RANGE);
	assert_int_equal(
		auth_token_create(&call, "t", scopes, fixture->now_us + 400 * 86400 * S, text, &id), LUYTRE_E_RANGE);
	assert_int_equal(auth_token_create(&call, "SIEM", scopes, fixture->now_us + 3600 * S, text, &id), 0);
	assert_int_equal(strlen(text), AUTH_TOKEN_SIZE - 1);
	assert_memory_equal(text, "hub_", 4);
	assert_int_equal(auth_token_find(fixture->db, text, fixture->now_us, &found), 0);
	assert_int_equal(found.kind, AUTH_BY_TOKEN);
	/* What the account has and the scopes name, both. */
	assert_true(auth_check(&found, fixture->tree, AUTH_EVENTS_READ, WARD));
	assert_false(auth_check(&found, fixture->tree, AUTH_EVENTS_READ, BANK));
	assert_false(auth_check(&found, fixture->tree, AUTH_EVENTS_WRITE, WARD));
	assert_false(auth_check(&found, fixture->tree, AUTH_UNDO_ALL, 0));
	/* Altered or cut anywhere. */
	for (size_t i = 0; i < AUTH_TOKEN_SIZE - 1; i++) {
		for (char c = '-'; c <= 'z'; c++) {
			memcpy(altered, text, AUTH_TOKEN_SIZE);
			if (altered[i] == c)
				continue;
			altered[i] = c;
			assert_int_equal(
				auth_token_find(fixture->db, altered, fixture->now_us, &found), LUYTRE_E_SYNTAX);
		}
		altered[i] = '\0';
		assert_int_equal(auth_token_find(fixture->db, altered, fixture->now_us, &found), LUYTRE_E_SYNTAX);
	}
	snprintf(altered, sizeof(altered), "%sA", text);
	assert_int_equal(auth_token_find(fixture->db, altered, fixture->now_us, &found), LUYTRE_E_SYNTAX);
	assert_int_equal(auth_token_find(fixture->db, NULL, fixture->now_us, &found), LUYTRE_E_SYNTAX);
	/* Well formed, of nobody. */
	assert_int_equal(auth_token_create(&call, "x", scopes, fixture->now_us + 3600 * S, altered, &another), 0);
	assert_int_equal(auth_token_remove(&call, lan, another), 0);
	assert_int_equal(auth_token_find(fixture->db, altered, fixture->now_us, &found), LUYTRE_E_PERMISSION);
	/* Used, listed, expired. */
	assert_int_equal(auth_token_each(&call, lan, token_count, &token), 0);
	assert_string_equal(token.name, "SIEM");
	assert_true(token.used_us == fixture->now_us && token.scopes == scopes);
	assert_int_equal(auth_token_find(fixture->db, text, fixture->now_us + 3600 * S, &found), LUYTRE_E_PERMISSION);
	/* A token is no person. */
	assert_int_equal(auth_token_find(fixture->db, text, fixture->now_us, &found), 0);
	by_token = as(fixture, &found);
	assert_int_equal(
		auth_token_create(&by_token, "y", scopes, fixture->now_us + S, altered, &another), LUYTRE_E_PERMISSION);
	assert_int_equal(auth_totp_begin(&by_token, uri), LUYTRE_E_PERMISSION);
	assert_int_equal(auth_token_remove(&by_token, lan, id), LUYTRE_E_NOT_FOUND);
	for (int i = 1; i < AUTH_TOKENS_MAX; i++)
		assert_int_equal(auth_token_create(&call, "many", scopes, fixture->now_us + S, altered, &another), 0);
	assert_int_equal(
		auth_token_create(&call, "many", scopes, fixture->now_us + S, altered, &another), LUYTRE_E_FULL);
}

static int account_count(void *context, const struct auth_account *account)
{
	++*(int *)context;
	return 0;
}

/* The owner of a ministry rules its accounts, and nobody else's. */
static void test_delegation(void **state)
{
	struct fixture *fixture = given(state);
	uint32_t owner = add_account(fixture, "owner", MINISTRY, AUTH_ROLE_OWNER, MINISTRY);
	uint32_t nurse = add_account(fixture, "nurse", HOSPITAL, AUTH_ROLE_VIEWER, WARD);
	uint32_t banker = add_account(fixture, "banker", BANK, AUTH_ROLE_OWNER, BANK);
	uint32_t analyst = add_account(fixture, "analyst", HOSPITAL, AUTH_ROLE_ANALYST, 0);
	struct auth_answer by_owner = logged_in(fixture, "owner"), by_nurse = logged_in(fixture, "nurse");
	struct auth_call call = as(fixture, &by_owner.principal), root = as(fixture, &fixture->root), low;
	const struct auth_grant operator_ = { AUTH_ROLE_OPERATOR, HOSPITAL }, elsewhere = { AUTH_ROLE_VIEWER, BANK },
				national = { AUTH_ROLE_ANALYST, 0 }, odd = { AUTH_ROLE_OWNER, 0 },
				drill = { AUTH_ROLE_DRILL_MASTER, HOSPITAL }, gone = { AUTH_ROLE_VIEWER, 99 };
	struct auth_account account, made = { .tenant = WARD, .name = "Doctor" };
	enum password_fault fault;
	int count = 0;

	assert_int_equal(auth_account_get(&call, nurse, &account), 0);
	assert_int_equal(auth_account_get(&call, banker, &account), LUYTRE_E_NOT_FOUND);
	assert_int_equal(auth_account_each(&call, 0, 100, account_count, &count), 0);
	assert_int_equal(count, 3);
	count = 0;
	assert_int_equal(auth_account_each(&root, 0, 100, account_count, &count), 0);
	assert_int_equal(count, 5);

	assert_int_equal(auth_grant_add(&call, nurse, &operator_), 0);
	assert_int_equal(auth_grant_add(&call, nurse, &operator_), LUYTRE_E_EXISTS);
	assert_int_equal(auth_grant_add(&call, nurse, &elsewhere), LUYTRE_E_PERMISSION);
	assert_int_equal(auth_grant_add(&call, nurse, &national), LUYTRE_E_PERMISSION);
	assert_int_equal(auth_grant_add(&call, owner, &national), LUYTRE_E_PERMISSION);
	assert_int_equal(auth_grant_add(&call, nurse, &drill), LUYTRE_E_PERMISSION);
	assert_int_equal(auth_grant_add(&call, nurse, &odd), LUYTRE_E_INVALID);
	assert_int_equal(auth_grant_add(&call, nurse, &gone), LUYTRE_E_INVALID);
	assert_int_equal(auth_grant_add(&call, banker, &operator_), LUYTRE_E_NOT_FOUND);
	assert_int_equal(auth_grant_add(&root, nurse, &drill), 0);
	/* Mightier now than the owner is, so no longer his to manage. */
	assert_int_equal(auth_password_reset(&call, nurse, bytes_from_str(better), &fault), LUYTRE_E_PERMISSION);
	assert_int_equal(auth_grant_remove(&root, nurse, &drill), 0);
	assert_int_equal(auth_password_reset(&call, nurse, bytes_from_str(better), &fault), 0);
	assert_int_equal(auth_password_reset(&call, analyst, bytes_from_str(better), &fault), LUYTRE_E_PERMISSION);
	assert_int_equal(auth_password_reset(&call, banker, bytes_from_str(better), &fault), LUYTRE_E_NOT_FOUND);
	assert_int_equal(auth_totp_remove(&call, analyst), LUYTRE_E_PERMISSION);
	assert_int_equal(auth_session_end(&call, analyst, 0), LUYTRE_E_PERMISSION);

	assert_int_equal(auth_account_create(&call, &made, bytes_from_str(better), &fault, &account), 0);
	assert_string_equal(account.name, "doctor");
	assert_int_equal(auth_account_create(&call, &made, bytes_from_str(better), &fault, &made), LUYTRE_E_EXISTS);
	account.tenant = BANK;
	assert_int_equal(auth_account_update(&call, &account, &made), LUYTRE_E_PERMISSION);
	account.tenant = HOSPITAL;
	assert_int_equal(auth_account_update(&call, &account, &made), 0);
	assert_int_equal(auth_account_update(&call, &account, &made), LUYTRE_E_CONFLICT);
	assert_int_equal(auth_account_remove(&call, account.id, made.revision), 0);
	made.tenant = BANK;
	assert_int_equal(
		auth_account_create(&call, &made, bytes_from_str(better), &fault, &account), LUYTRE_E_PERMISSION);
	made.tenant = 0;
	assert_int_equal(
		auth_account_create(&call, &made, bytes_from_str(better), &fault, &account), LUYTRE_E_PERMISSION);

	low = as(fixture, &by_nurse.principal);
	assert_int_equal(auth_account_get(&low, nurse, &account), 0);
	assert_int_equal(auth_account_get(&low, owner, &account), LUYTRE_E_NOT_FOUND);
	assert_int_equal(auth_account_remove(&low, owner, 1), LUYTRE_E_NOT_FOUND);
}

static void test_last_admin(void **state)
{
	struct fixture *fixture = given(state);
	struct auth_call root = as(fixture, &fixture->root);
	const struct auth_grant admin = { AUTH_ROLE_ADMIN, 0 };
	struct auth_account account, second;
	struct auth_answer answer;
	uint32_t id;

	assert_int_equal(auth_account_get(&root, 1, &account), 0);
	account.disabled = true;
	assert_int_equal(auth_account_update(&root, &account, &second), LUYTRE_E_CONFLICT);
	assert_int_equal(auth_account_remove(&root, 1, account.revision), LUYTRE_E_CONFLICT);
	assert_int_equal(auth_grant_remove(&root, 1, &admin), LUYTRE_E_CONFLICT);
	id = add_account(fixture, "second", 0, AUTH_ROLE_ANALYST, 0);
	root = as(fixture, &fixture->root);
	answer = logged_in(fixture, "second");
	assert_int_equal(auth_grant_add(&root, id, &admin), 0);
	/* Rights count at once, and so does the duty of a second factor. */
	assert_int_equal(
		auth_session_find(fixture->db, answer.cookie, AUTH_IDLE_S, fixture->now_us, &answer.principal), 0);
	assert_int_equal(answer.principal.limits, AUTH_LIMIT_TOTP);
	assert_int_equal(auth_account_update(&root, &account, &account), 0);
	assert_int_equal(log_in(fixture, "admin", fixture->first_password, NULL, &answer), LUYTRE_E_PERMISSION);
	assert_int_equal(auth_grant_remove(&root, id, &admin), LUYTRE_E_CONFLICT);
}

static void test_disabled(void **state)
{
	struct fixture *fixture = given(state);
	uint32_t lan = add_account(fixture, "lan", MINISTRY, AUTH_ROLE_VIEWER, MINISTRY), id;
	struct auth_answer answer = logged_in(fixture, "lan");
	struct auth_call call = as(fixture, &answer.principal), root = as(fixture, &fixture->root);
	char text[AUTH_TOKEN_SIZE];
	struct auth_account account;
	struct auth_principal found;

	assert_int_equal(auth_token_create(&call, "t", 1, fixture->now_us + 3600 * S, text, &id), 0);
	assert_int_equal(auth_account_get(&root, lan, &account), 0);
	account.disabled = true;
	assert_int_equal(auth_account_update(&root, &account, &account), 0);
	assert_int_equal(auth_session_find(fixture->db, answer.cookie, AUTH_IDLE_S, fixture->now_us, &found),
		LUYTRE_E_PERMISSION);
	assert_int_equal(auth_token_find(fixture->db, text, fixture->now_us, &found), LUYTRE_E_PERMISSION);
	assert_int_equal(log_in(fixture, "lan", good, NULL, &answer), LUYTRE_E_PERMISSION);
	account.disabled = false;
	assert_int_equal(auth_account_update(&root, &account, &account), 0);
	assert_int_equal(log_in(fixture, "lan", good, NULL, &answer), 0);
	assert_int_equal(auth_token_find(fixture->db, text, fixture->now_us, &found), LUYTRE_E_PERMISSION);
}

static int sign_on(
	struct fixture *fixture, const char *subject, const char *mail, bool second_factor, struct auth_answer *ret)
{
	const uint8_t address[] = { 192, 0, 2, 9 };
	const struct auth_sign_on in = { .issuer = "https://id.example",
		.subject = subject,
		.mail = mail,
		.second_factor = second_factor,
		.address = ip_addr_v4(address),
		.agent = "browser",
		.now_us = fixture->now_us };

	return auth_sign_on(fixture->db, &in, ret);
}

static int sign_on_at(struct fixture *fixture, const char *issuer, const struct auth_grant *grants, size_t count,
	struct auth_answer *ret)
{
	const uint8_t address[] = { 192, 0, 2, 9 };
	const struct auth_sign_on in = { .issuer = issuer,
		.subject = "g",
		.mail = "hoa@example.vn",
		.second_factor = true,
		.maps = true,
		.grants = grants,
		.grant_count = count,
		.tree = as(fixture, &fixture->root).tree,
		.address = ip_addr_v4(address),
		.now_us = fixture->now_us };

	return auth_sign_on(fixture->db, &in, ret);
}

static int sign_on_as(struct fixture *fixture, const struct auth_grant *grants, size_t count, struct auth_answer *ret)
{
	return sign_on_at(fixture, "https://id.example", grants, count, ret);
}

static bool holds_role(const struct auth_principal *principal, enum auth_role role, uint32_t tenant)
{
	for (size_t i = 0; i < principal->grant_count; i++)
		if (principal->grants[i].role == role && principal->grants[i].tenant == tenant)
			return true;
	return false;
}

static int64_t audited(struct fixture *fixture, const char *action)
{
	int64_t count = 0;

	assert_int_equal(db_integer(fixture->db,
				 "select count(*) from audit where action = ?1 and detail like '%https://id.example%'",
				 DB_ARGS(db_str(action)), &count),
		0);
	return count;
}

/* What a group gave it takes; what people gave stays, whatever groups say. */
static void test_groups(void **state)
{
	struct fixture *fixture = given(state);
	struct auth_call root = as(fixture, &fixture->root);
	struct auth_account account = { .name = "hoa@example.vn" };
	const struct auth_grant owner = { AUTH_ROLE_OWNER, MINISTRY }, viewer = { AUTH_ROLE_VIEWER, MINISTRY },
				nobody = { AUTH_ROLE_VIEWER, 4711 }, admin = { AUTH_ROLE_ADMIN, 0 };
	const struct auth_grant both[] = { owner, viewer, nobody };
	enum password_fault fault;
	struct auth_answer answer;
	struct auth_principal first;

	assert_int_equal(auth_account_create(&root, &account, bytes_from_str(better), &fault, &account), 0);
	assert_int_equal(auth_grant_add(&root, account.id, &viewer), 0);
	assert_int_equal(sign_on_as(fixture, both, 3, &answer), 0);
	assert_true(holds_role(&answer.principal, AUTH_ROLE_OWNER, MINISTRY));
	assert_int_equal(answer.principal.grant_count, 2); /* no tenant 4711 */
	assert_int_equal(audited(fixture, "grant.add"), 1);
	assert_int_equal(sign_on_as(fixture, both, 3, &answer), 0);
	assert_int_equal(audited(fixture, "grant.add"), 1); /* nothing new */
	/* Gone at once, for the sessions that stand too. */
	assert_int_equal(sign_on_as(fixture, NULL, 0, &answer), 0);
	assert_int_equal(answer.principal.grant_count, 1);
	assert_true(holds_role(&answer.principal, AUTH_ROLE_VIEWER, MINISTRY));
	assert_int_equal(audited(fixture, "grant.remove"), 1);
	assert_int_equal(auth_session_find(fixture->db, answer.cookie, AUTH_IDLE_S, fixture->now_us, &first), 0);
	assert_false(holds_role(&first, AUTH_ROLE_OWNER, MINISTRY));
	/* Taken by a person and given by a person: no group's any more. */
	assert_int_equal(sign_on_as(fixture, &owner, 1, &answer), 0);
	assert_int_equal(auth_grant_remove(&root, account.id, &owner), 0);
	assert_int_equal(auth_grant_add(&root, account.id, &owner), 0);
	assert_int_equal(sign_on_as(fixture, NULL, 0, &answer), 0);
	assert_true(holds_role(&answer.principal, AUTH_ROLE_OWNER, MINISTRY));
	/* The last who rules the nation's stays that. */
	assert_int_equal(sign_on_as(fixture, &admin, 1, &answer), 0);
	assert_int_equal(db_run(fixture->db, "update account set disabled = 1 where id = 1", DB_NO_ARGS, NULL), 0);
	assert_int_equal(sign_on_as(fixture, NULL, 0, &answer), 0);
	assert_true(holds_role(&answer.principal, AUTH_ROLE_ADMIN, 0));
	assert_int_equal(db_run(fixture->db, "update account set disabled = 0 where id = 1", DB_NO_ARGS, NULL), 0);
	assert_int_equal(sign_on_as(fixture, NULL, 0, &answer), 0);
	assert_false(holds_role(&answer.principal, AUTH_ROLE_ADMIN, 0));
	/* The account can be removed with all of it. */
	assert_int_equal(sign_on_as(fixture, &admin, 1, &answer), 0);
	assert_int_equal(auth_account_get(&root, account.id, &account), 0);
	assert_int_equal(auth_account_remove(&root, account.id, account.revision), 0);
}

/* An account that people of an organisation made is given nothing outside of it. */
static void test_groups_stay_inside(void **state)
{
	struct fixture *fixture = given(state);
	struct auth_call root = as(fixture, &fixture->root);
	struct auth_account account = { .tenant = HOSPITAL, .name = "hoa@example.vn" };
	const struct auth_grant many[] = { { AUTH_ROLE_ADMIN, 0 }, { AUTH_ROLE_OWNER, MINISTRY },
		{ AUTH_ROLE_VIEWER, BANK }, { AUTH_ROLE_OWNER, WARD }, { AUTH_ROLE_VIEWER, HOSPITAL } };
	enum password_fault fault;
	struct auth_answer answer, known;

	assert_int_equal(auth_account_create(&root, &account, bytes_from_str(better), &fault, &account), 0);
	assert_int_equal(log_in(fixture, "hoa@example.vn", better, NULL, &known), 0);
	assert_int_equal(sign_on_as(fixture, many, ARRAY_COUNT(many), &answer), 0);
	assert_int_equal(answer.principal.grant_count, 2);
	assert_true(holds_role(&answer.principal, AUTH_ROLE_OWNER, WARD));
	assert_true(holds_role(&answer.principal, AUTH_ROLE_VIEWER, HOSPITAL));
	/* Who made the account knows its first password: it opens nothing, and what it opened is shut. */
	assert_int_equal(log_in(fixture, "hoa@example.vn", better, NULL, &answer), LUYTRE_E_PERMISSION);
	assert_int_equal(auth_session_find(fixture->db, known.cookie, AUTH_IDLE_S, fixture->now_us, &known.principal),
		LUYTRE_E_PERMISSION);
	/* What a group gave while the account was the nation's goes when it belongs to an organisation. */
	assert_int_equal(
		db_run(fixture->db, "update account set tenant = 0 where id = ?1", DB_ARGS(db_i64(account.id)), NULL),
		0);
	assert_int_equal(sign_on_as(fixture, many, ARRAY_COUNT(many), &answer), 0);
	assert_int_equal(answer.principal.grant_count, 5);
	assert_int_equal(db_run(fixture->db, "update account set tenant = ?2 where id = ?1",
				 DB_ARGS(db_i64(account.id), db_i64(HOSPITAL)), NULL),
		0);
	assert_int_equal(sign_on_as(fixture, many, ARRAY_COUNT(many), &answer), 0);
	assert_int_equal(answer.principal.grant_count, 2);
}

/* The provider moves: what its groups gave under the old name is still theirs to take. */
static void test_groups_of_a_moved_provider(void **state)
{
	static const char moved[] = "https://sso.example";
	struct fixture *fixture = given(state);
	struct auth_call root = as(fixture, &fixture->root);
	struct auth_account account = { .tenant = MINISTRY, .name = "hoa@example.vn" };
	const struct auth_grant both[] = { { AUTH_ROLE_OWNER, MINISTRY }, { AUTH_ROLE_VIEWER, HOSPITAL } };
	enum password_fault fault;
	struct auth_answer answer;

	assert_int_equal(auth_account_create(&root, &account, bytes_from_str(better), &fault, &account), 0);
	assert_int_equal(sign_on_as(fixture, both, 2, &answer), 0);
	assert_int_equal(answer.principal.grant_count, 2);
	assert_int_equal(sign_on_at(fixture, moved, both, 1, &answer), 0);
	assert_int_equal(answer.principal.grant_count, 1);
	assert_true(holds_role(&answer.principal, AUTH_ROLE_OWNER, MINISTRY));
	assert_int_equal(sign_on_at(fixture, moved, NULL, 0, &answer), 0);
	assert_int_equal(answer.principal.grant_count, 0);
	assert_int_equal(auth_account_get(&root, account.id, &account), 0);
	assert_int_equal(account.grant_count, 0);
}

/* The address names the account once; then it is the number at the provider. */
static void test_sign_on(void **state)
{
	struct fixture *fixture = given(state);
	struct auth_call root = as(fixture, &fixture->root);
	char spares[TOTP_SPARE_COUNT][TOTP_SPARE_SIZE];
	uint8_t secret[TOTP_SECRET_SIZE];
	struct auth_answer answer, other;
	struct auth_account account = { .tenant = MINISTRY, .name = "lan@example.vn" };
	const struct auth_grant admin = { AUTH_ROLE_ADMIN, 0 };
	enum password_fault fault;
	struct auth_principal found;

	assert_int_equal(sign_on(fixture, "1", "lan@example.vn", false, &answer), LUYTRE_E_PERMISSION);
	assert_int_equal(auth_account_create(&root, &account, bytes_from_str(better), &fault, &account), 0);
	assert_int_equal(sign_on(fixture, "1", NULL, false, &answer), LUYTRE_E_PERMISSION);
	assert_int_equal(sign_on(fixture, "1", "Lan@example.vn", false, &answer), 0);
	assert_int_equal(answer.principal.account, account.id);
	assert_int_equal(answer.principal.limits, 0); /* the first password is not used */
	assert_int_equal(auth_session_find(fixture->db, answer.cookie, AUTH_IDLE_S, fixture->now_us, &found), 0);
	assert_true(found.account == account.id && found.limits == 0 && !found.totp);
	assert_int_equal(log_in(fixture, "lan@example.vn", better, NULL, &other), LUYTRE_E_PERMISSION);
	assert_int_equal(sign_on(fixture, "1", "other@example.vn", false, &answer), 0);
	assert_int_equal(answer.principal.account, account.id);
	assert_int_equal(sign_on(fixture, "2", "lan@example.vn", false, &answer), LUYTRE_E_PERMISSION);
	assert_false(answer.code_needed);

	/* Who rules the nation's needs a second factor, there or here; one that is here is asked for there too. */
	assert_int_equal(auth_grant_add(&root, account.id, &admin), 0);
	assert_int_equal(sign_on(fixture, "1", NULL, false, &answer), 0);
	assert_int_equal(answer.principal.limits, AUTH_LIMIT_TOTP);
	assert_int_equal(sign_on(fixture, "1", NULL, true, &other), 0);
	assert_int_equal(other.principal.limits, 0);
	assert_int_equal(auth_session_find(fixture->db, other.cookie, AUTH_IDLE_S, fixture->now_us, &found), 0);
	assert_true(found.limits == 0 && found.totp);
	enrol(fixture, &answer.principal, secret, spares);
	assert_int_equal(sign_on(fixture, "1", NULL, false, &answer), LUYTRE_E_PERMISSION);
	assert_true(answer.code_needed);
	assert_int_equal(sign_on(fixture, "1", NULL, true, &answer), 0);

	assert_int_equal(auth_account_get(&root, account.id, &account), 0);
	account.disabled = true;
	assert_int_equal(auth_account_update(&root, &account, &account), 0);
	assert_int_equal(sign_on(fixture, "1", NULL, true, &answer), LUYTRE_E_PERMISSION);
	assert_int_equal(auth_account_remove(&root, account.id, account.revision), 0);
	assert_int_equal(sign_on(fixture, "1", "lan@example.vn", true, &answer), LUYTRE_E_PERMISSION);
}

/* With another key the sealed secret opens nothing, instead of something. */
static void test_other_key(void **state)
{
	struct fixture *fixture = given(state);
	char spares[TOTP_SPARE_COUNT][TOTP_SPARE_SIZE], code[8];
	uint8_t secret[TOTP_SECRET_SIZE];
	struct auth_answer answer;

	add_account(fixture, "lan", MINISTRY, AUTH_ROLE_VIEWER, MINISTRY);
	answer = logged_in(fixture, "lan");
	enrol(fixture, &answer.principal, secret, spares);
	auth_free(fixture->auth);
	fixture->auth = auth_with(1, 8);
	fixture->now_us += 60 * S;
	code_at(secret, fixture->now_us, code);
	assert_int_equal(log_in(fixture, "lan", good, code, &answer), LUYTRE_E_PERMISSION);
	assert_int_equal(log_in(fixture, "lan", good, spares[0], &answer), LUYTRE_E_PERMISSION);
	auth_free(fixture->auth);
	fixture->auth = auth_with(1, 7);
	assert_int_equal(log_in(fixture, "lan", good, code, &answer), 0);
	assert_int_equal(log_in(fixture, "lan", good, spares[0], &answer), 0);
}

static void test_audited(void **state)
{
	struct fixture *fixture = given(state);
	struct audit_result result;
	struct auth_answer answer;
	int64_t count;

	add_account(fixture, "lan", MINISTRY, AUTH_ROLE_VIEWER, MINISTRY);
	assert_int_equal(log_in(fixture, "lan", "wrong", NULL, &answer), LUYTRE_E_PERMISSION);
	assert_int_equal(log_in(fixture, "password typed here", "wrong", NULL, &answer), LUYTRE_E_PERMISSION);
	assert_int_equal(db_integer(fixture->db, "select count(*) from audit where action = 'session.refuse'",
				 DB_NO_ARGS, &count),
		0);
	assert_int_equal(count, 1);
	assert_int_equal(
		db_integer(fixture->db, "select count(*) from audit where subject = 'account:2 lan' and tenant = 1",
			DB_NO_ARGS, &count),
		0);
	assert_int_equal(count, 6); /* create, grant, log-in, password, end, refusal */
	assert_int_equal(audit_verify(fixture->db, NULL, (struct bytes){ 0 }, &result), 0);
	assert_int_equal(result.fault, AUDIT_WHOLE);
}

static void test_key_file(void **state)
{
	char folder[] = "/tmp/luytre-auth-XXXXXX", path[64];
	uint8_t first[AUTH_KEY_SIZE], second[AUTH_KEY_SIZE];

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/key", folder);
	assert_int_equal(auth_key_load(path, first), 0);
	assert_int_equal(auth_key_load(path, second), 0);
	assert_memory_equal(first, second, sizeof(first));
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(auth_key_load(path, second), LUYTRE_E_PERMISSION);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(truncate(path, 10), 0);
	assert_int_equal(auth_key_load(path, second), LUYTRE_E_CORRUPT);
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
}

static int start(void **state)
{
	if (!pgtest_start(postgres_place, postgres_missing))
		postgres_place[0] = '\0';
	return 0;
}

static int stop(void **state)
{
	pgtest_stop();
	return 0;
}

#define BOTH(test)                                                                                                     \
	{ #test " (sqlite)", test, setup_sqlite, teardown, NULL },                                                     \
	{                                                                                                              \
#test " (postgres)", test, setup_postgres, teardown, NULL                                              \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_bootstrap),
		BOTH(test_refused),
		BOTH(test_brute_force),
		BOTH(test_rehash),
		BOTH(test_sessions),
		BOTH(test_fixation),
		BOTH(test_csrf),
		BOTH(test_stored_secrets),
		BOTH(test_tokens),
		BOTH(test_delegation),
		BOTH(test_last_admin),
		BOTH(test_disabled),
		BOTH(test_sign_on),
		BOTH(test_groups),
		BOTH(test_groups_stay_inside),
		BOTH(test_groups_of_a_moved_provider),
		BOTH(test_other_key),
		BOTH(test_audited),
		cmocka_unit_test(test_key_file),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
