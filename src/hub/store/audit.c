// SPDX-License-Identifier: Apache-2.0
/* Writing the chain, signing its head. Reading and checking it is in audit-verify.c. */
#include "hub/store/audit.h"

#include <endian.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/jsonw.h"
#include "hub/store/audit-chain.h"
#include "hub/store/secret.h"

static const struct db_migration migrations[] = {
	{ "create table audit (sequence integer primary key, time_us integer not null, actor text not null,"
	  " address text not null, action text not null, subject text not null, tenant integer not null,"
	  " detail text not null, hash blob not null);"
	  "create index audit_tenant on audit (tenant, sequence);"
	  "create table audit_head (one integer primary key, sequence integer not null, hash blob not null);"
	  "create table audit_signed (sequence integer primary key, time_us integer not null, hash blob not null,"
	  " public_key blob not null, signature blob not null);" },
	{ "create index audit_subject on audit (subject, sequence);" },
	{ "create table audit_anchor (one integer primary key, sequence integer not null, time_us integer not null,"
	  " hash blob not null, signature blob not null);" },
};

int audit_setup(struct db *db)
{
	return sodium_init() < 0 ? LUYTRE_E_SYSTEM : db_migrate(db, "audit", migrations, ARRAY_COUNT(migrations));
}

/* Names of fields whose values nobody needs to read, wherever in the name they stand. */
static const char *const secret_names[] = {
	"password",
	"passwd",
	"secret",
	"token",
	"cookie",
	"csrf",
	"totp",
	"otp",
	"one_time",
	"hash",
	"private",
	"credential",
	"authorization",
	"session",
	"api_key",
};

static bool is_secret(const struct audit_field *field)
{
	for (size_t i = 0; i < ARRAY_COUNT(secret_names); i++)
		if (strcasestr(field->name, secret_names[i]))
			return field->value.type == DB_TEXT || field->value.type == DB_BLOB;
	if (field->value.type != DB_TEXT || field->value.bytes.size == 0)
		return false;
	return memmem(field->value.bytes.ptr, field->value.bytes.size, "hub_", 4) != NULL;
}

static void field_write(struct jsonw *writer, const struct audit_field *field)
{
	if (is_secret(field)) {
		jsonw_kv_string(writer, field->name, "[hidden]");
		return;
	}
	switch (field->value.type) {
	case DB_INTEGER:
		jsonw_kv_i64(writer, field->name, field->value.integer);
		break;
	case DB_REAL:
		jsonw_kv_double(writer, field->name, field->value.real);
		break;
	case DB_TEXT:
		jsonw_kv_string_bytes(writer, field->name, field->value.bytes);
		break;
	case DB_BLOB:
		jsonw_kv_u64(writer, field->name, field->value.bytes.size);
		break;
	case DB_NULL:
		jsonw_kv_null(writer, field->name);
		break;
	}
}

static int detail_write(struct jsonw *writer, const struct audit_record *record, struct bytes *ret)
{
	jsonw_init(writer, AUDIT_DETAIL_MAX);
	jsonw_object_begin(writer);
	for (size_t i = 0; i < record->field_count && i < AUDIT_FIELDS_MAX; i++)
		field_write(writer, &record->fields[i]);
	jsonw_object_end(writer);
	return jsonw_text(writer, ret);
}

static void hash_number(crypto_generichash_state *state, int64_t number)
{
	uint64_t big = htobe64((uint64_t)number);

	crypto_generichash_update(state, (const unsigned char *)&big, sizeof(big));
}

static void hash_text(crypto_generichash_state *state, struct bytes text)
{
	hash_number(state, (int64_t)text.size);
	if (text.size > 0)
		crypto_generichash_update(state, text.ptr, text.size);
}

void audit_chain_hash(const uint8_t previous[AUDIT_HASH_SIZE], const struct audit_entry *entry, uint8_t *ret)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, AUDIT_HASH_SIZE);
	crypto_generichash_update(&state, previous, AUDIT_HASH_SIZE);
	hash_number(&state, entry->sequence);
	hash_number(&state, entry->time_us);
	hash_text(&state, entry->actor);
	hash_text(&state, entry->address);
	hash_text(&state, entry->action);
	hash_text(&state, entry->subject);
	hash_number(&state, entry->tenant);
	hash_text(&state, entry->detail);
	crypto_generichash_final(&state, ret, AUDIT_HASH_SIZE);
}

static int row_head(void *context, const struct db_value *columns, size_t column_count)
{
	struct audit_head *head = context;

	if (columns[1].bytes.size != AUDIT_HASH_SIZE)
		return LUYTRE_E_CORRUPT;
	head->sequence = columns[0].integer;
	memcpy(head->hash, columns[1].bytes.ptr, AUDIT_HASH_SIZE);
	return 0;
}

