// SPDX-License-Identifier: Apache-2.0
/* Sums, top lists and numbers of sources. A span is cut in three: the whole minutes (or hours) in its middle are
 * answered from what was summed when the events came in, the rest at both ends by reading events. */
#include "hub/events/sqlite.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

struct span {
	int64_t from_us, until_us;
};

/* The whole units of a span; until <= from when there is none. */
static struct span whole_units(struct span span, int64_t unit_us)
{
	return (struct span){ (span.from_us + unit_us - 1) / unit_us * unit_us, span.until_us / unit_us * unit_us };
}

static struct span span_of(const struct ev_filter *filter)
{
	return (struct span){ filter->from_us, filter->until_us };
}

/* Reads the events of a span that lie outside of 'middle'. */
static int scan_ends(
	struct sqlite_reader *reader, const struct ev_filter *filter, struct span middle, ev_event_fn fn, void *context)
{
	struct ev_filter end = *filter;
	int error = 0;

	if (middle.until_us <= middle.from_us)
		return sqlite_scan(reader, filter, fn, context);
	end.until_us = middle.from_us;
	if (end.from_us < end.until_us)
		error = sqlite_scan(reader, &end, fn, context);
	end = *filter;
	end.from_us = middle.until_us;
	if (error == 0 && end.from_us < end.until_us)
		error = sqlite_scan(reader, &end, fn, context);
	return error;
}

static bool overlaps(const struct segment_view *view, struct span span)
{
	return view->max_us >= span.from_us && view->min_us < span.until_us;
}

static bool view_sealed(struct sqlite_reader *reader, const struct segment_view *view)
{
	bool sealed;

	pthread_mutex_lock(&reader->store->lock);
	sealed = view->segment->sealed;
	pthread_mutex_unlock(&reader->store->lock);
	return sealed;
}

struct sums_ask {
	const struct ev_filter *filter;
	enum ev_dim dim;
	uint32_t step_s;
	struct span span;
	struct ev_tally *tally;
};

/* 'class': kind << 8 | action << 4 | severity. */
static uint64_t dim_key(enum ev_dim dim, uint32_t tenant, uint32_t edge, uint32_t class)
{
	switch (dim) {
	case EV_DIM_KIND:
		return class >> 8;
	case EV_DIM_ACTION:
		return class >> 4 & 15;
	case EV_DIM_TENANT:
		return tenant;
	case EV_DIM_EDGE:
		return edge;
	case EV_DIM_TENANT_SEVERITY:
		return (uint64_t)tenant << 4 | (class & 15);
	default:
		return class & 15;
	}
}

static int sum_event(void *context, const struct ev_event *event)
{
	const struct sums_ask *ask = context;
	uint32_t class = (uint32_t)event->kind << 8 | (uint32_t)event->action << 4 | event->severity;

	return ev_tally_add(ask->tally, ev_step_begin(ask->filter, ask->step_s, event->time_us),
		dim_key(ask->dim, event->tenant, event->edge, class), 1, event->count);
}

struct sum_table {
	const char *sql; /* up to its conditions; columns: unit, tenant, edge, class, events, sum */
	const char *from, *until;
	int64_t unit_us;
	bool tenants; /* it has tenants and edges */
};

static const struct sum_table minute_table = { "select minute, tenant, edge, class, events, sum from minute where true",
	"minute >= #", "minute < #", EV_MINUTE_US, true };
static const struct sum_table hour_table = { "select hour, tenant, edge, class, events, sum from hour where true",
	"hour >= #", "hour < #", EV_HOUR_US, true };
static const struct sum_table nation_table = { "select minute, 0, 0, class, events, sum from nation where true",
	"minute >= #", "minute < #", EV_MINUTE_US, false };

static const struct sum_table tenant_hour_table = {
	"select hour, tenant, 0, 0, events, sum from tenant_hour where true",
	"hour >= #",
	"hour < #",
	EV_HOUR_US,
	true,
};

