// SPDX-License-Identifier: Apache-2.0
/* What is remembered of reports. */
#include <stdio.h>

#include "base/clock.h"
#include "hub/posture/internal.h"
#include "hub/posture/report.h"

const char *const report_state_words[REPORT_STATE_COUNT] = {
#define X(id, word) word,
	REPORT_STATES(X)
#undef X
};

static const struct db_migration migrations[] = {
	{ "create table import (id integer primary key, tenant integer not null, account integer not null,"
	  " place text not null, format text not null, name text not null, target text not null, tool text not null,"
	  " tool_version text not null, state integer not null, message text not null, actor text not null,"
	  " started_us integer not null, ended_us integer not null, size integer not null, records integer not null,"
	  " others integer not null, made integer not null, joined integer not null, seen integer not null,"
	  " reopened integer not null, refused integer not null);"
	  "create index import_state on import (state);"
	  "create table import_refusal (import integer not null, number integer not null, position integer not null,"
	  " slug text not null, text text not null, primary key (import, number));" },
};

int report_setup(struct db *db)
{
	return db_migrate(db, "posture-import", migrations, ARRAY_COUNT(migrations));
}

int report_recover(struct db *db, const char *place, int64_t now_us)
{
	return db_run(db,
		"update import set state = ?1, ended_us = ?2, message = 'the hub ended before it; bring it again for "
		"the rest'"
		" where state = ?3 and place = ?4",
		DB_ARGS(db_i64(REPORT_CUT), db_i64(now_us), db_i64(REPORT_RUNNING), db_str(place)), NULL);
}

struct announcing {
	struct db *db;
	const struct audit_origin *origin;
	const struct report_about *about;
	const char *place;
	int64_t id;
};

static int announce(void *context)
{
	struct announcing *announcing = context;
	const struct report_about *about = announcing->about;
	int error = db_next_id(announcing->db, "import", &announcing->id);

	if (!error)
		error = db_run(announcing->db,
			"insert into import (id, tenant, account, place, format, name, target, tool, tool_version, "
			"state, message,"
			" actor, started_us, ended_us, size, records, others, made, joined, seen, reopened, refused)"
			" values (?1, ?2, ?3, ?4, ?5, ?6, ?7, '', '', ?8, '', ?9, ?10, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
			DB_ARGS(db_i64(announcing->id), db_i64(about->tenant), db_i64(about->account),
				db_str(announcing->place), db_str(about->format), db_str(about->name),
				db_str(about->target), db_i64(REPORT_RUNNING), db_str(announcing->origin->actor),
				db_i64(announcing->origin->now_us)),
			NULL);
	if (!error)
		error = db_run(announcing->db, "delete from import_refusal where import <= ?1",
			DB_ARGS(db_i64(announcing->id - REPORTS_MAX)), NULL);
	if (!error)
		error = db_run(announcing->db, "delete from import where id <= ?1",
			DB_ARGS(db_i64(announcing->id - REPORTS_MAX)), NULL);
	return error;
}

int report_announce(struct db *db, const struct audit_origin *origin, const struct report_about *about,
	const char *place, int64_t *ret_id)
{
	struct announcing announcing = { .db = db, .origin = origin, .about = about, .place = place };
	int error = db_atomically(db, announce, &announcing);

	*ret_id = announcing.id;
	return error;
}

#define COLUMNS                                                                                                        \
	"id, tenant, account, format, name, target, tool, tool_version, state, message, actor, started_us, ended_us,"  \
	" size, records, others, made, joined, seen, reopened, refused"

struct reading {
	report_fn fn;
	void *context;
};

static void read_row(const struct db_value *columns, struct report_row *ret)
{
	*ret = (struct report_row){ .id = columns[0].integer,
		.about = { .tenant = (uint32_t)columns[1].integer, .account = (uint32_t)columns[2].integer },
		.state = (enum report_state)columns[8].integer,
		.started_us = columns[11].integer,
		.ended_us = columns[12].integer,
		.bytes = columns[13].integer,
		.records = columns[14].integer,
		.others = columns[15].integer,
		.refused = columns[20].integer };
	db_copy_text(&columns[3], ret->about.format, sizeof(ret->about.format));
	db_copy_text(&columns[4], ret->about.name, sizeof(ret->about.name));
	db_copy_text(&columns[5], ret->about.target, sizeof(ret->about.target));
	db_copy_text(&columns[6], ret->tool, sizeof(ret->tool));
	db_copy_text(&columns[7], ret->tool_version, sizeof(ret->tool_version));
	db_copy_text(&columns[9], ret->message, sizeof(ret->message));
	db_copy_text(&columns[10], ret->by, sizeof(ret->by));
	for (int i = 0; i < FINDING_OUTCOME_COUNT; i++)
		ret->outcomes[i] = columns[16 + i].integer;
}

static int row_get(void *context, const struct db_value *columns, size_t column_count)
{
	read_row(columns, context);
	return 1;
}

int report_get(struct db *db, int64_t id, struct report_row *ret)
{
	int found = db_each(db, "select " COLUMNS " from import where id = ?1", DB_ARGS(db_i64(id)), row_get, ret);

	return found < 0 ? found : found == 1 ? 0 : LUYTRE_E_NOT_FOUND;
}

static int row_each(void *context, const struct db_value *columns, size_t column_count)
{
	const struct reading *reading = context;
	struct report_row row;

	read_row(columns, &row);
	return reading->fn(reading->context, &row);
}

int report_each(struct db *db, int64_t before, uint32_t limit, report_fn fn, void *context)
{
	struct reading reading = { fn, context };

	return db_each(db, "select " COLUMNS " from import where id < ?1 order by id desc limit ?2",
		DB_ARGS(db_i64(before > 0 ? before : INT64_MAX), db_i64(limit)), row_each, &reading);
}

int report_give_up(struct db *db, int64_t id, int error, struct report_row *ret)
{
	int failed = db_run(db, "update import set state = ?2, message = ?3, ended_us = ?4 where id = ?1",
		DB_ARGS(db_i64(id), db_i64(REPORT_FAILED), db_str(error_text(error, LUYTRE_LANG_EN)),
			db_i64((int64_t)(clock_real_ns() / NS_PER_US))),
		NULL);

	return failed ? failed : report_get(db, id, ret);
}

struct refusals {
	report_refusal_fn fn;
	void *context;
};

static int row_refusal(void *context, const struct db_value *columns, size_t column_count)
{
	const struct refusals *refusals = context;
	const struct report_refusal refusal = { .number = columns[0].integer,
		.position = columns[1].integer,
		.slug = columns[2].bytes,
		.text = columns[3].bytes };

	return refusals->fn(refusals->context, &refusal);
}

int report_refusal_each(struct db *db, int64_t id, int64_t after, uint32_t limit, report_refusal_fn fn, void *context)
{
	return db_each(db,
		"select number, position, slug, text from import_refusal where import = ?1 and number > ?2"
		" order by number limit ?3",
		DB_ARGS(db_i64(id), db_i64(after), db_i64(limit)), row_refusal, &(struct refusals){ fn, context });
}
