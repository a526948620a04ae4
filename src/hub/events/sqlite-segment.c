// SPDX-License-Identifier: Apache-2.0
/* One segment as a file: making, filling, reading again after a crash, sealing. */
#include "hub/events/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"

#define APPLICATION_ID 0x4c544556 /* "LTEV" */
#define FORMAT         1

/* A larger write-ahead log than SQLite's thousand pages: the index over sources touches pages everywhere, and each is
 * copied into the file once for each checkpoint. */
#define PRAGMAS                                                                                                        \
	"pragma journal_mode=wal; pragma synchronous=full; pragma cache_size=-65536; pragma temp_store=memory;"        \
	"pragma wal_autocheckpoint=16384; pragma journal_size_limit=134217728;"

#define SCHEMA                                                                                                         \
	"pragma page_size=4096; pragma synchronous=full;"                                                              \
	"begin immediate;"                                                                                             \
	"create table event (row integer primary key, time integer not null, tenant integer not null,"                 \
	" system integer not null, edge integer not null, class integer not null, ports integer not null,"             \
	" src blob, dst blob, decision integer not null, count integer not null, signature integer not null,"          \
	" detail blob);"                                                                                               \
	"create index event_tenant on event (tenant);"                                                                 \
	"create index event_src on event (src, tenant) where src is not null;"                                         \
	"create table signature (id integer primary key, rule integer not null, kind integer not null,"                \
	" text blob not null);"                                                                                        \
	"create index signature_rule on signature (rule, kind);"                                                       \
	"create table batch (id text primary key, row integer not null, count integer not null,"                       \
	" arrived integer not null) without rowid;"                                                                    \
	"create table minute (tenant integer, minute integer, edge integer, class integer, events integer not null,"   \
	" sum integer not null, primary key (tenant, minute, edge, class)) without rowid;"                             \
	"create table hour (tenant integer, hour integer, edge integer, class integer, events integer not null,"       \
	" sum integer not null, primary key (tenant, hour, edge, class)) without rowid;"                               \
	"create table tenant_hour (tenant integer, hour integer, events integer not null, sum integer not null,"       \
	" primary key (tenant, hour)) without rowid;"                                                                  \
	"create table nation (minute integer, class integer, events integer not null, sum integer not null,"           \
	" primary key (minute, class)) without rowid;"                                                                 \
	"create table sketch (tenant integer, hour integer, sources blob, src blob, rule blob, port blob,"             \
	" primary key (tenant, hour));"                                                                                \
	"create table meta (name text primary key, value) without rowid;"

static const char *const statement_texts[SEGMENT_STATEMENTS] = {
	[SEGMENT_BEGIN] = "begin immediate",
	[SEGMENT_COMMIT] = "commit",
	[SEGMENT_EVENT] = "insert into event (row, time, tenant, system, edge, class, ports, src, dst, decision, count,"
			  " signature, detail) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
	[SEGMENT_SIGNATURE] = "insert into signature (id, rule, kind, text) values (?1, ?2, ?3, ?4)",
	[SEGMENT_BATCH] = "insert into batch (id, row, count, arrived) values (?1, ?2, ?3, ?4)",
	[SEGMENT_MINUTE] =
		"insert into minute (tenant, minute, edge, class, events, sum) values (?1, ?2, ?3, ?4, ?5, ?6)"
		" on conflict (tenant, minute, edge, class)"
		" do update set events = events + excluded.events, sum = sum + excluded.sum",
	[SEGMENT_WORDS] = "insert or replace into words (block, filter) values (?1, ?2)",
};

/* Two texts of one rule are two signatures: nothing is lost when a sensor's rules are changed within the hour. */
struct signature_key {
	uint64_t rule, kind, text_hash;
};

struct minute_key {
	int64_t minute;
	uint32_t tenant, edge, class, padding;
};

struct minute_sum {
	uint64_t events, sum;
};

int sqlite_error(sqlite3 *db, int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return LUYTRE_E_FULL;
	case SQLITE_NOMEM:
		return LUYTRE_E_NOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return LUYTRE_E_CORRUPT;
	case SQLITE_INTERRUPT:
		return LUYTRE_E_TIMEOUT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return LUYTRE_E_BUSY;
	case SQLITE_IOERR:
		if (result == SQLITE_IOERR_SHORT_READ)
			return LUYTRE_E_CORRUPT;
		if (db && (sqlite3_system_errno(db) == ENOSPC || sqlite3_system_errno(db) == EDQUOT))
			return LUYTRE_E_FULL;
		return LUYTRE_E_IO;
	case SQLITE_CANTOPEN:
		return db && sqlite3_system_errno(db) == ENOSPC ? LUYTRE_E_FULL : LUYTRE_E_IO;
	default:
		return LUYTRE_E_IO;
	}
}