static void where_sums(struct where *where, const struct sums_ask *ask, const struct sum_table *table, struct span span)
{
	const struct ev_filter *filter = ask->filter;

	if (table->tenants)
		where_tenants(where, filter, "tenant");
	where_add(where, table->from, span.from_us / table->unit_us);
	where_add(where, table->until, span.until_us / table->unit_us);
	if (filter->edge != 0)
		where_add(where, "edge = #", filter->edge);
	if (filter->kinds != 0)
		where_add(where, "(# >> (class >> 8)) & 1", filter->kinds);
	if (filter->actions != 0)
		where_add(where, "(# >> ((class >> 4) & 15)) & 1", filter->actions);
	if (filter->severity_max != 0)
		where_add(where, "(class & 15) <= #", filter->severity_max);
}

static int sum_rows(
	const struct sums_ask *ask, const struct sum_table *table, struct connection *connection, struct span span)
{
	struct where where = { 0 };
	sqlite3_stmt *row = NULL;
	char sql[sizeof(where.text) + 128];
	int error, result;

	if (span.until_us <= span.from_us)
		return 0;
	where_sums(&where, ask, table, span);
	snprintf(sql, sizeof(sql), "%s%s", table->sql, where.text);
	result = sqlite3_prepare_v2(connection->db, sql, -1, &row, NULL);
	error = result == SQLITE_OK ? where_bind(&where, connection->db, row) : sqlite_error(connection->db, result);
	while (error == 0 && (result = sqlite3_step(row)) == SQLITE_ROW)
		error = ev_tally_add(ask->tally,
			ev_step_begin(ask->filter, ask->step_s, sqlite3_column_int64(row, 0) * table->unit_us),
			dim_key(ask->dim, (uint32_t)sqlite3_column_int64(row, 1),
				(uint32_t)sqlite3_column_int64(row, 2), (uint32_t)sqlite3_column_int64(row, 3)),
			(uint64_t)sqlite3_column_int64(row, 4), (uint64_t)sqlite3_column_int64(row, 5));
	sqlite3_finalize(row);
	return error != 0 ? error : sqlite_error(connection->db, result);
}

/* The coarsest table that knows what is asked for; null: minutes. */
static const struct sum_table *choose_table(const struct sums_ask *ask, struct span hours)
{
	const struct ev_filter *filter = ask->filter;

	if (filter->scope->all && filter->tenant == 0 && filter->edge == 0 && ask->dim != EV_DIM_TENANT &&
		ask->dim != EV_DIM_EDGE && ask->dim != EV_DIM_TENANT_SEVERITY)
		return &nation_table;
	if (ask->step_s % 3600 != 0 || hours.until_us <= hours.from_us)
		return NULL;
	return ask->dim == EV_DIM_TENANT && ev_filter_sketched(filter) ? &tenant_hour_table : &hour_table;
}

static int ask_sums(
	struct sqlite_reader *reader, struct connection *connection, const struct segment_view *view, void *context)
{
	const struct sums_ask *ask = context;
	struct span hours = whole_units(ask->span, EV_HOUR_US);
	const struct sum_table *table = view_sealed(reader, view) ? choose_table(ask, hours) : NULL;
	int error;

	if (!table || table->unit_us == EV_MINUTE_US)
		return sum_rows(ask, table ? table : &minute_table, connection, ask->span);
	error = sum_rows(ask, &minute_table, connection, (struct span){ ask->span.from_us, hours.from_us });
	if (error == 0)
		error = sum_rows(ask, table, connection, hours);
	if (error == 0)
		error = sum_rows(ask, &minute_table, connection, (struct span){ hours.until_us, ask->span.until_us });
	return error;
}

static int tally_up(struct sqlite_reader *reader, const struct ev_filter *filter, enum ev_dim dim, uint32_t step_s,
	struct ev_tally *tally)
{
	struct sums_ask ask = { .filter = filter, .dim = dim, .step_s = step_s, .tally = tally };
	int error = question_begin(reader, filter);

