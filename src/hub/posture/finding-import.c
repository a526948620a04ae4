// SPDX-License-Identifier: Apache-2.0
/* From a record of a report to a finding with one more proof.
 *
 * Whose it is: the asset with the record's name if there is one, else the one that holds its address. A name comes first because several
 * names, of several organisations even, may stand behind one address. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "hub/posture/internal.h"
#include "hub/tenants/canon.h"
#include "hub/tenants/index.h"

enum { IDENTITY_SIZE = 16 };

struct place {
	uint32_t tenant, system, asset; /* asset 0: none */
	char host[FINDING_HOST_SIZE];
};

struct finding_import {
	struct finding_call call;
	char tool[FINDING_TOOL_SIZE];
	int64_t scanned_us;
	struct tenants_index *index; /* owned */
	uint64_t outcomes[FINDING_OUTCOME_COUNT], refused;
	bool watch; /* of finding_import_watch */
	/* The newest place: records of one target come one after another. */
	char target[FINDING_HOST_SIZE], address[IP_ADDR_TEXT_SIZE];
	struct place place;
};

/* 'index' is the import's from here on. */
static int begin(const struct finding_call *call, const char *tool, int64_t scanned_us, struct tenants_index *index,
	struct finding_import **ret)
{
	struct finding_import *import = calloc(1, sizeof(*import));
	int64_t now_us = call->origin->now_us;

	if (!import) {
		tenants_index_unref(index);
		return LUYTRE_E_NOMEM;
	}
	import->call = *call;
	import->index = index;
	import->scanned_us = scanned_us > 0 && scanned_us < now_us ? scanned_us : now_us;
	posture_text(bytes_from_str(tool), false, import->tool, sizeof(import->tool));
	*ret = import;
	return 0;
}

int finding_import_begin(
	const struct finding_call *call, const char *tool, int64_t scanned_us, struct finding_import **ret)
{
	struct tenants_index *index;
	int error;

	if (!call->scope || !call->origin || !tool[0] || strlen(tool) >= FINDING_TOOL_SIZE)
		return LUYTRE_E_INVALID;
	error = tenants_index_new(call->db, &index);
	return error ? error : begin(call, tool, scanned_us, index, ret);
}

int finding_import_watch(
	const struct finding_call *call, const char *tool, struct tenants_index *index, struct finding_import **ret)
{
	int error = begin(call, tool, 0, tenants_index_ref(index), ret);

	if (!error)
		(*ret)->watch = true;
	return error;
}

static bool is_news(const struct finding_import *import)
{
	return import->outcomes[FINDING_MADE] || import->outcomes[FINDING_JOINED] || import->outcomes[FINDING_REOPENED];
}

int finding_import_end(struct finding_import *import)
{
	struct audit_field fields[FINDING_OUTCOME_COUNT + 2] = {
		{ "tool", db_str(import->tool) }, { "refused", db_i64((int64_t)import->refused) },
#define X(id, word) { word, db_i64((int64_t)import->outcomes[FINDING_##id]) },
		FINDING_OUTCOMES(X)
#undef X
	};
	int error = 0;

	if (!import->watch || is_news(import))
		error = audit_append(import->call.db, import->call.origin,
			&(struct audit_record){ .action = "finding.import",
				.subject = "finding",
				.fields = fields,
				.field_count = ARRAY_COUNT(fields) });
	tenants_index_unref(import->index);
	free(import);
	return error;
}

/* ---- Whose is it? ---- */

static int row_place(void *context, const struct db_value *columns, size_t column_count)
{
	struct place *place = context;

	place->asset = (uint32_t)columns[0].integer;
	place->system = (uint32_t)columns[1].integer;
	place->tenant = (uint32_t)columns[2].integer;
	return 0;
}

