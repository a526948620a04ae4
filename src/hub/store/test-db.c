// SPDX-License-Identifier: Apache-2.0
/* One conformance test of the control database, run against each driver: values, errors, transactions, several writers,
 * and writers that are killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "hub/store/db.h"
#include "hub/store/pgtest.h"

static char sqlite_folder[] = "/tmp/luytre-db-XXXXXX";
static char sqlite_place[128], postgres_place[PGTEST_PLACE_SIZE];
static char postgres_missing[DB_WHY_SIZE];

struct fixture {
	const char *place;
	struct db *db;
};

static const struct db_migration tables[] = {
	{ "create table thing (id integer primary key, whole integer, part real, words text, raw blob); "
	  "create table owner (id integer primary key, name text not null unique, age integer check (age >= 0)); "
	  "create table owned (id integer primary key, owner integer not null references owner (id));" },
	{ "insert into owner (id, name) values (1, 'a ?1 integer ''quoted'' blob'); -- ?2 'one quote\n"
	  "create table line (writer integer not null, number integer not null, primary key (writer, number));" },
};

static int setup(void **state, const char *place)
{
	static struct fixture fixture;
	char why[DB_WHY_SIZE];

	fixture.place = place;
	if (db_open(place, &fixture.db, why) != 0) {
		print_error("%s\n", why);
		return -1;
	}
	if (db_run(fixture.db, "drop table if exists thing", DB_NO_ARGS, NULL) ||
		db_run(fixture.db, "drop table if exists owned", DB_NO_ARGS, NULL) ||
		db_run(fixture.db, "drop table if exists owner", DB_NO_ARGS, NULL) ||
		db_run(fixture.db, "drop table if exists line", DB_NO_ARGS, NULL) ||
		db_run(fixture.db, "delete from db_migration", DB_NO_ARGS, NULL) ||
		db_run(fixture.db, "delete from db_sequence", DB_NO_ARGS, NULL) ||
		db_migrate(fixture.db, "test", tables, ARRAY_COUNT(tables)) != 0) {
		print_error("%s\n", db_why(fixture.db));
		return -1;
	}
	*state = &fixture;
	return 0;
}

static int setup_sqlite(void **state)
{
	return setup(state, sqlite_place);
}

static int setup_postgres(void **state)
{
	if (!postgres_place[0]) {
		*state = NULL;
		return 0;
	}
	return setup(state, postgres_place);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	if (fixture)
		db_close(fixture->db);
	return 0;
}

static struct fixture *given(void **state)
{
	if (!*state) {
		print_message("skipped: %s\n", postgres_missing);
		skip();
	}
	return *state;
}

struct copy {
	size_t rows;
	struct db_value columns[4];
	uint8_t text[4096], blob[4096];
	bool terminated;
};

static int row_copy(void *context, const struct db_value *columns, size_t column_count)
{
	struct copy *copy = context;

	assert_int_equal(column_count, 4);
	memcpy(copy->columns, columns, sizeof(copy->columns));
	if (columns[2].type == DB_TEXT) {
		copy->terminated = columns[2].bytes.ptr[columns[2].bytes.size] == 0;
		memcpy(copy->text, columns[2].bytes.ptr, columns[2].bytes.size);
		copy->columns[2].bytes.ptr = copy->text;
	}
	if (columns[3].type == DB_BLOB) {
		if (columns[3].bytes.size)
			memcpy(copy->blob, columns[3].bytes.ptr, columns[3].bytes.size);
		copy->columns[3].bytes.ptr = copy->blob;
	}
	copy->rows++;
	return 0;
}

static void assert_value(const struct db_value *found, const struct db_value *expected)
{
	assert_int_equal(found->type, expected->type);
	assert_true(found->integer == expected->integer);
	assert_true(found->real == expected->real);
	assert_true(bytes_equal(found->bytes, expected->bytes));
}

static void test_values(void **state)
{
	static const uint8_t raw[] = { 0, 1, 0xff, 0x80, '\'', '\\', 0 };
	struct db *db = given(state)->db;
	const struct db_value rows[][4] = {
		{ db_i64(0), db_real(0), db_str(""), db_blob(bytes_of(raw, 0)) },
		{ db_i64(INT64_MAX), db_real(DBL_MAX), db_str("Lũy Tre – Hoàng Sa, Trường Sa"),
			db_blob(bytes_of(raw, sizeof(raw))) },
		{ db_i64(INT64_MIN), db_real(-DBL_MIN), db_str("'; drop table thing; --"), db_null() },
		{ db_i64((INT64_C(1) << 53) + 1), db_real(0.1), db_str("\xf0\x9f\x8e\x8b\x09\n\"\\"), db_null() },
		{ db_null(), db_null(), db_null(), db_null() },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct copy copy = { 0 };
		uint64_t changes = 0;

		assert_int_equal(
			db_run(db, "insert into thing (id, whole, part, words, raw) values (?1, ?2, ?3, ?4, ?5)",
				DB_ARGS(db_i64((int64_t)i), rows[i][0], rows[i][1], rows[i][2], rows[i][3]), &changes),
			0);
		assert_int_equal(changes, 1);
		assert_int_equal(db_each(db, "select whole, part, words, raw from thing where id = ?1",
					 DB_ARGS(db_i64((int64_t)i)), row_copy, &copy),
			0);
		assert_int_equal(copy.rows, 1);
		for (size_t k = 0; k < 4; k++)
			assert_value(&copy.columns[k], &rows[i][k]);
		assert_true(rows[i][2].type == DB_NULL || copy.terminated);
	}
}

static int row_first(void *context, const struct db_value *columns, size_t column_count)
{
	*(struct db_value *)context = columns[0];
	return 0;
}

static void test_sums(void **state)
{
	static const int64_t sums[] = { 0, 1, 9999, 10000, 10001, 123456789012345678, INT64_MAX, INT64_MIN + 1, -40000,
		100000000 };
	struct db *db = given(state)->db;

	for (size_t i = 0; i < ARRAY_COUNT(sums); i++) {
		struct db_value value = { 0 };
		int64_t half = sums[i] / 2;

		assert_int_equal(db_run(db, "delete from thing", DB_NO_ARGS, NULL), 0);
		assert_int_equal(db_run(db, "insert into thing (id, whole) values (1, ?1), (2, ?2)",
					 DB_ARGS(db_i64(half), db_i64(sums[i] - half)), NULL),
			0);
		assert_int_equal(db_each(db, "select sum(whole) from thing", DB_NO_ARGS, row_first, &value), 0);
		assert_int_equal(value.type, DB_INTEGER);
		assert_true(value.integer == sums[i]);
	}
	assert_int_equal(db_run(db, "update thing set whole = id", DB_NO_ARGS, NULL), 0);
	{
		struct db_value value = { 0 };

		assert_int_equal(db_each(db, "select avg(whole) from thing", DB_NO_ARGS, row_first, &value), 0);
		assert_int_equal(value.type, DB_REAL);
		assert_true(value.real == 1.5);
	}
}

static void test_text_refused(void **state)
{
	static const char *const broken[] = { "\xff", "a\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
		"\xe0\x80\x80", "\xf0\x80\x80\x80", "\x80" };
	struct db *db = given(state)->db;

	for (size_t i = 0; i < ARRAY_COUNT(broken); i++)
		assert_int_equal(
			db_run(db, "insert into thing (id, words) values (9, ?1)", DB_ARGS(db_str(broken[i])), NULL),
			LUYTRE_E_INVALID);
	assert_int_equal(
		db_run(db, "insert into thing (id, words) values (9, ?1)", DB_ARGS(db_text(bytes_of("a\0b", 3))), NULL),
		LUYTRE_E_INVALID);
}

static void test_errors(void **state)
{
	static const struct {
		const char *sql;
		int error;
	} rows[] = {
		{ "insert into owner (id, name) values (2, 'b')", 0 },
		{ "insert into owner (id, name) values (2, 'c')", LUYTRE_E_EXISTS },
		{ "insert into owner (id, name) values (3, 'b')", LUYTRE_E_EXISTS },
		{ "insert into owner (id, name) values (3, NULL)", LUYTRE_E_CONFLICT },
		{ "insert into owner (id, name, age) values (3, 'c', -1)", LUYTRE_E_CONFLICT },
		{ "insert into owned (id, owner) values (1, 99)", LUYTRE_E_CONFLICT },
		{ "insert into owned (id, owner) values (1, 2)", 0 },
		{ "delete from owner where id = 2", LUYTRE_E_CONFLICT },
		{ "insert into nobody (id) values (1)", LUYTRE_E_INVALID },
		{ "selec 1", LUYTRE_E_INVALID },
		{ "insert into owner (id, name) values (2, 'c') on conflict (id) do nothing", 0 },
	};
	struct db *db = given(state)->db;
	int64_t count;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_int_equal(db_run(db, rows[i].sql, DB_NO_ARGS, NULL), rows[i].error);
		if (rows[i].error)
			assert_true(strlen(db_why(db)) > 0);
	}
	assert_int_equal(db_integer(db, "select count(*) from owner", DB_NO_ARGS, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(db_integer(db, "select id from owner where name = ?1",
				 DB_ARGS(db_str("a ?1 integer 'quoted' blob")), &count),
		0);
	assert_int_equal(db_integer(db, "select id from owner where id = 77", DB_NO_ARGS, &count), LUYTRE_E_NOT_FOUND);
	assert_int_equal(
		db_integer(db, "select max(id) from owner where id = 77", DB_NO_ARGS, &count), LUYTRE_E_NOT_FOUND);
	assert_int_equal(db_integer(db, "select name from owner where id = 1", DB_NO_ARGS, &count), LUYTRE_E_INVALID);
	assert_int_equal(db_integer(db, "select ?1 + ?2", DB_ARGS(db_i64(2), db_i64(3)), &count), 0);
	assert_int_equal(count, 5);
	assert_int_not_equal(db_integer(db, "select id from owner where id = ?1", DB_NO_ARGS, &count), 0);
}

struct nested {
	struct db *db;
	int64_t sum;
};

static int row_nested(void *context, const struct db_value *columns, size_t column_count)
{
	struct nested *nested = context;
	int64_t more;

	assert_int_equal(
		db_integer(nested->db, "select whole from thing where id = ?1", DB_ARGS(columns[0]), &more), 0);
	nested->sum += more;
	return columns[0].integer == 3 ? 42 : 0;
}

static void test_rows_nested_and_stopped(void **state)
{
	struct nested nested = { .db = given(state)->db };
	uint64_t changes;

	for (int64_t i = 1; i <= 5; i++)
		assert_int_equal(db_run(nested.db, "insert into thing (id, whole) values (?1, ?2)",
					 DB_ARGS(db_i64(i), db_i64(10 * i)), NULL),
			0);
	assert_int_equal(db_each(nested.db, "select id from thing order by id", DB_NO_ARGS, row_nested, &nested), 42);
	assert_int_equal(nested.sum, 60);
	assert_int_equal(db_run(nested.db, "update thing set whole = 0 where id > 3", DB_NO_ARGS, &changes), 0);
	assert_int_equal(changes, 2);
}

/* More texts than statements are kept. */
static void test_many_statements(void **state)
{
	struct db *db = given(state)->db;

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 300; i++) {
			char sql[64];
			int64_t found;

			snprintf(sql, sizeof(sql), "select %d + ?1", i);
			assert_int_equal(db_integer(db, sql, DB_ARGS(db_i64(1)), &found), 0);
			assert_int_equal(found, i + 1);
		}
}

