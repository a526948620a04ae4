// SPDX-License-Identifier: Apache-2.0
#include "hub/console/decisions.h"

#include <stdio.h>
#include <string.h>

enum { SENTENCE_SIZE = 1024, PUBLISH_SIZE = 512 };

const char *decision_state_word(enum decision_state state)
{
	static const char *const words[] = {
#define X(id, word) [DECISION_##id] = word,
		DECISION_STATES(X)
#undef X
	};

	return words[state];
}

/* ---- Where it is kept ---- */

/* The engine's text is the engine's; one that cannot be copied is shown empty. */
void decision_own_text(struct decision_view *view, struct arena *arena)
{
	const char *text = view->decision.text;
	const char *copy;

	if (!text)
		return;
	copy = arena_strdup(arena, text);
	view->decision.text = copy ? copy : "";
}

void decision_of_engine(const struct engine_decision *decision, struct decision_view *ret)
{
	*ret = (struct decision_view){ .id = decision->id,
		.decision = *decision,
		.state = decision->level == DECIDE_PROVISIONAL ? DECISION_PROVISIONAL : DECISION_STANDING,
		.created_us = decision->started_us };
}

void decision_of_trace(const struct trace_decision *decision, struct decision_view *ret)
{
	decision_of_engine(&decision->decision, ret);
	ret->state = decision->expired ? DECISION_EXPIRED : DECISION_LIFTED;
	ret->ended_us = decision->ended_us;
	ret->hits = decision->hits;
}

void decision_of_order(const struct order *order, int64_t now_us, struct decision_view *ret)
{
	static const enum decision_state states[ORDER_STATE_COUNT] = { [ORDER_PENDING] = DECISION_PENDING,
		[ORDER_DONE] = DECISION_STANDING,
		[ORDER_REFUSED] = DECISION_REFUSED,
		[ORDER_LIFTED] = DECISION_LIFTED };
	int64_t waits_us = order->created_us + ORDERS_WAIT_S * INT64_C(1000000);

	*ret = (struct decision_view){
		.id = order->id, .created_us = order->created_us, .state = states[order->state], .by_order = true
	};
	order_decision(order, &ret->decision);
	snprintf(ret->action, sizeof(ret->action), "%s", order->action);
	if (!ret->decision.expires_us) /* not in force: what it asks for, from when it was asked */
		ret->decision.expires_us = order->created_us + order->lifetime_s * INT64_C(1000000);
	if ((order->state == ORDER_PENDING && waits_us <= now_us) ||
		(order->state == ORDER_DONE && order->expires_us <= now_us))
		ret->state = DECISION_EXPIRED;
	if (ret->state != DECISION_PENDING && ret->state != DECISION_STANDING)
		ret->ended_us = order->changed_us;
}

/* ---- One ---- */

static bool is_visible(const struct api_request *request, const struct engine_decision *decision)
{
	const struct console_worker *worker = console_worker_of(request);

	return !decision->tenant ||
	       auth_check(console_principal(request), worker->tree, AUTH_DECISIONS_READ, decision->tenant);
}

static uint64_t count_standing(struct core *core, uint64_t id, const struct trace_decision *known)
{
	const struct edge_view *edge;
	uint64_t count = 0;

	for (size_t i = 0; (edge = edges_at(core_edges(core), i)); i++) {
		struct trace_edge at;

		if (edge->revoked)
			continue;
		trace_edge_of(core_trace(core), id, known, edge->id, &at);
		count += at.state == TRACE_STANDING;
	}
	return count;
}

/* Live, or ended not long ago. */
static bool find_made(struct api_request *request, uint64_t id, struct decision_view *ret)
{
	struct core *core = console_core(request);
	const struct trace_decision *known;
	struct engine_decision decision;
	bool found = true;

	core_lock(core);
	known = trace_find(core_trace(core), id);
	if (!engine_find(core_engine(core), id, &decision)) {
		decision_of_engine(&decision, ret);
		ret->watched = core_watches(core, &decision);
	} else if (known && known->ended_us) {
		decision_of_trace(known, ret);
	} else {
		found = false;
	}
	if (found) {
		decision_own_text(ret, request->arena);
		ret->hits = known ? known->hits : 0;
		ret->edges_standing = count_standing(core, id, known);
		ret->counted = true;
	}
	core_unlock(core);
	return found;
}

static bool find_order(struct api_request *request, uint64_t id, struct decision_view *ret)
{
	struct core *core = console_core(request);
	const struct trace_decision *known;
	struct order order;

	if (order_get(console_db(request), id, &order))
		return false;
	if (order.decision)
		return find_made(request, order.decision, ret);
	decision_of_order(&order, console_now_us(request), ret);
	core_lock(core);
	known = trace_find(core_trace(core), id);
	ret->hits = known ? known->hits : 0;
	if (ret->state == DECISION_STANDING)
		ret->edges_standing = count_standing(core, id, known);
	ret->counted = true;
	core_unlock(core);
	return true;
}

