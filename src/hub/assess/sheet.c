// SPDX-License-Identifier: Apache-2.0
/* The questionnaire of one system: answers, signature, submission. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "hub/assess/day.h"
#include "hub/assess/internal.h"

enum { EXCUSE_DAYS_MAX = 732, MESSAGE_SIZE = 640, APPROVED_SIZE = ANSWERS_MAX * LAW_KEY_SIZE };

#define COLUMNS                                                                                                        \
	"assessment, system, tenant, level, sector, province, name, tenant_name, state, revision, submitted_us,"       \
	" changed_us, reason, answers, staff, signer, signer_name, signed_us, signature"

void assess_sheet_done(struct assess_sheet *sheet)
{
	free(sheet->owned);
	sheet->owned = NULL;
}

/* ---- Signatures ---- */

/* What is signed: every field with its name, one to a line; hashes of what may be long. */
static size_t message_of(const struct assessment *assessment, const struct assess_sheet *sheet, char *message)
{
	char answers[DIGEST_HEX_SIZE], staff[DIGEST_HEX_SIZE];
	uint8_t hash[DIGEST_SHA256_SIZE];
	int size;

	if (digest_sha256(sheet->answers, hash))
		return 0;
	digest_hex(bytes_of(hash, sizeof(hash)), answers);
	if (digest_sha256(sheet->staff, hash))
		return 0;
	digest_hex(bytes_of(hash, sizeof(hash)), staff);
	size = snprintf(message, MESSAGE_SIZE,
		"luytre-assessment-sheet 1\nassessment %u\nsystem %u\nlevel %u\nprofile %s\nanswers %s\nstaff %s\n"
		"time_us %lld\naccount %u\nname %s\n%s%s%s",
		assessment->id, sheet->system, sheet->level, assessment->profile, answers, staff,
		(long long)sheet->signed_us, sheet->signer, sheet->signer_name, assessment->second[0] ? "second " : "",
		assessment->second, assessment->second[0] ? "\n" : "");
	return size > 0 && size < MESSAGE_SIZE ? (size_t)size : 0;
}

enum assess_signature assess_signature_check(
	const struct audit_key *key, const struct assessment *assessment, const struct assess_sheet *sheet)
{
	char message[MESSAGE_SIZE];
	size_t size;

	if (!sheet->signed_us)
		return ASSESS_UNSIGNED;
	size = message_of(assessment, sheet, message);
	return size && !crypto_sign_verify_detached(
			       sheet->signature_bytes, (const uint8_t *)message, size, key->public_key)
		       ? ASSESS_GOOD
		       : ASSESS_BROKEN;
}

/* ---- Reading ---- */

/* The views are of the row. */
static void read_row(const struct db_value *columns, struct assess_sheet *ret)
{
	*ret = (struct assess_sheet){ .assessment = (uint32_t)columns[0].integer,
		.system = (uint32_t)columns[1].integer,
		.tenant = (uint32_t)columns[2].integer,
		.level = (uint32_t)columns[3].integer,
		.sector = (enum tenant_sector)columns[4].integer,
		.province = (uint32_t)columns[5].integer,
		.state = (enum assess_sheet_state)columns[8].integer,
		.revision = columns[9].integer,
		.submitted_us = columns[10].integer,
		.changed_us = columns[11].integer,
		.answers = columns[13].bytes,
		.staff = columns[14].bytes,
		.signer = (uint32_t)columns[15].integer,
		.signed_us = columns[17].integer };
	db_copy_text(&columns[6], ret->name, sizeof(ret->name));
	db_copy_text(&columns[7], ret->tenant_name, sizeof(ret->tenant_name));
	db_copy_text(&columns[12], ret->reason, sizeof(ret->reason));
	db_copy_text(&columns[16], ret->signer_name, sizeof(ret->signer_name));
	if (columns[18].bytes.size == ASSESS_SIGNATURE_SIZE)
		memcpy(ret->signature_bytes, columns[18].bytes.ptr, ASSESS_SIGNATURE_SIZE);
}

