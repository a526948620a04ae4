// SPDX-License-Identifier: Apache-2.0
/* Logging in and out, and what everybody does with his own account: password, second factor. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "hub/console/accounts.h"
#include "hub/console/settings.h"

/* The prefix makes browsers hold the cookie to this host, all paths and TLS (RFC 6265bis, section 4.1.3.2). */
#define COOKIE_TAIL "; Path=/; Secure; HttpOnly; SameSite=Strict"

enum { US_PER_S = 1000000, SECRET_SIZE = 64 };

/* ---- The answer "who am I" ---- */

struct own {
	uint32_t id; /* of the session or token */
	uint32_t idle_s;
	int64_t expires_us;
	int64_t now_us;
};

static int own_session(void *context, const struct auth_session *session)
{
	struct own *own = context;
	int64_t idle_us = own->now_us + (int64_t)own->idle_s * US_PER_S;
	int64_t end_us = session->created_us + (int64_t)AUTH_ABSOLUTE_S * US_PER_S;

	if (session->id == own->id)
		own->expires_us = idle_us < end_us ? idle_us : end_us;
	return 0;
}

static int own_token(void *context, const struct auth_token *token)
{
	struct own *own = context;

	if (token->id == own->id)
		own->expires_us = token->expires_us;
	return 0;
}

static const char *second_factor(const struct auth_principal *principal, bool totp)
{
	if (principal->limits & AUTH_LIMIT_TOTP)
		return "required";
	return totp ? "totp" : "none";
}

static void write_permissions(struct jsonw *json, const struct auth_call *call)
{
	jsonw_kv_array_begin(json, "permissions");
	for (int i = 0; i < AUTH_PERMISSION_COUNT; i++)
		if (auth_check_anywhere(call->principal, call->tree, (enum auth_permission)i))
			jsonw_string(json, auth_permission_name((enum auth_permission)i));
	jsonw_array_end(json);
}

static void write_session(const struct api_request *request, struct api_reply *reply, int status,
	const struct console_call *call, const char *csrf)
{
	const struct auth_principal *principal = call->auth.principal;
	struct own own = {
		.id = principal->id, .idle_s = atomic_load(&console_of(request)->idle_s), .now_us = call->origin.now_us
	};
	struct auth_account account = { 0 };
	struct profile profile;
	struct jsonw *json;
	int error = profile_get(call->auth.db, principal->account, &profile);

	if (!error && principal->kind == AUTH_BY_TOKEN)
		error = auth_token_each(&call->auth, principal->account, own_token, &own);
	else if (!error)
		error = auth_session_each(&call->auth, principal->account, own_session, &own);
	if (!error)
		error = auth_account_get(&call->auth, principal->account, &account);
	/* A token may not read accounts unless that is one of its scopes: then it knows its name alone. */
	if (principal->kind == AUTH_BY_TOKEN && (error == LUYTRE_E_NOT_FOUND || error == LUYTRE_E_PERMISSION))
		error = 0;
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	json = api_reply_json(reply, status);
	jsonw_object_begin(json);
	console_kv_id(json, "user", principal->account);
	jsonw_kv_string(json, "name", account.display[0] ? account.display : principal->name);
	jsonw_kv_string(json, "language", profile.language);
	jsonw_kv_string(json, "second_factor", second_factor(principal, account.totp));
	jsonw_kv_string(json, "csrf", csrf);
	jsonw_kv_bool(json, "password_expired", principal->limits & AUTH_LIMIT_PASSWORD);
	jsonw_kv_array_begin(json, "grants");
	for (size_t i = 0; i < principal->grant_count; i++)
		grant_write(call, json, principal->account, &principal->grants[i]);
	jsonw_array_end(json);
	write_permissions(json, &call->auth);
	console_kv_time(json, "expires", own.expires_us ? own.expires_us : own.now_us);
	jsonw_object_end(json);
}

void handle_get_session(struct api_request *request, struct api_reply *reply)
{
	struct console_call call;

	console_call(request, &call);
	write_session(request, reply, 200, &call, request->caller.csrf);
}

/* ---- In and out ---- */

static void refuse_log_in(struct api_reply *reply, int error, const struct auth_answer *answer)
{
	if (error == LUYTRE_E_PERMISSION && answer->code_needed) {
		api_reply_problem(reply, API_PROBLEM_SECOND_FACTOR, NULL);
	} else if (error == LUYTRE_E_PERMISSION) {
		api_reply_problem(reply, API_PROBLEM_CREDENTIALS, NULL);
	} else if (error == LUYTRE_E_BUSY && answer->wait_s > 0) {
		api_reply_problem(reply, API_PROBLEM_TOO_MANY, NULL);
		api_reply_header_format(reply, "Retry-After", "%u", answer->wait_s);
	} else {
		api_reply_error(reply, error, NULL);
	}
}