static int place_of(struct finding_import *import, struct bytes text, struct place *ret)
{
	const struct tenants_place *found;
	struct asset_value value;

	*ret = (struct place){ 0 };
	if (bytes_empty(text) || asset_value_parse(text, &value) != 0 || strlen(value.text) >= sizeof(ret->host))
		return 0;
	memcpy(ret->host, value.text, strlen(value.text) + 1);
	if (value.kind == ASSET_KIND_NAME)
		return db_each(import->call.db,
			"select asset.id, asset.system, system.tenant from asset join system on system.id = "
			"asset.system"
			" where asset.value = ?1",
			DB_ARGS(db_str(value.text)), row_place, ret);
	if (value.kind != ASSET_KIND_ADDRESS)
		return 0;
	found = tenants_index_find(import->index, &value.prefix.addr);
	if (found) {
		ret->asset = found->asset;
		ret->system = found->system;
		ret->tenant = found->tenant;
	}
	return 0;
}

/* Fills import->place. */
static int resolve(struct finding_import *import, const struct record *record)
{
	struct place *place = &import->place;
	bool kept = import->target[0] && bytes_equal_str(record->target, import->target) &&
		    bytes_equal_str(record->address, import->address);
	int error = 0;

	if (!kept) {
		import->target[0] = '\0';
		error = place_of(import, record->target, place);
		if (!error && !place->asset)
			error = place_of(import, record->address, place);
		if (error)
			return error;
		if (!bytes_to_str(record->target, import->target, sizeof(import->target)) ||
			!bytes_to_str(record->address, import->address, sizeof(import->address)))
			import->target[0] = '\0';
	}
	if (!place->asset || !scope_has(import->call.scope, place->tenant))
		return finding_refuse(&import->call, FINDING_WHY_ASSET);
	return 0;
}

/* ---- Which is it? ---- */

/* "CVE-", four digits, "-", four digits or more, in capital letters. */
static void cve_of(struct bytes text, char ret[FINDING_CVE_SIZE])
{
	ret[0] = '\0';
	if (text.size < 13 || text.size >= FINDING_CVE_SIZE || strncasecmp((const char *)text.ptr, "CVE-", 4) != 0 ||
		text.ptr[8] != '-')
		return;
	for (size_t i = 4; i < text.size; i++)
		if (i != 8 && (text.ptr[i] < '0' || text.ptr[i] > '9'))
			return;
	snprintf(ret, FINDING_CVE_SIZE, "CVE-%.*s", (int)text.size - 4, (const char *)text.ptr + 4);
}

static void part_hash(crypto_generichash_state *state, const char *text)
{
	crypto_generichash_update(state, (const unsigned char *)text, strlen(text) + 1);
}

/* Texts with their final NUL, which none of them holds, so that no two findings have the same bytes. */
static void identity_of(const struct finding *row, uint8_t ret[IDENTITY_SIZE])
{
	char numbers[64];
	crypto_generichash_state state;

	snprintf(numbers, sizeof(numbers), "%u %u %u %u", row->tenant, row->asset, row->protocol, row->port);
	crypto_generichash_init(&state, NULL, 0, IDENTITY_SIZE);
	part_hash(&state, numbers);
	part_hash(&state, row->host);
	part_hash(&state, row->path);
	part_hash(&state, row->cve);
	part_hash(&state, row->cve[0] ? "" : row->tool);
	part_hash(&state, row->cve[0] ? "" : row->rule);
	crypto_generichash_final(&state, ret, IDENTITY_SIZE);
}

static struct bytes without_query(struct bytes path)
{
	path = bytes_first(path, bytes_index(path, '?'));
	return bytes_first(path, bytes_index(path, '#'));
}

/* The row as it would be if nobody knew it; 0, or refused. */
static int row_of(struct finding_import *import, const struct record *record, struct finding *ret)
{
	int64_t now_us = import->call.origin->now_us, time_us = record->time_us;
	int error;

	if (record->kind != RECORD_WEAKNESS)
		return finding_refuse(&import->call, FINDING_WHY_KIND);
	*ret = (struct finding){ .protocol = record->protocol, .port = record->port, .revision = 1 };
	cve_of(record->cve, ret->cve);
	posture_text(record->rule, false, ret->rule, sizeof(ret->rule));
	if (!ret->cve[0] && !ret->rule[0])
		return finding_refuse(&import->call, FINDING_WHY_NAMELESS);
	error = resolve(import, record);
	if (error)
		return error;
	ret->tenant = import->place.tenant;
	ret->system = import->place.system;
	ret->asset = import->place.asset;
	memcpy(ret->host, import->place.host, sizeof(ret->host));
	memcpy(ret->tool, import->tool, sizeof(ret->tool));
	posture_text(without_query(record->path), false, ret->path, sizeof(ret->path));
	posture_text(record->title, false, ret->title, sizeof(ret->title));
	posture_text(record->cvss, false, ret->vector, sizeof(ret->vector));
	ret->severity = record->severity > 4 ? 4 : record->severity;
	ret->exploited = record->exploited;
	if (time_us <= 0)
		time_us = import->scanned_us;
	ret->first_us = ret->last_us = ret->start_us = time_us < now_us ? time_us : now_us;
	ret->since_us = now_us;
	return 0;
}

