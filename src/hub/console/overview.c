// SPDX-License-Identifier: Apache-2.0
/* The situation board: one answer from what is summed (board.h) and from registers, never from the events themselves. */
#include <stdio.h>
#include <stdlib.h>

#include "hub/console/board.h"
#include "hub/console/desk.h"
#include "hub/console/internal.h"
#include "hub/tenants/provinces.h"

enum {
	GRAVEST_MAX = 10,
	EDGES_SHOWN_MAX = 200, /* the worst first */
	PROVINCE_CODES = 100,
	TITLE_SIZE = 512,
};

/* ---- Registers ---- */

struct edge_row {
	uint32_t id, province;
	const char *state;
	bool failing_open, drifts;
	double lag_s;
	int64_t seen_us;
	const char *name; /* of the arena */
};

struct registers {
	struct edge_row *edges; /* of the arena */
	size_t edge_count;
	size_t decisions; /* live */
	uint16_t edges_down[PROVINCE_CODES];
};

static int compare_ids(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

/* The tenants of a scope and all above them: an edge that is bound to one of these serves somebody in the scope. In the arena. */
static bool make_reach(const struct api_request *request, const struct scope *scope, struct scope *ret)
{
	const struct tenants_tree *tree = console_worker_of(request)->tree;
	size_t count = 0, kept = 0;
	uint32_t *tenants = arena_alloc(request->arena, scope->tenant_count * TENANT_DEPTH_MAX * sizeof(*tenants));

	if (!tenants)
		return false;
	for (size_t i = 0; i < scope->tenant_count; i++) {
		uint32_t tenant = scope->tenants[i];

		for (int depth = 0; tenant && depth < TENANT_DEPTH_MAX; depth++) {
			tenants[count++] = tenant;
			tenant = tenants_tree_parent(tree, tenant);
		}
	}
	if (count)
		qsort(tenants, count, sizeof(*tenants), compare_ids);
	for (size_t i = 0; i < count; i++)
		if (!i || tenants[i] != tenants[i - 1])
			tenants[kept++] = tenants[i];
	*ret = (struct scope){ .all = scope->all, .tenants = tenants, .tenant_count = kept };
	return true;
}

/* Some organisation behind it is the caller's. */
static bool edge_visible(const struct scope *reach, const struct edge_view *edge)
{
	if (reach->all || (edge->bound->all && reach->tenant_count))
		return true;
	for (size_t i = 0; i < edge->bound->tenant_count; i++)
		if (scope_has(reach, edge->bound->tenants[i]))
			return true;
	return false;
}

static int compare_tenants(const void *left, const void *right)
{
	const struct board_tenant *a = left, *b = right;

	return (a->tenant > b->tenant) - (a->tenant < b->tenant);
}

static int edge_rank(const struct edge_row *row)
{
	return row->state[0] == 'd' ? 0 : row->failing_open ? 1 : row->state[0] == 'l' ? 2 : row->drifts ? 3 : 4;
}

static int worst_first(const void *left, const void *right)
{
	const struct edge_row *a = left, *b = right;
	int rank = edge_rank(a) - edge_rank(b);

	return rank ? rank : (a->id > b->id) - (a->id < b->id);
}

static void copy_edge(const struct api_request *request, const struct edge_view *edge, struct edge_row *ret)
{
	const char *name = arena_strdup(request->arena, edge->name);
	int64_t now_us = console_now_us(request);
	struct edgestate_view view;

	*ret = (struct edge_row){ .id = edge->id,
		.province = edge->province,
		.state = edgestate_state(edge, now_us),
		.seen_us = edge->seen_us,
		.name = name ? name : "" };
	if (!edgestate_find(core_edgestate(console_core(request)), edge->id, now_us, &view))
		return;
	ret->failing_open = view.failing_open;
	ret->drifts = view.drift_count > 0;
	ret->lag_s = view.lag_s;
}

/* Under the core's lock: copied out. Those that were revoked are of the past. False without memory. */
static bool copy_edges(const struct api_request *request, const struct scope *reach, struct registers *ret)
{
	struct core *core = console_core(request);
	size_t count = edges_count(core_edges(core));

	ret->edges = arena_alloc(request->arena, (count + 1) * sizeof(*ret->edges));
	for (size_t i = 0; ret->edges && i < count; i++) {
		const struct edge_view *edge = edges_at(core_edges(core), i);
		struct edge_row *row = &ret->edges[ret->edge_count];

		if (edge->revoked || !edge_visible(reach, edge))
			continue;
		copy_edge(request, edge, row);
		ret->edge_count++;
		if (row->state[0] == 'd' && row->province < PROVINCE_CODES)
			ret->edges_down[row->province]++;
	}
	return ret->edges;
}

static bool read_registers(const struct api_request *request, const struct scope *scope, struct registers *ret)
{
	struct core *core = console_core(request);
	struct engine_stats stats;
	struct scope reach;
	bool done = true;

	*ret = (struct registers){ 0 };
	if (!make_reach(request, scope, &reach))
		return false;
	core_lock(core);
	if (auth_check_anywhere(console_principal(request), console_worker_of(request)->tree, AUTH_EDGES_READ))
		done = copy_edges(request, &reach, ret);
	engine_stats(core_engine(core), &stats);
	core_unlock(core);
	for (int level = DECIDE_WATCH; level < DECIDE_LEVEL_COUNT; level++)
		ret->decisions += stats.live[level];
	if (ret->edges)
		qsort(ret->edges, ret->edge_count, sizeof(*ret->edges), worst_first);
	return done;
}

/* ---- Provinces ---- */

struct province_row {
	uint8_t severity; /* 0: none */
	uint64_t events;
	uint32_t tenants;
	bool named; /* a tenant of the scope stands there */
};

struct province_walk {
	const struct board *board;
	const struct scope *scope;
	struct province_row rows[PROVINCE_CODES];
	uint32_t last;
};

static int add_to_province(void *context, const struct tenant *tenant)
{
	struct province_walk *walk = context;
	const struct board_tenant wanted = { .tenant = tenant->id }, *hit;
	struct province_row *row = &walk->rows[tenant->province % PROVINCE_CODES];

	walk->last = tenant->id;
	if (!tenant->province)
		return 0;
	row->named = true;
	hit = walk->board->tenant_count ? bsearch(&wanted, walk->board->tenants, walk->board->tenant_count,
						  sizeof(wanted), compare_tenants)
					: NULL;
	if (!hit)
		return 0;
	row->events += hit->events;
	row->tenants++;
	if (!row->severity || hit->severity < row->severity)
		row->severity = hit->severity;
	return 0;
}

static int read_provinces(const struct api_request *request, struct province_walk *walk)
{
	const struct tenants_call call = { .db = console_db(request), .scope = walk->scope };
	uint32_t after;
	int error = 0;

	do {
		after = walk->last;
		error = tenant_each(&call, 0, after, TENANTS_PAGE_MAX, add_to_province, walk);
	} while (!error && walk->last != after);
	return error;
}

/* ---- Writing ---- */

static void write_numbers(struct jsonw *json, const char *key, const uint64_t *numbers, size_t count)
{
	jsonw_kv_array_begin(json, key);
	for (size_t i = 0; i < count; i++)
		jsonw_u64(json, numbers[i]);
	jsonw_array_end(json);
}

/* Steps of the timeline put together to at most 28: enough for a line beside a number. */
static size_t make_trend(const struct board *board, bool all, uint64_t ret[BOARD_STEPS_MAX], uint64_t *ret_sum)
{
	size_t each = (board->steps + 27) / 28, count = 0;

	*ret_sum = 0;
	for (size_t i = 0; i < board->steps; i++) {
		uint64_t value = board->stopped[i] + (all ? board->passed[i] + board->unknown[i] : 0);

		if (i % each == 0)
			ret[count++] = 0;
		ret[count - 1] += value;
		*ret_sum += value;
	}
	return count;
}

static void write_number(struct jsonw *json, const char *key, uint64_t value, const uint64_t *trend, size_t count)
{
	jsonw_kv_object_begin(json, key);
	jsonw_kv_u64(json, "value", value);
	write_numbers(json, "trend", trend, count);
	jsonw_object_end(json);
}

static void write_all_numbers(struct jsonw *json, const struct board *board, const struct registers *registers)
{
	uint64_t trend[BOARD_STEPS_MAX], sum;
	size_t count;

	jsonw_kv_object_begin(json, "numbers");
	count = make_trend(board, true, trend, &sum);
	write_number(json, "attacks", sum, trend, count);
	count = make_trend(board, false, trend, &sum);
	write_number(json, "stopped", sum, trend, count);
	write_number(json, "decisions", registers->decisions, NULL, 0);
	for (count = 0; count < board->trend_steps && count < ARRAY_COUNT(board->hit); count++)
		trend[count] = board->hit[count];
	write_number(json, "tenants_hit", board->tenant_count, trend, count);
	jsonw_object_end(json);
}

static void write_timeline(struct jsonw *json, const struct board *board)
{
	jsonw_kv_object_begin(json, "timeline");
	console_kv_time(json, "from", board->from_us);
	jsonw_kv_u64(json, "step_s", board->step_s);
	write_numbers(json, "stopped", board->stopped, board->steps);
	write_numbers(json, "passed", board->passed, board->steps);
	write_numbers(json, "unknown", board->unknown, board->steps);
	jsonw_object_end(json);
}

static void write_provinces(struct jsonw *json, const struct province_walk *walk, const struct registers *registers)
{
	jsonw_kv_array_begin(json, "provinces");
	for (size_t i = 0; i < PROVINCE_COUNT; i++) {
		unsigned int code = provinces[i].code;
		const struct province_row *row = &walk->rows[code];
		char text[8];

		if (!walk->scope->all && !row->named)
			continue;
		snprintf(text, sizeof(text), "%02u", code);
		jsonw_object_begin(json);
		jsonw_kv_string(json, "province", text);
		jsonw_kv_u64(json, "severity", row->severity);
		jsonw_kv_u64(json, "events", row->events);
		jsonw_kv_u64(json, "tenants", row->tenants);
		jsonw_kv_u64(json, "edges_down", registers->edges_down[code]);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void write_item(
	struct jsonw *json, const char *kind, uint64_t id, uint32_t tenant, uint8_t severity, int64_t time_us)
{
	jsonw_kv_string(json, "kind", kind);
	console_kv_id(json, "id", id);
	console_kv_id_or_null(json, "tenant", tenant);
	jsonw_kv_u64(json, "severity", severity);
	console_kv_time(json, "time", time_us);
}

/* "Before NAME after." in both languages. */
struct title {
	const char *vi[2], *en[2];
};

static void write_title(struct jsonw *json, const struct title *title, const char *name)
{
	char text[TITLE_SIZE];

	jsonw_kv_object_begin(json, "title");
	snprintf(text, sizeof(text), "%s%s%s", title->vi[0], name, title->vi[1]);
	jsonw_kv_string(json, "vi", text);
	snprintf(text, sizeof(text), "%s%s%s", title->en[0], name, title->en[1]);
	jsonw_kv_string(json, "en", text);
	jsonw_object_end(json);
}

/* Edges that do not protect any more, as grave as anything; those that are late or drift come behind attacks. */
static size_t write_edge_items(
	struct jsonw *json, const struct registers *registers, int from_rank, int to_rank, size_t max)
{
	static const struct {
		struct title title;
		uint8_t severity;
	} texts[] = {
		{ { { "Điểm biên ", " im lặng" }, { "The edge ", " is silent" } }, 1 },
		{ { { "Điểm biên ", " không thấy gói tin nào: lưu lượng đi qua không được lọc" },
			  { "The edge ", " sees no packets: traffic passes unfiltered" } },
			1 },
		{ { { "Điểm biên ", " báo chậm" }, { "The edge ", " reports late" } }, 3 },
		{ { { "Điểm biên ", " khác cấu hình mong muốn" }, { "The edge ", " differs from what is wanted" } },
			3 },
	};
	size_t count = 0;

	for (size_t i = 0; i < registers->edge_count && count < max; i++) {
		const struct edge_row *edge = &registers->edges[i];
		int rank = edge_rank(edge);

		if (rank < from_rank || rank > to_rank)
			continue;
		jsonw_object_begin(json);
		write_item(json, "edge", edge->id, 0, texts[rank].severity, edge->seen_us);
		write_title(json, &texts[rank].title, edge->name);
		jsonw_object_end(json);
		count++;
	}
	return count;
}

static size_t write_event_items(struct jsonw *json, const struct desk_sample *samples, size_t count)
{
	static const struct title stopped_title = { { "Đã chặn: ", "" }, { "Stopped: ", "" } },
				  open_title = { { "Chưa bị chặn: ", "" }, { "Not stopped: ", "" } };

	for (size_t i = 0; i < count; i++) {
		const struct desk_sample *sample = &samples[i];
		char name[DESK_SIGNATURE_SIZE + 1];
		bool stopped = sample->event.action == EV_STOPPED;

		snprintf(name, sizeof(name), "%.*s", (int)sample->event.signature.size, sample->signature);
		jsonw_object_begin(json);
		write_item(json, "event", sample->event.id, sample->event.tenant, sample->event.severity,
			sample->event.time_us);
		write_title(json, stopped ? &stopped_title : &open_title,
			name[0] ? name : ev_kind_name((enum ev_kind)sample->event.kind));
		jsonw_object_end(json);
	}
	return count;
}

static void write_gravest(
	struct jsonw *json, const struct registers *registers, struct desk_sample *samples, size_t count)
{
	size_t written;

	jsonw_kv_array_begin(json, "gravest");
	/* Half of the places for edges at most: when many fail at once, attacks must be seen all the same. */
	written = write_edge_items(json, registers, 0, 1, GRAVEST_MAX / 2);
	written += write_event_items(json, samples, count < GRAVEST_MAX - written ? count : GRAVEST_MAX - written);
	(void)write_edge_items(json, registers, 2, 3, GRAVEST_MAX - written);
	jsonw_array_end(json);
}

static void write_edges(struct jsonw *json, const struct registers *registers)
{
	char province[8];

	jsonw_kv_array_begin(json, "edges");
	for (size_t i = 0; i < registers->edge_count && i < EDGES_SHOWN_MAX; i++) {
		const struct edge_row *edge = &registers->edges[i];

		snprintf(province, sizeof(province), "%02u", edge->province % PROVINCE_CODES);
		jsonw_object_begin(json);
		console_kv_id(json, "id", edge->id);
		jsonw_kv_string(json, "name", edge->name);
		jsonw_kv_string(json, "province", edge->province ? province : NULL);
		jsonw_kv_string(json, "state", edge->state);
		jsonw_kv_double(json, "lag_s", edge->lag_s);
		jsonw_kv_bool(json, "failing_open", edge->failing_open);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static int write_board(const struct api_request *request, struct api_reply *reply, const struct board *board,
	const struct scope *scope)
{
	struct province_walk *walk = arena_alloc(request->arena, sizeof(*walk));
	struct desk_sample *samples = arena_alloc(request->arena, GRAVEST_MAX * sizeof(*samples));
	struct registers *registers = arena_alloc(request->arena, sizeof(*registers));
	struct jsonw *json;
	int error;

	if (!walk || !samples || !registers || !read_registers(request, scope, registers))
		return LUYTRE_E_NOMEM;
	walk->board = board;
	walk->scope = scope;
	error = read_provinces(request, walk);
	if (error)
		return error;
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	write_all_numbers(json, board, registers);
	write_timeline(json, board);
	write_provinces(json, walk, registers);
	write_gravest(json, registers, samples, desk_gravest(console_of(request)->desk, scope, samples, GRAVEST_MAX));
	write_edges(json, registers);
	jsonw_object_end(json);
	return 0;
}

/* ---- The handler ---- */

void handle_get_overview(struct api_request *request, struct api_reply *reply)
{
	uint32_t hours = (uint32_t)console_query_i64(request, "hours", 24);
	struct desk *desk = console_of(request)->desk;
	int64_t now_us = console_now_us(request);
	struct board *board = arena_alloc(request->arena, sizeof(*board));
	struct auth_scope scope;
	int error;

	if (!console_scope_of_query(request, reply, AUTH_EVENTS_READ, &scope))
		return;
	error = !board            ? LUYTRE_E_NOMEM
		: scope.scope.all ? boards_nation(desk_boards(desk), hours, now_us, board)
				  : board_scope(desk, &scope.scope, hours, now_us, board);
	if (!error)
		error = write_board(request, reply, board, &scope.scope);
	if (error)
		api_reply_error(reply, error, NULL);
	if (board)
		board_done(board);
	auth_scope_done(&scope);
}
