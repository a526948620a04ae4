// SPDX-License-Identifier: Apache-2.0
/* The tables; incidents themselves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "hub/assess/day.h"
#include "hub/incident/internal.h"

static const struct db_migration migrations[] = {
	{ "create table incident (id integer primary key, revision integer not null, tenant integer not null,"
	  " system integer not null, created_us integer not null, created_by text not null, closed_us integer not null,"
	  " title text not null, kind integer not null, traits integer not null, found_us integer not null,"
	  " judged integer not null, owner text not null, contact text not null, links text not null"
#define X(name, ...) ", " #name " text not null"
		INCIDENT_TEXTS(X)
#undef X
			");"
			"create index incident_tenant on incident (tenant, closed_us);"
			"create table incident_duty (id integer primary key, revision integer not null, incident "
			"integer not null,"
			" tenant integer not null, system integer not null, clock text not null, stage integer not "
			"null,"
			" number integer not null, start_us integer not null, due_us integer not null, done_us integer "
			"not null,"
			" escalated_us integer not null, state integer not null, reminded integer not null, next_us "
			"integer not null,"
			" owner text not null, done_by text not null, note text not null);"
			"create unique index incident_duty_once on incident_duty (incident, tenant, system, clock, "
			"stage, number);"
			"create index incident_duty_due on incident_duty (due_us, id);"
			"create index incident_duty_next on incident_duty (state, next_us);"
			"create table incident_form (system integer primary key, tenant integer not null, revision "
			"integer not null,"
			" level integer not null, approval integer not null, decision_level text not null,"
			" decision_rules text not null, approval_day integer not null, plan integer not null,"
			" plan_day integer not null, inspected integer not null, important integer not null,"
			" transition text not null, updated_us integer not null);" },
	/* Of a draft the level followed the register only until something else was written: it does so again where nobody changed it. */
	{ "alter table incident add column level integer not null default 0;"
	  "alter table incident add column system_name text not null default '';"
	  "update incident set level = coalesce((select s.level from system s where s.id = incident.system), 0),"
	  " system_name = coalesce((select s.name from system s where s.id = incident.system), '');"
	  "alter table incident_duty add column law_from text not null default '';"
	  "update incident_form set level = 0 where approval = 0 and level ="
	  " (select s.level from system s where s.id = incident_form.system);" },
};

int incident_setup(struct db *db)
{
	return db_migrate(db, "incident", migrations, ARRAY_COUNT(migrations));
}

#define X(id, word, en, vi) { word, en, vi },
const struct incident_word incident_kinds[INCIDENT_KIND_COUNT] = { INCIDENT_KINDS(X) };
const struct incident_word incident_traits[INCIDENT_TRAIT_COUNT] = { INCIDENT_TRAITS(X) };
const struct incident_word duty_stages[DUTY_STAGE_COUNT] = { DUTY_STAGES(X) };
const struct incident_word duty_states[DUTY_STATE_COUNT] = { DUTY_STATES(X) };
#undef X

/* ---- Serious? ---- */

/* The traits of "interrupted secrets"; '*ret_all' false: one of the words is none. */
static uint32_t traits_of(const char *words, bool *ret_all)
{
	struct bytes rest = bytes_from_str(words ? words : "");
	uint32_t traits = 0;

	*ret_all = true;
	while (!bytes_empty(rest)) {
		size_t size = bytes_index(rest, ' ');
		uint32_t found = 0;

		for (size_t i = 0; i < INCIDENT_TRAIT_COUNT; i++)
			if (bytes_equal_str(bytes_first(rest, size), incident_traits[i].word))
				found = 1U << i;
		*ret_all = *ret_all && found;
		traits |= found;
		rest = bytes_skip(rest, size + 1);
	}
	return traits;
}