/* ---- Proofs ---- */

/* What is on the way: 'in' is the row as the record would make it. */
struct step {
	struct finding_import *import;
	const struct record *record;
	struct finding in, row;
	uint8_t hash[FINDING_HASH_SIZE];
	enum finding_outcome outcome;
	bool state_changed;
};

static int proof_insert(struct step *step)
{
	struct db *db = step->import->call.db;
	char evidence[FINDING_EVIDENCE_SIZE];
	int64_t number = 1;
	int error = 0;

	if (step->row.proof_count > 0)
		error = db_integer(db, "select max(number) + 1 from proof where finding = ?1",
			DB_ARGS(db_i64(step->row.id)), &number);
	if (!error && step->row.proof_count >= FINDING_PROOFS_MAX) {
		error = db_run(db,
			"delete from proof where finding = ?1 and number = (select number from proof where finding = ?1"
			" order by case when tool = ?2 then 0 else 1 end, last_us, number limit 1)",
			DB_ARGS(db_i64(step->row.id), db_str(step->in.tool)), NULL);
		step->row.proof_count--;
	}
	if (error)
		return error;
	step->row.proof_count++;
	posture_text(step->record->evidence, true, evidence, sizeof(evidence));
	return db_run(db,
		"insert into proof (finding, number, tool, rule, first_us, last_us, seen, confidence, exploited, hash, "
		"evidence)"
		" values (?1, ?2, ?3, ?4, ?5, ?5, 1, ?6, ?7, ?8, ?9)",
		DB_ARGS(db_i64(step->row.id), db_i64(number), db_str(step->in.tool), db_str(step->in.rule),
			db_i64(step->in.last_us), db_i64(step->record->confidence), db_i64(step->record->exploited),
			db_blob(bytes_of(step->hash, sizeof(step->hash))), db_str(evidence)),
		NULL);
}

/* Sees the same proof again; '*ret_seen' false: it was not there. */
static int proof_again(struct step *step, bool *ret_seen)
{
	uint64_t changes = 0;
	int error = db_run(step->import->call.db,
		"update proof set seen = seen + 1, last_us = case when last_us < ?5 then ?5 else last_us end"
		" where finding = ?1 and tool = ?2 and rule = ?3 and hash = ?4",
		DB_ARGS(db_i64(step->row.id), db_str(step->in.tool), db_str(step->in.rule),
			db_blob(bytes_of(step->hash, sizeof(step->hash))), db_i64(step->in.last_us)),
		&changes);

	*ret_seen = changes > 0;
	return error;
}

static int audit(struct step *step, const char *verb)
{
	const struct finding *row = &step->row;
	char hex[2 * FINDING_HASH_SIZE + 1];

	digest_hex(bytes_of(step->hash, sizeof(step->hash)), hex);
	return finding_audit(&step->import->call, verb, row,
		(const struct audit_field[]){ { "asset", db_i64(row->asset) }, { "host", db_str(row->host) },
			{ "port", db_i64(row->port) }, { "path", db_str(row->path) }, { "cve", db_str(row->cve) },
			{ "tool", db_str(step->in.tool) }, { "rule", db_str(step->in.rule) },
			{ "evidence", db_str(hex) }, { "seen_us", db_i64(step->in.last_us) } },
		9);
}

/* ---- What evidence does to a finding that is known ---- */

