// SPDX-License-Identifier: Apache-2.0
/* Questions for events: which segments may hold an answer, over which index, with which conditions. */
#include "hub/events/sqlite.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"

#define PROGRESS_STEPS 4000 /* of SQLite's machine between two looks at the clock */
#define READER_PRAGMAS "pragma cache_size=-1024; pragma query_only=1"
#define BUSY_MS        2000
#define WIDE_PREFIX_V4 12 /* shorter prefixes are not worth an index */
#define WIDE_PREFIX_V6 24

static void where_text(struct where *where, const char *text)
{
	size_t size = strlen(text);

	if (size < sizeof(where->text) - where->size)
		memcpy(where->text + where->size, text, size + 1);
	where->size += size;
}

static unsigned int where_bound(struct where *where, struct bound bound)
{
	if (where->count < ARRAY_COUNT(where->bound))
		where->bound[where->count] = bound;
	return ++where->count;
}

/* The condition with the number of its parameter in the place of '#'. */
static void where_condition(struct where *where, const char *condition, struct bound bound)
{
	unsigned int number = where_bound(where, bound);
	char text[160];
	size_t size = 0;

	where_text(where, " and ");
	for (; *condition != '\0' && size + 12 < sizeof(text); condition++) {
		if (*condition == '#')
			size += (size_t)snprintf(text + size, sizeof(text) - size, "?%u", number);
		else
			text[size++] = *condition;
	}
	text[size] = '\0';
	where_text(where, text);
}

void where_add(struct where *where, const char *condition, int64_t value)
{
	where_condition(where, condition, (struct bound){ .integer = value });
}

int where_bind(const struct where *where, sqlite3 *db, sqlite3_stmt *statement)
{
	int used = sqlite3_bind_parameter_count(statement);

	if (where->size >= sizeof(where->text) || where->count > ARRAY_COUNT(where->bound))
		return LUYTRE_E_RANGE;
	for (unsigned int i = 0; i < where->count && (int)i < used; i++) {
		const struct bound *bound = &where->bound[i];
		int result =
			bound->blob ? sqlite3_bind_blob(statement, (int)i + 1, bound->bytes, bound->size, SQLITE_STATIC)
				    : sqlite3_bind_int64(statement, (int)i + 1, bound->integer);

		if (result != SQLITE_OK)
			return sqlite_error(db, result);
	}
	return 0;
}

/* The tenants that a question is about, when they are few enough to be listed: '*ret_count' 0 means the nation, or too
 * many. */
static const uint32_t *listed_tenants(const struct ev_filter *filter, size_t *ret_count)
{
	if (filter->tenant != 0) {
		*ret_count = 1;
		return &filter->tenant;
	}
	*ret_count =
		filter->scope->all || filter->scope->tenant_count > WHERE_TENANTS_MAX ? 0 : filter->scope->tenant_count;
	return filter->scope->tenants;
}

void where_tenants(struct where *where, const struct ev_filter *filter, const char *column)
{
	size_t count;
	const uint32_t *tenants = listed_tenants(filter, &count);
	char text[64];

	if (count == 0 && !filter->scope->all) {
		snprintf(text, sizeof(text), " and in_scope(%s)", column);
		where_text(where, text);
	}
	for (size_t i = 0; i < count; i++) {
		if (i == 0)
			snprintf(text, sizeof(text), " and %s in (?%u", column,
				where_bound(where, (struct bound){ .integer = tenants[i] }));
		else
			snprintf(text, sizeof(text), ", ?%u",
				where_bound(where, (struct bound){ .integer = tenants[i] }));
		where_text(where, text);
	}
	if (count > 0)
		where_text(where, ")");
}

static struct bound bound_addr(const struct ip_addr *addr)
{
	struct bound bound = { .blob = true, .size = addr->family == IP_V4 ? 4 : 16 };

	memcpy(bound.bytes, addr->bytes, sizeof(addr->bytes));
	return bound;
}

