// SPDX-License-Identifier: Apache-2.0
/* The tables, questions, and what people may change. */
#include "hub/posture/hold.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/holdfile.h"
#include "hub/posture/hold-internal.h"

static const struct db_migration migrations[] = {
	/* changed_us of a hold: what edges get because of it is another one since. 'content': of that, as a number. hold_cover: which gate rules
	 * cover what. hold_said: parts of what web servers said, as hold-edge.c packs them. */
	{ "create table hold (id integer primary key, revision integer not null, rule integer not null, tenant integer "
	  "not null,"
	  " system integer not null, asset integer not null, state integer not null, created_us integer not null,"
	  " since_us integer not null, proved_us integer not null, verdict integer not null, ending integer not null,"
	  " finding_count integer not null, edge_count integer not null, reason text not null, actor text not null,"
	  " suspended_until_us integer not null, changed_us integer not null, content integer not null);"
	  "create unique index hold_place on hold (asset, rule);"
	  "create index hold_state on hold (state, id);"
	  "create index hold_tenant on hold (tenant, id);"
	  "create index hold_rule on hold (rule, id);"
	  "create table hold_finding (hold integer not null references hold (id),"
	  " finding integer not null references finding (id), primary key (hold, finding));"
	  "create index hold_finding_of on hold_finding (finding, hold);"
	  "create table hold_edge (edge integer not null, hold integer not null references hold (id),"
	  " verdict integer not null, enforce integer not null, good_us integer not null, stands_us integer not null,"
	  " told_us integer not null, primary key (edge, hold));"
	  "create index hold_edge_of on hold_edge (hold, edge);"
	  "create table hold_said (edge integer not null, gate text not null, worker integer not null,"
	  " part integer not null, workers integer not null, parts integer not null, stamp integer not null,"
	  " seen_us integer not null, content blob not null, primary key (edge, gate, worker, part));"
	  "create table hold_cover (cve text not null, rule integer not null, primary key (cve, rule));" },
	/* Rules of sensors hold too, and have numbers of their own. room: 0 where there is none. doubt_us: as in struct hold_edge. What a worker said stays
	 * until all parts of the next are there. */
	{ "alter table hold add column part integer not null default 0;"
	  "alter table hold add column room integer not null default 1;"
	  "alter table hold_edge add column doubt_us integer not null default 0;"
	  "drop index hold_place;"
	  "create unique index hold_place on hold (asset, part, rule);"
	  "alter table hold_cover rename to hold_cover_before;"
	  "create table hold_cover (cve text not null, part integer not null, rule integer not null,"
	  " primary key (cve, part, rule));"
	  "insert into hold_cover (cve, part, rule) select cve, 0, rule from hold_cover_before;"
	  "drop table hold_cover_before;"
	  "alter table hold_said rename to hold_said_before;"
	  "create table hold_said (edge integer not null, gate text not null, worker integer not null,"
	  " stamp integer not null, part integer not null, workers integer not null, parts integer not null,"
	  " seen_us integer not null, content blob not null, primary key (edge, gate, worker, stamp, part));"
	  "insert into hold_said (edge, gate, worker, stamp, part, workers, parts, seen_us, content)"
	  " select edge, gate, worker, stamp, part, workers, parts, seen_us, content from hold_said_before;"
	  "drop table hold_said_before;" },
};

#define X(id, word, en, vi) { word, en, vi },
const struct hold_word hold_states[HOLD_STATE_COUNT] = { HOLD_STATES(X) };
const struct hold_word hold_verdicts[HOLD_VERDICT_COUNT] = { HOLD_VERDICTS(X) };
const struct hold_word hold_ends[HOLD_END_COUNT] = { HOLD_ENDS(X) };
#undef X

