// SPDX-License-Identifier: Apache-2.0
/* Events: what was seen, how often, by whom, and marking it as seen. */
#include <stdio.h>
#include <stdlib.h>

#include "hub/api/moment.h"
#include "hub/api/validate.h"
#include "hub/console/acks.h"
#include "hub/console/desk.h"
#include "hub/console/internal.h"
#include "hub/console/operations.h"

#define US_PER_S INT64_C(1000000)
#define DAY_US   (24 * EV_HOUR_US)

enum {
	STEPS_MAX = 1500, /* of a count over time */
	CELLS_MAX = 200000, /* steps by series */
};

/* ---- Filters ---- */

static bool refuse(struct api_reply *reply, const char *name, enum jsonr_fault fault)
{
	struct jsonr_errors errors = { 0 };

	validate_note(&errors, name, fault, 0, 0);
	api_reply_invalid(reply, &errors);
	return false;
}

static uint32_t bits_of(const struct api_value *list, bool kinds)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < list->item_count; i++) {
		enum ev_kind kind;
		enum ev_action action;

		if (kinds && ev_kind_parse(list->items[i], &kind))
			bits |= 1U << kind;
		else if (!kinds && ev_action_parse(list->items[i], &action))
			bits |= 1U << action;
	}
	return bits;
}

/* Ids of 32 bits: what does not fit is nobody's, and finds nothing. */
static uint32_t id32_of(const struct api_request *request, const char *name)
{
	uint64_t id = console_query_id(request, name);

	return id <= UINT32_MAX ? (uint32_t)id : UINT32_MAX;
}

/* The span: the last 24 hours without one. */
static bool read_span(const struct api_request *request, struct api_reply *reply, struct ev_filter *ret)
{
	ret->until_us = console_query_time(request, "until", console_now_us(request));
	ret->from_us = console_query_time(request, "from", ret->until_us - DAY_US);
	if (ret->from_us < 0)
		ret->from_us = 0;
	if (ret->until_us > EV_TIME_MAX_US)
		ret->until_us = EV_TIME_MAX_US;
	return ret->from_us < ret->until_us || refuse(reply, "until", JSONR_CONFLICT);
}

/* What counts, top lists and pages have in common. */
static bool read_common(const struct api_request *request, struct api_reply *reply, struct ev_filter *ret)
{
	if (!read_span(request, reply, ret))
		return false;
	ret->kinds = bits_of(api_query(request, "kind"), true);
	ret->actions = bits_of(api_query(request, "action"), false);
	ret->edge = id32_of(request, "edge");
	return true;
}

static bool read_filter(const struct api_request *request, struct api_reply *reply, struct ev_filter *ret)
{
	const struct api_value *source = api_query(request, "source");

	if (!read_common(request, reply, ret))
		return false;
	ret->severity_max = (uint8_t)console_query_i64(request, "severity", 0);
	ret->system = id32_of(request, "system");
	ret->rule = console_query_id(request, "rule");
	ret->decision = console_query_id(request, "decision");
	ret->text = api_query(request, "text")->text;
	if (source->given && ip_prefix_parse(source->text, IP_PREFIX_MASK_HOST_BITS, &ret->src))
		return refuse(reply, "source", JSONR_FORM);
	if (ret->text.size && ret->until_us - ret->from_us > EV_TEXT_SPAN_MAX_US)
		return refuse(reply, "from", JSONR_RANGE);
	return true;
}

/* ---- Pages ---- */

struct page {
	struct arena *arena;
	struct ev_event *events;
	uint64_t *ids;
	bool *marked;
	size_t count, room;
};

static bool page_open(struct page *page, struct arena *arena, size_t room)
{
	*page = (struct page){ .arena = arena, .room = room };
	page->events = arena_alloc(arena, room * sizeof(*page->events));
	page->ids = arena_alloc(arena, room * sizeof(*page->ids));
	page->marked = arena_alloc(arena, room * sizeof(*page->marked));
	return page->events && page->ids && page->marked;
}

