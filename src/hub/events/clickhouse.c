// SPDX-License-Identifier: Apache-2.0
/* The ClickHouse driver, for more than a thousand events a second or more than one hub.
 *
 * Only SQL that version 18.16 (Debian 12) and today's understand alike. Two tables: ev_event, sorted by tenant and id,
 * and ev_batch. Partitions are days of arrival, so forgetting is dropping partitions, and a wrong clock at an edge
 * cannot make thousands of them.
 *
 * A batch is appended once: its id and first event id are written to ev_batch first, then its events in one insert,
 * which the server takes whole or not at all (one block, one partition). When the batch comes again, the row in
 * ev_batch tells the ids that its events have or would have: one look by primary key shows whether they are there, and
 * if not, the very same block is inserted. With the option replicated=1 the server also drops a block that it has seen
 * already, for the case that an insert was only thought to have failed. Power loss: replicas guard against it, one
 * server alone does not (it leaves writing to the kernel).
 *
 * Ids: milliseconds << 20 | name << 14 | row, of the moment when the edge made the batch, and six bits of a hash over the batch's id: so
 * another hub, that knows nothing of this one, gives the same batch the same ids. Where another batch has them already here, the
 * next millisecond is taken. Of a batch whose maker's clock is wrong, or that is older than a day: milliseconds << 20 | node << 16 | row of
 * its arrival; hubs that write to the same database are told apart by the option node=0..15.
 *
 * Several servers of one place are replicas: "clickhouse:http://A:8123,http://B:8123/DATABASE?replicated=1". Another one may not have
 * the row of ev_batch yet when a batch comes again, to this hub or to the next one: the same block goes to it, and the servers find, by the
 * sum over its bytes that they keep together, that they have it. What was begun here is also remembered, for ids that had to be
 * others. With quorum=N an insert is answered when N replicas have it: then a replica may lose its disk.
 *
 * Options of the place: node, replicated, quorum, question_ms. Sums and top lists are read from the events: that is what a
 * column store is for. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/ascii.h"
#include "base/error.h"
#include "base/siphash.h"
#include "hub/events/clickhouse-http.h"
#include "hub/events/driver.h"

#define INSERT_MS 60000
#define NODE_BITS 4
#define ROW_BITS  16
#define MS_BITS   (NODE_BITS + ROW_BITS)
#define NAME_BITS 6 /* of a batch among those that were made in the same millisecond */
#define EARLY_US                                                                                                       \
	(24 * EV_HOUR_US) /* a batch that was made earlier, or so much later than now, is named by its arrival */
#define LATE_US INT64_C(60000000)

_Static_assert(EV_BATCH_MAX <= 1 << (MS_BITS - NAME_BITS), "the rows of a batch fit behind its name");

#define EVENT_COLUMNS                                                                                                  \
	"id, time_us, tenant, system, edge, kind, action, evidence, severity, protocol, src_port, dst_port,"           \
	" src_family, src, dst_family, dst, rule, decision, weight, signature, detail"

#define EVENT_TABLE                                                                                                    \
	"create table if not exists ev_event (day Date, id UInt64, time_us Int64, tenant UInt32, system UInt32,"       \
	" edge UInt32, kind UInt8, action UInt8, evidence UInt8, severity UInt8, protocol UInt8, src_port UInt16,"     \
	" dst_port UInt16, src_family UInt8, src FixedString(16), dst_family UInt8, dst FixedString(16), rule UInt64," \
	" decision UInt64, weight UInt32, signature String, detail String) engine = %s partition by day"               \
	" order by (tenant, id)"

#define BATCH_TABLE                                                                                                    \
	"create table if not exists ev_batch (day Date, id String, first_id UInt64, count UInt32) engine = %s"         \
	" partition by day order by id"

static const char *const table_names[] = { "ev_event", "ev_batch" };

enum { BEGUN_MAX = 256, RECENT_MAX = 4096 };

/* A batch that was begun and did not end well. */
struct begun {
	char *id; /* owned; null: a free place */
	uint64_t first_id;
};

struct clickhouse_store {
	struct ev_store base;
	struct clickhouse *server;
	char *url, *database; /* owned */
	uint64_t node, replicated, quorum, question_ms;
	struct begun begun[BEGUN_MAX];
	size_t begun_next; /* the place that is taken when none is free */
	uint64_t last_ms;
	uint64_t recent[RECENT_MAX]; /* first ids that were given out last */
	size_t recent_next;
	uint64_t again_count;
};

struct clickhouse_reader {
	struct ev_reader base;
	struct clickhouse_store *store;
	struct clickhouse *server;
};

static const struct bytes no_rows;

