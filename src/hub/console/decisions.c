// SPDX-License-Identifier: Apache-2.0
/* Looking at decisions. The list has to choose the newest of what may be a million: it walks the engine in slices of WALK_PLACES, each
 * under the core's lock for less than a millisecond of CPU, and keeps what fits on the page; sorting and writing need no lock. What is decided
 * while it walks may be missing from the page and comes with the next one that is asked for, and over the stream. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "hub/console/decisions.h"

enum {
	WALK_PLACES = 16384, /* of the engine */
	WALK_ENDED = 2048, /* of the trace */
	WALK_ORDERS_MAX = 20000, /* rows of orders looked at for one page */
	ORDERS_AT_ONCE = 500,
	HITS_AT_ONCE = 256, /* looked up under the lock */
	EVIDENCE_MAX = ENGINE_EVIDENCE_MAX,
};

struct filter {
	uint32_t states, actions; /* bits; 0: any */
	bool has_source;
	struct ip_prefix source;
	uint64_t campaign;
	struct bytes text;
	const struct scope *scope; /* what the caller may see, or the tenant that was asked for */
	bool of_tenant;
};

/* The newest 'max' behind the place where the page begins; newest first. */
struct page {
	struct api_request *request;
	const struct filter *filter;
	struct api_position from; /* key: creation, id; zeros: the newest */
	struct decision_view **items; /* sorted; room for max */
	size_t count, max;
	uint32_t rows; /* of orders that were looked at */
	uint64_t last_row;
};

/* ---- Filters ---- */

static uint32_t bits_of(const struct api_value *value, const char *const *words, size_t count)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < value->item_count; i++) {
		for (size_t j = 0; j < count; j++)
			bits |= bytes_equal_str(value->items[i], words[j]) ? UINT32_C(1) << j : 0;
	}
	return bits;
}

static const char *const action_words[] = { "watch", "limit", "challenge", "block", "allow" };

static void read_filter(const struct api_request *request, struct filter *ret)
{
	const char *states[DECISION_STATE_COUNT];
	struct bytes source = api_query(request, "source")->text;

	for (size_t i = 0; i < DECISION_STATE_COUNT; i++)
		states[i] = decision_state_word((enum decision_state)i);
	*ret = (struct filter){ .states = bits_of(api_query(request, "state"), states, DECISION_STATE_COUNT),
		.actions = bits_of(api_query(request, "action"), action_words, ARRAY_COUNT(action_words)),
		.campaign = console_query_id(request, "campaign"),
		.text = api_query(request, "text")->text,
		.of_tenant = api_query(request, "tenant")->given };
	ret->has_source = source.ptr && !ip_prefix_parse(source, IP_PREFIX_MASK_HOST_BITS, &ret->source);
}

static bool holds(const char *where, struct bytes text)
{
	size_t size = strlen(where);

	for (size_t i = 0; i + text.size <= size; i++) {
		if (strncasecmp(where + i, (const char *)text.ptr, text.size) == 0)
			return true;
	}
	return false;
}

static bool fits_source(const struct filter *filter, const struct engine_decision *decision)
{
	struct ip_prefix prefix;

	return !filter->has_source ||
	       (observable_prefix(&decision->key, &prefix) &&
		       (ip_prefix_covers(&filter->source, &prefix) || ip_prefix_covers(&prefix, &filter->source)));
}

static bool fits_text(const struct filter *filter, const struct decision_view *view)
{
	char source[OBSERVABLE_TEXT_SIZE];

	if (!filter->text.ptr)
		return true;
	decision_source(view, source);
	return holds(source, filter->text) ||
	       holds(formula_class((enum decide_class)view->decision.class)->word, filter->text);
}

static bool fits_action(const struct filter *filter, const struct decision_view *view)
{
	for (size_t i = 0; i < ARRAY_COUNT(action_words); i++) {
		if (strcmp(decision_action(view), action_words[i]) == 0)
			return filter->actions == 0 || filter->actions >> i & 1;
	}
	return filter->actions == 0;
}