struct getting {
	const struct assess_call *call;
	const struct assessment *assessment;
	struct assess_sheet *ret;
	bool found;
};

/* Copies what the views point to. */
static int own(struct assess_sheet *sheet)
{
	sheet->owned = malloc(sheet->answers.size + sheet->staff.size + 1);
	if (!sheet->owned)
		return LUYTRE_E_NOMEM;
	if (sheet->answers.size)
		memcpy(sheet->owned, sheet->answers.ptr, sheet->answers.size);
	if (sheet->staff.size)
		memcpy(sheet->owned + sheet->answers.size, sheet->staff.ptr, sheet->staff.size);
	sheet->answers.ptr = sheet->owned;
	sheet->staff.ptr = sheet->owned + sheet->answers.size;
	return 0;
}

static int row_get(void *context, const struct db_value *columns, size_t column_count)
{
	struct getting *getting = context;

	if (!scope_has(getting->call->scope, (uint32_t)columns[2].integer))
		return 0;
	read_row(columns, getting->ret);
	getting->ret->signature = assess_signature_check(getting->call->key, getting->assessment, getting->ret);
	getting->found = true;
	return own(getting->ret);
}

static int get(
	const struct assess_call *call, const struct assessment *assessment, uint32_t system, struct assess_sheet *ret)
{
	struct getting getting = { .call = call, .assessment = assessment, .ret = ret };
	int error = db_each(call->db, "select " COLUMNS " from assessment_sheet where assessment = ?1 and system = ?2",
		DB_ARGS(db_i64(assessment->id), db_i64(system)), row_get, &getting);

	return error ? error : getting.found ? 0 : LUYTRE_E_NOT_FOUND;
}

int assess_sheet_get(const struct assess_call *call, uint32_t assessment, uint32_t system, struct assess_sheet *ret)
{
	struct assessment of;
	int error = assess_get(call, assessment, &of);

	return error ? error : get(call, &of, system, ret);
}

struct listing {
	const struct assess_call *call;
	const struct assessment *assessment;
	assess_sheet_fn fn;
	void *context;
	int64_t after;
	uint32_t rows, left;
};

static int row_each(void *context, const struct db_value *columns, size_t column_count)
{
	struct listing *listing = context;
	struct assess_sheet sheet;

	listing->rows++;
	listing->after = columns[1].integer;
	if (listing->left == 0 || !scope_has(listing->call->scope, (uint32_t)columns[2].integer))
		return 0;
	listing->left--;
	read_row(columns, &sheet);
	sheet.signature = assess_signature_check(listing->call->key, listing->assessment, &sheet);
	return listing->fn(listing->context, &sheet);
}

int assess_sheet_each(const struct assess_call *call, uint32_t assessment, uint32_t after, uint32_t limit,
	assess_sheet_fn fn, void *context)
{
	enum { PAGE = 200 };
	struct assessment of;
	struct listing listing = {
		.call = call, .assessment = &of, .fn = fn, .context = context, .after = after, .left = limit
	};
	int error = assess_get(call, assessment, &of);

	do {
		listing.rows = 0;
		if (!error)
			error = db_each(call->db,
				"select " COLUMNS
				" from assessment_sheet where assessment = ?1 and system > ?2 order by system limit ?3",
				DB_ARGS(db_i64(assessment), db_i64(listing.after), db_i64(PAGE)), row_each, &listing);
	} while (!error && listing.left > 0 && listing.rows == PAGE);
	return error;
}

/* ---- Changes ---- */

struct change {
	const struct assess_call *call;
	uint32_t assessment, system;
	int64_t revision;
	const struct assess_change *in;
	const char *reason;
	const struct bytes *keys; /* of excuses to approve */
	size_t key_count;
	struct assessment of;
	struct assess_sheet *sheet;
	int (*apply)(struct change *change);
	const char *action;
	uint8_t *packed; /* owned: what takes the place of the sheet's */
	struct jsonw staff;
};