static int run(sqlite3 *db, const char *sql)
{
	return sqlite_error(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

/* One value by one text parameter (null: none); the statement is to be finalised by the caller. */
static int ask_one(sqlite3 *db, const char *sql, const char *text, sqlite3_stmt **ret)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (result == SQLITE_OK && text)
		result = sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW) {
		*ret = statement;
		return 0;
	}
	sqlite3_finalize(statement);
	return result == SQLITE_DONE ? LUYTRE_E_NOT_FOUND : sqlite_error(db, result);
}

static int meta_ask(sqlite3 *db, const char *name, sqlite3_stmt **ret)
{
	return ask_one(db, "select value from meta where name = ?1", name, ret);
}

static int meta_integer(sqlite3 *db, const char *name, int64_t *ret)
{
	sqlite3_stmt *row = NULL;
	int error = meta_ask(db, name, &row);

	if (error != 0)
		return error;
	*ret = sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	return 0;
}

static int meta_put(sqlite3 *db, const char *name, const void *blob, size_t size, int64_t integer)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(
		db, "insert or replace into meta (name, value) values (?1, ?2)", -1, &statement, NULL);

	if (result == SQLITE_OK) {
		sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
		if (blob)
			sqlite3_bind_blob64(statement, 2, blob, size, SQLITE_STATIC);
		else
			sqlite3_bind_int64(statement, 2, integer);
		result = sqlite3_step(statement);
	}
	sqlite3_finalize(statement);
	return sqlite_error(db, result);
}

int segment_check(sqlite3 *db)
{
	sqlite3_stmt *row = NULL;
	int error = ask_one(
		db, "select application_id, user_version from pragma_application_id, pragma_user_version", NULL, &row);

	if (error != 0)
		return error;
	if (sqlite3_column_int64(row, 0) != APPLICATION_ID)
		error = LUYTRE_E_CORRUPT;
	else if (sqlite3_column_int64(row, 1) != FORMAT)
		error = LUYTRE_E_VERSION;
	sqlite3_finalize(row);
	return error;
}

static int key_read(sqlite3 *db, struct siphash_key *ret)
{
	sqlite3_stmt *row = NULL;
	int error = meta_ask(db, "key", &row);

	if (error != 0)
		return error == LUYTRE_E_NOT_FOUND ? LUYTRE_E_CORRUPT : error;
	if (sqlite3_column_bytes(row, 0) == sizeof(*ret))
		memcpy(ret, sqlite3_column_blob(row, 0), sizeof(*ret));
	else
		error = LUYTRE_E_CORRUPT;
	sqlite3_finalize(row);
	return error;
}

void writer_close(struct writer *writer)
{
	for (unsigned int i = 0; i < SEGMENT_STATEMENTS; i++)
		sqlite3_finalize(writer->statements[i]);
	sqlite3_close(writer->db);
	detail_free(writer->detail);
	table_free(writer->signatures);
	table_free(writer->minutes);
	words_free(writer->words);
	*writer = (struct writer){ 0 };
}