int incident_law_check(const struct law *law, char *why)
{
	const struct law_table *rules = &law->tables[LAW_SERIOUS];
	bool any, all;

	for (size_t i = 0; i < rules->row_count; i++) {
		const char *const *row = rules->rows[i];

		if (traits_of(row[SERIOUS_ANY], &any) && any && (traits_of(row[SERIOUS_ALL], &all) || all) && all)
			continue;
		snprintf(why, LAW_WHY_SIZE, "serious.tsv: \"%.30s\" names something that is no trait of an incident",
			row[SERIOUS_ID]);
		return LUYTRE_E_SYNTAX;
	}
	return 0;
}

const char *const *incident_rule_of(const struct law *law, int64_t found_us, uint32_t level, uint32_t traits)
{
	const struct law_table *rules = law ? &law->tables[LAW_SERIOUS] : NULL;
	bool known;

	for (size_t i = 0; rules && i < rules->row_count; i++) {
		const char *const *row = rules->rows[i];
		uint32_t all = traits_of(row[SERIOUS_ALL], &known);

		if (known && day_in_force(row[SERIOUS_FROM], row[SERIOUS_UNTIL], found_us) &&
			(level >= (uint32_t)strtoul(row[SERIOUS_LEVEL], NULL, 10) || traits & INCIDENT_IS_IMPORTANT) &&
			traits & traits_of(row[SERIOUS_ANY], &known) && (traits & all) == all)
			return row;
	}
	return NULL;
}

/* ---- Reading ---- */

#define SELECT                                                                                                         \
	"select i.id, i.revision, i.tenant, i.system, i.created_us, i.created_by, i.closed_us, i.title, i.kind,"       \
	" i.traits, i.found_us, i.judged, i.owner, i.contact, i.links, coalesce(s.level, 0), i.signs, i.impact,"       \
	" i.cause, i.provider, i.measures, i.support, i.results, i.proposals, i.people, i.level,"                      \
	" coalesce(s.name, i.system_name) from incident i left join "                                                  \
	"system s on s.id = i.system"

struct reading {
	const struct law *law;
	struct incident *ret;
};

static void read_row(const struct db_value *columns, const struct law *law, struct incident *ret)
{
	const char *const *rule;
	size_t at = 16;

	ret->id = (uint32_t)columns[0].integer;
	ret->revision = columns[1].integer;
	ret->tenant = (uint32_t)columns[2].integer;
	ret->system = (uint32_t)columns[3].integer;
	ret->created_us = columns[4].integer;
	db_copy_text(&columns[5], ret->created_by, sizeof(ret->created_by));
	ret->closed_us = columns[6].integer;
	db_copy_text(&columns[7], ret->title, sizeof(ret->title));
	ret->kind = (enum incident_kind)columns[8].integer;
	ret->traits = (uint32_t)columns[9].integer;
	ret->found_us = columns[10].integer;
	ret->judged = (enum incident_judged)columns[11].integer;
	db_copy_text(&columns[12], ret->owner, sizeof(ret->owner));
	db_copy_text(&columns[13], ret->contact, sizeof(ret->contact));
	db_copy_text(&columns[14], ret->links, sizeof(ret->links));
	ret->register_level = (uint32_t)columns[15].integer;
#define X(name, ...) db_copy_text(&columns[at++], ret->name, sizeof(ret->name));
	INCIDENT_TEXTS(X)
#undef X
	ret->level = (uint32_t)columns[at].integer;
	if (ret->level < ret->register_level)
		ret->level = ret->register_level;
	db_copy_text(&columns[at + 1], ret->system_name, sizeof(ret->system_name));
	rule = incident_rule_of(law, ret->found_us, ret->level, ret->traits);
	ret->serious = ret->judged == INCIDENT_SERIOUS || (ret->judged == INCIDENT_BY_RULE && rule);
	ret->rule = ret->judged == INCIDENT_BY_RULE && rule ? rule[SERIOUS_SOURCE] : NULL;
}

static int row_get(void *context, const struct db_value *columns, size_t column_count)
{
	const struct reading *reading = context;

	read_row(columns, reading->law, reading->ret);
	return 0;
}

