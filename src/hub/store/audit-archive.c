// SPDX-License-Identifier: Apache-2.0
/* Old records leave the database for a file, and the chain goes on from a signed place: what was cut off, where, and by whom stays provable. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/jsonr.h"
#include "base/jsonw.h"
#include "hub/store/audit-chain.h"

enum {
	PATH_SIZE = 512,
	PAGE = 1000,
	RECORD_MAX = 128 << 10, /* as a line: a detail of AUDIT_DETAIL_MAX, escaped */
	LINE_MAX_SIZE = 4 * RECORD_MAX,
};

/* ---- The place where the chain begins ---- */

static int row_anchor(void *context, const struct db_value *columns, size_t column_count)
{
	struct audit_anchor *anchor = context;

	if (columns[2].bytes.size != AUDIT_HASH_SIZE || columns[3].bytes.size != AUDIT_SIGNATURE_SIZE)
		return LUYTRE_E_CORRUPT;
	anchor->head.sequence = columns[0].integer;
	anchor->time_us = columns[1].integer;
	memcpy(anchor->head.hash, columns[2].bytes.ptr, AUDIT_HASH_SIZE);
	memcpy(anchor->signature, columns[3].bytes.ptr, AUDIT_SIGNATURE_SIZE);
	return 0;
}

int audit_anchor_read(struct db *db, struct audit_anchor *ret)
{
	*ret = (struct audit_anchor){ 0 };
	return db_each(db, "select sequence, time_us, hash, signature from audit_anchor where one = 1", DB_NO_ARGS,
		row_anchor, ret);
}

/* Another word than a head's: a head that was signed is no leave to cut there. */
static int anchor_message(const struct audit_anchor *anchor, char *text, size_t text_size)
{
	char hex[2 * AUDIT_HASH_SIZE + 1];

	sodium_bin2hex(hex, sizeof(hex), anchor->head.hash, AUDIT_HASH_SIZE);
	return snprintf(text, text_size, "luytre-audit-anchor 1 %lld %lld %s", (long long)anchor->head.sequence,
		(long long)anchor->time_us, hex);
}

bool audit_anchor_genuine(const struct audit_anchor *anchor, const uint8_t *public_key)
{
	char text[AUDIT_LINE_SIZE];
	int size = anchor_message(anchor, text, sizeof(text));

	return anchor->head.sequence == 0 || !public_key ||
	       crypto_sign_verify_detached(anchor->signature, (const unsigned char *)text, (size_t)size, public_key) ==
		       0;
}

static int write_anchor(struct db *db, const struct audit_key *key, struct audit_anchor *anchor)
{
	char text[AUDIT_LINE_SIZE];
	int size = anchor_message(anchor, text, sizeof(text));

	crypto_sign_detached(anchor->signature, NULL, (const unsigned char *)text, (size_t)size, key->secret_key);
	return db_run(db,
		"insert into audit_anchor (one, sequence, time_us, hash, signature) values (1, ?1, ?2, ?3, ?4)"
		" on conflict (one) do update set sequence = excluded.sequence, time_us = excluded.time_us,"
		" hash = excluded.hash, signature = excluded.signature",
		DB_ARGS(db_i64(anchor->head.sequence), db_i64(anchor->time_us),
			db_blob(bytes_of(anchor->head.hash, AUDIT_HASH_SIZE)),
			db_blob(bytes_of(anchor->signature, AUDIT_SIGNATURE_SIZE))),
		NULL);
}

/* ---- Where to cut ---- */

struct cut {
	struct audit_head head;
	int64_t time_us; /* when it was signed */
	uint8_t public_key[AUDIT_PUBLIC_KEY_SIZE], signature[AUDIT_SIGNATURE_SIZE];
	bool found;
};

