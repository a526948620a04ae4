// SPDX-License-Identifier: Apache-2.0
/* Perimeter sites. Who may look at an organisation sees the edges it lies behind, and of their organisations only those. What an edge
 * says of itself (hub/core/edgestate.h) stands beside what the register knows. */
#include <stdio.h>

#include "hub/console/served.h"

enum { CHUNK = 128 }; /* copied under the lock at a time */

struct seen_edge {
	struct edge_view view; /* its bound is held */
	struct edgestate_view state;
	bool told; /* the edge has said how it is */
	bool current;
};

static void tell(const struct api_request *request, uint32_t edge, const char *op)
{
	char text[96];

	snprintf(text, sizeof(text), "{\"object\":\"edge\",\"id\":\"%u\",\"op\":\"%s\"}", edge, op);
	console_publish(console_of(request), CONSOLE_TOPIC_EDGES, CONSOLE_EVERYBODY, bytes_from_str(text));
}

/* Under the lock. */
static void copy_edge(struct core *core, const struct edge_view *view, int64_t now_us, struct seen_edge *ret)
{
	uint64_t epoch, number;

	engine_position(core_engine(core), &epoch, &number);
	ret->view = *view;
	ret->view.bound = edges_bound_ref(view->bound);
	ret->told = edgestate_find(core_edgestate(core), view->id, now_us, &ret->state);
	ret->current = view->epoch == epoch && view->have == number;
}

static void write_edge(
	const struct api_request *request, struct jsonw *json, const struct scope *scope, const struct seen_edge *edge)
{
	const struct edge_view *view = &edge->view;
	int64_t now_us = console_now_us(request);

	jsonw_object_begin(json);
	console_kv_id(json, "id", view->id);
	jsonw_kv_i64(json, "revision", view->revision);
	jsonw_kv_string(json, "name", view->name);
	registry_kv_province(json, view->province);
	jsonw_kv_string(json, "state", edgestate_state(view, now_us));
	served_write(json, console_worker_of(request)->tree, scope, view->bound);
	jsonw_kv_u64(json, "policy", view->policy);
	jsonw_kv_u64(json, "decisions", view->have);
	jsonw_kv_double(json, "lag_s",
		edge->current || !view->have_us || now_us < view->have_us ? 0 : (double)(now_us - view->have_us) / 1e6);
	jsonw_kv_array_begin(json, "drift");
	for (size_t i = 0; edge->told && i < edge->state.drift_count; i++)
		jsonw_string(json, edge->state.drift[i]);
	jsonw_array_end(json);
	if (edge->told) {
		jsonw_kv_u64(json, "spool", edge->state.spool);
		jsonw_kv_bool(json, "failing_open", edge->state.failing_open);
		jsonw_kv_double(json, "packets_ps", edge->state.packets_ps);
	}
	console_kv_time(json, "certificate_until", view->until_us);
	if (view->seen_us)
		console_kv_time(json, "last_seen", view->seen_us);
	jsonw_kv_string(json, "version", edge->told ? edge->state.version : view->version);
	jsonw_object_end(json);
}

/* ---- List ---- */

/* The edges behind this id; '*ret_after' is the last one. */
static size_t copy_edges(struct core *core, uint64_t after, int64_t now_us, struct seen_edge ret[CHUNK])
{
	const struct edges *edges;
	size_t count = 0;

	core_lock(core);
	edges = core_edges(core);
	for (size_t place = 0; place < edges_count(edges) && count < CHUNK; place++)
		if (edges_at(edges, place)->id > after)
			copy_edge(core, edges_at(edges, place), now_us, &ret[count++]);
	core_unlock(core);
	return count;
}

static int list_chunk(struct registry_page *page, const struct scope *scope, const struct seen_edge *seen, size_t count)
{
	const struct api_request *request = page->request;
	const struct api_value *state = api_query(request, "state");
	int answer = 0;

	for (size_t i = 0; i < count && !answer; i++) {
		const struct edge_view *view = &seen[i].view;

		if (!served_visible(console_worker_of(request)->tree, scope, view->bound) ||
			(state->given && !bytes_equal_str(state->text, edgestate_state(view, console_now_us(request)))))
			continue;
		answer = registry_page_take(page, 0, view->id);
		if (!answer)
			write_edge(request, page->json, scope, &seen[i]);
	}
	return answer;
}

static int list_edges(struct registry_page *page, const struct scope *scope)
{
	struct seen_edge *seen = arena_take(page->request->arena, CHUNK * sizeof(*seen));
	uint64_t after = page->last.id;
	size_t count;
	int answer = 0;

	if (!seen)
		return LUYTRE_E_NOMEM;
	do {
		count = copy_edges(console_core(page->request), after, console_now_us(page->request), seen);
		if (count)
			after = seen[count - 1].view.id;
		answer = list_chunk(page, scope, seen, count);
		for (size_t i = 0; i < count; i++)
			edges_bound_unref(seen[i].view.bound);
	} while (!answer && count == CHUNK);
	return answer;
}