int audit_head_read(struct db *db, struct audit_head *ret)
{
	*ret = (struct audit_head){ 0 };
	return db_each(db, "select sequence, hash from audit_head where one = 1", DB_NO_ARGS, row_head, ret);
}

static int append(
	struct db *db, const struct audit_origin *origin, const struct audit_record *record, struct bytes detail)
{
	uint8_t hash[AUDIT_HASH_SIZE];
	struct audit_entry entry;
	struct audit_head head;
	int error = audit_head_read(db, &head);

	if (error)
		return error;
	entry = (struct audit_entry){
		.sequence = head.sequence + 1,
		.time_us = origin->now_us,
		.actor = bytes_from_str(origin->actor),
		.address = bytes_from_str(origin->address ? origin->address : ""),
		.action = bytes_from_str(record->action),
		.subject = bytes_from_str(record->subject),
		.tenant = record->tenant,
		.detail = detail,
	};
	audit_chain_hash(head.hash, &entry, hash);
	error = db_run(db,
		"insert into audit (sequence, time_us, actor, address, action, subject, tenant, detail, hash)"
		" values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		DB_ARGS(db_i64(entry.sequence), db_i64(entry.time_us), db_text(entry.actor), db_text(entry.address),
			db_text(entry.action), db_text(entry.subject), db_i64(entry.tenant), db_text(entry.detail),
			db_blob(bytes_of(hash, sizeof(hash)))),
		NULL);
	if (error)
		return error;
	return db_run(db,
		"insert into audit_head (one, sequence, hash) values (1, ?1, ?2)"
		" on conflict (one) do update set sequence = excluded.sequence, hash = excluded.hash",
		DB_ARGS(db_i64(entry.sequence), db_blob(bytes_of(hash, sizeof(hash)))), NULL);
}

int audit_append(struct db *db, const struct audit_origin *origin, const struct audit_record *record)
{
	bool own = !db_in_transaction(db);
	struct jsonw writer;
	struct bytes detail;
	int error = detail_write(&writer, record, &detail);

	if (!error && own)
		error = db_begin(db);
	if (!error) {
		error = append(db, origin, record, detail);
		if (own && !error)
			error = db_commit(db);
		else if (own)
			db_rollback(db);
	}
	jsonw_done(&writer);
	return error;
}

struct each {
	const struct scope *scope;
	audit_fn fn;
	void *context;
	uint32_t left;
};

void audit_entry_read(const struct db_value *columns, struct audit_entry *ret)
{
	*ret = (struct audit_entry){
		.sequence = columns[0].integer,
		.time_us = columns[1].integer,
		.actor = columns[2].bytes,
		.address = columns[3].bytes,
		.action = columns[4].bytes,
		.subject = columns[5].bytes,
		.tenant = (uint32_t)columns[6].integer,
		.detail = columns[7].bytes,
	};
}

static int row_each(void *context, const struct db_value *columns, size_t column_count)
{
	struct each *each = context;
	struct audit_entry entry;

	audit_entry_read(columns, &entry);
	if (!scope_has(each->scope, entry.tenant))
		return 0;
	if (each->left == 0)
		return AUDIT_ENOUGH;
	each->left--;
	return each->fn(each->context, &entry);
}

static int row_last(void *context, const struct db_value *columns, size_t column_count)
{
	int64_t *last = context;

	last[0] = columns[0].integer;
	last[1]++;
	return 0;
}

/* In pieces, because a small scope may have to pass over many records of others. */
int audit_each(struct db *db, const struct scope *scope, int64_t before, uint32_t limit, audit_fn fn, void *context,
	int64_t *ret_next)
{
	struct each each = { .scope = scope, .fn = fn, .context = context, .left = limit };
	int64_t from = before > 0 ? before : INT64_MAX, looked = 0;

	if (!scope)
		return LUYTRE_E_INVALID;
	if (ret_next)
		*ret_next = 0;
	while (each.left > 0 && looked < AUDIT_LOOK_MAX) {
		int64_t last[2] = { 0 }; /* sequence of the piece's last record, and how many it has */
		int error =
			db_each(db, "select sequence from audit where sequence < ?1 order by sequence desc limit 1000",
				DB_ARGS(db_i64(from)), row_last, last);

		if (!error && last[1] > 0)
			error = db_each(db,
				"select sequence, time_us, actor, address, action, subject, tenant, detail from audit"
				" where sequence < ?1 and sequence >= ?2 order by sequence desc",
				DB_ARGS(db_i64(from), db_i64(last[0])), row_each, &each);
		if (error || last[1] == 0)
			return error == AUDIT_ENOUGH ? 0 : error;
		from = last[0];
		looked += last[1];
	}
	if (ret_next && each.left > 0)
		*ret_next = from;
	return 0;
}

