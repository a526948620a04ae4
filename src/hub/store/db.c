// SPDX-License-Identifier: Apache-2.0
/* What both drivers share: the meaning of a transaction, sequences, migrations, the cache of statements. */
#include "hub/store/db.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "hub/store/driver.h"

/* Made when a database is opened. The row of db_writer is what PostgreSQL's transactions stand in line for. */
static const char schema[] = "create table if not exists db_migration (part text not null, number integer not null, "
			     "primary key (part, number));"
			     "create table if not exists db_sequence (name text primary key, value integer not null);"
			     "create table if not exists db_writer (one integer primary key);";

static const struct {
	const char *prefix;
	const struct db_driver *driver;
} drivers[] = {
	{ "sqlite:", &db_driver_sqlite },
	{ "postgres:", &db_driver_postgres },
};

int db_open(const char *place, struct db **ret, char why[DB_WHY_SIZE])
{
	why[0] = '\0';
	for (size_t i = 0; i < ARRAY_COUNT(drivers); i++) {
		size_t size = strlen(drivers[i].prefix);
		struct db *db;
		int error;

		if (strncmp(place, drivers[i].prefix, size) != 0)
			continue;
		error = drivers[i].driver->open(place + size, &db, why);
		if (error)
			return error;
		error = db->driver->script(db, schema);
		if (error) {
			snprintf(why, DB_WHY_SIZE, "%s", db->why);
			db_close(db);
			return error;
		}
		*ret = db;
		return 0;
	}
	snprintf(why, DB_WHY_SIZE, "a database is \"sqlite:PATH\" or \"postgres:CONNINFO\"");
	return LUYTRE_E_INVALID;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	db_rollback(db);
	db->driver->close(db);
}

/* RFC 3629, section 4; NUL is refused too. PostgreSQL would refuse both, SQLite would not. */
static bool text_valid(struct bytes text)
{
	const uint8_t *p = text.ptr;
	size_t left = text.size;

	while (left > 0) {
		size_t more = *p < 0x80 ? 0 : *p >= 0xc2 && *p < 0xe0 ? 1 : *p >= 0xe0 && *p < 0xf0 ? 2 : 3;

		if (*p == 0 || (*p >= 0x80 && *p < 0xc2) || *p > 0xf4 || left <= more)
			return false;
		for (size_t i = 1; i <= more; i++)
			if ((p[i] & 0xc0) != 0x80)
				return false;
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf0 && p[1] < 0x90) ||
			(p[0] == 0xf4 && p[1] >= 0x90))
			return false;
		p += more + 1;
		left -= more + 1;
	}
	return true;
}

static int execute(struct db *db, const char *sql, struct db_args args, struct db_rows *rows, uint64_t *ret_changes)
{
	uint64_t changes = 0;
	int error = 0;

	if (db->failed)
		return db->failed;
	for (size_t i = 0; i < args.count && !error; i++)
		if (args.values[i].type == DB_TEXT && !text_valid(args.values[i].bytes)) {
			snprintf(db->why, sizeof(db->why), "parameter %zu is not UTF-8 without NUL", i + 1);
			error = LUYTRE_E_INVALID;
		}
	if (!error)
		error = db->driver->execute(db, sql, args, rows, &changes);
	if (error && db->in_transaction)
		db->failed = error;
	if (!error && ret_changes)
		*ret_changes = changes;
	return error;
}

int db_run(struct db *db, const char *sql, struct db_args args, uint64_t *ret_changes)
{
	return execute(db, sql, args, NULL, ret_changes);
}

int db_each(struct db *db, const char *sql, struct db_args args, db_row_fn fn, void *context)
{
	struct db_rows rows = { .fn = fn, .context = context };
	int error = execute(db, sql, args, &rows, NULL);

	return error ? error : rows.stopped;
}

struct integer {
	int64_t value;
	bool found;
};

static int row_integer(void *context, const struct db_value *columns, size_t column_count)
{
	struct integer *found = context;

	if (column_count == 0 || (columns[0].type != DB_INTEGER && columns[0].type != DB_NULL))
		return LUYTRE_E_INVALID;
	*found = (struct integer){ .value = columns[0].integer, .found = columns[0].type == DB_INTEGER };
	return 1;
}

int db_integer(struct db *db, const char *sql, struct db_args args, int64_t *ret)
{
	struct integer found = { 0 };
	int error = db_each(db, sql, args, row_integer, &found);

	if (error < 0)
		return error;
	if (!found.found)
		return LUYTRE_E_NOT_FOUND;
	*ret = found.value;
	return 0;
}

int db_next_id(struct db *db, const char *sequence, int64_t *ret)
{
	return db_integer(db,
		"insert into db_sequence (name, value) values (?1, 1) on conflict (name) do update"
		" set value = db_sequence.value + 1 returning value",
		DB_ARGS(db_str(sequence)), ret);
}

