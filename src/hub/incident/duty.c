// SPDX-License-Identifier: Apache-2.0
/* Deadlines: which ones an incident has, who has done them, who is reminded. */
#include <stdio.h>
#include <string.h>

#include "hub/incident/internal.h"
#include "hub/incident/moment.h"

#define NEVER INT64_MAX

enum { SOON_HOURS = 2, PATIENCE_HOURS = 1 };

const char *const duty_news_words[DUTY_NEWS_COUNT] = { "half", "soon", "overdue" };

/* ---- The law's words ---- */

struct duty_words duty_words(const struct law *law, const char *clock, const char *law_from)
{
	const struct law_table *clocks = law ? &law->tables[LAW_CLOCKS] : NULL;
	const struct law_table *cases = law ? &law->tables[LAW_TRANSITION] : NULL;
	const char *const *row = NULL;

	for (size_t i = 0; clocks && i < clocks->row_count; i++)
		if (strcmp(clocks->rows[i][CLOCK_ID], clock) == 0 && (!row || strcmp(row[CLOCK_FROM], law_from) != 0))
			row = clocks->rows[i];
	if (row)
		return (struct duty_words){ row[CLOCK_EN], row[CLOCK_VI], row[CLOCK_TO_EN] ? row[CLOCK_TO_EN] : "",
			row[CLOCK_TO_VI] ? row[CLOCK_TO_VI] : "", row[CLOCK_SOURCE] ? row[CLOCK_SOURCE] : "" };
	for (size_t i = 0; cases && strncmp(clock, "tr-", 3) == 0 && i < cases->row_count; i++)
		if (strcmp(cases->rows[i][CASE_ID], clock + 3) == 0)
			return (struct duty_words){ cases->rows[i][CASE_EN], cases->rows[i][CASE_VI], "", "",
				cases->rows[i][CASE_SOURCE] ? cases->rows[i][CASE_SOURCE] : "" };
	return (struct duty_words){ clock, clock, "", "", "" };
}

/* ---- Reading ---- */

#define SELECT                                                                                                         \
	"select d.id, d.revision, d.incident, d.tenant, d.system, d.clock, d.stage, d.number, d.start_us, d.due_us,"   \
	" d.done_us, d.escalated_us, d.state, d.owner, d.done_by, d.note, coalesce(i.title, s.name, ''),"              \
	" coalesce(t.name, ''), d.reminded, d.next_us, d.law_from from incident_duty d left join incident i on i.id "  \
	"= d.incident"                                                                                                 \
	" left join system s on s.id = d.system left join tenant t on t.id = d.tenant"

struct row {
	struct duty duty;
	int64_t reminded, next_us;
};

static void read_row(const struct db_value *columns, struct row *ret)
{
	ret->duty = (struct duty){ .id = (uint32_t)columns[0].integer,
		.revision = columns[1].integer,
		.incident = (uint32_t)columns[2].integer,
		.tenant = (uint32_t)columns[3].integer,
		.system = (uint32_t)columns[4].integer,
		.stage = (enum duty_stage)columns[6].integer,
		.number = (uint32_t)columns[7].integer,
		.start_us = columns[8].integer,
		.due_us = columns[9].integer,
		.done_us = columns[10].integer,
		.escalated_us = columns[11].integer,
		.state = (enum duty_state)columns[12].integer };
	db_copy_text(&columns[5], ret->duty.clock, sizeof(ret->duty.clock));
	db_copy_text(&columns[13], ret->duty.owner, sizeof(ret->duty.owner));
	db_copy_text(&columns[14], ret->duty.done_by, sizeof(ret->duty.done_by));
	db_copy_text(&columns[15], ret->duty.note, sizeof(ret->duty.note));
	db_copy_text(&columns[16], ret->duty.title, sizeof(ret->duty.title));
	db_copy_text(&columns[17], ret->duty.tenant_name, sizeof(ret->duty.tenant_name));
	ret->reminded = columns[18].integer;
	ret->next_us = columns[19].integer;
	db_copy_text(&columns[20], ret->duty.law_from, sizeof(ret->duty.law_from));
}

