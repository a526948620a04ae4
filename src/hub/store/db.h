// SPDX-License-Identifier: Apache-2.0
/* Control data (tenants, users, decisions, policies, audit) in a SQL database: SQLite, or PostgreSQL when one
 * machine is outgrown. One interface, two drivers, one conformance test.
 *
 * Statements are written once, in what both understand: parameters ?1, ?2, ... ; types integer (64 bits), real (a
 * double), text, blob; `insert ... on conflict`, `returning`, `with recursive`; no dates (microseconds as
 * integers), no autoincrement but db_next_id. They are prepared once and kept. A parameter is never put into the
 * text of a statement. For PostgreSQL the words integer, real and blob become bigint, double precision and bytea
 * wherever they stand outside of quotes, so no table or column has such a name; and a parameter that may be NULL
 * must have a type from its place ("?1 is null" has none). A text is UTF-8 without NUL, or the statement is
 * refused.
 *
 *	db_run(db, "insert into tenant (id, name) values (?1, ?2)", DB_ARGS(db_i64(id), db_str(name)), NULL);
 *	db_each(db, "select id, name from tenant where parent = ?1", DB_ARGS(db_i64(parent)), row, context);
 *
 * A handle belongs to one thread. SQLite: WAL, full sync, foreign keys, a busy time of five seconds. PostgreSQL: a
 * result is held in memory whole, so what may be long is asked for in pages; a lost connection is made again by the
 * next statement outside of a transaction. Values of a row live until the row function returns.
 *
 * A transaction that saw an error has failed, in both: what follows is refused with the same error, and db_commit
 * rolls back and returns it. Writers stand in line: between db_begin and its end no other handle is in a
 * transaction, so what was asked inside is still true when it ends. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum { DB_WHY_SIZE = 512, DB_COLUMNS_MAX = 64 };

enum db_type { DB_NULL, DB_INTEGER, DB_REAL, DB_TEXT, DB_BLOB };

struct db_value {
	enum db_type type;
	int64_t integer;
	double real;
	struct bytes bytes; /* text (UTF-8, a NUL behind it in rows) or blob; borrowed */
};

struct db_args {
	const struct db_value *values;
	size_t count;
};

#define DB_NO_ARGS ((struct db_args){ 0 })
#define DB_ARGS(...)                                                                                                   \
	((struct db_args){ (const struct db_value[]){ __VA_ARGS__ },                                                   \
		sizeof((const struct db_value[]){ __VA_ARGS__ }) / sizeof(struct db_value) })

static inline struct db_value db_null(void)
{
	return (struct db_value){ .type = DB_NULL };
}
static inline struct db_value db_i64(int64_t value)
{
	return (struct db_value){ .type = DB_INTEGER, .integer = value };
}
static inline struct db_value db_real(double value)
{
	return (struct db_value){ .type = DB_REAL, .real = value };
}
static inline struct db_value db_text(struct bytes text)
{
	return (struct db_value){ .type = DB_TEXT, .bytes = text };
}
/* Null becomes NULL. */
static inline struct db_value db_str(const char *text)
{
	return text ? db_text(bytes_from_str(text)) : db_null();
}
static inline struct db_value db_blob(struct bytes bytes)
{
	return (struct db_value){ .type = DB_BLOB, .bytes = bytes };
}

/* A column as a string, cut to fit. */
void db_copy_text(const struct db_value *column, char *text, size_t text_size);

struct db;

/* Not 0 stops, and is what db_each returns. */
typedef int (*db_row_fn)(void *context, const struct db_value *columns, size_t column_count);

/* 'place': "sqlite:PATH" (made when missing, mode 0600), "sqlite::memory:", or "postgres:CONNINFO". 0 or an error
 * with a sentence in 'why'. */
MUST_CHECK int db_open(const char *place, struct db **ret, char why[DB_WHY_SIZE]);
void db_close(struct db *db); /* accepts null; rolls back */

/* One statement without rows. '*ret_changes' (may be null): rows that were changed. LUYTRE_E_EXISTS for a unique key,
 * LUYTRE_E_CONFLICT for a foreign key or check, LUYTRE_E_BUSY (locked, serialisation: do it again), LUYTRE_E_FULL,
 * LUYTRE_E_IO, LUYTRE_E_INVALID (the statement). db_why tells more. */
MUST_CHECK int db_run(struct db *db, const char *sql, struct db_args args, uint64_t *ret_changes);
/* Rows of a select, or of `returning`. No statement of the same text inside the row function. */
MUST_CHECK int db_each(struct db *db, const char *sql, struct db_args args, db_row_fn fn, void *context);
/* The first column of the first row, which must be an integer. LUYTRE_E_NOT_FOUND without a row or with NULL, which
 * does not fail a transaction. */
MUST_CHECK int db_integer(struct db *db, const char *sql, struct db_args args, int64_t *ret);
/* The next number of a named sequence, from 1; inside a transaction it is given back by a rollback. */
MUST_CHECK int db_next_id(struct db *db, const char *sequence, int64_t *ret);

/* Waits up to five seconds for its turn, then LUYTRE_E_BUSY. No nesting: LUYTRE_E_INVALID. Single statements outside of
 * transactions do not wait; PostgreSQL may answer LUYTRE_E_BUSY to a transaction that met one. */
MUST_CHECK int db_begin(struct db *db);
/* After LUYTRE_E_IO nobody knows whether it was stored. */
MUST_CHECK int db_commit(struct db *db);
void db_rollback(struct db *db); /* does nothing without a transaction */
/* Does the work in the transaction that there is, which its caller ends, or in one of its own: stored as a whole or not at all. */
typedef int (*db_work_fn)(void *context);
MUST_CHECK int db_atomically(struct db *db, db_work_fn work, void *context);
bool db_in_transaction(const struct db *db);

/* What went wrong last, from the database; for logs. */
const char *db_why(const struct db *db);
bool db_is_postgres(const struct db *db);

/* Schema changes of a part ("auth", "tenants", ...), in order; each is applied once, in a transaction, and
 * recorded. The text may hold several statements. LUYTRE_E_VERSION when the database is newer than the program. */
struct db_migration {
	const char *sql;
};
MUST_CHECK int db_migrate(struct db *db, const char *part, const struct db_migration *migrations, size_t count);