const char *hold_verdict_text(uint8_t part, enum hold_verdict verdict, bool vietnamese)
{
	if (part == HOLDFILE_PART_SENSOR && verdict == HOLD_VERDICT_NONE)
		return vietnamese ? "chưa có cảm biến nào báo cáo" : "no sensor here reports";
	return vietnamese ? hold_verdicts[verdict].vi : hold_verdicts[verdict].en;
}

int hold_setup(struct db *db)
{
	return db_migrate(db, "hold", migrations, ARRAY_COUNT(migrations));
}

void hold_row_read(const struct db_value *columns, struct hold *ret)
{
	ret->id = columns[0].integer;
	ret->revision = columns[1].integer;
	ret->rule = (uint64_t)columns[2].integer;
	ret->tenant = (uint32_t)columns[3].integer;
	ret->system = (uint32_t)columns[4].integer;
	ret->asset = (uint32_t)columns[5].integer;
	ret->state = (enum hold_state)columns[6].integer;
	ret->created_us = columns[7].integer;
	ret->since_us = columns[8].integer;
	ret->proved_us = columns[9].integer;
	ret->verdict = (enum hold_verdict)columns[10].integer;
	ret->end = (enum hold_end)columns[11].integer;
	ret->finding_count = (uint32_t)columns[12].integer;
	ret->edge_count = (uint32_t)columns[13].integer;
	db_copy_text(&columns[14], ret->reason, sizeof(ret->reason));
	db_copy_text(&columns[15], ret->actor, sizeof(ret->actor));
	ret->suspended_until_us = columns[16].integer;
	ret->part = (uint8_t)columns[17].integer;
}

int hold_row_id(void *context, const struct db_value *columns, size_t column_count)
{
	struct hold_ids *ids = context;

	if (ids->count < HOLD_SLICE)
		ids->ids[ids->count++] = columns[0].integer;
	return 0;
}

/* ---- Questions ---- */

static int row_get(void *context, const struct db_value *columns, size_t column_count)
{
	hold_row_read(columns, context);
	return 1;
}

int hold_get(struct db *db, const struct scope *scope, int64_t id, struct hold *ret)
{
	struct hold row;
	int error;

	if (!scope)
		return LUYTRE_E_INVALID;
	error = db_each(db, "select " HOLD_COLUMNS " from hold where id = ?1", DB_ARGS(db_i64(id)), row_get, &row);
	if (error < 0)
		return error;
	if (error != 1 || !scope_has(scope, row.tenant))
		return LUYTRE_E_NOT_FOUND;
	*ret = row;
	return 0;
}

enum { PAGE_END = INT32_MIN };

struct page {
	const struct scope *scope;
	hold_fn fn;
	void *context;
	int64_t last;
	uint32_t left, rows;
};

static int row_page(void *context, const struct db_value *columns, size_t column_count)
{
	struct page *page = context;
	struct hold row;

	page->rows++;
	hold_row_read(columns, &row);
	page->last = row.id;
	if (!scope_has(page->scope, row.tenant))
		return 0;
	if (!page->left)
		return PAGE_END;
	page->left--;
	return page->fn(page->context, &row);
}

#define PAGE(where)                                                                                                    \
	"select " HOLD_COLUMNS " from hold where " where " and hold.id < ?1 and (?3 = -1 or hold.state = ?3)"          \
	" and (?4 = 0 or hold.rule = ?4) and (?5 = 0 or hold.asset = ?5) and (?6 = '' or exists"                       \
	" (select 1 from hold_finding l join finding f on f.id = l.finding where l.hold = hold.id and f.cve = ?6))"    \
	" order by hold.id desc limit ?2"