/* What is seen: decisions for all, and those of tenants in the scope. With a tenant in the question: its own, and what it reported. */
static bool fits_tenant(const struct page *page, const struct engine_decision *decision)
{
	const struct filter *filter = page->filter;
	struct engine_evidence evidence[EVIDENCE_MAX];
	size_t count;

	if (decision->tenant)
		return scope_has(filter->scope, decision->tenant);
	if (!filter->of_tenant)
		return true;
	count = engine_evidence(core_engine(console_core(page->request)), decision->id, evidence, EVIDENCE_MAX);
	for (size_t i = 0; i < count; i++) {
		if (scope_has(filter->scope, evidence[i].tenant))
			return true;
	}
	return false;
}

/* ---- The page ---- */

/* Newest first; of the same moment the higher number. */
static int compare(int64_t created_us, uint64_t id, const struct decision_view *right)
{
	if (created_us != right->created_us)
		return created_us > right->created_us ? -1 : 1;
	return (id < right->id) - (id > right->id);
}

static bool is_behind(const struct page *page, int64_t created_us, uint64_t id)
{
	if (!page->from.key && !page->from.id)
		return true;
	return (uint64_t)created_us != page->from.key ? (uint64_t)created_us < page->from.key : id < page->from.id;
}

static void keep(struct page *page, const struct decision_view *view)
{
	size_t low = 0, high = page->count;
	struct decision_view *room;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(view->created_us, view->id, page->items[middle]) < 0)
			high = middle;
		else
			low = middle + 1;
	}
	if (low == page->max)
		return;
	room = page->items[page->count < page->max ? page->count : page->max - 1];
	page->count += page->count < page->max;
	memmove(page->items + low + 1, page->items + low, (page->count - low - 1) * sizeof(struct decision_view *));
	*room = *view;
	decision_own_text(room, page->request->arena);
	page->items[low] = room;
}

/* Most are not wanted, so what is cheap to ask is asked first. */
static void consider(struct page *page, const struct decision_view *view)
{
	const struct filter *filter = page->filter;

	if (!is_behind(page, view->created_us, view->id) ||
		(page->count == page->max && compare(view->created_us, view->id, page->items[page->count - 1]) >= 0))
		return;
	if ((filter->states && !(filter->states >> view->state & 1)) ||
		(filter->campaign && view->decision.campaign != filter->campaign) ||
		!fits_source(filter, &view->decision) || !fits_action(filter, view) || !fits_text(filter, view) ||
		!fits_tenant(page, &view->decision))
		return;
	keep(page, view);
}

static void take_live(void *context, const struct engine_change *change)
{
	struct page *page = context;
	struct decision_view view;

	decision_of_engine(&change->decision, &view);
	view.watched = core_watches(console_core(page->request), &change->decision);
	consider(page, &view);
}

static void take_ended(void *context, const struct trace_decision *decision)
{
	struct page *page = context;
	struct decision_view view;

	if (decision->decision.id < ENGINE_ID_MIN)
		return; /* an order, which says so itself */
	decision_of_trace(decision, &view);
	consider(page, &view);
}

static bool wants(const struct filter *filter, uint32_t states)
{
	return !filter->states || filter->states & states;
}

static void walk_made(struct page *page)
{
	struct core *core = console_core(page->request);
	uint32_t at = 0;

	if (wants(page->filter, 1 << DECISION_PROVISIONAL | 1 << DECISION_STANDING)) {
		do {
			core_lock(core);
			at = engine_walk(core_engine(core), at, WALK_PLACES, take_live, page);
			core_unlock(core);
		} while (at);
	}
	if (!wants(page->filter, 1 << DECISION_EXPIRED | 1 << DECISION_LIFTED))
		return;
	do {
		core_lock(core);
		at = trace_ended(core_trace(core), at, WALK_ENDED, take_ended, page);
		core_unlock(core);
	} while (at);
}

