// SPDX-License-Identifier: Apache-2.0
/* Reads the audit chain from its beginning and compares it with itself and with every signed head. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "hub/store/audit-chain.h"

enum { READ_ROUNDS = 8 };

struct signed_head {
	struct audit_head head;
	int64_t time_us;
	uint8_t public_key[AUDIT_PUBLIC_KEY_SIZE], signature[AUDIT_SIGNATURE_SIZE];
};

struct check {
	const uint8_t *public_key;
	struct signed_head *heads; /* owned; by sequence */
	size_t head_count, head_room, head_next;
	struct audit_anchor anchor;
	bool begun;
	struct audit_head end; /* of what was read and found whole */
	struct audit_result *result;
};

static int head_add(struct check *check, const struct signed_head *head)
{
	if (check->head_count == check->head_room) {
		size_t room = check->head_room ? 2 * check->head_room : 64;
		struct signed_head *grown = realloc(check->heads, room * sizeof(*grown));

		if (!grown)
			return LUYTRE_E_NOMEM;
		check->heads = grown;
		check->head_room = room;
	}
	check->heads[check->head_count++] = *head;
	return 0;
}

static bool copy(struct bytes in, uint8_t *out, size_t size)
{
	if (in.size != size)
		return false;
	memcpy(out, in.ptr, size);
	return true;
}

/* A head whose fields have the wrong size stays with zeros, which no key signed and no chain has. */
static int row_signed(void *context, const struct db_value *columns, size_t column_count)
{
	struct signed_head head = { .head.sequence = columns[0].integer, .time_us = columns[1].integer };

	if (!copy(columns[2].bytes, head.head.hash, AUDIT_HASH_SIZE) ||
		!copy(columns[3].bytes, head.public_key, AUDIT_PUBLIC_KEY_SIZE) ||
		!copy(columns[4].bytes, head.signature, AUDIT_SIGNATURE_SIZE))
		memset(head.signature, 0, sizeof(head.signature));
	return head_add(context, &head);
}

static bool word_hex(const char *word, uint8_t *out, size_t size)
{
	size_t used = 0;

	return sodium_hex2bin(out, size, word, strlen(word), NULL, &used, NULL) == 0 && used == size;
}

static int line_read(struct check *check, struct bytes line)
{
	char text[AUDIT_LINE_SIZE], word[32], hash[80], public_key[80], signature[160];
	struct signed_head head = { 0 };
	long long sequence, time_us;

	if (!bytes_to_str(line, text, sizeof(text)) ||
		sscanf(text, "%31s 1 %lld %lld %79s %79s %159s", word, &sequence, &time_us, hash, public_key,
			signature) != 6 ||
		strcmp(word, AUDIT_HEAD_WORD) != 0 || !word_hex(hash, head.head.hash, AUDIT_HASH_SIZE) ||
		!word_hex(public_key, head.public_key, AUDIT_PUBLIC_KEY_SIZE) ||
		!word_hex(signature, head.signature, AUDIT_SIGNATURE_SIZE))
		return LUYTRE_E_SYNTAX;
	head.head.sequence = sequence;
	head.time_us = time_us;
	return head_add(check, &head);
}

static int lines_read(struct check *check, struct bytes text)
{
	while (text.size > 0) {
		size_t size = bytes_index(text, '\n');
		int error = size == 0 ? 0 : line_read(check, bytes_first(text, size));

		if (error)
			return error;
		text = bytes_skip(text, size + 1);
	}
	return 0;
}

static void found(struct check *check, enum audit_fault fault, int64_t sequence)
{
	if (check->result->fault != AUDIT_WHOLE)
		return;
	check->result->fault = fault;
	check->result->first_broken = sequence;
}

static bool head_genuine(const struct check *check, const struct signed_head *head)
{
	char text[AUDIT_LINE_SIZE];
	int size = audit_head_message(&head->head, head->time_us, text, sizeof(text));

	if (!check->public_key)
		return true;
	return memcmp(head->public_key, check->public_key, AUDIT_PUBLIC_KEY_SIZE) == 0 &&
	       crypto_sign_verify_detached(
		       head->signature, (const unsigned char *)text, (size_t)size, check->public_key) == 0;
}

/* Compares the heads that speak of the record just read. A head that nobody vouches for is no proof against the
 * records, but a fault of its own. */
static void heads_compare(struct check *check)
{
	for (; check->head_next < check->head_count; check->head_next++) {
		const struct signed_head *head = &check->heads[check->head_next];

		if (head->head.sequence > check->end.sequence)
			return;
		check->result->head_count++;
		if (!head_genuine(check, head))
			found(check, AUDIT_SIGNATURE, head->head.sequence);
		else if (head->head.sequence < check->end.sequence ||
			 memcmp(head->head.hash, check->end.hash, AUDIT_HASH_SIZE) != 0)
			found(check, AUDIT_REWRITTEN, check->result->signed_until + 1);
		else if (check->result->fault == AUDIT_WHOLE)
			check->result->signed_until = head->head.sequence;
	}
}

