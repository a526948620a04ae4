// SPDX-License-Identifier: Apache-2.0
/* Deadlines that no incident begins: those of each year or other period, and the transition to the present law. Each look makes what is not there yet, a
 * slice at a time, and takes away what belongs to systems that are gone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/assess/day.h"
#include "hub/incident/internal.h"
#include "hub/incident/moment.h"

enum { SLICE = 200 };

/* Who has a clock. The statements select tenant, system and contact of those that have no row yet: ?1 the clock, ?2 the year, ?3 a word. */
#define ABSENT                                                                                                         \
	" not exists (select 1 from incident_duty d where d.incident = 0 and d.clock = ?1 and d.number = ?2"           \
	" and d.tenant = t.id and d.system = "
#define OF_TENANTS                                                                                                     \
	"select t.id, 0, t.contact from tenant t where exists (select 1 from system s where s.tenant = t.id) "         \
	"and" ABSENT "0) and ?3 = ?3 order by t.id limit 200"
#define OF_SYSTEMS(which)                                                                                              \
	"select t.id, s.id, s.contact from system s join tenant t on t.id = s.tenant where (" which ") and" ABSENT     \
	"s.id) and ?3 = ?3 order by s.id limit 200"
static const struct whom {
	const char *clock, *sql;
} whoms[] = {
	{ "yr-owner", OF_TENANTS },
	{ "yr-mps", OF_TENANTS },
	/* Systems important to national security are protected as level 5. */
	{ "crit-self", OF_SYSTEMS("s.level = 5 or exists (select 1 from incident_form f where f.system = s.id and "
				  "f.important = 1)") },
	/* Of the former law: no row of it is in force now. */
	{ "half-06", OF_TENANTS },
	{ "half-12", OF_TENANTS },
	{ "share", OF_TENANTS },
	{ "mon-week", OF_TENANTS },
	{ "assess-24m", OF_TENANTS },
	{ "assess-12m", OF_SYSTEMS("s.level in (3, 4)") },
	{ "assess-6m", OF_SYSTEMS("s.level = 5") },
};
static const char transition[] =
	"select t.id, s.id, s.contact from system s join tenant t on t.id = s.tenant join incident_form f"
	" on f.system = s.id where f.transition = ?3 and" ABSENT "s.id) order by s.id limit 200";

struct found {
	struct duty duties[SLICE];
	size_t count;
};

static int row_found(void *context, const struct db_value *columns, size_t column_count)
{
	struct found *found = context;
	struct duty *duty = &found->duties[found->count++];

	memset(duty, 0, sizeof(*duty));
	duty->tenant = (uint32_t)columns[0].integer;
	duty->system = (uint32_t)columns[1].integer;
	db_copy_text(&columns[2], duty->owner, sizeof(duty->owner));
	return 0;
}

struct making {
	const struct incident_call *call;
	struct found *found;
	const char *sql, *clock, *word, *law_from;
	int64_t year, due_us;
	uint32_t count;
};

static int make(void *context)
{
	struct making *making = context;
	const struct incident_call *call = making->call;
	int error;

	making->found->count = 0;
	error = db_each(call->db, making->sql,
		DB_ARGS(db_str(making->clock), db_i64(making->year), db_str(making->word)), row_found, making->found);
	for (size_t i = 0; i < making->found->count && !error; i++) {
		struct duty *duty = &making->found->duties[i];

		snprintf(duty->clock, sizeof(duty->clock), "%s", making->clock);
		snprintf(duty->law_from, sizeof(duty->law_from), "%s", making->law_from);
		duty->number = (uint32_t)making->year;
		duty->start_us = call->origin->now_us;
		duty->due_us = making->due_us;
		error = duty_begin(call, duty);
	}
	making->count += error ? 0 : (uint32_t)making->found->count;
	return error;
}

/* "7d", "3m": the end of the period that runs, of those that follow each other without a gap: weeks begin on Monday, months with the year. Their
 * number counts them from 1970. */
static bool end_of_period(const char *limit, int64_t now_us, struct making *making)
{
	enum { THURSDAY = 3 }; /* 1 January 1970 was one */
	char unit = '\0';
	long count = 0;

	if (sscanf(limit, "%4ld%c", &count, &unit) != 2 || count < 1 || (unit != 'd' && unit != 'm'))
		return false;
	if (unit == 'd') {
		int64_t shift = count == 7 ? THURSDAY : 0;

		making->year = (day_of(now_us) + shift) / count;
		making->due_us = day_begin_us((making->year + 1) * count - shift) - 1;
	} else {
		making->year = (incident_year(now_us) * 12 + incident_month(now_us) - 1970 * 12) / count;
		making->due_us = day_months_later(day_begin_us(0), (making->year + 1) * count) - 1;
	}
	return true;
}

