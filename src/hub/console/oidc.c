// SPDX-License-Identifier: Apache-2.0
/* Sign-on by others (hub/auth/oidc.h): where to go, and coming back. What must not leave the browser between the two lies sealed in a
 * cookie of its own. */
#include <string.h>

#include "hub/auth/oidc.h"
#include "hub/console/accounts.h"
#include "hub/console/settings.h"

#define TICKET_NAME "__Host-luytre-oidc"
#define TICKET_TAIL "; Path=/; Secure; HttpOnly; SameSite=Strict"

static void refuse(struct api_reply *reply, int error)
{
	if (error == LUYTRE_E_PERMISSION)
		api_reply_problem(reply, API_PROBLEM_CREDENTIALS, NULL);
	else if (error == LUYTRE_E_BUSY || error == LUYTRE_E_IO) /* the provider has the word */
		api_reply_problem(reply, API_PROBLEM_OVERLOADED, NULL);
	else
		api_reply_error(reply, error, NULL);
}

void handle_begin_oidc(struct api_request *request, struct api_reply *reply)
{
	struct oidc *oidc = console_of(request)->oidc;
	struct oidc_going going;
	struct jsonw *json;
	int error;

	if (!oidc) {
		api_reply_problem(reply, API_PROBLEM_NOT_FOUND, NULL);
		return;
	}
	error = oidc_begin(oidc, console_now_us(request), &going);
	if (error) {
		refuse(reply, error);
		return;
	}
	json = api_reply_json(reply, 201);
	jsonw_object_begin(json);
	jsonw_kv_string(json, "url", going.url);
	jsonw_object_end(json);
	api_reply_header_format(
		reply, "Set-Cookie", TICKET_NAME "=%s; Max-Age=%d" TICKET_TAIL, going.ticket, OIDC_TICKET_S);
}

static int find_identity(struct api_request *request, struct oidc_identity *ret)
{
	char ticket[OIDC_TICKET_SIZE];
	bool found = console_cookie(request->headers.cookie, TICKET_NAME, ticket, sizeof(ticket));
	const struct oidc_returning returning = { .ticket = found ? ticket : NULL,
		.code = console_body_text(request, "code"),
		.state = console_body_text(request, "state"),
		.issuer = console_body_text(request, "iss") };

	return oidc_finish(console_of(request)->oidc, &returning, console_now_us(request), ret);
}

static int sign_on(struct api_request *request, const struct oidc_identity *identity, struct auth_answer *ret)
{
	struct console_worker *worker = console_worker_of(request);
	struct auth_grant grants[OIDC_GROUPS_MAX];
	struct auth_sign_on in = { .issuer = identity->issuer,
		.subject = identity->subject,
		.mail = identity->mail[0] ? identity->mail : NULL,
		.second_factor = identity->second_factor,
		.address = request->client,
		.agent = request->headers.user_agent,
		.now_us = console_now_us(request) };
	int error = tenants_tree_refresh(worker->db, &worker->tree);

	in.maps = oidc_grants(console_of(request)->oidc, identity, grants, &in.grant_count);
	in.grants = grants;
	in.tree = worker->tree;
	return error ? error : auth_sign_on(worker->db, &in, ret);
}

void handle_finish_oidc(struct api_request *request, struct api_reply *reply)
{
	struct auth_answer answer = { 0 };
	struct oidc_identity identity;
	int error;

	if (!console_of(request)->oidc) {
		api_reply_problem(reply, API_PROBLEM_NOT_FOUND, NULL);
		return;
	}
	error = find_identity(request, &identity);
	if (!error)
		error = sign_on(request, &identity, &answer);
	if (error && answer.code_needed)
		api_reply_problem(reply, API_PROBLEM_SECOND_FACTOR, NULL);
	else if (error)
		refuse(reply, error);
	else
		session_answer(request, reply, &answer);
	api_reply_header(reply, "Set-Cookie", TICKET_NAME "=; Max-Age=0" TICKET_TAIL);
}
