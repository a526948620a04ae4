// SPDX-License-Identifier: Apache-2.0
/* Who was hit by these rules? Of a sealed segment that lies wholly inside the span its sums are read; of the others (the open one, those at
 * the ends, those that are older than the sums) the events. */
#include "hub/events/sqlite.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

struct hits_ask {
	const struct ev_filter *filter;
	const struct ev_hit_query *query;
	struct ev_hits *hits;
	bool sealed;
};

enum { SQL_SIZE = 16 << 10 };

/* Numbers stand in the statement, the text is parameter 'text_at'. As one "in", which an index over rules can answer. */
static void print_rules(char *sql, size_t sql_size, const struct ev_hit_query *query, unsigned int text_at)
{
	const char *text = query->text.size > 0 ? "rule in (select rule from signature where rule <> 0 and (rule in (-1"
						: "rule in (-1";
	size_t size = (size_t)snprintf(sql, sql_size, "%s", text);

	for (size_t i = 0; i < query->rule_count && size < sql_size; i++)
		size += (size_t)snprintf(sql + size, sql_size - size, ", %lld", (long long)query->rules[i]);
	if (size < sql_size)
		size += (size_t)snprintf(sql + size, sql_size - size, ")");
	if (query->text.size > 0 && size < sql_size)
		snprintf(sql + size, sql_size - size,
			" or lower(cast(text as text)) || ' ' glob '*' || lower(?%u) || '[^0-9]*'))", text_at);
}