void session_answer(struct api_request *request, struct api_reply *reply, struct auth_answer *answer)
{
	struct console_call call;

	settings_limit(console_of(request), &answer->principal);
	console_call(request, &call);
	call.auth.principal = &answer->principal;
	write_session(request, reply, 201, &call, answer->csrf);
	api_reply_header_format(reply, "Set-Cookie", "__Host-luytre=%s" COOKIE_TAIL, answer->cookie);
}

void handle_create_session(struct api_request *request, struct api_reply *reply)
{
	struct console *console = console_of(request);
	struct console_worker *worker = console_worker_of(request);
	const struct auth_login login = { .name = console_body_text(request, "login"),
		.password = console_body_text(request, "password"),
		.code = console_body_text(request, "code"),
		.address = request->client,
		.agent = request->headers.user_agent,
		.now_us = console_now_us(request) };
	struct auth_answer answer = { 0 };
	int error = tenants_tree_refresh(worker->db, &worker->tree);

	if (!error)
		error = auth_log_in(console->auth, worker->db, &login, &answer);
	if (error) {
		refuse_log_in(reply, error, &answer);
		return;
	}
	session_answer(request, reply, &answer);
}

void handle_delete_session(struct api_request *request, struct api_reply *reply)
{
	const struct auth_principal *principal = console_principal(request);
	struct console_call call;
	int error = LUYTRE_E_PERMISSION; /* a token has no session, and is taken back elsewhere */

	console_call(request, &call);
	if (principal->kind == AUTH_BY_SESSION)
		error = auth_session_end(&call.auth, principal->account, principal->id);
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	/* Streams of other sessions of the same person end too, and come back by themselves. */
	console_forget(console_of(request), principal->account);
	api_reply_empty(reply, 204);
	api_reply_header(reply, "Set-Cookie", "__Host-luytre=; Max-Age=0" COOKIE_TAIL);
}

/* ---- One's own account ---- */

/* A token never changes its account. */
static bool by_session(const struct api_request *request, struct api_reply *reply)
{
	if (console_principal(request)->kind == AUTH_BY_SESSION)
		return true;
	api_reply_error(reply, LUYTRE_E_PERMISSION, NULL);
	return false;
}

void handle_change_password(struct api_request *request, struct api_reply *reply)
{
	enum password_fault fault = PASSWORD_NONE;
	struct console_call call;
	int error;

	if (!by_session(request, reply))
		return;
	console_call(request, &call);
	error = auth_password_change(&call.auth, bytes_from_str(console_body_text(request, "old")),
		bytes_from_str(console_body_text(request, "new")), &fault);
	if (error == LUYTRE_E_PERMISSION) {
		api_reply_problem(reply, API_PROBLEM_CREDENTIALS, NULL);
	} else if (error == LUYTRE_E_BUSY) {
		api_reply_problem(reply, API_PROBLEM_TOO_MANY, NULL);
		api_reply_header_format(reply, "Retry-After", "%u", (unsigned int)THROTTLE_ACCOUNT_MAX_S);
	} else if (error) {
		password_refuse(request, reply, error, fault);
	} else {
		console_forget(console_of(request), call.auth.principal->account);
		api_reply_empty(reply, 204);
	}
}

void handle_begin_totp(struct api_request *request, struct api_reply *reply)
{
	char uri[TOTP_URI_SIZE], secret[SECRET_SIZE] = "";
	struct console_call call;
	struct jsonw *json;
	const char *begin;
	int error;

	if (!by_session(request, reply))
		return;
	console_call(request, &call);
	error = auth_totp_begin(&call.auth, uri);
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	begin = strstr(uri, "secret=");
	if (begin) {
		begin += strlen("secret=");
		snprintf(secret, sizeof(secret), "%.*s", (int)strcspn(begin, "&"), begin);
	}
	json = api_reply_json(reply, 201);
	jsonw_object_begin(json);
	jsonw_kv_string(json, "uri", uri);
	jsonw_kv_string(json, "secret", secret);
	jsonw_object_end(json);
}

void handle_confirm_totp(struct api_request *request, struct api_reply *reply)
{
	char spares[TOTP_SPARE_COUNT][TOTP_SPARE_SIZE];
	struct console_call call;
	struct jsonw *json;
	int error;

	if (!by_session(request, reply))
		return;
	console_call(request, &call);
	error = auth_totp_confirm(&call.auth, console_body_text(request, "code"), spares);
	if (error == LUYTRE_E_PERMISSION) {
		api_reply_problem(reply, API_PROBLEM_CREDENTIALS, NULL);
		return;
	}
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	console_forget(console_of(request), call.auth.principal->account);
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	jsonw_kv_array_begin(json, "codes");
	for (size_t i = 0; i < TOTP_SPARE_COUNT; i++)
		jsonw_string(json, spares[i]);
	jsonw_array_end(json);
	jsonw_object_end(json);
}
