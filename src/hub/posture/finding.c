// SPDX-License-Identifier: Apache-2.0
/* Who may bring a finding from where to where, holds, clocks, lists. */
#include <stdio.h>

#include "hub/posture/internal.h"

#define BY(part) (1U << FINDING_BY_##part)

enum { NEEDS_REASON = 1 << 0, NEEDS_EXPIRY = 1 << 1, NEEDS_OTHER = 1 << 2 /* of people: not who claimed */ };

/* Everything that may happen but for holds, which come and go by finding_hold alone. To "open" is to "held" where a hold stands. */
static const struct transition {
	enum finding_state from, to;
	unsigned int parts, needs;
} transitions[] = {
	{ FINDING_OPEN, FINDING_CLAIMED, BY(OWNER), 0 },
	{ FINDING_HELD, FINDING_CLAIMED, BY(OWNER), 0 },
	{ FINDING_CLAIMED, FINDING_OPEN, BY(OWNER) | BY(APPROVER) | BY(EVIDENCE), NEEDS_REASON },
	{ FINDING_OPEN, FINDING_VERIFIED, BY(EVIDENCE), NEEDS_REASON },
	{ FINDING_HELD, FINDING_VERIFIED, BY(EVIDENCE), NEEDS_REASON },
	{ FINDING_CLAIMED, FINDING_VERIFIED, BY(EVIDENCE) | BY(APPROVER), NEEDS_REASON | NEEDS_OTHER },
	{ FINDING_OPEN, FINDING_ACCEPTED, BY(APPROVER), NEEDS_REASON | NEEDS_EXPIRY },
	{ FINDING_HELD, FINDING_ACCEPTED, BY(APPROVER), NEEDS_REASON | NEEDS_EXPIRY },
	{ FINDING_CLAIMED, FINDING_ACCEPTED, BY(APPROVER), NEEDS_REASON | NEEDS_EXPIRY },
	{ FINDING_OPEN, FINDING_FALSE_ALARM, BY(APPROVER), NEEDS_REASON },
	{ FINDING_HELD, FINDING_FALSE_ALARM, BY(APPROVER), NEEDS_REASON },
	{ FINDING_CLAIMED, FINDING_FALSE_ALARM, BY(APPROVER), NEEDS_REASON },
	{ FINDING_VERIFIED, FINDING_OPEN, BY(EVIDENCE) | BY(APPROVER), NEEDS_REASON },
	{ FINDING_ACCEPTED, FINDING_OPEN, BY(CLOCK) | BY(APPROVER), NEEDS_REASON },
	{ FINDING_FALSE_ALARM, FINDING_OPEN, BY(EVIDENCE) | BY(APPROVER), NEEDS_REASON },
};

static int row_get(void *context, const struct db_value *columns, size_t column_count)
{
	finding_row_read(columns, context);
	return 1;
}

int finding_get(const struct finding_call *call, int64_t id, struct finding *ret)
{
	struct finding row;
	int error;

	if (!call->scope)
		return LUYTRE_E_INVALID;
	error = db_each(
		call->db, "select " FINDING_COLUMNS " from finding where id = ?1", DB_ARGS(db_i64(id)), row_get, &row);
	if (error < 0)
		return error;
	if (error != 1 || !scope_has(call->scope, row.tenant))
		return LUYTRE_E_NOT_FOUND;
	*ret = row;
	return 0;
}

/* What one change is given, and what it makes. */
struct work {
	const struct finding_call *call;
	const struct finding_change *change;
	int64_t id;
	const char *text; /* rule or reason */
	int64_t time_us;
	bool yes;
	struct finding row;
};

static int run(const struct finding_call *call, db_work_fn fn, struct work *work)
{
	if (call->why)
		*call->why = FINDING_NO_REASON;
	if (!call->scope || !call->origin)
		return LUYTRE_E_INVALID;
	work->call = call;
	return db_atomically(call->db, fn, work);
}

/* ---- States ---- */

static bool has_text(const char *text)
{
	return text && text[strspn(text, " \t\n")] != '\0';
}