int incident_get(const struct incident_call *call, uint32_t id, struct incident *ret)
{
	struct reading reading = { call->law, ret };
	int error;

	if (!call->scope)
		return LUYTRE_E_INVALID;
	ret->id = 0;
	error = db_each(call->db, SELECT " where i.id = ?1", DB_ARGS(db_i64(id)), row_get, &reading);
	if (error)
		return error;
	return ret->id && ret->id == id && scope_has(call->scope, ret->tenant) ? 0 : LUYTRE_E_NOT_FOUND;
}

struct ids {
	uint32_t *ids; /* owned */
	size_t count;
	const struct scope *scope;
};

static int row_id(void *context, const struct db_value *columns, size_t column_count)
{
	struct ids *ids = context;

	if (scope_has(ids->scope, (uint32_t)columns[1].integer))
		ids->ids[ids->count++] = (uint32_t)columns[0].integer;
	return 0;
}

/* Ids first: rows are long, and 'fn' may use the handle. */
int incident_each(
	const struct incident_call *call, int open, uint32_t before, uint32_t limit, incident_fn fn, void *context)
{
	enum { SLICE = 1000 };
	struct ids ids = { .ids = calloc(SLICE, sizeof(*ids.ids)), .scope = call->scope };
	struct incident *incident = malloc(sizeof(*incident));
	int64_t from = before ? before : INT64_MAX;
	int error = !call->scope ? LUYTRE_E_INVALID : ids.ids && incident ? 0 : LUYTRE_E_NOMEM;

	while (!error && limit > 0) {
		int64_t last = 0;

		error = db_integer(call->db,
			"select min(id) from (select id from incident where id < ?1 and (?2 < 0 or (closed_us = 0) = "
			"(?2 = 1))"
			" order by id desc limit 1000) page",
			DB_ARGS(db_i64(from), db_i64(open)), &last);
		if (error == LUYTRE_E_NOT_FOUND) {
			error = 0;
			break;
		}
		ids.count = 0;
		if (!error)
			error = db_each(call->db,
				"select id, tenant from incident where id < ?1 and id >= ?2 and"
				" (?3 < 0 or (closed_us = 0) = (?3 = 1)) order by id desc",
				DB_ARGS(db_i64(from), db_i64(last), db_i64(open)), row_id, &ids);
		for (size_t i = 0; i < ids.count && !error && limit > 0; i++, limit--) {
			error = incident_get(call, ids.ids[i], incident);
			if (!error)
				error = fn(context, incident);
		}
		from = last;
	}
	free(incident);
	free(ids.ids);
	return error;
}

/* ---- Changes ---- */

struct change {
	const struct incident_call *call;
	const struct incident *old; /* as it is; null: it is new */
	struct incident *incident; /* as it is to be */
	int64_t revision; /* that it is a change of; 0: it is new */
	const char *action;
};

static int note(const struct change *change)
{
	const struct incident *incident = change->incident;
	const struct audit_field fields[] = { { "title", db_str(incident->title) },
		{ "kind", db_str(incident_kinds[incident->kind].word) }, { "system", db_i64(incident->system) },
		{ "found_us", db_i64(incident->found_us) }, { "traits", db_i64(incident->traits) },
		{ "level", db_i64(incident->level) }, { "register_level", db_i64(incident->register_level) },
		{ "judged", db_i64(incident->judged) }, { "serious", db_i64(incident->serious) },
		{ "owner", db_str(incident->owner) } };
	char subject[32];

	snprintf(subject, sizeof(subject), "incident:%u", incident->id);
	return audit_append(change->call->db, change->call->origin,
		&(struct audit_record){ .action = change->action,
			.subject = subject,
			.tenant = incident->tenant,
			.fields = fields,
			.field_count = ARRAY_COUNT(fields) });
}

/* Whether the organisation and its system are there, in the scope, and which level counts. What it was registered for may have left the
 * register since: it goes on with the level that it had. */