	if (ev_filter_rolled_up(filter) && step_s % 60 == 0)
		ask.span = whole_units(span_of(filter), EV_MINUTE_US);
	for (size_t i = 0; i < reader->view_count && error == 0 && ask.span.from_us < ask.span.until_us; i++) {
		if (overlaps(&reader->views[i], ask.span))
			error = segment_ask(reader, &reader->views[i], ask_sums, &ask);
	}
	if (error == 0)
		error = scan_ends(reader, filter, ask.span, sum_event, &ask);
	question_end(reader);
	return error;
}

int sqlite_count_by(struct ev_reader *base, const struct ev_filter *filter, enum ev_dim dim, uint32_t step_s,
	ev_count_fn fn, void *context)
{
	struct ev_tally *tally = ev_tally_new();
	int error = tally ? tally_up((struct sqlite_reader *)base, filter, dim, step_s, tally) : LUYTRE_E_NOMEM;

	if (error == 0)
		error = ev_tally_out(tally, fn, context);
	ev_tally_free(tally);
	return error;
}

/* What is asked of the sketches: a top list, or a number of sources. */
struct sketch_ask {
	const struct ev_filter *filter;
	struct span hours;
	struct sqlite_store *store;
	enum sketch_list list;
	struct rank *rank; /* null: the number of sources is wanted */
	struct hll sources;
};

static bool asks_nation(const struct ev_filter *filter)
{
	return filter->scope->all && filter->tenant == 0;
}

static bool sketch_wanted(const struct sketch_ask *ask, const struct sketch *sketch)
{
	const struct ev_filter *filter = ask->filter;

	if (sketch->hour * EV_HOUR_US < ask->hours.from_us || sketch->hour * EV_HOUR_US >= ask->hours.until_us)
		return false;
	if (asks_nation(filter) || sketch->tenant == SKETCH_NATION)
		return asks_nation(filter) && sketch->tenant == SKETCH_NATION;
	return filter->tenant != 0 ? sketch->tenant == filter->tenant
				   : scope_has(filter->scope, (uint32_t)sketch->tenant);
}

static int take_live_sketch(struct sketch_ask *ask, const struct sketches *live, const struct sketch *sketch)
{
	uint32_t *tenants = NULL;
	int error = 0;

	if (!ask->rank)
		return hll_merge(&ask->sources, &sketch->sources);
	if (sketch->tenant == SKETCH_NATION && ask->list != SKETCH_SRC)
		error = sketches_tenants(live, sketch, ask->list, &tenants);
	if (error == 0)
		error = sketch_topk_rank(&sketch->top[ask->list], tenants, sketch->tenant, ask->rank);
	free(tenants);
	return error;
}

/* LUYTRE_E_NOT_FOUND: it was sealed, ask its tables. */
static int ask_live(struct sketch_ask *ask, const struct segment *segment)
{
	const struct sketch **sorted = NULL;
	size_t count = 0;
	int error = LUYTRE_E_NOT_FOUND;

	pthread_mutex_lock(&ask->store->lock);
	if (segment->live && !segment->sealed)
		error = sketches_sorted(segment->live, &sorted, &count);
	for (size_t i = 0; i < count && error == 0; i++) {
		if (sketch_wanted(ask, sorted[i]))
			error = take_live_sketch(ask, segment->live, sorted[i]);
	}
	pthread_mutex_unlock(&ask->store->lock);
	free(sorted);
	return error;
}

static int take_stored_sketch(struct sketch_ask *ask, sqlite3_stmt *row)
{
	const void *blob = sqlite3_column_blob(row, 1);
	struct bytes stored = bytes_of(blob, blob ? (size_t)sqlite3_column_bytes(row, 1) : 0);

	return ask->rank ? sketch_list_rank(stored, sqlite3_column_int64(row, 0), ask->rank)
			 : hll_merge_blob(&ask->sources, stored);
}

static int ask_stored(
	struct sqlite_reader *reader, struct connection *connection, const struct segment_view *view, void *context)
{
	static const char *const columns[] = { [SKETCH_SRC] = "src", [SKETCH_RULE] = "rule", [SKETCH_PORT] = "port" };
	struct sketch_ask *ask = context;
	struct where where = { 0 };
	sqlite3_stmt *row = NULL;
	char sql[sizeof(where.text) + 128];
	int error, result;