static int row_cut(void *context, const struct db_value *columns, size_t column_count)
{
	struct cut *cut = context;

	if (columns[2].bytes.size != AUDIT_HASH_SIZE || columns[3].bytes.size != AUDIT_PUBLIC_KEY_SIZE ||
		columns[4].bytes.size != AUDIT_SIGNATURE_SIZE)
		return LUYTRE_E_CORRUPT;
	cut->head.sequence = columns[0].integer;
	cut->time_us = columns[1].integer;
	memcpy(cut->head.hash, columns[2].bytes.ptr, AUDIT_HASH_SIZE);
	memcpy(cut->public_key, columns[3].bytes.ptr, AUDIT_PUBLIC_KEY_SIZE);
	memcpy(cut->signature, columns[4].bytes.ptr, AUDIT_SIGNATURE_SIZE);
	cut->found = true;
	return 0;
}

#define HEADS                                                                                                          \
	"select sequence, time_us, hash, public_key, signature from audit_signed where sequence > ?1 and sequence < "  \
	"?2"

/* The last signed head in front of all that is kept, and of no more records than one turn takes. */
static int find_cut(struct db *db, int64_t after, int64_t keep_from_us, struct cut *ret)
{
	int64_t kept = 0;
	int error = db_integer(db, "select coalesce(min(sequence), 0) from audit where time_us >= ?1",
		DB_ARGS(db_i64(keep_from_us)), &kept);

	*ret = (struct cut){ .found = false };
	if (error || kept == 0) /* the end of the chain stays in any case */
		return error ? error : LUYTRE_E_NOT_FOUND;
	error = db_each(db, HEADS " and sequence <= ?3 order by sequence desc limit 1",
		DB_ARGS(db_i64(after), db_i64(kept), db_i64(after + AUDIT_ARCHIVE_MAX)), row_cut, ret);
	if (!error && !ret->found)
		error = db_each(
			db, HEADS " order by sequence limit 1", DB_ARGS(db_i64(after), db_i64(kept)), row_cut, ret);
	return error ? error : ret->found ? 0 : LUYTRE_E_NOT_FOUND;
}

static bool is_genuine(const struct cut *cut, const uint8_t *public_key)
{
	char text[AUDIT_LINE_SIZE];
	int size = audit_head_message(&cut->head, cut->time_us, text, sizeof(text));

	return crypto_sign_verify_detached(cut->signature, (const unsigned char *)text, (size_t)size, public_key) == 0;
}

/* ---- The file ---- */

struct export
{
	int fd;
	struct audit_head end; /* of what was written */
	int64_t until;
	int error;
};

static int put_line(int fd, struct jsonw *json)
{
	struct bytes text;
	int error = jsonw_text(json, &text);

	if (!error)
		error = file_write_all(fd, text);
	return error ? error : file_write_all(fd, bytes_from_str("\n"));
}

static void kv_hex(struct jsonw *json, const char *key, const uint8_t *bytes, size_t size)
{
	char hex[2 * AUDIT_SIGNATURE_SIZE + 1];

	jsonw_kv_string(json, key, sodium_bin2hex(hex, sizeof(hex), bytes, size));
}

/* A record whose hash does not fit is evidence: it stays where it is. */
static int row_export(void *context, const struct db_value *columns, size_t column_count)
{
	struct export *export = context;
	uint8_t hash[AUDIT_HASH_SIZE];
	struct audit_entry entry;
	struct jsonw json;

	audit_entry_read(columns, &entry);
	audit_chain_hash(export->end.hash, &entry, hash);
	if (entry.sequence != export->end.sequence + 1 || columns[8].bytes.size != AUDIT_HASH_SIZE ||
		memcmp(columns[8].bytes.ptr, hash, AUDIT_HASH_SIZE) != 0)
		return LUYTRE_E_CORRUPT;
	jsonw_init(&json, RECORD_MAX);
	jsonw_object_begin(&json);
	jsonw_kv_i64(&json, "sequence", entry.sequence);
	jsonw_kv_i64(&json, "time_us", entry.time_us);
	jsonw_kv_string_bytes(&json, "actor", entry.actor);
	jsonw_kv_string_bytes(&json, "address", entry.address);
	jsonw_kv_string_bytes(&json, "action", entry.action);
	jsonw_kv_string_bytes(&json, "subject", entry.subject);
	jsonw_kv_i64(&json, "tenant", entry.tenant);
	jsonw_kv_string_bytes(&json, "detail", entry.detail);
	jsonw_object_end(&json);
	export->error = put_line(export->fd, &json);
	jsonw_done(&json);
	export->end.sequence = entry.sequence;
	memcpy(export->end.hash, hash, AUDIT_HASH_SIZE);
	return export->error;
}

