// SPDX-License-Identifier: Apache-2.0
/* What a driver of the control database is made of. For db.c, db-sqlite.c and db-postgres.c alone.
 *
 * A driver keeps its state in a struct that begins with struct db. Its functions return 0 or a code of base/error.h and
 * leave a sentence in db->why. What both share, above all what a transaction means after an error, is in db.c. */
#pragma once

#include "hub/store/db.h"

struct db_rows;

struct db_driver {
	/* 'place' is without the driver's name. */
	int (*open)(const char *place, struct db **ret, char why[DB_WHY_SIZE]);
	void (*close)(struct db *db);
	/* One statement. 'rows' may be null. */
	int (*execute)(
		struct db *db, const char *sql, struct db_args args, struct db_rows *rows, uint64_t *ret_changes);
	/* Several statements without parameters. */
	int (*script)(struct db *db, const char *sql);
	int (*begin)(struct db *db);
	int (*commit)(struct db *db); /* ends the transaction in any case */
	void (*rollback)(struct db *db);
};

extern const struct db_driver db_driver_sqlite, db_driver_postgres;

/* Where rows go; 'stopped' is what the row function said to stop. */
struct db_rows {
	db_row_fn fn;
	void *context;
	int stopped;
};

/* True to go on. */
static inline bool db_rows_give(struct db_rows *rows, const struct db_value *columns, size_t count)
{
	if (rows && rows->stopped == 0)
		rows->stopped = rows->fn(rows->context, columns, count);
	return !rows || rows->stopped == 0;
}

/* Prepared statements by their text: at most DB_PREPARED_MAX, the one unused for longest goes first. */
enum { DB_PREPARED_MAX = 128 };

struct db_prepared {
	char *key; /* owned; null: a free place */
	uint64_t hash, used;
	void *statement; /* the driver's */
	bool busy; /* its rows are being read */
};

struct db_cache {
	struct db_prepared places[DB_PREPARED_MAX];
	uint64_t clock;
};

/* The place of this text, or null. */
struct db_prepared *db_cache_find(struct db_cache *cache, const char *key);
/* A place for a new text: free, or that of the oldest, whose statement goes to 'drop' first. Null without memory. */
struct db_prepared *db_cache_add(
	struct db_cache *cache, const char *key, void (*drop)(void *statement, void *context), void *context);
void db_cache_clear(struct db_cache *cache, void (*drop)(void *statement, void *context), void *context);

struct db {
	const struct db_driver *driver;
	bool in_transaction;
	int failed; /* the error that made the transaction fail */
	char why[DB_WHY_SIZE];
};