/* One unsigned number of eight bytes; LUYTRE_E_NOT_FOUND when there is no row. */
static int ask_number(struct clickhouse *server, const char *sql, uint64_t *ret)
{
	struct bytes answer;
	struct cursor cursor;
	int error = clickhouse_run(server, sql, no_rows, INSERT_MS, &answer);

	if (error != 0)
		return error;
	cursor = cursor_over(answer);
	return rowbinary_number(&cursor, 8, ret) ? 0 : LUYTRE_E_NOT_FOUND;
}

static int make_tables(struct clickhouse_store *store, struct clickhouse *server)
{
	int error = 0;

	for (size_t i = 0; i < ARRAY_COUNT(table_names) && error == 0; i++) {
		char engine[128], sql[1024];

		if (store->replicated)
			snprintf(engine, sizeof(engine),
				"ReplicatedMergeTree('/clickhouse/tables/{shard}/%s/%s', '{replica}')", store->database,
				table_names[i]);
		else
			snprintf(engine, sizeof(engine), "MergeTree");
		snprintf(sql, sizeof(sql), i == 0 ? EVENT_TABLE : BATCH_TABLE, engine);
		error = clickhouse_run(server, sql, no_rows, INSERT_MS, NULL);
	}
	return error;
}

static int read_last_id(struct clickhouse_store *store)
{
	uint64_t event = 0, batch = 0;
	int error = ask_number(store->server, "select max(id) from ev_event format RowBinary", &event);

	if (error == 0)
		error = ask_number(store->server, "select max(first_id) from ev_batch format RowBinary", &batch);
	store->last_ms = (event > batch ? event : batch) >> MS_BITS;
	return error;
}

static void clickhouse_close(struct ev_store *base)
{
	struct clickhouse_store *store = (struct clickhouse_store *)base;

	clickhouse_free(store->server);
	for (size_t i = 0; i < BEGUN_MAX; i++)
		free(store->begun[i].id);
	free(store->url);
	free(store->database);
	free(store);
}