static int writer_open(struct sqlite_store *store, struct segment *segment, struct writer *ret)
{
	struct writer writer = { .segment = segment, .key = store->table_key };
	int result = sqlite3_open_v2(segment->path, &writer.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	int error = sqlite_error(writer.db, result);

	writer.detail = detail_new();
	writer.signatures =
		table_new(sizeof(struct signature_key), sizeof(uint32_t), SEGMENT_ROWS_MAX, store->table_key);
	writer.minutes =
		table_new(sizeof(struct minute_key), sizeof(struct minute_sum), EV_BATCH_MAX, store->table_key);
	writer.words = words_new();
	if (!segment->live)
		segment->live = sketches_new(store->key);
	if (!writer.words || !writer.detail || !writer.signatures || !writer.minutes || !segment->live)
		error = LUYTRE_E_NOMEM;
	if (error == 0)
		error = run(writer.db, PRAGMAS);
	*ret = writer;
	return error;
}

/* The table of words came later than the format. */
static int prepare_statements(struct writer *writer)
{
	uint64_t rows = writer->segment->rows;
	int error = run(writer->db, "create table if not exists words (block integer primary key, filter blob)");

	if (error != 0)
		return error;
	/* Of a block that is half full after a restart, what stands in its first half is not known any more. */
	writer->words_block = rows >> WORDS_BLOCK_BITS;
	writer->words_whole = rows % (UINT64_C(1) << WORDS_BLOCK_BITS) == 0;
	for (unsigned int i = 0; i < SEGMENT_STATEMENTS; i++) {
		int result = sqlite3_prepare_v3(
			writer->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT, &writer->statements[i], NULL);

		if (result != SQLITE_OK)
			return sqlite_error(writer->db, result);
	}
	return 0;
}

/* A file that bears the name of a segment is one: what a crash leaves half made has another name. */
static int make_file(const struct sqlite_store *store, const char *path)
{
	sqlite3 *db = NULL;
	char pragmas[96];
	int result, error;

	unlink(path);
	result = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	error = result == SQLITE_OK ? run(db, SCHEMA) : sqlite_error(db, result);
	snprintf(pragmas, sizeof(pragmas), "pragma application_id=%d; pragma user_version=%d; commit", APPLICATION_ID,
		FORMAT);
	if (error == 0)
		error = meta_put(db, "key", &store->key, sizeof(store->key), 0);
	if (error == 0)
		error = run(db, pragmas);
	sqlite3_close(db);
	return error;
}

int segment_create(struct sqlite_store *store, struct segment *segment, struct writer *ret)
{
	struct writer writer;
	char *path;
	int error;

	if (asprintf(&path, "%s" SEGMENT_NEW, segment->path) < 0)
		return LUYTRE_E_NOMEM;
	error = make_file(store, path);
	if (error == 0 && rename(path, segment->path) != 0)
		error = error_from_errno(errno);
	if (error != 0)
		unlink(path);
	free(path);
	if (error != 0)
		return error;
	error = writer_open(store, segment, &writer);
	if (error == 0)
		error = prepare_statements(&writer);
	if (error != 0)
		writer_close(&writer);
	else
		*ret = writer;
	return error;
}

static struct ip_addr read_addr(sqlite3_stmt *row, int column)
{
	const void *bytes = sqlite3_column_blob(row, column);
	int size = sqlite3_column_bytes(row, column);

	if (bytes && size == 4)
		return ip_addr_v4(bytes);
	if (bytes && size == 16)
		return ip_addr_v6(bytes);
	return (struct ip_addr){ 0 };
}

void segment_read_event(sqlite3_stmt *row, uint64_t base, struct ev_event *ret)
{
	uint64_t class = (uint64_t)sqlite3_column_int64(row, 5), ports = (uint64_t)sqlite3_column_int64(row, 6);
	const void *text = sqlite3_column_blob(row, 12);

	*ret = (struct ev_event){
		.id = base | (uint64_t)sqlite3_column_int64(row, 0),
		.time_us = segment_base_us(base) + sqlite3_column_int64(row, 1),
		.tenant = (uint32_t)sqlite3_column_int64(row, 2),
		.system = (uint32_t)sqlite3_column_int64(row, 3),
		.edge = (uint32_t)sqlite3_column_int64(row, 4),
		.kind = (uint8_t)(class >> 12),
		.action = (uint8_t)(class >> 8 & 15),
		.evidence = (uint8_t)(class >> 4 & 15),
		.severity = (uint8_t)(class & 15),
		.protocol = (uint8_t)(ports >> 32),
		.src_port = (uint16_t)(ports >> 16),
		.dst_port = (uint16_t)ports,
		.src = read_addr(row, 7),
		.dst = read_addr(row, 8),
		.decision = (uint64_t)sqlite3_column_int64(row, 9),
		.count = (uint32_t)sqlite3_column_int64(row, 10),
		.rule = (uint64_t)sqlite3_column_int64(row, 11),
		.signature = bytes_of(text, text ? (size_t)sqlite3_column_bytes(row, 12) : 0),
	};
}

static int read_signatures(struct writer *writer)
{
	sqlite3_stmt *row = NULL;
	int result = sqlite3_prepare_v2(writer->db, "select id, rule, kind, text from signature", -1, &row, NULL);

	if (result != SQLITE_OK)
		return sqlite_error(writer->db, result);
	while ((result = sqlite3_step(row)) == SQLITE_ROW) {
		struct signature_key id = {
			.rule = (uint64_t)sqlite3_column_int64(row, 1),
			.kind = (uint64_t)sqlite3_column_int64(row, 2),
			.text_hash = siphash24(
				writer->key, sqlite3_column_blob(row, 3), (size_t)sqlite3_column_bytes(row, 3)),
		};
		uint32_t *number = table_insert(writer->signatures, &id, NULL);

		if (!number) {
			sqlite3_finalize(row);
			return LUYTRE_E_NOMEM;
		}
		*number = (uint32_t)sqlite3_column_int64(row, 0);
		if (writer->signature_last < *number)
			writer->signature_last = *number;
	}
	sqlite3_finalize(row);
	return sqlite_error(writer->db, result);
}

void segment_note(struct segment *segment, const struct ev_event *event)
{
	if (segment->min_us > event->time_us)
		segment->min_us = event->time_us;
	if (segment->max_us < event->time_us)
		segment->max_us = event->time_us;
	sketches_add(segment->live, event);
}

static int read_events(struct writer *writer)
{
	struct segment *segment = writer->segment;
	sqlite3_stmt *row = NULL;
	struct ev_event event;
	int result = sqlite3_prepare_v2(
		writer->db, "select " SEGMENT_COLUMNS " from event e" SEGMENT_FROM "order by e.row", -1, &row, NULL);

	if (result != SQLITE_OK)
		return sqlite_error(writer->db, result);
	while ((result = sqlite3_step(row)) == SQLITE_ROW) {
		segment_read_event(row, segment->base, &event);
		segment_note(segment, &event);
		segment->rows = (event.id & (SEGMENT_ROWS_MAX - 1)) + 1;
	}
	sqlite3_finalize(row);
	return sqlite_error(writer->db, result);
}

/* A segment whose last transaction holds rows of a batch that is not written down is no segment of ours. */
static int read_arrival(struct writer *writer)
{
	struct segment *segment = writer->segment;
	sqlite3_stmt *row = NULL;
	int error = ask_one(writer->db, "select max(arrived), coalesce(max(row + count), 0) from batch", NULL, &row);

	if (error != 0)
		return error;
	if (sqlite3_column_type(row, 0) != SQLITE_NULL)
		segment->last_us = sqlite3_column_int64(row, 0);
	if (sqlite3_column_int64(row, 1) != (int64_t)segment->rows)
		error = LUYTRE_E_CORRUPT;
	sqlite3_finalize(row);
	return error;
}

static int read_dictionary(struct writer *writer)
{
	sqlite3_stmt *row = NULL;
	int error = meta_ask(writer->db, "dictionary", &row);

	if (error != 0)
		return error == LUYTRE_E_NOT_FOUND ? 0 : error;
	error = detail_use(writer->detail, bytes_of(sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0)));
	sqlite3_finalize(row);
	return error;
}

