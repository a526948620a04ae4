// SPDX-License-Identifier: Apache-2.0
#include "hub/posture/history.h"

#include <stdlib.h>

#include "hub/posture/internal.h"

static const struct db_migration migrations[] = {
	/* Tenant 0: all of them together, so that the nation's curve is not added up anew each time. */
	{ "create table posture_day (tenant integer not null, day integer not null, written_us integer not null,"
	  " open integer not null, held integer not null, open_weight integer not null, held_weight integer not null,"
	  " met integer not null, due integer not null, overdue integer not null, contradicted integer not null,"
	  " excused integer not null, principal integer not null, age_days integer not null, interest integer not null,"
	  " primary key (tenant, day));"
	  "create index posture_day_day on posture_day (day);" },
};

int history_setup(struct db *db)
{
	return db_migrate(db, "posture-history", migrations, ARRAY_COUNT(migrations));
}

struct writing {
	struct db *db;
	const struct facts_board *board;
	int64_t now_us;
};

static int write_row(const struct writing *writing, int64_t tenant, const struct debt_sum *sum)
{
	return db_run(writing->db,
		"insert into posture_day (tenant, day, written_us, open, held, open_weight, held_weight, met, due, "
		"overdue,"
		" contradicted, excused, principal, age_days, interest)"
		" values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
		" on conflict (tenant, day) do update set written_us = excluded.written_us, open = excluded.open,"
		" held = excluded.held, open_weight = excluded.open_weight, held_weight = excluded.held_weight,"
		" met = excluded.met, due = excluded.due, overdue = excluded.overdue,"
		" contradicted = excluded.contradicted, excused = excluded.excused, principal = excluded.principal,"
		" age_days = excluded.age_days, interest = excluded.interest",
		DB_ARGS(db_i64(tenant), db_i64(writing->now_us / CLOCK_DAY_US), db_i64(writing->now_us),
			db_i64(sum->open), db_i64(sum->held), db_i64(sum->open_weight), db_i64(sum->held_weight),
			db_i64(sum->met), db_i64(sum->due), db_i64(sum->overdue), db_i64(sum->contradicted),
			db_i64(sum->excused), db_i64(sum->principal), db_i64(sum->age_days), db_i64(sum->interest)),
		NULL);
}

static int write_work(void *context)
{
	const struct writing *writing = context;
	int error = write_row(writing, 0, &writing->board->whole);

	for (size_t i = 0; i < writing->board->groups.count && !error; i++)
		error = write_row(writing, writing->board->groups.sums[i].key, &writing->board->groups.sums[i]);
	if (error)
		return error;
	return db_run(writing->db, "delete from posture_day where day < ?1",
		DB_ARGS(db_i64(writing->now_us / CLOCK_DAY_US - HISTORY_DAYS)), NULL);
}

int history_write(struct db *db, struct facts *facts, int64_t now_us)
{
	static const struct scope nation = { .all = true };
	struct facts_board board;
	struct writing writing = { .db = db, .board = &board, .now_us = now_us };
	int error = facts_board(facts, db, &nation, DEBT_BY_TENANT, now_us, &board);

	if (error)
		return error;
	error = db_atomically(db, write_work, &writing);
	facts_board_done(&board);
	return error;
}

struct adding {
	struct debt_sum days[HISTORY_PAGE_MAX]; /* by day; those without a row have the key 0 */
	int64_t from_day;
};

static int row_day(void *context, const struct db_value *columns, size_t column_count)
{
	struct adding *adding = context;
	struct debt_sum *sum = &adding->days[columns[0].integer - adding->from_day];
	int64_t *const fields[] = { &sum->open, &sum->held, &sum->open_weight, &sum->held_weight, &sum->met, &sum->due,
		&sum->overdue, &sum->contradicted, &sum->excused, &sum->principal, &sum->age_days, &sum->interest };

	sum->key = columns[0].integer;
	for (size_t i = 0; i < ARRAY_COUNT(fields); i++)
		*fields[i] += columns[1 + i].integer;
	return 0;
}

static int add_tenant(struct db *db, struct adding *adding, uint32_t tenant)
{
	return db_each(db,
		"select day, open, held, open_weight, held_weight, met, due, overdue, contradicted, excused, principal,"
		" age_days, interest from posture_day where tenant = ?1 and day >= ?2 and day < ?3",
		DB_ARGS(db_i64(tenant), db_i64(adding->from_day), db_i64(adding->from_day + HISTORY_PAGE_MAX)), row_day,
		adding);
}

int history_each(struct db *db, const struct scope *scope, int64_t from_day, debt_fn fn, void *context)
{
	struct adding *adding;
	int error = 0;

	if (!scope)
		return LUYTRE_E_INVALID;
	adding = calloc(1, sizeof(*adding));
	if (!adding)
		return LUYTRE_E_NOMEM;
	adding->from_day = from_day;
	if (scope->all)
		error = add_tenant(db, adding, 0);
	for (size_t i = 0; !scope->all && i < scope->tenant_count && !error; i++)
		error = add_tenant(db, adding, scope->tenants[i]);
	for (size_t i = 0; i < HISTORY_PAGE_MAX && !error; i++)
		if (adding->days[i].key)
			error = fn(context, &adding->days[i]);
	free(adding);
	return error;
}
