// SPDX-License-Identifier: Apache-2.0
/* Tokens with which new edges enter. Their text is shown once; of it only a hash is kept. */
#include "hub/console/served.h"

#include <sodium.h>
#include <stdio.h>

enum { HOUR_S = 3600 };

static void write_enrolment(struct jsonw *json, const struct tenants_tree *tree, const struct edges_token_view *token)
{
	const struct scope nation = { .all = true }; /* who sees tokens at all sees this */

	jsonw_object_begin(json);
	console_kv_id(json, "id", token->id);
	jsonw_kv_string(json, "name", token->name);
	registry_kv_province(json, token->province);
	served_write(json, tree, &nation, token->bound);
	console_kv_time(json, "expires", token->until_us);
	jsonw_kv_string(json, "created_by", token->created_by);
	jsonw_object_end(json);
}

/* Copies: what is long is not written under the lock. */
struct copies {
	struct edges_token_view *tokens;
	size_t count, max;
};

static int copy_token(void *context, const struct edges_token_view *token)
{
	struct copies *copies = context;

	copies->tokens[copies->count] = *token;
	copies->tokens[copies->count++].bound = edges_bound_ref(token->bound);
	return copies->count == copies->max;
}

static int list_tokens(struct registry_page *page)
{
	const struct api_request *request = page->request;
	struct core *core = console_core(request);
	struct copies copies = { .max = (size_t)page->left + 1 };
	int error, full = 0;

	copies.tokens = arena_take(request->arena, copies.max * sizeof(*copies.tokens));
	if (!copies.tokens)
		return LUYTRE_E_NOMEM;
	core_lock(core);
	error = edges_token_each(core_edges(core), console_now_us(request), (uint32_t)page->last.id,
		(uint32_t)copies.max, copy_token, &copies);
	core_unlock(core);
	for (size_t i = 0; i < copies.count; i++) {
		full = full ? full : registry_page_take(page, 0, copies.tokens[i].id);
		if (!full)
			write_enrolment(page->json, console_worker_of(request)->tree, &copies.tokens[i]);
		edges_bound_unref(copies.tokens[i].bound);
	}
	return error < 0 ? error : full;
}

void handle_list_enrolments(struct api_request *request, struct api_reply *reply)
{
	const struct scope none = { 0 };
	struct registry_page page;
	struct registry registry;

	if (!console_allowed(request, reply, AUTH_EDGES_WRITE, 0))
		return;
	registry_call(request, &none, &registry);
	if (registry_page_begin(request, reply, &registry, &page))
		registry_page_end(reply, &page, list_tokens(&page));
}

static bool read_invitation(const struct api_request *request, struct api_reply *reply, struct served_name *name,
	struct edges_invitation *ret)
{
	struct jsonr_errors errors;
	struct jsonr body, member;
	int64_t hours = 0;

	api_body(request, &errors, &body);
	*ret = (struct edges_invitation){ .name = name->text };
	registry_text(&body, "name", JSONR_NEEDED, name->text, sizeof(name->text));
	registry_province(&body, &ret->province);
	(void)jsonr_i64(&body, "hours", JSONR_OPTIONAL, 1, EDGES_TOKEN_LIVES_MAX_S / HOUR_S, &hours);
	ret->lives_s = (uint32_t)hours * HOUR_S;
	served_read(request, &body, &ret->bound);
	member = jsonr_member(&body, "tenants");
	if (!errors.count && !ret->bound.all && !ret->bound.tenant_count)
		jsonr_fail(&member, JSONR_MISSING, 0, 0);
	if (errors.count)
		api_reply_invalid(reply, &errors);
	return errors.count == 0;
}

void handle_create_enrolment(struct api_request *request, struct api_reply *reply)
{
	struct core *core = console_core(request);
	struct edges_invitation invitation;
	struct served_name name = { 0 };
	char token[EDGES_TOKEN_SIZE];
	struct console_call call;
	struct jsonw *json;
	uint32_t id, lives_s;
	int error;

	if (!console_allowed(request, reply, AUTH_EDGES_WRITE, 0) ||
		!read_invitation(request, reply, &name, &invitation))
		return;
	console_call(request, &call);
	core_lock(core);
	error = edges_token(core_edges(core), &call.origin, &invitation, token, &id);
	core_unlock(core);
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	lives_s = invitation.lives_s ? invitation.lives_s : EDGES_TOKEN_LIVES_S;
	json = api_reply_json(reply, 201);
	jsonw_object_begin(json);
	console_kv_id(json, "id", id);
	jsonw_kv_string(json, "token", token);
	console_kv_time(json, "expires", call.origin.now_us + lives_s * INT64_C(1000000));
	jsonw_object_end(json);
	sodium_memzero(token, sizeof(token));
}

void handle_delete_enrolment(struct api_request *request, struct api_reply *reply)
{
	struct core *core = console_core(request);
	struct console_call call;
	uint32_t id;
	int error;

	if (!console_allowed(request, reply, AUTH_EDGES_WRITE, 0) ||
		!console_path_id32(request, reply, "enrolment", &id))
		return;
	console_call(request, &call);
	core_lock(core);
	error = edges_token_remove(core_edges(core), &call.origin, id);
	core_unlock(core);
	if (error)
		api_reply_error(reply, error, NULL);
	else
		api_reply_empty(reply, 204);
}