static void where_src(struct where *where, const struct ip_prefix *src)
{
	struct ip_addr last = src->addr;
	unsigned int bits = ip_addr_bits(&src->addr);

	if (src->addr.family == 0)
		return;
	if (src->length == bits) {
		where_condition(where, "e.src = #", bound_addr(&src->addr));
		return;
	}
	for (unsigned int bit = src->length; bit < bits; bit++)
		last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	where_condition(where, "e.src >= #", bound_addr(&src->addr));
	where_condition(where, "e.src <= #", bound_addr(&last));
	where_add(where, "length(e.src) = #", bits / 8);
}

void where_events(struct where *where, const struct ev_filter *filter, const struct segment_view *view)
{
	int64_t base_us = segment_base_us(view->base);

	where_src(where, &filter->src);
	if (view->min_us < filter->from_us)
		where_add(where, "e.time >= #", filter->from_us - base_us);
	if (view->max_us >= filter->until_us)
		where_add(where, "e.time < #", filter->until_us - base_us);
	if (filter->kinds != 0)
		where_add(where, "(# >> (e.class >> 12)) & 1", filter->kinds);
	if (filter->actions != 0)
		where_add(where, "(# >> ((e.class >> 8) & 15)) & 1", filter->actions);
	if (filter->severity_max != 0)
		where_add(where, "(e.class & 15) <= #", filter->severity_max);
	if (filter->system != 0)
		where_add(where, "e.system = #", filter->system);
	if (filter->edge != 0)
		where_add(where, "e.edge = #", filter->edge);
	if (filter->decision != 0)
		where_add(where, "e.decision = #", (int64_t)filter->decision);
	if (filter->rule != 0)
		where_add(where, "e.signature in (select id from signature where rule = #)", (int64_t)filter->rule);
}

static int out_of_time(void *context)
{
	const struct sqlite_reader *reader = context;

	return clock_mono_ns() > reader->deadline_ns;
}

static void in_scope(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct sqlite_reader *reader = sqlite3_user_data(context);
	int64_t tenant = sqlite3_value_int64(values[0]);

	sqlite3_result_int(context, tenant >= 0 && scope_has(reader->scope, (uint32_t)tenant));
}

static void connection_close(struct connection *connection)
{
	sqlite3_close(connection->db);
	detail_free(connection->detail);
	*connection = (struct connection){ 0 };
}