/* "http://HOST:PORT/DATABASE": the last part is a word. */
static int split_url(struct clickhouse_store *store, struct bytes url, char *why, size_t why_size)
{
	size_t slash = url.size;

	while (slash > 0 && url.ptr[slash - 1] != '/')
		slash--;
	store->database = strndup((const char *)url.ptr + slash, url.size - slash);
	store->url = strndup((const char *)url.ptr, slash > 0 ? slash - 1 : 0);
	if (!store->database || !store->url)
		return LUYTRE_E_NOMEM;
	if (store->database[0] == '\0' ||
		strspn(store->database, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(store->database) ||
		(strncmp(store->url, "http://", 7) != 0 && strncmp(store->url, "https://", 8) != 0)) {
		snprintf(
			why, why_size, "a place in ClickHouse is http://HOST:PORT/DATABASE, the last in small letters");
		return LUYTRE_E_INVALID;
	}
	return 0;
}

static int make_database(struct clickhouse_store *store, struct bytes url, char *why, size_t why_size)
{
	struct clickhouse *server = clickhouse_new(url, NULL), *tables = clickhouse_new(url, store->database);
	char sql[256];
	int error = server && tables ? 0 : LUYTRE_E_NOMEM;

	snprintf(sql, sizeof(sql), "create database if not exists %s", store->database);
	if (error == 0)
		error = clickhouse_run(server, sql, no_rows, INSERT_MS, NULL);
	if (error != 0)
		snprintf(why, why_size, "%s", server ? clickhouse_why(server) : error_text(error, LUYTRE_LANG_EN));
	if (error == 0) {
		error = make_tables(store, tables);
		if (error != 0)
			snprintf(why, why_size, "%s", clickhouse_why(tables));
	}
	clickhouse_free(server);
	clickhouse_free(tables);
	return error;
}

/* On each replica that answers; one must. */
static int connect_database(struct clickhouse_store *store, char *why, size_t why_size)
{
	struct bytes rest = bytes_from_str(store->url);
	int error = LUYTRE_E_CLOSED;

	while (rest.size > 0) {
		const char *comma = memchr(rest.ptr, ',', rest.size);
		size_t size = comma ? (size_t)(comma - (const char *)rest.ptr) : rest.size;
		int one = make_database(store, bytes_of(rest.ptr, size), why, why_size);

		if (one != 0 && one != LUYTRE_E_CLOSED && one != LUYTRE_E_TIMEOUT)
			return one;
		error = one == 0 ? 0 : error;
		rest = bytes_skip(rest, comma ? size + 1 : size);
	}
	if (error == 0)
		store->server = clickhouse_new(bytes_from_str(store->url), store->database);
	if (store->server)
		clickhouse_set_quorum(store->server, (unsigned int)store->quorum);
	return error == 0 && !store->server ? LUYTRE_E_NOMEM : error;
}

static int clickhouse_open(const char *place, struct ev_store **ret, char *why, size_t why_size)
{
	struct clickhouse_store *store = calloc(1, sizeof(*store));
	const struct ev_option options[] = {
		{ "node", 0, 15, &store->node },
		{ "replicated", 0, 1, &store->replicated },
		{ "quorum", 0, 15, &store->quorum },
		{ "question_ms", 1, 600000, &store->question_ms },
	};
	struct bytes url;
	int error;

	if (!store)
		return LUYTRE_E_NOMEM;
	store->base.driver = &ev_clickhouse_driver;
	store->question_ms = EV_QUESTION_MS;
	error = ev_place_split(place, &url, options, ARRAY_COUNT(options), why, why_size);
	if (error == 0)
		error = split_url(store, url, why, why_size);
	if (error == 0) {
		char reason[CLICKHOUSE_WHY_SIZE] = "";

		error = connect_database(store, reason, sizeof(reason));
		if (error == 0) {
			error = read_last_id(store);
			if (error == LUYTRE_E_TIMEOUT)
				error = read_last_id(store); /* of the next replica */
			snprintf(reason, sizeof(reason), "%s", clickhouse_why(store->server));
		}
		if (error != 0)
			snprintf(why, why_size, "ClickHouse at %s: %s", strrchr(store->url, '@') ? "..." : store->url,
				reason);
	}
	if (error != 0)
		clickhouse_close(&store->base);
	else
		*ret = &store->base;
	return error;
}

/* Days since 1970, as RowBinary has a Date. */
static uint16_t day_of(int64_t time_us)
{
	return (uint16_t)(time_us / (24 * EV_HOUR_US));
}

static void add_addr(struct builder *rows, const struct ip_addr *addr)
{
	builder_number(rows, addr->family, 1);
	builder_add(rows, addr->bytes, sizeof(addr->bytes));
}

static void add_event(struct builder *rows, const struct ev_event *event, uint64_t id, uint16_t day)
{
	builder_number(rows, day, 2);
	builder_number(rows, id, 8);
	builder_number(rows, (uint64_t)event->time_us, 8);
	builder_number(rows, event->tenant, 4);
	builder_number(rows, event->system, 4);
	builder_number(rows, event->edge, 4);
	builder_number(rows, event->kind, 1);
	builder_number(rows, event->action, 1);
	builder_number(rows, event->evidence, 1);
	builder_number(rows, event->severity, 1);
	builder_number(rows, event->protocol, 1);
	builder_number(rows, event->src_port, 2);
	builder_number(rows, event->dst_port, 2);
	add_addr(rows, &event->src);
	add_addr(rows, &event->dst);
	builder_number(rows, event->rule, 8);
	builder_number(rows, event->decision, 8);
	builder_number(rows, event->count, 4);
	builder_string(rows, bytes_first(event->signature, EV_SIGNATURE_MAX));
	builder_string(rows, event->detail);
}

static int insert_events(struct clickhouse_store *store, const struct ev_batch *batch, uint64_t first_id)
{
	struct builder rows = { 0 };
	/* The day of the id, not of the clock: the same block when the batch comes again. */
	uint16_t day = day_of((int64_t)(first_id >> MS_BITS) * 1000);
	int error;

	for (size_t i = 0; i < batch->count; i++)
		add_event(&rows, &batch->events[i], first_id + i, day);
	error = rows.failed ? LUYTRE_E_NOMEM
			    : clickhouse_run(store->server,
				      "insert into ev_event (day, " EVENT_COLUMNS ") format RowBinary",
				      bytes_of(rows.text, rows.size), INSERT_MS, NULL);
	builder_done(&rows);
	return error;
}

static int insert_batch(struct clickhouse_store *store, const struct ev_batch *batch, uint64_t first_id)
{
	struct builder row = { 0 };
	int error;

	builder_number(&row, day_of((int64_t)(first_id >> MS_BITS) * 1000), 2);
	builder_string(&row, bytes_from_str(batch->id));
	builder_number(&row, first_id, 8);
	builder_number(&row, batch->count, 4);
	error = row.failed ? LUYTRE_E_NOMEM
			   : clickhouse_run(store->server,
				     "insert into ev_batch (day, id, first_id, count) format RowBinary",
				     bytes_of(row.text, row.size), INSERT_MS, NULL);
	builder_done(&row);
	return error;
}

/* 0 and the first id of a batch that was begun; LUYTRE_E_NOT_FOUND. */
static int find_batch(struct clickhouse_store *store, const char *id, uint64_t *ret_first_id)
{
	struct builder sql = { 0 };
	int error;

	builder_print(&sql, "select first_id from ev_batch where id = ");
	builder_quote(&sql, bytes_from_str(id));
	builder_print(&sql, " order by first_id limit 1 format RowBinary");
	error = sql.failed ? LUYTRE_E_NOMEM : ask_number(store->server, (const char *)sql.text, ret_first_id);
	builder_done(&sql);
	return error;
}

static int is_stored(struct clickhouse_store *store, const struct ev_batch *batch, uint64_t first_id, bool *ret)
{
	char sql[160];
	uint64_t count = 0;
	int error;

	snprintf(sql, sizeof(sql),
		"select count() from ev_event where tenant = %u and id = %llu and edge = %u format RowBinary",
		batch->events[0].tenant, (unsigned long long)first_id, batch->events[0].edge);
	error = ask_number(store->server, sql, &count);
	*ret = count > 0;
	return error;
}

static struct begun *find_begun(struct clickhouse_store *store, const char *id)
{
	for (size_t i = 0; i < BEGUN_MAX; i++) {
		if (store->begun[i].id && strcmp(store->begun[i].id, id) == 0)
			return &store->begun[i];
	}
	return NULL;
}

/* The oldest is forgotten when there are too many: the server knows it, if it was begun there. */
static void note_begun(struct clickhouse_store *store, const char *id, uint64_t first_id)
{
	struct begun *place = find_begun(store, id);

	if (!place) {
		place = &store->begun[store->begun_next++ % BEGUN_MAX];
		free(place->id);
		place->id = strdup(id);
	}
	place->first_id = first_id;
}

static void forget_begun(struct clickhouse_store *store, const char *id)
{
	struct begun *place = find_begun(store, id);

	if (!place)
		return;
	free(place->id);
	place->id = NULL;
}

static bool is_recent(const struct clickhouse_store *store, uint64_t first_id)
{
	for (size_t i = 0; i < RECENT_MAX; i++)
		if (store->recent[i] == first_id)
			return true;
	return false;
}

static uint64_t take_ids(struct clickhouse_store *store, uint64_t ms, uint64_t name)
{
	while (is_recent(store, ms << MS_BITS | name))
		ms++;
	store->recent[store->recent_next++ % RECENT_MAX] = ms << MS_BITS | name;
	return ms << MS_BITS | name;
}

/* From the batch alone, unless another one has them. */
static uint64_t ids_of(struct clickhouse_store *store, const struct ev_batch *batch)
{
	const struct siphash_key key = { 0x6c75797472652121, 0x6261746368206964 }; /* the same at each hub */
	uint64_t name = siphash24(key, batch->id, strlen(batch->id)) % (1 << NAME_BITS) << (MS_BITS - NAME_BITS);

	return take_ids(store, (uint64_t)batch->made_us / 1000, name);
}

/* The batch gets its ids, here first and then at the server. */
static int begin_batch(struct clickhouse_store *store, const struct ev_batch *batch, uint64_t *ret_first_id)
{
	const struct begun *begun = find_begun(store, batch->id);
	uint64_t ms = (uint64_t)batch->arrived_us / 1000;

	if (begun) {
		*ret_first_id = begun->first_id;
	} else if (batch->made_us > batch->arrived_us - EARLY_US && batch->made_us < batch->arrived_us + LATE_US) {
		*ret_first_id = ids_of(store, batch);
	} else {
		store->last_ms = ms > store->last_ms ? ms : store->last_ms + 1;
		*ret_first_id = take_ids(store, store->last_ms, store->node << ROW_BITS);
		store->last_ms = *ret_first_id >> MS_BITS;
	}
	return insert_batch(store, batch, *ret_first_id);
}

static int clickhouse_append(struct ev_store *base, const struct ev_batch *batch, uint64_t *ret_first_id)
{
	struct clickhouse_store *store = (struct clickhouse_store *)base;
	uint64_t first_id = 0;
	bool stored = false;
	int error = find_batch(store, batch->id, &first_id);

	if (error == 0) {
		error = is_stored(store, batch, first_id, &stored);
	} else if (error == LUYTRE_E_NOT_FOUND) {
		error = begin_batch(store, batch, &first_id);
	}
	if (error == 0 && stored) {
		forget_begun(store, batch->id);
		__atomic_add_fetch(&store->again_count, 1, __ATOMIC_RELAXED);
		return 0;
	}
	if (error == 0)
		error = insert_events(store, batch, first_id);
	if (error != 0 && first_id != 0)
		note_begun(store, batch->id, first_id);
	if (error != 0)
		return error;
	forget_begun(store, batch->id);
	*ret_first_id = first_id;
	return 0;
}

static int drop_partition(struct clickhouse_store *store, const char *table, struct bytes partition)
{
	char sql[160];

	if (partition.size > 32)
		return LUYTRE_E_IO;
	snprintf(sql, sizeof(sql), "alter table %s drop partition '%.*s'", table, (int)partition.size,
		(const char *)partition.ptr);
	return clickhouse_run(store->server, sql, no_rows, INSERT_MS, NULL);
}

static int clickhouse_retain(struct ev_store *base, int64_t keep_from_us)
{
	struct clickhouse_store *store = (struct clickhouse_store *)base;
	time_t second = (time_t)(keep_from_us / 1000000);
	struct tm date;
	int error = 0;

	gmtime_r(&second, &date);
	for (size_t i = 0; i < ARRAY_COUNT(table_names) && error == 0; i++) {
		char sql[256], day[16];

		strftime(day, sizeof(day), "%Y-%m-%d", &date);
		snprintf(sql, sizeof(sql),
			"select min(partition) from system.parts where database = '%s' and table = '%s' and active"
			" and partition < '%s' format RowBinary",
			store->database, table_names[i], day);
		for (;;) {
			struct bytes answer, partition;
			struct cursor cursor;

			error = clickhouse_run(store->server, sql, no_rows, INSERT_MS, &answer);
			cursor = cursor_over(error == 0 ? answer : no_rows);
			if (error != 0 || !rowbinary_string(&cursor, &partition) || partition.size == 0)
				break;
			error = drop_partition(store, table_names[i], partition);
			if (error != 0)
				break;
		}
	}
	return error;
}

static void clickhouse_stats(struct ev_store *base, struct ev_stats *ret)
{
	struct clickhouse_store *store = (struct clickhouse_store *)base;
	/* A connection of its own: the store's is the writer's, who may be on another thread. */
	struct clickhouse *server = clickhouse_new(bytes_from_str(store->url), store->database);
	uint64_t oldest = 0;
	char sql[256];

	if (!server)
		return;
	snprintf(sql, sizeof(sql),
		"select toUInt64(sum(bytes_on_disk)) from system.parts where database = '%s' and active format "
		"RowBinary",
		store->database);
	/* A number that the server does not give stays 0. */
	if (ask_number(server, "select count() from ev_event format RowBinary", &ret->events) == 0 &&
		ask_number(server, "select count() from ev_batch format RowBinary", &ret->batches) == 0 &&
		ask_number(server, sql, &ret->bytes) == 0 &&
		ask_number(server, "select min(time_us) from ev_event format RowBinary", &oldest) == 0 &&
		ask_number(server, "select toUInt64(uniq(day)) from ev_event format RowBinary", &ret->segments) == 0)
		ret->oldest_us = (int64_t)oldest;
	ret->batches_again = __atomic_load_n(&store->again_count, __ATOMIC_RELAXED);
	clickhouse_free(server);
}

static void clickhouse_reader_close(struct ev_reader *base)
{
	struct clickhouse_reader *reader = (struct clickhouse_reader *)base;

	clickhouse_free(reader->server);
	free(reader);
}

static int clickhouse_reader_open(struct ev_store *base, struct ev_reader **ret)
{
	struct clickhouse_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return LUYTRE_E_NOMEM;
	reader->base.store = base;
	reader->store = (struct clickhouse_store *)base;
	reader->server = clickhouse_new(bytes_from_str(reader->store->url), reader->store->database);
	if (!reader->server) {
		clickhouse_reader_close(&reader->base);
		return LUYTRE_E_NOMEM;
	}
	*ret = &reader->base;
	return 0;
}

static void where_tenants_ch(struct builder *sql, const struct ev_filter *filter)
{
	if (filter->tenant != 0) {
		builder_print(sql, " and tenant = %u", filter->tenant);
		return;
	}
	if (filter->scope->all)
		return;
	for (size_t i = 0; i < filter->scope->tenant_count; i++)
		builder_print(sql, "%s%u", i == 0 ? " and tenant in (" : ", ", filter->scope->tenants[i]);
	builder_print(sql, ")");
}

static void where_src_ch(struct builder *sql, const struct ip_prefix *src)
{
	struct ip_addr last = src->addr;

	if (src->addr.family == 0)
		return;
	for (unsigned int bit = src->length; bit < ip_addr_bits(&src->addr); bit++)
		last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	builder_print(sql, " and src_family = %u and src >= toFixedString(", src->addr.family);
	builder_quote(sql, bytes_of(src->addr.bytes, sizeof(src->addr.bytes)));
	builder_print(sql, ", 16) and src <= toFixedString(");
	builder_quote(sql, bytes_of(last.bytes, sizeof(last.bytes)));
	builder_print(sql, ", 16)");
}

#define WORD   "0-9A-Za-z\\x{80}-\\x{10FFFF}"
#define ESCAPE "\\\\([a-tv-z]|u[0-9a-fA-F]{4})"

static bool is_word(uint8_t byte)
{
	return ascii_is_alnum(byte) || byte >= 0x80;
}

/* Words as words_stand_in() has them (words.h), for RE2. In a group of its own: behind a mere "(?i)" old servers look for the letters as they are first. */
static void quote_words(struct builder *sql, struct bytes text)
{
	struct builder pattern = { 0 };

	builder_print(&pattern, "(?i:%s", is_word(text.ptr[0]) ? "(^|[^" WORD "]|" ESCAPE ")" : "");
	for (size_t i = 0; i < text.size; i++)
		builder_print(&pattern, is_word(text.ptr[i]) ? "%c" : "\\x{%02x}", text.ptr[i]);
	builder_print(&pattern, "%s)", is_word(text.ptr[text.size - 1]) ? "($|[^" WORD "])" : "");
	builder_quote(sql, bytes_of(pattern.text, pattern.size));
	sql->failed |= pattern.failed;
	builder_done(&pattern);
}

static void where_text(struct builder *sql, const char *column, const struct ev_filter *filter)
{
	builder_print(sql, "(positionCaseInsensitive(%s, ", column);
	builder_quote(sql, filter->text);
	builder_print(sql, ") > 0");
	if (filter->whole_words) {
		builder_print(sql, " and match(%s, ", column);
		quote_words(sql, filter->text);
		builder_print(sql, ")");
	}
	builder_print(sql, ")");
}

/* Made of numbers and of strings as unhex('...') alone. */
static void where_filter(struct builder *sql, const struct ev_filter *filter)
{
	builder_print(sql, " from ev_event where time_us >= %lld and time_us < %lld", (long long)filter->from_us,
		(long long)filter->until_us);
	where_tenants_ch(sql, filter);
	where_src_ch(sql, &filter->src);
	if (filter->kinds != 0)
		builder_print(sql, " and bitAnd(bitShiftRight(toUInt32(%u), kind), 1) = 1", filter->kinds);
	if (filter->actions != 0)
		builder_print(sql, " and bitAnd(bitShiftRight(toUInt32(%u), action), 1) = 1", filter->actions);
	if (filter->severity_max != 0)
		builder_print(sql, " and severity <= %u", filter->severity_max);
	if (filter->system != 0)
		builder_print(sql, " and system = %u", filter->system);
	if (filter->edge != 0)
		builder_print(sql, " and edge = %u", filter->edge);
	if (filter->rule != 0)
		builder_print(sql, " and rule = %llu", (unsigned long long)filter->rule);
	if (filter->decision != 0)
		builder_print(sql, " and decision = %llu", (unsigned long long)filter->decision);
	if (filter->text.size > 0) {
		builder_print(sql, " and (");
		where_text(sql, "signature", filter);
		builder_print(sql, " or ");
		where_text(sql, "detail", filter);
		builder_print(sql, ")");
	}
}

/* Frees 'sql'. */
static int ask(struct clickhouse_reader *reader, struct builder *sql, struct bytes *ret)
{
	int error = sql->failed ? LUYTRE_E_NOMEM
				: clickhouse_run(reader->server, (const char *)sql->text, no_rows,
					  reader->store->question_ms, ret);

	builder_done(sql);
	return error;
}

static bool read_addr(struct cursor *cursor, struct ip_addr *ret)
{
	return cursor_u8(cursor, &ret->family) && cursor_copy(cursor, sizeof(ret->bytes), ret->bytes);
}

static bool read_event(struct cursor *cursor, struct ev_event *ret)
{
	enum { ID, TIME, TENANT, SYSTEM, EDGE, KIND, ACTION, EVIDENCE, SEVERITY, PROTOCOL, SRC_PORT, DST_PORT, HEAD };
	static const uint8_t sizes[HEAD] = { 8, 8, 4, 4, 4, 1, 1, 1, 1, 1, 2, 2 };
	uint64_t head[HEAD], count;

	*ret = (struct ev_event){ 0 };
	for (unsigned int i = 0; i < HEAD; i++) {
		if (!rowbinary_number(cursor, sizes[i], &head[i]))
			return false;
	}
	ret->id = head[ID];
	ret->time_us = (int64_t)head[TIME];
	ret->tenant = (uint32_t)head[TENANT];
	ret->system = (uint32_t)head[SYSTEM];
	ret->edge = (uint32_t)head[EDGE];
	ret->kind = (uint8_t)head[KIND];
	ret->action = (uint8_t)head[ACTION];
	ret->evidence = (uint8_t)head[EVIDENCE];
	ret->severity = (uint8_t)head[SEVERITY];
	ret->protocol = (uint8_t)head[PROTOCOL];
	ret->src_port = (uint16_t)head[SRC_PORT];
	ret->dst_port = (uint16_t)head[DST_PORT];
	if (!read_addr(cursor, &ret->src) || !read_addr(cursor, &ret->dst) ||
		!rowbinary_number(cursor, 8, &ret->rule) || !rowbinary_number(cursor, 8, &ret->decision) ||
		!rowbinary_number(cursor, 4, &count) || !rowbinary_string(cursor, &ret->signature) ||
		!rowbinary_string(cursor, &ret->detail))
		return false;
	ret->count = (uint32_t)count;
	return true;
}

static int clickhouse_page(struct ev_reader *base, const struct ev_filter *filter, const struct ev_cursor *before,
	uint32_t limit, ev_event_fn fn, void *context)
{
	struct builder sql = { 0 };
	struct bytes answer;
	struct cursor cursor;
	struct ev_event event;
	int error;

	builder_print(&sql, "select " EVENT_COLUMNS);
	where_filter(&sql, filter);
	if (before->id != 0)
		builder_print(&sql, " and id < %llu", (unsigned long long)before->id);
	builder_print(&sql, " order by id desc limit %u format RowBinary", limit);
	error = ask((struct clickhouse_reader *)base, &sql, &answer);
	if (error != 0)
		return error;
	cursor = cursor_over(answer);
	while (cursor_left(&cursor) > 0) {
		if (!read_event(&cursor, &event))
			return LUYTRE_E_CORRUPT;
		if (fn(context, &event) != 0)
			break;
	}
	return 0;
}

static int clickhouse_count_by(struct ev_reader *base, const struct ev_filter *filter, enum ev_dim dim, uint32_t step_s,
	ev_count_fn fn, void *context)
{
	static const char *const columns[EV_DIM_COUNT] = {
		[EV_DIM_KIND] = "kind",
		[EV_DIM_ACTION] = "action",
		[EV_DIM_TENANT] = "tenant",
		[EV_DIM_EDGE] = "edge",
		[EV_DIM_SEVERITY] = "severity",
		[EV_DIM_TENANT_SEVERITY] = "toUInt64(tenant) * 16 + severity",
	};
	struct builder sql = { 0 };
	unsigned long long step_us = (unsigned long long)step_s * 1000000;
	struct bytes answer;
	struct cursor cursor;
	struct ev_count count;
	int error;

	if (step_s == 0)
		builder_print(&sql, "select toUInt64(%lld) as t", (long long)filter->from_us);
	else
		builder_print(&sql, "select toUInt64(intDiv(time_us, %llu) * %llu) as t", step_us, step_us);
	builder_print(&sql, ", toUInt64(%s) as k, count(), toUInt64(sum(weight))", columns[dim]);
	where_filter(&sql, filter);
	builder_print(&sql, " group by t, k order by t, k limit %u format RowBinary", EV_ANSWER_MAX + 1);
	error = ask((struct clickhouse_reader *)base, &sql, &answer);
	if (error != 0)
		return error;
	if (answer.size > (size_t)EV_ANSWER_MAX * 32)
		return LUYTRE_E_FULL;
	cursor = cursor_over(answer);
	while (cursor_left(&cursor) > 0) {
		uint64_t time_us;

		if (!rowbinary_number(&cursor, 8, &time_us) || !rowbinary_number(&cursor, 8, &count.key) ||
			!rowbinary_number(&cursor, 8, &count.events) || !rowbinary_number(&cursor, 8, &count.sum))
			return LUYTRE_E_CORRUPT;
		count.time_us = (int64_t)time_us;
		if (fn(context, &count) != 0)
			break;
	}
	return 0;
}

static bool read_ranked(struct cursor *cursor, struct ev_ranked *ret)
{
	struct bytes text;
	uint64_t tenants;
	size_t size;

	*ret = (struct ev_ranked){ 0 };
	if (!cursor_u8(cursor, &ret->kind) || !read_addr(cursor, &ret->src) ||
		!rowbinary_number(cursor, 8, &ret->key) || !rowbinary_number(cursor, 8, &ret->sum) ||
		!rowbinary_number(cursor, 8, &tenants) || !rowbinary_string(cursor, &text))
		return false;
	ret->tenant_count = (uint32_t)tenants;
	size = text.size < sizeof(ret->text) - 1 ? text.size : sizeof(ret->text) - 1;
	/* Not in the middle of a character. */
	while (size > 0 && size < text.size && (text.ptr[size] & 0xc0) == 0x80)
		size--;
	if (size > 0)
		memcpy(ret->text, text.ptr, size);
	return true;
}

static int clickhouse_top(struct ev_reader *base, const struct ev_filter *filter, enum ev_top what, uint32_t limit,
	ev_ranked_fn fn, void *context)
{
	/* Columns: kind, family, address, number, and the condition that there is one. */
	static const struct {
		const char *kind, *family, *addr, *key, *text, *given;
	} rows[] = {
		[EV_TOP_SRC] = { "toUInt8(0)", "src_family", "src", "toUInt64(0)", "''", "src_family != 0" },
		[EV_TOP_RULE] = { "kind", "toUInt8(0)", "toFixedString('', 16)", "rule", "max(signature)",
			"rule != 0" },
		[EV_TOP_TENANT] = { "toUInt8(0)", "toUInt8(0)", "toFixedString('', 16)", "toUInt64(tenant)", "''",
			"1" },
		[EV_TOP_PORT] = { "toUInt8(0)", "toUInt8(0)", "toFixedString('', 16)", "toUInt64(dst_port)", "''",
			"dst_port != 0" },
	};
	struct builder sql = { 0 };
	struct bytes answer;
	struct cursor cursor;
	struct ev_ranked ranked;
	int error;

	builder_print(&sql,
		"select %s as a, %s as b, %s as c, %s as d, toUInt64(sum(weight)) as s, uniqExact(tenant), %s",
		rows[what].kind, rows[what].family, rows[what].addr, rows[what].key, rows[what].text);
	where_filter(&sql, filter);
	builder_print(&sql, " and %s group by a, b, c, d order by s desc, a, b, c, d limit %u format RowBinary",
		rows[what].given, limit);
	error = ask((struct clickhouse_reader *)base, &sql, &answer);
	if (error != 0)
		return error;
	cursor = cursor_over(answer);
	while (cursor_left(&cursor) > 0) {
		if (!read_ranked(&cursor, &ranked))
			return LUYTRE_E_CORRUPT;
		if (fn(context, &ranked) != 0)
			break;
	}
	return 0;
}

static bool read_hit(struct cursor *cursor, struct ev_hit *ret)
{
	uint64_t tenant, action, first, last;

	if (!rowbinary_number(cursor, 8, &ret->rule) || !rowbinary_number(cursor, 4, &tenant) ||
		!rowbinary_number(cursor, 1, &action) || !rowbinary_number(cursor, 8, &first) ||
		!rowbinary_number(cursor, 8, &last) || !rowbinary_number(cursor, 8, &ret->events) ||
		!rowbinary_number(cursor, 8, &ret->sum))
		return false;
	ret->tenant = (uint32_t)tenant;
	ret->action = (uint8_t)action;
	ret->first_us = (int64_t)first;
	ret->last_us = (int64_t)last;
	return true;
}

static int clickhouse_hits(struct ev_reader *base, const struct ev_filter *filter, const struct ev_hit_query *query,
	ev_hit_fn fn, void *context)
{
	struct builder sql = { 0 };
	struct bytes answer;
	struct cursor cursor;
	struct ev_hit hit;
	int error;

	builder_print(&sql, "select rule, tenant, action, toUInt64(min(time_us)), toUInt64(max(time_us)), count(),"
			    " toUInt64(sum(weight))");
	where_filter(&sql, filter);
	builder_print(&sql, " and rule != 0 and (rule in (0");
	for (size_t i = 0; i < query->rule_count; i++)
		builder_print(&sql, ", %llu", (unsigned long long)query->rules[i]);
	builder_print(&sql, ")");
	if (query->text.size > 0) {
		builder_print(&sql, " or match(signature, concat('(?i)', ");
		builder_quote(&sql, query->text);
		builder_print(&sql, ", '([^0-9]|$)'))");
	}
	builder_print(&sql, ") group by rule, tenant, action order by rule, tenant, action limit %u format RowBinary",
		EV_ANSWER_MAX + 1);
	error = ask((struct clickhouse_reader *)base, &sql, &answer);
	if (error != 0)
		return error;
	if (answer.size > (size_t)EV_ANSWER_MAX * 45)
		return LUYTRE_E_FULL;
	cursor = cursor_over(answer);
	while (cursor_left(&cursor) > 0) {
		if (!read_hit(&cursor, &hit))
			return LUYTRE_E_CORRUPT;
		if (fn(context, &hit) != 0)
			break;
	}
	return 0;
}

static int clickhouse_distinct_sources(struct ev_reader *base, const struct ev_filter *filter, uint64_t *ret)
{
	struct builder sql = { 0 };
	struct bytes answer;
	struct cursor cursor;
	int error;

	builder_print(&sql, "select toUInt64(uniq(src_family, src))");
	where_filter(&sql, filter);
	builder_print(&sql, " and src_family != 0 format RowBinary");
	error = ask((struct clickhouse_reader *)base, &sql, &answer);
	if (error != 0)
		return error;
	cursor = cursor_over(answer);
	return rowbinary_number(&cursor, 8, ret) ? 0 : LUYTRE_E_CORRUPT;
}

const struct ev_driver ev_clickhouse_driver = {
	.name = "clickhouse",
	.open = clickhouse_open,
	.close = clickhouse_close,
	.append = clickhouse_append,
	.retain = clickhouse_retain,
	.stats = clickhouse_stats,
	.reader_open = clickhouse_reader_open,
	.reader_close = clickhouse_reader_close,
	.page = clickhouse_page,
	.count_by = clickhouse_count_by,
	.top = clickhouse_top,
	.hits = clickhouse_hits,
	.distinct_sources = clickhouse_distinct_sources,
};
