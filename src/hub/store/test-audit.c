// SPDX-License-Identifier: Apache-2.0
/* The audit chain: what is written, what is hidden, and that every way to alter it is found, at every record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "hub/store/audit-chain.h"
#include "hub/store/pgtest.h"

enum { RECORDS = 12, SIGNED_AT = 8 };

static const struct audit_origin origin = { .actor = "account:7 lan", .address = "192.0.2.7", .now_us = 1000 };

struct fixture {
	struct db *db;
	struct audit_key key;
	char line[AUDIT_LINE_SIZE];
};

static char postgres_place[PGTEST_PLACE_SIZE], postgres_missing[DB_WHY_SIZE];

static void append(struct db *db, int64_t number)
{
	const struct audit_field fields[] = { { "name", db_str("Sở Y tế") }, { "level", db_i64(number) } };
	char subject[32];

	snprintf(subject, sizeof(subject), "tenant:%lld", (long long)number);
	assert_int_equal(audit_append(db, &origin,
				 &(struct audit_record){ .action = "tenant.create",
					 .subject = subject,
					 .tenant = (uint32_t)number % 3,
					 .fields = fields,
					 .field_count = ARRAY_COUNT(fields) }),
		0);
}

static void fill(struct fixture *fixture, const char *place)
{
	char why[DB_WHY_SIZE];

	assert_int_equal(db_open(place, &fixture->db, why), 0);
	assert_int_equal(audit_setup(fixture->db), 0);
	crypto_sign_keypair(fixture->key.public_key, fixture->key.secret_key);
	for (int64_t i = 1; i <= RECORDS; i++) {
		append(fixture->db, i);
		if (i == SIGNED_AT)
			assert_int_equal(audit_sign(fixture->db, &fixture->key, 5000, fixture->line), 0);
	}
}

static int setup(void **state)
{
	static struct fixture fixture;

	fill(&fixture, "sqlite::memory:");
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	db_close(((struct fixture *)*state)->db);
	return 0;
}

static struct audit_result verify(struct fixture *fixture, const char *heads)
{
	struct audit_result result;

	assert_int_equal(audit_verify(fixture->db, fixture->key.public_key, bytes_from_str(heads), &result), 0);
	return result;
}

static void broken(struct fixture *fixture, const char *heads, enum audit_fault fault, int64_t first)
{
	struct audit_result result = verify(fixture, heads);

	assert_string_equal(audit_fault_name(result.fault), audit_fault_name(fault));
	assert_int_equal(result.first_broken, first);
}

static void run(struct db *db, const char *sql, int64_t a, int64_t b)
{
	uint64_t changes;

	if (strstr(sql, "?2"))
		assert_int_equal(db_run(db, sql, DB_ARGS(db_i64(a), db_i64(b)), &changes), 0);
	else
		assert_int_equal(db_run(db, sql, DB_ARGS(db_i64(a)), &changes), 0);
	assert_true(changes > 0);
}

static void whole(struct fixture *fixture)
{
	struct audit_result result = verify(fixture, fixture->line);

	assert_int_equal(result.fault, AUDIT_WHOLE);
	assert_int_equal(result.first_broken, 0);
	assert_int_equal(result.record_count, RECORDS);
	assert_int_equal(result.signed_until, SIGNED_AT);
	assert_int_equal(result.head_count, 2);
}

static void test_whole(void **state)
{
	struct fixture *fixture = *state;
	struct audit_result result;
	char line[AUDIT_LINE_SIZE];
	int64_t signed_us;

	whole(fixture);
	assert_int_equal(audit_sign(fixture->db, &fixture->key, 6000, line), 0);
	assert_int_equal(audit_sign(fixture->db, &fixture->key, 7000, line), LUYTRE_E_NOT_FOUND);
	assert_int_equal(audit_signed_us(fixture->db, &signed_us), 0);
	assert_int_equal(signed_us, 6000);
	result = verify(fixture, line);
	assert_int_equal(result.signed_until, RECORDS);
	assert_int_equal(audit_verify(fixture->db, NULL, (struct bytes){ 0 }, &result), 0);
	assert_int_equal(result.fault, AUDIT_WHOLE);
}

/* Each of these is done to each record, and taken back. */
static void test_changed(void **state)
{
	static const char *const changes[] = {
		"update audit set time_us = time_us + 1 where sequence = ?1",
		"update audit set actor = 'account:8 an' where sequence = ?1",
		"update audit set address = '' where sequence = ?1",
		"update audit set action = 'tenant.read' where sequence = ?1",
		"update audit set subject = subject || '0' where sequence = ?1",
		"update audit set tenant = tenant + 1 where sequence = ?1",
		"update audit set detail = '{}' where sequence = ?1",
		"update audit set hash = zeroblob(32) where sequence = ?1",
		"update audit set hash = zeroblob(31) where sequence = ?1",
		/* One field's end moved into the next. */
		"update audit set subject = action || subject, action = '' where sequence = ?1",
	};
	struct fixture *fixture = *state;

	for (int64_t record = 1; record <= RECORDS; record++)
		for (size_t i = 0; i < ARRAY_COUNT(changes); i++) {
			run(fixture->db, "create temp table keep as select * from audit where ?1 > 0", 1, 0);
			run(fixture->db, changes[i], record, 0);
			broken(fixture, fixture->line, AUDIT_CHANGED, record);
			assert_int_equal(db_run(fixture->db, "delete from audit", DB_NO_ARGS, NULL), 0);
			assert_int_equal(
				db_run(fixture->db, "insert into audit select * from keep", DB_NO_ARGS, NULL), 0);
			assert_int_equal(db_run(fixture->db, "drop table keep", DB_NO_ARGS, NULL), 0);
		}
	whole(fixture);
}