static int connection_open(struct sqlite_reader *reader, struct connection *connection, const struct segment *segment)
{
	int result = sqlite3_open_v2(segment->path, &connection->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	int error = sqlite_error(connection->db, result);

	connection->base = segment->base;
	connection->detail = detail_new();
	if (error == 0 && !connection->detail)
		error = LUYTRE_E_NOMEM;
	if (error == 0) {
		sqlite3_busy_timeout(connection->db, BUSY_MS);
		sqlite3_progress_handler(connection->db, PROGRESS_STEPS, out_of_time, reader);
		result = sqlite3_exec(connection->db, READER_PRAGMAS, NULL, NULL, NULL);
		if (result == SQLITE_OK)
			result = sqlite3_create_function_v2(connection->db, "in_scope", 1,
				SQLITE_UTF8 | SQLITE_DETERMINISTIC, reader, in_scope, NULL, NULL, NULL);
		error = sqlite_error(connection->db, result);
	}
	if (error == 0)
		error = segment_check(connection->db);
	if (error != 0)
		connection_close(connection);
	return error;
}

/* The connection to a segment: the one that is open, or a new one in the place that was not used for longest. */
static int connection_to(struct sqlite_reader *reader, const struct segment *segment, struct connection **ret)
{
	struct connection *oldest = &reader->connections[0];

	for (size_t i = 0; i < READER_CONNECTIONS; i++) {
		struct connection *connection = &reader->connections[i];

		if (connection->db && connection->base == segment->base) {
			oldest = connection;
			break;
		}
		if (connection->used < oldest->used)
			oldest = connection;
	}
	*ret = oldest;
	if (!oldest->db || oldest->base != segment->base) {
		int error;

		connection_close(oldest);
		error = connection_open(reader, oldest, segment);
		if (error != 0)
			return error;
	}
	oldest->used = ++reader->uses;
	return 0;
}

int sqlite_reader_open(struct ev_store *store, struct ev_reader **ret)
{
	struct sqlite_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return LUYTRE_E_NOMEM;
	reader->base.store = store;
	reader->store = (struct sqlite_store *)store;
	*ret = &reader->base;
	return 0;
}

void sqlite_reader_close(struct ev_reader *base)
{
	struct sqlite_reader *reader = (struct sqlite_reader *)base;

	for (size_t i = 0; i < READER_CONNECTIONS; i++)
		connection_close(&reader->connections[i]);
	free(reader->views);
	free(reader);
}

static bool has_tenant(const struct segment *segment, uint32_t tenant)
{
	struct scope tenants = { .tenants = segment->tenants, .tenant_count = segment->tenant_count };

	return scope_has(&tenants, tenant);
}

/* Under the lock. An open segment does not list its tenants. */
static bool may_hold(const struct segment *segment, const struct ev_filter *filter)
{
	const struct scope *scope = filter->scope;

	if (segment->rows == 0 || segment->max_us < filter->from_us || segment->min_us >= filter->until_us)
		return false;
	if (!segment->sealed || (scope->all && filter->tenant == 0))
		return true;
	if (filter->tenant != 0)
		return has_tenant(segment, filter->tenant);
	for (size_t i = 0; i < scope->tenant_count; i++) {
		if (has_tenant(segment, scope->tenants[i]))
			return true;
	}
	return false;
}

int question_begin(struct sqlite_reader *reader, const struct ev_filter *filter)
{
	struct sqlite_store *store = reader->store;
	int error = 0;

	reader->scope = filter->scope;
	reader->deadline_ns = clock_mono_ns() + store->question_ms * NS_PER_MS;
	reader->view_count = 0;
	pthread_mutex_lock(&store->lock);
	if (reader->view_room < store->segment_count) {
		free(reader->views);
		reader->view_room = store->segment_count + 16;
		reader->views = calloc(reader->view_room, sizeof(*reader->views));
		if (!reader->views) {
			reader->view_room = 0;
			error = LUYTRE_E_NOMEM;
		}
	}
	for (size_t i = 0; i < store->segment_count && error == 0; i++) {
		struct segment *segment = store->segments[i];

		if (!may_hold(segment, filter))
			continue;
		segment->refs++;
		reader->views[reader->view_count++] = (struct segment_view){ .segment = segment,
			.base = segment->base,
			.rows = segment->rows,
			.min_us = segment->min_us,
			.max_us = segment->max_us };
	}
	pthread_mutex_unlock(&store->lock);
	return error;
}

void question_end(struct sqlite_reader *reader)
{
	while (reader->view_count > 0)
		segment_unref(reader->store, reader->views[--reader->view_count].segment);
	reader->scope = NULL;
}

/* Retained or set aside since the question began. */
static bool is_gone(struct sqlite_store *store, const struct segment *segment)
{
	bool found = false;

	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < store->segment_count && !found; i++)
		found = store->segments[i] == segment;
	pthread_mutex_unlock(&store->lock);
	return !found;
}

/* One transaction for all that is asked: without, each of many short statements would lock the file and let it go again, which costs more
 * than the answers. */
static int ask_within(struct sqlite_reader *reader, struct connection *connection, const struct segment_view *view,
	segment_ask_fn ask, void *context)
{
	int error = sqlite_error(connection->db, sqlite3_exec(connection->db, "begin", NULL, NULL, NULL));

	if (error == 0)
		error = ask(reader, connection, view, context);
	if (sqlite3_exec(connection->db, "commit", NULL, NULL, NULL) != SQLITE_OK)
		connection_close(connection); /* out of time even for that: the next question opens it anew */
	return error;
}

int segment_ask(struct sqlite_reader *reader, const struct segment_view *view, segment_ask_fn ask, void *context)
{
	struct connection *connection;
	int error;

	/* SQLite looks at the clock within a long statement; this is for many short ones. */
	if (out_of_time(reader))
		return LUYTRE_E_TIMEOUT;
	error = connection_to(reader, view->segment, &connection);
	if (error == 0)
		error = ask_within(reader, connection, view, ask, context);
	if (error == LUYTRE_E_CORRUPT) {
		if (connection->db)
			connection_close(connection);
		sqlite_set_aside(reader->store, view->segment);
		return 0;
	}
	return error != 0 && error != LUYTRE_E_TIMEOUT && is_gone(reader->store, view->segment) ? 0 : error;
}

