// SPDX-License-Identifier: Apache-2.0
/* Which CVEs were searched in stored events, when, and by which rules: so that none is searched twice for the same reason, also after a restart. */
#include "hub/posture/internal.h"
#include "hub/posture/retro.h"

static const struct db_migration migrations[] = {
	/* rules: what stood for the rules that cover it. finding: the newest one that the answer was offered to. */
	{ "create table retro_run (cve text primary key, at_us integer not null, rules integer not null, kev integer "
	  "not "
	  "null,"
	  " finding integer not null, hits integer not null);" },
};

int retro_setup(struct db *db)
{
	return db_migrate(db, "retro", migrations, ARRAY_COUNT(migrations));
}

struct run {
	bool known;
	int64_t at_us, rules, kev, finding, hits;
};

static int keep_run(void *context, const struct db_value *columns, size_t column_count)
{
	struct run *run = context;

	*run = (struct run){ .known = true,
		.at_us = columns[0].integer,
		.rules = columns[1].integer,
		.kev = columns[2].integer,
		.finding = columns[3].integer,
		.hits = columns[4].integer };
	return 0;
}

static int newest_finding(struct db *db, const char *cve, int64_t *ret)
{
	return db_integer(db, "select coalesce(max(id), 0) from finding where cve = ?1", DB_ARGS(db_str(cve)), ret);
}

int retro_need(struct db *db, const char *cve, uint64_t rules, int64_t now_us, struct retro_need *ret)
{
	struct run run = { 0 };
	int64_t kev = 0, newest = 0;
	int error = db_each(db, "select at_us, rules, kev, finding, hits from retro_run where cve = ?1",
		DB_ARGS(db_str(cve)), keep_run, &run);

	*ret = (struct retro_need){ 0 };
	if (!error)
		error = db_integer(
			db, "select count(*) from cve where cve = ?1 and kev_us > 0", DB_ARGS(db_str(cve)), &kev);
	if (!error)
		error = newest_finding(db, cve, &newest);
	if (error)
		return error;
	ret->kev = kev != 0;
	ret->due = !run.known || run.rules != (int64_t)rules || (ret->kev && !run.kev) ||
		   (newest > run.finding && now_us - run.at_us > (run.hits ? RETRO_AGAIN_HIT_US : RETRO_AGAIN_US));
	return 0;
}

int retro_kev_news(struct db *db, bool *ret)
{
	int64_t count = 0;
	int error = db_integer(db,
		"select count(*) from cve join retro_run on retro_run.cve = cve.cve where cve.kev_us > 0 and"
		" retro_run.kev = 0",
		DB_NO_ARGS, &count);

	*ret = count > 0;
	return error;
}

struct note {
	const struct finding_call *call;
	const char *cve;
	uint64_t rules;
	bool kev;
	const struct retro_answer *answer;
	uint32_t count;
};

static int note_work(void *context)
{
	struct note *note = context;
	struct db *db = note->call->db;
	int64_t newest = 0;
	int error = newest_finding(db, note->cve, &newest);

	if (!error && note->answer && note->answer->tenant_count)
		error = retro_attach(note->call, note->cve, note->answer, &note->count);
	if (error)
		return error;
	return db_run(db,
		"insert into retro_run (cve, at_us, rules, kev, finding, hits) values (?1, ?2, ?3, ?4, ?5, ?6)"
		" on conflict (cve) do update set at_us = excluded.at_us, rules = excluded.rules, kev = excluded.kev,"
		" finding = excluded.finding, hits = excluded.hits",
		DB_ARGS(db_str(note->cve), db_i64(note->call->origin->now_us), db_i64((int64_t)note->rules),
			db_i64(note->kev), db_i64(newest), db_i64(note->answer && note->answer->tenant_count)),
		NULL);
}

int retro_note(const struct finding_call *call, const char *cve, uint64_t rules, bool kev,
	const struct retro_answer *answer, uint32_t *ret_count)
{
	struct note note = { .call = call, .cve = cve, .rules = rules, .kev = kev, .answer = answer };
	int error = db_atomically(call->db, note_work, &note);

	*ret_count = error ? 0 : note.count;
	return error;
}