static int take_order(void *context, const struct order *order)
{
	struct page *page = context;
	struct decision_view view;

	page->rows++;
	page->last_row = order->id;
	decision_of_order(order, console_now_us(page->request), &view);
	/* Rows come newest first: behind the last of a full page nothing fits. */
	if (page->count == page->max && compare(view.created_us, view.id, page->items[page->count - 1]) >= 0)
		return LUYTRE_E_CLOSED;
	/* One that waits for everybody is for those who may decide for everybody. */
	if (order->tenant || page->filter->scope->all)
		consider(page, &view);
	return 0;
}

static int walk_orders(struct page *page)
{
	uint32_t before;
	int error;

	do {
		before = page->rows;
		error = order_each(console_db(page->request), -1, page->last_row, ORDERS_AT_ONCE, take_order, page);
	} while (!error && page->rows - before == ORDERS_AT_ONCE && page->rows < WALK_ORDERS_MAX);
	return error == LUYTRE_E_CLOSED ? 0 : error;
}

static void add_hits(struct page *page)
{
	struct core *core = console_core(page->request);

	for (size_t from = 0; from < page->count; from += HITS_AT_ONCE) {
		core_lock(core);
		for (size_t i = from; i < page->count && i < from + HITS_AT_ONCE; i++) {
			const struct trace_decision *known = trace_find(core_trace(core), page->items[i]->id);

			page->items[i]->hits = known ? known->hits : 0;
		}
		core_unlock(core);
	}
}

static void write_page(struct api_request *request, struct api_reply *reply, const struct page *page)
{
	struct jsonw *json = api_reply_json(reply, 200);
	size_t count = page->count < page->max ? page->count : page->max - 1;
	struct api_position last = { 0 };

	jsonw_object_begin(json);
	jsonw_kv_array_begin(json, "items");
	for (size_t i = 0; i < count; i++) {
		decision_write(json, console_db(request), page->items[i]);
		last = (struct api_position){ (uint64_t)page->items[i]->created_us, page->items[i]->id };
	}
	jsonw_array_end(json);
	api_page_end(request, json, page->count == page->max, last);
	jsonw_object_end(json);
}

void handle_list_decisions(struct api_request *request, struct api_reply *reply)
{
	struct page page = { .request = request, .max = (size_t)api_query(request, "limit")->integer + 1 };
	struct decision_view *views;
	struct auth_scope scope;
	struct filter filter;
	int error;

	if (!api_page_begin(request, reply, &page.from) ||
		!console_scope_of_query(request, reply, AUTH_DECISIONS_READ, &scope))
		return;
	read_filter(request, &filter);
	filter.scope = &scope.scope;
	page.filter = &filter;
	page.items = calloc(page.max, sizeof(struct decision_view *));
	views = calloc(page.max, sizeof(*views));
	error = page.items && views ? 0 : LUYTRE_E_NOMEM;
	for (size_t i = 0; !error && i < page.max; i++)
		page.items[i] = &views[i];
	if (!error) {
		walk_made(&page);
		error = walk_orders(&page);
	}
	if (error) {
		api_reply_error(reply, error, NULL);
	} else {
		add_hits(&page);
		write_page(request, reply, &page);
	}
	free(views);
	free(page.items);
	auth_scope_done(&scope);
}

void handle_get_decision(struct api_request *request, struct api_reply *reply)
{
	struct decision_view view;

	if (!decision_of_path(request, reply, &view))
		return;
	/* Figures move without a new revision, so the whole is answered always. */
	api_reply_etag(reply, decision_revision(&view));
	decision_write(api_reply_json(reply, 200), console_db(request), &view);
}

/* ---- Evidence ---- */

/* Evidence with what is known of who gave it; the group is a number within this answer, for the real one is a tenant's. */
struct witness {
	struct engine_evidence evidence;
	double trust, precision;
	uint32_t group, number;
};