static int row_one(void *context, const struct db_value *columns, size_t column_count)
{
	read_row(columns, context);
	return 0;
}

static int get(const struct incident_call *call, uint32_t id, struct row *ret)
{
	int error;

	if (!call->scope)
		return LUYTRE_E_INVALID;
	ret->duty.id = 0;
	error = db_each(call->db, SELECT " where d.id = ?1", DB_ARGS(db_i64(id)), row_one, ret);
	if (error)
		return error;
	return ret->duty.id && ret->duty.id == id && scope_has(call->scope, ret->duty.tenant) ? 0 : LUYTRE_E_NOT_FOUND;
}

int duty_get(const struct incident_call *call, uint32_t id, struct duty *ret)
{
	struct row row;
	int error = get(call, id, &row);

	if (!error)
		*ret = row.duty;
	return error;
}

enum { SLICE = 1000 };

struct page {
	const struct incident_call *call;
	duty_fn fn;
	void *context;
	int64_t due_us;
	uint32_t id, left, seen;
};

static int row_page(void *context, const struct db_value *columns, size_t column_count)
{
	struct page *page = context;
	struct row row;

	read_row(columns, &row);
	page->seen++;
	page->due_us = row.duty.due_us;
	page->id = row.duty.id;
	if (!page->left || !scope_has(page->call->scope, row.duty.tenant))
		return 0;
	page->left--;
	return page->fn(page->context, &row.duty);
}

int duty_each(const struct incident_call *call, const struct duty_filter *filter, duty_fn fn, void *context)
{
	struct page page = { .call = call,
		.fn = fn,
		.context = context,
		.due_us = filter->after_id ? filter->after_due_us : -1,
		.id = filter->after_id,
		.left = filter->limit,
		.seen = SLICE };
	int error = call->scope ? 0 : LUYTRE_E_INVALID;

	while (!error && page.left > 0 && page.seen == SLICE) {
		page.seen = 0;
		error = db_each(call->db,
			SELECT " where (d.due_us > ?1 or (d.due_us = ?1 and d.id > ?2)) and (?3 = 0 or d.incident = ?3)"
			       " and (?4 = 0 or d.state = 0) and (?5 = 0 or d.escalated_us > 0)"
			       " and (?6 = 0 or d.due_us < ?6) and d.state <> 2 order by d.due_us, d.id limit 1000",
			DB_ARGS(db_i64(page.due_us), db_i64(page.id), db_i64(filter->incident), db_i64(filter->open),
				db_i64(filter->escalated), db_i64(filter->until_us)),
			row_page, &page);
	}
	return error;
}

/* ---- When somebody is to hear of it ---- */

static int64_t news_us(const struct duty *duty, enum duty_news news)
{
	int64_t whole_us = duty->due_us - duty->start_us;

	switch (news) {
	case DUTY_HALF:
		return whole_us > 0 ? duty->start_us + whole_us / 2 : NEVER;
	case DUTY_SOON:
		return whole_us > SOON_HOURS * INCIDENT_HOUR_US ? duty->due_us - SOON_HOURS * INCIDENT_HOUR_US : NEVER;
	case DUTY_OVERDUE:
	case DUTY_NEWS_COUNT:
		break;
	}
	return whole_us > 0 ? duty->due_us + 1 : duty->due_us + PATIENCE_HOURS * INCIDENT_HOUR_US;
}

/* The next of those that have not been told; NEVER: none. */
static int64_t next_us(const struct duty *duty, int64_t told)
{
	int64_t next = NEVER;

	if (duty->state != DUTY_OPEN)
		return NEVER;
	for (enum duty_news news = 0; news < DUTY_NEWS_COUNT; news++)
		if (!(told >> news & 1) && news_us(duty, news) < next)
			next = news_us(duty, news);
	return next;
}

/* ---- Making ---- */

