// SPDX-License-Identifier: Apache-2.0
/* The control database in one SQLite file. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "hub/store/driver.h"

enum { BUSY_MS = 5000 };

struct sqlite {
	struct db db;
	sqlite3 *handle;
	struct db_cache cache;
};

static struct sqlite *sqlite_of(struct db *db)
{
	return (struct sqlite *)(void *)db;
}

static const struct {
	int code; /* extended first, then primary */
	int error;
} codes[] = {
	{ SQLITE_CONSTRAINT_UNIQUE, LUYTRE_E_EXISTS },
	{ SQLITE_CONSTRAINT_PRIMARYKEY, LUYTRE_E_EXISTS },
	{ SQLITE_CONSTRAINT_ROWID, LUYTRE_E_EXISTS },
	{ SQLITE_CONSTRAINT, LUYTRE_E_CONFLICT },
	{ SQLITE_BUSY, LUYTRE_E_BUSY },
	{ SQLITE_LOCKED, LUYTRE_E_BUSY },
	{ SQLITE_FULL, LUYTRE_E_FULL },
	{ SQLITE_NOMEM, LUYTRE_E_NOMEM },
	{ SQLITE_CORRUPT, LUYTRE_E_CORRUPT },
	{ SQLITE_NOTADB, LUYTRE_E_CORRUPT },
	{ SQLITE_IOERR, LUYTRE_E_IO },
	{ SQLITE_CANTOPEN, LUYTRE_E_IO },
	{ SQLITE_READONLY, LUYTRE_E_IO },
	{ SQLITE_PERM, LUYTRE_E_IO },
	{ SQLITE_AUTH, LUYTRE_E_IO },
	{ SQLITE_TOOBIG, LUYTRE_E_RANGE },
};

static int error_of(struct sqlite *sqlite)
{
	int code = sqlite3_extended_errcode(sqlite->handle);

	snprintf(sqlite->db.why, sizeof(sqlite->db.why), "%s", sqlite3_errmsg(sqlite->handle));
	for (size_t i = 0; i < ARRAY_COUNT(codes); i++)
		if (codes[i].code == code)
			return codes[i].error;
	for (size_t i = 0; i < ARRAY_COUNT(codes); i++)
		if (codes[i].code == (code & 0xff))
			return codes[i].error;
	return LUYTRE_E_INVALID;
}

static void drop(void *statement, void *context)
{
	sqlite3_finalize(statement);
}

static void sqlite_close(struct db *db)
{
	struct sqlite *sqlite = sqlite_of(db);

	db_cache_clear(&sqlite->cache, drop, NULL);
	sqlite3_close(sqlite->handle);
	free(sqlite);
}