	if (asks_nation(ask->filter))
		where_add(&where, "tenant = #", SKETCH_NATION);
	else
		where_tenants(&where, ask->filter, "tenant");
	where_add(&where, "hour >= #", ask->hours.from_us / EV_HOUR_US);
	where_add(&where, "hour < #", ask->hours.until_us / EV_HOUR_US);
	snprintf(sql, sizeof(sql), "select tenant, %s from sketch where true%s order by tenant, hour",
		ask->rank ? columns[ask->list] : "sources", where.text);
	result = sqlite3_prepare_v2(connection->db, sql, -1, &row, NULL);
	error = result == SQLITE_OK ? where_bind(&where, connection->db, row) : sqlite_error(connection->db, result);
	while (error == 0 && (result = sqlite3_step(row)) == SQLITE_ROW)
		error = take_stored_sketch(ask, row);
	sqlite3_finalize(row);
	return error != 0 ? error : sqlite_error(connection->db, result);
}

static int observe_event(void *context, const struct ev_event *event)
{
	struct sketch_ask *ask = context;
	struct topk_key key;

	if (!ask->rank) {
		key = sketch_key_src(&event->src);
		return event->src.family == 0 ? 0 : hll_add(&ask->sources, sketch_hash(ask->store->key, &key));
	}
	if (ask->list == SKETCH_SRC && event->src.family != 0)
		key = sketch_key_src(&event->src);
	else if (ask->list == SKETCH_RULE && event->rule != 0)
		key = sketch_key_rule(event->kind, event->rule);
	else if (ask->list == SKETCH_PORT && event->dst_port != 0)
		key = sketch_key_port(event->dst_port);
	else
		return 0;
	return rank_observe(ask->rank, &key, event->tenant, event->count);
}

static int ask_sketches(struct sqlite_reader *reader, struct sketch_ask *ask)
{
	int error = 0;

	if (ev_filter_sketched(ask->filter))
		ask->hours = whole_units(span_of(ask->filter), EV_HOUR_US);
	for (size_t i = 0; i < reader->view_count && error == 0 && ask->hours.from_us < ask->hours.until_us; i++) {
		const struct segment_view *view = &reader->views[i];

		if (!overlaps(view, ask->hours))
			continue;
		if (ask->rank)
			rank_next_epoch(ask->rank);
		error = ask_live(ask, view->segment);
		if (error == LUYTRE_E_NOT_FOUND)
			error = segment_ask(reader, view, ask_stored, ask);
	}
	if (ask->rank) {
		rank_next_epoch(ask->rank);
		rank_list(ask->rank, RANK_NO_TENANT, 0);
	}
	return error == 0 ? scan_ends(reader, ask->filter, ask->hours, observe_event, ask) : error;
}

int sqlite_distinct_sources(struct ev_reader *base, const struct ev_filter *filter, uint64_t *ret)
{
	struct sqlite_reader *reader = (struct sqlite_reader *)base;
	struct sketch_ask ask = { .filter = filter, .store = reader->store };
	int error = question_begin(reader, filter);

	if (error == 0)
		error = ask_sketches(reader, &ask);
	question_end(reader);
	if (error == 0)
		*ret = hll_estimate(&ask.sources);
	hll_done(&ask.sources);
	return error;
}

/* A ranked list that is made complete from the segments. */
struct ranked_ask {
	const struct ev_filter *filter;
	struct ev_ranked *ranked;
	size_t count, left;
	struct table *seen; /* struct seen: sources at tenants */
};

struct seen {
	uint32_t ranked, tenant;
};

static int note_tenant(struct ranked_ask *ask, size_t i, uint32_t tenant)
{
	struct seen seen = { .ranked = (uint32_t)i, .tenant = tenant };
	bool created = false;

	if (!scope_has(ask->filter->scope, tenant))
		return 0;
	if (!table_insert(ask->seen, &seen, &created))
		return LUYTRE_E_FULL;
	ask->ranked[i].tenant_count += created ? 1 : 0;
	return 0;
}

