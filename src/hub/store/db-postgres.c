// SPDX-License-Identifier: Apache-2.0
/* The control database in PostgreSQL 15 or newer, through libpq (its documentation, chapter 34).
 *
 * Parameters and results travel in binary. A transaction is serialisable and first locks a table, which takes no
 * snapshot: so transactions stand in line as they do with SQLite, and serialisation failures are rare. */
#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "hub/store/driver.h"
#include "hub/store/leader.h"

enum { PARAMETERS_MAX = 64, SQL_MAX = 64 << 10 };

/* Numbers of types, from src/include/catalog/pg_type.dat; they never change. */
enum {
	TYPE_BOOL = 16,
	TYPE_BYTEA = 17,
	TYPE_INT8 = 20,
	TYPE_INT2 = 21,
	TYPE_INT4 = 23,
	TYPE_TEXT = 25,
	TYPE_FLOAT4 = 700,
	TYPE_FLOAT8 = 701,
	TYPE_NUMERIC = 1700,
};

struct postgres {
	struct db db;
	PGconn *connection;
	bool ready; /* the connection is configured */
	struct db_cache cache;
	uint64_t statement_count;
};

static struct postgres *postgres_of(struct db *db)
{
	return (struct postgres *)(void *)db;
}

/* By SQLSTATE (appendix A), longest first. */
static const struct {
	const char *state;
	int error;
} states[] = {
	{ "23505", LUYTRE_E_EXISTS },
	{ "40001", LUYTRE_E_BUSY },
	{ "40P01", LUYTRE_E_BUSY },
	{ "55P03", LUYTRE_E_BUSY },
	{ "53100", LUYTRE_E_FULL },
	{ "53200", LUYTRE_E_NOMEM },
	{ "22003", LUYTRE_E_RANGE },
	{ "XX001", LUYTRE_E_CORRUPT },
	{ "XX002", LUYTRE_E_CORRUPT },
	{ "23", LUYTRE_E_CONFLICT },
	{ "40", LUYTRE_E_BUSY },
	{ "53", LUYTRE_E_BUSY },
	{ "08", LUYTRE_E_IO },
	{ "25", LUYTRE_E_IO }, /* read-only (a standby), in a transaction that is lost */
	{ "57", LUYTRE_E_IO },
	{ "58", LUYTRE_E_IO },
};

static int error_of(struct postgres *postgres, const PGresult *result)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

	snprintf(postgres->db.why, sizeof(postgres->db.why), "%s", text ? text : PQerrorMessage(postgres->connection));
	if (!state || PQstatus(postgres->connection) == CONNECTION_BAD)
		return LUYTRE_E_IO;
	if (strcmp(state, "25006") == 0)
		postgres->ready =
			false; /* a server that only reads: connected anew, for another one may write by now */
	for (size_t i = 0; i < ARRAY_COUNT(states); i++)
		if (strncmp(states[i].state, state, strlen(states[i].state)) == 0)
			return states[i].error;
	return LUYTRE_E_INVALID;
}

/* Takes the result. */
static int finish(struct postgres *postgres, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	int error = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : error_of(postgres, result);

	PQclear(result);
	return error;
}

struct writer {
	char *text;
	size_t size, room;
};