static int row_check(void *context, const struct db_value *columns, size_t column_count)
{
	struct check *check = context;
	uint8_t hash[AUDIT_HASH_SIZE];
	struct audit_entry entry;

	audit_entry_read(columns, &entry);
	check->result->record_count++;
	if (entry.sequence != check->end.sequence + 1) {
		found(check, AUDIT_MISSING, check->end.sequence + 1);
		return AUDIT_ENOUGH;
	}
	audit_chain_hash(check->end.hash, &entry, hash);
	if (columns[8].bytes.size != AUDIT_HASH_SIZE || memcmp(columns[8].bytes.ptr, hash, AUDIT_HASH_SIZE) != 0) {
		found(check, AUDIT_CHANGED, entry.sequence);
		return AUDIT_ENOUGH;
	}
	check->end.sequence = entry.sequence;
	memcpy(check->end.hash, hash, AUDIT_HASH_SIZE);
	heads_compare(check);
	return 0;
}

static int chain_read(struct check *check, struct db *db)
{
	int64_t from;

	do {
		int error;

		from = check->end.sequence;
		/* From the lowest number on, even below 1 or where it was cut, so that nothing hides in front. */
		error = db_each(db,
			"select sequence, time_us, actor, address, action, subject, tenant, detail, hash from audit"
			" where sequence > ?1 order by sequence limit 1000",
			DB_ARGS(db_i64(check->begun ? from : INT64_MIN)), row_check, check);
		check->begun = true;
		if (error)
			return error;
	} while (check->end.sequence > from);
	return 0;
}

/* Records may come meanwhile: again, until the end that is noted is the one that was read. */
static int chain_read_to_end(struct check *check, struct db *db, struct audit_head *ret_noted)
{
	for (int round = 0; round < READ_ROUNDS; round++) {
		int error = chain_read(check, db);

		if (!error)
			error = audit_head_read(db, ret_noted);
		if (error)
			return error;
		if (ret_noted->sequence == check->end.sequence)
			break;
	}
	return 0;
}

static int head_compare(const void *left, const void *right)
{
	const struct signed_head *a = left, *b = right;

	return (a->head.sequence > b->head.sequence) - (a->head.sequence < b->head.sequence);
}

/* What should stand behind the last record. */
static void end_compare(struct check *check, const struct audit_head *noted)
{
	for (; check->head_next < check->head_count; check->head_next++) {
		const struct signed_head *head = &check->heads[check->head_next];
		bool genuine = head_genuine(check, head);

		check->result->head_count++;
		found(check, genuine ? AUDIT_TRUNCATED : AUDIT_SIGNATURE,
			genuine ? check->end.sequence + 1 : head->head.sequence);
	}
	if (noted->sequence > check->end.sequence)
		found(check, AUDIT_TRUNCATED, check->end.sequence + 1);
	else if (noted->sequence < check->end.sequence || memcmp(noted->hash, check->end.hash, AUDIT_HASH_SIZE) != 0)
		found(check, AUDIT_REWRITTEN, noted->sequence + 1);
}

/* What was cut off is not here to be compared: its archives prove it. The head at the cut is. */
static void begin(struct check *check)
{
	check->end = check->anchor.head;
	check->result->archived_until = check->anchor.head.sequence;
	memcpy(check->result->archived_hash, check->anchor.head.hash, AUDIT_HASH_SIZE);
	if (!audit_anchor_genuine(&check->anchor, check->public_key))
		found(check, AUDIT_SIGNATURE, check->anchor.head.sequence);
	while (check->anchor.head.sequence && check->head_next < check->head_count &&
		check->heads[check->head_next].head.sequence < check->anchor.head.sequence)
		check->head_next++;
	if (check->anchor.head.sequence)
		heads_compare(check);
}

static int verify(
	struct db *db, const uint8_t *public_key, struct bytes heads, struct audit_result *ret, int64_t *ret_anchor)
{
	struct check check = { .public_key = public_key, .result = ret };
	struct audit_head noted;
	int error;

	*ret = (struct audit_result){ 0 };
	error = audit_anchor_read(db, &check.anchor);
	*ret_anchor = check.anchor.head.sequence;
	if (!error)
		error = db_each(db, "select sequence, time_us, hash, public_key, signature from audit_signed",
			DB_NO_ARGS, row_signed, &check);
	if (!error)
		error = lines_read(&check, heads);
	if (!error && check.head_count > 0)
		qsort(check.heads, check.head_count, sizeof(*check.heads), head_compare);
	if (!error) {
		begin(&check);
		error = chain_read_to_end(&check, db, &noted);
	}
	if (!error)
		end_compare(&check, &noted);
	else if (error == AUDIT_ENOUGH)
		error = 0;
	free(check.heads);
	return error;
}

int audit_verify(struct db *db, const uint8_t *public_key, struct bytes heads, struct audit_result *ret)
{
	struct audit_anchor anchor;
	int64_t from = 0;
	int error;

	/* Again where records went into an archive meanwhile. */
	for (int round = 0; round < READ_ROUNDS; round++) {
		error = verify(db, public_key, heads, ret, &from);
		if (!error)
			error = audit_anchor_read(db, &anchor);
		if (error || anchor.head.sequence == from)
			return error;
	}
	return LUYTRE_E_BUSY;
}

const char *audit_fault_name(enum audit_fault fault)
{
	static const char *const names[] = {
#define X(id, word) word,
		AUDIT_FAULTS(X)
#undef X
	};

	return names[fault];
}