static int keep_event(void *context, const struct ev_event *event)
{
	struct page *page = context;
	struct ev_event *kept = &page->events[page->count];
	void *text = arena_dup(page->arena, event->signature);

	*kept = *event;
	kept->signature = bytes_of(text, text ? event->signature.size : 0);
	kept->detail = (struct bytes){ 0 };
	page->ids[page->count++] = event->id;
	return page->count == page->room;
}

static int add_count(void *context, const struct ev_count *count)
{
	*(uint64_t *)context += count->events;
	return 0;
}

/* How many there are, about: whole minutes, or whole hours of what spans more than some. Of tenants alone there is one row for each
 * hour, but not yet of the hour that runs; of everything else there are rows for each minute. */
static int approximate(struct ev_reader *reader, const struct ev_filter *filter, int64_t now_us, uint64_t *ret)
{
	bool plain = !filter->kinds && !filter->actions && !filter->severity_max && !filter->edge;
	int64_t unit_us = filter->until_us - filter->from_us > 6 * EV_HOUR_US ? EV_HOUR_US : EV_MINUTE_US;
	struct ev_filter whole = *filter;
	int64_t running_us = now_us / EV_HOUR_US * EV_HOUR_US, until_us;
	int error = 0;

	whole.from_us = filter->from_us / unit_us * unit_us;
	until_us = (filter->until_us + unit_us - 1) / unit_us * unit_us;
	*ret = 0;
	if (plain && unit_us == EV_HOUR_US && whole.from_us < running_us) {
		whole.until_us = until_us < running_us ? until_us : running_us;
		error = ev_count_by(reader, &whole, EV_DIM_TENANT, 0, add_count, ret);
		whole.from_us = whole.until_us;
	}
	whole.until_us = until_us;
	if (error || whole.from_us >= until_us)
		return error;
	return ev_count_by(reader, &whole, EV_DIM_ACTION, 0, add_count, ret);
}

static bool is_summed(const struct ev_filter *filter)
{
	return !filter->system && !filter->src.addr.family && !filter->rule && !filter->decision && !filter->text.size;
}

