// SPDX-License-Identifier: Apache-2.0
/* An account made by the person at the hub's machine (`luytre hub account`): who may speak on the control socket may do so as the
 * system itself, as in the audit log. */
#include <sodium.h>
#include <stdio.h>

#include "base/clock.h"
#include "hub/auth/auth.h"
#include "hub/auth/totp.h"
#include "hub/console/internal.h"

static void make_password(char ret[AUTH_TEXT_SIZE])
{
	char parts[2][TOTP_SPARE_SIZE];

	totp_spare_make(parts[0]);
	totp_spare_make(parts[1]);
	snprintf(ret, AUTH_TEXT_SIZE, "%s-%s", parts[0], parts[1]);
	sodium_memzero(parts, sizeof(parts));
}

/* Changes the first password, as its owner would have to: the new one counts as it is. */
static int settle(
	const struct auth_call *system, const struct auth_account *account, const char *first, const char *password)
{
	const struct auth_login login = { .name = account->name,
		.password = first,
		.address = ip_addr_v4((const uint8_t[]){ 127, 0, 0, 1 }),
		.now_us = system->origin->now_us };
	enum password_fault fault = PASSWORD_NONE;
	struct auth_answer answer;
	struct auth_call own = *system;
	int error = auth_log_in(system->auth, system->db, &login, &answer);

	own.principal = &answer.principal;
	if (!error)
		error = auth_password_change(&own, bytes_from_str(first), bytes_from_str(password), &fault);
	if (!error)
		error = auth_session_end(system, account->id, 0);
	sodium_memzero(&answer, sizeof(answer));
	return error;
}

int console_newcomer(struct console *console, const char *name, enum auth_role role, char ret_password[AUTH_TEXT_SIZE])
{
	const struct audit_origin origin = { .actor = "system", .now_us = (int64_t)(clock_real_ns() / NS_PER_US) };
	const struct auth_principal system = { .kind = AUTH_BY_SESSION,
		.scopes = AUTH_ALL_PERMISSIONS,
		.grants = { { AUTH_ROLE_ADMIN, 0 } },
		.grant_count = 1 };
	const struct auth_grant grant = { .role = role };
	enum password_fault fault = PASSWORD_NONE;
	struct auth_account account = { 0 };
	struct auth_call call = { .auth = console->auth, .db = console->db, .principal = &system, .origin = &origin };
	char first[AUTH_TEXT_SIZE];
	int error;

	if (snprintf(account.name, sizeof(account.name), "%s", name) >= (int)sizeof(account.name))
		return LUYTRE_E_INVALID;
	snprintf(account.display, sizeof(account.display), "%s", name);
	make_password(first);
	make_password(ret_password);
	pthread_mutex_lock(&console->db_lock);
	call.tree = console->tree;
	error = auth_account_create(&call, &account, bytes_from_str(first), &fault, &account);
	if (!error)
		error = auth_grant_add(&call, account.id, &grant);
	if (!error)
		error = settle(&call, &account, first, ret_password);
	pthread_mutex_unlock(&console->db_lock);
	sodium_memzero(first, sizeof(first));
	return error;
}