static int put_first(int fd, const struct audit_head *from)
{
	struct jsonw json;
	int error;

	jsonw_init(&json, RECORD_MAX);
	jsonw_object_begin(&json);
	jsonw_kv_i64(&json, "archive", 1);
	jsonw_kv_i64(&json, "after", from->sequence);
	kv_hex(&json, "hash", from->hash, AUDIT_HASH_SIZE);
	jsonw_object_end(&json);
	error = put_line(fd, &json);
	jsonw_done(&json);
	return error;
}

static int put_last(int fd, const struct cut *cut)
{
	struct jsonw json;
	int error;

	jsonw_init(&json, RECORD_MAX);
	jsonw_object_begin(&json);
	jsonw_kv_i64(&json, "head", cut->head.sequence);
	jsonw_kv_i64(&json, "time_us", cut->time_us);
	kv_hex(&json, "hash", cut->head.hash, AUDIT_HASH_SIZE);
	kv_hex(&json, "public_key", cut->public_key, AUDIT_PUBLIC_KEY_SIZE);
	kv_hex(&json, "signature", cut->signature, AUDIT_SIGNATURE_SIZE);
	jsonw_object_end(&json);
	error = put_line(fd, &json);
	jsonw_done(&json);
	return error;
}

static int put_records(struct db *db, struct export *export)
{
	int error = 0;

	while (!error && export->end.sequence < export->until) {
		int64_t from = export->end.sequence;

		error = db_each(db,
			"select sequence, time_us, actor, address, action, subject, tenant, detail, hash from audit"
			" where sequence > ?1 and sequence <= ?2 order by sequence limit 1000",
			DB_ARGS(db_i64(from), db_i64(export->until)), row_export, export);
		if (!error && export->end.sequence == from)
			error = LUYTRE_E_CORRUPT;
	}
	return error;
}

/* Whole under its name, or not there. */
static int write_file(struct db *db, const struct audit_head *from, const struct cut *cut, const char *path)
{
	char new_path[PATH_SIZE + 8];
	struct export export = { .end = *from, .until = cut->head.sequence };
	int error;

	snprintf(new_path, sizeof(new_path), "%s.new", path);
	export.fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (export.fd < 0)
		return LUYTRE_E_IO;
	error = put_first(export.fd, from);
	if (!error)
		error = put_records(db, &export);
	if (!error && memcmp(export.end.hash, cut->head.hash, AUDIT_HASH_SIZE) != 0)
		error = LUYTRE_E_CORRUPT;
	if (!error)
		error = put_last(export.fd, cut);
	if (!error && fsync(export.fd))
		error = LUYTRE_E_IO;
	if (close(export.fd) && !error)
		error = LUYTRE_E_IO;
	if (!error && rename(new_path, path))
		error = LUYTRE_E_IO;
	if (error)
		unlink(new_path);
	return error ? error : file_sync_folder(path);
}

/* ---- Cutting ---- */

static int remove_records(struct db *db, const struct audit_key *key, const struct cut *cut, const char *name,
	int64_t first, int64_t now_us)
{
	const struct audit_origin origin = { .actor = "system", .now_us = now_us };
	const struct audit_field fields[] = {
		{ "first", db_i64(first) },
		{ "last", db_i64(cut->head.sequence) },
		{ "file", db_str(name) },
	};
	const struct audit_record record = {
		.action = "audit.archive", .subject = "audit", .fields = fields, .field_count = ARRAY_COUNT(fields)
	};
	struct audit_anchor anchor = { .head = cut->head, .time_us = now_us };
	int error = write_anchor(db, key, &anchor);

	if (!error)
		error = db_run(db, "delete from audit where sequence <= ?1", DB_ARGS(db_i64(cut->head.sequence)), NULL);
	if (!error)
		error = db_run(
			db, "delete from audit_signed where sequence < ?1", DB_ARGS(db_i64(cut->head.sequence)), NULL);
	return error ? error : audit_append(db, &origin, &record);
}