static void write_page(const struct api_request *request, struct api_reply *reply, const struct page *page, bool more,
	const uint64_t *total)
{
	struct jsonw *json = api_reply_json(reply, 200);

	jsonw_object_begin(json);
	jsonw_kv_array_begin(json, "items");
	for (size_t i = 0; i < page->count; i++) {
		jsonw_object_begin(json);
		desk_write_event(json, &page->events[i], page->marked[i]);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
	api_page_end(request, json, more,
		(struct api_position){ .key = 1, .id = page->count ? page->ids[page->count - 1] : 0 });
	if (total)
		jsonw_kv_u64(json, "approx_total", *total);
	else
		jsonw_kv_null(json, "approx_total");
	jsonw_object_end(json);
}

/* A question that ran out of time has handed over its newest rows: they are a page, and the next goes on behind them. */
static int ask_page(const struct api_request *request, const struct ev_filter *filter, uint64_t before,
	struct page *page, bool *ret_more, uint64_t *total)
{
	const struct ev_cursor cursor = { .id = before };
	struct desk *desk = console_of(request)->desk;
	struct ev_reader *reader;
	int error = desk_reader_take(desk, &reader);

	if (error)
		return error;
	error = ev_page(reader, filter, &cursor, (uint32_t)page->room, keep_event, page);
	*ret_more = page->count == page->room || error == LUYTRE_E_TIMEOUT;
	if (error == LUYTRE_E_TIMEOUT && page->count)
		error = 0;
	if (!error && total)
		error = approximate(reader, filter, console_now_us(request), total);
	desk_reader_give(desk, reader);
	return error;
}

void handle_list_events(struct api_request *request, struct api_reply *reply)
{
	struct ev_filter filter = { 0 };
	struct auth_scope scope;
	struct api_position from;
	struct page page;
	uint64_t total = 0;
	bool more = false, counts;
	int error;

	if (!read_filter(request, reply, &filter) || !api_page_begin(request, reply, &from) ||
		!console_scope_of_query(request, reply, AUTH_EVENTS_READ, &scope))
		return;
	filter.scope = &scope.scope;
	counts = !from.id && is_summed(&filter);
	error = page_open(&page, request->arena, (size_t)console_query_i64(request, "limit", 100)) ? 0 : LUYTRE_E_NOMEM;
	if (!error)
		error = ask_page(request, &filter, from.id, &page, &more, counts ? &total : NULL);
	if (!error)
		error = acks_marked(console_db(request), page.ids, page.count, page.marked);
	if (error)
		api_reply_error(reply, error, NULL);
	else
		write_page(request, reply, &page, more, counts ? &total : NULL);
	auth_scope_done(&scope);
}

/* ---- One ---- */

struct one {
	struct api_request *request;
	struct api_reply *reply;
	uint64_t id;
	bool found;
	int error;
};

static int write_one(void *context, const struct ev_event *event)
{
	struct one *one = context;
	struct acks_act *act;
	struct jsonw *json;

	if (event->id != one->id)
		return 1;
	one->found = true;
	act = arena_alloc(one->request->arena, sizeof(*act));
	one->error = act ? acks_find(console_db(one->request), event->id, act) : LUYTRE_E_NOMEM;
	if (one->error && one->error != LUYTRE_E_NOT_FOUND)
		return 1;
	json = api_reply_json(one->reply, 200);
	jsonw_object_begin(json);
	desk_write_event(json, event, !one->error);
	if (!one->error) {
		jsonw_kv_object_begin(json, "acknowledgement");
		jsonw_kv_string(json, "reason", act->reason);
		console_kv_text_or_null(json, "note", act->note);
		jsonw_kv_string(json, "by", act->actor);
		console_kv_time(json, "time", act->time_us);
		jsonw_object_end(json);
	}
	console_kv_json(json, "detail", event->detail);
	jsonw_object_end(json);
	one->error = 0;
	return 1;
}

void handle_get_event(struct api_request *request, struct api_reply *reply)
{
	struct ev_filter filter = { .until_us = EV_TIME_MAX_US };
	struct one one = { .request = request, .reply = reply };
	struct desk *desk = console_of(request)->desk;
	struct ev_cursor behind;
	struct ev_reader *reader;
	struct auth_scope scope;
	int error;

	if (!console_path_id(request, reply, "event", &one.id) ||
		!console_scope(request, reply, AUTH_EVENTS_READ, &scope))
		return;
	filter.scope = &scope.scope;
	behind.id = one.id + 1;
	error = desk_reader_take(desk, &reader);
	if (!error) {
		error = ev_page(reader, &filter, &behind, 1, write_one, &one);
		desk_reader_give(desk, reader);
	}
	if (!error)
		error = one.error ? one.error : one.found ? 0 : LUYTRE_E_NOT_FOUND;
	if (error)
		api_reply_error(reply, error, NULL);
	auth_scope_done(&scope);
}

/* ---- Counts ---- */

struct counts {
	int64_t from_us, step_us;
	size_t steps, series_count, series_room;
	uint64_t *keys; /* one for each series, in the order in which they came */
	uint64_t (*cells)[2]; /* series by steps: events, sum; owned */
	bool too_many;
};

static size_t find_series(struct counts *counts, uint64_t key)
{
	for (size_t i = 0; i < counts->series_count; i++)
		if (counts->keys[i] == key)
			return i;
	return counts->series_count;
}

static bool grow(struct counts *counts)
{
	size_t room = counts->series_room ? 2 * counts->series_room : 16;
	uint64_t *keys = realloc(counts->keys, room * sizeof(*keys));
	uint64_t(*cells)[2];

	if (keys)
		counts->keys = keys;
	cells = keys ? realloc(counts->cells, room * counts->steps * sizeof(*cells)) : NULL;
	if (!cells)
		return false;
	counts->cells = cells;
	memset(counts->cells + counts->series_room * counts->steps, 0,
		(room - counts->series_room) * counts->steps * sizeof(*cells));
	counts->series_room = room;
	return true;
}

static int add_cell(void *context, const struct ev_count *count)
{
	struct counts *counts = context;
	size_t series = find_series(counts, count->key),
	       step = (size_t)((count->time_us - counts->from_us) / counts->step_us);

	if (step >= counts->steps)
		return 0;
	if (series == counts->series_count) {
		if ((counts->series_count + 1) * counts->steps > CELLS_MAX ||
			(counts->series_count == counts->series_room && !grow(counts))) {
			counts->too_many = true;
			return 1;
		}
		counts->keys[counts->series_count++] = count->key;
	}
	counts->cells[series * counts->steps + step][0] += count->events;
	counts->cells[series * counts->steps + step][1] += count->sum;
	return 0;
}

static const char *key_text(enum ev_dim dim, uint64_t key, char text[24])
{
	if (dim == EV_DIM_KIND)
		return ev_kind_name((enum ev_kind)key);
	if (dim == EV_DIM_ACTION)
		return ev_action_name((enum ev_action)key);
	snprintf(text, 24, "%llu", (unsigned long long)key);
	return text;
}

static void write_cells(struct jsonw *json, const char *name, const struct counts *counts, size_t series, int which)
{
	jsonw_kv_array_begin(json, name);
	for (size_t i = 0; i < counts->steps; i++)
		jsonw_u64(json, counts->cells[series * counts->steps + i][which]);
	jsonw_array_end(json);
}

static void write_counts(struct jsonw *json, const char *by, enum ev_dim dim, const struct counts *counts)
{
	char text[24];

	jsonw_object_begin(json);
	jsonw_kv_string(json, "by", by);
	jsonw_kv_i64(json, "step_s", counts->step_us / US_PER_S);
	console_kv_time(json, "from", counts->from_us);
	jsonw_kv_array_begin(json, "series");
	for (size_t i = 0; i < counts->series_count; i++) {
		jsonw_object_begin(json);
		jsonw_kv_string(json, "key", key_text(dim, counts->keys[i], text));
		write_cells(json, "events", counts, i, 0);
		write_cells(json, "sums", counts, i, 1);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
	jsonw_object_end(json);
}

static int ask_counts(const struct api_request *request, const struct ev_filter *filter, enum ev_dim dim,
	uint32_t step_s, struct counts *counts)
{
	struct desk *desk = console_of(request)->desk;
	struct ev_reader *reader;
	int error = desk_reader_take(desk, &reader);

	if (error)
		return error;
	error = ev_count_by(reader, filter, dim, step_s, add_cell, counts);
	desk_reader_give(desk, reader);
	return error;
}

/* Steps begin at whole multiples, the last minute is whole: so that nothing but roll-ups is read. */
static bool read_steps(
	const struct api_request *request, struct api_reply *reply, struct ev_filter *filter, struct counts *ret)
{
	int64_t step_s = console_query_i64(request, "step_s", 300);

	*ret = (struct counts){ .step_us = step_s * US_PER_S };
	if (step_s % 60 != 0)
		return refuse(reply, "step_s", JSONR_FORM);
	ret->from_us = filter->from_us = filter->from_us / ret->step_us * ret->step_us;
	filter->until_us = (filter->until_us + EV_MINUTE_US - 1) / EV_MINUTE_US * EV_MINUTE_US;
	ret->steps = (size_t)((filter->until_us - filter->from_us + ret->step_us - 1) / ret->step_us);
	return ret->steps <= STEPS_MAX || refuse(reply, "step_s", JSONR_RANGE);
}

void handle_count_events(struct api_request *request, struct api_reply *reply)
{
	static const char *const dims[] = { [EV_DIM_KIND] = "kind",
		[EV_DIM_ACTION] = "action",
		[EV_DIM_TENANT] = "tenant",
		[EV_DIM_EDGE] = "edge",
		[EV_DIM_SEVERITY] = "severity" };
	struct ev_filter filter = { 0 };
	struct auth_scope scope;
	struct counts counts;
	unsigned int dim = EV_DIM_ACTION;
	int error;

	if (!read_common(request, reply, &filter) || !read_steps(request, reply, &filter, &counts))
		return;
	filter.severity_max = (uint8_t)console_query_i64(request, "severity", 0);
	for (unsigned int i = 0; i < ARRAY_COUNT(dims); i++)
		if (bytes_equal_str(api_query(request, "by")->text, dims[i]))
			dim = i;
	if (!console_scope_of_query(request, reply, AUTH_EVENTS_READ, &scope))
		return;
	filter.scope = &scope.scope;
	error = ask_counts(request, &filter, (enum ev_dim)dim, (uint32_t)(counts.step_us / US_PER_S), &counts);
	if (!error && counts.too_many)
		(void)refuse(reply, "step_s", JSONR_RANGE);
	else if (error)
		api_reply_error(reply, error, NULL);
	else
		write_counts(api_reply_json(reply, 200), dims[dim], (enum ev_dim)dim, &counts);
	free(counts.keys);
	free(counts.cells);
	auth_scope_done(&scope);
}

/* ---- Top lists ---- */

struct ranking {
	enum ev_top what;
	struct jsonw *json;
};

static int write_ranked(void *context, const struct ev_ranked *ranked)
{
	const struct ranking *ranking = context;
	char text[IP_ADDR_TEXT_SIZE];

	if (ranking->what == EV_TOP_SRC)
		ip_addr_format(&ranked->src, text);
	else
		snprintf(text, sizeof(text), "%llu", (unsigned long long)ranked->key);
	jsonw_object_begin(ranking->json);
	jsonw_kv_string(ranking->json, "key", text);
	if (ranked->text[0])
		jsonw_kv_string(ranking->json, "text", ranked->text);
	jsonw_kv_u64(ranking->json, "sum", ranked->sum);
	jsonw_kv_u64(ranking->json, "error_max", ranked->error_max);
	jsonw_kv_u64(ranking->json, "tenants", ranked->tenant_count);
	jsonw_object_end(ranking->json);
	return 0;
}

static int ask_top(struct ev_reader *reader, const struct ev_filter *filter, uint32_t limit, bool sketched,
	struct ranking *ranking)
{
	uint64_t sources = 0;
	int error;

	jsonw_kv_array_begin(ranking->json, "items");
	error = ev_top(reader, filter, ranking->what, limit, write_ranked, ranking);
	jsonw_array_end(ranking->json);
	if (error || !sketched)
		return error;
	error = ev_distinct_sources(reader, filter, &sources);
	jsonw_kv_u64(ranking->json, "distinct_sources", sources);
	return error;
}

void handle_top_events(struct api_request *request, struct api_reply *reply)
{
	static const char *const words[] = {
		[EV_TOP_SRC] = "source", [EV_TOP_RULE] = "rule", [EV_TOP_TENANT] = "tenant", [EV_TOP_PORT] = "port"
	};
	struct desk *desk = console_of(request)->desk;
	struct ev_filter filter = { 0 };
	struct ranking ranking = { .what = EV_TOP_SRC };
	struct ev_reader *reader;
	struct auth_scope scope;
	bool sketched;
	int error;

	for (unsigned int i = 0; i < ARRAY_COUNT(words); i++)
		if (bytes_equal_str(api_query(request, "what")->text, words[i]))
			ranking.what = (enum ev_top)i;
	if (!read_common(request, reply, &filter) || !console_scope_of_query(request, reply, AUTH_EVENTS_READ, &scope))
		return;
	filter.scope = &scope.scope;
	sketched = !filter.kinds && !filter.actions && !filter.edge;
	if (sketched || ranking.what == EV_TOP_TENANT) { /* whole hours are known by heart */
		filter.from_us = filter.from_us / EV_HOUR_US * EV_HOUR_US;
		filter.until_us = (filter.until_us + EV_HOUR_US - 1) / EV_HOUR_US * EV_HOUR_US;
	}
	error = desk_reader_take(desk, &reader);
	if (!error) {
		ranking.json = api_reply_json(reply, 200);
		jsonw_object_begin(ranking.json);
		jsonw_kv_string(ranking.json, "what", words[ranking.what]);
		console_kv_time(ranking.json, "from", filter.from_us);
		console_kv_time(ranking.json, "until", filter.until_us);
		error = ask_top(reader, &filter, (uint32_t)console_query_i64(request, "limit", 20), sketched, &ranking);
		jsonw_object_end(ranking.json);
		desk_reader_give(desk, reader);
	}
	if (error)
		api_reply_error(reply, error, NULL);
	auth_scope_done(&scope);
}

/* ---- Acknowledging ---- */

struct acknowledge {
	struct ev_filter filter;
	struct auth_scope scope; /* owned */
	uint64_t at_most;
	uint32_t tenant; /* of the audit record */
	char reason[32], note[ACKS_TEXT_SIZE];
	uint64_t *ids; /* owned */
	size_t count, room;
	bool no_memory;
};

static void acknowledge_free(void *context)
{
	struct acknowledge *plan = context;

	auth_scope_done(&plan->scope);
	free(plan->ids);
	free(plan);
}

static int keep_id(void *context, const struct ev_event *event)
{
	struct acknowledge *plan = context;

	if (plan->count == plan->room) {
		size_t room = plan->room ? 2 * plan->room : 1024;
		uint64_t *ids = realloc(plan->ids, room * sizeof(*ids));

		plan->no_memory = !ids;
		if (!ids)
			return 1;
		plan->ids = ids;
		plan->room = room;
	}
	plan->ids[plan->count++] = event->id;
	return 0;
}

/* All ids, newest first. LUYTRE_E_FULL: more than 'at_most'; then nothing was marked. */
static int collect(struct acknowledge *plan, struct operation *operation, struct ev_reader *reader)
{
	struct ev_cursor before = { 0 };
	size_t had;
	int error;

	do {
		had = plan->count;
		error = ev_page(reader, &plan->filter, &before, EV_PAGE_MAX, keep_id, plan);
		/* Out of time with some progress: the rest by another question. */
		if (error == LUYTRE_E_TIMEOUT && plan->count > had)
			error = 0;
		if (!error && plan->no_memory)
			error = LUYTRE_E_NOMEM;
		if (!error && plan->count > plan->at_most)
			error = LUYTRE_E_FULL;
		if (plan->count)
			before.id = plan->ids[plan->count - 1];
	} while (!error && plan->count > had && operation_step(operation, 0, 0));
	return error;
}

/* What failed is taken back; what was cancelled stays as far as it came. */
static int write_acks(const struct acknowledge *plan, struct operation *operation, struct db *db, size_t *ret_done)
{
	const struct audit_origin origin = operation_origin(operation);
	struct acks_writer *writer = malloc(sizeof(*writer));
	size_t done = 0;
	bool begun;
	int error = writer ? acks_begin(db, &origin, plan->reason, plan->note, writer) : LUYTRE_E_NOMEM;

	begun = !error;
	while (!error && done < plan->count) {
		error = acks_add(writer, plan->ids[done++]);
		if (!error && done % EV_PAGE_MAX == 0 && !operation_step(operation, done, 0))
			break;
	}
	if (!error)
		error = acks_end(writer);
	if (error && begun)
		acks_drop(writer);
	free(writer);
	*ret_done = error ? 0 : done;
	(void)operation_step(operation, *ret_done, 0);
	return error;
}

static int audit(const struct acknowledge *plan, struct operation *operation, struct db *db)
{
	const struct audit_origin origin = operation_origin(operation);
	const struct audit_field fields[] = {
		{ "reason", db_str(plan->reason) },
		{ "note", db_str(plan->note) },
		{ "events", db_i64((int64_t)plan->count) },
		{ "from_us", db_i64(plan->filter.from_us) },
		{ "until_us", db_i64(plan->filter.until_us) },
		{ "rule", db_i64((int64_t)plan->filter.rule) },
	};
	const struct audit_record record = { .action = "events.acknowledge",
		.subject = "events",
		.tenant = plan->tenant,
		.fields = fields,
		.field_count = ARRAY_COUNT(fields) };

	return audit_append(db, &origin, &record);
}

static int acknowledge_run(void *context, struct operation *operation, struct db *db)
{
	struct desk *desk = operation_console(operation)->desk;
	struct acknowledge *plan = context;
	struct ev_reader *reader;
	size_t done = 0;
	int error = desk_reader_take(desk, &reader);

	if (error)
		return error;
	error = collect(plan, operation, reader);
	desk_reader_give(desk, reader);
	if (error == LUYTRE_E_FULL)
		operation_result(operation, "more_than", plan->at_most);
	if (error)
		return error;
	operation_total(operation, plan->count);
	if (!plan->count || !operation_step(operation, 0, 0))
		return 0;
	error = audit(plan, operation, db);
	if (!error)
		error = write_acks(plan, operation, db, &done);
	operation_result(operation, "acknowledged", done);
	return error;
}

/* The scope cut down to a subtree: in place, or what lies below when it is the nation. */
static int narrow(const struct tenants_tree *tree, uint32_t tenant, struct auth_scope *scope)
{
	size_t kept = 0, count = 0;
	const uint32_t *below;

	if (!scope->scope.all) {
		for (size_t i = 0; i < scope->scope.tenant_count; i++)
			if (tenants_tree_inside(tree, scope->tenants[i], tenant))
				scope->tenants[kept++] = scope->tenants[i];
		scope->scope.tenant_count = kept;
		return kept ? 0 : LUYTRE_E_NOT_FOUND;
	}
	below = tenants_tree_below(tree, tenant, &count);
	scope->tenants = count ? malloc(count * sizeof(*scope->tenants)) : NULL;
	if (!scope->tenants)
		return count ? LUYTRE_E_NOMEM : LUYTRE_E_NOT_FOUND;
	/* Ascending, by insertion: a scope must be in order, and the tree is in its own. */
	for (size_t i = 0; i < count; i++) {
		size_t at = kept++;

		for (; at > 0 && scope->tenants[at - 1] > below[i]; at--)
			scope->tenants[at] = scope->tenants[at - 1];
		scope->tenants[at] = below[i];
	}
	scope->scope = (struct scope){ .tenants = scope->tenants, .tenant_count = count };
	return 0;
}

static uint64_t number_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? strtoull(text, NULL, 10) : 0;
}

static int64_t time_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	int64_t time_us = 0;

	return text && !moment_parse(bytes_from_str(text), &time_us) && time_us > 0 ? time_us : 0;
}