static int note(const struct incident_call *call, const char *action, const struct duty *duty, uint32_t tenant)
{
	const struct audit_field fields[] = { { "clock", db_str(duty->clock) },
		{ "stage", db_str(duty_stages[duty->stage].word) }, { "number", db_i64(duty->number) },
		{ "incident", db_i64(duty->incident) }, { "tenant", db_i64(duty->tenant) },
		{ "system", db_i64(duty->system) }, { "due_us", db_i64(duty->due_us) },
		{ "law_from", db_str(duty->law_from) }, { "owner", db_str(duty->owner) },
		{ "note", db_str(duty->note) } };
	char subject[32];

	snprintf(subject, sizeof(subject), "deadline:%u", duty->id);
	return audit_append(call->db, call->origin,
		&(struct audit_record){ .action = action,
			.subject = subject,
			.tenant = tenant,
			.fields = fields,
			.field_count = ARRAY_COUNT(fields) });
}

int duty_begin(const struct incident_call *call, struct duty *duty)
{
	int64_t id = 0;
	int error = db_next_id(call->db, "incident_duty", &id);

	duty->id = (uint32_t)id;
	if (!error)
		error = db_run(call->db,
			"insert into incident_duty (id, revision, incident, tenant, system, clock, stage, number, "
			"start_us,"
			" due_us, done_us, escalated_us, state, reminded, next_us, owner, done_by, note, law_from)"
			" values (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, 0, 0, ?10, ?11, '', '', ?12)",
			DB_ARGS(db_i64(id), db_i64(duty->incident), db_i64(duty->tenant), db_i64(duty->system),
				db_str(duty->clock), db_i64(duty->stage), db_i64(duty->number), db_i64(duty->start_us),
				db_i64(duty->due_us), db_i64(next_us(duty, 0)), db_str(duty->owner),
				db_str(duty->law_from)),
			NULL);
	return error ? error : note(call, "deadline.begin", duty, duty->tenant);
}

/* Writes state, times and who of a row that is there. */
static int rewrite(const struct incident_call *call, const struct row *row)
{
	const struct duty *duty = &row->duty;
	uint64_t changes;
	int error = db_run(call->db,
		"update incident_duty set revision = revision + 1, system = ?3, start_us = ?4, due_us = ?5, done_us = "
		"?6,"
		" escalated_us = ?7, state = ?8, reminded = ?9, next_us = ?10, owner = ?11, done_by = ?12, note = ?13,"
		" law_from = ?14"
		" where id = ?1 and revision = ?2",
		DB_ARGS(db_i64(duty->id), db_i64(duty->revision), db_i64(duty->system), db_i64(duty->start_us),
			db_i64(duty->due_us), db_i64(duty->done_us), db_i64(duty->escalated_us), db_i64(duty->state),
			db_i64(row->reminded), db_i64(next_us(duty, row->reminded)), db_str(duty->owner),
			db_str(duty->done_by), db_str(duty->note), db_str(duty->law_from)),
		&changes);

	return error ? error : changes ? 0 : LUYTRE_E_CONFLICT;
}

/* ---- What an incident wants ---- */

/* Which clock runs for which incident. */
static const struct need {
	const char *clock;
	uint32_t traits; /* of which one is enough */
	bool always, serious;
	bool reports; /* with updates and an end of its own */
	bool end; /* with an end of its own */
} needs[] = {
	{ "inc-now", INCIDENT_IS_HARM | INCIDENT_IS_PROVIDER, false, false, false, false },
	{ "inc-24h", 0, false, true, false, false },
	{ "inc-72h", 0, true, false, true, true },
	{ "inc-beyond", INCIDENT_IS_BEYOND, false, false, false, false },
	{ "fix-24h", INCIDENT_IS_IMPORTANT, false, false, false, false },
	{ "coop-24h", INCIDENT_IS_DANGEROUS, false, false, false, false },
	{ "pd-72h", INCIDENT_IS_PERSONAL | INCIDENT_IS_SENSITIVE, false, false, false, false },
	{ "pd-subj-72h", INCIDENT_IS_SENSITIVE, false, false, false, false },
	{ "inc-5d", 0, true, false, false, true },
};

static bool is_needed(const struct need *need, const struct incident *incident)
{
	if (need->always || incident->traits & need->traits || (need->serious && incident->serious))
		return true;
	/* Serious disruption is reported at once too. */
	return incident->serious && incident->traits & INCIDENT_IS_INTERRUPTED && strcmp(need->clock, "inc-now") == 0;
}

