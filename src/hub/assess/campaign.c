// SPDX-License-Identifier: Apache-2.0
/* The tables; assessments as a whole. */
#include <stdio.h>
#include <stdlib.h>

#include "hub/assess/day.h"
#include "hub/assess/internal.h"

static const struct db_migration migrations[] = {
	{ "create table assessment (id integer primary key, revision integer not null, tenant integer not null,"
	  " title text not null, profile text not null, began_us integer not null, began_by text not null,"
	  " deadline_us integer not null, closed_us integer not null, systems integer not null);"
	  "create table assessment_sheet (assessment integer not null references assessment (id),"
	  " system integer not null, tenant integer not null, level integer not null, sector integer not null,"
	  " province integer not null, name text not null, tenant_name text not null, state integer not null,"
	  " revision integer not null, submitted_us integer not null, changed_us integer not null,"
	  " reason text not null, answers blob not null, staff text not null, signer integer not null,"
	  " signer_name text not null, signed_us integer not null, signature blob not null,"
	  " primary key (assessment, system));"
	  "create index assessment_sheet_tenant on assessment_sheet (assessment, tenant);"
	  /* For questions about all systems, or one, whatever else is in the table. */
	  "create index finding_tool_system on finding (tool, system, live);"
	  "create index finding_kev_system on finding (kev, live, system);" },
	{ "alter table assessment add column second text not null default '';"
	  "create table assessment_excuse (assessment integer not null, system integer not null, control text not null,"
	  " hash blob not null, author integer not null, approver integer not null, approver_name text not null,"
	  " approved_us integer not null, signature blob not null, primary key (assessment, system, control));" },
};

int assess_setup(struct db *db)
{
	return db_migrate(db, "assess", migrations, ARRAY_COUNT(migrations));
}

const struct assess_text assess_sheet_texts[ASSESS_SHEET_COUNT] = {
#define X(id, word, en, vi) { word, en, vi },
	ASSESS_SHEETS(X)
#undef X
};

static const struct {
	int error;
	const char *en, *vi;
} reasons[ASSESS_REASON_COUNT] = { { 0, "", "" },
#define X(id, error, en, vi) { error, en, vi },
	ASSESS_REASONS(X)
#undef X
};

const char *assess_reason_text(enum assess_reason reason, enum luytre_lang lang)
{
	return lang == LUYTRE_LANG_VI ? reasons[reason].vi : reasons[reason].en;
}

int assess_refuse(const struct assess_call *call, enum assess_reason reason)
{
	if (call->why)
		*call->why = reason;
	return reasons[reason].error;
}

/* ---- Reading ---- */

#define COLUMNS "id, revision, tenant, title, profile, began_us, began_by, deadline_us, closed_us, systems, second"

static void read_row(const struct db_value *columns, struct assessment *ret)
{
	*ret = (struct assessment){ .id = (uint32_t)columns[0].integer,
		.revision = columns[1].integer,
		.tenant = (uint32_t)columns[2].integer,
		.began_us = columns[5].integer,
		.deadline_us = columns[7].integer,
		.closed_us = columns[8].integer,
		.systems = (uint32_t)columns[9].integer };
	db_copy_text(&columns[3], ret->title, sizeof(ret->title));
	db_copy_text(&columns[4], ret->profile, sizeof(ret->profile));
	db_copy_text(&columns[6], ret->began_by, sizeof(ret->began_by));
	db_copy_text(&columns[10], ret->second, sizeof(ret->second));
}

static int row_scope(void *context, const struct db_value *columns, size_t column_count)
{
	return scope_has(context, (uint32_t)columns[0].integer);
}

/* Whether a sheet of it is in the scope: 1, 0 or an error. */
static int is_visible(const struct assess_call *call, uint32_t id)
{
	if (!call->scope)
		return LUYTRE_E_INVALID;
	if (call->scope->all)
		return 1;
	return db_each(call->db, "select distinct tenant from assessment_sheet where assessment = ?1",
		DB_ARGS(db_i64(id)), row_scope, (void *)(uintptr_t)call->scope);
}

static int row_get(void *context, const struct db_value *columns, size_t column_count)
{
	read_row(columns, context);
	return 0;
}