static size_t copy_witnesses(struct core *core, uint64_t id, int64_t now_us, struct witness *ret)
{
	struct engine_evidence evidence[EVIDENCE_MAX];
	const struct reporters *reporters;
	uint32_t numbers = 0;
	size_t count;

	core_lock(core);
	reporters = engine_reporters(core_engine(core));
	count = engine_evidence(core_engine(core), id, evidence, EVIDENCE_MAX);
	for (size_t i = 0; i < count; i++) {
		ret[i] = (struct witness){ .evidence = evidence[i],
			.trust = reporters_trust(reporters, now_us, evidence[i].tenant),
			.precision = reporters_precision(reporters, now_us, evidence[i].rule),
			.group = reporters_group(reporters, evidence[i].tenant) };
		for (size_t j = 0; j < i && !ret[i].number; j++)
			ret[i].number = ret[j].group == ret[i].group ? ret[j].number : 0;
		if (!ret[i].number)
			ret[i].number = ++numbers;
	}
	core_unlock(core);
	return count;
}

static const char *judgement(const struct engine_evidence *evidence, enum luytre_lang lang)
{
	bool vi = lang == LUYTRE_LANG_VI;

	if (evidence->veto)
		return vi ? "Một điểm biên từ chối chặn khách hàng của mình."
			  : "An edge refuses to block a client of its own.";
	if (evidence->refuted)
		return vi ? "Báo cáo đã bị bác." : "The report was refuted.";
	if (evidence->confirmed)
		return vi ? "Báo cáo đã được xác nhận." : "The report was confirmed.";
	if (evidence->fingerprint)
		return vi ? "Mang dấu vân của một chiến dịch." : "It shows the fingerprint of a campaign.";
	return vi ? "Báo cáo." : "A report.";
}

static void write_witness(struct jsonw *json, const struct witness *witness, bool named, enum luytre_lang lang)
{
	const struct engine_evidence *evidence = &witness->evidence;

	jsonw_object_begin(json);
	console_kv_time(json, "time", evidence->time_us);
	console_kv_id(json, "group", witness->number);
	console_kv_id_or_null(json, "tenant", named ? evidence->tenant : 0);
	jsonw_kv_string(json, "class", ev_evidence_name((enum ev_evidence)evidence->evidence));
	console_kv_id_or_null(json, "rule", evidence->rule);
	jsonw_kv_string(json, "text", judgement(evidence, lang));
	jsonw_kv_double(json, "trust", witness->trust);
	jsonw_kv_double(json, "precision", witness->precision);
	jsonw_kv_double(json, "weight", evidence->weight);
	jsonw_object_end(json);
}

void handle_list_evidence(struct api_request *request, struct api_reply *reply)
{
	size_t limit = (size_t)api_query(request, "limit")->integer, count, at;
	struct witness witnesses[EVIDENCE_MAX];
	struct decision_settings settings;
	struct decision_view view;
	struct api_position from;
	struct auth_scope scope;
	struct jsonw *json;

	if (!api_page_begin(request, reply, &from) || !decision_of_path(request, reply, &view) ||
		!console_scope(request, reply, AUTH_DECISIONS_READ, &scope))
		return;
	decision_settings_read(console_db(request), &settings);
	count = copy_witnesses(console_core(request), view.id, console_now_us(request), witnesses);
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	jsonw_kv_array_begin(json, "items");
	for (at = (size_t)from.id; at < count && at - from.id < limit; at++)
		write_witness(json, &witnesses[at],
			settings.share_names || scope_has(&scope.scope, witnesses[at].evidence.tenant), request->lang);
	jsonw_array_end(json);
	api_page_end(request, json, at < count, (struct api_position){ .id = at });
	jsonw_object_end(json);
	auth_scope_done(&scope);
}

/* ---- Trace ---- */

struct trace_row {
	uint32_t edge;
	char name[EDGES_NAME_MAX + 1];
	int64_t sent_us;
	struct trace_edge at;
};