/* 0, or why the change may not be made. */
static int check_change(const struct finding_call *call, const struct finding_change *change, const struct finding *row)
{
	const struct transition *found = NULL;
	int64_t now_us = call->origin->now_us;

	if (row->revision != change->revision)
		return finding_refuse(call, FINDING_WHY_REVISION);
	for (size_t i = 0; i < ARRAY_COUNT(transitions) && !found; i++)
		if (transitions[i].from == row->state && transitions[i].to == change->to)
			found = &transitions[i];
	if (!found)
		return finding_refuse(call, FINDING_WHY_TRANSITION);
	if (!(found->parts & 1U << call->part))
		return finding_refuse(call, FINDING_WHY_PART);
	/* Who claimed may ask for a probe, but not judge himself. */
	if ((found->needs & NEEDS_OTHER) && call->part != FINDING_BY_EVIDENCE &&
		strcmp(row->claimant, call->origin->actor) == 0)
		return finding_refuse(call, FINDING_WHY_SAME_PERSON);
	if ((found->needs & NEEDS_REASON) && !has_text(change->reason))
		return finding_refuse(call, FINDING_WHY_REASON);
	if ((found->needs & NEEDS_EXPIRY) &&
		(change->expires_us <= now_us || change->expires_us - now_us > FINDING_ACCEPT_MAX_US))
		return finding_refuse(call, FINDING_WHY_EXPIRY);
	return 0;
}

static int change_work(void *context)
{
	struct work *work = context;
	const struct finding_call *call = work->call;
	const struct finding_change *change = work->change;
	struct finding *row = &work->row;
	int64_t now_us = call->origin->now_us;
	enum finding_state from;
	bool changed;
	int error = finding_get(call, change->id, row);

	if (!error)
		error = check_change(call, change, row);
	if (error)
		return error;
	from = row->state;
	finding_enter(row, change->to == FINDING_OPEN ? finding_live_state(row) : change->to, now_us);
	posture_text(bytes_from_str(change->reason ? change->reason : ""), true, row->reason, sizeof(row->reason));
	if (change->to == FINDING_CLAIMED)
		posture_text(bytes_from_str(call->origin->actor), false, row->claimant, sizeof(row->claimant));
	if (change->to == FINDING_ACCEPTED)
		row->expires_us = change->expires_us;
	if (from == FINDING_VERIFIED) {
		row->start_us = now_us;
		error = finding_clock(call->db, row, now_us, &changed);
	}
	if (!error)
		error = finding_row_update(call->db, row);
	if (error)
		return error;
	return finding_audit(call, "state", row,
		(const struct audit_field[]){ { "state_before", db_str(finding_states[from].word) },
			{ "reason", db_str(row->reason) },
			{ "expires_us", row->expires_us ? db_i64(row->expires_us) : db_null() } },
		3);
}

int finding_change(const struct finding_call *call, const struct finding_change *change, struct finding *ret)
{
	struct work work = { .change = change };
	int error = run(call, change_work, &work);

	if (!error && ret)
		*ret = work.row;
	return error;
}

static int hold_work(void *context)
{
	struct work *work = context;
	const struct finding_call *call = work->call;
	struct finding *row = &work->row;
	char before[FINDING_RULE_SIZE];
	int error = finding_get(call, work->id, row);

	if (error)
		return error;
	if (call->part != FINDING_BY_ENGINE)
		return finding_refuse(call, FINDING_WHY_PART);
	if (!finding_states[row->state].live && row->state != FINDING_ACCEPTED)
		return finding_refuse(call, FINDING_WHY_TRANSITION);
	memcpy(before, row->hold, sizeof(before));
	posture_text(bytes_from_str(work->text ? work->text : ""), false, row->hold, sizeof(row->hold));
	if (!work->text)
		row->held_us = 0;
	else if (!row->held_us)
		row->held_us = call->origin->now_us;
	if ((row->state == FINDING_OPEN || row->state == FINDING_HELD) && row->state != finding_live_state(row))
		finding_enter(row, finding_live_state(row), call->origin->now_us);
	error = finding_row_update(call->db, row);
	if (error)
		return error;
	return finding_audit(call, work->text ? "hold" : "lift", row,
		(const struct audit_field[]){ { "rule", db_str(row->hold) }, { "rule_before", db_str(before) } }, 2);
}

int finding_hold(const struct finding_call *call, int64_t id, const char *rule)
{
	if (rule && !has_text(rule))
		return LUYTRE_E_INVALID;
	return run(call, hold_work, &(struct work){ .id = id, .text = rule });
}

/* ---- Clocks ---- */