static int read_dictionary(struct connection *connection)
{
	sqlite3_stmt *row = NULL;
	int error = 0, result = sqlite3_prepare_v2(
			       connection->db, "select value from meta where name = 'dictionary'", -1, &row, NULL);

	if (result == SQLITE_OK && (result = sqlite3_step(row)) == SQLITE_ROW) {
		error = detail_use(connection->detail,
			bytes_of(sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0)));
		connection->dictionary_read = true;
	}
	sqlite3_finalize(row);
	return error != 0 ? error : sqlite_error(connection->db, result);
}

/* The dictionary of an open segment may have come after the connection. */
static int unpack(struct connection *connection, sqlite3_stmt *row, struct bytes *ret)
{
	const void *blob = sqlite3_column_blob(row, SEGMENT_COLUMN_DETAIL);
	struct bytes packed = bytes_of(blob, blob ? (size_t)sqlite3_column_bytes(row, SEGMENT_COLUMN_DETAIL) : 0);
	int error = detail_unpack(connection->detail, packed, ret);

	if (error != LUYTRE_E_CORRUPT || connection->dictionary_read)
		return error;
	error = read_dictionary(connection);
	return error == 0 ? detail_unpack(connection->detail, packed, ret) : error;
}

/* What is asked of each segment, and what came of it. */
struct events_ask {
	const struct ev_filter *filter;
	uint64_t before;
	uint32_t left; /* of a page; UINT32_MAX: all, in no order, without details */
	ev_event_fn fn;
	void *context;
	bool stopped;
	uint64_t row_from, row_until; /* of the segment; row_until 0: to its end */
};

static int hand_over(struct sqlite_reader *reader, struct connection *connection, const struct segment_view *view,
	sqlite3_stmt *rows, struct events_ask *ask)
{
	bool with_detail = sqlite3_column_count(rows) > SEGMENT_COLUMN_DETAIL;
	int result, error;

	while (ask->left > 0 && !ask->stopped && (result = sqlite3_step(rows)) != SQLITE_DONE) {
		struct ev_event event;

		if (result != SQLITE_ROW)
			return sqlite_error(connection->db, result);
		segment_read_event(rows, view->base, &event);
		if (with_detail && (error = unpack(connection, rows, &event.detail)) != 0)
			return error;
		if (with_detail && ask->filter->text.size > 0 && !ev_text_matches(ask->filter, &event)) {
			/* Unpacking costs more than SQLite's steps. */
			if (event.id % 256 == 0 && out_of_time(reader))
				return LUYTRE_E_TIMEOUT;
			continue;
		}
		ask->stopped = ask->fn(ask->context, &event) != 0;
		if (ask->left != UINT32_MAX)
			ask->left--;
	}
	return 0;
}

static bool is_wide(const struct ip_prefix *src)
{
	return src->length < (src->addr.family == IP_V4 ? WIDE_PREFIX_V4 : WIDE_PREFIX_V6);
}

/* One branch for each tenant, each in the order of its index; the page is made of their newest. */
static void build_union(char *sql, size_t sql_size, struct where *where, const struct ev_filter *filter,
	unsigned int before, unsigned int limit)
{
	struct where rest = *where;
	size_t count, size;
	const uint32_t *tenants = listed_tenants(filter, &count);

	size = (size_t)snprintf(sql, sql_size, "select " SEGMENT_COLUMNS ", e.detail from (");
	for (size_t i = 0; i < count && size < sql_size; i++)
		size += (size_t)snprintf(sql + size, sql_size - size,
			"%sselect r from (select e.row as r from event e indexed by event_tenant"
			" where e.tenant = ?%u%s order by e.row desc limit ?%u)",
			i == 0 ? "" : " union all ", where_bound(where, (struct bound){ .integer = tenants[i] }),
			rest.text, limit);
	if (size < sql_size)
		snprintf(sql + size, sql_size - size,
			" order by r desc limit ?%u) p cross join event e on e.row = p.r" SEGMENT_FROM
			"where e.row < ?%u order by e.row desc",
			limit, before);
}