static int check_place(const struct change *change)
{
	const struct tenants_call call = { .db = change->call->db, .scope = change->call->scope };
	const struct incident *old = change->old;
	struct incident *incident = change->incident;
	bool same = old && old->system == incident->system;
	struct tenant_system system;
	struct tenant tenant;
	int error = old ? 0 : tenant_get(&call, incident->tenant, &tenant);

	incident->level = same ? old->level : 0;
	snprintf(incident->system_name, sizeof(incident->system_name), "%s", same ? old->system_name : "");
	if (!error && incident->system && !same) {
		error = tenant_system_get(&call, incident->system, &system);
		if (!error && system.tenant != incident->tenant)
			error = LUYTRE_E_NOT_FOUND;
		if (!error) {
			incident->level = system.level;
			memcpy(incident->system_name, system.name, sizeof(incident->system_name));
		}
	}
	if (!error && incident->found_us > change->call->origin->now_us)
		error = LUYTRE_E_RANGE;
	return error;
}

#define X(name, ...) , db_str(in->name)
static int insert(const struct change *change)
{
	const struct incident *in = change->incident;

	return db_run(change->call->db,
		"insert into incident (id, revision, tenant, system, created_us, created_by, closed_us, title, kind, "
		"traits,"
		" found_us, judged, owner, contact, links, signs, impact, cause, provider, measures, support, results,"
		" proposals, people, level, system_name) values (?1, 1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8, ?9, ?10, ?11,"
		" ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)",
		DB_ARGS(db_i64(in->id), db_i64(in->tenant), db_i64(in->system), db_i64(in->created_us),
			db_str(in->created_by), db_str(in->title), db_i64(in->kind), db_i64(in->traits),
			db_i64(in->found_us), db_i64(in->judged), db_str(in->owner), db_str(in->contact),
			db_str(in->links) INCIDENT_TEXTS(X), db_i64(in->level), db_str(in->system_name)),
		NULL);
}

static int update(const struct change *change)
{
	const struct incident *in = change->incident;
	uint64_t changes;
	int error = db_run(change->call->db,
		"update incident set revision = revision + 1, system = ?3, closed_us = ?4, title = ?5, kind = ?6,"
		" traits = ?7, found_us = ?8, judged = ?9, owner = ?10, contact = ?11, links = ?12, signs = ?13,"
		" impact = ?14, cause = ?15, provider = ?16, measures = ?17, support = ?18, results = ?19,"
		" proposals = ?20, people = ?21, level = ?22, system_name = ?23 where id = ?1 and revision = ?2 and "
		"closed_us = 0",
		DB_ARGS(db_i64(in->id), db_i64(change->revision), db_i64(in->system), db_i64(in->closed_us),
			db_str(in->title), db_i64(in->kind), db_i64(in->traits), db_i64(in->found_us),
			db_i64(in->judged), db_str(in->owner), db_str(in->contact), db_str(in->links) INCIDENT_TEXTS(X),
			db_i64(in->level), db_str(in->system_name)),
		&changes);

	return error ? error : changes ? 0 : LUYTRE_E_CONFLICT;
}
#undef X

static int store(void *context)
{
	struct change *change = context;
	const struct incident_call *call = change->call;
	struct incident *incident = change->incident;
	int64_t id = 0, open = 0;
	int error = check_place(change);

	if (!error && !change->revision) {
		error = db_integer(call->db, "select count(*) from incident where tenant = ?1 and closed_us = 0",
			DB_ARGS(db_i64(incident->tenant)), &open);
		if (!error && open >= INCIDENT_OPEN_MAX)
			error = LUYTRE_E_FULL;
		if (!error)
			error = db_next_id(call->db, "incident", &id);
		incident->id = (uint32_t)id;
		if (!error)
			error = insert(change);
	} else if (!error) {
		error = update(change);
	}
	if (!error)
		error = incident_get(call, incident->id, incident);
	if (!error)
		error = note(change);
	if (!error)
		error = duty_sync(call, incident);
	return error;
}