static int store(struct change *change)
{
	struct assess_sheet *sheet = change->sheet;

	sheet->revision++;
	sheet->changed_us = change->call->origin->now_us;
	return db_run(change->call->db,
		"update assessment_sheet set state = ?3, revision = ?4, submitted_us = ?5, changed_us = ?6, reason = "
		"?7,"
		" answers = ?8, staff = ?9, signer = ?10, signer_name = ?11, signed_us = ?12, signature = ?13"
		" where assessment = ?1 and system = ?2",
		DB_ARGS(db_i64(sheet->assessment), db_i64(sheet->system), db_i64(sheet->state), db_i64(sheet->revision),
			db_i64(sheet->submitted_us), db_i64(sheet->changed_us), db_str(sheet->reason),
			db_blob(sheet->answers), db_text(sheet->staff), db_i64(sheet->signer),
			db_str(sheet->signer_name), db_i64(sheet->signed_us),
			db_blob(bytes_of(sheet->signature_bytes, sheet->signed_us ? ASSESS_SIGNATURE_SIZE : 0))),
		NULL);
}

static int tell(const struct change *change)
{
	static const char *const signatures[] = {
		[ASSESS_UNSIGNED] = "none", [ASSESS_GOOD] = "good", [ASSESS_BROKEN] = "broken"
	};
	const struct assess_sheet *sheet = change->sheet;
	char subject[64], hex[DIGEST_HEX_SIZE];
	uint8_t hash[DIGEST_SHA256_SIZE];
	char approved[APPROVED_SIZE] = "";
	int error = digest_sha256(sheet->answers, hash);
	const struct audit_field fields[] = { { "state", db_str(assess_sheet_texts[sheet->state].word) },
		{ "answers", db_str(digest_hex(bytes_of(hash, sizeof(hash)), hex)) },
		{ "signature", db_str(signatures[sheet->signature]) }, { "reason", db_str(sheet->reason) },
		{ "approved", db_str(approved) } };

	for (size_t i = 0; i < change->key_count; i++)
		snprintf(approved + strlen(approved), sizeof(approved) - strlen(approved), "%s%.*s", i ? " " : "",
			(int)change->keys[i].size, (const char *)change->keys[i].ptr);
	snprintf(subject, sizeof(subject), "assessment:%u/system:%u", sheet->assessment, sheet->system);
	return error ? error
		     : audit_append(change->call->db, change->call->origin,
			       &(struct audit_record){
				       change->action, subject, sheet->tenant, fields, ARRAY_COUNT(fields) });
}

static int work(void *context)
{
	struct change *change = context;
	const struct assess_call *call = change->call;
	int error = assess_get(call, change->assessment, &change->of);

	if (!error)
		error = get(call, &change->of, change->system, change->sheet);
	if (!error && change->of.closed_us)
		error = assess_refuse(call, ASSESS_WHY_CLOSED);
	if (!error && change->sheet->revision != change->revision)
		error = assess_refuse(call, ASSESS_WHY_REVISION);
	if (!error)
		error = change->apply(change);
	if (!error)
		error = store(change);
	if (error)
		return error;
	change->sheet->signature = assess_signature_check(call->key, &change->of, change->sheet);
	return tell(change);
}

static int run(struct change *change)
{
	int error;

	change->sheet->owned = NULL;
	jsonw_init(&change->staff, STAFF_TEXT_MAX);
	error = db_atomically(change->call->db, work, change);
	if (!error && (change->packed || change->staff.text)) { /* the views are of what goes now */
		uint8_t *before = change->sheet->owned;

		error = own(change->sheet);
		free(before);
	}
	if (error)
		assess_sheet_done(change->sheet);
	free(change->packed);
	jsonw_done(&change->staff);
	return error;
}

/* ---- Answers ---- */

static bool is_asked(const struct change *change, const struct law_profile *profile, struct bytes key)
{
	int place = profile ? law_control_find(profile, key) : -1;

	return place >= 0 && law_asks(&profile->controls[place], change->sheet->level);
}