/* Evidence later than the claim, the verification or (when the weakness was used, not guessed) the judgement that it is false. */
static int reopen(struct step *step)
{
	struct finding *row = &step->row;
	enum finding_state from = row->state;
	int64_t now_us = step->import->call.origin->now_us;
	bool changed;

	if (step->in.last_us <= row->since_us)
		return 0;
	if (from != FINDING_CLAIMED && from != FINDING_VERIFIED &&
		!(from == FINDING_FALSE_ALARM && step->record->exploited))
		return 0;
	finding_enter(row, finding_live_state(row), now_us);
	row->contradicted++;
	step->state_changed = true;
	step->outcome = FINDING_REOPENED;
	if (from != FINDING_VERIFIED)
		return 0;
	row->start_us = now_us;
	return finding_clock(step->import->call.db, row, now_us, &changed);
}

/* Takes over what the record knows better. */
static int enrich(struct step *step)
{
	struct finding *row = &step->row;
	const struct finding *in = &step->in;
	bool changed, wanted = in->severity > row->severity || (!row->vector[0] && in->vector[0]);

	if (in->last_us > row->last_us)
		row->last_us = in->last_us;
	if (in->first_us < row->first_us)
		row->first_us = in->first_us;
	if (in->severity > row->severity)
		row->severity = in->severity;
	row->exploited = row->exploited || in->exploited;
	if (!row->vector[0])
		memcpy(row->vector, in->vector, sizeof(row->vector));
	if (!row->title[0])
		memcpy(row->title, in->title, sizeof(row->title));
	return wanted ? finding_clock(step->import->call.db, row, step->import->call.origin->now_us, &changed) : 0;
}

static int join(struct step *step)
{
	bool seen = false;
	int error = proof_again(step, &seen);

	step->outcome = seen ? FINDING_SEEN : FINDING_JOINED;
	if (!error && !seen)
		error = proof_insert(step);
	if (!error)
		error = enrich(step);
	if (!error)
		error = reopen(step);
	if (!error)
		error = finding_row_update(step->import->call.db, &step->row);
	if (error || (seen && !step->state_changed))
		return error;
	return audit(step, step->state_changed ? "reopen" : "proof");
}

static int make(struct step *step, struct bytes identity)
{
	struct db *db = step->import->call.db;
	bool changed;
	int error;

	step->row = step->in;
	step->outcome = FINDING_MADE;
	error = db_next_id(db, "finding", &step->row.id);
	if (!error)
		error = finding_clock(db, &step->row, step->row.start_us, &changed);
	if (error)
		return error;
	step->row.proof_count = 1;
	error = finding_row_insert(db, &step->row, identity);
	step->row.proof_count = 0;
	if (!error)
		error = proof_insert(step);
	return error ? error : audit(step, "create");
}

static int row_found(void *context, const struct db_value *columns, size_t column_count)
{
	finding_row_read(columns, context);
	return 1;
}

static int import_work(void *context)
{
	struct step *step = context;
	uint8_t identity[IDENTITY_SIZE];
	int error = row_of(step->import, step->record, &step->in);

	if (!error)
		error = digest_sha256(step->record->evidence, step->hash);
	if (error)
		return error;
	identity_of(&step->in, identity);
	error = db_each(step->import->call.db, "select " FINDING_COLUMNS " from finding where identity = ?1",
		DB_ARGS(db_blob(bytes_of(identity, sizeof(identity)))), row_found, &step->row);
	if (error == 1)
		return join(step);
	return error ? error : make(step, bytes_of(identity, sizeof(identity)));
}

int finding_import(
	struct finding_import *import, const struct record *record, enum finding_outcome *ret_outcome, int64_t *ret_id)
{
	struct step step = { .import = import, .record = record };
	enum finding_reason why = FINDING_NO_REASON;
	enum finding_reason *given = import->call.why;
	int error;

	import->call.why = &why;
	error = db_atomically(import->call.db, import_work, &step);
	import->call.why = given;
	if (given)
		*given = why;
	if (why)
		import->refused++;
	if (error)
		return error;
	import->outcomes[step.outcome]++;
	*ret_outcome = step.outcome;
	*ret_id = step.row.id;
	return 0;
}