bool decision_find(struct api_request *request, struct api_reply *reply, uint64_t id, struct decision_view *ret)
{
	bool found = id < ENGINE_ID_MIN ? find_order(request, id, ret) : find_made(request, id, ret);

	if (found && is_visible(request, &ret->decision))
		return true;
	api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
	return false;
}

bool decision_of_path(struct api_request *request, struct api_reply *reply, struct decision_view *ret)
{
	uint64_t id;

	return console_path_id(request, reply, "decision", &id) && decision_find(request, reply, id, ret);
}

/* ---- Out ---- */

/* The end moves with every change that matters, and differs from it by less than eight levels. */
uint64_t decision_revision(const struct decision_view *view)
{
	int64_t end_us = view->ended_us ? view->ended_us : view->decision.expires_us;

	return (uint64_t)(end_us / 1000) * 8 + view->state + 1;
}

const char *decision_action(const struct decision_view *view)
{
	static const char *const words[DECIDE_LEVEL_COUNT] = { [DECIDE_NONE] = "watch",
		[DECIDE_WATCH] = "watch",
		[DECIDE_CHALLENGE] = "challenge",
		[DECIDE_PROVISIONAL] = "block",
		[DECIDE_BLOCK] = "block",
		[DECIDE_LONG] = "block" };

	return view->action[0] ? view->action : words[view->decision.level];
}

void decision_source(const struct decision_view *view, char text[OBSERVABLE_TEXT_SIZE])
{
	char prefix[IP_PREFIX_TEXT_SIZE];

	if (observable_key_text(&view->decision.key, prefix))
		snprintf(text, OBSERVABLE_TEXT_SIZE, "%s", prefix);
	else
		snprintf(text, OBSERVABLE_TEXT_SIZE, "%s", view->decision.text ? view->decision.text : "");
}

static void write_sentences(struct jsonw *json, const struct decision_view *view, const struct order *order)
{
	static const struct {
		const char *key;
		enum luytre_lang lang;
	} rows[] = { { "vi", LUYTRE_LANG_VI }, { "en", LUYTRE_LANG_EN } };
	char sentence[SENTENCE_SIZE] = "", text[SENTENCE_SIZE + ORDER_TEXT_SIZE + 16];

	jsonw_kv_object_begin(json, "explanation");
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		(void)!engine_explain_decision(&view->decision, rows[i].lang, sentence, sizeof(sentence));
		if (order)
			snprintf(text, sizeof(text), i ? "%s Reason: %s" : "%s Lý do: %s", sentence, order->reason);
		jsonw_kv_string(json, rows[i].key, order ? text : sentence);
	}
	jsonw_object_end(json);
}

static const struct order *order_about(struct db *db, const struct decision_view *view, struct order *order)
{
	int error = view->by_order             ? order_get(db, view->id, order)
		    : view->decision.by_person ? order_of_decision(db, view->id, order)
					       : LUYTRE_E_NOT_FOUND;

	return error ? NULL : order;
}

void decision_write(struct jsonw *json, struct db *db, const struct decision_view *view)
{
	const struct engine_decision *decision = &view->decision;
	const struct order *order;
	char source[OBSERVABLE_TEXT_SIZE];
	struct order room;

	order = order_about(db, view, &room);
	decision_source(view, source);
	jsonw_object_begin(json);
	console_kv_id(json, "id", view->id);
	jsonw_kv_u64(json, "revision", decision_revision(view));
	jsonw_kv_string(json, "source", source);
	jsonw_kv_string(json, "action", order ? order->action : decision_action(view));
	jsonw_kv_string(json, "state", decision_state_word(view->state));
	jsonw_kv_string(json, "class", formula_class((enum decide_class)decision->class)->word);
	console_kv_id_or_null(json, "tenant", decision->tenant);
	console_kv_id_or_null(json, "campaign", decision->campaign);
	jsonw_kv_string(json, "owner", order ? order->owner : "hub");
	write_sentences(json, view, order);
	jsonw_kv_double(json, "belief", (double)decision->belief);
	jsonw_kv_u64(json, "groups", decision->reporters);
	jsonw_kv_u64(json, "users_estimated", decision->users);
	jsonw_kv_bool(json, "shadow", view->watched || (order && order->shadow));
	jsonw_kv_u64(json, "hits", view->hits);
	if (view->counted)
		jsonw_kv_u64(json, "edges_standing", view->edges_standing);
	console_kv_time(json, "created", view->created_us);
	console_kv_time(json, "expires", decision->expires_us);
	jsonw_object_end(json);
}

void decision_publish(struct console *console, uint64_t id, uint32_t tenant, const char *op)
{
	struct jsonw json;
	struct bytes text;

	jsonw_init(&json, PUBLISH_SIZE);
	jsonw_object_begin(&json);
	jsonw_kv_array_begin(&json, "changes");
	jsonw_object_begin(&json);
	console_kv_id(&json, "id", id);
	jsonw_kv_string(&json, "op", op);
	jsonw_object_end(&json);
	jsonw_array_end(&json);
	jsonw_object_end(&json);
	if (!jsonw_text(&json, &text))
		console_publish(console, CONSOLE_TOPIC_DECISIONS, tenant, text);
	jsonw_done(&json);
}