static void keep(struct db *db)
{
	static const char *const tables[] = { "audit", "audit_head", "audit_signed" };

	for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
		char sql[96];

		snprintf(sql, sizeof(sql), "create temp table keep_%s as select * from %s", tables[i], tables[i]);
		assert_int_equal(db_run(db, sql, DB_NO_ARGS, NULL), 0);
	}
}

static void restore(struct db *db)
{
	static const char *const tables[] = { "audit", "audit_head", "audit_signed" };

	for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
		char sql[96];

		snprintf(sql, sizeof(sql), "delete from %s", tables[i]);
		assert_int_equal(db_run(db, sql, DB_NO_ARGS, NULL), 0);
		snprintf(sql, sizeof(sql), "insert into %s select * from keep_%s", tables[i], tables[i]);
		assert_int_equal(db_run(db, sql, DB_NO_ARGS, NULL), 0);
		snprintf(sql, sizeof(sql), "drop table keep_%s", tables[i]);
		assert_int_equal(db_run(db, sql, DB_NO_ARGS, NULL), 0);
	}
}

static void test_removed(void **state)
{
	struct fixture *fixture = *state;
	struct db *db = fixture->db;

	for (int64_t record = 1; record <= RECORDS; record++) {
		keep(db);
		run(db, "delete from audit where sequence = ?1", record, 0);
		broken(fixture, "", record == RECORDS ? AUDIT_TRUNCATED : AUDIT_MISSING, record);
		if (record < RECORDS) { /* and the others moved up */
			run(db, "update audit set sequence = -sequence where sequence > ?1", record, 0);
			run(db, "update audit set sequence = -sequence - 1 where sequence < -?1", record, 0);
			broken(fixture, "", AUDIT_CHANGED, record);
		}
		restore(db);
	}
	whole(fixture);
}