/* Jumps from tenant to tenant in the index: as many steps as there are tenants, however many events. */
static int count_tenants(struct ranked_ask *ask, sqlite3 *db, sqlite3_stmt *next, size_t i)
{
	int64_t tenant = -1;
	int result = SQLITE_ROW, error = 0;
	const struct ip_addr *src = &ask->ranked[i].src;

	sqlite3_bind_blob(next, 1, src->bytes, src->family == IP_V4 ? 4 : 16, SQLITE_STATIC);
	while (error == 0 && result == SQLITE_ROW) {
		sqlite3_bind_int64(next, 2, tenant);
		result = sqlite3_step(next);
		if (result == SQLITE_ROW) {
			tenant = sqlite3_column_int64(next, 0);
			error = note_tenant(ask, i, (uint32_t)tenant);
		}
		sqlite3_reset(next);
	}
	return error != 0 ? error : sqlite_error(db, result);
}

static int ask_tenants(
	struct sqlite_reader *reader, struct connection *connection, const struct segment_view *view, void *context)
{
	struct ranked_ask *ask = context;
	bool whole = view->min_us >= ask->filter->from_us && view->max_us < ask->filter->until_us;
	sqlite3_stmt *next = NULL;
	int result = sqlite3_prepare_v2(connection->db,
		whole ? "select tenant from event indexed by event_src where src = ?1 and tenant > ?2"
			" order by tenant limit 1"
		      : "select tenant from event indexed by event_src where src = ?1 and tenant > ?2"
			" and time >= ?3 and time < ?4 order by tenant limit 1",
		-1, &next, NULL);
	int error = sqlite_error(connection->db, result);

	if (error == 0 && !whole) {
		sqlite3_bind_int64(next, 3, ask->filter->from_us - segment_base_us(view->base));
		sqlite3_bind_int64(next, 4, ask->filter->until_us - segment_base_us(view->base));
	}
	for (size_t i = 0; i < ask->count && error == 0; i++)
		error = count_tenants(ask, connection->db, next, i);
	sqlite3_finalize(next);
	return error;
}

/* At how many tenants each source was seen, exactly: for a question that sketches have answered. */
static int complete_sources(struct sqlite_reader *reader, struct ranked_ask *ask)
{
	int error = 0;

	for (size_t i = 0; i < ask->count; i++)
		ask->ranked[i].tenant_count = ask->filter->tenant != 0 ? 1 : 0;
	if (ask->filter->tenant != 0)
		return 0;
	ask->seen = table_new(sizeof(struct seen), 0, EV_ANSWER_MAX, reader->store->table_key);
	if (!ask->seen)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < reader->view_count && error == 0; i++)
		error = segment_ask(reader, &reader->views[i], ask_tenants, ask);
	table_free(ask->seen);
	return error == LUYTRE_E_FULL ? 0 : error;
}

static void copy_text(char *text, size_t text_size, struct bytes in)
{
	size_t size = in.size < text_size - 1 ? in.size : text_size - 1;

	/* Not in the middle of a character. */
	while (size > 0 && size < in.size && (in.ptr[size] & 0xc0) == 0x80)
		size--;
	memcpy(text, in.ptr, size);
	text[size] = '\0';
}

static int ask_texts(
	struct sqlite_reader *reader, struct connection *connection, const struct segment_view *view, void *context)
{
	struct ranked_ask *ask = context;
	sqlite3_stmt *row = NULL;
	int result = sqlite3_prepare_v2(connection->db,
		"select text from signature where rule = ?1 and kind = ?2 and length(text) > 0 order by id desc limit "
		"1",
		-1, &row, NULL);