static uint32_t words_of(const json_t *list, bool kinds)
{
	struct bytes items[EV_KIND_COUNT];
	struct api_value value = { .items = items };

	for (size_t i = 0; i < json_array_size(list) && i < ARRAY_COUNT(items); i++)
		items[value.item_count++] = bytes_from_str(json_string_value(json_array_get(list, i)));
	return bits_of(&value, kinds);
}

/* Of the body, which is as described. */
static bool read_query(const json_t *query, struct api_reply *reply, struct ev_filter *ret)
{
	const char *source = json_string_value(json_object_get(query, "source"));

	ret->from_us = time_of(query, "from");
	ret->until_us = time_of(query, "until");
	ret->kinds = words_of(json_object_get(query, "kind"), true);
	ret->actions = words_of(json_object_get(query, "action"), false);
	ret->severity_max = (uint8_t)json_integer_value(json_object_get(query, "severity"));
	ret->edge = number_of(query, "edge") <= UINT32_MAX ? (uint32_t)number_of(query, "edge") : UINT32_MAX;
	ret->rule = number_of(query, "rule");
	if (source && ip_prefix_parse(bytes_from_str(source), IP_PREFIX_MASK_HOST_BITS, &ret->src))
		return refuse(reply, "source", JSONR_FORM);
	if (ret->until_us > EV_TIME_MAX_US)
		ret->until_us = EV_TIME_MAX_US;
	return ret->from_us < ret->until_us || refuse(reply, "until", JSONR_CONFLICT);
}