static void test_inserted(void **state)
{
	static const char insert[] =
		"insert into audit select ?1, time_us, actor, address, 'tenant.remove', subject, tenant, detail, hash"
		" from keep_audit where sequence = 1";
	struct fixture *fixture = *state;
	struct db *db = fixture->db;

	for (int64_t record = 0; record <= RECORDS + 1; record++) {
		keep(db);
		if (record >= 1 && record <= RECORDS) {
			run(db, "update audit set sequence = -sequence - 1 where sequence >= ?1", record, 0);
			run(db, "update audit set sequence = -sequence where sequence < ?1", 0, 0);
		}
		run(db, insert, record, 0);
		broken(fixture, "", record == 0 ? AUDIT_MISSING : AUDIT_CHANGED, record == 0 ? 1 : record);
		restore(db);
	}
	whole(fixture);
}

static void test_reordered(void **state)
{
	struct fixture *fixture = *state;
	struct db *db = fixture->db;

	for (int64_t record = 1; record < RECORDS; record++) {
		keep(db);
		run(db, "update audit set sequence = -sequence where sequence between ?1 and ?2", record, record + 1);
		run(db, "update audit set sequence = ?1 - -sequence where sequence < ?2", 2 * record + 1, 0);
		broken(fixture, "", AUDIT_CHANGED, record);
		restore(db);
	}
	whole(fixture);
}

static void set_head(struct db *db, int64_t sequence)
{
	run(db, "update audit_head set sequence = ?1, hash = (select hash from audit where sequence = ?1)", sequence,
		0);
}

static void test_truncated(void **state)
{
	struct fixture *fixture = *state;
	struct db *db = fixture->db;

	for (int64_t left = 1; left < RECORDS; left++) {
		keep(db);
		run(db, "delete from audit where sequence > ?1", left, 0);
		broken(fixture, "", AUDIT_TRUNCATED, left + 1);
		set_head(db, left);
		if (left >= SIGNED_AT) { /* behind the last signed head nobody knows more */
			assert_int_equal(verify(fixture, fixture->line).fault, AUDIT_WHOLE);
		} else {
			broken(fixture, "", AUDIT_TRUNCATED, left + 1);
			assert_int_equal(db_run(db, "delete from audit_signed", DB_NO_ARGS, NULL), 0);
			assert_int_equal(verify(fixture, "").fault, AUDIT_WHOLE); /* no second party */
			broken(fixture, fixture->line, AUDIT_TRUNCATED, left + 1);
		}
		restore(db);
	}
	whole(fixture);
}

/* Someone who rules the database makes everything from a record on anew, as the program would. */
static void test_rewritten(void **state)
{
	struct fixture *fixture = *state;
	struct db *db = fixture->db;

	for (int64_t from = 1; from <= RECORDS; from++) {
		keep(db);
		run(db, "delete from audit where sequence >= ?1", from, 0);
		if (from > 1)
			set_head(db, from - 1);
		else
			run(db, "delete from audit_head where one = ?1", 1, 0);
		for (int64_t i = from; i <= RECORDS; i++)
			append(db, i + 100);
		if (from > SIGNED_AT) {
			assert_int_equal(verify(fixture, fixture->line).fault, AUDIT_WHOLE);
		} else {
			broken(fixture, "", AUDIT_REWRITTEN, 1);
			assert_int_equal(db_run(db, "delete from audit_signed", DB_NO_ARGS, NULL), 0);
			broken(fixture, fixture->line, AUDIT_REWRITTEN, 1);
		}
		restore(db);
	}
	whole(fixture);
}