static int64_t count_of(struct db *db)
{
	int64_t count = -1;

	assert_int_equal(db_integer(db, "select count(*) from thing", DB_NO_ARGS, &count), 0);
	return count;
}

static void insert(struct db *db, int64_t id)
{
	assert_int_equal(db_run(db, "insert into thing (id) values (?1)", DB_ARGS(db_i64(id)), NULL), 0);
}

static void test_transactions(void **state)
{
	struct db *db = given(state)->db;
	int64_t id;

	assert_int_equal(db_begin(db), 0);
	assert_true(db_in_transaction(db));
	assert_int_equal(db_begin(db), LUYTRE_E_INVALID);
	insert(db, 1);
	assert_int_equal(db_commit(db), 0);
	assert_int_equal(db_commit(db), LUYTRE_E_INVALID);
	assert_int_equal(count_of(db), 1);

	assert_int_equal(db_begin(db), 0);
	insert(db, 2);
	assert_int_equal(db_next_id(db, "s", &id), 0);
	assert_int_equal(id, 1);
	db_rollback(db);
	db_rollback(db);
	assert_int_equal(count_of(db), 1);
	assert_int_equal(db_next_id(db, "s", &id), 0);
	assert_int_equal(id, 1);
	assert_int_equal(db_next_id(db, "s", &id), 0);
	assert_int_equal(id, 2);
	assert_int_equal(db_next_id(db, "other", &id), 0);
	assert_int_equal(id, 1);
}