int hold_each(struct db *db, const struct scope *scope, const struct hold_query *query, hold_fn fn, void *context)
{
	/* The index of each begins with what is asked for. */
	static const char *const statements[2] = { PAGE("?7 = 0"), PAGE("hold.tenant = ?7") };
	struct page page = { .scope = scope, .fn = fn, .context = context, .left = query->limit };
	int64_t state = query->state == HOLD_STATE_COUNT ? -1 : (int64_t)query->state;
	int error;

	if (!scope || query->limit > FINDING_PAGE_MAX)
		return LUYTRE_E_INVALID;
	if ((query->tenant && !scope_has(scope, query->tenant)) || (!scope->all && !scope->tenant_count))
		return 0;
	page.last = query->before ? query->before : INT64_MAX;
	do {
		page.rows = 0;
		error = db_each(db, statements[query->tenant != 0],
			DB_ARGS(db_i64(page.last), db_i64(query->limit), db_i64(state), db_i64((int64_t)query->rule),
				db_i64(query->asset), db_str(query->cve ? query->cve : ""), db_i64(query->tenant)),
			row_page, &page);
	} while (!error && page.left > 0 && page.rows == query->limit && query->limit);
	return error == PAGE_END ? 0 : error;
}

struct listing {
	hold_finding_fn finding;
	hold_edge_fn edge;
	void *context;
};

static int row_finding(void *context, const struct db_value *columns, size_t column_count)
{
	const struct listing *listing = context;
	char cve[FINDING_CVE_SIZE];

	db_copy_text(&columns[1], cve, sizeof(cve));
	return listing->finding(listing->context, columns[0].integer, cve);
}

int hold_finding_each(struct db *db, int64_t id, hold_finding_fn fn, void *context)
{
	return db_each(db,
		"select l.finding, f.cve from hold_finding l join finding f on f.id = l.finding where l.hold = ?1"
		" order by l.finding limit ?2",
		DB_ARGS(db_i64(id), db_i64(FINDING_PAGE_MAX)), row_finding,
		&(struct listing){ .finding = fn, .context = context });
}

static int row_edge(void *context, const struct db_value *columns, size_t column_count)
{
	const struct listing *listing = context;
	const struct hold_edge edge = { .edge = (uint32_t)columns[0].integer,
		.verdict = (enum hold_verdict)columns[1].integer,
		.enforce = columns[2].integer != 0,
		.good_us = columns[3].integer,
		.stands_us = columns[4].integer,
		.told_us = columns[5].integer,
		.doubt_us = columns[6].integer };

	return listing->edge(listing->context, &edge);
}

int hold_edge_each(struct db *db, int64_t id, hold_edge_fn fn, void *context)
{
	return db_each(db,
		"select edge, verdict, enforce, good_us, stands_us, told_us, doubt_us from hold_edge where hold = ?1"
		" order by edge",
		DB_ARGS(db_i64(id)), row_edge, &(struct listing){ .edge = fn, .context = context });
}

/* ---- States ---- */

int hold_state_enter(struct db *db, const struct audit_origin *origin, const char *verb, const struct hold_enter *enter)
{
	const struct scope nation = { .all = true };
	char action[32], subject[32];
	struct hold before;
	int error = hold_get(db, &nation, enter->id, &before);

	if (error)
		return error;
	error = db_run(db,
		"update hold set revision = revision + 1, state = ?2, ending = ?3, reason = ?4, actor = ?5,"
		" suspended_until_us = ?6, since_us = ?7, changed_us = case when ?8 = 1 then ?7 else changed_us end"
		" where id = ?1",
		DB_ARGS(db_i64(enter->id), db_i64(enter->state), db_i64(enter->end),
			db_str(enter->reason ? enter->reason : ""), db_str(enter->actor ? enter->actor : ""),
			db_i64(enter->suspended_until_us), db_i64(origin->now_us), db_i64(enter->told)),
		NULL);
	if (error)
		return error;
	snprintf(action, sizeof(action), "hold.%s", verb);
	snprintf(subject, sizeof(subject), "hold:%lld", (long long)enter->id);
	return audit_append(db, origin,
		&(struct audit_record){ .action = action,
			.subject = subject,
			.tenant = before.tenant,
			.fields = (const struct audit_field[]){ { "rule", db_i64((int64_t)before.rule) },
				{ "part", db_str(holdfile_parts[before.part]) }, { "asset", db_i64(before.asset) },
				{ "state", db_str(hold_states[enter->state].word) },
				{ "state_before", db_str(hold_states[before.state].word) },
				{ "verdict", db_str(hold_verdicts[before.verdict].word) },
				{ "end", db_str(hold_ends[enter->end].word) },
				{ "reason", db_str(enter->reason ? enter->reason : "") },
				{ "until_us",
					enter->suspended_until_us ? db_i64(enter->suspended_until_us) : db_null() } },
			.field_count = 9 });
}