/* The same obligation as a row, if there is one. */
static int find(const struct incident_call *call, const struct duty *duty, struct row *ret)
{
	ret->duty.id = 0;
	return db_each(call->db, SELECT " where d.incident = ?1 and d.clock = ?2 and d.stage = ?3 and d.number = ?4",
		DB_ARGS(db_i64(duty->incident), db_str(duty->clock), db_i64(duty->stage), db_i64(duty->number)),
		row_one, ret);
}

/* Makes it, moves it, takes it back. */
static int settle(const struct incident_call *call, struct duty *duty)
{
	struct row row;
	int error = find(call, duty, &row);

	if (error)
		return error;
	if (!row.duty.id)
		return duty_begin(call, duty);
	if (row.duty.state == DUTY_DONE)
		return 0;
	if (row.duty.state == DUTY_OPEN && row.duty.due_us == duty->due_us && row.duty.start_us == duty->start_us &&
		row.duty.system == duty->system && strcmp(row.duty.law_from, duty->law_from) == 0 &&
		(row.duty.owner[0] || !duty->owner[0]))
		return 0;
	if (row.duty.due_us != duty->due_us)
		row.reminded = 0;
	row.duty.state = DUTY_OPEN;
	row.duty.start_us = duty->start_us;
	row.duty.due_us = duty->due_us;
	row.duty.system = duty->system;
	memcpy(row.duty.law_from, duty->law_from, sizeof(row.duty.law_from));
	if (!row.duty.owner[0]) /* else it was given to somebody */
		memcpy(row.duty.owner, duty->owner, sizeof(row.duty.owner));
	error = rewrite(call, &row);
	return error ? error : note(call, "deadline.move", &row.duty, row.duty.tenant);
}

int duty_move(const struct incident_call *call, uint32_t id, int64_t due_us, const char *law_from)
{
	struct row row;
	int error = get(call, id, &row);

	if (error || row.duty.state != DUTY_OPEN)
		return error;
	if (row.duty.due_us != due_us)
		row.reminded = 0;
	row.duty.due_us = due_us;
	snprintf(row.duty.law_from, sizeof(row.duty.law_from), "%s", law_from);
	error = rewrite(call, &row);
	return error ? error : note(call, "deadline.move", &row.duty, row.duty.tenant);
}

/* Takes away what is open of the clock at this stage (DUTY_STAGE_COUNT: at any); what is done stays. */
static int drop(const struct incident_call *call, const struct incident *incident, const char *clock, int stage)
{
	struct row row;
	int error;

	do {
		row.duty.id = 0;
		error = db_each(call->db,
			SELECT " where d.incident = ?1 and d.clock = ?2 and d.state = 0 and (?3 = ?4 or d.stage = ?3)"
			       " order by d.id limit 1",
			DB_ARGS(db_i64(incident->id), db_str(clock), db_i64(stage), db_i64(DUTY_STAGE_COUNT)), row_one,
			&row);
		if (error || !row.duty.id)
			return error;
		row.duty.state = DUTY_VOID;
		error = rewrite(call, &row);
		if (!error)
			error = note(call, "deadline.void", &row.duty, row.duty.tenant);
	} while (!error);
	return error;
}

static int stage(const struct incident_call *call, const struct incident *incident, const char *const *clock,
	enum duty_stage stage, uint32_t number, int64_t start_us)
{
	struct duty duty = { .incident = incident->id,
		.tenant = incident->tenant,
		.system = incident->system,
		.stage = stage,
		.number = number,
		.start_us = start_us };
	int error = incident_due(clock[CLOCK_LIMIT], start_us, &duty.due_us);

	snprintf(duty.clock, sizeof(duty.clock), "%s", clock[CLOCK_ID]);
	snprintf(duty.law_from, sizeof(duty.law_from), "%s", clock[CLOCK_FROM]);
	snprintf(duty.owner, sizeof(duty.owner), "%s", incident->owner);
	return error ? error : settle(call, &duty);
}

/* The number of the update that is to be made next. One that nobody made stays, however late; after it is done, those before the present moment
 * are made up for by one. 0: the report before has not been made. */