int assess_get(const struct assess_call *call, uint32_t id, struct assessment *ret)
{
	int answer = is_visible(call, id);

	ret->id = 0;
	if (answer > 0)
		answer = db_each(call->db, "select " COLUMNS " from assessment where id = ?1", DB_ARGS(db_i64(id)),
			row_get, ret);
	return answer ? answer : ret->id && ret->id == id ? 0 : LUYTRE_E_NOT_FOUND;
}

struct page {
	struct assessment *items; /* owned */
	size_t count;
};

static int row_page(void *context, const struct db_value *columns, size_t column_count)
{
	struct page *page = context;

	read_row(columns, &page->items[page->count++]);
	return 0;
}

int assess_each(const struct assess_call *call, uint32_t before, uint32_t limit, assessment_fn fn, void *context)
{
	enum { LOOK = 100 };
	struct page page = { .items = malloc(LOOK * sizeof(*page.items)) };
	int64_t below = before ? before : INT64_MAX;
	int answer = page.items ? 0 : LUYTRE_E_NOMEM;

	do {
		page.count = 0;
		if (!answer)
			answer = db_each(call->db,
				"select " COLUMNS " from assessment where id < ?1 order by id desc limit ?2",
				DB_ARGS(db_i64(below), db_i64(LOOK)), row_page, &page);
		for (size_t i = 0; i < page.count && !answer && limit > 0; i++) {
			int visible = is_visible(call, page.items[i].id);

			below = page.items[i].id;
			limit -= visible > 0;
			answer = visible > 0 ? fn(context, &page.items[i]) : visible;
		}
	} while (!answer && limit > 0 && page.count == LOOK);
	free(page.items);
	return answer;
}

/* ---- Changes ---- */

struct change {
	const struct assess_call *call;
	const struct assess_begin *in;
	uint32_t id;
	int64_t revision;
	struct assessment *ret;
};

static int tell(const struct assess_call *call, const char *action, const struct assessment *assessment)
{
	const struct audit_field fields[] = { { "title", db_str(assessment->title) },
		{ "profile", db_str(assessment->profile) }, { "second", db_str(assessment->second) },
		{ "deadline_us", db_i64(assessment->deadline_us) }, { "systems", db_i64(assessment->systems) } };
	char subject[32];

	snprintf(subject, sizeof(subject), "assessment:%u", assessment->id);
	return audit_append(call->db, call->origin,
		&(struct audit_record){ action, subject, assessment->tenant, fields, ARRAY_COUNT(fields) });
}

/* What stands below a tenant now, and itself; 0: all. */
#define SHEETS_OF                                                                                                      \
	"with recursive below (id) as (select tenant.id from tenant where tenant.id = ?2 union all"                    \
	" select tenant.id from tenant join below on tenant.parent = below.id)"                                        \
	" insert into assessment_sheet (assessment, system, tenant, level, sector, province, name, tenant_name, "      \
	"state,"                                                                                                       \
	" revision, submitted_us, changed_us, reason, answers, staff, signer, signer_name, signed_us, signature)"      \
	" select ?1, system.id, tenant.id, system.level, tenant.sector, tenant.province, system.name, tenant.name,"    \
	" 0, 1, 0, ?3, '', ?4, '', 0, '', 0, ?4 from system join tenant on tenant.id = system.tenant"                  \
	" where ?2 = 0 or tenant.id in (select id from below) limit ?5"

static int insert(const struct change *change, struct assessment *row)
{
	const struct assess_call *call = change->call;
	const struct db_value none = db_blob(bytes_of("", 0));
	uint64_t count = 0;
	int error = db_run(call->db,
		"insert into assessment (" COLUMNS ") values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
		DB_ARGS(db_i64(row->id), db_i64(row->revision), db_i64(row->tenant), db_str(row->title),
			db_str(row->profile), db_i64(row->began_us), db_str(row->began_by), db_i64(row->deadline_us),
			db_i64(0), db_i64(0), db_str(row->second)),
		NULL);

	if (!error)
		error = db_run(call->db, SHEETS_OF,
			DB_ARGS(db_i64(row->id), db_i64(row->tenant), db_i64(row->began_us), none,
				db_i64(ASSESS_SYSTEMS_MAX + 1)),
			&count);
	if (!error && count == 0)
		error = assess_refuse(call, ASSESS_WHY_NOTHING);
	if (!error && count > ASSESS_SYSTEMS_MAX)
		error = assess_refuse(call, ASSESS_WHY_MANY);
	row->systems = (uint32_t)count;
	if (!error)
		error = db_run(call->db, "update assessment set systems = ?2 where id = ?1",
			DB_ARGS(db_i64(row->id), db_i64((int64_t)count)), NULL);
	return error;
}