/* Which index: the one of an address, of a tenant, or none (newest rows first, which is how most pages are found). */
static const char *choose_index(const struct ev_filter *filter, size_t tenant_count, bool *ret_by_src)
{
	*ret_by_src = filter->src.addr.family != 0 && !is_wide(&filter->src);
	if (*ret_by_src)
		return " indexed by event_src";
	return tenant_count == 1 ? " indexed by event_tenant" : " not indexed";
}

enum { SQL_MAX = 64 << 10 };

/* The rows are found and put in order in the index alone, when nothing else is asked for; then they are read. */
static void build_sorted(char *sql, const char *index, const struct where *where, unsigned int limit)
{
	snprintf(sql, SQL_MAX,
		"select " SEGMENT_COLUMNS ", e.detail from (select e.row as r from event e%s where true%s"
		" order by e.row desc limit ?%u) p cross join event e on e.row = p.r" SEGMENT_FROM
		"order by e.row desc",
		index, where->text, limit);
}

static void build_page(char *sql, struct where *where, const struct events_ask *ask, const struct segment_view *view)
{
	bool whole = ask->left == UINT32_MAX, text = ask->filter->text.size > 0;
	uint64_t before = ask->before > view->base ? ask->before - view->base : UINT64_MAX;
	unsigned int before_at, limit_at;
	size_t tenant_count;
	const char *index;
	bool by_src;

	if (ask->row_until != 0 && before > ask->row_until)
		before = ask->row_until;
	listed_tenants(ask->filter, &tenant_count);
	index = choose_index(ask->filter, tenant_count, &by_src);
	where_add(where, "e.row < #", (int64_t)(before < view->rows ? before : view->rows));
	before_at = where->count;
	if (ask->row_from != 0)
		where_add(where, "e.row >= #", (int64_t)ask->row_from);
	where_events(where, ask->filter, view);
	/* A parameter that no condition uses. */
	limit_at = where_bound(where, (struct bound){ .integer = text || whole ? -1 : (int64_t)ask->left });
	if (!whole && !text && tenant_count > 1 && !by_src) {
		build_union(sql, SQL_MAX, where, ask->filter, before_at, limit_at);
		return;
	}
	where_tenants(where, ask->filter, "e.tenant");
	if (!whole && !text && by_src) {
		build_sorted(sql, index, where, limit_at);
		return;
	}
	snprintf(sql, SQL_MAX, "select " SEGMENT_COLUMNS "%s from event e%s" SEGMENT_FROM "where true%s%s limit ?%u",
		whole && !text ? "" : ", e.detail", index, where->text, whole ? "" : " order by e.row desc", limit_at);
}

static int knows_rule(struct connection *connection, uint64_t rule, bool *ret)
{
	sqlite3_stmt *statement = NULL;
	int result =
		sqlite3_prepare_v2(connection->db, "select 1 from signature where rule = ?1", -1, &statement, NULL);

	if (result == SQLITE_OK) {
		sqlite3_bind_int64(statement, 1, (int64_t)rule);
		result = sqlite3_step(statement);
	}
	sqlite3_finalize(statement);
	*ret = result == SQLITE_ROW;
	return sqlite_error(connection->db, result);
}

static int ask_events(
	struct sqlite_reader *reader, struct connection *connection, const struct segment_view *view, void *context)
{
	struct events_ask *ask = context;
	struct where where = { 0 };
	sqlite3_stmt *rows = NULL;
	bool known = true;
	int error = 0;
	char *sql;

	if (ask->filter->rule != 0)
		error = knows_rule(connection, ask->filter->rule, &known);
	if (error != 0 || !known)
		return error;
	sql = malloc(SQL_MAX);
	if (!sql)
		return LUYTRE_E_NOMEM;
	build_page(sql, &where, ask, view);
	error = sqlite_error(connection->db, sqlite3_prepare_v2(connection->db, sql, -1, &rows, NULL));
	free(sql);
	if (error == 0)
		error = where_bind(&where, connection->db, rows);
	if (error == 0)
		error = hand_over(reader, connection, view, rows, ask);
	sqlite3_finalize(rows);
	return error;
}