int segment_recover(struct sqlite_store *store, struct segment *segment, struct writer *ret)
{
	struct writer writer;
	int error = writer_open(store, segment, &writer);

	if (error == 0)
		error = segment_check(writer.db);
	if (error == 0)
		error = key_read(writer.db, &store->key);
	if (error == 0) {
		sketches_free(segment->live);
		segment->live = sketches_new(store->key);
		error = segment->live ? read_signatures(&writer) : LUYTRE_E_NOMEM;
	}
	if (error == 0)
		error = read_events(&writer);
	if (error == 0)
		error = read_arrival(&writer);
	if (error == 0)
		error = read_dictionary(&writer);
	if (error == 0)
		error = prepare_statements(&writer);
	if (error != 0)
		writer_close(&writer);
	else
		*ret = writer;
	return error;
}

static int read_tenants(sqlite3 *db, struct segment *segment)
{
	sqlite3_stmt *row = NULL;
	size_t size;
	int error = meta_ask(db, "tenants", &row);

	if (error != 0)
		return error == LUYTRE_E_NOT_FOUND ? LUYTRE_E_CORRUPT : error;
	size = (size_t)sqlite3_column_bytes(row, 0);
	segment->tenants = malloc(size + 1);
	if (!segment->tenants) {
		error = LUYTRE_E_NOMEM;
	} else {
		if (size > 0)
			memcpy(segment->tenants, sqlite3_column_blob(row, 0), size);
		segment->tenant_count = size / sizeof(*segment->tenants);
	}
	sqlite3_finalize(row);
	return error;
}