static int expose_work(void *context)
{
	struct work *work = context;
	struct finding *row = &work->row;
	bool changed;
	int error = finding_get(work->call, work->id, row);

	row->exposed = work->yes ? FINDING_YES : FINDING_NO;
	if (!error)
		error = finding_clock(work->call->db, row, work->call->origin->now_us, &changed);
	if (!error)
		error = finding_row_update(work->call->db, row);
	if (error)
		return error;
	return finding_audit(work->call, "expose", row, &(struct audit_field){ "exposed", db_i64(work->yes) }, 1);
}

int finding_expose(const struct finding_call *call, int64_t id, bool exposed)
{
	return run(call, expose_work, &(struct work){ .id = id, .yes = exposed });
}

static int set_date_work(void *context)
{
	struct work *work = context;
	struct finding *row = &work->row;
	int error = finding_get(work->call, work->id, row);

	if (error)
		return error;
	if (work->call->part != FINDING_BY_APPROVER)
		return finding_refuse(work->call, FINDING_WHY_PART);
	if (!has_text(work->text))
		return finding_refuse(work->call, FINDING_WHY_REASON);
	row->set_us = work->time_us;
	row->due_us = clock_due(row->step, row->start_us, row->set_us);
	error = finding_row_update(work->call->db, row);
	if (error)
		return error;
	return finding_audit(work->call, "date", row,
		(const struct audit_field[]){ { "set_us", db_i64(row->set_us) }, { "reason", db_str(work->text) } }, 2);
}

int finding_set_date(const struct finding_call *call, int64_t id, int64_t set_us, const char *reason)
{
	if (set_us < 0)
		return LUYTRE_E_INVALID;
	return run(call, set_date_work, &(struct work){ .id = id, .time_us = set_us, .text = reason });
}

/* Ids of a page: rows are not changed while they are read. */
struct ids {
	int64_t ids[FINDING_PAGE_MAX];
	size_t count;
};

static int row_id(void *context, const struct db_value *columns, size_t column_count)
{
	struct ids *ids = context;

	ids->ids[ids->count++] = columns[0].integer;
	return 0;
}

int finding_expire(const struct finding_call *call, uint32_t limit, uint32_t *ret_count)
{
	struct ids ids = { .count = 0 };
	int error;

	*ret_count = 0;
	if (limit > FINDING_PAGE_MAX || !call->origin)
		return LUYTRE_E_INVALID;
	error = db_each(call->db,
		"select id from finding where state = ?1 and expires_us <= ?2 order by expires_us limit ?3",
		DB_ARGS(db_i64(FINDING_ACCEPTED), db_i64(call->origin->now_us), db_i64(limit)), row_id, &ids);
	for (size_t i = 0; i < ids.count && !error; i++) {
		struct finding row;

		error = finding_get(call, ids.ids[i], &row);
		if (!error)
			error = finding_change(call,
				&(struct finding_change){ .id = row.id,
					.revision = row.revision,
					.to = FINDING_OPEN,
					.reason = "the acceptance has ended" },
				NULL);
		if (!error)
			++*ret_count;
		else if (error == LUYTRE_E_NOT_FOUND)
			error = 0; /* of another scope */
	}
	return error;
}

static int reclock_work(void *context)
{
	struct work *work = context;
	int error = finding_get(work->call, work->id, &work->row);

	if (!error)
		error = finding_clock(work->call->db, &work->row, work->call->origin->now_us, &work->yes);
	if (error || !work->yes)
		return error;
	error = finding_row_update(work->call->db, &work->row);
	if (error)
		return error;
	return finding_audit(work->call, "clock", &work->row,
		(const struct audit_field[]){
			{ "kev", db_i64(work->row.kev) }, { "step", db_str(clock_steps[work->row.step].word) } },
		2);
}

int finding_reclock(const struct finding_call *call, int64_t *after, uint32_t limit, uint32_t *ret_count)
{
	struct ids ids = { .count = 0 };
	int error;

	*ret_count = 0;
	if (limit == 0 || limit > FINDING_PAGE_MAX)
		return LUYTRE_E_INVALID;
	if (call->part != FINDING_BY_CLOCK)
		return finding_refuse(call, FINDING_WHY_PART);
	error = db_each(call->db, "select id from finding where id > ?1 and live = 1 order by id limit ?2",
		DB_ARGS(db_i64(*after), db_i64(limit)), row_id, &ids);
	for (size_t i = 0; i < ids.count && !error; i++) {
		struct work work = { .id = ids.ids[i] };

		error = run(call, reclock_work, &work);
		if (error == LUYTRE_E_NOT_FOUND)
			error = 0; /* of another scope */
		else if (!error)
			*ret_count += work.yes;
	}
	if (!error)
		*after = ids.count == limit ? ids.ids[ids.count - 1] : 0;
	return error;
}