static int save(struct change *change, const struct incident *in, struct incident *ret)
{
	struct incident *copy = malloc(sizeof(*copy));
	int error;

	if (!copy)
		return LUYTRE_E_NOMEM;
	if (!change->call->scope) {
		free(copy);
		return LUYTRE_E_INVALID;
	}
	*copy = *in;
	change->incident = copy;
	if (!change->revision) {
		copy->created_us = change->call->origin->now_us;
		snprintf(copy->created_by, sizeof(copy->created_by), "%s", change->call->name);
	}
	error = db_atomically(change->call->db, store, change);
	if (!error)
		*ret = *copy;
	free(copy);
	return error;
}

int incident_create(const struct incident_call *call, const struct incident *in, struct incident *ret)
{
	struct change change = { .call = call, .action = "incident.create" };

	return save(&change, in, ret);
}

struct wanted {
	const char *action;
	uint32_t id;
	int64_t revision;
	const struct incident *in; /* null: it ends, and stays as it is */
};

/* Another organisation does not get it: that stays as it was. */
static int change_of(const struct incident_call *call, const struct wanted *wanted, struct incident *ret)
{
	struct change change = { .call = call, .action = wanted->action, .revision = wanted->revision };
	struct incident *old = malloc(2 * sizeof(*old)), *next = old ? &old[1] : NULL;
	int error = old ? incident_get(call, wanted->id, old) : LUYTRE_E_NOMEM;

	if (!error && (old->closed_us || old->revision != wanted->revision ||
			      (wanted->in && old->tenant != wanted->in->tenant)))
		error = LUYTRE_E_CONFLICT;
	if (!error) {
		change.old = old;
		*next = wanted->in ? *wanted->in : *old;
		next->closed_us = wanted->in ? 0 : call->origin->now_us;
		error = save(&change, next, ret);
	}
	free(old);
	return error;
}

int incident_update(const struct incident_call *call, const struct incident *in, struct incident *ret)
{
	return change_of(call, &(struct wanted){ "incident.update", in->id, in->revision, in }, ret);
}

int incident_close(const struct incident_call *call, uint32_t id, int64_t revision, struct incident *ret)
{
	return change_of(call, &(struct wanted){ "incident.close", id, revision, NULL }, ret);
}

/* ---- Levels that rose ---- */

enum { RISEN_MAX = 100 };

struct risen {
	uint32_t ids[RISEN_MAX];
	size_t count;
};

static int row_risen(void *context, const struct db_value *columns, size_t column_count)
{
	struct risen *risen = context;

	risen->ids[risen->count++] = (uint32_t)columns[0].integer;
	return 0;
}

int incident_levels(const struct incident_call *call)
{
	struct incident *incident = malloc(sizeof(*incident));
	struct risen risen = { .count = 0 };
	int error = incident ? 0 : LUYTRE_E_NOMEM;

	if (!error)
		error = db_each(call->db,
			"select i.id from incident i join system s on s.id = i.system where i.closed_us = 0 and"
			" s.level > i.level order by i.id limit 100",
			DB_NO_ARGS, row_risen, &risen);
	for (size_t i = 0; i < risen.count && !error; i++) {
		error = incident_get(call, risen.ids[i], incident);
		if (!error)
			error = change_of(call,
				&(struct wanted){ "incident.level", incident->id, incident->revision, incident },
				incident);
		if (error == LUYTRE_E_CONFLICT) /* somebody changed it meanwhile, and took the level along */
			error = 0;
		/* One that the clock has left in the future, or that is gone, keeps nobody else from what is due. */
		if (error == LUYTRE_E_RANGE || error == LUYTRE_E_INVALID || error == LUYTRE_E_NOT_FOUND) {
			log_warn("incident %u keeps its level for now: %s", risen.ids[i],
				error_text(error, LUYTRE_LANG_EN));
			error = 0;
		}
	}
	free(incident);
	return error;
}