static void test_signatures(void **state)
{
	struct fixture *fixture = *state;
	struct audit_key other;
	char line[AUDIT_LINE_SIZE];
	struct audit_result result;

	/* Every character of the line counts. */
	for (size_t i = 0; fixture->line[i]; i++) {
		snprintf(line, sizeof(line), "%s", fixture->line);
		line[i] = line[i] == '1' ? '2' : '1';
		if (audit_verify(fixture->db, fixture->key.public_key, bytes_from_str(line), &result) == 0)
			assert_int_not_equal(result.fault, AUDIT_WHOLE);
	}
	for (size_t size = 1; size < strlen(fixture->line); size++)
		assert_int_equal(
			audit_verify(fixture->db, NULL, bytes_of(fixture->line, size), &result), LUYTRE_E_SYNTAX);
	assert_int_equal(db_run(fixture->db, "update audit_signed set signature = zeroblob(64)", DB_NO_ARGS, NULL), 0);
	broken(fixture, "", AUDIT_SIGNATURE, SIGNED_AT);
	assert_int_equal(db_run(fixture->db, "delete from audit_signed", DB_NO_ARGS, NULL), 0);
	crypto_sign_keypair(other.public_key, other.secret_key);
	assert_int_equal(audit_sign(fixture->db, &other, 6000, line), 0);
	broken(fixture, "", AUDIT_SIGNATURE, RECORDS);
}

static int entry_copy(void *context, const struct audit_entry *entry)
{
	assert_true(bytes_to_str(entry->detail, context, AUDIT_DETAIL_MAX));
	return 1;
}

static void test_hidden(void **state)
{
	const struct audit_field fields[] = {
		{ "name", db_str("lan") },
		{ "Password", db_str("correct horse") },
		{ "new_password", db_str("battery") },
		{ "api_token", db_str("staple") },
		{ "totp_secret", db_blob(bytes_from_str("0123")) },
		{ "session", db_str("id-of-a-session") },
		{ "note", db_str("pasted hub_AAAABBBB by mistake") },
		{ "password_changed", db_i64(1) },
		{ "none", db_null() },
		{ "part", db_real(0.5) },
		{ "raw", db_blob(bytes_from_str("xyz")) },
	};
	static const struct scope all = { .all = true };
	struct fixture *fixture = *state;
	char detail[AUDIT_DETAIL_MAX];

	assert_int_equal(audit_append(fixture->db, &origin,
				 &(struct audit_record){ .action = "account.change",
					 .subject = "account:7",
					 .fields = fields,
					 .field_count = ARRAY_COUNT(fields) }),
		0);
	assert_int_equal(audit_each(fixture->db, &all, 0, 1, entry_copy, detail, NULL), 1);
	assert_string_equal(detail,
		"{\"name\":\"lan\",\"Password\":\"[hidden]\",\"new_password\":\"[hidden]\",\"api_token\":\"[hidden]\","
		"\"totp_secret\":\"[hidden]\",\"session\":\"[hidden]\",\"note\":\"[hidden]\",\"password_changed\":1,"
		"\"none\":null,"
		"\"part\":0.5,\"raw\":3}");
}

static void test_too_long(void **state)
{
	struct fixture *fixture = *state;
	char *text = calloc(1, AUDIT_DETAIL_MAX + 1);
	const struct audit_field field = { "note", { .type = DB_TEXT, .bytes = bytes_of(text, AUDIT_DETAIL_MAX) } };

	assert_non_null(text);
	memset(text, 'x', AUDIT_DETAIL_MAX);
	assert_int_equal(
		audit_append(fixture->db, &origin,
			&(struct audit_record){ .action = "a.b", .subject = "c", .fields = &field, .field_count = 1 }),
		LUYTRE_E_FULL);
	free(text);
	whole(fixture);
}

static void test_with_the_change(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(db_begin(fixture->db), 0);
	append(fixture->db, 50);
	db_rollback(fixture->db);
	whole(fixture);
}

struct seen {
	int64_t sequences[RECORDS];
	size_t count;
};

static int entry_count(void *context, const struct audit_entry *entry)
{
	struct seen *seen = context;

	seen->sequences[seen->count++] = entry->sequence;
	return 0;
}