int segment_describe(struct sqlite_store *store, struct segment *segment)
{
	sqlite3 *db = NULL;
	int64_t sealed = 0, rows = 0;
	int result = sqlite3_open_v2(segment->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	int error = sqlite_error(db, result);

	if (error == 0)
		error = segment_check(db);
	if (error == 0)
		error = meta_integer(db, "sealed", &sealed);
	if (error == 0 &&
		((error = meta_integer(db, "rows", &rows)) != 0 ||
			(error = meta_integer(db, "last", &segment->last_us)) != 0 ||
			(error = meta_integer(db, "min", &segment->min_us)) != 0 ||
			(error = meta_integer(db, "max", &segment->max_us)) != 0) &&
		error == LUYTRE_E_NOT_FOUND)
		error = LUYTRE_E_CORRUPT;
	if (error == 0)
		error = key_read(db, &store->key);
	if (error == 0)
		error = read_tenants(db, segment);
	sqlite3_close(db);
	segment->rows = (uint64_t)rows;
	segment->sealed = error == 0;
	return error;
}

int segment_batches(const struct segment *segment, segment_batch_fn fn, void *context)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *row = NULL;
	int result = sqlite3_open_v2(segment->path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL), error = 0;

	if (result == SQLITE_OK)
		result = sqlite3_prepare_v2(db, "select id, arrived from batch", -1, &row, NULL);
	while (result == SQLITE_OK && error == 0 && (result = sqlite3_step(row)) == SQLITE_ROW) {
		error = fn(context, bytes_of(sqlite3_column_text(row, 0), (size_t)sqlite3_column_bytes(row, 0)),
			sqlite3_column_int64(row, 1));
		result = SQLITE_OK;
	}
	if (error == 0)
		error = sqlite_error(db, result);
	sqlite3_finalize(row);
	sqlite3_close(db);
	return error;
}

static int step_reset(sqlite3_stmt *statement)
{
	int result = sqlite3_step(statement);

	sqlite3_reset(statement);
	return result == SQLITE_DONE ? SQLITE_OK : result;
}

/* The number of an event's signature; 0 when it has neither rule nor text. */
static int signature_number(struct writer *writer, const struct ev_event *event, uint32_t *ret)
{
	struct bytes text = bytes_first(event->signature, EV_SIGNATURE_MAX);
	struct signature_key id = { .rule = event->rule, .kind = event->kind };
	sqlite3_stmt *insert = writer->statements[SEGMENT_SIGNATURE];
	uint32_t *number;
	bool created;

	*ret = 0;
	if (event->rule == 0 && text.size == 0)
		return SQLITE_OK;
	id.text_hash = siphash24(writer->key, text.ptr, text.size);
	number = table_insert(writer->signatures, &id, &created);
	if (!number)
		return SQLITE_NOMEM;
	if (created) {
		*number = ++writer->signature_last;
		sqlite3_bind_int64(insert, 1, *number);
		sqlite3_bind_int64(insert, 2, (int64_t)event->rule);
		sqlite3_bind_int64(insert, 3, event->kind);
		sqlite3_bind_blob64(insert, 4, text.size > 0 ? (const void *)text.ptr : "", text.size, SQLITE_STATIC);
		*ret = *number;
		return step_reset(insert);
	}
	*ret = *number;
	return SQLITE_OK;
}

static void bind_addr(sqlite3_stmt *statement, int position, const struct ip_addr *addr)
{
	if (addr->family == 0)
		sqlite3_bind_null(statement, position);
	else
		sqlite3_bind_blob(statement, position, addr->bytes, addr->family == IP_V4 ? 4 : 16, SQLITE_STATIC);
}

static int insert_event(struct writer *writer, const struct ev_event *event, uint64_t row, uint32_t signature)
{
	sqlite3_stmt *insert = writer->statements[SEGMENT_EVENT];
	struct bytes packed;
	int class = event->kind << 12 | event->action << 8 | event->evidence << 4 | event->severity;
	int64_t ports = (int64_t)event->protocol << 32 | (int64_t)event->src_port << 16 | event->dst_port;

	detail_learn(writer->detail, event->detail);
	if (detail_pack(writer->detail, event->detail, &packed) != 0)
		return SQLITE_NOMEM;
	sqlite3_bind_int64(insert, 1, (int64_t)row);
	sqlite3_bind_int64(insert, 2, event->time_us - segment_base_us(writer->segment->base));
	sqlite3_bind_int64(insert, 3, event->tenant);
	sqlite3_bind_int64(insert, 4, event->system);
	sqlite3_bind_int64(insert, 5, event->edge);
	sqlite3_bind_int64(insert, 6, class);
	sqlite3_bind_int64(insert, 7, ports);
	bind_addr(insert, 8, &event->src);
	bind_addr(insert, 9, &event->dst);
	sqlite3_bind_int64(insert, 10, (int64_t)event->decision);
	sqlite3_bind_int64(insert, 11, event->count);
	sqlite3_bind_int64(insert, 12, signature);
	if (packed.size == 0)
		sqlite3_bind_null(insert, 13);
	else
		sqlite3_bind_blob64(insert, 13, packed.ptr, packed.size, SQLITE_STATIC);
	return step_reset(insert);
}