/* ---- words ---- */

static int mark_blocks(sqlite3 *db, const struct words_query *query, uint64_t block_count, bool *skip)
{
	sqlite3_stmt *row = NULL;
	int result = sqlite3_prepare_v2(db, "select block, filter from words", -1, &row, NULL);

	if (result == SQLITE_OK)
		while ((result = sqlite3_step(row)) == SQLITE_ROW) {
			uint64_t block = (uint64_t)sqlite3_column_int64(row, 0);
			const void *filter = sqlite3_column_blob(row, 1);
			size_t size = filter ? (size_t)sqlite3_column_bytes(row, 1) : 0;

			if (block < block_count)
				skip[block] = !words_may_hold(bytes_of(filter, size), query);
		}
	sqlite3_finalize(row);
	return sqlite_error(db, result);
}

static int has_words(sqlite3 *db, bool *ret)
{
	sqlite3_stmt *row = NULL;
	int result = sqlite3_prepare_v2(db, "select 1 from sqlite_master where name = 'words'", -1, &row, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_step(row);
	*ret = result == SQLITE_ROW;
	sqlite3_finalize(row);
	return sqlite_error(db, result);
}

/* Runs of blocks that may hold the words, the newest first. */
static int ask_words(
	struct sqlite_reader *reader, struct connection *connection, const struct segment_view *view, void *context)
{
	uint64_t until = (view->rows + (1U << WORDS_BLOCK_BITS) - 1) >> WORDS_BLOCK_BITS, from;
	bool skip[SEGMENT_ROWS_MAX >> WORDS_BLOCK_BITS] = { 0 }, known = false;
	struct events_ask *ask = context;
	struct words_query query;
	int error = has_words(connection->db, &known);

	words_query_of(ask->filter->text, &query);
	if (error == 0 && known)
		error = mark_blocks(connection->db, &query, until, skip);
	for (; until > 0 && error == 0 && ask->left > 0 && !ask->stopped; until = from) {
		for (from = until; from > 0 && !skip[from - 1]; from--)
			;
		ask->row_from = from << WORDS_BLOCK_BITS;
		ask->row_until = until << WORDS_BLOCK_BITS;
		if (from < until)
			error = ask_events(reader, connection, view, ask);
		while (from > 0 && skip[from - 1])
			from--;
	}
	ask->row_from = ask->row_until = 0;
	return error;
}

int sqlite_page(struct ev_reader *base, const struct ev_filter *filter, const struct ev_cursor *before, uint32_t limit,
	ev_event_fn fn, void *context)
{
	struct sqlite_reader *reader = (struct sqlite_reader *)base;
	struct events_ask ask = { .filter = filter, .before = before->id, .left = limit, .fn = fn, .context = context };
	segment_ask_fn ask_segment = filter->text.size > 0 && filter->whole_words ? ask_words : ask_events;
	int error = question_begin(reader, filter);

	for (size_t i = reader->view_count; i-- > 0 && error == 0 && ask.left > 0 && !ask.stopped;) {
		if (before->id != 0 && reader->views[i].base >= before->id)
			continue;
		error = segment_ask(reader, &reader->views[i], ask_segment, &ask);
	}
	question_end(reader);
	return error;
}

int sqlite_scan(struct sqlite_reader *reader, const struct ev_filter *filter, ev_event_fn fn, void *context)
{
	struct events_ask ask = { .filter = filter, .left = UINT32_MAX, .fn = fn, .context = context };
	int error = 0;

	for (size_t i = 0; i < reader->view_count && error == 0 && !ask.stopped; i++) {
		if (reader->views[i].max_us < filter->from_us || reader->views[i].min_us >= filter->until_us)
			continue;
		error = segment_ask(reader, &reader->views[i], ask_events, &ask);
	}
	return error;
}