static void test_failed_transaction(void **state)
{
	struct db *db = given(state)->db;
	int64_t count;

	insert(db, 1);
	assert_int_equal(db_begin(db), 0);
	insert(db, 2);
	assert_int_equal(db_integer(db, "select id from thing where id = 77", DB_NO_ARGS, &count), LUYTRE_E_NOT_FOUND);
	insert(db, 3);
	assert_int_equal(db_run(db, "insert into thing (id) values (1)", DB_NO_ARGS, NULL), LUYTRE_E_EXISTS);
	assert_int_equal(db_integer(db, "select count(*) from thing", DB_NO_ARGS, &count), LUYTRE_E_EXISTS);
	assert_int_equal(db_commit(db), LUYTRE_E_EXISTS);
	assert_false(db_in_transaction(db));
	assert_int_equal(count_of(db), 1);
}

static void test_migrations(void **state)
{
	static const struct db_migration more[] = { { "create table if not exists never (id integer)" },
		{ "insert into thing (id) values (50)" },
		{ "insert into thing (id) values (51); insert into broken" } };
	struct db *db = given(state)->db;
	int64_t count;

	assert_int_equal(db_migrate(db, "test", tables, ARRAY_COUNT(tables)), 0);
	assert_int_equal(db_migrate(db, "test", tables, 1), LUYTRE_E_VERSION);
	assert_int_equal(db_migrate(db, "more", more, 3), LUYTRE_E_INVALID);
	assert_int_equal(count_of(db), 1); /* the third was taken back, the second stays */
	assert_int_equal(
		db_integer(db, "select count(*) from db_migration where part = 'more'", DB_NO_ARGS, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(db_migrate(db, "more", more, 2), 0);
	assert_int_equal(count_of(db), 1);
}

enum { WRITERS = 4, LINES = 60 };

struct writer {
	const char *place;
	atomic_uint busy;
	int error;
};

/* Reads and writes what the others do: without order some of the additions would be lost. */
static void *writer_run(void *context)
{
	struct writer *writer = context;
	char why[DB_WHY_SIZE];
	struct db *db;

	writer->error = db_open(writer->place, &db, why);
	for (int i = 0; i < LINES && !writer->error;) {
		int64_t value = 0;

		writer->error = db_begin(db);
		if (!writer->error)
			writer->error = db_integer(db, "select whole from thing where id = 1", DB_NO_ARGS, &value);
		if (!writer->error)
			writer->error = db_run(
				db, "update thing set whole = ?1 where id = 1", DB_ARGS(db_i64(value + 1)), NULL);
		if (!writer->error)
			writer->error = db_commit(db);
		db_rollback(db);
		if (writer->error == LUYTRE_E_BUSY) {
			atomic_fetch_add(&writer->busy, 1);
			writer->error = 0;
		} else {
			i++;
		}
	}
	db_close(db);
	return NULL;
}

static void test_writers(void **state)
{
	struct fixture *fixture = given(state);
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];
	int64_t value;

	assert_int_equal(db_run(fixture->db, "insert into thing (id, whole) values (1, 0)", DB_NO_ARGS, NULL), 0);
	for (size_t i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ .place = fixture->place };
		assert_int_equal(pthread_create(&threads[i], NULL, writer_run, &writers[i]), 0);
	}
	for (size_t i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(writers[i].error, 0);
		assert_int_equal(writers[i].busy, 0); /* they stand in line */
	}
	assert_int_equal(db_integer(fixture->db, "select whole from thing where id = 1", DB_NO_ARGS, &value), 0);
	assert_int_equal(value, WRITERS * LINES);
}

