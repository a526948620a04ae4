// SPDX-License-Identifier: Apache-2.0
/* The funnel of the last hour: how many packets arrived, what each step of the shield did with them, how many passed. The figures are
 * those that edges report (core/edgestate.h), of edges that serve nobody but the caller's own. Who has no such edge sees what was dropped
 * of his, from roll-ups of events: that is estimated from samples, and what arrived for whom is not told by edges. */
#include <stdio.h>
#include <stdlib.h>

#include "hub/console/desk.h"
#include "hub/console/internal.h"

/* As small as may be: there may be EDGES_MAX of them. */
struct shield_edge {
	uint32_t id;
	bool has_shield, failing_open;
	double packets_ps, drops_ps, cpu;
	const char *name; /* of the arena */
};

struct shield_answer {
	struct shield_edge *edges;
	size_t edge_count;
	uint32_t *ids; /* of them, ascending */
	struct edgestate_funnel funnel;
	struct edgestate_counters minutes[EDGESTATE_MINUTES];
	uint64_t dropped, shadow; /* from events */
};

/* Bound to tops of subtrees: a right at one is a right at all below. */
static bool is_own(const struct scope *scope, const struct edge_view *edge)
{
	if (scope->all)
		return true;
	for (size_t i = 0; i < edge->bound->tenant_count; i++)
		if (!scope_has(scope, edge->bound->tenants[i]))
			return false;
	return !edge->bound->all && edge->bound->tenant_count;
}

static void copy_edge(struct api_request *request, const struct edge_view *edge, struct shield_edge *ret)
{
	const char *name = arena_strdup(request->arena, edge->name);
	struct edgestate_view view;

	*ret = (struct shield_edge){ .id = edge->id, .name = name ? name : "" };
	if (!edgestate_find(core_edgestate(console_core(request)), edge->id, console_now_us(request), &view))
		return;
	ret->has_shield = view.has_shield;
	ret->failing_open = view.failing_open;
	ret->packets_ps = view.packets_ps;
	ret->drops_ps = view.drops_ps;
	ret->cpu = view.cpu;
}

/* Under the core's lock. False without memory. */
static bool copy_edges(struct api_request *request, const struct scope *scope, uint32_t only, struct shield_answer *ret)
{
	struct core *core = console_core(request);
	size_t count = edges_count(core_edges(core));

	ret->edges = arena_alloc(request->arena, (count + 1) * sizeof(*ret->edges));
	ret->ids = arena_alloc(request->arena, (count + 1) * sizeof(*ret->ids));
	for (size_t i = 0; ret->edges && ret->ids && i < count; i++) {
		const struct edge_view *edge = edges_at(core_edges(core), i);

		if (edge->revoked || !is_own(scope, edge) || (only && edge->id != only))
			continue;
		copy_edge(request, edge, &ret->edges[ret->edge_count]);
		ret->ids[ret->edge_count++] = edge->id;
	}
	return ret->edges && ret->ids;
}

static bool read_edges(struct api_request *request, const struct scope *scope, uint32_t only, struct shield_answer *ret)
{
	struct core *core = console_core(request);
	int64_t now_us = console_now_us(request);
	bool done;

	core_lock(core);
	done = copy_edges(request, scope, only, ret);
	if (done) {
		const struct scope own = {
			.all = scope->all && !only, .tenants = ret->ids, .tenant_count = ret->edge_count
		};

		edgestate_funnel(core_edgestate(core), &own, now_us, &ret->funnel);
		edgestate_minutes(core_edgestate(core), &own, now_us, ret->minutes);
	}
	core_unlock(core);
	return done;
}

static int add_drops(void *context, const struct ev_count *count)
{
	struct shield_answer *answer = context;

	if (count->key == EV_SHADOW)
		answer->shadow += count->sum;
	else
		answer->dropped += count->sum;
	return 0;
}

static int read_drops(struct api_request *request, const struct scope *scope, uint32_t edge, struct shield_answer *ret)
{
	int64_t until_us = (console_now_us(request) + EV_MINUTE_US - 1) / EV_MINUTE_US * EV_MINUTE_US;
	const struct ev_filter filter = { .scope = scope,
		.from_us = until_us - EV_HOUR_US,
		.until_us = until_us,
		.kinds = 1U << EV_DROPS,
		.edge = edge };
	struct desk *desk = console_of(request)->desk;
	struct ev_reader *reader;
	int error = desk_reader_take(desk, &reader);

	if (error)
		return error;
	ret->funnel.from_us = filter.from_us;
	error = ev_count_by(reader, &filter, EV_DIM_ACTION, 60, add_drops, ret);
	desk_reader_give(desk, reader);
	return error;
}

/* ---- Writing ---- */