static int sum_minute(struct writer *writer, const struct ev_event *event)
{
	struct minute_key key = {
		.minute = event->time_us / EV_MINUTE_US,
		.tenant = event->tenant,
		.edge = event->edge,
		.class = (uint32_t)event->kind << 8 | (uint32_t)event->action << 4 | event->severity,
	};
	struct minute_sum *sum = table_insert(writer->minutes, &key, NULL);

	if (!sum)
		return SQLITE_NOMEM;
	sum->events++;
	sum->sum += event->count;
	return SQLITE_OK;
}

struct minute_row {
	struct minute_key key;
	struct minute_sum sum;
};

static int compare_minutes(const void *left, const void *right)
{
	const struct minute_key *a = &((const struct minute_row *)left)->key;
	const struct minute_key *b = &((const struct minute_row *)right)->key;

	if (a->tenant != b->tenant)
		return a->tenant < b->tenant ? -1 : 1;
	if (a->minute != b->minute)
		return a->minute < b->minute ? -1 : 1;
	if (a->edge != b->edge)
		return a->edge < b->edge ? -1 : 1;
	return (a->class > b->class) - (a->class < b->class);
}

/* In the order of the table, so that neighbours are found on the same page. */
static int write_minutes(struct writer *writer)
{
	sqlite3_stmt *upsert = writer->statements[SEGMENT_MINUTE];
	size_t count = table_count(writer->minutes), pos = 0, at = 0;
	struct minute_row *rows = malloc(count * sizeof(*rows));
	int result = SQLITE_OK;
	const void *key;
	void *value;

	if (!rows)
		return SQLITE_NOMEM;
	while (at < count && table_next(writer->minutes, &pos, &key, &value)) {
		memcpy(&rows[at].key, key, sizeof(rows[at].key));
		memcpy(&rows[at].sum, value, sizeof(rows[at].sum));
		at++;
	}
	qsort(rows, at, sizeof(*rows), compare_minutes);
	for (size_t i = 0; i < at && result == SQLITE_OK; i++) {
		sqlite3_bind_int64(upsert, 1, rows[i].key.tenant);
		sqlite3_bind_int64(upsert, 2, rows[i].key.minute);
		sqlite3_bind_int64(upsert, 3, rows[i].key.edge);
		sqlite3_bind_int64(upsert, 4, rows[i].key.class);
		sqlite3_bind_int64(upsert, 5, (int64_t)rows[i].sum.events);
		sqlite3_bind_int64(upsert, 6, (int64_t)rows[i].sum.sum);
		result = step_reset(upsert);
	}
	free(rows);
	return result;
}