static int next_update(const struct incident_call *call, const struct incident *incident, const char *clock,
	int64_t limit_us, uint32_t *ret)
{
	int64_t open = 0, done = 0, last = 0;
	int error = db_integer(call->db,
		"select coalesce(max(number), 0) from incident_duty where incident = ?1 and clock = ?2 and stage = 2"
		" and state = 0",
		DB_ARGS(db_i64(incident->id), db_str(clock)), &open);

	if (!error)
		error = db_integer(call->db,
			"select count(*) from incident_duty where incident = ?1 and clock = ?2"
			" and stage in (1, 2) and state = 1",
			DB_ARGS(db_i64(incident->id), db_str(clock)), &done);
	if (!error)
		error = db_integer(call->db,
			"select coalesce(max(number), 0) from incident_duty where incident = ?1 and clock = ?2"
			" and stage in (1, 2) and state = 1",
			DB_ARGS(db_i64(incident->id), db_str(clock)), &last);
	*ret = (uint32_t)(open ? open : done ? last + 1 : 0);
	if (!error && !open && done) {
		int64_t passed = (call->origin->now_us - incident->found_us) / limit_us;

		*ret = passed > *ret ? (uint32_t)passed : *ret;
	}
	return error;
}

static int updates(const struct incident_call *call, const struct incident *incident, const char *const *clock)
{
	uint32_t number = 0;
	int64_t due_us = 0;
	int error = incident_due(clock[CLOCK_LIMIT], incident->found_us, &due_us);
	int64_t limit_us = due_us - incident->found_us;

	if (error)
		return error;
	if (incident->closed_us || limit_us <= 0) /* "at once" comes once */
		return drop(call, incident, clock[CLOCK_ID], DUTY_UPDATE);
	error = next_update(call, incident, clock[CLOCK_ID], limit_us, &number);
	return error || !number
		       ? error
		       : stage(call, incident, clock, DUTY_UPDATE, number, incident->found_us + (number * limit_us));
}

/* The row of the law for this need, in force when the incident was found; null: it does not apply. */
static const char *const *clock_of(
	const struct incident_call *call, const struct incident *incident, const struct need *need)
{
	const char *const *clock =
		is_needed(need, incident) ? law_clock(call->law, need->clock, incident->found_us) : NULL;

	return clock && (strcmp(clock[CLOCK_KIND], "incident") == 0 || strcmp(clock[CLOCK_KIND], "breach") == 0) ? clock
														 : NULL;
}

int duty_sync(const struct incident_call *call, const struct incident *incident)
{
	int error = 0;

	for (size_t i = 0; call->law && i < ARRAY_COUNT(needs) && !error; i++) {
		const char *const *clock = clock_of(call, incident, &needs[i]);

		if (!clock) {
			error = drop(call, incident, needs[i].clock, DUTY_STAGE_COUNT);
			continue;
		}
		error = stage(
			call, incident, clock, needs[i].end ? DUTY_PRELIMINARY : DUTY_ONCE, 0, incident->found_us);
		if (!error && needs[i].reports)
			error = updates(call, incident, clock);
		if (!error && needs[i].end && incident->closed_us)
			error = stage(call, incident, clock, DUTY_CLOSING, 0, incident->closed_us);
	}
	return error;
}

/* ---- Done ---- */

struct doing {
	const struct incident_call *call;
	uint32_t id;
	int64_t revision;
	const struct duty_change *change;
	struct duty *ret;
};

/* The next report of its incident falls due. */
static int go_on(const struct incident_call *call, uint32_t id)
{
	static _Thread_local struct incident incident;
	int error = id ? incident_get(call, id, &incident) : 0;

	return error || !id ? error : duty_sync(call, &incident);
}