static void test_scope(void **state)
{
	static const uint32_t one[] = { 1 };
	static const struct scope all = { .all = true }, some = { .tenants = one, .tenant_count = 1 }, none = { 0 };
	struct db *db = ((struct fixture *)*state)->db;
	struct seen seen = { 0 };

	assert_int_equal(audit_each(db, &all, 0, 5, entry_count, &seen, NULL), 0);
	assert_int_equal(seen.count, 5);
	assert_int_equal(seen.sequences[0], RECORDS);
	seen = (struct seen){ 0 };
	assert_int_equal(audit_each(db, &some, 10, 100, entry_count, &seen, NULL), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.sequences[0], 7);
	assert_int_equal(seen.sequences[2], 1);
	assert_int_equal(audit_each(db, &none, 0, 100, entry_count, &seen, NULL), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(audit_each(db, NULL, 0, 100, entry_count, &seen, NULL), LUYTRE_E_INVALID);
}

/* Whoever sees next to nothing must not read the whole log for it: what one question looks at is bounded, and it says where to go on. */
static void test_look(void **state)
{
	static const uint32_t one[] = { 1 };
	static const struct scope some = { .tenants = one, .tenant_count = 1 }, none = { 0 };
	struct db *db = ((struct fixture *)*state)->db;
	struct seen seen = { 0 };
	int64_t next = -1, before = 0;
	size_t questions = 0;

	assert_int_equal(db_run(db,
				 "with recursive n (i) as (select ?1 union all select i + 1 from n where i < ?2) "
				 "insert into audit"
				 " select i, 1000, 'x', '', 'tenant.create', 'tenant:2', 2, '{}', x'00' from n",
				 DB_ARGS(db_i64(RECORDS + 1), db_i64(RECORDS + 2 * AUDIT_LOOK_MAX)), NULL),
		0);
	assert_int_equal(audit_each(db, &none, 0, 100, entry_count, &seen, &next), 0);
	assert_int_equal(next, RECORDS + AUDIT_LOOK_MAX + 1);
	do {
		assert_int_equal(audit_each(db, &some, before, 100, entry_count, &seen, &next), 0);
		questions++;
		before = next;
	} while (next);
	assert_int_equal(questions, 3);
	assert_int_equal(seen.count, 4);
	assert_int_equal(audit_each(db, &some, 0, 0, entry_count, &seen, &next), 0);
	assert_int_equal(next, 0);
}

static void test_key_and_export(void **state)
{
	struct fixture *fixture = *state;
	char folder[] = "/tmp/luytre-audit-XXXXXX", path[64], text[3 * AUDIT_LINE_SIZE] = { 0 };
	struct audit_key first, second;
	FILE *file;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/key", folder);
	assert_int_equal(audit_key_load(path, &first), 0);
	assert_int_equal(audit_key_load(path, &second), 0);
	assert_memory_equal(&first, &second, sizeof(first));
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(audit_key_load(path, &second), LUYTRE_E_PERMISSION);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(audit_key_load(path, &second), LUYTRE_E_CORRUPT);
	unlink(path);
	snprintf(path, sizeof(path), "%s/heads", folder);
	assert_int_equal(audit_export(path, fixture->line), 0);
	assert_int_equal(audit_export(path, fixture->line), 0);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_int_equal(verify(fixture, text).head_count, 3);
	unlink(path);
	assert_int_equal(audit_export(folder, fixture->line), LUYTRE_E_IO);
	assert_int_equal(rmdir(folder), 0);
}

enum { WRITERS = 4, EACH = 40 };

struct writer {
	const char *place;
	int error;
};

static void *writer_run(void *context)
{
	struct writer *writer = context;
	char why[DB_WHY_SIZE];
	struct db *db;

	writer->error = db_open(writer->place, &db, why);
	if (writer->error)
		return NULL;
	for (int i = 0; i < EACH && !writer->error; i++) {
		do
			writer->error =
				audit_append(db, &origin, &(struct audit_record){ .action = "a.b", .subject = "c" });
		while (writer->error == LUYTRE_E_BUSY);
	}
	db_close(db);
	return NULL;
}

/* Several programs write to one chain, while one reads it. */
static void write_together(const char *place)
{
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];
	struct audit_result result;
	char why[DB_WHY_SIZE];
	struct db *db;

	assert_int_equal(db_open(place, &db, why), 0);
	assert_int_equal(audit_setup(db), 0);
	assert_int_equal(audit_verify(db, NULL, (struct bytes){ 0 }, &result), 0);
	for (size_t i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ .place = place };
		assert_int_equal(pthread_create(&threads[i], NULL, writer_run, &writers[i]), 0);
	}
	for (int64_t before = result.record_count; result.record_count < before + WRITERS * EACH / 2;) {
		assert_int_equal(audit_verify(db, NULL, (struct bytes){ 0 }, &result), 0);
		assert_int_equal(result.fault, AUDIT_WHOLE);
	}
	for (size_t i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(writers[i].error, 0);
	}
	assert_int_equal(audit_verify(db, NULL, (struct bytes){ 0 }, &result), 0);
	assert_int_equal(result.fault, AUDIT_WHOLE);
	assert_true(result.record_count >= WRITERS * EACH);
	db_close(db);
}