int db_begin(struct db *db)
{
	int error;

	if (db->in_transaction) {
		snprintf(db->why, sizeof(db->why), "there is a transaction already");
		return LUYTRE_E_INVALID;
	}
	error = db->driver->begin(db);
	if (!error)
		db->in_transaction = true;
	return error;
}

int db_commit(struct db *db)
{
	int error = db->failed;

	if (!db->in_transaction) {
		snprintf(db->why, sizeof(db->why), "there is no transaction");
		return LUYTRE_E_INVALID;
	}
	if (error) {
		db_rollback(db);
		return error;
	}
	db->in_transaction = false;
	return db->driver->commit(db);
}

void db_rollback(struct db *db)
{
	if (!db->in_transaction)
		return;
	db->in_transaction = false;
	db->failed = 0;
	db->driver->rollback(db);
}

void db_copy_text(const struct db_value *column, char *text, size_t text_size)
{
	size_t size = column->bytes.size < text_size ? column->bytes.size : text_size - 1;

	if (size > 0)
		memcpy(text, column->bytes.ptr, size);
	text[size] = '\0';
}

int db_atomically(struct db *db, db_work_fn work, void *context)
{
	bool own = !db->in_transaction;
	int error = own ? db_begin(db) : 0;

	if (!error)
		error = work(context);
	if (own && !error)
		error = db_commit(db);
	else if (own)
		db_rollback(db);
	return error;
}

bool db_in_transaction(const struct db *db)
{
	return db->in_transaction;
}

const char *db_why(const struct db *db)
{
	return db->why;
}

bool db_is_postgres(const struct db *db)
{
	return db->driver == &db_driver_postgres;
}

/* Another process may have been first; the transaction makes what it did visible here. */
static int migrate_one(struct db *db, const char *part, const struct db_migration *migration, int64_t number)
{
	int64_t known;
	int error = db_begin(db);

	if (error)
		return error;
	error = db_integer(db, "select number from db_migration where part = ?1 and number = ?2",
		DB_ARGS(db_str(part), db_i64(number)), &known);
	if (error == LUYTRE_E_NOT_FOUND) {
		error = db->driver->script(db, migration->sql);
		if (!error)
			error = db_run(db, "insert into db_migration (part, number) values (?1, ?2)",
				DB_ARGS(db_str(part), db_i64(number)), NULL);
	}
	if (!error)
		return db_commit(db);
	db_rollback(db);
	return error;
}

int db_migrate(struct db *db, const char *part, const struct db_migration *migrations, size_t count)
{
	int64_t newest = 0;
	int error =
		db_integer(db, "select max(number) from db_migration where part = ?1", DB_ARGS(db_str(part)), &newest);

	if (error && error != LUYTRE_E_NOT_FOUND)
		return error;
	if (newest > (int64_t)count) {
		snprintf(db->why, sizeof(db->why), "the tables of \"%s\" are of a newer version of the program", part);
		return LUYTRE_E_VERSION;
	}
	for (size_t i = (size_t)newest; i < count; i++) {
		error = migrate_one(db, part, &migrations[i], (int64_t)i + 1);
		if (error)
			return error;
	}
	return 0;
}

/* FNV-1a: the texts are the program's own, nobody outside chooses them. */
static uint64_t hash_of(const char *key)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *key; key++)
		hash = (hash ^ (uint8_t)*key) * UINT64_C(0x100000001b3);
	return hash;
}

struct db_prepared *db_cache_find(struct db_cache *cache, const char *key)
{
	uint64_t hash = hash_of(key);

	for (size_t i = 0; i < DB_PREPARED_MAX; i++) {
		struct db_prepared *place = &cache->places[i];

		if (place->key && place->hash == hash && strcmp(place->key, key) == 0) {
			place->used = ++cache->clock;
			return place;
		}
	}
	return NULL;
}

struct db_prepared *db_cache_add(
	struct db_cache *cache, const char *key, void (*drop)(void *statement, void *context), void *context)
{
	struct db_prepared *chosen = NULL;
	char *copy = strdup(key);

	for (size_t i = 0; i < DB_PREPARED_MAX; i++) {
		struct db_prepared *place = &cache->places[i];

		if (!place->busy && (!chosen || place->used < chosen->used))
			chosen = place; /* a free one was never used, or its time was set back */
	}
	if (!copy || !chosen) {
		free(copy);
		return NULL;
	}
	if (chosen->key) {
		drop(chosen->statement, context);
		free(chosen->key);
	}
	*chosen = (struct db_prepared){ .key = copy, .hash = hash_of(key), .used = ++cache->clock };
	return chosen;
}

void db_cache_clear(struct db_cache *cache, void (*drop)(void *statement, void *context), void *context)
{
	for (size_t i = 0; i < DB_PREPARED_MAX; i++) {
		struct db_prepared *place = &cache->places[i];

		if (place->key)
			drop(place->statement, context);
		free(place->key);
		*place = (struct db_prepared){ 0 };
	}
}