int audit_each_of(struct db *db, const struct scope *scope, const char *subject, int64_t before, uint32_t limit,
	audit_fn fn, void *context)
{
	struct each each = { .scope = scope, .fn = fn, .context = context, .left = limit };
	int error;

	if (!scope)
		return LUYTRE_E_INVALID;
	error = db_each(db,
		"select sequence, time_us, actor, address, action, subject, tenant, detail from audit"
		" where subject = ?1 and sequence < ?2 order by sequence desc limit ?3",
		DB_ARGS(db_str(subject), db_i64(before > 0 ? before : INT64_MAX), db_i64(limit)), row_each, &each);
	return error == AUDIT_ENOUGH ? 0 : error;
}

static int make_key(uint8_t *key, size_t key_size)
{
	uint8_t public_key[AUDIT_PUBLIC_KEY_SIZE];

	return crypto_sign_keypair(public_key, key) == 0 ? 0 : LUYTRE_E_SYSTEM;
}

int audit_key_load(const char *path, struct audit_key *ret)
{
	int error = secret_key(path, make_key, ret->secret_key, sizeof(ret->secret_key));

	if (!error)
		crypto_sign_ed25519_sk_to_pk(ret->public_key, ret->secret_key);
	return error;
}

int audit_head_message(const struct audit_head *head, int64_t time_us, char *text, size_t text_size)
{
	char hex[2 * AUDIT_HASH_SIZE + 1];

	sodium_bin2hex(hex, sizeof(hex), head->hash, sizeof(head->hash));
	return snprintf(
		text, text_size, AUDIT_HEAD_WORD " 1 %lld %lld %s", (long long)head->sequence, (long long)time_us, hex);
}

static int sign(struct db *db, const struct audit_key *key, int64_t now_us, char *ret_line)
{
	uint8_t signature[AUDIT_SIGNATURE_SIZE];
	char public_hex[2 * AUDIT_PUBLIC_KEY_SIZE + 1], signature_hex[2 * AUDIT_SIGNATURE_SIZE + 1];
	struct audit_head head;
	int64_t known = 0;
	int error = audit_head_read(db, &head), size;

	if (!error)
		error = db_integer(db, "select max(sequence) from audit_signed", DB_NO_ARGS, &known);
	if (error && error != LUYTRE_E_NOT_FOUND)
		return error;
	if (head.sequence <= known)
		return LUYTRE_E_NOT_FOUND;
	size = audit_head_message(&head, now_us, ret_line, AUDIT_LINE_SIZE);
	crypto_sign_detached(signature, NULL, (const unsigned char *)ret_line, (size_t)size, key->secret_key);
	sodium_bin2hex(public_hex, sizeof(public_hex), key->public_key, sizeof(key->public_key));
	sodium_bin2hex(signature_hex, sizeof(signature_hex), signature, sizeof(signature));
	snprintf(ret_line + size, AUDIT_LINE_SIZE - (size_t)size, " %s %s", public_hex, signature_hex);
	return db_run(db,
		"insert into audit_signed (sequence, time_us, hash, public_key, signature) values (?1, ?2, ?3, ?4, ?5)",
		DB_ARGS(db_i64(head.sequence), db_i64(now_us), db_blob(bytes_of(head.hash, sizeof(head.hash))),
			db_blob(bytes_of(key->public_key, sizeof(key->public_key))),
			db_blob(bytes_of(signature, sizeof(signature)))),
		NULL);
}

int audit_sign(struct db *db, const struct audit_key *key, int64_t now_us, char ret_line[AUDIT_LINE_SIZE])
{
	int error = db_begin(db);

	if (error)
		return error;
	error = sign(db, key, now_us, ret_line);
	if (!error)
		return db_commit(db);
	db_rollback(db);
	return error;
}

int audit_signed_us(struct db *db, int64_t *ret)
{
	int error;

	*ret = 0;
	error = db_integer(db, "select time_us from audit_signed order by sequence desc limit 1", DB_NO_ARGS, ret);
	return error == LUYTRE_E_NOT_FOUND ? 0 : error;
}

int audit_export(const char *path, const char *line)
{
	char text[AUDIT_LINE_SIZE + 1];
	int size = snprintf(text, sizeof(text), "%s\n", line);
	int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	bool written;

	if (file < 0)
		return LUYTRE_E_IO;
	written = write(file, text, (size_t)size) == size && fdatasync(file) == 0;
	return close(file) == 0 && written ? 0 : LUYTRE_E_IO;
}