static int begin(void *context)
{
	struct change *change = context;
	const struct assess_call *call = change->call;
	struct assessment row = { .revision = 1,
		.tenant = change->in->tenant,
		.began_us = call->origin->now_us,
		.deadline_us = change->in->deadline_us };
	int64_t id, open = 0;
	int error = db_integer(call->db, "select count(*) from assessment where closed_us = 0", DB_NO_ARGS, &open);

	if (!error && open >= ASSESS_OPEN_MAX)
		error = assess_refuse(call, ASSESS_WHY_MANY);
	if (!error)
		error = db_next_id(call->db, "assessment", &id);
	if (error)
		return error;
	row.id = (uint32_t)id;
	snprintf(row.title, sizeof(row.title), "%s", change->in->title);
	snprintf(row.profile, sizeof(row.profile), "%s", change->in->profile);
	snprintf(row.second, sizeof(row.second), "%s", change->in->second ? change->in->second : "");
	snprintf(row.began_by, sizeof(row.began_by), "%s", call->name);
	error = insert(change, &row);
	if (!error)
		error = tell(call, "assessment.begin", &row);
	if (!error)
		*change->ret = row;
	return error;
}

/* Whether the profile is in force still. One that begins later may be used: who moves to it wants to know. */
static bool in_time(const struct law_profile *profile, int64_t now_us)
{
	return day_in_force("", profile->valid_to, now_us);
}

int assess_begin(const struct assess_call *call, const struct assess_begin *in, struct assessment *ret)
{
	struct change change = { .call = call, .in = in, .ret = ret };
	int64_t ahead_us = in->deadline_us - call->origin->now_us;
	const struct law_profile *profile, *second;

	if (!call->scope || !scope_has(call->scope, in->tenant))
		return LUYTRE_E_NOT_FOUND;
	profile = law_profile_find(call->law, in->profile);
	second = in->second && in->second[0] ? law_profile_find(call->law, in->second) : NULL;
	if (!profile || !in_time(profile, call->origin->now_us) || profile == second ||
		(in->second && in->second[0] && (!second || !in_time(second, call->origin->now_us))))
		return assess_refuse(call, ASSESS_WHY_PROFILE);
	if (ahead_us <= 0 || ahead_us > ASSESS_DEADLINE_MAX_US)
		return assess_refuse(call, ASSESS_WHY_DEADLINE);
	return db_atomically(call->db, begin, &change);
}

static int close_it(void *context)
{
	struct change *change = context;
	const struct assess_call *call = change->call;
	struct assessment row;
	int error = assess_get(call, change->id, &row);

	if (!error && row.closed_us)
		error = assess_refuse(call, ASSESS_WHY_CLOSED);
	if (!error && row.revision != change->revision)
		error = assess_refuse(call, ASSESS_WHY_REVISION);
	if (error)
		return error;
	row.revision++;
	row.closed_us = call->origin->now_us;
	error = db_run(call->db, "update assessment set revision = ?2, closed_us = ?3 where id = ?1",
		DB_ARGS(db_i64(row.id), db_i64(row.revision), db_i64(row.closed_us)), NULL);
	if (!error)
		error = tell(call, "assessment.close", &row);
	if (!error)
		*change->ret = row;
	return error;
}

int assess_close(const struct assess_call *call, uint32_t id, int64_t revision, struct assessment *ret)
{
	struct change change = { .call = call, .id = id, .revision = revision, .ret = ret };

	return db_atomically(call->db, close_it, &change);
}