/* ---- Lists ---- */

enum { PAGE_END = INT32_MIN };

struct page {
	const struct scope *scope;
	finding_fn fn;
	void *context;
	int64_t due_us, id; /* of the last row that was read */
	uint32_t left, rows;
};

static int row_page(void *context, const struct db_value *columns, size_t column_count)
{
	struct page *page = context;
	struct finding row;

	page->rows++;
	page->id = columns[0].integer;
	page->due_us = columns[35].integer;
	if (!scope_has(page->scope, (uint32_t)columns[2].integer))
		return 0;
	if (page->left == 0)
		return PAGE_END;
	page->left--;
	finding_row_read(columns, &row);
	return page->fn(page->context, &row);
}

#define PAGE(where)                                                                                                    \
	"select " FINDING_COLUMNS " from finding where (due_us, id) > (?1, ?2) and " where                             \
	" order by due_us, id limit ?3"

int finding_each(const struct finding_call *call, const struct finding_query *query, finding_fn fn, void *context)
{
	/* The index of each begins with what is asked for. */
	static const char *const statements[2][2] = {
		{ PAGE("?4 = 0"), PAGE("live = 1 and ?4 = 0") },
		{ PAGE("tenant = ?4"), PAGE("tenant = ?4 and live = 1") },
	};
	struct page page = { .scope = call->scope,
		.fn = fn,
		.context = context,
		.due_us = query->after_id ? query->after_due_us : INT64_MIN,
		.id = query->after_id,
		.left = query->limit };
	uint32_t tenant = query->tenant;
	int error = 0;

	if (!call->scope || query->limit > FINDING_PAGE_MAX)
		return LUYTRE_E_INVALID;
	if (!call->scope->all && call->scope->tenant_count == 1 && !tenant)
		tenant = call->scope->tenants[0];
	if ((tenant && !scope_has(call->scope, tenant)) || (!call->scope->all && call->scope->tenant_count == 0))
		return 0;
	do {
		page.rows = 0;
		error = db_each(call->db, statements[tenant != 0][query->live_only],
			DB_ARGS(db_i64(page.due_us), db_i64(page.id), db_i64(query->limit), db_i64(tenant)), row_page,
			&page);
	} while (!error && page.left > 0 && page.rows == query->limit);
	return error == PAGE_END ? 0 : error;
}

struct proofs {
	finding_proof_fn fn;
	void *context;
};

static int row_proof(void *context, const struct db_value *columns, size_t column_count)
{
	const struct proofs *proofs = context;
	struct finding_proof proof = {
		.number = (uint32_t)columns[0].integer,
		.first_us = columns[3].integer,
		.last_us = columns[4].integer,
		.seen = (uint32_t)columns[5].integer,
		.confidence = (uint8_t)columns[6].integer,
		.exploited = columns[7].integer != 0,
	};

	if (columns[8].bytes.size != sizeof(proof.hash))
		return LUYTRE_E_CORRUPT;
	memcpy(proof.hash, columns[8].bytes.ptr, sizeof(proof.hash));
	db_copy_text(&columns[1], proof.tool, sizeof(proof.tool));
	db_copy_text(&columns[2], proof.rule, sizeof(proof.rule));
	db_copy_text(&columns[9], proof.evidence, sizeof(proof.evidence));
	return proofs->fn(proofs->context, &proof);
}

int finding_proof_each(const struct finding_call *call, int64_t id, finding_proof_fn fn, void *context)
{
	struct finding row;
	int error = finding_get(call, id, &row);

	if (error)
		return error;
	return db_each(call->db,
		"select number, tool, rule, first_us, last_us, seen, confidence, exploited, hash, evidence from proof"
		" where finding = ?1 order by last_us desc, number desc",
		DB_ARGS(db_i64(id)), row_proof, &(struct proofs){ fn, context });
}