static int has_sums(sqlite3 *db, bool *ret)
{
	sqlite3_stmt *row = NULL;
	int result = sqlite3_prepare_v2(db, "select 1 from sqlite_master where name = 'hit'", -1, &row, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_step(row);
	*ret = result == SQLITE_ROW;
	sqlite3_finalize(row);
	return sqlite_error(db, result);
}

static int add_rows(sqlite3 *db, sqlite3_stmt *rows, struct ev_hits *hits)
{
	int result, error = 0;

	while (error == 0 && (result = sqlite3_step(rows)) != SQLITE_DONE) {
		if (result != SQLITE_ROW)
			return sqlite_error(db, result);
		error = ev_hits_add(hits, &(struct ev_hit){ .rule = (uint64_t)sqlite3_column_int64(rows, 0),
						  .tenant = (uint32_t)sqlite3_column_int64(rows, 1),
						  .action = (uint8_t)sqlite3_column_int64(rows, 2),
						  .first_us = sqlite3_column_int64(rows, 3),
						  .last_us = sqlite3_column_int64(rows, 4),
						  .events = (uint64_t)sqlite3_column_int64(rows, 5),
						  .sum = (uint64_t)sqlite3_column_int64(rows, 6) });
	}
	return error;
}

/* Binds the conditions and, behind them, the text. */
static int run_ask(sqlite3 *db, const char *sql, const struct where *where, struct hits_ask *ask)
{
	sqlite3_stmt *rows = NULL;
	int error = sqlite_error(db, sqlite3_prepare_v2(db, sql, -1, &rows, NULL));

	if (error == 0)
		error = where_bind(where, db, rows);
	if (error == 0 && ask->query->text.size > 0)
		error = sqlite_error(
			db, sqlite3_bind_text(rows, (int)where->count + 1, (const char *)ask->query->text.ptr,
				    (int)ask->query->text.size, SQLITE_STATIC));
	if (error == 0)
		error = add_rows(db, rows, ask->hits);
	sqlite3_finalize(rows);
	return error;
}

static int ask_sums(struct connection *connection, struct hits_ask *ask, char *sql)
{
	struct where where = { .count = 0 };
	char rules[SQL_SIZE / 2];

	where_tenants(&where, ask->filter, "tenant");
	print_rules(rules, sizeof(rules), ask->query, where.count + 1);
	snprintf(sql, SQL_SIZE, "select rule, tenant, action, first, last, events, sum from hit where %s%s", rules,
		where.text);
	return run_ask(connection->db, sql, &where, ask);
}

static int ask_rows(struct connection *connection, const struct segment_view *view, struct hits_ask *ask, char *sql)
{
	long long base_us = segment_base_us(view->base);
	struct where where = { .count = 0 };
	char rules[SQL_SIZE / 2];

	where_add(&where, "e.row < #", (int64_t)view->rows);
	where_events(&where, ask->filter, view);
	where_tenants(&where, ask->filter, "e.tenant");
	print_rules(rules, sizeof(rules), ask->query, where.count + 1);
	snprintf(sql, SQL_SIZE,
		"select s.rule, e.tenant, (e.class >> 8) & 15, min(e.time) + %lld, max(e.time) + %lld, count(*), "
		"sum(e.count)"
		" from event e not indexed join signature s on s.id = e.signature"
		" where e.signature in (select id from signature where rule <> 0 and %s)%s group by 1, 2, 3",
		base_us, base_us, rules, where.text);
	return run_ask(connection->db, sql, &where, ask);
}

/* Whether the segment has such a rule at all: mostly it has not, and its events need not be read. */
static int knows_any(struct connection *connection, struct hits_ask *ask, char *sql, bool *ret)
{
	const struct where where = { .count = 0 };
	char rules[SQL_SIZE / 2];
	sqlite3_stmt *row = NULL;
	int result, error;

	print_rules(rules, sizeof(rules), ask->query, where.count + 1);
	snprintf(sql, SQL_SIZE, "select 1 from signature where rule <> 0 and %s limit 1", rules);
	result = sqlite3_prepare_v2(connection->db, sql, -1, &row, NULL);
	if (result == SQLITE_OK && ask->query->text.size > 0)
		result = sqlite3_bind_text(
			row, 1, (const char *)ask->query->text.ptr, (int)ask->query->text.size, SQLITE_STATIC);
	if (result == SQLITE_OK)
		result = sqlite3_step(row);
	*ret = result == SQLITE_ROW;
	error = sqlite_error(connection->db, result);
	sqlite3_finalize(row);
	return error;
}

static int ask_hits(
	struct sqlite_reader *reader, struct connection *connection, const struct segment_view *view, void *context)
{
	struct hits_ask *ask = context;
	bool inside = view->min_us >= ask->filter->from_us && view->max_us < ask->filter->until_us, sums = false,
	     known = true;
	char *sql = malloc(SQL_SIZE);
	int error = sql ? 0 : LUYTRE_E_NOMEM;

	if (error == 0 && inside && ask->sealed)
		error = has_sums(connection->db, &sums);
	if (error == 0 && sums) {
		error = ask_sums(connection, ask, sql);
	} else if (error == 0) {
		error = knows_any(connection, ask, sql, &known);
		if (error == 0 && known)
			error = ask_rows(connection, view, ask, sql);
	}
	free(sql);
	return error;
}

int sqlite_hits(struct ev_reader *base, const struct ev_filter *filter, const struct ev_hit_query *query, ev_hit_fn fn,
	void *context)
{
	struct sqlite_reader *reader = (struct sqlite_reader *)base;
	struct hits_ask ask = { .filter = filter, .query = query, .hits = ev_hits_new() };
	int error = ask.hits ? question_begin(reader, filter) : LUYTRE_E_NOMEM;

	if (!ask.hits)
		return error;
	for (size_t i = 0; i < reader->view_count && error == 0; i++) {
		pthread_mutex_lock(&reader->store->lock);
		ask.sealed = reader->views[i].segment->sealed;
		pthread_mutex_unlock(&reader->store->lock);
		error = segment_ask(reader, &reader->views[i], ask_hits, &ask);
	}
	question_end(reader);
	if (error == 0)
		error = ev_hits_out(ask.hits, fn, context);
	ev_hits_free(ask.hits);
	return error;
}