/* Where the caller may mark, and the tenant of the query within. */
static bool read_scope(const struct api_request *request, struct api_reply *reply, struct acknowledge *plan)
{
	const json_t *query = json_object_get(request->json, "query");
	uint64_t tenant = number_of(query, "tenant");
	int error;

	if (!console_scope(request, reply, AUTH_EVENTS_WRITE, &plan->scope))
		return false;
	if (!json_object_get(query, "tenant")) {
		plan->tenant = console_principal(request)->tenant;
		return true;
	}
	plan->tenant = tenant <= UINT32_MAX ? (uint32_t)tenant : 0;
	error = plan->tenant ? narrow(console_worker_of(request)->tree, plan->tenant, &plan->scope)
			     : LUYTRE_E_NOT_FOUND;
	if (error)
		api_reply_error(reply, error, NULL);
	return !error;
}

/* Where roll-ups can tell, what is too much is refused at once. */
static int check_count(const struct api_request *request, const struct acknowledge *plan, uint64_t *ret_count)
{
	struct desk *desk = console_of(request)->desk;
	struct ev_reader *reader;
	int error;

	*ret_count = 0;
	if (!is_summed(&plan->filter) || plan->filter.from_us % EV_MINUTE_US || plan->filter.until_us % EV_MINUTE_US)
		return 0;
	error = desk_reader_take(desk, &reader);
	if (error)
		return error;
	error = ev_count_by(reader, &plan->filter, EV_DIM_ACTION, 0, add_count, ret_count);
	desk_reader_give(desk, reader);
	return error;
}

