// SPDX-License-Identifier: Apache-2.0
/* Who wrote an excuse and who approved it. The row of an answer is made when it is given; its approval is signed by the hub's key over the hash
 * of the answer, so that neither a later answer nor a change in the database passes for approved. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "hub/assess/internal.h"

enum { MESSAGE_SIZE = 512 };

struct excuse {
	uint32_t assessment, system, author, approver;
	int64_t approved_us; /* 0: not approved */
	char control[LAW_KEY_SIZE], approver_name[ASSESS_PERSON_SIZE];
	uint8_t hash[ANSWER_HASH_SIZE], signature[ASSESS_SIGNATURE_SIZE];
	bool found;
};

static size_t message_of(const struct excuse *excuse, char *message)
{
	char hex[DIGEST_HEX_SIZE];
	int size = snprintf(message, MESSAGE_SIZE,
		"luytre-assessment-excuse 1\nassessment %u\nsystem %u\ncontrol %s\nanswer %s\nauthor %u\napprover %u\n"
		"name %s\ntime_us %lld\n",
		excuse->assessment, excuse->system, excuse->control,
		digest_hex(bytes_of(excuse->hash, sizeof(excuse->hash)), hex), excuse->author, excuse->approver,
		excuse->approver_name, (long long)excuse->approved_us);

	return size > 0 && size < MESSAGE_SIZE ? (size_t)size : 0;
}

static bool is_good(const struct audit_key *key, const struct excuse *excuse)
{
	char message[MESSAGE_SIZE];
	size_t size = excuse->approved_us ? message_of(excuse, message) : 0;

	return size && !crypto_sign_verify_detached(excuse->signature, (const uint8_t *)message, size, key->public_key);
}

#define SELECT                                                                                                         \
	"select assessment, system, control, hash, author, approver, approver_name, approved_us, signature"            \
	" from assessment_excuse"

static void read_row(const struct db_value *columns, struct excuse *ret)
{
	*ret = (struct excuse){ .assessment = (uint32_t)columns[0].integer,
		.system = (uint32_t)columns[1].integer,
		.author = (uint32_t)columns[4].integer,
		.approver = (uint32_t)columns[5].integer,
		.approved_us = columns[7].integer,
		.found = true };
	db_copy_text(&columns[2], ret->control, sizeof(ret->control));
	db_copy_text(&columns[6], ret->approver_name, sizeof(ret->approver_name));
	if (columns[3].bytes.size == sizeof(ret->hash))
		memcpy(ret->hash, columns[3].bytes.ptr, sizeof(ret->hash));
	if (columns[8].bytes.size == sizeof(ret->signature))
		memcpy(ret->signature, columns[8].bytes.ptr, sizeof(ret->signature));
	else
		ret->approved_us = 0;
}

static int row_get(void *context, const struct db_value *columns, size_t column_count)
{
	read_row(columns, context);
	return 0;
}

static int put(const struct assess_call *call, const struct excuse *excuse)
{
	return db_run(call->db,
		"insert into assessment_excuse (assessment, system, control, hash, author, approver, approver_name,"
		" approved_us, signature) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) on conflict (assessment, system,"
		" control) do update set hash = ?4, author = ?5, approver = ?6, approver_name = ?7, approved_us = ?8,"
		" signature = ?9",
		DB_ARGS(db_i64(excuse->assessment), db_i64(excuse->system), db_str(excuse->control),
			db_blob(bytes_of(excuse->hash, sizeof(excuse->hash))), db_i64(excuse->author),
			db_i64(excuse->approver), db_str(excuse->approver_name), db_i64(excuse->approved_us),
			db_blob(bytes_of(excuse->signature, excuse->approved_us ? ASSESS_SIGNATURE_SIZE : 0))),
		NULL);
}

/* Of any other answer the row that may be there stays: its hash is of an answer that is no more. */
int excuse_note(const struct assess_call *call, const struct assess_sheet *sheet, const struct answer *answer)
{
	struct excuse excuse = { .assessment = sheet->assessment, .system = sheet->system, .author = call->person };
	int error;

	if (answer->word != ANSWER_EXCUSED)
		return 0;
	if (!bytes_to_str(answer->key, excuse.control, sizeof(excuse.control)))
		return LUYTRE_E_INVALID;
	error = answer_hash(answer, excuse.hash);
	return error ? error : put(call, &excuse);
}

/* ---- Approving ---- */

static int find_answer(const struct assess_sheet *sheet, struct bytes key, struct answer *ret)
{
	struct answers_reader reader;
	int more = answers_begin(&reader, sheet->answers);

	while (!more && (more = answers_next(&reader, ret)) > 0) {
		if (bytes_equal(ret->key, key) && ret->word == ANSWER_EXCUSED)
			return 1;
		more = 0;
	}
	return more;
}