static int write_batch(struct writer *writer, const struct ev_batch *batch)
{
	sqlite3_stmt *insert = writer->statements[SEGMENT_BATCH];

	sqlite3_bind_text(insert, 1, batch->id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(insert, 2, (int64_t)writer->segment->rows);
	sqlite3_bind_int64(insert, 3, (int64_t)batch->count);
	sqlite3_bind_int64(insert, 4, batch->arrived_us);
	return step_reset(insert);
}

/* Before the first details that need it, in a transaction of its own: what was committed can always be read. */
static int train(struct writer *writer)
{
	uint8_t *dictionary;
	size_t size;
	int error;

	if (!detail_ready(writer->detail))
		return 0;
	error = detail_train(writer->detail, &dictionary, &size);
	if (error != 0)
		return error;
	error = meta_put(writer->db, "dictionary", dictionary, size, 0);
	if (error == 0)
		error = detail_use(writer->detail, bytes_of(dictionary, size));
	free(dictionary);
	return error;
}

/* An empty filter is one that has become too full: the block is read. */
static int write_words(struct writer *writer)
{
	sqlite3_stmt *insert = writer->statements[SEGMENT_WORDS];
	struct bytes filter = words_take(writer->words);

	sqlite3_bind_int64(insert, 1, (int64_t)writer->words_block);
	sqlite3_bind_blob64(insert, 2, filter.size > 0 ? (const void *)filter.ptr : "", filter.size, SQLITE_STATIC);
	return step_reset(insert);
}

/* The signature's words again with each event: they are few beside those of the detail. */
static int add_words(struct writer *writer, const struct ev_event *event, uint64_t row)
{
	int result = SQLITE_OK;

	if (row >> WORDS_BLOCK_BITS != writer->words_block) {
		if (writer->words_whole)
			result = write_words(writer);
		words_clear(writer->words);
		writer->words_block = row >> WORDS_BLOCK_BITS;
		writer->words_whole = true;
	}
	words_add(writer->words, bytes_first(event->signature, EV_SIGNATURE_MAX));
	words_add(writer->words, event->detail);
	return result;
}

static int write_events(struct writer *writer, const struct ev_batch *batch)
{
	int result = SQLITE_OK;
	uint32_t signature = 0;

	table_clear(writer->minutes);
	for (size_t i = 0; i < batch->count && result == SQLITE_OK; i++) {
		const struct ev_event *event = &batch->events[i];

		result = signature_number(writer, event, &signature);
		if (result == SQLITE_OK)
			result = insert_event(writer, event, writer->segment->rows + i, signature);
		if (result == SQLITE_OK)
			result = sum_minute(writer, event);
		if (result == SQLITE_OK)
			result = add_words(writer, event, writer->segment->rows + i);
	}
	if (result == SQLITE_OK)
		result = write_minutes(writer);
	return result == SQLITE_OK ? write_batch(writer, batch) : result;
}

static bool is_newer(const void *key, void *value, void *context)
{
	return *(uint32_t *)value > *(const uint32_t *)context;
}

int segment_append(struct writer *writer, const struct ev_batch *batch)
{
	uint32_t signature_last = writer->signature_last;
	size_t pos = 0;
	int result, error = train(writer);

	if (error != 0)
		return error;
	result = step_reset(writer->statements[SEGMENT_BEGIN]);
	if (result == SQLITE_OK)
		result = write_events(writer, batch);
	if (result == SQLITE_OK)
		result = step_reset(writer->statements[SEGMENT_COMMIT]);
	error = sqlite_error(writer->db, result);
	if (error == 0)
		return 0;
	if (!sqlite3_get_autocommit(writer->db))
		sqlite3_exec(writer->db, "rollback", NULL, NULL, NULL);
	table_sweep(writer->signatures, &pos, SIZE_MAX, is_newer, &signature_last);
	writer->signature_last = signature_last;
	/* A filter may have gone with the transaction: until the next block begins none is written. */
	writer->words_whole = false;
	return error;
}

static int write_list(sqlite3_stmt *insert, int position, const struct sketches *all, const struct sketch *sketch,
	enum sketch_list list)
{
	uint32_t *tenants = NULL;
	uint8_t *blob = NULL;
	size_t size = 0;
	int error = 0;

	if (sketch->tenant == SKETCH_NATION && list != SKETCH_SRC)
		error = sketches_tenants(all, sketch, list, &tenants);
	if (error == 0)
		error = sketch_list_write(&sketch->top[list], tenants, &blob, &size);
	if (error == 0)
		sqlite3_bind_blob64(insert, position, blob, size, free);
	free(tenants);
	return error;
}

static int write_sketch(sqlite3_stmt *insert, const struct sketches *all, const struct sketch *sketch)
{
	static const int positions[SKETCH_LISTS] = { [SKETCH_SRC] = 4, [SKETCH_RULE] = 5, [SKETCH_PORT] = 6 };
	uint8_t blob[HLL_BLOB_MAX];
	int error = 0;

	sqlite3_bind_int64(insert, 1, sketch->tenant);
	sqlite3_bind_int64(insert, 2, sketch->hour);
	sqlite3_bind_blob64(insert, 3, blob, hll_write(&sketch->sources, blob), SQLITE_STATIC);
	for (unsigned int i = 0; i < SKETCH_LISTS && error == 0; i++)
		error = write_list(insert, positions[i], all, sketch, (enum sketch_list)i);
	return error != 0 ? error : sqlite_error(sqlite3_db_handle(insert), step_reset(insert));
}

/* Also the tenants of the segment: those that have a sketch, as they come. */
static int write_sketches(sqlite3 *db, const struct sketches *sketches, uint32_t **ret_tenants, size_t *ret_count)
{
	const struct sketch **sorted = NULL;
	sqlite3_stmt *insert = NULL;
	uint32_t *tenants;
	size_t count, tenant_count = 0;
	int error = sketches_sorted(sketches, &sorted, &count);

	if (error != 0)
		return error;
	tenants = calloc(count + 1, sizeof(*tenants));
	error = !tenants ? LUYTRE_E_NOMEM
			 : sqlite_error(db, sqlite3_prepare_v2(db,
						    "insert into sketch (tenant, hour, sources, src, rule, port)"
						    " values (?1, ?2, ?3, ?4, ?5, ?6)",
						    -1, &insert, NULL));
	for (size_t i = 0; i < count && error == 0; i++) {
		error = write_sketch(insert, sketches, sorted[i]);
		if (sorted[i]->tenant != SKETCH_NATION && (i == 0 || sorted[i]->tenant != sorted[i - 1]->tenant))
			tenants[tenant_count++] = (uint32_t)sorted[i]->tenant;
	}
	sqlite3_finalize(insert);
	free(sorted);
	*ret_tenants = tenants;
	*ret_count = tenant_count;
	return error;
}

static int write_hit(void *context, const struct ev_hit *hit)
{
	sqlite3_stmt *insert = context;

	sqlite3_bind_int64(insert, 1, (int64_t)hit->rule);
	sqlite3_bind_int64(insert, 2, hit->tenant);
	sqlite3_bind_int64(insert, 3, hit->action);
	sqlite3_bind_int64(insert, 4, hit->first_us);
	sqlite3_bind_int64(insert, 5, hit->last_us);
	sqlite3_bind_int64(insert, 6, (int64_t)hit->events);
	sqlite3_bind_int64(insert, 7, (int64_t)hit->sum);
	return sqlite_error(sqlite3_db_handle(insert), step_reset(insert));
}

/* Segments without this table are read as a whole when rules are asked for. */
static int write_hits(sqlite3 *db, const struct sketches *sketches)
{
	sqlite3_stmt *insert = NULL;
	int error = 0;

	if (!sketches_have_hits(sketches))
		return 0;
	error = run(db,
		"create table hit (rule integer, tenant integer, action integer, first integer not null, last integer"
		" not null, events integer not null, sum integer not null, primary key (rule, tenant, action))"
		" without rowid");
	if (error == 0)
		error = sqlite_error(db, sqlite3_prepare_v2(db, "insert into hit values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
						 -1, &insert, NULL));
	if (error == 0)
		error = sketches_hits(sketches, write_hit, insert);
	sqlite3_finalize(insert);
	return error;
}

static int write_seal(struct writer *writer, uint32_t **ret_tenants, size_t *ret_count)
{
	const struct segment *segment = writer->segment;
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = {
		{ "rows", (int64_t)segment->rows },
		{ "last", segment->last_us },
		{ "min", segment->min_us },
		{ "max", segment->max_us },
		{ "sealed", 1 },
	};
	int error = run(writer->db,
		"begin immediate; insert into hour select tenant, minute / 60, edge, class, sum(events), sum(sum)"
		" from minute group by 1, 2, 3, 4;"
		"insert into tenant_hour select tenant, hour, sum(events), sum(sum) from hour group by 1, 2;"
		"insert into nation select minute, class, sum(events), sum(sum) from minute group by 1, 2");

	if (error == 0)
		error = write_sketches(writer->db, segment->live, ret_tenants, ret_count);
	if (error == 0)
		error = write_hits(writer->db, segment->live);
	if (error == 0 && writer->words_whole && segment->rows > 0)
		error = sqlite_error(writer->db, write_words(writer));
	if (error == 0)
		error = meta_put(writer->db, "tenants", *ret_tenants, *ret_count * sizeof(**ret_tenants), 0);
	for (size_t i = 0; i < ARRAY_COUNT(numbers) && error == 0; i++)
		error = meta_put(writer->db, numbers[i].name, NULL, 0, numbers[i].value);
	return error == 0 ? run(writer->db, "commit") : error;
}

int segment_seal(struct writer *writer, uint32_t **ret_tenants, size_t *ret_count)
{
	uint32_t *tenants = NULL;
	size_t count = 0;
	int error = write_seal(writer, &tenants, &count);

	if (error != 0) {
		if (!sqlite3_get_autocommit(writer->db))
			sqlite3_exec(writer->db, "rollback", NULL, NULL, NULL);
		free(tenants);
		return error;
	}
	*ret_tenants = tenants;
	*ret_count = count;
	/* One file from now on, unless a reader has it open at this moment: then its log stays beside it, which does no harm. */
	sqlite3_exec(writer->db, "pragma wal_checkpoint(truncate); pragma journal_mode=delete", NULL, NULL, NULL);
	return 0;
}