struct by_person {
	struct db *db;
	const struct scope *scope;
	const struct audit_origin *origin;
	int64_t id, revision, until_us;
	const char *reason;
	bool suspend;
	struct hold row;
};

static int work_by_person(void *context)
{
	struct by_person *work = context;
	char reason[FINDING_REASON_SIZE], actor[FINDING_ACTOR_SIZE];
	struct hold_enter enter = { .id = work->id, .state = HOLD_SHADOW, .told = true };
	int error = hold_get(work->db, work->scope, work->id, &work->row);

	if (error)
		return error;
	if (work->row.revision != work->revision)
		return LUYTRE_E_CONFLICT;
	if (work->suspend ? work->row.state != HOLD_SHADOW && work->row.state != HOLD_ENFORCED
			  : work->row.state != HOLD_SUSPENDED)
		return LUYTRE_E_CONFLICT;
	enter.reason = posture_text(bytes_from_str(work->reason), true, reason, sizeof(reason));
	if (work->suspend) {
		enter.state = HOLD_SUSPENDED;
		enter.actor = posture_text(bytes_from_str(work->origin->actor), false, actor, sizeof(actor));
		enter.suspended_until_us = work->until_us;
	}
	error = hold_state_enter(work->db, work->origin, work->suspend ? "suspend" : "resume", &enter);
	/* It does not count as standing any more from now on, whatever edges have still to hear. */
	if (!error)
		error = db_run(work->db,
			"update hold_edge set enforce = 0, stands_us = 0, good_us = 0, doubt_us = 0, told_us = ?2"
			" where hold = ?1",
			DB_ARGS(db_i64(work->id), db_i64(work->origin->now_us)), NULL);
	if (!error)
		error = db_run(work->db, "update hold set edge_count = 0, proved_us = 0 where id = ?1",
			DB_ARGS(db_i64(work->id)), NULL);
	return error ? error : hold_get(work->db, work->scope, work->id, &work->row);
}

static int run_by_person(struct by_person *work, struct hold *ret)
{
	int error;

	if (!work->scope || !work->origin || !work->reason || work->reason[strspn(work->reason, " \t\r\n")] == '\0')
		return LUYTRE_E_INVALID;
	error = db_atomically(work->db, work_by_person, work);
	if (!error)
		*ret = work->row;
	return error;
}

int hold_suspend(struct db *db, const struct scope *scope, const struct audit_origin *origin, int64_t id,
	int64_t revision, const char *reason, int64_t until_us, struct hold *ret)
{
	struct by_person work = { .db = db,
		.scope = scope,
		.origin = origin,
		.id = id,
		.revision = revision,
		.until_us = until_us,
		.reason = reason,
		.suspend = true };

	if (origin && (until_us <= origin->now_us || until_us > origin->now_us + HOLD_SUSPEND_DAYS_MAX * CLOCK_DAY_US))
		return LUYTRE_E_RANGE;
	return run_by_person(&work, ret);
}

int hold_resume(struct db *db, const struct scope *scope, const struct audit_origin *origin, int64_t id,
	int64_t revision, const char *reason, struct hold *ret)
{
	struct by_person work = {
		.db = db, .scope = scope, .origin = origin, .id = id, .revision = revision, .reason = reason
	};

	return run_by_person(&work, ret);
}