static int apply(void *context)
{
	struct doing *doing = context;
	const struct incident_call *call = doing->call;
	struct row row;
	int error = get(call, doing->id, &row);

	if (error)
		return error;
	if (row.duty.revision != doing->revision || row.duty.state != DUTY_OPEN)
		return LUYTRE_E_CONFLICT;
	if (doing->change->owner)
		snprintf(row.duty.owner, sizeof(row.duty.owner), "%s", doing->change->owner);
	if (doing->change->note)
		snprintf(row.duty.note, sizeof(row.duty.note), "%s", doing->change->note);
	if (doing->change->done) {
		row.duty.state = DUTY_DONE;
		row.duty.done_us = call->origin->now_us;
		snprintf(row.duty.done_by, sizeof(row.duty.done_by), "%s", call->name);
	}
	error = rewrite(call, &row);
	if (!error)
		error = note(
			call, doing->change->done ? "deadline.done" : "deadline.assign", &row.duty, row.duty.tenant);
	if (!error && doing->change->done)
		error = go_on(call, row.duty.incident);
	if (!error)
		error = duty_get(call, doing->id, doing->ret);
	return error;
}

int duty_change(const struct incident_call *call, uint32_t id, int64_t revision, const struct duty_change *change,
	struct duty *ret)
{
	struct doing doing = { call, id, revision, change, ret };

	return db_atomically(call->db, apply, &doing);
}

/* ---- Reminders ---- */

struct news {
	const struct incident_call *call;
	int64_t now_us;
	struct row rows[DUTY_TICK_MAX];
	enum duty_news news[DUTY_TICK_MAX];
	uint32_t count;
};

static int row_news(void *context, const struct db_value *columns, size_t column_count)
{
	struct news *news = context;

	read_row(columns, &news->rows[news->count++]);
	return 0;
}

static int64_t parent_of(struct db *db, uint32_t tenant)
{
	int64_t parent = 0;

	return db_integer(db, "select parent from tenant where id = ?1", DB_ARGS(db_i64(tenant)), &parent) ? 0 : parent;
}

/* The organisation, the one above, and the nation read of it in their logs. */
static int escalate(const struct incident_call *call, const struct duty *duty)
{
	uint32_t parent = (uint32_t)parent_of(call->db, duty->tenant);
	int error = note(call, "deadline.overdue", duty, duty->tenant);

	if (!error && parent)
		error = note(call, "deadline.escalate", duty, parent);
	if (!error)
		error = note(call, "deadline.escalate", duty, 0);
	return error;
}

/* What is newest counts: after a pause nobody is told of halves that are long past. */
static int tell(struct news *news, uint32_t at)
{
	struct row *row = &news->rows[at];
	int error;

	for (enum duty_news kind = 0; kind < DUTY_NEWS_COUNT; kind++)
		if (!(row->reminded >> kind & 1) && news_us(&row->duty, kind) <= news->now_us) {
			row->reminded |= INT64_C(1) << kind;
			news->news[at] = kind;
		}
	if (news->news[at] == DUTY_OVERDUE && !row->duty.escalated_us)
		row->duty.escalated_us = news->now_us;
	error = rewrite(news->call, row);
	if (!error && news->news[at] == DUTY_OVERDUE)
		error = escalate(news->call, &row->duty);
	else if (!error)
		error = note(news->call, "deadline.remind", &row->duty, row->duty.tenant);
	return error;
}

static int tick(void *context)
{
	struct news *news = context;
	int error = db_each(news->call->db,
		SELECT " where d.state = 0 and d.next_us <= ?1 order by d.next_us, d.id limit 64",
		DB_ARGS(db_i64(news->now_us)), row_news, news);

	for (uint32_t i = 0; i < news->count && !error; i++)
		error = tell(news, i);
	return error;
}

int incident_tick(const struct incident_call *call, int64_t now_us, duty_news_fn fn, void *context, uint32_t *ret_count)
{
	static _Thread_local struct news news;
	int64_t due = 0;
	int error = db_integer(call->db, "select 1 from incident_duty where state = 0 and next_us <= ?1 limit 1",
		DB_ARGS(db_i64(now_us)), &due);

	*ret_count = 0;
	if (error)
		return error == LUYTRE_E_NOT_FOUND ? 0 : error;
	news.call = call;
	news.now_us = now_us;
	news.count = 0;
	error = db_atomically(call->db, tick, &news);
	for (uint32_t i = 0; i < news.count && !error && fn; i++)
		fn(context, &news.rows[i].duty, news.news[i]);
	if (!error)
		*ret_count = news.count;
	return error;
}