void handle_list_edges(struct api_request *request, struct api_reply *reply)
{
	struct registry_page page;
	struct registry registry;
	struct auth_scope scope;

	if (!console_scope(request, reply, AUTH_EDGES_READ, &scope))
		return;
	registry_call(request, &scope.scope, &registry);
	if (registry_page_begin(request, reply, &registry, &page))
		registry_page_end(reply, &page, list_edges(&page, &scope.scope));
	auth_scope_done(&scope);
}

/* ---- One ---- */

/* The caller gives its bound back. */
static bool find_edge(const struct api_request *request, struct api_reply *reply, struct seen_edge *ret)
{
	struct core *core = console_core(request);
	const struct edge_view *view;
	uint32_t id;

	if (!console_path_id32(request, reply, "edge", &id))
		return false;
	core_lock(core);
	view = edges_find(core_edges(core), id);
	if (view)
		copy_edge(core, view, console_now_us(request), ret);
	core_unlock(core);
	if (!view)
		api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
	return view != NULL;
}

static void reply_edge(const struct api_request *request, struct api_reply *reply, enum auth_permission permission)
{
	struct seen_edge edge;
	struct auth_scope scope;

	if (!find_edge(request, reply, &edge))
		return;
	if (console_scope(request, reply, permission, &scope)) {
		if (served_visible(console_worker_of(request)->tree, &scope.scope, edge.view.bound)) {
			write_edge(request, api_reply_json(reply, 200), &scope.scope, &edge);
			api_reply_etag(reply, (uint64_t)edge.view.revision);
		} else {
			api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
		}
		auth_scope_done(&scope);
	}
	edges_bound_unref(edge.view.bound);
}

/* Where it stands changes without a revision, so it is never "unmodified". */
void handle_get_edge(struct api_request *request, struct api_reply *reply)
{
	reply_edge(request, reply, AUTH_EDGES_READ);
}

static bool read_change(const struct api_request *request, struct api_reply *reply, const struct edge_view *view,
	struct edges_change *ret)
{
	struct served_name *name = arena_alloc(request->arena, sizeof(*name));
	struct jsonr_errors errors;
	struct jsonr body;

	if (!name) {
		api_reply_error(reply, LUYTRE_E_NOMEM, NULL);
		return false;
	}
	api_body(request, &errors, &body);
	snprintf(name->text, sizeof(name->text), "%s", view->name);
	registry_text(&body, "name", JSONR_OPTIONAL, name->text, sizeof(name->text));
	*ret = (struct edges_change){ .name = name->text, .province = view->province, .bound = *view->bound };
	registry_province(&body, &ret->province);
	served_read(request, &body, &ret->bound);
	if (errors.count)
		api_reply_invalid(reply, &errors);
	return errors.count == 0;
}

void handle_update_edge(struct api_request *request, struct api_reply *reply)
{
	struct core *core = console_core(request);
	struct edges_change change;
	struct console_call call;
	struct seen_edge edge;
	int error;

	if (!console_allowed(request, reply, AUTH_EDGES_WRITE, 0) || !find_edge(request, reply, &edge))
		return;
	if (api_reply_matches(reply, (uint64_t)edge.view.revision) &&
		read_change(request, reply, &edge.view, &change)) {
		console_call(request, &call);
		core_lock(core);
		error = edges_update(core_edges(core), &call.origin, edge.view.id, edge.view.revision, &change);
		core_unlock(core);
		if (error == LUYTRE_E_CONFLICT)
			api_reply_problem(reply, API_PROBLEM_CHANGED, NULL);
		else if (error)
			api_reply_error(reply, error, NULL);
		else
			reply_edge(request, reply, AUTH_EDGES_WRITE);
		if (!error)
			tell(request, edge.view.id, "updated");
	}
	edges_bound_unref(edge.view.bound);
}

void handle_revoke_edge(struct api_request *request, struct api_reply *reply)
{
	struct core *core = console_core(request);
	char reason[EDGES_REASON_SIZE] = "";
	struct jsonr_errors errors;
	struct console_call call;
	struct jsonr body;
	uint32_t id;
	int error;

	if (!console_allowed(request, reply, AUTH_EDGES_WRITE, 0) || !console_path_id32(request, reply, "edge", &id))
		return;
	api_body(request, &errors, &body);
	registry_text(&body, "reason", JSONR_NEEDED, reason, sizeof(reason));
	if (errors.count) {
		api_reply_invalid(reply, &errors);
		return;
	}
	console_call(request, &call);
	core_lock(core);
	error = core_revoke(core, &call.origin, id, reason);
	core_unlock(core);
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	tell(request, id, "revoked");
	reply_edge(request, reply, AUTH_EDGES_WRITE);
}