/* Tells each committed number through the pipe, until it is killed. */
static void victim_run(const char *place, int64_t writer, int told)
{
	char why[DB_WHY_SIZE];
	struct db *db;

	if (db_open(place, &db, why))
		_exit(1);
	for (int64_t number = 1;; number++) {
		if (db_begin(db) ||
			db_run(db, "insert into line (writer, number) values (?1, ?2)",
				DB_ARGS(db_i64(writer), db_i64(2 * number)), NULL) ||
			db_run(db, "insert into line (writer, number) values (?1, ?2)",
				DB_ARGS(db_i64(writer), db_i64(2 * number + 1)), NULL) ||
			db_commit(db) || write(told, &number, sizeof(number)) != sizeof(number))
			_exit(1);
	}
}

static void victim_kill(struct fixture *fixture, int64_t writer, unsigned int after)
{
	int64_t number, last = 0, found;
	int ends[2];
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0)
		victim_run(fixture->place, writer, ends[1]);
	assert_true(child > 0);
	close(ends[1]);
	for (unsigned int i = 0; i < after; i++)
		assert_int_equal(read(ends[0], &last, sizeof(last)), sizeof(last));
	kill(child, SIGKILL);
	while (read(ends[0], &number, sizeof(number)) == sizeof(number))
		last = number;
	close(ends[0]);
	waitpid(child, NULL, 0);
	assert_true(last >= after);
	assert_int_equal(db_integer(fixture->db, "select count(*) from line where writer = ?1 and number <= ?2",
				 DB_ARGS(db_i64(writer), db_i64(2 * last + 1)), &found),
		0);
	assert_true(found == 2 * last); /* all that was acknowledged */
	assert_int_equal(
		db_integer(fixture->db, "select count(*) from line where writer = ?1", DB_ARGS(db_i64(writer)), &found),
		0);
	assert_true(found % 2 == 0); /* and no half of a transaction */
	assert_true(found <= 2 * last + 2);
}