static int sqlite_script(struct db *db, const char *sql)
{
	struct sqlite *sqlite = sqlite_of(db);

	return sqlite3_exec(sqlite->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : error_of(sqlite);
}

/* The file is made here, because SQLite would let the umask decide who may read it. One that is there is not even opened: closing it
 * would drop the locks that other handles of this process have on it (fcntl(2)), and another process that closes the database would then
 * take itself for the last one and remove the log that this process goes on writing to. */
static int file_make(const char *path, char why[DB_WHY_SIZE])
{
	int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (file < 0 && errno == EEXIST)
		return 0;
	if (file < 0) {
		snprintf(why, DB_WHY_SIZE, "%s: %m", path);
		return LUYTRE_E_IO;
	}
	close(file);
	return 0;
}

static int sqlite_open(const char *place, struct db **ret, char why[DB_WHY_SIZE])
{
	struct sqlite *sqlite = calloc(1, sizeof(*sqlite));
	int error = strcmp(place, ":memory:") == 0 ? 0 : file_make(place, why);

	if (!sqlite || error) {
		free(sqlite);
		return error ? error : LUYTRE_E_NOMEM;
	}
	sqlite->db.driver = &db_driver_sqlite;
	if (sqlite3_open_v2(place, &sqlite->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
		    NULL) != SQLITE_OK)
		error = sqlite->handle ? error_of(sqlite) : LUYTRE_E_NOMEM;
	if (!error) {
		sqlite3_busy_timeout(sqlite->handle, BUSY_MS);
		sqlite3_db_config(sqlite->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		sqlite3_db_config(sqlite->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
		sqlite3_db_config(sqlite->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
		error = sqlite_script(&sqlite->db,
			"pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;"
			"pragma trusted_schema = off");
	}
	if (error) {
		snprintf(why, DB_WHY_SIZE, "%.200s: %.300s", place, sqlite->db.why);
		sqlite_close(&sqlite->db);
		return error;
	}
	*ret = &sqlite->db;
	return 0;
}

static int prepare(struct sqlite *sqlite, const char *sql, struct db_prepared **ret)
{
	struct db_prepared *place = db_cache_find(&sqlite->cache, sql);
	sqlite3_stmt *statement;
	const char *rest;

	if (place && place->busy) {
		snprintf(sqlite->db.why, sizeof(sqlite->db.why), "the statement is being read");
		return LUYTRE_E_INVALID;
	}
	if (place) {
		*ret = place;
		return 0;
	}
	if (sqlite3_prepare_v3(sqlite->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, &rest) != SQLITE_OK)
		return error_of(sqlite);
	if (!statement || *rest) {
		snprintf(sqlite->db.why, sizeof(sqlite->db.why), "not one statement");
		sqlite3_finalize(statement);
		return LUYTRE_E_INVALID;
	}
	place = db_cache_add(&sqlite->cache, sql, drop, NULL);
	if (!place) {
		sqlite3_finalize(statement);
		return LUYTRE_E_NOMEM;
	}
	place->statement = statement;
	*ret = place;
	return 0;
}

/* The bytes are the caller's and live until the statement is reset. */
static int bind(sqlite3_stmt *statement, int position, const struct db_value *value)
{
	const void *ptr = value->bytes.ptr ? (const void *)value->bytes.ptr : "";

	switch (value->type) {
	case DB_INTEGER:
		return sqlite3_bind_int64(statement, position, value->integer);
	case DB_REAL:
		return sqlite3_bind_double(statement, position, value->real);
	case DB_TEXT:
		return sqlite3_bind_text64(statement, position, ptr, value->bytes.size, SQLITE_STATIC, SQLITE_UTF8);
	case DB_BLOB:
		return sqlite3_bind_blob64(statement, position, ptr, value->bytes.size, SQLITE_STATIC);
	case DB_NULL:
		break;
	}
	return sqlite3_bind_null(statement, position);
}

static struct db_value column(sqlite3_stmt *statement, int position)
{
	const void *ptr;

	switch (sqlite3_column_type(statement, position)) {
	case SQLITE_INTEGER:
		return db_i64(sqlite3_column_int64(statement, position));
	case SQLITE_FLOAT:
		return db_real(sqlite3_column_double(statement, position));
	case SQLITE_TEXT:
		ptr = sqlite3_column_text(statement, position);
		return db_text(bytes_of(ptr, (size_t)sqlite3_column_bytes(statement, position)));
	case SQLITE_BLOB:
		ptr = sqlite3_column_blob(statement, position);
		return db_blob(bytes_of(ptr, (size_t)sqlite3_column_bytes(statement, position)));
	default:
		return db_null();
	}
}

static int rows_read(struct sqlite *sqlite, sqlite3_stmt *statement, struct db_rows *rows)
{
	struct db_value columns[DB_COLUMNS_MAX];
	int count = sqlite3_column_count(statement);

	if (count > DB_COLUMNS_MAX) {
		snprintf(sqlite->db.why, sizeof(sqlite->db.why), "more than %d columns", DB_COLUMNS_MAX);
		return LUYTRE_E_INVALID;
	}
	for (;;) {
		int code = sqlite3_step(statement);

		if (code == SQLITE_DONE)
			return 0;
		if (code != SQLITE_ROW)
			return error_of(sqlite);
		for (int i = 0; i < count; i++)
			columns[i] = column(statement, i);
		if (!db_rows_give(rows, columns, (size_t)count))
			return 0;
	}
}

static int sqlite_execute(
	struct db *db, const char *sql, struct db_args args, struct db_rows *rows, uint64_t *ret_changes)
{
	struct sqlite *sqlite = sqlite_of(db);
	struct db_prepared *place = NULL;
	sqlite3_stmt *statement;
	int error = prepare(sqlite, sql, &place);

	if (error || !place)
		return error;
	statement = place->statement;
	if ((int)args.count != sqlite3_bind_parameter_count(statement)) {
		snprintf(db->why, sizeof(db->why), "%zu parameters were given, %d are wanted", args.count,
			sqlite3_bind_parameter_count(statement));
		return LUYTRE_E_INVALID;
	}
	for (size_t i = 0; i < args.count && !error; i++)
		if (bind(statement, (int)i + 1, &args.values[i]) != SQLITE_OK)
			error = error_of(sqlite);
	place->busy = true;
	if (!error)
		error = rows_read(sqlite, statement, rows);
	if (!error && !sqlite3_stmt_readonly(statement))
		*ret_changes = (uint64_t)sqlite3_changes64(sqlite->handle);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	place->busy = false;
	return error;
}

static int sqlite_begin(struct db *db)
{
	return sqlite_script(db, "begin immediate");
}

static void sqlite_rollback(struct db *db)
{
	struct sqlite *sqlite = sqlite_of(db);

	if (!sqlite3_get_autocommit(sqlite->handle))
		sqlite3_exec(sqlite->handle, "rollback", NULL, NULL, NULL);
}

static int sqlite_commit(struct db *db)
{
	int error = sqlite_script(db, "commit");

	if (error)
		sqlite_rollback(db);
	return error;
}

const struct db_driver db_driver_sqlite = {
	.open = sqlite_open,
	.close = sqlite_close,
	.execute = sqlite_execute,
	.script = sqlite_script,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
};