	for (size_t i = 0; i < ask->count && (result == SQLITE_OK || result == SQLITE_DONE || result == SQLITE_ROW);
		i++) {
		if (ask->ranked[i].text[0] != '\0')
			continue;
		sqlite3_bind_int64(row, 1, (int64_t)ask->ranked[i].key);
		sqlite3_bind_int64(row, 2, ask->ranked[i].kind);
		result = sqlite3_step(row);
		if (result == SQLITE_ROW) {
			copy_text(ask->ranked[i].text, sizeof(ask->ranked[i].text),
				bytes_of(sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0)));
			ask->left--;
		}
		sqlite3_reset(row);
	}
	sqlite3_finalize(row);
	return sqlite_error(connection->db, result);
}

static int complete_rules(struct sqlite_reader *reader, struct ranked_ask *ask)
{
	int error = 0;

	ask->left = ask->count;
	for (size_t i = reader->view_count; i-- > 0 && error == 0 && ask->left > 0;)
		error = segment_ask(reader, &reader->views[i], ask_texts, ask);
	return error;
}

static int hand_over_ranked(const struct ranked_ask *ask, ev_ranked_fn fn, void *context)
{
	for (size_t i = 0; i < ask->count; i++) {
		if (fn(context, &ask->ranked[i]) != 0)
			break;
	}
	return 0;
}

static int finish_ranked(
	struct sqlite_reader *reader, const struct sketch_ask *sketch, uint32_t limit, ev_ranked_fn fn, void *context)
{
	struct ranked_ask ask = { .filter = sketch->filter };
	struct rank_entry *entries = NULL;
	int error = rank_finish(sketch->rank, limit, &entries, &ask.count);

	if (error == 0) {
		ask.ranked = calloc(ask.count + 1, sizeof(*ask.ranked));
		error = ask.ranked ? 0 : LUYTRE_E_NOMEM;
	}
	for (size_t i = 0; i < ask.count && error == 0; i++) {
		struct ev_ranked *ranked = &ask.ranked[i];

		ranked->sum = entries[i].sum;
		ranked->error_max = entries[i].error;
		ranked->tenant_count = entries[i].tenant_count;
		if (sketch->list == SKETCH_SRC)
			ranked->src = sketch_src_of(&entries[i].key);
		else if (sketch->list == SKETCH_RULE)
			ranked->key = sketch_rule_of(&entries[i].key, &ranked->kind);
		else
			ranked->key = sketch_port_of(&entries[i].key);
	}
	if (error == 0 && sketch->list == SKETCH_SRC && ev_filter_sketched(sketch->filter))
		error = complete_sources(reader, &ask);
	if (error == 0 && sketch->list == SKETCH_RULE)
		error = complete_rules(reader, &ask);
	if (error == 0)
		error = hand_over_ranked(&ask, fn, context);
	free(ask.ranked);
	free(entries);
	return error;
}

static int top_tenants(
	struct sqlite_reader *reader, const struct ev_filter *filter, uint32_t limit, ev_ranked_fn fn, void *context)
{
	struct ev_tally *tally = ev_tally_new();
	int error = tally ? tally_up(reader, filter, EV_DIM_TENANT, 0, tally) : LUYTRE_E_NOMEM;

	if (error == 0)
		error = ev_tally_top(tally, limit, fn, context);
	ev_tally_free(tally);
	return error;
}

int sqlite_top(struct ev_reader *base, const struct ev_filter *filter, enum ev_top what, uint32_t limit,
	ev_ranked_fn fn, void *context)
{
	static const enum sketch_list lists[] = {
		[EV_TOP_SRC] = SKETCH_SRC, [EV_TOP_RULE] = SKETCH_RULE, [EV_TOP_PORT] = SKETCH_PORT
	};
	struct sqlite_reader *reader = (struct sqlite_reader *)base;
	struct sketch_ask ask = { .filter = filter, .store = reader->store };
	int error;

	if (what == EV_TOP_TENANT)
		return top_tenants(reader, filter, limit, fn, context);
	ask.list = lists[what];
	ask.rank = rank_new();
	error = ask.rank ? question_begin(reader, filter) : LUYTRE_E_NOMEM;
	if (error == 0)
		error = ask_sketches(reader, &ask);
	if (error == 0)
		error = finish_ranked(reader, &ask, limit, fn, context);
	question_end(reader);
	rank_free(ask.rank);
	return error;
}