static void test_killed(void **state)
{
	struct fixture *fixture = given(state);

	for (int64_t writer = 0; writer < 12; writer++)
		victim_kill(fixture, writer, (unsigned int)(writer * 7 % 40 + 1));
}

/* What was read in a transaction is read again, whatever others do. SQLite makes the others wait instead. */
static void test_snapshot(void **state)
{
	struct fixture *fixture = given(state);
	struct db *db = fixture->db, *other;
	char why[DB_WHY_SIZE];

	assert_int_equal(db_open(fixture->place, &other, why), 0);
	insert(db, 1);
	assert_int_equal(db_begin(db), 0);
	assert_int_equal(count_of(db), 1);
	insert(other, 2);
	assert_int_equal(count_of(other), 2);
	assert_int_equal(count_of(db), 1);
	db_rollback(db);
	assert_int_equal(count_of(db), 2);
	db_close(other);
}

static void test_lost_server(void **state)
{
	struct db *db = given(state)->db;

	insert(db, 1);
	assert_int_equal(db_begin(db), 0);
	insert(db, 2);
	assert_true(pgtest_crash());
	assert_int_equal(db_run(db, "insert into thing (id) values (3)", DB_NO_ARGS, NULL), LUYTRE_E_IO);
	assert_int_equal(db_commit(db), LUYTRE_E_IO);
	assert_int_equal(count_of(db), 1);
	insert(db, 2);
}

/* A full disk: told as such, nothing half done, and all is well when there is room again. */
/* A server that only reads, as a standby does: it is no broken statement, and the next one asks a new connection. */
static void test_read_only_server(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(db_run(fixture->db, "create table standby (id integer)", DB_NO_ARGS, NULL), 0);
	assert_int_equal(db_run(fixture->db, "set default_transaction_read_only = on", DB_NO_ARGS, NULL),
		0); /* of this connection */
	assert_int_equal(db_run(fixture->db, "insert into standby (id) values (1)", DB_NO_ARGS, NULL), LUYTRE_E_IO);
	assert_int_equal(db_run(fixture->db, "insert into standby (id) values (1)", DB_NO_ARGS, NULL), 0);
	assert_int_equal(db_run(fixture->db, "set default_transaction_read_only = on", DB_NO_ARGS, NULL), 0);
	assert_int_equal(db_begin(fixture->db), 0);
	assert_int_equal(db_run(fixture->db, "insert into standby (id) values (2)", DB_NO_ARGS, NULL), LUYTRE_E_IO);
	assert_true(db_commit(fixture->db) != 0);
	assert_int_equal(db_begin(fixture->db), 0);
	assert_int_equal(db_run(fixture->db, "insert into standby (id) values (2)", DB_NO_ARGS, NULL), 0);
	assert_int_equal(db_commit(fixture->db), 0);
}

static void test_full(void **state)
{
	static uint8_t much[64 << 10];
	struct db *db = given(state)->db;
	int error = 0;
	int64_t id;

	insert(db, 1);
	assert_int_equal(db_integer(db, "pragma max_page_count = 100", DB_NO_ARGS, &id), 0);
	for (id = 2; id < 1000 && !error; id++) {
		assert_int_equal(db_begin(db), 0);
		error = db_run(db, "insert into thing (id, raw) values (?1, ?2)",
			DB_ARGS(db_i64(id), db_blob(bytes_of(much, sizeof(much)))), NULL);
		assert_int_equal(db_commit(db), error);
	}
	assert_int_equal(error, LUYTRE_E_FULL);
	assert_int_equal(count_of(db), id - 2);
	assert_int_equal(db_integer(db, "pragma max_page_count = 100000", DB_NO_ARGS, &id), 0);
	assert_int_equal(db_run(db, "insert into thing (id, raw) values (5000, ?1)",
				 DB_ARGS(db_blob(bytes_of(much, sizeof(much)))), NULL),
		0);
}