static void test_together(void **state)
{
	static const char *const names[] = { "a.db", "a.db-wal", "a.db-shm" };
	char folder[] = "/tmp/luytre-audit-XXXXXX", text[96];

	assert_non_null(mkdtemp(folder));
	snprintf(text, sizeof(text), "sqlite:%s/a.db", folder);
	write_together(text);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		snprintf(text, sizeof(text), "%s/%s", folder, names[i]);
		unlink(text);
	}
	assert_int_equal(rmdir(folder), 0);
	if (postgres_place[0])
		write_together(postgres_place);
}

static void test_postgres(void **state)
{
	struct fixture fixture;

	if (!postgres_place[0]) {
		print_message("skipped: %s\n", postgres_missing);
		skip();
	}
	fill(&fixture, postgres_place);
	whole(&fixture);
	run(fixture.db, "update audit set subject = 'x' where sequence = ?1", 4, 0);
	broken(&fixture, fixture.line, AUDIT_CHANGED, 4);
	assert_int_equal(db_run(fixture.db, "drop table audit", DB_NO_ARGS, NULL), 0);
	assert_int_equal(db_run(fixture.db, "drop table audit_head", DB_NO_ARGS, NULL), 0);
	assert_int_equal(db_run(fixture.db, "drop table audit_signed", DB_NO_ARGS, NULL), 0);
	assert_int_equal(db_run(fixture.db, "drop table audit_anchor", DB_NO_ARGS, NULL), 0);
	assert_int_equal(db_run(fixture.db, "delete from db_migration", DB_NO_ARGS, NULL), 0);
	db_close(fixture.db);
}

static int start(void **state)
{
	if (sodium_init() < 0)
		return -1;
	if (!pgtest_start(postgres_place, postgres_missing))
		postgres_place[0] = '\0';
	return 0;
}

static int stop(void **state)
{
	pgtest_stop();
	return 0;
}

#define FILLED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* ---- Archives ---- */

static char archives[64];

static int64_t records(struct fixture *fixture)
{
	int64_t count = -1;

	assert_int_equal(db_integer(fixture->db, "select count(*) from audit", DB_NO_ARGS, &count), 0);
	return count;
}

static int archive(struct fixture *fixture, int64_t keep_from_us, int64_t *ret_count)
{
	return audit_archive(fixture->db, &fixture->key, keep_from_us, 9000, archives, ret_count);
}

/* Records later than those of the fixture, with a head behind each third. */
static void append_later(struct fixture *fixture, int64_t time_us, int count)
{
	const struct audit_origin later = { .actor = "system", .now_us = time_us };
	const struct audit_field field = { "text", db_str("Sở \"Y tế\"\n\t") };
	const struct audit_record record = { .action = "x.y", .subject = "s", .fields = &field, .field_count = 1 };
	char line[AUDIT_LINE_SIZE];

	for (int i = 1; i <= count; i++) {
		assert_int_equal(audit_append(fixture->db, &later, &record), 0);
		if (i % 3 == 0)
			assert_int_equal(audit_sign(fixture->db, &fixture->key, time_us, line), 0);
	}
}