/* A file whose records are still in the database is none. That of a commit whose end is unknown stays: it may be the only one. */
static void take_back(struct db *db, const struct audit_anchor *before, const char *path)
{
	struct audit_anchor now;

	if (!audit_anchor_read(db, &now) && now.head.sequence == before->head.sequence)
		unlink(path);
}

static int remove_written(struct db *db, const struct audit_key *key, const struct cut *cut, const char *path,
	int64_t first, int64_t now_us)
{
	struct audit_head after, last;
	/* What cannot be proven from the file is not removed. */
	int error = audit_archive_verify(path, key->public_key, &after, &last);

	if (!error)
		error = db_begin(db);
	if (error)
		return error;
	error = remove_records(db, key, cut, strrchr(path, '/') + 1, first, now_us);
	if (!error)
		return db_commit(db);
	db_rollback(db);
	return error;
}

int audit_archive(struct db *db, const struct audit_key *key, int64_t keep_from_us, int64_t now_us, const char *folder,
	int64_t *ret_count)
{
	char path[PATH_SIZE];
	struct audit_anchor anchor;
	struct cut cut;
	int error = audit_anchor_read(db, &anchor);

	if (!error)
		error = find_cut(db, anchor.head.sequence, keep_from_us, &cut);
	if (error)
		return error;
	if (!audit_anchor_genuine(&anchor, key->public_key) || !is_genuine(&cut, key->public_key))
		return LUYTRE_E_CORRUPT;
	if (mkdir(folder, 0700) && errno != EEXIST)
		return LUYTRE_E_IO;
	if (snprintf(path, sizeof(path), "%s/audit-%lld-%lld.jsonl", folder, (long long)anchor.head.sequence + 1,
		    (long long)cut.head.sequence) >= (int)sizeof(path))
		return LUYTRE_E_RANGE;
	error = write_file(db, &anchor.head, &cut, path);
	if (!error)
		error = remove_written(db, key, &cut, path, anchor.head.sequence + 1, now_us);
	if (error)
		take_back(db, &anchor, path);
	*ret_count = cut.head.sequence - anchor.head.sequence;
	return error;
}

/* ---- Reading an archive ---- */

static bool hex_of(const json_t *line, const char *key, uint8_t *ret, size_t size)
{
	const char *text = json_string_value(json_object_get(line, key));
	size_t used = 0;

	return text && sodium_hex2bin(ret, size, text, strlen(text), NULL, &used, NULL) == 0 && used == size;
}

static struct bytes text_of(const json_t *line, const char *key)
{
	const json_t *value = json_object_get(line, key);

	return bytes_of(json_string_value(value) ? json_string_value(value) : "", json_string_length(value));
}

/* A record, added to the chain. */
static void take_record(const json_t *line, struct audit_head *end)
{
	const struct audit_entry entry = { .sequence = json_integer_value(json_object_get(line, "sequence")),
		.time_us = json_integer_value(json_object_get(line, "time_us")),
		.actor = text_of(line, "actor"),
		.address = text_of(line, "address"),
		.action = text_of(line, "action"),
		.subject = text_of(line, "subject"),
		.tenant = (uint32_t)json_integer_value(json_object_get(line, "tenant")),
		.detail = text_of(line, "detail") };
	uint8_t hash[AUDIT_HASH_SIZE];

	audit_chain_hash(end->hash, &entry, hash);
	end->sequence = entry.sequence;
	memcpy(end->hash, hash, AUDIT_HASH_SIZE);
}

struct reading {
	struct audit_head first, end;
	struct cut cut;
	size_t lines;
	bool broken;
};