/* Another process that opens and closes the database must not take itself for the last one: what is written afterwards would be lost with
 * this process. */
static void test_other_process(void **state)
{
	char place[256], log[256], why[DB_WHY_SIZE], go = 0;
	struct db *first, *second, *other;
	int pipes[2], status = 1;
	pid_t pid;

	snprintf(place, sizeof(place), "sqlite:%s/shared", sqlite_folder);
	snprintf(log, sizeof(log), "%s/shared-wal", sqlite_folder);
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (!pid) { /* before this process has any handle: it must know nothing of them */
		close(pipes[1]);
		if (read(pipes[0], &go, 1) != 1 || db_open(place, &other, why))
			_exit(1);
		db_close(other);
		_exit(0);
	}
	assert_true(pid > 0);
	close(pipes[0]);
	assert_int_equal(db_open(place, &first, why), 0);
	assert_int_equal(db_run(first, "create table item (id integer primary key)", DB_NO_ARGS, NULL), 0);
	assert_int_equal(db_open(place, &second, why), 0);
	assert_int_equal(write(pipes[1], &go, 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(access(log, F_OK), 0);
	db_close(second);
	db_close(first); /* the last one, in truth: the log goes */
	close(pipes[1]);
	assert_int_equal(access(log, F_OK), -1);
	assert_int_equal(unlink(place + strlen("sqlite:")), 0);
}

static void test_places(void **state)
{
	char why[DB_WHY_SIZE], junk[128];
	struct stat status;
	struct db *db;
	FILE *file;

	assert_int_equal(db_open("mysql:x", &db, why), LUYTRE_E_INVALID);
	assert_true(strlen(why) > 0);
	assert_int_equal(db_open("sqlite:/nonexistent/x", &db, why), LUYTRE_E_IO);
	snprintf(junk, sizeof(junk), "sqlite:%s/junk", sqlite_folder);
	file = fopen(junk + strlen("sqlite:"), "w");
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("no database\n", file);
	fclose(file);
	assert_int_equal(db_open(junk, &db, why), LUYTRE_E_CORRUPT);
	unlink(junk + strlen("sqlite:"));
	assert_int_equal(db_open("postgres:host=/nonexistent", &db, why), LUYTRE_E_IO);
	assert_true(strlen(why) > 0);
	assert_int_equal(db_open("sqlite::memory:", &db, why), 0);
	assert_false(db_is_postgres(db));
	db_close(db);
	db_close(NULL);
	assert_int_equal(stat(sqlite_place + strlen("sqlite:"), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static int start(void **state)
{
	if (!mkdtemp(sqlite_folder))
		return -1;
	snprintf(sqlite_place, sizeof(sqlite_place), "sqlite:%s/control.db", sqlite_folder);
	if (!pgtest_start(postgres_place, postgres_missing))
		postgres_place[0] = '\0';
	return 0;
}

static int stop(void **state)
{
	static const char *const names[] = { "control.db", "control.db-wal", "control.db-shm" };
	char path[128];

	pgtest_stop();
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", sqlite_folder, names[i]);
		unlink(path);
	}
	return rmdir(sqlite_folder);
}

#define BOTH(test)                                                                                                     \
	{ #test " (sqlite)", test, setup_sqlite, teardown, NULL },                                                     \
	{                                                                                                              \
#test " (postgres)", test, setup_postgres, teardown, NULL                                              \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_values),
		BOTH(test_sums),
		BOTH(test_text_refused),
		BOTH(test_errors),
		BOTH(test_rows_nested_and_stopped),
		BOTH(test_many_statements),
		BOTH(test_transactions),
		BOTH(test_failed_transaction),
		BOTH(test_migrations),
		BOTH(test_writers),
		BOTH(test_killed),
		cmocka_unit_test_setup_teardown(test_snapshot, setup_postgres, teardown),
		cmocka_unit_test_setup_teardown(test_lost_server, setup_postgres, teardown),
		cmocka_unit_test_setup_teardown(test_read_only_server, setup_postgres, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup_sqlite, teardown),
		cmocka_unit_test_setup_teardown(test_places, setup_sqlite, teardown),
		cmocka_unit_test_setup_teardown(test_other_process, setup_sqlite, teardown),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