/* Who wrote it is known by the account; of an answer from before rows were kept, by the name that stands in it. */
static bool is_own(
	const struct assess_call *call, const struct excuse *row, const uint8_t *hash, const struct answer *answer)
{
	if (row->found && memcmp(row->hash, hash, ANSWER_HASH_SIZE) == 0)
		return row->author == call->person;
	return bytes_equal(answer->by, bytes_first(bytes_from_str(call->name), ANSWER_BY_SIZE));
}

static int approve(const struct assess_call *call, const struct assess_sheet *sheet, struct bytes key)
{
	char message[MESSAGE_SIZE];
	uint8_t hash[ANSWER_HASH_SIZE];
	struct excuse row = { .found = false };
	struct answer answer;
	size_t size;
	int found = find_answer(sheet, key, &answer), error;

	if (found <= 0)
		return found ? found : assess_refuse(call, ASSESS_WHY_EXCUSE);
	error = answer_hash(&answer, hash);
	if (!error)
		error = db_each(call->db, SELECT " where assessment = ?1 and system = ?2 and control = ?3",
			DB_ARGS(db_i64(sheet->assessment), db_i64(sheet->system), db_text(key)), row_get, &row);
	if (error)
		return error;
	if (is_own(call, &row, hash, &answer))
		return assess_refuse(call, ASSESS_WHY_OWN);
	row.assessment = sheet->assessment;
	row.system = sheet->system;
	(void)bytes_to_str(key, row.control, sizeof(row.control));
	memcpy(row.hash, hash, sizeof(hash));
	row.approver = call->person;
	snprintf(row.approver_name, sizeof(row.approver_name), "%.*s", (int)ANSWER_BY_SIZE, call->name);
	row.approved_us = call->origin->now_us;
	size = message_of(&row, message);
	if (!size)
		return LUYTRE_E_NOMEM;
	crypto_sign_detached(row.signature, NULL, (const uint8_t *)message, size, call->key->secret_key);
	return put(call, &row);
}

int excuses_approve(
	const struct assess_call *call, const struct assess_sheet *sheet, const struct bytes *keys, size_t count)
{
	int error = 0;

	for (size_t i = 0; i < count && !error; i++)
		error = approve(call, sheet, keys[i]);
	return error;
}

/* ---- Reading ---- */

struct loading {
	const struct assess_call *call;
	struct assess_evidence *evidence;
	struct judge_excuse *items; /* owned: of the system that is read */
	size_t count;
	uint32_t system;
};

/* What was read goes to its system. */
static int give(struct loading *loading)
{
	struct judge_evidence *item = assess_evidence_of(loading->evidence, loading->system);
	struct judge_excuse *copy;

	if (!loading->count || !item)
		return 0;
	copy = arena_take(&loading->evidence->arena, loading->count * sizeof(*copy));
	if (!copy)
		return LUYTRE_E_NOMEM;
	memcpy(copy, loading->items, loading->count * sizeof(*copy));
	item->excuses = copy;
	item->excuse_count = loading->count;
	return 0;
}

static int row_load(void *context, const struct db_value *columns, size_t column_count)
{
	struct loading *loading = context;
	struct judge_excuse *item;
	struct excuse row;
	int error = 0;

	read_row(columns, &row);
	if (row.system != loading->system) {
		error = give(loading);
		loading->system = row.system;
		loading->count = 0;
	}
	if (error || loading->count == ANSWERS_MAX || !is_good(loading->call->key, &row))
		return error;
	item = &loading->items[loading->count++];
	*item = (struct judge_excuse){ .at_us = row.approved_us };
	memcpy(item->key, row.control, sizeof(item->key));
	snprintf(item->approver, sizeof(item->approver), "%.*s", (int)ANSWER_BY_SIZE, row.approver_name);
	memcpy(item->hash, row.hash, sizeof(item->hash));
	return 0;
}

int excuses_load(const struct assess_call *call, uint32_t assessment, struct assess_evidence *evidence)
{
	struct loading loading = { .call = call, .evidence = evidence };
	int error;

	if (evidence->count == 0)
		return 0;
	loading.items = malloc(ANSWERS_MAX * sizeof(*loading.items));
	if (!loading.items)
		return LUYTRE_E_NOMEM;
	error = db_each(call->db,
		SELECT " where assessment = ?1 and system between ?2 and ?3 and approved_us > 0"
		       " order by system, control",
		DB_ARGS(db_i64(assessment), db_i64(evidence->systems[0]),
			db_i64(evidence->systems[evidence->count - 1])),
		row_load, &loading);
	if (!error)
		error = give(&loading);
	free(loading.items);
	return error;
}