static void too_many(const struct api_request *request, struct api_reply *reply, uint64_t count, uint64_t at_most)
{
	char detail[160];

	snprintf(detail, sizeof(detail),
		request->lang == LUYTRE_LANG_VI ? "Có %llu sự kiện, nhiều hơn giới hạn %llu của yêu cầu."
						: "There are %llu events, more than the bound of %llu.",
		(unsigned long long)count, (unsigned long long)at_most);
	api_reply_problem(reply, API_PROBLEM_CONFLICT, detail);
}

void handle_acknowledge_events(struct api_request *request, struct api_reply *reply)
{
	const json_t *body = request->json;
	const char *note = json_string_value(json_object_get(body, "note"));
	struct acknowledge *plan = calloc(1, sizeof(*plan));
	const struct operation_plan start = {
		.kind = "events.acknowledge", .run = acknowledge_run, .release = acknowledge_free, .context = plan
	};
	uint64_t count = 0, id;
	int error;

	if (!plan) {
		api_reply_error(reply, LUYTRE_E_NOMEM, NULL);
		return;
	}
	snprintf(plan->reason, sizeof(plan->reason), "%s", json_string_value(json_object_get(body, "reason")));
	snprintf(plan->note, sizeof(plan->note), "%s", note ? note : "");
	plan->at_most = (uint64_t)json_integer_value(json_object_get(body, "at_most"));
	if (!read_query(json_object_get(body, "query"), reply, &plan->filter) || !read_scope(request, reply, plan)) {
		acknowledge_free(plan);
		return;
	}
	plan->filter.scope = &plan->scope.scope;
	error = check_count(request, plan, &count);
	if (error || count > plan->at_most) {
		if (error)
			api_reply_error(reply, error, NULL);
		else
			too_many(request, reply, count, plan->at_most);
		acknowledge_free(plan);
		return;
	}
	error = operations_start(request, &start, &id);
	if (error)
		api_reply_error(reply, error, NULL);
	else
		operations_reply(request, reply, 202, id);
}