static void put(struct writer *out, const char *text, size_t size)
{
	if (out->size + size < out->room)
		memcpy(out->text + out->size, text, size);
	out->size += size;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The size of what is copied as it is: a quoted text or name, or a comment. 0 when none begins here. */
static size_t verbatim(const char *sql)
{
	const char *end;

	if (sql[0] == '-' && sql[1] == '-')
		return strcspn(sql, "\n");
	if (sql[0] != '\'' && sql[0] != '"')
		return 0;
	end = strchr(sql + 1, sql[0]);
	return end ? (size_t)(end - sql) + 1 : strlen(sql);
}

static void put_word(struct writer *out, const char *word, size_t size)
{
	static const struct {
		const char *ours, *theirs;
	} types[] = { { "integer", "bigint" }, { "real", "double precision" }, { "blob", "bytea" } };

	for (size_t i = 0; i < ARRAY_COUNT(types); i++)
		if (bytes_equal_str(bytes_of(word, size), types[i].ours)) {
			put(out, types[i].theirs, strlen(types[i].theirs));
			return;
		}
	put(out, word, size);
}

/* Into PostgreSQL's words; to be freed. Null without memory or when it is too long. */
static char *translate(const char *sql)
{
	struct writer out = { .room = 2 * strlen(sql) + 1 };

	out.text = out.room < SQL_MAX ? malloc(out.room) : NULL;
	if (!out.text)
		return NULL;
	while (*sql) {
		size_t size = verbatim(sql);

		if (size > 0) {
			put(&out, sql, size);
		} else if (is_word(*sql)) {
			while (is_word(sql[size]))
				size++;
			put_word(&out, sql, size);
		} else {
			size = 1;
			put(&out, *sql == '?' ? "$" : sql, 1);
		}
		sql += size;
	}
	out.text[out.size] = '\0';
	return out.text;
}

static void drop(void *statement, void *context)
{
	struct postgres *postgres = context;
	char command[64];

	snprintf(command, sizeof(command), "deallocate %s", (const char *)statement);
	PQclear(PQexec(postgres->connection, command));
	free(statement);
}

/* The connection that knew the statements is gone. */
static void forget(void *statement, void *context)
{
	free(statement);
}

static void postgres_close(struct db *db)
{
	struct postgres *postgres = postgres_of(db);

	db_cache_clear(&postgres->cache, forget, NULL);
	PQfinish(postgres->connection);
	free(postgres);
}

/* A hub among several that leads no longer writes nothing (leader.h). */
static int check_leader(struct postgres *postgres)
{
	const char *name = PQparameterStatus(postgres->connection, "application_name");
	PGresult *result;
	int error = 0;

	if (!name || strncmp(name, LEADER_NAME_PREFIX, strlen(LEADER_NAME_PREFIX)) != 0)
		return 0;
	result = PQexec(
		postgres->connection, "select 1 from hub_leader where name = current_setting('application_name')");
	if (PQresultStatus(result) != PGRES_TUPLES_OK) {
		error = error_of(postgres, result);
	} else if (PQntuples(result) != 1) {
		snprintf(postgres->db.why, sizeof(postgres->db.why), "another hub leads");
		error = LUYTRE_E_IO;
	}
	PQclear(result);
	return error;
}

static int configure(struct postgres *postgres)
{
	int error = check_leader(postgres);

	if (!error)
		error = finish(postgres, PQexec(postgres->connection,
						 "set lock_timeout = '5s'; set client_min_messages = error;"
						 "set client_encoding = 'UTF8'; set standard_conforming_strings = on;"
						 "set idle_in_transaction_session_timeout = '60s'"));
	postgres->ready = !error;
	return error;
}

static int postgres_open(const char *place, struct db **ret, char why[DB_WHY_SIZE])
{
	/* A server that is silent is not waited for without end; what the place says itself is later, and counts. */
	const char *const keywords[] = { "connect_timeout", "tcp_user_timeout", "dbname", NULL };
	const char *const values[] = { "3", "5000", place, NULL };
	struct postgres *postgres = calloc(1, sizeof(*postgres));
	int error;

	if (!postgres)
		return LUYTRE_E_NOMEM;
	postgres->db.driver = &db_driver_postgres;
	postgres->connection = PQconnectdbParams(keywords, values, 1);
	error = PQstatus(postgres->connection) == CONNECTION_OK ? configure(postgres) : error_of(postgres, NULL);
	if (error) {
		snprintf(why, DB_WHY_SIZE, "%s", postgres->db.why);
		postgres_close(&postgres->db);
		return error;
	}
	*ret = &postgres->db;
	return 0;
}

/* A lost connection is made again, but not inside of a transaction, which is lost with it. */
static int connected(struct postgres *postgres)
{
	if (PQstatus(postgres->connection) == CONNECTION_OK && postgres->ready)
		return 0;
	if (postgres->db.in_transaction)
		return error_of(postgres, NULL);
	db_cache_clear(&postgres->cache, forget, NULL);
	postgres->ready = false;
	PQreset(postgres->connection);
	return PQstatus(postgres->connection) == CONNECTION_OK ? configure(postgres) : error_of(postgres, NULL);
}

/* Scripts that make tables stand in line: two processes may start at once. */
static int postgres_script(struct db *db, const char *sql)
{
	struct postgres *postgres = postgres_of(db);
	char *text = translate(sql);
	int error = text ? connected(postgres) : LUYTRE_E_NOMEM;

	if (!error && !db->in_transaction)
		error = finish(postgres, PQexec(postgres->connection, "begin; select pg_advisory_xact_lock(7811305)"));
	if (!error)
		error = finish(postgres, PQexec(postgres->connection, text));
	free(text);
	if (db->in_transaction)
		return error;
	if (error) {
		PQclear(PQexec(postgres->connection, "rollback"));
		return error;
	}
	return finish(postgres, PQexec(postgres->connection, "commit"));
}

struct parameters {
	Oid types[PARAMETERS_MAX];
	const char *values[PARAMETERS_MAX];
	int sizes[PARAMETERS_MAX], formats[PARAMETERS_MAX];
	uint64_t numbers[PARAMETERS_MAX]; /* in network order */
	int count;
};

static void parameter(struct parameters *all, size_t i, const struct db_value *value)
{
	uint64_t number = (uint64_t)value->integer;

	all->formats[i] = 1;
	switch (value->type) {
	case DB_NULL:
		return;
	case DB_INTEGER:
	case DB_REAL:
		if (value->type == DB_REAL)
			memcpy(&number, &value->real, sizeof(number));
		all->numbers[i] = htobe64(number);
		all->values[i] = (const char *)&all->numbers[i];
		all->sizes[i] = sizeof(number);
		all->types[i] = value->type == DB_REAL ? TYPE_FLOAT8 : TYPE_INT8;
		return;
	case DB_TEXT:
	case DB_BLOB:
		all->values[i] = value->bytes.ptr ? (const char *)value->bytes.ptr : "";
		all->sizes[i] = (int)value->bytes.size;
		all->types[i] = value->type == DB_TEXT ? TYPE_TEXT : TYPE_BYTEA;
		return;
	}
}

static int parameters_fill(struct postgres *postgres, struct db_args args, struct parameters *ret)
{
	if (args.count > PARAMETERS_MAX) {
		snprintf(postgres->db.why, sizeof(postgres->db.why), "more than %d parameters", PARAMETERS_MAX);
		return LUYTRE_E_INVALID;
	}
	ret->count = (int)args.count;
	for (size_t i = 0; i < args.count; i++) {
		if (args.values[i].bytes.size > INT32_MAX)
			return LUYTRE_E_RANGE;
		parameter(ret, i, &args.values[i]);
	}
	return 0;
}

/* Prepares under a new name. Takes 'key'. */
static int prepare_new(struct postgres *postgres, const char *sql, const char *key, const struct parameters *parameters,
	const char **ret_name)
{
	struct db_prepared *place;
	char *text = translate(sql), name[32];
	int error = text ? 0 : LUYTRE_E_NOMEM;

	snprintf(name, sizeof(name), "s%llu", (unsigned long long)++postgres->statement_count);
	if (!error)
		error = finish(
			postgres, PQprepare(postgres->connection, name, text, parameters->count, parameters->types));
	free(text);
	if (error)
		return error;
	place = db_cache_add(&postgres->cache, key, drop, postgres);
	if (!place)
		return LUYTRE_E_NOMEM;
	place->statement = strdup(name);
	if (!place->statement) {
		free(place->key);
		*place = (struct db_prepared){ 0 };
		return LUYTRE_E_NOMEM;
	}
	*ret_name = place->statement;
	return 0;
}

/* A statement is prepared for each combination of types that it meets. */
static int prepare(
	struct postgres *postgres, const char *sql, const struct parameters *parameters, const char **ret_name)
{
	size_t room = strlen(sql) + PARAMETERS_MAX + 2;
	char *key = malloc(room);
	struct db_prepared *place;
	size_t size;
	int error = 0;

	if (!key)
		return LUYTRE_E_NOMEM;
	for (size = 0; size < (size_t)parameters->count; size++)
		key[size] = parameters->types[size] == TYPE_INT8     ? 'i'
			    : parameters->types[size] == TYPE_FLOAT8 ? 'r'
			    : parameters->types[size] == TYPE_TEXT   ? 't'
			    : parameters->types[size] == TYPE_BYTEA  ? 'b'
								     : 'n';
	snprintf(key + size, room - size, " %s", sql);
	place = db_cache_find(&postgres->cache, key);
	if (place)
		*ret_name = place->statement;
	else
		error = prepare_new(postgres, sql, key, parameters, ret_name);
	free(key);
	return error;
}

static uint64_t number_of(const char *bytes, size_t size)
{
	uint64_t number = 0;

	for (size_t i = 0; i < size; i++)
		number = number << 8 | (uint8_t)bytes[i];
	return number;
}

/* What sum() and avg() give: digits of base 10,000 (src/backend/utils/adt/numeric.c, numeric_send). Without a scale
 * it is an integer, if it fits. */
static struct db_value numeric(const char *bytes, size_t size)
{
	int count = (int16_t)number_of(bytes, 2), weight = (int16_t)number_of(bytes + 2, 2);
	bool negative = number_of(bytes + 4, 2) == 0x4000, whole = number_of(bytes + 6, 2) == 0;
	long double value = 0, scale = 1;

	for (int i = 0; i <= weight || i < count; i++) {
		size_t at = 8 + 2 * (size_t)i;
		uint64_t digit = i < count && at + 2 <= size ? number_of(bytes + at, 2) : 0;

		if (i > weight)
			scale /= 10000;
		value = i > weight ? value + (long double)digit * scale : value * 10000 + (long double)digit;
	}
	if (negative)
		value = -value;
	/* A long double has 64 bits of fraction, so that integers of 64 bits are exact. */
	if (whole && value >= (long double)INT64_MIN && value <= (long double)INT64_MAX)
		return db_i64((int64_t)value);
	return db_real((double)value);
}

static struct db_value column(const PGresult *result, int row, int position)
{
	const char *bytes = PQgetvalue(result, row, position);
	size_t size = (size_t)PQgetlength(result, row, position);
	uint64_t number;
	uint32_t half;
	double real;
	float small;

	if (PQgetisnull(result, row, position))
		return db_null();
	switch (PQftype(result, position)) {
	case TYPE_BOOL:
		return db_i64(bytes[0] != 0);
	case TYPE_INT2:
		return db_i64((int16_t)number_of(bytes, 2));
	case TYPE_INT4:
		return db_i64((int32_t)number_of(bytes, 4));
	case TYPE_INT8:
		return db_i64((int64_t)number_of(bytes, 8));
	case TYPE_FLOAT4:
		half = (uint32_t)number_of(bytes, 4);
		memcpy(&small, &half, sizeof(small));
		return db_real((double)small);
	case TYPE_FLOAT8:
		number = number_of(bytes, 8);
		memcpy(&real, &number, sizeof(real));
		return db_real(real);
	case TYPE_NUMERIC:
		return size < 8 ? db_null() : numeric(bytes, size);
	case TYPE_BYTEA:
		return db_blob(bytes_of(bytes, size));
	default:
		return db_text(bytes_of(bytes, size));
	}
}

static int rows_read(struct postgres *postgres, const PGresult *result, struct db_rows *rows)
{
	struct db_value columns[DB_COLUMNS_MAX];
	int count = PQnfields(result);

	if (count > DB_COLUMNS_MAX) {
		snprintf(postgres->db.why, sizeof(postgres->db.why), "more than %d columns", DB_COLUMNS_MAX);
		return LUYTRE_E_INVALID;
	}
	for (int row = 0; row < PQntuples(result); row++) {
		for (int i = 0; i < count; i++)
			columns[i] = column(result, row, i);
		if (!db_rows_give(rows, columns, (size_t)count))
			break;
	}
	return 0;
}

static bool changes_rows(const PGresult *result)
{
	return strncmp(PQcmdStatus((PGresult *)(uintptr_t)result), "SELECT", 6) != 0;
}

static int postgres_execute(
	struct db *db, const char *sql, struct db_args args, struct db_rows *rows, uint64_t *ret_changes)
{
	struct postgres *postgres = postgres_of(db);
	struct parameters parameters = { 0 };
	const char *name;
	PGresult *result;
	int error = parameters_fill(postgres, args, &parameters);

	if (!error)
		error = connected(postgres);
	if (!error)
		error = prepare(postgres, sql, &parameters, &name);
	if (error)
		return error;
	result = PQexecPrepared(postgres->connection, name, parameters.count, parameters.values, parameters.sizes,
		parameters.formats, 1);
	switch (PQresultStatus(result)) {
	case PGRES_COMMAND_OK:
		break;
	case PGRES_TUPLES_OK:
		error = rows_read(postgres, result, rows);
		break;
	default:
		error = error_of(postgres, result);
	}
	if (!error && changes_rows(result))
		*ret_changes = strtoull(PQcmdTuples(result), NULL, 10);
	PQclear(result);
	return error;
}

static void postgres_rollback(struct db *db)
{
	struct postgres *postgres = postgres_of(db);

	if (PQstatus(postgres->connection) == CONNECTION_OK &&
		PQtransactionStatus(postgres->connection) != PQTRANS_IDLE)
		PQclear(PQexec(postgres->connection, "rollback"));
}

static int postgres_begin(struct db *db)
{
	struct postgres *postgres = postgres_of(db);
	int error = connected(postgres);

	if (!error)
		error = finish(postgres, PQexec(postgres->connection, "begin isolation level serializable"));
	if (!error)
		error = finish(postgres, PQexec(postgres->connection, "lock table db_writer in exclusive mode"));
	if (error)
		postgres_rollback(db);
	return error;
}

static int postgres_commit(struct db *db)
{
	struct postgres *postgres = postgres_of(db);

	return finish(postgres, PQexec(postgres->connection, "commit"));
}

const struct db_driver db_driver_postgres = {
	.open = postgres_open,
	.close = postgres_close,
	.execute = postgres_execute,
	.script = postgres_script,
	.begin = postgres_begin,
	.commit = postgres_commit,
	.rollback = postgres_rollback,
};