static void spoil(const char *path, long at)
{
	FILE *file = fopen(path, "r+e");
	int c;

	assert_non_null(file);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	c = fgetc(file);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	assert_int_equal(fputc(c ^ 1, file), c ^ 1);
	fclose(file);
}

static void test_archive(void **state)
{
	struct fixture *fixture = *state;
	struct audit_head after, last, next_after;
	struct audit_result result;
	struct audit_key other;
	char first[128], second[128], third[128];
	int64_t count = 0;

	snprintf(archives, sizeof(archives), "/tmp/luytre-test-archive-XXXXXX");
	assert_non_null(mkdtemp(archives));
	/* All are of moment 1000: whoever wants all gone keeps the end. */
	assert_int_equal(archive(fixture, 1000, &count), LUYTRE_E_NOT_FOUND);
	assert_int_equal(archive(fixture, 100000, &count), LUYTRE_E_NOT_FOUND);
	append_later(fixture, 7000, 7);
	assert_int_equal(archive(fixture, 7000, &count), 0);
	assert_int_equal(count, SIGNED_AT);
	assert_int_equal(records(fixture), RECORDS + 7 - SIGNED_AT + 1); /* and one that tells of it */
	result = verify(fixture, fixture->line); /* the second party's old head too */
	assert_int_equal(result.fault, AUDIT_WHOLE);
	assert_int_equal(result.archived_until, SIGNED_AT);
	assert_int_equal(archive(fixture, 7000, &count), LUYTRE_E_NOT_FOUND);
	snprintf(first, sizeof(first), "%s/audit-1-%d.jsonl", archives, SIGNED_AT);
	assert_int_equal(audit_archive_verify(first, fixture->key.public_key, &after, &last), 0);
	assert_true(after.sequence == 0 && last.sequence == SIGNED_AT);
	/* The next one goes on where this one ends. */
	append_later(fixture, 8000, 3);
	assert_int_equal(archive(fixture, 8000, &count), 0);
	snprintf(second, sizeof(second), "%s/audit-%d-%d.jsonl", archives, SIGNED_AT + 1, RECORDS + 6);
	assert_int_equal(audit_archive_verify(second, fixture->key.public_key, &next_after, &after), 0);
	assert_memory_equal(next_after.hash, last.hash, AUDIT_HASH_SIZE);
	result = verify(fixture, fixture->line);
	assert_int_equal(result.fault, AUDIT_WHOLE);
	/* And the folder proves all of it, up to where the database begins, whatever a try that failed has left. */
	snprintf(third, sizeof(third), "%s/audit-1-%d.jsonl", archives, SIGNED_AT - 1);
	assert_int_equal(link(first, third), 0);
	assert_int_equal(audit_archives_verify(archives, fixture->key.public_key, &last), 0);
	assert_int_equal(last.sequence, result.archived_until);
	assert_memory_equal(last.hash, result.archived_hash, AUDIT_HASH_SIZE);
	/* Archives that were altered, or signed by somebody else. */
	crypto_sign_keypair(other.public_key, other.secret_key);
	assert_int_equal(audit_archive_verify(first, other.public_key, &after, &last), LUYTRE_E_CORRUPT);
	spoil(first, 400);
	assert_int_equal(audit_archives_verify(archives, fixture->key.public_key, &last), 0);
	assert_int_equal(last.sequence, 0);
	assert_int_equal(audit_archive_verify(first, fixture->key.public_key, &after, &last), LUYTRE_E_CORRUPT);
	unlink(first);
	unlink(second);
	unlink(third);
	assert_int_equal(rmdir(archives), 0);
}