static void write_step(
	struct jsonw *json, const char *step, uint64_t packets, const uint64_t *bytes, const uint64_t *shadow)
{
	jsonw_object_begin(json);
	jsonw_kv_string(json, "step", step);
	jsonw_kv_u64(json, "packets", packets);
	if (bytes)
		jsonw_kv_u64(json, "bytes", *bytes);
	if (shadow)
		jsonw_kv_u64(json, "shadow", *shadow);
	jsonw_object_end(json);
}

static void write_counter(
	struct jsonw *json, const char *step, const struct edgestate_counter *counter, const uint64_t *shadow)
{
	write_step(json, step, counter->packets, &counter->bytes, shadow);
}

static void write_funnel(struct jsonw *json, const struct edgestate_funnel *funnel)
{
	const struct edgestate_counters *all = &funnel->counters;

	write_counter(json, "arrived", &all->arrived, NULL);
	for (size_t i = 0; i < funnel->word_count; i++)
		if (funnel->words[i].kind == EDGESTATE_STEP)
			write_step(
				json, funnel->words[i].word, funnel->words[i].packets, NULL, &funnel->words[i].shadow);
	write_counter(json, "dropped", &all->dropped, &all->shadow.packets);
	write_counter(json, "challenged", &all->challenged, NULL);
	write_counter(json, "passed", &all->passed, NULL);
}

static void write_reasons(struct jsonw *json, const struct edgestate_funnel *funnel)
{
	jsonw_kv_array_begin(json, "reasons");
	for (size_t i = 0; i < funnel->word_count; i++) {
		if (funnel->words[i].kind != EDGESTATE_REASON)
			continue;
		jsonw_object_begin(json);
		jsonw_kv_string(json, "reason", funnel->words[i].word);
		jsonw_kv_u64(json, "packets", funnel->words[i].packets);
		jsonw_kv_u64(json, "shadow", funnel->words[i].shadow);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void write_edges(struct jsonw *json, const struct shield_answer *answer)
{
	jsonw_kv_array_begin(json, "edges");
	for (size_t i = 0; i < answer->edge_count; i++) {
		const struct shield_edge *edge = &answer->edges[i];

		if (!edge->has_shield)
			continue;
		jsonw_object_begin(json);
		console_kv_id(json, "id", edge->id);
		jsonw_kv_string(json, "name", edge->name);
		jsonw_kv_double(json, "packets_ps", edge->packets_ps);
		jsonw_kv_double(json, "drops_ps", edge->drops_ps);
		if (edge->cpu >= 0)
			jsonw_kv_double(json, "cpu", edge->cpu);
		jsonw_kv_bool(json, "failing_open", edge->failing_open);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void write_minutes(struct jsonw *json, const char *key, const struct edgestate_counters *minutes, bool dropped)
{
	jsonw_kv_array_begin(json, key);
	for (size_t i = 0; i < EDGESTATE_MINUTES; i++)
		jsonw_u64(json, dropped ? minutes[i].dropped.packets : minutes[i].arrived.packets);
	jsonw_array_end(json);
}

static void write_answer(struct jsonw *json, const struct shield_answer *answer, bool estimated)
{
	jsonw_object_begin(json);
	console_kv_time(json, "from", answer->funnel.from_us);
	jsonw_kv_bool(json, "estimated", estimated);
	jsonw_kv_array_begin(json, "funnel");
	if (estimated)
		write_step(json, "dropped", answer->dropped, NULL, &answer->shadow);
	else
		write_funnel(json, &answer->funnel);
	jsonw_array_end(json);
	write_reasons(json, &answer->funnel);
	write_edges(json, answer);
	if (!estimated) {
		jsonw_kv_object_begin(json, "minutes");
		write_minutes(json, "arrived", answer->minutes, false);
		write_minutes(json, "dropped", answer->minutes, true);
		jsonw_object_end(json);
	}
	jsonw_object_end(json);
}

void handle_get_shield(struct api_request *request, struct api_reply *reply)
{
	struct shield_answer *answer = arena_alloc(request->arena, sizeof(*answer));
	uint64_t only = console_query_id(request, "edge");
	struct auth_scope scope;
	bool estimated;
	int error = 0;

	if (!console_scope_of_query(request, reply, AUTH_EVENTS_READ, &scope))
		return;
	if (only > UINT32_MAX)
		only = UINT32_MAX; /* nobody's */
	if (!answer || !read_edges(request, &scope.scope, (uint32_t)only, answer))
		error = LUYTRE_E_NOMEM;
	/* The whole nation's figures are those of edges, also when there is none. */
	estimated = !error && !scope.scope.all && !answer->edge_count;
	if (estimated)
		error = read_drops(request, &scope.scope, (uint32_t)only, answer);
	if (error)
		api_reply_error(reply, error, NULL);
	else
		write_answer(api_reply_json(reply, 200), answer, estimated);
	auth_scope_done(&scope);
}