/* The first end of this row of the clock that lies ahead; false: the row is not in force then. */
static bool next_of(const char *const *clock, int64_t now_us, struct making *making)
{
	const char *limit = clock[CLOCK_LIMIT];

	making->law_from = clock[CLOCK_FROM];
	making->year = incident_year(now_us);
	if (!end_of_period(limit, now_us, making)) {
		if (incident_due_yearly(limit, (int)making->year, &making->due_us))
			return false;
		if (making->due_us < now_us && incident_due_yearly(limit, (int)++making->year, &making->due_us))
			return false;
	}
	return day_in_force(clock[CLOCK_FROM], clock[CLOCK_UNTIL], making->due_us);
}

static int make_all(struct making *making)
{
	int error;

	do
		error = db_atomically(making->call->db, make, making);
	while (!error && making->found->count == SLICE);
	return error;
}

/* Those that were made when the law said another day move to the one that it says now. */
static int row_moved(void *context, const struct db_value *columns, size_t column_count)
{
	struct found *found = context;

	found->duties[found->count++].id = (uint32_t)columns[0].integer;
	return 0;
}

static int move(void *context)
{
	struct making *making = context;
	int error;

	making->found->count = 0;
	error = db_each(making->call->db,
		"select id from incident_duty where incident = 0 and clock = ?1 and number = ?2 and state = 0 and"
		" (due_us <> ?3 or law_from <> ?4) order by id limit 200",
		DB_ARGS(db_str(making->clock), db_i64(making->year), db_i64(making->due_us), db_str(making->law_from)),
		row_moved, making->found);
	for (size_t i = 0; i < making->found->count && !error; i++)
		error = duty_move(making->call, making->found->duties[i].id, making->due_us, making->law_from);
	return error;
}

static int make_and_move(struct making *making)
{
	int error = make_all(making);

	if (error)
		return error;
	do
		error = db_atomically(making->call->db, move, making);
	while (!error && making->found->count == SLICE);
	return error;
}

/* The row goes as a whole, so that the deadline comes back with what it belongs to; those that a former version of the program marked as void
 * instead go too. */
static int take_away(void *context)
{
	const struct incident_call *call = context;
	uint64_t count = 0;
	int error = db_run(call->db,
		"delete from incident_duty where incident = 0 and (state = 2 or state = 0 and"
		" ((system <> 0 and not exists (select 1 from system s where s.id = incident_duty.system)) or"
		" not exists (select 1 from tenant t where t.id = incident_duty.tenant) or"
		" (clock like 'tr-%' and not exists (select 1 from incident_form f where f.system = "
		"incident_duty.system and"
		" 'tr-' || f.transition = clock))))",
		DB_NO_ARGS, &count);

	if (error || !count)
		return error;
	return audit_append(call->db, call->origin,
		&(struct audit_record){ .action = "deadline.remove",
			.subject = "deadlines",
			.fields = (const struct audit_field[]){ { "count", db_i64((int64_t)count) } },
			.field_count = 1 });
}

/* A later row of the clock says when the same report falls due: two may be in force on their own days of one year. */
static bool is_superseded(const struct law_table *clocks, size_t row, int64_t now_us, const struct making *making)
{
	struct making other = *making;

	for (size_t i = 0; i < clocks->row_count; i++)
		if (i != row && strcmp(clocks->rows[i][CLOCK_ID], making->clock) == 0 &&
			next_of(clocks->rows[i], now_us, &other) && other.year == making->year &&
			strcmp(other.law_from, making->law_from) > 0)
			return true;
	return false;
}

/* Every row of the clock is one time of its validity. */
static int make_clock(struct making *making, const struct whom *whom, int64_t now_us)
{
	const struct law_table *clocks = &making->call->law->tables[LAW_CLOCKS];
	int error = 0;

	making->sql = whom->sql;
	making->clock = whom->clock;
	for (size_t i = 0; i < clocks->row_count && !error; i++)
		if (strcmp(clocks->rows[i][CLOCK_ID], whom->clock) == 0 && next_of(clocks->rows[i], now_us, making) &&
			!is_superseded(clocks, i, now_us, making))
			error = make_and_move(making);
	return error;
}

int duty_yearly(const struct incident_call *call, int64_t now_us, uint32_t *ret_count)
{
	struct making making = { .call = call, .found = malloc(sizeof(*making.found)), .word = "" };
	const struct law_table *cases = call->law ? &call->law->tables[LAW_TRANSITION] : NULL;
	int error = making.found ? db_atomically(call->db, take_away, (void *)(uintptr_t)call) : LUYTRE_E_NOMEM;

	if (!error)
		error = incident_levels(call);
	for (size_t i = 0; call->law && i < ARRAY_COUNT(whoms) && !error; i++)
		error = make_clock(&making, &whoms[i], now_us);
	making.sql = transition;
	making.year = 0;
	making.law_from = "";
	for (size_t i = 0; cases && i < cases->row_count && !error; i++) {
		char clock[INCIDENT_CLOCK_SIZE];

		snprintf(clock, sizeof(clock), "tr-%s", cases->rows[i][CASE_ID]);
		making.clock = clock;
		making.word = cases->rows[i][CASE_ID];
		error = incident_due_day(cases->rows[i][CASE_DUE], &making.due_us);
		if (!error)
			error = make_and_move(&making);
	}
	*ret_count = making.count;
	free(making.found);
	return error;
}