static int check_answer(const struct change *change, const struct law_profile *profile, const struct answer *answer)
{
	const struct assess_call *call = change->call;
	int64_t today = day_of(call->origin->now_us);

	if (!is_asked(change, profile, answer->key) &&
		!is_asked(change, law_profile_find(call->law, change->of.second), answer->key))
		return assess_refuse(call, ASSESS_WHY_CONTROL);
	if ((answer->word == ANSWER_EQUIVALENT || answer->word == ANSWER_EXCUSED) && bytes_empty(answer->note))
		return assess_refuse(call, ASSESS_WHY_NOTE);
	if (answer->word == ANSWER_EXCUSED ? answer->until_day <= today || answer->until_day > today + EXCUSE_DAYS_MAX
					   : answer->until_day != 0)
		return assess_refuse(call, ASSESS_WHY_UNTIL);
	if (answer->done_day > today)
		return assess_refuse(call, ASSESS_WHY_DONE);
	return 0;
}

static bool is_removed(const struct assess_change *in, struct bytes key)
{
	for (size_t i = 0; i < in->removed_count; i++)
		if (bytes_equal(in->removed[i], key))
			return true;
	for (size_t i = 0; i < in->answer_count; i++)
		if (bytes_equal(in->answers[i].key, key))
			return true;
	return false;
}

static int compare_answers(const void *left, const void *right)
{
	return bytes_compare(((const struct answer *)left)->key, ((const struct answer *)right)->key);
}

/* Those that stay and those that are given. */
static int merge(struct change *change, const struct law_profile *profile, struct answer *all, size_t *ret_count)
{
	const struct assess_change *in = change->in;
	struct answers_reader reader;
	struct answer answer;
	size_t count = 0;
	int more = answers_begin(&reader, change->sheet->answers);

	while (!more && (more = answers_next(&reader, &answer)) > 0) {
		more = 0;
		if (!is_removed(in, answer.key))
			all[count++] = answer;
	}
	for (size_t i = 0; !more && i < in->answer_count; i++) {
		if (count == ANSWERS_MAX)
			return assess_refuse(change->call, ASSESS_WHY_SIZE);
		more = check_answer(change, profile, &in->answers[i]);
		all[count] = in->answers[i];
		all[count].by = bytes_first(bytes_from_str(change->call->name), ANSWER_BY_SIZE);
		all[count].at_us = change->call->origin->now_us;
		if (!more)
			more = excuse_note(change->call, change->sheet, &all[count]);
		count++;
	}
	if (count)
		qsort(all, count, sizeof(*all), compare_answers);
	*ret_count = count;
	return more;
}

static int put_answers(struct change *change)
{
	const struct law_profile *profile = law_profile_find(change->call->law, change->of.profile);
	struct answer *all;
	size_t count = 0, size = 0;
	int error;

	if (!profile)
		return assess_refuse(change->call, ASSESS_WHY_PROFILE);
	all = calloc(ANSWERS_MAX, sizeof(*all));
	if (!all)
		return LUYTRE_E_NOMEM;
	error = merge(change, profile, all, &count);
	if (!error)
		error = answers_pack(all, count, &change->packed, &size);
	free(all);
	if (error == LUYTRE_E_FULL)
		return assess_refuse(change->call, ASSESS_WHY_SIZE);
	if (!error)
		change->sheet->answers = bytes_of(change->packed, size);
	return error;
}

static int put_staff(struct change *change)
{
	int error;

	staff_write(&change->staff, change->in->staff);
	error = jsonw_text(&change->staff, &change->sheet->staff);
	return error == LUYTRE_E_FULL ? assess_refuse(change->call, ASSESS_WHY_SIZE) : error;
}

static int apply_answers(struct change *change)
{
	int error = 0;

	if (change->sheet->state == ASSESS_SUBMITTED)
		return assess_refuse(change->call, ASSESS_WHY_SUBMITTED);
	if (change->in->answer_count || change->in->removed_count)
		error = put_answers(change);
	if (!error && change->in->staff)
		error = put_staff(change);
	return error;
}

int assess_answer(const struct assess_call *call, uint32_t assessment, uint32_t system, int64_t revision,
	const struct assess_change *in, struct assess_sheet *ret)
{
	struct change change = { .call = call,
		.assessment = assessment,
		.system = system,
		.revision = revision,
		.in = in,
		.sheet = ret,
		.apply = apply_answers,
		.action = "assessment.answer" };

	return run(&change);
}