static void take_line(struct reading *reading, const json_t *line)
{
	bool last = json_object_get(line, "head") != NULL;

	if (reading->cut.found) { /* something stands behind the head */
		reading->broken = true;
	} else if (reading->lines++ == 0) {
		reading->first.sequence = json_integer_value(json_object_get(line, "after"));
		reading->broken = json_integer_value(json_object_get(line, "archive")) != 1 ||
				  !hex_of(line, "hash", reading->first.hash, AUDIT_HASH_SIZE);
		reading->end = reading->first;
	} else if (last) {
		reading->cut.head.sequence = json_integer_value(json_object_get(line, "head"));
		reading->cut.time_us = json_integer_value(json_object_get(line, "time_us"));
		reading->cut.found = hex_of(line, "hash", reading->cut.head.hash, AUDIT_HASH_SIZE) &&
				     hex_of(line, "signature", reading->cut.signature, AUDIT_SIGNATURE_SIZE);
		reading->broken = !reading->cut.found;
	} else {
		reading->broken = json_integer_value(json_object_get(line, "sequence")) != reading->end.sequence + 1;
		take_record(line, &reading->end);
	}
}

static int read_lines(FILE *file, struct reading *reading)
{
	const struct jsonr_limits limits = { .size_max = LINE_MAX_SIZE, .depth_max = 2, .value_max = 32 };
	char *text = NULL;
	size_t room = 0;
	ssize_t size;
	int error = 0;

	while (!error && !reading->broken && (size = getline(&text, &room, file)) > 0) {
		struct jsonr_errors errors = { 0 };
		json_t *line = NULL;

		error = jsonr_parse(bytes_of(text, (size_t)size), &limits, &errors, &line);
		if (!error)
			take_line(reading, line);
		json_decref(line);
	}
	free(text);
	return error == LUYTRE_E_NOMEM ? error : error ? LUYTRE_E_CORRUPT : 0;
}

int audit_archive_verify(
	const char *path, const uint8_t *public_key, struct audit_head *ret_after, struct audit_head *ret_last)
{
	struct reading reading = { .lines = 0 };
	FILE *file = fopen(path, "re");
	int error;

	if (!file)
		return LUYTRE_E_IO;
	error = read_lines(file, &reading);
	fclose(file);
	if (error)
		return error;
	if (reading.broken || !reading.cut.found || reading.cut.head.sequence != reading.end.sequence ||
		memcmp(reading.cut.head.hash, reading.end.hash, AUDIT_HASH_SIZE) != 0 ||
		!is_genuine(&reading.cut, public_key))
		return LUYTRE_E_CORRUPT;
	*ret_after = reading.first;
	*ret_last = reading.end;
	return 0;
}

static int is_archive(const struct dirent *entry)
{
	size_t size = strlen(entry->d_name);

	return size > 12 && strncmp(entry->d_name, "audit-", 6) == 0 && strcmp(entry->d_name + size - 6, ".jsonl") == 0;
}

static long long number_of(const struct dirent *entry, long long *ret_last)
{
	char *end;
	long long first = strtoll(entry->d_name + 6, &end, 10);

	*ret_last = *end == '-' ? strtoll(end + 1, NULL, 10) : 0;
	return first;
}

/* By numbers, which is the order of the chain; of two that begin together the longer one first. */
static int by_number(const struct dirent **left, const struct dirent **right)
{
	long long a_last, b_last, a = number_of(*left, &a_last), b = number_of(*right, &b_last);

	return a != b ? (a > b) - (a < b) : (a_last < b_last) - (a_last > b_last);
}

int audit_archives_verify(const char *folder, const uint8_t *public_key, struct audit_head *ret_last)
{
	struct dirent **names = NULL;
	int count = scandir(folder, &names, is_archive, by_number);
	bool broken = false;

	*ret_last = (struct audit_head){ 0 };
	if (count < 0)
		return errno == ENOENT ? 0 : error_from_errno(errno);
	for (int i = 0; i < count; i++) {
		struct audit_head after, last;
		char path[PATH_SIZE];
		long long until;

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		(void)number_of(names[i], &until);
		free(names[i]);
		if (until <= ret_last->sequence) /* of a try that failed: all of it is proven already */
			continue;
		broken = broken || audit_archive_verify(path, public_key, &after, &last) != 0 ||
			 after.sequence != ret_last->sequence ||
			 memcmp(after.hash, ret_last->hash, AUDIT_HASH_SIZE) != 0;
		if (!broken)
			*ret_last = last;
	}
	free(names);
	return 0;
}