static int compare_ids(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

/* The tenants of a scope and all above them: an edge that is bound to one of these serves somebody in the scope. In the arena. */
static bool make_reach(struct api_request *request, const struct scope *scope, struct scope *ret)
{
	const struct tenants_tree *tree = console_worker_of(request)->tree;
	uint32_t *tenants =
		arena_alloc(request->arena, (scope->tenant_count * (TENANT_DEPTH_MAX + 1) + 1) * sizeof(*tenants));
	size_t count = 0, kept = 0;

	*ret = (struct scope){ .all = scope->all, .tenants = tenants };
	if (!tenants)
		return false;
	for (size_t i = 0; i < scope->tenant_count; i++) {
		uint32_t tenant = scope->tenants[i];

		for (size_t depth = 0; tenant && depth <= TENANT_DEPTH_MAX; depth++) {
			tenants[count++] = tenant;
			tenant = tenants_tree_parent(tree, tenant);
		}
	}
	qsort(tenants, count, sizeof(*tenants), compare_ids);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || tenants[kept - 1] != tenants[i])
			tenants[kept++] = tenants[i];
	}
	ret->tenant_count = kept;
	return true;
}

static bool serves(const struct edge_view *edge, const struct scope *reach)
{
	if (reach->all || edge->bound->all)
		return true;
	for (size_t i = 0; i < edge->bound->tenant_count; i++) {
		if (scope_has(reach, edge->bound->tenants[i]))
			return true;
	}
	return false;
}

/* At most 'max' edges above 'after', by their numbers. */
static size_t copy_trace(struct api_request *request, const struct scope *reach, uint64_t id, uint64_t after,
	struct trace_row *ret, size_t max)
{
	struct core *core = console_core(request);
	const struct trace_decision *known;
	const struct edge_view *edge;
	size_t count = 0;

	core_lock(core);
	known = trace_find(core_trace(core), id);
	for (size_t i = 0; count < max && (edge = edges_at(core_edges(core), i)); i++) {
		if (edge->id <= after || edge->revoked || !serves(edge, reach))
			continue;
		ret[count] = (struct trace_row){ .edge = edge->id, .sent_us = known ? known->told_us : 0 };
		memcpy(ret[count].name, edge->name, sizeof(ret[count].name));
		trace_edge_of(core_trace(core), id, known, edge->id, &ret[count++].at);
	}
	core_unlock(core);
	return count;
}

static void write_row(struct jsonw *json, const struct trace_row *row)
{
	jsonw_object_begin(json);
	console_kv_id(json, "edge", row->edge);
	jsonw_kv_string(json, "name", row->name);
	jsonw_kv_string(json, "state", trace_state_name(row->at.state));
	console_kv_time_or_null(json, "sent", row->sent_us);
	console_kv_time_or_null(json, "standing", row->at.standing_us);
	jsonw_kv_bool(json, "vetoed", row->at.state == TRACE_VETOED);
	console_kv_time_or_null(json, "first_hit", row->at.first_hit_us);
	jsonw_object_end(json);
}

void handle_trace_decision(struct api_request *request, struct api_reply *reply)
{
	size_t limit = (size_t)api_query(request, "limit")->integer, count;
	struct trace_row *rows;
	struct decision_view view;
	struct api_position from;
	struct auth_scope scope;
	struct scope reach;
	struct jsonw *json;

	if (!api_page_begin(request, reply, &from) || !decision_of_path(request, reply, &view) ||
		!console_scope(request, reply, AUTH_DECISIONS_READ, &scope))
		return;
	rows = calloc(limit + 1, sizeof(*rows));
	if (!rows || !make_reach(request, &scope.scope, &reach)) {
		free(rows);
		auth_scope_done(&scope);
		api_reply_error(reply, LUYTRE_E_NOMEM, NULL);
		return;
	}
	count = copy_trace(request, &reach, view.id, from.id, rows, limit + 1);
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	jsonw_kv_array_begin(json, "items");
	for (size_t i = 0; i < count && i < limit; i++)
		write_row(json, &rows[i]);
	jsonw_array_end(json);
	api_page_end(request, json, count > limit,
		(struct api_position){ .id = count ? rows[count > limit ? limit - 1 : count - 1].edge : 0 });
	jsonw_object_end(json);
	free(rows);
	auth_scope_done(&scope);
}