/* What the database refuses to give up leaves no file, and the next try succeeds. */
static void test_archive_refused(void **state)
{
	struct fixture *fixture = *state;
	struct audit_head last;
	char first[128];
	int64_t count;

	snprintf(archives, sizeof(archives), "/tmp/luytre-test-archive-XXXXXX");
	assert_non_null(mkdtemp(archives));
	append_later(fixture, 7000, 3);
	assert_int_equal(
		db_run(fixture->db, "create trigger no before delete on audit begin select raise(abort, 'no'); end",
			DB_NO_ARGS, NULL),
		0);
	assert_int_not_equal(archive(fixture, 7000, &count), 0);
	snprintf(first, sizeof(first), "%s/audit-1-%d.jsonl", archives, SIGNED_AT);
	assert_int_equal(access(first, F_OK), -1);
	assert_int_equal(db_run(fixture->db, "drop trigger no", DB_NO_ARGS, NULL), 0);
	assert_int_equal(archive(fixture, 7000, &count), 0);
	assert_int_equal(audit_archives_verify(archives, fixture->key.public_key, &last), 0);
	assert_int_equal(last.sequence, SIGNED_AT);
	unlink(first);
	assert_int_equal(rmdir(archives), 0);
}

/* Who rules the database cannot cut without the key, nor move the place of the cut. */
static void test_archive_forged(void **state)
{
	struct fixture *fixture = *state;
	struct audit_key other;
	int64_t count;

	snprintf(archives, sizeof(archives), "/tmp/luytre-test-archive-XXXXXX");
	assert_non_null(mkdtemp(archives));
	append_later(fixture, 7000, 3);
	crypto_sign_keypair(other.public_key, other.secret_key);
	assert_int_equal(audit_archive(fixture->db, &other, 7000, 9000, archives, &count), LUYTRE_E_CORRUPT);
	assert_int_equal(rmdir(archives), 0); /* nothing was written */
	/* The signed head's own signature is no leave to cut there. */
	assert_int_equal(db_run(fixture->db,
				 "insert into audit_anchor (one, sequence, time_us, hash, signature)"
				 " select 1, sequence, time_us, hash, signature from audit_signed where sequence = ?1",
				 DB_ARGS(db_i64(SIGNED_AT)), NULL),
		0);
	run(fixture->db, "delete from audit where sequence <= ?1", SIGNED_AT, 0);
	broken(fixture, fixture->line, AUDIT_SIGNATURE, SIGNED_AT);
}

/* A record that was altered is evidence and stays. */
static void test_archive_of_a_broken_chain(void **state)
{
	struct fixture *fixture = *state;
	int64_t count, before;

	snprintf(archives, sizeof(archives), "/tmp/luytre-test-archive-XXXXXX");
	assert_non_null(mkdtemp(archives));
	append_later(fixture, 7000, 3);
	run(fixture->db, "update audit set actor = 'nobody' where sequence = ?1", 3, 0);
	before = records(fixture);
	assert_int_equal(archive(fixture, 7000, &count), LUYTRE_E_CORRUPT);
	assert_int_equal(records(fixture), before);
	assert_int_equal(rmdir(archives), 0); /* no half file */
	broken(fixture, fixture->line, AUDIT_CHANGED, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILLED(test_whole),
		FILLED(test_changed),
		FILLED(test_removed),
		FILLED(test_inserted),
		FILLED(test_reordered),
		FILLED(test_truncated),
		FILLED(test_rewritten),
		FILLED(test_signatures),
		FILLED(test_hidden),
		FILLED(test_too_long),
		FILLED(test_with_the_change),
		FILLED(test_scope),
		FILLED(test_look),
		FILLED(test_key_and_export),
		FILLED(test_archive),
		FILLED(test_archive_refused),
		FILLED(test_archive_forged),
		FILLED(test_archive_of_a_broken_chain),
		cmocka_unit_test(test_postgres),
		cmocka_unit_test(test_together),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