/* ---- Signing, submitting ---- */

static int apply_signature(struct change *change)
{
	const struct assess_call *call = change->call;
	struct assess_sheet *sheet = change->sheet;
	char message[MESSAGE_SIZE];
	size_t size;

	if (sheet->state == ASSESS_SUBMITTED)
		return assess_refuse(call, ASSESS_WHY_SUBMITTED);
	sheet->signer = call->person;
	snprintf(sheet->signer_name, sizeof(sheet->signer_name), "%s", call->name);
	sheet->signed_us = call->origin->now_us;
	size = message_of(&change->of, sheet, message);
	if (!size)
		return LUYTRE_E_NOMEM;
	crypto_sign_detached(sheet->signature_bytes, NULL, (const uint8_t *)message, size, call->key->secret_key);
	return 0;
}

int assess_sign(const struct assess_call *call, uint32_t assessment, uint32_t system, int64_t revision,
	struct assess_sheet *ret)
{
	struct change change = { .call = call,
		.assessment = assessment,
		.system = system,
		.revision = revision,
		.sheet = ret,
		.apply = apply_signature,
		.action = "assessment.sign" };

	return run(&change);
}

static int note_open(void *context, const struct judged *judged)
{
	*(bool *)context = *(bool *)context || (!judged->answered && judged->grade < 2);
	return 0;
}

static int apply_submission(struct change *change)
{
	struct assess_sheet *sheet = change->sheet;
	bool open = false;
	int error;

	if (sheet->state == ASSESS_SUBMITTED)
		return assess_refuse(change->call, ASSESS_WHY_SUBMITTED);
	if (sheet->signature != ASSESS_GOOD)
		return assess_refuse(change->call, ASSESS_WHY_UNSIGNED);
	error = assess_judge(change->call, &change->of, sheet, note_open, NULL, &open);
	if (!error && open)
		error = assess_refuse(change->call, ASSESS_WHY_UNANSWERED);
	sheet->state = ASSESS_SUBMITTED;
	sheet->submitted_us = change->call->origin->now_us;
	sheet->reason[0] = '\0';
	return error;
}

int assess_submit(const struct assess_call *call, uint32_t assessment, uint32_t system, int64_t revision,
	struct assess_sheet *ret)
{
	struct change change = { .call = call,
		.assessment = assessment,
		.system = system,
		.revision = revision,
		.sheet = ret,
		.apply = apply_submission,
		.action = "assessment.submit" };

	return run(&change);
}

static int apply_approval(struct change *change)
{
	return excuses_approve(change->call, change->sheet, change->keys, change->key_count);
}

int assess_approve(const struct assess_call *call, uint32_t assessment, uint32_t system, int64_t revision,
	const struct bytes *keys, size_t count, struct assess_sheet *ret)
{
	struct change change = { .call = call,
		.assessment = assessment,
		.system = system,
		.revision = revision,
		.keys = keys,
		.key_count = count,
		.sheet = ret,
		.apply = apply_approval,
		.action = "assessment.approve" };

	return count > ANSWERS_MAX ? LUYTRE_E_INVALID : run(&change);
}

static int apply_return(struct change *change)
{
	struct assess_sheet *sheet = change->sheet;

	if (sheet->state != ASSESS_SUBMITTED)
		return assess_refuse(change->call, ASSESS_WHY_NOT_SUBMITTED);
	sheet->state = ASSESS_RETURNED;
	snprintf(sheet->reason, sizeof(sheet->reason), "%s", change->reason);
	return 0;
}

int assess_return(const struct assess_call *call, uint32_t assessment, uint32_t system, int64_t revision,
	const char *reason, struct assess_sheet *ret)
{
	struct change change = { .call = call,
		.assessment = assessment,
		.system = system,
		.revision = revision,
		.reason = reason,
		.sheet = ret,
		.apply = apply_return,
		.action = "assessment.return" };

	return run(&change);
}
